"""Hold the lines of a provider's bill against the entries of the journal, to the fen.

A payment is known by its trade, a refund by its trade and its request. A refund that the shop made by no request of its
own, of all that was left of a trade, is met by the trade's lines that no other entry claims, together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.gateways.bills import BillLine
from chalicelib.money import Fen
from chalicelib.shop.journal import ELSEWHERE, FREE, PAID, WHOLE_TRADE, JournalEntry

Key = tuple[str, str | None]
"""The provider's number of a trade, and for a refund its request number: empty where all that was left went back."""


class What(StrEnum):
    """unknown: the bill has it, and the journal does not. missing: the other way round. amount: both have it, and
    differ. twice: the bill has it more than once.
    """

    UNKNOWN = "unknown"
    MISSING = "missing"
    AMOUNT = "amount"
    TWICE = "twice"


@dataclass(frozen=True)
class Difference:
    """One movement of money about which bill and journal differ: what each says, in fen, None where it says nothing.

    `order_number` is the shop's; of a line that no entry knows it is the number that the bill names.
    """

    what: What
    key: Key
    order_number: str
    ours: Fen | None
    theirs: Fen | None


@dataclass
class Sums:
    """What came and what went back, in fen."""

    paid: Fen = 0
    refunded: Fen = 0

    def add(self, key: Key, amount: Fen) -> None:
        """Add a movement."""
        if key[1] is None:
            self.paid += amount
        else:
            self.refunded += amount


@dataclass
class Match:
    """What comes of holding a bill against the journal. `unknown` are lines without an entry, `missing` entries without
    a line: each may have its other half on a neighbouring day.
    """

    ours: Sums = field(default_factory=Sums)
    theirs: Sums = field(default_factory=Sums)
    fees: Fen = 0
    unknown: list[BillLine] = field(default_factory=list)
    missing: list[JournalEntry] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def key_of(entry: JournalEntry) -> Key | None:
    """Under which key a provider's bill should have an entry; None: in no bill."""
    if entry.fact in (FREE, ELSEWHERE) or not entry.amount or entry.trade_no is None:
        return None
    if entry.fact == PAID:
        return entry.trade_no, None
    return entry.trade_no, "" if entry.use == WHOLE_TRADE else entry.request_no


def key_of_line(line: BillLine) -> Key:
    """The key of a bill's line. A refund that names no request has a number that no request of the shop's has."""
    return line.trade_no, None if line.request_no is None else line.request_no or f"of {line.trade_no}"


def match(lines: Iterable[BillLine], entries: Iterable[JournalEntry]) -> Match:
    """Hold the lines of one bill against one provider's entries. Reads the lines once, and keeps those that no entry
    knows.
    """
    result = Match()
    waiting = {key: entry for entry in entries if (key := key_of(entry)) is not None}
    for key, entry in waiting.items():
        result.ours.add(key, entry.amount)
    seen: set[Key] = set()
    unknown: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        if not line.is_final:
            continue
        key = key_of_line(line)
        result.theirs.add(key, line.amount)
        result.fees += line.fee
        if key in seen:
            result.differences.append(Difference(What.TWICE, key, line.number, None, line.amount))
            continue
        seen.add(key)
        if key not in waiting:
            unknown[line.trade_no].append(line)
            continue
        entry = waiting.pop(key)
        if entry.amount != line.amount:
            result.differences.append(
                Difference(What.AMOUNT, key, entry.order_number, entry.amount, line.amount)
            )
    for key, entry in list(waiting.items()):
        if key[1] == "" and _meets(entry, unknown[entry.trade_no or ""]):
            unknown[entry.trade_no or ""] = [
                line for line in unknown[entry.trade_no or ""] if line.request_no is None
            ]
            del waiting[key]
    result.unknown = [line for found in unknown.values() for line in found]
    result.missing = list(waiting.values())
    return result


def _meets(whole: JournalEntry, lines: list[BillLine]) -> bool:
    """Whether the refunds among some lines are together what was left of a trade."""
    return sum(line.amount for line in lines if line.request_no is not None) == whole.amount


def differences(result: Match) -> Iterator[Difference]:
    """All differences of a match whose unmatched halves were looked for elsewhere in vain."""
    yield from result.differences
    for line in result.unknown:
        yield Difference(What.UNKNOWN, key_of_line(line), line.number, None, line.amount)
    for entry in result.missing:
        key = key_of(entry)
        assert key is not None
        yield Difference(What.MISSING, key, entry.order_number, entry.amount, None)
