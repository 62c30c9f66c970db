"""The result of an import, row by row, and its progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from chalicelib.manage.legacy.file import LegacyData
from chalicelib.manage.legacy.values import Row

TAKEN, ALREADY_THERE, NOT_TAKEN = "taken", "already there", "not taken"

_LINE_EVERY = 5.0
"""Seconds between progress lines where there is no terminal."""
_REDRAW_EVERY = 0.1
_ROW_IDS_PER_LINE = 20


class Progress:
    """Rows done of all rows, by table, on standard error: one line that is rewritten, or, without a terminal, a line
    now and then.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._live = self._stream.isatty()
        self._shown_at = clock()
        self._shown = ""

    def show(self, table: str, done: int, rows: int, *, at_once: bool = False) -> None:
        """Show how far a table is, if it is time to."""
        now = self._clock()
        if not at_once and now - self._shown_at < (_REDRAW_EVERY if self._live else _LINE_EVERY):
            return
        self._shown_at = now
        line = f"{table}  {done} / {rows} rows"
        if self._live:
            self._stream.write("\r" + line.ljust(len(self._shown)))
        elif line != self._shown:
            self._stream.write(line + "\n")
        self._shown = line
        self._stream.flush()

    def end(self) -> None:
        """Clear the terminal's line."""
        if self._live and self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()


class Report:
    """The outcome of every row that was read. `str()` of it is for the operator.

    Each row has exactly one outcome, so that rows read = taken + already there + not taken, in every table.
    """

    def __init__(self, data: LegacyData, progress: Progress) -> None:
        self.read: Mapping[str, int] = {table: len(rows) for table, rows in data.rows.items()}
        self.outcomes: dict[str, dict[int, str]] = {table: {} for table in data.rows}
        self.reasons: dict[str, dict[int, str]] = {table: {} for table in data.rows}
        self.remarks: dict[tuple[str, str], list[int]] = {}
        self._progress = progress

    def taken(self, row: Row) -> None:
        """The row was written to the shop."""
        self._record(row, TAKEN)

    def already_there(self, row: Row) -> None:
        """An earlier import brought the row, whatever became of it since."""
        self._record(row, ALREADY_THERE)

    def not_taken(self, row: Row, reason: str) -> None:
        """The row is not in the shop."""
        self.reasons[row.table][row.id] = reason
        self._record(row, NOT_TAKEN)

    def remark(self, row: Row, text: str) -> None:
        """Add a remark for a person about a row that was taken."""
        self.remarks.setdefault((row.table, text), []).append(row.id)

    def is_recorded(self, row: Row) -> bool:
        """Whether the row has its outcome."""
        return row.id in self.outcomes[row.table]

    def was_there(self, row: Row) -> bool:
        """Whether an earlier import brought the row."""
        return self.outcomes[row.table].get(row.id) == ALREADY_THERE

    def is_in_the_shop(self, table: str, row_id: int | None) -> bool:
        """Whether this import or an earlier one brought the row."""
        return row_id is not None and self.outcomes[table].get(row_id) in (TAKEN, ALREADY_THERE)

    def count(self, outcome: str, table: str | None = None) -> int:
        """How many rows had this outcome, in one table or in all."""
        tables = [table] if table else list(self.outcomes)
        return sum(list(self.outcomes[each].values()).count(outcome) for each in tables)

    def in_the_shop(self, table: str | None = None) -> int:
        """How many rows the shop has, taken now or before: equal for every import of one file."""
        return self.count(TAKEN, table) + self.count(ALREADY_THERE, table)

    def _record(self, row: Row, outcome: str) -> None:
        done = self.outcomes[row.table]
        assert row.id not in done, f"{row} has two outcomes"
        done[row.id] = outcome
        self._progress.show(row.table, len(done), self.read[row.table])

    def __str__(self) -> str:
        width = max(len(table) for table in self.read)
        heads = ("rows read", TAKEN, ALREADY_THERE, NOT_TAKEN, "in the shop")
        lines = [" " * width + "".join(f"{head:>15}" for head in heads)]
        for table, rows in [*self.read.items(), ("all", sum(self.read.values()))]:
            which = None if table == "all" else table
            counts = (
                rows,
                *(self.count(outcome, which) for outcome in (TAKEN, ALREADY_THERE, NOT_TAKEN)),
                self.in_the_shop(which),
            )
            lines.append(f"{table:<{width}}" + "".join(f"{count:>15}" for count in counts))
        lines.append("rows read = taken + already there + not taken; in the shop = taken + already there")
        reasons: dict[tuple[str, str], list[int]] = {}
        for table, by_id in self.reasons.items():
            for row_id, reason in by_id.items():
                reasons.setdefault((table, reason), []).append(row_id)
        lines += _listed("Not taken:", reasons) + _listed("Taken, but to be known:", self.remarks)
        return "\n".join(lines)


def _listed(head: str, groups: Mapping[tuple[str, str], list[int]]) -> list[str]:
    if not groups:
        return []
    lines = ["", head]
    for (table, text), row_ids in groups.items():
        for ids in _batches(sorted(row_ids), _ROW_IDS_PER_LINE):
            lines.append(f"  {table} {', '.join(map(str, ids))}: {text}")
    return lines


def _batches(values: list[int], size: int) -> Iterable[list[int]]:
    return (values[start : start + size] for start in range(0, len(values), size))
