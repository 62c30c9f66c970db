"""Pushes receipts and replies to the shop as Alibaba Cloud does: JSON by POST, again after 1, 5 and 10 minutes."""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime

from localstack.post.letters import DELIVERED, PAUSES, Letters, Push, Sms
from localstack.post.sms_api import beijing_text

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0
"""The real one waits 0.7; a computer that also builds and tests is slower."""
_LOOK_SECONDS = 0.5


class Courier:
    """Delivers what is due. ``urls``: kind of push (``receipts``, ``replies``) -> where it goes; without, nowhere."""

    def __init__(self, letters: Letters, urls: Mapping[str, str]) -> None:
        self.urls = urls
        self._letters = letters
        self._ended = threading.Event()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Deliver in the background from now on."""
        self._ended.clear()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Deliver no more by itself."""
        self._ended.set()

    def deliver_due(self, early: bool = False) -> int:
        """Deliver all that is due (``early``: all that waits) and wait for the answers -> how many were sent."""
        with self._turn:
            now = self._letters.now()
            waiting = [(push, row) for push, row in self._waiting(now) if early or _is_due(push, now)]
            for push, row in waiting:
                self._deliver(push, row, now)
            return len(waiting)

    def _waiting(self, now: datetime) -> list[tuple[Push, Mapping[str, object]]]:
        told = [
            (sms.push, _receipt(sms, now))
            for sms in self._letters.sms()
            if sms.push and _may_be_told(sms, now)
        ]
        told += [(push, push.row) for push in self._letters.replies()]
        return [(push, row) for push, row in told if push.next_at and self.urls.get(push.kind)]

    def _deliver(self, push: Push, row: Mapping[str, object], now: datetime) -> None:
        body = json.dumps([row], ensure_ascii=False).encode()
        request = urllib.request.Request(
            self.urls[push.kind], body, {"Content-Type": "application/json;charset=utf-8"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
                status, text = answer.status, answer.read(1000).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            status, text = error.code, ""
        except OSError as error:
            status, text = 0, type(error).__name__
        push.answers.append(f"{status} {text}".strip())
        push.is_taken = status == 200 and _has_code(text)
        tries = len(push.answers)
        push.next_at = None if push.is_taken or tries > len(PAUSES) else now + PAUSES[tries - 1]

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.deliver_due()


def _is_due(push: Push, now: datetime) -> bool:
    return push.next_at is not None and push.next_at <= now


def _may_be_told(sms: Sms, now: datetime) -> bool:
    return sms.due_at is not None and sms.due_at <= now


def _receipt(sms: Sms, now: datetime) -> Mapping[str, object]:
    arrived = sms.state(now) == DELIVERED
    return {
        "phone_number": sms.number,
        "send_time": beijing_text(sms.sent_at),
        "report_time": beijing_text(sms.due_at or now),
        "success": arrived,
        "err_code": sms.code,
        "err_msg": "用户接收成功" if arrived else "接收失败",
        "sms_size": str(1 + (len(sms.text) > 70) * ((len(sms.text) - 1) // 67)),
        "biz_id": sms.biz_id,
        "out_id": sms.out_id,
    }


def _has_code(text: str) -> bool:
    try:
        answer = json.loads(text)
    except ValueError:
        return False
    return isinstance(answer, dict) and type(answer.get("code")) is int
