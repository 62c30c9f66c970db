"""Rows of old orders -> orders with payments, enrollments and refunds. Reads and writes nothing; BadValue refuses.

The old system rounded no line and stored no discount on the whole order: the lines' excess over the amount was such a
discount, and is split over them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib import money
from chalicelib.errors import IdTaken
from chalicelib.manage.legacy import SOURCE
from chalicelib.manage.legacy.values import BadValue, Row, blaming
from chalicelib.money import Fen
from chalicelib.shop import enrollment, order, payment, refund
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.payment import Payment
from chalicelib.shop.payment_type import ALIPAY, BELI, COUPON, UNIONPAY, WECHAT
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.storage.dynamodb import StoredItem, Transaction

STATES = {
    0: order.PAID,
    1: order.PLACED,
    2: order.REFUNDING,
    3: order.REFUNDED,
    4: order.CANCELLED,
    5: order.EXPIRED,
}
PAYMENT_TYPES = {0: WECHAT, 1: ALIPAY, 2: COUPON, 3: BELI, 4: UNIONPAY}

ASK_FOR = timedelta(days=1)
"""An order unpaid for less than this may have been paid while the old system went down: it comes in open, and the timer
queries the provider. Older ones come in as expired.
"""
_CLOCKS_DIFFER = timedelta(days=1)
_CAUSE = Cause(By.IMPORT, "of the old system")
_LONG_UNPAID = Cause(By.IMPORT, f"{_CAUSE.detail}: unpaid for too long")
_OLD_APPLICATION = "在旧系统中申请"


@dataclass(frozen=True)
class Sold:
    """A course as order lines copy it, with its policies' ids by their days."""

    key: CourseKey
    name: str
    image: str
    policy_ids: Mapping[int, int]


@dataclass(frozen=True)
class ImportedOrder:
    """An order with its items: the pointer first, then the order, then the rest."""

    order: Order
    items: tuple[StoredItem, ...]
    is_open: bool
    remark: str | None

    def write(self, transaction: Transaction) -> None:
        """Add all items to a transaction. Refusal: IdTaken."""
        refusal = IdTaken(order=self.order.number)
        items = list(self.items)
        if self.is_open:
            # On its timetable from the day it was placed, so it is due at once.
            first_query = self.order.next_query_at(self.order.placed_at) or self.order.expires_at
            order.place(transaction, self.order, first_query)
            items = items[2:]
        for item in items:
            transaction.put_new(item, refusal)


def split_amounts(prices: Sequence[Decimal], amount: Fen) -> tuple[list[Fen], list[Fen]]:
    """Lines' exact prices in yuan and the amount paid for all -> each line's price, and its share of the discount.

    Prices are rounded half up; where the old system rounded their sum only, the lines that lost most are rounded up
    instead. Price minus share, summed, is the amount. Raises BadValue when more was paid than the lines cost.
    """
    exact = [price * 100 for price in prices]
    fen = [money.from_legacy_yuan(float(price)) for price in prices]
    lost = sorted((i for i in range(len(fen)) if exact[i] > fen[i]), key=lambda i: fen[i] - exact[i])
    excess = amount - sum(fen)
    if excess > len(lost):
        raise BadValue("actual_amount is more than its lines cost")
    for i in lost[: max(0, excess)]:
        fen[i] += 1
    return fen, money.split(sum(fen) - amount, fen)


