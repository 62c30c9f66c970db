"""The courier of notices to the merchant: posts, repeated on the provider's timetable until one is taken."""

from __future__ import annotations

import http.client
import logging
import queue
import threading
import time
from datetime import datetime
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from localstack.provider.bad_days import LOST, REPEATED
from localstack.provider.book import Delivery, Due, NoticeBook

log = logging.getLogger(__name__)

_WORKERS = 4
_REPETITIONS = 3  # of a notice on the bad day that is named so
_LONGEST_ANSWER = 2000


class Letter(NamedTuple):
    """A signed notice as it is posted."""

    body: bytes
    headers: dict[str, str]


class Writer(Protocol):
    """A provider's way to write notices and to understand the answers."""

    spoiled_by: frozenset[str]
    """The bad days that strike a delivery."""

    def write(self, due: Due, now: datetime, struck: frozenset[str]) -> Letter:
        """A notice signed now, with all that struck it."""

    def is_taken(self, status: int, answer: bytes) -> bool:
        """Whether the merchant has taken the notice."""


class Courier:
    """Sends due notices, four at a time. ``time_limit``: seconds a merchant has to answer."""

    def __init__(self, book: NoticeBook, writer: Writer, time_limit: float, look_every: float = 0.5) -> None:
        self._book = book
        self._writer = writer
        self._time_limit = time_limit
        self._look_every = look_every
        self._due: queue.Queue[Due | None] = queue.Queue()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, background: bool) -> None:
        """Start working; without ``background`` notices leave only by ``deliver_due``."""
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_WORKERS)]
        if background:
            self._threads.append(threading.Thread(target=self._watch, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop. A delivery that does not end soon is left alone; its notice stays on the timetable."""
        self._stopped.set()
        self._wake.set()
        for _ in range(_WORKERS):
            self._due.put(None)
        deadline = time.monotonic() + 2
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def hurry(self) -> None:
        """Look for due notices now instead of at the next look."""
        self._wake.set()

    def deliver_due(self, early: bool = False) -> int:
        """Send all due notices (``early``: all open ones) and wait for the answers. Returns how many went."""
        count = self._hand_out(early)
        self._due.join()
        return count

    def send(self, url: str, letter: Letter) -> Delivery:
        """Post one signed notice and judge the answer. Never raises for what the merchant does."""
        sent_at = self._book.now()
        try:
            status, answer = _post(url, letter, self._time_limit)
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            return Delivery(sent_at, None, f"{type(trouble).__name__}: {trouble}"[:200], False)
        text = answer[:200].decode("utf-8", "replace")
        return Delivery(sent_at, status, text, self._writer.is_taken(status, answer))

    def _hand_out(self, early: bool = False) -> int:
        claimed = self._book.claim_due(early)
        for due in claimed:
            self._due.put(due)
        return len(claimed)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(self._look_every)
            self._wake.clear()
            if not self._stopped.is_set():
                self._book.close_expired()
                self._hand_out()

    def _work(self) -> None:
        while (due := self._due.get()) is not None:
            try:
                if not self._stopped.is_set():
                    self._deliver(due)
            except Exception:
                if not self._stopped.is_set():
                    log.exception("notice %s could not be handled", due.notify_id)
            finally:
                self._due.task_done()

    def _deliver(self, due: Due) -> None:
        struck = self._book.strike(self._writer.spoiled_by, due.out_trade_no)
        now = self._book.now()
        letter = self._writer.write(due, now, struck)
        for _ in range(_REPETITIONS if REPEATED in struck else 1):
            lost = LOST in struck
            delivery = Delivery(now, None, "lost on the way", False) if lost else self.send(due.url, letter)
            self._book.record(due.notify_id, delivery)
            log.info("notice %s: %s %r", due.notify_id, delivery.status, delivery.answer)


def _post(url: str, letter: Letter, time_limit: float) -> tuple[int, bytes]:
    """Post without following redirects or using a proxy."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=time_limit)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, letter.body, letter.headers | {"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER)
    finally:
        connection.close()
