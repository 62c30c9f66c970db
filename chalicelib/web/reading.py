"""Bodies and single values of requests, read in time bounded by what an honest client sends.

The sender is not known yet: a body that is too large is refused by its length, before it is decoded, parsed or walked.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from chalicelib.errors import InvalidRequest, Unreadable

MAX_BODY_BYTES = 64 * 1024
MAX_HEAD_CHARACTERS = 16 * 1024
"""Of a request's path, query and headers together. API Gateway takes 10 kB of them."""
_MAX_VALUES = 2_000
"""Of a body: 40 lines are some 200."""
_MAX_NUMBER_LENGTH = 40
_MAX_DEPTH = 20


def head_is_too_large(event: Mapping[str, Any]) -> bool:
    """Whether path, query and headers of an event of API Gateway are larger than any client's."""
    size = len(event.get("path") or "")
    for name in ("multiValueHeaders", "multiValueQueryStringParameters"):
        for key, values in (event.get(name) or {}).items():
            size += len(key) + sum(len(value or "") + 1 for value in values or ())
    for name in ("headers", "pathParameters"):
        size += sum(len(key) + len(value or "") for key, value in (event.get(name) or {}).items())
    # Each query field and header may be counted twice: once by its last value, once with all of them.
    return size > 2 * MAX_HEAD_CHARACTERS


def client_address(text: str) -> str:
    """An address as limits count it: of IPv6 the /64, as whoever has one address of it has all."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def body_bytes(event: Mapping[str, Any]) -> bytes:
    """The body of an event of API Gateway: text, base64 or null. Raises Unreadable."""
    body = event.get("body") or b""
    is_encoded = bool(event.get("isBase64Encoded"))
    if len(body) > (4 * MAX_BODY_BYTES // 3 + 4 if is_encoded else MAX_BODY_BYTES):
        raise Unreadable()
    try:
        if is_encoded:
            return base64.b64decode(body, validate=True)
        return body if isinstance(body, bytes) else str(body).encode()
    except ValueError as error:
        raise Unreadable() from error


def read_json(body: bytes) -> Any:
    """The value of a JSON body; numbers with a fraction or exponent are decimals.

    Raises Unreadable for bad syntax or encoding, NaN, Infinity, absurdly long numbers, deep nesting, and what is
    larger than any request.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Unreadable()
    try:
        text = body.decode("utf-8")
        # Where API Gateway hands a body on as text, this is what it made of bytes that are no UTF-8.
        if "\ufffd" in text or text.count("[") + text.count("{") + text.count(",") > _MAX_VALUES:
            raise Unreadable()
        value = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable() from error
    if not _is_shallow(value):
        raise Unreadable()
    return value


def _whole(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError("absurdly long number")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError("absurdly long number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:  # an exponent of 19 digits
        raise ValueError("absurd exponent") from error
    if abs(number.adjusted()) > _MAX_NUMBER_LENGTH:
        raise ValueError("absurd exponent")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return True
    return False


def read_id(value: object) -> int | None:
    """An id: a whole number or its text in ASCII digits, 15 at most; None for anything else, `30.0` and `true`
    included.
    """
    if type(value) is int:
        return value if 0 <= value < 10**15 else None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    return None


def read_flag(value: object, field: str) -> bool:
    """`true` or `false`, or the text of it. Raises InvalidRequest."""
    flags = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in flags:
        return flags[value]
    raise InvalidRequest(field=field)


def read_fields(value: object, field: str = "body") -> dict[str, Any]:
    """The fields of a JSON object. Raises InvalidRequest for anything else."""
    if not isinstance(value, dict):
        raise InvalidRequest(field=field)
    return value


def is_encodable(text: str) -> bool:
    """Whether a text has no lone surrogates, which no store takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
