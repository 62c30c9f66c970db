"""Processor time of a request at each endpoint, beside the bare calls to the stores that it makes. Not a test.

    make bench, make bench-warm
    .venv/bin/python tests/benchmarks/requests.py [ROUNDS] [--packaged]

Prints a Markdown table of medians. Measured is the serving process alone: requests reach the application through the
local API Gateway without sockets; DynamoDB Local and Redis are processes of their own. The bare calls have the same
operations and contents: DynamoDB's go through the signed transport without pynamodb's models, Redis's without
redis-py's commands. Alipay's simulator lives in this process, so what it does counts in both columns.

With `--packaged` the other column is the same request handled by the finished packages under AWS's runtime client, on
the Python of the functions: all that a warm function's process does for an invocation, Alipay's simulator aside.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In this file's own directory the library of its name would be this file.
    sys.path[0] = str(Path(__file__).parents[2])

import argparse
import gc
import logging
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from botocore.exceptions import ClientError
from redis import Connection, ResponseError

from localstack.api_gateway import API_FUNCTION, HTTP_FUNCTIONS, Answer, ApiGateway, Request
from localstack.stores import DynamoDBLocal, RedisServer
from tests import conftest
from tests.benchmarks.places import PackagedApi, Places
from tests.faults.http_proxy import HttpCall
from tests.packaged_functions import environment_of, handler_of, unpack
from tests.packages import python_here

if TYPE_CHECKING:
    from tests.endpoints import Simulators

WARM_UP = 3
FORGETFUL = Path(__file__).with_name("forgetful.py")
OLD = {
    "`GET /courses`, of a category": 39,
    "`GET /coursedetail/{id}`": 28,
    "`GET /shoppingcar`": 10,
    "`POST /account`": 51,
    "`GET /account`": 9,
    "`PUT /account`": 9,
    "`GET /myorder`": 30,
}
"""Milliseconds of the old Django system for the same data, measured on another occasion."""


def main() -> None:
    """Start the stores, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=15)
    parser.add_argument("--packaged", action="store_true")
    parser.add_argument("--only", default="", help="those endpoints alone whose name has this in it")
    asked = parser.parse_args()
    logging.getLogger().addHandler(logging.StreamHandler(open(os.devnull, "w")))  # noqa: SIM115 (for the whole run)
    with DynamoDBLocal() as dynamodb, RedisServer() as redis:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        with (
            conftest.alipay_simulator() as alipay,
            conftest.wechat_simulator() as wechat,
            conftest.polyv_simulator() as polyv,
        ):
            from tests.endpoints import ENDPOINTS, Simulators

            asked_for = [endpoint for endpoint in ENDPOINTS if asked.only in endpoint.name]
            rows = beside_packaged if asked.packaged else beside_bare_calls
            print_table(rows(asked_for, Simulators(alipay, wechat, polyv), asked.rounds), asked.rounds)


Table = Iterator[Sequence[str]]
"""Headings, then the cells of each row."""


def print_table(rows: Table, rounds: int) -> None:
    """Print the rows as they come."""
    from chalicelib.storage.tables import create_tables

    create_tables()
    print(f"Python {sys.version.split()[0]}, medians of {rounds}, milliseconds of processor time\n")
    for number, cells in enumerate(rows):
        print(f"| {' | '.join(cells)} |", flush=True)
        if not number:
            print(f"| --- |{' ---: |' * (len(cells) - 1)}")


def beside_bare_calls(endpoints: Sequence[Any], providers: Simulators, rounds: int) -> Table:
    """Each endpoint of the table of round trips beside its bare calls, and the old system where that was measured."""
    from tests.faults.routing import started_proxies

    yield "Endpoint", "Request", "Bare calls", "Ratio", "Old system", "Share of it"
    gateway = InThisProcess()
    with started_proxies() as proxies:
        for endpoint in endpoints:
            calls = recorded_calls(proxies, providers, endpoint)
            request = statistics.median(request_times(providers, endpoint, rounds, gateway))
            bare = statistics.median(calls.times(rounds))
            ratio = f"{request / bare:.1f}" if bare > 0.1 else "-"
            old = OLD.get(endpoint.name)
            compared = (f"{old}", f"{request / old:.0%}") if old else ("", "")
            yield endpoint.name, f"{request:.1f}", f"{bare:.1f}", ratio, *compared


def beside_packaged(endpoints: Sequence[Any], providers: Simulators, rounds: int) -> Table:
    """Each endpoint of the table of round trips, in this process and packaged."""
    yield "Endpoint", "In this process", f"Packaged, Python {python_here()}", "Ratio"
    here = InThisProcess()
    with packaged() as there:
        for endpoint in endpoints:
            mine, theirs = (
                statistics.median(request_times(providers, endpoint, rounds, gateway))
                for gateway in (here, there)
            )
            yield endpoint.name, f"{mine:.1f}", f"{theirs:.1f}", f"{theirs / mine:.1f}"


def milliseconds(act: Callable[[], object]) -> float:
    """Processor time of this process, all threads."""
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


