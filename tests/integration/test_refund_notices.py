"""Refunds that Alipay tells of: the shop's own, and those made in Alipay's console."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.errors import RefundFinished
from chalicelib.flows import decide_refund
from chalicelib.shop import coupon, enrollment, journal, order, refund, refund_notice
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Fault, answer, die_after, die_before, reset_before
from tests.faults.routing import FaultyApp
from tests.proof import invariants
from tests.purchases import Clock
from tests.terminal import Operator


class Pair(Client):
    """A learner who has bought two courses for 200 and 100 in money, with a general coupon of 30 and 100 beli."""

    def __init__(self, base_url: str, alipay: AlipaySimulator) -> None:
        self.person: User = builders.a_user(beli=100)
        super().__init__(base_url, self.person)
        self.alipay = alipay
        self.courses = [builders.a_course(prices=[price]) for price in (20000, 10000)]
        self.coupon = builders.a_coupon(self.person, value=3000)
        self.number = purchases.place(self, self.courses, 260, general=self.coupon, is_beli=True)
        purchases.pay(alipay, self.number)

    def hear_of_the_payment(self) -> None:
        assert purchases.deliver(purchases.notice(self.alipay, self.number)) == "success"

    def hear_of_refunds(self) -> None:
        """Alipay tells everything that it has not told yet."""
        self.alipay.deliver_due_notices(early=True)

    def apply(self, lines: list[int]) -> str:
        answer = self.post(f"/order/{self.number}/refund", {"reason": "r", "lines": lines})
        assert answer["code"] == 1000, answer
        return str(answer["data"]["request_no"])

    def owned(self) -> list[bool]:
        return [purchases.owns(self.person, course) for course in self.courses]

    def states(self) -> list[str]:
        found = refund.list_refunds(purchases.stored(self.number))
        return [str(one.status) for one in sorted(found, key=lambda one: one.requested_at)]

    def elsewhere(self) -> list[tuple[str | None, int, list[int]]]:
        """What the journal has of refunds that went another way: number, amount and lines."""
        days = {journal.day_of(application.app.now() - timedelta(days=back)) for back in (0, 1)}
        return [
            (one.request_no, one.amount, [line.position for line in one.lines])
            for day in days
            for one in journal.list_day(day)
            if one.order_number == self.number and one.fact == journal.ELSEWHERE
        ]

    def paused(self) -> list[bool]:
        """Whether access to each line is paused."""
        found = sorted(enrollment.list_slices(self.person.user_id), key=lambda part: part.line)
        return [part.paused_at is not None for part in found]

    def assert_all_taken_back(self) -> None:
        found = purchases.stored(self.number)
        assert found.status == order.REFUNDED
        assert found.refunded_amount == found.amount
        assert found.requested_lines == []
        assert self.owned() == [False, False]
        purchases.assert_untouched(self.person, beli=100, unused=[self.coupon])


@pytest.fixture
def pair(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Pair:
    bought = Pair(gateway_server.base_url, alipay)
    bought.hear_of_the_payment()
    return bought


@pytest.fixture
def office(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.an_admin())


def approve(office: Client, request_no: str, **body: object) -> Any:
    return office.post(f"/admin/refunds/{request_no}/approve", body or None)


def reported(number: str) -> list[tuple[int, str | None]]:
    """Running totals that Alipay told of, and whether a person is asked for."""
    return [
        (notice.refunded, notice.attention) for notice in refund_notice.list_all(purchases.stored(number))
    ]


# Refunds of our own


def test_the_notice_of_a_refund_of_ours_confirms_it(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client
) -> None:
    pair = Pair(faulty_app.base_url, alipay)
    pair.hear_of_the_payment()
    request_no = pair.apply([0])
    with faulty_app.alipay.faults(Fault.on("GET", action=answer(502, b""))):
        assert approve(office, request_no)["data"]["status"] == "退款中"
    amount = int(purchases.stored(pair.number).lines[0].payable)
    alipay.refund(pair.number, amount, request_no)
    pair.hear_of_refunds()
    assert pair.states() == [refund.DONE]
    assert pair.owned() == [False, True]
    assert purchases.stored(pair.number).refunded_amount == amount
    assert reported(pair.number) == [(amount, None)]


def test_a_notice_of_what_the_shop_has_confirmed_already_changes_nothing(pair: Pair, office: Client) -> None:
    assert approve(office, pair.apply([0]))["data"]["status"] == "已退款"
    told = purchases.notice(pair.alipay, pair.number)
    assert set(purchases.at_once(*[lambda: purchases.deliver(told)] * 4)) == {"success"}
    assert pair.owned() == [False, True]
    assert purchases.happened(pair.number).count("lines refunded") == 1
    assert purchases.happened(pair.number).count("refund reported") == 1
    assert len(reported(pair.number)) == 1


def test_notices_of_all_refunds_in_any_order_leave_the_order_refunded_once(
    pair: Pair, office: Client
) -> None:
    told = [purchases.notice(pair.alipay, pair.number)]
    for position in (1, 0):
        approve(office, pair.apply([position]))
        told.append(purchases.notice(pair.alipay, pair.number))
    for notice in (told[2], told[0], told[1], told[2]):
        assert purchases.deliver(notice) == "success"
    pair.assert_all_taken_back()
    assert pair.states() == [refund.DONE, refund.DONE]
    assert purchases.payments(pair.number) == ["applied"]


def test_the_full_refund_of_the_lines_that_cost_money_leaves_the_free_one(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    """Alipay calls the trade closed then; but nobody has applied for the line that cost nothing."""
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[price]) for price in (0, 10000)]
    number = purchases.place(learner, courses, 100)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [1]})["data"]
    approve(office, asked["request_no"])
    assert alipay.notice_fields(number)["trade_status"] == "TRADE_CLOSED"
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert [purchases.owns(user, course) for course in courses] == [True, False]
    assert purchases.status(number) == order.PAID


# Refunds from Alipay's console


def test_a_full_refund_from_the_console_takes_everything_back(pair: Pair) -> None:
    pair.alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert purchases.happened(pair.number) == ["placed", "paid", "refund reported", "refunded"]
    pair.hear_of_refunds()
    assert purchases.deliver(purchases.notice(pair.alipay, pair.number)) == "success"
    assert purchases.happened(pair.number).count("refunded") == 1


@pytest.mark.parametrize("applied_for", [[0], [0, 1]])
def test_a_full_refund_from_the_console_overtakes_an_open_application(
    pair: Pair, office: Client, applied_for: list[int]
) -> None:
    request_no = pair.apply(applied_for)
    pair.alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert pair.states() == [refund.SUPERSEDED]
    assert approve(office, request_no)["code"] == 1803
    assert all(one["request_no"] != request_no for one in office.get("/admin/refunds")["data"])
    assert [one["status"] for one in pair.order(pair.number)["refunds"]] == ["已退款"]


def test_a_full_refund_from_the_console_overtakes_an_approved_refund_that_was_not_carried_out(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    pair = Pair(faulty_app.base_url, alipay)
    pair.hear_of_the_payment()
    request_no = pair.apply([0])
    with faulty_app.alipay.faults(Fault.on("GET", action=reset_before())):
        assert approve(office, request_no)["data"]["status"] == "退款中"
    alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert pair.states() == [refund.SUPERSEDED]
    clock.advance(minutes=5)
    purchases.run_timer()
    assert [one.amount for one in alipay.book.refunds(pair.number)] == [26000]


def test_what_is_left_is_taken_back_when_the_console_refunds_the_rest(pair: Pair, office: Client) -> None:
    approve(office, pair.apply([1]))
    pair.alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert pair.states() == [refund.DONE]
    assert sum(one.amount for one in pair.alipay.book.refunds(pair.number)) == 26000


def test_a_full_refund_at_once_with_an_application_loses_nothing(pair: Pair) -> None:
    pair.alipay.refund(pair.number)
    told = purchases.notice(pair.alipay, pair.number)
    body = {"reason": "r", "lines": [0]}
    applied, first, second = purchases.at_once(
        lambda: pair.post(f"/order/{pair.number}/refund", body)["code"],
        lambda: purchases.deliver(told),
        lambda: purchases.deliver(told),
    )
    assert (first, second) == ("success", "success")
    pair.assert_all_taken_back()
    assert pair.states() == ([refund.SUPERSEDED] if applied == 1000 else [])


def test_a_full_refund_at_once_with_a_decision_loses_nothing(pair: Pair, office: Client) -> None:
    request_no = pair.apply([0])
    pair.alipay.refund(pair.number)
    told = purchases.notice(pair.alipay, pair.number)
    told_answer, decided = purchases.at_once(
        lambda: purchases.deliver(told),
        lambda: office.post(f"/admin/refunds/{request_no}/refuse", {"answer": "no"})["code"],
    )
    assert told_answer == "success"
    assert decided in (1000, 1803)
    pair.assert_all_taken_back()
    assert pair.states() == [refund.REFUSED if decided == 1000 else refund.SUPERSEDED]


def test_a_refund_of_a_payment_nobody_told_of_delivers_and_takes_back(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    pair = Pair(gateway_server.base_url, alipay)
    alipay.refund(pair.number)
    assert purchases.deliver(purchases.notice(alipay, pair.number)) == "success"
    pair.assert_all_taken_back()
    assert purchases.payments(pair.number) == ["applied"]
    assert purchases.happened(pair.number) == ["placed", "paid", "refund reported", "refunded"]


def test_the_payments_notice_after_that_of_its_refund_changes_nothing(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    pair = Pair(gateway_server.base_url, alipay)
    paid = purchases.notice(alipay, pair.number)
    alipay.refund(pair.number)
    for told in (purchases.notice(alipay, pair.number), paid, paid):
        assert purchases.deliver(told) == "success"
    pair.assert_all_taken_back()


def test_a_full_refund_found_by_asking_takes_everything_back(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    pair = Pair(gateway_server.base_url, alipay)
    alipay.refund(pair.number)
    assert pair.order(pair.number)["status"] == "已退费"
    pair.assert_all_taken_back()


@pytest.mark.parametrize(("nth", "die"), [(1, die_after), (2, die_before)])
def test_a_full_refund_cut_off_is_finished_when_it_is_told_again(
    faulty_app: FaultyApp, alipay: AlipaySimulator, nth: int, die: Any
) -> None:
    pair = Pair(faulty_app.base_url, alipay)
    pair.hear_of_the_payment()
    alipay.refund(pair.number)
    told = purchases.notice(alipay, pair.number)
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", nth=nth, action=die(faulty_app.redis))):
        assert purchases.deliver(told) == "fail"
    assert purchases.deliver(told) == "success"
    pair.assert_all_taken_back()
    assert purchases.happened(pair.number).count("refund reported") == 1


# Partial refunds from the console


def test_a_partial_refund_that_is_not_ours_names_no_line_and_is_put_before_a_person(
    pair: Pair, operator: Operator
) -> None:
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    assert pair.owned() == [True, True]
    assert purchases.status(pair.number) == order.PAID
    assert purchases.stored(pair.number).refunded_amount == 0
    listed = operator.does("problems")
    assert f"order {pair.number}: the provider told of a partial refund that the shop did not make" in listed
    assert "50.0" in listed
    assert f"resolve-notice {pair.number} console-1" in listed
    assert reported(pair.number) == [(5000, "problem")]


def test_a_person_resolves_it_once_with_a_reason(pair: Pair, operator: Operator) -> None:
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    said = operator.does("resolve-notice", pair.number, "console-1", "--reason", "a discount by telephone")
    assert said == f"console-1 of order {pair.number} is resolved\n"
    assert pair.number not in operator.does("problems")
    operator.is_refused("resolve-notice", pair.number, "console-1", "--reason", "again")
    operator.is_refused("resolve-notice", pair.number, "console-2", "--reason", "never told")
    operator.is_refused("resolve-notice", "NOSUCH", "console-1", "--reason", "no order")
    assert reported(pair.number) == [(5000, None)]
    # A repetition of the notice does not bring it back.
    assert purchases.deliver(purchases.notice(pair.alipay, pair.number)) == "success"
    assert reported(pair.number) == [(5000, None)]


def test_each_partial_refund_is_put_before_a_person(pair: Pair, operator: Operator) -> None:
    for request_no in ("console-1", "console-2"):
        pair.alipay.refund(pair.number, 1000, request_no)
        told = purchases.notice(pair.alipay, pair.number)
        assert set(purchases.at_once(*[lambda told=told: purchases.deliver(told)] * 3)) == {"success"}
    assert sorted(reported(pair.number)) == [(1000, "problem"), (2000, "problem")]
    assert operator.does("problems").count(f"order {pair.number}:") == 2


def test_a_partial_refund_of_a_payment_nobody_told_of_delivers_the_order(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    pair = Pair(gateway_server.base_url, alipay)
    alipay.refund(pair.number, 1000, "console-1")
    assert purchases.deliver(purchases.notice(alipay, pair.number)) == "success"
    assert pair.owned() == [True, True]
    assert purchases.payments(pair.number) == ["applied"]
    assert reported(pair.number) == [(1000, "problem")]


def test_refunds_never_exceed_what_was_paid_whoever_makes_them(
    pair: Pair, office: Client, operator: Operator
) -> None:
    """A person refunded a part in the console already: the whole is refused by Alipay, and listed."""
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    request_no = pair.apply([0, 1])
    assert approve(office, request_no, pay_again=True)["data"]["status"] == "退款中"
    assert pair.states() == [refund.STUCK]
    assert request_no in operator.does("problems")
    assert sum(one.amount for one in pair.alipay.book.refunds(pair.number)) == 5000
    assert purchases.record(pair.person, pair.coupon).status == coupon.USED
    # The console refunds the rest: then all is over, here too.
    pair.alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert pair.states() == [refund.SUPERSEDED]


# What is applied for of an order of which the console refunded a part


@pytest.fixture
def applied(pair: Pair) -> str:
    """An application for the first line, whose money the console has refunded already."""
    request_no = pair.apply([0])
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    return request_no


def back(pair: Pair) -> list[int]:
    """Money (fen) that Alipay has refunded, one for each refund."""
    return [one.amount for one in pair.alipay.book.refunds(pair.number)]


def acts_on(operator: Operator, request_no: str) -> list[str]:
    """What the operators' log has of an application."""
    return [line for line in operator.does("audit").splitlines() if request_no in line]


