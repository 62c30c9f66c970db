"""The simulator as one object: settings in, a running server, and a method for every need of a test."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localstack.provider.book import Clock, Delivery, NoSuchTrade
from localstack.provider.courier import Courier
from localstack.provider.keys import load_private_key, load_public_key
from localstack.provider.simulator import PaymentSimulator
from localstack.simulator_site import utc_now
from localstack.wechat.book import OPENID, Book
from localstack.wechat.gateway import Gateway
from localstack.wechat.notices import NoticeWriter, payment_event, refund_event
from localstack.wechat.server import Handler, Site
from localstack.wechat.signing import Merchant
from localstack.wechat.trades import JSAPI, NATIVE, SUCCESS, Refund, Refused, Trade, rfc3339

RETRY_AFTER = tuple(
    timedelta(seconds=seconds)
    for seconds in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
)
LATE_BY = timedelta(minutes=10)
CODE_LIFE = timedelta(minutes=5)
_CODE_PREFIX, _PREPAY_PREFIX = "weixin://wxpay/bizpayurl?pr=", "wx"


class WechatSimulator(PaymentSimulator):
    """WeChat Pay for one merchant, and WeChat's authorisation for its official account, on 127.0.0.1.

    - ``merchant_public_key``, ``private_key`` (WeChat Pay's): PEM text. ValueError if malformed.
    - ``platform_key``, ``platform_serial``: those of a platform certificate, for a merchant who changes over; see
      ``Merchant.signs_with_platform_key``.
    - ``port``, ``state``, ``clock``, ``retry_after``, ``retry_factor``, ``hold_limit``, ``background``: as Alipay's.
    - ``refund_takes``: how long a refund is under way.
    """

    def __init__(
        self,
        *,
        app_id: str,
        merchant_id: str,
        merchant_serial: str,
        merchant_public_key: str,
        public_key_id: str,
        private_key: str,
        api_v3_key: str,
        app_secret: str = "",
        platform_key: str = "",
        platform_serial: str = "",
        port: int = 0,
        state: str | Path = ":memory:",
        clock: Clock = utc_now,
        retry_after: Sequence[timedelta] = RETRY_AFTER,
        retry_factor: float = 1.0,
        refund_takes: timedelta = timedelta(seconds=5),
        background: bool = True,
        answer_time_limit: float = 5.0,
        hold_limit: float = 20.0,
    ) -> None:
        self.merchant = Merchant(
            app_id=app_id,
            merchant_id=merchant_id,
            merchant_serial=merchant_serial,
            merchant_public_key=load_public_key(merchant_public_key),
            public_key_id=public_key_id,
            private_key=load_private_key(private_key),
            api_v3_key=_api_v3_key(api_v3_key),
            app_secret=app_secret,
            platform_serial=platform_serial,
            platform_key=load_private_key(platform_key) if platform_key else None,
        )
        pauses = tuple(pause * retry_factor for pause in retry_after)
        self.book = Book(state, self.merchant, clock, pauses, LATE_BY * retry_factor, refund_takes)
        self.gateway = Gateway(self.book, lambda: self.url)
        self._writer = NoticeWriter(self.merchant)
        self._codes: dict[str, datetime] = {}
        self._codes_lock = threading.Lock()
        courier = Courier(self.book, self._writer, answer_time_limit)
        super().__init__(Site(self), Handler, port, self.book, courier, background, hold_limit)

    # --- the buyer and the merchant's console --------------------------------------------------------------

    def scan(self, code: str) -> Trade:
        """The trade behind the text of a QR code. Raises NoSuchTrade."""
        return self._at(code, _CODE_PREFIX, NATIVE)

    def prepaid(self, number: str) -> Trade:
        """The trade behind a ``prepay_id``. Raises NoSuchTrade."""
        return self._at(number, _PREPAY_PREFIX)

    def bridged(self, members: Mapping[str, Any]) -> Trade:
        """The trade that a page within WeChat asks to pay. Raises NoSuchTrade, and Refused SIGN_ERROR."""
        told = {name: str(value) for name, value in members.items()}
        if told.get("appId") != self.merchant.app_id or not self.merchant.is_page_signature(told):
            raise Refused("SIGN_ERROR")
        return self._at(told["package"], f"prepay_id={_PREPAY_PREFIX}", JSAPI)

    def pay(self, out_trade_no: str) -> Trade:
        """The buyer pays; see Book.pay. The notice leaves at once in the background."""
        trade = self.book.pay(out_trade_no)
        self.courier.hurry()
        return trade

    def refund(self, out_trade_no: str, amount: int | None = None, reason: str = "") -> Refund:
        """A refund from the merchant's console: ``amount`` fen, or all that is left. See Book.refund."""
        trade = self.book.trade(out_trade_no)
        number = f"console{out_trade_no}{len(self.book.refunds(out_trade_no)) + 1}"
        wanted = amount if amount is not None else trade.refundable or trade.amount
        by = ("out_trade_no", out_trade_no)
        _, refund = self.book.refund(by, wanted, trade.amount, number, reason, "", SUCCESS)
        return refund

    def end_refund(self, out_refund_no: str, status: str) -> Refund:
        """A refund comes to this end now; see Book.end_refund."""
        refund = self.book.end_refund(out_refund_no, status)
        self.courier.hurry()
        return refund

    def new_code(self) -> str:
        """A code of WeChat's authorisation, as a browser brings it to the merchant: good once, for five minutes."""
        code = secrets.token_urlsafe(24)
        with self._codes_lock:
            self._codes[code] = self.now()
        return code

    def openid_of(self, code: str) -> str | None:
        """The openid behind a code, which is used up by it; None for one that is not good (any more)."""
        with self._codes_lock:
            made_at = self._codes.pop(code, None)
        return OPENID if made_at and self.now() - made_at <= CODE_LIFE else None

    # --- keys that are changed -----------------------------------------------------------------------------

    def change_certificate(self, public_key: str, serial: str) -> None:
        """The merchant's certificate of this number, and no other, is good from now on. Raises ValueError."""
        self.merchant.merchant_public_key = load_public_key(public_key)
        self.merchant.merchant_serial = serial

    def sign_with(self, private_key: str, key_id: str) -> None:
        """WeChat Pay signs what it sends by this key, whose public half has this id. Raises ValueError."""
        self.merchant.private_key = load_private_key(private_key)
        self.merchant.public_key_id = key_id

    def sign_with_platform_key(self, private_key: str, serial: str) -> None:
        """As to a merchant who has not changed over: WeChat Pay signs by the key of the platform certificate of this
        number. Raises ValueError.
        """
        self.merchant.platform_key, self.merchant.platform_serial = load_private_key(private_key), serial
        self.merchant.signs_with_platform_key = True

    def change_api_v3_key(self, key: str) -> None:
        """The key by which notices are encrypted from now on. Raises ValueError."""
        self.merchant.api_v3_key = _api_v3_key(key)

    def change_app_secret(self, secret: str) -> None:
        """The official account's other secret: from now on it alone counts."""
        self.merchant.app_secret = secret

    # --- looking -------------------------------------------------------------------------------------------

    def trade(self, out_trade_no: str) -> Trade:
        """One trade. Raises NoSuchTrade."""
        return self.book.trade(out_trade_no)

    def trades(self) -> list[Trade]:
        """The latest hundred trades, the newest first."""
        return self.book.trades()

    # --- notices -------------------------------------------------------------------------------------------

    def event(self, out_trade_no: str, refund: Refund | None = None) -> dict[str, Any]:
        """The event of a trade as it is now, or of one of its refunds, to be changed and sent by a test."""
        trade = self.trade(out_trade_no)
        event = refund_event(trade, refund, self.merchant) if refund else payment_event(trade, self.merchant)
        return event | {"create_time": rfc3339(self.now())}

    def send_event(self, url: str, event: dict[str, Any], notify_id: str = "EV-TEST") -> Delivery:
        """Encrypt, sign and post an event, and return the merchant's answer. Nothing is retried."""
        return self.courier.send(url, self._writer.letter(notify_id, event, self.now()))

    def _at(self, text: str, prefix: str, trade_type: str = "") -> Trade:
        if not text.startswith(prefix):
            raise NoSuchTrade(text)
        trade = self.book.trade_at(text.removeprefix(prefix))
        if trade_type and trade.trade_type != trade_type:
            raise NoSuchTrade(text)
        return trade


def _api_v3_key(text: str) -> bytes:
    key = text.encode()
    if len(key) != 32:
        raise ValueError("the APIv3 key has 32 characters")
    return key
