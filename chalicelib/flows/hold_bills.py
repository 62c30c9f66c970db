"""Hold a provider's bills against the journal: what no notification and no query told is told by the bill."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from chalicelib.beijing_time import day_end
from chalicelib.deadline import Deadline
from chalicelib.errors import NothingToResolve, OrderNotFound
from chalicelib.flows.match_bill import (
    Difference,
    Fact,
    Match,
    What,
    differences,
    facts_of,
    key_of_line,
    match,
)
from chalicelib.flows.match_funds import Funds
from chalicelib.gateways import Gateways
from chalicelib.gateways.bills import Bill, BillLine, BillPending, FundLine, NoBill
from chalicelib.gateways.payments import BillState, PaymentProvider, Unclear
from chalicelib.money import Fen
from chalicelib.shop import audit, bill, journal, payment, refund, refund_notice
from chalicelib.shop import order as orders
from chalicelib.shop.bill import BillDay
from chalicelib.shop.event import By, Cause
from chalicelib.shop.journal import JournalEntry, read_day

log = logging.getLogger(__name__)

READY = timedelta(hours=10)
"""How long after the end of a day all providers' bills of it are there."""
HOLD_SECONDS = 400.0
"""For how long a run of the timer begins with further days."""
DAY_SECONDS = 240.0
"""The most that all bills take that are fetched for one day."""
_DAYS, _DAYS_UNSEEN = 4, 31
"""How many days back a bill is looked at by itself until it agrees; and one that was not looked at yet, as when the
function did not run.
"""
_NEAR_MIDNIGHT = timedelta(hours=1)
"""The clocks of provider and shop, and the way of a notification, may put a fact on the next or the last day's bill."""
_A_DAY = timedelta(days=1)
_USUAL_REFUND = 7
"""For how many days a refund is usually under way before it is made, or heard of, at most."""

_Line = TypeVar("_Line")


def hold(
    provider: PaymentProvider,
    day: date,
    now: datetime,
    read: Callable[[date], Iterable[JournalEntry]] = read_day,
) -> BillDay | None:
    """Hold the bills of a Beijing day against the journal, which `read` reads, and each other -> what came of it; None
    while there is no bill to expect.

    Repeating it is safe: what has been cleared up leaves the list, what an operator has resolved stays resolved. Other
    days that differ are held once more where this one accounts for a refund of theirs.

    A bill that is out of reach for the moment takes nothing back of what was found before.
    """
    if now < day_end(day) + READY:
        return None
    deadline = Deadline(DAY_SECONDS)
    holding = _Holding(provider, day, now, read, deadline)
    held = holding.held()
    for other in sorted(holding.accounted_for):
        before = bill.find_day(provider.name, other)
        if before is not None and before.state == bill.DIFFERS:
            _Holding(provider, other, now, read, deadline).held()
    return held


def hold_again(gateways: Gateways, day: date, by: str, now: datetime) -> list[BillDay]:
    """Hold a day's bills of every provider on an operator's word, logged -> what came of it; nothing while there is no
    bill to expect.
    """
    audit.write(audit.entry(by, "hold-bills", day.isoformat(), now))
    held = (hold(provider, day, now) for provider in gateways.payments.values())
    return [one for one in held if one is not None]


def hold_last(gateways: Gateways, clock: Callable[[], datetime], seconds: float) -> list[BillDay]:
    """Hold the bills of the last days that do not agree yet, of every provider, the newest first; begins with no day
    after so many seconds.

    A day counts as agreed when it was held after the next day's bills were there, which may have its last hour.
    """
    held: list[BillDay] = []
    until = Deadline(seconds)
    for provider, day in _to_hold(gateways, clock()):
        if not until.remaining():
            log.warning("no time is left for the bill of %s by %s", day, provider.name)
        elif (found := hold(provider, day, clock())) is not None:
            held.append(found)
    return held