class InThisProcess(ApiGateway):
    """The application in this process. `spent` is the processor time of the last request, in milliseconds."""

    spent = 0.0

    def __init__(self) -> None:
        import app

        super().__init__(app)

    def answer(self, request: Request) -> Answer:
        answers = []
        self.spent = milliseconds(lambda: answers.append(super(InThisProcess, self).answer(request)))
        return answers[0]


class Packaged(PackagedApi):
    """The packaged functions under AWS's runtime client. `spent` is what the last invocation took of its process."""

    spent = 0.0

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        place = self.places[function]
        before = place.cpu_seconds()
        try:
            return super().invoke(function, event)
        finally:
            self.spent = (place.cpu_seconds() - before) * 1000


@contextmanager
def packaged() -> Iterator[Packaged]:
    """A process of each function that answers requests. That of the API keeps nothing of the catalogue."""
    import app

    with tempfile.TemporaryDirectory() as scratch, ExitStack() as started:
        shop = unpack(Path(scratch))
        shutil.copy(FORGETFUL, shop.client)
        places = {}
        for function in (API_FUNCTION, *HTTP_FUNCTIONS.values()):
            handler = f"{FORGETFUL.stem}.handler" if function == API_FUNCTION else handler_of(function)
            new_process = partial(shop.process, handler, environment_of(function))
            places[function] = started.enter_context(Places(1, new_process))
        yield Packaged(app, places)


def the_only_example(providers: Simulators, new_client: Any) -> Any:
    """A new example, beside nothing that lists of the whole school hold: they would grow from round to round."""
    from chalicelib.shop import catalog, coupon, refund
    from chalicelib.shop.partition import PAGE_ROWS
    from tests.endpoints import an_example

    waiting = refund.list_waiting(PAGE_ROWS, None).items
    for earlier in (*catalog.list_categories(), *coupon.list_offers(), *waiting):
        earlier.delete()
    return an_example(providers, new_client)


def request_times(
    providers: Simulators, endpoint: Any, rounds: int, gateway: InThisProcess | Packaged
) -> list[float]:
    """What the application took behind a gateway, each time for a new example."""
    import app
    from tests.addresses import ClientAt
    from tests.endpoints import succeeded

    times = []
    for _ in range(WARM_UP + rounds):
        example = the_only_example(providers, partial(ClientAt, gateway=gateway))
        example.learner.get("/shoppingcar/")
        prepared = endpoint.prepare(example)
        app.app.forget_fresh()
        gc.collect()
        answer = endpoint.call(example, prepared)
        assert succeeded(answer), (endpoint.name, answer)
        times.append(gateway.spent)
    return times[WARM_UP:]


@dataclass
class BareCalls:
    """What one request asks of others: operation and request; the commands of each round trip; path and query; a signed
    request.
    """

    dynamodb: list[tuple[str, dict[str, Any]]]
    redis: list[list[list[bytes]]]
    alipay: list[str]
    wechat: list[HttpCall]

    def times(self, rounds: int) -> list[float]:
        """What the calls take together."""
        from chalicelib.aws.signed_transport import SignedTransport
        from chalicelib.settings import aws_settings

        transport = SignedTransport(aws_settings(), connect=1, read=3)
        place = urlsplit(os.environ["REDIS_URL"])
        connection = Connection(host=str(place.hostname), port=place.port or 0, db=int(place.path.strip("/")))
        connection.connect()
        alipay = urllib3.connection_from_url(os.environ["ALIPAY_GATEWAY_URL"])
        wechat = urllib3.connection_from_url(os.environ["WECHAT_GATEWAY_URL"])

        def repeat() -> None:
            for operation, request in self.dynamodb:
                with suppress(ClientError):  # a condition that holds only once
                    transport._make_api_call(operation, request)
            for commands in self.redis:
                connection.send_packed_command(connection.pack_commands(commands))
                for _ in commands:
                    with suppress(ResponseError):
                        connection.read_response()
            for path in self.alipay:
                alipay.request("GET", path)
            for asked in self.wechat:
                wechat.request(asked.method, asked.path, body=asked.body, headers=dict(asked.headers))

        times = []
        for _ in range(WARM_UP + rounds):
            gc.collect()
            times.append(milliseconds(repeat))
        return times[WARM_UP:]


def recorded_calls(proxies: Any, providers: Simulators, endpoint: Any) -> BareCalls:
    """What a request of this endpoint asks, seen by proxies that nothing else is measured through."""
    import app
    from tests.addresses import ClientAt
    from tests.faults.routing import routed_through

    with routed_through(proxies):
        example = the_only_example(providers, ClientAt)
        example.learner.get("/shoppingcar/")
        prepared = endpoint.prepare(example)
        app.app.forget_fresh()
        with (
            proxies.dynamodb.recording() as calls,
            proxies.redis.recording() as trips,
            proxies.alipay.recording() as asked,
            proxies.wechat.recording() as asked_wechat,
        ):
            endpoint.call(example, prepared)
    return BareCalls(
        [(call.operation, call.request) for call in calls],
        [trip.requests for trip in trips if not trip.setup],
        [call.path for call in asked],
        asked_wechat,
    )


if __name__ == "__main__":
    main()
