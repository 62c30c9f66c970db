"""A deadline that several calls to third parties share."""

from __future__ import annotations

import time


class Deadline:
    """Counts down `seconds` from its making, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(0.0, self._end - time.monotonic())