def _to_hold(gateways: Gateways, now: datetime) -> list[tuple[PaymentProvider, date]]:
    """One Query for each provider."""
    today = journal.day_of(now)
    wanted: list[tuple[PaymentProvider, date]] = []
    for provider in gateways.payments.values():
        known = {
            one.day: one for one in bill.list_days(provider.name, today - timedelta(days=_DAYS_UNSEEN), today)
        }
        for age in range(1, _DAYS_UNSEEN + 1):
            day = today - timedelta(days=age)
            before = known.get(day.isoformat())
            is_unseen = before is None and any(one < day.isoformat() for one in known)
            if is_unseen or (age <= _DAYS and not _is_settled(before, day)):
                wanted.append((provider, day))
    return sorted(wanted, key=lambda one: one[1], reverse=True)


def _is_settled(before: BillDay | None, day: date) -> bool:
    if before is None or before.state != bill.AGREES:
        return False
    return bool(before.held_at >= day_end(day) + timedelta(days=1) + READY)


def resolve(provider: str, day: date, trade_no: str, by: str, reason: str, now: datetime) -> None:
    """Clear the flags of a trade's differences on a day on an operator's word, logged. Raises NothingToResolve when
    none is flagged.
    """
    found = [
        one
        for one in bill.list_differences(provider, day)
        if one.trade_no == trade_no and one.attention is not None
    ]
    if not found:
        raise NothingToResolve()
    subject = f"{provider} {day.isoformat()} {trade_no}"
    transaction = audit.recorded(audit.entry(by, "resolve-difference", subject, now, reason=reason))
    for one in found:
        bill.resolve(transaction, one, now)
    transaction.commit()


@contextmanager
def _lines(state: BillState[_Line]) -> Iterator[Callable[[], Iterator[_Line]]]:
    """The reader of a bill's lines, of none where there is no bill."""
    if isinstance(state, Bill):
        with state:
            yield state.lines
    else:
        yield lambda: iter(())


class _Whole(Struct):
    """All that was left of a trade, `amount` (fen), went back by no request of the shop's: on which days its refunds
    may stand, how much of it is on no bill that was read, and on which days but this one they do.
    """

    amount: Fen
    since: date
    until: date
    is_heard_today: bool
    left: Fen
    days: set[date] = field(default_factory=set)


