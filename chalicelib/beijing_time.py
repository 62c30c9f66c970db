"""Beijing time, in which learners read times and coupons have their days.

A fixed offset: China has one zone and no summer time, and functions run without a time zone database.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
TEXT_FORMAT = "%Y-%m-%d %H:%M:%S"


FIRST_DAY, LAST_DAY = date(1970, 1, 1), date.max
"""The days that the shop accepts from people and files."""


def beijing_text(at: datetime) -> str:
    """An aware time as learners read it: `YYYY-MM-DD HH:MM:SS` in Beijing."""
    return at.astimezone(BEIJING).strftime(TEXT_FORMAT)


def from_beijing_text(text: str) -> datetime:
    """The aware UTC time of a `YYYY-MM-DD HH:MM:SS` text in Beijing time. Raises ValueError for other text."""
    try:
        return datetime.strptime(text, TEXT_FORMAT).replace(tzinfo=BEIJING).astimezone(UTC)
    except OverflowError as error:  # the first hours of the calendar
        raise ValueError(text) from error


def day_start(day: date) -> datetime:
    """The UTC time at which a day begins in Beijing."""
    return datetime.combine(day, time(), tzinfo=BEIJING).astimezone(UTC)


def day_end(day: date) -> datetime:
    """The UTC time at which a day is over (24:00) in Beijing.

    The calendar's last day, by which people write "for ever", is over when it begins.
    """
    return day_start(day if day == LAST_DAY else day + timedelta(days=1))


def read_day(text: str) -> date:
    """The day that `2026-07-01` names. Raises ValueError for other text, and before `FIRST_DAY`."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("no date")
    day = date.fromisoformat(text)
    if day < FIRST_DAY:
        raise ValueError(f"before {FIRST_DAY}")
    return day


def is_in_calendar(at: datetime) -> bool:
    """Whether an aware time lies on the days from `FIRST_DAY` to the begin of `LAST_DAY` in Beijing."""
    return day_start(FIRST_DAY) <= at <= day_start(LAST_DAY)