def test_it_is_not_paid_again_unless_somebody_says_so(
    pair: Pair, applied: str, office: Client, operator: Operator
) -> None:
    before = purchases.happened(pair.number)
    refused = approve(office, applied)
    assert (refused["code"], refused["data"]) == (1806, None)
    assert approve(office, applied, pay_again=False)["code"] == 1806
    assert back(pair) == [5000]
    assert (pair.states(), purchases.happened(pair.number)) == ([refund.REQUESTED], before)
    assert acts_on(operator, applied) == []
    # The refund was for something else.
    assert approve(office, applied, pay_again=True)["data"]["status"] == "已退款"
    assert back(pair) == [5000, purchases.stored(pair.number).lines[0].payable]
    assert pair.owned() == [False, True]
    [said] = acts_on(operator, applied)
    assert "confirmed: to be paid whatever else the provider refunded" in said
    assert approve(office, applied)["code"] == approve(office, applied, pay_again=True)["code"] == 1803


def test_it_is_not_paid_again_either_once_the_refund_was_resolved(
    pair: Pair, office: Client, operator: Operator
) -> None:
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    operator.does("resolve-notice", pair.number, "console-1", "--reason", "the first course")
    assert approve(office, pair.apply([0]))["code"] == 1806
    assert back(pair) == [5000]


