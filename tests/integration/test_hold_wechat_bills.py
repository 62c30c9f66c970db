"""A day's bills of WeChat Pay held against the journal and each other. A refund stands in the bill of trades on the day
on which it was asked for, with the state it had when the bill was made; the bill of funds tells when money moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from chalicelib.beijing_time import day_start
from chalicelib.deadline import Deadline
from chalicelib.errors import RefundNotAllowed
from chalicelib.flows.carry_out_refund import carry_out
from chalicelib.flows.confirm_payment import confirm
from chalicelib.flows.decide_refund import approve
from chalicelib.flows.hold_bills import hold
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Paid
from chalicelib.gateways.wechat import Wechat
from chalicelib.shop import bill, enrollment, order, refund
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.bill import BillDay, BillDifference
from chalicelib.shop.enrollment import SliceKey
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import WECHAT, Way
from chalicelib.storage.dynamodb import Transaction
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from localstack.wechat.bad_days import FUND_BILL, TRADE_BILL
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Clock
from tests.standing_clock import Clock as StandingClock
from tests.wechat_merchant import a_gateway, new_simulator

FEE = 144


class Day:
    """A day of the shop and WeChat Pay that no other test trades on."""

    def __init__(self, base_url: str, wechat: WechatSimulator, wechats: StandingClock, clock: Clock) -> None:
        self.date = builders.a_day()
        self.base_url, self.wechat, self._wechats, self.clock = base_url, wechat, wechats, clock
        self.provider: Wechat = a_gateway(wechat, "https://shop.example.com/trade/wechat")
        self.gateways = Gateways(payments={WECHAT: self.provider}, geetest=None)
        self.at(12)

    def at(self, hour: float) -> None:
        """Let it be so many hours after the day's begin in Beijing."""
        self._wechats.now = day_start(self.date) + timedelta(hours=hour)
        self.clock.stand_at(self._wechats.now)

    def sold(self, told: bool = True) -> str:
        """An order of 240 that is paid; the shop hears of it, unless it is lost. -> its number"""
        learner = Client(self.base_url, user := builders.a_user())
        learner.token = builders.a_token(user, self.clock())
        number = purchases.place(learner, [builders.a_course(prices=[24000])], 240)
        placed = order.find_by_number(number)
        placed.update([Order.payment_type.set(WECHAT), Order.trades.set([])])
        trade = order.begin_trade(placed, WECHAT, Way.NATIVE, self.clock())
        expires_at = self.clock() + timedelta(minutes=30)
        self.provider.start_native(trade.number, 24000, "课程", expires_at, Deadline(8))
        self.wechat.pay(trade.number)
        if told:
            news = self.provider.query(trade.number, 24000, Deadline(8))
            assert isinstance(news, Paid)
            confirm(order.reload(placed), news, Cause(By.QUERY, ""), self.clock())
        return number

    def refunded(self, number: str) -> str:
        """The learner gets all back; WeChat Pay is asked -> the request's number."""
        paid = order.find_by_number(number)
        asked, transaction = refund.application(paid, [0], "学不完", self.clock()), Transaction()
        order.request_refund(transaction, paid, [0], Cause(By.LEARNER, "refund"), self.clock())
        refund.request(transaction, asked)
        key = SliceKey(paid.user_id, paid.lines[0].course, number, 0)
        enrollment.pause(transaction, key, self.clock(), RefundNotAllowed(reason="line"))
        transaction.commit()
        approve(asked.request_no, "ops", self.gateways, self.clock())
        return str(asked.request_no)

    def hears_of(self, request_no: str) -> None:
        """WeChat Pay is asked again, and has made the refund."""
        paid, asked = refund.find_refund(request_no)
        assert carry_out(paid, asked, self.gateways, self.clock()) == refund.DONE

    def hold(self, hour: float = 34, day: date | None = None) -> BillDay:
        """The day held against its bills, at ten the next morning."""
        self.at(hour)
        held = hold(self.provider, day or self.date, self.clock())
        assert held is not None
        return held

    def differences(self, day: date | None = None) -> list[BillDifference]:
        """What waits for a person of it."""
        found = bill.list_differences(WECHAT, day or self.date)
        return [one for one in found if one.attention == PROBLEM]

    def told(self) -> list[tuple[str, str, int | None, int | None]]:
        return [(one.what, one.order_number, one.ours, one.theirs) for one in self.differences()]


@pytest.fixture
def today(gateway_server: GatewayServer, clock: Clock) -> Iterator[Day]:
    wechats = StandingClock()
    with new_simulator(wechats) as wechat:
        yield Day(gateway_server.base_url, wechat, wechats, clock)


def test_a_day_with_a_refund_agrees_to_the_fen(today: Day) -> None:
    number = today.sold()
    today.sold()
    request_no = today.refunded(number)
    today.at(12.1)
    today.hears_of(request_no)
    held = today.hold()
    assert (held.state, today.told()) == (bill.AGREES, [])
    assert (held.ours_paid, held.ours_refunded) == (held.theirs_paid, held.theirs_refunded) == (48000, 24000)
    assert (held.fees, held.moved) == (FEE, 24000 - FEE)


