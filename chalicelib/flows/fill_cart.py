"""Filling the cart, looking at it, taking out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CourseNotFound, PricePolicyNotFound
from chalicelib.shop import cart
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import Course, find_courses
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import PricePolicyCopy


@dataclass(frozen=True)
class ShownLine:
    """A line with its course as the catalogue has it today (None: gone) and its chosen policy (None: gone)."""

    course_key: CourseKey
    chosen: ChosenPolicy
    course: Course | None
    policy: PricePolicyCopy | None

    @property
    def sellable(self) -> bool:
        """Whether the line can be bought now."""
        return self.course is not None and self.course.is_sold() and self.policy is not None


def show_lines(chosen: list[ChosenPolicy]) -> list[ShownLine]:
    """The lines beside what the catalogue says of them today. One batch read."""
    courses = find_courses([line.course for line in chosen])
    shown = []
    for line in chosen:
        course = courses.get(line.course)
        policy = course.policy(line.policy_id) if course else None
        shown.append(ShownLine(line.course, line, course, policy))
    return shown


def add_to_cart(user_id: int, chosen: ChosenPolicy, now: datetime) -> None:
    """Put a course into the cart by one of its policies; again replaces the policy. Two round trips.

    Raises CourseNotFound (also for a course that is not sold), PricePolicyNotFound, CartFull,
    StoreUnavailable.
    """
    (line,) = show_lines([chosen])
    if line.course is None or not line.course.is_sold():
        raise CourseNotFound(course=str(chosen.course))
    if line.policy is None:
        raise PricePolicyNotFound(course=str(chosen.course))
    cart.put_line(
        user_id,
        chosen.course,
        CartLine(
            policy_id=chosen.policy_id,
            name=line.course.name,
            image=line.course.course_img,
            price=line.policy.price,
            valid_period=line.policy.valid_period,
            added_at=int(now.timestamp() * 1000),
        ),
    )


def show_cart(user_id: int) -> list[tuple[CartLine, ShownLine]]:
    """The cart in the order it was filled. Two round trips. Raises StoreUnavailable."""
    lines = cart.list_lines(user_id)
    shown = show_lines([ChosenPolicy(course, line.policy_id) for course, line in lines.items()])
    return list(zip(lines.values(), shown, strict=True))


def remove_from_cart(user_id: int, course: CourseKey) -> None:
    """Take a course out of the cart. One round trip. Raises CartLineNotFound, StoreUnavailable."""
    cart.remove_line(user_id, course)
