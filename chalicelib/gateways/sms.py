"""SMS by Alibaba Cloud (dysmsapi, version 2017-05-25), to numbers of mainland China.

Sending is not idempotent there. After an answer that was lost the receipt says whether the message went out.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.acs3 import query_text, signed_headers
from chalicelib.gateways.http import Answer, exchange
from chalicelib.gateways.post import (
    Delivered,
    Failed,
    NotKnown,
    ReceiptState,
    Refused,
    SendState,
    Sent,
    Unclear,
    Waiting,
)
from chalicelib.gateways.sms_pushes import callback_key, code_of, received_at
from chalicelib.settings import SmsSettings

_VERSION = "2017-05-25"
_CALL_SECONDS = 3.0
"""The most that one call may take: the provider advises one second at least."""
_NUMBER = re.compile(r"1[0-9]{10}", re.ASCII)
_TEMPLATE = re.compile(r"SMS_[0-9A-Za-z]{1,32}", re.ASCII)
_OUT_ID = re.compile(r"[0-9A-Za-z_.:#-]{1,128}", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z._:-]{1,64}", re.ASCII)
_ROWS = 50
_MOST_PAGES = 4

_OF_THIS_MESSAGE = frozenset(
    {
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.BLACK_LIST",
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        "isv.EXTEND_CODE_ERROR",
        "isv.INVALID_JSON_PARAM",
        "isv.INVALID_PARAMETERS",
        "isv.MOBILE_COUNT_OVER_LIMIT",
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isv.SMS_CONTENT_ILLEGAL",
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
    }
)
"""The number or the text is at fault: the same message is refused whenever it comes."""
_OF_NOW = ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL", "Throttling")
"""What begins like this passes by itself."""
_NOT_SAID = ("isp.SYSTEM_ERROR", "SignatureNonceUsed", "InternalError", "ServiceUnavailable")
"""What begins like this does not say whether the message went out."""


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class Sms:
    """One account of Alibaba Cloud and one signature, which stands before each text. `clock` tells aware times."""

    def __init__(self, account: SmsSettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._account = account
        self._clock = clock

    def send(
        self, number: str, template: str, parameters: Mapping[str, str], out_id: str, deadline: Deadline
    ) -> SendState:
        """As `SmsSender.send`."""
        if not (_NUMBER.fullmatch(number) and _TEMPLATE.fullmatch(template) and _OUT_ID.fullmatch(out_id)):
            raise ValueError("number, template or out_id")
        query = {
            "PhoneNumbers": number,
            "SignName": self._account.sign_name,
            "TemplateCode": template,
            "TemplateParam": json.dumps(dict(parameters), ensure_ascii=False, separators=(",", ":")),
            "OutId": out_id,
        }
        try:
            answer = self._call("SendSms", query, deadline)
        except GatewayUnavailable as trouble:
            return Unclear(str(trouble.facts["reason"]))
        members, code = _read(answer)
        if code == "OK" and answer.status == 200:
            biz_id = members.get("BizId")
            known = isinstance(biz_id, str) and re.fullmatch(r"[!-~]{1,64}", biz_id)
            return Sent(str(biz_id)) if known else Unclear("no BizId")
        return _refusal(answer.status, code)

    def find_receipt(
        self, number: str, biz_id: str | None, out_id: str, day: date, deadline: Deadline
    ) -> ReceiptState:
        """As `SmsSender.find_receipt`."""
        if not (_NUMBER.fullmatch(number) and _OUT_ID.fullmatch(out_id)):
            raise ValueError("number or out_id")
        query = {"PhoneNumber": number, "SendDate": f"{day:%Y%m%d}", "PageSize": str(_ROWS)}
        if biz_id:
            query["BizId"] = biz_id
        mine: list[Mapping[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            try:
                answer = self._call("QuerySendDetails", query | {"CurrentPage": str(page)}, deadline)
            except GatewayUnavailable as trouble:
                return Unclear(str(trouble.facts["reason"]))
            members, code = _read(answer)
            rows = _rows(members) if code == "OK" and answer.status == 200 else None
            if rows is None:
                return Unclear(f"{answer.status} {code}".strip())
            mine += [row for row in rows if row.get("OutId") == out_id]
            if len(rows) < _ROWS:
                break
        return _state(mine)

    def is_callback_key(self, text: str) -> bool:
        """Whether this is the key of the addresses for receipts and replies."""
        mine = callback_key(self._account.access_key_secret)
        return hmac.compare_digest(mine.encode(), text.encode("utf-8", "replace"))

    def _call(self, action: str, query: Mapping[str, str], deadline: Deadline) -> Answer:
        """One signed request. Raises GatewayUnavailable."""
        account = self._account
        headers = signed_headers(
            account.access_key_id,
            account.access_key_secret,
            method="POST",
            host=urlsplit(account.api_url).netloc,
            query=query,
            action=action,
            version=_VERSION,
            date=f"{self._clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            nonce=secrets.token_hex(16),
        )
        url = f"{account.api_url}/?{query_text(query)}"
        return exchange("sms", "POST", url, deadline, _CALL_SECONDS, headers=headers)


def _read(answer: Answer) -> tuple[Mapping[str, Any], str]:
    """The members of an answer, and its word for how it went; none and "" of one that cannot be read."""
    try:
        members = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}, ""
    code = members.get("Code") if isinstance(members, dict) else None
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return {}, ""
    return members, code


def _refusal(status: int, code: str) -> Refused | Unclear:
    if not code or status >= 500 or code == "OK" or code.startswith(_NOT_SAID):
        return Unclear(f"{status} {code}".strip())
    if code in _OF_THIS_MESSAGE:
        return Refused(code, is_final=True)
    return Refused(code, is_final=False, needs_person=not code.startswith(_OF_NOW))


def _rows(members: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The messages of an answer; None of one that cannot be read."""
    listed = members.get("SmsSendDetailDTOs")
    rows = listed.get("SmsSendDetailDTO", []) if isinstance(listed, dict) else listed or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    return rows


def _state(rows: list[Mapping[str, Any]]) -> ReceiptState:
    """What became of a message; of one that was sent several times, the best."""
    if not rows:
        return NotKnown()
    by_status = {str(row.get("SendStatus")): row for row in rows}
    if arrived := by_status.get("3"):
        return Delivered(received_at(arrived.get("ReceiveDate")))
    if "1" in by_status:
        return Waiting()
    if failed := by_status.get("2"):
        return Failed(code_of(failed.get("ErrCode")))
    return Unclear("no state")
