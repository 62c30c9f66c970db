"""A day's bill held against the journal: each fen that nobody told of is named the next morning."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from chalicelib.beijing_time import day_start
from chalicelib.deadline import Deadline
from chalicelib.errors import RefundedAtProvider
from chalicelib.flows.apply_for_refund import apply
from chalicelib.flows.decide_refund import approve
from chalicelib.flows.hold_bills import hold, hold_last, resolve
from chalicelib.gateways import Gateways
from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.bills import BillLine, FundLine, NoBill, checked
from chalicelib.gateways.payments import BillState
from chalicelib.settings import settings
from chalicelib.shop import bill, journal, order, refund, refund_notice
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.bill import BillDay, BillDifference
from chalicelib.storage.dynamodb import UserItem
from localstack.alipay import AlipaySimulator
from localstack.alipay.bad_days import FUND_BILL, OTHER_ORDER, OTHER_TRADE_NO, TRADE_BILL
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.alipay_adapter import an_adapter, merchant
from tests.client import Client
from tests.purchases import Clock
from tests.terminal import Operator


class Day:
    """A day of the shop and Alipay that no other test trades on."""

    def __init__(self, base_url: str, alipay: AlipaySimulator, clock: Clock) -> None:
        self.date = builders.a_day()
        self.base_url, self.alipay, self.clock = base_url, alipay, clock
        self.provider: Alipay = an_adapter()
        self.at(12)

    def at(self, hour: float) -> None:
        """Let it be so many hours after the day's begin in Beijing."""
        self.clock.stand_at(day_start(self.date) + timedelta(hours=hour))

    def sold(self, told: bool = True) -> str:
        """An order of 240 that is paid; Alipay's notice arrives, unless it is lost."""
        learner = Client(self.base_url, user := builders.a_user())
        learner.token = builders.a_token(user, self.clock())
        number = purchases.place(learner, [builders.a_course(prices=[24000])], 240)
        purchases.pay(self.alipay, number)
        if told:
            assert purchases.deliver(purchases.notice(self.alipay, number)) == "success"
        return number

    def hold(self, hour: float = 34, day: date | None = None) -> BillDay:
        """The day held against its bill, at ten the next morning."""
        self.at(hour)
        held = hold(self.provider, day or self.date, self.clock())
        assert held is not None
        return held

    def differences(self, day: date | None = None) -> list[BillDifference]:
        """What waits for a person of it."""
        found = bill.list_differences("alipay", day or self.date)
        return [one for one in found if one.attention == PROBLEM]

    def told(self) -> list[tuple[str, str, int | None, int | None]]:
        return [(one.what, one.order_number, one.ours, one.theirs) for one in self.differences()]


@pytest.fixture
def today(gateway_server: GatewayServer, alipay: AlipaySimulator, common_clock: Clock) -> Day:
    return Day(gateway_server.base_url, alipay, common_clock)


def test_a_day_that_agrees_has_the_sums_of_both_sides_and_the_fees(today: Day) -> None:
    number = today.sold()
    today.sold()
    today.at(13)
    today.alipay.refund(number)
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    held = today.hold()
    assert (held.state, held.differences, held.attention) == (bill.AGREES, 0, None)
    assert (held.ours_paid, held.ours_refunded) == (held.theirs_paid, held.theirs_refunded) == (48000, 24000)
    assert held.fees > 0
    assert today.told() == []
    assert [one.day for one in bill.list_days("alipay", today.date, today.date)] == [today.date.isoformat()]


def test_nothing_is_held_before_ten_the_next_morning(today: Day) -> None:
    today.sold()
    today.at(33.99)
    assert hold(today.provider, today.date, today.clock()) is None
    assert bill.find_day("alipay", today.date) is None