@pytest.mark.parametrize(
    ("planted", "method", "expected"),
    [
        ("bill_one_fen", TRADE_BILL, [("amount", 24000, 24001), ("funds", 23857, 23856)]),
        ("bill_one_fen", FUND_BILL, [("funds", 23856, 23857)]),
        ("bill_line_missing", TRADE_BILL, [("funds", None, 23856), ("missing", 24000, None)]),
        ("bill_line_missing", FUND_BILL, [("funds", 23856, None)]),
    ],
)
def test_a_fen_and_a_missing_line_are_named_with_their_order_and_heal(
    today: Day, planted: str, method: str, expected: list[tuple[str, int | None, int | None]]
) -> None:
    number = today.sold()
    today.at(13)
    today.sold()
    with today.wechat.bad_day(planted, method=method):
        today.hold()
    assert sorted(today.told()) == [(what, number, ours, theirs) for what, ours, theirs in expected]
    assert today.hold(35).state == bill.AGREES
    assert today.told() == []


def test_a_line_too_many_is_named(today: Day) -> None:
    today.sold()
    with today.wechat.bad_day("bill_line_too_many"):
        today.hold()
    [unknown] = today.differences()
    assert (unknown.what, unknown.trade_no, unknown.theirs) == (
        "unknown",
        "4299999999202001019999999999",
        24000,
    )


def test_money_of_which_nobody_told_is_named_with_the_shops_number_of_its_order(today: Day) -> None:
    number = today.sold(told=False)
    today.hold()
    assert today.told() == [("unknown", number, None, 24000)]


def test_money_that_is_drawn_to_the_bank_is_named_and_is_no_difference(today: Day) -> None:
    today.sold()
    with today.wechat.bad_day("bill_money_drawn"):
        held = today.hold()
    assert (held.state, held.moved) == (bill.AGREES, 24000 - FEE)
    assert [(one.kind, one.amount) for one in held.others] == [("提现", FEE - 24000)]


@pytest.mark.parametrize(("made", "heard"), [(3, 3), (1, 1), (1, 2), (1, 4), (3, 12), (12, 12)])
def test_a_refund_that_is_made_and_heard_of_days_after_it_was_asked_for_is_off_on_no_day(
    made: int, heard: int, today: Day
) -> None:
    number = today.sold()
    today.at(13)
    with today.wechat.bad_day("refund_stays"):
        request_no = today.refunded(number)
    assert today.hold().state == bill.AGREES
    today.at(made * 24 + 12)
    today.wechat.end_refund(request_no, "SUCCESS")
    made_on, heard_on = (today.date + timedelta(days=days) for days in (made, heard))
    if made < heard:
        held = today.hold((made + 1) * 24 + 10, made_on)
        assert (held.state, held.moved, today.differences(made_on)) == (bill.AGREES, FEE - 24000, [])
    today.at(heard * 24 + 12)
    today.hears_of(request_no)
    held = today.hold((heard + 1) * 24 + 10, heard_on)
    assert (held.state, today.differences(heard_on)) == (bill.AGREES, [])
    moved = FEE - 24000 if made == heard else 0
    assert (held.ours_refunded, held.theirs_refunded, held.moved) == (24000, 0, moved)
    for day in (today.date, made_on):
        assert today.hold((heard + 1) * 24 + 10, day).state == bill.AGREES


def test_a_refund_that_the_account_never_gave_is_named(today: Day) -> None:
    number = today.sold()
    today.at(13)
    with today.wechat.bad_day("refund_stays"):
        request_no = today.refunded(number)
    today.at(3 * 24 + 12)
    today.wechat.end_refund(request_no, "SUCCESS")
    today.hears_of(request_no)
    made_on = today.date + timedelta(days=3)
    with today.wechat.bad_day("bill_line_missing", method=FUND_BILL):
        today.hold(4 * 24 + 10, made_on)
    [found] = today.differences(made_on)
    assert (found.what, found.order_number, found.request_no) == ("funds", number, request_no)
    assert (found.ours, found.theirs) == (FEE - 24000, None)


def test_a_refund_at_the_console_that_is_under_way_and_told_by_nobody_is_named(today: Day) -> None:
    number = today.sold()
    today.wechat.book.refund_takes = timedelta(days=3)
    by_hand = today.wechat.refund(order.find_by_number(number).trade_number or "", 1000)
    today.hold()
    [found] = today.differences()
    assert (found.what, found.order_number, found.request_no) == ("unknown", number, by_hand.out_refund_no)
    assert (found.ours, found.theirs) == (None, 1000)


def test_a_bill_that_is_not_made_in_time_waits_for_a_person_until_it_is(today: Day) -> None:
    today.sold()
    for method in (TRADE_BILL, FUND_BILL):
        with today.wechat.bad_day("bill_late", method=method):
            held = today.hold()
        assert (held.state, held.attention) == (bill.MISSING, PROBLEM)
    held = today.hold(35)
    assert (held.state, held.attention) == (bill.AGREES, None)


def test_midnight_is_passed_by_payments_and_refunds(today: Day) -> None:
    number = today.sold()
    today.at(23.9)
    request_no = today.refunded(number)
    today.at(24.1)
    today.hears_of(request_no)
    tomorrow = today.date + timedelta(days=1)
    assert today.hold().state == bill.AGREES
    assert today.hold(58, tomorrow).state == bill.AGREES
    assert today.hold(58).state == bill.AGREES
    assert today.differences() == today.differences(tomorrow) == []
