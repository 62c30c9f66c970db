"""Apply for a refund: a learner asks for their money back, and access to what it paid for pauses. Or withdraw the
application: access goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from datetime import datetime, timedelta

from chalicelib.errors import RefundFinished, RefundNotAllowed, RefundNotFound
from chalicelib.shop import enrollment, journal, refund
from chalicelib.shop import order as orders
from chalicelib.shop.enrollment import SliceKey
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import Transaction

from . import carry_out_refund

_TRIES = 4
"""How often an application waits for room among the open ones."""


def prepare(
    order: Order,
    lines: Collection[int] | None,
    reason: str,
    window: timedelta,
    providers: Container[str],
    now: datetime,
) -> Refund:
    """The application for the refund of some lines of a learner's own order, or (None) of all that are left, as it
    would be written now.

    Raises RefundNotAllowed (not paid, beyond the window after the payment, no such line, refunded or applied for
    already, paid by none of the `providers` that are set up).
    """
    order.raise_unless_refundable(window, now)
    chosen = order.open_lines() if lines is None else sorted(set(lines))
    if not chosen or not set(chosen) <= set(order.open_lines()):
        raise RefundNotAllowed(reason="line")
    asked = refund.application(order, chosen, reason, now)
    if asked.amount and order.payment_type not in providers:
        raise RefundNotAllowed(reason="channel")
    return asked


def apply(
    order: Order,
    lines: Collection[int] | None,
    reason: str,
    window: timedelta,
    providers: Container[str],
    now: datetime,
) -> Refund:
    """Apply for a refund as of `prepare`. Access to its lines pauses. Where they cost nothing, it is done at once.

    Raises RefundNotAllowed (as `prepare`, or too many open).
    """
    asked = prepare(order, lines, reason, window, providers, now)
    chosen = list(asked.lines)
    if not is_reviewed(order, asked):
        return _take_back_at_once(order, asked, now)
    for _ in range(_TRIES):
        transaction = Transaction()
        orders.request_refund(
            transaction, order, chosen, Cause(By.LEARNER, f"refund {asked.request_no}"), now
        )
        refund.request(transaction, asked)
        for position in chosen:
            key = SliceKey(order.user_id, order.lines[position].course, order.number, position)
            enrollment.pause(transaction, key, now, RefundNotAllowed(reason="line"))
        try:
            transaction.commit()
        except RefundNotAllowed as full:
            if full.reason != "many" or not refund.may_request(order):
                raise
            continue
        return asked
    raise RefundNotAllowed(reason="many")


def is_reviewed(order: Order, asked: Refund) -> bool:
    """Whether somebody decides on an application. Nobody does where its lines were free and used no coupon: nothing can
    go back.

    Lines that cost something wait for a decision, also where the general coupon paid them or the kept ones use up what
    was paid: a refusal undoes that.
    """
    had_price = any(order.lines[position].price for position in asked.lines)
    return bool(had_price or order.coupons_freed_by(asked.lines) or asked.gives_back())


def _take_back_at_once(order: Order, asked: Refund, now: datetime) -> Refund:
    """End access to lines that cost nothing together with the application: there is nothing to decide."""
    cause = Cause(By.LEARNER, f"refund {asked.request_no}")
    refund.finish_at_once(asked, now)
    transaction = Transaction()
    refund.add(transaction, asked)
    orders.record_event(transaction, order, What.REFUND_REQUESTED, cause, now, RefundFinished())
    carry_out_refund.take_back_lines(transaction, order, asked.lines, 0, cause, now)
    journal.record(transaction, journal.of_refund(order, asked, now), RefundFinished())
    try:
        transaction.commit()
    except RefundFinished as changed:
        raise RefundNotAllowed(reason="open") from changed
    return asked


def withdraw(order: Order, request_no: str, now: datetime) -> Refund:
    """Withdraw a learner's application that nobody has decided on: the order is paid again, and access runs again,
    longer by the time that the pause took. Doing it again changes nothing.

    Raises RefundNotFound, RefundFinished (it was decided, or the provider has refunded everything).
    """
    for _ in range(orders.MAX_RELOADS):
        asked = refund.find_of_order(order, request_no)
        if asked is None or asked.why != refund.APPLICATION:
            raise RefundNotFound()
        if asked.status == refund.WITHDRAWN:
            return asked
        if not asked.is_undecided():
            raise RefundFinished()
        transaction = Transaction()
        refund.finish(transaction, asked, refund.WITHDRAWN, now)
        cause = Cause(By.LEARNER, f"refund {request_no}")
        orders.end_application(transaction, order, What.REFUND_WITHDRAWN, cause, now)
        resume_access(transaction, order, asked.lines, now)
        try:
            transaction.commit()
        except RefundFinished:
            order = orders.reload(order)  # refund or order is not as it was read
            continue
        asked.status = refund.WITHDRAWN
        return asked
    raise RefundFinished()


def resume_access(transaction: Transaction, order: Order, lines: Sequence[int], now: datetime) -> None:
    """Let the paused slices of some lines of an order run again, longer by the time that the pause took. One Query.
    Refusal: RefundFinished.
    """
    slices = enrollment.list_slices(order.user_id)
    for position in lines:
        key = SliceKey(order.user_id, order.lines[position].course, order.number, position)
        enrollment.resume(transaction, slices, key, now, RefundFinished())
