"""Deadlines: what several calls share, and what a whole request has.

Lambda ends a function in the middle of whatever it does, and API Gateway then answers in its own words. So every
deadline ends with its request at the latest, and no call of a store or a third party begins after it: what is left
over is for the shop's own answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PROVIDER_SECONDS = 8.0
"""All calls of payment providers by one request share this deadline; past it the result is unclear (contract)."""
ANSWER_SECONDS = 1.5
"""What a request keeps for its answer: a call of Redis that began in time may take nearly as long."""
LEAST_SECONDS = 0.2
"""No call begins with less time than this: it would be lost, and nobody know what it did."""

_request: ContextVar[Deadline | None] = ContextVar("the deadline of the request", default=None)


class Deadline:
    """Counts down `seconds` from its making, by the monotonic clock; ends with its request at the latest."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._end = time.monotonic() + seconds
        self._request = _request.get()

    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        left = max(0.0, self._end - time.monotonic())
        return left if self._request is None else min(left, self._request.remaining())


def of_request(context: object) -> Deadline | None:
    """The deadline of the request that Lambda has given this context; None where the context tells no time."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return None if left is None else Deadline(left() / 1000 - ANSWER_SECONDS)


@contextmanager
def ending_with(request: Deadline | None) -> Iterator[None]:
    """All deadlines that are made inside the block end with this one at the latest."""
    before = _request.set(request)
    try:
        yield
    finally:
        _request.reset(before)
