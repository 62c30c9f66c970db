"""HTTP around the simulator: the gateway, the cashier, the bills, the page for people, and the control API.

Gateway and cashier::

    GET|POST /gateway.do                      page pay: 302 to the cashier, or a page that names the error;
                                              every other method: signed JSON
    GET      /downloadBillFile.resource       the bill of an address that lives 30 seconds: a ZIP
    GET      /cashier/{token}                 the cashier page
    POST     /cashier/{token}/scan|pay|close  its buttons; after paying 303 to the merchant's return_url

For people: ``GET /`` all trades, ``GET /trades/{out_trade_no}`` one trade with its notices and a refund form.

Control API for tests. JSON in and out; amounts are yuan text, times ISO 8601 in UTC. 400 for unreadable
input, 404 for an unknown trade, 409 with ``sub_code`` and ``sub_msg`` for a refusal::

    GET  /control/state
        {"app_id", "seller_id", "now", "notifications_on", "bad_days": names of those that are on}
    GET  /control/trades
        {"trades": [trade...]}, the latest hundred, the newest first
    GET  /control/trades/{out_trade_no}
        a trade: what was asked for; trade_no and status, null until scanned; refunds; notices with their
        deliveries; the cashier's path
    POST /control/trades/{out_trade_no}/scan|pay|close
        what the buyer does; answers the trade
    POST /control/trades/{out_trade_no}/refund   {"amount"?, "out_request_no"?, "reason"?}
        from the merchant's console; all that is left without amount; answers the trade
    POST /control/keys                           {"app_public_key"?: PEM, "alipay_private_key"?: PEM}
        another key of the app, as from the merchant's console; another one of Alipay's own; until the simulator
        ends; answers both public halves
    POST /control/notifications                  {"on": bool}
        stop sending notices, or send them again, beginning with those that waited
    POST /control/notices/deliver                {"early": bool?}
        send what is due (early: all that is open) and wait; {"sent": n}
    POST /control/notices/{notify_id}/resend
        send one once more, in the background; answers the notice
    POST /control/notices/sign                   {"out_trade_no"?, "fields"?: {name: text or null}, "url"?}
        sign these very fields, or a genuine notice of that trade changed by them (null takes a field out):
        {"fields": signed, "form": body}; with url, the trade's own notify_url, it is posted there once and
        "delivery" tells the answer
    GET  /control/bad-days
        {"bad_days": [{"name", "explanation", "methods", "on", "method", "out_trade_no", "times_left",
        "struck"}...]}: all that can go wrong; "methods" are the gateway's where it can strike, none for
        notices; "times_left" null is always; "struck" counts since it was switched on
    POST /control/bad-days/{name}                {"on": bool, "times"?: n, "method"?, "out_trade_no"?}
        switch one: the next n times or always, at one method or all, for one order or all; answers it.
        Bills have "/trade" or "/signcustomer" after the method's name; the order is then the one whose line
        is spoiled, else the first line's
    POST /control/bad-days                       {"on": false}
        all off; answers as GET does
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from localstack.alipay import pages
from localstack.alipay.bad_days import BAD_DAYS
from localstack.alipay.bills import DOWNLOAD
from localstack.alipay.courier import as_letter
from localstack.alipay.gateway import PAGE_PAY, Fault
from localstack.alipay.trades import TRADE_SUCCESS, Refund, Refused, Trade, fen, yuan
from localstack.provider import control
from localstack.provider.book import NoSuchTrade
from localstack.provider.control import form_of, is_clean
from localstack.simulator_site import (
    Answer,
    SiteHandler,
    Unreadable,
    json_answer,
    json_object,
    parts_of,
    utc_text,
)

if TYPE_CHECKING:
    from localstack.alipay.simulator import AlipaySimulator


class Handler(SiteHandler):
    """The simulator's side of a connection."""

    server_version = "AlipaySimulator"
    largest_body = 256 * 1024


