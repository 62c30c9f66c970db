"""Orders: placed with copied names and prices, then paid, refunded, cancelled or expired.

An order lies in its user's partition, sorted by time; a pointer item leads from its number there. An open
order is in the work index until it is final. Each change is written with an event that names its cause.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import IdTaken, InvalidPage, OrderClosed, OrderNotFound
from chalicelib.request_log import note
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.user import list_partition, partition, sortable
from chalicelib.storage.dynamodb import (
    WORK_SHARDS,
    Transaction,
    UserItem,
    WholeNumber,
    find,
    refusing,
)

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

WECHAT, ALIPAY, COUPON, BELI, UNIONPAY, FREE = "微信", "支付宝", "优惠码", "贝里", "银联", "免费"
"""How an order is paid. A zero amount is 贝里 where beli were spent, else 优惠码 where coupons were, else 免费."""

MAX_LINES = 40
PAGE_ROWS = 500

PAY_MARGIN = timedelta(seconds=90)
"""An order with less time left than this is not sent to pay any more."""
CLOSE_MARGIN = timedelta(minutes=5)
"""How long after its expiry an order that Alipay has never seen may still be paid there."""
LEASE = timedelta(minutes=2)
"""How long whoever works on an open order has it for itself, and so after what time it is tried again."""

_PREFIX = "ORDER#"
_RANDOM_CHARACTERS = string.digits + string.ascii_uppercase


class OrderLine(MapAttribute[str, object]):
    """One course of an order, as it was when the order was placed. All amounts in fen.

    original_price: the policy's; price: after the course's coupon; general_share, beli_share: its parts of
    the discounts on the whole order; beli: its part of the beli spent; payable: what is due for it in money.
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

    @property
    def course(self) -> CourseKey:
        """The course the line is for."""
        return CourseKey(self.course_type, self.course_id)


class Order(UserItem, discriminator="ORDER"):
    """An order. Amounts in fen: `amount` is what is due in money, the sum of the lines' `payable`.

    `subject` and `expires_at` are what Alipay is told, each time the same. `work_shard` and `next_look_at`
    (epoch seconds) are there while the order is open.
    """

    number = UnicodeAttribute()
    user_id = WholeNumber()
    status = UnicodeAttribute()
    payment_type = UnicodeAttribute()
    amount = WholeNumber()
    lines = ListAttribute(of=OrderLine)
    general_coupon_record_id = WholeNumber(null=True)
    general_coupon_name = UnicodeAttribute(null=True)
    general_discount = WholeNumber(default=0)
    beli = WholeNumber(default=0)
    beli_discount = WholeNumber(default=0)
    subject = UnicodeAttribute()
    placed_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    paid_at = UTCDateTimeAttribute(null=True)
    closed_at = UTCDateTimeAttribute(null=True)
    refunded_at = UTCDateTimeAttribute(null=True)
    trade_no = UnicodeAttribute(null=True)
    work_shard = WholeNumber(null=True)
    next_look_at = WholeNumber(null=True)

    def is_open(self) -> bool:
        """Whether the order still waits for its payment."""
        return bool(self.status == PLACED)

    def can_be_sent_to_pay(self, now: datetime) -> bool:
        """Whether a pay page may be opened: the order waits for money and has 90 seconds or more left."""
        return self.is_open() and self.amount > 0 and self.expires_at - now >= PAY_MARGIN

    def coupon_record_ids(self) -> list[int]:
        """The ids of all coupon records the order holds, the general one last."""
        ids = [line.coupon_record_id for line in self.lines if line.coupon_record_id is not None]
        if self.general_coupon_record_id is not None:
            ids.append(self.general_coupon_record_id)
        return ids


class OrderPointer(UserItem, discriminator="ORDER_POINTER"):
    """From an order's number (partition `ORDER#<number>`) to the order: a notification knows the number only."""

    user_id = WholeNumber()
    order_sort = UnicodeAttribute()


