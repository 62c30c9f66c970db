"""How an order is paid, stored as a code: an order that holds the text, as earlier versions stored it, works alike."""

from __future__ import annotations

from typing import Any

import pytest
from pynamodb.exceptions import UpdateError

from chalicelib.shop.order import Order
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
