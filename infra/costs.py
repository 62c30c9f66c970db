"""What a stage costs, computed from its templates, from what was counted and measured, and from a list of prices.

    python -m infra.costs [--prices FILE] [STAGE ...]     prints the sheet of these stages
    python -m infra.costs --write                         writes that of the examples into README.md and costs.svg

`inventory.py` says what stands, `counted.py` what requests take, `usage.json` which requests a visit and an order make
and what is assumed besides, each with its reason, `prices.json` what AWS takes, where and when. All are quantities by
the names of the list of prices; a sum is their product.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.bars import Bar, picture
from infra.counted import Call, Counted, counted
from infra.inventory import Inventory, inventory
from infra.stacks import NotDeployed
from infra.stage import read_stage

INFRA = Path(__file__).resolve().parent
README, PICTURE, PRICES = INFRA / "README.md", INFRA / "costs.svg", INFRA / "prices.json"
EXAMPLES = {"usual": "example", "small": "example-small"}
"""The stages of the sheet: their names there, and those of their files."""
NAMES = {
    "APIHandler": "api_handler",
    "AlipayNotify": "alipay_notify",
    "WechatNotify": "wechat_notify",
    "WorkOffOrders": "work_off_orders",
    "SendMessages": "send_messages",
    "SweepCouponClaims": "sweep_coupon_claims",
    "HoldBills": "hold_bills",
}
"""The functions: their names in the template, and in the tables."""
NOTICE = "POST /trade/alipay"

WHOLE_PROCESSOR_MB = 1769
"""A function of this much memory has a whole processor, another one its share (AWS, Lambda's developer guide)."""
MEMORIES = (256, 512, 1024, WHOLE_PROCESSOR_MB)
DAYS = 30
MINUTES = DAYS * 24 * 60
TIMERS = {
    "WorkOffOrders": MINUTES,
    "SendMessages": MINUTES,
    "SweepCouponClaims": MINUTES,
    "HoldBills": DAYS * 6,
}
"""How often each timer runs in a month."""
MONTHS = ((0, 0), (1_000, 50), (10_000, 500), (100_000, 5_000))
"""Visits and orders of the months that the sheet tells the sums of."""

Quantities = dict[str, float]
"""How much of what, by the names of the list of prices."""


class NoPrice(Exception):
    """The list of prices does not know something that is used."""


@dataclass(frozen=True)
class School:
    """A stage, and what is known of the shop and of those who use it."""

    stage: Inventory
    counted: Counted
    usage: Mapping[str, Any]

    def assumed(self, name: str) -> Any:
        """An assumption's value. Raises KeyError for one that usage.json has not."""
        return self.usage["assumptions"][name]["is"]

    def call(self, name: str) -> Call:
        """What one request, or run of a timer, takes. Raises KeyError for one that was not counted."""
        call = self.counted.calls[name]
        if self.stage.redis == "dynamodb":
            call = self.counted.without_redis.get(name, call)
        return replace(
            call,
            processor=call.processor + self.assumed("hashes").get(name, 0) * self.counted.hash_ms,
            reads=max(
                call.reads, call.trips * self.assumed("empty_query_units") if name in NAMES.values() else 0
            ),
        )

    def function(self, name: str) -> str:
        """Which function does it."""
        timers = {NAMES[timer]: timer for timer in TIMERS}
        return timers.get(name, "AlipayNotify" if name == NOTICE else "APIHandler")

    def seconds(self, name: str) -> float:
        """How long the function works on it: its processor time by its share of a processor, and what it waits for."""
        call = self.call(name)
        provider = self.assumed("asks_provider").get(name, 0) * self.assumed("provider_ms")
        waiting = call.trips * self.assumed("round_trip_ms") + provider
        return (call.processor / self._share(self.function(name)) + waiting) / 1000

    def start_seconds(self, function: str) -> float:
        """How long a start takes, without what Lambda does before it runs any of our code."""
        return self.counted.starts[NAMES[function]] / self._share(function) / 1000

    def _share(self, function: str) -> float:
        """How much of a processor a function has. It does one thing at a time: more than one is no help."""
        memory = self.stage.functions[function].memory
        return min(1, memory / WHOLE_PROCESSOR_MB) * float(self.assumed("processor"))

    def run(self, name: str) -> Quantities:
        """What one run of a function uses."""
        call, memory = self.call(name), self.stage.functions[self.function(name)].memory
        log = self.assumed("log_bytes") / 1e9
        return {
            "Lambda request": 1,
            "Lambda GB-second": self.seconds(name) * memory / 1024,
            "read unit": call.reads,
            "write unit": call.writes,
            "log GB": log,
            "log GB-month": log * self.stage.log_days / DAYS,
            "trace": self.assumed("traced"),
        }

    def request(self, name: str) -> Quantities:
        """What one request uses, with what stands before the function. Notices do not come through CloudFront."""
        by_front = float("front" in self.stage.stacks and name != NOTICE)
        return total(
            self.run(name),
            {
                "API Gateway request": 1,
                "web ACL request": self.stage.things.get("AWS::WAFv2::WebACL", 0),
                "CloudFront request": by_front,
                "CloudFront function": by_front,
            },
        )

    def start(self, function: str) -> Quantities:
        """What the start of a function uses."""
        found = self.stage.functions[function]
        if found.snap_start:
            return {"SnapStart GB restored": found.memory / 1024}
        seconds = self.start_seconds(function)
        return {"Lambda GB-second": seconds * found.memory / 1024, "secret read": found.secrets}

    def journey(self, name: str) -> Quantities:
        """What a visit or an order uses."""
        asks = [step["asks"] for step in [*self.usage[name], *self.usage.get(f"{name}_besides", [])]]
        requests = [times(self.request(one), count) for step in asks for one, count in step.items()]
        starts = [times(self.start(one), count) for one, count in self.assumed("starts")[name].items()]
        by_front = float("front" in self.stage.stacks)
        files = self.assumed("files")[name] * by_front
        front = {
            "CloudFront request": files,
            "CloudFront function": files,
            "CloudFront GB": self.assumed("sent_mb")[name] / 1000 * by_front,
        }
        return total(front, *requests, *starts, {"write unit": self.assumed("index_writes").get(name, 0)})

    def idle(self) -> Quantities:
        """What a month uses in which nobody comes."""
        snapshots = sum(one.memory for one in self.stage.functions.values() if one.snap_start) / 1024
        timers = [times(self.run(NAMES[timer]), runs) for timer, runs in TIMERS.items()]
        own = {"table GB": self.assumed("table_gb"), "SnapStart GB": snapshots}
        return total(self.stage.things, own, *timers)

    def month(self, visits: int, orders: int) -> Quantities:
        """What a month uses with so many of each."""
        return total(self.idle(), times(self.journey("visit"), visits), times(self.journey("order"), orders))

    def with_memory(self, memory: int) -> School:
        """The same with all functions of so many MB."""
        functions = {name: replace(one, memory=memory) for name, one in self.stage.functions.items()}
        return replace(self, stage=replace(self.stage, functions=functions))


def total(*parts: Mapping[str, float]) -> Quantities:
    """The quantities together."""
    found: Quantities = {}
    for part in parts:
        for name, quantity in part.items():
            found[name] = found.get(name, 0) + quantity
    return found


def times(quantities: Mapping[str, float], count: float) -> Quantities:
    """So often the quantities."""
    return {name: quantity * count for name, quantity in quantities.items()}


def costs(quantities: Mapping[str, float], prices: Mapping[str, Any], free: bool = False) -> dict[str, float]:
    """What the quantities cost, by group; with `free`, less what each account has free every month. Raises NoPrice
    for what the list of prices neither has nor says to be without price.
    """
    listed, found = prices["prices"], dict.fromkeys((one["group"] for one in prices["prices"].values()), 0.0)
    for name, quantity in quantities.items():
        if name in prices["without_price"]:
            continue
        if name not in listed:
            raise NoPrice(f"{name}: give it a price, or say that it has none, in the list of prices.")
        price = listed[name]
        due = max(0, quantity - price.get("free", 0)) if free else quantity
        found[price["group"]] += due * price["is"] / price.get("per", 1)
    return found


def sheet(schools: Mapping[str, School], prices: Mapping[str, Any]) -> str:
    """The tables in Markdown, one column for each school. Raises NoPrice."""
    parts = [
        f"In {prices['currency']}; {prices['region']}; prices of {prices['date']}. {prices['source']}",
        *_months(schools, prices),
        "",
        *_table(
            "A month in which nobody comes",
            {name: costs(school.idle(), prices) for name, school in schools.items()},
            2,
        ),
        "",
        *_table(
            "What is used",
            {
                f"1,000 {journey}s, {name}": costs(times(school.journey(journey), 1000), prices)
                for journey in ("visit", "order")
                for name, school in schools.items()
            },
            3,
        ),
        "",
        *_memories(next(iter(schools.values())), prices),
    ]
    return "\n".join(parts)


def _months(schools: Mapping[str, School], prices: Mapping[str, Any]) -> list[str]:
    rows = ["", f"| A month with | {' | '.join(f'{name} | {name}, less what is free' for name in schools)} |"]
    rows.append("| --- |" + " ---: |" * 2 * len(schools))
    for visits, orders in MONTHS:
        sums = []
        for school in schools.values():
            used = school.month(visits, orders)
            sums += [f"{sum(costs(used, prices, free).values()):.2f}" for free in (False, True)]
        rows.append(f"| {visits:,} visits, {orders:,} orders | {' | '.join(sums)} |")
    return rows


def _table(title: str, columns: Mapping[str, Mapping[str, float]], digits: int) -> list[str]:
    rows = [f"| {title} | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for group in dict.fromkeys(group for column in columns.values() for group in column):
        amounts = [column[group] for column in columns.values()]
        if any(amounts):
            rows.append(
                f"| {group} | " + " | ".join(f"{one:.{digits}f}" if one else "-" for one in amounts) + " |"
            )
    sums = [sum(column.values()) for column in columns.values()]
    rows.append("| **together** | " + " | ".join(f"**{one:.{digits}f}**" for one in sums) + " |")
    return rows


def _memories(school: School, prices: Mapping[str, Any]) -> list[str]:
    rows = [
        "| Memory, MB | course's page, ms | signing in, ms | start without a snapshot, ms | notice, ms |"
        " Lambda for 1,000 visits | for 1,000 orders | for timers and snapshots, a month |",
        "| ---: |" + " ---: |" * 7,
    ]
    for memory in MEMORIES:
        one = school.with_memory(memory)
        waits = [one.seconds(name) for name in ("GET /course/{id}", "POST /login")]
        waits += [one.start_seconds("APIHandler"), one.seconds(NOTICE)]
        used = [times(one.journey("visit"), 1000), times(one.journey("order"), 1000), one.idle()]
        rows.append(
            f"| {memory} | {' | '.join(f'{1000 * wait:.0f}' for wait in waits)} | "
            + " | ".join(f"{costs(part, prices)['Lambda']:.3f}" for part in used)
            + " |"
        )
    return rows


def bars(schools: Mapping[str, School], prices: Mapping[str, Any]) -> str:
    """The months as a picture (SVG)."""
    return picture(
        [
            Bar(f"{visits:,} visits, {orders:,} orders: {name}", costs(school.month(visits, orders), prices))
            for visits, orders in MONTHS[:3]
            for name, school in schools.items()
        ],
        prices["currency"],
    )


def read(stages: Mapping[str, str]) -> dict[str, School]:
    """The schools of these stages. Raises NotDeployed for a stage that there is not."""
    usage, known = json.loads((INFRA / "usage.json").read_text(encoding="utf-8")), counted()
    return {name: School(inventory(read_stage(stage)), known, usage) for name, stage in stages.items()}


def with_sheet(document: str, text: str) -> str:
    """A document with this sheet between its marks. Raises ValueError for one without them."""
    marks = re.compile(r"(?<=<!-- costs -->\n).*(?=\n<!-- end of the costs -->)", re.DOTALL)
    written, found = marks.subn(lambda _: f"\n{text}\n", document)
    if found != 1:
        raise ValueError("there are no marks for the sheet of costs")
    return written


def main(arguments: Iterable[str]) -> int:
    """Print or write -> the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description="What a stage costs.")
    parser.add_argument("--prices", type=Path, default=PRICES)
    parser.add_argument(
        "--write", action="store_true", help="into README.md and costs.svg, the examples' sheet"
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="names of files in infra/stages/")
    options = parser.parse_args(list(arguments))
    if options.write and (options.stages or options.prices != PRICES):
        parser.error("README.md has the examples' sheet with prices.json: --write takes no others")
    prices = json.loads(options.prices.read_text(encoding="utf-8"))
    try:
        schools = read({stage: stage for stage in options.stages} or EXAMPLES)
        text = sheet(schools, prices)
    except (NotDeployed, NoPrice) as error:
        print(error, file=sys.stderr)
        return 1
    if not options.write:
        print(text)
        return 0
    README.write_text(with_sheet(README.read_text(encoding="utf-8"), text), encoding="utf-8")
    PICTURE.write_text(bars(schools, prices), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
