"""Enrollments: who may study what until when.

An enrollment is a list of slices, one item for each paid order line, so that granting is one conditional put
that meets no other. When access begins and ends follows from the slices: each runs from the end of what runs,
or from its payment, for its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import AccessEnded, AccessPaused, NotEnrolled, ShopError
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import list_partition, partition
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber

_PREFIX = "ENROLLMENT#"
GRANT = "grant-"
"""What no order's number begins with."""
_FAR_AWAY = datetime(9000, 1, 1, tzinfo=UTC)
"""The latest end of a slice: a free course can be had again and again, and dates have an end."""


class EnrollmentSlice(UserItem, discriminator="ENROLLMENT"):
    """The days of study that one paid order line, or an operator, gave. `days` 36000 is 永久.

    An operator's slice has an `order_number` that begins with `GRANT`. `withdrawn_at` is when the slice was taken back.
    While `paused_at` is set it gives no access; `paused_seconds` of earlier pauses extend it.
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
    paused_at = UTCDateTimeAttribute(null=True)
    paused_seconds = WholeNumber(default=0)

    @property
    def course(self) -> CourseKey:
        """The course the slice is for."""
        return CourseKey(self.course_type, self.course_id)

    def is_permanent(self) -> bool:
        """Whether the slice never ends by itself."""
        return self.withdrawn_at is None and bool(self.days == PERMANENT_DAYS)


class Span(Struct, frozen=True):
    """A time in which one slice runs (`ends_at` None: for ever), giving access unless it is paused."""

    begins_at: datetime
    ends_at: datetime | None
    is_paused: bool


class Enrollment(Struct, frozen=True):
    """All slices of a user's course together: its spans, from `begins_at` until `ends_at` (None: for ever), and the
    orders whose lines gave it and were not taken back, newest first.
    """

    course: CourseKey
    course_name: str
    spans: tuple[Span, ...]
    order_numbers: tuple[str, ...] = ()

    @property
    def begins_at(self) -> datetime:
        """When the first span begins."""
        return self.spans[0].begins_at

    @property
    def ends_at(self) -> datetime | None:
        """When the last span ends."""
        ends = [span.ends_at for span in self.spans]
        return None if None in ends else max(end for end in ends if end is not None)

    def is_active(self, now: datetime) -> bool:
        """Whether the course may be studied at this moment."""
        return any(_is_running(span, now) and not span.is_paused for span in self.spans)

    def days_left(self, now: datetime) -> int | None:
        """How many whole days it may still be studied; None for ever, and while it may not be studied."""
        return (self.ends_at - now).days if self.ends_at and self.is_active(now) else None

    def is_paused(self, now: datetime) -> bool:
        """Whether only an application for a refund bars access at this moment."""
        return not self.is_active(now) and any(_is_running(span, now) for span in self.spans)


def active(mine: Enrollment | None, now: datetime) -> Enrollment:
    """An enrollment by which its course may be studied at this moment.

    Raises NotEnrolled, AccessPaused, AccessEnded.
    """
    if mine is None:
        raise NotEnrolled(signed_in=True)
    if mine.is_active(now):
        return mine
    raise AccessPaused() if mine.is_paused(now) else AccessEnded()


def _is_running(span: Span, now: datetime) -> bool:
    return span.begins_at <= now and (span.ends_at is None or now < span.ends_at)


class SliceKey(Struct, frozen=True):
    """The line of an order, at this position, that a slice was granted for."""

    user_id: int
    course: CourseKey
    order_number: str
    line: int

    def item(self) -> EnrollmentSlice:
        """The slice with its key only, to be updated."""
        sort = f"{_PREFIX}{self.course}#{self.order_number}#{self.line:02d}"
        return EnrollmentSlice(partition(self.user_id), sort)


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


def withdraw(transaction: Transaction, key: SliceKey, now: datetime, refusal: ShopError) -> None:
    """Withdraw the slice of an order's line. One that an operator took back earlier keeps its time."""
    transaction.update(
        key.item(),
        [
            EnrollmentSlice.withdrawn_at.set(EnrollmentSlice.withdrawn_at | now),
            EnrollmentSlice.paused_at.remove(),
        ],
        EnrollmentSlice.sort.exists(),
        refusal,
    )


def pause(transaction: Transaction, key: SliceKey, now: datetime, refusal: ShopError) -> None:
    """Stop the access that the slice of an order's line gives."""
    transaction.update(
        key.item(),
        [EnrollmentSlice.paused_at.set(now)],
        EnrollmentSlice.sort.exists() & EnrollmentSlice.paused_at.does_not_exist(),
        refusal,
    )


def resume(
    transaction: Transaction,
    slices: Iterable[EnrollmentSlice],
    key: SliceKey,
    now: datetime,
    refusal: ShopError,
) -> None:
    """Let a paused slice run again, longer by the time it has lost; `slices` are all of its user, and it is changed
    among them too, so that the next one to resume begins where it ends.
    """
    mine = list(slices)
    lost = int(lost_to_pause(mine, key, now).total_seconds())
    transaction.update(
        key.item(),
        [EnrollmentSlice.paused_at.remove(), EnrollmentSlice.paused_seconds.add(lost)],
        EnrollmentSlice.paused_at.exists(),
        refusal,
    )
    for part in mine:
        if part.sort == key.item().sort:
            part.paused_at, part.paused_seconds = None, (part.paused_seconds or 0) + lost


