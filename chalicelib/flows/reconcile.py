"""Reconcile: query the provider about an order when it is due, and when its page is open.

With every notification lost, this alone delivers a paid order.
"""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.errors import (
    LeaseTaken,
    OrderClosed,
    OutcomeUnknown,
    StoreUnavailable,
    TradesChanged,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import order as orders
from chalicelib.shop import work
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order

from . import ask_provider, close_order, confirm_payment
from .ask_provider import Standing

log = logging.getLogger(__name__)

_PAGE_SECONDS = 3.0


def process(order: Order, gateways: Gateways, now: datetime) -> Unclear | None:
    """Query the provider about an order that is due, and act: deliver, close or reschedule it -> the unclear answer,
    if it was one.

    Raises CannotTakeBack.
    """
    if order.is_delivered() and not gateways.has(order.payment_type):
        return None
    try:
        is_over = order.is_open() and (order.amount == 0 or now >= order.expires_at)
        standing = _close(order, gateways, now) if is_over else _ask(order, gateways, now)
    except (OrderClosed, LeaseTaken, TradesChanged):
        _back_on_timetable(orders.reload(order), now, has_asked_all=order.is_delivered())
        return None
    if isinstance(standing, Unclear):
        _back_off(order, standing, now)
        return standing
    if standing is Standing.DELIVERED:
        current = orders.reload(order)
        orders.clear_problem(current)
        _back_on_timetable(current, now, has_asked_all=order.is_delivered())
    return None


def _close(order: Order, gateways: Gateways, now: datetime) -> Standing | Unclear:
    standing = close_order.close(order, orders.EXPIRED, Cause(By.CLOCK), gateways, now)
    if standing is Standing.NOT_BEGUN:
        _back_on_timetable(orders.reload(order), now)
    return standing


def _ask(order: Order, gateways: Gateways, now: datetime) -> Standing | Unclear:
    ask = ask_provider.close_trades if order.is_delivered() else ask_provider.bring_up_to_date
    standing = ask(order, gateways, now)
    if standing is Standing.CLOSED and order.is_open() and not order.outlives_its_trades():
        close_order.give_back_and_close(order, orders.CANCELLED, Cause(By.QUERY), now)
    elif standing in (Standing.WAITS, Standing.NOT_BEGUN, Standing.CLOSED):
        if not order.is_delivered():
            orders.clear_problem(order)
        elif order.due_at is not None:
            orders.flag_problem(
                order, "it was found paid and refunded, and the provider does not say so any more", now
            )
        _back_on_timetable(order, now, is_unseen=standing is Standing.NOT_BEGUN)
    return standing


def _back_off(order: Order, unclear: Unclear, now: datetime) -> None:
    """The provider's answer was unclear: keep the order as it is, back off, and flag it when waiting cannot help or has
    gone on too long. An order off the work list stays off it.
    """
    log.warning("the provider gives no clear answer about an order: order=%s", order.number)
    if order.due_at is None:
        return
    if unclear.needs_person or order.is_past_patience(now):
        what = "it is paid"
        if order.is_delivered():
            what = "it is paid twice" if order.may_be_paid_again() else "its money went back"
        orders.flag_problem(order, f"whether {what} is not known: {unclear.reason}", now)
    _reschedule(order, order.next_retry_at(now))


def _back_on_timetable(
    order: Order, now: datetime, *, is_unseen: bool = False, has_asked_all: bool = True
) -> None:
    """Put an order that was processed back on its timetable, unless processing it has done so.

    Unless it `has_asked_all`, somebody still has to ask for the other trades of an order that is delivered by now,
    however late it is: the first trade that is paid ends the questions, and another may have been paid, too.
    """
    if order.due_at is None:
        return
    if order.is_open() and now >= order.expires_at:
        if order.problem is not None:
            _reschedule(order, order.next_retry_at(now))
        return
    at = order.next_query_at(now, is_unseen=is_unseen)
    _reschedule(order, now if at is None and not has_asked_all and order.may_be_paid_again() else at)


def _reschedule(order: Order, at: datetime | None) -> None:
    try:
        work.reschedule(order, at)
    except LeaseTaken:
        log.info("an order changed while it was processed: order=%s", order.number)


def ask_for_page(order: Order, gateways: Gateways, now: datetime) -> Order:
    """Query the provider for a page that shows an order -> the order as it is then. At most every 5 seconds, ever more
    rarely.

    A failure of any kind leaves the order to the timer. One call of a provider for each trade.
    """
    if not order.may_be_asked(now):
        return order
    try:
        orders.record_query(order, now)
        if order.amount == 0:
            confirm_payment.deliver_free(order, Cause(By.QUERY), now)
            return orders.reload(order)
        standing = ask_provider.bring_up_to_date(order, gateways, now, _PAGE_SECONDS)
    except LeaseTaken:
        return order
    except OrderClosed:
        return orders.reload(order)
    except (StoreUnavailable, OutcomeUnknown) as error:
        log.warning("an order's page could not be brought up to date: %s", type(error).__name__)
        return orders.reload(order)
    if isinstance(standing, Unclear):
        log.warning("an order's page could not be brought up to date: %s", standing.reason)
    return orders.reload(order) if isinstance(standing, Unclear) or standing is Standing.DELIVERED else order
