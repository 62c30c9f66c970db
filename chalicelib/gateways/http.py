"""HTTP calls to third parties: bounded in time and size, with the shop's own error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from urllib.parse import urlencode

import urllib3
from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.in_time import in_time
from chalicelib.tls import tls_context

MAX_ANSWER_BYTES = 256 * 1024
_CONNECT_SECONDS = 2.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(Struct, frozen=True):
    """A third party's answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(
    gateway: str, url: str, deadline: Deadline, at_most: float, form: Mapping[str, str] | None = None
) -> bytes:
    """The body of the answer to a GET (or, with `form`, a form POST), status 200. Raises GatewayUnavailable for every
    other status and as `exchange`.
    """
    if form is None:
        answer = exchange(gateway, "GET", url, deadline, at_most)
    else:
        answer = exchange(
            gateway, "POST", url, deadline, at_most, headers=_FORM, body=urlencode(form).encode()
        )
    if answer.status != 200:
        raise GatewayUnavailable(gateway=gateway, reason=f"status {answer.status}")
    return answer.body


def exchange(
    gateway: str,
    method: str,
    url: str,
    deadline: Deadline,
    at_most: float,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """The answer to one request, of any status, within the rest of a deadline and `at_most` seconds.

    Follows no redirect. Raises GatewayUnavailable for no answer in time, and for one of more than `MAX_ANSWER_BYTES`.
    """
    raw = bytearray()
    status, names = in_time(
        gateway,
        deadline,
        at_most,
        lambda seconds: _call(gateway, method, url, seconds, headers, body, raw.extend, MAX_ANSWER_BYTES),
    )
    return Answer(status, names, bytes(raw))


def download(
    gateway: str,
    url: str,
    deadline: Deadline,
    at_most: float,
    into: BinaryIO,
    most_bytes: int,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Write the body of the answer to a GET, status 200, into a file as it comes: no more than `most_bytes`, and never
    all of it in memory. Raises GatewayUnavailable as `fetch`; then what the file holds is of no use.
    """
    status, _ = in_time(
        gateway,
        deadline,
        at_most,
        lambda seconds: _call(gateway, "GET", url, seconds, headers, None, into.write, most_bytes),
    )
    if status != 200:
        raise GatewayUnavailable(gateway=gateway, reason=f"status {status}")


_Head = tuple[int, dict[str, str]]
"""The status of an answer, and its headers by their names in lower case."""


def _call(
    gateway: str,
    method: str,
    url: str,
    seconds: float,
    headers: Mapping[str, str] | None,
    body: bytes | None,
    take: Callable[[bytes], object],
    most_bytes: int,
) -> _Head:
    taken = 0
    try:
        with (
            urllib3.PoolManager(ssl_context=tls_context(None)) as connections,
            connections.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=urllib3.Timeout(connect=min(seconds, _CONNECT_SECONDS), read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            ) as response,
        ):
            for part in response.stream(8192):
                taken += len(part)
                if taken > most_bytes:
                    raise GatewayUnavailable(gateway=gateway, reason="size")
                take(part)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        # The socket's time is the rest of the deadline: on a busy machine it is noticed first.
        is_late = isinstance(error, urllib3.exceptions.ReadTimeoutError)
        reason = "deadline" if is_late else type(error).__name__
        raise GatewayUnavailable(gateway=gateway, reason=reason) from error
    names = {name.lower(): value for name, value in response.headers.items()}
    return response.status, names
