"""Requests at the same moment: exactly one winner, and every sum exact, round after round."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from chalicelib.shop import coupon, enrollment, order
from localstack.alipay import AlipaySimulator, Refused
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Buyer, Clock, at_once, deliver, notice

ROUNDS = 8


@pytest.fixture
def base_url(gateway_server: GatewayServer, alipay: AlipaySimulator) -> str:
    return gateway_server.base_url


def test_one_coupon_is_taken_by_one_of_two_orders(base_url: str) -> None:
    course = builders.a_course(prices=[10000])
    for _ in range(ROUNDS):
        user = builders.a_user(beli=10)
        learner, record = Client(base_url, user), builders.a_coupon(user, value=1000)
        answers = at_once(*[partial(learner.pay, [course], 90, general=record)] * 2)
        assert sorted(answer["code"] for answer in answers) == [1000, 1306]
        (winner,) = purchases.orders(user)
        taken = purchases.record(user, record)
        assert (taken.status, taken.order_number) == (coupon.RESERVED, winner.number)
        assert purchases.balance(user) == 10


def test_one_balance_is_spent_once_however_many_orders_want_it(base_url: str) -> None:
    course = builders.a_course(prices=[10000])
    for _ in range(ROUNDS):
        user = builders.a_user(beli=100)
        learner = Client(base_url, user)
        answers = at_once(*[partial(learner.pay, [course], 90, is_beli=True)] * 4)
        # Whoever read the balance after it was spent is told another amount.
        codes = Counter(answer["code"] for answer in answers)
        assert codes[1000] == 1
        assert codes[1305] + codes[1308] == 3
        (winner,) = purchases.orders(user)
        assert winner.beli == 100
        assert purchases.balance(user) == 0


def test_a_balance_is_enough_for_as_many_orders_as_it_can_pay(base_url: str) -> None:
    course = builders.a_course(prices=[300])
    for _ in range(ROUNDS // 2):
        user = builders.a_user(beli=100)
        learner = Client(base_url, user)
        answers = at_once(*[partial(learner.pay, [course], 0, is_beli=True)] * 5)
        assert Counter(answer["code"] == 1000 for answer in answers) == {True: 3, False: 2}
        assert {placed.status for placed in purchases.orders(user)} == {order.PAID}
        assert purchases.balance(user) == 10


def test_twenty_notifications_at_once_deliver_once(base_url: str, alipay: AlipaySimulator) -> None:
    for _ in range(3):
        buyer = Buyer(base_url)
        number = buyer.place()
        purchases.pay(alipay, number)
        signed = notice(alipay, number)
        assert at_once(*[partial(deliver, signed)] * 20) == ["success"] * 20
        assert purchases.happened(number) == ["placed", "paid"]
        assert purchases.payments(number) == ["applied"]
        buyer.assert_owns_the_course()


def test_twenty_words_of_a_refund_at_once_give_back_once(base_url: str, alipay: AlipaySimulator) -> None:
    for _ in range(2):
        buyer = Buyer(base_url)
        number = buyer.place()
        purchases.pay(alipay, number)
        success = notice(alipay, number)
        alipay.refund(number)
        signed = notice(alipay, number)
        assert set(at_once(*[partial(deliver, signed), partial(deliver, success)] * 10)) == {"success"}
        assert purchases.status(number) == order.REFUNDED
        assert purchases.happened(number).count("refunded") == 1
        assert purchases.payments(number) == ["applied"]
        buyer.assert_has_everything_back()


def test_two_cancellations_at_once_give_back_once(base_url: str) -> None:
    for _ in range(ROUNDS):
        buyer = Buyer(base_url)
        number = buyer.place()
        answers = at_once(*[partial(purchases.cancel, buyer, number)] * 3)
        assert [answer["code"] for answer in answers] == [1000] * 3
        assert purchases.happened(number) == ["placed", "cancelled"]
        buyer.assert_has_everything_back()


def pay_and_tell(alipay: AlipaySimulator, number: str) -> bool:
    """The buyer pays and the shop is told -> whether Alipay still took the money."""
    try:
        alipay.pay(number)
    except Refused:
        return False
    assert deliver(notice(alipay, number)) == "success"
    return True


@pytest.mark.parametrize("scanned", [False, True])
def test_cancelling_while_the_buyer_pays_ends_in_one_way_or_the_other(
    scanned: bool, base_url: str, alipay: AlipaySimulator
) -> None:
    for _ in range(ROUNDS):
        buyer = Buyer(base_url)
        number = buyer.place()
        alipay.open_cashier(purchases.pay_url(number))
        if scanned:
            alipay.scan(number)
        answer, was_paid = at_once(
            partial(purchases.cancel, buyer, number), partial(pay_and_tell, alipay, number)
        )
        status = purchases.status(number)
        if answer["code"] == 1502:
            assert was_paid
            assert status == order.PAID
            assert purchases.payments(number) == ["applied"]
            buyer.assert_owns_the_course()
        else:
            assert answer["code"] == 1000
            assert status == order.CANCELLED
            # A code that was not scanned yet can still be paid: then the money is on record as late.
            assert purchases.payments(number) == (["late"] if was_paid else [])
            assert not (scanned and was_paid), "it was closed at Alipay before it was closed here"
            buyer.assert_has_everything_back()


def test_the_timer_and_the_learner_close_an_order_once(
    base_url: str, alipay: AlipaySimulator, clock: Clock
) -> None:
    buyers = [Buyer(base_url) for _ in range(10)]
    numbers = [buyer.place() for buyer in buyers]
    clock.stand_at(purchases.stored(numbers[-1]).expires_at + order.CLOSE_MARGIN)

    def cancel_all() -> list[Any]:
        return [
            purchases.cancel(buyer, number)["code"] for buyer, number in zip(buyers, numbers, strict=True)
        ]

    def cancel_backwards() -> list[Any]:
        pairs = reversed(list(zip(buyers, numbers, strict=True)))
        return [purchases.cancel(buyer, number)["code"] for buyer, number in pairs]

    timers = [purchases.run_timer, purchases.run_timer]
    _, _, forwards, backwards = at_once(*timers, cancel_all, cancel_backwards)
    assert forwards is not None
    assert backwards is not None
    for buyer, number, one, other in zip(buyers, numbers, forwards, reversed(backwards), strict=True):
        status = purchases.status(number)
        assert purchases.happened(number) == ["placed", status]
        assert [one, other] == {order.CANCELLED: [1000, 1000], order.EXPIRED: [1503, 1503]}[status]
        buyer.assert_has_everything_back()


def test_the_timer_and_the_notification_deliver_once(
    base_url: str, alipay: AlipaySimulator, clock: Clock
) -> None:
    buyers = [Buyer(base_url) for _ in range(8)]
    numbers = [buyer.place() for buyer in buyers]
    for number in numbers:
        purchases.pay(alipay, number)
    signed = [notice(alipay, number) for number in numbers]
    clock.stand_at(purchases.stored(numbers[-1]).expires_at)
    at_once(
        purchases.run_timer,
        lambda: [deliver(one) for one in signed],
        lambda: [deliver(one) for one in reversed(signed)],
    )
    for buyer, number in zip(buyers, numbers, strict=True):
        assert purchases.happened(number) == ["placed", "paid"]
        assert purchases.payments(number) == ["applied"]
        buyer.assert_owns_the_course(clock)


def test_the_same_course_paid_twice_at_once_counts_twice(base_url: str, alipay: AlipaySimulator) -> None:
    for _ in range(ROUNDS // 2):
        user = builders.a_user()
        learner, course = Client(base_url, user), builders.a_course(prices=[10000])  # 7 days
        numbers = [purchases.place(learner, [course], 100) for _ in range(2)]
        for number in numbers:
            purchases.pay(alipay, number)
        first, second = (notice(alipay, number) for number in numbers)
        assert at_once(partial(deliver, first), partial(deliver, second)) == ["success", "success"]
        (mine,) = enrollment.list_enrollments(user.user_id)
        assert mine.ends_at is not None
        assert (mine.ends_at - mine.begins_at).days == 14


def test_orders_of_one_moment_have_different_numbers(base_url: str, clock: Clock) -> None:
    clock.stand_at(builders.now())
    course, learners = (
        builders.a_course(prices=[100]),
        [Client(base_url, builders.a_user()) for _ in range(5)],
    )
    calls = [partial(purchases.place, learner, [course], 1) for learner in learners * 3]
    numbers = at_once(*calls)
    assert len(set(numbers)) == 15
