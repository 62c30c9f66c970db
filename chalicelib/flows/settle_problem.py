"""What operators do about orders and notices that the shop cannot help by itself: look again, or say what was done.

Looking again is always safe: it does what the timer, or the notice told once more, would do.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from chalicelib.errors import CannotTakeBack, NothingToSettle, NotificationRefused, PaymentUnknown
from chalicelib.gateways import Gateways
from chalicelib.gateways.alipay import Notice
from chalicelib.shop import audit, order, payment, stray_notice
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.stray_notice import StrayNotice
from chalicelib.storage.dynamodb import Transaction

from . import close_order, reconcile, take_notification


def retry_order(
    number: str, by: str, gateways: Gateways, now: datetime
) -> tuple[Order, PaymentUnknown | None]:
    """Ask Alipay about an order once more, and act as the timer does -> the order as it is then, and what Alipay said
    nothing clear about, if so.

    Raises OrderNotFound, StoreUnavailable, OutcomeUnknown.
    """
    found = order.find_by_number(number)
    audit.write(audit.entry(by, "retry-order", number, now))
    unclear = reconcile.look_after_order(found, gateways, now)
    return order.reload(found), unclear


def settle_order(number: str, by: str, reason: str, gateways: Gateways, now: datetime) -> None:
    """A person has dealt with an order: it is listed no more. Of one that is still on the work list Alipay is asked
    first, and what it says counts; where asking does not help, as of another amount, it is asked about no more. An
    open one is closed as ever, and gives back its coupons and beli.

    Raises OrderNotFound, NothingToSettle (it does not wait for a person, or no longer now that Alipay was asked),
    OrderAlreadyPaid (it was paid, and is delivered), PaymentUnknown (Alipay gives no clear answer: there may be money
    that is not dealt with), OrderClosed (it changed at this moment, or cannot be closed), StoreUnavailable,
    OutcomeUnknown.
    """
    found = order.find_by_number(number)
    if found.attention is None:
        raise NothingToSettle()
    cause, said = Cause(By.OPERATOR, by), audit.entry(by, "settle-order", number, now, reason=reason)
    if found.is_open():
        close_order.close(found, order.CANCELLED, cause, gateways, now, said=said)
        return
    if found.next_look_at is not None:
        found = _looked_after(found, gateways, now)
    transaction = Transaction()
    order.settle_trouble(transaction, found, cause, now)
    audit.commit(transaction, said)


def _looked_after(found: Order, gateways: Gateways, now: datetime) -> Order:
    """What became of an order that the timer would look after, now that it was. Raises PaymentUnknown."""
    try:
        unclear = reconcile.look_after_order(found, gateways, now)
    except CannotTakeBack:
        unclear = None  # Alipay's word is clear, and it is for a person to act on it.
    if unclear is not None and not unclear.facts["needs_person"]:
        raise unclear
    return order.reload(found)


def retry_stray(number: str, trade_no: str, by: str, now: datetime) -> list[str]:
    """Take the waiting notices of a trade once more -> for each what is still wrong with it, or nothing.

    What fits now is acted upon and listed no more. Raises NothingToSettle, StoreUnavailable, OutcomeUnknown.
    """
    waiting, still_wrong = stray_notice.list_waiting(number, trade_no), []
    audit.write(audit.entry(by, "retry-stray", f"{number} {trade_no}", now))
    for stray in waiting:
        try:
            take_notification.act_on(_notice(stray), now)
        except NotificationRefused as refusal:
            still_wrong.append(str(refusal.facts["check"]))
        else:
            stray_notice.forget(stray)
    return still_wrong


def settle_stray(number: str, trade_no: str, by: str, reason: str, now: datetime) -> None:
    """A person has dealt with the waiting notices of a trade: they are listed no more.

    Raises NothingToSettle, StoreUnavailable, OutcomeUnknown.
    """
    for stray in stray_notice.list_waiting(number, trade_no):
        transaction = Transaction()
        stray_notice.settle(transaction, stray)
        audit.commit(transaction, audit.entry(by, "settle-stray", f"{number} {trade_no}", now, reason=reason))


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


def _notice(stray: StrayNotice) -> Notice:
    return Notice(**{told.name: getattr(stray, told.name) for told in fields(Notice)})
