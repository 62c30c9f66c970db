"""The answers of every payment provider, in the shop's words. One class in one file for each provider, which alone
knows the provider's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable, NotificationRefused
from chalicelib.gateways.bills import Bill, BillLine, BillPending, FundLine, NoBill
from chalicelib.money import Fen

MAX_NOTIFICATION_BYTES = 32 * 1024
"""The most bytes of a provider's notification; a longer one is refused before it is decoded."""


class PageKind(StrEnum):
    """What the browser does with a pay page: go there, or show it as a QR code."""

    REDIRECT = "redirect"
    QR = "qr"


class PayPage(Struct, frozen=True):
    """Where a learner pays: an address to go to, or the text of a QR code."""

    kind: PageKind
    text: str


class BridgeCall(Struct, frozen=True):
    """What a page within the provider's app hands to it, by these names, to have the buyer pay."""

    members: Mapping[str, str]


# What became of an order at its provider


class Paid(Struct, frozen=True):
    """The provider has received the whole amount (fen) by the trade `number`, which it names `trade_no`."""

    provider: str
    number: str
    trade_no: str
    amount: Fen
    paid_at: datetime | None


class Unpaid(Struct, frozen=True):
    """The trade exists and waits for its buyer."""


class Closed(Struct, frozen=True):
    """The trade was closed without ever being paid."""


class Refunded(Struct, frozen=True):
    """The trade was paid and then refunded in full."""

    payment: Paid


class NotKnown(Struct, frozen=True):
    """The provider knows no such trade: nobody has begun to pay (yet)."""


class TooLate(Struct, frozen=True):
    """The trade can no longer be closed: it was paid or closed meanwhile. Query it."""


class Unclear(Struct, frozen=True):
    """No answer, or none that can be trusted. It says nothing about the trade or refund.

    `needs_person`: asking again will not help.
    """

    reason: str
    needs_person: bool = False


TradeState = Paid | Unpaid | Closed | Refunded | NotKnown | Unclear
CloseState = Closed | NotKnown | TooLate | Unclear


# Refunds


class RefundRequest(Struct, frozen=True):
    """One refund of the trade `number`: `amount` of its `total` (fen). A `request_no` is refunded once, however often
    it is sent. `trade_no` is None where it is not known.
    """

    number: str
    trade_no: str | None
    request_no: str
    amount: Fen
    total: Fen
    reason: str


class RefundDone(Struct, frozen=True):
    """The provider has executed the refund."""


class RefundPending(Struct, frozen=True):
    """The refund is under way, or was never asked for: ask `refund_state`, not before `ask_refund_after`.

    `is_known`: the provider says that it is under way. It may take days.
    """

    is_known: bool = False


class RefundStuck(Struct, frozen=True):
    """The provider has the refund and cannot hand the money over. A person must act at the provider; then it may still
    be executed.
    """


class RefundClosed(Struct, frozen=True):
    """The provider has given the refund up: no money went back, and none will under this request number. Another try
    wants a new one.
    """


class RefundRefused(Struct, frozen=True):
    """The provider will not refund. Sending the same again will not help."""

    reason: str


RefundState = RefundDone | RefundPending | RefundRefused | RefundStuck | RefundClosed | Unclear


# Notifications


class Told(StrEnum):
    """The event that a notification tells of its trade."""

    WAITING = "waiting"
    RECEIVED = "received"
    REFUNDED_IN_PART = "refunded in part"
    REFUNDED_WHOLE = "refunded whole"
    REFUND_STUCK = "refund stuck"
    """A refund waits for a person at the provider."""
    REFUND_CLOSED = "refund closed"
    """A refund was given up: no money went back."""
    CLOSED = "closed"
    UNHEARD = "unheard"


class Notification(Struct, frozen=True):
    """A notification whose form, signature and merchant are right. `told` is what the provider's `word` means.

    `number` is the shop's of the trade, `trade_no` the provider's.
    Amounts in fen: `amount` is the trade's, `refunded` what the provider says of a refund (0 where it tells of none),
    by the request `request_no` (None where it names none). `is_total`: that is the running total of all the trade's
    refunds; else it is this refund's own amount.
    """

    provider: str
    notify_id: str
    number: str
    trade_no: str
    word: str
    told: Told
    amount: Fen
    paid_at: datetime | None
    refunded: Fen
    request_no: str | None
    is_total: bool

    def payment(self) -> Paid:
        """The payment that the notification tells of, or implies."""
        return Paid(self.provider, self.number, self.trade_no, self.amount, self.paid_at)


