"""What is kept for a while: carts, settlement accounts and the counters of limits, in Redis, or in DynamoDB.

Everything here raises CartStoreUnavailable for failures that time cures, CartStoreRefused for all others. In Redis it
is one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from chalicelib.settings import IN_DYNAMODB, settings, table_prefix


class Counter(NamedTuple):
    """At most `most` attempts, counted under a key, in a window of `seconds`."""

    key: str
    most: int
    seconds: int


class QuickStore(Protocol):
    """Texts and small dictionaries of texts by key, and counters."""

    def prepare(self) -> None:
        """Make what all calls share. Opens no connection."""

    def put_field(self, key: str, name: str, text: str, most: int, seconds: int) -> bool:
        """Set a field of a dictionary, which ends in so many seconds -> False when it has `most` others already."""

    def fields(self, key: str) -> dict[str, str]:
        """All fields of a dictionary."""

    def count_fields(self, key: str) -> int:
        """How many fields a dictionary has."""

    def field(self, key: str, name: str) -> str | None:
        """A field of a dictionary, or None."""

    def drop_fields(self, key: str, names: Sequence[str]) -> int:
        """Remove fields of a dictionary, in one step -> how many were there."""

    def put(self, key: str, text: str, seconds: int) -> None:
        """Keep a text for so many seconds."""

    def get(self, key: str) -> str | None:
        """A text, or None."""

    def drop(self, key: str) -> None:
        """Forget a text."""

    def drop_all(self, fields_of: str, names: Sequence[str], key: str) -> None:
        """Remove fields of a dictionary, and forget a text."""

    def take(self, counters: Sequence[Counter]) -> int:
        """Count an attempt in all counters -> 0; in none, when one is used up -> the seconds until it is not.

        Attempts at once cannot slip through together.
        """

    def give_back(self, counters: Sequence[Counter]) -> None:
        """Take one attempt back from all of these counters."""


@lru_cache(maxsize=1)
def quick_store() -> QuickStore:
    """The store of the settings. Imports what it needs, so that functions without a cart do not pay for it."""
    if settings().redis_url == IN_DYNAMODB:
        from chalicelib.storage.dynamodb_store import DynamoDBStore

        return DynamoDBStore()
    from chalicelib.storage.redis_store import RedisStore

    return RedisStore()


def key(kind: str, user_id: int) -> str:
    """The key of a user's value. The tables' prefix keeps shops on one Redis apart."""
    return f"{table_prefix()}{kind}:{user_id}"
