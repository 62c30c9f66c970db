"""WeChat Pay's API v3: signed requests in, signed answers out.

A request whose header is wrong is answered 401 SIGN_ERROR, unsigned, since it is nobody's. Everything else is signed
over the exact body. Fields that a merchant of this kind does not send are refused: they are mistakes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import secrets
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from localstack.provider.bad_days import possible_at
from localstack.provider.book import NoSuchTrade
from localstack.provider.keys import load_private_key
from localstack.wechat import bills
from localstack.wechat.bad_days import (
    BAD_DAYS,
    CLOSE,
    FUND_BILL,
    ORDER,
    OTHER_ORDER,
    OTHER_TRADE,
    QUERY,
    REFUND,
    REFUND_QUERY,
    TRADE_BILL,
)
from localstack.wechat.book import Book
from localstack.wechat.notices import foreign_key, trade_members
from localstack.wechat.trades import (
    ABNORMAL,
    BEIJING,
    CLOSED,
    H5,
    JSAPI,
    NATIVE,
    SUCCESS,
    OrderRequest,
    Refund,
    Refused,
    Trade,
    rfc3339,
)

TRADE_TYPES = {"native": NATIVE, "h5": H5, "jsapi": JSAPI}
LARGEST_AMOUNT = 10_000_000_000
SHORTEST_EXPIRY, USUAL_EXPIRY, LONGEST_EXPIRY = timedelta(minutes=1), timedelta(days=7), timedelta(days=90)
BILL_READY = time(10)
BILL_LIFE, BILLS_KEPT = timedelta(minutes=5), timedelta(days=90)

_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII)
_REFUND_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
_OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)
_LOCAL = ("127.0.0.1", "localhost", "::1")
_STALE = timedelta(minutes=6)


class Reply(NamedTuple):
    """An answer of the API; whether it comes late, and whether the line breaks in the middle of it."""

    status: int
    body: str
    headers: dict[str, str]
    slow: bool = False
    cut: bool = False


class _Call(NamedTuple):
    """A request that is the merchant's."""

    method: str
    """Its name among the bad days."""
    number: str
    """The order or refund that it is about, "" for none."""
    do: Callable[[frozenset[str]], tuple[int, dict[str, Any] | None]]


