"""A provider's two bills of a day against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.flows.match_bill import Difference, What, key_of_line
from chalicelib.flows.match_funds import Funds
from chalicelib.gateways.bills import BillLine, FundLine

NIGHT = datetime(2026, 11, 27, 15, tzinfo=UTC)
"""An hour before midnight in Beijing."""
NOON = NIGHT - timedelta(hours=11)


def payment(amount: int, fee: int = 0, *, at: datetime = NOON) -> BillLine:
    return BillLine(at, "N1", "t1", None, amount, fee, True, "N1", amount - fee)


def refund(amount: int, fee: int = 0, *, is_final: bool = True, reference: str = "r1") -> BillLine:
    return BillLine(NOON, "N1", "t1", "r1", amount, -fee, is_final, reference, fee - amount)


def moved(amount: int, reference: str = "N1", *, kind: str = "trade", at: datetime = NOON) -> FundLine:
    return FundLine(at, "f1", kind, amount, 0, "t1", reference)


def held(trades: list[BillLine], funds: list[FundLine]) -> Funds:
    """Both bills of a day, read."""
    sums = Funds(NIGHT)
    assert list(sums.noted(trades)) == trades
    sums.move(funds)
    sums.name(trades, funds)
    return sums


def told(sums: Funds) -> list[Difference]:
    return list(sums.differences(set()))


def test_a_trades_money_is_its_payments_less_refunds_and_fees() -> None:
    one = [payment(24000, 144), refund(9000, 54, reference="N1")]
    assert told(held(one, [moved(24000), moved(-144), moved(-9000), moved(54)])) == []
    assert told(held(one, [moved(23856), moved(-8946)])) == []
    assert told(held(one, [moved(24000), moved(-144), moved(-9000), moved(53)])) == [
        Difference(What.FUNDS, ("t1", None), "N1", 14910, 14909)
    ]


def test_a_refund_with_a_reference_of_its_own_is_one_by_itself() -> None:
    trades = [payment(24000, 144), refund(9000, 54)]
    assert told(held(trades, [moved(23856), moved(-8946, "r1")])) == []
    assert told(held(trades, [moved(23856)])) == [Difference(What.FUNDS, ("t1", "r1"), "N1", -8946, None)]


def test_what_no_trade_is_known_of_is_off_and_what_is_of_no_trade_is_named() -> None:
    sums = held([], [moved(100, "N9"), moved(-500, "", kind="drawn"), moved(-7, "", kind="drawn")])
    assert told(sums) == [Difference(What.FUNDS, ("t1", None), "N9", None, 100)]
    assert sums.others == {"drawn": -507}


@pytest.mark.parametrize("funds", [[], [moved(-8946, "r1")]])
def test_a_refund_that_is_under_way_may_have_moved_or_not(funds: list[FundLine]) -> None:
    assert told(held([refund(9000, 54, is_final=False)], funds)) == []


def test_a_refund_that_is_under_way_moves_by_no_other_amount() -> None:
    sums = held([refund(9000, 54, is_final=False)], [moved(-8945, "r1")])
    assert told(sums) == [Difference(What.FUNDS, ("t1", "r1"), "N1", None, -8945)]


def test_what_moves_after_midnight_waits_for_the_next_bill_and_is_found_in_it() -> None:
    late = payment(100, at=NIGHT + timedelta(minutes=59))
    sums = held([late, refund(50)], [])
    assert sums.pending() == {"N1", "r1"}
    assert list(sums.differences(sums.pending())) == []
    sums.add(lambda: [], set(), [moved(100), moved(-50, "r1"), moved(3, "N2")])
    assert told(sums) == []
    early = held([payment(100)], [])
    assert early.pending() == set()


def test_what_moved_before_its_trade_is_found_on_the_day_before() -> None:
    sums = held([], [moved(100)])
    sums.add(lambda: [payment(100)], set(), [])
    assert told(sums) == []


def test_a_refund_that_is_made_now_must_have_moved_now_or_when_it_was_asked_for() -> None:
    asked = refund(9000, 54, is_final=False)
    for here, there in (([moved(-8946, "r1")], []), ([], [moved(-8946, "r1")])):
        sums = held([], here)
        sums.add(lambda: [asked], {key_of_line(asked)}, there)
        assert told(sums) == []
    sums = held([], [])
    sums.add(lambda: [asked], {key_of_line(asked)}, [])
    assert told(sums) == [Difference(What.FUNDS, ("t1", "r1"), "N1", -8946, None)]


def test_all_of_a_trade_is_added_with_what_is_done_on_another_day() -> None:
    bought, asked = payment(24000, 144), refund(9000, 54, reference="N1")
    sums = held([], [])
    sums.add(lambda: [bought, asked], {key_of_line(asked)}, [moved(23856), moved(-8946)])
    assert told(sums) == []
