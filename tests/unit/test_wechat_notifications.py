"""Notifications of WeChat Pay: what is checked, in which order, and what they tell."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import NotificationRefused
from chalicelib.gateways.payments import MAX_NOTIFICATION_BYTES, Notification, Receipt, Told
from chalicelib.gateways.wechat import Wechat
from chalicelib.settings import WechatSettings
from tests.unit.test_wechat_signing import NOW, an_account, platform_certificate, platform_key, signed

PAYMENT: dict[str, Any] = {
    "mchid": "1900009191",
    "appid": "wxd678efh567hg6787",
    "out_trade_no": "20261128135901123ABCDEFGHIJN",
    "transaction_id": "4200001234202611281234567890",
    "trade_type": "NATIVE",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "bank_type": "OTHERS",
    "success_time": "2026-11-28T13:59:30+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "amount": {"total": 9990, "payer_total": 9000, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND: dict[str, Any] = {
    "mchid": "1900009191",
    "out_trade_no": "20261128135901123ABCDEFGHIJN",
    "transaction_id": "4200001234202611281234567890",
    "out_refund_no": "20261128135901123ABCDEFGHIJR1",
    "refund_id": "50300806962021020105978994968",
    "refund_status": "SUCCESS",
    "success_time": "2026-11-28T14:30:00+08:00",
    "user_received_account": "支付用户零钱",
    "amount": {"total": 9990, "refund": 990, "payer_total": 9990, "payer_refund": 990},
}
KEY = b"a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"


def a_body(
    told_of: dict[str, Any] | bytes,
    event_type: str = "TRANSACTION.SUCCESS",
    data: str = "transaction",
    **other: Any,
) -> bytes:
    """The body of a notification, its resource encrypted by the account's key."""
    plain = told_of if isinstance(told_of, bytes) else json.dumps(told_of).encode()
    nonce = "fdasflkja484"
    sealed = AESGCM(KEY).encrypt(nonce.encode(), plain, data.encode())
    event = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-11-28T13:59:31+08:00",
        "event_type": event_type,
        "resource_type": "encrypt-resource",
        "summary": "支付成功",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "original_type": data,
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": data,
            "nonce": nonce,
        },
    }
    return json.dumps(event | other).encode()


def a_gateway(account: WechatSettings | None = None, now: datetime = NOW) -> Wechat:
    return Wechat(
        account or an_account(),
        trade_url=lambda: "https://api.test/trade/wechat",
        refund_url=lambda: "https://api.test/trade/wechat/refund",
        page_url=lambda number: f"https://shop.test/payment/wechat?order_num={number}",
        clock=lambda: now,
    )


def parse(body: bytes, headers: dict[str, str] | None = None, gateway: Wechat | None = None) -> Notification:
    return (gateway or a_gateway()).parse_notification(signed(body) if headers is None else headers, body)


def refusal(body: bytes, headers: dict[str, str] | None = None, gateway: Wechat | None = None) -> str:
    with pytest.raises(NotificationRefused) as refused:
        parse(body, headers, gateway)
    return refused.value.check


def test_a_payment_is_told_with_the_number_of_its_trade() -> None:
    assert parse(a_body(PAYMENT)) == Notification(
        provider="wechat",
        notify_id="EV-2018022511223320873",
        number="20261128135901123ABCDEFGHIJN",
        trade_no="4200001234202611281234567890",
        word="SUCCESS",
        told=Told.RECEIVED,
        amount=9990,
        paid_at=datetime(2026, 11, 28, 5, 59, 30, tzinfo=UTC),
        refunded=0,
        request_no=None,
        is_total=False,
    )


def test_a_refund_is_told_with_its_request() -> None:
    """It names no app and no currency."""
    found = parse(a_body(REFUND, "REFUND.SUCCESS", "refund"))
    assert (found.told, found.word) == (Told.REFUNDED_IN_PART, "REFUND.SUCCESS")
    assert (found.amount, found.refunded) == (9990, 990)
    assert found.request_no == "20261128135901123ABCDEFGHIJR1"
    assert found.number == "20261128135901123ABCDEFGHIJN"


def test_a_refund_of_everything_is_told_as_such() -> None:
    whole = REFUND | {"amount": REFUND["amount"] | {"refund": 9990}}
    assert parse(a_body(whole, "REFUND.SUCCESS", "refund")).told == Told.REFUNDED_WHOLE


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("PROCESSING", Told.WAITING),
        ("ABNORMAL", Told.REFUND_STUCK),
        ("CLOSED", Told.REFUND_CLOSED),
        ("SOMETHING_NEW", Told.UNHEARD),
    ],
)
def test_a_refund_that_did_not_come_to_its_end_is_told_as_such(status: str, told: Told) -> None:
    found = parse(a_body(REFUND | {"refund_status": status}, f"REFUND.{status}", "refund"))
    assert (found.word, found.told) == (f"REFUND.{status}", told)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("SUCCESS", Told.RECEIVED),
        ("REFUND", Told.RECEIVED),
        ("NOTPAY", Told.WAITING),
        ("CLOSED", Told.CLOSED),
        ("PAYERROR", Told.UNHEARD),
        ("success", Told.UNHEARD),
    ],
)
def test_the_state_of_the_trade_counts_not_the_name_of_the_event(state: str, told: Told) -> None:
    assert parse(a_body(PAYMENT | {"trade_state": state})).told == told


