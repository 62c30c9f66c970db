"""The catalogue over HTTP: categories, the list of courses, a course's page."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import app
from chalicelib.settings import settings
from chalicelib.shop import catalog
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, ONLINE, Course
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE, CourseKey
from chalicelib.storage.dynamodb import CatalogItem
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.shapes import COURSE_ROW, Maybe, Number, check, check_refusal

PAGE = {
    "id": int,
    "name": str,
    "prices": [{"id": int, "valid_period": int, "valid_period_name": str, "price": Number}],
    "brief": str,
    "study_all_time": str,
    "level": str,
    "teachers_info": [
        {
            "teacher_id": str,
            "teacher_name": str,
            "title": str,
            "signature": Maybe(str),
            "teacher_image": str,
            "teacher_brief": str,
        }
    ],
    "is_online": bool,
    "recommend_coursesinfo": [{"course_id": str, "course_name": str, "coursedetail_id": Maybe(str)}],
    "hours": int,
    "course_slogan": Maybe(str),
    "video_brief_link": Maybe(str),
    "why_study": str,
    "what_to_study_brief": str,
    "career_improvement": str,
    "prerequisite": str,
    "course": int,
    "recommend_courses": [int],
    "teachers": [int],
    "course_img": str,
    "course_type": str,
    "category_id": Maybe(int),
    "category_name": str,
    "status": str,
    "sections": int,
    "trial_sections": int,
    "refund_days": int,
    "recommended": [COURSE_ROW],
}


@pytest.fixture
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


def rows_of(visitor: Client, query: str) -> list[dict[str, Any]]:
    """The rows of one answer of the list."""
    answer = visitor.get(f"/courses/?{query}")
    check(answer["code"], 0)
    check(answer["data"], [COURSE_ROW])
    return list(answer["data"])


def all_rows(visitor: Client, query: str) -> list[dict[str, Any]]:
    """The rows of all answers, from cursor to cursor."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = visitor.get(f"/courses/?{query}&cursor={cursor}")
        rows += answer["data"]
        if "next" not in answer:
            return rows
        cursor = answer["next"]


