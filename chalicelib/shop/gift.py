"""Gifts that an operator gives once: under a word of theirs, which a repeated command names again.

The word's item is written in the transaction of the gift itself, on the condition that it is not there.
"""

from __future__ import annotations

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import AlreadyGiven
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import Transaction, UserItem, find


class Gift(UserItem, discriminator="GIFT"):
    """What a user was given under a word, kept for good."""

    what = UnicodeAttribute()
    at = UTCDateTimeAttribute()


def given_once(user_id: int, word: str | None, what: str, now: datetime) -> Transaction:
    """A transaction for a gift. With a word it takes effect only if the user was given nothing under it, and raises
    AlreadyGiven otherwise; without one each is another gift.
    """
    transaction = Transaction()
    if word is not None:
        gift = Gift(partition(user_id), _sort(word), what=what, at=now)
        transaction.put_new(gift, AlreadyGiven(word=word))
    return transaction


def find_gift(user_id: int, word: str) -> Gift | None:
    """What a user was given under a word. One read."""
    return find(Gift, partition(user_id), _sort(word))


def _sort(word: str) -> str:
    return f"GIFT#{word}"
