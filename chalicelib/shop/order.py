"""Orders: placed with copied names and prices, then paid, refunded, cancelled or expired.

An order lies in its user's partition, sorted by time; pointer items lead there from its number and from those of its
trades. An open order is in the work index until it is final. Each change is written with an event that names its cause.
"""

from __future__ import annotations

import logging
import re
import secrets
import string
import time
from collections.abc import Collection, Container
from datetime import datetime, timedelta
from typing import Any, cast

from msgspec import Struct
from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import (
    IdTaken,
    LeaseTaken,
    NothingToResolve,
    OrderClosed,
    OrderNotFound,
    ProviderChanged,
    RefundFinished,
    RefundNotAllowed,
    ShopError,
    TooManyTrades,
    TradesChanged,
)
from chalicelib.money import Fen
from chalicelib.request_log import add_fields
from chalicelib.shop import message
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.shop.caller import Caller
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.event import By, Cause, CauseAttribute, What
from chalicelib.shop.partition import list_page, list_partition, partition, sortable
from chalicelib.shop.payment_type import PAYMENT_NAMES
from chalicelib.shop.trade import MAX_NUMBER, MAX_TRADES, Trade, a_trade, free_number
from chalicelib.shop.work import LEASE, WorkItem, due_actions
from chalicelib.storage.dynamodb import (
    CodedText,
    ItemKey,
    MapList,
    Transaction,
    UserItem,
    WholeNumber,
    find,
    refusing,
)

log = logging.getLogger(__name__)

PLACED, PAID, REFUNDING, REFUNDED, CANCELLED, EXPIRED = (
    "placed",
    "paid",
    "refunding",
    "refunded",
    "cancelled",
    "expired",
)
STATUS_NAMES = {
    PLACED: "待支付",
    PAID: "交易成功",
    REFUNDING: "退费申请中",
    REFUNDED: "已退费",
    CANCELLED: "主动取消",
    EXPIRED: "超时取消",
}
"""Status -> the document's text."""

_DELIVERED = (PAID, REFUNDING, REFUNDED)

PAY_MARGIN = timedelta(seconds=90)
"""An order with less time left than this is no longer sent to pay."""
CLOSE_MARGIN = timedelta(minutes=5)
"""How long after its expiry an order that the provider does not know may still be paid there."""

_EARLY_QUERIES = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 10, 30))
_LATE_QUERIES = (
    timedelta(),
    timedelta(minutes=30),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=3),
)
_SKIPPED_WHILE_UNSEEN = (timedelta(minutes=3), timedelta(minutes=30))
"""Queries, after placing and after expiry, left out while the provider does not know the order: nobody has scanned its
code or signed in to pay it.
"""
_SHORTEST_ASK = timedelta(seconds=5)
_PATIENCE = timedelta(minutes=30)
"""How long after its expiry an order whose payment is unclear is flagged."""

_PREFIX = "ORDER#"
_RANDOM_CHARACTERS = string.digits + string.ascii_uppercase

MAX_RELOADS = 4
"""How often a flow reads an order anew that others change at the same moment."""

TOLD = {
    What.PAID: message.Event.ORDER_PAID,
    What.REOPENED: message.Event.ORDER_PAID,
    What.REFUND_APPROVED: message.Event.REFUND_APPROVED,
    What.REFUND_REFUSED: message.Event.REFUND_REFUSED,
    What.LINES_REFUNDED: message.Event.REFUND_DONE,
    What.REFUNDED: message.Event.REFUND_DONE,
    What.LATE_PAYMENT_REFUNDED: message.Event.REFUND_DONE,
    What.DUPLICATE_PAYMENT_REFUNDED: message.Event.REFUND_DONE,
}
"""What a learner is told of: the changes of an order, and the message about each."""

MAX_WITHDRAWALS = 5
"""How many of its applications for a refund a learner may withdraw of one order: each adds to its history."""


