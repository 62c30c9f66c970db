"""The shop's own adapter of Alipay for tests, and the refunds that they request from it."""

from __future__ import annotations

from typing import Any

from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.payments import RefundRequest
from chalicelib.money import Fen
from chalicelib.settings import Settings, settings

RETURN_URL = "http://shop.test/return"


def merchant(ours: Settings) -> dict[str, Any]:
    """The arguments that make the shop's adapter."""
    alipay = ours.alipay
    assert alipay
    return {
        "app_id": alipay.app_id,
        "seller_id": alipay.seller_id,
        "app_private_key": alipay.app_private_key,
        "alipay_public_key": alipay.public_key,
        "gateway_url": alipay.gateway_url,
        "notify_url": "http://shop.test/notify",
        "return_url": RETURN_URL,
        "leave_url": ours.result_address,
    }


def an_adapter(**other: Any) -> Alipay:
    """An adapter with the shop's settings, but for some arguments."""
    return Alipay(**merchant(settings()) | other)


def a_refund(
    order_number: str, amount: Fen = 1000, request_no: str = "r1", total: Fen = 100_000
) -> RefundRequest:
    """A refund to ask for, of whichever trade paid the order."""
    return RefundRequest(order_number, None, request_no, amount, total, "退费")
