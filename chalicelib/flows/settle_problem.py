"""What operators do about orders and notices that the shop cannot help by itself: look again, or say what was done.

Looking again is always safe: it does what the timer, or the notice told once more, would do.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from chalicelib.errors import NothingToSettle, NotificationRefused
from chalicelib.gateways import Gateways
from chalicelib.gateways.alipay import Notice
from chalicelib.shop import audit, order, payment, stray_notice
from chalicelib.shop.order import Order
from chalicelib.shop.stray_notice import StrayNotice
from chalicelib.storage.dynamodb import Transaction

from . import close_order, reconcile, take_notification


def retry_order(number: str, by: str, gateways: Gateways, now: datetime) -> Order:
    """Ask Alipay about an order once more, and act as the timer does -> the order as it is then.

    Raises OrderNotFound, StoreUnavailable, OutcomeUnknown.
    """
    found = order.find_by_number(number)
    audit.write(audit.entry(by, "retry-order", number, now))
    reconcile.look_after_order(found, gateways, now)
    return order.reload(found)


def settle_order(number: str, by: str, reason: str, now: datetime) -> None:
    """A person has dealt with an order: it is asked about and listed no more. An open one is closed here, and
    gives back its coupons and beli; Alipay is not asked.

    Raises OrderNotFound, NothingToSettle (it does not wait for a person), OrderClosed (it changed at this moment,
    or cannot be closed), StoreUnavailable, OutcomeUnknown.
    """
    found = order.find_by_number(number)
    if found.attention is None:
        raise NothingToSettle()
    cause, said = f"operator {by}", audit.entry(by, "settle-order", number, now, reason=reason)
    if found.is_open():
        close_order.give_back_and_close(found, order.CANCELLED, cause, now, said=said)
        return
    transaction = Transaction()
    order.settle_trouble(transaction, found, cause, now)
    audit.commit(transaction, said)


def retry_stray(number: str, trade_no: str, by: str, now: datetime) -> list[str]:
    """Take the waiting notices of a trade once more -> for each what is still wrong with it, or nothing.

    What fits now is acted upon and listed no more. Raises NothingToSettle, StoreUnavailable, OutcomeUnknown.
    """
    still_wrong = []
    for stray in stray_notice.list_waiting(number, trade_no):
        try:
            take_notification.act_on(_notice(stray), now)
        except NotificationRefused as refusal:
            still_wrong.append(str(refusal.facts["check"]))
        else:
            _settle(stray, audit.entry(by, "retry-stray", f"{number} {trade_no}", now))
    return still_wrong


def settle_stray(number: str, trade_no: str, by: str, reason: str, now: datetime) -> None:
    """A person has dealt with the waiting notices of a trade: they are listed no more.

    Raises NothingToSettle, StoreUnavailable, OutcomeUnknown.
    """
    for stray in stray_notice.list_waiting(number, trade_no):
        _settle(stray, audit.entry(by, "settle-stray", f"{number} {trade_no}", now, reason=reason))


def settle_notice(number: str, request_no: str, by: str, reason: str, now: datetime) -> None:
    """A person has dealt with a partial refund that Alipay told of: it is listed no more.

    Raises OrderNotFound, NothingToSettle, StoreUnavailable, OutcomeUnknown.
    """
    told = [
        notice
        for notice in payment.list_notices(order.find_by_number(number))
        if notice.request_no == request_no and notice.attention is not None
    ]
    if not told:
        raise NothingToSettle()
    transaction = Transaction()
    for notice in told:
        payment.settle_notice(transaction, notice, now)
    audit.commit(transaction, audit.entry(by, "settle-notice", f"{number} {request_no}", now, reason=reason))


def _settle(stray: StrayNotice, said: audit.AuditEntry) -> None:
    transaction = Transaction()
    stray_notice.settle(transaction, stray)
    audit.commit(transaction, said)


def _notice(stray: StrayNotice) -> Notice:
    return Notice(**{told.name: getattr(stray, told.name) for told in fields(Notice)})