class OrderEvent(UserItem, discriminator="ORDER_EVENT"):
    """One change of an order: `what` happened and by what `cause` (learner, notification <id>, query, clock,
    ...).
    """

    number = UnicodeAttribute()
    at = UTCDateTimeAttribute()
    what = UnicodeAttribute()
    cause = UnicodeAttribute()


def new_number(now: datetime) -> str:
    """A new order number: 17 digits of Beijing time (to the millisecond), 10 random characters of [0-9A-Z].

    Sortable by time, not guessable, and within the alphabet and length that both Alipay and WeChat Pay take.
    """
    local = now.astimezone(BEIJING)
    moment = local.strftime("%Y%m%d%H%M%S") + f"{local.microsecond // 1000:03d}"
    return moment + "".join(secrets.choice(_RANDOM_CHARACTERS) for _ in range(10))


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


def pointer_item(order: Order) -> OrderPointer:
    """The pointer from an order's number to the order, ready to be written."""
    return OrderPointer(
        f"{_PREFIX}{order.number}",
        "POINTER",
        user_id=order.user_id,
        order_sort=order.sort,
        source=order.source,
    )


def event_item(order: Order, what: str, cause: str, now: datetime) -> OrderEvent:
    """An event of an order, ready to be written."""
    return OrderEvent(
        order.owner,
        f"EVENT#{order.number}#{sortable(now)}#{secrets.token_hex(4)}",
        number=order.number,
        at=now,
        what=what,
        cause=cause,
        source=order.source,
    )


def place(transaction: Transaction, order: Order, next_look_at: datetime) -> None:
    """Add a new open order, with its pointer, its first event and its place in the work index. Refusal:
    IdTaken.
    """
    note(order=order.number)
    order.status = PLACED
    order.work_shard = random.randrange(WORK_SHARDS)
    order.next_look_at = int(next_look_at.timestamp())
    taken = IdTaken(order=order.number)
    transaction.put_new(order, taken)
    transaction.put_new(pointer_item(order), taken)
    transaction.put_new(event_item(order, PLACED, "learner", order.placed_at), taken)


_LEAVE_WORK: list[Action] = [Order.work_shard.remove(), Order.next_look_at.remove()]


def mark_paid(
    transaction: Transaction, order: Order, trade_no: str | None, cause: str, now: datetime
) -> None:
    """An open order becomes paid. Refusal: OrderClosed (it is not open: paid, cancelled, expired or
    refunded).
    """
    actions: list[Action] = [Order.status.set(PAID), Order.paid_at.set(now), *_LEAVE_WORK]
    if trade_no is not None:
        actions.append(Order.trade_no.set(trade_no))
    refusal = OrderClosed(order=order.number)
    transaction.update(order, actions, Order.status == PLACED, refusal)
    transaction.put_new(event_item(order, PAID, cause, now), refusal)


def mark_closed(transaction: Transaction, order: Order, status: str, cause: str, now: datetime) -> None:
    """An open order becomes cancelled (by the learner) or expired (by time). Refusal: OrderClosed."""
    refusal = OrderClosed(order=order.number)
    actions = [Order.status.set(status), Order.closed_at.set(now), *_LEAVE_WORK]
    transaction.update(order, actions, Order.status == PLACED, refusal)
    transaction.put_new(event_item(order, status, cause, now), refusal)


def mark_refunded(transaction: Transaction, order: Order, cause: str, now: datetime) -> None:
    """A paid order becomes refunded. Refusal: OrderClosed (it is not paid, or refunded already)."""
    refusal = OrderClosed(order=order.number)
    actions: list[Action] = [Order.status.set(REFUNDED), Order.refunded_at.set(now)]
    transaction.update(order, actions, Order.status.is_in(PAID, REFUNDING), refusal)
    transaction.put_new(event_item(order, REFUNDED, cause, now), refusal)


