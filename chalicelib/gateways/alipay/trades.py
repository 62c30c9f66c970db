"""Alipay's page pay: pay page, notifications, query, close, refund, the bills of a day.

A payment provider (gateways/payments.py): the shop's words outwards, Alipay's inwards.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import IO, Any, BinaryIO, TypeVar, cast
from urllib.parse import parse_qsl, quote_plus

from Cryptodome.PublicKey.RSA import RsaKey

from chalicelib.beijing_time import beijing_text, day_end, from_beijing_text
from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable, InvalidSetting, NotificationRefused
from chalicelib.gateways import rsa
from chalicelib.gateways.bills import (
    BILL_SECONDS,
    Bill,
    BillLine,
    BillPending,
    FundLine,
    NoBill,
    WrongBill,
)
from chalicelib.gateways.http import download, fetch
from chalicelib.gateways.payments import (
    MAX_NOTIFICATION_BYTES,
    BillState,
    Closed,
    CloseState,
    Notification,
    NotKnown,
    PageKind,
    Paid,
    PayPage,
    Receipt,
    RefundDone,
    Refunded,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundState,
    Told,
    TooLate,
    TradeState,
    Unclear,
    Unpaid,
)
from chalicelib.money import Fen, NotMoney, from_yuan, to_yuan
from chalicelib.settings import AlipaySettings

log = logging.getLogger(__name__)

_MAX_FIELDS = 100
_FINAL = ("40001", "40002", "40006")
"""Alipay's codes for a wrong request or contract: sending the same again will not help."""
_CALL_SECONDS = 4.0
"""The most that one call may take of a deadline it shares."""
_BILL_MADE_WITHIN = timedelta(hours=10)
"""A day's bill is there at nine the next morning, as a rule; until ten it is not missing yet."""
_BILL_AGAIN = ("SYSTEM_ERROR", "SYSTEM_RATE_LIMIT", "UNKNOWN_ERROR", "UNKNOW_ERROR", "USER_RATE_LIMIT")
_SUBJECT_LENGTH = 256
_FULL_WIDTH = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "/=&{}<>'\"\\%+?#"})


_Answer = dict[str, Any]
_Value = TypeVar("_Value")
_Line = TypeVar("_Line")
_Reader = Callable[[IO[bytes], date, str], Bill[_Line]]


