"""The book of a provider's simulator, kept in SQLite: the notices that it sends on a timetable, and its bad days.

Each change of a trade and the notice that tells of it are one transaction.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from localstack.provider.bad_days import LATE, REORDERED, BadDay, Switch, Switches

Clock = Callable[[], datetime]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notice (
    notify_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, url TEXT NOT NULL, fields TEXT NOT NULL,
    created_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER,
    accepted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS notice_next ON notice (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS notice_of_trade ON notice (out_trade_no);
CREATE TABLE IF NOT EXISTS delivery (
    notify_id TEXT NOT NULL, sent_at INTEGER NOT NULL, status INTEGER, answer TEXT NOT NULL,
    accepted INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_of_notice ON delivery (notify_id);
CREATE TABLE IF NOT EXISTS held_back (notify_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS switch (name TEXT PRIMARY KEY, is_on INTEGER NOT NULL);
"""


class NoSuchTrade(LookupError):
    """Nobody ever asked for a payment under this number."""


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver a notice. ``status`` is None when no HTTP answer came; ``answer`` is cut."""

    sent_at: datetime
    status: int | None
    answer: str
    accepted: bool


@dataclass(frozen=True)
class Notice:
    """One event told to the merchant until it takes it or the retries are used up.

    ``fields`` are those of the event; time and signature belong to each delivery.
    ``next_at`` is None when nothing more will be sent.
    """

    notify_id: str
    out_trade_no: str
    url: str
    fields: dict[str, Any]
    created_at: datetime
    attempts: int
    next_at: datetime | None
    accepted: bool
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Due:
    """A notice claimed for one delivery."""

    notify_id: str
    out_trade_no: str
    url: str
    fields: dict[str, Any]


class NoticeBook:
    """The notices of one merchant. Safe to use from many threads; a provider's book adds its trades.

    ``path`` is a file that survives restarts, or ``:memory:``; ``schema`` creates the tables of the provider's own.
    ``retry_after`` are the pauses between the deliveries of one notice, ``late_by`` is how late the first one is on a
    bad day.
    """

    def __init__(
        self,
        path: str | Path,
        schema: str,
        bad_days: Mapping[str, BadDay],
        clock: Clock,
        retry_after: tuple[timedelta, ...],
        late_by: timedelta,
    ) -> None:
        self.now = clock
        self._retry_after = retry_after
        self._late_by = late_by
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(schema + _SCHEMA + Switches.SCHEMA)
        self._switches = Switches(self._database, bad_days)

    def close_file(self) -> None:
        """Close the file; the book cannot be used any more."""
        with self._lock:
            self._database.close()

    def close_expired(self) -> None:
        """Close every trade that was not paid in time, where the provider does so by itself."""

    # --- telling the merchant ------------------------------------------------------------------------------

    @property
    def notifications_on(self) -> bool:
        """Whether notices are sent. Those that fall due while they are off wait until they are on again."""
        with self._lock:
            row = self._database.execute("SELECT is_on FROM switch WHERE name='notifications'").fetchone()
        return bool(row["is_on"]) if row else True

    def switch_notifications(self, on: bool) -> None:
        """Send notices, or stop sending them."""
        with self._changing():
            self._database.execute("INSERT OR REPLACE INTO switch VALUES ('notifications', ?)", (int(on),))

    def claim_due(self, early: bool = False) -> list[Due]:
        """Take every notice that is due (``early``: every one still open) for one delivery.

        The next attempt goes on the timetable here, before sending: a delivery that is cut short is repeated.
        """
        if not self.notifications_on:
            return []
        with self._changing() as now:
            rows = self._database.execute(
                "SELECT * FROM notice WHERE next_at IS NOT NULL AND (? OR next_at<=?) ORDER BY next_at",
                (early, number(now)),
            ).fetchall()
            for row in rows:
                attempts = row["attempts"] + 1
                more = attempts <= len(self._retry_after)
                self._database.execute(
                    "UPDATE notice SET attempts=?, next_at=? WHERE notify_id=?",
                    (
                        attempts,
                        number(now + self._retry_after[attempts - 1]) if more else None,
                        row["notify_id"],
                    ),
                )
        return [
            Due(row["notify_id"], row["out_trade_no"], row["url"], json.loads(row["fields"])) for row in rows
        ]

    def record(self, notify_id: str, delivery: Delivery) -> None:
        """Record how a delivery went; an accepted notice is not sent again."""
        with self._changing() as now:
            self._database.execute(
                "INSERT INTO delivery VALUES (?,?,?,?,?)",
                (
                    notify_id,
                    number(delivery.sent_at),
                    delivery.status,
                    delivery.answer,
                    int(delivery.accepted),
                ),
            )
            if delivery.accepted:
                self._database.execute(
                    "UPDATE notice SET accepted=1, next_at=NULL WHERE notify_id=?", (notify_id,)
                )
            self._let_older_follow(notify_id, now)

    def resend(self, notify_id: str) -> Notice:
        """Make a notice due now, even one that was accepted or given up. Raises NoSuchTrade."""
        with self._changing() as now:
            self._database.execute("UPDATE notice SET next_at=? WHERE notify_id=?", (number(now), notify_id))
            row = self._database.execute("SELECT * FROM notice WHERE notify_id=?", (notify_id,)).fetchone()
            if not row:
                raise NoSuchTrade(notify_id)
            return self._notice(row)

    def notices(self, out_trade_no: str | None = None) -> list[Notice]:
        """The notices of one trade (or of all) with their deliveries, in the order of the events."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM notice WHERE out_trade_no=? OR ? IS NULL ORDER BY rowid",
                (out_trade_no, out_trade_no),
            ).fetchall()
            return [self._notice(row) for row in rows]

    # --- bad days ------------------------------------------------------------------------------------------

    def bad_days(self) -> dict[str, Switch]:
        """All switches that are on or used up, by name."""
        with self._lock:
            return self._switches.found()

    def switch_on(self, switch: Switch) -> None:
        """Turn a bad day on. Raises ValueError for impossible settings."""
        with self._changing():
            self._switches.turn_on(switch)

    def switch_off(self, name: str | None = None) -> None:
        """Turn a bad day, or all, off."""
        with self._changing():
            self._switches.turn_off(name)

    def strike(self, names: frozenset[str], out_trade_no: str, method: str = "") -> frozenset[str]:
        """Count and return those of these bad days that strike here and now."""
        with self._changing():
            return self._switches.strike(names, out_trade_no, method)

    # --- inside a transaction ------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self.now()
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _add(
        self, notify_id: str, out_trade_no: str, url: str, fields: dict[str, Any], now: datetime
    ) -> None:
        """Tell an event from now on."""
        self._database.execute(
            """INSERT INTO notice (notify_id, out_trade_no, url, fields, created_at, next_at)
               VALUES (?,?,?,?,?,?)""",
            (
                notify_id,
                out_trade_no,
                url,
                json.dumps(fields, ensure_ascii=False),
                number(now),
                number(self._first_delivery(notify_id, out_trade_no, now)),
            ),
        )

    def _notice(self, row: sqlite3.Row) -> Notice:
        deliveries = self._database.execute(
            "SELECT sent_at, status, answer, accepted FROM delivery WHERE notify_id=? ORDER BY rowid",
            (row["notify_id"],),
        )
        found = values(row) | {
            "fields": json.loads(row["fields"]),
            "deliveries": tuple(Delivery(**values(delivery)) for delivery in deliveries),
        }
        return Notice(**found)

    def _first_delivery(self, notify_id: str, out_trade_no: str, now: datetime) -> datetime:
        """When a new notice leaves: at once, but for bad days."""
        if self._switches.strike(frozenset({LATE}), out_trade_no):
            return now + self._late_by
        if self._held_back(out_trade_no):
            return now  # it is the one that the other waits for
        if self._switches.strike(frozenset({REORDERED}), out_trade_no):
            self._database.execute("INSERT INTO held_back VALUES (?,?)", (notify_id, out_trade_no))
            return now + self._late_by
        return now

    def _held_back(self, out_trade_no: str) -> str:
        row = self._database.execute(
            "SELECT notify_id FROM held_back WHERE out_trade_no=?", (out_trade_no,)
        ).fetchone()
        return row["notify_id"] if row else ""

    def _let_older_follow(self, notify_id: str, now: datetime) -> None:
        """After a delivery, send the notices held back until the next one of their trade."""
        row = self._database.execute(
            "SELECT out_trade_no FROM notice WHERE notify_id=?", (notify_id,)
        ).fetchone()
        held_back = self._held_back(row["out_trade_no"])
        if held_back:
            self._database.execute("DELETE FROM held_back WHERE notify_id=?", (held_back,))
        if held_back and held_back != notify_id:
            self._database.execute(
                "UPDATE notice SET next_at=? WHERE notify_id=? AND next_at IS NOT NULL",
                (number(now), held_back),
            )


def number(moment: datetime) -> int:
    """A moment as whole milliseconds."""
    return round(moment.timestamp() * 1000)


def values(row: sqlite3.Row) -> dict[str, Any]:
    """A row by the names of its columns: what is named ``..._at`` is an aware time, ``accepted`` is yes or no."""
    found: dict[str, Any] = dict(row)
    for name, value in found.items():
        if name.endswith("_at") and value is not None:
            found[name] = datetime.fromtimestamp(value / 1000, UTC)
    if "accepted" in found:
        found["accepted"] = bool(found["accepted"])
    return found