@pytest.mark.parametrize("body", [{"pay_again": "true"}, {"pay_again": 1}, {"pay_again": None}, [], "x"])
def test_only_a_flag_confirms_it(pair: Pair, applied: str, office: Client, body: object) -> None:
    assert office.post(f"/admin/refunds/{applied}/approve", body)["code"] == 5000
    assert office.request("POST", f"/admin/refunds/{applied}/approve", data=b"{").json()["code"] == 400
    assert (back(pair), pair.states()) == ([5000], [refund.REQUESTED])


def test_the_lists_tell_of_it(pair: Pair, office: Client, operator: Operator) -> None:
    request_no = pair.apply([0])

    def told() -> Any:
        [row] = [one for one in office.get("/admin/refunds")["data"] if one["request_no"] == request_no]
        return row["refunded_at_provider"]

    assert told() == []
    assert "did not make" not in operator.does("list-refunds").split(request_no)[1].split("order ")[0]
    pair.alipay.refund(pair.number, 5000, "console-1")
    pair.hear_of_refunds()
    [one] = told()
    assert (one["amount"], one["in_all"]) == (50, True)
    listed = operator.does("list-refunds").split(request_no)[1].split("order ")[0]
    assert "the provider told of refunds that the shop did not make: 50.0 refunded in all" in listed


