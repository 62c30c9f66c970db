"""The cart: what a user has chosen and does not pay for yet. One dictionary a user, one field a course.

Its prices are shown only for a line whose price policy has left the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from chalicelib.errors import CartFull, CartLineNotFound
from chalicelib.money import Fen
from chalicelib.shop.account import account_key
from chalicelib.shop.choice import MAX_LINES
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.quick_store import key, quick_store

LIFE_SECONDS = 90 * 24 * 3600
"""A cart ends 90 days after its user last added to it."""

_KIND = "cart"


class CartLine(Struct, frozen=True):
    """A chosen policy of a course. `name`, `image`, `price` (fen) and `valid_period` (days) are those of the day it was
    added (`added_at`, epoch milliseconds), shown only when the catalogue has them no longer.
    """

    policy_id: int
    name: str
    image: str
    price: Fen
    valid_period: int
    added_at: int


def put_line(user_id: int, course: CourseKey, line: CartLine) -> None:
    """Add a course, or replace its line. One round trip. Raises CartFull."""
    value = json.dumps(asdict(line), ensure_ascii=False)
    if not quick_store().put_field(key(_KIND, user_id), str(course), value, MAX_LINES, LIFE_SECONDS):
        raise CartFull(most=MAX_LINES)


def list_lines(user_id: int) -> dict[CourseKey, CartLine]:
    """The user's lines in the order they were added. One round trip."""
    stored = quick_store().fields(key(_KIND, user_id))
    lines = {CourseKey.parse(course): CartLine(**json.loads(value)) for course, value in stored.items()}
    return dict(sorted(lines.items(), key=lambda item: (item[1].added_at, item[0])))


def count_lines(user_id: int) -> int:
    """How many lines the user's cart has. One round trip."""
    return quick_store().count_fields(key(_KIND, user_id))


def find_line(user_id: int, course: CourseKey) -> CartLine | None:
    """The line of one course, or None. One round trip."""
    stored = quick_store().field(key(_KIND, user_id), str(course))
    return CartLine(**json.loads(stored)) if stored is not None else None


def remove_lines(user_id: int, courses: Sequence[CourseKey]) -> None:
    """Remove courses, in one step. One round trip. Raises CartLineNotFound when none of them was there."""
    if not quick_store().drop_fields(key(_KIND, user_id), [str(course) for course in courses]):
        raise CartLineNotFound(course=" ".join(map(str, courses)))


def forget_ordered(user_id: int, courses: Iterable[CourseKey]) -> None:
    """Remove ordered courses from the cart and delete the account. One round trip."""
    names = [str(course) for course in courses]
    quick_store().drop_all(key(_KIND, user_id), names, account_key(user_id))
