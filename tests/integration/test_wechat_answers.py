"""Answers that the simulator never gives: signed by WeChat Pay, and not what they should be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.payments import (
    Closed,
    NotKnown,
    Paid,
    RefundClosed,
    RefundDone,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundStuck,
    TooLate,
    Unclear,
    Unpaid,
)
from chalicelib.gateways.wechat import Wechat
from chalicelib.gateways.wechat.login import WechatLogin
from localstack.processes import LOOPBACK
from localstack.wechat import WechatSimulator
from tests.standing_clock import NOON, Clock
from tests.wechat_merchant import APP_ID, MERCHANT_ID, ORDER, an_account, new_simulator

pytestmark = pytest.mark.integration

TRADE = f"{ORDER}N"
TRADE_NO = "4200001234202611281234567890"
PAID: dict[str, Any] = {
    "mchid": MERCHANT_ID,
    "appid": APP_ID,
    "out_trade_no": TRADE,
    "trade_state": "SUCCESS",
    "transaction_id": TRADE_NO,
    "success_time": "2026-11-22T12:00:00+08:00",
    "amount": {"total": 9990, "payer_total": 9000, "currency": "CNY"},
}
REFUND: dict[str, Any] = {
    "out_refund_no": "R1",
    "out_trade_no": TRADE,
    "transaction_id": TRADE_NO,
    "status": "SUCCESS",
    "amount": {"refund": 1000, "total": 9990, "currency": "CNY"},
}


class Answering:
    """A server that gives one answer to everything, signed by the simulator's key unless told otherwise."""

    def __init__(self, simulator: WechatSimulator) -> None:
        self.status, self.body, self.is_signed = 200, "", True
        self.headers: dict[str, str] = {}
        answering = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = answering.body.encode()
                self.send_response(answering.status)
                signed = simulator.merchant.signed(answering.body, simulator.now())
                for name, value in ((signed if answering.is_signed else {}) | answering.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def say(
        self,
        content: Any,
        status: int = 200,
        is_signed: bool = True,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.body = content if isinstance(content, str) else json.dumps(content)
        self.status, self.is_signed, self.headers = status, is_signed, headers or {}


@pytest.fixture
def answering() -> Iterator[Answering]:
    answering = Answering(new_simulator(Clock()))
    yield answering
    answering.server.shutdown()
    answering.server.server_close()


@pytest.fixture
def gateway(answering: Answering) -> Wechat:
    url = "https://api.shop.test/trade/wechat"
    return Wechat(an_account(answering.url), lambda: url, lambda: url, lambda number: url, lambda: NOON)


def query(gateway: Wechat) -> object:
    return gateway.query(TRADE, 9990, Deadline(8))


def a_refund(trade_no: str | None = TRADE_NO) -> RefundRequest:
    return RefundRequest(TRADE, trade_no, "R1", 1000, 9990, "退费")


def error(code: str) -> dict[str, str]:
    return {"code": code, "message": "…"}


def test_a_right_answer_is_understood(gateway: Wechat, answering: Answering) -> None:
    answering.say(PAID)
    assert query(gateway) == Paid("wechat", TRADE, TRADE_NO, 9990, datetime(2026, 11, 22, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("NOTPAY", Unpaid()), ("USERPAYING", Unpaid()), ("CLOSED", Closed()), ("REVOKED", Closed())],
)
def test_each_state_of_a_trade_without_money(
    gateway: Wechat, answering: Answering, state: str, expected: object
) -> None:
    answering.say({name: PAID[name] for name in ("mchid", "appid", "out_trade_no")} | {"trade_state": state})
    assert query(gateway) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"mchid": "1900000001"},
        {"appid": "wx0000000000000000"},
        {"out_trade_no": f"{ORDER}H"},
        {"trade_state": "PAYERROR"},
        {"trade_state": "ACCEPT"},
        {"trade_state": None},
        {"amount": None},
        {"amount": {"total": "9990"}},
        {"amount": {"total": 9990.0}},
        {"amount": {"total": 9991}},
        {"amount": {"total": 9990, "currency": "USD"}},
        {"transaction_id": None},
        {"transaction_id": "a b"},
        {"success_time": "yesterday"},
        {"success_time": 1},
    ],
)
def test_an_answer_that_does_not_fit_says_nothing(
    gateway: Wechat, answering: Answering, change: dict[str, Any]
) -> None:
    answering.say(PAID | change)
    assert isinstance(query(gateway), Unclear)


