"""Alipay's page pay: pay page, notices, query, close, refund.

Speaks the shop's words outwards (`order_number`, fen) and Alipay's inwards. python-alipay-sdk signs and
verifies and is imported on first use; the calls themselves are made here, because the SDK has no deadline, no
gateway setting and cuts answers out by counting braces. Nothing but this module's values, GatewayRefused,
GatewayUnavailable and NotificationRefused comes out.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from chalicelib.beijing_time import beijing_text, from_beijing_text
from chalicelib.errors import GatewayRefused, GatewayUnavailable, InvalidSetting, NotificationRefused
from chalicelib.gateways.deadline import Deadline
from chalicelib.gateways.http import fetch
from chalicelib.money import Fen, NotMoney, from_yuan, to_yuan

log = logging.getLogger(__name__)

MAX_NOTICE_BYTES = 32 * 1024
_MAX_FIELDS = 100
_FINAL = ("40001", "40002", "40006")
"""Alipay's codes for a request or a contract with which something is wrong: sending the same again will not help."""
_CALL_SECONDS = 4.0
"""The most that one call may take of a deadline it shares."""


@dataclass(frozen=True)
class Paid:
    """The whole amount (fen) was received by the trade `trade_no`."""

    trade_no: str
    amount: Fen
    paid_at: datetime | None


@dataclass(frozen=True)
class Unpaid:
    """The trade exists and waits for its buyer."""


@dataclass(frozen=True)
class Closed:
    """The trade was closed without ever being paid."""


@dataclass(frozen=True)
class Refunded:
    """The trade was paid and then refunded in full (`refunded` fen)."""

    payment: Paid
    refunded: Fen


@dataclass(frozen=True)
class NotExist:
    """Alipay knows no such trade: nobody has scanned the code or signed in on the page (yet)."""


@dataclass(frozen=True)
class CloseRefused:
    """The trade cannot be closed in its state: it was paid or closed meanwhile. Query it."""


@dataclass(frozen=True)
class Unknown:
    """No answer, or none that can be trusted. It says nothing about the trade.

    `needs_person`: asking again will not help.
    """

    reason: str
    needs_person: bool = False


TradeState = Paid | Unpaid | Closed | Refunded | NotExist | Unknown


@dataclass(frozen=True)
class RefundDone:
    """The refund with this request number was carried out."""


@dataclass(frozen=True)
class RefundPending:
    """The refund was received or not, it cannot be told yet: ask `refund_state`, at least 10 seconds later."""


RefundState = RefundDone | RefundPending | Unknown


@dataclass(frozen=True)
class Notice:
    """A notification whose form, signature, app and seller are right. Amounts in fen.

    `refunded` is the running total of refunds, 0 where the notice is about none.
    """

    notify_id: str
    order_number: str
    trade_no: str
    trade_status: str
    amount: Fen
    paid_at: datetime | None
    refunded: Fen
    refund_request_no: str

    def is_refund(self) -> bool:
        """Whether the notice tells of a refund, not of the payment."""
        return self.refunded > 0


_Answer = dict[str, Any]
_Value = TypeVar("_Value")


