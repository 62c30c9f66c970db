"""Processor time of what the table of endpoints has not: a whole catalogue, a password, the timers. Not a test.

    make bench-catalogue
    .venv/bin/python -m tests.benchmarks.catalogue [ROUNDS]

Prints a Markdown table of medians. The shop has the demo's catalogue and nothing else; nothing of it is kept from the
request before. The sheet of costs in infra/README.md reads the table in docs/benchmarks.md.
"""

from __future__ import annotations

import gc
import logging
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

from localstack.alipay import AlipaySimulator
from localstack.api_gateway import Request
from localstack.stores import DynamoDBLocal, RedisServer
from tests import conftest
from tests.benchmarks.requests import WARM_UP, milliseconds


def main() -> None:
    """Start the stores, measure, print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    logging.getLogger().addHandler(logging.StreamHandler(open(os.devnull, "w")))  # noqa: SIM115 (for the whole run)
    with DynamoDBLocal() as dynamodb, RedisServer() as redis:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        with conftest.alipay_simulator() as alipay:
            print(f"Python {sys.version.split()[0]}, medians of {rounds}, milliseconds of processor time\n")
            print("| What | Processor time |\n| --- | ---: |")
            for name, act in what_is_measured(alipay).items():
                print(f"| {name} | {statistics.median(times(act, rounds)):.1f} |", flush=True)


def what_is_measured(alipay: AlipaySimulator) -> dict[str, Callable[[], object]]:
    """What is done, by the name of its row."""
    import app
    from chalicelib.manage.__main__ import main as manage
    from chalicelib.settings import password_iterations
    from chalicelib.shop.password import hash_password
    from chalicelib.storage.tables import create_tables
    from tests.addresses import ClientAt
    from tests.purchases import Clock
    from tests.scheduled import SCHEDULED

    create_tables()
    with redirect_stdout(StringIO()):
        assert manage(["seed-demo"]) == 0
    clock = Clock()

    def hold_bills() -> None:
        """In a shop of which no day was held yet."""
        clock.advance(days=40)
        process, alipay.now, alipay.book.now = app.app.process, clock, clock
        before, process.clock = process.clock, clock
        app.hold_bills(SCHEDULED, None)
        process.clock = before

    visitor, iterations = ClientAt(), password_iterations({})

    def a_get(path: str) -> Callable[[], object]:
        request = Request(method="GET", target=path, headers=(), body=b"", source_ip=visitor.address)
        return lambda: visitor.answer(request)

    return {
        "`GET /home`": a_get("/home"),
        "`GET /courses/search`": a_get("/courses/search"),
        "`work_off_orders`": lambda: app.work_off_orders(SCHEDULED, None),
        "`send_messages`": lambda: app.send_messages(SCHEDULED, None),
        "`sweep_coupon_claims`": lambda: app.sweep_coupon_claims(SCHEDULED, None),
        "`hold_bills`": hold_bills,
        f"a password's hash, {iterations} rounds": lambda: hash_password("a password", iterations),
    }


def times(act: Callable[[], object], rounds: int) -> list[float]:
    """What it took each time, without what is kept of the time before."""
    import app

    found = []
    for _ in range(WARM_UP + rounds):
        app.app.forget_fresh()
        gc.collect()
        found.append(milliseconds(act))
    return found[WARM_UP:]


if __name__ == "__main__":
    main()
