"""The operators' log: who did what when, to whom, and why. Append-only.

Access pattern: the entries of one Beijing month are one Query of the partition `AUDIT#<YYYY-MM>`, oldest first.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import IdTaken
from chalicelib.shop.partition import sortable
from chalicelib.storage.dynamodb import Transaction, UserItem

_MAX_TEXT_LENGTH = 4_000

UNNAMED = "operator"
"""The operator's name in an entry where none was given."""


class AuditEntry(UserItem, discriminator="AUDIT_ENTRY"):
    """One act of an operator: `who` did `act` to `subject` at `at`; `details` say what it changed."""

    at = UTCDateTimeAttribute()
    who = UnicodeAttribute()
    act = UnicodeAttribute()
    subject = UnicodeAttribute()
    details = UnicodeAttribute(default="")
    reason = UnicodeAttribute(default="")


def month_of(at: datetime) -> str:
    """The Beijing month (`YYYY-MM`) whose partition holds an act of this moment."""
    return at.astimezone(BEIJING).strftime("%Y-%m")


def entry(
    who: str, act: str, subject: str, now: datetime, *, details: str = "", reason: str = ""
) -> AuditEntry:
    """An entry, ready to be written. Cuts texts that are too long for it."""
    return AuditEntry(
        f"AUDIT#{month_of(now)}",
        f"{sortable(now)}#{secrets.token_hex(8)}",
        at=now,
        who=who,
        act=act,
        subject=_cut(subject),
        details=_cut(details),
        reason=reason,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


def recorded(new_entry: AuditEntry) -> Transaction:
    """A transaction that holds an act's entry. Add the act to it: both are written or neither."""
    transaction = Transaction()
    transaction.put_own(new_entry, IdTaken())
    return transaction


def commit(transaction: Transaction, new_entry: AuditEntry) -> None:
    """Commit an act's transaction together with its entry. Raises as `Transaction.commit`."""
    transaction.put_own(new_entry, IdTaken())
    transaction.commit()


def write(new_entry: AuditEntry) -> None:
    """Write the entry of an act that takes more than one transaction. One write."""
    commit(Transaction(), new_entry)


def list_entries(month: str) -> list[AuditEntry]:
    """The entries of a month (`YYYY-MM`), oldest first, strongly consistent. One Query."""
    return cast(list[AuditEntry], list(AuditEntry.query(f"AUDIT#{month}", consistent_read=True)))
