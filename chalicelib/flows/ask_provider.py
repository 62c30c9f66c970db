"""Query a payment provider about an order, and act on its answer."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import (
    Closed,
    NotKnown,
    Paid,
    Refunded,
    TooLate,
    TradeState,
    Unclear,
    Unpaid,
)
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order

from . import confirm_payment, take_back


class Standing(Enum):
    """How an order stands with its provider, after the answer was acted on."""

    DELIVERED = auto()
    """It was paid: it is delivered, or taken back where all of it was refunded."""
    WAITS = auto()
    """Its trade waits for the buyer."""
    NOT_BEGUN = auto()
    """Nobody has begun to pay (yet)."""
    CLOSED = auto()
    """Its trade is closed and was never paid."""


def bring_up_to_date(
    order: Order, gateways: Gateways, now: datetime, seconds: float = PROVIDER_SECONDS
) -> Standing | Unclear:
    """Query an order's provider, and deliver the order or take it back if the answer says so. One call; one more for
    each refund that was not confirmed yet.

    Raises OrderClosed (it cannot be delivered and is flagged), CannotTakeBack.
    """
    return _act_on(order, _query(order, gateways, Deadline(seconds)), gateways, now)


def close_trade(order: Order, gateways: Gateways, now: datetime) -> Standing | Unclear:
    """As `bring_up_to_date`, and close a trade that waits for its buyer. Up to three calls."""
    deadline = Deadline(PROVIDER_SECONDS)
    state = _query(order, gateways, deadline)
    if isinstance(state, Unpaid):
        answer = gateways.of(order.payment_type).close(order.number, deadline)
        # Too late: it was paid or closed between the two calls.
        state = _query(order, gateways, deadline) if isinstance(answer, TooLate) else answer
    return _act_on(order, state, gateways, now)


def _query(order: Order, gateways: Gateways, deadline: Deadline) -> TradeState:
    return gateways.of(order.payment_type).query(order.number, order.amount, deadline)


def _act_on(order: Order, state: TradeState, gateways: Gateways, now: datetime) -> Standing | Unclear:
    cause = Cause(By.QUERY)
    match state:
        case Unclear():
            return state
        case Unpaid():
            return Standing.WAITS
        case NotKnown():
            return Standing.NOT_BEGUN
        case Closed():
            return Standing.CLOSED
        case Paid():
            confirm_payment.confirm(order, state, cause, now)
        case Refunded(payment):
            confirm_payment.confirm(order, payment, cause, now, is_refunded=True)
            unclear = take_back.complete_what_is_done(orders.reload(order), gateways, now)
            if unclear is not None:
                return unclear
            take_back.supersede(orders.reload(order), payment.trade_no, cause, now)
    return Standing.DELIVERED
