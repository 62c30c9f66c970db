"""Confirm a payment: the one step by which an order becomes paid, whether a notification, a query or the timer leads to
it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import BeliTaken, CouponUnusable, FreeTermTaken, OrderClosed
from chalicelib.gateways.payments import Paid
from chalicelib.shop import coupon, enrollment, free_course, journal, ledger, payment, refund
from chalicelib.shop import order as orders
from chalicelib.shop.event import Cause, What
from chalicelib.shop.order import Order
from chalicelib.shop.payment import Payment
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)


def deliver_free(order: Order, cause: Cause, now: datetime) -> None:
    """Deliver an open order of 0, once. One round trip; two when it is no longer open.

    Raises OrderClosed when it cannot be delivered: then it is flagged.
    """
    try:
        _deliver(order, None, cause, now)
    except OrderClosed:
        current = orders.reload(order)
        if current.is_open():
            orders.flag_problem(current, "it cannot be delivered: what it holds is not as it says", now)
            raise


def confirm(order: Order, news: Paid, cause: Cause, now: datetime, *, is_refunded: bool = False) -> None:
    """Deliver an order for which the whole amount was received, once.

    Money for a closed order reopens it, if its coupons and beli are all still there. Else, and when another trade has
    paid the order, the payment is recorded and goes back. `is_refunded`: all of it was refunded since; the order stays
    on the work list until it is taken back. Raises OrderClosed when it cannot be delivered: then it is flagged.
    """
    current, last = order, None
    for _ in range(orders.MAX_RELOADS):
        received = payment.payment_item(
            current,
            news.provider,
            news.trade_no,
            news.amount,
            payment.APPLIED,
            cause,
            news.paid_at or now,
            now,
            number=news.number,
        )
        try:
            return _take(current, received, cause, now, is_refunded)
        except OrderClosed as changed:
            # The order is not as it was read: somebody else was faster, perhaps with the same news.
            last = changed
        current = orders.reload(order)
        if payment.find_payment(current, news.trade_no) is not None:
            return
    # What the order holds is not as it says: flag it, and let whoever brings the news try again.
    orders.flag_problem(current, "it was paid and cannot be delivered: what it holds is not as it says", now)
    assert last is not None
    raise last


def _take(current: Order, received: Payment, cause: Cause, now: datetime, is_refunded: bool) -> None:
    """Use a payment as the order's state demands. Raises OrderClosed when that has changed."""
    if current.is_open():
        _deliver(current, received, cause, now, is_refunded)
    elif current.is_closed():
        try:
            _reopen(current, received, now, is_refunded)
        except (CouponUnusable, FreeTermTaken, BeliTaken):
            _send_back(current, received, payment.LATE, now)
    elif current.trade_no is None and current.amount:
        _identify(current, received, now)
    else:
        _send_back(current, received, payment.DUPLICATE, now)


def _deliver(
    order: Order, received: Payment | None, cause: Cause, now: datetime, is_refunded: bool = False
) -> None:
    transaction = Transaction()
    refusal = OrderClosed(order=order.number)
    if received is None:
        orders.mark_paid(transaction, order, cause, now)
        journal.record(transaction, journal.of_free(order, now), refusal)
    else:
        _mark_paid(transaction, order, received, now, is_refunded=is_refunded)
        _record(transaction, order, received, refusal)
    for record_id in order.coupon_record_ids():
        coupon.redeem(transaction, order.user_id, record_id, order.number, now, refusal)
    _grant(transaction, order, now)
    transaction.commit()


def _reopen(order: Order, received: Payment, now: datetime, is_refunded: bool) -> None:
    """Deliver a closed order after all; it takes its coupons (their end dates aside) and beli once more.

    Raises CouponUnusable, FreeTermTaken, BeliTaken when they are not there any more. One transaction.
    """
    transaction = Transaction()
    refusal = OrderClosed(order=order.number)
    _mark_paid(transaction, order, received, now, reopened=True, is_refunded=is_refunded)
    _record(transaction, order, received, refusal)
    for record_id in order.coupon_record_ids():
        coupon.redeem_again(transaction, order.user_id, record_id, order.number, now)
    free_course.take(transaction, order.user_id, free_course.of_order(order), FreeTermTaken())
    if order.beli:
        cause = f"order {order.number} reopened"
        taken = ledger.entry(order.user_id, -order.beli, f"{order.number}#reopened", cause, now)
        ledger.change(transaction, taken, BeliTaken())
    _grant(transaction, order, now)
    transaction.commit()
    log.warning("late money reopened its order: order=%s", order.number)


def _identify(order: Order, received: Payment, now: datetime) -> None:
    """Store the trade's number in a paid order of the old system that has none: no money is new."""
    transaction = Transaction()
    orders.set_trade_no(transaction, order, received.trade_no, received.cause, now)
    _record(transaction, order, received, OrderClosed(order=order.number))
    transaction.commit()


def _mark_paid(
    transaction: Transaction,
    order: Order,
    received: Payment,
    now: datetime,
    *,
    reopened: bool = False,
    is_refunded: bool,
) -> None:
    orders.mark_paid(
        transaction,
        order,
        received.cause,
        now,
        provider=received.provider,
        trade_no=received.trade_no,
        trade_number=received.number,
        reopened=reopened,
        is_refunded=is_refunded,
    )


def _record(transaction: Transaction, order: Order, received: Payment, refusal: OrderClosed) -> None:
    payment.record(transaction, received, refusal)
    journal.record(transaction, journal.of_payment(order, received), refusal)


def _grant(transaction: Transaction, order: Order, now: datetime) -> None:
    refusal = OrderClosed(order=order.number)
    for position, line in enumerate(order.lines):
        granted = enrollment.slice_item(
            order.user_id, line.course, line.course_name, order.number, position, line.valid_period, now
        )
        enrollment.grant(transaction, granted, refusal)


def _send_back(order: Order, received: Payment, use: str, now: datetime) -> None:
    """Record money that its order cannot use, together with its refund, which the timer carries out."""
    received.use = use
    is_late = use == payment.LATE
    why = refund.LATE if is_late else refund.DUPLICATE
    what = What.LATE_PAYMENT if is_late else What.DUPLICATE_PAYMENT
    transaction = Transaction()
    refusal = OrderClosed(order=order.number)
    _record(transaction, order, received, refusal)
    refund.add(transaction, refund.of_payment(order, received, why, now))
    orders.record_event(transaction, order, what, received.cause, now, refusal)
    transaction.commit()
    log.error(
        "money that its order cannot use goes back: %s, order=%s trade=%s fen=%d",
        why,
        order.number,
        received.trade_no,
        received.amount,
    )