class OrderLine(MapAttribute[str, object]):
    """One course of an order, as it was when the order was placed. All amounts in fen.

    original_price: the policy's; price: after the course's coupon; general_share, beli_share: its parts of
    the discounts on the whole order; beli: its part of the beli spent; payable: what is due for it in money;
    is_free_once: its free term can be had once.
    """

    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    course_img = UnicodeAttribute()
    policy_id = WholeNumber(null=True)
    valid_period = WholeNumber()
    valid_period_name = UnicodeAttribute()
    original_price = WholeNumber()
    price = WholeNumber()
    coupon_record_id = WholeNumber(null=True)
    coupon_name = UnicodeAttribute(null=True)
    general_share = WholeNumber(default=0)
    beli_share = WholeNumber(default=0)
    beli = WholeNumber(default=0)
    payable = WholeNumber()
    is_free_once = BooleanAttribute(null=True)

    @property
    def course(self) -> CourseKey:
        """The course the line is for."""
        return CourseKey(self.course_type, self.course_id)


class Order(WorkItem, AttentionItem, discriminator="ORDER"):
    """An order. Amounts in fen: `amount` is what is due in money, the sum of the lines' `payable`.

    `title` and `expires_at` are what its provider is told, each time the same. `general_minimum` is the
    least price of the lines that its general coupon, a 满减券, is good for. `requested_lines` and
    `refunded_lines` are positions in `lines`; `refunded_amount` is money that went back for them; `withdrawals`
    counts the applications that the learner withdrew. `asked_at` is when a learner's page last had the provider
    queried. `problem` is why the order is flagged, if it is.

    `payment_type` is the provider chosen now, in the end the one that was paid; `trades` are those that were begun, in
    that order, as `begun` reads them. `trade_no` is the paid trade's number at the provider, `trade_number` ours, None
    where that is the order's.
    """

    number = UnicodeAttribute()
    user_id = WholeNumber()
    status = UnicodeAttribute()
    payment_type = CodedText(PAYMENT_NAMES)
    amount = WholeNumber()
    lines = MapList(of=OrderLine)
    general_coupon_record_id = WholeNumber(null=True)
    general_coupon_name = UnicodeAttribute(null=True)
    general_discount = WholeNumber(default=0)
    general_minimum = WholeNumber(null=True)
    beli = WholeNumber(default=0)
    beli_discount = WholeNumber(default=0)
    title = UnicodeAttribute(attr_name="subject")
    placed_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    paid_at = UTCDateTimeAttribute(null=True)
    closed_at = UTCDateTimeAttribute(null=True)
    refunded_at = UTCDateTimeAttribute(null=True)
    trades = MapList(of=Trade, null=True)
    trade_no = UnicodeAttribute(null=True)
    trade_number = UnicodeAttribute(null=True)
    requested_lines: ListAttribute[Any] = ListAttribute(of=WholeNumber, default=list)
    refunded_lines: ListAttribute[Any] = ListAttribute(of=WholeNumber, default=list)
    refunded_amount = WholeNumber(default=0)
    withdrawals = WholeNumber(default=0)
    asked_at = UTCDateTimeAttribute(null=True)
    problem = UnicodeAttribute(null=True, attr_name="trouble")

    def is_open(self) -> bool:
        """Whether the order still waits for its payment."""
        return bool(self.status == PLACED)

    def begun(self) -> list[Trade]:
        """The trades that were begun, oldest first: each may have been paid. An order without a list has one, by its
        own number.
        """
        return [a_trade(self.payment_type, self.number)] if self.trades is None else list(self.trades)

    def has_begun(self, provider: str, number: str) -> bool:
        """Whether a trade of this provider and number was begun."""
        return any((one.provider, one.number) == (provider, number) for one in self.begun())

    def has_trades_of(self, other: Order) -> bool:
        """Whether its trades are those of the same order, as it was read at another time."""
        if self.trades is None or other.trades is None:
            return self.trades is other.trades
        return [one.attribute_values for one in self.trades] == [one.attribute_values for one in other.trades]

    def may_be_paid_again(self) -> bool:
        """Whether a paid order has a trade that is not closed, beside the one that paid it."""
        return self.is_delivered() and self._may_be_paid_beside(self.payment_type, self.trade_number)

    def _may_be_paid_beside(self, provider: str, number: str | None) -> bool:
        paid = (provider, number or self.number)
        return any((one.provider, one.number) != paid and not one.is_closed for one in self.begun())

    def outlives_its_trades(self) -> bool:
        """Whether the order stays open when its trades are closed, to be paid by another: it lists them."""
        return self.trades is not None

    def can_be_sent_to_pay(self, now: datetime) -> bool:
        """Whether the order waits for its money and has 90 seconds or more left."""
        return bool(self.is_open() and self.amount > 0 and self.expires_at - now >= PAY_MARGIN)

    def raise_unless_refundable(self, window: timedelta, now: datetime) -> None:
        """Raise RefundNotAllowed unless the order is paid, the window after its payment is not over, and not too many
        applications were withdrawn.
        """
        if self.status != PAID or self.paid_at is None:
            raise RefundNotAllowed(reason="open" if self.status == REFUNDING else "not paid")
        if now >= self.paid_at + window:
            raise RefundNotAllowed(reason="window")
        if self.withdrawals >= MAX_WITHDRAWALS:
            raise RefundNotAllowed(reason="withdrawn")

    def can_be_refunded(self, window: timedelta, providers: Container[str], now: datetime) -> bool:
        """Whether a refund of the whole order may be applied for: its money, if any, can go back by one of the
        `providers` that are set up.
        """
        try:
            self.raise_unless_refundable(window, now)
        except RefundNotAllowed:
            return False
        return self.goes_back_by(providers)

    def goes_back_by(self, providers: Container[str]) -> bool:
        """Whether its money, if any, can go back by one of these providers."""
        return bool(self.payment_type in providers or self.amount == 0)

    def refund_until(self, window: timedelta, providers: Container[str]) -> datetime | None:
        """Until when a refund may be applied for, also when that is over; None for an order of which none is possible:
        not paid, refunded as a whole, or paid by none of the `providers` that are set up.
        """
        if self.status not in (PAID, REFUNDING) or self.paid_at is None or not window:
            return None
        return self.paid_at + window if self.goes_back_by(providers) else None

    def is_closed(self) -> bool:
        """Whether the order was cancelled or has expired."""
        return self.status in (CANCELLED, EXPIRED)

    def is_delivered(self) -> bool:
        """Whether the order was paid, refunded or not."""
        return self.status in _DELIVERED

    def next_query_at(self, now: datetime, *, is_unseen: bool = False) -> datetime | None:
        """When the provider is queried next about an order; None when its timetable is over.

        1, 3, 10 and 30 minutes after it was placed, at its expiry, 30 minutes after that, then daily for 3 days.
        `is_unseen`: the provider has just said that it knows no such trade; then not after 3 minutes, nor 30 minutes
        after placing or expiry. One that is paid: once after its expiry, while another trade of it may be paid.
        """
        if self.is_delivered():
            last = self.expires_at + CLOSE_MARGIN
            return last if now < last and self.may_be_paid_again() else None
        placed_at = self.placed_at.replace(microsecond=0)  # the work list counts whole seconds
        skipped = _SKIPPED_WHILE_UNSEEN if is_unseen else ()
        early = [
            placed_at + wait
            for wait in _EARLY_QUERIES
            if placed_at + wait < self.expires_at and wait not in skipped
        ]
        late = [self.expires_at + wait for wait in _LATE_QUERIES if wait not in skipped]
        return next((at for at in (*early, *late) if at > now), None)

    def next_retry_at(self, now: datetime) -> datetime:
        """When the provider is queried again after an unclear answer: the later, the longer ago the order expired."""
        return now + max(LEASE, (now - self.expires_at) / 30)

    def is_past_patience(self, now: datetime) -> bool:
        """Whether the order is unclear for so long that it has to be flagged."""
        return bool(now >= self.expires_at + _PATIENCE)

    def may_be_asked(self, now: datetime) -> bool:
        """Whether a page may have the provider queried again: every 5 seconds, the more rarely the older the order."""
        return self.is_open() and now >= self.next_ask_at()

    def next_ask_at(self) -> datetime:
        """From when on a page may have the provider queried again: when as much as a tenth of the order's age, and 5
        seconds, have passed since the last time.
        """
        if self.asked_at is None:
            return cast(datetime, self.placed_at)
        return self.asked_at + max(_SHORTEST_ASK, (self.asked_at - self.placed_at) / 9)

    def refundable(self, lines: Collection[int]) -> Fen:
        """The money (fen) that goes back for some of its open lines: the money paid for all open lines, less the cost
        of those that are kept.

        Where these no longer reach the minimum of the general coupon, they cost what they cost without it. Never more
        than is left goes back, and never less than 0. All lines, refunded one by one in whatever order, give back
        exactly the amount paid.
        """
        kept = [self.lines[position] for position in self.open_lines() if position not in lines]
        cost = sum(line.payable for line in kept)
        if self.general_minimum is None:
            return sum(self.lines[position].payable for position in lines)
        if sum(line.price for line in kept) < self.general_minimum:
            cost += sum(line.general_share for line in kept)
        return max(0, self.amount - self.refunded_amount - cost)

    def open_lines(self) -> list[int]:
        """The positions of the lines that are not refunded."""
        return [position for position in range(len(self.lines)) if position not in self.refunded_lines]

    def coupon_record_ids(self) -> list[int]:
        """The ids of all coupon records the order holds, the general one last."""
        ids = [line.coupon_record_id for line in self.lines if line.coupon_record_id is not None]
        if self.general_coupon_record_id is not None:
            ids.append(self.general_coupon_record_id)
        return ids

    def coupons_freed_by(self, lines: Collection[int]) -> list[int]:
        """The ids of the coupon records whose whole use a refund of some open lines undoes: the lines' own, and the
        general one where no line is kept.
        """
        ids = [self.lines[position].coupon_record_id for position in lines]
        if set(self.open_lines()) == set(lines):
            ids.append(self.general_coupon_record_id)
        return [record_id for record_id in ids if record_id is not None]


