"""Have an unpaid order paid by another provider: what was begun is closed first, and only a clear answer changes
anything.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import OrderAlreadyPaid, PaymentUnknown, ProviderNotOffered, TradesChanged
from chalicelib.gateways import Gateways
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import ask_provider, close_order, payable
from .ask_provider import Standing


def change_provider(order: Order, to: str, gateways: Gateways, now: datetime) -> Order:
    """Have a learner's own open order paid by the provider `to` -> the order as it is then. Repeating it changes
    nothing.

    A trade that nobody has begun to pay at its provider cannot be closed there: should it be paid after all, one of the
    two payments goes back by itself. Up to three calls for each trade, and as many again for one that was being
    begun. Raises ProviderNotOffered, OrderAlreadyPaid (the order is delivered), PaymentUnknown (the order keeps its
    provider), TradesChanged (another request does the same just now), and as `payable.paying`.
    """
    with payable.paying(order, now):
        if not gateways.has(to):
            raise ProviderNotOffered()
        if order.payment_type == to:
            return order
        # First: the provider tells of a trade that is closed, which would close an order that is that trade alone.
        orders.list_trades(order)
        standing = ask_provider.close_trades(order, gateways, now)
        close_order.raise_unless_closed(order, standing)
        if standing is Standing.WAITS:
            raise PaymentUnknown(order.number, "the trade is not closed", needs_person=False)
        if order.payment_type == to:
            return order  # another request was faster
        transaction = Transaction()
        orders.change_provider(transaction, order, to, order.begun(), Cause(By.LEARNER, to), now)
        try:
            transaction.commit()
        except TradesChanged:
            current = orders.reload(order)
            if current.is_open() and current.payment_type == to:
                return current
            raise
        current = orders.reload(order)
        _close_begun_meanwhile(current, gateways, now)
        return current


def _close_begun_meanwhile(order: Order, gateways: Gateways, now: datetime) -> None:
    """Look once more at trades of the provider of before that the shop itself begins, and of which it knew nothing:
    whoever was beginning one, and looked at the order before it changed, closes nothing. Who looks later closes it.

    Raises OrderAlreadyPaid when one is paid by now: the order is delivered.
    """
    provider = order.payment_type  # its trades may be begun by now, and are to be paid
    left = [one for one in order.begun() if one.provider != provider and not one.is_closed]
    if any(one.way is not None for one in left):
        if ask_provider.close_trades(order, gateways, now, spare=provider) is Standing.DELIVERED:
            raise OrderAlreadyPaid(order=order.number)
