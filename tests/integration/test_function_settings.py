"""Each Lambda function works with the settings that FUNCTIONS gives it, and with no others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import app as application
from chalicelib.settings import FUNCTIONS, SETTINGS, settings
from chalicelib.shop import bill, coupon_claim, journal, order
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from tests import builders
from tests.client import Client
from tests.faults.routing import forget_connections
from tests.integration.test_notification import returned
from tests.integration.test_policies import (
    an_offer,
    claimed_long_ago,
    make_due,
    place,
    sold_on_a_day_of_its_own,
)
from tests.packaged_functions import handler_of
from tests.purchases import Clock, deliver, notice
from tests.scheduled import SCHEDULED
from tests.wechat_notices import a_begun_trade


@contextmanager
def running_as(function: str) -> Iterator[None]:
    """This process, as if it were a function that has been given its own settings only."""
    before = dict(os.environ)
    for name in SETTINGS.keys() - FUNCTIONS[function]:
        if not name.startswith("AWS_"):
            os.environ.pop(name, None)
    os.environ["_HANDLER"] = handler_of(function)
    try:
        forget_connections()
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget_connections()


def test_the_api_function_sells_and_asks_and_takes_its_buyers_back(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    user = builders.a_user()
    with running_as("api_handler"):
        learner = Client(gateway_server.base_url, user)
        number = place(learner, builders.a_course(prices=[10000]))
        pay_url = learner.get(f"/get_pay_url/?order_number={number}&final_price=100")["data"]
        assert alipay.open_cashier(pay_url) == number
        alipay.pay(number)
        assert learner.order(number)["status"] == "交易成功"
        with_signature = alipay.return_url(number)
        location = returned(gateway_server.base_url, with_signature.partition("?")[2])
        assert number in location


def test_the_notification_needs_alipays_public_key_and_no_private_one(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    paid = learner.pay([builders.a_course(prices=[10000])], 100)
    number = learner.newest_order()["order_number"]
    alipay.open_cashier(paid["data"])
    with running_as("alipay_notify"):
        account = settings().alipay
        assert account and not account.has("app_private_key")
        alipay.pay(number)
        alipay.deliver_due_notices()
        alipay.refund(number, 10000)
        alipay.deliver_due_notices()
    assert order.find_by_number(number).status == order.REFUNDED


def test_the_notification_of_wechat_needs_no_key_of_the_merchants(
    gateway_server: GatewayServer, wechat: WechatSimulator
) -> None:
    number = a_begun_trade()
    with running_as("wechat_notify"):
        account = settings().wechat
        assert account and not account.has("merchant_private_key") and not account.has("app_secret")
        wechat.pay(number)
        wechat.deliver_due_notices()
        wechat.end_refund(wechat.refund(number).out_refund_no, "SUCCESS")
        wechat.deliver_due_notices()
    assert order.find_by_number(number).status == order.REFUNDED


def test_the_timer_asks_delivers_and_closes(gateway_server: GatewayServer, alipay: AlipaySimulator) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    _left_alone, paid, refunded = numbers = [
        place(learner, builders.a_course(prices=[10000])) for _ in range(3)
    ]
    for number in (paid, refunded):
        pay_url = learner.get(f"/get_pay_url/?order_number={number}&final_price=100")["data"]
        alipay.open_cashier(pay_url)
        alipay.pay(number)
    alipay.refund(refunded, 10000)
    for number in numbers:
        make_due(number)
    with running_as("work_off_orders"):
        application.work_off_orders(SCHEDULED, None)
    statuses = [order.find_by_number(number).status for number in numbers]
    assert statuses == [order.EXPIRED, order.PAID, order.REFUNDED]


def test_the_bills_are_fetched_and_read(
    gateway_server: GatewayServer, alipay: AlipaySimulator, common_clock: Clock
) -> None:
    number = sold_on_a_day_of_its_own(gateway_server.base_url, alipay, common_clock)
    assert deliver(notice(alipay, number)) == "success"
    with running_as("hold_bills"):
        application.hold_bills(SCHEDULED, None)
    held = bill.find_day("alipay", journal.day_of(order.find_by_number(number).placed_at))
    assert held is not None and (held.state, held.theirs_paid) == (bill.AGREES, 10000)


def test_the_claims_sweep_has_no_secret(gateway_server: GatewayServer) -> None:
    assert not [name for name in FUNCTIONS["sweep_coupon_claims"] if SETTINGS[name].is_secret]
    offer = an_offer()
    claim = claimed_long_ago(offer)
    with running_as("sweep_coupon_claims"):
        application.sweep_coupon_claims(SCHEDULED, None)
    assert coupon_claim.find_claim(claim.token, offer.coupon_id) is None


def test_orders_are_paid_by_wechat_and_asked_for_without_the_key_of_its_notices(
    gateway_server: GatewayServer, wechat: WechatSimulator
) -> None:
    """The API begins trades and knows who pays within WeChat; the timer queries and closes."""
    learner = Client(gateway_server.base_url, builders.a_user())
    with running_as("api_handler"):
        account = settings().wechat
        assert account and account.has("app_secret") and not account.has("api_v3_key")
        paid, left = (begun_at_wechat(learner) for _ in range(2))
        asked = learner.post(f"/order/{left}/wechat/", {"way": "jsapi"})
        assert asked["data"]["kind"] == "redirect"
    wechat.pay(trade_of(paid))
    for number in (paid, left):
        make_due(number)
    with running_as("work_off_orders"):
        account = settings().wechat
        assert account and not account.has("app_secret") and not account.has("api_v3_key")
        application.work_off_orders(SCHEDULED, None)
    assert [order.find_by_number(number).status for number in (paid, left)] == [order.PAID, order.EXPIRED]
    assert wechat.trade(trade_of(left)).state == "CLOSED"


def begun_at_wechat(learner: Client) -> str:
    """The number of an order whose QR code is shown."""
    course = builders.a_course(prices=[10000])
    line = {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course)}
    body = {"is_beli": False, "course_list": [line], "global_coupon_id": None, "pay_money": 100}
    number = str(learner.post("/payment/", body | {"payment_type": "wechat"})["order_number"])
    assert learner.post(f"/order/{number}/wechat/", {"way": "native"})["data"]["kind"] == "qr"
    return number


def trade_of(number: str) -> str:
    """The number of an order's first trade."""
    return str(order.find_by_number(number).begun()[0].number)
