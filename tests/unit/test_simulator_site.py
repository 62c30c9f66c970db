"""Every simulator's site and bodies, failures and a taken port."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from localstack.simulator_site import Answer, Simulator, SiteHandler, Unreadable, json_object


class Handler(SiteHandler):
    largest_body = 10


class Echo:
    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        return Answer(200, f"{method} {path} {query} {body} {1 / len(path.strip('/'))}")


@pytest.fixture
def echo() -> Iterator[Simulator]:
    with Simulator(Echo(), Handler, 0) as simulator:
        yield simulator


def posted(simulator: Simulator, path: str, body: bytes, length: str | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
    try:
        connection.putrequest("POST", path)
        if length is not None:
            connection.putheader("Content-Length", length)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_body_of_the_largest_size_is_read_as_utf_8(echo: Simulator) -> None:
    body = "一二三!".encode()
    assert posted(echo, "/a?b=1", body, "10") == (200, "POST /a b=1 一二三! 1.0")


@pytest.mark.parametrize(
    ("length", "status"),
    [("11", 413), ("9" * 5000, 413), ("0" * 9 + "9" * 9, 413), (None, 411), ("", 411), ("-1", 411)],
)
def test_a_larger_body_and_one_of_unknown_length_are_refused_unread(
    echo: Simulator, length: str | None, status: int
) -> None:
    assert posted(echo, "/a", b"", length) == (status, "")


def test_a_site_that_fails_answers_500_and_works_on(echo: Simulator) -> None:
    assert posted(echo, "/", b"", "0")[0] == 500
    assert posted(echo, "/a", b"", "0")[0] == 200


def test_a_taken_port_is_an_error_at_the_start_and_free_after_the_stop(echo: Simulator) -> None:
    port = int(echo.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Simulator(Echo(), Handler, port).start()
    echo.stop()
    with Simulator(Echo(), Handler, port) as second:
        assert posted(second, "/a", b"", "0")[0] == 200


@pytest.mark.parametrize("body", ["{", "[]", "7", "[" * 20_000, '{"a": 1e99999999999999999999}'])
def test_what_is_no_json_object_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        json_object(body)
