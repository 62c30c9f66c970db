"""WeChat Pay as a payment provider: trades and their refunds.

The shop's words outwards, WeChat Pay's inwards. Each way to pay wants a trade of its own: each call is about one
trade, by the number that the shop gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from chalicelib.beijing_time import BEIJING
from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable, NotificationRefused
from chalicelib.gateways.bills import BillLine, FundLine
from chalicelib.gateways.payments import (
    BillState,
    BridgeCall,
    Closed,
    CloseState,
    Notification,
    NotKnown,
    PageKind,
    Paid,
    PayPage,
    Receipt,
    RefundClosed,
    RefundDone,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundState,
    RefundStuck,
    Told,
    TooLate,
    TradeState,
    Unclear,
    Unpaid,
)
from chalicelib.gateways.wechat import bills, notifications, signing
from chalicelib.gateways.wechat.account import Keys
from chalicelib.gateways.wechat.client import NAME, Client, Reply, fen, known, moment
from chalicelib.gateways.wechat.numbers import checked
from chalicelib.money import Fen
from chalicelib.settings import WechatSettings

_DESCRIPTION_BYTES = 127
_REASON_BYTES = 80
_OVER = ("ORDERPAID", "ORDER_CLOSED", "ORDERCLOSED")
"""WeChat Pay's words for a trade that was paid or closed."""
_NOT_THIS = ("OUT_TRADE_NO_USED", "INVALID_REQUEST")
"""WeChat Pay's words for a trade that was begun with other content: by another buyer within WeChat, mostly."""
_ORDER_UNKNOWN = ("ORDER_NOT_EXIST", "ORDERNOTEXIST")
_BUSY = 429
_NOT_TAKEN = '{"code":"FAIL","message":"FAIL"}'


