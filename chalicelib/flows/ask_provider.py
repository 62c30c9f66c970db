"""Query the payment providers about an order's trades, and act on their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto

from msgspec import Struct

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import OrderClosed, TradesChanged
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
from chalicelib.shop.trade import Trade

from . import confirm_payment, take_back


class Standing(Enum):
    """How an order stands with its providers, after their answers were acted on."""

    DELIVERED = auto()
    """It was paid: it is delivered, or taken back where all of it was refunded."""
    WAITS = auto()
    """A trade of it waits for the buyer."""
    NOT_BEGUN = auto()
    """Nobody has begun to pay (yet) by a trade that is not closed."""
    CLOSED = auto()
    """Every trade of it is closed and was never paid, but for some that nobody has begun to pay."""


class _Answer(Struct, frozen=True):
    """What its provider says of a trade."""

    trade: Trade
    state: TradeState

    def strength(self) -> int:
        """The stronger one of two answers tells how their order stands."""
        kinds = (NotKnown, Closed, Unpaid, Unclear)
        return next(n for n, kind in enumerate(kinds) if isinstance(self.state, kind))


def bring_up_to_date(
    order: Order, gateways: Gateways, now: datetime, seconds: float = PROVIDER_SECONDS
) -> Standing | Unclear:
    """Query an order's providers, and deliver the order or take it back if an answer says so. One call for each trade
    that is not closed, the newest first, until one is paid; one more for each refund that was not confirmed yet.

    Marks the closed ones of an open order that lists its trades: it is as stored then. Raises OrderClosed (it is not
    open any more, or cannot be delivered and is flagged), CannotTakeBack.
    """
    return _act_on(order, _query(order, gateways, Deadline(seconds)), gateways, now)


def close_trades(
    order: Order, gateways: Gateways, now: datetime, *, spare: str | None = None
) -> Standing | Unclear:
    """As `bring_up_to_date`, and close the trades that wait for their buyer, unless one is paid or unclear. Up to three
    calls for each trade. None for those of the provider to `spare`.
    """
    deadline = Deadline(PROVIDER_SECONDS)
    answers = _query(order, gateways, deadline, spare)
    if order.is_delivered() or not any(isinstance(one.state, Paid | Unclear) for one in answers):
        answers = [_closed(order, one, gateways, deadline) for one in answers]
    return _act_on(order, answers, gateways, now)


def _query(order: Order, gateways: Gateways, deadline: Deadline, spare: str | None = None) -> list[_Answer]:
    answers: list[_Answer] = []
    for trade in reversed(order.begun()):
        if trade.is_closed or trade.provider == spare:
            continue
        answers.append(_ask(order, trade, gateways, deadline))
        if isinstance(answers[-1].state, Paid) and order.is_open():
            break  # the others are queried, and closed, when the order is delivered
    return answers


def _ask(order: Order, trade: Trade, gateways: Gateways, deadline: Deadline) -> _Answer:
    return _Answer(trade, gateways.of(trade.provider).query(trade.number, order.amount, deadline))


def _closed(order: Order, answer: _Answer, gateways: Gateways, deadline: Deadline) -> _Answer:
    """Close a trade that waits for its buyer."""
    trade = answer.trade
    if not isinstance(answer.state, Unpaid):
        return answer
    state = gateways.of(trade.provider).close(trade.number, deadline)
    # Too late: it was paid or closed between the two calls.
    return _ask(order, trade, gateways, deadline) if isinstance(state, TooLate) else _Answer(trade, state)


def _act_on(
    order: Order, answers: Sequence[_Answer], gateways: Gateways, now: datetime
) -> Standing | Unclear:
    received = [one.state for one in answers if isinstance(one.state, Paid | Refunded)]
    # Money that is there pays the order, not money that went back.
    for state in sorted(received, key=lambda state: isinstance(state, Refunded)):
        unclear = _take(order, state, gateways, now)
        if unclear is not None:
            return unclear
    others = [one for one in answers if not isinstance(one.state, Paid | Refunded)]
    strongest = max(others, key=_Answer.strength, default=None)
    if received and (order.is_open() or strongest is None or not isinstance(strongest.state, Unclear)):
        return Standing.DELIVERED
    closed = [one.trade.number for one in others if isinstance(one.state, Closed)]
    if closed and order.is_open() and order.outlives_its_trades() and not _mark_closed(order, closed):
        return Unclear("its trades have just changed")
    match strongest.state if strongest else Closed():
        case Unclear() as unclear:
            return unclear
        case Unpaid():
            return Standing.WAITS
        case NotKnown():
            return Standing.NOT_BEGUN
    return Standing.CLOSED


def _take(order: Order, state: Paid | Refunded, gateways: Gateways, now: datetime) -> Unclear | None:
    cause = Cause(By.QUERY)
    if isinstance(state, Paid):
        confirm_payment.confirm(order, state, cause, now)
        return None
    trade_no = state.payment.trade_no
    confirm_payment.confirm(order, state.payment, cause, now, is_refunded=True)
    current = orders.reload(order)
    unclear = take_back.complete_what_is_done(current, trade_no, gateways, now)
    if unclear is not None:
        return unclear
    take_back.supersede(current, trade_no, cause, now)
    return None


def _mark_closed(order: Order, numbers: Sequence[str]) -> bool:
    """Mark trades of an open order as closed -> False when others were begun or closed meanwhile."""
    try:
        orders.mark_trades_closed(order, numbers)
    except TradesChanged:
        if not orders.reload(order).is_open():
            raise OrderClosed(order=order.number) from None
        return False
    return True
