"""The numbers of trades: WeChat Pay wants one of its own for each way to pay an order."""

from __future__ import annotations

import re
from enum import StrEnum

_NUMBER = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)


class Way(StrEnum):
    """A way to pay; its value ends the number of the trade."""

    NATIVE = "N"
    """A QR code, to be scanned with a phone."""
    H5 = "H"
    """From a phone's browser into the app."""
    JSAPI = "J"
    """Within WeChat's own browser."""


def trade_number(order_number: str, way: Way) -> str:
    """The number of an order's trade by one way to pay, 6 to 32 characters of [0-9A-Za-z_]. Raises ValueError for an
    order number of which none can be made.
    """
    return _checked(f"{order_number}{way}")


def order_number(number: object) -> str:
    """The number of the order to which a trade belongs. Raises ValueError for what is none.

    A trade of the old system, whose numbers end in digits, has the number of its order.
    """
    checked = _checked(number)
    return checked[:-1] if checked[-1] in list(Way) else checked


def provider_number(value: object) -> str:
    """WeChat Pay's own number of a trade. Raises ValueError."""
    return _checked(value)


def _checked(number: object) -> str:
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise ValueError("number")
    return number
