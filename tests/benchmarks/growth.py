"""What requests cost in a school of ten and in one of a hundred thousand courses, side by side. Not a test.

    make bench-growth
    .venv/bin/python -m tests.benchmarks.growth [--courses N] [--carts N] [--orders N] [--rounds N]

Both schools lie in the same stores, with tables of their own and databases of Redis of their own. Calls and units are
counted by the proxies; then processor time is measured without them, of the serving process as `requests.py` does, and
of Redis by itself. The rounds change between the schools. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial

from chalicelib.manage.legacy.report import Progress
from chalicelib.storage.redis_client import redis_client
from localstack.processes import LOOPBACK
from localstack.stores import DynamoDBLocal, RedisServer
from tests import conftest
from tests.addresses import ClientAt
from tests.benchmarks.requests import InThisProcess
from tests.conftest import Stores
from tests.costs import Cost, cost_of
from tests.endpoints import Simulators, succeeded
from tests.faults.routing import Proxies, routed_through, started_proxies
from tests.other_shop import OtherShop
from tests.school import Size, fill

SMALL = Size()


class Filled:
    """A school in tables and a database of its own, and what each request took there: milliseconds of processor time of
    this process, microseconds of Redis.
    """

    def __init__(self, stores: Stores, database: int, size: Size, providers: Simulators) -> None:
        self._shop, self._redis_url = OtherShop(stores), f"{stores.redis_url}/{database}"
        self._gateway = InThisProcess()
        self.times: dict[str, list[float]] = defaultdict(list)
        self.redis_times: dict[str, list[float]] = defaultdict(list)
        with self.in_use():
            school = fill(size, providers, partial(ClientAt, gateway=self._gateway), Progress())
        self.requests = (*school.even(), *school.growing())

    def in_use(self) -> AbstractContextManager[None]:
        """As of `OtherShop`."""
        return self._shop.in_use(REDIS_URL=self._redis_url)

    def costs(self, proxies: Proxies) -> dict[str, Cost]:
        """What each request costs the stores."""
        with self.in_use(), routed_through(proxies):
            return {one.name: cost_of(proxies, one.ready()) for one in self.requests}

    def measure(self) -> None:
        """Measure each request once."""
        with self.in_use():
            for one in self.requests:
                call = one.ready()
                gc.collect()
                before = _redis_microseconds()
                answer = call()
                self.redis_times[one.name].append(_redis_microseconds() - before)
                self.times[one.name].append(self._gateway.spent)
                assert succeeded(answer), (one.name, answer)


def _redis_microseconds() -> int:
    """What all commands but this one have taken of Redis so far."""
    commands = redis_client().info("commandstats")
    return sum(stat["usec"] for name, stat in commands.items() if name != "cmdstat_info")


def main() -> None:
    """Start the stores, fill them, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--courses", type=int, default=100_000)
    parser.add_argument("--carts", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    large = Size(asked.courses, asked.carts, asked.orders, paid=asked.orders)
    logging.basicConfig(stream=open(os.devnull, "w"), force=True)  # noqa: SIM115 (for the whole run)
    with DynamoDBLocal() as dynamodb, RedisServer() as redis:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        stores = Stores(dynamodb.url, f"redis://{LOOPBACK}:{redis.port}", os.environ["TABLE_PREFIX"])
        with (
            conftest.alipay_simulator() as alipay,
            conftest.wechat_simulator() as wechat,
            conftest.polyv_simulator() as polyv,
            started_proxies() as proxies,
        ):
            schools = [
                Filled(stores, number, size, Simulators(alipay, wechat, polyv))
                for number, size in enumerate((SMALL, large))
            ]
            costs = [school.costs(proxies) for school in schools]
            for number in range(asked.rounds):
                print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
                for school in schools:
                    school.measure()
            print_table(schools, costs, large, asked.rounds)


def print_table(schools: list[Filled], costs: list[dict[str, Cost]], large: Size, rounds: int) -> None:
    """A row for each request: what it costs in the small school, and in the large one where that differs."""
    print(f"Python {sys.version.split()[0]}, medians of {rounds}; {SMALL} -> {large}\n")
    print("| Request | DynamoDB | Redis | Units | CPU, ms | Ratio | CPU of Redis, µs |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for request in schools[0].requests:
        name = request.name
        spent = [cost[name] for cost in costs]
        times = [statistics.median(school.times[name]) for school in schools]
        redis = [statistics.median(school.redis_times[name]) for school in schools]
        cells = [
            name,
            _both(str(cost.dynamodb) for cost in spent),
            _both(str(cost.redis) for cost in spent),
            _both(f"{cost.read_units + cost.write_units:g}" for cost in spent),
            " → ".join(f"{time:.1f}" for time in times),
            f"{times[1] / times[0]:.2f}",
            " → ".join(f"{time:.0f}" for time in redis) if spent[0].redis else "",
        ]
        print(f"| {' | '.join(cells)} |")


def _both(texts: Iterable[str]) -> str:
    """One text where both are the same."""
    return " → ".join(dict.fromkeys(texts))


if __name__ == "__main__":
    main()
