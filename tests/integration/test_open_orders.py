"""At most so many unpaid orders a learner: counted by the transaction that places them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.shop import open_items, order
from chalicelib.storage.dynamodb import find
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Fault, die_before
from tests.faults.routing import FaultyApp
from tests.purchases import Clock

MOST = 50
ONCE: dict[str, Any] = {"Idempotency-Key": "once"}
TWICE: dict[str, Any] = {"Idempotency-Key": "twice"}


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user(beli=10))


def open_orders(learner: Client) -> int:
    assert learner.user is not None
    return sum(placed.is_open() for placed in purchases.orders(learner.user))


def fill(learner: Client, free: int = 0) -> None:
    """Let the learner have as many open orders as they may, but for so many."""
    course = builders.a_course()
    for _ in range(MOST - free):
        assert learner.pay([course], 300)["code"] == 1000


def test_sixty_orders_at_once_are_fifty(learner: Client) -> None:
    assert application.app.settings.max_open_orders == MOST
    course = builders.a_course(prices=[30000])
    fill(learner, free=12)
    answers = purchases.at_once(*[lambda: learner.pay([course], 300)] * 20)
    placed = [answer for answer in answers if answer["code"] == 1000]
    refused = [answer for answer in answers if answer["code"] == 5000]
    assert len(placed) + len(refused) == 20
    assert open_orders(learner) == MOST - 12 + len(placed) <= MOST
    while open_orders(learner) < MOST:  # a store that is busy refuses too; the learner tries again
        assert learner.pay([course], 300)["code"] == 1000
    answer = learner.pay([course], 300)
    assert (answer["code"], answer["msg"]) == (
        5000,
        "您已有50个未支付的订单，请先支付或取消其中一些，再提交新订单",
    )
    assert open_orders(learner) == MOST


def test_paid_cancelled_and_expired_orders_make_room(
    learner: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    fill(learner)
    course = builders.a_course()
    assert learner.user is not None
    first, second, *_ = purchases.orders(learner.user)
    assert learner.pay([course], 300)["code"] == 5000
    assert purchases.cancel(learner, first.number)["code"] == 1000
    third = purchases.place(learner, [course], 300)
    assert learner.pay([course], 300)["code"] == 5000
    purchases.pay(alipay, second.number)
    assert purchases.deliver(purchases.notice(alipay, second.number)) == "success"
    purchases.place(learner, [course], 300)
    assert learner.pay([course], 300)["code"] == 5000
    clock.stand_at(purchases.stored(third).expires_at + order.CLOSE_MARGIN + timedelta(minutes=2))
    purchases.run_timer()
    purchases.run_timer()
    assert open_orders(learner) == 0
    again = purchases.place(learner, [course], 300)
    counted = find(open_items.OpenItems, learner.user.owner, "OPEN#ORDERS")
    assert counted is not None and counted.sorts == {purchases.stored(again).sort}


def test_what_is_refused_or_cut_off_is_not_counted(faulty_app: FaultyApp) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    assert learner.user is not None
    coupon = builders.a_coupon(learner.user, value=100)
    course = builders.a_course(prices=[30000])
    purchases.place(learner, [course], 299, general=coupon)
    assert learner.pay([course], 299, general=coupon)["code"] == 1306
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=die_before(faulty_app.redis))):
        learner.pay([course], 300)
    counted = find(open_items.OpenItems, learner.user.owner, "OPEN#ORDERS")
    assert counted is not None and len(counted.sorts) == 1 == open_orders(learner)


def test_a_purchase_that_is_repeated_with_its_key_is_no_further_order(learner: Client) -> None:
    fill(learner, free=1)
    course = builders.a_course()
    first = learner.pay([course], 300, **ONCE)
    assert first["code"] == 1000
    assert learner.pay([course], 300, **ONCE) == first
    assert learner.pay([course], 300, **TWICE)["code"] == 5000
