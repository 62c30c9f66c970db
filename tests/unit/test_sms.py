"""SMS by Alibaba Cloud: its signature, its words, and what it pushes."""

from __future__ import annotations

import json

import pytest

from chalicelib.beijing_time import from_beijing_text
from chalicelib.gateways.acs3 import query_text, signed_headers
from chalicelib.gateways.post import Delivered, Failed
from chalicelib.gateways.sms import Sms
from chalicelib.gateways.sms_pushes import (
    UnreadablePush,
    callback_key,
    push_addresses,
    read_receipts,
    read_replies,
    received_at,
)
from chalicelib.settings import SmsSettings

ACCOUNT = SmsSettings(
    "LTAI5tExample", "a secret of the account", "云课堂", "https://dysmsapi.aliyuncs.com", {}
)


def test_a_request_is_signed_as_in_the_vendors_example() -> None:
    """help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature, 固定参数示例."""
    headers = signed_headers(
        "YourAccessKeyId",
        "YourAccessKeySecret",
        method="POST",
        host="ecs.cn-shanghai.aliyuncs.com",
        query={
            "RegionId": "cn-shanghai",
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        },
        action="RunInstances",
        version="2014-05-26",
        date="2023-10-26T10:22:32Z",
        nonce="3156853299f313e23d1673dc12e1703d",
    )
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_a_query_is_written_as_the_vendor_wants_it_signed() -> None:
    assert query_text({"b": "课 *~-_.+/", "a": "1&2"}) == "a=1%262&b=%E8%AF%BE%20%2A~-_.%2B%2F"


RECEIPT = {
    "phone_number": "13811110001",
    "send_time": "2017-01-01 00:00:00",
    "report_time": "2017-01-01 00:00:09",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "12345",
    "out_id": "67890",
}
"""The vendor's example: help.aliyun.com/document_detail/101867.htm."""
REPLY = {
    "phone_number": "13811110001",
    "send_time": "2017-09-01 00:00:00",
    "content": "拒收",
    "sign_name": "签名",
    "dest_code": "1234",
    "sequence_id": 1234567890,
}
"""The vendor's example: help.aliyun.com/knowledge_detail/60127.html."""


def pushed(*rows: object) -> bytes:
    return json.dumps(rows).encode()


def test_receipts_are_read_as_they_are_documented() -> None:
    arrived, failed = read_receipts(
        pushed(RECEIPT, RECEIPT | {"success": False, "err_code": "MOBILE_NOT_ON_SERVICE"})
    )
    assert (arrived.number, arrived.biz_id, arrived.out_id) == ("13811110001", "12345", "67890")
    assert arrived.state == Delivered(from_beijing_text("2017-01-01 00:00:09"))
    assert failed.state == Failed("MOBILE_NOT_ON_SERVICE")


def test_replies_are_read_in_both_documented_forms() -> None:
    old, new = read_replies(pushed(REPLY, REPLY | {"phone_number": "8613811110001", "sequence_id": "77"}))
    assert (old.number, old.text, old.sequence_id) == ("13811110001", "拒收", "1234567890")
    assert old.at == from_beijing_text("2017-09-01 00:00:00")
    assert received_at("0001-01-01 00:00:00") is None
    assert (new.number, new.sequence_id) == ("13811110001", "77")


@pytest.mark.parametrize("read", [read_receipts, read_replies])
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[1]", b"\xff", b"[" * 30_000, b" " * 70_000, pushed({"phone_number": "13811110001"})],
)
def test_what_is_no_push_is_refused(read: object, body: bytes) -> None:
    with pytest.raises(UnreadablePush):
        read(body)  # type: ignore[operator]


def test_a_push_may_hold_anything_in_its_texts() -> None:
    odd = RECEIPT | {
        "report_time": None,
        "err_code": ["x"],
        "success": False,
        "biz_id": {"a": 1},
        "out_id": "\n",
    }
    (receipt,) = read_receipts(pushed(odd))
    assert (receipt.biz_id, receipt.out_id, receipt.state) == ("", "", Failed("UNKNOWN"))
    (reply,) = read_replies(b'[{"phone_number": "13811110001", "content": "\\ud800' + b"x" * 999 + b'"}]')
    assert reply.text == "x" * 500
    assert read_receipts(pushed(RECEIPT | {"phone_number": "85212345678"})) == []


def test_the_addresses_for_pushes_carry_a_key_that_changes_with_the_secret() -> None:
    key = callback_key(ACCOUNT.access_key_secret)
    assert Sms(ACCOUNT).is_callback_key(key)
    for wrong in ("", "0" * 32, key.upper() + "x", "é" * 32, "\ud800"):
        assert not Sms(ACCOUNT).is_callback_key(wrong)
    assert callback_key("another secret") != key
    assert push_addresses("https://api.school.example", ACCOUNT.access_key_secret) == (
        f"https://api.school.example/sms/receipts?key={key}",
        f"https://api.school.example/sms/replies?key={key}",
    )
