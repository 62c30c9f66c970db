"""A learner's coupons, with what their offers and the catalogue say beside them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from chalicelib.shop import coupon
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course, course_in, course_item_key
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.dynamodb import ItemKey, find_together


class HeldCoupon(Struct, frozen=True):
    """A coupon record, what its offer says of it (empty when the offer is gone), and the course that it is for as the
    catalogue has it: None for a general one, and when it is gone.
    """

    record: CouponRecord
    brief: str
    course: Course | None


def list_held(caller: Caller) -> list[HeldCoupon]:
    """All of the caller's coupons, those that end first first. Two round trips; one when there are none."""
    return described(caller.beside(coupon.list_records))


def described(records: Iterable[CouponRecord]) -> list[HeldCoupon]:
    """The records with what stands beside them. One batch read for each 100 offers and courses; none for no record."""
    listed = list(records)
    keys: list[ItemKey] = [coupon.offer_key(record.coupon_id) for record in listed]
    keys += [course_item_key(CourseKey.parse(record.bound_to)) for record in listed if record.bound_to]
    found = find_together(keys)
    held = []
    for record in listed:
        offer = coupon.offer_in(found, record.coupon_id)
        course = course_in(found, CourseKey.parse(record.bound_to)) if record.bound_to else None
        held.append(HeldCoupon(record, offer.brief if offer else "", course))
    return held