class Site:
    """The table of addresses: (method, path, query, body) -> Answer."""

    def __init__(self, simulator: AlipaySimulator) -> None:
        self._simulator = simulator

    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        """Answer one request. Whatever a client sends, it gets an answer below 500."""
        if path == "/gateway.do":
            return self._gateway(query, body)
        if path == DOWNLOAD:
            return self._bill(query)
        parts = parts_of(path)
        for_machines = parts[0] == "control"
        try:
            answer = (
                self._control(method, parts[1:], body) if for_machines else self._pages(method, parts, body)
            )
        except NoSuchTrade:
            answer = None
        except Refused as refused:
            if for_machines:
                return json_answer({"sub_code": refused.sub_code, "sub_msg": refused.sub_msg}, 409)
            return Answer(409, pages.refusal(refused.sub_code, refused.sub_msg))
        except Unreadable as trouble:
            if for_machines:
                return json_answer({"error": str(trouble)}, 400)
            return Answer(400, pages.refusal("参数错误", str(trouble)))
        if answer:
            return answer
        if for_machines:
            return json_answer({"error": "not found"}, 404)
        return Answer(404, pages.refusal("404", "页面不存在"))

    def _gateway(self, query: str, body: str) -> Answer:
        gateway = self._simulator.gateway
        if gateway.method(query, body) != PAGE_PAY:
            held = self._simulator.held_answers
            turn = held.turn
            reply = gateway.answer(query, body)
            if reply.slow:
                held.wait(turn)
            return Answer(200, reply.text, cut=reply.cut)
        try:
            trade = gateway.page_pay(query, body)
        except (Fault, Refused) as refused:
            return Answer(200, pages.refusal(refused.sub_code, refused.sub_msg))
        return Answer(302, location=_cashier(trade))

    def _bill(self, query: str) -> Answer:
        bill = self._simulator.bills.download(query)
        if bill is None:
            return Answer(200, pages.refusal("下载失败", "下载链接不存在，或已失效"))
        return Answer(200, bill, "application/octet-stream")

    # --- for people ----------------------------------------------------------------------------------------

    def _pages(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", ""):
                listed = [(trade, simulator.notices(trade.out_trade_no)) for trade in simulator.trades()]
                return Answer(
                    200,
                    pages.overview(listed, simulator.now(), simulator.notifications_on, simulator.bad_days()),
                )
            case ("GET", "trades", number):
                trade, notices = simulator.trade(number), simulator.notices(number)
                refunds = simulator.book.refunds(number)
                bad_days = simulator.bad_days()
                return Answer(200, pages.trade(trade, refunds, notices, simulator.now(), bad_days))
            case ("POST", "trades", number, ("scan" | "pay" | "close" | "refund") as action):
                self._act(number, action, form_of(body))
                return Answer(303, location=f"/trades/{quote(number)}")
            case ("GET", "cashier", token):
                trade = simulator.book.trade_at(token)
                back = trade.request_from_url or trade.return_url
                return Answer(200, pages.cashier(trade, simulator.now(), back))
            case ("POST", "cashier", token, ("scan" | "pay" | "close") as action):
                return self._cashier_button(simulator.book.trade_at(token), action)
        return control.buttons(simulator, BAD_DAYS, method, parts, body)

    def _cashier_button(self, trade: Trade, action: str) -> Answer:
        number = trade.out_trade_no
        try:
            trade = self._act(number, action, {})
        except Refused:
            # Somebody was faster, here or at the gateway: the page shows what is true now.
            trade = self._simulator.trade(number)
        back = self._simulator.return_url(number) if action == "pay" and trade.status == TRADE_SUCCESS else ""
        return Answer(303, location=back or _cashier(trade))

    def _act(self, number: str, action: str, values: dict[str, Any]) -> Trade:
        simulator = self._simulator
        if action == "refund":
            amount = values.get("amount") or None
            try:
                wanted = None if amount is None else fen(str(amount))
            except ValueError as error:
                raise Unreadable(f"amount: {error}") from None
            reason, request_no = values.get("reason", ""), values.get("out_request_no", "")
            if not is_clean(reason, 256) or not is_clean(request_no, 64):
                raise Unreadable("reason and out_request_no are short texts")
            simulator.refund(number, wanted, request_no, reason)
            return simulator.trade(number)
        do: Callable[[str], Trade] = {
            "scan": simulator.scan,
            "pay": simulator.pay,
            "close": simulator.close,
        }[action]
        return do(number)

    # --- for tests -----------------------------------------------------------------------------------------

    def _control(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", "state"):
                return json_answer(
                    {
                        "app_id": simulator.merchant.app_id,
                        "seller_id": simulator.merchant.seller_id,
                        "now": utc_text(simulator.now()),
                        "notifications_on": simulator.notifications_on,
                        "bad_days": [name for name, switch in simulator.bad_days().items() if switch.is_on],
                    }
                )
            case ("GET", "trades"):
                return json_answer({"trades": [self._trade(trade) for trade in simulator.trades()]})
            case ("GET", "trades", number):
                return json_answer(self._trade(simulator.trade(number)))
            case ("POST", "trades", number, ("scan" | "pay" | "close" | "refund") as action):
                return json_answer(self._trade(self._act(number, action, json_object(body))))
            case ("POST", "keys"):
                return json_answer(self._change_keys(json_object(body)))
            case ("POST", "notices", "sign"):
                return self._sign(json_object(body))
        return control.notices_and_bad_days(simulator, BAD_DAYS, method, parts, body)

    def _change_keys(self, wanted: dict[str, Any]) -> dict[str, str]:
        simulator = self._simulator
        change = {"app_public_key": simulator.register_app_key, "alipay_private_key": simulator.sign_with}
        for name, key in wanted.items():
            if name not in change or not isinstance(key, str):
                raise Unreadable(f"keys are texts named {' or '.join(change)}")
            try:
                change[name](key)
            except ValueError as error:
                raise Unreadable(f"{name}: {error}") from None
        return simulator.merchant.public_keys()

    def _sign(self, wanted: dict[str, Any]) -> Answer:
        number, changes, url = wanted.get("out_trade_no"), wanted.get("fields", {}), wanted.get("url")
        if not isinstance(number, (str, type(None))) or not isinstance(url, (str, type(None))):
            raise Unreadable("out_trade_no and url are texts")
        if not isinstance(changes, dict) or not all(
            value is None or is_clean(value, Handler.largest_body) for value in changes.values()
        ):
            raise Unreadable("fields is an object of texts, or null for a field to take out")
        # Nowhere else: whoever calls this could have the simulator post to any address.
        if url and not (number and url == self._simulator.trade(number).notify_url):
            raise Unreadable("url has to be the trade's own notify_url")
        fields = self._simulator.notice_fields(number) if number else {}
        fields = {name: text for name, text in (fields | changes).items() if text is not None}
        signed = self._simulator.sign_notice(fields)
        answer: dict[str, Any] = {"fields": signed, "form": urlencode(signed)}
        if url:
            answer["delivery"] = control.delivery_json(
                self._simulator.courier.send(url, as_letter(answer["form"]))
            )
        return json_answer(answer)

    def _trade(self, trade: Trade) -> dict[str, Any]:
        number = trade.out_trade_no
        return {
            "out_trade_no": number,
            "trade_no": trade.trade_no,
            "status": trade.status,
            "total_amount": yuan(trade.amount),
            "refund_fee": yuan(trade.refunded),
            "subject": trade.subject,
            "body": trade.body,
            "passback_params": trade.passback_params,
            "notify_url": trade.notify_url,
            "return_url": trade.return_url,
            "asked_at": utc_text(trade.asked_at),
            "expires_at": utc_text(trade.expires_at),
            "created_at": utc_text(trade.created_at),
            "paid_at": utc_text(trade.paid_at),
            "closed_at": utc_text(trade.closed_at),
            "cashier": _cashier(trade),
            "refunds": [_refund(refund) for refund in self._simulator.book.refunds(number)],
            "notices": [control.notice_json(notice) for notice in self._simulator.notices(number)],
        }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "out_request_no": refund.out_request_no,
        "amount": yuan(refund.amount),
        "reason": refund.reason,
        "refunded_at": utc_text(refund.refunded_at),
    }


def _cashier(trade: Trade) -> str:
    return f"/cashier/{trade.token}"
