"""The quick store in DynamoDB, for a school that pays for no Redis and no network around it: items of the users' table.

Dearer and slower a call than Redis, and free while nobody comes. What is over is treated as gone, whether the table has
dropped it yet or not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from pynamodb.attributes import UnicodeAttribute

from chalicelib.errors import (
    CartStoreUnavailable,
    OutcomeUnknown,
    ShopError,
    StoreUnavailable,
    TooManyAttempts,
)
from chalicelib.storage.dynamodb import (
    Transaction,
    UserItem,
    WholeNumber,
    connection,
    find,
    random_id,
    refusing,
)
from chalicelib.storage.quick_store import Counter

_SORT = "KEPT"


class Kept(UserItem, discriminator="KEPT"):
    """A text, or a dictionary as JSON, until `forget_at` (epoch seconds): partition `KEPT#<key>`. Each write gives it
    another `version`.
    """

    text = UnicodeAttribute()
    version = WholeNumber()
    forget_at = WholeNumber()


class Count(UserItem, discriminator="COUNT"):
    """The attempts in one window of a counter, which ends at `forget_at` (epoch seconds): partition `COUNT#<key>`."""

    attempts = WholeNumber()
    forget_at = WholeNumber()


class _Changed(ShopError):
    """The stored item is another than was read."""


class DynamoDBStore:
    """See `QuickStore`. Windows of counters begin at multiples of their length."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def prepare(self) -> None:
        """Make the connection."""
        connection().prepare()

    def put_field(self, key: str, name: str, text: str, most: int, seconds: int) -> bool:
        """Two round trips, and two more each time that somebody else was faster."""

        def change(fields: dict[str, str]) -> dict[str, str] | None:
            return fields | {name: text} if name in fields or len(fields) < most else None

        return self._change(key, change, seconds) is not None

    def fields(self, key: str) -> dict[str, str]:
        """All fields."""
        with _cart_store():
            return self._fields(self._find(key))

    def count_fields(self, key: str) -> int:
        """How many fields."""
        return len(self.fields(key))

    def field(self, key: str, name: str) -> str | None:
        """One field, or None."""
        return self.fields(key).get(name)

    def drop_fields(self, key: str, names: Sequence[str]) -> int:
        """Remove fields -> how many were there. Round trips as `put_field`."""
        there = 0

        def change(fields: dict[str, str]) -> dict[str, str]:
            nonlocal there
            there = max(there, len(fields.keys() & set(names)))  # its own lost answer may have removed them
            return {name: text for name, text in fields.items() if name not in names}

        self._change(key, change, None)
        return there

    def put(self, key: str, text: str, seconds: int) -> None:
        """Keep a text."""
        with _cart_store():
            self._item(key, text, int(self._clock()) + seconds).save()

    def get(self, key: str) -> str | None:
        """A text, or None."""
        with _cart_store():
            kept = self._find(key)
            return kept.text if kept and self._lives(kept) else None

    def drop(self, key: str) -> None:
        """Forget a text."""
        with _cart_store():
            Kept(f"KEPT#{key}", _SORT).delete()

    def drop_all(self, fields_of: str, names: Sequence[str], key: str) -> None:
        """Remove fields, then forget a text."""
        self.drop_fields(fields_of, names)
        self.drop(key)

    def take(self, counters: Sequence[Counter]) -> int:
        """Count in all of them -> 0, or in none -> seconds to wait. One transaction."""
        now, transaction = self._clock(), Transaction()
        for counter in counters:
            count = self._count(counter, now)
            transaction.update(
                count,
                [Count.kind.set(Count), Count.attempts.add(1), Count.forget_at.set(count.forget_at)],
                Count.attempts.does_not_exist() | (Count.attempts < counter.most),
                TooManyAttempts(seconds=max(1, int(count.forget_at - now))),
            )
        try:
            with _cart_store():
                transaction.commit(witness=lambda: False)  # who knows no answer, knows of no attempt
        except TooManyAttempts as refusal:
            return int(str(refusal.facts["seconds"]))
        return 0

    def give_back(self, counters: Sequence[Counter]) -> None:
        """Take one back from each. A round trip for each."""
        with _cart_store():
            for counter in counters:
                with suppress(_Changed), refusing(_Changed()):
                    count = self._count(counter, self._clock())
                    count.update([Count.attempts.add(-1)], condition=Count.attempts > 0)

    def _change(
        self, key: str, change: Callable[[dict[str, str]], dict[str, str] | None], seconds: int | None
    ) -> dict[str, str] | None:
        """Change a dictionary as long as nobody else does -> what it is then; None when `change` refuses. Without
        `seconds` it ends when it would have ended.
        """
        with _cart_store():
            for pause in connection().patience.pauses():
                time.sleep(pause)
                kept = self._find(key)
                fields = self._fields(kept)
                changed = change(fields)
                if changed is None or (changed == fields and seconds is None):
                    return changed
                end = int(self._clock()) + seconds if seconds else kept.forget_at if kept else 0
                as_read = Kept.version == kept.version if kept else Kept.sort.does_not_exist()
                with suppress(_Changed), refusing(_Changed()):
                    self._item(key, json.dumps(changed, ensure_ascii=False), end).save(condition=as_read)
                    return changed
            raise StoreUnavailable(store="dynamodb", operation="PutItem", reason="busy")

    def _find(self, key: str) -> Kept | None:
        return find(Kept, f"KEPT#{key}", _SORT)

    def _item(self, key: str, text: str, end: int) -> Kept:
        return Kept(f"KEPT#{key}", _SORT, text=text, version=random_id(), forget_at=end)

    def _lives(self, kept: Kept) -> bool:
        return kept.forget_at > self._clock()

    def _fields(self, kept: Kept | None) -> dict[str, str]:
        fields: dict[str, str] = json.loads(kept.text) if kept and self._lives(kept) else {}
        return fields

    @staticmethod
    def _count(counter: Counter, now: float) -> Count:
        end = (int(now) // counter.seconds + 1) * counter.seconds
        return Count(f"COUNT#{counter.key}", str(end), forget_at=end)


@contextmanager
def _cart_store() -> Iterator[None]:
    """Tells the store's troubles as those of carts: what a shop can do without them goes on."""
    try:
        yield
    except (StoreUnavailable, OutcomeUnknown) as error:
        raise CartStoreUnavailable(store="dynamodb", reason=str(error.facts.get("reason", ""))) from error
