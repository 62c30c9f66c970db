"""The numbers of an order's trades."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.trade import MAX_NUMBER, MAX_TRADES, free_number

ORDER = "20261128135901123ABCDEFGHIJ"
KINDS = [(ALIPAY, None), *((WECHAT, way) for way in Way)]


def test_the_first_trade_has_the_orders_number_where_no_way_needs_its_own() -> None:
    assert free_number(ORDER, ALIPAY, None, []) == ORDER
    assert [free_number(ORDER, WECHAT, way, []) for way in Way] == [f"{ORDER}{letter}" for letter in "NHJ"]


def test_a_number_that_was_used_gets_a_letter_and_then_a_count() -> None:
    assert free_number(ORDER, ALIPAY, None, [ORDER]) == f"{ORDER}A"
    assert free_number(ORDER, ALIPAY, None, [ORDER, f"{ORDER}A"]) == f"{ORDER}A2"
    assert free_number(ORDER, WECHAT, Way.H5, [ORDER, f"{ORDER}H", f"{ORDER}H2"]) == f"{ORDER}H3"


@given(st.lists(st.sampled_from(KINDS), max_size=MAX_TRADES))
def test_all_numbers_of_an_order_differ_and_suit_every_provider(begun: list[tuple[str, str | None]]) -> None:
    numbers: list[str] = []
    for provider, way in begun:
        numbers.append(free_number(ORDER, provider, way, numbers))
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(rf"[0-9A-Za-z_]{{6,{MAX_NUMBER}}}", number) for number in numbers)
