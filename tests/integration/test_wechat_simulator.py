"""The simulator of WeChat Pay, asked by a client that shares no code with it nor with the shop."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from Cryptodome.Hash import SHA256
from Cryptodome.PublicKey import RSA
from Cryptodome.Signature import pkcs1_15

from localstack.provider.keys import generate_keys
from localstack.wechat import WechatSimulator
from localstack.wechat.bad_days import BAD_DAYS, QUERY
from tests.alipay_merchant import Merchant
from tests.standing_clock import NOON, Clock
from tests.wechat_merchant import (
    API_V3_KEY,
    APP_ID,
    MERCHANT_ID,
    MERCHANT_SERIAL,
    PUBLIC_KEY_ID,
    merchant_keys,
    new_simulator,
    wechat_keys,
)

pytestmark = pytest.mark.integration

NUMBER = "20261128120000000ABCDEFGHIJN"
NOTIFY_URL = "https://api.shop.test/trade/wechat"
ORDER: dict[str, Any] = {
    "appid": APP_ID,
    "mchid": MERCHANT_ID,
    "description": "Python基础",
    "out_trade_no": NUMBER,
    "notify_url": NOTIFY_URL,
    "amount": {"total": 1, "currency": "CNY"},
}
NATIVE = "/v3/pay/transactions/native"
REFUNDS = "/v3/refund/domestic/refunds"
TRADE = f"/v3/pay/transactions/out-trade-no/{NUMBER}"
REFUND: dict[str, Any] = {
    "out_trade_no": NUMBER,
    "out_refund_no": "R1",
    "reason": "退费",
    "notify_url": NOTIFY_URL,
    "amount": {"refund": 1, "total": 1, "currency": "CNY"},
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[WechatSimulator]:
    with new_simulator(clock) as simulator:
        yield simulator


def ask(
    simulator: WechatSimulator, method: str, path: str, content: Any = None, **other: str
) -> requests.Response:
    """Make a signed request; `other` replaces fields of its signature, or headers (by names with `_`)."""
    body = "" if content is None else content if isinstance(content, str) else json.dumps(content)
    fields = {
        "mchid": MERCHANT_ID,
        "nonce_str": secrets.token_hex(16),
        "timestamp": str(int(simulator.now().timestamp())),
        "serial_no": MERCHANT_SERIAL,
    }
    fields |= {name: other.pop(name) for name in list(other) if name in fields}
    text = f"{method}\n{path}\n{fields['timestamp']}\n{fields['nonce_str']}\n{body}\n"
    key = RSA.import_key(merchant_keys().private_pem)
    signature = base64.b64encode(pkcs1_15.new(key).sign(SHA256.new(text.encode()))).decode()
    fields["signature"] = other.pop("signature", signature)
    headers = {
        "Authorization": "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in fields.items()),
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Wechatpay-Serial": PUBLIC_KEY_ID,
        "User-Agent": "test",
    }
    headers |= {name.replace("_", "-"): value for name, value in other.items()}
    return requests.request(
        method, simulator.url + path, data=body.encode(), headers=headers, timeout=10, allow_redirects=False
    )


def code_of(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.json()['code']}" if answer.status_code >= 300 else "ok"


def is_genuine(answer: requests.Response) -> bool:
    told = answer.headers
    text = f"{told['Wechatpay-Timestamp']}\n{told['Wechatpay-Nonce']}\n{answer.text}\n"
    key = RSA.import_key(wechat_keys().public_pem)
    try:
        pkcs1_15.new(key).verify(SHA256.new(text.encode()), base64.b64decode(told["Wechatpay-Signature"]))
    except ValueError:
        return False
    return told["Wechatpay-Serial"] == PUBLIC_KEY_ID


# Requests


def test_a_right_order_is_taken_and_its_answer_signed(simulator: WechatSimulator) -> None:
    answer = ask(simulator, "POST", NATIVE, ORDER)
    assert answer.json()["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert is_genuine(answer)
    found = ask(simulator, "GET", f"{TRADE}?mchid={MERCHANT_ID}")
    assert found.json()["trade_state"] == "NOTPAY" and is_genuine(found)
    closed = ask(simulator, "POST", f"{TRADE}/close", {"mchid": MERCHANT_ID})
    assert (closed.status_code, closed.text) == (204, "") and is_genuine(closed)


@pytest.mark.parametrize(
    "other",
    [
        {"mchid": "1900000001"},
        {"serial_no": "0" * 40},
        {"signature": base64.b64encode(b"x" * 256).decode()},
        {"signature": ""},
        {"timestamp": str(int(NOON.timestamp()) - 301)},
        {"timestamp": str(int(NOON.timestamp()) + 301)},
        {"timestamp": "now"},
        {"nonce_str": "x" * 33},
        {"nonce_str": ""},
        {"Authorization": ""},
        {"Authorization": "WECHATPAY2-SM2-WITH-SM3 mchid=1"},
    ],
)
def test_a_request_that_is_not_the_merchants_is_answered_401_unsigned(
    simulator: WechatSimulator, other: dict[str, str]
) -> None:
    answer = ask(simulator, "POST", NATIVE, ORDER, **other)
    assert code_of(answer) == "401 SIGN_ERROR"
    assert "Wechatpay-Signature" not in answer.headers
    assert simulator.trades() == []


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"Accept": "text/html"}, "400 PARAM_ERROR"),
        ({"Content_Type": "text/plain"}, "400 PARAM_ERROR"),
        ({"User_Agent": ""}, "400 PARAM_ERROR"),
        ({"Wechatpay_Serial": "PUB_KEY_ID_WRONG"}, "500 SYSTEM_ERROR"),
    ],
)
def test_a_request_with_wrong_headers_is_refused(
    simulator: WechatSimulator, other: dict[str, str], code: str
) -> None:
    assert code_of(ask(simulator, "POST", NATIVE, ORDER, **other)) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appid": "wx0000000000000000"}, "400 APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1"}, "400 PARAM_ERROR"),
        ({"description": ""}, "400 PARAM_ERROR"),
        ({"description": "课" * 43}, "400 PARAM_ERROR"),
        ({"description": "a\nb"}, "400 PARAM_ERROR"),
        ({"out_trade_no": "12345"}, "400 PARAM_ERROR"),
        ({"out_trade_no": "x" * 33}, "400 PARAM_ERROR"),
        ({"out_trade_no": "order number"}, "400 PARAM_ERROR"),
        ({"out_trade_no": 123456}, "400 PARAM_ERROR"),
        ({"notify_url": "http://api.shop.test/"}, "400 PARAM_ERROR"),
        ({"notify_url": "https://api.shop.test/?a=1"}, "400 PARAM_ERROR"),
        ({"notify_url": "https://api.shop.test/" + "a" * 255}, "400 PARAM_ERROR"),
        ({"notify_url": None}, "400 PARAM_ERROR"),
        ({"amount": {"total": 0}}, "400 PARAM_ERROR"),
        ({"amount": {"total": 0.01}}, "400 PARAM_ERROR"),
        ({"amount": {"total": "1"}}, "400 PARAM_ERROR"),
        ({"amount": {"total": True}}, "400 PARAM_ERROR"),
        ({"amount": {"total": 10**10 + 1}}, "400 PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "USD"}}, "400 PARAM_ERROR"),
        ({"amount": 1}, "400 PARAM_ERROR"),
        ({"time_expire": "2026-11-28 15:00:00"}, "400 PARAM_ERROR"),
        ({"time_expire": "2026-11-28T15:00:00Z"}, "400 PARAM_ERROR"),
        ({"time_expire": "2026-11-28T15:00:00.5+08:00"}, "400 PARAM_ERROR"),
        ({"attach": "x" * 129}, "400 PARAM_ERROR"),
        ({"payer": {"openid": "o"}}, "400 PARAM_ERROR"),
        ({"subject": "of another provider"}, "400 PARAM_ERROR"),
    ],
)
def test_each_field_of_an_order_has_its_limits(
    simulator: WechatSimulator, change: dict[str, Any], code: str
) -> None:
    answer = ask(simulator, "POST", NATIVE, ORDER | change)
    assert code_of(answer) == code and is_genuine(answer)


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("h5", {}, "400 PARAM_ERROR"),
        ("h5", {"scene_info": {"payer_client_ip": "here", "h5_info": {"type": "Wap"}}}, "400 PARAM_ERROR"),
        ("h5", {"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "x"}}}, "400 PARAM_ERROR"),
        ("h5", {"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}}, "ok"),
        ("jsapi", {}, "400 PARAM_ERROR"),
        ("jsapi", {"payer": {"openid": "o p"}}, "400 PARAM_ERROR"),
        ("jsapi", {"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}, "ok"),
        ("app", {}, "404 NOT_FOUND"),
    ],
)
def test_each_way_to_pay_wants_its_own(
    simulator: WechatSimulator, kind: str, more: dict[str, Any], code: str
) -> None:
    assert code_of(ask(simulator, "POST", f"/v3/pay/transactions/{kind}", ORDER | more)) == code


def test_a_number_is_for_one_way_to_pay(simulator: WechatSimulator) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    other = ORDER | {"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}
    assert code_of(ask(simulator, "POST", "/v3/pay/transactions/jsapi", other)) == "403 OUT_TRADE_NO_USED"


@pytest.mark.parametrize("body", ["", "[]", "{", "NaN", "[" * 10_000, '{"mchid": NaN}'])
def test_a_body_that_is_no_object_is_refused(simulator: WechatSimulator, body: str) -> None:
    assert code_of(ask(simulator, "POST", NATIVE, body)) == "400 PARAM_ERROR"


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(seconds=1), timedelta(minutes=1)),
        (timedelta(minutes=30), timedelta(minutes=30)),
        (timedelta(days=365), timedelta(days=90)),
        (None, timedelta(days=7)),
    ],
)
def test_an_expiry_out_of_bounds_is_moved(
    simulator: WechatSimulator, ahead: timedelta | None, expected: timedelta
) -> None:
    more = {} if ahead is None else {"time_expire": (NOON + ahead).isoformat()}
    ask(simulator, "POST", NATIVE, ORDER | more)
    assert simulator.trade(NUMBER).expires_at == NOON + expected


def test_what_has_expired_cannot_be_paid(simulator: WechatSimulator, clock: Clock) -> None:
    ask(simulator, "POST", NATIVE, ORDER | {"time_expire": (NOON + timedelta(minutes=5)).isoformat()})
    clock.forward(minutes=5)
    paid = requests.post(f"{simulator.url}/control/trades/{NUMBER}/pay", json={}, timeout=10)
    assert (paid.status_code, paid.json()["code"]) == (409, "INVALID_REQUEST")


# Refunds


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"out_refund_no": ""}, "400 PARAM_ERROR"),
        ({"out_refund_no": "x" * 65}, "400 PARAM_ERROR"),
        ({"out_refund_no": "a b"}, "400 PARAM_ERROR"),
        ({"reason": "课" * 27}, "400 PARAM_ERROR"),
        ({"notify_url": "http://api.shop.test/"}, "400 PARAM_ERROR"),
        ({"amount": {"refund": 0, "total": 1, "currency": "CNY"}}, "400 PARAM_ERROR"),
        ({"amount": {"refund": 1, "total": 1}}, "400 PARAM_ERROR"),
        ({"amount": {"refund": 1, "total": 2, "currency": "CNY"}}, "400 INVALID_REQUEST"),
        ({"amount": {"refund": 2, "total": 1, "currency": "CNY"}}, "400 INVALID_REQUEST"),
        ({"out_trade_no": "20261128UNKNOWN"}, "404 RESOURCE_NOT_EXISTS"),
        ({"transaction_id": "4200001234202611281234567890"}, "400 PARAM_ERROR"),
        ({}, "ok"),
    ],
)
def test_each_field_of_a_refund_has_its_limits(
    simulator: WechatSimulator, change: dict[str, Any], code: str
) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    simulator.pay(NUMBER)
    assert code_of(ask(simulator, "POST", REFUNDS, REFUND | change)) == code


def test_what_was_not_paid_is_not_refunded(simulator: WechatSimulator) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    assert code_of(ask(simulator, "POST", REFUNDS, REFUND)) == "400 INVALID_REQUEST"


def test_a_year_later_nothing_is_refunded(simulator: WechatSimulator, clock: Clock) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    simulator.pay(NUMBER)
    clock.forward(days=366)
    assert code_of(ask(simulator, "POST", REFUNDS, REFUND)) == "400 INVALID_REQUEST"


def test_a_closed_refund_gives_the_money_back_to_the_trade(simulator: WechatSimulator) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    simulator.pay(NUMBER)
    ask(simulator, "POST", REFUNDS, REFUND)
    simulator.end_refund("R1", "CLOSED")
    assert code_of(ask(simulator, "POST", REFUNDS, REFUND | {"out_refund_no": "R2"})) == "ok"


# Notices


def test_a_notice_counts_as_taken_by_its_status_alone(simulator: WechatSimulator) -> None:
    merchant = Merchant()
    try:
        merchant.answers = [(302, "success"), (200, '{"code":"FAIL"}')]
        ask(simulator, "POST", NATIVE, ORDER | {"notify_url": merchant.notify_url})
        simulator.pay(NUMBER)
        simulator.deliver_due_notices()
        (notice,) = simulator.notices(NUMBER)
        assert not notice.accepted
        simulator.deliver_due_notices(early=True)
        (notice,) = simulator.notices(NUMBER)
        assert notice.accepted and notice.next_at is None
    finally:
        merchant.stop()


def test_the_platforms_key_signs_for_a_merchant_who_has_not_changed_over(clock: Clock) -> None:
    platform = generate_keys()
    with new_simulator(clock) as simulator:
        assert change(simulator, "platform-key", private_key=platform.private_pem, serial="5157F09E").ok
        answer = ask(simulator, "POST", NATIVE, ORDER)
        assert answer.headers["Wechatpay-Serial"] == "5157F09E"
        assert not is_genuine(answer)
        assert change(simulator, "platform-key").ok
        assert is_genuine(ask(simulator, "GET", f"{TRADE}?mchid={MERCHANT_ID}"))


# Bad days, pages and the control API


def change(simulator: WechatSimulator, which: str, **texts: Any) -> requests.Response:
    return requests.post(f"{simulator.url}/control/{which}", json=texts, timeout=10)


def test_of_keys_that_are_changed_the_new_one_counts_alone(simulator: WechatSimulator) -> None:
    assert change(simulator, "public-key", private_key=generate_keys().private_pem, id="PUB_KEY_ID_2").ok
    assert not is_genuine(ask(simulator, "POST", NATIVE, ORDER))
    merchants = generate_keys()
    state = change(simulator, "certificate", public_key=merchants.public_pem, serial="5" * 40).json()
    assert (state["merchant_serial"], state["public_key_id"]) == ("5" * 40, "PUB_KEY_ID_2")
    assert code_of(ask(simulator, "POST", NATIVE, ORDER)) == "401 SIGN_ERROR"
    assert code_of(ask(simulator, "POST", NATIVE, ORDER, serial_no="5" * 40)) == "401 SIGN_ERROR"
    assert change(simulator, "api-v3-key", key="9" * 32).ok
    assert change(simulator, "app-secret", secret="another").ok
    assert (simulator.merchant.api_v3_key, simulator.merchant.app_secret) == (b"9" * 32, "another")
    address = f"{simulator.url}/sns/oauth2/access_token"
    asked = {"appid": APP_ID, "secret": "wrong", "grant_type": "authorization_code"}
    for secret, code in (("wrong", 40125), ("another", 40029)):
        answer = requests.get(address, params=asked | {"secret": secret, "code": "x"}, timeout=10)
        assert answer.json()["errcode"] == code


@pytest.mark.parametrize(
    ("which", "texts"),
    [
        ("certificate", {"public_key": "no key", "serial": "1"}),
        ("certificate", {"public_key": wechat_keys().public_pem}),
        ("public-key", {"private_key": wechat_keys().public_pem, "id": "1"}),
        ("api-v3-key", {"key": "too short"}),
        ("api-v3-key", {"key": 1}),
        ("app-secret", {"secret": ""}),
        ("app-secret", {"secret": "a", "key": "b"}),
    ],
)
def test_what_is_no_key_changes_nothing(
    which: str, texts: dict[str, Any], simulator: WechatSimulator
) -> None:
    before = dict(vars(simulator.merchant))
    assert change(simulator, which, **texts).status_code == 400
    assert vars(simulator.merchant) == before


def test_each_bad_day_can_be_switched_on_and_off(simulator: WechatSimulator) -> None:
    url = f"{simulator.url}/control/bad-days"
    for name, day in BAD_DAYS.items():
        answer = requests.post(f"{url}/{name}", json={"on": True, "times": 1}, timeout=10).json()
        assert (answer["on"], answer["methods"]) == (True, list(day.methods))
    assert "故障模拟已开启" in requests.get(simulator.url, timeout=10).text
    answer = requests.post(url, json={"on": False}, timeout=10).json()
    assert not any(day["on"] for day in answer["bad_days"])


def test_a_bad_day_strikes_one_order_and_one_method_only(simulator: WechatSimulator) -> None:
    ask(simulator, "POST", NATIVE, ORDER)
    path = f"{TRADE}?mchid={MERCHANT_ID}"
    with simulator.bad_day("answer_system_error", method=QUERY, out_trade_no="another"):
        assert code_of(ask(simulator, "GET", path)) == "ok"
    with simulator.bad_day("answer_system_error", method=QUERY, out_trade_no=NUMBER):
        assert code_of(ask(simulator, "GET", path)) == "500 SYSTEM_ERROR"
        assert code_of(ask(simulator, "POST", NATIVE, ORDER)) == "ok"


def test_people_see_all_of_a_trade(simulator: WechatSimulator, clock: Clock) -> None:
    ask(simulator, "POST", NATIVE, ORDER | {"description": "<b>课程</b>"})
    assert "&lt;b&gt;课程" in requests.get(f"{simulator.url}/scan", timeout=10).text
    requests.post(f"{simulator.url}/trades/{NUMBER}/pay", timeout=10)
    requests.post(f"{simulator.url}/trades/{NUMBER}/refund", {"amount": "0.01", "reason": "退"}, timeout=10)
    (refund,) = simulator.book.refunds(NUMBER)
    page = requests.post(
        f"{simulator.url}/refunds/{refund.out_refund_no}/end", {"status": "ABNORMAL"}, timeout=10
    ).text
    assert "异常" in page and "TRANSACTION.SUCCESS" in page and "REFUND.ABNORMAL" in page
    assert "<b>课程" not in page


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/trades/unknown", 404),
        ("GET", "/scan?code=https://shop.test/", 404),
        ("GET", "/cgi-bin/mmpayweb-bin/checkmweb", 404),
        ("GET", "/connect/oauth2/authorize?appid=wx1&redirect_uri=x&state=1", 400),
        ("POST", "/refunds/unknown/end", 400),
        ("GET", "/control/trades/unknown", 404),
        ("POST", "/cashier/unknown/pay", 404),
    ],
)
def test_what_is_not_there_is_said_so(
    simulator: WechatSimulator, method: str, path: str, status: int
) -> None:
    assert requests.request(method, simulator.url + path, timeout=10).status_code == status


def test_a_code_of_the_authorisation_is_good_for_five_minutes(
    simulator: WechatSimulator, clock: Clock
) -> None:
    code = simulator.new_code()
    clock.forward(minutes=6)
    assert simulator.openid_of(code) is None


def test_trades_and_open_notices_survive_a_restart(clock: Clock, tmp_path: Path) -> None:
    state = tmp_path / "wechat.db"
    with new_simulator(clock, state=state) as simulator:
        ask(simulator, "POST", NATIVE, ORDER)
        simulator.pay(NUMBER)
        before = simulator.trade(NUMBER), simulator.notices(NUMBER)
    with new_simulator(clock, state=state) as simulator:
        assert (simulator.trade(NUMBER), simulator.notices(NUMBER)) == before


def test_it_runs_on_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "localstack.wechat", "--port", "0", "--keys", str(tmp_path)]
    bare = {name: text for name, text in os.environ.items() if not name.startswith("WECHAT_")}
    with subprocess.Popen(
        [*command, "--api-v3-key", API_V3_KEY], stdout=subprocess.PIPE, text=True, env=bare
    ) as running:
        try:
            assert running.stdout
            address = running.stdout.readline().split()[-1]
            assert requests.get(f"{address}/control/state", timeout=10).json()["bad_days"] == []
        finally:
            running.terminate()  # else what failed would be hidden by waiting for its end
    assert running.returncode == 0
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=bare)
    assert refused.returncode == 2 and "32" in refused.stderr
