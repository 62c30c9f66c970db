"""The settlement account: the lines a user is about to pay for, in Redis, for a day.

It holds the choice only. Prices and coupons are read anew whenever a page shows it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from chalicelib.errors import AccountNotFound
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.redis_client import cart_store, key, read_store

LIFE_SECONDS = 24 * 3600
"""An account ends a day after it was opened."""


@dataclass(frozen=True)
class ChosenPolicy:
    """A course and the price policy to buy it by."""

    course: CourseKey
    policy_id: int


def account_key(user_id: int) -> str:
    """The Redis key of a user's account."""
    return key("account", user_id)


def open_account(user_id: int, lines: Sequence[ChosenPolicy]) -> None:
    """Make these lines the user's account. One round trip."""
    value = json.dumps([[str(line.course), line.policy_id] for line in lines])
    with cart_store() as redis:
        redis.set(account_key(user_id), value, ex=LIFE_SECONDS)


def discard_account(user_id: int) -> None:
    """Delete the user's account, if there is one. One round trip."""
    with cart_store() as redis:
        redis.delete(account_key(user_id))


def find_account(user_id: int) -> list[ChosenPolicy]:
    """The lines of the user's account. One round trip. Raises AccountNotFound."""
    stored = cast(str | None, read_store(lambda redis: redis.get(account_key(user_id))))
    if stored is None:
        raise AccountNotFound()
    return [ChosenPolicy(CourseKey.parse(course), policy_id) for course, policy_id in json.loads(stored)]
