"""A deadline that several calls to third parties share."""

from __future__ import annotations

import time

PROVIDER_SECONDS = 8.0
"""All calls of payment providers by one request share this deadline; past it the result is unclear (contract)."""


class Deadline:
    """Counts down `seconds` from its making, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(0.0, self._end - time.monotonic())
