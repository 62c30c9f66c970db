"""Taking a verified notification of Alipay: what each trade status does to its order."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime

from chalicelib.errors import NotificationRefused, OrderClosed, OrderNotFound
from chalicelib.gateways.alipay import Notice
from chalicelib.shop import order, payment, refund, stray_notice
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import PROVIDERS

from . import close_order, confirm_payment, refund_order

log = logging.getLogger(__name__)


def take_notice(notice: Notice, now: datetime) -> None:
    """Act on a notice whose form, signature, app and seller were checked. One that fits no order is kept for a
    person, because there may be money behind it.

    Raises NotificationRefused, StoreUnavailable, OutcomeUnknown: then it must be sent again.
    """
    try:
        act_on(notice, now)
    except NotificationRefused as refusal:
        stray_notice.keep(str(refusal.facts["check"]), now, **asdict(notice))
        raise


def act_on(notice: Notice, now: datetime) -> None:
    """Do what a genuine notice asks for.

    Checks the order, its channel and the amount, then follows the table of Alipay's trade states. A
    repetition in any order leads to the same end. Raises NotificationRefused, StoreUnavailable,
    OutcomeUnknown: then it must be sent again.
    """
    try:
        found = order.find_by_number(notice.order_number)
    except OrderNotFound as error:
        raise NotificationRefused(check="order") from error
    if found.payment_type not in PROVIDERS:
        raise NotificationRefused(check="channel")
    if found.amount != notice.amount:
        raise NotificationRefused(check="amount")
    cause = Cause(By.NOTIFICATION, notice.notify_id)
    if notice.trade_status == "WAIT_BUYER_PAY":
        return
    if notice.trade_status in ("TRADE_SUCCESS", "TRADE_FINISHED"):
        _take_payment(found, notice, cause, now)
        if notice.is_refund():
            _take_refund(found, notice, cause, now)
    elif notice.trade_status == "TRADE_CLOSED" and notice.is_refund():
        # Money that goes back was received before, whether or not anybody told us then.
        _take_payment(found, notice, cause, now, is_refunded=True)
        _take_refund(found, notice, cause, now)
        refund_order.overtake(order.reload(found), notice.trade_no, cause, now)
    elif notice.trade_status == "TRADE_CLOSED":
        _take_closing(found, notice.trade_no, cause, now)
    else:
        raise NotificationRefused(check="trade_status")


def _take_payment(
    found: Order, notice: Notice, cause: Cause, now: datetime, *, is_refunded: bool = False
) -> None:
    if found.trade_no != notice.trade_no:
        confirm_payment.confirm(found, notice, cause, now, is_refunded=is_refunded)


def _take_refund(found: Order, notice: Notice, cause: Cause, now: datetime) -> None:
    """A refund of ours is confirmed by its notice. One that is not ours (any more: it was refused, and carried out all
    the same) is recorded; if partial, for a person.
    """
    ours = refund.find_of_order(found, notice.refund_request_no)
    if ours is not None and ours.status == refund.REFUSED:
        ours = None
    is_partial = notice.trade_status != "TRADE_CLOSED"
    needs_person = ours is None and is_partial and not _is_known(found, notice)
    refund_order.record_notice(
        found,
        notice.trade_no,
        notice.refunded,
        notice.refund_request_no,
        cause,
        now,
        needs_person=needs_person,
    )
    if ours is not None:
        refund_order.complete(found, ours, cause, now)


def _is_known(found: Order, notice: Notice) -> bool:
    """Whether a notice that names no refund of its own repeats a total that is known: that of our own refunds, or
    one told before. So does `TRADE_FINISHED`, months later.
    """
    if notice.refund_request_no != notice.trade_no:
        return False
    ours = sum(
        each.amount
        for each in refund.list_refunds(found)
        if each.status == refund.DONE and each.trade_no == notice.trade_no and not each.is_elsewhere
    )
    told = [each.refunded for each in payment.list_notices(found) if each.trade_no == notice.trade_no]
    return notice.refunded in (ours, *told)


def _take_closing(found: Order, trade_no: str, cause: Cause, now: datetime) -> None:
    if found.is_delivered() and found.trade_no == trade_no:
        # A trade that was paid is closed by refunding it only, and then the notice says how much.
        order.note_trouble(found, "Alipay closed its paid trade without a word of a refund", now)
        return
    if not found.is_open():
        log.info("a trade was closed whose order was final already: order=%s", found.number)
        return
    # Before its expiry a trade is closed by its buyer only, here (the notice may be faster than the answer to
    # our own call) or on Alipay's page.
    status = order.CANCELLED if now < found.expires_at else order.EXPIRED
    try:
        close_order.give_back_and_close(found, status, cause, now)
    except OrderClosed:
        log.info("a trade was closed while its order became final: order=%s", found.number)
