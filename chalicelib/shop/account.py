"""The settlement account: the lines a user is about to pay for, kept for a day.

It holds the choice only. Prices and coupons are read anew whenever a page shows it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from chalicelib.errors import AccountNotFound
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.quick_store import key, quick_store

LIFE_SECONDS = 24 * 3600
"""An account ends a day after it was opened."""


class ChosenPolicy(Struct, frozen=True):
    """A course and the price policy to buy it by."""

    course: CourseKey
    policy_id: int


def account_key(user_id: int) -> str:
    """The key of a user's account."""
    return key("account", user_id)


def open_account(user_id: int, lines: Sequence[ChosenPolicy]) -> None:
    """Make these lines the user's account. One round trip."""
    value = json.dumps([[str(line.course), line.policy_id] for line in lines])
    quick_store().put(account_key(user_id), value, LIFE_SECONDS)


def discard_account(user_id: int) -> None:
    """Delete the user's account, if there is one. One round trip."""
    quick_store().drop(account_key(user_id))


def find_account(user_id: int) -> list[ChosenPolicy]:
    """The lines of the user's account. One round trip. Raises AccountNotFound."""
    stored = quick_store().get(account_key(user_id))
    if stored is None:
        raise AccountNotFound()
    return [ChosenPolicy(CourseKey.parse(course), policy_id) for course, policy_id in json.loads(stored)]
