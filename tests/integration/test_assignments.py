"""Assignments (作业): a learner hands in a text, replaces it until it is marked; the mark comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.errors import ShopError
from chalicelib.flows import do_assignment, grant
from chalicelib.shop import audit, catalog, enrollment, hand_in, message
from chalicelib.shop.catalog import Course, Section
from chalicelib.shop.message import Event
from chalicelib.shop.message_texts import words
from chalicelib.shop.partition import list_partition
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.proof import invariants
from tests.purchases import Clock
from tests.terminal import Operator

TASK = "写一个程序。\n把代码贴在这里。"


@pytest.fixture
def course(gateway_server: GatewayServer) -> Course:
    return builders.a_course()


@pytest.fixture
def section(course: Course) -> Section:
    return builders.a_section(course, task=TASK, until=builders.now() + timedelta(days=3))


class Learner:
    """Somebody who may study the course, at one of its sections."""

    def __init__(self, base_url: str, course: Course, section: Section) -> None:
        self.user = builders.a_user()
        self.client = Client(base_url, self.user)
        self.course, self.section_id = course, section.section_id
        self.path = f"/course/{course.course_id}/sections/{section.section_id}/assignment"
        builders.may_study(self.user, course)

    def put(self, text: object) -> Any:
        return self.client.put(self.path, {"text": text})

    def sees(self) -> Any:
        return self.client.get(self.path)

    @property
    def stored(self) -> hand_in.HandIn:
        found = hand_in.find_hand_in(self.user.user_id, self.course.key, self.section_id)
        assert found is not None
        return found

    def check(self) -> None:
        invariants.check([self.user.user_id], [], [], now=builders.now())


@pytest.fixture
def learner(gateway_server: GatewayServer, course: Course, section: Section) -> Learner:
    return Learner(gateway_server.base_url, course, section)


def test_a_text_is_handed_in_replaced_and_marked(operator: Operator, learner: Learner) -> None:
    empty = learner.sees()["data"]
    assert (empty["task"], empty["is_over"], empty["hand_in"]) == (TASK, False, None)
    assert empty["until"] is not None

    told = learner.put("print(1)  \n<script>alert(1)</script>")
    assert told["msg"] == "作业已提交"
    assert told["data"]["hand_in"]["text"] == "print(1)\n<script>alert(1)</script>"
    first = learner.stored.number
    assert learner.put("print(2)")["data"]["hand_in"]["text"] == "print(2)"
    assert learner.sees()["data"]["hand_in"]["mark"] is None

    listed = operator.does("hand-ins", "--limit", "500")
    second = learner.stored.number
    assert second in listed
    assert f"{first}  " not in listed
    assert f"{learner.user.username} for {learner.course.key}" in listed
    assert "    写一个程序。\n    把代码贴在这里。\n  handed in:\n    print(2)" in listed

    assert "look again" in operator.is_refused("mark-hand-in", first, "60", "--by", "lin")
    operator.does("mark-hand-in", second, "92", "--comment", "很好。\n再试试循环。", "--by", "lin")
    assert operator.is_refused("mark-hand-in", second, "10") == "it is marked already, and stays as it is"
    assert second not in operator.does("hand-ins", "--limit", "500")

    marked = learner.sees()["data"]["hand_in"]
    assert (marked["is_marked"], marked["mark"], marked["comment"]) == (True, 92, "很好。\n再试试循环。")
    assert learner.put("print(3)") == {"code": 2205, "msg": "作业已批改，不能再修改", "data": None}
    assert learner.put("print(2)")["data"]["hand_in"] == marked
    (told_of,) = list_partition(learner.user.user_id, message.PREFIX)
    assert isinstance(told_of, message.Message)
    link = f"/learn/{learner.course.course_id}/{learner.section_id}"
    assert (told_of.event, words(Event.ASSIGNMENT_MARKED, told_of.facts).link) == (
        Event.ASSIGNMENT_MARKED,
        link,
    )
    (entry,) = [
        entry for entry in audit.list_entries(audit.month_of(builders.now())) if entry.subject == second
    ]
    assert (entry.who, entry.act, entry.details) == ("lin", "mark-hand-in", "92")
    learner.check()


def test_the_same_text_once_more_changes_nothing(learner: Learner) -> None:
    first = learner.put("print(1)")
    assert learner.put(" print(1)\n") == first
    assert learner.stored.version == 1


def test_nothing_is_handed_in_after_the_time_is_over(
    gateway_server: GatewayServer, course: Course, clock: Clock
) -> None:
    ends = builders.now() + timedelta(hours=1)
    learner = Learner(gateway_server.base_url, course, builders.a_section(course, task=TASK, until=ends))
    assert learner.put("print(1)")["code"] == 1000
    clock.stand_at(ends - timedelta(seconds=1))
    assert learner.put("print(2)")["code"] == 1000
    clock.stand_at(ends)
    assert learner.put("print(3)") == {"code": 2204, "msg": "作业的提交时间已过", "data": None}
    assert learner.put("print(2)")["code"] == 1000
    shown = learner.sees()["data"]
    assert (shown["is_over"], shown["hand_in"]["text"]) == (True, "print(2)")


def test_who_may_not_study_sees_no_task_but_what_they_handed_in(
    gateway_server: GatewayServer, learner: Learner
) -> None:
    refused = {"code": 2201, "msg": "您还没有这门课程的学习权限", "data": None}
    stranger = Client(gateway_server.base_url, builders.a_user())
    assert stranger.get(learner.path) == stranger.put(learner.path, {"text": "x"}) == refused

    assert learner.put("print(1)")["code"] == 1000
    (part,) = enrollment.list_slices(learner.user.user_id)
    grant.withdraw_enrollment(learner.user, part.order_number, None, "test", "test", builders.now())
    assert learner.put("print(2)") == refused
    assert learner.sees()["data"]["hand_in"]["text"] == "print(1)"


def test_a_section_without_an_assignment_has_none(
    gateway_server: GatewayServer, course: Course, section: Section, learner: Learner
) -> None:
    none = {"code": 2203, "msg": "这一小节没有作业", "data": None}
    plain = Learner(gateway_server.base_url, course, builders.a_section(course, order=2))
    assert plain.sees() == plain.put("x") == none
    nowhere = f"/course/{course.course_id}/sections/404404/assignment"
    assert plain.client.get(nowhere) == plain.client.put(nowhere, {"text": "x"}) == none

    assert learner.put("print(1)")["code"] == 1000
    section.delete()
    application.app.forget_fresh()
    shown = learner.sees()["data"]
    assert (shown["task"], shown["is_over"], shown["hand_in"]["text"]) == (TASK, True, "print(1)")
    assert learner.put("print(2)") == none


def test_chapters_say_where_something_is_to_be_handed_in(learner: Learner) -> None:
    course = learner.course
    catalog.chapter_item(
        course.key,
        builders.new_id(),
        1,
        name="开始",
        summary="",
        pub_date="2026-01-01",
        detail_id=course.detail_id,
    ).save()
    builders.a_section(course, order=2)
    application.app.forget_fresh()
    (chapter,) = learner.client.get(f"/course/{course.course_id}/chapters")["data"]["chapters"]
    assert [one["has_assignment"] for one in chapter["sections"]] == [True, False]


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "x" * 10_001, None, 5, {"x": 1}])
def test_what_is_no_text_is_refused(learner: Learner, text: object) -> None:
    told = learner.put(text)
    assert (told["code"], told["msg"]) == (5000, "请填写作业内容（10000字以内）")


def test_the_longest_text_is_taken(learner: Learner) -> None:
    assert learner.put("长" * 10_000)["data"]["hand_in"]["text"] == "长" * 10_000


@pytest.mark.parametrize("wrong", ["-1", "101", "9.5", "x", "１"])
def test_a_mark_is_a_whole_number_of_a_hundred(operator: Operator, wrong: str) -> None:
    assert "0 to 100" in operator.is_misunderstood(
        "mark-hand-in", "1-course-1-1-1", "--comment=x", "--", wrong
    )


@pytest.mark.parametrize("wrong", ["x", "1-course-1-1-1", "1-course-1-1", "1-course-0-1-1"])
def test_a_number_of_nothing_is_refused(operator: Operator, stores: object, wrong: str) -> None:
    assert (
        operator.is_refused("mark-hand-in", wrong, "60") == f"nothing with the number {wrong!r} was handed in"
    )


def test_who_replaces_while_it_is_marked_is_marked_for_what_was_read_or_not_at_all(learner: Learner) -> None:
    """Whichever comes first: a mark is never given to a text that nobody read."""
    assert learner.put("text 0")["code"] == 1000

    def mark(number: str) -> bool:
        try:
            do_assignment.mark(number, 80, None, "op", builders.now())
        except ShopError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        for turn in range(1, 8):
            before = learner.stored
            puts = [threads.submit(learner.put, f"text {turn}.{n}") for n in range(2)]
            marked = threads.submit(mark, before.number).result()
            codes = [put.result()["code"] for put in puts]
            after = learner.stored
            assert after.is_marked() == marked
            if marked:
                assert (after.text, after.version, codes) == (before.text, before.version, [2205, 2205])
                break
            assert codes == [1000, 1000]
    learner.check()
