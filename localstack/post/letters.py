"""What has left: the latest SMS and mails, in memory, with what became of each."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

Clock = Callable[[], datetime]

DELIVERED, FAILED, WAITING = "delivered", "failed", "waiting"
MOST_KEPT = 1000
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=10))
"""Between the deliveries of a push that was not taken; after the last it is given up."""
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])", re.ASCII)


class NotFound(Exception):
    """There is no such SMS, mail or code."""


@dataclass
class Push:
    """A receipt, or a reply, on its way to the shop."""

    kind: str
    row: Mapping[str, object]
    next_at: datetime | None
    answers: list[str] = field(default_factory=list)
    is_taken: bool = False


@dataclass
class Sms:
    """An SMS that has left. ``due_at``: when the carrier tells what became of it, None for never."""

    biz_id: str
    number: str
    template: str
    parameters: Mapping[str, str]
    text: str
    out_id: str
    sent_at: datetime
    due_at: datetime | None
    outcome: str
    code: str
    push: Push | None = None

    def state(self, now: datetime) -> str:
        """DELIVERED, FAILED or WAITING."""
        return self.outcome if self.due_at and now >= self.due_at else WAITING


@dataclass(frozen=True)
class Mail:
    """A mail that was taken."""

    id: str
    sender: str
    to: str
    raw: bytes
    sent_at: datetime

    @property
    def message(self) -> EmailMessage:
        """It, parsed."""
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, kind: str) -> str:
        """The text of its part ``plain`` or ``html``; "" where it has none."""
        body = self.message.get_body((kind,))
        return str(body.get_content()).replace("\r\n", "\n") if body else ""


class Letters:
    """All that has left, the newest last. Threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self.lock = threading.RLock()
        self._sms: list[Sms] = []
        self._mails: list[Mail] = []
        self._replies: list[Push] = []

    def add_sms(
        self,
        number: str,
        template: str,
        parameters: Mapping[str, str],
        text: str,
        out_id: str,
        told_after: timedelta | None,
        outcome: str,
        code: str,
        is_pushed: bool,
    ) -> Sms:
        """Let an SMS leave now."""
        now = self.now()
        due = None if told_after is None else now + told_after
        biz_id = f"{secrets.randbelow(10**18):018}^{secrets.randbelow(10)}"
        sms = Sms(biz_id, number, template, parameters, text, out_id, now, due, outcome, code)
        if is_pushed and due:
            sms.push = Push("receipts", {}, due)
        with self.lock:
            self._sms = [*self._sms[1 - MOST_KEPT :], sms]
        return sms

    def add_mail(self, sender: str, to: str, raw: bytes) -> Mail:
        """Take a mail now."""
        mail = Mail(secrets.token_hex(8), sender, to, raw, self.now())
        with self.lock:
            self._mails = [*self._mails[1 - MOST_KEPT :], mail]
        return mail

    def add_reply(self, row: Mapping[str, object]) -> Push:
        """Let somebody reply now."""
        push = Push("replies", row, self.now())
        with self.lock:
            self._replies = [*self._replies[1 - MOST_KEPT :], push]
        return push

    def sms(self, number: str = "") -> list[Sms]:
        """All SMS, or those to one number."""
        with self.lock:
            return [sms for sms in self._sms if number in ("", sms.number)]

    def mails(self, to: str = "") -> list[Mail]:
        """All mails, or those to one address."""
        with self.lock:
            return [mail for mail in self._mails if to in ("", mail.to)]

    def replies(self) -> list[Push]:
        """All replies."""
        with self.lock:
            return list(self._replies)

    def end(self, biz_id: str, outcome: str, code: str) -> Sms:
        """Let the carrier tell now what became of an SMS. Raises NotFound."""
        with self.lock:
            found = next((sms for sms in self._sms if sms.biz_id == biz_id), None)
            if found is None:
                raise NotFound(biz_id)
            found.outcome, found.code, found.due_at = outcome, code, self.now()
            found.push = Push("receipts", {}, found.due_at)
            return found

    def newest_code(self, to: str) -> tuple[str, datetime]:
        """The newest code of six digits that was sent to a number or an address, and when. Raises NotFound."""
        if "@" in to:
            texts = [(mail.part("plain"), mail.sent_at) for mail in self.mails(to)]
        else:
            texts = [(sms.text, sms.sent_at) for sms in self.sms(to)]
        for text, sent_at in reversed(texts):
            if code := _CODE.search(text):
                return code[0], sent_at
        raise NotFound(to)

    def forget(self) -> None:
        """Empty the book."""
        with self.lock:
            self._sms, self._mails, self._replies = [], [], []
