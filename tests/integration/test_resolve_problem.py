"""Orders and notifications with problems the shop cannot solve: flagged with the reason, tried again, resolved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.errors import NothingToResolve, OrderClosed, OutcomeUnknown, StoreUnavailable
from chalicelib.flows.resolve_problem import resolve_order
from chalicelib.shop import coupon, enrollment, order, refund_notice, stray_notification
from chalicelib.shop.catalog import Course
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import UNIONPAY
from chalicelib.shop.stray_notification import StrayNotification
from localstack.alipay import AlipaySimulator
from tests import builders, purchases
from tests.alipay_answers import signed
from tests.faults import Fault, answer, die_before, throttle
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock
from tests.terminal import Operator

QUERY = "alipay.trade.query"
RESOLVED = ("--reason", "refunded by telephone")


@pytest.fixture
def buyer(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Buyer:
    return Buyer(faulty_app.base_url)


@contextmanager
def alipay_says(
    faulty_app: FaultyApp, alipay: AlipaySimulator, number: str, **fields: str
) -> Iterator[Fault]:
    """Alipay answers every query about an order so, genuinely signed."""
    told = {"code": "10000", "out_trade_no": number, "trade_no": "2026112522001", **fields}
    fault = Fault.on("GET", action=signed(alipay, QUERY, told), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(fault):
        yield fault


def problem_of(operator: Operator, number: str) -> str:
    """What `problems` says of an order, "" for nothing."""
    paragraphs = operator.does("problems").replace("\n  ", "\t").splitlines()
    return "\n".join(line for line in paragraphs if line.startswith(f"order {number}"))


# Orders


def test_an_order_of_which_alipay_has_another_amount_is_put_before_a_person_at_once(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    clock.advance(minutes=2)
    with alipay_says(faulty_app, alipay, number, trade_status="TRADE_SUCCESS", total_amount="24.00"):
        purchases.run_timer()
        buyer.assert_order_waits(number)
        listed = problem_of(operator, number)
        assert "待支付" in listed
        assert "another amount for it: 24.00" in listed
        assert f"retry-order {number}" in listed
        assert f"resolve-order {number} --reason" in listed
        assert "another amount" in operator.does("show-order", number)
        assert "another amount" in operator.does("retry-order", number)
        buyer.assert_order_waits(number)
    # Alipay has thought better of it.
    purchases.pay(alipay, number)
    assert operator.does("retry-order", number) == f"{number}: 交易成功\n"
    buyer.assert_owns_the_course(clock)
    assert problem_of(operator, number) == ""


def test_the_trouble_of_an_order_that_is_paid_after_all_is_over_by_itself(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    clock.advance(minutes=2)
    with alipay_says(faulty_app, alipay, number, trade_status="WAIT_BUYER_PAY", total_amount="1.00"):
        purchases.run_timer()
    assert problem_of(operator, number)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert problem_of(operator, number) == ""
    assert purchases.stored(number).problem is None


def test_an_order_without_a_clear_answer_is_put_before_a_person_half_an_hour_after_its_expiry(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    expires_at = purchases.stored(number).expires_at
    down = Fault.on("GET", action=answer(502, b""), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(down):
        for minutes in (-20, 0, 10, 29):
            clock.stand_at(expires_at + timedelta(minutes=minutes))
            purchases.run_timer()
            assert problem_of(operator, number) == ""
        clock.stand_at(expires_at + timedelta(minutes=32))
        purchases.run_timer()
        assert "is not known: GatewayUnavailable" in problem_of(operator, number)
        buyer.assert_order_waits(number)
    clock.stand_at(expires_at + timedelta(minutes=36))
    purchases.run_timer()
    assert purchases.status(number) == order.EXPIRED
    assert problem_of(operator, number) == ""
    buyer.assert_has_everything_back()


@pytest.mark.parametrize(("hours", "minutes"), [(0, 2), (1, 2), (10, 20), (24, 48)])
def test_an_order_without_a_clear_answer_is_asked_about_ever_more_rarely(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, hours: int, minutes: int
) -> None:
    number = buyer.place()
    clock.stand_at(purchases.stored(number).expires_at + timedelta(hours=hours))
    down = Fault.on("GET", action=answer(502, b""), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(down):
        purchases.run_timer()
    due_at = purchases.stored(number).due_at
    assert due_at == int((clock() + timedelta(minutes=minutes)).timestamp())
    buyer.assert_order_waits(number)


def test_a_person_resolves_an_order_and_it_is_closed_gives_back_and_is_asked_about_no_more(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    assert "waits for a person" in operator.is_refused("resolve-order", number, *RESOLVED)
    clock.advance(minutes=2)
    with alipay_says(faulty_app, alipay, number, trade_status="TRADE_SUCCESS", total_amount="24.00"):
        purchases.run_timer()
        assert operator.does("resolve-order", number, *RESOLVED, "--by", "he") == f"{number} is resolved\n"
    assert problem_of(operator, number) == ""
    assert purchases.status(number) == order.CANCELLED
    buyer.assert_has_everything_back()
    assert purchases.stored(number).due_at is None
    assert "waits for a person" in operator.is_refused("resolve-order", number, *RESOLVED)
    assert f"he  resolve-order  {number}; because: refunded by telephone" in operator.does("audit")
    assert purchases.happened(number) == ["placed", "cancelled"]
    # Its money is still taken if it comes: resolving drops nothing.
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    buyer.assert_owns_the_course(clock)


def test_an_order_that_alipay_says_nothing_clear_of_is_not_resolved_because_there_may_be_money(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=32))
    down = Fault.on("GET", action=answer(502, b""), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(down):
        purchases.run_timer()
        assert "resolve-order" in problem_of(operator, number)
        assert "no clear answer (GatewayUnavailable" in operator.is_refused(
            "resolve-order", number, *RESOLVED
        )
        buyer.assert_order_waits(number)
    assert "was paid after all" in operator.is_refused("resolve-order", number, *RESOLVED)
    assert problem_of(operator, number) == ""
    buyer.assert_owns_the_course(clock)


def test_an_order_that_can_still_be_paid_is_closed_at_alipay_too_when_it_is_resolved(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    order.flag_problem(purchases.stored(number), "made up", clock())
    operator.does("resolve-order", number, *RESOLVED)
    assert purchases.status(number) == order.CANCELLED
    assert alipay.trade(number).status == "TRADE_CLOSED"
    assert purchases.stored(number).due_at is not None
    buyer.assert_has_everything_back()


def test_whoever_has_an_order_looked_at_again_reads_that_alipay_did_not_answer(
    buyer: Buyer, faulty_app: FaultyApp, operator: Operator
) -> None:
    number = buyer.place()
    down = Fault.on("GET", action=answer(502, b""), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(down):
        told = operator.does("retry-order", number)
    assert told.startswith(f"{number}: 待支付\n  the provider gives no clear answer: GatewayUnavailable")
    assert problem_of(operator, number) == ""


def test_a_closed_order_that_is_looked_at_again_long_afterwards_is_no_problem(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    clock.advance(days=5)
    purchases.run_timer()
    assert purchases.stored(number).due_at is None
    with faulty_app.alipay.down():
        assert "no clear answer" in operator.does("retry-order", number)
    assert problem_of(operator, number) == ""


def test_a_delivered_order_that_is_looked_at_again_is_no_problem(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, operator: Operator
) -> None:
    free = purchases.place(buyer, [builders.a_course(prices=[0])], 0)
    assert operator.does("retry-order", free) == f"{free}: 交易成功\n"
    assert problem_of(operator, free) == ""
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    with faulty_app.alipay.down():
        assert "no clear answer" in operator.does("retry-order", number)
    assert problem_of(operator, number) == ""


def placed_but_not_delivered(buyer: Buyer, faulty_app: FaultyApp, course: Course) -> str:
    """An order of 0 whose delivery the store refused for load."""
    busy = Fault.on("TransactWriteItems", action=throttle(), nth=range(2, 1000))
    with faulty_app.dynamodb.faults(busy):
        return purchases.place(buyer, [course], 0, general=buyer.coupon)


def test_an_order_of_0_that_cannot_be_delivered_is_put_before_a_person(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, operator: Operator
) -> None:
    course = builders.a_course(prices=[5000])
    number = placed_but_not_delivered(buyer, faulty_app, course)
    held = purchases.record(buyer.person, buyer.coupon)
    held.order_number = "somebody meddled"
    held.save()
    clock.advance(minutes=2)
    purchases.run_timer()
    assert "it cannot be delivered: what it holds is not as it says" in problem_of(operator, number)
    assert purchases.cancel(buyer, number)["code"] == 1504
    assert "not as it says" in operator.is_refused("resolve-order", number, *RESOLVED)
    held.order_number = number
    held.save()
    assert operator.does("retry-order", number) == f"{number}: 交易成功\n"
    assert problem_of(operator, number) == ""
    assert purchases.owns(buyer.person, course, clock())


def test_an_order_of_0_that_cannot_be_delivered_can_be_resolved(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, operator: Operator
) -> None:
    course = builders.a_course(prices=[5000])
    number = placed_but_not_delivered(buyer, faulty_app, course)
    days = enrollment.slice_item(buyer.person.user_id, course.key, course.name, number, 0, 7, clock())
    days.save()  # somebody meddled
    clock.advance(minutes=2)
    purchases.run_timer()
    assert problem_of(operator, number)
    operator.does("resolve-order", number, *RESOLVED)
    assert purchases.status(number) == order.CANCELLED
    assert problem_of(operator, number) == ""
    assert purchases.record(buyer.person, buyer.coupon).status == coupon.UNUSED


def test_an_order_that_was_closed_while_something_seemed_wrong_is_not_put_before_a_person(
    buyer: Buyer, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    read_before = purchases.stored(number)
    assert purchases.cancel(buyer, number)["code"] == 1000
    order.flag_problem(read_before, "made up", clock())
    assert problem_of(operator, number) == ""


@pytest.mark.parametrize("trouble", [die_before, throttle], ids=["dead", "throttled"])
def test_a_full_refund_that_was_found_by_asking_is_not_forgotten_when_acting_on_it_fails(
    buyer: Buyer,
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    clock: Clock,
    operator: Operator,
    trouble: Any,
) -> None:
    number = found_refunded_and_not_taken_back(buyer, faulty_app, alipay, clock, trouble)
    # A person is told that Alipay says nothing more of it, cannot resolve that unseen, and it is queried again.
    assert "whether its money went back is not known" in problem_of(operator, number)
    with faulty_app.alipay.down():
        assert "no clear answer" in operator.is_refused("resolve-order", number, *RESOLVED)
    clock.advance(hours=1)
    purchases.run_timer()
    assert purchases.status(number) == order.REFUNDED
    assert purchases.stored(number).due_at is None
    assert problem_of(operator, number) == ""
    buyer.assert_has_everything_back()


def test_a_full_refund_that_was_found_by_asking_is_acted_on_before_anybody_resolves_the_order(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = found_refunded_and_not_taken_back(buyer, faulty_app, alipay, clock)
    assert "any more" in operator.is_refused("resolve-order", number, *RESOLVED)
    assert purchases.status(number) == order.REFUNDED
    assert problem_of(operator, number) == ""
    buyer.assert_has_everything_back()


def test_what_alipay_has_refunded_and_a_notice_takes_back_is_no_problem_any_more(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = found_refunded_and_not_taken_back(buyer, faulty_app, alipay, clock)
    read_before = purchases.stored(number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert purchases.status(number) == order.REFUNDED
    assert problem_of(operator, number) == ""
    order.flag_problem(read_before, "made up", clock())
    assert problem_of(operator, number) == ""


def test_what_alipay_has_refunded_and_cannot_be_taken_back_is_resolved_by_a_persons_word(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = found_refunded_and_not_taken_back(buyer, faulty_app, alipay, clock)
    assert buyer.user is not None
    for part in enrollment.list_slices(buyer.user.user_id):
        part.delete()
    clock.advance(hours=1)
    purchases.run_timer()
    assert "cannot be carried out" in problem_of(operator, number)
    assert operator.does("resolve-order", number, *RESOLVED) == f"{number} is resolved\n"
    assert problem_of(operator, number) == ""
    assert purchases.stored(number).due_at is None


def found_refunded_and_not_taken_back(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, trouble: Any = throttle
) -> str:
    """An order that was delivered and then, for trouble of the store, not taken back, and about which Alipay says
    nothing for long.
    """
    number = buyer.place()
    purchases.pay(alipay, number)
    alipay.refund(number)
    clock.advance(minutes=2)
    late = Fault.on("TransactWriteItems", action=trouble(), nth=range(2, 1000))
    with faulty_app.dynamodb.faults(late), suppress(StoreUnavailable, OutcomeUnknown):
        purchases.run_timer()
    assert purchases.status(number) == order.PAID
    clock.advance(hours=2)
    with faulty_app.alipay.down():
        purchases.run_timer()
    assert purchases.stored(number).problem is not None
    return number


def test_a_closed_order_that_alipay_says_nothing_clear_of_is_not_resolved_because_there_may_be_money(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    purchases.pay(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=32))
    with faulty_app.alipay.down():
        purchases.run_timer()
        assert "resolve-order" in problem_of(operator, number)
        assert "no clear answer" in operator.is_refused("resolve-order", number, *RESOLVED)
    assert "any more" in operator.is_refused("resolve-order", number, *RESOLVED)
    assert problem_of(operator, number) == ""
    buyer.assert_owns_the_course(clock)


def test_a_closed_order_of_which_alipay_has_another_amount_is_resolved_by_a_persons_word(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    clock.advance(hours=2)
    with alipay_says(faulty_app, alipay, number, trade_status="TRADE_SUCCESS", total_amount="24.00"):
        purchases.run_timer()
        assert "another amount" in problem_of(operator, number)
        assert operator.does("resolve-order", number, *RESOLVED) == f"{number} is resolved\n"
    assert problem_of(operator, number) == ""
    assert purchases.stored(number).due_at is None
    buyer.assert_has_everything_back()


def test_many_people_resolve_an_order_once(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = buyer.place()
    order.flag_problem(purchases.stored(number), "made up", clock())

    def resolve() -> bool:
        try:
            resolve_order(number, "op", "at once", application.app.gateways, clock())
        except (NothingToResolve, OrderClosed):
            return False
        return True

    assert sum(purchases.at_once(*[resolve] * 6)) == 1
    buyer.assert_has_everything_back()


def test_an_order_that_is_delivered_while_something_seems_wrong_is_not_put_before_a_person(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    read_before = purchases.stored(number)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    order.flag_problem(read_before, "made up", clock())
    assert problem_of(operator, number) == ""
    assert purchases.stored(number).problem is None


def closed_without_a_word(buyer: Buyer, alipay: AlipaySimulator) -> str:
    """A delivered order whose trade Alipay tells is closed, and of no refund."""
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert purchases.deliver(purchases.notice(alipay, number, trade_status="TRADE_CLOSED")) == "success"
    return number


def test_a_paid_trade_that_alipay_closed_without_a_word_is_put_before_a_person(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = closed_without_a_word(buyer, alipay)
    buyer.assert_owns_the_course(clock)
    assert "closed its paid trade without a word of a refund" in problem_of(operator, number)
    # Alipay knows it as paid: nothing was wrong.
    assert operator.does("retry-order", number) == f"{number}: 交易成功\n"
    assert problem_of(operator, number) == ""
    # It was refunded indeed.
    assert purchases.deliver(purchases.notice(alipay, number, trade_status="TRADE_CLOSED")) == "success"
    alipay.refund(number)
    assert operator.does("retry-order", number) == f"{number}: 已退费\n"
    assert problem_of(operator, number) == ""
    buyer.assert_has_everything_back()


def test_a_paid_order_that_was_resolved_stays_as_it_is(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = closed_without_a_word(buyer, alipay)
    operator.does("resolve-order", number, *RESOLVED)
    buyer.assert_owns_the_course(clock)
    assert problem_of(operator, number) == ""
    assert purchases.happened(number) == ["placed", "paid", "trouble settled"]


def test_an_order_whose_coupon_was_meddled_with_is_listed_until_it_is_delivered(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    held = purchases.record(buyer.person, buyer.coupon)
    held.order_number = "somebody meddled"
    held.save()
    assert purchases.deliver(purchases.notice(alipay, number)) == "fail"
    assert "paid and cannot be delivered" in problem_of(operator, number)
    assert "paid and cannot be delivered" in operator.does("retry-order", number)
    assert "not as it says" in operator.is_refused("resolve-order", number, *RESOLVED)
    held.order_number = number
    held.save()
    assert operator.does("retry-order", number) == f"{number}: 交易成功\n"
    assert problem_of(operator, number) == ""
    buyer.assert_owns_the_course(clock)


def test_an_order_of_the_old_system_that_waits_for_another_providers_money_is_not_closed_on_alipays_word(
    buyer: Buyer, clock: Clock, operator: Operator
) -> None:
    number = buyer.place()
    purchases.stored(number).update([Order.payment_type.set(UNIONPAY)])
    assert purchases.cancel(buyer, number)["code"] == 1504
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=6))
    purchases.run_timer()
    buyer.assert_order_waits(number)
    assert "to be paid by unionpay, which cannot be asked" in problem_of(operator, number)
    operator.does("resolve-order", number, "--reason", "not paid at UnionPay")
    buyer.assert_has_everything_back()


def test_an_order_that_does_not_exist_is_named(operator: Operator) -> None:
    for command in (("retry-order",), ("resolve-order", *RESOLVED)):
        name, *options = command
        assert operator.is_refused(name, "NOSUCH", *options) == "there is no order with the number 'NOSUCH'"


# Stray notices


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"out_trade_no": "NOBODYKNOWS"}, "there is no such order here"),
        ({"total_amount": "0.01"}, "the order's amount is another one; TRADE_SUCCESS of 0.01"),
        ({"trade_status": "TRADE_PENDING"}, "its status is none that is known"),
    ],
    ids=["order", "amount", "status"],
)
def test_a_genuine_notice_that_fits_no_order_is_kept_for_a_person(
    buyer: Buyer, alipay: AlipaySimulator, operator: Operator, changes: dict[str, str], why: str
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    if "out_trade_no" in changes:
        changes = {"out_trade_no": f"{changes['out_trade_no']}{number}"}
    told = purchases.notice(alipay, number, **changes)
    trade_no, named = told["trade_no"], told["out_trade_no"]
    assert purchases.at_once(*[lambda: purchases.deliver(told)] * 3) == ["fail"] * 3
    buyer.assert_order_waits(number)
    listed = problem_of(operator, named)
    assert why in listed
    assert listed.count("does not fit") == 1
    assert f"retry-stray {named} {trade_no}" in listed
    assert "still does not fit" in operator.does("retry-stray", named, trade_no)
    assert problem_of(operator, named) == listed
    assert operator.does("resolve-stray", named, trade_no, *RESOLVED) == f"trade {trade_no} is resolved\n"
    assert problem_of(operator, named) == ""
    # Told once more, it stays resolved; the true one is taken as ever.
    assert purchases.deliver(told) == "fail"
    assert problem_of(operator, named) == ""
    assert "waits for a person" in operator.is_refused("resolve-stray", named, trade_no, *RESOLVED)
    assert "waits for a person" in operator.is_refused("retry-stray", named, trade_no)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    buyer.assert_owns_the_course()


def test_a_stray_notice_that_fits_by_now_is_acted_upon(
    buyer: Buyer, alipay: AlipaySimulator, operator: Operator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    pointer = order.pointer_item(purchases.stored(number))
    pointer.delete()
    told = purchases.notice(alipay, number)
    assert purchases.deliver(told) == "fail"
    assert "there is no such order here" in problem_of(operator, number)
    pointer.save()
    assert "fits now, and was acted upon" in operator.does("retry-stray", number, told["trade_no"])
    buyer.assert_owns_the_course()
    assert problem_of(operator, number) == ""
    assert f"retry-stray  {number} {told['trade_no']}" in operator.does("audit")


def test_each_thing_that_a_stray_trade_is_told_of_is_kept(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    named = f"STRAY{number}"
    told = purchases.notice(alipay, number, out_trade_no=named)
    assert purchases.deliver(told) == "fail"
    alipay.refund(number, 100, "console-1")
    assert purchases.deliver(purchases.notice(alipay, number, out_trade_no=named)) == "fail"
    kept = stray_notification.list_waiting(named, told["trade_no"])
    assert [(stray.amount, stray.refunded) for stray in kept] == [(24000, 0), (24000, 100)]


def test_a_stray_notice_that_an_earlier_version_kept_is_acted_upon(
    buyer: Buyer, alipay: AlipaySimulator, operator: Operator
) -> None:
    """It named no provider, and the trade's number where the notice names no request of a refund."""
    number = buyer.place()
    purchases.pay(alipay, number)
    pointer = order.pointer_item(purchases.stored(number))
    pointer.delete()
    alipay.refund(number, 24000, "console-1")
    told = purchases.notice(alipay, number, out_biz_no=None)
    assert purchases.deliver(told) == "fail"
    (kept,) = stray_notification.list_waiting(number, told["trade_no"])
    assert kept.request_no is None
    kept.update([StrayNotification.provider.remove(), StrayNotification.request_no.set(told["trade_no"])])
    pointer.save()
    assert "fits now, and was acted upon" in operator.does("retry-stray", number, told["trade_no"])
    assert purchases.status(number) == order.REFUNDED
    (recorded,) = refund_notice.list_all(purchases.stored(number))
    assert (recorded.request_no, recorded.attention) == (told["trade_no"], None)
    assert problem_of(operator, number) == ""
