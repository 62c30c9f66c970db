"""Payments: money received for an order, each recorded once."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import ShopError
from chalicelib.money import Fen
from chalicelib.shop.event import Cause, CauseAttribute
from chalicelib.shop.order import Order, about
from chalicelib.shop.partition import list_partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find

APPLIED, LATE, DUPLICATE = "applied", "late", "surplus"
"""applied: it paid its order. late: its order was closed already. surplus: another trade had paid its order, this one
is a duplicate.
"""


class Payment(UserItem, discriminator="PAYMENT"):
    """Money received: `amount` in fen, the provider's `trade_no`, our `number` of the trade (None: the order's). A late
    or duplicate payment goes back.
    """

    order_number = UnicodeAttribute()
    provider = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    number = UnicodeAttribute(null=True)
    amount = WholeNumber()
    use = UnicodeAttribute()
    paid_at = UTCDateTimeAttribute()
    recorded_at = UTCDateTimeAttribute()
    cause = CauseAttribute()


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
    *,
    number: str | None = None,
) -> Payment:
    """A payment of an order, ready to be written; its key is unique for order and trade. `number`: our number of the
    trade, where it may be another than the order's.
    """
    return Payment(
        order.owner,
        _sort(order.number, trade_no),
        order_number=order.number,
        provider=provider,
        trade_no=trade_no,
        number=None if number == order.number else number,
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
