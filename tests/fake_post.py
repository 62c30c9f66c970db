"""Senders of SMS and mail for tests: they keep what they took, and answer as a test tells them.

An SMS that was taken has a receipt by its number; a mail leaves nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from chalicelib.deadline import Deadline
from chalicelib.errors import LeaseTaken
from chalicelib.flows import remind, send_messages
from chalicelib.gateways import Gateways
from chalicelib.gateways.post import (
    Delivered,
    NotKnown,
    ReceiptState,
    Refused,
    SendState,
    Sent,
    Unclear,
)
from chalicelib.settings import Settings, SmsSettings, settings
from chalicelib.shop import contact, work
from chalicelib.shop.message import Message
from chalicelib.shop.message_texts import MAIL, SMS, Event
from chalicelib.shop.reminder import Reminder
from chalicelib.shop.user import User
from chalicelib.shop.work import WorkItem
from chalicelib.storage.dynamodb import Transaction

CALLBACK_KEY = "the key of the callbacks"


@dataclass(frozen=True)
class TakenSms:
    """An SMS that left."""

    number: str
    template: str
    parameters: Mapping[str, str]
    out_id: str


@dataclass(frozen=True)
class TakenMail:
    """A mail that left."""

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    unsubscribe_url: str | None


@dataclass
class _Sender:
    bad_days: list[SendState | BaseException] = field(default_factory=list)
    """What the next calls answer in place of `Sent`."""
    takes_lost: bool = False
    """Whether a call with an unclear answer, or none, takes the message all the same."""
    calls: int = 0

    def answer(self, take: Callable[[], None]) -> SendState:
        self.calls += 1
        state: SendState | BaseException = self.bad_days.pop(0) if self.bad_days else Sent("biz-1")
        if isinstance(state, Sent) or (self.takes_lost and not isinstance(state, Refused)):
            take()
        if isinstance(state, BaseException):
            raise state
        return state


@dataclass
class FakeSms(_Sender):
    """Takes SMS, and knows those it took."""

    taken: list[TakenSms] = field(default_factory=list)
    receipt: ReceiptState = field(default_factory=Delivered)
    asked: int = 0

    def send(
        self, number: str, template: str, parameters: Mapping[str, str], out_id: str, deadline: Deadline
    ) -> SendState:
        return self.answer(lambda: self.taken.append(TakenSms(number, template, dict(parameters), out_id)))

    def is_callback_key(self, text: str) -> bool:
        return text == CALLBACK_KEY

    def find_receipt(
        self, number: str, biz_id: str | None, out_id: str, day: date, deadline: Deadline
    ) -> ReceiptState:
        self.asked += 1
        if isinstance(self.receipt, Unclear):
            return self.receipt
        return self.receipt if any(one.out_id == out_id for one in self.taken) else NotKnown()


@dataclass
class FakeMail(_Sender):
    """Takes mail."""

    taken: list[TakenMail] = field(default_factory=list)

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
        return self.answer(
            lambda: self.taken.append(TakenMail(to, subject, text, html, message_id, unsubscribe_url))
        )


def templates(shop: Settings) -> Settings:
    """The settings of a shop that has registered a template for every event's SMS."""
    names = {str(event): f"SMS_{number}" for number, event in enumerate(Event, 1000)}
    return shop.changed(sms=SmsSettings("id", "secret", "学校", "https://sms.test", names))


def confirm_contacts(user: User, now: datetime) -> None:
    """Give a user a number and an address of their own."""
    for channel, to in ((SMS, f"13{user.user_id % 10**9:09}"), (MAIL, f"l{user.user_id}@example.com")):
        transaction = Transaction()
        contact.confirm(transaction, user.user_id, None, channel, to, settings().contact_keys, now)
        transaction.commit(witness=lambda: False)


def send_due(item: WorkItem, gateways: Gateways, now: datetime, shop: Settings | None = None) -> None:
    """What the timer does with a message or a reminder that is due; nothing where it is not."""
    if item.due_at is None or item.due_at > now.timestamp():
        return
    with suppress(LeaseTaken):  # a repetition may meet what its own first try has written
        work.take_lease(item, now)
        if isinstance(item, Reminder):
            remind.process(item, gateways, now)
        if isinstance(item, Message):
            send_messages.process(item, gateways, now, settings=shop or templates(settings()))
