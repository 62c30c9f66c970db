"""The numbers of trades, ours and WeChat Pay's own."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)


def checked(number: object) -> str:
    """A number of a trade: 6 to 32 characters of [0-9A-Za-z_]. Raises ValueError for what is none."""
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise ValueError("number")
    return number
