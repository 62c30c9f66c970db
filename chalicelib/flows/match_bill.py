"""Hold the lines of a provider's bill against the facts of the journal, to the fen.

A payment is known by its trade, a refund by its trade and its request. A refund that the shop made by no request of its
own, of all that was left of a trade, is met by the trade's lines that no other fact claims, together.

Of a day with many lines little is kept: a fact's key, order and amount, and the keys of the lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from chalicelib.gateways.bills import BillLine
from chalicelib.money import Fen
from chalicelib.shop.journal import ELSEWHERE, FREE, PAID, WHOLE_TRADE, JournalEntry

Key = tuple[str, str | None]
"""The provider's number of a trade, and for a refund its request number: empty where all that was left went back."""


class What(StrEnum):
    """unknown: the bill has it, and the journal does not. missing: the other way round. amount: both have it, and
    differ. twice: the bill has it more than once. funds: the provider's own two bills differ, that of trades and that
    of funds.
    """

    UNKNOWN = "unknown"
    MISSING = "missing"
    AMOUNT = "amount"
    TWICE = "twice"
    FUNDS = "funds"


class Difference(Struct, frozen=True):
    """One movement of money about which two sides differ: what each says, in fen, None where it says nothing. `ours` is
    the journal's; of funds it is what the bill of trades says, and both are signed.

    `order_number` is the shop's; of a line that no fact knows it is the number that the bill names.
    """

    what: What
    key: Key
    order_number: str
    ours: Fen | None
    theirs: Fen | None


class Fact(Struct, frozen=True):
    """A movement of the journal that a provider's bill should have."""

    key: Key
    order_number: str
    amount: Fen
    at: datetime

    @property
    def is_refund(self) -> bool:
        """Whether money went back."""
        return self.key[1] is not None


class Sums(Struct):
    """What came and what went back, in fen."""

    paid: Fen = 0
    refunded: Fen = 0

    def add(self, key: Key, amount: Fen) -> None:
        """Add a movement."""
        if key[1] is None:
            self.paid += amount
        else:
            self.refunded += amount


class Match(Struct):
    """What comes of holding a bill against facts. `unknown` are lines without a fact, `missing` facts without a line:
    each may have its other half on a neighbouring day. `under_way` are refunds without a fact that have not moved yet.
    """

    ours: Sums = field(default_factory=Sums)
    theirs: Sums = field(default_factory=Sums)
    fees: Fen = 0
    unknown: list[BillLine] = field(default_factory=list)
    under_way: list[BillLine] = field(default_factory=list)
    missing: list[Fact] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def facts_of(entries: Iterable[JournalEntry]) -> Iterator[Fact]:
    """What a provider's bill should have of its entries in the journal."""
    for entry in entries:
        if (key := _key_of(entry)) is not None:
            yield Fact(key, entry.order_number, entry.amount, entry.at)


def _key_of(entry: JournalEntry) -> Key | None:
    """Under which key a bill should have an entry; None: in no bill."""
    if entry.fact in (FREE, ELSEWHERE) or not entry.amount or entry.trade_no is None:
        return None
    if entry.fact == PAID:
        return entry.trade_no, None
    return entry.trade_no, "" if entry.use == WHOLE_TRADE else entry.request_no


def key_of_line(line: BillLine) -> Key:
    """The key of a bill's line. A refund that names no request has a number that no request of the shop's has."""
    return line.trade_no, None if line.request_no is None else line.request_no or f"of {line.trade_no}"


def match(lines: Iterable[BillLine], facts: Iterable[Fact]) -> Match:
    """Hold the lines of one bill against one provider's facts. Reads the lines once, and keeps those that no fact
    knows.
    """
    result = Match()
    waiting = {fact.key: fact for fact in facts}
    for fact in waiting.values():
        result.ours.add(fact.key, fact.amount)
    seen: set[Key] = set()
    unknown: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        key = key_of_line(line)
        if not line.is_final:
            if key not in waiting:
                result.under_way.append(line)
            continue
        result.theirs.add(key, line.amount)
        result.fees += line.fee
        if key in seen:
            result.differences.append(Difference(What.TWICE, key, line.number, None, line.amount))
            continue
        seen.add(key)
        if key not in waiting:
            unknown[line.trade_no].append(line)
            continue
        fact = waiting.pop(key)
        if fact.amount != line.amount:
            result.differences.append(
                Difference(What.AMOUNT, key, fact.order_number, fact.amount, line.amount)
            )
    for key, fact in list(waiting.items()):
        found = unknown.get(key[0], [])
        if key[1] == "" and _meets(fact, found):
            unknown[key[0]] = [line for line in found if line.request_no is None]
            del waiting[key]
    result.unknown = [line for found in unknown.values() for line in found]
    result.missing = list(waiting.values())
    return result


def _meets(whole: Fact, lines: list[BillLine]) -> bool:
    """Whether the refunds among some lines are together what was left of a trade."""
    return sum(line.amount for line in lines if line.request_no is not None) == whole.amount


def differences(result: Match) -> Iterator[Difference]:
    """All differences of a match whose unmatched halves were looked for elsewhere in vain."""
    yield from result.differences
    for line in result.unknown:
        yield Difference(What.UNKNOWN, key_of_line(line), line.number, None, line.amount)
    for fact in result.missing:
        yield Difference(What.MISSING, fact.key, fact.order_number, fact.amount, None)
