"""The quote: what a choice costs, what every coupon would do for it, and which combination is best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import BelowMinimum
from chalicelib.money import Fen
from chalicelib.shop import coupon, enrollment
from chalicelib.shop.best_combination import Combination, best_combination
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment, EnrollmentSlice, amount_to, by_course, slice_item
from chalicelib.shop.order import Order
from chalicelib.shop.settlement import DueLine, SettledLine, Settlement, due, settle
from chalicelib.storage.background import in_background

from .bound_courses import find_bound_courses
from .same_order import find_same, list_recent
from .settle import PricedChoice, PricedLine, choice_keys, price_choice

USED, RESERVED, DATE, COURSE, MINIMUM = "used", "reserved", "date", "course", "minimum"
"""The reasons why a coupon cannot be used for this purchase."""


class QuotedCoupon(Struct, frozen=True):
    """A coupon of the user, and the course that it is for as the catalogue has it (None: a general one, or gone).

    saves: what it would take off this purchase (fen), alone; reason: why it cannot be used, else None; missing: what
    the price lacks (fen) for the reason MINIMUM; saves_beside: what it would take off what is due (fen), in its place
    of the choice; chosen: whether the choice has it.
    """

    record: CouponRecord
    course: Course | None
    saves: Fen
    reason: str | None
    missing: Fen
    saves_beside: Fen
    chosen: bool


class QuotedLine(Struct, frozen=True):
    """A priced line, the enrollment that the user has in its course, and the one that they would have, paid now."""

    priced: PricedLine
    owned: Enrollment | None
    after: Enrollment


class Quote(Struct, frozen=True):
    """A priced choice, all of the user's coupons, the best choice of coupons with its amounts, the balance of beli,
    and an order for the same that is unpaid or was just paid.
    """

    priced: PricedChoice
    lines: tuple[QuotedLine, ...]
    coupons: tuple[QuotedCoupon, ...]
    best: Choice
    best_settlement: Settlement
    beli_balance: int
    same_order: Order | None


def quote(caller: Caller, choice: Choice, now: datetime) -> Quote:
    """Price a choice without ordering it; nothing is written.

    A batch read and three Queries at once. One more batch read where the user has coupons for other courses, to name
    them. A course's coupon is quoted on its line's price, a general one on what the choice leaves after its course
    coupons. The best combination is exact. Raises what `price_choice` raises.
    """
    listed = in_background(coupon.list_records, caller.user_id)
    slices = in_background(enrollment.list_slices, caller.user_id)
    recent = in_background(list_recent, caller.user_id)
    found = caller.find(choice_keys(caller.user_id, choice))
    priced = price_choice(caller.user(), choice, found, now)
    records = listed()
    best = _best(priced, [record for record in records if record.is_usable(now)])
    due_lines = [
        DueLine(line.course.key, line.policy.price, record)
        for line, record in zip(priced.lines, best.coupons, strict=True)
    ]
    balance = caller.user().beli
    spendable = balance if choice.use_beli else 0
    settled = settle(due_lines, best.general_coupon, spendable)
    effect = _Coupons(priced, spendable)
    courses = find_bound_courses(records, known=[line.course for line in priced.lines])
    return Quote(
        priced,
        tuple(_with_enrollments(priced, by_course(slices()), now)),
        tuple(effect.quoted(record, courses.get(record.bound_to), now) for record in records),
        _as_choice(priced, best),
        settled,
        balance,
        find_same(recent(), {(line.course, line.policy_id) for line in choice.lines}, now),
    )


def _with_enrollments(
    priced: PricedChoice, slices: Mapping[CourseKey, list[EnrollmentSlice]], now: datetime
) -> Iterator[QuotedLine]:
    for line in priced.lines:
        had = slices.get(line.course.key, [])
        bought = slice_item(0, line.course.key, line.course.name, "", 0, line.policy.valid_period, now)
        after = amount_to([*had, bought])
        assert after is not None  # it has what is bought
        yield QuotedLine(line, amount_to(had), after)


def _best(priced: PricedChoice, usable: Sequence[CouponRecord]) -> Combination:
    return best_combination(
        [line.policy.price for line in priced.lines],
        [[record for record in usable if record.is_for(line.course.key)] for line in priced.lines],
        [record for record in usable if record.bound_to is None],
    )


def _as_choice(priced: PricedChoice, best: Combination) -> Choice:
    lines = tuple(
        ChosenLine(line.course, line.policy_id, record.record_id if record else None)
        for line, record in zip(priced.choice.lines, best.coupons, strict=True)
    )
    general = best.general_coupon
    return Choice(lines, general.record_id if general else None, priced.choice.use_beli)


class _Coupons:
    """What coupons do for a priced choice, each in time that does not grow with its lines. `spendable` is the balance
    of beli that the choice may spend.
    """

    def __init__(self, priced: PricedChoice, spendable: int) -> None:
        self._general = priced.general_coupon
        self._spendable = spendable
        self._lines = {str(line.course.key): line.amounts for line in priced.lines}
        self._subtotal = sum(line.rebate_price for line in self._lines.values())
        self._chosen = {record.record_id for record in priced.coupons()}

    def quoted(self, record: CouponRecord, course: Course | None, now: datetime) -> QuotedCoupon:
        """What one coupon would do, or why it cannot be used."""
        chosen = record.record_id in self._chosen
        line = self._lines.get(record.bound_to) if record.bound_to is not None else None
        reason = _obstacle(record, now)
        if reason is None and record.bound_to is not None and line is None:
            reason = COURSE
        if reason is not None:
            return QuotedCoupon(record, course, 0, reason, 0, 0, chosen)
        price = line.price if line else self._subtotal
        try:
            saves = price - record.price_after(price)
        except BelowMinimum:
            return QuotedCoupon(record, course, 0, MINIMUM, record.minimum - price, 0, chosen)
        return QuotedCoupon(record, course, saves, None, 0, self._saves_beside(record, line), chosen)

    def _saves_beside(self, record: CouponRecord, line: SettledLine | None) -> Fen:
        """What a usable coupon would take off what is due, in its place: its course's line, or (None) that of the
        general coupon. 0 where the general coupon that was chosen would lack its minimum then.
        """
        if line is None:
            return self._due(self._subtotal, None) - self._due(self._subtotal, record)
        others = self._subtotal - line.rebate_price
        try:
            with_it = self._due(others + record.price_after(line.price), self._general)
        except BelowMinimum:
            return 0
        return self._due(others + line.price, self._general) - with_it

    def _due(self, subtotal: Fen, general: CouponRecord | None) -> Fen:
        return due(subtotal, general, self._spendable)


def _obstacle(record: CouponRecord, now: datetime) -> str | None:
    if record.status in (coupon.USED, coupon.RESERVED):
        return USED if record.status == coupon.USED else RESERVED
    return None if record.is_usable(now) else DATE
