"""The free term of a course that has paid ones too can be had once a learner."""

from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.shop import order
from chalicelib.shop.catalog import Course
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.proof import invariants
from tests.purchases import Clock

TAKEN = (1302, "课程的免费学习期限每人只能领取一次，您已领取过，请选择其他有效期")


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture
def course() -> Course:
    """A week for nothing, a month for 300."""
    return builders.a_course(prices=[0, 30000])


def refusal(learner: Client, *courses: Course, due: object = 0) -> tuple[int, str]:
    answer = learner.pay(list(courses), due)
    return answer["code"], answer["msg"]


def check(learner: Client) -> None:
    assert learner.user is not None
    invariants.check([learner.user.user_id])


def test_a_free_term_beside_paid_ones_is_had_once(learner: Client, course: Course) -> None:
    assert learner.pay([course], 0)["code"] == 1000
    assert refusal(learner, course) == TAKEN
    assert refusal(learner, builders.a_course(prices=[100]), course, due=1) == TAKEN
    other = builders.a_course(prices=[0, 30000])
    assert learner.pay([other], 0)["code"] == 1000
    check(learner)


def test_a_paid_term_follows_a_free_one(learner: Client, course: Course) -> None:
    learner.pay([course], 0)
    body = {
        "is_beli": False,
        "course_list": [
            {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course, 1)}
        ],
        "global_coupon_id": "",
        "pay_money": 300,
    }
    assert learner.post("/payment/", body)["code"] == 1000
    assert learner.post("/payment/", body)["code"] == 1000


def test_a_course_that_is_free_altogether_may_be_renewed(learner: Client) -> None:
    free = builders.a_course(prices=[0, 0])
    assert [learner.pay([free], 0)["code"] for _ in range(3)] == [1000] * 3
    check(learner)


def test_what_was_refunded_was_had(learner: Client, course: Course) -> None:
    number = purchases.place(learner, [course], 0)
    assert learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]["status"] == "已退款"
    assert refusal(learner, course) == TAKEN
    check(learner)


def test_orders_at_once_have_it_once(learner: Client, course: Course) -> None:
    answers = purchases.at_once(*[lambda: learner.pay([course], 0)] * 6)
    assert Counter(answer["code"] for answer in answers) == {1000: 1, 1302: 5}
    check(learner)


def test_a_cancelled_order_gives_it_back(learner: Client, course: Course, alipay: AlipaySimulator) -> None:
    paid = builders.a_course(prices=[100])
    number = purchases.place(learner, [course, paid], 1)
    assert refusal(learner, course) == TAKEN
    assert purchases.cancel(learner, number)["code"] == 1000
    check(learner)
    assert learner.pay([course], 0)["code"] == 1000
    check(learner)


def test_late_money_for_what_was_had_meanwhile_goes_back(
    learner: Client, course: Course, alipay: AlipaySimulator, clock: Clock
) -> None:
    paid = builders.a_course(prices=[100])
    number = purchases.place(learner, [course, paid], 1)
    purchases.cancel(learner, number)
    purchases.place(learner, [course], 0)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert purchases.payments(number) == ["late"]
    check(learner)


def test_late_money_reopens_an_order_with_a_free_term(
    learner: Client, course: Course, alipay: AlipaySimulator
) -> None:
    number = purchases.place(learner, [course, builders.a_course(prices=[100])], 1)
    purchases.cancel(learner, number)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert purchases.status(number) == order.PAID
    assert refusal(learner, course) == TAKEN
    check(learner)
