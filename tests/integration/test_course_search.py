"""`GET /courses/search` over HTTP, on a catalogue of its own category."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

import app as application
from chalicelib.shop import catalog, on_show
from chalicelib.shop.catalog import Course
from chalicelib.shop.course_key import COURSE_TYPES, DEGREE_COURSE, CourseKey
from chalicelib.shop.partition import PAGE_ROWS
from tests import builders
from tests.addresses import ClientAt
from tests.faults import Fault, internal_error
from tests.faults.routing import FaultyApp
from tests.shapes import COURSE_ROW, check

pytestmark = pytest.mark.usefixtures("gateway_server")

FACETS = {
    "category": [{"id": int, "name": str, "courses": int}],
    "level": [{"level": str, "courses": int}],
    "course_type": [{"course_type": str, "courses": int}],
    "free": int,
    "paid": int,
}


@pytest.fixture(autouse=True)
def fresh_answers() -> Iterator[None]:
    application.app.forget_fresh()
    yield
    application.app.forget_fresh()


@pytest.fixture
def visitor() -> ClientAt:
    return ClientAt()


class Shelf:
    """Courses of one category that only this test has."""

    def __init__(self) -> None:
        self.category_id = builders.new_id()
        self.word = builders.new_name("Word")

    def add(self, *prices: int, brief: str = "", **attributes: Any) -> Course:
        return builders.a_course(
            prices=prices, category_id=self.category_id, brief=f"{brief} {self.word}", **attributes
        )

    def ask(self, client: ClientAt, **query: object) -> Any:
        asked = {"category_id": self.category_id} | query
        return client.get(f"/courses/search/?{urlencode(asked)}")

    def find(self, client: ClientAt, **query: object) -> list[int]:
        answer = self.ask(client, **query)
        assert answer["code"] == 0, answer
        assert answer["total"] == len(answer["data"])
        return [row["id"] for row in answer["data"]]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_what_is_found_has_the_rows_of_the_course_list(visitor: ClientAt, shelf: Shelf) -> None:
    shelf.add(0, 10000)
    shelf.add(5000, with_detail=False)
    found = shelf.ask(visitor)
    check(found, {"code": 0, "data": [COURSE_ROW], "total": 2, "facets": FACETS})
    listed = visitor.get(f"/courses/?category_id={shelf.category_id}")
    assert found["data"] == listed["data"]


def test_words_are_looked_for_in_name_and_brief(visitor: ClientAt, shelf: Shelf) -> None:
    one = shelf.add(100, name="Python 全栈", brief="从零开始")
    other = shelf.add(100, name="绘画", brief="用ＰＹＴＨＯＮ作画", order=2)
    assert shelf.find(visitor, words="python") == [one.course_id, other.course_id]
    assert shelf.find(visitor, words=f"Python 画 {shelf.word.upper()}") == [other.course_id]
    assert shelf.find(visitor, words="python 音乐") == []
    everywhere = visitor.get(f"/courses/search?{urlencode({'words': shelf.word})}")
    assert everywhere["total"] == 2, "without a category all are searched"


def test_words_are_looked_for_in_slogan_and_teachers_names(visitor: ClientAt, shelf: Shelf) -> None:
    teacher = {"teacher_id": 3, "name": "林知远", "title": "讲师", "image": "", "brief": ""}
    taught = shelf.add(100, teachers=[teacher], slogan="三十天写出程序")
    shelf.add(100)
    assert shelf.find(visitor, words="林知远") == [taught.course_id]
    assert shelf.find(visitor, words="三十天 知远") == [taught.course_id]


def test_level_category_and_free_filter(visitor: ClientAt, shelf: Shelf) -> None:
    free = shelf.add(0, 100, level=catalog.BEGINNER, order=1)
    paid = shelf.add(100, level=catalog.ADVANCED, order=2)
    unpriced = shelf.add(level=catalog.ADVANCED, order=3)
    assert shelf.find(visitor, free="true") == [free.course_id]
    assert shelf.find(visitor, free="false") == [paid.course_id, unpriced.course_id]
    assert shelf.find(visitor, level="高级") == [paid.course_id, unpriced.course_id]
    assert shelf.find(visitor, level="中级") == []
    assert Shelf().find(visitor) == []


def test_courses_are_sorted(visitor: ClientAt, shelf: Shelf) -> None:
    made = [
        shelf.add(500, order=2, pub_date="2026-03-01"),
        shelf.add(100, order=3, pub_date="2026-01-01"),
        shelf.add(900, order=1, pub_date="2026-02-01"),
    ]
    ids = [course.course_id for course in made]
    assert shelf.find(visitor) == [ids[2], ids[0], ids[1]]
    assert shelf.find(visitor, sort="order") == [ids[2], ids[0], ids[1]]
    assert shelf.find(visitor, sort="price") == [ids[1], ids[0], ids[2]]
    assert shelf.find(visitor, sort="-price") == [ids[2], ids[0], ids[1]]
    assert shelf.find(visitor, sort="newest") == [ids[0], ids[2], ids[1]]


def test_only_courses_on_show_are_found(visitor: ClientAt, shelf: Shelf) -> None:
    online, announced = shelf.add(100), shelf.add(100, status=catalog.ANNOUNCED, order=2)
    shelf.add(100, status=catalog.OFFLINE)
    shelf.add(100, course_type=DEGREE_COURSE)
    assert shelf.find(visitor) == [online.course_id, announced.course_id]


def test_degree_courses_are_found_where_they_are_asked_for(visitor: ClientAt, shelf: Shelf) -> None:
    course, degree = shelf.add(100), shelf.add(100, course_type=DEGREE_COURSE)
    assert shelf.find(visitor, course_type="degree_course") == [degree.course_id]
    assert shelf.find(visitor, course_type="all") == [course.course_id, degree.course_id]
    for anything_else in ("course", "", "vip"):
        assert shelf.find(visitor, course_type=anything_else) == [course.course_id]


def test_facets_tell_what_each_other_choice_of_a_filter_would_find(visitor: ClientAt, shelf: Shelf) -> None:
    catalog.category_item(shelf.category_id, "分类").save()
    shelf.add(0, level=catalog.BEGINNER)
    shelf.add(100, level=catalog.BEGINNER)
    shelf.add(100, level=catalog.ADVANCED)
    shelf.add(100, level=catalog.BEGINNER, course_type=DEGREE_COURSE)
    facets = shelf.ask(visitor, level="初级", free="false")["facets"]
    assert {row["level"]: row["courses"] for row in facets["level"]} == {"初级": 1, "中级": 0, "高级": 1}
    assert {row["course_type"]: row["courses"] for row in facets["course_type"]} == {
        "course": 1,
        "degree_course": 1,
    }
    assert (facets["free"], facets["paid"]) == (1, 1)
    (own,) = [row for row in facets["category"] if row["id"] == shelf.category_id]
    assert own == {"id": shelf.category_id, "name": "分类", "courses": 1}
    others = shelf.ask(visitor, category_id=builders.new_id(), words=shelf.word)["facets"]
    assert {row["courses"] for row in others["category"] if row["id"] == shelf.category_id} == {3}


def test_a_page_can_be_asked_for_by_its_number(visitor: ClientAt, shelf: Shelf) -> None:
    made = [shelf.add(100, order=number).course_id for number in range(5)]
    pages = [shelf.ask(visitor, limit=2, page=page, cursor="4") for page in (1, 2, 3, 4)]
    assert [[row["id"] for row in page["data"]] for page in pages] == [made[:2], made[2:4], made[4:], []]
    assert [page.get("next") for page in pages] == ["2", "4", None, None]


def test_the_pages_follow_one_another_to_the_end(visitor: ClientAt, shelf: Shelf) -> None:
    made = [shelf.add(100 * number, order=number).course_id for number in range(7)]
    seen, cursor = [], "0"
    for rows in (3, 3, 1):
        page = shelf.ask(visitor, limit=3, cursor=cursor, sort="-price")
        assert page["total"] == 7
        assert len(page["data"]) == rows
        seen += [row["id"] for row in page["data"]]
        cursor = page.get("next", "")
    assert cursor == "", "a next cursor is given only when something follows"
    assert seen == made[::-1]
    beyond = shelf.ask(visitor, limit=3, cursor="100")
    assert (beyond["data"], beyond["total"]) == ([], 7)
    assert "next" not in beyond


def test_without_a_limit_twenty_are_shown(visitor: ClientAt, shelf: Shelf) -> None:
    for _ in range(21):
        shelf.add(100, with_detail=False)
    page = shelf.ask(visitor)
    assert (len(page["data"]), page["total"], page["next"]) == (20, 21, "20")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=-1",
        "cursor=x",
        "sort=cheap",
        "limit=",
        "cursor=%00",
        "page=0",
        "page=-1",
        "page=x",
        "page=",
        "page=10001",
        "page=1.0",
    ],
)
def test_a_page_that_does_not_exist_is_400(visitor: ClientAt, query: str) -> None:
    answer = visitor.request("GET", f"/courses/search?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == 400


@pytest.mark.parametrize(
    "query",
    ["words=%", "words=%FF%FE", "words=%ED%A0%80", "words=" + "x" * 3000, "words=%00", "level=%00", "free=1",
     "category_id=x", "words=.*%5B(", "words=%F0%9F%98%80", "words=a&words=b"],
)  # fmt: skip
def test_strange_words_find_nothing_or_something_and_break_nothing(visitor: ClientAt, query: str) -> None:
    answer = visitor.request("GET", f"/courses/search?{query}")
    assert answer.status_code == 200
    check(
        answer.json(),
        {"code": 0, "data": [COURSE_ROW], "total": int, "facets": FACETS} | _next_of(answer.json()),
    )


def _next_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {"next": str} if "next" in answer else {}


def test_searching_needs_no_token_and_ignores_any(visitor: ClientAt, shelf: Shelf) -> None:
    visitor.token = "garbage"
    assert shelf.find(visitor) == []


# What it costs


def test_the_first_search_reads_the_list_index_and_the_next_ones_nothing(faulty_app: FaultyApp) -> None:
    shelf, visitor = Shelf(), ClientAt()
    shelf.add(100)
    with faulty_app.dynamodb.recording() as calls:
        shelf.find(visitor)
    assert {call.operation for call in calls} == {"Query"}
    listed = [call for call in calls if call.request.get("IndexName") == "by_listing"]
    counts = [len(on_show.list_all(of)) for of in COURSE_TYPES]  # those of other tests, too
    assert len(listed) == sum(max(1, -(-count // PAGE_ROWS)) for count in counts), "one for each 500 courses"
    assert len(calls) == len(listed) + 2, "and categories and teachers"
    with faulty_app.dynamodb.recording() as calls:
        shelf.find(visitor, words="x")
        shelf.find(visitor, sort="newest", limit=500)
        shelf.find(visitor, free="true", level="高级")
    assert not calls


def test_a_large_catalogue_is_read_in_a_query_for_each_500_courses(faulty_app: FaultyApp) -> None:
    course_type = f"type-{builders.new_id()}"
    with Course.batch_write() as batch:
        for number in range(1100):
            key = CourseKey(course_type, number)
            batch.save(
                catalog.course_item(
                    key, [], name="课", course_img="", brief="", level=catalog.BEGINNER, status=catalog.ONLINE,
                    order=-number, period=7,
                )
            )  # fmt: skip
    with faulty_app.dynamodb.recording() as calls:
        courses = on_show.list_all(course_type)
    assert [course.course_id for course in courses] == list(range(1099, -1, -1))
    assert len(calls) <= 4


def test_a_database_that_is_down_is_503(faulty_app: FaultyApp) -> None:
    with faulty_app.dynamodb.faults(Fault.on("Query", action=internal_error())):
        assert ClientAt().request("GET", "/courses/search").status_code == 503
