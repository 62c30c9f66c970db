"""Processor time of a start and a first invocation under AWS's runtime client, beside a bare function. Not a test.

    make bench-cold
    .venv/bin/python -m tests.benchmarks.cold_start [ROUNDS]

Bare is a Chalice application with one call by boto3, which lies compiled beside the runtime client, as on AWS. Each
start is a new process of the unpacked packages. The rounds go round all functions, each beginning with another one: a
slow moment hits all alike. Prints a Markdown table of medians: milliseconds of processor time of all threads of the
function's process, and the sum by that of the bare function in the same round.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from localstack import venvs
from localstack.alipay import AlipaySimulator
from localstack.stores import DynamoDBLocal, RedisServer
from localstack.wechat import WechatSimulator
from tests import conftest
from tests.packaged_functions import (
    MeasuredProcess,
    Unpacked,
    api_event,
    environment_of,
    handler_of,
    invoke,
    unpack,
)
from tests.packages import python_here

HERE = Path(__file__).parent
BARE = "bare"
COURSES = 10
"""Of the category that is asked for."""
BARE_APP = """
import os
import boto3
from chalice import Chalice

app = Chalice("bare")
dynamodb = boto3.client("dynamodb")


@app.route("/courses")
def courses():
    key = {"kind": {"S": "no"}, "sort": {"S": "no"}}
    return {"found": "Item" in dynamodb.get_item(TableName=os.environ["TABLE_PREFIX"] + "catalog", Key=key)}
"""


@dataclass(frozen=True)
class Start:
    """One start: milliseconds of processor time until the function is ready, and of its first invocation."""

    init: float
    first: float


@dataclass(frozen=True)
class Measured:
    """A function: where it lies, and its first event, made anew for each start."""

    name: str
    new_process: Callable[[], MeasuredProcess]
    new_event: Callable[[], object]

    def start(self) -> Start:
        event, process = self.new_event(), self.new_process()
        try:
            process.start()
            init = process.cpu_seconds()
            outcome = invoke(process, event)
            both = process.cpu_seconds()
            assert not outcome.is_error, process.log()
        finally:
            process.stop()
        return Start(init * 1000, (both - init) * 1000)


def main() -> None:
    """Start the stores, measure, print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with DynamoDBLocal() as dynamodb, RedisServer() as redis, tempfile.TemporaryDirectory() as scratch:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        with conftest.alipay_simulator() as alipay, conftest.wechat_simulator() as wechat:
            print_table(functions(Path(scratch), alipay, wechat), rounds)


def functions(scratch: Path, alipay: AlipaySimulator, wechat: WechatSimulator) -> list[Measured]:
    """The shop's functions and the bare one."""
    from chalicelib.storage.tables import create_tables
    from tests import builders
    from tests.scheduled import SCHEDULED

    create_tables()
    shop = unpack(scratch / "shop")
    bare = bare_function(scratch / "bare", shop)
    category_id = builders.new_id()
    for _ in range(COURSES):
        builders.a_course(category_id=category_id)
    courses = api_event("GET", "/courses", category_id=str(category_id))
    environment = environment_of("api_handler")

    def cart() -> object:
        event, token = api_event("GET", "/shoppingcar"), builders.a_token(builders.a_user())
        event["headers"]["Authorization"], event["multiValueHeaders"]["Authorization"] = token, [token]
        return event

    def of(function: str) -> Callable[[], MeasuredProcess]:
        return lambda: shop.process(handler_of(function), environment_of(function))

    return [
        Measured(BARE, lambda: bare.process("app.app", environment), lambda: courses),
        Measured("api_handler", of("api_handler"), lambda: courses),
        Measured("api_handler, a cart", of("api_handler"), cart),
        Measured("alipay_notify", of("alipay_notify"), lambda: fresh_notice(alipay, wechat)),
        Measured("work_off_orders", of("work_off_orders"), lambda: SCHEDULED),
        Measured("send_messages", of("send_messages"), lambda: SCHEDULED),
        Measured("sweep_coupon_claims", of("sweep_coupon_claims"), lambda: SCHEDULED),
        Measured("hold_bills", of("hold_bills"), lambda: SCHEDULED),
    ]


def bare_function(folder: Path, shop: Unpacked) -> Unpacked:
    """The bare function, compiled as the shop's are; Chalice's runtime is the shop's."""
    from infra.zips import compile_in

    python = venvs.find_python(python_here())
    client, code = folder / "client", folder / "code"
    shutil.copytree(shop.client, client)
    requirements = HERE / "cold_start.txt"
    venvs.run("pip", [python, *venvs.PIP_INSTALL, "--target", client, "--no-deps", "-r", requirements])
    shutil.copytree(shop.code / "chalice", code / "chalice")
    (code / "app.py").write_text(BARE_APP)
    (folder / "layer").mkdir()
    for place in (client, code):
        compile_in(place, python, str(place))
    return Unpacked(code=code, layer=folder / "layer", client=client)


def fresh_notice(alipay: AlipaySimulator, wechat: WechatSimulator) -> object:
    """A genuine notification of an order that waits for it."""
    from tests import purchases
    from tests.addresses import ClientAt
    from tests.endpoints import Simulators, a_notice, an_example

    example = an_example(Simulators(alipay, wechat, conftest.polyv_simulator()), ClientAt)
    return purchases.event(urlencode(a_notice(example)))


def print_table(measured: list[Measured], rounds: int) -> None:
    """A row for each function."""
    starts: dict[str, list[Start]] = {one.name: [] for one in measured}
    for number in range(rounds + 1):
        begin = number % len(measured)
        for one in measured[begin:] + measured[:begin]:
            start = one.start()
            if number:  # the first fills the disk's cache
                starts[one.name].append(start)
    sums = {name: [s.init + s.first for s in of] for name, of in starts.items()}
    print(f"Python {python_here()}, medians of {rounds}, milliseconds of processor time\n")
    print("| Function | Init | First invocation | Sum | Sum by the bare function's |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, of in starts.items():
        init, first = statistics.median(s.init for s in of), statistics.median(s.first for s in of)
        ratio = statistics.median(mine / bare for mine, bare in zip(sums[name], sums[BARE], strict=True))
        print(f"| {name} | {init:.0f} | {first:.0f} | {statistics.median(sums[name]):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
