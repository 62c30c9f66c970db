"""Quiet hours: from 21:00 to 8:00 in Beijing nobody is sent anything that can wait."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from chalicelib.beijing_time import BEIJING

_BEGIN, _END = time(21), time(8)
TEXT = "21:00–8:00"


def is_quiet(now: datetime) -> bool:
    """Whether this moment lies in quiet hours."""
    return not _END <= now.astimezone(BEIJING).time() < _BEGIN


def next_morning(now: datetime) -> datetime:
    """When quiet hours end next."""
    local = now.astimezone(BEIJING)
    day = local.date() + timedelta(days=0 if local.time() < _END else 1)
    return datetime.combine(day, _END, tzinfo=BEIJING)


def beijing_day(now: datetime) -> date:
    """The day in Beijing."""
    return now.astimezone(BEIJING).date()
