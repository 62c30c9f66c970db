"""What is a learner's own of one course: beside its page, which is the same for everybody."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import CartStoreUnavailable, CourseNotFound
from chalicelib.shop import cart, coupon, enrollment, free_course
from chalicelib.shop.caller import Caller
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import OFFLINE, course_in, course_item_key
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.storage.background import in_background

from .my_coupons import HeldCoupon, described
from .open_orders import open_orders_in, open_orders_key

log = logging.getLogger(__name__)


class MyCourse(Struct, frozen=True):
    """What a learner has of a course. `is_in_cart` is None while the cart's store is down; `open_order` is the number
    of the newest unpaid order with the course; `coupons` are those that can be used for it now.
    """

    enrollment: Enrollment | None
    is_in_cart: bool | None
    cart_policy_id: int | None
    free_term_had: bool
    open_order: str | None
    coupons: tuple[HeldCoupon, ...]


def show_mine(caller: Caller, key: CourseKey, now: datetime) -> MyCourse:
    """What the caller has of a course: of one that is offline, only who has or had it. Raises CourseNotFound.

    A batch read, two Queries and Redis at once; then, where there are coupons or open orders, a batch read of each.
    """
    user_id = caller.user_id
    in_cart = in_background(_find_in_cart, user_id, key)
    listed = in_background(coupon.list_records, user_id)
    owned = in_background(enrollment.find_enrollment, user_id, key)
    found = caller.find([course_item_key(key), free_course.taken_key(user_id), open_orders_key(user_id)])
    course, mine = course_in(found, key), owned()
    if mine is None and (course is None or course.status == OFFLINE):
        raise CourseNotFound(course=str(key))
    usable = [
        record
        for record in listed()
        if record.is_usable(now) and (record.bound_to is None or record.is_for(key))
    ]
    coupons = in_background(described, usable)
    orders = [
        order.number
        for order in open_orders_in(found, user_id)
        if any(line.course == key for line in order.lines)
    ]
    is_in_cart, line = in_cart()
    return MyCourse(
        enrollment=mine,
        is_in_cart=is_in_cart,
        cart_policy_id=line.policy_id if line else None,
        free_term_had=free_course.has_taken(found, user_id, key),
        open_order=orders[0] if orders else None,
        coupons=tuple(coupons()),
    )


def _find_in_cart(user_id: int, key: CourseKey) -> tuple[bool | None, CartLine | None]:
    try:
        line = cart.find_line(user_id, key)
    except CartStoreUnavailable:
        log.warning("a cart was not looked into")
        return None, None
    return line is not None, line