@pytest.mark.parametrize(
    ("planted", "method", "expected"),
    [
        ("bill_amount_off", TRADE_BILL, [("amount", 24000, 24001), ("funds", 23857, 23856)]),
        ("bill_amount_off", FUND_BILL, [("funds", 23856, 23857)]),
        ("bill_line_missing", TRADE_BILL, [("funds", None, 23856), ("missing", 24000, None)]),
        ("bill_line_missing", FUND_BILL, [("funds", 23856, -144)]),
    ],
)
def test_a_fen_and_a_missing_line_are_named_with_their_order_and_heal(
    today: Day, planted: str, method: str, expected: list[tuple[str, int | None, int | None]]
) -> None:
    number = today.sold()
    today.sold()
    with today.alipay.bad_day(planted, method=method, out_trade_no=number):
        held = today.hold()
    assert (held.state, held.differences) == (bill.DIFFERS, len(expected))
    assert sorted(today.told()) == [(what, number, ours, theirs) for what, ours, theirs in expected]
    assert today.hold(35).state == bill.AGREES
    assert today.told() == []


def test_a_line_too_many_is_named_with_its_order_and_trade(today: Day) -> None:
    number = today.sold()
    with today.alipay.bad_day("bill_line_added", method=TRADE_BILL, out_trade_no=number):
        today.hold()
    funds, unknown = sorted(today.differences(), key=lambda one: str(one.what))
    assert (unknown.what, unknown.order_number, unknown.trade_no) == ("unknown", number, OTHER_TRADE_NO)
    assert (unknown.ours, unknown.theirs) == (None, 1)
    assert (funds.what, funds.order_number, funds.ours, funds.theirs) == ("funds", number, 23857, 23856)
    with today.alipay.bad_day("bill_line_added", method=FUND_BILL):
        today.hold(35)
    [unheard] = today.differences()
    assert (unheard.what, unheard.order_number, unheard.ours) == ("funds", OTHER_ORDER, None)


def test_money_of_which_every_notice_was_lost_is_told_by_the_bill_until_it_is_taken(today: Day) -> None:
    number = today.sold(told=False)
    today.hold()
    assert today.told() == [("unknown", number, None, 24000)]
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    assert today.hold(35).state == bill.AGREES
    assert today.told() == []


def test_a_partial_refund_at_the_console_of_which_every_notice_was_lost_is_told_by_the_bill(
    today: Day,
) -> None:
    number = today.sold()
    today.alipay.refund(number, 1000, "by-hand")
    today.hold()
    [found] = today.differences()
    assert (found.what, found.order_number, found.request_no) == ("unknown", number, "by-hand")
    assert (found.ours, found.theirs) == (None, 1000)


def test_what_the_bill_alone_tells_of_is_not_paid_again_unasked(today: Day) -> None:
    number = today.sold()
    today.alipay.refund(number, 1000, "by-hand")
    for _ in range(2):
        today.hold()
    [told] = refund_notice.list_all(purchases.stored(number))
    assert (told.request_no, told.refunded, told.attention) == ("by-hand", 1000, None)
    asked = apply(purchases.stored(number), [0], "学不完", timedelta(days=7), {"alipay"}, today.clock())
    with pytest.raises(RefundedAtProvider):
        approve(asked.request_no, "op", gateways(today), today.clock())
    # The notice comes after all.
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    [told] = refund_notice.list_all(purchases.stored(number))
    assert told.attention == PROBLEM


def test_an_operator_reads_what_differs_and_what_to_do_and_resolves_it(
    today: Day, operator: Operator
) -> None:
    number = today.sold()
    with today.alipay.bad_day("bill_amount_off", method=TRADE_BILL, out_trade_no=number):
        today.hold()
    found = today.differences()[0]
    listed = operator.does("problems", "--limit", "500")
    assert (
        f"order {number}: bill and journal of {today.date} differ. payment of trade {found.trade_no}:"
        " alipay 240.01, journal 240.00\n" in listed
    )
    resolved = (
        "resolve-difference",
        "alipay",
        today.date.isoformat(),
        found.trade_no,
        "--reason",
        "a cent of theirs",
    )
    assert f"  when it is dealt with: {' '.join(resolved[:4])} --reason" in listed
    operator.does(*resolved)
    assert found.trade_no not in operator.does("problems", "--limit", "500")
    assert f"resolve-difference  alipay {today.date} {found.trade_no}; because: a cent" in operator.does(
        "audit"
    )
    assert "nothing of this waits" in operator.is_refused(*resolved)