def imported_order(
    row: Row, lines: Sequence[Row], courses: Sequence[Sold], order_life: timedelta, now: datetime
) -> ImportedOrder:
    """An order of its rows; `courses` are those of the lines. `order_life` is how long an order lives unpaid."""
    number = row.text("order_number", 128)
    if not order.is_number(number) or len(number) > refund.MAX_ORDER_NUMBER:
        raise BadValue(f"order_number is none: 1 to {refund.MAX_ORDER_NUMBER} letters, digits and _")
    row.check_id()
    status = row.choice("status", STATES)
    placed_at = row.moment("date", latest=now + _CLOCKS_DIFFER)
    paid_at = row.optional_moment("pay_time", latest=now + _CLOCKS_DIFFER) or placed_at
    ended_at = row.optional_moment("cancel_time", latest=now + _CLOCKS_DIFFER)
    amount = row.fen("actual_amount")
    prices, shares = split_amounts([_price(line) for line in lines], amount)
    payment_type = row.choice("payment_type", PAYMENT_TYPES)
    trade_no = _trade_number(row)
    expires_at = (placed_at + order_life).replace(microsecond=0)

    too_old = status == order.PLACED and now - placed_at >= max(ASK_FOR, order_life)
    if too_old:
        status, ended_at = order.EXPIRED, expires_at
    times: dict[str, Any] = {}
    was_paid = status in (order.PAID, order.REFUNDING, order.REFUNDED)
    if was_paid:
        times |= {"paid_at": paid_at, "trade_no": trade_no}
    if status == order.REFUNDED:
        times["refunded_at"] = max(ended_at or paid_at, paid_at)
    if status in (order.CANCELLED, order.EXPIRED):
        times["closed_at"] = ended_at or (expires_at if status == order.EXPIRED else placed_at)

    imported = order.order_item(
        number,
        row.reference("account_id"),
        placed_at,
        status=status,
        payment_type=payment_type,
        amount=amount,
        lines=[
            _line(line, sold, price, share)
            for line, sold, price, share in zip(lines, courses, prices, shares, strict=True)
        ],
        general_discount=sum(shares),
        title=order.title([sold.name for sold in courses]),
        expires_at=expires_at,
        source=SOURCE,
        **times,
    )
    items: list[StoredItem] = [order.pointer_item(imported), imported]
    items.append(order.event_item(imported, What.IMPORTED, _CAUSE, now))
    if too_old:
        # After the other event: events of one moment have no order.
        after = now + timedelta(microseconds=1)
        items.append(order.event_item(imported, What.EXPIRED, _LONG_UNPAID, after))
    if was_paid:
        items += _delivered(imported, now)
    if status == order.REFUNDING:
        # Somebody has to decide it, here: the old system kept no more than that it was applied for.
        imported.requested_lines = list(range(len(imported.lines)))
        items.append(
            refund.application(imported, imported.requested_lines, _OLD_APPLICATION, now, f"{number}_OLD")
        )
    remark = None
    if too_old:
        remark = f"long unpaid, so it came in as {order.STATUS_NAMES[order.EXPIRED]}"
    elif status == order.PLACED:
        remark = "it still waits for its payment: it came in open, and the timer asks the provider about it"
    return ImportedOrder(imported, tuple(items), status == order.PLACED, remark)


def _trade_number(row: Row) -> str | None:
    trade_no = row.optional_text("payment_number", 128)
    if trade_no is not None and not re.fullmatch(r"[!-~]+", trade_no):
        raise BadValue("payment_number is no trade number")
    return trade_no


def _price(row: Row) -> Decimal:
    with blaming(row):
        return row.exact_yuan("price")


def _line(row: Row, sold: Sold, price: Fen, share: Fen) -> OrderLine:
    with blaming(row):
        days = row.whole("valid_period", 1, PERMANENT_DAYS)
        days_text = row.name("valid_period_display", 32)
        original_price = max(row.fen("original_price"), price)
    return OrderLine(  # type: ignore[no-untyped-call]
        course_type=sold.key.course_type,
        course_id=sold.key.course_id,
        course_name=sold.name,
        course_img=sold.image,
        policy_id=sold.policy_ids.get(days),
        valid_period=days,
        valid_period_name=days_text,
        original_price=original_price,
        price=price,
        general_share=share,
        payable=price - share,
    )


def _delivered(imported: Order, now: datetime) -> list[StoredItem]:
    """The payment and the enrollments of a paid order."""
    items: list[StoredItem] = []
    provider = imported.payment_type
    if imported.trade_no and imported.amount and provider in (WECHAT, ALIPAY, UNIONPAY):
        received: Payment = payment.payment_item(
            imported,
            provider,
            imported.trade_no,
            imported.amount,
            payment.APPLIED,
            _CAUSE,
            paid_at=imported.paid_at,
            now=now,
        )
        items.append(received)
    for position, line in enumerate(imported.lines):
        granted = enrollment.slice_item(
            imported.user_id,
            line.course,
            line.course_name,
            imported.number,
            position,
            line.valid_period,
            imported.paid_at,
        )
        granted.withdrawn_at = imported.refunded_at
        granted.paused_at = now if imported.status == order.REFUNDING else None
        granted.source = SOURCE
        items.append(granted)
    return items
