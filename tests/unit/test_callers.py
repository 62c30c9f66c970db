"""A page from elsewhere gets nothing from a server on this computer; the shop's own pages and programs do."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPMessage

import pytest

from localstack.callers import Callers
from localstack.simulator_site import Answer, Simulator, SiteHandler

OWN_HOSTS = ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LocalHost:8000", "shop.tunnel.example"]
FOREIGN_HOSTS = [
    *("evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost", "[::1]:80"),
    *("127.0.0.1.evil.example:8000", "evil.example@127.0.0.1:8000", "0.0.0.0:8000", "::1:8000", "", " "),
]
OWN_ORIGINS = [
    *(
        "http://127.0.0.1:8080",
        "http://localhost:5173",
        "http://[::1]:8080",
        "https://localhost",
        "HTTP://LOCALHOST",
    ),
    "https://shop.tunnel.example",
]
FOREIGN_ORIGINS = [
    *("null", "", "http://evil.example", "https://evil.example:8080", "http://127.0.0.1.evil.example"),
    *(
        "http://localhost.evil.example:80",
        "http://localhost:80.evil.example",
        "http://evil.example/localhost",
    ),
    *("file://", "chrome-extension://localhost", "http://127.0.0.1:8080\n", "http://shop.tunnel.example"),
]


def headers(**values: str) -> HTTPMessage:
    message = HTTPMessage()
    for name, value in values.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.fixture
def callers() -> Callers:
    return Callers(8000, ["https://shop.tunnel.example", "*"])


@pytest.mark.parametrize("host", OWN_HOSTS)
@pytest.mark.parametrize("origin", [None, *OWN_ORIGINS])
def test_programs_and_pages_of_this_computer_are_answered(
    callers: Callers, host: str, origin: str | None
) -> None:
    assert callers.refusal(headers(Host=host, **({"Origin": origin} if origin else {}))) is None


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_name_that_was_made_to_lead_here_is_refused(callers: Callers, host: str) -> None:
    refusal = callers.refusal(headers(Host=host))
    assert refusal
    assert refusal.status == 421


def test_a_request_has_one_host(callers: Callers) -> None:
    two = headers(Host="127.0.0.1:8000")
    two["Host"] = "127.0.0.1:8000"
    for given in (headers(), two):
        refusal = callers.refusal(given)
        assert refusal
        assert refusal.status == 421


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_from_elsewhere_is_refused(callers: Callers, origin: str) -> None:
    refusal = callers.refusal(headers(Host="127.0.0.1:8000", Origin=origin))
    assert refusal
    assert refusal.status == 403


def test_the_port_may_be_left_out_where_it_is_the_protocols_own() -> None:
    assert Callers(80).refusal(headers(Host="localhost")) is None


class Handler(SiteHandler):
    largest_body = 1000


class Done:
    """A site that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        self.asked.append(path)
        return Answer(200, "done")


@pytest.fixture
def site() -> Done:
    return Done()


@pytest.fixture
def simulator(site: Done) -> Iterator[Simulator]:
    with Simulator(site, Handler, 0) as simulator:
        yield simulator


def status_of(simulator: Simulator, method: str, path: str, body: str = "", **more: str) -> int:
    with closing(
        http.client.HTTPConnection("127.0.0.1", int(simulator.url.rpartition(":")[2]), timeout=10)
    ) as way:
        way.request(method, path, body, {name.replace("_", "-"): value for name, value in more.items()})
        answer = way.getresponse()
        answer.read()
        return answer.status


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", "/control/state", "/gateway.do"])
def test_a_simulator_does_nothing_for_a_page_from_elsewhere(
    simulator: Simulator, site: Done, method: str, path: str
) -> None:
    assert status_of(simulator, method, path, Host="evil.example") == 421
    assert status_of(simulator, method, path, "x" * 900, Origin="http://evil.example") == 403
    assert site.asked == []


@pytest.mark.parametrize("path", ["/control", "/control/x", "//control/x", "/%63ontrol/x"])
def test_the_control_api_is_for_programs_and_its_own_pages(
    simulator: Simulator, site: Done, path: str
) -> None:
    json = "application/json; charset=utf-8"
    for refused in (
        {"Origin": "http://127.0.0.1:8080"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert status_of(simulator, "GET", path, **refused) == 403
        assert status_of(simulator, "POST", path, "{}", Content_Type=json, **refused) == 403
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"):
        assert status_of(simulator, "POST", path, "{}", Content_Type=media_type) == 415
    assert site.asked == []
    own = {"Origin": simulator.url, "Sec_Fetch_Site": "same-origin"}
    assert status_of(simulator, "POST", path, "{}", Content_Type=json, **own) == 200
    assert status_of(simulator, "POST", path) == 200
    assert status_of(simulator, "GET", path, Sec_Fetch_Site="none") == 200
