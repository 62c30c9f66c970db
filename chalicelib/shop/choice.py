"""A choice of what to buy and by which means: the input of settling, quoting and ordering."""

from __future__ import annotations

from msgspec import Struct

from chalicelib.errors import PricePolicyNotFound
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.course_key import CourseKey

MAX_LINES = 40
"""The most lines of a cart, an account or an order."""


class ChosenLine(Struct, frozen=True):
    """A course, the policy by which to buy it, and the coupon record chosen for it."""

    course: CourseKey
    policy_id: int
    coupon_record_id: int | None = None


class Choice(Struct, frozen=True):
    """All lines of a purchase, the general coupon record, and whether to spend beli."""

    lines: tuple[ChosenLine, ...]
    general_coupon_record_id: int | None
    use_beli: bool


def one_policy_each(lines: list[ChosenPolicy]) -> list[ChosenPolicy]:
    """The lines without exact repetitions. Raises PricePolicyNotFound for one course with two policies."""
    unique = list(dict.fromkeys(lines))
    if len({line.course for line in unique}) < len(unique):
        raise PricePolicyNotFound(reason="two policies")
    return unique
