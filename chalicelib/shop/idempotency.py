"""Idempotency keys: the same request sent twice makes one order, and both get the first answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute

from chalicelib.errors import IdempotencyKeyTaken, IdempotencyKeyUsed
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import ItemKey, StoredItem, Transaction, UserItem, WholeNumber, find

KEPT = timedelta(days=7)
"""Longer than any client tries again."""


class IdempotencyKey(Struct, frozen=True):
    """A client's key for one purchase, and what it buys as text that is equal for equal requests; also as earlier
    versions wrote that text.
    """

    key: str
    content: str
    earlier_content: str = ""


class FirstAnswer(UserItem, discriminator="IDEMPOTENCY_KEY"):
    """The first answer to a key: its order, and its pay page. Kept for seven days."""

    content = UnicodeAttribute()
    order_number = UnicodeAttribute()
    address = UnicodeAttribute()
    page_kind = UnicodeAttribute(default="redirect")
    forget_at = WholeNumber()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def answer_key(user_id: int, key: IdempotencyKey) -> ItemKey:
    """The key of the first answer to a user's key, for a batch read."""
    return FirstAnswer, partition(user_id), f"IDEMPOTENCY#{_digest(key.key)}"


def first_answer(
    user_id: int, key: IdempotencyKey, found: Mapping[ItemKey, StoredItem]
) -> FirstAnswer | None:
    """The key's first answer among what a batch read found. Raises IdempotencyKeyUsed when it bought something else."""
    first = found.get(answer_key(user_id, key))
    return _for_this_content(first, key) if isinstance(first, FirstAnswer) else None


def find_first_answer(user_id: int, key: IdempotencyKey) -> FirstAnswer | None:
    """The key's first answer, or None. One round trip. Raises IdempotencyKeyUsed."""
    _, owner, sort = answer_key(user_id, key)
    first = find(FirstAnswer, owner, sort)
    return _for_this_content(first, key) if first else None


def _for_this_content(first: FirstAnswer, key: IdempotencyKey) -> FirstAnswer:
    if first.content not in (_digest(key.content), _digest(key.earlier_content)):
        raise IdempotencyKeyUsed()
    return first


def keep(
    transaction: Transaction,
    user_id: int,
    key: IdempotencyKey,
    order_number: str,
    address: str,
    page_kind: str,
    now: datetime,
) -> None:
    """Keep an answer as the key's first. Refusal: IdempotencyKeyTaken."""
    _, owner, sort = answer_key(user_id, key)
    answer = FirstAnswer(
        owner,
        sort,
        content=_digest(key.content),
        order_number=order_number,
        address=address,
        page_kind=page_kind,
        forget_at=int((now + KEPT).timestamp()),
    )
    transaction.put_new(answer, IdempotencyKeyTaken())
