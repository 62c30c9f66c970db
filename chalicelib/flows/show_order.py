"""Show an order to its learner: as it is now at the provider, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from chalicelib.gateways import Gateways
from chalicelib.shop import enrollment, refund
from chalicelib.shop import order as orders
from chalicelib.shop.catalog import Course, find_courses
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import UserItem

from . import reconcile
from .checkout import find_duplicate


class OrderPage(Struct, frozen=True):
    """An order with its events, refunds and payments, its courses as they are in the catalogue today, its learner's
    enrollments, and, for an open order, a duplicate that is unpaid or was just paid.
    """

    order: Order
    about: list[UserItem]
    courses: Mapping[CourseKey, Course]
    enrollments: Mapping[CourseKey, Enrollment]
    duplicate: Order | None


_ASK_OPERATORS = timedelta(minutes=1)
"""How often a page need look whether an operator has decided."""
_SHORTEST_ASK = timedelta(seconds=5)


def ask_again_after(order: Order, refunds: Iterable[Refund], now: datetime) -> timedelta | None:
    """How long after `now` showing the order again may bring news; None when nothing is awaited.

    An open order has news when its provider may be asked again, a refund under way when it is due, an application
    when an operator decides.
    """
    waits = [order.next_ask_at() - now] if order.is_open() else []
    for one in refunds:
        if one.status == refund.APPROVED and one.due_at is not None:
            waits.append(max(_SHORTEST_ASK, datetime.fromtimestamp(one.due_at, UTC) - now))
        elif one.is_undecided():
            waits.append(_ASK_OPERATORS)
    return min(waits, default=None)


def show(order: Order, gateways: Gateways, now: datetime) -> OrderPage:
    """The page of a learner's own order, after asking the provider as of `reconcile.ask_for_page`. One round trip
    beside that.
    """
    return read(reconcile.ask_for_page(order, gateways, now), now)


def read(order: Order, now: datetime) -> OrderPage:
    """The page of an order that was just read. One round trip."""
    courses = in_background(find_courses, {line.course for line in order.lines})
    mine = in_background(enrollment.list_enrollments, order.user_id)
    duplicate = in_background(find_duplicate, order, now) if order.is_open() else None
    about = orders.list_about(order)
    return OrderPage(
        order,
        about,
        courses(),
        {one.course: one for one in mine()},
        duplicate() if duplicate else None,
    )
