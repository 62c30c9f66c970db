"""Take a verified notification: what each event that a payment provider tells does to its order."""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import OrderClosed, OrderNotFound, TradesChanged
from chalicelib.gateways.payments import Notification, Told
from chalicelib.shop import order as orders
from chalicelib.shop import refund, refund_notice, stray_notification
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order

from . import carry_out_refund, close_order, confirm_payment, take_back

log = logging.getLogger(__name__)

ORDER, CHANNEL, AMOUNT, WORD, REFUND = "order", "channel", "amount", "trade_status", "refund"
"""Checks that only a genuine notification can fail: there is no such order, no such trade of that provider was begun,
its amount is another, the notification's word is unknown here, or a refund that is not the shop's came to nothing.
"""


def take_notification(notification: Notification, now: datetime) -> str | None:
    """Act on a notification whose form, signature and merchant were checked -> the check it fails, or None.

    One that fails a check is stored and flagged, because there may be money behind it.
    """
    failed = act_on(notification, now)
    if failed is not None:
        stray_notification.keep(
            failed,
            now,
            provider=notification.provider,
            notify_id=notification.notify_id,
            order_number=notification.number,
            trade_no=notification.trade_no,
            word=notification.word,
            amount=notification.amount,
            paid_at=notification.paid_at,
            refunded=notification.refunded,
            request_no=notification.request_no,
        )
    return failed


def act_on(notification: Notification, now: datetime) -> str | None:
    """Do what a genuine notification asks for -> the check it fails, or None.

    Checks the order, its trade and the amount. Repetitions, in any order, lead to the same end.
    """
    try:
        order = orders.find_by_number(notification.number)
    except OrderNotFound:
        return ORDER
    if not order.has_begun(notification.provider, notification.number):
        return CHANNEL
    if order.amount != notification.amount:
        return AMOUNT
    cause = Cause(By.NOTIFICATION, notification.notify_id)
    match notification.told:
        case Told.WAITING:
            pass
        case Told.RECEIVED:
            _take_payment(order, notification, cause, now)
        case Told.REFUNDED_IN_PART:
            _take_payment(order, notification, cause, now)
            _take_refund(order, notification, cause, now)
            if not notification.is_total and _is_all_back(order, notification):
                take_back.supersede(orders.reload(order), notification.trade_no, cause, now)
        case Told.REFUNDED_WHOLE:
            # Money that goes back was received before, whether or not anybody told us then.
            _take_payment(order, notification, cause, now, is_refunded=True)
            _take_refund(order, notification, cause, now)
            take_back.supersede(orders.reload(order), notification.trade_no, cause, now)
        case Told.REFUND_STUCK | Told.REFUND_CLOSED:
            _take_payment(order, notification, cause, now)
            return _take_standing(order, notification, now)
        case Told.CLOSED:
            _take_closing(order, notification, cause, now)
        case Told.UNHEARD:
            return WORD
    return None


def _take_payment(
    order: Order, notification: Notification, cause: Cause, now: datetime, *, is_refunded: bool = False
) -> None:
    if order.trade_no != notification.trade_no:
        confirm_payment.confirm(order, notification.payment(), cause, now, is_refunded=is_refunded)


def _take_refund(order: Order, notification: Notification, cause: Cause, now: datetime) -> None:
    """Record the refund that a notification tells of, and complete it if it is ours.

    A partial refund that is not ours, or was refused or withdrawn here and executed all the same, is flagged.
    """
    ours = refund.find_told(order, notification.request_no) if notification.request_no else None
    if ours is not None and ours.status in refund.NOT_MADE:
        ours = None
    is_partial = notification.told == Told.REFUNDED_IN_PART
    needs_person = ours is None and is_partial and not _is_known(order, notification)
    refund_notice.record(
        order,
        notification.trade_no,
        notification.refunded,
        notification.request_no or notification.trade_no,
        cause,
        now,
        needs_person=needs_person,
        is_total=notification.is_total,
    )
    if ours is not None:
        carry_out_refund.complete(order, ours, cause, now, number=notification.request_no)


def _take_standing(order: Order, notification: Notification, now: datetime) -> str | None:
    """Take the news that no money has gone back (yet) by a refund -> the check it fails, if it is not one of ours."""
    number, is_given_up = notification.request_no or "", notification.told == Told.REFUND_CLOSED
    ours = refund.find_told(order, number)
    if ours is None or ours.is_undecided() or (ours.status in refund.NOT_MADE and not is_given_up):
        return REFUND
    if ours.status == refund.APPROVED and number == ours.number():
        carry_out_refund.take_standing(order, ours, is_given_up=is_given_up, now=now)
    else:
        # An earlier try's, or told late: what has come of the refund is known better here.
        log.info("a refund's earlier standing was told: order=%s", order.number)
    return None


def _is_all_back(order: Order, notification: Notification) -> bool:
    """Whether the refunds of a trade that were told one by one, and those of the shop's that are done, are all of it.
    One of the shop's that was made twice counts once: it is listed as such. Two Queries.
    """
    trade_no = notification.trade_no
    ours = [
        each
        for each in refund.list_refunds(order)
        if each.status == refund.DONE and each.trade_no == trade_no and not each.refunded_externally
    ]
    numbers = {number for each in ours for number in each.numbers()}
    told = {
        each.request_no: each.refunded
        for each in refund_notice.list_all(order)
        if each.trade_no == trade_no and each.request_no not in numbers and each.is_told()
    }
    return sum(each.amount for each in ours) + sum(told.values()) >= notification.amount


def _is_known(order: Order, notification: Notification) -> bool:
    """Whether a notification that names no request repeats a known total: that of our own refunds, or one told before.
    A provider may repeat it months later.
    """
    if notification.request_no is not None:
        return False
    ours = sum(
        each.amount
        for each in refund.list_refunds(order)
        if each.status == refund.DONE
        and each.trade_no == notification.trade_no
        and not each.refunded_externally
    )
    told = [
        each.refunded
        for each in refund_notice.list_all(order)
        if each.trade_no == notification.trade_no and each.is_total is not False
    ]
    return notification.refunded in (ours, *told)


def _take_closing(order: Order, notification: Notification, cause: Cause, now: datetime) -> None:
    if order.is_delivered() and order.trade_no == notification.trade_no:
        # A trade that was paid is closed by refunding it only, and then the notification says how much.
        orders.flag_problem(order, "the provider closed its paid trade without a word of a refund", now)
        return
    if not order.is_open():
        log.info("a trade was closed whose order was final already: order=%s", order.number)
        return
    # Before its expiry a trade is closed by its buyer only, here (the notification may be faster than the answer to
    # our own call) or on the provider's page.
    status = orders.CANCELLED if now < order.expires_at else orders.EXPIRED
    try:
        if order.outlives_its_trades():
            orders.mark_trades_closed(order, [notification.number])
        else:
            close_order.give_back_and_close(order, status, cause, now)
    except (OrderClosed, TradesChanged):
        log.info("a trade was closed while its order changed: order=%s", order.number)
