"""Take back what a provider has refunded, whoever made the refund."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime

from chalicelib.errors import CannotTakeBack, RefundFinished
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import journal, refund
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import Transaction

from . import carry_out_refund

log = logging.getLogger(__name__)


def complete_what_is_done(order: Order, trade_no: str, gateways: Gateways, now: datetime) -> Unclear | None:
    """Complete those of an order's refunds that the provider of a trade, of which all went back, has executed, also
    where the money went back another way already -> the unclear answer, if there was one.

    An application under way is unclear, too: for some seconds the provider may not know it. One call for each.
    """
    for asked in refund.list_refunds(order):
        is_done = _is_executed(order, asked, trade_no, gateways, now)
        if isinstance(is_done, Unclear):
            return is_done
        if is_done:
            # An order that is not as it should be is flagged by whoever takes it back as a whole.
            with suppress(RefundFinished):
                carry_out_refund.complete(order, asked, Cause(By.PROVIDER), now)
    return None


def _is_executed(
    order: Order, asked: Refund, trade_no: str, gateways: Gateways, now: datetime
) -> bool | Unclear:
    if asked.why != refund.APPLICATION:
        is_of_it = asked.trade_no == trade_no and asked.is_open()
        return is_of_it and carry_out_refund.is_executed(order, asked, gateways)
    if order.trade_no != trade_no:
        return False
    if asked.status == refund.STUCK:
        return carry_out_refund.was_executed_though_refused(order, asked, gateways, now)
    if asked.status != refund.APPROVED and not asked.refunded_externally:
        return False
    is_done = carry_out_refund.is_executed(order, asked, gateways)
    is_under_way = asked.status == refund.APPROVED and bool(asked.amount) and is_done is False
    return Unclear("a refund of it is under way") if is_under_way else is_done


def supersede(order: Order, trade_no: str, cause: Cause, now: datetime) -> None:
    """Take back the rest of an order whose whole trade was refunded, by whomever; its open refunds are superseded, and
    so is that of a payment which the order could not use.

    An order that another trade paid, or whose money our own refunds account for, stays as it is. Raises CannotTakeBack.
    """
    for other in refund.list_refunds(order):
        if other.why != refund.APPLICATION and other.trade_no == trade_no and other.is_open():
            _supersede_of_payment(order, other, cause, now)
    for _ in range(orders.MAX_RELOADS):
        current = orders.reload(order)
        left = current.amount - current.refunded_amount
        if current.trade_no != trade_no or not left or current.status == orders.REFUNDED:
            return
        transaction = Transaction()
        for other in refund.list_refunds(current):
            if other.why == refund.APPLICATION and other.is_open():
                refund.finish(transaction, other, refund.SUPERSEDED, now)
        carry_out_refund.take_back_lines(transaction, current, current.open_lines(), left, cause, now)
        journal.record(
            transaction, journal.of_whole_refund(current, current.open_lines(), left, now), RefundFinished()
        )
        try:
            transaction.commit()
        except RefundFinished:
            continue  # an application was decided, or carried out, at this very moment
        return
    orders.flag_problem(
        current,
        "the provider refunded all of it, and that cannot be carried out: what it holds is not as it says",
        now,
    )
    raise CannotTakeBack(store="dynamodb", operation="supersede", reason="conflict")


def _supersede_of_payment(order: Order, back: Refund, cause: Cause, now: datetime) -> None:
    """End the shop's own refund of a payment all of which went back by no number of the shop's that was told. It stays
    as it is where it came to its end at this very moment.
    """
    transaction = Transaction()
    refund.finish(transaction, back, refund.SUPERSEDED, now)
    journal.record(transaction, journal.of_whole_payment(order, back, now), RefundFinished())
    carry_out_refund.tell_of_payment(transaction, order, back, cause, now)
    with suppress(RefundFinished):
        transaction.commit()
