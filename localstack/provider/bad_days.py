"""Bad days: what goes wrong between a provider and a shop, each under a name, to be switched on.

A provider has a table of its own. *When* a notice leaves is spoiled where the book puts it on its timetable
(`LATE`, `REORDERED`). Nothing is on by default.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass

LATE, REORDERED, REPEATED, LOST = "notice_late", "notice_reordered", "notice_repeated", "notice_lost"
"""Bad days that every provider's notices have."""


@dataclass(frozen=True)
class BadDay:
    """One thing that can go wrong. ``methods``: where it can strike, none for notices.

    ``while_unpaid``: it strikes only while the trade can still be paid.
    """

    name: str
    explanation: str
    methods: tuple[str, ...] = ()
    while_unpaid: bool = False


@dataclass(frozen=True)
class Switch:
    """A bad day as it is set: where it strikes ("" is everywhere), how often still (None is always), and how
    often it has struck since it was switched on."""

    name: str
    method: str = ""
    out_trade_no: str = ""
    times_left: int | None = None
    struck: int = 0

    @property
    def is_on(self) -> bool:
        """Whether it strikes the next time it can."""
        return self.times_left != 0


class Switches:
    """The switches, in the book's database. Every method is called inside a transaction of the book."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS bad_day (
            name TEXT PRIMARY KEY, method TEXT NOT NULL, out_trade_no TEXT NOT NULL, times_left INTEGER,
            struck INTEGER NOT NULL);
    """

    def __init__(self, database: sqlite3.Connection, bad_days: Mapping[str, BadDay]) -> None:
        self._database = database
        self._bad_days = bad_days

    def found(self) -> dict[str, Switch]:
        """All switches that are on or used up, by name."""
        rows = self._database.execute("SELECT * FROM bad_day ORDER BY rowid")
        return {row["name"]: Switch(**dict(row)) for row in rows}

    def turn_on(self, switch: Switch) -> None:
        """Set a switch anew. Raises ValueError for impossible settings."""
        day = self._bad_days.get(switch.name)
        if day is None:
            raise ValueError(f"there is no bad day {switch.name!r}")
        if switch.method and switch.method not in day.methods:
            raise ValueError(f"{switch.name} strikes at {', '.join(day.methods) or 'notices'} only")
        if switch.times_left is not None and not 1 <= switch.times_left <= 1_000_000:
            raise ValueError("times: from 1 to 1000000, or none for always")
        self._database.execute(
            "INSERT OR REPLACE INTO bad_day VALUES (?,?,?,?,0)",
            (switch.name, switch.method, switch.out_trade_no, switch.times_left),
        )

    def turn_off(self, name: str | None) -> None:
        """Switch one off, or all."""
        self._database.execute("DELETE FROM bad_day WHERE name=? OR ? IS NULL", (name, name))

    def strike(self, names: frozenset[str], out_trade_no: str, method: str = "") -> frozenset[str]:
        """Count and return those of these that strike this time."""
        struck = frozenset(
            name
            for name, switch in self.found().items()
            if name in names
            and switch.is_on
            and switch.method in ("", method)
            and switch.out_trade_no in ("", out_trade_no)
        )
        for name in struck:
            self._database.execute(
                "UPDATE bad_day SET struck=struck+1, times_left=times_left-1 WHERE name=?", (name,)
            )
        return struck


def possible_at(bad_days: Mapping[str, BadDay], method: str, unpaid: bool) -> frozenset[str]:
    """The bad days possible at this method. ``unpaid``: the trade can still be paid."""
    return frozenset(
        name for name, day in bad_days.items() if method in day.methods and (unpaid or not day.while_unpaid)
    )


class HeldAnswers:
    """Where slow answers wait: until they are released, at most ``longest`` seconds."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._changed = threading.Condition()
        self._waiting = 0
        self._stopped = False
        self.turn = 0
        """Read it before asking whether an answer is slow, so that no release in between is missed."""

    def wait(self, turn: int) -> None:
        """Wait for the release after this turn."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopped or self.turn != turn, self._longest)
            self._waiting -= 1

    def any_waits(self, seconds: float) -> bool:
        """Whether an answer is held, now or within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting > 0, seconds)

    def release(self) -> None:
        """Release all waiting answers."""
        with self._changed:
            self.turn += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Release all answers that wait or will."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