class Wechat:
    """One merchant at WeChat Pay.

    WeChat Pay posts the notifications of payments to `trade_url` and those of refunds to `refund_url`. Who is to pay an
    order (by its number) is sent to the shop's own `page_url`, which starts the trade. `clock` tells aware UTC times.
    Keys are loaded at first use, each by itself: who takes notifications needs no private one.
    """

    name = NAME
    ask_refund_after = timedelta(minutes=1)
    refund_takes = timedelta(days=3)
    tells_totals = notifications.TELLS_TOTALS

    def __init__(
        self,
        account: WechatSettings,
        trade_url: Callable[[], str],
        refund_url: Callable[[], str],
        page_url: Callable[[str], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = account
        self._trade_url = trade_url
        self._refund_url = refund_url
        self._page_url = page_url
        self._clock = clock
        self._keys = Keys(account)
        self._client = Client(account, self._keys, clock)

    def check(self) -> None:
        """Load all keys. Raises InvalidSetting, which names the one that is wrong."""
        self._keys.check()

    def pay_page(
        self, number: str, amount: Fen, title: str, expires_at: datetime, deadline: Deadline
    ) -> PayPage:
        """The shop's own page for the order of this number: it knows the browser and so the way to pay. No call."""
        return PayPage(PageKind.REDIRECT, self._page_url(number))

    # --- starting a trade: TooLate for one that was paid or closed, or begun with other content. Query it, close it and
    # begin another.

    def start_native(
        self, number: str, amount: Fen, title: str, expires_at: datetime, deadline: Deadline
    ) -> PayPage | TooLate:
        """A QR code by which the trade of this number is paid, for two hours. One call, repeatable. Raises
        GatewayUnavailable.
        """
        reply = self._start("native", number, amount, title, expires_at, {}, deadline)
        return reply if isinstance(reply, TooLate) else PayPage(PageKind.QR, _text(reply, "code_url"))

    def start_h5(
        self,
        number: str,
        amount: Fen,
        title: str,
        expires_at: datetime,
        client_ip: str,
        deadline: Deadline,
    ) -> PayPage | TooLate:
        """An address that opens the app on the phone at `client_ip`, for five minutes. One call; repeating it gives a
        new address for the same trade. Raises GatewayUnavailable.
        """
        scene = {"scene_info": {"payer_client_ip": client_ip, "h5_info": {"type": "Wap"}}}
        reply = self._start("h5", number, amount, title, expires_at, scene, deadline)
        return reply if isinstance(reply, TooLate) else PayPage(PageKind.REDIRECT, _text(reply, "h5_url"))

    def start_jsapi(
        self,
        number: str,
        amount: Fen,
        title: str,
        expires_at: datetime,
        openid: str,
        deadline: Deadline,
    ) -> BridgeCall | TooLate:
        """What a page within WeChat needs to have the user `openid` pay. One call, repeatable. Raises
        GatewayUnavailable.
        """
        payer = {"payer": {"openid": openid}}
        reply = self._start("jsapi", number, amount, title, expires_at, payer, deadline)
        if isinstance(reply, TooLate):
            return reply
        package = f"prepay_id={_text(reply, 'prepay_id')}"
        at, nonce = str(int(self._clock().timestamp())), signing.new_nonce()
        app_id = self._account.app_id
        return BridgeCall(
            {
                "appId": app_id,
                "timeStamp": at,
                "nonceStr": nonce,
                "package": package,
                "signType": "RSA",
                "paySign": signing.page_signature(self._keys, app_id, at, nonce, package),
            }
        )

    def _start(
        self,
        way: str,
        number: str,
        amount: Fen,
        title: str,
        expires_at: datetime,
        more: Mapping[str, Any],
        deadline: Deadline,
    ) -> Reply | TooLate:
        content = {
            "appid": self._account.app_id,
            "mchid": self._account.merchant_id,
            "description": description(title),
            "out_trade_no": number,
            "time_expire": expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "notify_url": self._trade_url(),
            "amount": {"total": amount, "currency": "CNY"},
            **more,
        }
        reply = self._client.post(f"/v3/pay/transactions/{way}", content, deadline)
        if reply.code in _OVER + _NOT_THIS:
            return TooLate()
        if reply.status != 200:
            raise GatewayUnavailable(gateway=NAME, reason=reply.reason)
        return reply

    # --- a trade

    def query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        """Query the trade of this number, of `amount` fen. One call; never raises GatewayUnavailable.

        A trade that was refunded, in part or in whole, is paid: WeChat Pay does not say how much went back.
        """
        return known(lambda: self._query(number, amount, deadline))

    def _query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        reply = self._client.get(_trade_path(number), deadline, mchid=self._account.merchant_id)
        if reply.status == 404 and reply.code in _ORDER_UNKNOWN:
            return NotKnown()
        if reply.status != 200:
            return Unclear(reply.reason)
        trade = reply.members
        if not self._is_ours(trade) or trade.get("out_trade_no") != number:
            return Unclear("the answer is for another order")
        state = trade.get("trade_state")
        if "amount" in trade or state in ("SUCCESS", "REFUND"):
            total = fen(trade["amount"]["total"])
            if total != amount or trade["amount"].get("currency", "CNY") != "CNY":
                return Unclear(f"WeChat Pay has another amount for it: {total}", needs_person=True)
        match state:
            case "SUCCESS" | "REFUND":
                trade_no = checked(trade["transaction_id"])
                return Paid(self.name, number, trade_no, amount, moment(trade.get("success_time")))
            case "NOTPAY" | "USERPAYING":
                return Unpaid()
            case "CLOSED" | "REVOKED":
                return Closed()
            case _:
                return Unclear(f"trade_state {state}")

    def close(self, number: str, deadline: Deadline) -> CloseState:
        """Close the unpaid trade of this number. One call; never raises GatewayUnavailable.

        Closing what was never begun may succeed, too.
        """
        return known(lambda: self._close(number, deadline))

    def _close(self, number: str, deadline: Deadline) -> CloseState:
        content = {"mchid": self._account.merchant_id}
        reply = self._client.post(f"{_trade_path(number)}/close", content, deadline)
        if reply.status == 204:
            return Closed()
        if reply.status == 404 and reply.code in _ORDER_UNKNOWN:
            return NotKnown()
        return TooLate() if reply.code in _OVER else Unclear(reply.reason)

    # --- refunds

    def refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Refund, once for the request's number. One call; never raises GatewayUnavailable.

        Most refunds are pending at first: they take WeChat Pay from seconds to days.
        """
        return known(lambda: self._refund(request, deadline))

    def _refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        paid = (
            {"out_trade_no": request.number}
            if request.trade_no is None
            else {"transaction_id": request.trade_no}
        )
        content: dict[str, Any] = paid | {
            "out_refund_no": request.request_no,
            "notify_url": self._refund_url(),
            "amount": {"refund": request.amount, "total": request.total, "currency": "CNY"},
        }
        if reason := _cut(request.reason, _REASON_BYTES):
            content["reason"] = reason
        reply = self._client.post("/v3/refund/domestic/refunds", content, deadline)
        if reply.status == 200:
            return _standing(reply.members, request)
        if reply.status == _BUSY:  # it is being worked on: what came of it is to be asked
            return RefundPending()
        if reply.code == "NOT_ENOUGH":
            return RefundRefused(f"{reply.reason}: the merchant's account is short of money, pay into it")
        return RefundRefused(reply.reason) if reply.status < 500 else Unclear(reply.reason)

    def refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Query a refund. One call; never raises GatewayUnavailable."""
        return known(lambda: self._refund_state(request, deadline))

    def _refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        path = f"/v3/refund/domestic/refunds/{quote(request.request_no, safe='')}"
        reply = self._client.get(path, deadline)
        if reply.status == 404 and reply.code == "RESOURCE_NOT_EXISTS":
            return RefundPending()
        return _standing(reply.members, request) if reply.status == 200 else Unclear(reply.reason)

    # --- notifications

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read and check a notification of a payment or a refund. Raises NotificationRefused."""
        return notifications.parse(self._account, self._keys, headers, body, self._clock())

    def told(self, word: str, amount: Fen, refunded: Fen) -> Told:
        """The event of a `trade_state`, or of `REFUND.` and a `refund_status`."""
        return notifications.told(word, amount, refunded)

    def receipt(self, is_taken: bool) -> Receipt:
        """No content, or an error: then WeChat Pay sends the notification again, for a day.

        The error is the caller's: those of 500 and above ring the alarms, and anybody may post here.
        """
        return Receipt(204, "") if is_taken else Receipt(400, _NOT_TAKEN, "application/json")

    def parse_return(self, fields: Mapping[str, str]) -> str:
        """Raises NotificationRefused: the browser comes back to the shop's own page, and nobody signs that."""
        raise NotificationRefused(check="provider")

    # --- bills

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """The payments and refunds of a day in Beijing, from 10:00 of the next day for three months: one call and one
        download. Never raises GatewayUnavailable.
        """
        return bills.trade_bill(self._account, self._client, day, now, deadline)

    def fund_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[FundLine]:
        """The movements of the merchant's account on a day in Beijing; as `trade_bill`."""
        return bills.fund_bill(self._account, self._client, day, now, deadline)

    def _is_ours(self, trade: Mapping[str, Any]) -> bool:
        return trade.get("mchid") == self._account.merchant_id and trade.get("appid") == self._account.app_id


def description(title: str) -> str:
    """A title as WeChat Pay takes it and repeats it in its bills: at most 127 bytes, blanks collapsed, without the
    backtick by which a bill begins its fields; unprintable characters are dropped.
    """
    printable = "".join(c for c in title if (c.isprintable() or c.isspace()) and c != "`")
    return _cut(" ".join(printable.split()), _DESCRIPTION_BYTES) or "课程"


def _cut(text: str, most_bytes: int) -> str:
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore").strip()


def _trade_path(number: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}"


def _text(reply: Reply, name: str) -> str:
    text = reply.members.get(name)
    if not isinstance(text, str) or not text:
        raise GatewayUnavailable(gateway=NAME, reason=f"no {name}")
    return text


def _standing(answer: Mapping[str, Any], request: RefundRequest) -> RefundState:
    if answer.get("out_refund_no") != request.request_no:
        return Unclear("the answer is for another refund")
    if answer.get("out_trade_no") != request.number and answer.get("transaction_id") != request.trade_no:
        return Unclear("the answer is for another order")
    if fen(answer["amount"]["refund"]) != request.amount:
        return Unclear(
            f"WeChat Pay has another amount for it: {answer['amount']['refund']}", needs_person=True
        )
    match answer.get("status"):
        case "SUCCESS":
            return RefundDone()
        case "PROCESSING":
            return RefundPending(is_known=True)
        case "CLOSED":
            return RefundClosed()
        case "ABNORMAL":
            return RefundStuck()
        case status:
            return Unclear(f"status {status}")
