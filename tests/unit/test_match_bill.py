"""Holding a provider's bill against the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, permutations

import pytest

from chalicelib.flows.match_bill import Difference, Fact, Match, What, differences, facts_of, match
from chalicelib.gateways.bills import BillLine
from chalicelib.shop.journal import ELSEWHERE, FREE, PAID, REFUNDED, WHOLE_TRADE, JournalEntry

AT = datetime(2026, 11, 27, 4, tzinfo=UTC)


def entry(
    fact: str, amount: int, trade: str | None, request: str | None = None, use: str = "applied"
) -> list[Fact]:
    """The fact of an entry; of one that is in no bill there is none."""
    written = JournalEntry(
        fact=fact, use=use, at=AT, order_number=f"N{trade}", amount=amount, trade_no=trade, request_no=request
    )
    return list(facts_of([written]))


def line(
    amount: int, trade: str, request: str | None = None, *, fee: int = 0, is_final: bool = True
) -> BillLine:
    moves = (amount if request is None else -amount) - fee
    return BillLine(AT, f"N{trade}", trade, request, amount, fee, is_final, f"N{trade}", moves)


def told(result: Match) -> list[Difference]:
    return list(differences(result))


def both(lines: Sequence[BillLine], entries: Sequence[list[Fact]]) -> list[Difference]:
    """The differences, which hang on no order of the lines and entries."""
    found = {
        frozenset(told(match(some, chain.from_iterable(others))))
        for some in permutations(lines)
        for others in permutations(entries)
    }
    (only,) = found
    return list(only)


BOUGHT, BACK = entry(PAID, 24000, "t1"), entry(REFUNDED, 9000, "t1", "N_1", "application")
PAID_LINE, BACK_LINE = line(24000, "t1", fee=144), line(9000, "t1", "N_1", fee=-54)


def test_a_bill_that_agrees_has_no_difference_and_its_sums_are_the_journals() -> None:
    result = match([PAID_LINE, BACK_LINE], [*BACK, *BOUGHT])
    assert told(result) == []
    assert result.ours == result.theirs
    assert (result.theirs.paid, result.theirs.refunded, result.fees) == (24000, 9000, 90)


@pytest.mark.parametrize(
    ("lines", "entries", "expected"),
    [
        ([line(24001, "t1")], [BOUGHT], Difference(What.AMOUNT, ("t1", None), "Nt1", 24000, 24001)),
        (
            [PAID_LINE, line(8999, "t1", "N_1")],
            [BOUGHT, BACK],
            Difference(What.AMOUNT, ("t1", "N_1"), "Nt1", 9000, 8999),
        ),
        ([PAID_LINE], [BOUGHT, BACK], Difference(What.MISSING, ("t1", "N_1"), "Nt1", 9000, None)),
        ([PAID_LINE, BACK_LINE], [BOUGHT], Difference(What.UNKNOWN, ("t1", "N_1"), "Nt1", None, 9000)),
        (
            [PAID_LINE, line(24000, "t2")],
            [BOUGHT],
            Difference(What.UNKNOWN, ("t2", None), "Nt2", None, 24000),
        ),
        ([], [BOUGHT], Difference(What.MISSING, ("t1", None), "Nt1", 24000, None)),
        ([PAID_LINE, PAID_LINE], [BOUGHT], Difference(What.TWICE, ("t1", None), "Nt1", None, 24000)),
    ],
    ids=["a fen of a payment", "a fen of a refund", "no refund", "a refund", "a trade", "nothing", "twice"],
)
def test_each_way_to_differ_is_told(
    lines: list[BillLine], entries: list[list[Fact]], expected: Difference
) -> None:
    assert both(lines, entries) == [expected]


def test_what_is_in_no_bill_is_not_missed() -> None:
    free = entry(FREE, 0, None)
    elsewhere = entry(ELSEWHERE, 9000, "t1", "N_1", "application")
    nothing = entry(REFUNDED, 0, "t1", "N_2", "application")
    assert both([PAID_LINE], [BOUGHT, free, elsewhere, nothing]) == []


def test_a_refund_that_is_under_way_at_the_provider_has_moved_nothing() -> None:
    under_way = line(9000, "t1", "N_1", is_final=False)
    result = match([PAID_LINE, under_way], BOUGHT)
    assert told(result) == []
    assert result.theirs.refunded == 0
    assert result.under_way == [under_way]
    assert match([PAID_LINE, under_way], [*BOUGHT, *BACK]).under_way == []


@pytest.mark.parametrize(
    "refunds", [[line(15000, "t1", "")], [line(10000, "t1", "console1"), line(5000, "t1", "console2")]]
)
def test_all_that_was_left_is_met_by_the_trades_other_refunds_together(refunds: list[BillLine]) -> None:
    left = entry(REFUNDED, 15000, "t1", None, WHOLE_TRADE)
    assert both([PAID_LINE, BACK_LINE, *refunds], [BOUGHT, BACK, left]) == []
    less = [*refunds[:-1], line(refunds[-1].amount - 1, "t1", refunds[-1].request_no)]
    found = both([PAID_LINE, BACK_LINE, *less], [BOUGHT, BACK, left])
    assert {one.what for one in found} == {What.MISSING, What.UNKNOWN}
    assert sum(one.ours or 0 for one in found) == 15000
    assert sum(one.theirs or 0 for one in found) == 14999


def test_a_second_trade_of_an_order_is_a_payment_of_its_own() -> None:
    second = entry(PAID, 24000, "t2", use="surplus")
    back = entry(REFUNDED, 24000, "t2", "N_2", "surplus payment")
    assert both([PAID_LINE, line(24000, "t2"), line(24000, "t2", "N_2")], [BOUGHT, second, back]) == []


def test_a_large_bill_is_read_once_and_only_what_nobody_knows_is_kept() -> None:
    entries = [fact for number in range(1000) for fact in entry(PAID, 100, f"t{number}")]
    read = iter([line(100, f"t{number}") for number in range(1001)])
    result = match(read, entries)
    assert [one.key for one in told(result)] == [("t1000", None)]
    assert len(result.unknown) == 1
    assert next(read, None) is None