class Alipay:
    """One merchant application at Alipay, in public-key mode.

    Alipay posts its notifications to `trade_url`, and sends the buyer back there; who leaves an order (by its number)
    without paying goes to its `leave_url`. Keys are loaded at first use, each by itself: who takes notifications needs
    no private one.
    """

    name = "alipay"
    ask_refund_after = timedelta(seconds=10)
    refund_takes = timedelta(hours=2)
    tells_totals = True

    def __init__(
        self, account: AlipaySettings, trade_url: Callable[[], str], leave_url: Callable[[str], str]
    ) -> None:
        self._account = account
        self._trade_url = trade_url
        self._leave_url = leave_url

    @cached_property
    def _private_key(self) -> RsaKey:
        expected, name = "an RSA private key", "ALIPAY_APP_PRIVATE_KEY"
        key = _read_key(self._account.app_private_key, name, expected)
        if not key.has_private():
            raise InvalidSetting(name=name, expected="a private key, this is a public one")
        return key

    @cached_property
    def _public_key(self) -> RsaKey:
        expected, name = "an RSA public key", "ALIPAY_PUBLIC_KEY"
        key = _read_key(self._account.public_key, name, expected)
        if key.has_private():
            raise InvalidSetting(name=name, expected="a public key, this is a private one")
        return key

    def check(self) -> None:
        """Load the keys that the account has. Raises InvalidSetting, which names the one that is wrong."""
        private = self._private_key.n if self._account.has("app_private_key") else None
        if private == self._public_key.n:
            raise InvalidSetting(name="ALIPAY_PUBLIC_KEY", expected="Alipay's public key, not the app's own")

    def pay_page(
        self, number: str, amount: Fen, title: str, expires_at: datetime, deadline: Deadline
    ) -> PayPage:
        """The address of the pay page (`alipay.trade.page.pay`). No call."""
        content = {
            "out_trade_no": number,
            "total_amount": str(to_yuan(amount)),
            "subject": subject(title),
            "product_code": "FAST_INSTANT_TRADE_PAY",
            "time_expire": beijing_text(expires_at),
            "request_from_url": self._leave_url(number),
        }
        query = self._signed(
            "alipay.trade.page.pay", content, notify_url=self._trade_url(), return_url=self._trade_url()
        )
        return PayPage(PageKind.REDIRECT, f"{self._account.gateway_url}?{query}")

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read and check a notification's raw form body, in the order of Alipay's document: form and fields,
        signature, app, seller. Raises NotificationRefused.
        """
        if len(body) > MAX_NOTIFICATION_BYTES:
            raise NotificationRefused(check="size")
        fields = self._verified(_form_fields(body))
        if fields.get("seller_id") != self._account.seller_id:
            raise NotificationRefused(check="seller_id")
        try:
            trade_no, word = _trade_no(fields["trade_no"]), fields["trade_status"][:64]
            amount = from_yuan(fields["total_amount"])
            refunded = from_yuan(fields["refund_fee"]) if fields.get("refund_fee") else 0
            request_no = fields.get("out_biz_no", "")[:64]
            return Notification(
                provider=self.name,
                notify_id=fields["notify_id"][:128],
                number=fields["out_trade_no"][:64],
                trade_no=trade_no,
                word=word,
                told=self.told(word, amount, refunded),
                amount=amount,
                paid_at=_time(fields.get("gmt_payment")),
                refunded=refunded,
                # One that names no request of its own may repeat the trade's number in its place.
                request_no=None if request_no in ("", trade_no) else request_no,
                is_total=self.tells_totals,
            )
        except (KeyError, ValueError) as error:
            raise NotificationRefused(check="fields") from error

    def told(self, word: str, amount: Fen, refunded: Fen) -> Told:
        """The event of a `trade_status`, by the running total of refunds."""
        match word:
            case "WAIT_BUYER_PAY":
                return Told.WAITING
            case "TRADE_SUCCESS" | "TRADE_FINISHED":
                return Told.REFUNDED_IN_PART if refunded else Told.RECEIVED
            case "TRADE_CLOSED":
                return Told.REFUNDED_WHOLE if refunded else Told.CLOSED
            case _:
                return Told.UNHEARD

    def receipt(self, is_taken: bool) -> Receipt:
        """`success`, or `fail`: then Alipay sends the notification again, for a day."""
        return Receipt(200, "success" if is_taken else "fail")

    def parse_return(self, fields: Mapping[str, str]) -> str:
        """The number of the trade whose query the browser comes back with, once its signature is checked. Raises
        NotificationRefused.
        """
        number = self._verified(dict(fields)).get("out_trade_no", "")
        if not number:
            raise NotificationRefused(check="fields")
        return number

    def query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        """Query the trade of this number, of `amount` fen (`alipay.trade.query`). One call; never raises
        GatewayUnavailable.
        """
        return self._known(lambda: self._query(number, amount, deadline))

    def _query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        answer = self._call_about("alipay.trade.query", {"out_trade_no": number}, deadline)
        if answer["code"] != "10000":
            if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
                return NotKnown()
            return Unclear(_reason(answer))
        if answer.get("out_trade_no") != number:
            return Unclear("the answer is for another order")
        status = answer.get("trade_status")
        if from_yuan(answer["total_amount"]) != amount:
            return Unclear(f"Alipay has another amount for it: {answer['total_amount']}", needs_person=True)
        if status == "WAIT_BUYER_PAY":
            return Unpaid()
        sent_at = answer.get("send_pay_date")
        if status == "TRADE_CLOSED" and not sent_at:
            return Closed()
        if status not in ("TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"):
            return Unclear(f"trade_status {status}")
        paid = Paid(self.name, number, _trade_no(answer["trade_no"]), amount, _time(sent_at))
        return Refunded(paid) if status == "TRADE_CLOSED" else paid

    def close(self, number: str, deadline: Deadline) -> CloseState:
        """Close an unpaid trade (`alipay.trade.close`). One call; never raises GatewayUnavailable."""
        return self._known(lambda: self._close(number, deadline))

    def _close(self, number: str, deadline: Deadline) -> CloseState:
        answer = self._call_about("alipay.trade.close", {"out_trade_no": number}, deadline)
        if answer["code"] == "10000":
            if answer.get("out_trade_no") != number:
                return Unclear("the answer is for another order")
            return Closed()
        sub_code = answer.get("sub_code")
        if sub_code == "ACQ.TRADE_NOT_EXIST":
            return NotKnown()
        if sub_code in (
            "ACQ.TRADE_STATUS_ERROR",
            "ACQ.REASON_TRADE_STATUS_INVALID",
            "ACQ.REASON_ILLEGAL_STATUS",
        ):
            return TooLate()
        return Unclear(_reason(answer))

    def refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Refund, once for the request's number (`alipay.trade.refund`). One call; never raises GatewayUnavailable.

        An answer that nothing moved now is pending: an earlier call may have moved it.
        """
        return self._known(lambda: self._refund(request, deadline))

    def _refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        content = _refund_content(request) | {
            "refund_amount": str(to_yuan(request.amount)),
            "refund_reason": request.reason,
        }
        answer = self._call_about("alipay.trade.refund", content, deadline)
        if answer["code"] != "10000":
            is_trouble = answer.get("sub_code") in (None, "ACQ.SYSTEM_ERROR")
            if answer["code"] in _FINAL or (answer["code"] == "40004" and not is_trouble):
                return RefundRefused(_reason(answer))
            return Unclear(_reason(answer))
        if answer.get("out_trade_no") != request.number:
            return Unclear("the answer is for another order")
        return RefundDone() if answer.get("fund_change") == "Y" else RefundPending()

    def refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Query a refund (`alipay.trade.fastpay.refund.query`). One call; never raises GatewayUnavailable."""
        return self._known(lambda: self._refund_state(request, deadline))

    def _refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        answer = self._call_about("alipay.trade.fastpay.refund.query", _refund_content(request), deadline)
        if answer["code"] != "10000":
            if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
                return RefundPending()
            return Unclear(_reason(answer))
        # Without a refund to tell of, the answer may carry no numbers at all.
        if answer.get("out_request_no", request.request_no) != request.request_no:
            return Unclear("the answer is for another refund")
        return RefundDone() if answer.get("refund_status") == "REFUND_SUCCESS" else RefundPending()

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """The payments and refunds of a day in Beijing, from nine the next morning
        (`alipay.data.dataservice.bill.downloadurl.query`): one call and one download. Never raises GatewayUnavailable.
        """
        from chalicelib.gateways.alipay.bill import read_trade_bill

        return self._known(lambda: self._bill("trade", read_trade_bill, day, now, deadline))

    def fund_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[FundLine]:
        """The movements of the merchant's account on a day in Beijing; as `trade_bill`."""
        from chalicelib.gateways.alipay.bill import read_fund_bill

        return self._known(lambda: self._bill("signcustomer", read_fund_bill, day, now, deadline))

    def _bill(
        self, bill_type: str, read: _Reader[_Line], day: date, now: datetime, deadline: Deadline
    ) -> BillState[_Line]:
        from tempfile import TemporaryFile

        from chalicelib.gateways.alipay.bill import is_address

        if now < day_end(day):
            return BillPending()
        content = {"bill_type": bill_type, "bill_date": day.isoformat(), "secure": "true"}
        answer = self._call("alipay.data.dataservice.bill.downloadurl.query", content, deadline)
        if answer["code"] != "10000":
            return _no_bill(answer, is_late=now >= day_end(day) + _BILL_MADE_WITHIN)
        address = answer["bill_download_url"]
        if not is_address(address, self._account.gateway_url):
            return Unclear("the address of the bill is not Alipay's", needs_person=True)
        with ExitStack() as opened:
            file = opened.enter_context(TemporaryFile())
            self._download(address, file, deadline)
            try:
                bill = read(file, day, self._account.seller_id)
            except WrongBill as trouble:
                return Unclear(f"the bill cannot be read: {trouble}", needs_person=not trouble.is_damaged)
            opened.pop_all()  # whoever closes the bill closes it
            return bill

    def _download(self, address: str, file: IO[bytes], deadline: Deadline) -> None:
        from chalicelib.gateways.alipay.bill import MAX_ARCHIVE_BYTES

        download(self.name, address, deadline, BILL_SECONDS, cast(BinaryIO, file), MAX_ARCHIVE_BYTES)

    def _verified(self, fields: dict[str, str]) -> dict[str, str]:
        """The fields of a notification or return whose form, signature and app hold. Raises NotificationRefused."""
        if fields.get("sign_type") != "RSA2":
            raise NotificationRefused(check="sign_type")
        if fields.get("version") != "1.0":
            raise NotificationRefused(check="version")
        if fields.get("charset", "").lower() != "utf-8":
            raise NotificationRefused(check="charset")
        signature = fields.pop("sign", "")
        signed = {name: value for name, value in fields.items() if name != "sign_type"}
        if not rsa.is_signed(self._public_key, _joined(signed), signature):
            raise NotificationRefused(check="sign")
        if fields.get("app_id") != self._account.app_id:
            raise NotificationRefused(check="app_id")
        return fields

    def _signed(self, method: str, content: dict[str, str], **parameters: str) -> str:
        """The query of a call: what is said of every call, its content, and the signature of both."""
        fields = {
            "app_id": self._account.app_id,
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(datetime.now(UTC)),
            "version": "1.0",
            "biz_content": json.dumps(content, separators=(",", ":")),
        } | parameters
        fields["sign"] = rsa.sign(self._private_key, _joined(fields))
        return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())

    def _known(self, call: Callable[[], _Value]) -> _Value | Unclear:
        try:
            return call()
        except (GatewayUnavailable, NotMoney, KeyError, ValueError, TypeError, AttributeError) as trouble:
            # An answer of unexpected form may also be an error of ours: the trace tells where.
            surprise = None if isinstance(trouble, GatewayUnavailable) else trouble
            log.warning("Alipay's answer is unknown: %s", type(trouble).__name__, exc_info=surprise)
            return Unclear(type(trouble).__name__)

    def _call(self, method: str, content: dict[str, str], deadline: Deadline) -> _Answer:
        """Make a call -> the answer's member, with a valid signature. Raises GatewayUnavailable."""
        url = f"{self._account.gateway_url}?{self._signed(method, content)}"
        raw = fetch(self.name, url, deadline, _CALL_SECONDS)
        return self._verified_answer(raw, method.replace(".", "_") + "_response")

    def _call_about(self, method: str, content: dict[str, str], deadline: Deadline) -> _Answer:
        """`_call` about an order; the answer has its number. Raises GatewayUnavailable."""
        answer = self._call(method, content, deadline)
        # Refusals often carry the number too, and nothing else ties them to what was asked.
        if answer.get("out_trade_no", content["out_trade_no"]) != content["out_trade_no"]:
            raise GatewayUnavailable(gateway=self.name, reason="the answer is for another order")
        return answer

    def _verified_answer(self, raw: bytes, member: str) -> _Answer:
        try:
            text = raw.decode("utf-8")
            envelope = json.loads(text)
            signature = envelope["sign"]
            # The signed text is the member exactly as sent: find where its value begins, let the parser find
            # its end.
            start = text.index(f'"{member}"') + len(member) + 2
            start = text.index(":", start) + 1
            start += len(text[start:]) - len(text[start:].lstrip())
            answer, end = json.JSONDecoder().raw_decode(text, start)
            genuine = rsa.is_signed(self._public_key, text[start:end], signature)
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
            raise GatewayUnavailable(gateway=self.name, reason="unreadable answer") from error
        if not genuine or not isinstance(answer, dict) or not isinstance(answer.get("code"), str):
            raise GatewayUnavailable(gateway=self.name, reason="unverified answer")
        return answer


