"""The log: one JSON object a line, and one line for each request with its outcome and duration.

It may hold ids (of orders, courses, coupons), codes, durations, the names of classes. It never holds bodies, tokens,
names and addresses of people, phone numbers, keys.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

log = logging.getLogger(__name__)

_facts: ContextVar[dict[str, object] | None] = ContextVar("facts", default=None)


def add_fields(**facts: object) -> None:
    """Add fields to all further log lines of the current request."""
    current = _facts.get()
    if current is not None:
        current.update(facts)


@contextmanager
def request_line(kind: str, request_id: str, **facts: object) -> Iterator[None]:
    """Write one line when the block ends: its facts, the fields added inside, and `duration_ms`."""
    begin = time.monotonic()
    reset = _facts.set({"kind": kind, "request_id": request_id} | facts)
    try:
        yield
    finally:
        add_fields(duration_ms=round((time.monotonic() - begin) * 1000))
        log.info("done")
        _facts.reset(reset)


class JsonLines(logging.Formatter):
    """A record as one line of JSON. Of an exception only its class and its trace: texts may quote anything.

    `end` is added where the handler adds no line end itself.
    """

    def __init__(self, end: str = "") -> None:
        super().__init__()
        self._end = end

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _facts.get() or {}
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            line["exception"] = kind.__name__
            line["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
            ]
        return json.dumps(line, ensure_ascii=False, default=str) + self._end


def configure() -> None:
    """Write all logs as JSON lines, to Lambda's handlers, or else to standard output."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        # Lambda's own handler writes a text as it is formatted, and expects the line's end in it.
        adds_it = isinstance(handler, logging.StreamHandler)
        handler.setFormatter(JsonLines() if adds_it else JsonLines(end="\n"))
    logging.getLogger("chalicelib").setLevel(logging.INFO)
