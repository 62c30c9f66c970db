"""The simulator as one object: settings in, a running server, and a method for every need of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from localstack.alipay import signing
from localstack.alipay.bills import Bills
from localstack.alipay.book import Book
from localstack.alipay.courier import FormWriter, as_letter
from localstack.alipay.gateway import Gateway
from localstack.alipay.notices import Merchant, return_fields
from localstack.alipay.server import Handler, Site
from localstack.alipay.trades import TRADE_CLOSED, TRADE_SUCCESS, Refund, Trade, beijing
from localstack.provider.book import Clock, Delivery
from localstack.provider.courier import Courier
from localstack.provider.simulator import PaymentSimulator
from localstack.simulator_site import utc_now

RETRY_AFTER = (
    timedelta(minutes=4),
    timedelta(minutes=10),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=15),
)
LATE_BY = timedelta(minutes=10)


class AlipaySimulator(PaymentSimulator):
    """Alipay for one merchant's application, on 127.0.0.1.

    - ``app_public_key``, ``alipay_private_key``: PEM text, header lines optional. ValueError if malformed.
    - ``port``: 0 takes a free one. ``start`` raises OSError when the port is taken.
    - ``state``: an SQLite file in which trades and open notices survive a restart; in memory by default.
    - ``clock``: a callable that returns an aware UTC datetime.
    - ``retry_after``: the pauses between deliveries of a notice, Alipay's by default; ``retry_factor`` scales
      them (0.01 turns four minutes into 2.4 seconds), and by how much notices are late on a bad day.
    - ``notify_on``: the trade states that are told; refunds always are.
    - ``hold_limit``: for how many seconds slow answers are held at most.
    - ``background``: False sends notices only when ``deliver_due_notices`` is called.
    """

    def __init__(
        self,
        *,
        app_id: str,
        seller_id: str,
        app_public_key: str,
        alipay_private_key: str,
        seller_email: str = "seller@sandbox.example",
        port: int = 0,
        state: str | Path = ":memory:",
        clock: Clock = utc_now,
        retry_after: Sequence[timedelta] = RETRY_AFTER,
        retry_factor: float = 1.0,
        notify_on: Sequence[str] = (TRADE_SUCCESS, TRADE_CLOSED),
        background: bool = True,
        answer_time_limit: float = 15.0,
        hold_limit: float = 20.0,
    ) -> None:
        self.merchant = Merchant(
            app_id=app_id,
            seller_id=seller_id,
            seller_email=seller_email,
            app_public_key=signing.load_public_key(app_public_key),
            alipay_private_key=signing.load_private_key(alipay_private_key),
            notify_on=frozenset(notify_on),
        )
        pauses = tuple(pause * retry_factor for pause in retry_after)
        self.book = Book(state, self.merchant, clock, pauses, LATE_BY * retry_factor)
        self.bills = Bills(self.book, lambda: self.url)
        self.gateway = Gateway(self.book, self.bills)
        courier = Courier(self.book, FormWriter(self.merchant), answer_time_limit)
        super().__init__(Site(self), Handler, port, self.book, courier, background, hold_limit)

    @property
    def gateway_url(self) -> str:
        """The address of Alipay's gateway, for a merchant."""
        return f"{self.url}/gateway.do"

    # --- the buyer and the merchant's console --------------------------------------------------------------

    def open_cashier(self, pay_url: str) -> str:
        """Follow a pay URL as a browser does. Returns the order number; raises Fault and Refused."""
        return self.gateway.page_pay(urlsplit(pay_url).query, "").out_trade_no

    def scan(self, out_trade_no: str) -> Trade:
        """The buyer scans the code; see Book.scan."""
        return self._told(self.book.scan(out_trade_no))

    def pay(self, out_trade_no: str) -> Trade:
        """The buyer pays; see Book.pay. The notice leaves at once in the background."""
        return self._told(self.book.pay(out_trade_no))

    def close(self, out_trade_no: str) -> Trade:
        """The buyer gives up; see Book.close_by_buyer."""
        return self._told(self.book.close_by_buyer(out_trade_no))

    def refund(
        self, out_trade_no: str, amount: int | None = None, out_request_no: str = "", reason: str = ""
    ) -> Refund:
        """A refund from the merchant's console: ``amount`` fen, or all that is left. See Book.refund."""
        trade = self.book.trade(out_trade_no)
        request_no = out_request_no or f"console{len(self.book.refunds(out_trade_no)) + 1}"
        # With nothing left the whole amount is asked for, which is refused with the reason.
        wanted = amount if amount is not None else trade.refundable or trade.amount
        _, refund, _ = self.book.refund(out_trade_no, "", wanted, request_no, reason)
        self.courier.hurry()
        return refund

    def return_url(self, out_trade_no: str) -> str:
        """Where the browser is sent after paying, with signed parameters; "" when the merchant gave none."""
        trade = self.book.trade(out_trade_no)
        if not trade.return_url:
            return ""
        parameters = urlencode(return_fields(trade, self.now(), self.merchant))
        return trade.return_url + ("&" if "?" in trade.return_url else "?") + parameters

    def register_app_key(self, public_key: str) -> None:
        """The app's other key, put into Alipay's console: from now on it alone counts. Raises ValueError."""
        self.merchant.app_public_key = signing.load_public_key(public_key)

    def sign_with(self, private_key: str) -> None:
        """Alipay changes its own key: it signs what it sends by this one. Raises ValueError."""
        self.merchant.alipay_private_key = signing.load_private_key(private_key)

    # --- looking -------------------------------------------------------------------------------------------

    def trade(self, out_trade_no: str) -> Trade:
        """One payment that was asked for. Raises NoSuchTrade."""
        return self.book.trade(out_trade_no)

    def trades(self) -> list[Trade]:
        """The latest hundred payments asked for, the newest first."""
        return self.book.trades()

    # --- notices -------------------------------------------------------------------------------------------

    def notice_fields(self, out_trade_no: str) -> dict[str, str]:
        """Unsigned fields of a new notice about a trade as it is now, to be changed and signed by a test."""
        return {"notify_time": beijing(self.now()), **self.book.fields_now(out_trade_no)}

    def sign_notice(self, fields: Mapping[str, str]) -> dict[str, str]:
        """These very fields with Alipay's signature; a ``sign`` or ``sign_type`` among them is replaced."""
        return self.merchant.signed(dict(fields))

    def send_notice(self, url: str, fields: Mapping[str, str]) -> Delivery:
        """Sign these fields, post them, and return the merchant's answer. Nothing is retried."""
        return self.courier.send(url, as_letter(urlencode(self.sign_notice(fields))))

    def _told(self, trade: Trade) -> Trade:
        self.courier.hurry()
        return trade
