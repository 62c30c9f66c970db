"""Settle: open the account, show it, and price a choice of coupons and beli for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import (
    CartStoreUnavailable,
    CouponUnusable,
    CourseNotFound,
    FreeTermTaken,
    InvalidRequest,
    PricePolicyNotFound,
)
from chalicelib.money import Fen
from chalicelib.shop import account, coupon, free_course
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course, course_in, course_item_key
from chalicelib.shop.choice import Choice, ChosenLine, one_policy_each
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import PricePolicy, policy_in, policy_key
from chalicelib.shop.settlement import DueLine, SettledLine, Settlement, settle
from chalicelib.shop.user import User
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import ItemKey, StoredItem

from .fill_cart import ShownLine, line_keys, offered, show_lines

Found = Mapping[ItemKey, StoredItem]


@contextmanager
def replacing_account(caller: Caller) -> Iterator[None]:
    """Delete an account opened earlier when the block is refused: old clients open the settlement page whatever the
    answer was, and yesterday's courses must not be paid there. One round trip more.
    """
    try:
        yield
    except (CourseNotFound, PricePolicyNotFound, InvalidRequest, CartStoreUnavailable):
        account.discard_account(caller.user().user_id)
        raise


def open_account(caller: Caller, chosen: list[ChosenPolicy]) -> None:
    """Make these lines the account to settle. Two round trips.

    Raises CourseNotFound (also when there are no lines, or too many), PricePolicyNotFound, FreeTermTaken.
    """
    lines = one_policy_each(chosen)
    for line in show_lines(caller.user_id, lines, caller.find(line_keys(caller.user_id, lines))):
        offered(line)
    account.open_account(caller.user_id, lines)


class AccountView(Struct, frozen=True):
    """An account with the coupons its user could choose now."""

    lines: tuple[ShownLine, ...]
    usable_coupons: tuple[CouponRecord, ...]

    @property
    def total(self) -> Fen:
        """The sum of the lines that can be bought, without any discount."""
        return sum(line.policy.price for line in self.lines if line.sellable and line.policy)


def show_account(caller: Caller, now: datetime) -> AccountView:
    """The account and the usable coupons, those below their minimum included. Two round trips: Redis, then a
    batch read and a Query at once. Raises AccountNotFound.
    """
    chosen = account.find_account(caller.user_id)
    records = in_background(coupon.list_records, caller.user_id)
    lines = show_lines(caller.user_id, chosen, caller.find(line_keys(caller.user_id, chosen)))
    return AccountView(tuple(lines), tuple(record for record in records() if record.is_usable(now)))


def price_account(
    caller: Caller,
    coupons: Mapping[CourseKey, int],
    general_coupon_record_id: int | None,
    use_beli: bool,
    now: datetime,
) -> Settlement:
    """Price the account with these coupons, without the lines that cannot be bought. Two round trips.

    `coupons` maps courses to record ids. Raises AccountNotFound, CouponUnusable, BelowMinimum.
    """
    chosen = account.find_account(caller.user_id)
    for course in set(coupons) - {line.course for line in chosen}:
        raise CouponUnusable(coupon=str(coupons[course]), reason="course")
    lines = tuple(ChosenLine(line.course, line.policy_id, coupons.get(line.course)) for line in chosen)
    found = caller.find(choice_keys(caller.user_id, Choice(lines, general_coupon_record_id, use_beli)))
    sold = tuple(line for line in lines if _is_sold(caller.user_id, line, found))
    choice = Choice(sold, general_coupon_record_id, use_beli)
    return price_choice(caller.user(), choice, found, now).settlement


class PricedLine(Struct, frozen=True):
    """A line of a choice with everything that an order copies of it."""

    course: Course
    policy: PricePolicy
    coupon: CouponRecord | None
    amounts: SettledLine


class PricedChoice(Struct, frozen=True):
    """A choice with its lines priced, in its own order, and the amounts of the whole."""

    choice: Choice
    lines: tuple[PricedLine, ...]
    general_coupon: CouponRecord | None
    settlement: Settlement

    def coupons(self) -> list[CouponRecord]:
        """All coupons that the choice uses."""
        used = [*(line.coupon for line in self.lines), self.general_coupon]
        return [record for record in used if record is not None]


def choice_keys(user_id: int, choice: Choice) -> list[ItemKey]:
    """The keys of everything that pricing a choice reads."""
    keys: list[ItemKey] = [free_course.taken_key(user_id)]
    for line in choice.lines:
        keys += [course_item_key(line.course), policy_key(line.course, line.policy_id)]
    return keys + [coupon.record_key(user_id, record_id) for record_id in _record_ids(choice)]


def price_choice(user: User, choice: Choice, found: Found, now: datetime) -> PricedChoice:
    """Price a choice for this user now, of what was found under `choice_keys`.

    Raises CourseNotFound, PricePolicyNotFound or FreeTermTaken, CouponUnusable, BelowMinimum, in this order.
    """
    courses = [_sold_course(line, found) for line in choice.lines]
    policies = [
        _policy(user.user_id, line, course, found) for line, course in zip(choice.lines, courses, strict=True)
    ]
    _raise_if_twice(_record_ids(choice))
    coupons = [
        _usable(user, line.coupon_record_id, line.course, found, now)
        if line.coupon_record_id is not None
        else None
        for line in choice.lines
    ]
    general_id = choice.general_coupon_record_id
    general = _usable(user, general_id, None, found, now) if general_id is not None else None
    due = [
        DueLine(course.key, policy.price, record)
        for course, policy, record in zip(courses, policies, coupons, strict=True)
    ]
    amounts = settle(due, general, user.beli if choice.use_beli else 0)
    lines = map(PricedLine, courses, policies, coupons, amounts.lines)
    return PricedChoice(choice, tuple(lines), general, amounts)


def _record_ids(choice: Choice) -> list[int]:
    ids = [line.coupon_record_id for line in choice.lines] + [choice.general_coupon_record_id]
    return [record_id for record_id in ids if record_id is not None]


def _is_sold(user_id: int, line: ChosenLine, found: Found) -> bool:
    try:
        _policy(user_id, line, _sold_course(line, found), found)
    except (CourseNotFound, PricePolicyNotFound):
        return False
    return True


def _sold_course(line: ChosenLine, found: Found) -> Course:
    course = course_in(found, line.course)
    if course is None or not course.is_sold():
        raise CourseNotFound(course=str(line.course))
    return course


def _policy(user_id: int, line: ChosenLine, course: Course, found: Found) -> PricePolicy:
    policy = policy_in(found, line.course, line.policy_id)
    if policy is None:
        raise PricePolicyNotFound(course=str(line.course))
    if free_course.is_once(course, policy.price) and free_course.has_taken(found, user_id, line.course):
        raise FreeTermTaken(course=str(line.course))
    return policy


def _raise_if_twice(record_ids: list[int]) -> None:
    for record_id in record_ids:
        if record_ids.count(record_id) > 1:
            raise CouponUnusable(coupon=str(record_id), reason="twice")


def _usable(
    user: User, record_id: int, course: CourseKey | None, found: Found, now: datetime
) -> CouponRecord:
    """The user's record for this course (None: for the whole order), if it can be used now."""
    record = coupon.record_in(found, user.user_id, record_id)
    if record is None:
        raise CouponUnusable(coupon=str(record_id), reason="unknown")
    if record.bound_to != (str(course) if course else None):
        raise CouponUnusable(coupon=record.name, reason="course")
    if not record.is_usable(now):
        is_taken = record.status in (coupon.RESERVED, coupon.USED)
        raise CouponUnusable(coupon=record.name, reason="used" if is_taken else "date")
    return record
