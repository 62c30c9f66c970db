"""Orders in memory: their numbers, their titles, until when they can be paid."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidPage
from chalicelib.shop import coupon, order
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.shop.settlement import DueLine, settle

NOW = datetime(2026, 3, 1, 15, 59, 59, 987654, tzinfo=UTC)


def an_order(**attributes: Any) -> Order:
    given_attributes: dict[str, Any] = {
        "status": order.PLACED,
        "payment_type": ALIPAY,
        "amount": 100,
        "lines": [],
        "title": "课程",
        "expires_at": NOW + timedelta(minutes=30),
    }
    return order.order_item("N1", 7, NOW, **(given_attributes | attributes))


def a_line(coupon_record_id: int | None) -> OrderLine:
    return OrderLine(course_type="course", course_id=1, coupon_record_id=coupon_record_id)


def test_a_number_is_beijing_time_to_the_millisecond_and_ten_random_characters() -> None:
    number = order.new_number(NOW)
    assert re.fullmatch(r"20260301235959987[0-9A-Z]{10}", number)


def test_a_number_fits_alipay_and_wechat_pay() -> None:
    assert re.fullmatch(r"[0-9A-Za-z_]{6,32}", order.new_number(NOW))


def test_numbers_of_one_moment_differ() -> None:
    assert len({order.new_number(NOW) for _ in range(2000)}) == 2000


def test_numbers_sort_by_time() -> None:
    moments = [NOW, NOW + timedelta(milliseconds=1), NOW + timedelta(hours=1), NOW + timedelta(days=400)]
    numbers = [order.new_number(moment) for moment in moments]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("number", ["1", "20260301235959987ABCDEFGHIJ", "a_b", "9" * 64])
def test_old_numbers_are_numbers_too(number: str) -> None:
    assert order.is_number(number)


@pytest.mark.parametrize(
    "number", ["", "9" * 65, "a-b", "a#b", "a b", "a\n", "１２", "订单", "\ud800", "../x", None, 5, ["1"]]
)
def test_nothing_else_is_a_number(number: object) -> None:
    assert not order.is_number(number)


def test_a_title_is_the_first_courses_name_and_their_number() -> None:
    assert order.title(["Python基础"]) == "Python基础"
    assert order.title(["Python基础", "Django", "C/C++ {1}"]) == "Python基础 等3门课程"
    assert order.title(["C/C++ {1}"]) == "C/C++ {1}"


def test_a_pay_page_may_be_opened_with_90_seconds_left_and_not_with_less() -> None:
    placed = an_order()
    assert placed.can_be_sent_to_pay(placed.expires_at - timedelta(seconds=90))
    assert not placed.can_be_sent_to_pay(
        placed.expires_at - timedelta(seconds=90) + timedelta(microseconds=1)
    )
    assert not placed.can_be_sent_to_pay(placed.expires_at + timedelta(days=1))


@pytest.mark.parametrize(
    "status", [order.PAID, order.REFUNDING, order.REFUNDED, order.CANCELLED, order.EXPIRED]
)
def test_only_an_open_order_can_be_paid(status: str) -> None:
    assert not an_order(status=status).can_be_sent_to_pay(NOW)


def test_an_order_of_zero_is_never_sent_to_pay() -> None:
    assert not an_order(amount=0).can_be_sent_to_pay(NOW)


def test_every_status_has_the_documents_text() -> None:
    assert order.STATUS_NAMES == {
        "placed": "待支付",
        "paid": "交易成功",
        "refunding": "退费申请中",
        "refunded": "已退费",
        "cancelled": "主动取消",
        "expired": "超时取消",
    }


def test_an_order_knows_all_its_coupon_records_the_general_one_last() -> None:
    placed = an_order(lines=[a_line(5), a_line(None), a_line(3)], general_coupon_record_id=9)
    assert placed.coupon_record_ids() == [5, 3, 9]
    assert an_order(lines=[a_line(None)]).coupon_record_ids() == []


@pytest.mark.parametrize(
    "cursor", ["!", "abc", "T1JERVIj", "é", "VVNFUiMx", "T1JERVIjMjAyNjAzMDFUMTIwMDAwMDAwMDAwWiM=", "=" * 400]
)
def test_a_cursor_that_the_list_did_not_give_is_refused_before_any_store_is_asked(cursor: str) -> None:
    with pytest.raises(InvalidPage):
        order.list_orders(7, 10, cursor)


# What goes back


def an_order_with(prices: list[int], minimum: int, value: int, beli: int) -> Order:
    """A paid order of lines at these prices (fen), with a general 满减券 and some beli."""
    general = CouponRecord("USER#7", "R", name="券", coupon_type=coupon.FULL, minimum=minimum, value=value)
    settled = settle(
        [DueLine(CourseKey("course", at), price) for at, price in enumerate(prices)], general, beli
    )
    lines = [
        OrderLine(
            course_type="course",
            course_id=line.course.course_id,
            original_price=line.price,
            price=line.rebate_price,
            general_share=line.general_share,
            beli_share=line.beli_share,
            beli=line.beli,
            payable=line.payable,
        )
        for line in settled.lines
    ]
    return an_order(status=order.PAID, lines=lines, amount=settled.payable, general_minimum=minimum)


def refund(paid: Order, lines: list[int]) -> int:
    """Refund some lines, in memory -> what goes back."""
    back = paid.refundable(lines)
    paid.refunded_lines = sorted([*paid.refunded_lines, *lines])
    paid.refunded_amount += back
    return back


def test_a_line_kept_below_the_coupons_minimum_costs_its_full_price() -> None:
    paid = an_order_with([10900, 10000], minimum=20000, value=5000, beli=0)
    assert paid.lines[0].payable == 8292
    assert refund(paid, [1]) == 15900 - 10900
    assert refund(paid, [0]) == 10900


def test_lines_that_still_reach_the_minimum_keep_their_shares() -> None:
    paid = an_order_with([10000, 10000, 10000], minimum=20000, value=3000, beli=0)
    assert refund(paid, [0]) == 9000
    assert refund(paid, [1]) == 18000 - 10000
    assert refund(paid, [2]) == 10000


def test_nothing_goes_back_while_the_kept_lines_cost_more_than_was_paid() -> None:
    paid = an_order_with([6000, 6000], minimum=10000, value=9000, beli=0)
    assert refund(paid, [0]) == 0
    assert refund(paid, [1]) == 3000


def test_an_order_without_a_minimum_gives_back_what_was_paid_for_the_lines() -> None:
    paid = an_order_with([6000, 4000], minimum=10000, value=1000, beli=0)
    paid.general_minimum = None
    assert refund(paid, [0]) == paid.lines[0].payable


@settings(deadline=None)
@given(
    prices=st.lists(st.integers(0, 50_000), min_size=1, max_size=6),
    minimum=st.integers(0, 120_000),
    value=st.integers(0, 60_000),
    beli=st.integers(0, 3_000),
    data=st.data(),
)
def test_lines_refunded_in_any_order_give_back_exactly_what_was_paid(
    prices: list[int], minimum: int, value: int, beli: int, data: st.DataObject
) -> None:
    assume(sum(prices) >= minimum)
    paid = an_order_with(prices, minimum, value, beli)
    left = data.draw(st.permutations(range(len(prices))))
    while left:
        some = data.draw(st.integers(1, len(left)))
        back = refund(paid, sorted(left[:some]))
        assert back >= 0 and paid.refunded_amount <= paid.amount
        left = left[some:]
        kept = [paid.lines[position] for position in paid.open_lines()]
        # The school keeps what the kept lines cost, where so much was paid at all.
        cost = sum(line.payable for line in kept)
        if sum(line.price for line in kept) < minimum:
            cost = sum(line.price - line.beli_share for line in kept)
        if back:
            assert paid.amount - paid.refunded_amount == cost
    assert paid.refunded_amount == paid.amount
