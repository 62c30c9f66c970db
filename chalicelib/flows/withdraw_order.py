"""Withdrawing a paid order whose money went back in full: access ends, coupons and beli return."""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import OrderClosed
from chalicelib.money import Fen
from chalicelib.shop import enrollment, order, payment
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction

from . import give_back

log = logging.getLogger(__name__)


def withdraw(paid: Order, trade_no: str, refunded: Fen, request_no: str, cause: str, now: datetime) -> None:
    """A paid order becomes refunded, in one transaction with the record of the refund. Repeating it changes
    nothing.

    Where the refunded trade is not the one that paid the order (money that was late or surplus), the refund
    is recorded and the order stays as it is. Raises StoreUnavailable, OutcomeUnknown, and OrderClosed when
    what the order had taken is not as it left it.
    """
    if paid.status not in (order.PAID, order.REFUNDING) or paid.trade_no != trade_no:
        record_refund(paid, trade_no, refunded, request_no, cause, now)
        return
    transaction = Transaction()
    refusal = OrderClosed(order=paid.number)
    order.mark_refunded(transaction, paid, cause, now)
    payment.record_refund(transaction, paid, trade_no, refunded, request_no, cause, now, again=True)
    for position, line in enumerate(paid.lines):
        enrollment.withdraw(transaction, paid.user_id, line.course, paid.number, position, now, refusal)
    give_back.give_back(transaction, paid, "refunded", refusal, now)
    try:
        transaction.commit(witness=lambda: order.reload(paid).status == order.REFUNDED)
    except OrderClosed:
        if order.reload(paid).status != order.REFUNDED:
            log.error("a refund cannot be carried out here, a person must look at it: order=%s", paid.number)
            raise


def record_refund(
    paid: Order, trade_no: str, refunded: Fen, request_no: str, cause: str, now: datetime
) -> None:
    """Record a provider's word of a refund, once, and change nothing else. Raises StoreUnavailable,
    OutcomeUnknown.
    """
    transaction = Transaction()
    payment.record_refund(transaction, paid, trade_no, refunded, request_no, cause, now)
    try:
        transaction.commit(witness=lambda: payment.has_refund(paid, request_no, refunded))
    except OrderClosed:
        return
