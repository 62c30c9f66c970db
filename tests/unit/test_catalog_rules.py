"""Rules of the catalogue that need no store: places in the lists, copies of policies, prices as text."""

from __future__ import annotations

import base64
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidPage
from chalicelib.flows.browse import CourseRows
from chalicelib.shop import catalog
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, ONLINE, Course
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import VALID_PERIODS, period_name
from chalicelib.web import course_responses

KEY = CourseKey("course", 7)


def course(*prices: int, key: CourseKey = KEY, **attributes: Any) -> Course:
    given_attributes: dict[str, Any] = {
        "name": "Python 入门",
        "course_img": "images/python.png",
        "brief": "简介",
        "level": "beginner",
        "status": ONLINE,
        "order": 1,
        "period": 30,
        "category_id": 4,
        "detail_id": 70,
    } | attributes
    policies = [catalog.policy_item(key, 100 + i, 30, price) for i, price in enumerate(prices)]
    return catalog.course_item(key, policies, **given_attributes)


def row(*prices: int, **attributes: Any) -> dict[str, object]:
    found = CourseRows((course(*prices, **attributes),), {})
    shown = course_responses.course_list(found, "http://shop.test")["data"][0]
    assert isinstance(shown, dict)
    return shown


@pytest.mark.parametrize(
    ("prices", "is_free", "price", "origin_price"),
    [
        ([30000], False, "￥300.0", None),
        ([9990, 12345], False, "￥99.9", None),
        ([12345], False, "￥123.45", None),
        ([100000000], False, "￥1000000.0", None),
        ([1], False, "￥0.01", None),
        ([0], True, "免费", None),
        ([0, 10000], True, "免费", "原价￥100.0"),
        ([20000, 0, 10005], True, "免费", "原价￥100.05"),
        ([], False, "敬请期待", None),
    ],
)
def test_a_list_row_shows_the_cheapest_price_as_text(
    prices: list[int], is_free: bool, price: str, origin_price: str | None
) -> None:
    shown = row(*prices)
    assert (shown["is_free"], shown["price"], shown["origin_price"]) == (is_free, price, origin_price)


@pytest.mark.parametrize(
    ("status", "listed", "sold"), [(ONLINE, True, True), (ANNOUNCED, True, False), (OFFLINE, False, False)]
)
def test_a_course_is_listed_unless_offline_and_sold_only_when_online(
    status: str, listed: bool, sold: bool
) -> None:
    stored = course(100, status=status)
    assert stored.is_sold() is sold
    assert (stored.listing, stored.listing_category) == (("course", "course#4") if listed else (None, None))
    assert (stored.listing_order is not None) is listed


def test_a_course_without_a_category_is_in_the_list_of_all_only() -> None:
    stored = course(100, category_id=None)
    assert stored.listing == "course"
    assert stored.listing_category is None


def test_a_degree_course_has_lists_of_its_own() -> None:
    stored = course(100, key=CourseKey("degree_course", 7))
    assert (stored.listing, stored.listing_category) == ("degree_course", "degree_course#4")


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**15 - 1)), min_size=2, max_size=8))
def test_places_in_the_list_sort_by_order_then_id(places: list[tuple[int, int]]) -> None:
    def place(order: int, course_id: int) -> str:
        return str(course(key=CourseKey("course", course_id), order=order).listing_order)

    for one, other in pairwise(sorted(places)):
        assert (place(*one) < place(*other)) is (one < other)


def test_a_course_carries_copies_of_its_policies_cheapest_then_shortest_first() -> None:
    policies = [catalog.policy_item(KEY, *facts) for facts in ((1, 360, 30000), (2, 7, 10000), (3, 3, 10000))]
    stored = catalog.course_item(KEY, policies, status=OFFLINE)
    assert [(copy.policy_id, copy.valid_period, copy.price) for copy in stored.policies] == [
        (3, 3, 10000),
        (2, 7, 10000),
        (1, 360, 30000),
    ]
    chosen = stored.policy(2)
    assert chosen is not None
    assert chosen.price == 10000
    assert stored.policy(4) is None


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "====", "AAAA", base64.urlsafe_b64encode(b"1#2").decode(), "a" * 400]
    + [
        base64.urlsafe_b64encode(text.encode()).decode()
        for text in ("00000000001#000000000000000x", "00000000001#0000000000000001\n", "١0000000001#0000000000000001")
    ],
)  # fmt: skip
def test_a_cursor_that_the_list_did_not_make_is_refused_before_any_store_is_asked(cursor: str) -> None:
    with pytest.raises(InvalidPage):
        catalog.list_courses("course", None, 10, cursor)


def test_the_thirteen_validity_periods_have_their_names() -> None:
    assert [period_name(days) for days in sorted(VALID_PERIODS)] == [
        "1天", "3天", "1周", "2周", "1个月", "2个月", "3个月", "4个月", "6个月", "12个月", "18个月", "24个月", "永久",
    ]  # fmt: skip
    assert period_name(10) == "10天"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("https://img.test/a.png", "https://img.test/a.png"),
        ("images/a.png", "http://shop.test/images/a.png"),
        ("/images/a.png", "http://shop.test/images/a.png"),
        ("", "http://shop.test/images/course.svg"),
    ],
)
def test_a_picture_is_an_absolute_address(stored: str, shown: str) -> None:
    assert row(100, course_img=stored)["course_img"] == shown


def test_the_detail_id_of_a_list_row_is_text_or_null() -> None:
    assert row(100)["coursedetail_id"] == "70"
    assert row(100, detail_id=None)["coursedetail_id"] is None


def test_course_keys_go_to_text_and_back() -> None:
    for key, text, map_key in (
        (CourseKey("course", 1), "course#1", "1"),
        (CourseKey("degree_course", 3), "degree_course#3", "degree_course#3"),
    ):
        assert (str(key), key.map_key, CourseKey.parse(text)) == (text, map_key, key)


def test_no_price_becomes_a_binary_fraction_on_the_way_out() -> None:
    from chalicelib.money import to_yuan
    from chalicelib.web.shop_app import json_response

    body = {"price": [to_yuan(fen) for fen in (9990, 12345, 1, 10, 0, 9_999_999_999)]}
    assert json_response(body).body == '{"price":[99.9,123.45,0.01,0.1,0.0,99999999.99]}'
    assert isinstance(to_yuan(1), Decimal)