class OrderPointer(UserItem, discriminator="ORDER_POINTER"):
    """Leads from the number of an order, or of one of its trades (partition `ORDER#<number>`), to the order: a
    notification knows the number only.
    """

    user_id = WholeNumber()
    order_sort = UnicodeAttribute()


class OrderEvent(UserItem, discriminator="ORDER_EVENT"):
    """One change of an order: `what` happened (as of `What`), by what `cause`."""

    number = UnicodeAttribute()
    at = UTCDateTimeAttribute()
    what = UnicodeAttribute()
    cause = CauseAttribute()


def new_number(now: datetime) -> str:
    """A new order number: 17 digits of Beijing time (to the millisecond), 10 random characters of [0-9A-Z].

    Sortable by time, not guessable, and within the alphabet and length that providers take.
    """
    local = now.astimezone(BEIJING)
    moment = local.strftime("%Y%m%d%H%M%S") + f"{local.microsecond // 1000:03d}"
    return moment + random_characters(10)


def random_characters(count: int) -> str:
    """Random characters of [0-9A-Z], which every provider takes in a number."""
    return "".join(secrets.choice(_RANDOM_CHARACTERS) for _ in range(count))


def order_sort(number: str, placed_at: datetime) -> str:
    """The sort key of an order: by the time it was placed, whatever form its number has."""
    return f"{_PREFIX}{sortable(placed_at)}#{number}"


