"""Payments: money received for an order, each recorded once, and what providers tell of refunds."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import OrderClosed, ShopError
from chalicelib.money import Fen
from chalicelib.shop.order import Order, event_item
from chalicelib.shop.user import list_partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find

APPLIED, LATE, SURPLUS = "applied", "late", "surplus"
"""applied: it paid its order. late: its order was closed already. surplus: its order had been paid by another
trade.
"""


class Payment(UserItem, discriminator="PAYMENT"):
    """Money received: `amount` in fen, the provider's `trade_no`. What is late or surplus waits for a person."""

    order_number = UnicodeAttribute()
    provider = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    amount = WholeNumber()
    use = UnicodeAttribute()
    paid_at = UTCDateTimeAttribute()
    recorded_at = UTCDateTimeAttribute()
    cause = UnicodeAttribute()


class RefundNotice(UserItem, discriminator="REFUND_NOTICE"):
    """A provider's word of a refund: `refunded` (fen) is the running total of the trade."""

    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    refunded = WholeNumber()
    request_no = UnicodeAttribute()
    cause = UnicodeAttribute()
    recorded_at = UTCDateTimeAttribute()


def _sort(order_number: str, trade_no: str) -> str:
    return f"PAYMENT#{order_number}#{trade_no}"


def payment_item(
    order: Order,
    provider: str,
    trade_no: str,
    amount: Fen,
    use: str,
    cause: str,
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
    """All money received for an order. One Query."""
    return cast(list[Payment], list_partition(order.user_id, f"PAYMENT#{order.number}#"))


def record_refund(
    transaction: Transaction,
    order: Order,
    trade_no: str,
    refunded: Fen,
    request_no: str,
    cause: str,
    now: datetime,
    *,
    again: bool = False,
) -> None:
    """Record a provider's word of a refund with an event, once for each of its requests. Refusal:
    OrderClosed; none with `again`, for whoever acts on what may be on record already.
    """
    seen = OrderClosed(order=order.number)
    notice = RefundNotice(
        order.owner,
        _refund_sort(order.number, request_no, refunded),
        order_number=order.number,
        trade_no=trade_no,
        refunded=refunded,
        request_no=request_no,
        cause=cause,
        recorded_at=now,
    )
    if again:
        transaction.put(notice, None, None)
    else:
        transaction.put_new(notice, seen)
    transaction.put_new(event_item(order, "refund reported", cause, now), seen)


def _refund_sort(order_number: str, request_no: str, refunded: Fen) -> str:
    return f"REFUND#{order_number}#{request_no}#{refunded}"


def has_refund(order: Order, request_no: str, refunded: Fen) -> bool:
    """Whether this word of a refund is recorded. One round trip."""
    return find(RefundNotice, order.owner, _refund_sort(order.number, request_no, refunded)) is not None


def list_refunds(order: Order) -> list[RefundNotice]:
    """All refunds that a provider told of. One Query."""
    return cast(list[RefundNotice], list_partition(order.user_id, f"REFUND#{order.number}#"))