def _no_bill(answer: _Answer, is_late: bool) -> BillPending | NoBill | Unclear:
    """What a refusal means. Its documented words come with and without a prefix, in capitals and not."""
    word = str(answer.get("sub_code", "")).rpartition(".")[2].upper().replace("-", "_")
    if word == "NO_BILL_DATA":
        return NoBill(nothing_happened=True)
    if word == "BILL_NOT_EXIST":
        return NoBill(nothing_happened=False) if is_late else BillPending()
    again = answer["code"] not in ("40004", *_FINAL) or word in _BILL_AGAIN
    return Unclear(_reason(answer), needs_person=not again)


def subject(title: str) -> str:
    """A title as Alipay takes it: at most 256 characters, none of `/ = &`; braces break the verification of its
    answers. Such characters become their full-width forms, blanks are collapsed, unprintable ones dropped.
    """
    printable = "".join(c for c in title if c.isprintable() or c.isspace())
    clean = " ".join(printable.split()).translate(_FULL_WIDTH)[:_SUBJECT_LENGTH] or "课程"
    # An earlier version stored subjects as they were sent, perhaps cut at a blank: they are repeated exactly.
    return title if len(title) == _SUBJECT_LENGTH and title.rstrip() == clean else clean


def _refund_content(request: RefundRequest) -> dict[str, str]:
    content = {"out_trade_no": request.number, "out_request_no": request.request_no}
    return content if request.trade_no is None else content | {"trade_no": request.trade_no}


def _read_key(text: str, name: str, expected: str) -> RsaKey:
    try:
        return rsa.read_key(text)
    except ValueError as error:
        raise InvalidSetting(name=name, expected=expected) from error


def _joined(fields: Mapping[str, str]) -> str:
    """The text that Alipay and its merchants sign: all fields by name."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()))


def _form_fields(body: bytes) -> dict[str, str]:
    """The fields of a form body, blanks kept, decoded once. Raises NotificationRefused for a field sent
    twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise NotificationRefused(check="form") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise NotificationRefused(check="duplicate")
    return fields


def _trade_no(value: str) -> str:
    if not value.isascii() or not value.isalnum() or len(value) > 64:
        raise ValueError("trade_no")
    return value


def _time(text: str | None) -> datetime | None:
    return from_beijing_text(text[:19]) if text else None


def _reason(answer: _Answer) -> str:
    return f"{answer['code']} {answer.get('sub_code', '')}".strip()