class Receipt(Struct, frozen=True):
    """The answer to a notification: HTTP status, body and its media type."""

    status: int
    body: str
    media_type: str = "text/plain"


_Line = TypeVar("_Line")

BillState = Bill[_Line] | BillPending | NoBill | Unclear
"""What became of asking for a bill with such lines."""


class PaymentProvider(Protocol):
    """One merchant account at a payment provider. It returns the values above and raises the errors named here, nothing
    else.
    """

    name: str
    """The code by which orders and payments name the provider; its file here has the same name."""
    ask_refund_after: timedelta
    """How long to wait before a refund is queried."""
    refund_takes: timedelta
    """How long a refund may be under way before a person is told."""
    tells_totals: bool
    """Whether its notifications of refunds tell the running total of the trade, as `Notification.is_total`."""

    def check(self) -> None:
        """Load all keys. Raises InvalidSetting, which names the one that is wrong. No call."""

    def pay_page(
        self, number: str, amount: Fen, title: str, expires_at: datetime, deadline: Deadline
    ) -> PayPage:
        """The page on which the trade of this number, of `amount` fen (1 at least), is paid until `expires_at`.
        Repeating it gives a page for the same trade. Raises GatewayUnavailable.
        """

    def query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        """The state of the trade of this number, of `amount` fen."""

    def close(self, number: str, deadline: Deadline) -> CloseState:
        """Close the unpaid trade of this number."""

    def refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Refund, once for the request's number."""

    def refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """The state of a refund that may have been asked for."""

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """The payments and refunds of a day in Beijing."""

    def fund_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[FundLine]:
        """The movements of the merchant's account on a day in Beijing."""

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read and check a notification; names of headers are in lower case. The order and its amount are for the
        caller to check. Raises NotificationRefused; its check is `fields` only when the signature holds.
        """

    def told(self, word: str, amount: Fen, refunded: Fen) -> Told:
        """The event behind the provider's `word`; UNHEARD for an unknown word."""

    def receipt(self, is_taken: bool) -> Receipt:
        """The answer to a notification; one that is not taken is sent again."""

    def parse_return(self, fields: Mapping[str, str]) -> str:
        """The number of the trade whose query the browser comes back with. It proves nothing about the payment: anybody
        can send it again. Raises NotificationRefused.
        """


class NotSetUp:
    """A provider at which this shop has no account, as of orders of the old system: it cannot be asked."""

    ask_refund_after = timedelta()
    refund_takes = timedelta()
    tells_totals = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._unclear = Unclear(f"it is to be paid by {name}, which cannot be asked", needs_person=True)
        self._refused = RefundRefused(
            f"it was paid by {name}, which cannot be asked: refund it where it was paid"
        )

    def check(self) -> None:
        """Nothing to load."""

    def pay_page(
        self, number: str, amount: Fen, title: str, expires_at: datetime, deadline: Deadline
    ) -> PayPage:
        """Raises GatewayUnavailable."""
        raise GatewayUnavailable(gateway=self.name, reason="not set up")

    def query(self, number: str, amount: Fen, deadline: Deadline) -> TradeState:
        """Unclear; a person must act."""
        return self._unclear

    def close(self, number: str, deadline: Deadline) -> CloseState:
        """Unclear; a person must act."""
        return self._unclear

    def refund(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Refused; a person must act."""
        return self._refused

    def refund_state(self, request: RefundRequest, deadline: Deadline) -> RefundState:
        """Refused; a person must act."""
        return self._refused

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """Unclear; a person must act."""
        return Unclear(f"{self.name} cannot be asked for bills", needs_person=True)

    def fund_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[FundLine]:
        """Unclear; a person must act."""
        return Unclear(f"{self.name} cannot be asked for bills", needs_person=True)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Raises NotificationRefused."""
        raise NotificationRefused(check="provider")

    def told(self, word: str, amount: Fen, refunded: Fen) -> Told:
        """Always UNHEARD."""
        return Told.UNHEARD

    def receipt(self, is_taken: bool) -> Receipt:
        """Not found."""
        return Receipt(404, "")

    def parse_return(self, fields: Mapping[str, str]) -> str:
        """Raises NotificationRefused."""
        raise NotificationRefused(check="provider")
