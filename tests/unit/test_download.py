"""Downloads from third parties: whole, bounded in size and time, from nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import download
from localstack.processes import LOOPBACK
from tests.faults import Action, Fault, HttpCall, HttpProxy, answer, silent
from tests.faults.http_proxy import made_up
from tests.faults.proxy import ConnectionLost, Exchange

BODY = bytes(range(256)) * 1000
MOST = len(BODY)


@pytest.fixture(scope="module")
def third_party() -> Iterator[HttpProxy]:
    """A third party that answers what a test says."""
    with HttpProxy(f"http://{LOOPBACK}:1") as proxy:
        yield proxy


def downloaded(third_party: HttpProxy, action: Action, seconds: float = 8, most_bytes: int = MOST) -> bytes:
    with third_party.faults(Fault.on("GET", action=action)), BytesIO() as file:
        download("somebody", f"{third_party.url}/file?x=1", Deadline(seconds), 60, file, most_bytes)
        return file.getvalue()


def refused(third_party: HttpProxy, action: Action, seconds: float = 8, most_bytes: int = MOST) -> str:
    with pytest.raises(GatewayUnavailable) as caught:
        downloaded(third_party, action, seconds, most_bytes)
    return str(caught.value.facts["reason"])


def test_a_file_comes_whole(third_party: HttpProxy) -> None:
    assert downloaded(third_party, answer(200, BODY)) == BODY
    assert downloaded(third_party, answer(200, b"")) == b""


def test_it_is_asked_for_with_headers(third_party: HttpProxy) -> None:
    def is_signed(call: HttpCall) -> bool:
        return ("Authorization", "signed") in call.headers

    with third_party.faults(Fault.on("GET", action=answer(200, BODY), where=is_signed)), BytesIO() as file:
        headers = {"Authorization": "signed"}
        download("somebody", third_party.url, Deadline(8), 60, file, MOST, headers=headers)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 403, 404, 500])
def test_only_status_200_is_a_file_and_no_redirect_is_followed(third_party: HttpProxy, status: int) -> None:
    away = answer(status, BODY, {"Location": f"{third_party.url}/elsewhere"})
    assert refused(third_party, away) == f"status {status}"


def test_a_file_that_is_too_large_is_refused(third_party: HttpProxy) -> None:
    assert refused(third_party, answer(200, BODY + b"x")) == "size"


def test_half_a_file_is_none(third_party: HttpProxy) -> None:
    def cut(exchange: Exchange) -> bytes:
        exchange.send(made_up(200, BODY)[:-1])
        raise ConnectionLost

    assert refused(third_party, cut) in ("ChunkedEncodingError", "ProtocolError")


def test_a_file_that_drips_ends_with_its_deadline(third_party: HttpProxy) -> None:
    def drip(exchange: Exchange) -> bytes:
        never = threading.Event()
        for byte in made_up(200, BODY):
            exchange.send(bytes([byte]))
            exchange.wait(never, 0.05)
        return b""

    assert refused(third_party, drip, seconds=0.3) == "deadline"
    assert refused(third_party, silent(), seconds=0.3) == "deadline"
    with pytest.raises(GatewayUnavailable):
        download("somebody", third_party.url, Deadline(0), 60, BytesIO(), MOST)


def test_nobody_there(third_party: HttpProxy) -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        download("somebody", f"http://{LOOPBACK}:1/", Deadline(8), 60, BytesIO(), MOST)
    assert caught.value.facts["reason"] == "NewConnectionError"