def test_an_operator_at_a_terminal_is_told_what_to_do(pair: Pair, applied: str, operator: Operator) -> None:
    said = operator.is_refused("approve-refund", applied)
    assert "50.0 refunded in all" in said
    assert "would pay these lines again" in said
    for command in (
        f"resolve-refund {applied} --reason",
        f"refuse-refund {applied} --answer",
        f"approve-refund {applied} --pay-again",
    ):
        assert command in said
    assert back(pair) == [5000]
    operator.does("approve-refund", applied, "--pay-again")
    assert len(back(pair)) == 2


def test_refunds_of_the_shops_own_stand_in_no_ones_way(pair: Pair, office: Client) -> None:
    for line in (0, 1):
        assert approve(office, pair.apply([line]))["data"]["status"] == "已退款"
        pair.hear_of_refunds()
    pair.assert_all_taken_back()


def test_what_gives_no_money_back_is_approved_as_ever(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[10000]) for _ in range(2)]
    whole = builders.a_coupon(user, course=courses[1].key, value=10000)
    number = purchases.place(learner, courses, 100, coupons={1: whole})
    purchases.pay(alipay, number)
    alipay.refund(number, 5000, "console-1")
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [1]})["data"]
    assert (asked["amount"], asked["status"]) == (0, "待审核")
    with pytest.raises(RefundFinished):
        resolve_elsewhere(asked["request_no"])
    assert approve(office, asked["request_no"])["data"]["status"] == "已退款"
    assert purchases.record(user, whole).status == coupon.UNUSED