def test_what_an_operator_resolved_stays_resolved_until_it_says_something_else(today: Day) -> None:
    number = today.sold()
    with today.alipay.bad_day("bill_amount_off", method=TRADE_BILL, out_trade_no=number):
        today.hold()
        resolve("alipay", today.date, today.differences()[0].trade_no, "ops", "theirs", today.clock())
        today.hold(35)
        assert today.told() == []
    with today.alipay.bad_day("bill_line_missing", method=TRADE_BILL, out_trade_no=number):
        today.hold(36)
    assert sorted(today.told()) == [("funds", number, None, 23856), ("missing", number, 24000, None)]


@pytest.mark.parametrize(
    ("trouble", "state"), [("bill_missing", bill.MISSING), ("bill_garbled", bill.UNREADABLE)]
)
@pytest.mark.parametrize("method", [TRADE_BILL, FUND_BILL])
def test_a_day_without_a_bill_waits_for_a_person_until_there_is_one(
    today: Day, trouble: str, state: str, method: str
) -> None:
    today.sold()
    with today.alipay.bad_day(trouble, method=method):
        held = today.hold()
    assert (held.state, held.attention) == (state, PROBLEM)
    assert held.reason
    held = today.hold(35)
    assert (held.state, held.attention, held.reason) == (bill.AGREES, None, None)


def test_a_day_on_which_nothing_happened_agrees(today: Day) -> None:
    held = today.hold()
    assert (held.state, held.ours_paid, held.theirs_paid) == (bill.AGREES, 0, 0)


def test_a_refund_that_becomes_true_here_after_midnight_is_missed_by_neither_day(today: Day) -> None:
    number = today.sold()
    today.at(23.99)
    today.alipay.refund(number)
    notice = purchases.notice(today.alipay, number)
    today.at(24.01)
    assert purchases.deliver(notice) == "success"
    held = today.hold()
    assert (held.state, today.told()) == (bill.AGREES, [])
    tomorrow = today.date + timedelta(days=1)
    assert today.hold(58, tomorrow).state == bill.AGREES
    assert today.differences(tomorrow) == []


def test_a_difference_that_was_over_and_comes_again_waits_again(today: Day) -> None:
    number = today.sold()
    for hour in (34, 36):
        with today.alipay.bad_day("bill_amount_off", method=FUND_BILL, out_trade_no=number):
            today.hold(hour)
        assert today.told() == [("funds", number, 23856, 23857)]
        today.hold(hour + 1)
        assert today.told() == []


def test_a_bill_that_is_out_of_reach_takes_nothing_back_of_what_was_found(today: Day) -> None:
    number = today.sold(told=False)
    first = today.hold()
    for method in (TRADE_BILL, FUND_BILL):
        with today.alipay.bad_day("bill_garbled", method=method):
            again = today.hold(35)
        assert (again.state, again.theirs_paid, again.held_at) == (bill.DIFFERS, 24000, first.held_at)
    assert today.told() == [("unknown", number, None, 24000)]


def test_money_that_is_drawn_to_the_bank_is_named_and_is_no_difference(
    today: Day, operator: Operator
) -> None:
    today.sold()
    with today.alipay.bad_day("bill_money_drawn", method=FUND_BILL):
        held = today.hold()
    assert (held.state, held.moved) == (bill.AGREES, 23856)
    assert [(one.kind, one.amount) for one in held.others] == [("提现", -1)]