class Alipay:
    """One merchant application at Alipay, in public-key mode.

    Keys are the bare base64 of PKCS#1, PKCS#8 or X.509. Nothing is loaded before it is needed.
    """

    def __init__(
        self, app_id: str, seller_id: str, app_private_key: str, alipay_public_key: str, gateway_url: str
    ) -> None:
        self._app_id = app_id
        self._seller_id = seller_id
        self._app_private_key = app_private_key
        self._alipay_public_key = alipay_public_key
        self._gateway_url = gateway_url

    @cached_property
    def _sdk(self) -> Any:
        from alipay import AliPay
        from Cryptodome.PublicKey import RSA

        try:
            public = RSA.import_key(base64.b64decode(self._alipay_public_key))
        except (ValueError, IndexError, TypeError) as error:
            raise InvalidSetting(name="ALIPAY_PUBLIC_KEY", expected="an RSA public key") from error
        try:
            # Reading a private key takes a tenth of a second, so that the SDK alone does it.
            sdk = AliPay(
                appid=self._app_id,
                app_private_key_string=base64.b64decode(self._app_private_key),
                alipay_public_key_string=public.public_key().export_key(),
                sign_type="RSA2",
            )
        except (ValueError, IndexError, TypeError) as error:
            raise InvalidSetting(name="ALIPAY_APP_PRIVATE_KEY", expected="an RSA private key") from error
        private = sdk.app_private_key
        if not private.has_private():
            raise InvalidSetting(
                name="ALIPAY_APP_PRIVATE_KEY", expected="a private key, this is a public one"
            )
        if private.n == public.n:
            raise InvalidSetting(name="ALIPAY_PUBLIC_KEY", expected="Alipay's public key, not the app's own")
        if public.has_private():
            raise InvalidSetting(name="ALIPAY_PUBLIC_KEY", expected="a public key, this is a private one")
        return sdk

    def check(self) -> None:
        """Load both keys. Raises InvalidSetting, which names the one that is wrong."""
        self._sdk  # noqa: B018 (reading it loads the keys)

    def pay_url(
        self,
        order_number: str,
        amount: Fen,
        subject: str,
        expires_at: datetime,
        notify_url: str,
        return_url: str,
    ) -> str:
        """The address of the pay page (`alipay.trade.page.pay`). No call is made. `amount` in fen, 1 at
        least.
        """
        content = {
            "out_trade_no": order_number,
            "total_amount": str(to_yuan(amount)),
            "subject": subject,
            "product_code": "FAST_INSTANT_TRADE_PAY",
            "time_expire": beijing_text(expires_at),
        }
        query = self._signed("alipay.trade.page.pay", content, notify_url=notify_url, return_url=return_url)
        return f"{self._gateway_url}?{query}"

    def parse_notice(self, body: bytes) -> Notice:
        """Read and check a notification's raw form body, in the order of Alipay's document.

        Form and fields, signature, app, seller. The order, its channel and amount are for the caller to
        check. Raises NotificationRefused.
        """
        if len(body) > MAX_NOTICE_BYTES:
            raise NotificationRefused(check="size")
        fields = self._verified(_form_fields(body))
        if fields.get("seller_id") != self._seller_id:
            raise NotificationRefused(check="seller_id")
        try:
            refunded = from_yuan(fields["refund_fee"]) if fields.get("refund_fee") else 0
            return Notice(
                notify_id=fields["notify_id"][:128],
                order_number=fields["out_trade_no"][:64],
                trade_no=_trade_no(fields["trade_no"]),
                trade_status=fields["trade_status"][:64],
                amount=from_yuan(fields["total_amount"]),
                paid_at=_time(fields.get("gmt_payment")),
                refunded=refunded,
                refund_request_no=(fields.get("out_biz_no") or fields["trade_no"])[:64],
            )
        except (KeyError, ValueError) as error:
            raise NotificationRefused(check="fields") from error

    def parse_return(self, fields: Mapping[str, str]) -> str:
        """The order number of the query with which the browser comes back, once its signature is checked.

        It proves nothing about the payment: anybody can send it again. Raises NotificationRefused.
        """
        number = self._verified(dict(fields)).get("out_trade_no", "")
        if not number:
            raise NotificationRefused(check="fields")
        return number

    def query(self, order_number: str, amount: Fen, deadline: Deadline) -> TradeState:
        """What became of an order of `amount` fen (`alipay.trade.query`). One call; never raises
        GatewayUnavailable.
        """
        return self._known(lambda: self._query(order_number, amount, deadline))

    def _query(self, order_number: str, amount: Fen, deadline: Deadline) -> TradeState:
        answer = self._call("alipay.trade.query", {"out_trade_no": order_number}, deadline)
        if answer["code"] != "10000":
            if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
                return NotExist()
            return Unknown(_reason(answer))
        if answer.get("out_trade_no") != order_number:
            return Unknown("the answer is for another order")
        status = answer.get("trade_status")
        if from_yuan(answer["total_amount"]) != amount:
            return Unknown(f"Alipay has another amount for it: {answer['total_amount']}", needs_person=True)
        if status == "WAIT_BUYER_PAY":
            return Unpaid()
        sent_at = answer.get("send_pay_date")
        if status == "TRADE_CLOSED" and not sent_at:
            return Closed()
        if status not in ("TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"):
            return Unknown(f"trade_status {status}")
        paid = Paid(_trade_no(answer["trade_no"]), amount, _time(sent_at))
        return Refunded(paid, amount) if status == "TRADE_CLOSED" else paid

    def close(self, order_number: str, deadline: Deadline) -> Closed | NotExist | CloseRefused | Unknown:
        """Close an unpaid trade (`alipay.trade.close`). One call; never raises GatewayUnavailable."""
        return self._known(lambda: self._close(order_number, deadline))

    def _close(self, order_number: str, deadline: Deadline) -> Closed | NotExist | CloseRefused | Unknown:
        answer = self._call("alipay.trade.close", {"out_trade_no": order_number}, deadline)
        if answer["code"] == "10000":
            if answer.get("out_trade_no") != order_number:
                return Unknown("the answer is for another order")
            return Closed()
        sub_code = answer.get("sub_code")
        if sub_code == "ACQ.TRADE_NOT_EXIST":
            return NotExist()
        if sub_code in (
            "ACQ.TRADE_STATUS_ERROR",
            "ACQ.REASON_TRADE_STATUS_INVALID",
            "ACQ.REASON_ILLEGAL_STATUS",
        ):
            return CloseRefused()
        return Unknown(_reason(answer))

    def refund(
        self,
        order_number: str,
        amount: Fen,
        request_no: str,
        reason: str,
        deadline: Deadline,
        trade_no: str | None = None,
    ) -> RefundState:
        """Refund `amount` fen of an order (`alipay.trade.refund`), of the trade `trade_no` where that is known.

        Once for each `request_no`: repeat it with the same number and amount when the result is unknown.
        Raises GatewayRefused when Alipay will not do it, with its `reason`.
        """
        content = {
            "out_trade_no": order_number,
            "refund_amount": str(to_yuan(amount)),
            "out_request_no": request_no,
            "refund_reason": reason,
        }
        if trade_no is not None:
            content["trade_no"] = trade_no
        return self._known(lambda: self._refund(content, deadline))

    def _refund(self, content: dict[str, str], deadline: Deadline) -> RefundState:
        answer = self._call("alipay.trade.refund", content, deadline)
        if answer["code"] != "10000":
            is_trouble = answer.get("sub_code") in (None, "ACQ.SYSTEM_ERROR")
            if answer["code"] in _FINAL or (answer["code"] == "40004" and not is_trouble):
                raise GatewayRefused(gateway="alipay", reason=_reason(answer))
            return Unknown(_reason(answer))
        if answer.get("out_trade_no") != content["out_trade_no"]:
            return Unknown("the answer is for another order")
        return RefundDone() if answer.get("fund_change") == "Y" else RefundPending()

    def refund_state(
        self, order_number: str, request_no: str, deadline: Deadline, trade_no: str | None = None
    ) -> RefundState:
        """What became of a refund (`alipay.trade.fastpay.refund.query`), of the trade `trade_no` where that is
        known. One call; never raises GatewayUnavailable.
        """
        return self._known(lambda: self._refund_state(order_number, request_no, deadline, trade_no))

    def _refund_state(
        self, order_number: str, request_no: str, deadline: Deadline, trade_no: str | None
    ) -> RefundState:
        content = {"out_trade_no": order_number, "out_request_no": request_no}
        if trade_no is not None:
            content["trade_no"] = trade_no
        answer = self._call("alipay.trade.fastpay.refund.query", content, deadline)
        if answer["code"] != "10000":
            if answer.get("sub_code") == "ACQ.TRADE_NOT_EXIST":
                return RefundPending()
            return Unknown(_reason(answer))
        # Without a refund to tell of, the answer may carry no numbers at all.
        if answer.get("out_request_no", request_no) != request_no:
            return Unknown("the answer is for another refund")
        return RefundDone() if answer.get("refund_status") == "REFUND_SUCCESS" else RefundPending()

    def _verified(self, fields: dict[str, str]) -> dict[str, str]:
        """The fields of a notice or return whose form, signature and app hold. Raises NotificationRefused."""
        if fields.get("sign_type") != "RSA2":
            raise NotificationRefused(check="sign_type")
        if fields.get("version") != "1.0":
            raise NotificationRefused(check="version")
        if fields.get("charset", "").lower() != "utf-8":
            raise NotificationRefused(check="charset")
        signature = fields.pop("sign", "")
        try:
            base64.b64decode(signature, validate=True)
            # The SDK takes `sign_type` out of what it is given.
            genuine = bool(signature) and self._sdk.verify(dict(fields), signature)
        except (ValueError, TypeError, AttributeError, binascii.Error, _alipay_error()) as error:
            raise NotificationRefused(check="sign") from error
        if not genuine:
            raise NotificationRefused(check="sign")
        if fields.get("app_id") != self._app_id:
            raise NotificationRefused(check="app_id")
        return fields

    def _signed(self, method: str, content: dict[str, str], **parameters: str) -> str:
        # The SDK's own timestamp is local time, which on Lambda is UTC.
        now = beijing_text(datetime.now(UTC))
        return str(self._sdk.client_api(method, biz_content=content, timestamp=now, **parameters))

    def _known(self, call: Callable[[], _Value]) -> _Value | Unknown:
        try:
            return call()
        except (GatewayUnavailable, NotMoney, KeyError, ValueError, TypeError, AttributeError) as trouble:
            # An answer of unexpected form may also be an error of ours: the trace tells where.
            surprise = None if isinstance(trouble, GatewayUnavailable) else trouble
            log.warning("Alipay's answer is unknown: %s", type(trouble).__name__, exc_info=surprise)
            return Unknown(type(trouble).__name__)

    def _call(self, method: str, content: dict[str, str], deadline: Deadline) -> _Answer:
        """Make a call about an order -> the member of the answer, whose signature holds and which is for no other
        order. Raises GatewayUnavailable.
        """
        url = f"{self._gateway_url}?{self._signed(method, content)}"
        raw = fetch("alipay", url, deadline, _CALL_SECONDS)
        answer = self._verified_answer(raw, method.replace(".", "_") + "_response")
        # Refusals often carry the number too, and nothing else ties them to what was asked.
        if answer.get("out_trade_no", content["out_trade_no"]) != content["out_trade_no"]:
            raise GatewayUnavailable(gateway="alipay", reason="the answer is for another order")
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
            base64.b64decode(signature, validate=True)
            # Verifying a bare text is not among the SDK's public methods; the version is pinned.
            genuine = self._sdk._verify(text[start:end], signature)
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
            raise GatewayUnavailable(gateway="alipay", reason="unreadable answer") from error
        if not genuine or not isinstance(answer, dict) or not isinstance(answer.get("code"), str):
            raise GatewayUnavailable(gateway="alipay", reason="unverified answer")
        return answer


def _alipay_error() -> type[Exception]:
    from alipay.exceptions import AliPayException

    return AliPayException  # type: ignore[no-any-return]


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