def ids_of(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


# Categories


def test_categories_are_listed_by_id_with_their_names(visitor: Client) -> None:
    ids = sorted(builders.new_id() for _ in range(3))
    for category_id in reversed(ids):
        catalog.category_item(category_id, f"分类{category_id}").save()
    app.app.forget_fresh()
    answer = visitor.get("/course/category/")
    check(answer, {"error_no": 0, "data": [{"id": int, "name": str}]})
    mine = [row for row in answer["data"] if row["id"] in ids]
    assert mine == [{"id": category_id, "name": f"分类{category_id}"} for category_id in ids]
    assert answer["data"] == sorted(answer["data"], key=lambda row: row["id"])


# The list


def test_a_row_has_exactly_the_documented_fields(visitor: Client) -> None:
    category = builders.new_id()
    catalog.category_item(category, "编程").save()
    course = builders.a_course(
        prices=[30000, 50050],
        category_id=category,
        level=catalog.INTERMEDIATE,
        pub_date="2026-03-01",
        teachers=[a_teacher(3, "李老师"), a_teacher(2, "陈老师")],
    )
    answer = visitor.get(f"/courses/?category_id={category}")
    assert answer == {
        "code": 0,
        "data": [
            {
                "id": course.course_id,
                "name": course.name,
                "course_img": "https://img.test/course.png",
                "brief": "简介",
                "level": "中级",
                "coursedetail_id": str(course.detail_id),
                "is_free": False,
                "price": "￥300.0",
                "origin_price": None,
                "course_type": "course",
                "category_id": category,
                "category_name": "编程",
                "status": "上线",
                "lowest_price": 300.0,
                "highest_price": 500.5,
                "hours": 30,
                "teachers": ["李老师", "陈老师"],
                "pub_date": "2026-03-01 00:00:00",
            }
        ],
    }


def a_teacher(teacher_id: int, name: str) -> dict[str, Any]:
    return {"teacher_id": teacher_id, "name": name, "title": "讲师", "image": "", "brief": ""}


def test_a_row_says_what_there_is_of_a_course_without_page_prices_category_and_date(visitor: Client) -> None:
    course = builders.a_course(prices=(), with_detail=False, category_id=None, status=ANNOUNCED)
    app.app.forget_fresh()
    row = next(row for row in all_rows(visitor, "") if row["id"] == course.course_id)
    unknown = ("lowest_price", "highest_price", "category_id", "pub_date")
    assert [row[name] for name in unknown] == [None] * 4
    assert (row["category_name"], row["hours"], row["teachers"], row["status"]) == ("", 0, [], "预上线")


def test_a_course_stored_before_lists_had_hours_and_teachers_is_listed(visitor: Client) -> None:
    category = builders.new_id()
    course = builders.a_course(category_id=category, teachers=[a_teacher(3, "李老师")])
    course.update([Course.hours.remove(), Course.slogan.remove(), Course.taught_by.remove()])
    (row,) = rows_of(visitor, f"category_id={category}")
    assert (row["hours"], row["teachers"]) == (0, [])
    page = visitor.get(f"/coursedetail/{course.detail_id}")
    assert (page["hours"], page["teachers"]) == (30, [3])


def test_prices_in_the_list_are_texts(visitor: Client) -> None:
    category = builders.new_id()
    expected = {
        (12345, 9990): (False, "￥99.9", None),
        (0,): (True, "免费", None),
        (0, 20000, 10000): (True, "免费", "原价￥100.0"),
        (): (False, "敬请期待", None),
        (123456789,): (False, "￥1234567.89", None),
    }
    for order, prices in enumerate(expected):
        builders.a_course(prices=prices, category_id=category, order=order)
    rows = rows_of(visitor, f"category_id={category}")
    shown = [(row["is_free"], row["price"], row["origin_price"]) for row in rows]
    assert shown == list(expected.values())


def test_a_course_without_a_detail_page_has_null_for_its_id(visitor: Client) -> None:
    category = builders.new_id()
    builders.a_course(with_detail=False, category_id=category)
    (row,) = rows_of(visitor, f"category_id={category}")
    assert row["coursedetail_id"] is None


def test_courses_online_and_announced_are_listed_and_offline_ones_are_not(visitor: Client) -> None:
    category = builders.new_id()
    courses = {
        status: builders.a_course(status=status, category_id=category)
        for status in (ONLINE, ANNOUNCED, OFFLINE)
    }
    listed = {courses[ONLINE].course_id, courses[ANNOUNCED].course_id}
    assert set(ids_of(rows_of(visitor, f"category_id={category}"))) == listed
    app.app.forget_fresh()
    everything = set(ids_of(all_rows(visitor, "")))
    assert listed <= everything
    assert courses[OFFLINE].course_id not in everything


def test_courses_stand_by_order_then_id(visitor: Client) -> None:
    category = builders.new_id()
    places = [(2, 5), (-3, 9), (2, 4), (10, 1), (0, 100), (0, 20), (-30, 3)]
    base = builders.new_id() // 1000 * 1000
    for order, number in places:
        builders.a_course(order=order, course_id=base + number, category_id=category)
    rows = rows_of(visitor, f"category_id={category}")
    assert [course_id - base for course_id in ids_of(rows)] == [number for _, number in sorted(places)]


def test_the_list_has_courses_of_the_type_course_only(visitor: Client) -> None:
    category = builders.new_id()
    course = builders.a_course(category_id=category)
    builders.a_course(category_id=category, course_type=DEGREE_COURSE)
    assert ids_of(rows_of(visitor, f"category_id={category}")) == [course.course_id]


@pytest.mark.parametrize(
    "query", ["", "category_id=", "category_id=0", "category_id=abc", "category_id=1.5", "x=1"]
)
def test_without_a_category_all_are_listed(visitor: Client, query: str) -> None:
    one, other = (builders.a_course(category_id=builders.new_id()) for _ in range(2))
    app.app.forget_fresh()
    assert {one.course_id, other.course_id} <= set(ids_of(all_rows(visitor, query)))


def test_an_unknown_category_is_an_empty_list(visitor: Client) -> None:
    assert visitor.get(f"/courses/?category_id={builders.new_id()}") == {"code": 0, "data": []}


def test_of_a_field_that_occurs_twice_the_last_counts(visitor: Client) -> None:
    category = builders.new_id()
    course = builders.a_course(category_id=category)
    assert ids_of(rows_of(visitor, f"category_id={builders.new_id()}&category_id={category}")) == [
        course.course_id
    ]


@pytest.fixture(scope="module")
def crowded(gateway_server: GatewayServer) -> tuple[int, list[int]]:
    """A category with 1003 courses, and their ids in catalogue order."""
    category = builders.new_id()
    ids = sorted({builders.new_id() for _ in range(1003)})
    with CatalogItem.batch_write() as batch:
        for course_id in ids:
            batch.save(small_course(course_id, category))
    return category, ids


def small_course(course_id: int, category: int) -> Course:
    return catalog.course_item(
        CourseKey(COURSE, course_id),
        [],
        name=f"课程{course_id}",
        course_img="",
        brief="",
        level=catalog.BEGINNER,
        status=ONLINE,
        order=5,
        period=7,
        category_id=category,
        detail_id=None,
    )


def test_up_to_500_rows_are_answered_and_the_cursor_leads_on(
    visitor: Client, crowded: tuple[int, list[int]]
) -> None:
    category, ids = crowded
    first = visitor.get(f"/courses/?category_id={category}")
    check(first, {"code": 0, "data": [COURSE_ROW], "next": str})
    second = visitor.get(f"/courses/?category_id={category}&cursor={first['next']}")
    check(second, {"code": 0, "data": [COURSE_ROW], "next": str})
    third = visitor.get(f"/courses/?category_id={category}&cursor={second['next']}")
    check(third, {"code": 0, "data": [COURSE_ROW]})
    assert [len(answer["data"]) for answer in (first, second, third)] == [500, 500, 3]
    assert ids_of(first["data"] + second["data"] + third["data"]) == ids


def test_the_list_of_all_goes_beyond_500_rows_too(visitor: Client, crowded: tuple[int, list[int]]) -> None:
    _, ids = crowded
    app.app.forget_fresh()
    everything = ids_of(all_rows(visitor, "limit=499"))
    assert len(everything) == len(set(everything))
    assert [course_id for course_id in everything if course_id in set(ids)] == ids


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 500])
def test_a_limit_makes_pages_and_the_last_page_has_no_cursor(visitor: Client, limit: int) -> None:
    category = builders.new_id()
    ids = sorted(builders.a_course(category_id=category, prices=()).course_id for _ in range(6))
    pages = []
    cursor: str | None = ""
    while cursor is not None:
        answer = visitor.get(f"/courses/?category_id={category}&limit={limit}&cursor={cursor}")
        pages.append(ids_of(answer["data"]))
        cursor = answer.get("next")
    assert pages == [ids[start : start + limit] for start in range(0, 6, limit)]