def test_all_that_went_back_at_the_console_is_known_when_the_shop_hears_of_it_days_later(today: Day) -> None:
    number = today.sold()
    today.alipay.refund(number, 1000, "part")
    today.alipay.refund(number, None, "rest")
    today.hold()
    assert sorted(today.told()) == [("unknown", number, None, 1000), ("unknown", number, None, 23000)]
    today.at(3 * 24 + 12)
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    heard_on = today.date + timedelta(days=3)
    assert today.hold(4 * 24 + 10, heard_on).state == bill.AGREES
    assert today.hold(4 * 24 + 10).state == bill.AGREES
    assert today.told() == today.differences(heard_on) == []


@pytest.mark.parametrize("told", [True, False])
def test_parts_of_several_days_that_come_to_the_whole_are_off_on_no_day(today: Day, told: bool) -> None:
    number = today.sold()
    days = [today.date + timedelta(days=age) for age in (0, 2, 3)]
    for age, part in ((0, 1000), (2, 3000), (3, None)):
        today.at(age * 24 + 13)
        today.alipay.refund(number, part, f"part{age}")
        if told or part is None:
            assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
        if part is not None:
            today.hold((age + 1) * 24 + 10, today.date + timedelta(days=age))
    assert today.told() == [("unknown", number, None, 1000)]
    assert purchases.status(number) == order.REFUNDED
    for day in reversed(days):
        held = today.hold(4 * 24 + 10, day)
        assert (held.state, today.differences(day)) == (bill.AGREES, [])


def test_a_part_leaves_the_list_when_the_rest_went_back_a_week_later(today: Day) -> None:
    number = today.sold()
    today.alipay.refund(number, 1000, "part")
    today.hold()
    assert today.told() == [("unknown", number, None, 1000)]
    today.at(7 * 24 + 13)
    today.alipay.refund(number, None, "rest")
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    assert today.hold(8 * 24 + 10, today.date + timedelta(days=7)).state == bill.AGREES
    held = bill.find_day("alipay", today.date)
    assert held and (held.state, today.told()) == (bill.AGREES, [])


def test_a_part_that_a_bill_lacks_is_named_on_the_day_on_which_the_whole_was_heard_of(today: Day) -> None:
    number = today.sold()
    today.at(24 + 13)
    today.alipay.refund(number, 1000, "part")
    today.at(3 * 24 + 13)
    today.alipay.refund(number, None, "rest")
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    heard_on = today.date + timedelta(days=3)
    today.at(4 * 24 + 10)

    class Lacking(Alipay):
        def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
            is_lacking = day == today.date + timedelta(days=1)
            return NoBill(nothing_happened=True) if is_lacking else super().trade_bill(day, now, deadline)

    assert hold(Lacking(**merchant(settings())), heard_on, today.clock())
    found = [(one.what, one.order_number, one.ours, one.theirs) for one in today.differences(heard_on)]
    assert sorted(found) == [("missing", number, 24000, None), ("unknown", number, None, 23000)]


def test_late_money_that_the_console_refunds_in_parts_is_off_on_no_day(today: Day) -> None:
    learner = Client(today.base_url, user := builders.a_user())
    learner.token = builders.a_token(user, now := today.clock())
    until = now + timedelta(days=1)
    coupon = builders.a_coupon(user, value=1000, valid_from=now - timedelta(days=1), valid_until=until)
    course = builders.a_course(prices=[24000])
    number = purchases.place(learner, [course], 230, general=coupon)
    assert purchases.cancel(learner, number)["code"] == 1000
    purchases.place(learner, [course], 230, general=coupon)
    purchases.pay(today.alipay, number)
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    for age, part in ((0, 1000), (1, None)):
        today.at(age * 24 + 13)
        today.alipay.refund(number, part, f"part{age}")
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    assert [one.status for one in refund.list_refunds(purchases.stored(number))] == [refund.SUPERSEDED]
    for age in (1, 0):
        day = today.date + timedelta(days=age)
        held = today.hold(2 * 24 + 10, day)
        assert (held.state, today.differences(day)) == (bill.AGREES, [])


