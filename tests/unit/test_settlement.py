"""The arithmetic of a purchase, to the fen: the contract's examples, and the laws of every purchase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chalicelib.errors import BelowMinimum
from chalicelib.money import percent
from chalicelib.shop import coupon
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.settlement import DueLine, Settlement, settle

NOW = datetime(2026, 3, 1, tzinfo=UTC)

unhurried = settings(deadline=None)


def a_record(
    coupon_type: str, *, value: int = 0, off_percent: int | None = None, minimum: int = 0
) -> CouponRecord:
    """A coupon of the given rules; whose it is and for what does not matter to the arithmetic."""
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


def immediate(value: int) -> CouponRecord:
    return a_record(coupon.IMMEDIATE, value=value)


def full(minimum: int, value: int) -> CouponRecord:
    return a_record(coupon.FULL, minimum=minimum, value=value)


def percentage(off_percent: int) -> CouponRecord:
    return a_record(coupon.PERCENT, off_percent=off_percent)


def settled(
    *lines: int | tuple[int, CouponRecord], general: CouponRecord | None = None, beli: int = 0
) -> Settlement:
    """A settlement of lines given by their price, with a coupon where there is one."""
    priced = [
        DueLine(CourseKey(COURSE, number), *(line if isinstance(line, tuple) else (line,)))
        for number, line in enumerate(lines)
    ]
    return settle(priced, general, beli)


# The contract's examples


@pytest.mark.parametrize(
    ("record", "due"),
    [(immediate(20000), 10000), (full(10000, 5000), 25000), (percentage(80), 24000)],
    ids=["立减200", "满100减50", "八折"],
)
def test_a_price_of_300_under_each_type_of_coupon(record: CouponRecord, due: int) -> None:
    assert settled((30000, record)).payable == due
    assert settled(30000, general=record).payable == due


def test_a_sum_of_fractions_is_exact() -> None:
    assert settled(9990, 12345).payable == 22335


def test_eight_tenths_of_a_sum_are_rounded_half_up_to_the_fen() -> None:
    assert settled(9990, 1999, 12345, general=percentage(80)).payable == 19467  # 194.672


def test_five_fen_cost_one_beli() -> None:
    amounts = settled(5, beli=100)
    assert (amounts.payable, amounts.beli, amounts.beli_discount) == (0, 1, 5)


# Rules


def test_the_courses_coupon_comes_first_then_the_general_one_then_beli() -> None:
    amounts = settled((30000, immediate(20000)), 20000, general=percentage(50), beli=100)
    # 300 - 200 = 100, with 200 it is 300, half of it 150, less 100 beli is 140.
    assert [line.rebate_price for line in amounts.lines] == [10000, 20000]
    assert amounts.general_discount == 15000
    assert amounts.beli == 100
    assert amounts.payable == 14000


def test_a_coupon_worth_more_than_the_price_leaves_zero() -> None:
    assert settled((1000, immediate(20000))).payable == 0
    assert settled((20000, full(10000, 50000))).payable == 0
    assert settled(1000, 500, general=immediate(20000)).payable == 0


def test_a_minimum_is_compared_with_the_price_before_the_coupon_and_may_just_be_reached() -> None:
    assert settled((10000, full(10000, 5000))).payable == 5000
    with pytest.raises(BelowMinimum) as refusal:
        settled((9999, full(10000, 5000)))
    assert refusal.value.facts == {"coupon": "券", "minimum": 10000}


def test_the_general_coupons_minimum_is_compared_with_what_the_courses_coupons_leave() -> None:
    assert settled((30000, immediate(20000)), general=full(10000, 5000)).payable == 5000
    with pytest.raises(BelowMinimum):
        settled((30000, immediate(20001)), general=full(10000, 5000))


def test_beli_that_are_more_than_the_sum_are_kept() -> None:
    amounts = settled(1000, beli=5000)
    assert (amounts.payable, amounts.beli) == (0, 100)


def test_all_beli_are_spent_when_they_are_not_enough() -> None:
    amounts = settled(1001, beli=7)
    assert (amounts.payable, amounts.beli, amounts.beli_discount) == (931, 7, 70)


def test_no_beli_are_spent_on_nothing() -> None:
    amounts = settled(0, (5000, immediate(5000)), beli=100)
    assert (amounts.payable, amounts.beli, amounts.beli_discount) == (0, 0, 0)
    assert [line.beli for line in amounts.lines] == [0, 0]


def test_discounts_on_the_whole_order_are_split_by_largest_remainder() -> None:
    amounts = settled(10000, 10000, 10000, general=immediate(10000), beli=10)
    assert [line.general_share for line in amounts.lines] == [3334, 3333, 3333]
    assert [line.beli_share for line in amounts.lines] == [33, 34, 33]  # of 6666, 6667, 6667
    assert [line.beli for line in amounts.lines] == [3, 4, 3]
    assert [line.payable for line in amounts.lines] == [6633, 6633, 6634]


# What holds for every purchase

Purchase = tuple[list[int | tuple[int, CouponRecord]], CouponRecord | None, int]
"""Lines, the general coupon, the balance of beli."""

prices = st.one_of(st.integers(min_value=0, max_value=50), st.integers(min_value=0, max_value=250_000_000))
records = st.one_of(
    st.builds(immediate, st.integers(min_value=0, max_value=30_000_000)),
    st.builds(
        full,
        st.integers(min_value=0, max_value=5_000),
        st.integers(min_value=0, max_value=30_000_000),
    ),
    st.builds(percentage, st.integers(min_value=1, max_value=100)),
)
lines = st.lists(
    st.one_of(prices, st.tuples(prices, records)),
    min_size=1,
    max_size=12,
)
balances = st.one_of(st.integers(min_value=0, max_value=20), st.integers(min_value=0, max_value=10**9))
purchases = st.tuples(lines, st.none() | records, balances)


def settled_or_not_wanted(
    chosen: Purchase,
) -> Settlement:
    given_lines, general, beli = chosen
    try:
        return settled(*given_lines, general=general, beli=beli)
    except BelowMinimum:
        assume(False)
        raise


@unhurried
@given(purchases)
@example(([0, 0], None, 5))
@example(([1, 1, 1], percentage(50), 1))
def test_what_is_due_for_the_lines_adds_up_to_what_is_due(
    chosen: Purchase,
) -> None:
    amounts = settled_or_not_wanted(chosen)
    rebates = sum(line.rebate_price for line in amounts.lines)
    assert sum(line.payable for line in amounts.lines) == amounts.payable
    assert amounts.payable == rebates - amounts.general_discount - amounts.beli_discount
    assert sum(line.general_share for line in amounts.lines) == amounts.general_discount
    assert sum(line.beli_share for line in amounts.lines) == amounts.beli_discount
    assert sum(line.beli for line in amounts.lines) == amounts.beli


@unhurried
@given(purchases)
def test_nothing_is_ever_below_zero_or_above_its_price(
    chosen: Purchase,
) -> None:
    for line in settled_or_not_wanted(chosen).lines:
        assert 0 <= line.rebate_price <= line.price
        assert line.general_share >= 0
        assert line.beli_share >= 0
        assert line.beli >= 0
        assert 0 <= line.payable <= line.rebate_price


@unhurried
@given(purchases)
def test_beli_spent_are_the_fewest_that_give_the_payable_amount(
    chosen: Purchase,
) -> None:
    amounts = settled_or_not_wanted(chosen)
    balance = chosen[2]
    before = sum(line.rebate_price - line.general_share for line in amounts.lines)
    assert amounts.payable == max(0, before - balance * 10)
    assert 0 <= amounts.beli <= balance
    assert max(0, before - amounts.beli * 10) == amounts.payable
    assert amounts.beli == 0 or max(0, before - (amounts.beli - 1) * 10) > amounts.payable


@unhurried
@given(st.lists(prices, min_size=1, max_size=8), st.integers(min_value=1, max_value=100))
def test_a_general_percentage_is_rounded_once_on_the_sum(given_prices: list[int], off_percent: int) -> None:
    amounts = settled(*given_prices, general=percentage(off_percent))
    assert amounts.payable == percent(sum(given_prices), off_percent)


@unhurried
@given(st.lists(prices, min_size=2, max_size=8), st.data())
def test_shares_are_in_proportion_to_the_fen(given_prices: list[int], data: st.DataObject) -> None:
    whole = sum(given_prices)
    discount = data.draw(st.integers(min_value=0, max_value=whole))
    amounts = settled(*given_prices, general=immediate(discount))
    for line in amounts.lines:
        assert whole == 0 or abs(line.general_share * whole - discount * line.price) < whole