@pytest.mark.parametrize("body", ["", "{", "[]", "1", "null", '"x"', "[" * 5000])
def test_a_signed_answer_that_is_no_object_says_nothing(
    gateway: Wechat, answering: Answering, body: str
) -> None:
    answering.say(body)
    assert isinstance(query(gateway), Unclear)


@pytest.mark.parametrize("status", [201, 202, 204, 301, 302, 304])
def test_another_status_says_nothing(gateway: Wechat, answering: Answering, status: int) -> None:
    answering.say("" if status == 204 else PAID, status, headers={"Location": answering.url})
    assert isinstance(query(gateway), Unclear)
    answering.say("", 302, headers={"Location": answering.url})
    assert isinstance(gateway.close(TRADE, Deadline(8)), Unclear)


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize(
    ("status", "code", "queried", "closed"),
    [
        (404, "ORDER_NOT_EXIST", NotKnown(), NotKnown()),
        (404, "ORDERNOTEXIST", NotKnown(), NotKnown()),
        (404, "NOT_FOUND", Unclear("404 NOT_FOUND"), Unclear("404 NOT_FOUND")),
        (500, "ORDER_NOT_EXIST", Unclear("500 ORDER_NOT_EXIST"), Unclear("500 ORDER_NOT_EXIST")),
        (400, "ORDERPAID", Unclear("400 ORDERPAID"), TooLate()),
        (400, "ORDER_CLOSED", Unclear("400 ORDER_CLOSED"), TooLate()),
        (401, "SIGN_ERROR", Unclear("401 SIGN_ERROR"), Unclear("401 SIGN_ERROR")),
        (503, "", Unclear("503"), Unclear("503")),
    ],
)
def test_a_no_is_believed_signed_or_not(
    gateway: Wechat,
    answering: Answering,
    is_signed: bool,
    status: int,
    code: str,
    queried: object,
    closed: object,
) -> None:
    answering.say(error(code), status, is_signed)
    assert query(gateway) == queried
    assert gateway.close(TRADE, Deadline(8)) == closed


def test_a_no_with_a_wrong_signature_is_not_believed(gateway: Wechat, answering: Answering) -> None:
    answering.say(error("ORDER_NOT_EXIST"), 404, headers={"Wechatpay-Nonce": "x"})
    assert isinstance(query(gateway), Unclear)


def test_a_yes_without_a_signature_is_not_believed(gateway: Wechat, answering: Answering) -> None:
    answering.say("", 204, is_signed=False)
    assert isinstance(gateway.close(TRADE, Deadline(8)), Unclear)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, RefundDone()),
        ({"status": "PROCESSING"}, RefundPending(is_known=True)),
        ({"status": "CLOSED"}, RefundClosed()),
        ({"status": "ABNORMAL"}, RefundStuck()),
        ({"status": "CHANGE"}, Unclear),
        ({"status": None}, Unclear),
        ({"out_refund_no": "R2"}, Unclear),
        ({"out_trade_no": "x", "transaction_id": "y"}, Unclear),
        ({"amount": {"refund": 999, "total": 9990}}, Unclear),
        ({"amount": {"refund": "1000"}}, Unclear),
        ({"amount": None}, Unclear),
    ],
)
def test_each_answer_about_a_refund(
    gateway: Wechat, answering: Answering, change: dict[str, Any], expected: object
) -> None:
    answering.say(REFUND | change)
    for state in (
        gateway.refund(a_refund(), Deadline(8)),
        gateway.refund_state(a_refund(), Deadline(8)),
    ):
        assert state == expected or (expected is Unclear and isinstance(state, Unclear))