def order_item(number: str, user_id: int, placed_at: datetime, **attributes: Any) -> Order:
    """An order, ready to be written; `attributes` as of `Order`."""
    return Order(
        partition(user_id),
        order_sort(number, placed_at),
        number=number,
        user_id=user_id,
        placed_at=placed_at,
        **attributes,
    )


def pointer_item(order: Order, number: str | None = None) -> OrderPointer:
    """The pointer to an order from its number, or a trade's, ready to be written."""
    return OrderPointer(
        f"{_PREFIX}{number or order.number}",
        "POINTER",
        user_id=order.user_id,
        order_sort=order.sort,
        source=order.source,
    )


def event_item(order: Order, what: What, cause: Cause, now: datetime) -> OrderEvent:
    """An event of an order, ready to be written. Events of one moment stand in the order in which they are made."""
    return OrderEvent(
        order.owner,
        f"{about(order.number)}EVENT#{sortable(now)}#{time.time_ns():016x}{secrets.token_hex(4)}",
        number=order.number,
        at=now,
        what=what,
        cause=cause,
        source=order.source,
    )


def record_event(
    transaction: Transaction, order: Order, what: What, cause: Cause, now: datetime, refusal: ShopError
) -> None:
    """Record a change of an order with its cause, and tell the learner: every transaction that changes one does so
    once.

    The event is the transaction's own item, which proves afterwards that it took effect.
    """
    transaction.put_own(event_item(order, what, cause, now), refusal)
    if (told := TOLD.get(what)) is not None:
        facts = {"number": order.number, "courses": order.title, "amount": order.amount}
        message.tell(transaction, order.user_id, told, order.number, now, **facts)


