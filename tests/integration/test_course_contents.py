"""Chapters and questions over HTTP: who sees which links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import app
from chalicelib.shop import catalog, enrollment
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, ONLINE, Course
from chalicelib.shop.course_key import DEGREE_COURSE, CourseKey
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import CatalogItem
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.shapes import check, check_refusal

SECTION = {
    "id": int,
    "name": str,
    "order": int,
    "section_type": str,
    "player": str,
    "video_time": str,
    "free_trail": bool,
    "online": bool,
    "has_assignment": bool,
}
TRIAL, PAID, NEITHER = "video-trial", "video-paid", None


def a_full_course(**attributes: Any) -> Course:
    """A course of two chapters: one with a trial, a paid and a linkless section, one without sections."""
    course = builders.a_course(**attributes)
    key, detail_id = course.key, course.detail_id
    items: list[CatalogItem] = [
        catalog.chapter_item(
            key,
            builders.new_id(),
            number,
            name=f"第{number}章",
            summary=f"摘要{number}",
            pub_date="2024-01-01",
            detail_id=detail_id,
        )
        for number in (2, 1)
    ]
    for order, (link, free_trial) in enumerate(((TRIAL, True), (PAID, False), (NEITHER, True)), start=1):
        items.append(
            catalog.section_item(
                key,
                builders.new_id(),
                1,
                order,
                name=f"第{order}节",
                section_type="video",
                player="CC",
                section_link=link,
                video_time="12:30",
                free_trial=free_trial,
                detail_id=detail_id,
            )
        )
    for number in (2, 1):
        items.append(
            catalog.faq_item(
                key, number, question=f"问题{number}", answer=f"回答{number}", detail_id=detail_id
            )
        )
    with CatalogItem.batch_write() as batch:
        for item in items:
            batch.save(item)
    return course


def enroll(user: User, course: CourseKey, *, days: int, days_ago: float = 0) -> enrollment.EnrollmentSlice:
    """A paid line's days of study, counted from so many days ago."""
    slice_ = enrollment.slice_item(
        user.user_id,
        course,
        "课程",
        f"{builders.new_id()}",
        0,
        days,
        builders.now() - timedelta(days=days_ago),
    )
    slice_.save()
    return slice_


def links(answer: Any) -> list[str | None]:
    """The links of the first chapter's sections; None where there is no link at all."""
    return [section.get("section_link") for section in answer["data"]["chapters"][0]["sections"]]


@pytest.fixture(scope="module")
def course(gateway_server: GatewayServer) -> Course:
    return a_full_course()


@pytest.fixture
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


# Chapters


def test_chapters_stand_in_their_order_with_their_sections(visitor: Client, course: Course) -> None:
    answer = visitor.get(f"/course/{course.course_id}/chapters/")
    section_list = answer["data"]["chapters"][0].pop("sections")
    check(
        answer,
        {
            "code": 1000,
            "msg": "",
            "data": {
                "course_id": course.course_id,
                "course_type": "course",
                "course_name": course.name,
                "enrolled": False,
                "chapters": [dict],
            },
        },
    )
    first, second = answer["data"]["chapters"]
    check(first, {"id": int, "chapter": 1, "name": "第1章", "summary": "摘要1"})
    check(second, {"id": int, "chapter": 2, "name": "第2章", "summary": "摘要2", "sections": [SECTION]})
    assert second["sections"] == []
    assert [section["name"] for section in section_list] == ["第1节", "第2节", "第3节"]
    check(section_list[0], SECTION | {"section_link": TRIAL})
    check(section_list[1], SECTION)
    check(section_list[2], SECTION)


def test_a_visitor_has_the_links_of_trial_sections_only(visitor: Client, course: Course) -> None:
    answer = visitor.get(f"/course/{course.course_id}/chapters")
    assert links(answer) == [TRIAL, None, None]
    assert PAID not in str(answer)


def test_a_learner_who_is_not_enrolled_sees_what_a_visitor_sees(
    visitor: Client, learner: Client, course: Course
) -> None:
    path = f"/course/{course.course_id}/chapters"
    assert learner.get(path) == visitor.get(path)


def test_the_enrolled_have_every_link(learner: Client, course: Course) -> None:
    assert learner.user is not None
    enroll(learner.user, course.key, days=7)
    answer = learner.get(f"/course/{course.course_id}/chapters")
    assert answer["data"]["enrolled"] is True
    assert links(answer) == [TRIAL, PAID, None]


@pytest.mark.parametrize(
    ("days", "days_ago", "enrolled"),
    [(7, 6.99, True), (7, 7.01, False), (1, 400, False), (PERMANENT_DAYS, 4000, True), (7, -1, False)],
)
def test_links_are_there_while_the_enrollment_runs(
    learner: Client, course: Course, days: int, days_ago: float, enrolled: bool
) -> None:
    assert learner.user is not None
    enroll(learner.user, course.key, days=days, days_ago=days_ago)
    answer = learner.get(f"/course/{course.course_id}/chapters")
    assert answer["data"]["enrolled"] is enrolled
    assert (PAID in links(answer)) is enrolled


def test_access_that_was_taken_back_shows_no_links(learner: Client, course: Course) -> None:
    assert learner.user is not None
    given = enroll(learner.user, course.key, days=PERMANENT_DAYS, days_ago=1)
    path = f"/course/{course.course_id}/chapters"
    assert PAID in links(learner.get(path))
    given.update([enrollment.EnrollmentSlice.withdrawn_at.set(builders.now())])
    assert PAID not in links(learner.get(path))


