"""Confirming a payment: the one step by which an order becomes paid, whoever brings the news."""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import OrderClosed, ShopError
from chalicelib.gateways.alipay import Notice, Paid
from chalicelib.shop import coupon, enrollment, order, payment
from chalicelib.shop.order import Order
from chalicelib.shop.payment import Payment
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)


def confirm_free(placed: Order, cause: str, now: datetime) -> None:
    """Deliver an open order of 0. Repeating it changes nothing. One round trip; two when it is no longer
    open.

    Raises StoreUnavailable, OutcomeUnknown.
    """
    try:
        _deliver(placed, None, cause, now)
    except OrderClosed:
        log.info("an order of 0 was not open any more: order=%s", placed.number)


def confirm(placed: Order, news: Paid | Notice, cause: str, now: datetime) -> None:
    """Deliver an order for which the whole amount was received, once.

    A repetition changes nothing. Money for an order that was closed meanwhile, or was paid by another trade,
    is recorded as such and reported loudly. Raises StoreUnavailable, OutcomeUnknown.
    """
    received = payment.payment_item(
        placed,
        "alipay",
        news.trade_no,
        news.amount,
        payment.APPLIED,
        cause,
        paid_at=news.paid_at or now,
        now=now,
    )
    try:
        _deliver(placed, received, cause, now)
    except OrderClosed:
        _record_unapplied(order.reload(placed), received, now)


def _deliver(placed: Order, received: Payment | None, cause: str, now: datetime) -> None:
    transaction = Transaction()
    refusal: ShopError = OrderClosed(order=placed.number)
    order.mark_paid(transaction, placed, received.trade_no if received else None, cause, now)
    if received is not None:
        payment.record(transaction, received, refusal)
    for record_id in placed.coupon_record_ids():
        coupon.redeem(transaction, placed.user_id, record_id, placed.number, now, refusal)
    for position, line in enumerate(placed.lines):
        granted = enrollment.slice_item(
            placed.user_id, line.course, line.course_name, placed.number, position, line.valid_period, now
        )
        enrollment.grant(transaction, granted, refusal)
    transaction.commit(witness=lambda: _is_delivered(placed, received))


def _is_delivered(placed: Order, received: Payment | None) -> bool:
    if received is None:
        return order.reload(placed).status == order.PAID
    recorded = payment.find_payment(placed, received.trade_no)
    return recorded is not None and recorded.use == payment.APPLIED


def _record_unapplied(placed: Order, received: Payment, now: datetime) -> None:
    """Record money that its order cannot use. A repetition of what is recorded already changes nothing."""
    if payment.find_payment(placed, received.trade_no) is not None:
        return
    paid_before = placed.status in (order.PAID, order.REFUNDING, order.REFUNDED)
    received.use = payment.SURPLUS if paid_before else payment.LATE
    transaction = Transaction()
    refusal = OrderClosed(order=placed.number)
    payment.record(transaction, received, refusal)
    transaction.put_new(
        order.event_item(placed, f"{received.use} payment", received.cause, now),
        refusal,
    )
    try:
        transaction.commit(witness=lambda: payment.find_payment(placed, received.trade_no) is not None)
    except OrderClosed:
        return
    log.error(
        "money that its order cannot use, a person must look at it: %s payment, order=%s trade=%s fen=%d",
        received.use,
        placed.number,
        received.trade_no,
        received.amount,
    )
