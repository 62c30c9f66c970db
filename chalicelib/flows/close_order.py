"""Closing an unpaid order, by its learner or by time: never without asking Alipay, never without giving back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from chalicelib.errors import (
    OrderAlreadyPaid,
    OrderClosed,
    OutcomeUnknown,
    PaymentUnknown,
    StoreUnavailable,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.alipay import Closed, CloseRefused, NotExist, Paid, Refunded, TradeState, Unpaid
from chalicelib.gateways.deadline import Deadline
from chalicelib.shop import order
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import confirm_payment, give_back, withdraw_order

log = logging.getLogger(__name__)

PROVIDER_SECONDS = 8.0
"""All calls to providers that one request makes share this deadline; past it the result is unknown
(contract).
"""

_DUE_AT_ONCE = 100
"""How many due orders of a shard one run of the timer reads."""


def cancel_by_learner(user_id: int, number: str, gateways: Gateways, now: datetime) -> None:
    """Cancel the user's unpaid order and give back its coupons and beli. Repeating it changes nothing.

    Raises OrderNotFound; OrderAlreadyPaid (also when Alipay says so, and then the order is delivered);
    OrderClosed when time closed it; PaymentUnknown when Alipay gives no clear answer, and then nothing is
    changed.
    """
    found = order.find_own(user_id, number)
    if found.is_open():
        try:
            _close(found, order.CANCELLED, "learner", gateways, now)
            return
        except OrderClosed:
            found = order.reload(found)
    if found.status == order.EXPIRED:
        raise OrderClosed(order=number)
    if found.status != order.CANCELLED:
        raise OrderAlreadyPaid(order=number)


def close_overdue(gateways: Gateways, clock: Callable[[], datetime], seconds: float) -> int:
    """Work off the open orders that are due, for up to `seconds` -> how many it made final.

    Each order is worked under a lease, so timers may overlap; what cannot be decided now is due again after
    the lease.
    """
    deadline = Deadline(seconds)
    final = 0
    for shard in order.shards():
        for due in order.list_due(shard, clock(), _DUE_AT_ONCE):
            if deadline.remaining() < PROVIDER_SECONDS:
                return final
            final += _work_off(due, gateways, clock())
    return final


def _work_off(due: Order, gateways: Gateways, now: datetime) -> bool:
    """Close or deliver one due order, if it is still to be had -> whether this made it final."""
    try:
        order.take_lease(due, now)
        _close(due, order.EXPIRED, "clock", gateways, now)
    except OrderAlreadyPaid:
        return True
    except OrderClosed:
        return False
    except (PaymentUnknown, StoreUnavailable, OutcomeUnknown) as trouble:
        log.warning("an open order waits for its next turn: order=%s %s", due.number, type(trouble).__name__)
        return False
    return True


def _close(found: Order, status: str, cause: str, gateways: Gateways, now: datetime) -> None:
    """Ask Alipay; close there, then here. Raises OrderAlreadyPaid, OrderClosed, PaymentUnknown."""
    if found.amount == 0:
        confirm_payment.confirm_free(found, cause, now)
        raise OrderAlreadyPaid(order=found.number)
    alipay, deadline = gateways.alipay, Deadline(PROVIDER_SECONDS)
    state: TradeState | CloseRefused = alipay.query(found.number, found.amount, deadline)
    if isinstance(state, Unpaid):
        state = alipay.close(found.number, deadline)
        if isinstance(state, CloseRefused):
            # Paid or closed between the two calls.
            state = alipay.query(found.number, found.amount, deadline)
    if isinstance(state, Paid):
        confirm_payment.confirm(found, state, "query", now)
        raise OrderAlreadyPaid(order=found.number)
    if isinstance(state, Refunded):
        confirm_payment.confirm(found, state.payment, "query", now)
        withdraw_order.withdraw(
            order.reload(found), state.payment.trade_no, state.refunded, "query", "query", now
        )
        raise OrderAlreadyPaid(order=found.number)
    if isinstance(state, NotExist) and status == order.EXPIRED:
        # Nobody has scanned the code yet, and until it dies somebody still may.
        dead_at = found.expires_at + order.CLOSE_MARGIN
        if now < dead_at:
            order.look_at_later(found, dead_at)
            raise OrderClosed(order=found.number)
    elif not isinstance(state, Closed | NotExist):
        raise PaymentUnknown(order=found.number)
    give_back_and_close(found, status, cause, now)


def give_back_and_close(found: Order, status: str, cause: str, now: datetime) -> None:
    """An open order becomes cancelled or expired; its coupon records and beli go back to the user. One
    transaction.

    Raises OrderClosed when it is not open any more, StoreUnavailable, OutcomeUnknown.
    """
    transaction = Transaction()
    order.mark_closed(transaction, found, status, cause, now)
    give_back.give_back(transaction, found, "closed", OrderClosed(order=found.number), now)
    try:
        transaction.commit(witness=lambda: order.reload(found).status == status)
    except OrderClosed:
        if order.reload(found).is_open():
            log.error("an order cannot be closed, a person must look at it: order=%s", found.number)
        raise
