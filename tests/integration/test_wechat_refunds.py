"""Refunds of orders that were paid by WeChat Pay, the whole way: under way, stuck, given up, asked for anew; confirmed
by an answer, by a notification, or both in any order; and those that somebody makes in the merchant platform.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from chalicelib.errors import PaymentUnknown, RefundedAtProvider, RefundFinished
from chalicelib.flows import apply_for_refund, carry_out_refund, close_order, decide_refund
from chalicelib.shop import attention, payment, refund, refund_notice, stray_notification
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.payment_type import WECHAT, Way
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.terminal import Operator
from tests.two_providers import Shop, opened
from tests.wechat_refunds import WEEK, Bought, assert_all_taken_back, buy, console, given_up

HALF = 15000


@pytest.fixture
def shop(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Iterator[Shop]:
    yield from opened(gateway_server.base_url, alipay)


@pytest.fixture
def bought(shop: Shop) -> Bought:
    return buy(shop)


# Under way


@pytest.mark.parametrize("news", ["query", "notice", "query notice", "notice query", "notice notice"])
def test_a_refund_under_way_is_completed_by_whoever_says_so_first(bought: Bought, news: str) -> None:
    request_no = bought.apply(1)
    asked = bought.refund(request_no)
    assert (asked.status, asked.attention) == (refund.APPROVED, None)
    assert (bought.owned(), bought.paused()) == ([True, False], [1])
    assert asked.due_at is not None
    assert asked.due_at - int(bought.shop.clock().timestamp()) >= 60
    for by in news.split():
        if by == "query":
            assert bought.ask(request_no) == refund.DONE
        elif by == "notice":
            bought.shop.clock.forward(minutes=2)
            bought.shop.wechat.book.close_expired()
            assert bought.told(request_no) is None
    bought.assert_refunded_once(request_no)
    assert bought.made() == [(request_no, "SUCCESS")]


def test_a_refund_that_is_under_way_for_days_is_asked_about_ever_more_rarely(
    bought: Bought, operator: Operator
) -> None:
    with bought.shop.wechat.bad_day("refund_stays"):
        request_no = bought.apply(1)
    began = bought.shop.clock()
    waited: list[timedelta] = []
    while (asked := bought.refund(request_no)).attention is None:
        assert asked.due_at is not None
        due = datetime.fromtimestamp(asked.due_at, began.tzinfo)
        waited.append(due - bought.shop.clock().replace(microsecond=0))
        bought.shop.clock.now = due
        assert bought.ask_now(request_no) == refund.APPROVED
    assert timedelta(days=3) <= bought.shop.clock() - began <= timedelta(days=4)
    assert waited[0] >= timedelta(minutes=1) and waited[-1] == timedelta(days=1)
    assert waited == sorted(waited)
    assert f"a refund is not confirmed by its provider. {request_no}" in operator.does("problems")
    bought.check()
    bought.shop.wechat.end_refund(request_no, "SUCCESS")
    bought.assert_refunded_once(request_no)


def test_a_stuck_refund_that_is_under_way_there_is_not_refused(bought: Bought) -> None:
    """It was asked for, and an answer got lost on the way that said no."""
    with bought.shop.wechat.bad_day("refund_not_enough"):
        request_no = bought.apply(1)
    order, asked = purchases.stored(bought.number), bought.refund(request_no)
    by = ("out_trade_no", bought.trade)
    bought.shop.wechat.book.refund(by, asked.amount, order.amount, request_no, "", "", None)
    bought.shop.clock.forward(minutes=5)
    with pytest.raises(PaymentUnknown):
        decide_refund.refuse(request_no, "op", "不符合", bought.shop.gateways, bought.shop.clock())
    assert bought.paused() == [1]


# Stuck at the provider


@pytest.mark.parametrize("found", ["query", "notice"])
@pytest.mark.parametrize("ended", ["query", "notice"])
def test_an_abnormal_refund_waits_for_a_person_there_and_completes_by_itself(
    bought: Bought, operator: Operator, found: str, ended: str
) -> None:
    with bought.shop.wechat.bad_day("refund_abnormal"):
        request_no = bought.apply(1)
    bought.shop.clock.forward(minutes=2)
    bought.shop.wechat.book.close_expired()
    if found == "query":
        bought.hear_nothing()
        assert bought.ask(request_no) == refund.APPROVED
    else:
        bought.hear()
    stuck = bought.refund(request_no)
    assert (stuck.status, stuck.attention) == (refund.APPROVED, attention.PROBLEM)
    assert stuck.due_at is not None
    listed = operator.does("problems")
    assert f"a refund is not confirmed by its provider. {request_no}" in listed
    assert "have it dealt with there as an abnormal refund" in listed
    assert bought.paused() == [1]
    bought.check()
    with pytest.raises(RefundFinished):
        decide_refund.refuse(request_no, "op", "不符合", bought.shop.gateways, bought.shop.clock())
    since = bought.refund(request_no).attention_at
    assert bought.ask(request_no) == refund.APPROVED
    assert bought.refund(request_no).attention_at == since
    assert bought.try_again(request_no) == refund.APPROVED
    assert bought.refund(request_no).attention == attention.PROBLEM
    bought.shop.wechat.end_refund(request_no, "SUCCESS")
    if ended == "query":
        bought.hear_nothing()
        assert bought.ask(request_no) == refund.DONE
    bought.assert_refunded_once(request_no)
    assert bought.told(request_no, status="ABNORMAL", ended_at=None) is None  # told late
    bought.assert_refunded_once(request_no)
    assert request_no not in operator.does("problems")


# Given up, and asked for anew


@pytest.mark.parametrize("found", ["query", "notice"])
@pytest.mark.parametrize("ended", ["query", "notice"])
def test_a_refund_that_was_given_up_is_asked_for_under_a_new_number(
    bought: Bought, operator: Operator, found: str, ended: str
) -> None:
    request_no = given_up(bought, found)
    assert refund.GIVEN_UP in operator.does("problems")
    assert bought.try_again(request_no) == refund.APPROVED
    again = f"{request_no}-2"
    assert bought.refund(request_no).attention is None
    assert bought.told(request_no) is None  # once more that the first was given up
    assert bought.refund(request_no).status == refund.APPROVED
    if ended == "query":
        assert bought.ask(request_no) == refund.DONE
    else:
        bought.shop.clock.forward(minutes=2)
        bought.shop.wechat.book.close_expired()
        bought.hear()
    bought.assert_refunded_once(request_no, again)
    assert bought.made() == [(request_no, "CLOSED"), (again, "SUCCESS")]
    assert f"to its provider {again}" in operator.does("show-order", bought.number)
    with pytest.raises(RefundFinished):
        bought.try_again(request_no)


def test_a_new_number_may_be_given_up_too(bought: Bought) -> None:
    request_no = given_up(bought)
    with bought.shop.wechat.bad_day("refund_closed"):
        bought.try_again(request_no)
    assert bought.ask(request_no) == refund.STUCK
    bought.try_again(request_no)
    assert bought.ask(request_no) == refund.DONE
    bought.assert_refunded_once(request_no, f"{request_no}-3")


@pytest.mark.parametrize("is_done", [False, True], ids=["before the new one", "after the new one"])
def test_a_refund_that_was_given_up_and_made_all_the_same_is_put_before_a_person(
    bought: Bought, operator: Operator, is_done: bool
) -> None:
    request_no = given_up(bought)
    bought.try_again(request_no)
    again, amount = f"{request_no}-2", bought.refund(request_no).amount
    if is_done:
        assert bought.ask(request_no) == refund.DONE
        bought.hear()
    assert bought.told(request_no, status="SUCCESS", ended_at=bought.shop.clock()) is None
    if not is_done:
        assert f"a refund may be made twice. {request_no}" in operator.does("problems")
        assert bought.journal() == [(request_no, amount)]
        bought.check()
        bought.shop.clock.forward(minutes=2)
        bought.shop.wechat.book.close_expired()
        bought.hear()
    done = bought.refund(request_no)
    assert (done.status, done.attention) == (refund.DONE, attention.PROBLEM)
    assert f"a refund was made twice. {request_no}" in operator.does("problems")
    assert bought.journal() == [(request_no, amount), (again, amount)]
    assert (bought.owned(), purchases.stored(bought.number).refunded_amount) == ([True, False], amount)
    bought.check()
    operator.does("resolve-refund", request_no, "--reason", "by telephone")
    bought.shop.clock.forward(days=1)
    assert bought.told(request_no, status="SUCCESS", ended_at=bought.shop.clock()) is None
    assert bought.told(again) is None
    assert request_no not in operator.does("problems")
    assert len(bought.journal()) == 2
    bought.check()


def test_a_refund_that_was_made_twice_counts_once_towards_all_that_was_paid(bought: Bought) -> None:
    request_no = given_up(bought)
    bought.try_again(request_no)
    assert bought.ask(request_no) == refund.DONE
    bought.hear()
    assert bought.told(request_no, status="SUCCESS", ended_at=bought.shop.clock()) is None
    console(bought, 10000)
    bought.hear()
    assert bought.owned() == [True, False]
    assert purchases.stored(bought.number).refunded_amount == 10000
    bought.check()


def test_a_refund_that_was_given_up_and_made_before_it_is_tried_again_is_done(bought: Bought) -> None:
    request_no = given_up(bought)
    assert bought.told(request_no, status="SUCCESS", ended_at=bought.shop.clock()) is None
    with pytest.raises(RefundFinished):
        bought.try_again(request_no)
    bought.assert_refunded_once(request_no)
    assert bought.made() == [(request_no, "CLOSED")]


def test_a_number_that_was_not_asked_for_is_that_of_no_refund(bought: Bought) -> None:
    request_no = given_up(bought)
    order = purchases.stored(bought.number)
    for forged in ("-2", "-1", "-02", "-", "-x", "-2-2", "--2", "-２"):
        assert refund.find_told(order, request_no + forged) is None, forged
    bought.try_again(request_no)
    for forged in ("-3", "-1", "-02", "-", "-2-2", "--2", "-+2", "- 2", "-２"):
        assert refund.find_told(order, request_no + forged) is None, forged
    found = [refund.find_told(order, number) for number in (request_no, f"{request_no}-2")]
    assert [one.request_no for one in found if one] == [request_no] * 2


def test_two_operators_at_once_ask_under_one_new_number(bought: Bought) -> None:
    request_no = given_up(bought)

    def tries() -> str:
        try:
            return bought.try_again(request_no)
        except RefundFinished:
            return "refused"

    assert refund.APPROVED in purchases.at_once(tries, tries, tries)
    assert bought.ask(request_no) == refund.DONE
    bought.assert_refunded_once(request_no, f"{request_no}-2")
    assert bought.made() == [(request_no, "CLOSED"), (f"{request_no}-2", "SUCCESS")]


def test_a_refund_that_was_given_up_may_be_refused_and_what_comes_then_is_put_before_a_person(
    bought: Bought, operator: Operator
) -> None:
    request_no = given_up(bought)
    bought.shop.clock.forward(minutes=5)
    decide_refund.refuse(request_no, "op", "不符合", bought.shop.gateways, bought.shop.clock())
    assert (bought.owned(), bought.paused()) == ([True, True], [])
    assert bought.told(request_no) is None  # once more that it was given up
    bought.check()
    assert bought.told(request_no, status="SUCCESS", ended_at=bought.shop.clock()) is None
    assert f"resolve-notice {bought.number} {request_no}" in operator.does("problems")
    assert bought.owned() == [True, True]
    bought.check()


# Refused


def test_an_account_short_of_money_is_filled_and_the_same_number_asked_again(
    bought: Bought, operator: Operator
) -> None:
    with bought.shop.wechat.bad_day("refund_not_enough"):
        request_no = bought.apply(1)
    assert bought.refund(request_no).status == refund.STUCK
    assert "the merchant's account is short of money, pay into it" in operator.does("problems")
    assert bought.paused() == [1]
    bought.try_again(request_no)
    assert bought.ask(request_no) == refund.DONE
    bought.assert_refunded_once(request_no)
    assert bought.made() == [(request_no, "SUCCESS")]


# Made in the merchant platform


def test_a_whole_refund_made_there_takes_everything_back_once(bought: Bought) -> None:
    made = console(bought, None)
    bought.hear()
    assert_all_taken_back(bought)
    assert bought.told(made) is None
    assert_all_taken_back(bought)


@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "swapped"])
def test_halves_made_there_together_take_everything_back(
    bought: Bought, operator: Operator, swapped: bool
) -> None:
    halves = [console(bought, HALF), console(bought, HALF)]
    bought.hear_nothing()
    first, second = reversed(halves) if swapped else halves
    assert bought.told(first) is None
    assert bought.told(first) is None
    assert (purchases.status(bought.number), bought.owned()) == (orders.PAID, [True, True])
    listed = operator.does("problems")
    assert "did not make, 150.0 refunded; it names no line" in listed
    assert f"resolve-notice {bought.number} {first}" in listed
    bought.check()
    assert bought.told(second) is None
    assert_all_taken_back(bought)
    assert bought.told(first) is None
    assert bought.told(second) is None
    assert_all_taken_back(bought)
    assert sum(amount for _, amount in bought.journal()) == 2 * HALF


def test_a_part_of_which_every_notice_is_lost_takes_nothing_back(bought: Bought) -> None:
    console(bought, HALF)
    last = console(bought, HALF)
    bought.hear_nothing()
    assert bought.told(last) is None
    assert bought.owned() == [True, True]
    (told,) = refund_notice.list_all(purchases.stored(bought.number))
    assert (told.request_no, told.attention) == (last, attention.PROBLEM)
    bought.check()


def test_a_part_of_which_a_bill_alone_tells_counts_when_it_is_told(bought: Bought) -> None:
    first = console(bought, HALF)
    bought.hear_nothing()
    order, cause = purchases.stored(bought.number), Cause(By.BILL, "wechat")
    refund_notice.record(
        order,
        order.trade_no or "",
        HALF,
        first,
        cause,
        bought.shop.clock(),
        needs_person=False,
        is_total=False,
    )
    second = console(bought, HALF)
    bought.hear_nothing()
    assert bought.told(second) is None
    assert bought.owned() == [True, True]  # the first may still be under way, and come to nothing
    assert bought.told(first) is None
    assert_all_taken_back(bought)


def test_a_line_refunded_here_and_the_rest_there_take_everything_back(bought: Bought) -> None:
    request_no = bought.apply(1)
    assert bought.ask(request_no) == refund.DONE
    console(bought, None)
    bought.hear()
    assert_all_taken_back(bought)
    assert bought.refund(request_no).status == refund.DONE


def test_an_application_is_overtaken_by_halves_made_there(bought: Bought) -> None:
    order = purchases.stored(bought.number)
    asked = apply_for_refund.apply(order, [0], "学不完", WEEK, {WECHAT}, bought.shop.clock())
    for _ in range(2):
        console(bought, HALF)
    bought.hear()
    assert_all_taken_back(bought)
    assert bought.refund(asked.request_no).status == refund.SUPERSEDED


def test_an_application_whose_money_went_back_there_is_not_paid_again(
    bought: Bought, operator: Operator
) -> None:
    order, shop = purchases.stored(bought.number), bought.shop
    asked = apply_for_refund.apply(order, [0], "学不完", WEEK, {WECHAT}, shop.clock())
    for amount in (HALF, 5000):
        console(bought, amount)
    bought.hear()
    with pytest.raises(RefundedAtProvider):
        decide_refund.approve(asked.request_no, "op", shop.gateways, shop.clock())
    listed = operator.does("list-refunds").split(asked.request_no)[1].split("order ")[0]
    assert "150.0 refunded (" in listed and "50.0 refunded (" in listed
    decide_refund.resolve_elsewhere(asked.request_no, "op", "there", shop.gateways, shop.clock())
    assert (bought.owned(), bought.paused()) == ([False, True], [])
    assert purchases.stored(bought.number).refunded_amount == 20000
    assert sum(one.amount for one in shop.wechat.book.refunds(bought.trade)) == 20000
    bought.check()
    # What is refunded there of the rest is all that was left.
    console(bought, None)
    bought.hear()
    assert_all_taken_back(bought)


def test_a_refund_asked_for_anew_and_the_rest_there_take_everything_back_when_both_are_told(
    bought: Bought,
) -> None:
    request_no = given_up(bought)
    console(bought, 20000)
    bought.hear()
    decide_refund.try_again(request_no, "op", bought.shop.gateways, bought.shop.clock(), pay_again=True)
    assert bought.ask(request_no) == refund.DONE
    assert bought.owned() == [True, False]
    bought.hear()
    assert_all_taken_back(bought)
    assert bought.refund(request_no).number_made() == f"{request_no}-2"


def test_a_stuck_refund_is_not_paid_over_one_made_there_unless_somebody_says_so(
    bought: Bought, operator: Operator
) -> None:
    with bought.shop.wechat.bad_day("refund_not_enough"):
        request_no = bought.apply(1)
    made = console(bought, 10000)
    bought.hear()
    with pytest.raises(RefundedAtProvider):
        bought.try_again(request_no)
    said = operator.is_refused("retry-refund", request_no)
    for command in (f"resolve-refund {request_no} --reason", f"retry-refund {request_no} --pay-again"):
        assert command in said
    assert bought.refund(request_no).status == refund.STUCK
    assert bought.made() == [(made, "SUCCESS")]
    bought.check()
    gateways, now = bought.shop.gateways, bought.shop.clock()
    decide_refund.try_again(request_no, "op", gateways, now, pay_again=True)
    assert bought.ask(request_no) == refund.DONE
    assert sorted(bought.made()) == sorted([(made, "SUCCESS"), (request_no, "SUCCESS")])
    assert "confirmed" in [line for line in operator.does("audit").splitlines() if request_no in line][-1]
    bought.check()


@pytest.mark.parametrize("status", ["ABNORMAL", "CLOSED"])
def test_a_refund_made_there_that_comes_to_nothing_is_put_before_a_person_once(
    bought: Bought, operator: Operator, status: str
) -> None:
    made = bought.shop.wechat.refund(bought.trade, 100)
    bought.shop.wechat.end_refund(made.out_refund_no, status)
    assert bought.shop.told_by_wechat() == ["refund"]
    assert bought.told(made.out_refund_no) == "refund"
    assert operator.does("problems").count(f"order {bought.trade}: a genuine notification") == 1
    (stray,) = stray_notification.list_waiting(bought.trade, purchases.stored(bought.number).trade_no or "")
    assert (stray.request_no, stray.refunded) == (made.out_refund_no, 100)
    assert bought.owned() == [True, True]
    trade_no = purchases.stored(bought.number).trade_no or ""
    operator.does("resolve-stray", bought.trade, trade_no, "--reason", "made anew")
    bought.check()


def test_a_refund_nobody_told_the_payment_of_delivers_first(shop: Shop) -> None:
    shop.clock.now = builders.now()
    person = builders.a_user()
    courses = [builders.a_course(prices=[price]) for price in (20000, 10000)]
    number = purchases.place(Client(shop.base_url, person), courses, 300)
    shop.change(number, WECHAT)
    bought = Bought(shop, person, courses, number, shop.begin(number))
    shop.wechat.pay(bought.trade)
    bought.hear_nothing()
    made = console(bought, HALF)
    assert bought.told(made) is None
    assert bought.owned() == [True, True]
    (received,) = payment.list_payments(purchases.stored(number))
    assert received.paid_at == shop.clock()  # a refund's notification has no time of the payment
    bought.check()


# Money that an order cannot use


def test_money_that_came_twice_goes_back_to_the_trade_that_paid_also_under_a_new_number(shop: Shop) -> None:
    number, native, h5 = shop.by_wechat(Way.NATIVE, Way.H5)
    for trade in (h5, native):
        shop.wechat.pay(trade)
        assert shop.told_by_wechat() == [None]
    order = purchases.stored(number)
    (back,) = refund.list_refunds(order)
    assert (back.why, back.trade_number) == (refund.DUPLICATE, native)
    with shop.wechat.bad_day("refund_closed"):
        assert carry_out_refund.carry_out(order, back, shop.gateways, shop.clock()) == refund.APPROVED
    shop.clock.forward(minutes=2)
    shop.wechat.book.close_expired()
    assert shop.told_by_wechat() == [None]
    assert refund.list_refunds(order)[0].status == refund.STUCK
    decide_refund.try_again(back.request_no, "op", shop.gateways, shop.clock())
    shop.clock.forward(minutes=2)
    shop.wechat.book.close_expired()
    assert shop.told_by_wechat() == [None]
    (done,) = refund.list_refunds(purchases.stored(number))
    assert (done.status, done.number_made()) == (refund.DONE, f"{back.request_no}-2")
    assert [one.status for one in shop.wechat.book.refunds(native)] == ["CLOSED", "SUCCESS"]
    assert not shop.wechat.book.refunds(h5)
    assert purchases.status(number) == orders.PAID
    assert purchases.owns(shop.buyer.person, shop.buyer.course, shop.clock())
    shop.check()


@pytest.mark.parametrize(("by", "status"), [("shop", refund.DONE), ("console", refund.SUPERSEDED)])
def test_money_that_comes_too_late_goes_back_once_whoever_sends_it(shop: Shop, by: str, status: str) -> None:
    number, trade = shop.by_wechat(Way.NATIVE)
    shop.wechat.pay(trade)
    order, cause = purchases.stored(number), Cause(By.PROVIDER)
    close_order.give_back_and_close(order, orders.CANCELLED, cause, shop.clock())
    shop.buyer.place()  # which holds the coupon by now
    assert shop.told_by_wechat() == [None]
    (back,) = refund.list_refunds(purchases.stored(number))
    assert (back.why, back.provider_of(order), back.trade_number) == (refund.LATE, WECHAT, trade)
    if by == "console":
        shop.wechat.refund(trade, None)
    else:
        assert carry_out_refund.carry_out(order, back, shop.gateways, shop.clock()) == refund.APPROVED
    shop.clock.forward(minutes=2)
    shop.wechat.book.close_expired()
    assert shop.told_by_wechat() == [None]
    carry_out_refund.process(back, shop.gateways, shop.clock())
    (ended,) = refund.list_refunds(purchases.stored(number))
    assert (ended.status, ended.attention, ended.due_at) == (status, None, None)
    assert [one.amount for one in shop.wechat.book.refunds(trade)] == [order.amount]
    assert purchases.status(number) == orders.CANCELLED
    assert purchases.happened(number).count("late payment refunded") == 1
    shop.check()
