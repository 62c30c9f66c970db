"""The home page, teachers, and a course's page by the course, in a shop of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import app
from chalicelib.shop import catalog, on_show
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE
from tests import builders
from tests.addresses import ClientAt
from tests.conftest import Stores
from tests.faults.routing import FaultyApp
from tests.other_shop import OtherShop
from tests.shapes import check_refusal


@pytest.fixture
def empty_shop(stores: Stores, faulty_app: FaultyApp) -> Iterator[OtherShop]:
    """A shop with nothing in it, which this process's application serves."""
    shop = OtherShop(stores)
    with shop.in_use():
        app.app.forget_fresh()
        yield shop
    app.app.forget_fresh()


@pytest.fixture
def visitor() -> ClientAt:
    return ClientAt()


def taught_by(*teacher_ids: int) -> list[dict[str, Any]]:
    return [
        {"teacher_id": number, "name": f"老师{number}", "title": "讲师", "image": "", "brief": ""}
        for number in teacher_ids
    ]


def a_stored_teacher(teacher_id: int) -> None:
    catalog.teacher_item(
        teacher_id,
        name=f"老师{teacher_id}",
        role=catalog.LECTURER,
        title="讲师",
        signature="先想，再写。",
        image="images/teachers/one.svg",
        brief="十年经验",
    ).save()


def home(visitor: ClientAt) -> Any:
    app.app.forget_fresh()
    answer = visitor.get("/home")
    assert answer["code"] == 1000
    return answer["data"]


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


# Home


def test_the_home_page_of_an_empty_shop_is_empty(empty_shop: OtherShop, visitor: ClientAt) -> None:
    assert home(visitor) == {
        "categories": [],
        "featured": [],
        "newest": [],
        "free": [],
        "teachers": [],
        "coupons": [],
        "totals": {"courses": 0, "teachers": 0},
    }


def test_the_home_page_shows_what_the_school_offers(empty_shop: OtherShop, visitor: ClientAt) -> None:
    for number in (1, 2):
        catalog.category_item(number, f"分类{number}").save()
    a_stored_teacher(7)
    a_stored_teacher(8)
    paid = builders.a_course(
        order=1, category_id=1, pub_date="2026-01-01", teachers=taught_by(7, 8), featured=True
    )
    free = builders.a_course(
        prices=[0, 100], order=2, category_id=2, pub_date="2026-03-01", teachers=taught_by(8)
    )
    degree = builders.a_course(course_type=DEGREE_COURSE, category_id=1, pub_date="2026-02-01")
    soon = builders.a_course(order=3, status=ANNOUNCED, category_id=None, pub_date="2027-01-01", prices=[0])
    builders.a_course(status=OFFLINE, category_id=1, featured=True)
    shown = home(visitor)
    assert shown["categories"] == [
        {"id": 1, "name": "分类1", "courses": 2},
        {"id": 2, "name": "分类2", "courses": 1},
    ]
    assert ids(shown["featured"]) == [paid.course_id]
    newest = [free.course_id, degree.course_id, paid.course_id]
    assert ids(shown["newest"]) == newest, f"not {soon.course_id}, which is not out yet"
    assert ids(shown["free"]) == [free.course_id]
    assert [(row["teacher_id"], row["courses"]) for row in shown["teachers"]] == [("8", 2), ("7", 1)]
    assert shown["totals"] == {"courses": 4, "teachers": 2}
    assert shown["featured"][0] == visitor.get("/courses/search")["data"][0]


def test_where_nothing_is_featured_the_first_courses_are_shown(
    empty_shop: OtherShop, visitor: ClientAt
) -> None:
    made = [
        builders.a_course(order=order, with_detail=False, category_id=None).course_id for order in range(10)
    ]
    shown = home(visitor)
    assert ids(shown["featured"]) == made[: on_show.HOME_COURSES]
    assert len(shown["newest"]) == on_show.HOME_COURSES
    assert shown["totals"]["courses"] == 10