def test_a_cursor_survives_the_course_it_points_at(visitor: Client) -> None:
    category = builders.new_id()
    courses = sorted(
        (builders.a_course(category_id=category) for _ in range(3)), key=lambda course: course.course_id
    )
    first = visitor.get(f"/courses/?category_id={category}&limit=2")
    courses[1].delete()
    second = visitor.get(f"/courses/?category_id={category}&limit=2&cursor={first['next']}")
    assert ids_of(second["data"]) == [courses[2].course_id]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=" + "9" * 20, "cursor=x",
     "cursor=AAAA", "cursor=%E4%BD%A0", "cursor=%00", "cursor=" + "A" * 401,
     "cursor=" + base64.urlsafe_b64encode(b"00000000001#x").decode(),
     "cursor=" + base64.urlsafe_b64encode(b"course#1").decode()],
    ids=lambda query: query[:30],
)  # fmt: skip
def test_a_bad_limit_or_cursor_is_400(visitor: Client, query: str) -> None:
    response = visitor.request("GET", f"/courses/?{query}")
    assert response.status_code == 400
    check_refusal(response.json(), 400)


# The page


def test_a_page_has_exactly_the_documented_fields(visitor: Client) -> None:
    teacher = {
        "teacher_id": 3,
        "name": "李老师",
        "title": "讲师",
        "signature": None,
        "image": "images/li.png",
        "brief": "十年经验",
    }
    other = builders.a_course(prices=[5000], status=ANNOUNCED, category_id=None)
    gone, offline = builders.new_id(), builders.a_course(status=OFFLINE)
    recommended = [
        {"course_id": gone, "course_name": "Flask"},
        {"course_id": offline.course_id, "course_name": "Web"},
        {"course_id": other.course_id, "course_name": "Django"},
    ]
    category = builders.new_id()
    catalog.category_item(category, "编程").save()
    course = builders.a_course(
        prices=[10000, 22335],
        teachers=[teacher],
        recommended=recommended,
        category_id=category,
        level=catalog.ADVANCED,
        course_id=builders.new_id(),
    )
    week, month = builders.policies_of(course)
    answer = visitor.get(f"/coursedetail/{course.detail_id}/")
    check(answer, PAGE)
    assert answer == {
        "id": course.detail_id,
        "name": course.name,
        "prices": [
            {"id": week.policy_id, "valid_period": 7, "valid_period_name": "1周", "price": 100.0},
            {"id": month.policy_id, "valid_period": 30, "valid_period_name": "1个月", "price": 223.35},
        ],
        "brief": "简介",
        "study_all_time": "30小时",
        "level": "高级",
        "teachers_info": [
            {
                "teacher_id": "3",
                "teacher_name": "李老师",
                "title": "讲师",
                "signature": None,
                "teacher_image": "http://shop.test/images/li.png",
                "teacher_brief": "十年经验",
            }
        ],
        "is_online": True,
        "recommend_coursesinfo": [
            {"course_id": str(gone), "course_name": "Flask", "coursedetail_id": None},
            {
                "course_id": str(offline.course_id),
                "course_name": "Web",
                "coursedetail_id": str(offline.detail_id),
            },
            {
                "course_id": str(other.course_id),
                "course_name": "Django",
                "coursedetail_id": str(other.detail_id),
            },
        ],
        "hours": 30,
        "course_slogan": None,
        "video_brief_link": None,
        "why_study": "为什么学",
        "what_to_study_brief": "学什么",
        "career_improvement": "职业提升",
        "prerequisite": "先修",
        "course": course.course_id,
        "recommend_courses": [gone, offline.course_id, other.course_id],
        "teachers": [3],
        "course_img": "https://img.test/course.png",
        "course_type": "course",
        "category_id": category,
        "category_name": "编程",
        "status": "上线",
        "sections": 0,
        "trial_sections": 0,
        "refund_days": settings().refund_days,
        "recommended": [row_of(visitor, other)],
    }