def test_without_its_number_a_trade_is_known_by_the_merchants(gateway: Wechat, answering: Answering) -> None:
    answering.say(REFUND)
    assert gateway.refund(a_refund(None), Deadline(8)) == RefundDone()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "INVALID_REQUEST", RefundRefused("400 INVALID_REQUEST")),
        (
            403,
            "NOT_ENOUGH",
            RefundRefused("403 NOT_ENOUGH: the merchant's account is short of money, pay into it"),
        ),
        (404, "RESOURCE_NOT_EXISTS", RefundRefused("404 RESOURCE_NOT_EXISTS")),
        (429, "FREQUENCY_LIMITED", RefundPending()),
        (500, "SYSTEM_ERROR", Unclear("500 SYSTEM_ERROR")),
        (502, "BANK_ERROR", Unclear("502 BANK_ERROR")),
    ],
)
def test_each_refusal_of_a_refund(
    gateway: Wechat, answering: Answering, status: int, code: str, expected: object
) -> None:
    answering.say(error(code), status)
    assert gateway.refund(a_refund(), Deadline(8)) == expected


def test_a_refund_that_nobody_knows_may_be_asked_for(gateway: Wechat, answering: Answering) -> None:
    answering.say(error("RESOURCE_NOT_EXISTS"), 404)
    assert gateway.refund_state(a_refund(), Deadline(8)) == RefundPending()


@pytest.mark.parametrize("content", [{}, {"code_url": ""}, {"code_url": 1}, {"prepay_id": "wx1"}])
def test_an_order_without_its_code_is_no_page(
    gateway: Wechat, answering: Answering, content: dict[str, Any]
) -> None:
    answering.say(content)
    with pytest.raises(GatewayUnavailable):
        gateway.start_native(TRADE, 1, "课程", NOON + timedelta(minutes=30), Deadline(8))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ({"hash_type": "MD5", "hash_value": "x", "download_url": "https://pay.test/file"}, "hash_type"),
        ({"hash_type": "SHA1", "hash_value": "x", "download_url": ""}, "download_url"),
        ({"hash_type": "SHA1", "hash_value": "x"}, "download_url"),
        ({"hash_type": "SHA1", "hash_value": "x", "download_url": "https://pay.test/file"}, "hash_value"),
    ],
)
def test_a_bill_that_is_not_as_it_was_said_says_nothing(
    gateway: Wechat, answering: Answering, content: dict[str, Any], wrong: str
) -> None:
    """The file is asked for at the gateway, whatever host is named: this one answers it, and the hash is another."""
    answering.say(content)
    state = gateway.trade_bill(NOON.date(), NOON + timedelta(days=1), Deadline(8))
    assert isinstance(state, Unclear) and state.reason.endswith(wrong)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ({"errcode": 40029, "errmsg": "invalid code"}, None),
        ({"errcode": 40163, "errmsg": "code been used"}, None),
    ],
)
def test_each_answer_of_the_authorisation(
    answering: Answering, content: dict[str, Any], expected: str | None
) -> None:
    answering.say(content)
    assert WechatLogin(APP_ID, "secret", api_url=answering.url).openid("code", Deadline(8)) == expected


@pytest.mark.parametrize(
    "content", [{}, [], "{", {"errcode": 40125}, {"openid": 1}, {"openid": "a b"}, {"openid": ""}]
)
def test_another_answer_of_the_authorisation_says_nothing(answering: Answering, content: Any) -> None:
    answering.say(content)
    with pytest.raises(GatewayUnavailable):
        WechatLogin(APP_ID, "secret", api_url=answering.url).openid("code", Deadline(8))
