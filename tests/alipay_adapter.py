"""The shop's own adapter of Alipay for tests, and the refunds that they request from it."""

from __future__ import annotations

from typing import Any

from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.payments import RefundRequest
from chalicelib.money import Fen
from chalicelib.settings import Settings, settings


def merchant(ours: Settings, **other: str) -> dict[str, Any]:
    """The arguments that make the shop's adapter, with some settings of its account changed."""
    assert ours.alipay
    return {
        "account": ours.alipay.changed(**other),
        "trade_url": lambda: "http://shop.test/trade",
        "leave_url": ours.result_address,
    }


def an_adapter(**other: str) -> Alipay:
    """An adapter with the shop's settings, but for some of its account."""
    return Alipay(**merchant(settings(), **other))


def a_refund(number: str, amount: Fen = 1000, request_no: str = "r1", total: Fen = 100_000) -> RefundRequest:
    """A refund to ask for, of whichever trade paid the order."""
    return RefundRequest(number, None, request_no, amount, total, "退费")
