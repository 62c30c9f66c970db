"""The courses that coupons are for, to name them beside the coupons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.shop.catalog import Course, find_courses
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.course_key import CourseKey

BoundCourses = Mapping[str | None, Course]
"""Courses by the text of their key, which is what a coupon is `bound_to`. A general coupon's None has none."""


def find_bound_courses(
    coupons: Iterable[CouponOffer | CouponRecord], known: Iterable[Course] = ()
) -> BoundCourses:
    """The courses that coupons are for, as the catalogue has them. One batch read for each 100 courses that are not
    among the `known` ones; none without such.
    """
    courses: dict[str | None, Course] = {str(course.key): course for course in known}
    wanted = {one.bound_to for one in coupons if one.bound_to is not None} - set(courses)
    if wanted:
        found = find_courses(CourseKey.parse(text) for text in sorted(wanted))
        courses |= {str(key): course for key, course in found.items()}
    return courses
