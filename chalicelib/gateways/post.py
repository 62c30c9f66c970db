"""The answers of whoever delivers SMS and mail, in the shop's words, and what the shop asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from chalicelib.deadline import Deadline

# What became of a sending


class Sent(Struct, frozen=True):
    """The provider has taken it, and calls it `biz_id`. Whether it arrives is told by its receipt."""

    biz_id: str


class Refused(Struct, frozen=True):
    """It was surely not sent; `code` is the provider's word.

    `is_final`: it will never be sent to this receiver, by this template. Otherwise it may be tried again later, with
    `needs_person` only after somebody has mended the account or its settings.
    """

    code: str
    is_final: bool
    needs_person: bool = False


class Unclear(Struct, frozen=True):
    """No answer, or none that can be trusted: it may have been sent, or not."""

    reason: str


SendState = Sent | Refused | Unclear

# What became of what was sent


class Delivered(Struct, frozen=True):
    """It arrived, `at` this time (UTC) if the provider told one."""

    at: datetime | None = None


class Failed(Struct, frozen=True):
    """It did not arrive and will not; `code` is the carrier's word."""

    code: str


class Waiting(Struct, frozen=True):
    """It is under way."""


class NotKnown(Struct, frozen=True):
    """The provider knows nothing of it, or does not know it yet: it finds a message some moments after it took it."""


ReceiptState = Delivered | Failed | Waiting | NotKnown | Unclear


class SmsSender(Protocol):
    """Sends SMS to mainland numbers of 11 digits, and finds out what became of them."""

    def send(
        self, number: str, template: str, parameters: Mapping[str, str], out_id: str, deadline: Deadline
    ) -> SendState:
        """Send the text of a registered template. `out_id` is the shop's own number of the message. Each call may
        send: after Unclear, look for its receipt first. One call. Raises ValueError for malformed arguments.
        """

    def find_receipt(
        self, number: str, biz_id: str | None, out_id: str, day: date, deadline: Deadline
    ) -> ReceiptState:
        """What became of the message `out_id`, handed over on this day in Beijing, at most 30 days ago. One call; one
        more for each 50 messages of the day to this number. Raises ValueError for malformed arguments.
        """


class MailSender(Protocol):
    """Sends mail. There is nobody who could be asked what became of it."""

    def send(
        self,
        to: str,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        unsubscribe_url: str | None,
        deadline: Deadline,
    ) -> SendState:
        """Send one mail, in plain text and in HTML. `message_id` is the shop's own, 1 to 64 letters, digits, `.`, `_`
        and `-`: mail servers know two mails by the same one for the same. `unsubscribe_url` takes a POST of one click.
        Raises ValueError for malformed arguments.
        """
