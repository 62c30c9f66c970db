"""Alibaba Cloud's SMS service as it is spoken to: requests signed by ACS3, parameters in the query, JSON out.

https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
https://help.aliyun.com/document_detail/419273.html (SendSms), .../419277.html (QuerySendDetails)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from localstack.post.letters import DELIVERED, FAILED, Sms
from localstack.simulator_site import Answer, json_answer, utc_now

if TYPE_CHECKING:
    from localstack.post.simulator import PostSimulator

VERSION = "2017-05-25"
_BEIJING = timezone(timedelta(hours=8))
_CREDENTIAL = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,\s]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})"
)
_SKEW = timedelta(minutes=15)
_STATUS = {"waiting": 1, FAILED: 2, DELIVERED: 3}
_DAYS = 30
_SEND = ("PhoneNumbers", "SignName", "TemplateCode")
_QUERY = ("PhoneNumber", "SendDate", "PageSize", "CurrentPage")


class Refusal(Exception):
    """A request that is not answered as it wants: status, code and message are Alibaba Cloud's."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class SmsApi:
    """The service for one account."""

    def __init__(self, simulator: PostSimulator) -> None:
        self._simulator = simulator
        self._nonces: set[str] = set()

    def answer(self, method: str, query: str, body: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request to ``/``, with names of headers in lower case."""
        try:
            given = self._checked(method, query, body, headers)
            action = headers["x-acs-action"]
            return self._send(given) if action == "SendSms" else self._query(given)
        except Refusal as refusal:
            return _told({"Code": refusal.code, "Message": refusal.message}, refusal.status)

    # --- who asks --------------------------------------------------------------------------------------------

    def _checked(self, method: str, query: str, body: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a request that is signed as it should be."""
        simulator = self._simulator
        credential = _CREDENTIAL.fullmatch(headers.get("authorization", ""))
        if credential is None:
            raise Refusal(
                "IncompleteSignature", "The request signature does not conform to Aliyun standards."
            )
        key_id, signed, signature = credential.groups()
        secret = simulator.access_keys.get(key_id)
        if secret is None:
            raise Refusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        names = signed.split(";")
        wanted = {name for name in headers if name.startswith("x-acs-") or name in ("host", "content-type")}
        if set(names) != wanted or names != sorted(names):
            raise Refusal("IncompleteSignature", f"SignedHeaders should be {';'.join(sorted(wanted))}.")
        digest = hashlib.sha256(body.encode()).hexdigest()
        if headers.get("x-acs-content-sha256") != digest:
            raise Refusal("InvalidContentSha256", "x-acs-content-sha256 is not the digest of the body.")
        given = _parameters(query)
        canonical = "\n".join(
            [
                method,
                "/",
                "&".join(f"{_encoded(name)}={_encoded(given[name])}" for name in sorted(given)),
                *(f"{name}:{headers[name].strip()}" for name in names),
                "",
                signed,
                digest,
            ]
        )
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        right = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, signature):
            raise Refusal("SignatureDoesNotMatch", f"server string to sign is:{text}")
        self._check_moment(headers.get("x-acs-date", ""), headers.get("x-acs-signature-nonce", ""))
        if headers.get("x-acs-version") != VERSION or headers.get("x-acs-action") not in (
            "SendSms",
            "QuerySendDetails",
        ):
            raise Refusal("InvalidApi.NotFound", "Specified api is not found.", 404)
        return given

    def _check_moment(self, date: str, nonce: str) -> None:
        try:
            moment = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refusal("InvalidTimeStamp.Format", "Specified time stamp is not well formatted.") from None
        if abs(utc_now() - moment) > _SKEW:
            raise Refusal("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        if not nonce:
            raise Refusal("MissingSignatureNonce", "SignatureNonce is mandatory for this action.")
        with self._simulator.letters.lock:
            if nonce in self._nonces:
                raise Refusal("SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces.add(nonce)

    # --- what is asked ---------------------------------------------------------------------------------------

    def _send(self, given: dict[str, str]) -> Answer:
        simulator = self._simulator
        number, parameters, text = self._wanted(given)
        day = simulator.strike(
            number,
            "sms_lost",
            "sms_silent",
            "sms_unreadable",
            "sms_system_error",
            "sms_flow_control",
            "sms_no_money",
            "sms_bad_number",
        )
        if day == "sms_silent":
            simulator.hold(day)
        if day in ("sms_lost", "sms_silent"):
            return Answer(0, silent=True)
        if day == "sms_unreadable":
            return Answer(502, "<html>502 Bad Gateway</html>")
        if day:
            code, message = _REFUSALS[day]
            raise Refusal(code, message, 200)
        sms = simulator.let_leave(number, given["TemplateCode"], parameters, text, given.get("OutId", ""))
        day = simulator.strike(number, "sms_answer_lost", "sms_slow")
        if day == "sms_slow":
            simulator.hold(day)
        if day == "sms_answer_lost":
            return Answer(0, silent=True)
        return _told({"Code": "OK", "Message": "OK", "BizId": sms.biz_id})

    def _wanted(self, given: dict[str, str]) -> tuple[str, dict[str, str], str]:
        """The number, the variables and the text of an SMS."""
        for name in _SEND:
            if not given.get(name):
                raise Refusal(f"Missing{name}", f"{name} is mandatory for this action.")
        number = re.fullmatch(r"(?:\+|\+86|0086|86)?(1[3-9][0-9]{9})", given["PhoneNumbers"], re.ASCII)
        if number is None:
            raise Refusal("isv.MOBILE_NUMBER_ILLEGAL", f"{given['PhoneNumbers']}非法手机号", 200)
        if given["SignName"] != self._simulator.sign_name:
            raise Refusal("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法", 200)
        if not re.fullmatch(r"SMS_[0-9A-Za-z]{1,32}", given["TemplateCode"], re.ASCII):
            raise Refusal("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法", 200)
        if len(given.get("OutId", "")) >= 256:
            raise Refusal("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制", 200)
        parameters = _variables(given.get("TemplateParam", "{}"))
        return number[1], parameters, self._simulator.text_of(given["TemplateCode"], parameters)

    def _query(self, given: dict[str, str]) -> Answer:
        simulator = self._simulator
        for name in _QUERY:
            if not given.get(name):
                raise Refusal(f"Missing{name}", f"{name} is mandatory for this action.")
        number, day = given["PhoneNumber"], given["SendDate"]
        size, page = given["PageSize"], given["CurrentPage"]
        if not (size.isascii() and size.isdigit() and 1 <= int(size) <= 50):
            raise Refusal("InvalidPageSize", "Specified parameter PageSize is not valid.")
        if not (page.isascii() and page.isdigit() and int(page) >= 1):
            raise Refusal("InvalidCurrentPage", "Specified parameter CurrentPage is not valid.")
        now = simulator.letters.now()
        oldest = (now.astimezone(_BEIJING) - timedelta(days=_DAYS)).strftime("%Y%m%d")
        if not re.fullmatch(r"[0-9]{8}", day, re.ASCII) or day < oldest:
            raise Refusal("InvalidSendDate", "Specified parameter SendDate is not valid.")
        if simulator.strike(number, "query_lost"):
            return Answer(0, silent=True)
        rows = [
            sms
            for sms in simulator.letters.sms(number)
            if f"{sms.sent_at.astimezone(_BEIJING):%Y%m%d}" == day
            and given.get("BizId", "") in ("", sms.biz_id)
        ]
        if rows and simulator.strike(number, "query_late"):
            rows = []
        first = (int(page) - 1) * int(size)
        shown = [_row(sms, now) for sms in rows[first : first + int(size)]]
        return _told(
            {
                "Code": "OK",
                "Message": "OK",
                "TotalCount": str(len(rows)),
                "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown},
            }
        )


_REFUSALS = {
    "sms_system_error": ("isp.SYSTEM_ERROR", "系统错误"),
    "sms_flow_control": ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"),
    "sms_no_money": ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足"),
    "sms_bad_number": ("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号"),
}


def _told(members: dict[str, Any], status: int = 200) -> Answer:
    return json_answer(members | {"RequestId": str(uuid.uuid4()).upper()}, status)


def _parameters(query: str) -> dict[str, str]:
    """The parameters of a query; here a plus is a plus."""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    given = {unquote(name): unquote(value) for name, _, value in pairs}
    if len(given) != len(pairs):
        raise Refusal("InvalidParameter", "a parameter is given twice")
    return given


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _variables(text: str) -> dict[str, str]:
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError):
        variables = None
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise Refusal("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值", 200)
    return variables


def _row(sms: Sms, now: datetime) -> dict[str, Any]:
    state = sms.state(now)
    row: dict[str, Any] = {
        "PhoneNum": sms.number,
        "SendStatus": _STATUS[state],
        "TemplateCode": sms.template,
        "Content": sms.text,
        "SendDate": beijing_text(sms.sent_at),
        "OutId": sms.out_id,
    }
    if sms.due_at and state in (DELIVERED, FAILED):
        row |= {"ErrCode": sms.code, "ReceiveDate": beijing_text(sms.due_at)}
    return row


def beijing_text(at: datetime) -> str:
    """A time as Alibaba Cloud writes it."""
    return at.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")
