"""HTTP around the simulator: API v3, WeChat's authorisation, the cashier, the page for people, and the control API.

For merchants: ``/v3/...`` (gateway.py), and of WeChat itself::

    GET  /connect/oauth2/authorize?appid&redirect_uri&response_type=code&scope=snsapi_base&state
                                              302 back with ``code`` and ``state``
    GET  /sns/oauth2/access_token?appid&secret&code&grant_type=authorization_code
                                              {"openid"...}, or {"errcode", "errmsg"}

For buyers::

    GET  /scan, /scan?code={text of a QR code}    a scanner; with a code 302 to the cashier
    GET  /cgi-bin/mmpayweb-bin/checkmweb?prepay_id&redirect_url?    where ``h5_url`` leads: the cashier
    GET  /bridge.js                               gives any browser a ``WeixinJSBridge``, by POST /bridge/check|pay
    GET  /cashier/{token}, POST /cashier/{token}/pay

For people: ``GET /`` all trades, ``GET /trades/{out_trade_no}`` one trade, its refunds and notices.

Control API for tests. JSON in and out; amounts are whole fen, times ISO 8601 in UTC. 400 for unreadable input, 404 for
an unknown trade, 409 with ``code`` and ``message`` for a refusal::

    GET  /control/state                           {"app_id", "mchid", "merchant_serial", "public_key_id", "now",
                                                  "notifications_on", "bad_days"}
    GET  /control/trades, /control/trades/{out_trade_no}
    POST /control/trades/{out_trade_no}/pay       the buyer pays; answers the trade
    POST /control/trades/{out_trade_no}/refund    {"amount"?, "reason"?}: from the merchant's console
    POST /control/refunds/{out_refund_no}/end     {"status": "SUCCESS", "CLOSED" or "ABNORMAL"}: answers the trade
    POST /control/certificate                     {"public_key", "serial"}: the merchant's, PEM, alone from now on
    POST /control/public-key                      {"private_key", "id"}: WeChat Pay signs by it from now on
    POST /control/platform-key                    {"private_key", "serial"}: of a platform certificate; {}: no more
    POST /control/api-v3-key, /control/app-secret {"key"}, {"secret"}: set anew in the console; all these until the
                                                  simulator ends, and they answer the state
    /control/notifications, /control/notices/..., /control/bad-days/...    as Alipay's simulator has them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from localstack.provider import control
from localstack.provider.book import NoSuchTrade
from localstack.provider.control import form_of, is_clean, notice_json
from localstack.simulator_site import (
    Answer,
    SiteHandler,
    Unreadable,
    json_answer,
    json_object,
    parts_of,
    utc_text,
)
from localstack.wechat import pages
from localstack.wechat.bad_days import BAD_DAYS
from localstack.wechat.gateway import code_url, prepay_id
from localstack.wechat.trades import ABNORMAL, CLOSED, SUCCESS, Refund, Refused, Trade, fen, yuan

if TYPE_CHECKING:
    from localstack.wechat.simulator import WechatSimulator


class Handler(SiteHandler):
    """The simulator's side of a connection."""

    server_version = "WechatSimulator"
    largest_body = 256 * 1024

    def _asked(self, path: str, query: str, body: str) -> Answer:
        site = self.server.site
        assert isinstance(site, Site)
        return site.respond(self.command, path, query, body, self._lower_headers())


