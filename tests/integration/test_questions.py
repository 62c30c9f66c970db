"""Questions (咨询): a learner asks about a course, an operator answers, good ones become questions of the course."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

import app as application
from chalicelib.errors import QuestionAnswered
from chalicelib.flows import answer_question, grant
from chalicelib.shop import audit, enrollment, message, question
from chalicelib.shop.catalog import OFFLINE, Course
from chalicelib.shop.message import Event, Message
from chalicelib.shop.message_texts import words
from chalicelib.shop.partition import list_partition
from chalicelib.shop.question import MAX_OPEN
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.proof import invariants
from tests.terminal import Operator


@pytest.fixture
def course(gateway_server: GatewayServer) -> Course:
    return builders.a_course()


@pytest.fixture
def learner(gateway_server: GatewayServer, course: Course) -> Client:
    """Somebody who may study the course."""
    client = Client(gateway_server.base_url, builders.a_user())
    assert client.user is not None
    builders.may_study(client.user, course)
    return client


def user_id(of: Client) -> int:
    assert of.user is not None
    return int(of.user.user_id)


def ask(by: Client, course: Course, text: str, section_id: int | None = None) -> Any:
    return by.post(f"/course/{course.course_id}/asked", {"text": text, "section_id": section_id})


def asked(by: Client, course: Course, query: str = "") -> list[Any]:
    return list(by.get(f"/course/{course.course_id}/asked{query}")["data"])


def told_of(by: Client) -> list[Message]:
    """The messages to a learner."""
    return cast(list[Message], list_partition(user_id(by), message.PREFIX))


def number(by: Client, course: Course, position: int = 0) -> str:
    return question.list_asked(user_id(by), course.key, 50, None).items[position].number


def test_a_question_is_asked_answered_and_published(
    operator: Operator, learner: Client, course: Course
) -> None:
    section = builders.a_section(course)
    told = ask(learner, course, "  <b>为什么</b>\r\n要缩进？ ", section.section_id)
    assert told["msg"] == "问题已提交，老师回复后会通知您"
    (waits,) = asked(learner, course)
    assert waits == told["data"]
    assert (waits["text"], waits["answer"]) == ("<b>为什么</b>\n要缩进？", None)
    assert (waits["section_id"], waits["section_name"]) == (section.section_id, section.name)

    its_number = number(learner, course)
    listed = operator.does("questions", "--limit", "500")
    assert f"{its_number}  " in listed
    assert f"about {course.key} {course.name}, section {section.section_id} {section.name}" in listed
    assert "    <b>为什么</b>\n    要缩进？" in listed
    assert operator.is_refused("publish-question", its_number).startswith("the question has no answer yet")
    operator.does(
        "answer-question", its_number, "--answer", "-", "--by", "lin", typing="因为块。\n见第二章。\n"
    )
    assert operator.is_refused("answer-question", its_number, "--answer", "x") == (
        "the question is answered already"
    )

    (answered,) = asked(learner, course)
    assert (answered["answer"], answered["answered_at"] is None) == ("因为块。\n见第二章。", False)
    assert its_number not in operator.does("questions", "--limit", "500")

    operator.does("publish-question", its_number, "--question", "为什么要缩进？", "--by", "lin")
    assert operator.is_refused("publish-question", its_number).startswith(
        "the question was published already"
    )
    application.app.forget_fresh()
    (faq,) = learner.get(f"/course/{course.course_id}/questions")["data"]
    assert (faq["question"], faq["answer"]) == ("为什么要缩进？", "因为块。\n见第二章。")
    assert learner.get(f"/coursedetail/{course.detail_id}?include=questions")["questions"] == [faq]
    assert [one.event for one in told_of(learner)] == [Event.QUESTION_ANSWERED]
    assert (
        words(Event.QUESTION_ANSWERED, told_of(learner)[0].facts).link == f"/course/{course.course_id}#asked"
    )
    acts = [
        (entry.who, entry.act)
        for entry in audit.list_entries(audit.month_of(builders.now()))
        if entry.subject == its_number
    ]
    assert acts == [("lin", "answer-question"), ("lin", "publish-question")]
    invariants.check([user_id(learner)], [], [], now=builders.now())


def test_only_who_may_study_the_course_now_may_ask(learner: Client, course: Course) -> None:
    other, offline = builders.a_course(), builders.a_course(status=OFFLINE)
    assert ask(learner, other, "为什么？") == {
        "code": 2201,
        "msg": "您还没有这门课程的学习权限",
        "data": None,
    }
    assert ask(learner, offline, "为什么？")["code"] == 1601
    assert ask(learner, course, "为什么？", 404404)["msg"] == "课程中没有这一小节，请刷新页面"
    assert asked(learner, course) == []


def test_an_answer_is_seen_after_the_time_to_study_has_ended(
    operator: Operator, learner: Client, course: Course
) -> None:
    ask(learner, course, "为什么？")
    operator.does("answer-question", number(learner, course), "--answer", "因为")
    (part,) = enrollment.list_slices(user_id(learner))
    assert learner.user is not None
    grant.withdraw_enrollment(learner.user, part.order_number, None, "test", "test", builders.now())
    assert ask(learner, course, "还有呢？")["code"] == 2201
    assert [one["answer"] for one in asked(learner, course)] == ["因为"]


def test_few_questions_of_a_course_wait_at_once_and_an_answer_makes_room(
    operator: Operator, learner: Client, course: Course
) -> None:
    for position in range(MAX_OPEN):
        assert ask(learner, course, f"问题{position}")["code"] == 1000
    full = ask(learner, course, "又一个问题")
    assert (full["code"], full["msg"]) == (
        2202,
        "您在这门课程中已有5个问题等待回复，请等老师回复后再提问",
    )
    other = builders.a_course()
    assert learner.user is not None
    builders.may_study(learner.user, other)
    assert ask(learner, other, "又一个问题")["code"] == 1000

    operator.does("answer-question", number(learner, course, 2), "--answer", "好")
    assert ask(learner, course, "又一个问题")["code"] == 1000
    assert ask(learner, course, "再一个问题")["code"] == 2202
    invariants.check([user_id(learner)], [], [], now=builders.now())


def test_the_list_has_pages_newest_first(learner: Client, course: Course) -> None:
    for text in ("一", "二", "三"):
        ask(learner, course, text)
    path = f"/course/{course.course_id}/asked?limit=2"
    first = learner.get(path)
    rest = learner.get(f"{path}&cursor={first['next']}")
    assert [one["text"] for page in (first, rest) for one in page["data"]] == ["三", "二", "一"]
    assert "next" not in rest


@pytest.mark.parametrize("text", ["", "  \n ", "\u202e", "x" * 1001, None, 1, ["x"], "\ud800"])
def test_what_is_no_question_is_refused(learner: Client, course: Course, text: object) -> None:
    told = learner.post(f"/course/{course.course_id}/asked", {"text": text})
    assert (told["code"], told["msg"]) == (5000, "请填写您的问题（1000字以内）")


def test_the_longest_question_is_taken(learner: Client, course: Course) -> None:
    assert ask(learner, course, "长" * 1000)["data"]["text"] == "长" * 1000


def test_the_same_question_twice_and_at_once_is_asked_once(learner: Client, course: Course) -> None:
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: ask(learner, course, "为什么？")["code"], range(8)))
    assert set(told) == {1000}
    assert len(asked(learner, course)) == 1


def test_many_questions_at_once_are_never_more_than_may_wait(learner: Client, course: Course) -> None:
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda n: ask(learner, course, f"问题{n}")["code"], range(8)))
    assert told.count(1000) == len(asked(learner, course)) <= MAX_OPEN
    assert set(told) <= {1000, 2202}
    invariants.check([user_id(learner)], [], [], now=builders.now())


def test_of_two_answers_at_once_one_is_given(learner: Client, course: Course) -> None:
    ask(learner, course, "为什么？")
    its_number = number(learner, course)

    def answer(text: str) -> str | None:
        try:
            answer_question.answer(its_number, text, "op", builders.now())
        except QuestionAnswered:
            return None
        return text

    with ThreadPoolExecutor(4) as threads:
        given = [text for text in threads.map(answer, ["一", "二", "三", "四"]) if text]
    assert [one["answer"] for one in asked(learner, course)] == given


@pytest.mark.parametrize(
    "wrong", ["x", "1-course-1-20261128T000000000000Z-00000000", "1-course-1-1-1", "0-course-1"]
)
def test_a_number_of_no_question_is_refused(operator: Operator, stores: object, wrong: str) -> None:
    told = f"there is no question with the number {wrong!r}"
    assert operator.is_refused("answer-question", wrong, "--answer", "x") == told
    assert operator.is_refused("publish-question", wrong) == told


def test_a_question_too_long_for_the_catalogue_is_published_in_fewer_words(
    operator: Operator, learner: Client, course: Course
) -> None:
    ask(learner, course, "长" * 256)
    its_number = number(learner, course)
    operator.does("answer-question", its_number, "--answer", "好")
    assert operator.is_refused("publish-question", its_number) == (
        "the question is longer than 255 characters: say it in fewer with --question"
    )
    operator.does("publish-question", its_number, "--question", "怎么学？", "--answer", "慢慢学")
    application.app.forget_fresh()
    (faq,) = learner.get(f"/course/{course.course_id}/questions")["data"]
    assert (faq["question"], faq["answer"]) == ("怎么学？", "慢慢学")
