"""Processor time of a request at each endpoint, beside the bare calls to the stores that it makes. Not a test.

    make bench
    .venv/bin/python tests/benchmarks/requests.py [ROUNDS]

Prints a Markdown table of medians. Measured is the serving process alone: requests reach the application through the
local API Gateway without sockets; DynamoDB Local and Redis are processes of their own. The bare calls have the same
operations and contents: DynamoDB's go through the signed transport without pynamodb's models, Redis's without
redis-py's commands. Alipay's simulator lives in this process, so what it does counts in both columns.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In this file's own directory the library of its name would be this file.
    sys.path[0] = str(Path(__file__).parents[2])

import gc
import logging
import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import urllib3
from botocore.exceptions import ClientError
from redis import Connection, ResponseError

from localstack.alipay import AlipaySimulator
from localstack.api_gateway import Answer, Request
from localstack.stores import DynamoDBLocal, RedisServer
from tests import conftest

WARM_UP = 3
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
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    logging.getLogger().addHandler(logging.StreamHandler(open(os.devnull, "w")))  # noqa: SIM115 (for the whole run)
    with DynamoDBLocal() as dynamodb, RedisServer() as redis:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        with conftest.alipay_simulator() as alipay:
            print_table(alipay, rounds)


def print_table(alipay: AlipaySimulator, rounds: int) -> None:
    """One row for each endpoint of the table of round trips."""
    from chalicelib.storage.tables import create_tables
    from tests.endpoints import ENDPOINTS
    from tests.faults.routing import started_proxies

    create_tables()
    print(f"Python {sys.version.split()[0]}, medians of {rounds}, milliseconds of processor time\n")
    print("| Endpoint | Request | Bare calls | Ratio | Old system | Share of it |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with started_proxies() as proxies:
        for endpoint in ENDPOINTS:
            calls = recorded_calls(proxies, alipay, endpoint)
            request = statistics.median(request_times(alipay, endpoint, rounds))
            bare = statistics.median(calls.times(rounds))
            ratio = f"{request / bare:.1f}" if bare > 0.1 else "-"
            old = OLD.get(endpoint.name)
            share = f"{old} | {request / old:.0%}" if old else "|"
            print(f"| {endpoint.name} | {request:.1f} | {bare:.1f} | {ratio} | {share} |", flush=True)


def milliseconds(act: Callable[[], object]) -> float:
    """Processor time of this process, all threads."""
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def request_times(alipay: AlipaySimulator, endpoint: Any, rounds: int) -> list[float]:
    """What the application took, each time for a new example."""
    import app
    from tests.addresses import ClientAt
    from tests.endpoints import an_example, succeeded

    class TimedClient(ClientAt):
        taken: ClassVar[float | None] = None

        def answer(self, request: Request) -> Answer:
            answers = []
            TimedClient.taken = milliseconds(lambda: answers.append(super(TimedClient, self).answer(request)))
            return answers[0]

    times = []
    for _ in range(WARM_UP + rounds):
        example = an_example(alipay, TimedClient)
        example.learner.get("/shoppingcar/")
        prepared = endpoint.prepare(example)
        app.app.forget_fresh()
        gc.collect()
        TimedClient.taken = None
        began = time.process_time()
        answer = endpoint.call(example, prepared)
        whole = (time.process_time() - began) * 1000
        assert succeeded(answer), (endpoint.name, answer)
        # Alipay's notice is given to its function as it is.
        times.append(TimedClient.taken if TimedClient.taken is not None else whole)
    return times[WARM_UP:]


@dataclass
class BareCalls:
    """What one request asks of others: operation and request; the commands of each round trip; path and query."""

    dynamodb: list[tuple[str, dict[str, Any]]]
    redis: list[list[list[bytes]]]
    alipay: list[str]

    def times(self, rounds: int) -> list[float]:
        """What the calls take together."""
        from chalicelib.aws.signed_transport import SignedTransport
        from chalicelib.settings import aws_settings

        transport = SignedTransport(aws_settings(), connect=1, read=3)
        place = urlsplit(os.environ["REDIS_URL"])
        connection = Connection(host=str(place.hostname), port=place.port or 0, db=int(place.path.strip("/")))
        connection.connect()
        alipay = urllib3.connection_from_url(os.environ["ALIPAY_GATEWAY_URL"])

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

        times = []
        for _ in range(WARM_UP + rounds):
            gc.collect()
            times.append(milliseconds(repeat))
        return times[WARM_UP:]


def recorded_calls(proxies: Any, alipay: AlipaySimulator, endpoint: Any) -> BareCalls:
    """What a request of this endpoint asks, seen by proxies that nothing else is measured through."""
    import app
    from tests.addresses import ClientAt
    from tests.endpoints import an_example
    from tests.faults.routing import routed_through

    with routed_through(proxies):
        example = an_example(alipay, ClientAt)
        example.learner.get("/shoppingcar/")
        prepared = endpoint.prepare(example)
        app.app.forget_fresh()
        with (
            proxies.dynamodb.recording() as calls,
            proxies.redis.recording() as trips,
            proxies.alipay.recording() as asked,
        ):
            endpoint.call(example, prepared)
    return BareCalls(
        [(call.operation, call.request) for call in calls],
        [trip.requests for trip in trips if not trip.setup],
        [call.path for call in asked],
    )


if __name__ == "__main__":
    main()
