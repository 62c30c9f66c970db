"""Searching courses in memory: words, filters, sorting, pages."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.errors import InvalidPage
from chalicelib.shop import catalog
from chalicelib.shop.catalog import ADVANCED, BEGINNER, INTERMEDIATE, Course
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE, CourseKey
from chalicelib.shop.course_search import (
    BY_NEWNESS,
    BY_ORDER,
    BY_PRICE,
    BY_PRICE_DOWN,
    SORTS,
    Found,
    Search,
    entry_of,
)
from chalicelib.shop.course_search import search as search_entries
from chalicelib.shop.on_show import MOST_COURSES
from chalicelib.web.requests import search_request


def a_course(number: int, *prices: int, course_type: str = COURSE, **attributes: Any) -> Course:
    key = CourseKey(course_type, number)
    policies = [catalog.policy_item(key, number * 10 + i, 30, price) for i, price in enumerate(prices)]
    given: dict[str, Any] = {
        "name": f"课程{number}",
        "brief": "",
        "level": BEGINNER,
        "status": catalog.ONLINE,
        "order": number,
    }
    return catalog.course_item(
        key, policies, **given | {"course_img": "", "period": 30, "category_id": 1} | attributes
    )


def search(courses: list[Course], wanted: Search, start: int, limit: int) -> Found:
    return search_entries([entry_of(course) for course in courses], wanted, start, limit)


def numbers(courses: list[Course], wanted: Search) -> list[int]:
    return [course.course_id for course in search(courses, wanted, 0, 500).courses]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), [1, 2, 3]),
        (("python",), [1, 2]),
        (("PYTHON", "web"), [2]),
        (("ｐｙｔｈｏｎ",), [1, 2]),
        (("全栈",), [2]),
        (("python", "绘画"), []),
        (("水彩",), [3]),
        (("straße",), [3]),
        (("yth",), [1, 2]),
        (("%",), []),
        ((".*",), []),
    ],
)
def test_all_words_occur_in_name_or_brief_in_any_case_and_width(
    words: tuple[str, ...], found: list[int]
) -> None:
    courses = [
        a_course(1, 100, name="Python入门"),
        a_course(2, 100, name="全栈开发", brief="ＰＹＴＨＯＮ 与 Web"),
        a_course(3, 100, name="绘画", brief="水彩 STRASSE"),
    ]
    assert numbers(courses, Search(words)) == found


def test_a_word_does_not_reach_from_the_name_into_the_brief() -> None:
    assert numbers([a_course(1, name="abc", brief="def")], Search(("cd",))) == []


def test_level_category_and_free_narrow_what_is_found() -> None:
    courses = [
        a_course(1, 0, 100, level=BEGINNER, category_id=1),
        a_course(2, 100, level=BEGINNER, category_id=2),
        a_course(3, level=ADVANCED, category_id=2),
        a_course(4, 0, level=ADVANCED, category_id=None),
    ]
    assert numbers(courses, Search(level=BEGINNER)) == [1, 2]
    assert numbers(courses, Search(category_id=2)) == [2, 3]
    assert numbers(courses, Search(is_free=True)) == [1, 4], "free is what has a policy of 0"
    assert numbers(courses, Search(is_free=False)) == [2, 3], "without a policy a course is not free"
    assert numbers(courses, Search(level=ADVANCED, category_id=2, is_free=False)) == [3]
    assert numbers(courses, Search(level="")) == []


def test_courses_are_sorted_by_order_price_and_newness() -> None:
    courses = [
        a_course(1, 500, 9000, pub_date="2026-01-01"),
        a_course(2, 100, pub_date="2026-03-01"),
        a_course(3, pub_date=None),
        a_course(4, 0, 700, pub_date="2026-03-01"),
        a_course(5, 500, pub_date="2025-12-31"),
    ]
    assert numbers(courses, Search(sort=BY_ORDER)) == [1, 2, 3, 4, 5], "as they come"
    assert numbers(courses, Search(sort=BY_PRICE)) == [4, 2, 1, 5, 3], "equal prices as they come"
    assert numbers(courses, Search(sort=BY_PRICE_DOWN)) == [1, 5, 2, 4, 3], "without a price is last"
    assert numbers(courses, Search(sort=BY_NEWNESS)) == [4, 2, 1, 5, 3]


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 7), st.sampled_from(SORTS))
def test_the_pages_together_are_all_that_is_found_once(prices: list[int], limit: int, sort: str) -> None:
    courses = [a_course(number, price) for number, price in enumerate(prices)]
    wanted, start = Search(sort=sort), 0
    pages: list[Course] = []
    while True:
        found = search(courses, wanted, start, limit)
        assert found.total == len(courses)
        assert len(found.courses) <= limit
        pages += found.courses
        if found.next_start is None:
            break
        assert len(found.courses) == limit
        start = found.next_start
    assert [course.course_id for course in pages] == numbers(courses, wanted)


def test_behind_the_end_there_is_nothing() -> None:
    found = search([a_course(1, 100)], Search(), 7, 20)
    assert (found.courses, found.total, found.next_start) == ((), 1, None)


def test_a_search_of_5000_courses_takes_a_moment() -> None:
    courses = [a_course(number, number % 900, brief="学" * 100) for number in range(MOST_COURSES)]
    begun = time.process_time()
    found = search(courses, Search(("课程", "学", "1"), sort=BY_PRICE), 0, 20)
    assert time.process_time() - begun < 2
    assert found.total > 1000


def test_a_query_without_anything_asks_for_the_first_twenty_in_catalogue_order() -> None:
    asked = search_request({})
    assert asked.search == Search()
    assert (asked.start, asked.limit) == (0, 20)


def test_a_query_is_read() -> None:
    query = {"words": " Python  web\u3000全栈 ", "level": "中级", "category_id": "7", "free": "false"}
    asked = search_request(query | {"sort": "-price", "limit": "3", "cursor": "6"})
    assert asked.search == Search(("Python", "web", "全栈"), INTERMEDIATE, 7, False, sort=BY_PRICE_DOWN)
    assert (asked.start, asked.limit) == (6, 3)


@pytest.mark.parametrize("level", ["大师", "advanced"])
def test_a_level_that_does_not_exist_is_no_courses(level: str) -> None:
    assert numbers([a_course(1)], search_request({"level": level}).search) == []


@pytest.mark.parametrize(
    "query",
    [
        {"level": ""},
        {"category_id": "0"},
        {"category_id": "x"},
        {"free": ""},
        {"free": "perhaps"},
        {"sort": ""},
        {"words": "   "},
        {"unknown": "x"},
        {"course_type": "course"},
        {"course_type": "vip"},
    ],
)
def test_what_says_nothing_narrows_nothing(query: dict[str, str]) -> None:
    assert search_request(query).search == Search()


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": "１"},
        {"limit": ""},
        {"cursor": "-1"},
        {"cursor": "x"},
        {"cursor": "9" * 16},
        {"sort": "name"},
        {"sort": "--price"},
        {"page": "0"},
        {"page": "10001"},
        {"page": "x", "cursor": "0"},
    ],
)
def test_a_page_or_sorting_that_does_not_exist_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidPage):
        search_request(query)


def test_words_beyond_a_hundred_characters_are_not_looked_for() -> None:
    asked = search_request({"words": "x" * 100_000})
    assert asked.search.words == ("x" * 100,)


@pytest.mark.parametrize(
    ("query", "course_type"),
    [({}, COURSE), ({"course_type": "all"}, None), ({"course_type": DEGREE_COURSE}, DEGREE_COURSE)],
)
def test_a_query_names_courses_degree_courses_or_both(query: dict[str, str], course_type: str | None) -> None:
    assert search_request(query).search.course_type == course_type


def with_filter(wanted: Search, name: str, value: Any) -> Search:
    return replace(wanted, **{name: value})


FILTERS = st.builds(
    Search,
    level=st.sampled_from([None, BEGINNER, ADVANCED, ""]),
    category_id=st.sampled_from([None, 1, 2, 9]),
    is_free=st.sampled_from([None, True, False]),
    course_type=st.sampled_from([None, COURSE, DEGREE_COURSE]),
)
COURSES = st.lists(
    st.tuples(
        st.sampled_from([BEGINNER, ADVANCED]),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([(), (0,), (100,)]),
        st.sampled_from([COURSE, DEGREE_COURSE]),
    ),
    max_size=12,
)


@given(COURSES, FILTERS)
def test_a_facet_counts_what_its_choice_would_find(
    drawn: list[tuple[str, int | None, tuple[int, ...], str]], wanted: Search
) -> None:
    courses = [
        a_course(number, *prices, level=level, category_id=category, course_type=of)
        for number, (level, category, prices, of) in enumerate(drawn)
    ]
    facets = search(courses, wanted, 0, 500).facets
    for name in ("level", "category_id", "is_free", "course_type"):
        counts = getattr(facets, name)
        for value in {value for value in counts if value is not None}:
            assert counts[value] == len(numbers(courses, with_filter(wanted, name, value)))
        found = len(numbers(courses, with_filter(wanted, name, None)))
        assert sum(counts.values()) == found, "every course has one value"
