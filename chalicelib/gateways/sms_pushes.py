"""What Alibaba Cloud pushes about SMS: receipts, and what people reply. JSON lists, unsigned, repeated until answered
with 200 within 700 milliseconds, in any order.

https://help.aliyun.com/zh/sms/developer-reference/smsreport-2 and .../smsup-http
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from chalicelib.beijing_time import from_beijing_text
from chalicelib.gateways.post import Delivered, Failed

MAX_PUSH_BYTES = 64 * 1024
"""A longer body is refused before it is decoded."""
ACCEPTED = '{"code": 0, "msg": "接收成功"}'
"""The answer, as JSON, that ends the repetitions; also to the GET that tries an address out."""
_NUMBER = re.compile(r"(?:\+?86)?(1[0-9]{10})", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z._:-]{1,64}", re.ASCII)
_MOST_TEXT = 500

_Told = TypeVar("_Told")


class UnreadablePush(ValueError):
    """The body is no list of what is pushed. The text says why and shows nothing of it."""


class Receipt(Struct, frozen=True):
    """What is said to have become of a message. Anybody could say it: ask `find_receipt` before it counts."""

    number: str
    biz_id: str
    out_id: str
    state: Delivered | Failed


class Reply(Struct, frozen=True):
    """What somebody has answered to a message; `at` may be missing. `sequence_id` is the same when it is repeated."""

    number: str
    text: str
    at: datetime | None
    sequence_id: str


def callback_key(access_key_secret: str) -> str:
    """What the addresses for pushes carry as `key`, as pushes arrive unsigned: 32 hexadecimal digits, others with
    another secret of the account.
    """
    return hmac.digest(access_key_secret.encode(), b"callbacks", "sha256").hex()[:32]


def push_addresses(api_url: str, access_key_secret: str) -> tuple[str, str]:
    """Where receipts are pushed to, and where replies."""
    key = callback_key(access_key_secret)
    return f"{api_url}/sms/receipts?key={key}", f"{api_url}/sms/replies?key={key}"


def read_receipts(body: bytes) -> list[Receipt]:
    """The receipts of a push; those of other numbers than mainland ones are left out. Raises UnreadablePush."""
    return _each(body, _receipt)


def read_replies(body: bytes) -> list[Reply]:
    """The replies of a push; as `read_receipts`."""
    return _each(body, _reply)


def _each(body: bytes, read: Callable[[str, Mapping[str, Any]], _Told]) -> list[_Told]:
    if len(body) > MAX_PUSH_BYTES:
        raise UnreadablePush("size")
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadablePush("no JSON") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadablePush("no list")
    numbers = [(_NUMBER.fullmatch(str(row.get("phone_number"))), row) for row in rows]
    return [read(number[1], row) for number, row in numbers if number]


def _receipt(number: str, row: Mapping[str, Any]) -> Receipt:
    arrived = row.get("success")
    if not isinstance(arrived, bool):
        raise UnreadablePush("success")
    at = received_at(row.get("report_time"))
    state = Delivered(at) if arrived else Failed(code_of(row.get("err_code")))
    return Receipt(number, _word(row, "biz_id"), _word(row, "out_id"), state)


def _reply(number: str, row: Mapping[str, Any]) -> Reply:
    text = row.get("content")
    if not isinstance(text, str):
        raise UnreadablePush("content")
    readable = text.encode("utf-8", "ignore").decode()[:_MOST_TEXT]
    return Reply(number, readable, received_at(row.get("send_time")), _word(row, "sequence_id"))


def _word(row: Mapping[str, Any], name: str) -> str:
    """A short printable text of a row; some senders write numbers. Empty where there is none."""
    word = row.get(name)
    text = str(word) if isinstance(word, str | int) and not isinstance(word, bool) else ""
    return text if re.fullmatch(r"[!-~]{1,128}", text) else ""


def received_at(text: object) -> datetime | None:
    """The provider's text of a time, in Beijing -> in UTC; None where it is none."""
    try:
        return from_beijing_text(str(text))
    except ValueError:
        return None


def code_of(text: object) -> str:
    """The carrier's word for why a message did not arrive; UNKNOWN where there is none."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else "UNKNOWN"
