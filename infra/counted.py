"""What requests, runs and starts of functions cost the application: the tables of docs/round-trips.md and
docs/benchmarks.md, which tests and benchmarks fill.

Where a table has several rows of an endpoint, the dearest counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Call:
    """A request, or run of a timer: milliseconds of processor time, round trips to wait for, units of DynamoDB."""

    processor: float = 0
    trips: float = 0
    reads: float = 0
    writes: float = 0

    def dearest(self, other: Call) -> Call:
        """The dearer of both in each respect."""
        return Call(
            max(self.processor, other.processor),
            max(self.trips, other.trips),
            max(self.reads, other.reads),
            max(self.writes, other.writes),
        )


@dataclass(frozen=True)
class Counted:
    """`calls` by endpoint (`GET /home`) or timer; `without_redis` those that differ where a stage has no Redis.
    `starts` are milliseconds of processor time of a function's start, by its name; `hash_ms` of a password's hash.
    """

    calls: dict[str, Call]
    without_redis: dict[str, Call]
    starts: dict[str, float]
    hash_ms: float


def counted(docs: Path = DOCS) -> Counted:
    """What the documents say. Raises ValueError for an endpoint that was counted and not measured."""
    trips = (docs / "round-trips.md").read_text(encoding="utf-8")
    benchmarks = (docs / "benchmarks.md").read_text(encoding="utf-8")
    calls: dict[str, Call] = {}
    for name, waits, _, reads, writes in _rows(trips, "Round trips", 5):
        _add(calls, name, Call(0, float(waits), 0 if reads == "varies" else float(reads), float(writes)))
    without_redis: dict[str, Call] = {}
    for name, waits, reads, writes in _rows(trips, "Without Redis", 4):
        _add(without_redis, name, Call(0, float(waits), float(reads), float(writes)))
    for name, sent, reads, writes in _rows(trips, "A school's catalogue, and the timers", 4):
        known = calls.get(_bare(name))
        _add(calls, name, Call(0, known.trips if known else float(sent), float(reads), float(writes)))

    measured: dict[str, float] = {}
    for heading in ("Processor time of a request", "Processor time of a school's catalogue"):
        for name, milliseconds, *_ in _rows(benchmarks, heading):
            measured[_bare(name)] = max(measured.get(_bare(name), 0), float(milliseconds))
    if missing := calls.keys() - measured.keys():
        raise ValueError(f"docs/benchmarks.md has no row of {', '.join(sorted(missing))}: see `make bench`")
    for table in (calls, without_redis):
        table.update({name: replace(call, processor=measured[name]) for name, call in table.items()})
    starts = {
        _bare(name): float(init)
        for name, init, *_ in _rows(benchmarks, "Under AWS's runtime client", 5)
        if "`" in name
    }
    (hash_ms,) = (
        float(milliseconds)
        for name, milliseconds in _rows(benchmarks, "Processor time of a school's catalogue", 2)
        if name.startswith("a password's hash")
    )
    return Counted(calls, without_redis, starts, hash_ms)


def _bare(name: str) -> str:
    """An endpoint without what its row says of the example; other names as they are."""
    found = _NAME.search(name)
    return found[1] if found else name


def _add(calls: dict[str, Call], name: str, call: Call) -> None:
    calls[_bare(name)] = calls.get(_bare(name), Call()).dearest(call)


def _rows(text: str, heading: str, columns: int | None = None) -> Iterator[list[str]]:
    """The rows of the tables below a heading, as far as the next heading; only those of so many columns."""
    _, found, part = text.partition(f"# {heading}\n")
    if not found:
        raise ValueError(f"there is no heading {heading!r}")
    for line in re.split(r"^#", part, flags=re.MULTILINE)[0].splitlines():
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        if line.startswith("| ") and not line.startswith("| ---") and columns in (None, len(cells)):
            if re.fullmatch(r"[\d.]+|varies", cells[1]):
                yield cells