def find_by_number(number: str) -> Order:
    """The order with this number, whoever's it is. Two round trips. Raises OrderNotFound."""
    note(order=number)
    pointer = find(OrderPointer, f"{_PREFIX}{number}", "POINTER")
    order = find(Order, partition(pointer.user_id), pointer.order_sort) if pointer else None
    if order is None:
        raise OrderNotFound(order=number)
    return order


def find_own(user_id: int, number: str) -> Order:
    """The user's order with this number. Two round trips. Raises OrderNotFound, also for another user's."""
    order = find_by_number(number)
    if order.user_id != user_id:
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


def list_events(order: Order) -> list[OrderEvent]:
    """What happened to an order, oldest first. One Query."""
    return cast(list[OrderEvent], list_partition(order.user_id, f"EVENT#{order.number}#"))


@dataclass(frozen=True)
class OrderList:
    """Some of a user's orders, newest first, and the cursor of what follows, if anything does."""

    orders: tuple[Order, ...]
    next_cursor: str | None


def list_orders(user_id: int, limit: int, cursor: str | None) -> OrderList:
    """A user's orders, newest first, strongly consistent. One Query for up to `limit` (1 to 500) rows.

    Raises InvalidPage for a cursor that is none.
    """
    start = _decode_cursor(cursor) if cursor else None
    start_key = {"owner": {"S": partition(user_id)}, "sort": {"S": start}} if start else None
    found = Order.query(
        partition(user_id),
        Order.sort.startswith(_PREFIX),
        consistent_read=True,
        scan_index_forward=False,
        limit=limit + 1,  # one row more than asked for tells whether anything follows
        last_evaluated_key=start_key,
    )
    orders = list(found)
    more = len(orders) > limit
    return OrderList(tuple(orders[:limit]), _encode_cursor(orders[limit - 1].sort) if more else None)


def _encode_cursor(sort: str) -> str:
    return base64.urlsafe_b64encode(sort.encode()).decode()


def _decode_cursor(cursor: str) -> str:
    try:
        sort = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise InvalidPage(field="cursor") from error
    if not re.fullmatch(_PREFIX + r"[0-9]{8}T[0-9]{12}Z#[0-9A-Za-z_]{1,64}", sort):
        raise InvalidPage(field="cursor")
    return sort


def list_due(shard: int, now: datetime, limit: int) -> list[Order]:
    """Open orders of a shard that somebody has to look at by now, longest waiting first. One Query of an
    index.

    The index may lag behind: who works on one of them takes its lease first.
    """
    due = Order.work_index.query(shard, Order.next_look_at <= int(now.timestamp()), limit=limit)
    return cast(list[Order], list(due))


def take_lease(order: Order, now: datetime) -> None:
    """Have an open order for oneself for `LEASE`: nobody else finds it due meanwhile. Raises OrderClosed.

    OrderClosed also means that somebody else has it. An order whose holder dies is due again after the lease.
    """
    look_at_later(order, now + LEASE)


def look_at_later(order: Order, at: datetime) -> None:
    """Put off when an open order is looked at next. Raises OrderClosed when it is not as it was read."""
    until = int(at.timestamp())
    unchanged = (Order.status == PLACED) & (Order.next_look_at == order.next_look_at)
    with refusing(OrderClosed(order=order.number)):
        order.update([Order.next_look_at.set(until)], condition=unchanged)
    order.next_look_at = until


def shards() -> Iterable[int]:
    """The shards of the work index."""
    return range(WORK_SHARDS)


def subject(course_names: list[str]) -> str:
    """What the pay page calls an order: the first course's name, and how many there are.

    Alipay's rules: at most 256 characters, none of `/ = &`; braces break the verification of its answers.
    Such characters become their full-width forms, blanks are collapsed, unprintable ones dropped.
    """
    name = course_names[0] if len(course_names) == 1 else f"{course_names[0]} 等{len(course_names)}门课程"
    clean = " ".join("".join(c for c in name if c.isprintable() or c.isspace()).split())
    return clean.translate(_FULL_WIDTH)[:256] or "课程"


_FULL_WIDTH = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "/=&{}<>'\"\\%+?#"})
