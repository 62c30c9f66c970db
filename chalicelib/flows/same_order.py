"""An order for the same courses, unpaid or just paid: a warning, so that nobody pays twice by mistake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from chalicelib.errors import StoreUnavailable
from chalicelib.shop import order as orders
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.order import Order

_RECENT_ORDERS = 20
_JUST_PAID = timedelta(minutes=30)

Bought = set[tuple[CourseKey, int | None]]
"""Courses, each with the policy by which it is bought."""


def list_recent(user_id: int) -> tuple[Order, ...]:
    """The user's newest orders. One Query; none when the store fails, because a warning is worth no refusal."""
    try:
        return orders.list_orders(user_id, _RECENT_ORDERS, None).orders
    except StoreUnavailable:
        return ()


def bought_by(order: Order) -> Bought:
    """What is bought by the lines of an order that are not refunded."""
    return {(order.lines[at].course, order.lines[at].policy_id) for at in order.open_lines()}


def find_same(recent: Iterable[Order], wanted: Bought, now: datetime) -> Order | None:
    """The first of these orders that buys the same and is unpaid, or was paid within the last half hour."""
    for order in recent:
        just_paid = (
            order.status == orders.PAID and order.paid_at is not None and now - order.paid_at < _JUST_PAID
        )
        if (order.is_open() or just_paid) and bought_by(order) == wanted:
            return order
    return None
