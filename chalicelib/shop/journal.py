"""The journal: every fact of money once, in the partition of the Beijing day on which it became true.

It is written in the transaction that makes the fact true, and never changed. So a day is read whole, by one Query a
shard, and held against the bills of the payment providers. Each entry has what its figures are made of.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import cast

from pynamodb.attributes import MapAttribute, UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import IdTaken, ShopError
from chalicelib.money import Fen
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.payment import APPLIED, Payment
from chalicelib.shop.payment_type import PAYMENT_NAMES
from chalicelib.shop.refund import APPLICATION, Refund
from chalicelib.storage.dynamodb import CodedText, MapList, Transaction, UserItem, WholeNumber, refusing

PAID, FREE, REFUNDED, ELSEWHERE = "paid", "free", "refunded", "elsewhere"
"""paid: money came. free: an order of 0 was delivered. refunded: what lines cost went back, by the provider where it is
money. elsewhere: the money of a refund went back another way, as an operator says.
"""
FACT_NAMES = {PAID: "收款", FREE: "免费订单", REFUNDED: "退款", ELSEWHERE: "线下退款"}

_PAGE = 500
SHARDS = 8
"""Partitions of a day: one takes a thousand writes of a kilobyte a second. More of them are read as soon as they are
written; fewer are not.
"""
WHOLE_TRADE = "whole trade"
"""Why a refund was made that was none of the shop's requests: all that was left of its trade went back."""


class JournalLine(MapAttribute[str, object]):
    """A course that an entry is about. Amounts in fen: the policy's price, what each kind of discount took of it, and
    what was due for it in money; `beli` is whole.
    """

    position = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    policy_id = WholeNumber(null=True)
    original_price = WholeNumber()
    coupon_share = WholeNumber()
    general_share = WholeNumber()
    beli_share = WholeNumber()
    beli = WholeNumber()
    payable = WholeNumber()


class JournalEntry(UserItem, discriminator="JOURNAL_ENTRY"):
    """A fact of money. `amount` is in fen, never negative; `fact` says which way it went.

    `use` is what was made of a payment, or why a refund is made, as `Payment.use` and `Refund.why` have it. `trade_no`
    and `request_no` are the provider's names for the payment and the refund, `trade_number` is our number of the trade
    (None: the order's). A late or duplicate payment and its refund
    are about no line.
    """

    fact = UnicodeAttribute()
    use = UnicodeAttribute()
    at = UTCDateTimeAttribute()
    order_number = UnicodeAttribute()
    user_id = WholeNumber()
    provider = CodedText(PAYMENT_NAMES)
    trade_no = UnicodeAttribute(null=True)
    trade_number = UnicodeAttribute(null=True)
    request_no = UnicodeAttribute(null=True)
    amount = WholeNumber()
    lines = MapList(of=JournalLine)


def of_payment(order: Order, received: Payment) -> JournalEntry:
    """The entry of a payment: on the day on which the provider took the money."""
    return _entry(
        order,
        PAID,
        received.use,
        received.paid_at,
        received.amount,
        range(len(order.lines)) if received.use == APPLIED else (),
        provider=received.provider,
        trade_no=received.trade_no,
        trade_number=received.number,
    )


def of_free(order: Order, now: datetime) -> JournalEntry:
    """The entry of an order of 0 that is delivered."""
    return _entry(order, FREE, APPLIED, now, 0, range(len(order.lines)))


def of_refund(
    order: Order, done: Refund, now: datetime, *, fact: str = REFUNDED, number: str | None = None
) -> JournalEntry:
    """The entry of a refund that is done; `number`: under which the provider has made it, where it is not its request
    number.
    """
    lines = done.lines if done.why == APPLICATION else ()
    return _entry(
        order,
        fact,
        done.why,
        now,
        done.amount,
        lines,
        provider=done.provider_of(order),
        trade_no=done.trade_no or order.trade_no,
        trade_number=done.trade_number or (None if done.trade_no else order.trade_number),
        request_no=number or done.request_no,
    )


