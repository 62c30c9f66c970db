"""How an order is paid, stored as a code: an order that holds the text, as earlier versions stored it, works alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pynamodb.exceptions import UpdateError

import app as application
from chalicelib.errors import PaymentUnknown, RefundNotAllowed
from chalicelib.flows import apply_for_refund, close_order, reconcile
from chalicelib.gateways import Gateways
from chalicelib.shop.order import PAID, Order
from chalicelib.shop.payment_type import ALIPAY, PAYMENT_NAMES, WECHAT
from chalicelib.storage.dynamodb import connection, find, is_as_read
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client


def raw_key(found: Order) -> dict[str, Any]:
    return {"owner": {"S": found.owner}, "sort": {"S": found.sort}}


def store_raw(found: Order, payment_type: str) -> None:
    connection().dispatch(
        "UpdateItem",
        {
            "TableName": Order.Meta.table_name,
            "Key": raw_key(found),
            "UpdateExpression": "SET payment_type = :text",
            "ExpressionAttributeValues": {":text": {"S": payment_type}},
        },
    )


def raw_payment_type(found: Order) -> str:
    read = {"TableName": Order.Meta.table_name, "Key": raw_key(found), "ConsistentRead": True}
    return str(connection().dispatch("GetItem", read)["Item"]["payment_type"]["S"])


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture
def placed(learner: Client) -> Order:
    return purchases.stored(purchases.place(learner, [builders.a_course(prices=[100])], 1))


def test_the_code_is_what_is_stored(placed: Order) -> None:
    assert placed.payment_type == raw_payment_type(placed) == ALIPAY


def test_an_order_that_holds_the_text_is_paid_and_shown_as_one_that_holds_the_code(
    placed: Order, learner: Client, alipay: AlipaySimulator
) -> None:
    store_raw(placed, PAYMENT_NAMES[ALIPAY])
    assert purchases.stored(placed.number).payment_type == ALIPAY
    assert learner.order(placed.number)["can_pay"] is True
    purchases.pay(alipay, placed.number)
    assert purchases.deliver(purchases.notice(alipay, placed.number)) == "success"
    shown = learner.order(placed.number)
    assert (shown["status"], shown["payment_type"]) == ("交易成功", "支付宝")


@pytest.mark.parametrize("stored", [ALIPAY, PAYMENT_NAMES[ALIPAY]])
def test_a_condition_on_the_code_holds_for_both(placed: Order, stored: str) -> None:
    store_raw(placed, stored)
    read = purchases.stored(placed.number)
    read.update([Order.attention.set("x")], condition=is_as_read(read))
    read.update([Order.attention.remove()], condition=Order.payment_type == ALIPAY)
    with pytest.raises(UpdateError):
        read.update([Order.attention.set("y")], condition=Order.payment_type == WECHAT)
    again = find(Order, placed.owner, placed.sort)
    assert again is not None and again.attention is None


def test_no_other_text_is_stored(placed: Order) -> None:
    for wrong in ("支付宝", "paypal", None):
        placed.payment_type = wrong
        with pytest.raises(ValueError, match="payment_type"):
            placed.save()
    assert raw_payment_type(placed) == ALIPAY


def test_at_a_shop_without_their_providers_account_old_orders_cannot_be_asked_about(
    placed: Order, alipay: AlipaySimulator
) -> None:
    only_alipay = Gateways({ALIPAY: application.app.gateways.of(ALIPAY)}, None)
    store_raw(placed, PAYMENT_NAMES[WECHAT])
    old = purchases.stored(placed.number)
    with pytest.raises(PaymentUnknown):
        close_order.cancel_by_learner(old, only_alipay, builders.now())
    unclear = reconcile.process(old, only_alipay, old.expires_at)
    assert unclear is not None and unclear.needs_person
    assert "to be paid by wechat, which cannot be asked" in str(purchases.stored(old.number).problem)

    now = builders.now()
    old.update([Order.status.set(PAID), Order.paid_at.set(now), Order.trade_no.set("4200")])
    assert reconcile.process(old, only_alipay, now) is None
    week = timedelta(days=7)
    assert not old.can_be_refunded(week, only_alipay.payments, now)
    assert old.refund_until(week, only_alipay.payments) is None
    with pytest.raises(RefundNotAllowed, match="channel"):
        apply_for_refund.prepare(old, None, "学不完", week, only_alipay.payments, now)
    assert old.can_be_refunded(week, {ALIPAY, WECHAT}, now)
