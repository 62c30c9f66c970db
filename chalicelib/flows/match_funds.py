"""Hold a provider's two bills of a day against each other: what its trades should have moved, and what moved its
account. Each trade's sum of funds is its payments less refunds and fees.

A refund may move later than its trade's bill says, and a movement may stand on the other side of midnight: what is
off is added to, from the bills of other days, until it is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import datetime

from msgspec import Struct, field

from chalicelib.flows.match_bill import Difference, Key, What, key_of_line
from chalicelib.gateways.bills import BillLine, FundLine


class Funds(Struct):
    """Sums by reference, in fen and signed. `due`: what the bill of trades says, `under_way`: what may have moved of it
    besides; `moved`: what the account says. `later`: what is due may still move after this day, which is `until`.

    `others` are movements without a trade, by the provider's word for them: drawings, fees of another kind. `named`:
    to which trade, refund and merchant's number a reference belongs.
    """

    until: datetime
    due: Counter[str] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    later: set[str] = field(default_factory=set)
    named: dict[str, tuple[str, str | None, str]] = field(default_factory=dict)

    def noted(self, lines: Iterable[BillLine]) -> Iterator[BillLine]:
        """The lines as they come, each of them counted."""
        for line in lines:
            self._note(line, line.is_final)
            yield line

    def _note(self, line: BillLine, is_final: bool) -> None:
        (self.due if is_final else self.under_way)[line.reference] += line.moves
        if line.request_no is not None or line.at >= self.until:
            self.later.add(line.reference)

    def move(self, lines: Iterable[FundLine]) -> None:
        """Count what moved the account."""
        for line in lines:
            if not line.reference:
                self.others[line.kind] += line.amount
                continue
            self.moved[line.reference] += line.amount
            if line.at >= self.until:
                self.later.add(line.reference)

    def off(self) -> set[str]:
        """The references of which too much or too little has moved."""
        return {
            reference
            for reference in self.due.keys() | self.moved.keys()
            if self.moved[reference] - self.due[reference] not in (0, self.under_way[reference])
        }

    def name(self, trades: Iterable[BillLine], funds: Iterable[FundLine]) -> None:
        """Find to which trades belongs what is off."""
        off = self.off()
        for fund in funds if off else ():
            if fund.reference in off:
                self.named[fund.reference] = fund.provider_no or fund.reference, None, fund.reference
        for line in trades if off else ():
            if line.reference in off:
                self._name(line)

    def _name(self, line: BillLine) -> None:
        request_no = None if line.reference == line.number else line.request_no
        self.named[line.reference] = line.trade_no, request_no, line.number

    def add(
        self, trades: Callable[[], Iterable[BillLine]], done: Set[Key], funds: Iterable[FundLine]
    ) -> set[str]:
        """Add to what is off from the bills of another day, of which `trades` reads one anew -> the references of what
        was not off before. What is `done` is so whatever the bill says.
        """
        off = self.off()
        wanted = off | {line.reference for line in trades() if key_of_line(line) in done}
        for line in trades() if wanted else ():
            if line.reference in wanted:
                self._note(line, line.is_final or key_of_line(line) in done)
                self._name(line)
        still = wanted & self.off()
        self.move(fund for fund in funds if fund.reference in still)
        return wanted - off

    def pending(self) -> set[str]:
        """What is off and may be put right by the next day's bills."""
        return self.off() & self.later

    def differences(self, but: set[str]) -> Iterator[Difference]:
        """What is off and not among these, with what the bills say of it."""
        for reference in sorted(self.off() - but):
            trade_no, request_no, number = self.named[reference]
            due, moved = self.due.get(reference), self.moved.get(reference)
            yield Difference(What.FUNDS, (trade_no, request_no), number, due, moved)