class _Holding:
    """One provider's day that is held against its bills."""

    def __init__(
        self,
        provider: PaymentProvider,
        day: date,
        now: datetime,
        read: Callable[[date], Iterable[JournalEntry]],
        deadline: Deadline,
    ) -> None:
        self.provider, self.day, self.now, self.read, self.deadline = provider, day, now, read, deadline
        self.end = day_end(day)
        self.funds = Funds(self.end - _NEAR_MIDNIGHT)
        self.result = Match()
        self.moved = 0
        self.found_on: dict[str, date] = {}
        """The references of refunds that were asked for on an earlier day -> on the bill of which day they stand."""
        self.accounted_for: set[date] = set()
        """The other days on whose bills there are parts of what went back as a whole."""

    def held(self) -> BillDay:
        """What comes of it, recorded."""
        trades = self._trades(self.day)
        if isinstance(trades, Unclear | BillPending):
            return self._without(trades)
        with _lines(trades) as lines:
            self.result = match(self.funds.noted(lines()), self._facts(self.day))
            moved = self._moved(self.day)
            with _lines(moved) as movements:
                self.funds.move(movements())
                self.funds.name(lines(), movements())
        self.moved = self.funds.moved.total()
        is_told = not isinstance(moved, Unclear | BillPending)
        pending = self._look_beside(is_told)
        found = list(differences(self.result))
        off = list(self.funds.differences(pending)) if is_told else []
        if _is_late(trades) and (self.result.missing or off):
            return self._without(trades)
        if not is_told or (_is_late(moved) and off):
            return self._without(moved, "the account: ", found)
        found += off
        return self._record(found, bill.DIFFERS if found else bill.AGREES)

    # What there is

    def _trades(self, day: date) -> BillState[BillLine]:
        return self.provider.trade_bill(day, self.now, self.deadline)

    def _moved(self, day: date) -> BillState[FundLine]:
        return self.provider.fund_bill(day, self.now, self.deadline)

    def _facts(self, day: date) -> Iterator[Fact]:
        return facts_of(entry for entry in self.read(day) if entry.provider == self.provider.name)

    def _is_ready(self, day: date) -> bool:
        return self.now >= day_end(day) + READY

    # The days beside

    def _look_beside(self, with_funds: bool) -> set[str]:
        """Find the other halves of what is unmatched in journals and bills of other days -> the references whose money
        may still move.

        A refund is recorded when the provider has confirmed it, and may have stood in a bill as under way before;
        clocks differ, too. What became true in the day's last hour is not missed before the next bill is there. Where
        all is matched nothing is read; else it is up to sixteen Queries, the bills of eight days, where a refund is
        missing even then or a trade went back in parts those of a month, and up to three round trips for each line that
        is not known yet, of as many as are listed.
        """
        before, after = self.day - timedelta(days=1), self.day + timedelta(days=1)
        unheard = _but_for(self.result.under_way, self._is_asked_for)
        unknown = [*self.result.unknown, *(replace(line, is_final=True) for line in unheard)]
        for other in (before, after):
            if unknown:
                found = match(unknown, self._facts(other))
                unknown = found.unknown
                self.result.differences += found.differences
        # What all that was left gave back is seen when the refunds of the shop's own are known.
        again = match(_but_for(unknown, self._is_known), self.result.missing)
        self.result.differences += again.differences
        self.result.missing = again.missing
        self.result.unknown = again.unknown
        self._meet_wholes()

        if self._wants(with_funds):
            self._add(before, with_funds)
        pending: set[str] = set()
        if self._wants(with_funds) and not (self._is_ready(after) and self._add(after, with_funds)):
            pending = self.funds.pending()
            self.result.missing = [
                fact for fact in self.result.missing if fact.at < self.end - _NEAR_MIDNIGHT
            ]
        for age in self._ages():
            is_missed = any(fact.key[1] for fact in self.result.missing)
            if is_missed or (with_funds and self.funds.off() - pending):
                self._add(self.day - timedelta(days=age), with_funds)
        self._add_moved_between()
        return pending

    def _ages(self) -> Iterator[int]:
        """How many days back to look: as long as refunds usually take, and to when those were asked for that are
        missing even then. Up to three round trips for each of these.
        """
        yield from range(2, _USUAL_REFUND + 1)
        made = self.result.missing[: bill.MOST_DIFFERENCES]
        asked = (self._asked_on(fact) for fact in made if fact.key[1])
        oldest = min((day for day in asked if day is not None), default=self.day)
        yield from range(_USUAL_REFUND + 1, min((self.day - oldest).days, _DAYS_UNSEEN) + 1)

    def _asked_on(self, fact: Fact) -> date | None:
        """The day before which the provider was not asked for a refund."""
        order = _order_of(fact.order_number)
        made = refund.find_told(order, fact.key[1]) if order and fact.key[1] else None
        return None if made is None else journal.day_of(made.requested_at)

    def _add_moved_between(self) -> None:
        """Count what moved between the day on whose bill a refund stands and this one, on which it was heard of."""
        other = self.day - timedelta(days=1)
        while self.funds.off() & {one for one, day in self.found_on.items() if day < other}:
            moved = self._moved(other)
            if not isinstance(moved, Unclear | BillPending):
                off = self.funds.off()
                with _lines(moved) as movements:
                    self.funds.move(
                        fund
                        for fund in movements()
                        if fund.reference in off and self.found_on.get(fund.reference, other) < other
                    )
            other -= timedelta(days=1)

    def _wants(self, with_funds: bool) -> bool:
        return bool(self.result.missing or (with_funds and self.funds.off()))

    def _add(self, other: date, with_funds: bool) -> bool:
        """Match what is missing and what is off with the bills of another day -> whether there was an answer.

        A refund that the journal has is made, though it was under way when that day's bill was.
        """
        trades = self._trades(other)
        if isinstance(trades, Unclear | BillPending):
            return False
        missing = self.result.missing
        wanted = {fact.key for fact in missing}
        with _lines(trades) as lines:
            of_them = (replace(line, is_final=True) for line in lines() if key_of_line(line) in wanted)
            found = match(of_them, missing)
            self.result.missing = found.missing
            self.result.differences += [one for one in found.differences if one.what == What.AMOUNT]
            if not with_funds:
                return True
            moved = self._moved(other)
            if isinstance(moved, Unclear | BillPending):
                return False
            done = {fact.key for fact in missing} - {fact.key for fact in found.missing}
            with _lines(moved) as movements:
                found_late = self.funds.add(lines, done, movements())
            self.found_on |= dict.fromkeys(found_late, other)
        return True

    def _is_known(self, line: BillLine) -> bool:
        """Whether an order's own items tell of a line that the journal of these days does not: it became true here
        on another day. Two round trips, or three.
        """
        order = _order_of(line.number)
        if order is None:
            return False
        if line.request_no is None:
            received = payment.find_payment(order, line.trade_no)
            return received is not None and received.amount == line.amount
        made = refund.find_told(order, line.request_no)
        if (
            made is None
            or made.status != refund.DONE
            or made.refunded_externally
            or made.amount != line.amount
        ):
            return False
        return line.request_no in (made.number_made(), *(made.also_made_as or ()))

    def _meet_wholes(self) -> None:
        """Match the refunds of all that was left of a trade with those, by no request of the shop's, which its bills
        have together: what went back by parts is heard of as a whole on one day. Or a bill beside has it alone: it was
        heard of after midnight.
        """
        wholes, moved = self._wholes(), set[str]()
        for day in _nearest(self.day, wholes.values()):
            wanted = {
                trade_no
                for trade_no, whole in wholes.items()
                if trade_no not in moved and whole.since <= day <= whole.until
            }
            if not wanted or not self._is_ready(day):
                continue
            back: Counter[str] = Counter()
            with _lines(self._trades(day)) as lines:
                for line in lines():
                    if line.trade_no in wanted and line.request_no is not None and not self._is_known(line):
                        back[line.trade_no] += line.amount
            for trade_no, amount in back.items():
                whole = wholes[trade_no]
                if whole.is_heard_today and abs(day - self.day) == _A_DAY and amount == whole.amount:
                    moved.add(trade_no)
                whole.left -= amount
                whole.days.add(day)
        met = {trade_no for trade_no, whole in wholes.items() if not whole.left} - moved
        self.accounted_for = {day for trade_no in met for day in wholes[trade_no].days}
        self.result.unknown = [
            line for line in self.result.unknown if line.request_no is None or line.trade_no not in met
        ]
        self.result.missing = [
            fact for fact in self.result.missing if fact.key[1] != "" or fact.key[0] not in met | moved
        ]

    def _wholes(self) -> dict[str, _Whole]:
        """The trades of unmatched refunds all of which went back, less the refunds that are unmatched on this day."""
        heard = {fact.key[0]: fact.order_number for fact in self.result.missing if fact.key[1] == ""}
        numbers, back = dict(heard), Counter[str]()
        for line in self.result.unknown:
            if line.request_no is not None:
                numbers.setdefault(line.trade_no, line.number)
                back[line.trade_no] += line.amount
        found: dict[str, _Whole] = {}
        for trade_no, number in islice(numbers.items(), bill.MOST_DIFFERENCES):
            if (whole := _whole_of(trade_no, number, is_heard_today=trade_no in heard)) is not None:
                whole.left -= back[trade_no]
                found[trade_no] = whole
        return found

    def _is_asked_for(self, line: BillLine) -> bool:
        """Whether a refund that is under way is one that the shop has asked for. Two round trips, or three."""
        order = _order_of(line.number)
        asked = refund.find_told(order, line.request_no) if order and line.request_no else None
        return asked is not None and asked.amount == line.amount

    # What comes of it

    def _without(self, state: BillState[Any], of: str = "", found: Sequence[Difference] = ()) -> BillDay:
        """A day of which a bill is missing or says nothing. What was made of both bills before stands."""
        before = bill.find_day(self.provider.name, self.day)
        if before is not None and before.state in (bill.AGREES, bill.DIFFERS):
            log.warning("a bill of %s by %s cannot be read now", self.day, self.provider.name)
            return before
        word = bill.UNREADABLE if isinstance(state, Unclear) else bill.MISSING
        reason = state.reason if isinstance(state, Unclear) else "the provider has no bill of this day"
        return self._record(found, word, of + reason, before)

    def _record(
        self,
        found: Sequence[Difference],
        state: str,
        reason: str | None = None,
        before: BillDay | None = None,
    ) -> BillDay:
        result = self.result
        if len(found) > bill.MOST_DIFFERENCES:
            reason = f"{len(found)} differences, of which {bill.MOST_DIFFERENCES} are listed"
        held = bill.day_item(
            self.provider.name,
            self.day,
            state,
            self.now,
            reason,
            ours_paid=result.ours.paid,
            ours_refunded=result.ours.refunded,
            theirs_paid=result.theirs.paid,
            theirs_refunded=result.theirs.refunded,
            fees=result.fees,
            moved=self.moved,
            others=bill.other_movements(self.funds.others),
            differences=len(found),
        )
        if before is not None and before.reason == reason:
            held.attention_at = before.attention_at
        elif reason:
            log.error("a bill cannot be held, a person must look: %s %s %s", held.provider, self.day, state)
        items = [self._item(one) for one in found[: bill.MOST_DIFFERENCES]]
        for new in bill.record(held, items, self._tell_its_order):
            log.error(
                "bill and journal differ: %s %s %s order=%s",
                new.provider,
                new.day,
                new.what,
                new.order_number,
            )
        return held

    def _tell_its_order(self, new: bill.BillDifference) -> None:
        """Keep a refund that the bill alone tells of with what was told of its order: whoever decides on an application
        for it reads it there. Up to four round trips, and one write.
        """
        if new.what != What.UNKNOWN or new.request_no is None:
            return
        order = _order_of(new.order_number)
        if order is None or order.trade_no != new.trade_no:
            return
        ours = refund.find_told(order, new.request_no)
        told = {notice.request_no for notice in refund_notice.list_all(order)}
        if new.request_no in told or (ours is not None and ours.status not in refund.NOT_MADE):
            return
        refund_notice.record(
            order,
            new.trade_no,
            new.theirs or 0,
            new.request_no,
            Cause(By.BILL, f"{new.provider} {new.day}"),
            self.now,
            needs_person=False,
            is_total=False,
        )

    def _item(self, found: Difference) -> bill.BillDifference:
        trade_no, request_no = found.key
        order = None if found.what in (What.MISSING, What.AMOUNT) else _order_of(found.order_number)
        return bill.difference_item(
            self.provider.name,
            self.day,
            found.what,
            trade_no,
            request_no,
            order.number if order else found.order_number,
            found.ours,
            found.theirs,
            self.now,
        )