def row_of(visitor: Client, course: Course) -> dict[str, Any]:
    """The row of a course in the list."""
    app.app.forget_fresh()
    return next(row for row in all_rows(visitor, "") if row["id"] == course.course_id)


def test_a_page_is_asked_for_by_the_id_of_the_detail_and_not_of_the_course(visitor: Client) -> None:
    one = builders.a_course()
    assert visitor.get(f"/coursedetail/{one.detail_id}")["course"] == one.course_id
    response = visitor.request("GET", f"/coursedetail/{one.course_id}")
    assert response.status_code == 404
    check_refusal(response.json(), 404)


def test_the_id_in_the_list_opens_the_page(visitor: Client) -> None:
    category = builders.new_id()
    course = builders.a_course(category_id=category)
    (row,) = rows_of(visitor, f"category_id={category}")
    assert visitor.get(f"/coursedetail/{row['coursedetail_id']}/")["course"] == course.course_id


@pytest.mark.parametrize(("status", "is_online"), [(ONLINE, True), (ANNOUNCED, True), (OFFLINE, False)])
def test_every_page_opens_and_says_whether_the_course_is_online(
    visitor: Client, status: str, is_online: bool
) -> None:
    course = builders.a_course(status=status)
    answer = visitor.get(f"/coursedetail/{course.detail_id}")
    check(answer, PAGE)
    assert answer["is_online"] is is_online