def test_the_home_page_shows_the_coupons_that_can_be_claimed(
    empty_shop: OtherShop, visitor: ClientAt
) -> None:
    course = builders.a_course()
    own = builders.an_offer(course=course.key)
    builders.an_offer(remaining=0)
    builders.an_offer(status="offline")
    builders.an_offer(close_at=builders.now())
    (shown,) = home(visitor)["coupons"]
    (listed,) = [row for row in visitor.get("/coupons/available")["data"] if row["id"] == own.coupon_id]
    assert shown == listed
    assert (shown["course_name"], shown["claimed"]) == (course.name, False)


def test_at_most_six_coupons_are_shown(empty_shop: OtherShop, visitor: ClientAt) -> None:
    for _ in range(8):
        builders.an_offer()
    assert len(home(visitor)["coupons"]) == 6


def test_the_home_page_reads_all_that_is_on_show_once(empty_shop: OtherShop, faulty_app: FaultyApp) -> None:
    visitor = ClientAt()
    for _ in range(3):
        course = builders.a_course(teachers=taught_by(7))
        builders.an_offer(course=course.key)
    app.app.forget_fresh()
    with faulty_app.dynamodb.recording() as calls:
        visitor.get("/home")
    # Two types of courses, categories, teachers, coupons; then the courses of the coupons.
    assert sorted(call.operation for call in calls) == ["BatchGetItem", *["Query"] * 5]
    with faulty_app.dynamodb.recording() as calls:
        for path in ("/home", "/teachers", "/courses/search", "/coupons/available"):
            visitor.get(path)
    assert not calls


# Teachers


def test_teachers_of_courses_on_show_are_listed(empty_shop: OtherShop, visitor: ClientAt) -> None:
    for number in (6, 7, 8):
        a_stored_teacher(number)
    builders.a_course(teachers=taught_by(7))
    builders.a_course(teachers=taught_by(8, 7))
    builders.a_course(teachers=taught_by(6), status=OFFLINE)
    app.app.forget_fresh()
    listed = visitor.get("/teachers")["data"]
    assert [(row["teacher_id"], row["courses"]) for row in listed] == [("7", 2), ("8", 1)]
    assert listed[0] == {
        "teacher_id": "7",
        "teacher_name": "老师7",
        "title": "讲师",
        "signature": "先想，再写。",
        "teacher_image": "http://shop.test/images/teachers/one.svg",
        "teacher_brief": "十年经验",
        "courses": 2,
    }


def test_a_teacher_is_shown_with_their_courses(empty_shop: OtherShop, visitor: ClientAt) -> None:
    a_stored_teacher(7)
    second = builders.a_course(order=2, teachers=taught_by(7))
    first = builders.a_course(order=1, teachers=taught_by(8, 7))
    builders.a_course(order=3, teachers=taught_by(8))
    app.app.forget_fresh()
    shown = visitor.get("/teachers/7")["data"]
    assert ids(shown["course_list"]) == [first.course_id, second.course_id]
    assert (shown["courses"], shown["teacher_name"]) == (2, "老师7")
    assert shown["course_list"] == visitor.get("/courses")["data"][:2]


def test_a_teacher_who_teaches_nothing_on_show_has_a_page(empty_shop: OtherShop, visitor: ClientAt) -> None:
    a_stored_teacher(7)
    shown = visitor.get("/teachers/7")["data"]
    assert (shown["courses"], shown["course_list"]) == (0, [])


@pytest.mark.parametrize("teacher_id", ["1", "x", "0", "-1", "9" * 16, "%00", "null"])
def test_an_unknown_teacher_is_1602(visitor: ClientAt, faulty_app: FaultyApp, teacher_id: str) -> None:
    check_refusal(visitor.get(f"/teachers/{teacher_id}"), 1602)


# A course's page by the course