class Gateway:
    """The calls of API v3 that a shop makes. ``site_url`` tells the simulator's own address."""

    def __init__(self, book: Book, site_url: Callable[[], str]) -> None:
        self._book = book
        self._merchant = book.merchant
        self._site_url = site_url
        self._bills: dict[str, tuple[datetime, str]] = {}

    def answer(self, method: str, path: str, query: str, body: str, headers: Mapping[str, str]) -> Reply:
        """Answer a request, or what a bad day leaves of the answer. Names of headers are in lower case."""
        now = self._book.now()
        whole = f"{path}?{query}" if query else path
        fault = self._merchant.request_fault(headers.get("authorization", ""), method, whole, body, now)
        if fault is not None:
            return _unsigned(Refused("SIGN_ERROR", fault))
        try:
            if headers.get("wechatpay-serial", self._merchant.public_key_id) != self._merchant.public_key_id:
                raise Refused("SYSTEM_ERROR", "Wechatpay-Serial")
            for name, wanted in (("accept", "application/json"), ("content-type", "application/json")):
                if (name == "accept" or method == "POST") and wanted not in headers.get(name, ""):
                    raise Refused("PARAM_ERROR", f"Http头{name}")
            if not headers.get("user-agent"):
                raise Refused("PARAM_ERROR", "Http头user-agent")
            if path == "/v3/billdownload/file":
                return self._download(query, now)
            call = self._routed(method, path, query, body)
        except Refused as refused:
            return self._signed(refused.status, _error(refused), now)
        return self._carried_out(call, now)

    def _carried_out(self, call: _Call, now: datetime) -> Reply:
        possible = possible_at(BAD_DAYS, call.method, self._unpaid(call.number))
        struck = self._book.strike(possible, call.number, call.method)
        try:
            if "answer_system_error" in struck:
                raise Refused("SYSTEM_ERROR")
            if "answer_busy" in struck:
                raise Refused("FREQUENCY_LIMITED")
            if "answer_order_not_exist" in struck:
                raise Refused("ORDER_NOT_EXIST")
            if "paid_before_close" in struck:
                with suppress(Refused):  # somebody was faster
                    self._book.pay(call.number)
            status, result = call.do(struck)
        except Refused as refused:
            status, result = refused.status, _error(refused)
        if "answer_for_another_order" in struck and result is not None and status == 200:
            names = {"out_trade_no": OTHER_ORDER, "transaction_id": OTHER_TRADE, "out_refund_no": OTHER_ORDER}
            result |= {name: other for name, other in names.items() if name in result}
        reply = self._signed(
            status,
            result,
            now - _STALE if "answer_stale" in struck else now,
            is_foreign="answer_wrongly_signed" in struck,
        )
        if "answer_unsigned" in struck:
            reply = reply._replace(headers={})
        return reply._replace(slow="answer_slow" in struck, cut="answer_cut" in struck)

    def _unpaid(self, number: str) -> bool:
        try:
            return self._book.trade(number).is_payable(self._book.now())
        except NoSuchTrade:
            return False

    def _routed(self, method: str, path: str, query: str, body: str) -> _Call:
        """The call that a request makes. Raises Refused."""
        parts = [unquote(part) for part in path.removeprefix("/v3/").split("/")]
        match (method, *parts):
            case ("POST", "pay", "transactions", ("native" | "h5" | "jsapi") as kind):
                request = self._order_request(kind, _content(body))
                return _Call(ORDER, request.out_trade_no, lambda _: self._order(request))
            case ("GET", "pay", "transactions", "out-trade-no", number):
                self._check_merchant(_query(query, {"mchid"}))
                return _Call(QUERY, number, lambda _: self._query(number))
            case ("POST", "pay", "transactions", "out-trade-no", number, "close"):
                self._check_merchant(_members(_content(body), {"mchid"}))
                return _Call(CLOSE, number, lambda _: self._close(number))
            case ("POST", "refund", "domestic", "refunds"):
                return self._refund_call(_content(body))
            case ("GET", "refund", "domestic", "refunds", number):
                _query(query, set())
                return _Call(REFUND_QUERY, number, lambda _: (200, self._refund_members(number)))
            case ("GET", "bill", kind) if kind in (TRADE_BILL, FUND_BILL):
                names = {"bill_date", "bill_type" if kind == TRADE_BILL else "account_type"}
                wanted = _query(query, names)
                return _Call(kind, "", lambda struck: self._bill(kind, wanted, struck))
        raise Refused("NOT_FOUND")

    # --- orders

    def _order(self, request: OrderRequest) -> tuple[int, dict[str, Any]]:
        trade = self._book.order(request)
        if trade.trade_type == NATIVE:
            return 200, {"code_url": code_url(trade)}
        if trade.trade_type == H5:
            address = f"{self._site_url()}/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={prepay_id(trade)}"
            return 200, {"h5_url": address}
        return 200, {"prepay_id": prepay_id(trade)}

    def _order_request(self, kind: str, content: dict[str, Any]) -> OrderRequest:
        more = {"h5": {"scene_info"}, "jsapi": {"payer"}}.get(kind, set())
        needed = {"appid", "mchid", "description", "out_trade_no", "notify_url", "amount"} | more
        _members(content, needed, optional={"time_expire", "attach"})
        self._check_merchant(content)
        if content["appid"] != self._merchant.app_id:
            raise Refused("APPID_MCHID_NOT_MATCH")
        amount = _members(content["amount"], {"total"}, optional={"currency"})
        if amount.get("currency", "CNY") != "CNY":
            raise Refused("PARAM_ERROR", "currency")
        openid = ""
        if kind == "jsapi":
            openid = _matching(_OPENID, _members(content["payer"], {"openid"})["openid"], "openid")
        if kind == "h5":
            scene = _members(content["scene_info"], {"payer_client_ip", "h5_info"})
            if _members(scene["h5_info"], {"type"})["type"] not in ("Wap", "iOS", "Android"):
                raise Refused("PARAM_ERROR", "h5_info.type")
            try:
                ipaddress.ip_address(scene["payer_client_ip"])
            except ValueError:
                raise Refused("PARAM_ERROR", "payer_client_ip") from None
        return OrderRequest(
            out_trade_no=_matching(_NUMBER, content["out_trade_no"], "out_trade_no"),
            trade_type=TRADE_TYPES[kind],
            amount=_fen(amount["total"], "total"),
            description=_text(content["description"], "description", 127),
            attach=_text(content["attach"], "attach", 128) if "attach" in content else "",
            notify_url=_notify_url(content["notify_url"]),
            openid=openid,
            expires_at=_expiry(content.get("time_expire"), self._book.now()),
        )

    def _query(self, number: str) -> tuple[int, dict[str, Any]]:
        return 200, trade_members(self._book.existing(number), self._merchant)

    def _close(self, number: str) -> tuple[int, None]:
        self._book.close(number)
        return 204, None

    # --- refunds

    def _refund_call(self, content: dict[str, Any]) -> _Call:
        by = "transaction_id" if "transaction_id" in content else "out_trade_no"
        _members(content, {by, "out_refund_no", "amount"}, optional={"reason", "notify_url"})
        amount = _members(content["amount"], {"refund", "total", "currency"})
        if amount["currency"] != "CNY":
            raise Refused("PARAM_ERROR", "currency")
        number = _matching(_REFUND_NUMBER, content["out_refund_no"], "out_refund_no")
        which = by, _matching(_NUMBER, content[by], by)
        wanted, total = _fen(amount["refund"], "refund"), _fen(amount["total"], "total")
        reason = _text(content["reason"], "reason", 80) if "reason" in content else ""
        notify_url = _notify_url(content["notify_url"]) if "notify_url" in content else ""

        def do(struck: frozenset[str]) -> tuple[int, dict[str, Any]]:
            if "refund_not_enough" in struck:
                raise Refused("NOT_ENOUGH")
            end: str | None = SUCCESS
            for name, other in (
                ("refund_abnormal", ABNORMAL),
                ("refund_closed", CLOSED),
                ("refund_stays", None),
            ):
                if name in struck:
                    end = other
            self._book.refund(which, wanted, total, number, reason, notify_url, end)
            return 200, self._refund_members(number)

        return _Call(REFUND, which[1] if by == "out_trade_no" else "", do)

    def _refund_members(self, number: str) -> dict[str, Any]:
        return _refund_members(*self._book.refund_state(number))

    # --- bills

    def _bill(self, kind: str, wanted: dict[str, str], struck: frozenset[str]) -> tuple[int, dict[str, Any]]:
        if wanted.get("bill_type", "ALL") != "ALL" or wanted.get("account_type", "BASIC") != "BASIC":
            raise Refused("PARAM_ERROR", "bill_type, account_type")
        try:
            day = date.fromisoformat(wanted["bill_date"])
        except ValueError:
            raise Refused("PARAM_ERROR", "bill_date") from None
        now = self._book.now().astimezone(BEIJING)
        if day >= now.date() or now.date() - day > BILLS_KEPT:
            raise Refused("INVALID_REQUEST", "bill_date")
        yesterday = now.date() - timedelta(days=1)
        if "bill_late" in struck or (day == yesterday and now.time() < BILL_READY):
            raise Refused("STATEMENT_CREATING")
        begin = datetime.combine(day, time(), tzinfo=BEIJING)
        is_of_funds = kind == FUND_BILL
        moves = bills.spoiled(self._book.moves(begin, begin + timedelta(days=1), made=is_of_funds), struck)
        if not moves:
            raise Refused("NO_STATEMENT_EXIST")
        if is_of_funds:
            before = self._book.moves(datetime(1970, 1, 2, tzinfo=BEIJING), begin, made=True)
            drawn = "bill_money_drawn" in struck
            text = bills.fund_bill(moves, self._merchant, bills.balance_after(before), drawn=drawn)
        else:
            ready = datetime.combine(day + timedelta(days=1), BILL_READY, tzinfo=BEIJING)
            text = bills.trade_bill(moves, self._merchant, ready)
        token = secrets.token_urlsafe(24)
        self._bills[token] = self._book.now(), text
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        return 200, {
            "hash_type": "SHA1",
            "hash_value": "0" * 40 if "bill_wrong_hash" in struck else digest,
            "download_url": f"{self._site_url()}/v3/billdownload/file?token={token}",
        }

    def _download(self, query: str, now: datetime) -> Reply:
        made_at, text = self._bills.get(_query(query, {"token"})["token"], (None, ""))
        if made_at is None or now - made_at > BILL_LIFE:
            raise Refused("INVALID_REQUEST", "下载地址已失效")
        return Reply(200, text, {})

    def _check_merchant(self, members: Mapping[str, Any]) -> None:
        if members["mchid"] != self._merchant.merchant_id:
            raise Refused("PARAM_ERROR", "mchid")

    def _signed(
        self, status: int, result: dict[str, Any] | None, at: datetime, is_foreign: bool = False
    ) -> Reply:
        body = "" if result is None else json.dumps(result, ensure_ascii=False)
        stranger = load_private_key(foreign_key()) if is_foreign else None
        return Reply(status, body, self._merchant.signed(body, at, stranger))