def resolve_elsewhere(request_no: str) -> bool:
    now, gateways = application.app.now(), application.app.gateways
    return decide_refund.resolve_elsewhere(request_no, "op", "at the console", gateways, now)


def test_an_operator_says_that_the_consoles_money_was_for_it(
    pair: Pair, applied: str, office: Client, operator: Operator
) -> None:
    amount = purchases.stored(pair.number).lines[0].payable
    beli = purchases.stored(pair.number).lines[0].beli
    assert pair.paused() == [True, False]
    said = operator.does("resolve-refund", applied, "--reason", "at the console, by mistake")
    assert said == f"{applied}: resolved, access and discounts too\n"
    found = purchases.stored(pair.number)
    assert (found.status, found.refunded_lines, found.requested_lines) == (order.PAID, [0], [])
    assert (found.refunded_amount, back(pair)) == (amount, [5000])
    [done] = refund.list_refunds(found)
    assert (done.status, done.refunded_externally, done.attention) == (refund.DONE, True, None)
    assert (pair.owned(), pair.paused()) == ([False, True], [False, False])
    assert pair.elsewhere() == [(applied, amount, [0])]
    assert purchases.balance(pair.person) == beli > 0
    assert purchases.record(pair.person, pair.coupon).status == coupon.USED
    assert purchases.happened(pair.number).count("lines refunded") == 1
    assert applied not in operator.does("list-refunds")
    [act] = acts_on(operator, applied)
    assert "resolve-refund" in act and "at the console, by mistake" in act
    # It is decided now, and the learner may apply for the rest, of which less than what was paid is left.
    assert "not in a state" in operator.is_refused("resolve-refund", applied, "--reason", "again")
    assert approve(office, applied, pay_again=True)["code"] == 1803
    assert pair.delete(f"/order/{pair.number}/refund/{applied}")["code"] == 1508
    invariants.check([pair.person.user_id])
    rest = pair.apply([1])
    operator.does("resolve-refund", rest, "--reason", "at the console, too")
    pair.assert_all_taken_back()
    assert back(pair) == [5000]
    invariants.check([pair.person.user_id])


def test_what_the_console_refunds_of_the_rest_is_taken_back_after_it(
    pair: Pair, applied: str, operator: Operator
) -> None:
    operator.does("resolve-refund", applied, "--reason", "at the console")
    pair.alipay.refund(pair.number)
    pair.hear_of_refunds()
    pair.assert_all_taken_back()
    assert sum(back(pair)) == 26000
    assert len(pair.elsewhere()) == 1


