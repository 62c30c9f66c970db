"""The free term of a course that has paid ones too can be had once a learner."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from chalicelib.shop import account, cart, order
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import Course
from chalicelib.shop.idempotency import FirstAnswer, IdempotencyKey, answer_key
from chalicelib.storage.dynamodb import find
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Exchange, Fault
from tests.faults.routing import FaultyApp
from tests.proof import invariants
from tests.purchases import Clock

TEXT = "课程的免费学习期限每人只能领取一次，您已领取过，请选择其他有效期"
TAKEN = (1302, TEXT)


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


def chosen(course: Course, position: int = 0) -> dict[str, int]:
    """A line of the cart or the account."""
    return {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course, position)}


def quoted(learner: Client, course: Course, position: int = 0) -> Any:
    line = {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course, position)}
    return learner.post("/account/quote/", {"is_beli": False, "course_list": [line], "global_coupon_id": ""})


def sellable(line: dict[str, Any]) -> tuple[bool, list[bool]]:
    """What a line of cart or account says of itself, and of each policy of its course by length."""
    policies = sorted(line["relate_price_policy"].values(), key=lambda policy: policy["valid_period"])
    return line.get("sellable", True), [policy.get("sellable", True) for policy in policies]


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


# Every place that shows it agrees with the order


def test_all_that_come_before_an_order_refuse_it_with_the_same_text(learner: Client, course: Course) -> None:
    assert learner.post("/account/", [chosen(course)])["code"] == 1000
    assert quoted(learner, course)["code"] == 1000
    purchases.place(learner, [course], 0)
    answers = [
        learner.post("/shoppingcar/", chosen(course)),
        learner.post("/account/", [chosen(course)]),
        quoted(learner, course),
        learner.pay([course], 0),
    ]
    assert [(answer["code"], answer["msg"]) for answer in answers] == [
        (code, TEXT) for code in (1201, 1102, 1302, 1302)
    ]
    assert learner.get("/account/")["code"] == 1101, "no account is left to be settled"
    assert learner.post("/shoppingcar/", chosen(course, 1))["code"] == 1000
    assert learner.post("/account/", [chosen(course, 1)])["code"] == 1000
    assert quoted(learner, course, 1)["data"]["total_price"] == 300


def test_cart_and_account_say_that_it_was_had(
    learner: Client, course: Course, alipay: AlipaySimulator
) -> None:
    """An open order holds it: the lines were added by another window, before it was placed."""
    paid = builders.a_course(prices=[100])

    def shown() -> tuple[tuple[bool, list[bool]], int, tuple[bool, list[bool]], int, Any]:
        in_cart, account = learner.get("/shoppingcar/")["data"], learner.get("/account/")["data"]
        priced = learner.put("/account/", {"is_beli": "false", "choose_coupons": {}})["data"]
        return (
            sellable(next(line for line in in_cart["shopping_car_list"] if line["id"] == course.course_id)),
            in_cart["total"],
            sellable(next(line for line in account["account_course_list"] if line["id"] == course.course_id)),
            account["total"],
            priced,
        )

    def fill() -> None:
        for line in (course, paid):
            assert learner.post("/shoppingcar/", chosen(line))["code"] == 1000
        assert learner.post("/account/", [chosen(course), chosen(paid)])["code"] == 1000

    fill()
    offered = (True, [True, True])
    both = {str(course.course_id): 0, str(paid.course_id): 1, "total_price": 1}
    assert shown() == (offered, 2, offered, 2, both)
    assert learner.user is not None
    other = Client(learner.base_url, learner.user)
    number = purchases.place(other, [course, builders.a_course(prices=[100])], 1)
    assert learner.get("/account/")["code"] == 1101, "a placed order ends the account"
    # As a window that adds the lines at the moment at which the order is placed leaves them.
    stored_line = CartLine(builders.policy_id_of(course), "n", "i", 0, 7, 1)
    cart.put_line(learner.user.user_id, course.key, stored_line)
    lines = [ChosenPolicy(one.key, builders.policy_id_of(one)) for one in (course, paid)]
    account.open_account(learner.user.user_id, lines)
    had = (False, [False, True])
    assert shown() == (had, 1, had, 1, {str(paid.course_id): 1, "total_price": 1})
    assert purchases.cancel(learner, number)["code"] == 1000
    assert shown() == (offered, 2, offered, 2, both)


def test_the_paid_term_of_a_course_stays_on_offer(learner: Client, course: Course) -> None:
    purchases.place(learner, [course], 0)
    assert learner.post("/shoppingcar/", chosen(course, 1))["code"] == 1000
    (line,) = learner.get("/shoppingcar/")["data"]["shopping_car_list"]
    assert sellable(line) == (True, [False, True])


def test_free_terms_of_a_free_course_stay_on_offer(learner: Client) -> None:
    free = builders.a_course(prices=[0, 0])
    purchases.place(learner, [free], 0)
    assert learner.post("/shoppingcar/", chosen(free))["code"] == 1000
    (line,) = learner.get("/shoppingcar/")["data"]["shopping_car_list"]
    assert sellable(line) == (True, [True, True])
    assert quoted(learner, free)["code"] == 1000


def test_what_one_learner_had_is_on_offer_to_another(learner: Client, course: Course) -> None:
    purchases.place(learner, [course], 0)
    stranger = Client(learner.base_url, builders.a_user())
    assert stranger.post("/account/", [chosen(course)])["code"] == 1000
    assert quoted(stranger, course)["code"] == 1000


def test_the_amount_is_not_asked_for_what_cannot_be_had(learner: Client, course: Course) -> None:
    purchases.place(learner, [course], 0)
    assert refusal(learner, course, due=300) == TAKEN


def test_the_open_order_with_it_is_paid_and_delivered(
    learner: Client, course: Course, alipay: AlipaySimulator
) -> None:
    number = purchases.place(learner, [course, builders.a_course(prices=[100])], 1)
    address = learner.get(f"/get_pay_url/?order_number={number}&final_price=1")
    assert address["code"] == 1000
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    assert purchases.status(number) == order.PAID
    assert learner.user is not None
    assert purchases.owns(learner.user, course)
    check(learner)


def test_the_request_that_took_it_gets_its_answer_again(learner: Client, course: Course) -> None:
    key: dict[str, Any] = {"Idempotency-Key": builders.new_name("key")}
    first = learner.pay([course], 0, **key)
    assert first["code"] == 1000
    assert learner.pay([course], 0, **key)["data"] == first["data"]
    assert refusal(learner, course) == TAKEN
    check(learner)


def test_the_same_request_at_once_gets_one_answer(learner: Client, course: Course) -> None:
    key: dict[str, Any] = {"Idempotency-Key": builders.new_name("key")}
    answers = purchases.at_once(*[lambda: learner.pay([course], 0, **key)] * 6)
    assert {answer["code"] for answer in answers} == {1000}, answers
    assert len({answer["data"] for answer in answers}) == 1
    check(learner)


def test_a_request_whose_key_was_read_before_its_twin_had_ordered_gets_the_twins_answer(
    faulty_app: FaultyApp, course: Course
) -> None:
    """A batch is no snapshot: the key may be read before the twin's order is there, and the free term after it."""
    user, name = builders.a_user(), builders.new_name("key")
    learner, key = Client(faulty_app.base_url, user), cast(dict[str, Any], {"Idempotency-Key": name})
    first = learner.pay([course], 0, **key)
    _, owner, sort = answer_key(user.user_id, IdempotencyKey(name, ""))
    kept = find(FirstAnswer, owner, sort)
    assert kept is not None

    def read_without_the_key(exchange: Exchange) -> bytes:
        kept.delete()
        answer = exchange.forward()
        kept.save()
        return answer

    with faulty_app.dynamodb.faults(Fault.on("BatchGetItem", action=read_without_the_key, nth=1)):
        assert learner.pay([course], 0, **key)["data"] == first["data"]
    check(learner)