def code_url(trade: Trade) -> str:
    """The text of a trade's QR code."""
    return f"weixin://wxpay/bizpayurl?pr={trade.token}"


def prepay_id(trade: Trade) -> str:
    """The number by which a page or an address pays a trade."""
    return f"wx{trade.token}"


def _refund_members(trade: Trade, refund: Refund) -> dict[str, Any]:
    members: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.created_at),
        "status": refund.status,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": trade.amount,
            "refund": refund.amount,
            "payer_total": trade.amount,
            "payer_refund": refund.amount,
            "settlement_refund": refund.amount,
            "settlement_total": trade.amount,
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if refund.status == SUCCESS and refund.ended_at:
        members["success_time"] = rfc3339(refund.ended_at)
    return members


def _error(refused: Refused) -> dict[str, Any]:
    return {"code": refused.code, "message": refused.message}


def _unsigned(refused: Refused) -> Reply:
    return Reply(refused.status, json.dumps(_error(refused), ensure_ascii=False), {})


def _content(body: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        content = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Refused("PARAM_ERROR", "不是JSON") from None
    if not isinstance(content, dict):
        raise Refused("PARAM_ERROR", "不是JSON对象")
    return content


def _query(query: str, needed: set[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError:
        raise Refused("PARAM_ERROR", "query") from None
    if len(dict(pairs)) != len(pairs):
        raise Refused("PARAM_ERROR", "query")
    return _members(dict(pairs), needed)


def _members(value: Any, needed: Set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """An object with these members and no others. Raises Refused, which names the first that is wrong."""
    if not isinstance(value, dict):
        raise Refused("PARAM_ERROR", "不是对象")
    wrong = sorted((needed - value.keys()) | (value.keys() - needed - optional))
    if wrong:
        raise Refused("PARAM_ERROR", wrong[0])
    return value


def _text(value: Any, name: str, most_bytes: int) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Refused("PARAM_ERROR", name)
    if len(value.encode("utf-8", "replace")) > most_bytes:
        raise Refused("PARAM_ERROR", name)
    return value


def _matching(pattern: re.Pattern[str], value: Any, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refused("PARAM_ERROR", name)
    return value


def _fen(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST_AMOUNT:
        raise Refused("PARAM_ERROR", name)
    return value


def _notify_url(value: Any) -> str:
    """HTTPS without a query; plain HTTP on this computer only."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= 255 else urlsplit("")
        is_right = bool(parts.hostname) and not parts.query and not parts.fragment and value.isascii()
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        is_right = is_right and is_safe and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        raise Refused("PARAM_ERROR", "notify_url")
    return str(value)


def _expiry(value: Any, now: datetime) -> datetime:
    """When a trade can no longer be paid: what is too near or too far is moved, as WeChat Pay does."""
    if value is None:
        return now + USUAL_EXPIRY
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused("PARAM_ERROR", "time_expire") from None
    if at.tzinfo is None or at.microsecond or not re.fullmatch(r".*T.*[+-]\d\d:\d\d", value):
        raise Refused("PARAM_ERROR", "time_expire")
    return min(max(at, now + SHORTEST_EXPIRY), now + LONGEST_EXPIRY)
