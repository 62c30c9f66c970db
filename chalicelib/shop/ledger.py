"""The ledger of 贝里: every change of a balance is an entry with its cause, written with the balance.

The balance on the user's item equals the sum of the user's entries, always: both are written by the same
transaction and by nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import ShopError
from chalicelib.shop.partition import list_page_and_rest, list_partition, partition, sortable
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber

_PREFIX = "LEDGER#"


class LedgerEntry(UserItem, discriminator="LEDGER_ENTRY"):
    """One change of a balance, `beli` up (positive) or down (negative).

    `cause` says why: `order <number> placed`, `order <number> closed`, `opening balance`, `operator: <reason>`.
    """

    user_id = WholeNumber()
    beli = WholeNumber()
    cause = UnicodeAttribute()
    at = UTCDateTimeAttribute()


def entry(user_id: int, beli: int, cause_key: str, cause: str, now: datetime) -> LedgerEntry:
    """An entry, ready to be written. `cause_key` tells causes of one moment apart."""
    return LedgerEntry(
        partition(user_id),
        f"{_PREFIX}{sortable(now)}#{cause_key}",
        user_id=user_id,
        beli=beli,
        cause=cause,
        at=now,
    )


def change(transaction: Transaction, new_entry: LedgerEntry, refusal: ShopError) -> None:
    """Add an entry and change the balance by it.

    Refused when the balance would fall below zero, the user is gone, or the entry exists already.
    """
    beli = new_entry.beli
    enough = User.beli >= -beli if beli < 0 else User.sort.exists()
    transaction.update(User(new_entry.owner, "USER"), [User.beli.add(beli)], enough, refusal)
    transaction.put_new(new_entry, refusal)


class BookedEntry(Struct, frozen=True):
    """An entry, and the balance after it: the sum of the entries up to it, in their order."""

    entry: LedgerEntry
    balance: int


class EntryList(Struct, frozen=True):
    """Some of a user's entries, newest first, and the cursor of what follows, if anything does."""

    entries: tuple[BookedEntry, ...]
    next_cursor: str | None


def list_newest(user_id: int, limit: int, cursor: str | None) -> EntryList:
    """A user's entries, newest first, strongly consistent, with the balance after each. Raises InvalidPage.

    Up to `limit` rows. Balances are sums from the oldest entry on, so that entries that are written meanwhile make none
    of them wrong: all that is older than the page is read, in one Query for each megabyte, some 4,000 entries.
    """
    page, older = list_page_and_rest(LedgerEntry, user_id, _PREFIX, limit, cursor)
    balance = sum(int(row["beli"]["N"]) for row in older)
    booked: list[BookedEntry] = []
    for entry in reversed(page.items):
        balance += entry.beli
        booked.append(BookedEntry(entry, balance))
    return EntryList(tuple(reversed(booked)), page.next_cursor)


def list_entries(user_id: int) -> list[LedgerEntry]:
    """All entries of a user, oldest first. One Query."""
    return cast(list[LedgerEntry], list_partition(user_id, _PREFIX))