def without(
    slices: Iterable[EnrollmentSlice], keys: Iterable[SliceKey], now: datetime
) -> list[EnrollmentSlice]:
    """The slices as they would be after `withdraw` of these keys: changed in memory only."""
    gone, left = {key.item().sort for key in keys}, list(slices)
    for part in left:
        if part.sort in gone:
            part.withdrawn_at, part.paused_at = part.withdrawn_at or now, None
    return left


def take_back(transaction: Transaction, given: EnrollmentSlice, now: datetime, refusal: ShopError) -> None:
    """Withdraw one slice on an operator's word. Refused when it was taken back meanwhile."""
    is_there = EnrollmentSlice.sort.exists() & EnrollmentSlice.withdrawn_at.does_not_exist()
    transaction.update(given, [EnrollmentSlice.withdrawn_at.set(now)], is_there, refusal)


def amount_to(slices: Iterable[EnrollmentSlice]) -> Enrollment | None:
    """The enrollment that the slices of one course make, or None when all were taken back before they began.

    Each slice begins where the one before ends, or when it was granted. A withdrawn slice ends at that moment, so later
    ones move forward, never into the past. 永久 absorbs all that follow, unless it is paused: then they run.
    """
    given = list(slices)
    running = list(_running(given))
    if not running:
        return None
    last = running[-1][0]
    orders = [
        part.order_number
        for part in sorted(given, key=lambda part: (part.granted_at, part.order_number), reverse=True)
        if part.withdrawn_at is None and not part.order_number.startswith(GRANT)
    ]
    return Enrollment(last.course, last.course_name, tuple(span for _, span in running), tuple(orders))


def _running(slices: Iterable[EnrollmentSlice]) -> Iterator[tuple[EnrollmentSlice, Span]]:
    """The slices of one course that run at any time, with the time in which they do."""
    ends_at: datetime | None = None
    for part in sorted(slices, key=lambda part: (part.granted_at, part.order_number, part.line)):
        begin = part.granted_at if ends_at is None else max(ends_at, part.granted_at)
        if part.is_permanent():
            yield part, Span(begin, None, part.paused_at is not None)
            if part.paused_at is None:
                return
            continue
        end = begin + min(timedelta(days=part.days, seconds=part.paused_seconds or 0), _FAR_AWAY - begin)
        if part.withdrawn_at is not None:
            end = max(begin, min(end, part.withdrawn_at))
        if end > begin:
            yield part, Span(begin, end, part.paused_at is not None)
        ends_at = end


def by_course(slices: Iterable[EnrollmentSlice]) -> dict[CourseKey, list[EnrollmentSlice]]:
    """A user's slices, those of each course together."""
    of_courses: dict[CourseKey, list[EnrollmentSlice]] = {}
    for part in slices:
        of_courses.setdefault(part.course, []).append(part)
    return of_courses


def lost_to_pause(slices: Iterable[EnrollmentSlice], key: SliceKey, now: datetime) -> timedelta:
    """How much of its time the paused slice of an order's line has lost: none before its time begins, and none while
    another slice of the course gave access instead, because that one's days move back by what is given here.
    """
    running = list(_running(part for part in slices if part.course == key.course))
    for part, span in running:
        if (part.order_number, part.line) == (key.order_number, key.line) and part.paused_at is not None:
            if span.ends_at is not None and span.ends_at <= part.paused_at:
                return timedelta()  # it was over
            begin = max(part.paused_at, span.begins_at)
            others = (_access_within(other, its, begin, now) for other, its in running if other is not part)
            return max(timedelta(), now - begin - sum(others, timedelta()))
    return timedelta()


def _access_within(part: EnrollmentSlice, span: Span, begin: datetime, end: datetime) -> timedelta:
    """How long a slice gives access between two moments, its earlier pauses not taken off."""
    last = min(moment for moment in (span.ends_at, part.paused_at, end) if moment is not None)
    return max(timedelta(), last - max(span.begins_at, begin))


def list_slices(user_id: int) -> list[EnrollmentSlice]:
    """All slices of a user, withdrawn ones included, by course. One Query."""
    return cast(list[EnrollmentSlice], list_partition(user_id, _PREFIX))


def list_enrollments(user_id: int) -> list[Enrollment]:
    """A user's courses, ended ones included, strongly consistent. One Query."""
    return enrollments_of(list_slices(user_id))


def enrollments_of(slices: Iterable[EnrollmentSlice]) -> list[Enrollment]:
    """The enrollments that slices of several courses make, as of `amount_to`."""
    parts_of_courses = by_course(slices).values()
    return [enrollment for parts in parts_of_courses if (enrollment := amount_to(parts)) is not None]


def find_enrollment(user_id: int, course: CourseKey) -> Enrollment | None:
    """A user's enrollment in one course, strongly consistent, or None. One Query."""
    slices = cast(list[EnrollmentSlice], list_partition(user_id, f"{_PREFIX}{course}#"))
    return amount_to(slices)
