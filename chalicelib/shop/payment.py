"""Payments: money received for an order, each recorded once, and what providers tell of refunds."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import NothingToSettle, OrderClosed, ShopError
from chalicelib.money import Fen
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.shop.event import Cause, CauseAttribute, What
from chalicelib.shop.order import Order, about, record_event
from chalicelib.shop.partition import list_partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find, refusing

APPLIED, LATE, SURPLUS = "applied", "late", "surplus"
"""applied: it paid its order. late: its order was closed already. surplus: its order had been paid by another
trade.
"""


class Payment(UserItem, discriminator="PAYMENT"):
    """Money received: `amount` in fen, the provider's `trade_no`. What is late or surplus goes back."""

    order_number = UnicodeAttribute()
    provider = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    amount = WholeNumber()
    use = UnicodeAttribute()
    paid_at = UTCDateTimeAttribute()
    recorded_at = UTCDateTimeAttribute()
    cause = CauseAttribute()


class RefundNotice(AttentionItem, discriminator="REFUND_NOTICE"):
    """A provider's word of a refund: `refunded` (fen) is the running total of the trade. `settled_at` is when a
    person said that it was dealt with.
    """

    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    refunded = WholeNumber()
    request_no = UnicodeAttribute()
    cause = CauseAttribute()
    recorded_at = UTCDateTimeAttribute()
    settled_at = UTCDateTimeAttribute(null=True)


def _sort(order_number: str, trade_no: str) -> str:
    return f"{about(order_number)}PAYMENT#{trade_no}"


def payment_item(
    order: Order,
    provider: str,
    trade_no: str,
    amount: Fen,
    use: str,
    cause: Cause,
    paid_at: datetime,
    now: datetime,
) -> Payment:
    """A payment of an order, ready to be written; its key is unique for order and trade."""
    return Payment(
        order.owner,
        _sort(order.number, trade_no),
        order_number=order.number,
        provider=provider,
        trade_no=trade_no,
        amount=amount,
        use=use,
        paid_at=paid_at,
        recorded_at=now,
        cause=cause,
        source=order.source,
    )


def record(transaction: Transaction, payment: Payment, refusal: ShopError) -> None:
    """Record a payment, once."""
    transaction.put_new(payment, refusal)


def find_payment(order: Order, trade_no: str) -> Payment | None:
    """The payment of an order by this trade, or None. One round trip."""
    return find(Payment, order.owner, _sort(order.number, trade_no))


def list_payments(order: Order) -> list[Payment]:
    """All money received for an order, oldest first. One Query."""
    found = cast(list[Payment], list_partition(order.user_id, f"{about(order.number)}PAYMENT#"))
    return sorted(found, key=lambda payment: (payment.recorded_at, payment.trade_no))


def record_notice(
    transaction: Transaction,
    order: Order,
    trade_no: str,
    refunded: Fen,
    request_no: str,
    cause: Cause,
    now: datetime,
    *,
    needs_person: bool,
) -> None:
    """Record a provider's word of a refund, once for each of its requests, with an event. Refusal:
    OrderClosed.
    """
    seen = OrderClosed(order=order.number)
    notice = RefundNotice(
        order.owner,
        _notice_sort(order.number, request_no, refunded),
        order_number=order.number,
        trade_no=trade_no,
        refunded=refunded,
        request_no=request_no,
        cause=cause,
        recorded_at=now,
    )
    if needs_person:
        notice.attention, notice.attention_at = PROBLEM, int(now.timestamp())
    transaction.put_new(notice, seen)
    record_event(transaction, order, What.REFUND_REPORTED, cause, now, seen)


def note_needs_person(order: Order, request_no: str, refunded: Fen, now: datetime) -> bool:
    """Put a recorded word of a refund before a person -> whether it was not yet, nor has one dealt with it. One
    write.
    """
    notice = RefundNotice(order.owner, _notice_sort(order.number, request_no, refunded))
    actions: list[Action] = [
        RefundNotice.attention.set(PROBLEM),
        RefundNotice.attention_at.set(int(now.timestamp())),
    ]
    unheard = (
        RefundNotice.sort.exists()
        & RefundNotice.attention.does_not_exist()
        & RefundNotice.settled_at.does_not_exist()
    )
    try:
        with refusing(NothingToSettle()):
            notice.update(actions, condition=unheard)
    except NothingToSettle:
        return False
    return True


def _notice_sort(order_number: str, request_no: str, refunded: Fen) -> str:
    return f"{about(order_number)}REFUND_NOTICE#{request_no}#{refunded}"


def list_notices(order: Order) -> list[RefundNotice]:
    """All refunds that a provider told of, oldest first. One Query."""
    found = cast(list[RefundNotice], list_partition(order.user_id, f"{about(order.number)}REFUND_NOTICE#"))
    return sorted(found, key=lambda notice: (notice.recorded_at, notice.request_no))


def settle_notice(transaction: Transaction, notice: RefundNotice, now: datetime) -> None:
    """A person has dealt with a notice: it is listed no more. Refusal: NothingToSettle."""
    actions: list[Action] = [RefundNotice.settled_at.set(now), *LEAVE_ATTENTION]
    transaction.update(notice, actions, RefundNotice.attention == PROBLEM, NothingToSettle())
