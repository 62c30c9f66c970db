"""The best combination against brute force."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import BelowMinimum
from chalicelib.shop import coupon
from chalicelib.shop.best_combination import best_combination
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.settlement import DueLine, settle

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def a_record(
    coupon_type: str, value: int = 0, off_percent: int | None = None, minimum: int = 0
) -> CouponRecord:
    offer = coupon.offer_item(
        1,
        name="券",
        coupon_type=coupon_type,
        value=value,
        off_percent=off_percent,
        minimum=minimum,
        quantity=1,
        open_at=NOW,
        close_at=NOW,
        valid_from=NOW,
        valid_until=NOW + timedelta(days=1),
        created_at=NOW,
    )
    return coupon.record_item(offer, 1, 1, NOW)


amounts = st.one_of(st.integers(0, 40), st.integers(0, 30000))
records = st.one_of(
    st.builds(lambda value: a_record(coupon.IMMEDIATE, value=value), amounts),
    st.builds(lambda value, minimum: a_record(coupon.FULL, value=value, minimum=minimum), amounts, amounts),
    st.builds(lambda percent: a_record(coupon.PERCENT, off_percent=percent), st.integers(1, 100)),
)
lines = st.lists(st.tuples(amounts, st.lists(records, max_size=3)), min_size=1, max_size=4)


def brute_force(
    prices: list[int], line_coupons: list[list[CouponRecord]], general: list[CouponRecord]
) -> int:
    best = sum(prices)
    for chosen in itertools.product(*([None, *mine] for mine in line_coupons)):
        for whole in (None, *general):
            try:
                priced = [
                    DueLine(CourseKey("course", i), price, record)
                    for i, (price, record) in enumerate(zip(prices, chosen, strict=True))
                ]
                best = min(best, settle(priced, whole, 0).payable)
            except BelowMinimum:
                continue
    return best


@settings(max_examples=400, deadline=None)
@given(lines, st.lists(records, max_size=3))
def test_no_other_combination_is_cheaper(
    chosen: list[tuple[int, list[CouponRecord]]], general: list[CouponRecord]
) -> None:
    prices, line_coupons = [price for price, _ in chosen], [mine for _, mine in chosen]
    found = best_combination(prices, line_coupons, general)
    assert found.total == brute_force(prices, line_coupons, general)
    priced = [
        DueLine(CourseKey("course", i), price, record)
        for i, (price, record) in enumerate(zip(prices, found.coupons, strict=True))
    ]
    assert settle(priced, found.general_coupon, 0).payable == found.total


def test_a_course_coupon_that_would_break_the_general_minimum_is_left_out() -> None:
    found = best_combination(
        [10000],
        [[a_record(coupon.IMMEDIATE, value=1000)]],
        [a_record(coupon.FULL, value=5000, minimum=10000)],
    )
    assert (found.coupons, found.total) == ((None,), 5000)


def test_a_coupon_that_saves_nothing_is_not_spent() -> None:
    found = best_combination(
        [3000], [[a_record(coupon.IMMEDIATE, value=1000)]], [a_record(coupon.IMMEDIATE, value=5000)]
    )
    assert found.coupons == (None,)
    assert found.general_coupon is not None
    assert found.total == 0


def test_forty_lines_with_ten_coupons_each_and_a_high_minimum_are_computed() -> None:
    prices = [100_000 + 137 * i for i in range(40)]
    mine = [[a_record(coupon.IMMEDIATE, value=1000 * k + i) for k in range(10)] for i in range(40)]
    minimum = sum(prices) - 123_457
    found = best_combination(prices, mine, [a_record(coupon.FULL, value=1_000_000, minimum=minimum)])
    assert found.general_coupon is not None
    assert found.total >= minimum - 1_000_000


def test_many_minimums_cost_hardly_more_than_one_and_one_out_of_reach_nothing() -> None:
    prices = [200_000 + 137 * i for i in range(40)]
    mine = [[a_record(coupon.IMMEDIATE, value=18_000 * k + i) for k in range(1, 11)] for i in range(40)]
    general = [a_record(coupon.FULL, value=1000 + i, minimum=sum(prices) - 1234 * (i + 1)) for i in range(60)]
    out_of_reach = a_record(coupon.FULL, value=10**9, minimum=2 * 10**9)
    begun = time.process_time()
    found = best_combination(prices, mine, [*general, out_of_reach])
    assert time.process_time() - begun < 5
    assert found.general_coupon is None, "ten coupons a line save more than a minimum that forbids them"