def test_enrollment_in_another_course_or_of_somebody_else_opens_nothing(
    learner: Client, course: Course
) -> None:
    assert learner.user is not None
    enroll(learner.user, builders.a_course().key, days=30)
    enroll(learner.user, CourseKey(DEGREE_COURSE, course.course_id), days=30)
    enroll(learner.user, CourseKey("course", course.course_id * 10), days=30)
    enroll(builders.a_user(), course.key, days=30)
    assert links(learner.get(f"/course/{course.course_id}/chapters")) == [TRIAL, None, None]


def test_the_kept_answer_of_one_reader_shows_another_nothing_more(
    visitor: Client, learner: Client, course: Course
) -> None:
    assert learner.user is not None
    enroll(learner.user, course.key, days=7)
    path = f"/course/{course.course_id}/chapters"
    app.app.forget_fresh()
    assert [PAID in links(client.get(path)) for client in (learner, visitor, learner)] == [True, False, True]


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "Bearer"])
def test_a_token_that_does_not_hold_makes_a_visitor(visitor: Client, course: Course, token: str) -> None:
    path = f"/course/{course.course_id}/chapters"
    response = visitor.request("GET", path, headers={"Authorization": token})
    assert response.json() == visitor.get(path)


def end_all_sessions(user: User) -> None:
    user.update([User.generation.add(1)])


def disable(user: User) -> None:
    user.update([User.disabled.set(True)])


@pytest.mark.parametrize("change", [end_all_sessions, disable])
def test_the_enrolled_who_are_not_signed_in_any_more_see_what_a_visitor_sees(
    visitor: Client, learner: Client, course: Course, change: Callable[[User], None]
) -> None:
    """Their token is genuine still, and their enrollment runs."""
    assert learner.user is not None
    enroll(learner.user, course.key, days=7)
    path = f"/course/{course.course_id}/chapters"
    assert PAID in links(learner.get(path))
    change(learner.user)
    assert learner.get(path) == visitor.get(path)


def test_a_degree_course_is_asked_for_by_its_type(visitor: Client) -> None:
    degree = a_full_course(course_type=DEGREE_COURSE)
    path = f"/course/{degree.course_id}/chapters"
    check_refusal(visitor.get(path), 1601)
    answer = visitor.get(f"{path}?course_type=degree_course")
    assert (answer["data"]["course_type"], answer["data"]["course_name"]) == (DEGREE_COURSE, degree.name)
    check_refusal(visitor.get(f"{path}?course_type=coupon"), 1601)


def test_a_course_without_a_page_or_chapters_has_an_empty_list(visitor: Client) -> None:
    course = builders.a_course(with_detail=False)
    assert visitor.get(f"/course/{course.course_id}/chapters")["data"]["chapters"] == []
    assert visitor.get(f"/course/{course.course_id}/questions")["data"] == []


# Statuses


@pytest.mark.parametrize("status", [ONLINE, ANNOUNCED])
def test_a_course_on_show_shows_its_contents_to_everybody(visitor: Client, status: str) -> None:
    course = a_full_course(status=status)
    assert links(visitor.get(f"/course/{course.course_id}/chapters")) == [TRIAL, None, None]


def test_a_course_offline_shows_its_contents_to_its_owners_only(visitor: Client, learner: Client) -> None:
    assert learner.user is not None
    course = a_full_course(status=OFFLINE)
    path = f"/course/{course.course_id}/chapters"
    for client in (visitor, learner):
        check_refusal(client.get(path), 1601)
    ended = enroll(learner.user, course.key, days=7, days_ago=8)
    check_refusal(learner.get(path), 1601)
    ended.delete()
    enroll(learner.user, course.key, days=7)
    assert links(learner.get(path)) == [TRIAL, PAID, None]


@pytest.mark.parametrize("text", ["0", "x", "-1", "%D9%A1", "9" * 16, "course%231"])
@pytest.mark.parametrize("part", ["chapters", "questions"])
def test_an_unknown_course_is_1601(visitor: Client, text: str, part: str) -> None:
    response = visitor.request("GET", f"/course/{text}/{part}")
    assert response.status_code == 200
    check_refusal(response.json(), 1601)


# Questions


def test_questions_are_listed_by_id_with_their_answers(visitor: Client, course: Course) -> None:
    assert visitor.get(f"/course/{course.course_id}/questions/") == {
        "code": 1000,
        "msg": "",
        "data": [
            {"id": 1, "question": "问题1", "answer": "回答1"},
            {"id": 2, "question": "问题2", "answer": "回答2"},
        ],
    }


# Trouble


def test_contents_that_are_kept_are_shown_while_the_database_is_down_but_not_to_who_must_be_looked_up(
    faulty_app: FaultyApp, course: Course
) -> None:
    visitor, learner = Client(faulty_app.base_url), Client(faulty_app.base_url, builders.a_user())
    path = f"/course/{course.course_id}/chapters"
    warm = visitor.get(path)
    with faulty_app.dynamodb.down():
        assert visitor.get(path) == warm
        response = learner.request("GET", path)
    assert response.status_code == 503
    check_refusal(response.json(), 503)
