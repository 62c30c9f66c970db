"""Read and write single values of a catalogue file. Reading a value of another form raises `Wrong`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib import money
from chalicelib.beijing_time import BEIJING, FIRST_DAY, day_end, day_start, is_in_calendar, read_day
from chalicelib.shop.catalog import MAX_LISTED
from chalicelib.shop.course_key import COURSE_TYPES
from chalicelib.shop.texts import MAX_TEXT, long_text, name_fault, text_fault
from chalicelib.storage.dynamodb import MAX_ID

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?")
_RELATIVE = re.compile(r"today(?P<days>[+-][0-9]{1,5})?")


class Wrong(Exception):
    """The value has another form; the text says which one it should have."""


@dataclass(frozen=True)
class Form:
    """How a value is read, given today's date (None where days may not be counted from it), and written."""

    read: Callable[[object, date | None], Any]
    write: Callable[[Any], object] = lambda value: value


def short(value: object, longest: int = 40) -> str:
    """A value as a message shows it."""
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def text(longest: int = MAX_TEXT) -> Form:
    """A text of at most so many characters, perhaps empty."""

    def read(value: object, today: date | None) -> str:
        if not isinstance(value, str):
            raise Wrong(f"{short(value)} is no text")
        fault = text_fault(value, longest)
        if fault:
            raise Wrong(f"{fault}: {short(value)}")
        return value

    return Form(read)


def name(longest: int) -> Form:
    """A text that names something: not blank, without control characters."""

    def read(value: object, today: date | None) -> str:
        found: str = text(longest).read(value, today)
        fault = name_fault(found, longest)
        if fault:
            raise Wrong(f"{fault}: {short(found)}")
        return found

    return Form(read)


def prose(longest: int) -> Form:
    """A text of several lines that says something, as it is stored."""

    def read(value: object, today: date | None) -> str:
        found: str = text(longest).read(value, today)
        if long_text(found, longest) != found:
            raise Wrong(
                f"is blank, or holds what is not shown or blanks around it or at the end of a line: {short(found)}"
            )
        return found

    return Form(read)


def whole(lowest: int, highest: int) -> Form:
    """A whole number within limits."""

    def read(value: object, today: date | None) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong(f"{short(value)} is no whole number")
        if not lowest <= value <= highest:
            raise Wrong(f"{short(value)} is outside {lowest} to {highest}")
        return value

    return Form(read)


def choice(options: Sequence[Any]) -> Form:
    """One of some values."""

    def read(value: object, today: date | None) -> object:
        if not any(type(value) is type(option) and value == option for option in options):
            raise Wrong(f"{short(value)} is none of {', '.join(map(str, options))}")
        return value

    return Form(read)


def named(names: Mapping[str, str]) -> Form:
    """A code, which the file calls by its name."""
    codes = {name: code for code, name in names.items()}
    of_name = choice(tuple(codes))
    return Form(lambda value, today: codes[of_name.read(value, today)], lambda code: names.get(code, code))


def _read_flag(value: object, today: date | None) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"{short(value)} is neither true nor false")
    return value


def _read_yuan(value: object, today: date | None) -> money.Fen:
    if not isinstance(value, str):
        raise Wrong(f'{short(value)} is no amount of yuan as text, such as "69.00"')
    try:
        return money.from_yuan(value)
    except money.NotMoney as error:
        raise Wrong(f'{short(value)} is no amount of yuan, such as "69.00"') from error


def _read_ids(value: object, today: date | None) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MAX_LISTED:
        raise Wrong(f"{short(value)} is no list of up to {MAX_LISTED} ids")
    ids = tuple(IDENT.read(one, today) for one in value)
    if len(set(ids)) != len(ids):
        raise Wrong(f"{short(value)} has an id twice")
    return ids


def _read_course_key(value: object, today: date | None) -> str:
    if not isinstance(value, str) or not re.fullmatch(
        rf"({'|'.join(COURSE_TYPES)})#[1-9][0-9]{{0,14}}", value
    ):
        raise Wrong(f'{short(value)} is no course such as "course#1" or "degree_course#3"')
    return value


def _day(value: object, today: date | None) -> date | None:
    """The day that a text names, or None when it names none."""
    if isinstance(value, str) and today is not None:
        relative = _RELATIVE.fullmatch(value)
        if relative:
            return today + timedelta(days=int(relative["days"] or 0))
    try:
        return read_day(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _read_day(value: object, today: date | None) -> str:
    day = _day(value, today)
    if day is None:
        raise Wrong(f'{short(value)} is no date from {FIRST_DAY} on, such as "2026-07-01"')
    return day.isoformat()


def moment(of_day: Callable[[date], datetime]) -> Form:
    """A moment: a Beijing day, meaning its beginning or its end, or a Beijing time of it."""

    def read(value: object, today: date | None) -> datetime:
        day = _day(value, today)
        if day is not None:
            return of_day(day)
        try:
            if isinstance(value, str) and _MOMENT.fullmatch(value):
                read = datetime.fromisoformat(value).replace(tzinfo=BEIJING).astimezone(UTC)
                if is_in_calendar(read):
                    return read
        except (ValueError, OverflowError):
            pass
        raise Wrong(
            f'{short(value)} is no date from {FIRST_DAY} on, such as "2026-07-01" or "2026-07-01 08:00:00"'
        )

    def write(value: datetime) -> str:
        at = value.astimezone(BEIJING)
        for day in (at.date(), at.date() - timedelta(days=1)):
            if day >= FIRST_DAY and of_day(day) == value:
                return day.isoformat()
        return at.replace(tzinfo=None).isoformat(sep=" ")

    return Form(read, write)


IDENT = whole(1, MAX_ID)
FLAG = Form(_read_flag)
YUAN = Form(_read_yuan, lambda fen: str(money.to_yuan(fen)))
IDS = Form(_read_ids, list)
COURSE_KEY = Form(_read_course_key)
DAY = Form(_read_day)
BEGIN, END = moment(day_start), moment(day_end)
