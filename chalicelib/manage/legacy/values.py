"""Read values of the old system's rows strictly: any undocumented value is a `BadValue`.

SQLite keeps any type in any column, and Django's limits stand nowhere in the file: lengths, ranges and choices are
checked here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from chalicelib.beijing_time import FIRST_DAY, LAST_DAY, day_end, day_start, is_in_calendar, read_day
from chalicelib.money import MAX_FEN, Fen, from_legacy_yuan
from chalicelib.shop.texts import MAX_TEXT, name_fault, text_fault
from chalicelib.storage.dynamodb import MAX_ID

_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9:]{5})?"
)

Meaning = TypeVar("Meaning")


class BadValue(Exception):
    """A row cannot be taken; the text says why."""


class Row:
    """One row of a table. Each method reads a column as one kind of value, or raises BadValue."""

    def __init__(self, table: str, values: Mapping[str, object]) -> None:
        self.table = table
        self.values = values

    @property
    def id(self) -> int:
        """The row's own id, unchecked: `check_id` says whether it can be kept."""
        row_id = self.values["id"]
        assert isinstance(row_id, int), "SQLite's own rule for INTEGER PRIMARY KEY"
        return row_id

    def __repr__(self) -> str:
        return f"{self.table} {self.id}"

    def check_id(self) -> int:
        """The row's own id, which the shop keeps."""
        return self.reference("id")

    def is_null(self, column: str) -> bool:
        """Whether the column holds nothing."""
        return self.values[column] is None

    def whole(self, column: str, lowest: int, highest: int) -> int:
        """A whole number within limits."""
        value = self.values[column]
        if not isinstance(value, int):
            raise BadValue(f"{column} is no whole number")
        if not lowest <= value <= highest:
            raise BadValue(f"{column} {_short(value)} is outside {lowest} to {highest}")
        return value

    def reference(self, column: str) -> int:
        """An id: a whole number from 1, of at most 15 digits."""
        value = self.values[column]
        if value is None:
            raise BadValue(f"{column} is empty")
        if not isinstance(value, int) or not 1 <= value <= MAX_ID:
            raise BadValue(f"{column} {_short(value)} is no id of 1 to 15 digits")
        return value

    def flag(self, column: str) -> bool:
        """A boolean, 0 or 1 in SQLite."""
        return bool(self.whole(column, 0, 1))

    def choice(self, column: str, meanings: Mapping[int, Meaning]) -> Meaning:
        """The meaning of a code."""
        value = self.values[column]
        if not isinstance(value, int) or value not in meanings:
            raise BadValue(f"{column} {_short(value)} means nothing")
        return meanings[value]

    def text(self, column: str, longest: int = MAX_TEXT) -> str:
        """A text of at most `longest` characters, perhaps empty."""
        value = self.values[column]
        if not isinstance(value, str):
            raise BadValue(f"{column} is no text")
        fault = text_fault(value, longest)
        if fault:
            raise BadValue(f"{column} {fault}")
        return value

    def optional_text(self, column: str, longest: int = MAX_TEXT) -> str | None:
        """A text, or None where the column is null or empty."""
        return None if self.is_null(column) else self.text(column, longest) or None

    def name(self, column: str, longest: int) -> str:
        """A text that names something: not blank, without control characters."""
        value = self.text(column, longest)
        fault = name_fault(value, longest)
        if fault:
            raise BadValue(f"{column} {fault}")
        return value

    def exact_yuan(self, column: str) -> Decimal:
        """An amount of money in yuan, exactly as the binary float prints."""
        value = self.values[column]
        if not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise BadValue(f"{column} is no amount of money")
        if value < 0:
            raise BadValue(f"{column} {_short(value)} is below zero")
        if value > MAX_FEN // 100:
            raise BadValue(f"{column} {_short(value)} is absurdly large")
        return Decimal(repr(value))

    def fen(self, column: str) -> Fen:
        """An amount of money, rounded half up to the fen."""
        self.exact_yuan(column)
        value = self.values[column]
        assert isinstance(value, int | float)
        return from_legacy_yuan(value)

    def day(self, column: str) -> date:
        """A date, of no time zone of its own."""
        value = self.values[column]
        if not isinstance(value, str):
            raise BadValue(f"{column} {_short(value)} is no date")
        try:
            return read_day(value)
        except ValueError as error:
            raise BadValue(f"{column} {_short(value)} is no date from {FIRST_DAY} on") from error

    def day_begin(self, column: str) -> datetime:
        """When a Beijing day begins."""
        return day_start(self.day(column))

    def day_end(self, column: str) -> datetime:
        """When a Beijing day ends."""
        return day_end(self.day(column))

    def moment(self, column: str, latest: datetime | None = None) -> datetime:
        """A datetime: UTC, unless it names an offset. `latest` is the last that is not in the future."""
        value = self.values[column]
        if not isinstance(value, str) or not _DATETIME.fullmatch(value):
            raise BadValue(f"{column} {_short(value)} is no time")
        try:
            moment = datetime.fromisoformat(value)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise BadValue(f"{column} {_short(value)} is no time") from error
        if not is_in_calendar(moment):
            raise BadValue(f"{column} {_short(value)} is outside {FIRST_DAY} to {LAST_DAY}")
        if latest is not None and moment > latest:
            raise BadValue(f"{column} {_short(value)} is in the future")
        return moment

    def optional_moment(self, column: str, latest: datetime | None = None) -> datetime | None:
        """A datetime, or None where the column is null."""
        return None if self.is_null(column) else self.moment(column, latest)


@contextmanager
def blaming(row: Row) -> Iterator[None]:
    """Name a row in the reason why the row that contains it cannot be taken."""
    try:
        yield
    except BadValue as reason:
        raise BadValue(f"{row}: {reason}") from reason


def _short(value: object) -> str:
    """A value for a reason: on one line, and no longer than a line has room for."""
    text = ascii(value) if isinstance(value, bytes) else str(value)
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= 40 else f"{printable[:40]}..."