class Site:
    """The table of addresses."""

    def __init__(self, simulator: WechatSimulator) -> None:
        self._simulator = simulator

    def respond(
        self, method: str, path: str, query: str, body: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Answer one request. Whatever a client sends, it gets an answer below 500, but for bad days."""
        if path.startswith("/v3/"):
            return self._api(method, path, query, body, headers or {})
        parts = parts_of(path)
        for_machines = parts[0] == "control"
        try:
            answer = (
                self._control(method, parts[1:], body)
                if for_machines
                else self._wechat(method, path, query) or self._pages(method, parts, query, body)
            )
        except NoSuchTrade:
            answer = None
        except Refused as refused:
            if for_machines:
                return json_answer({"code": refused.code, "message": refused.message}, 409)
            return Answer(409, pages.refusal(refused.code, refused.message))
        except Unreadable as trouble:
            if for_machines:
                return json_answer({"error": str(trouble)}, 400)
            return Answer(400, pages.refusal("参数错误", str(trouble)))
        if answer:
            return answer
        if for_machines:
            return json_answer({"error": "not found"}, 404)
        return Answer(404, pages.refusal("404", "页面不存在"))

    def _api(self, method: str, path: str, query: str, body: str, headers: Mapping[str, str]) -> Answer:
        held = self._simulator.held_answers
        turn = held.turn
        reply = self._simulator.gateway.answer(method, path, query, body, headers)
        if reply.slow:
            held.wait(turn)
        return Answer(
            reply.status,
            reply.body,
            "application/json; charset=utf-8",
            cut=reply.cut,
            headers=tuple(reply.headers.items()),
        )

    # --- WeChat's authorisation ----------------------------------------------------------------------------

    def _wechat(self, method: str, path: str, query: str) -> Answer | None:
        given = dict(parse_qsl(query, keep_blank_values=True))
        simulator = self._simulator
        if (method, path) == ("GET", "/connect/oauth2/authorize"):
            back = given.get("redirect_uri", "")
            right = {"appid": simulator.merchant.app_id, "response_type": "code", "scope": "snsapi_base"}
            state = given.get("state", "")
            if right.items() - given.items() or not urlsplit(back).hostname or not state.isalnum():
                raise Unreadable("appid, redirect_uri, response_type, scope or state is wrong")
            joint = "&" if urlsplit(back).query else "?"
            return Answer(
                302, location=f"{back}{joint}{urlencode({'code': simulator.new_code(), 'state': state})}"
            )
        if (method, path) == ("GET", "/sns/oauth2/access_token"):
            right = {
                "appid": simulator.merchant.app_id,
                "secret": simulator.merchant.app_secret,
                "grant_type": "authorization_code",
            }
            if right.items() - given.items():
                return json_answer({"errcode": 40125, "errmsg": "invalid appsecret"})
            openid = simulator.openid_of(given.get("code", ""))
            if openid is None:
                return json_answer({"errcode": 40029, "errmsg": "invalid code"})
            return json_answer(
                {"access_token": "ACCESS", "expires_in": 7200, "openid": openid, "scope": "snsapi_base"}
            )
        return None

    # --- for people ----------------------------------------------------------------------------------------

    def _pages(self, method: str, parts: list[str], query: str, body: str) -> Answer | None:
        simulator = self._simulator
        given = dict(parse_qsl(query, max_num_fields=20))
        match (method, *parts):
            case ("GET", ""):
                listed = [(trade, simulator.notices(trade.out_trade_no)) for trade in simulator.trades()]
                return Answer(
                    200,
                    pages.overview(listed, simulator.now(), simulator.notifications_on, simulator.bad_days()),
                )
            case ("GET", "scan"):
                if "code" in given:
                    return Answer(302, location=_cashier(simulator.scan(given["code"])))
                return Answer(200, pages.scanner(simulator.trades(), simulator.now()))
            case ("GET", "cgi-bin", "mmpayweb-bin", "checkmweb"):
                trade = simulator.prepaid(given.get("prepay_id", ""))
                back = given.get("redirect_url", "")
                return Answer(200, pages.cashier(trade, simulator.now(), _web_address(back)))
            case ("GET", "bridge.js"):
                return Answer(200, pages.BRIDGE, "text/javascript;charset=utf-8", open=True)
            case ("POST", "bridge", ("check" | "pay") as action):
                return self._bridge(action, form_of(body))
            case ("GET", "trades", number):
                trade, notices = simulator.trade(number), simulator.notices(number)
                refunds, bad_days = simulator.book.refunds(number), simulator.bad_days()
                return Answer(200, pages.trade(trade, refunds, notices, simulator.now(), bad_days))
            case ("POST", "trades", number, ("pay" | "refund") as action):
                self._act(number, action, form_of(body))
                return Answer(303, location=f"/trades/{quote(number)}")
            case ("POST", "refunds", number, "end"):
                refund = self._end(number, form_of(body))
                return Answer(303, location=f"/trades/{quote(refund.out_trade_no)}")
            case ("GET", "cashier", token):
                return Answer(200, pages.cashier(simulator.book.trade_at(token), simulator.now(), ""))
            case ("POST", "cashier", token, "pay"):
                trade = simulator.book.trade_at(token)
                # Somebody may be faster: the page shows what is true now.
                if trade.is_payable(simulator.now()):
                    simulator.pay(trade.out_trade_no)
                back = _web_address(str(form_of(body).get("back", "")))
                return Answer(303, location=back or _cashier(trade))
        return control.buttons(simulator, BAD_DAYS, method, parts, body)

    def _bridge(self, action: str, members: dict[str, Any]) -> Answer:
        try:
            trade = self._simulator.bridged(members)
            if action == "pay":
                self._simulator.pay(trade.out_trade_no)
        except (Refused, NoSuchTrade) as refused:
            return json_answer({"error": str(refused)}, open=True)
        return json_answer({"description": trade.description, "amount": yuan(trade.amount)}, open=True)

    def _act(self, number: str, action: str, wanted: dict[str, Any]) -> Trade:
        simulator = self._simulator
        if action == "pay":
            return simulator.pay(number)
        amount, reason = wanted.get("amount") or None, wanted.get("reason", "")
        if isinstance(amount, str):
            try:
                amount = fen(amount)
            except ValueError as error:
                raise Unreadable(f"amount: {error}") from None
        if not isinstance(amount, (int, type(None))) or isinstance(amount, bool) or not is_clean(reason, 80):
            raise Unreadable("amount is whole fen, reason a short text")
        simulator.refund(number, amount, reason)
        return simulator.trade(number)

    def _end(self, number: str, wanted: dict[str, Any]) -> Refund:
        if wanted.get("status") not in (SUCCESS, CLOSED, ABNORMAL):
            raise Unreadable("status is SUCCESS, CLOSED or ABNORMAL")
        return self._simulator.end_refund(number, wanted["status"])

    # --- for tests -----------------------------------------------------------------------------------------

    def _control(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", "state"):
                return self._state()
            case (
                "POST",
                ("certificate" | "public-key" | "platform-key" | "api-v3-key" | "app-secret") as which,
            ):
                self._change_key(which, json_object(body))
                return self._state()
            case ("GET", "trades"):
                return json_answer({"trades": [self._trade(trade) for trade in simulator.trades()]})
            case ("GET", "trades", number):
                return json_answer(self._trade(simulator.trade(number)))
            case ("POST", "trades", number, ("pay" | "refund") as action):
                return json_answer(self._trade(self._act(number, action, json_object(body))))
            case ("POST", "refunds", number, "end"):
                refund = self._end(number, json_object(body))
                return json_answer(self._trade(simulator.trade(refund.out_trade_no)))
        return control.notices_and_bad_days(simulator, BAD_DAYS, method, parts, body)

    def _state(self) -> Answer:
        simulator = self._simulator
        merchant = simulator.merchant
        return json_answer(
            {
                "app_id": merchant.app_id,
                "mchid": merchant.merchant_id,
                "merchant_serial": merchant.merchant_serial,
                "public_key_id": merchant.public_key_id,
                "now": utc_text(simulator.now()),
                "notifications_on": simulator.notifications_on,
                "bad_days": [name for name, switch in simulator.bad_days().items() if switch.is_on],
            }
        )

    def _change_key(self, which: str, wanted: dict[str, Any]) -> None:
        simulator = self._simulator
        if (which, wanted) == ("platform-key", {}):
            simulator.merchant.signs_with_platform_key = False
            return
        changes: dict[str, tuple[tuple[str, ...], Callable[..., None]]] = {
            "certificate": (("public_key", "serial"), simulator.change_certificate),
            "public-key": (("private_key", "id"), simulator.sign_with),
            "platform-key": (("private_key", "serial"), simulator.sign_with_platform_key),
            "api-v3-key": (("key",), simulator.change_api_v3_key),
            "app-secret": (("secret",), simulator.change_app_secret),
        }
        names, change = changes[which]
        given = [wanted.get(name) for name in names]
        if wanted.keys() != set(names) or not all(text and is_clean(text, 8192) for text in given):
            raise Unreadable(f"wanted: {' and '.join(names)}, texts")
        try:
            change(*given)
        except ValueError as error:
            raise Unreadable(str(error)) from None

    def _trade(self, trade: Trade) -> dict[str, Any]:
        number = trade.out_trade_no
        return {
            "out_trade_no": number,
            "transaction_id": trade.transaction_id,
            "trade_type": trade.trade_type,
            "state": trade.state,
            "amount": trade.amount,
            "refunded": trade.refunded,
            "description": trade.description,
            "notify_url": trade.notify_url,
            "asked_at": utc_text(trade.asked_at),
            "expires_at": utc_text(trade.expires_at),
            "paid_at": utc_text(trade.paid_at),
            "closed_at": utc_text(trade.closed_at),
            "code_url": code_url(trade),
            "prepay_id": prepay_id(trade),
            "cashier": _cashier(trade),
            "refunds": [
                {
                    "out_refund_no": refund.out_refund_no,
                    "amount": refund.amount,
                    "status": refund.status,
                    "reason": refund.reason,
                    "created_at": utc_text(refund.created_at),
                    "ended_at": utc_text(refund.ended_at),
                }
                for refund in self._simulator.book.refunds(number)
            ],
            "notices": [notice_json(notice) for notice in self._simulator.notices(number)],
        }


def _cashier(trade: Trade) -> str:
    return f"/cashier/{trade.token}"


def _web_address(text: str) -> str:
    """An address to send a browser to, "" for any other text."""
    return text if text.startswith(("http://", "https://")) and text.isascii() and text.isprintable() else ""
