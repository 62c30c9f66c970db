"""What the shop sends, in the place of whoever carries it: tests of codes read them here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from msgspec.structs import replace

import app as application
from chalicelib.deadline import Deadline
from chalicelib.gateways.post import NotKnown, ReceiptState, SendState, Sent


class Postbox:
    """Takes SMS and mail; `state` is what it answers, and what it took is kept by receiver, newest last."""

    def __init__(self) -> None:
        self.state: SendState = Sent("1")
        self.taken: dict[str, list[str]] = {}
        self.pauses: list[float] = []
        """For how long answers waited that must not tell by their time."""

    def _take(self, to: str, text: str) -> SendState:
        self.taken.setdefault(to, []).append(text)
        return self.state

    def code(self, to: str) -> str:
        """The latest code that went to this number or address."""
        found = re.search(r"\b[0-9]{6}\b", self.taken[to][-1])
        assert found
        return found[0]

    def count(self, to: str) -> int:
        """How much went to this number or address."""
        return len(self.taken.get(to, []))


class _Sms:
    def __init__(self, box: Postbox) -> None:
        self._box = box

    def send(
        self, number: str, template: str, parameters: Mapping[str, str], out_id: str, deadline: Deadline
    ) -> SendState:
        return self._box._take(number, f"{template} {parameters['code']}")

    def find_receipt(
        self, number: str, biz_id: str | None, out_id: str, day: date, deadline: Deadline
    ) -> ReceiptState:
        return NotKnown()

    def is_callback_key(self, text: str) -> bool:
        return False


class _Mail:
    def __init__(self, box: Postbox) -> None:
        self._box = box

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
        assert not re.search(r"[0-9]{6}", subject)
        return self._box._take(to, text)


@contextmanager
def postbox() -> Iterator[Postbox]:
    """Inside the block the shop sends SMS and mail into a postbox, and no answer waits."""
    process, box = application.app.process, Postbox()
    before, pause = process.gateways, process.pause
    process.gateways = replace(before, sms=_Sms(box), mail=_Mail(box))
    process.pause = box.pauses.append
    try:
        yield box
    finally:
        process.gateways, process.pause = before, pause
