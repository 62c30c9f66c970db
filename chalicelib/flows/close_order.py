"""Closing an unpaid order, by its learner or by time: never without asking the provider, never without giving back."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import (
    OrderAlreadyPaid,
    OrderClosed,
    PaymentUnknown,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.deadline import Deadline
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
from chalicelib.shop import audit, coupon, free_course, ledger, order, work
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import confirm_payment, refund_order

PROVIDER_SECONDS = 8.0
"""All calls to providers that one request makes share this deadline; past it the result is unknown
(contract).
"""


def cancel_by_learner(user_id: int, number: str, gateways: Gateways, now: datetime) -> None:
    """Cancel the user's unpaid order and give back its coupons and beli. Repeating it changes nothing.

    Raises OrderNotFound; OrderAlreadyPaid (also when the provider says so: the order is delivered); OrderClosed when it
    has expired; PaymentUnknown when the provider's answer is unclear or the order is flagged: nothing is changed.
    """
    found = order.find_own(user_id, number)
    if found.is_open():
        try:
            close(found, order.CANCELLED, Cause(By.LEARNER), gateways, now)
            return
        except OrderClosed:
            found = order.reload(found)
            if found.is_open():
                raise PaymentUnknown(order=number, reason=found.trouble, needs_person=True) from None
    if found.status == order.EXPIRED:
        raise OrderClosed(order=number)
    if found.status != order.CANCELLED:
        raise OrderAlreadyPaid(order=number)


def close(
    found: Order,
    status: str,
    cause: Cause,
    gateways: Gateways,
    now: datetime,
    *,
    said: audit.AuditEntry | None = None,
) -> None:
    """Ask the provider about an open order; close it there, then here. An order of 0 is delivered instead.

    `said`: a person says that it was dealt with, which counts where asking the provider again will not help. Raises
    OrderAlreadyPaid (and it is delivered), OrderClosed (it is not open any more, or cannot be closed, or its code may
    still be scanned and it is looked at again when that is over), PaymentUnknown, StoreUnavailable, OutcomeUnknown.
    """
    if found.amount == 0:
        try:
            confirm_payment.confirm_free(found, cause, now)
        except OrderClosed:
            if said is None:
                raise
            give_back_and_close(found, status, cause, now, said=said, is_watched=False)
            return
        raise OrderAlreadyPaid(order=found.number)
    provider, deadline = gateways.of(found.payment_type), Deadline(PROVIDER_SECONDS)
    state: TradeState | TooLate = ask(found, gateways, deadline)
    if isinstance(state, Unpaid):
        state = provider.close(found.number, deadline)
        if isinstance(state, TooLate):
            # Paid or closed between the two calls.
            state = ask(found, gateways, deadline)
    if said is not None and isinstance(state, Unclear) and state.needs_person:
        give_back_and_close(found, status, cause, now, said=said, is_watched=False)
        return
    raise_if_paid(found, state, gateways, now)
    if (
        isinstance(state, NotKnown)
        and status == order.EXPIRED
        and now < found.expires_at + order.CLOSE_MARGIN
    ):
        # Nobody has scanned the code yet, and until it dies somebody still may.
        work.look_again(found, found.expires_at + order.CLOSE_MARGIN)
        raise OrderClosed(order=found.number)
    if not isinstance(state, Closed | NotKnown):
        raise _unknown(found, state)
    give_back_and_close(found, status, cause, now, said=said, is_unseen=isinstance(state, NotKnown))


def ask(found: Order, gateways: Gateways, deadline: Deadline) -> TradeState:
    """What became of an order at its provider. One call."""
    return gateways.of(found.payment_type).query(found.number, found.amount, deadline)


def raise_if_paid(found: Order, state: TradeState | TooLate, gateways: Gateways, now: datetime) -> None:
    """Deliver an order that the provider says was paid (and take it back where that was refunded), and raise
    OrderAlreadyPaid.

    Raises PaymentUnknown for no clear answer.
    """
    if isinstance(state, Unclear | TooLate):
        raise _unknown(found, state)
    if isinstance(state, Paid):
        confirm_payment.confirm(found, state, Cause(By.QUERY), now)
        raise OrderAlreadyPaid(order=found.number)
    if isinstance(state, Refunded):
        confirm_payment.confirm(found, state.payment, Cause(By.QUERY), now, is_refunded=True)
        refund_order.complete_what_is_done(order.reload(found), gateways, now)
        refund_order.overtake(order.reload(found), state.payment.trade_no, Cause(By.QUERY), now)
        raise OrderAlreadyPaid(order=found.number)


def _unknown(found: Order, state: TradeState | TooLate) -> PaymentUnknown:
    if isinstance(state, Unclear):
        return PaymentUnknown(order=found.number, reason=state.reason, needs_person=state.needs_person)
    return PaymentUnknown(order=found.number, reason="the trade is not closed", needs_person=False)


def give_back_and_close(
    found: Order,
    status: str,
    cause: Cause,
    now: datetime,
    *,
    said: audit.AuditEntry | None = None,
    is_watched: bool = True,
    is_unseen: bool = False,
) -> None:
    """An open order becomes cancelled or expired; its coupon records and beli go back to the user. One
    transaction. `said`: a person says so. While it `is_watched` it is asked about for the rest of its timetable,
    `is_unseen` as of `Order.next_look`.

    Raises OrderClosed when it is not open any more, StoreUnavailable, OutcomeUnknown.
    """
    transaction = Transaction()
    order.mark_closed(transaction, found, status, cause, now, is_watched=is_watched, is_unseen=is_unseen)
    refusal = OrderClosed(order=found.number)
    for record_id in found.coupon_record_ids():
        coupon.release(transaction, found.user_id, record_id, found.number, refusal)
    free_course.give_back(transaction, found.user_id, free_course.of_order(found), refusal)
    if found.beli:
        cause_key, why = f"{found.number}#closed", f"order {found.number} closed"
        ledger.change(transaction, ledger.entry(found.user_id, found.beli, cause_key, why, now), refusal)
    try:
        if said is not None:
            audit.commit(transaction, said)
        else:
            transaction.commit()
    except OrderClosed:
        current = order.reload(found)
        if current.is_open():
            order.note_trouble(current, "it cannot be closed: what it holds is not as it says", now)
        raise