def place(transaction: Transaction, order: Order, due_at: datetime) -> None:
    """Add a new open order with its pointer and first event, and put it on the work list. Refusal: IdTaken."""
    add_fields(order=order.number)
    order.status = PLACED
    order.set_due(due_at)
    taken = IdTaken(order=order.number)
    transaction.put_new(order, taken)
    transaction.put_new(pointer_item(order), taken)
    record_event(transaction, order, What.PLACED, Cause(By.LEARNER), order.placed_at, taken)


def mark_paid(
    transaction: Transaction,
    order: Order,
    cause: Cause,
    now: datetime,
    *,
    provider: str | None = None,
    trade_no: str | None = None,
    trade_number: str | None = None,
    reopened: bool = False,
    is_refunded: bool = False,
) -> None:
    """Mark an open order (or, `reopened`, a closed one) as paid: by this trade of this provider, or without money.
    Refusal: OrderClosed.

    One that `is_refunded` by now is due once more, in case the flow that found that is cut off before acting on it; and
    one of which another trade may be paid, to close that.
    """
    is_due = is_refunded or (provider is not None and order._may_be_paid_beside(provider, trade_number))
    actions: list[Action] = [
        Order.status.set(PAID),
        Order.paid_at.set(now),
        *due_actions(now + LEASE if is_due else None),
        *_LEAVE_PROBLEM,
    ]
    if provider is not None and trade_no is not None:
        actions += [Order.payment_type.set(provider), Order.trade_no.set(trade_no)]
    if trade_number is not None:
        actions.append(Order.trade_number.set(trade_number))
    if reopened:
        actions.append(Order.closed_at.remove())
    before = Order.status.is_in(CANCELLED, EXPIRED) if reopened else _unchanged_trades(order)
    refusal = OrderClosed(order=order.number)
    transaction.update(order, actions, before, refusal)
    record_event(transaction, order, What.REOPENED if reopened else What.PAID, cause, now, refusal)


def begin_trade(order: Order, provider: str, way: str | None, now: datetime) -> Trade:
    """The trade by which an open order is paid at its provider, that way: one that was begun and is not closed, or a
    new one. That is written, with a pointer from its number, before the provider hears of it: what may be paid is
    queried.

    No round trip for one that was begun, else one; two more where others begin one at the same moment. Raises
    OrderClosed, ProviderChanged, TooManyTrades.
    """
    current, taken = order, set[str]()
    for _ in range(MAX_RELOADS):
        if not current.is_open():
            raise OrderClosed(order=order.number)
        if current.payment_type != provider:
            raise ProviderChanged(order=order.number)
        begun = current.begun()
        if (open_trade := next((one for one in begun if one.is_used_for(provider, way)), None)) is not None:
            return open_trade
        number = free_number(order.number, provider, way, taken | {one.number for one in begun})
        trade = a_trade(provider, number, way)
        if len(begun) >= MAX_TRADES or len(number) > MAX_NUMBER:
            raise TooManyTrades(order=order.number)
        try:
            _add_trade(current, [*begun, trade], Cause(By.LEARNER, number), now)
        except IdTaken:
            taken.add(number)
        except TradesChanged:
            current = reload(current)
        else:
            return trade
    raise TradesChanged(order=order.number)


