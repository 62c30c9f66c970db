"""Reconciling: query the provider about an order when it is due, and when its page is open.

With every notification lost, a paid order is delivered by this alone.
"""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import (
    LeaseTaken,
    OrderClosed,
    OutcomeUnknown,
    StoreUnavailable,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import order, work
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import PROVIDERS

from . import ask_provider, close_order, confirm_payment
from .ask_provider import Standing

log = logging.getLogger(__name__)

_PAGE_SECONDS = 3.0


def process(found: Order, gateways: Gateways, now: datetime) -> Unclear | None:
    """Query the provider about an order that is due, and act: deliver, close or reschedule it -> the unclear answer,
    if it was one.

    Raises CannotTakeBack.
    """
    if found.is_delivered() and found.payment_type not in PROVIDERS:
        return None
    try:
        is_over = found.is_open() and (found.amount == 0 or now >= found.expires_at)
        standing = _close(found, gateways, now) if is_over else _ask(found, gateways, now)
    except (OrderClosed, LeaseTaken):
        _back_on_timetable(order.reload(found), now)
        return None
    if isinstance(standing, Unclear):
        _back_off(found, standing, now)
        return standing
    if standing is Standing.DELIVERED:
        current = order.reload(found)
        order.clear_problem(current)
        _back_on_timetable(current, now)
    return None


def _close(found: Order, gateways: Gateways, now: datetime) -> Standing | Unclear:
    standing = close_order.close(found, order.EXPIRED, Cause(By.CLOCK), gateways, now)
    if standing is Standing.NOT_BEGUN:
        _back_on_timetable(order.reload(found), now)
    return standing


def _ask(found: Order, gateways: Gateways, now: datetime) -> Standing | Unclear:
    standing = ask_provider.bring_up_to_date(found, gateways, now)
    if standing is Standing.CLOSED and found.is_open():
        close_order.give_back_and_close(found, order.CANCELLED, Cause(By.QUERY), now)
    elif standing in (Standing.WAITS, Standing.NOT_BEGUN, Standing.CLOSED):
        if not found.is_delivered():
            order.clear_problem(found)
        elif found.due_at is not None:
            order.flag_problem(
                found, "it was found paid and refunded, and the provider does not say so any more", now
            )
        _back_on_timetable(found, now, is_unseen=standing is Standing.NOT_BEGUN)
    return standing


def _back_off(found: Order, unclear: Unclear, now: datetime) -> None:
    """The provider's answer was unclear: keep the order as it is, back off, and flag it when waiting cannot help or has
    gone on too long. Of an order that is not on the work list nothing was expected.
    """
    log.warning("the provider gives no clear answer about an order: order=%s", found.number)
    if found.due_at is None:
        return
    if unclear.needs_person or found.is_past_patience(now):
        # A delivered order is on the work list only while it is to be taken back.
        what = "its money went back" if found.is_delivered() else "it is paid"
        order.flag_problem(found, f"whether {what} is not known: {unclear.reason}", now)
    _reschedule(found, found.next_retry_at(now))


def _back_on_timetable(current: Order, now: datetime, *, is_unseen: bool = False) -> None:
    """Put an order whose turn this was back on its timetable, unless what was done to it has done so."""
    if current.due_at is None:
        return
    if current.is_open() and now >= current.expires_at:
        if current.problem is not None:
            _reschedule(current, current.next_retry_at(now))
        return
    _reschedule(current, None if current.is_delivered() else current.next_query_at(now, is_unseen=is_unseen))


def _reschedule(current: Order, at: datetime | None) -> None:
    try:
        work.reschedule(current, at)
    except LeaseTaken:
        log.info("an order changed while it was processed: order=%s", current.number)


def ask_for_page(found: Order, gateways: Gateways, now: datetime) -> Order:
    """The order as it is after a query of its provider, for a page that shows it: at most every 5 seconds, ever more
    rarely.

    Trouble of any kind leaves it to the timer. One call of the provider.
    """
    if not found.may_be_asked(now):
        return found
    try:
        order.record_query(found, now)
        if found.amount == 0:
            confirm_payment.deliver_free(found, Cause(By.QUERY), now)
            return order.reload(found)
        standing = ask_provider.bring_up_to_date(found, gateways, now, _PAGE_SECONDS)
    except LeaseTaken:
        return found
    except OrderClosed:
        return order.reload(found)
    except (StoreUnavailable, OutcomeUnknown) as trouble:
        log.warning("an order's page could not be brought up to date: %s", type(trouble).__name__)
        return order.reload(found)
    if isinstance(standing, Unclear):
        log.warning("an order's page could not be brought up to date: %s", standing.reason)
    return order.reload(found) if isinstance(standing, Unclear) or standing is Standing.DELIVERED else found
