"""Enrollments: who may study what until when.

An enrollment is a list of slices, one item for each paid order line, so that granting is one conditional put
that meets no other. When access begins and ends follows from the slices: each runs from the end of what runs,
or from its payment, for its days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import ShopError
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.shop.user import list_partition, partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber

_PREFIX = "ENROLLMENT#"


class EnrollmentSlice(UserItem, discriminator="ENROLLMENT"):
    """The days of study that one paid order line, or an operator, gave. `days` 36000 is 永久; `withdrawn_at` is
    when they were taken back.

    `order_number` of what an operator gave is `grant-...`, which is no order's number.
    """

    user_id = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    order_number = UnicodeAttribute()
    line = WholeNumber()
    days = WholeNumber()
    granted_at = UTCDateTimeAttribute()
    withdrawn_at = UTCDateTimeAttribute(null=True)

    @property
    def course(self) -> CourseKey:
        """The course the slice is for."""
        return CourseKey(self.course_type, self.course_id)


@dataclass(frozen=True)
class Enrollment:
    """What a user's slices of a course amount to: access from `begins_at` until `ends_at` (None: for ever)."""

    course: CourseKey
    course_name: str
    begins_at: datetime
    ends_at: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Whether the course may be studied at this moment."""
        return self.begins_at <= now and (self.ends_at is None or now < self.ends_at)


def slice_item(
    user_id: int,
    course: CourseKey,
    course_name: str,
    order_number: str,
    line: int,
    days: int,
    granted_at: datetime,
) -> EnrollmentSlice:
    """A slice, ready to be written; its key is unique for the order's line."""
    return EnrollmentSlice(
        partition(user_id),
        f"{_PREFIX}{course}#{order_number}#{line:02d}",
        user_id=user_id,
        course_type=course.course_type,
        course_id=course.course_id,
        course_name=course_name,
        order_number=order_number,
        line=line,
        days=days,
        granted_at=granted_at,
    )


def grant(transaction: Transaction, new_slice: EnrollmentSlice, refusal: ShopError) -> None:
    """Add a slice, once for an order's line."""
    transaction.put_new(new_slice, refusal)


def withdraw(
    transaction: Transaction,
    user_id: int,
    course: CourseKey,
    order_number: str,
    line: int,
    now: datetime,
    refusal: ShopError,
) -> None:
    """Take the slice of an order's line back. One that an operator took back earlier keeps its time."""
    transaction.update(
        EnrollmentSlice(partition(user_id), f"{_PREFIX}{course}#{order_number}#{line:02d}"),
        [EnrollmentSlice.withdrawn_at.set(EnrollmentSlice.withdrawn_at | now)],
        EnrollmentSlice.sort.exists(),
        refusal,
    )


def take_back(transaction: Transaction, given: EnrollmentSlice, now: datetime, refusal: ShopError) -> None:
    """Take one slice back, as an operator may. Refused when it was taken back meanwhile."""
    is_there = EnrollmentSlice.sort.exists() & EnrollmentSlice.withdrawn_at.does_not_exist()
    transaction.update(given, [EnrollmentSlice.withdrawn_at.set(now)], is_there, refusal)


def amount_to(slices: Iterable[EnrollmentSlice]) -> Enrollment | None:
    """What the slices of one course amount to, or None when all were taken back before they began.

    Each slice begins where the one before ends, or when it was granted. A slice that was withdrawn ends at
    that moment, so later ones move forward, never into the past. 永久 absorbs all that follow.
    """
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    last: EnrollmentSlice | None = None
    for part in sorted(slices, key=lambda part: (part.granted_at, part.order_number, part.line)):
        begin = part.granted_at if ends_at is None else max(ends_at, part.granted_at)
        if part.withdrawn_at is None and part.days == PERMANENT_DAYS:
            return Enrollment(part.course, part.course_name, begins_at or begin, None)
        end = begin + timedelta(days=part.days)
        if part.withdrawn_at is not None:
            end = max(begin, min(end, part.withdrawn_at))
        if end > begin:
            begins_at = begins_at or begin
            last = part
        ends_at = end
    if last is None or begins_at is None or ends_at is None:
        return None
    return Enrollment(last.course, last.course_name, begins_at, ends_at)


def list_slices(user_id: int) -> list[EnrollmentSlice]:
    """All slices of a user, withdrawn ones included, by course. One Query."""
    return cast(list[EnrollmentSlice], list_partition(user_id, _PREFIX))


def list_enrollments(user_id: int) -> list[Enrollment]:
    """A user's courses, ended ones included, strongly consistent. One Query."""
    by_course: dict[CourseKey, list[EnrollmentSlice]] = {}
    for part in list_slices(user_id):
        by_course.setdefault(part.course, []).append(part)
    return [enrollment for parts in by_course.values() if (enrollment := amount_to(parts)) is not None]


def find_enrollment(user_id: int, course: CourseKey) -> Enrollment | None:
    """A user's enrollment in one course, strongly consistent, or None. One Query."""
    slices = cast(list[EnrollmentSlice], list_partition(user_id, f"{_PREFIX}{course}#"))
    return amount_to(slices)
