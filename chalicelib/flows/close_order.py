"""Closing an unpaid order, by its learner or by time: never without asking the provider, never without giving back."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import OrderAlreadyPaid, OrderClosed, PaymentUnknown
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import coupon, free_course, ledger, order, work
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import ask_provider, confirm_payment
from .ask_provider import Standing


def cancel_by_learner(found: Order, gateways: Gateways, now: datetime) -> None:
    """Cancel a learner's own unpaid order and give back its coupons and beli. Repeating it changes nothing.

    Raises OrderAlreadyPaid (also when the provider says so: the order is delivered); OrderClosed when it
    has expired; PaymentUnknown when the provider's answer is unclear or the order is flagged: nothing is changed.
    """
    number = found.number
    if found.is_open():
        try:
            standing = close(found, order.CANCELLED, Cause(By.LEARNER), gateways, now)
        except OrderClosed:
            found = order.reload(found)
            if found.is_open():
                raise PaymentUnknown(number, str(found.problem), needs_person=True) from None
        else:
            raise_unless_closed(found, standing)
            return
    if found.status == order.EXPIRED:
        raise OrderClosed(order=number)
    if found.status != order.CANCELLED:
        raise OrderAlreadyPaid(order=number)


def raise_unless_closed(found: Order, standing: Standing | Unclear) -> None:
    """Raise what kept an order from being closed: OrderAlreadyPaid, PaymentUnknown."""
    match standing:
        case Unclear(reason, needs_person):
            raise PaymentUnknown(found.number, reason, needs_person)
        case Standing.DELIVERED:
            raise OrderAlreadyPaid(order=found.number)


def close(
    found: Order,
    status: str,
    cause: Cause,
    gateways: Gateways,
    now: datetime,
    transaction: Transaction | None = None,
) -> Standing | Unclear:
    """Close an open order's trade at its provider, then the order here -> CLOSED.

    Else nothing is changed here: DELIVERED when it was paid (or costs nothing), NOT_BEGUN when it expires and its code
    may still be scanned, for which it is rescheduled. A `transaction` is written with the closing, if it comes to it.
    Raises OrderClosed (it is not open any more, or cannot be closed and is flagged), LeaseTaken.
    """
    if found.amount == 0:
        confirm_payment.deliver_free(found, cause, now)
        return Standing.DELIVERED
    standing = ask_provider.close_trade(found, gateways, now)
    match standing:
        case Standing.NOT_BEGUN if status == order.EXPIRED and now < found.expires_at + order.CLOSE_MARGIN:
            work.reschedule(found, found.expires_at + order.CLOSE_MARGIN)
        case Standing.WAITS:
            return Unclear("the trade is not closed")
        case Standing.CLOSED | Standing.NOT_BEGUN:
            is_unseen = standing is Standing.NOT_BEGUN
            give_back_and_close(found, status, cause, now, transaction, is_unseen=is_unseen)
            return Standing.CLOSED
    return standing


def give_back_and_close(
    found: Order,
    status: str,
    cause: Cause,
    now: datetime,
    transaction: Transaction | None = None,
    *,
    is_watched: bool = True,
    is_unseen: bool = False,
) -> None:
    """An open order becomes cancelled or expired; its coupon records and beli go back to the user. All is written with
    a `transaction`, if one is given. While it `is_watched` it is asked about for the rest of its timetable,
    `is_unseen` as of `Order.next_query_at`.

    Raises OrderClosed when it is not open any more, or cannot be closed and is flagged.
    """
    transaction = transaction or Transaction()
    order.mark_closed(transaction, found, status, cause, now, is_watched=is_watched, is_unseen=is_unseen)
    refusal = OrderClosed(order=found.number)
    for record_id in found.coupon_record_ids():
        coupon.release(transaction, found.user_id, record_id, found.number, refusal)
    free_course.give_back(transaction, found.user_id, free_course.of_order(found), refusal)
    if found.beli:
        cause_key, why = f"{found.number}#closed", f"order {found.number} closed"
        ledger.change(transaction, ledger.entry(found.user_id, found.beli, cause_key, why, now), refusal)
    try:
        transaction.commit()
    except OrderClosed:
        current = order.reload(found)
        if current.is_open():
            order.flag_problem(current, "it cannot be closed: what it holds is not as it says", now)
        raise
