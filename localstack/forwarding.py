"""Passes requests on to the API, so that the shop front and the API have one origin."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from typing import NamedTuple

from localstack.processes import LOOPBACK

SECONDS = 60
"""Longer than the API lets anybody wait."""

_NOT_PASSED_ON = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    *("content-length", "date", "server"),
    # The API is asked under its own name, and by a page of the same origin.
    *("host", "origin"),
}


class Answer(NamedTuple):
    """What the API answered, without the headers of its connection."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def ask(port: int, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    """Ask the server on this port of this computer. Raises OSError, http.client.HTTPException."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in _passed_on(headers):
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, _passed_on(response.getheaders()), response.read())
    finally:
        connection.close()


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _NOT_PASSED_ON]
