"""Whether an order can be paid now, and why not: what beginning to pay and changing the provider share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from chalicelib.errors import OrderAlreadyPaid, OrderClosed, OrderNotPayable, PaymentUnknown, TradesChanged
from chalicelib.shop import order as orders
from chalicelib.shop.order import Order
from chalicelib.shop.rate_limit import Limit, take_attempt

_MOST_ATTEMPTS = 60


@contextmanager
def paying(order: Order, now: datetime) -> Iterator[None]:
    """Run the block for an order that can be paid now. Should it change meanwhile, its learner is told into what.

    Counts as an attempt: each may ask providers and adds to the order's history. Raises TooManyAttempts (60 of a user
    in 15 minutes), OrderAlreadyPaid, OrderClosed, OrderNotPayable; PaymentUnknown where the order was flagged.
    """
    take_attempt([Limit("pay", str(order.user_id), _MOST_ATTEMPTS)])
    _raise_unless_payable(order, now)
    try:
        yield
    except (OrderClosed, TradesChanged) as error:
        current = orders.reload(order)
        _raise_unless_payable(current, now)
        if isinstance(error, TradesChanged):
            raise
        raise PaymentUnknown(order.number, str(current.problem), needs_person=True) from error


def _raise_unless_payable(order: Order, now: datetime) -> None:
    if order.is_delivered():
        raise OrderAlreadyPaid(order=order.number)
    if order.is_closed():
        raise OrderClosed(order=order.number)
    if not order.can_be_sent_to_pay(now):
        raise OrderNotPayable(order=order.number)
