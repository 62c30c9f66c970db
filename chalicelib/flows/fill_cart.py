"""The cart: add to it, show it, remove from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CourseNotFound, PricePolicyNotFound
from chalicelib.shop import cart
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.caller import Caller
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import Course, course_in, course_item_key
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import PricePolicyCopy
from chalicelib.storage.dynamodb import ItemKey, StoredItem


@dataclass(frozen=True)
class ShownLine:
    """A line with its course as the catalogue has it today (None: gone) and its chosen policy (None: gone)."""

    chosen: ChosenPolicy
    course: Course | None
    policy: PricePolicyCopy | None

    @property
    def course_key(self) -> CourseKey:
        """The course of the line, in the catalogue or not."""
        return self.chosen.course

    @property
    def sellable(self) -> bool:
        """Whether the line can be bought now."""
        return self.course is not None and self.course.is_sold() and self.policy is not None


def line_keys(chosen: Iterable[ChosenPolicy]) -> list[ItemKey]:
    """The keys of the items that `show_lines` needs: a course has copies of its policies."""
    return [course_item_key(line.course) for line in chosen]


def show_lines(chosen: Iterable[ChosenPolicy], found: Mapping[ItemKey, StoredItem]) -> list[ShownLine]:
    """The lines with their courses and policies of today, of what was found under `line_keys`."""
    shown = []
    for line in chosen:
        course = course_in(found, line.course)
        shown.append(ShownLine(line, course, course.policy(line.policy_id) if course else None))
    return shown


def offered(line: ShownLine) -> tuple[Course, PricePolicyCopy]:
    """Course and policy of a line that can be bought now.

    Raises CourseNotFound (also for a course that is not sold), PricePolicyNotFound.
    """
    if line.course is None or not line.course.is_sold():
        raise CourseNotFound(course=str(line.course_key))
    if line.policy is None:
        raise PricePolicyNotFound(course=str(line.course_key))
    return line.course, line.policy


def add_to_cart(caller: Caller, chosen: ChosenPolicy, now: datetime) -> None:
    """Put a course into the cart by one of its policies; again replaces the policy. Two round trips.

    Raises CourseNotFound (also for a course that is not sold), PricePolicyNotFound, CartFull.
    """
    (line,) = show_lines([chosen], caller.find(line_keys([chosen])))
    course, policy = offered(line)
    cart.put_line(
        caller.user_id,
        chosen.course,
        CartLine(
            policy_id=chosen.policy_id,
            name=course.name,
            image=course.course_img,
            price=policy.price,
            valid_period=policy.valid_period,
            added_at=int(now.timestamp() * 1000),
        ),
    )


def show_cart(caller: Caller) -> list[tuple[CartLine, ShownLine]]:
    """The cart in the order it was filled. Two round trips."""
    lines = cart.list_lines(caller.user_id)
    chosen = [ChosenPolicy(course, line.policy_id) for course, line in lines.items()]
    shown = show_lines(chosen, caller.find(line_keys(chosen)))
    return list(zip(lines.values(), shown, strict=True))


def remove_from_cart(user_id: int, course: CourseKey) -> None:
    """Take a course out of the cart. One round trip. Raises CartLineNotFound."""
    cart.remove_line(user_id, course)