def test_two_who_hold_a_day_at_once_come_to_what_one_comes_to(today: Day) -> None:
    number = today.sold(told=False)
    today.at(34)
    with ThreadPoolExecutor(2) as both:
        held = list(both.map(lambda _: hold(today.provider, today.date, today.clock()), range(2)))
    assert [one and one.state for one in held] == [bill.DIFFERS] * 2
    assert today.told() == [("unknown", number, None, 24000)]


def gateways(today: Day) -> Gateways:
    return Gateways(payments={"alipay": today.provider}, geetest=None)


def days(held: list[BillDay]) -> list[str]:
    return [one.day for one in held]


def test_a_run_holds_what_is_not_agreed_yet_and_a_day_once_more_when_the_next_bill_is_there(
    today: Day,
) -> None:
    number = today.sold(told=False)
    today.at(34)
    ages = [(today.date - timedelta(days=age)).isoformat() for age in range(4)]
    assert days(hold_last(gateways(today), today.clock, 60)) == ages
    today.at(36)
    assert days(hold_last(gateways(today), today.clock, 60)) == ages[:1], "the others agreed"
    assert purchases.deliver(purchases.notice(today.alipay, number)) == "success"
    today.at(58)
    tomorrow = (today.date + timedelta(days=1)).isoformat()
    assert days(hold_last(gateways(today), today.clock, 60)) == [tomorrow, ages[0]]
    assert today.told() == []
    today.at(59)
    assert days(hold_last(gateways(today), today.clock, 60)) == [tomorrow]


def test_days_without_a_run_are_made_up_for_and_a_run_ends_in_time(today: Day) -> None:
    today.hold()
    today.at(20 * 24 + 10)
    assert hold_last(gateways(today), today.clock, 0) == []
    held = hold_last(gateways(today), today.clock, 60)
    assert days(held) == [(today.date + timedelta(days=age)).isoformat() for age in range(19, 0, -1)]


class Foreign(Alipay):
    """An account whose trades are all another shop's."""

    def __init__(self, today: Day) -> None:
        account = today.provider
        super().__init__(account._account, account._trade_url, account._leave_url)
        self.noon = day_start(today.date) + timedelta(hours=12)

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        names = [f"trade{number}" for number in range(bill.MOST_DIFFERENCES + 1)]
        return checked(
            lambda: (BillLine(self.noon, name, name, None, 100, 0, True, name, 100) for name in names),
            lambda: None,
        )

    def fund_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[FundLine]:
        names = [f"trade{number}" for number in range(bill.MOST_DIFFERENCES + 1)]
        return checked(
            lambda: (FundLine(self.noon, name, "trade", 100, 100, name, name) for name in names), lambda: None
        )


def test_a_bill_of_another_shop_is_told_as_a_whole(today: Day, operator: Operator) -> None:
    today.provider = Foreign(today)
    held = today.hold()
    most = bill.MOST_DIFFERENCES
    assert (held.state, held.differences, len(today.told())) == (bill.DIFFERS, most + 1, most)
    assert held.attention == PROBLEM
    listed = operator.does("problems", "--limit", "500")
    assert f"{today.date} of alipay differs: {most + 1} differences, of which {most} are listed\n" in listed
    with UserItem.batch_write() as batch:
        for found in [held, *today.differences()]:
            batch.delete(found)


def test_an_operator_sees_the_days_with_both_sides_and_holds_one_again(
    today: Day, operator: Operator
) -> None:
    today.date = journal.day_of(builders.now()) - timedelta(days=30)
    today.at(12)
    today.sold()
    today.hold()
    line = (
        f"{today.date}  alipay  agrees to the fen: provider 240.00 came and 0.00 went, journal 240.00 and 0.00,"
        " fees 1.44, account 238.56\n"
    )
    assert line in operator.does("bills", "--days", "40")
    assert line in operator.does("hold-bills", today.date.isoformat())
    assert "from ten o'clock the next morning on" in operator.is_refused("hold-bills", "2999-01-01")
