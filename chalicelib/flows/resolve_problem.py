"""Resolve problems: operators try flagged orders and notifications again, or resolve them on their word.

Trying again is always safe: it does what the timer, or the notification sent once more, would do.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import CannotTakeBack, NothingToResolve, OrderClosed, PaymentUnknown, TradesChanged
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Notification, Unclear
from chalicelib.shop import audit, refund_notice, stray_notification
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.stray_notification import StrayNotification
from chalicelib.storage.dynamodb import Transaction

from . import close_order, reconcile, take_notification


def retry_order(number: str, by: str, gateways: Gateways, now: datetime) -> tuple[Order, Unclear | None]:
    """Query the provider about an order once more, and act as the timer does -> the order as it is then, and the
    unclear answer, if it was one.

    Raises OrderNotFound.
    """
    order = orders.find_by_number(number)
    audit.write(audit.entry(by, "retry-order", number, now))
    unclear = reconcile.process(order, gateways, now)
    return orders.reload(order), unclear


def resolve_order(number: str, by: str, reason: str, gateways: Gateways, now: datetime) -> None:
    """Resolve an order's problem on an operator's word. If the order is still watched, query the provider first; its
    answer wins. An open order is closed and releases its coupons and beli.

    Raises OrderNotFound, NothingToResolve (it is not flagged, or no longer after the query), OrderAlreadyPaid (it was
    paid, and is delivered), PaymentUnknown (the answer is unclear: there may be money that is not dealt with),
    OrderClosed (it changed at this moment, or cannot be closed).
    """
    order = orders.find_by_number(number)
    if order.attention is None:
        raise NothingToResolve()
    cause = Cause(By.OPERATOR, by)
    transaction = audit.recorded(audit.entry(by, "resolve-order", number, now, reason=reason))
    if order.is_open():
        _close(order, cause, gateways, now, transaction)
        return
    if order.due_at is not None:
        order = _processed(order, gateways, now)
    orders.resolve_problem(transaction, order, cause, now)
    transaction.commit()


def _close(order: Order, cause: Cause, gateways: Gateways, now: datetime, transaction: Transaction) -> None:
    """Close an open order; on an operator's word also where querying the provider cannot help."""
    try:
        standing = close_order.close(order, orders.CANCELLED, cause, gateways, now, transaction)
        is_on_their_word = isinstance(standing, Unclear) and standing.needs_person
    except OrderClosed:
        if order.amount:
            raise
        is_on_their_word = True  # one of 0 that cannot be delivered
    if is_on_their_word:
        try:
            close_order.give_back_and_close(
                order, orders.CANCELLED, cause, now, transaction, is_watched=False
            )
        except TradesChanged as error:
            raise PaymentUnknown(order.number, "its trades have just changed", needs_person=False) from error
    else:
        close_order.raise_unless_closed(order, standing)


def _processed(order: Order, gateways: Gateways, now: datetime) -> Order:
    """Process an order as the timer would -> the order as it is then. Raises PaymentUnknown."""
    try:
        unclear = reconcile.process(order, gateways, now)
    except CannotTakeBack:
        unclear = None  # The provider's word is clear, and it is for a person to act on it.
    if unclear is not None and not unclear.needs_person:
        raise PaymentUnknown(order.number, unclear.reason, needs_person=False)
    return orders.reload(order)


def retry_stray(number: str, trade_no: str, by: str, gateways: Gateways, now: datetime) -> list[str]:
    """Process the flagged notifications of a trade once more -> the checks they still fail.

    One that passes now is acted on and no longer flagged. Raises NothingToResolve.
    """
    waiting, still_wrong = stray_notification.list_waiting(number, trade_no), []
    audit.write(audit.entry(by, "retry-stray", f"{number} {trade_no}", now))
    for stray in waiting:
        failed = take_notification.act_on(_notification(stray, gateways), now)
        if failed is None:
            stray_notification.forget(stray)
        else:
            still_wrong.append(failed)
    return still_wrong


def resolve_stray(number: str, trade_no: str, by: str, reason: str, now: datetime) -> None:
    """Resolve the flagged notifications of a trade on an operator's word. Raises NothingToResolve."""
    for stray in stray_notification.list_waiting(number, trade_no):
        transaction = Transaction()
        stray_notification.resolve(transaction, stray)
        audit.commit(
            transaction, audit.entry(by, "resolve-stray", f"{number} {trade_no}", now, reason=reason)
        )


def resolve_notice(number: str, request_no: str, by: str, reason: str, now: datetime) -> None:
    """Resolve a partial refund that the provider told of, on an operator's word. Raises OrderNotFound,
    NothingToResolve.
    """
    told = [
        notice
        for notice in refund_notice.list_all(orders.find_by_number(number))
        if notice.request_no == request_no and notice.attention is not None
    ]
    if not told:
        raise NothingToResolve()
    transaction = Transaction()
    for notice in told:
        refund_notice.resolve(transaction, notice, now)
    audit.commit(transaction, audit.entry(by, "resolve-notice", f"{number} {request_no}", now, reason=reason))


def _notification(stray: StrayNotification, gateways: Gateways) -> Notification:
    """The notification that was stored; the meaning of its word may be known by now."""
    provider = gateways.of(stray.provider)
    return Notification(
        provider=stray.provider,
        notify_id=stray.notify_id,
        number=stray.order_number,
        trade_no=stray.trade_no,
        word=stray.word,
        told=provider.told(stray.word, stray.amount, stray.refunded),
        amount=stray.amount,
        paid_at=stray.paid_at,
        refunded=stray.refunded,
        # Earlier versions stored the trade's number where none was named.
        request_no=None if stray.request_no == stray.trade_no else stray.request_no,
        is_total=provider.tells_totals,
    )