def test_a_course_without_policies_or_teachers_has_empty_lists(visitor: Client) -> None:
    course = builders.a_course(prices=())
    answer = visitor.get(f"/coursedetail/{course.detail_id}")
    check(answer, PAGE)
    assert [answer[name] for name in ("prices", "teachers_info", "teachers", "recommend_courses")] == [[]] * 4


def test_all_thirteen_periods_have_their_names_on_the_page_shortest_first(visitor: Client) -> None:
    course = builders.a_course(prices=[100] * 13)
    names = [
        price["valid_period_name"] for price in visitor.get(f"/coursedetail/{course.detail_id}")["prices"]
    ]
    assert names == [
        "1天", "3天", "1周", "2周", "1个月", "2个月", "3个月", "4个月", "6个月", "12个月", "18个月", "24个月", "永久",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["0", "x", "-1", "1.5", "true", "9" * 16, "%D9%A1", "1%20", "undefined", "null"]
)
def test_an_unknown_detail_id_is_404(visitor: Client, text: str) -> None:
    response = visitor.request("GET", f"/coursedetail/{text}/")
    assert response.status_code == 404
    check_refusal(response.json(), 404)


# Freshness


def test_a_public_answer_may_be_kept_but_shows_a_change_once_it_is_dropped(visitor: Client) -> None:
    category = builders.new_id()
    course = builders.a_course(category_id=category)
    before = {
        path: visitor.get(path)
        for path in (f"/courses/?category_id={category}", f"/coursedetail/{course.detail_id}/")
    }
    renamed = course.name + "第二版"
    course.update([Course.name.set(renamed)])
    for path, answer in before.items():
        assert visitor.get(path) == answer, "given again from memory"
    app.app.forget_fresh()
    for path in before:
        assert renamed in json.dumps(visitor.get(path), ensure_ascii=False)


def test_an_answer_is_kept_for_less_than_the_ten_seconds_allowed() -> None:
    from chalicelib.web import shop_app

    assert 0 < shop_app.FRESH_SECONDS < 10


def test_kept_answers_need_no_database(faulty_app: FaultyApp) -> None:
    visitor = Client(faulty_app.base_url)
    course = builders.a_course()
    paths = [
        "/course/category",
        f"/courses?category_id={course.category_id}",
        f"/coursedetail/{course.detail_id}",
    ]
    warm = [visitor.get(path) for path in paths]
    with faulty_app.dynamodb.down():
        assert [visitor.get(path) for path in paths] == warm
        unknown = visitor.request("GET", f"/coursedetail/{builders.new_id()}")
    assert unknown.status_code == 503
    check_refusal(unknown.json(), 503)


def test_trouble_is_never_kept(faulty_app: FaultyApp) -> None:
    visitor = Client(faulty_app.base_url)
    course = builders.a_course()
    path = f"/coursedetail/{course.detail_id}"
    with faulty_app.dynamodb.down():
        assert visitor.request("GET", path).status_code == 503
    assert visitor.get(path)["course"] == course.course_id


def test_a_page_that_does_not_exist_yet_opens_as_soon_as_it_does(visitor: Client) -> None:
    course = builders.a_course(with_detail=False)
    detail_id = builders.new_id()
    assert visitor.request("GET", f"/coursedetail/{detail_id}").status_code == 404
    page = builders.a_course(course_id=course.course_id)
    assert page.detail_id is not None
    assert visitor.get(f"/coursedetail/{page.detail_id}")["course"] == course.course_id


def test_the_catalogue_asks_for_nobody(visitor: Client) -> None:
    course = builders.a_course()
    for path in ("/course/category", "/courses", f"/coursedetail/{course.detail_id}"):
        assert visitor.request("GET", path, headers={"Authorization": "a.b.c"}).status_code == 200