def test_a_course_has_the_page_of_its_detail_with_all_parts(visitor: ClientAt, faulty_app: FaultyApp) -> None:
    other = builders.a_course()
    course = builders.a_course(recommended=[{"course_id": other.course_id, "course_name": other.name}])
    catalog.chapter_item(
        course.key, 1, 1, name="第一章", summary="", pub_date="2026-01-01", detail_id=course.detail_id
    ).save()
    for number, free_trial in ((1, True), (2, False)):
        catalog.section_item(
            course.key,
            number,
            1,
            number,
            name=f"第{number}节",
            section_type=catalog.VIDEO,
            player="CC",
            section_link=f"video-{number}",
            video_time="1:00",
            free_trial=free_trial,
            detail_id=course.detail_id,
        ).save()
    catalog.faq_item(course.key, 1, question="问", answer="答", detail_id=course.detail_id).save()
    own, general = builders.an_offer(course=course.key), builders.an_offer()
    others, sold_out = builders.an_offer(course=other.key), builders.an_offer(remaining=0)
    app.app.forget_fresh()
    page = visitor.get(f"/course/{course.course_id}")["data"]
    assert page == visitor.get(f"/coursedetail/{course.detail_id}?include=coupons,chapters,questions")
    (chapter,) = page["chapters"]
    assert [section.get("section_link") for section in chapter["sections"]] == ["video-1", None]
    assert (page["sections"], page["trial_sections"]) == (2, 1)
    assert page["questions"] == [{"id": 1, "question": "问", "answer": "答"}]
    assert ids(page["recommended"]) == [other.course_id]
    offered = ids(page["coupons"])
    assert offered[0] == own.coupon_id, "its own come first"
    assert general.coupon_id in offered
    assert not {others.coupon_id, sold_out.coupon_id} & set(offered)


def test_a_page_holds_the_parts_that_are_asked_for(visitor: ClientAt, faulty_app: FaultyApp) -> None:
    course = builders.a_course()
    parts = {"chapters", "questions", "coupons"}
    for asked in (
        "",
        "chapters",
        "coupons,questions",
        "chapters,x,chapters",
        "CHAPTERS",
        "chapters questions",
    ):
        page = visitor.get(f"/coursedetail/{course.detail_id}", params={"include": asked})
        assert page.keys() & parts == parts & set(asked.split(","))


def test_a_degree_course_has_a_page_too(visitor: ClientAt, faulty_app: FaultyApp) -> None:
    degree = builders.a_course(course_type=DEGREE_COURSE)
    page = visitor.get(f"/course/{degree.course_id}?course_type=degree_course")["data"]
    assert (page["course"], page["course_type"]) == (degree.course_id, "degree_course")
    check_refusal(visitor.get(f"/course/{degree.course_id}?course_type={COURSE}"), 1601)


def test_the_page_of_a_course_that_is_offline_opens_without_contents(
    visitor: ClientAt, faulty_app: FaultyApp
) -> None:
    course = builders.a_course(status=OFFLINE)
    catalog.faq_item(course.key, 1, question="问", answer="答", detail_id=course.detail_id).save()
    builders.an_offer()
    page = visitor.get(f"/course/{course.course_id}")["data"]
    assert (page["status"], page["is_online"]) == ("下线", False)
    assert (page["chapters"], page["questions"], page["coupons"]) == ([], [], [])


@pytest.mark.parametrize("course_id", ["1", "x", "0", "-1", "9" * 16, "%00", "null"])
def test_an_unknown_course_is_1601(visitor: ClientAt, faulty_app: FaultyApp, course_id: str) -> None:
    check_refusal(visitor.get(f"/course/{course_id}"), 1601)


def test_a_course_without_a_page_is_1601(visitor: ClientAt, faulty_app: FaultyApp) -> None:
    course = builders.a_course(with_detail=False)
    check_refusal(visitor.get(f"/course/{course.course_id}"), 1601)
