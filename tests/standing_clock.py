"""A time for simulators that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # in Beijing


class Clock:
    """Shows noon, until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Let time pass, as of `timedelta`."""
        self.now += timedelta(**by)
