"""Settling: opening the account, looking at it, and what a choice of coupons and beli makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CouponUnusable, CourseNotFound, PricePolicyNotFound
from chalicelib.shop import account, coupon, settlement
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.catalog import Course, course_item_key
from chalicelib.shop.choice import Choice, ChosenLine, one_policy_each
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import PricePolicy, policy_key
from chalicelib.shop.settlement import PricedLine, Settlement
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import ItemKey, StoredItem, find_together

from .fill_cart import ShownLine, show_lines


def discard_account(user_id: int) -> None:
    """Forget an account opened earlier, so that a refused one does not leave yesterday's courses to be paid."""
    account.discard_account(user_id)


def open_account(user_id: int, chosen: list[ChosenPolicy]) -> None:
    """Make these lines the account, which is to be settled. Two round trips.

    Raises CourseNotFound (also when there are no lines, or too many), PricePolicyNotFound, StoreUnavailable.
    """
    lines = one_policy_each(chosen)
    for line in show_lines(lines):
        if line.course is None or not line.course.is_sold():
            raise CourseNotFound(course=str(line.course_key))
        if line.policy is None:
            raise PricePolicyNotFound(course=str(line.course_key))
    account.open_account(user_id, lines)


@dataclass(frozen=True)
class AccountView:
    """An account with the coupons its user could choose now."""

    lines: tuple[ShownLine, ...]
    usable_coupons: tuple[CouponRecord, ...]

    @property
    def total(self) -> int:
        """The sum (fen) of the lines that can be bought, without any discount."""
        return sum(line.policy.price for line in self.lines if line.sellable and line.policy)


def show_account(user_id: int, now: datetime) -> AccountView:
    """The account and the usable coupons, those below their minimum included. Three round trips.

    Raises AccountNotFound, StoreUnavailable.
    """
    lines = show_lines(account.find_account(user_id))
    records = sorted(coupon.list_records(user_id), key=lambda record: (record.valid_until, record.record_id))
    return AccountView(tuple(lines), tuple(record for record in records if record.is_usable(now)))


def price_account(
    user: User,
    coupons: Mapping[CourseKey, int],
    general_coupon_record_id: int | None,
    use_beli: bool,
    now: datetime,
) -> Settlement:
    """What the account costs with these coupons. Lines that cannot be bought are left out. Two round trips.

    `coupons` maps courses to record ids. Raises AccountNotFound, CouponUnusable, BelowMinimum,
    StoreUnavailable.
    """
    chosen = account.find_account(user.user_id)
    for course in set(coupons) - {line.course for line in chosen}:
        raise CouponUnusable(coupon=str(coupons[course]), reason="course")
    lines = tuple(ChosenLine(line.course, line.policy_id, coupons.get(line.course)) for line in chosen)
    found = read_choice(user, Choice(lines, general_coupon_record_id, use_beli))
    sold = tuple(line for line in lines if _is_sold(line, found))
    choice = Choice(sold, general_coupon_record_id, use_beli)
    return _price(user, choice, found, now).settlement


@dataclass(frozen=True)
class PricedChoice:
    """A choice with everything an order copies, in the order of the choice's lines."""

    choice: Choice
    courses: tuple[Course, ...]
    policies: tuple[PricePolicy, ...]
    coupons: tuple[CouponRecord | None, ...]
    general_coupon: CouponRecord | None
    settlement: Settlement


Found = Mapping[ItemKey, StoredItem]


def read_choice(user: User, choice: Choice, more: Sequence[ItemKey] = ()) -> Found:
    """Everything that pricing a choice reads, and `more`. One batch read (a second beyond 100 items)."""
    return find_together([*_places(user, choice), *more])


def price_choice(user: User, choice: Choice, found: Found, now: datetime) -> PricedChoice:
    """What a choice costs this user now, of what `read_choice` found.

    Raises CourseNotFound, PricePolicyNotFound, CouponUnusable, BelowMinimum.
    """
    for line in choice.lines:
        course = found.get(course_item_key(line.course))
        if not isinstance(course, Course) or not course.is_sold():
            raise CourseNotFound(course=str(line.course))
    for line in choice.lines:
        if policy_key(line.course, line.policy_id) not in found:
            raise PricePolicyNotFound(course=str(line.course))
    return _price(user, choice, found, now)


def _places(user: User, choice: Choice) -> list[ItemKey]:
    places: list[ItemKey] = []
    for line in choice.lines:
        places += [course_item_key(line.course), policy_key(line.course, line.policy_id)]
    return places + [coupon.record_key(user.user_id, record_id) for record_id in _record_ids(choice)]


def _record_ids(choice: Choice) -> list[int]:
    ids = [line.coupon_record_id for line in choice.lines] + [choice.general_coupon_record_id]
    return [record_id for record_id in ids if record_id is not None]


def _is_sold(line: ChosenLine, found: Found) -> bool:
    course = found.get(course_item_key(line.course))
    return (
        isinstance(course, Course) and course.is_sold() and policy_key(line.course, line.policy_id) in found
    )


def _price(user: User, choice: Choice, found: Found, now: datetime) -> PricedChoice:
    record_ids = _record_ids(choice)
    for record_id in record_ids:
        if record_ids.count(record_id) > 1:
            raise CouponUnusable(coupon=str(record_id), reason="twice")

    def record(record_id: int | None, course: CourseKey | None) -> CouponRecord | None:
        if record_id is None:
            return None
        stored = found.get(coupon.record_key(user.user_id, record_id))
        if not isinstance(stored, CouponRecord):
            raise CouponUnusable(coupon=str(record_id), reason="unknown")
        if stored.bound_to != (str(course) if course else None):
            raise CouponUnusable(coupon=stored.name, reason="course")
        if not stored.is_usable(now):
            is_taken = stored.status in (coupon.RESERVED, coupon.USED)
            raise CouponUnusable(coupon=stored.name, reason="used" if is_taken else "date")
        return stored

    coupons = tuple(record(line.coupon_record_id, line.course) for line in choice.lines)
    general_coupon = record(choice.general_coupon_record_id, None)
    courses = tuple(found[course_item_key(line.course)] for line in choice.lines)
    policies = tuple(found[policy_key(line.course, line.policy_id)] for line in choice.lines)
    priced = [
        PricedLine(line.course, policy.price, line_coupon)  # type: ignore[attr-defined]
        for line, policy, line_coupon in zip(choice.lines, policies, coupons, strict=True)
    ]
    amounts = settlement.settle(priced, general_coupon, user.beli if choice.use_beli else 0)
    return PricedChoice(choice, courses, policies, coupons, general_coupon, amounts)  # type: ignore[arg-type]
