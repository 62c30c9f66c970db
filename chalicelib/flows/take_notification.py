"""Taking a verified notification: what each thing that a payment provider tells does to its order."""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import OrderClosed, OrderNotFound
from chalicelib.gateways.payments import Notice, Told
from chalicelib.shop import order, refund, refund_notice, stray_notice
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order

from . import carry_out_refund, close_order, confirm_payment, take_back

log = logging.getLogger(__name__)

ORDER, CHANNEL, AMOUNT, WORD = "order", "channel", "amount", "trade_status"
"""Checks that only a genuine notification can fail: there is no such order, it is to be paid by another provider, of
another amount, or nobody here knows what the notification's word means.
"""


def take_notice(notice: Notice, now: datetime) -> str | None:
    """Act on a notification whose form, signature and merchant were checked -> the check it fails, or None.

    One that fails a check is kept for a person, because there may be money behind it.
    """
    failed = act_on(notice, now)
    if failed is not None:
        stray_notice.keep(
            failed,
            now,
            provider=notice.provider,
            notify_id=notice.notify_id,
            order_number=notice.order_number,
            trade_no=notice.trade_no,
            word=notice.word,
            amount=notice.amount,
            paid_at=notice.paid_at,
            refunded=notice.refunded,
            request_no=notice.request_no,
        )
    return failed


def act_on(notice: Notice, now: datetime) -> str | None:
    """Do what a genuine notification asks for -> the check it fails, or None.

    Checks the order, its provider and the amount. Repetitions, in any order, lead to the same end.
    """
    try:
        found = order.find_by_number(notice.order_number)
    except OrderNotFound:
        return ORDER
    if found.payment_type != notice.provider:
        return CHANNEL
    if found.amount != notice.amount:
        return AMOUNT
    cause = Cause(By.NOTIFICATION, notice.notify_id)
    match notice.told:
        case Told.WAITING:
            pass
        case Told.RECEIVED:
            _take_payment(found, notice, cause, now)
        case Told.REFUNDED_IN_PART:
            _take_payment(found, notice, cause, now)
            _take_refund(found, notice, cause, now)
        case Told.REFUNDED_WHOLE:
            # Money that goes back was received before, whether or not anybody told us then.
            _take_payment(found, notice, cause, now, is_refunded=True)
            _take_refund(found, notice, cause, now)
            take_back.supersede(order.reload(found), notice.trade_no, cause, now)
        case Told.CLOSED:
            _take_closing(found, notice.trade_no, cause, now)
        case Told.UNHEARD:
            return WORD
    return None


def _take_payment(
    found: Order, notice: Notice, cause: Cause, now: datetime, *, is_refunded: bool = False
) -> None:
    if found.trade_no != notice.trade_no:
        confirm_payment.confirm(found, notice.payment(), cause, now, is_refunded=is_refunded)


def _take_refund(found: Order, notice: Notice, cause: Cause, now: datetime) -> None:
    """Record the refund that a notification tells of, and complete it if it is ours.

    One that is not ours (any more: it was refused, and executed all the same) is flagged if it is partial.
    """
    ours = refund.find_of_order(found, notice.request_no) if notice.request_no else None
    if ours is not None and ours.status == refund.REFUSED:
        ours = None
    is_partial = notice.told == Told.REFUNDED_IN_PART
    needs_person = ours is None and is_partial and not _is_known(found, notice)
    refund_notice.record(
        found,
        notice.trade_no,
        notice.refunded,
        notice.request_no or notice.trade_no,
        cause,
        now,
        needs_person=needs_person,
    )
    if ours is not None:
        carry_out_refund.complete(found, ours, cause, now)


def _is_known(found: Order, notice: Notice) -> bool:
    """Whether a notification that names no request repeats a known total: that of our own refunds, or one told before.
    So a provider may do months later.
    """
    if notice.request_no is not None:
        return False
    ours = sum(
        each.amount
        for each in refund.list_refunds(found)
        if each.status == refund.DONE and each.trade_no == notice.trade_no and not each.refunded_externally
    )
    told = [each.refunded for each in refund_notice.list_all(found) if each.trade_no == notice.trade_no]
    return notice.refunded in (ours, *told)


def _take_closing(found: Order, trade_no: str, cause: Cause, now: datetime) -> None:
    if found.is_delivered() and found.trade_no == trade_no:
        # A trade that was paid is closed by refunding it only, and then the notification says how much.
        order.flag_problem(found, "the provider closed its paid trade without a word of a refund", now)
        return
    if not found.is_open():
        log.info("a trade was closed whose order was final already: order=%s", found.number)
        return
    # Before its expiry a trade is closed by its buyer only, here (the notification may be faster than the answer to
    # our own call) or on the provider's page.
    status = order.CANCELLED if now < found.expires_at else order.EXPIRED
    try:
        close_order.give_back_and_close(found, status, cause, now)
    except OrderClosed:
        log.info("a trade was closed while its order became final: order=%s", found.number)
