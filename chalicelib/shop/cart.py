"""The cart: what a user has chosen and does not pay for yet. One Redis hash a user, one field a course.

Its prices are shown only for a line whose price policy has left the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from chalicelib.errors import CartFull, CartLineNotFound
from chalicelib.money import Fen
from chalicelib.shop.account import account_key
from chalicelib.shop.choice import MAX_LINES
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.redis_client import cart_store, key, read_store

LIFE_SECONDS = 90 * 24 * 3600
"""A cart ends 90 days after its user last added to it."""

_KIND = "cart"

# Checks the bound and writes in one step: two requests at once cannot both take the last place.
_ADD = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


@dataclass(frozen=True)
class CartLine:
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
    with cart_store() as redis:
        added = redis.eval(
            _ADD, 1, key(_KIND, user_id), str(course), value, str(MAX_LINES), str(LIFE_SECONDS)
        )
    if not added:
        raise CartFull(most=MAX_LINES)


def list_lines(user_id: int) -> dict[CourseKey, CartLine]:
    """The user's lines in the order they were added. One round trip."""
    stored = cast(dict[str, str], read_store(lambda redis: redis.hgetall(key(_KIND, user_id))))
    lines = {CourseKey.parse(course): CartLine(**json.loads(value)) for course, value in stored.items()}
    return dict(sorted(lines.items(), key=lambda item: (item[1].added_at, item[0])))


def count_lines(user_id: int) -> int:
    """How many lines the user's cart has. One round trip."""
    return read_store(lambda redis: redis.hlen(key(_KIND, user_id)))


def find_line(user_id: int, course: CourseKey) -> CartLine | None:
    """The line of one course, or None. One round trip."""
    stored = cast(str | None, read_store(lambda redis: redis.hget(key(_KIND, user_id), str(course))))
    return CartLine(**json.loads(stored)) if stored is not None else None


def remove_lines(user_id: int, courses: Sequence[CourseKey]) -> None:
    """Remove courses, in one step. One round trip. Raises CartLineNotFound when none of them was there."""
    with cart_store() as redis:
        removed = redis.hdel(key(_KIND, user_id), *map(str, courses))
    if not removed:
        raise CartLineNotFound(course=" ".join(map(str, courses)))


def forget_ordered(user_id: int, courses: Iterable[CourseKey]) -> None:
    """Remove ordered courses from the cart and delete the account. One round trip."""
    with cart_store() as redis:
        pipeline = redis.pipeline(transaction=False)
        pipeline.hdel(key(_KIND, user_id), *(str(course) for course in courses))
        pipeline.delete(account_key(user_id))
        pipeline.execute()
