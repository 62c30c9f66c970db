"""Beijing time, in which learners read times, coupons have their days and Alipay speaks.

A fixed offset: China has one zone and no summer time, and functions run without a time zone database.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
TEXT_FORMAT = "%Y-%m-%d %H:%M:%S"


def beijing_text(at: datetime) -> str:
    """An aware time as learners and Alipay read it: `YYYY-MM-DD HH:MM:SS` in Beijing."""
    return at.astimezone(BEIJING).strftime(TEXT_FORMAT)


def from_beijing_text(text: str) -> datetime:
    """The aware UTC time of a `YYYY-MM-DD HH:MM:SS` text in Beijing time. Raises ValueError for other text."""
    return datetime.strptime(text, TEXT_FORMAT).replace(tzinfo=BEIJING).astimezone(UTC)


def day_start(day: date) -> datetime:
    """The UTC time at which a day begins in Beijing."""
    return datetime.combine(day, time(), tzinfo=BEIJING).astimezone(UTC)


def day_end(day: date) -> datetime:
    """The UTC time at which a day is over (24:00) in Beijing."""
    return day_start(day + timedelta(days=1))