def _add_trade(order: Order, trades: list[Trade], cause: Cause, now: datetime) -> None:
    changed, number = TradesChanged(order=order.number), trades[-1].number
    transaction = Transaction()
    unchanged = (Order.payment_type == order.payment_type) & _unchanged_trades(order)
    transaction.update(order, [Order.trades.set(trades)], unchanged, changed)
    if number != order.number:
        transaction.put_new(pointer_item(order, number), IdTaken(order=number))
    record_event(transaction, order, What.PAYMENT_BEGUN, cause, now, changed)
    transaction.commit()


def change_provider(
    transaction: Transaction, order: Order, to: str, trades: list[Trade], cause: Cause, now: datetime
) -> None:
    """Have an open order paid by another provider; `trades` are its own, with what was closed. Refusal:
    TradesChanged.
    """
    changed = TradesChanged(order=order.number)
    unchanged = (Order.payment_type == order.payment_type) & _unchanged_trades(order)
    transaction.update(order, [Order.payment_type.set(to), Order.trades.set(trades)], unchanged, changed)
    record_event(transaction, order, What.PROVIDER_CHANGED, cause, now, changed)


def list_trades(order: Order) -> None:
    """Have an open order list its trades, so that it outlives them: closing one, to pay by another, must not close the
    order. One write, none where it lists them. Raises TradesChanged.
    """
    if not order.outlives_its_trades():
        _set_trades(order, order.begun())


def mark_trades_closed(order: Order, numbers: Collection[str]) -> None:
    """Mark those trades that an open order lists as closed. One write. Raises TradesChanged."""
    _set_trades(
        order,
        [
            a_trade(one.provider, one.number, one.way, is_closed=one.is_closed or one.number in numbers)
            for one in order.begun()
        ],
    )


def _set_trades(order: Order, trades: list[Trade]) -> None:
    # Repeated after a lost answer, it finds what it has written.
    as_wanted = _unchanged_trades(order) | ((Order.status == PLACED) & (Order.trades == trades))
    with refusing(TradesChanged(order=order.number)):
        order.update([Order.trades.set(trades)], condition=as_wanted)


def _unchanged_trades(order: Order) -> Condition:
    """The condition that an order is open, and its trades are as they were read."""
    listed = Order.trades.does_not_exist() if order.trades is None else Order.trades == order.trades
    return cast(Condition, (Order.status == PLACED) & listed)


def set_trade_no(transaction: Transaction, order: Order, trade_no: str, cause: Cause, now: datetime) -> None:
    """Store the trade's number in a paid order that has none. Refusal: OrderClosed."""
    refusal = OrderClosed(order=order.number)
    unknown = Order.trade_no.does_not_exist() & Order.status.is_in(PAID, REFUNDING, REFUNDED)
    transaction.update(order, [Order.trade_no.set(trade_no)], unknown, refusal)
    record_event(transaction, order, What.IDENTIFIED, cause, now, refusal)


def mark_closed(
    transaction: Transaction,
    order: Order,
    status: str,
    cause: Cause,
    now: datetime,
    *,
    is_watched: bool = True,
    is_unseen: bool = False,
) -> None:
    """Mark an open order as cancelled (by the learner) or expired (by time). Refusal: OrderClosed, also where its
    trades have changed since it was read.

    While it `is_watched` it stays on the work list for the rest of its timetable (`is_unseen`: as of `next_query_at`):
    money may still come.
    """
    refusal = OrderClosed(order=order.number)
    later = due_actions(order.next_query_at(now, is_unseen=is_unseen) if is_watched else None)
    actions: list[Action] = [
        Order.status.set(status),
        Order.closed_at.set(now),
        *later,
        *_LEAVE_PROBLEM,
    ]
    transaction.update(order, actions, _unchanged_trades(order), refusal)
    record_event(transaction, order, What(status), cause, now, refusal)


