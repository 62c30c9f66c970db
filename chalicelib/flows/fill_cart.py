"""The cart: add to it, show it, remove from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import CourseNotFound, FreeTermTaken, PricePolicyNotFound
from chalicelib.money import Fen
from chalicelib.shop import cart, enrollment, free_course
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.caller import Caller
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import ANNOUNCED, Course, course_in, course_item_key
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.price_policy import PricePolicyCopy
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import ItemKey, StoredItem, find_together

GONE, COMING, POLICY_GONE, TERM_HAD = "gone", "coming", "policy gone", "term had"
"""Why a line cannot be bought: its course is not sold any more, or not yet; its policy is not sold any more, or is a
free term that the user has had.
"""


class ShownLine(Struct, frozen=True):
    """A line with its course as the catalogue has it today (None: gone), its chosen policy (None: gone), and whether
    the user has had the course's free term.
    """

    chosen: ChosenPolicy
    course: Course | None
    policy: PricePolicyCopy | None
    free_term_taken: bool

    @property
    def course_key(self) -> CourseKey:
        """The course of the line, in the catalogue or not."""
        return self.chosen.course

    @property
    def sellable(self) -> bool:
        """Whether the line can be bought now."""
        return self.obstacle is None

    @property
    def obstacle(self) -> str | None:
        """Why the line cannot be bought now: GONE, COMING, POLICY_GONE or TERM_HAD; None when it can."""
        if self.course is None or not self.course.is_sold():
            return COMING if self.course is not None and self.course.status == ANNOUNCED else GONE
        if self.policy is None:
            return POLICY_GONE
        return None if self.is_open_to_user(self.policy) else TERM_HAD

    def is_open_to_user(self, policy: PricePolicyCopy) -> bool:
        """Whether the user may have the course by this one of its policies: its free term is had once."""
        is_once = self.course is not None and free_course.is_once(self.course, policy.price)
        return not (is_once and self.free_term_taken)


class CartView(Struct, frozen=True):
    """The lines of a cart, each with what the cart has stored of it (None in a cart that a browser keeps), and the
    courses that the learner has or has had.
    """

    lines: tuple[tuple[CartLine | None, ShownLine], ...]
    owned: Mapping[CourseKey, Enrollment]

    @property
    def total(self) -> Fen:
        """The sum of the lines that can be bought (fen), without any discount."""
        return sum(line.policy.price for _, line in self.lines if line.sellable and line.policy)


def line_keys(user_id: int, chosen: Iterable[ChosenPolicy]) -> list[ItemKey]:
    """The keys of the items that `show_lines` needs: a course has copies of its policies."""
    return [free_course.taken_key(user_id), *(course_item_key(line.course) for line in chosen)]


def show_lines(
    user_id: int, chosen: Iterable[ChosenPolicy], found: Mapping[ItemKey, StoredItem]
) -> list[ShownLine]:
    """The lines with what the shop offers this user today, of what was found under `line_keys`."""
    shown = []
    for line in chosen:
        course = course_in(found, line.course)
        policy = course.policy(line.policy_id) if course else None
        shown.append(ShownLine(line, course, policy, free_course.has_taken(found, user_id, line.course)))
    return shown


def offered(line: ShownLine) -> tuple[Course, PricePolicyCopy]:
    """Course and policy of a line that can be bought now.

    Raises CourseNotFound (also for a course that is not sold), PricePolicyNotFound, FreeTermTaken.
    """
    if line.course is None or not line.course.is_sold():
        raise CourseNotFound(course=str(line.course_key))
    if line.policy is None:
        raise PricePolicyNotFound(course=str(line.course_key))
    if not line.is_open_to_user(line.policy):
        raise FreeTermTaken(course=str(line.course_key))
    return line.course, line.policy


def add_to_cart(caller: Caller, chosen: ChosenPolicy, now: datetime) -> None:
    """Put a course into the cart by one of its policies; again replaces the policy. Two round trips.

    Raises CourseNotFound (also for a course that is not sold), PricePolicyNotFound, FreeTermTaken, CartFull.
    """
    user_id = caller.user_id
    (line,) = show_lines(user_id, [chosen], caller.find(line_keys(user_id, [chosen])))
    course, policy = offered(line)
    cart.put_line(
        user_id,
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


def show_cart(caller: Caller) -> CartView:
    """The cart in the order it was filled. Two round trips: Redis, then a batch read and a Query at once."""
    lines = cart.list_lines(caller.user_id)
    mine = in_background(enrollment.list_enrollments, caller.user_id)
    chosen = [ChosenPolicy(course, line.policy_id) for course, line in lines.items()]
    shown = show_lines(caller.user_id, chosen, caller.find(line_keys(caller.user_id, chosen)))
    return CartView(tuple(zip(lines.values(), shown, strict=True)), {owned.course: owned for owned in mine()})


def preview_cart(chosen: Sequence[ChosenPolicy]) -> CartView:
    """A cart that a visitor's browser keeps, as the shop offers its lines to somebody who has had nothing. One batch
    read; nothing is written.
    """
    found = find_together([course_item_key(line.course) for line in chosen])
    lines = []
    for line in chosen:
        course = course_in(found, line.course)
        policy = course.policy(line.policy_id) if course else None
        lines.append((None, ShownLine(line, course, policy, free_term_taken=False)))
    return CartView(tuple(lines), {})


def remove_from_cart(user_id: int, courses: Sequence[CourseKey]) -> None:
    """Take courses out of the cart, in one step. One round trip. Raises CartLineNotFound when none was in it."""
    cart.remove_lines(user_id, courses)