def of_whole_refund(order: Order, lines: Sequence[int], amount: Fen, now: datetime) -> JournalEntry:
    """The entry of a refund of all that was left of an order's trade, for these lines, made by no request of the
    shop's.
    """
    return _entry(
        order,
        REFUNDED,
        WHOLE_TRADE,
        now,
        amount,
        lines,
        trade_no=order.trade_no,
        trade_number=order.trade_number,
    )


def of_whole_payment(order: Order, back: Refund, now: datetime) -> JournalEntry:
    """The entry of the return of a payment that its order could not use, all of it by no request of the shop's; `back`
    is the shop's own refund of it, which was not made.
    """
    return _entry(
        order,
        REFUNDED,
        WHOLE_TRADE,
        now,
        back.amount,
        (),
        provider=back.provider_of(order),
        trade_no=back.trade_no,
        trade_number=back.trade_number,
    )


def _entry(
    order: Order,
    fact: str,
    use: str,
    at: datetime,
    amount: Fen,
    positions: Iterable[int],
    *,
    provider: str | None = None,
    trade_no: str | None = None,
    trade_number: str | None = None,
    request_no: str | None = None,
) -> JournalEntry:
    name = request_no or trade_no or ""
    return JournalEntry(
        _partition(day_of(at), shard_of(order.number)),
        f"{fact}#{order.number}#{name}",
        fact=fact,
        use=use,
        at=at,
        order_number=order.number,
        user_id=order.user_id,
        provider=provider or order.payment_type,
        trade_no=trade_no,
        trade_number=trade_number,
        request_no=request_no,
        amount=amount,
        lines=[_line(position, order.lines[position]) for position in positions],
    )


def _line(position: int, line: OrderLine) -> JournalLine:
    return JournalLine(  # type: ignore[no-untyped-call]
        position=position,
        course_type=line.course_type,
        course_id=line.course_id,
        course_name=line.course_name,
        policy_id=line.policy_id,
        original_price=line.original_price,
        coupon_share=line.original_price - line.price,
        general_share=line.general_share,
        beli_share=line.beli_share,
        beli=line.beli,
        payable=line.payable,
    )


def record(transaction: Transaction, entry: JournalEntry, refusal: ShopError) -> None:
    """Record a fact, once: the key names it. `refusal` is that of the change which makes it true."""
    transaction.put_new(entry, refusal)


def add_missing(entry: JournalEntry) -> bool:
    """Write an entry unless it is there -> whether it was missing. One write."""
    try:
        with refusing(IdTaken()):
            entry.save(condition=JournalEntry.sort.does_not_exist())
    except IdTaken:
        return False
    return True


def day_of(at: datetime) -> date:
    """The Beijing day of a time."""
    return at.astimezone(BEIJING).date()


def shard_of(order_number: str) -> int:
    """The shard of an order's entries: all of an order's of one day lie together."""
    return zlib.crc32(order_number.encode()) % SHARDS


def _partition(day: date, shard: int) -> str:
    return f"JOURNAL#{day.isoformat()}#{shard}"


def list_day(day: date) -> list[JournalEntry]:
    """All entries of a Beijing day, oldest first, strongly consistent. A Query for each 500 entries of each shard."""
    return sorted(read_day(day), key=lambda entry: (entry.at, entry.sort))


def read_day(day: date) -> Iterator[JournalEntry]:
    """The entries of `list_day` one after another, in no order, so that a large day need not be kept."""
    for shard in range(SHARDS):
        yield from cast(
            Iterator[JournalEntry],
            JournalEntry.query(_partition(day, shard), consistent_read=True, page_size=_PAGE),
        )


def moved(entries: Sequence[JournalEntry], fact: str) -> Fen:
    """The sum of the entries of one kind of fact, in fen."""
    return sum(int(entry.amount) for entry in entries if entry.fact == fact)
