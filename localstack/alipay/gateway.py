"""Alipay's open gateway: signed requests in, signed answers out.

Trouble with the request itself (application, signature, common parameters) is an ``error_response`` with
code 40001 or 40002; a business refusal is a member of the method's own name with code 40004. Every answer is
signed over the exact characters of its member. Only UTF-8 is spoken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from localstack.alipay import signing
from localstack.alipay.bad_days import (
    BAD_DAYS,
    BILL,
    BILL_CONTENT,
    CLOSE,
    OTHER_ORDER,
    OTHER_TRADE_NO,
    QUERY,
    REFUND,
    REFUND_QUERY,
    stranger,
)
from localstack.alipay.bills import Bills
from localstack.alipay.book import Book
from localstack.alipay.notices import BUYER_ID, BUYER_LOGON_ID, Merchant
from localstack.alipay.trades import (
    BEIJING,
    PaymentRequest,
    Refused,
    Trade,
    beijing,
    fen,
    from_beijing,
    yuan,
)
from localstack.provider.bad_days import possible_at
from localstack.provider.book import NoSuchTrade

PAGE_PAY = "alipay.trade.page.pay"

_ORDER_NUMBER = re.compile(r"[0-9A-Za-z_]{1,64}")
_TIMEOUT = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_URL = re.compile(r"https?://[!-~]{1,1000}")
_UNREADABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_MOST_FIELDS = 100

_FAULTS = {
    "isv.missing-app-id": ("40001", "缺少AppID参数"),
    "isv.missing-method": ("40001", "缺少方法名参数"),
    "isv.missing-signature": ("40001", "缺少签名参数"),
    "isv.missing-signature-type": ("40001", "缺少签名类型参数"),
    "isv.missing-timestamp": ("40001", "缺少时间戳参数"),
    "isv.missing-version": ("40001", "缺少版本参数"),
    "isv.invalid-app-id": ("40002", "无效的AppID参数"),
    "isv.invalid-charset": ("40002", "字符集错误"),
    "isv.invalid-format": ("40002", "无效的数据格式"),
    "isv.invalid-method": ("40002", "不存在的方法名"),
    "isv.invalid-parameter": ("40002", "参数无效"),
    "isv.invalid-signature": ("40002", "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配"),
    "isv.invalid-signature-type": ("40002", "无效的签名类型"),
    "isv.invalid-timestamp": ("40002", "非法的时间戳参数"),
}
_FAULT_TITLES = {"40001": "Missing Required Arguments", "40002": "Invalid Arguments"}


class Fault(Exception):
    """A request that Alipay refuses before it looks at the business in it."""

    def __init__(self, sub_code: str) -> None:
        self.sub_code = sub_code
        self.code, self.sub_msg = _FAULTS[sub_code]
        self.msg = _FAULT_TITLES[self.code]
        super().__init__(sub_code)


class Reply(NamedTuple):
    """The JSON text of an answer; whether it comes late, and whether the line breaks in the middle of it."""

    text: str
    slow: bool = False
    cut: bool = False


class Gateway:
    """The methods of the open gateway that a shop with page pay uses."""

    def __init__(self, book: Book, bills: Bills) -> None:
        self._book = book
        self._bills = bills
        self._merchant = book.merchant
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            QUERY: self._query,
            CLOSE: self._close,
            REFUND: self._refund,
            REFUND_QUERY: self._refund_query,
            BILL: self._bill,
        }

    def method(self, query: str, body: str) -> str:
        """The method a request names, or "" when it cannot be told."""
        try:
            return _parameters(query, body).get("method", "")
        except Fault:
            return ""

    def page_pay(self, query: str, body: str) -> Trade:
        """Show the code for the payment that a browser brings. Raises Fault and Refused."""
        parameters = self._checked(query, body)
        business = _business(parameters)
        return self._book.ask(_payment_request(parameters, business, self._book.now()))

    def answer(self, query: str, body: str) -> Reply:
        """The signed JSON answer to a server's request, or what a bad day leaves of it.

        Bad days strike only what Alipay would look into. Never raises for bad input.
        """
        try:
            parameters = self._checked(query, body)
            method = parameters["method"]
            if method not in self._methods:
                raise Fault("isv.invalid-method")
            business = _business(parameters)
        except Fault as fault:
            result = {
                "code": fault.code,
                "msg": fault.msg,
                "sub_code": fault.sub_code,
                "sub_msg": fault.sub_msg,
            }
            return Reply(_envelope("error_response", result, self._merchant))
        number, unpaid = self._about(business)
        place = f"{BILL}/{_text(business, 'bill_type', 20, lenient=True)}" if method == BILL else method
        struck = self._book.strike(possible_at(BAD_DAYS, place, unpaid) - BILL_CONTENT, number, place)
        result = self._result(method, business, number, struck)
        if "answer_for_another_order" in struck:
            result |= {"out_trade_no": OTHER_ORDER, "trade_no": OTHER_TRADE_NO}
        signer: Merchant | None = self._merchant
        if "answer_wrongly_signed" in struck:
            signer = stranger(self._merchant)
        if "answer_unsigned" in struck:
            signer = None
        text = _envelope(method.replace(".", "_") + "_response", result, signer)
        return Reply(text, slow="answer_slow" in struck, cut="answer_cut" in struck)

    def _result(
        self, method: str, business: dict[str, Any], number: str, struck: frozenset[str]
    ) -> dict[str, Any]:
        """The member of the answer; the work is done, unless a bad day prevents it."""
        try:
            if "answer_system_error" in struck:
                raise Refused("UNKNOWN_ERROR" if method == BILL else "ACQ.SYSTEM_ERROR")
            if "answer_trade_not_exist" in struck:
                raise Refused("ACQ.TRADE_NOT_EXIST")
            if "paid_before_close" in struck:
                with suppress(Refused):  # somebody was faster
                    self._book.pay(number)
            do = self._refund_not if "refund_left_undone" in struck else self._methods[method]
            done = do(business)
            if "refund_without_fund_change" in struck:
                del done["fund_change"]
            if "refund_query_too_early" in struck:
                done = {}
            return {"code": "10000", "msg": "Success", **done}
        except Refused as refused:
            result = {
                "code": "40004",
                "msg": "Business Failed",
                "sub_code": refused.sub_code,
                "sub_msg": refused.sub_msg,
            }
            if method == "alipay.trade.query":
                # Alipay's failed queries look like this: amounts although there is no trade.
                result |= {
                    "buyer_pay_amount": "0.00",
                    "invoice_amount": "0.00",
                    "out_trade_no": _text(business, "out_trade_no", 64, lenient=True),
                    "point_amount": "0.00",
                    "receipt_amount": "0.00",
                }
            return result

    def _about(self, business: dict[str, Any]) -> tuple[str, bool]:
        """The order number that a request is about, "" for none, and whether it can still be paid."""
        number = _text(business, "out_trade_no", 64, lenient=True)
        try:
            trade = self._book.trade(number)
        except NoSuchTrade:
            return number, False
        return number, trade.is_payable(self._book.now())

    def _checked(self, query: str, body: str) -> dict[str, str]:
        parameters = _parameters(query, body)
        for name, fault in (
            ("app_id", "isv.missing-app-id"),
            ("method", "isv.missing-method"),
            ("sign", "isv.missing-signature"),
            ("sign_type", "isv.missing-signature-type"),
            ("timestamp", "isv.missing-timestamp"),
            ("version", "isv.missing-version"),
        ):
            if not parameters.get(name):
                raise Fault(fault)
        if parameters["app_id"] != self._merchant.app_id:
            raise Fault("isv.invalid-app-id")
        if parameters["sign_type"] != "RSA2":
            raise Fault("isv.invalid-signature-type")
        if parameters.get("charset", "").lower() not in ("utf-8", "utf8"):
            raise Fault("isv.invalid-charset")
        if not self._merchant.is_ours(signing.request_text(parameters), parameters["sign"]):
            raise Fault("isv.invalid-signature")
        if parameters.get("format", "JSON").upper() != "JSON":
            raise Fault("isv.invalid-format")
        if parameters["version"] != "1.0":
            raise Fault("isv.invalid-parameter")
        try:
            from_beijing(parameters["timestamp"])
        except ValueError:
            raise Fault("isv.invalid-timestamp") from None
        return parameters

    def _query(self, business: dict[str, Any]) -> dict[str, Any]:
        trade = self._book.existing(*_numbers(business))
        assert trade.trade_no and trade.status
        received = yuan(trade.amount if trade.paid_at else 0)
        result: dict[str, Any] = {
            "buyer_logon_id": BUYER_LOGON_ID,
            "buyer_pay_amount": received,
            "buyer_user_id": BUYER_ID,
            "invoice_amount": received,
            "out_trade_no": trade.out_trade_no,
            "point_amount": "0.00",
            "receipt_amount": received,
            "total_amount": yuan(trade.amount),
            "trade_no": trade.trade_no,
            "trade_status": trade.status,
        }
        if trade.paid_at:
            result["send_pay_date"] = beijing(trade.paid_at)
            if "fund_bill_list" in _options(business):
                result["fund_bill_list"] = [{"amount": received, "fund_channel": "ALIPAYACCOUNT"}]
        return result

    def _close(self, business: dict[str, Any]) -> dict[str, Any]:
        trade = self._book.close(*_numbers(business))
        return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no}

    def _refund(self, business: dict[str, Any]) -> dict[str, Any]:
        numbers = _numbers(business)
        trade, refund, moved = self._book.refund(
            *numbers,
            amount=_amount(business, "refund_amount"),
            out_request_no=_text(business, "out_request_no", 64),
            reason=_text(business, "refund_reason", 256),
        )
        return {
            "buyer_logon_id": BUYER_LOGON_ID,
            "buyer_user_id": BUYER_ID,
            "fund_change": "Y" if moved else "N",
            "gmt_refund_pay": beijing(refund.refunded_at),
            "out_trade_no": trade.out_trade_no,
            "refund_fee": yuan(trade.refunded),
            "trade_no": trade.trade_no,
        }

    def _refund_not(self, business: dict[str, Any]) -> dict[str, Any]:
        """The answer to a refund that has not been carried out, and perhaps never will be."""
        trade = self._book.existing(*_numbers(business))
        return {
            "buyer_logon_id": BUYER_LOGON_ID,
            "buyer_user_id": BUYER_ID,
            "out_trade_no": trade.out_trade_no,
            "refund_fee": yuan(trade.refunded),
            "trade_no": trade.trade_no,
        }

    def _refund_query(self, business: dict[str, Any]) -> dict[str, Any]:
        numbers = _numbers(business)
        request_no = _text(business, "out_request_no", 64)
        if not request_no:
            raise Refused("ACQ.INVALID_PARAMETER", "out_request_no")
        trade, refund = self._book.refund_state(*numbers, request_no)
        if not refund:
            return {}
        result = {
            "out_request_no": refund.out_request_no,
            "out_trade_no": trade.out_trade_no,
            "refund_amount": yuan(refund.amount),
            "refund_status": "REFUND_SUCCESS",
            "total_amount": yuan(trade.amount),
            "trade_no": trade.trade_no,
        }
        if refund.reason:
            result["refund_reason"] = refund.reason
        if "gmt_refund_pay" in _options(business):
            result["gmt_refund_pay"] = beijing(refund.refunded_at)
        return result

    def _bill(self, business: dict[str, Any]) -> dict[str, Any]:
        return self._bills.offer(_text(business, "bill_type", 20), _text(business, "bill_date", 15))


def _envelope(member: str, result: dict[str, Any], signer: Merchant | None) -> str:
    # "<" is written as an escape: the answer goes out as text/html, as Alipay's does.
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    sign = f',"sign":"{signer.sign(text)}"' if signer else ""
    return f'{{"{member}":{text}{sign}}}'


def _parameters(query: str, body: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for text in (query, body):
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        except UnicodeDecodeError:
            raise Fault("isv.invalid-charset") from None
        except ValueError:
            raise Fault("isv.invalid-parameter") from None
        for name, value in pairs:
            if name in parameters:
                raise Fault("isv.invalid-parameter")
            parameters[name] = value
    return parameters


def _business(parameters: dict[str, str]) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        business = json.loads(parameters.get("biz_content", ""), parse_float=Decimal, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Fault("isv.invalid-parameter") from None
    if not isinstance(business, dict):
        raise Fault("isv.invalid-parameter")
    return business


def _text(business: dict[str, Any], name: str, longest: int, lenient: bool = False) -> str:
    """A text of biz_content, "" when absent. Numbers count as their digits, as they do at Alipay."""
    value = business.get(name)
    if value is None:
        return ""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and len(value) <= longest and not _UNREADABLE.search(value):
        return value
    if lenient:
        return ""
    raise Refused("ACQ.INVALID_PARAMETER", name)


def _amount(business: dict[str, Any], name: str) -> int:
    try:
        return fen(_text(business, name, 12))
    except ValueError:
        raise Refused("ACQ.INVALID_PARAMETER", name) from None


def _numbers(business: dict[str, Any]) -> tuple[str, str]:
    numbers = _text(business, "out_trade_no", 64), _text(business, "trade_no", 64)
    if not any(numbers):
        raise Refused("ACQ.INVALID_PARAMETER", "out_trade_no, trade_no")
    return numbers


def _options(business: dict[str, Any]) -> list[Any]:
    options = business.get("query_options")
    return options if isinstance(options, list) else []


def _payment_request(parameters: dict[str, str], business: dict[str, Any], now: datetime) -> PaymentRequest:
    out_trade_no = _text(business, "out_trade_no", 64)
    if not _ORDER_NUMBER.fullmatch(out_trade_no):
        raise Refused("ACQ.INVALID_PARAMETER", "out_trade_no")
    subject = _text(business, "subject", 256)
    if not subject.strip() or set(subject) & set("/=&"):
        raise Refused("ACQ.INVALID_PARAMETER", "subject")
    if business.get("product_code") != "FAST_INSTANT_TRADE_PAY":
        raise Refused("ACQ.INVALID_PARAMETER", "product_code")
    expires_at, relative = _expiry(business, now)
    return PaymentRequest(
        out_trade_no=out_trade_no,
        amount=_amount(business, "total_amount"),
        subject=subject,
        body=_text(business, "body", 128),
        passback_params=_text(business, "passback_params", 512),
        notify_url=_url("notify_url", parameters.get("notify_url", "")),
        return_url=_url("return_url", parameters.get("return_url", "")),
        request_from_url=_url("request_from_url", _text(business, "request_from_url", 256)),
        expires_at=expires_at,
        relative_expiry=relative,
    )


def _expiry(business: dict[str, Any], now: datetime) -> tuple[datetime, bool]:
    """When the payment dies, and whether that counts from the first request. ``time_expire`` wins."""
    absolute = _text(business, "time_expire", 19)
    if absolute:
        try:
            return from_beijing(absolute), False
        except ValueError:
            raise Refused("ACQ.INVALID_PARAMETER", "time_expire") from None
    relative = _text(business, "timeout_express", 6) or "15d"
    if relative == "1c":
        midnight = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1), True
    found = _TIMEOUT.fullmatch(relative)
    if not found:
        raise Refused("ACQ.INVALID_PARAMETER", "timeout_express")
    unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[found[2]]
    if int(found[1]) * unit > timedelta(days=15):
        raise Refused("ACQ.INVALID_PARAMETER", "timeout_express")
    return now + int(found[1]) * unit, True


def _url(name: str, text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = bool(_URL.fullmatch(text) and parts.hostname and (parts.port is None or parts.port > 0))
    except ValueError:
        usable = False
    if not usable:
        raise Refused("ACQ.INVALID_PARAMETER", name)
    return text