def _but_for(lines: list[BillLine], is_known: Callable[[BillLine], bool]) -> list[BillLine]:
    """The lines that are not known. More than would be listed are not asked about: the day is wrong as a whole."""
    asked, rest = lines[: bill.MOST_DIFFERENCES], lines[bill.MOST_DIFFERENCES :]
    return [line for line in asked if not is_known(line)] + rest


def _order_of(number: str) -> orders.Order | None:
    try:
        return orders.find_by_number(number)
    except OrderNotFound:
        return None


def _whole_of(trade_no: str, number: str, *, is_heard_today: bool) -> _Whole | None:
    """What went back of a trade by no request of the shop's, if it is all that was left; `number` is that of its order.
    Up to four round trips.
    """
    order = _order_of(number)
    if order is None:
        return None
    amount, at = refund.whole_of_trade(order, trade_no, refund.list_refunds(order))
    if not amount or at is None:
        return None
    received = payment.find_payment(order, trade_no)
    paid_at = received.paid_at if received else order.paid_at or order.placed_at
    # Its last refund may stand on the bill of the day after.
    return _Whole(amount, journal.day_of(paid_at), journal.day_of(at) + _A_DAY, is_heard_today, amount)


def _nearest(day: date, wholes: Iterable[_Whole]) -> list[date]:
    """The days, but this one, on whose bills the refunds of some trades may stand: a month's, the nearest first."""
    most = timedelta(days=_DAYS_UNSEEN)
    days = {
        one for whole in wholes for one in _days(max(whole.since, day - most), min(whole.until, day + most))
    }
    return sorted(days - {day}, key=lambda one: (abs(one - day), one))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _is_late(state: BillState[Any]) -> bool:
    """Whether there may be a bill though the provider has none."""
    return isinstance(state, NoBill) and not state.nothing_happened