def test_without_word_of_such_a_refund_an_application_waits_for_its_decision(
    pair: Pair, operator: Operator
) -> None:
    request_no = pair.apply([0])
    assert "not in a state" in operator.is_refused("resolve-refund", request_no, "--reason", "r")
    assert pair.states() == [refund.REQUESTED]
    assert pair.elsewhere() == []


def is_done(act: Callable[[], object]) -> bool:
    """Whether an operator's act was not too late."""
    try:
        act()
    except RefundFinished:
        return False
    return True


@pytest.mark.parametrize("other", ["resolve", "approve", "refuse", "withdraw"])
def test_one_who_says_so_at_once_with_others_is_one_of_them(
    pair: Pair, applied: str, office: Client, other: str
) -> None:
    acts: dict[str, Callable[[], bool]] = {
        "resolve": lambda: is_done(lambda: resolve_elsewhere(applied)),
        "approve": lambda: approve(office, applied, pay_again=True)["code"] == 1000,
        "refuse": lambda: office.post(f"/admin/refunds/{applied}/refuse", {"answer": "no"})["code"] == 1000,
        "withdraw": lambda: pair.delete(f"/order/{pair.number}/refund/{applied}")["code"] == 1000,
    }
    resolved, second = purchases.at_once(acts["resolve"], acts[other])
    assert resolved != second
    amount = purchases.stored(pair.number).lines[0].payable
    kept = second and other in ("refuse", "withdraw")
    assert back(pair) == ([5000, amount] if second and other == "approve" else [5000])
    assert pair.elsewhere() == ([(applied, amount, [0])] if resolved or other == "resolve" else [])
    assert (pair.owned(), pair.paused()) == ([kept, True], [False, False])
    found = purchases.stored(pair.number)
    assert (found.status, found.requested_lines) == (order.PAID, [])
    assert (found.refunded_lines, found.refunded_amount) == (([], 0) if kept else ([0], amount))
    invariants.check([pair.person.user_id])


def test_a_finished_trade_that_repeats_the_total_of_our_own_refunds_needs_nobody(
    pair: Pair, office: Client, operator: Operator
) -> None:
    """`TRADE_FINISHED` comes when nothing can be refunded any more, with the running total and no request number."""
    approve(office, pair.apply([0]))
    finished = {"trade_status": "TRADE_FINISHED", "out_biz_no": None}
    assert purchases.deliver(purchases.notice(pair.alipay, pair.number, **finished)) == "success"
    assert pair.number not in operator.does("problems")
    assert pair.owned() == [False, True]


def test_a_finished_trade_that_repeats_a_total_told_before_needs_nobody_more(
    pair: Pair, operator: Operator
) -> None:
    pair.alipay.refund(pair.number, 1000, "console-1")
    pair.hear_of_refunds()
    operator.does("resolve-notice", pair.number, "console-1", "--reason", "a discount")
    finished = {"trade_status": "TRADE_FINISHED", "out_biz_no": None}
    assert purchases.deliver(purchases.notice(pair.alipay, pair.number, **finished)) == "success"
    assert pair.number not in operator.does("problems")


def test_a_total_that_nobody_told_of_needs_a_person_whatever_names_it(
    pair: Pair, office: Client, operator: Operator
) -> None:
    approve(office, pair.apply([0]))
    pair.alipay.refund(pair.number, 1000, "console-1")
    finished = {"trade_status": "TRADE_FINISHED", "out_biz_no": None}
    assert purchases.deliver(purchases.notice(pair.alipay, pair.number, **finished)) == "success"
    assert f"order {pair.number}: the provider told of a partial refund" in operator.does("problems")


def test_the_repeated_notice_of_a_partial_refund_of_ours_gives_back_once(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    """Three equal lines without coupons, paid with beli too: nothing but the refund's own state stands in the way."""
    user = builders.a_user(beli=300)
    learner = Client(gateway_server.base_url, user)
    bought = [builders.a_course(prices=[10000]) for _ in range(3)]
    number = purchases.place(learner, bought, 270, is_beli=True)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [0]})["data"]
    approve(office, asked["request_no"])
    told = purchases.notice(alipay, number)
    assert set(purchases.at_once(*[lambda: purchases.deliver(told)] * 3)) == {"success"}
    assert purchases.deliver(told) == "success"
    assert purchases.balance(user) == 100
    assert purchases.stored(number).refunded_amount == 9000
    assert [purchases.owns(user, course) for course in bought] == [False, True, True]