def request_refund(
    transaction: Transaction, order: Order, lines: list[int], cause: Cause, now: datetime
) -> None:
    """Record an application for the refund of some lines of a paid order. Refusal: RefundNotAllowed."""
    refusal = RefundNotAllowed(reason="open")
    unchanged = (Order.status == PAID) & (Order.refunded_lines == order.refunded_lines)
    actions: list[Action] = [Order.status.set(REFUNDING), Order.requested_lines.set(lines)]
    transaction.update(order, actions, unchanged, refusal)
    record_event(transaction, order, What.REFUND_REQUESTED, cause, now, refusal)


def end_application(transaction: Transaction, order: Order, what: What, cause: Cause, now: datetime) -> None:
    """End the open application of an order, which was refused or withdrawn: the order is paid again. Refusal:
    RefundFinished.
    """
    refusal = RefundFinished()
    actions: list[Action] = [Order.status.set(PAID), Order.requested_lines.set([])]
    if what == What.REFUND_WITHDRAWN:
        actions.append(Order.withdrawals.add(1))
    transaction.update(order, actions, _unchanged_refunds(order) & (Order.status == REFUNDING), refusal)
    record_event(transaction, order, what, cause, now, refusal)


def mark_lines_refunded(
    transaction: Transaction, order: Order, lines: list[int], amount: Fen, cause: Cause, now: datetime
) -> None:
    """Mark lines of a paid order as refunded, with `amount` fen of money for them. Refusal: RefundFinished.

    No application stays open. The order becomes refunded when all its lines are, else it is paid again.
    """
    refusal = RefundFinished()
    refunded = sorted({*order.refunded_lines, *lines})
    is_all = len(refunded) == len(order.lines)
    actions: list[Action] = [
        Order.status.set(REFUNDED if is_all else PAID),
        Order.refunded_lines.set(refunded),
        Order.requested_lines.set([]),
        Order.refunded_amount.set(order.refunded_amount + amount),
    ]
    if is_all:
        actions += [Order.refunded_at.set(now), *due_actions(order.next_query_at(now)), *_LEAVE_PROBLEM]
    within = Order.refunded_amount <= order.amount - amount
    before = Order.status.is_in(PAID, REFUNDING)
    transaction.update(order, actions, _unchanged_refunds(order) & within & before, refusal)
    what = What.REFUNDED if is_all else What.LINES_REFUNDED
    record_event(transaction, order, what, cause, now, refusal)


def _unchanged_refunds(order: Order) -> Condition:
    unchanged = (Order.refunded_lines == order.refunded_lines) & (
        Order.requested_lines == order.requested_lines
    )
    return cast(Condition, unchanged)


_LEAVE_PROBLEM: list[Action] = [Order.problem.remove(), *LEAVE_ATTENTION]


def flag_problem(order: Order, problem: str, now: datetime) -> None:
    """Flag the order for review, with a reason. No-op when its status has changed since it was read, or when this
    reason is recorded already. One write.
    """
    if order.problem == problem:
        return
    actions: list[Action] = [
        Order.problem.set(problem),
        Order.attention.set(PROBLEM),
        Order.attention_at.set(Order.attention_at | int(now.timestamp())),
    ]
    kept = (PAID, REFUNDING)
    as_read = Order.status.is_in(*kept) if order.status in kept else Order.status == order.status
    try:
        with refusing(OrderClosed(order=order.number)):
            order.update(actions, condition=as_read)
    except OrderClosed:
        return
    log.error("an order waits for a person: order=%s, %s", order.number, problem)


def clear_problem(order: Order) -> None:
    """Clear the flag of an order whose problem is over. One write, none where it is not flagged."""
    if order.problem is not None:
        with refusing(OrderNotFound(order=order.number)):
            order.update(_LEAVE_PROBLEM, condition=Order.sort.exists())


