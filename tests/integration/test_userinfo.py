"""`GET /userinfo`: what the head of every page shows of a learner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.flows.change_user import set_role
from chalicelib.shop import coupon
from chalicelib.shop.user import ADMIN, ASSISTANT, ROLE_NAMES, TEACHER
from localstack.alipay import AlipaySimulator
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.client import Client
from tests.faults import Action, Fault, redis_error, reset_before, silent
from tests.faults.routing import FaultyApp
from tests.purchases import number_in

pytestmark = pytest.mark.usefixtures("gateway_server")


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


def shown(client: Client) -> Any:
    answer = client.get("/userinfo")
    assert answer["code"] == 1000
    return answer["data"]


def put_into_cart(client: Client, count: int) -> None:
    for _ in range(count):
        course = builders.a_course()
        line = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        assert client.post("/shoppingcar/", line)["code"] == 1000


def test_a_new_learner_has_nothing(learner: ClientAt) -> None:
    assert learner.user is not None
    assert shown(learner) == {
        "username": learner.user.username,
        "name": learner.user.name,
        "head_img": "http://shop.test/images/head.svg",
        "beli": 0,
        "role": "学员",
        "cart_count": 0,
        "open_orders": 0,
        "usable_coupons": 0,
    }


@pytest.mark.parametrize("role", [ASSISTANT, TEACHER, ADMIN])
def test_the_role_is_told_in_words(learner: ClientAt, role: str) -> None:
    assert learner.user is not None
    set_role(learner.user, role, "test", "test", builders.now())
    assert shown(learner)["role"] == ROLE_NAMES[role]


def test_the_courses_in_the_cart_are_counted(learner: ClientAt) -> None:
    put_into_cart(learner, 3)
    assert shown(learner)["cart_count"] == 3


@pytest.mark.parametrize(
    "action",
    [
        silent(),
        reset_before(),
        redis_error("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ],
    ids=["silent", "reset", "wrong type"],
)
def test_a_cart_store_in_trouble_leaves_all_the_rest(faulty_app: FaultyApp, action: Action) -> None:
    learner = ClientAt(builders.a_user(beli=7))
    put_into_cart(learner, 1)
    with faulty_app.redis.faults(Fault.on("HLEN", action=action)):
        told = shown(learner)
    assert (told["cart_count"], told["beli"]) == (None, 7)
    with faulty_app.redis.down():
        assert shown(learner)["cart_count"] is None
    assert shown(learner)["cart_count"] == 1


def test_only_coupons_that_can_be_used_now_are_counted(learner: ClientAt) -> None:
    assert learner.user is not None
    now = builders.now()
    builders.a_coupon(learner.user)
    builders.a_coupon(learner.user, course=builders.a_course().key)
    builders.a_coupon(learner.user, valid_until=now)
    builders.a_coupon(learner.user, valid_from=now + timedelta(days=1), valid_until=now + timedelta(days=2))
    for status in (coupon.RESERVED, coupon.USED):
        builders.a_coupon(learner.user, status=status)
    assert shown(learner)["usable_coupons"] == 2


def test_unpaid_orders_are_counted_and_no_others(learner: ClientAt, alipay: AlipaySimulator) -> None:
    course = builders.a_course(prices=[10000])
    cancelled, paid, _ = (number_in(learner.pay([course], 100)["data"]) for _ in range(3))
    assert learner.pay([builders.a_course(prices=[0])], 0)["code"] == 1000
    assert shown(learner)["open_orders"] == 3
    purchases.cancel(learner, cancelled)
    assert shown(learner)["open_orders"] == 2
    purchases.pay(alipay, paid)
    assert purchases.deliver(purchases.notice(alipay, paid)) == "success"
    assert shown(learner)["open_orders"] == 1


def test_a_long_history_costs_no_more(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    assert learner.user is not None
    course = builders.a_course(prices=[10000])
    number_in(learner.pay([course], 100)["data"])
    with faulty_app.dynamodb.recording() as before:
        shown(learner)
    for _ in range(8):
        purchases.cancel(learner, number_in(learner.pay([course], 100)["data"]))
    with faulty_app.dynamodb.recording() as after:
        assert shown(learner)["open_orders"] == 1
    operations = [sorted(call.operation for call in calls) for calls in (before, after)]
    assert operations == [["BatchGetItem", "BatchGetItem", "Query"]] * 2
