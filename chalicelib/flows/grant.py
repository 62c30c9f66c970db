"""What an operator gives (beli, coupon records, days of study) and takes back (days of study).

Each is one transaction with its entry in the operators' log; `by` is the name that the log shows. A gift with a word
`once` is given once: with the same word again it raises AlreadyGiven, whatever it is.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from chalicelib.errors import (
    BeliInsufficient,
    ChangedMeanwhile,
    CouponUnusable,
    CourseNotFound,
    EnrollmentNotFound,
    IdTaken,
)
from chalicelib.shop import audit, catalog, coupon, enrollment, gift, ledger, reminder
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.price_policy import period_name
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, random_id

from .change_user import named
from .remind import remind_of_coupon


def grant_beli(
    user: User, beli: int, reason: str, now: datetime, by: str = audit.UNNAMED, once: str | None = None
) -> None:
    """Change a balance by a ledger entry that names the reason.

    Raises BeliInsufficient when the balance would fall below zero, AlreadyGiven.
    """
    entry = ledger.entry(user.user_id, beli, f"operator#{secrets.token_hex(8)}", f"operator: {reason}", now)
    transaction = gift.given_once(user.user_id, once, f"{beli:+d} beli", now)
    ledger.change(transaction, entry, BeliInsufficient(beli=beli))
    audit.commit(
        transaction, audit.entry(by, "grant-beli", named(user), now, details=f"{beli:+d}", reason=reason)
    )


def grant_coupon(
    user: User, coupon_id: int, now: datetime, by: str = audit.UNNAMED, once: str | None = None
) -> CouponRecord:
    """Give a user a record of a coupon, whatever its claim window and quantity. Raises CouponUnusable, AlreadyGiven."""
    offer = coupon.find_offer(coupon_id)
    if offer is None:
        raise CouponUnusable(coupon=str(coupon_id), reason="unknown")
    while True:
        record = coupon.record_item(offer, user.user_id, random_id(), now)
        details = f"record {record.record_id} of coupon {coupon_id} {offer.name}"
        transaction = gift.given_once(user.user_id, once, details, now)
        transaction.put_new(record, IdTaken())
        remind_of_coupon(transaction, record)
        try:
            audit.commit(transaction, audit.entry(by, "grant-coupon", named(user), now, details=details))
        except IdTaken:
            continue
        return record


def grant_enrollment(
    user: User, key: CourseKey, days: int, reason: str, by: str, now: datetime, once: str | None = None
) -> EnrollmentSlice:
    """Give a user days of study (36000: for ever) of any course, from the end of what runs or from now.

    The slice stands in place of an order's: its `order_number` begins with `GRANT`. Raises CourseNotFound,
    AlreadyGiven.
    """
    course = catalog.find_courses([key]).get(key)
    if course is None:
        raise CourseNotFound(course=str(key))
    number = f"{enrollment.GRANT}{secrets.token_hex(6)}"
    given = enrollment.slice_item(user.user_id, key, course.name, number, 0, days, now)
    details = f"{number}: {period_name(days)} of {key} {course.name}"
    transaction = gift.given_once(user.user_id, once, details, now)
    enrollment.grant(transaction, given, IdTaken())
    reminder.add(transaction, user.user_id, reminder.GRANT, number, now)
    catalog.mark_given_out(transaction, course, CourseNotFound(course=str(key)))
    audit.commit(
        transaction, audit.entry(by, "grant-enrollment", named(user), now, details=details, reason=reason)
    )
    return given


def withdraw_enrollment(
    user: User, number: str, course: CourseKey | None, reason: str, by: str, now: datetime
) -> list[EnrollmentSlice]:
    """Take back the days that an order or a grant gave, of one course or of all its courses -> what was
    taken.

    An order stays as it is, with its payment: this refunds nothing. Later days of the same course move
    forward, never into the past. Raises EnrollmentNotFound, ChangedMeanwhile.
    """
    taken = [
        part
        for part in enrollment.list_slices(user.user_id)
        if part.order_number == number and part.withdrawn_at is None and course in (None, part.course)
    ]
    if not taken:
        raise EnrollmentNotFound(number=number)
    transaction = Transaction()
    for part in taken:
        enrollment.take_back(transaction, part, now, ChangedMeanwhile(what=number))
    courses = ", ".join(f"{part.course} {part.course_name}" for part in taken)
    details = f"{number}: {courses}"
    audit.commit(
        transaction, audit.entry(by, "withdraw-enrollment", named(user), now, details=details, reason=reason)
    )
    return taken