def resolve_problem(transaction: Transaction, order: Order, cause: Cause, now: datetime) -> None:
    """Clear an order's flag on an operator's word, and take it off the work list. Refusal: NothingToResolve."""
    refusal = NothingToResolve()
    actions: list[Action] = [*_LEAVE_PROBLEM, *due_actions(None)]
    unchanged = (Order.attention == PROBLEM) & (Order.status == order.status)
    transaction.update(order, actions, unchanged, refusal)
    record_event(transaction, order, What.PROBLEM_RESOLVED, cause, now, refusal)


def record_query(order: Order, now: datetime) -> None:
    """Record that a page queries the provider now. One write. Raises LeaseTaken when another page just did."""
    unchanged = (
        Order.asked_at.does_not_exist() if order.asked_at is None else Order.asked_at == order.asked_at
    )
    with refusing(LeaseTaken()):
        order.update([Order.asked_at.set(now)], condition=unchanged & (Order.status == PLACED))


def _pointer_key(number: str) -> ItemKey:
    return OrderPointer, f"{_PREFIX}{number}", "POINTER"


def find_by_number(number: str) -> Order:
    """The order with this number, or with a trade of it, of any user. Two round trips. Raises OrderNotFound."""
    add_fields(order=number)
    pointer = find(OrderPointer, *_pointer_key(number)[1:])
    order = find(Order, partition(pointer.user_id), pointer.order_sort) if pointer else None
    if order is None:
        raise OrderNotFound(order=number)
    add_fields(order=order.number)
    return order


def find_own(caller: Caller, number: str) -> Order:
    """The caller's order with this number, or with a trade of it, which confirms the caller. Two round trips.

    Raises OrderNotFound, also for another user's.
    """
    key = _pointer_key(number)
    pointer = caller.find([key]).get(key)
    add_fields(order=number)
    own = isinstance(pointer, OrderPointer) and pointer.user_id == caller.user_id
    order = find(Order, partition(caller.user_id), pointer.order_sort) if own else None  # type: ignore[union-attr]
    if order is None:
        raise OrderNotFound(order=number)
    return order


def reload(order: Order) -> Order:
    """The order as it is stored now. One round trip. Raises OrderNotFound."""
    stored = find(Order, order.owner, order.sort)
    if stored is None:
        raise OrderNotFound(order=order.number)
    return stored


def is_number(value: object) -> bool:
    """Whether a value can be an order number at all (old ones included)."""
    return isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z_]{1,64}", value, re.ASCII) is not None


def about(number: str) -> str:
    """The prefix of the sort keys of an order's events, payments, refunds and notices."""
    return f"OF#{number}#"


def list_about(order: Order) -> list[UserItem]:
    """An order's events (oldest first), payments, refunds and notices (in no order). One Query."""
    return list_partition(order.user_id, about(order.number))


def list_events(order: Order) -> list[OrderEvent]:
    """What happened to an order, oldest first. One Query."""
    return cast(list[OrderEvent], list_partition(order.user_id, f"{about(order.number)}EVENT#"))


class OrderList(Struct, frozen=True):
    """Some of a user's orders, newest first, and the cursor of what follows, if anything does."""

    orders: tuple[Order, ...]
    next_cursor: str | None


def list_orders(user_id: int, limit: int, cursor: str | None, status: str | None = None) -> OrderList:
    """A user's orders, newest first, strongly consistent: up to `limit` (1 to 500) rows, only those of a status if one
    is given. One Query; for a status up to eight, as of `list_page`.

    Raises InvalidPage for a cursor that is none.
    """
    only = None if status is None else Order.status == status
    page = list_page(Order, user_id, _PREFIX, limit, cursor, only)
    return OrderList(tuple(page.items), page.next_cursor)


def title(course_names: list[str]) -> str:
    """The order's title on the pay page: the first course's name, and how many there are. Each gateway applies its
    provider's rules about signs and length.
    """
    return course_names[0] if len(course_names) == 1 else f"{course_names[0]} 等{len(course_names)}门课程"