def test_the_order_of_members_and_an_empty_associated_data_are_of_no_account() -> None:
    turned = dict(reversed(PAYMENT.items()))
    assert parse(a_body(turned, data="")).told == Told.RECEIVED


def test_a_repeated_delivery_is_signed_anew_and_believed_two_hours_later() -> None:
    body, later = a_body(PAYMENT), NOW + timedelta(seconds=7440)
    assert parse(body, signed(body, later), a_gateway(now=later)).told == Told.RECEIVED
    assert refusal(body, signed(body), a_gateway(now=later)) == "timestamp"


def test_both_keys_are_believed_while_a_merchant_changes_over() -> None:
    body, serial = a_body(PAYMENT), "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    headers = signed(body, serial=serial, key=platform_key())
    changing = a_gateway(an_account(platform_certificate=platform_certificate()))
    assert parse(body, headers, changing) == parse(body, gateway=changing)
    assert refusal(body, headers) == "serial"


@pytest.mark.parametrize(
    ("other", "check"),
    [
        ({"mchid": "1900009192"}, "mchid"),
        ({"appid": "wx0000000000000000"}, "appid"),
        ({"amount": PAYMENT["amount"] | {"currency": "USD"}}, "currency"),
        ({"amount": PAYMENT["amount"] | {"total": "9990"}}, "fields"),
        ({"amount": PAYMENT["amount"] | {"total": 99.9}}, "fields"),
        ({"amount": PAYMENT["amount"] | {"total": -1}}, "fields"),
        ({"amount": PAYMENT["amount"] | {"total": True}}, "fields"),
        ({"amount": 9990}, "fields"),
        ({"out_trade_no": ""}, "fields"),
        ({"out_trade_no": "a b c d e f"}, "fields"),
        ({"out_trade_no": 20261128135901123}, "fields"),
        ({"transaction_id": None}, "fields"),
        ({"transaction_id": "../../etc/passwd"}, "fields"),
        ({"success_time": "yesterday"}, "fields"),
        ({"success_time": "2026-11-28T13:59:30"}, "fields"),
    ],
)
def test_a_genuine_payment_that_is_not_ours_is_refused(other: dict[str, Any], check: str) -> None:
    assert refusal(a_body(PAYMENT | other)) == check


@pytest.mark.parametrize(
    "missing", ["mchid", "appid", "out_trade_no", "transaction_id", "trade_state", "amount"]
)
def test_a_payment_tells_all_of_it(missing: str) -> None:
    told_of = {name: value for name, value in PAYMENT.items() if name != missing}
    check = missing if missing in ("mchid", "appid") else "fields"
    assert refusal(a_body(told_of)) == check


def test_a_refund_of_another_merchant_is_refused() -> None:
    assert refusal(a_body(REFUND | {"mchid": "1"}, "REFUND.SUCCESS", "refund")) == "mchid"


@pytest.mark.parametrize("plain", [b"", b"[]", b"1", b"{", b"[" * 5000, b"\xff"])
def test_a_resource_that_is_no_object_is_refused(plain: bytes) -> None:
    assert refusal(a_body(plain)) == "fields"


@pytest.mark.parametrize(
    ("other", "check"),
    [
        ({"resource": {}}, "fields"),
        ({"resource": None}, "fields"),
        ({"resource": {"algorithm": "AEAD_SM4_GCM"}}, "algorithm"),
        ({"resource_type": "plain"}, "algorithm"),
        ({"event_type": None}, "fields"),
        ({"id": 1}, "fields"),
        ({"id": "x" * 65}, "fields"),
    ],
)
def test_an_event_of_another_form_is_refused(other: dict[str, Any], check: str) -> None:
    assert refusal(a_body(PAYMENT, **other)) == check


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[]", b"{"])
def test_a_signed_body_of_another_form_is_refused(body: bytes) -> None:
    assert refusal(body) == "fields"


def test_what_is_too_large_is_refused_before_its_signature_is_looked_at() -> None:
    assert refusal(b" " * (MAX_NOTIFICATION_BYTES + 1), {}) == "size"


def test_what_nobody_signed_is_refused_before_it_is_read() -> None:
    assert refusal(b"{", {}) == "serial"


def test_what_is_encrypted_by_another_key_is_refused() -> None:
    other = a_gateway(an_account(api_v3_key="k" * 32))
    assert refusal(a_body(PAYMENT), gateway=other) == "resource"


@settings(deadline=None, max_examples=50)
@given(
    body=st.binary(max_size=200),
    headers=st.dictionaries(
        st.sampled_from(
            ["wechatpay-serial", "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "x"]
        ),
        st.text(max_size=40) | st.just(an_account().public_key_id),
    ),
)
def test_whatever_comes_is_refused_as_documented(body: bytes, headers: dict[str, str]) -> None:
    refusal(body, headers)


def test_the_answers_by_which_it_is_sent_again_or_not() -> None:
    """The status counts: 200 with FAIL is never sent again."""
    assert a_gateway().receipt(True) == Receipt(204, "")
    refused = a_gateway().receipt(False)
    assert refused.status == 400 and json.loads(refused.body)["code"] == "FAIL"


def test_the_browser_proves_nothing_by_coming_back() -> None:
    with pytest.raises(NotificationRefused):
        a_gateway().parse_return({"out_trade_no": "1"})
