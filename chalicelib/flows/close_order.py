"""Close an unpaid order, on its learner's word or by time: never without querying the provider, never without giving
back.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import OrderAlreadyPaid, OrderClosed, PaymentUnknown, TradesChanged
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import coupon, free_course, ledger, work
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import ask_provider, confirm_payment
from .ask_provider import Standing


def cancel_by_learner(order: Order, gateways: Gateways, now: datetime) -> None:
    """Cancel a learner's own unpaid order and give back its coupons and beli. Repeating it changes nothing.

    Raises OrderAlreadyPaid (also when the provider says so: the order is delivered); OrderClosed when it
    has expired; PaymentUnknown when the provider's answer is unclear or the order is flagged: nothing is changed.
    """
    number = order.number
    if order.is_open():
        try:
            standing = close(order, orders.CANCELLED, Cause(By.LEARNER), gateways, now)
        except OrderClosed:
            order = orders.reload(order)
            if order.is_open():
                raise PaymentUnknown(number, str(order.problem), needs_person=True) from None
        else:
            raise_unless_closed(order, standing)
            return
    if order.status == orders.EXPIRED:
        raise OrderClosed(order=number)
    if order.status != orders.CANCELLED:
        raise OrderAlreadyPaid(order=number)


def raise_unless_closed(order: Order, standing: Standing | Unclear) -> None:
    """Raise why an order was not closed: OrderAlreadyPaid, PaymentUnknown."""
    match standing:
        case Unclear(reason, needs_person):
            raise PaymentUnknown(order.number, reason, needs_person)
        case Standing.DELIVERED:
            raise OrderAlreadyPaid(order=order.number)


def close(
    order: Order,
    status: str,
    cause: Cause,
    gateways: Gateways,
    now: datetime,
    transaction: Transaction | None = None,
) -> Standing | Unclear:
    """Close an open order's trades at their providers, then the order here -> CLOSED.

    Else nothing changes here: DELIVERED when it was paid (or costs nothing), NOT_BEGUN when it expires and its code may
    still be scanned: then it is rescheduled. A `transaction` is committed with the closing, if it comes to it. Raises
    OrderClosed (it is not open any more, or cannot be closed and is flagged), LeaseTaken.
    """
    if order.amount == 0:
        confirm_payment.deliver_free(order, cause, now)
        return Standing.DELIVERED
    standing = ask_provider.close_trades(order, gateways, now)
    match standing:
        case Standing.NOT_BEGUN if status == orders.EXPIRED and now < order.expires_at + orders.CLOSE_MARGIN:
            work.reschedule(order, order.expires_at + orders.CLOSE_MARGIN)
        case Standing.WAITS:
            return Unclear("the trade is not closed")
        case Standing.CLOSED | Standing.NOT_BEGUN:
            is_unseen = standing is Standing.NOT_BEGUN
            try:
                give_back_and_close(order, status, cause, now, transaction, is_unseen=is_unseen)
            except TradesChanged:
                return Unclear("its trades have just changed")
            return Standing.CLOSED
    return standing


def give_back_and_close(
    order: Order,
    status: str,
    cause: Cause,
    now: datetime,
    transaction: Transaction | None = None,
    *,
    is_watched: bool = True,
    is_unseen: bool = False,
) -> None:
    """Cancel or expire an open order and give its coupon records and beli back, with a `transaction`, if one is given.

    While it `is_watched` the provider is queried for the rest of its timetable, `is_unseen` as of
    `Order.next_query_at`. Raises TradesChanged when a trade was begun or closed since it was read, OrderClosed when it
    is not open any more, or cannot be closed and is flagged.
    """
    transaction = transaction or Transaction()
    orders.mark_closed(transaction, order, status, cause, now, is_watched=is_watched, is_unseen=is_unseen)
    refusal = OrderClosed(order=order.number)
    for record_id in order.coupon_record_ids():
        coupon.release(transaction, order.user_id, record_id, order.number, refusal)
    free_course.give_back(transaction, order.user_id, free_course.of_order(order), refusal)
    if order.beli:
        cause_key, why = f"{order.number}#closed", f"order {order.number} closed"
        ledger.change(transaction, ledger.entry(order.user_id, order.beli, cause_key, why, now), refusal)
    try:
        transaction.commit()
    except OrderClosed:
        current = orders.reload(order)
        if current.is_open() and not current.has_trades_of(order):
            raise TradesChanged(order=order.number) from None
        if current.is_open():
            orders.flag_problem(current, "it cannot be closed: what it holds is not as it says", now)
        raise
