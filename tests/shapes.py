"""Exact shapes of the API's JSON: which keys, which types, where null may stand."""

from __future__ import annotations

import re
from typing import Any

Number = (int, float)
"""A JSON number. `int` alone means a whole one."""

_CHINESE = re.compile("[\u4e00-\u9fff]")
_TECHNICAL = re.compile(r"Traceback|Error|Exception|\.py\b|[<>{}\[\]_]")
_LONGEST_MESSAGE = 80


class Maybe:
    """A value that may be null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class Keyed:
    """An object with any keys (text), whose values all have one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def check(value: Any, shape: Any, at: str = "answer") -> None:
    """AssertionError unless `value` has this shape: exactly these keys, these types, null only in `Maybe`.

    A type (or a tuple of them) stands for itself, though a boolean is no number; `[shape]` for a list of any
    length; a dictionary for an object with exactly these keys; anything else for a value equal to it.
    """
    if isinstance(shape, Maybe):
        if value is not None:
            check(value, shape.shape, at)
    elif isinstance(shape, Keyed):
        assert isinstance(value, dict), f"{at} is no object: {value!r}"
        for key, member in value.items():
            check(member, shape.shape, f"{at}.{key}")
    elif isinstance(shape, type | tuple):
        wanted = shape if isinstance(shape, tuple) else (shape,)
        assert isinstance(value, wanted), f"{at} is {value!r}, not {shape}"
        assert not isinstance(value, bool) or bool in wanted, f"{at} is {value!r}, not {shape}"
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{at} is no list: {value!r}"
        for position, member in enumerate(value):
            check(member, shape[0], f"{at}[{position}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{at} is no object: {value!r}"
        assert set(value) == set(shape), f"{at} has {sorted(set(value) ^ set(shape))} too much or too little"
        for key, member in shape.items():
            check(value[key], member, f"{at}.{key}")
    else:
        assert value == shape, f"{at} is {value!r}, not {shape!r}"
        assert type(value) is type(shape), f"{at} is {value!r}, not {shape!r}"


def check_refusal(answer: Any, code: int | None = None) -> None:
    """AssertionError unless this is a refusal: exactly code, msg and data, with a short text for a learner."""
    check(answer, {"code": int, "msg": str, "data": None})
    if code is not None:
        assert answer["code"] == code, answer
    assert answer["code"] != 1000, answer
    check_message(answer["msg"])


def check_message(text: str) -> None:
    """AssertionError unless the text is short, Chinese and free of technical matter."""
    assert _CHINESE.search(text), f"no Chinese: {text!r}"
    assert len(text) <= _LONGEST_MESSAGE, f"too long: {text!r}"
    assert not _TECHNICAL.search(text), f"technical: {text!r}"


COURSE_ROW = {
    "id": int,
    "name": str,
    "course_img": str,
    "brief": str,
    "level": str,
    "coursedetail_id": Maybe(str),
    "is_free": bool,
    "price": str,
    "origin_price": Maybe(str),
    "course_type": str,
    "category_id": Maybe(int),
    "category_name": str,
    "status": str,
    "lowest_price": Maybe(Number),
    "highest_price": Maybe(Number),
    "hours": int,
    "teachers": [str],
    "pub_date": Maybe(str),
}
"""A course in a list."""
