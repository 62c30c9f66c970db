"""What the sheet of costs takes besides the table of round trips, counted, and held against docs/round-trips.md:
requests without Redis, those whose units follow the length of the catalogue, and a minute of the timers.

A reading that differs fails the test and prints the row as it would have to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

import app as application
from chalicelib.flows.hold_bills import HOLD_SECONDS, hold_last
from chalicelib.gateways import Gateways
from chalicelib.settings import IN_DYNAMODB
from chalicelib.shop.payment_type import ALIPAY
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from tests import builders
from tests.addresses import ClientAt
from tests.conftest import Stores
from tests.documents import ROUND_TRIPS
from tests.endpoints import ENDPOINTS, Endpoint, Simulators
from tests.faults import units
from tests.faults.routing import FaultyApp, forget_connections
from tests.integration.test_round_trips import Meter, documented_rows, name_of, waits
from tests.other_shop import OtherShop
from tests.purchases import Clock
from tests.scheduled import SCHEDULED

WITHOUT_REDIS = [endpoint for endpoint in ENDPOINTS if " Redis" in documented_rows()[endpoint.name]]


def rows_of(heading: str) -> dict[str, str]:
    """The rows of the table below a heading, by what they are of."""
    part = ROUND_TRIPS.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


@pytest.fixture
def meter_without_redis(
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    polyv: PolyvSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Meter]:
    monkeypatch.setenv("REDIS_URL", IN_DYNAMODB)
    forget_connections()
    yield Meter(faulty_app, Simulators(alipay, wechat, polyv))
    monkeypatch.undo()
    forget_connections()


@pytest.mark.parametrize("endpoint", WITHOUT_REDIS, ids=name_of)
def test_an_endpoint_without_redis_costs_what_the_table_says(
    meter_without_redis: Meter, endpoint: Endpoint
) -> None:
    cost = meter_without_redis.cost(endpoint)
    assert cost.redis == 0
    row = f"| {endpoint.name} | {waits(endpoint, cost)} | {cost.read_units:g} | {cost.write_units:g} |"
    assert rows_of("Without Redis").get(endpoint.name) == row


def test_the_table_without_redis_lists_what_asks_redis() -> None:
    assert set(rows_of("Without Redis")) == {endpoint.name for endpoint in WITHOUT_REDIS}


def a_get(path: str) -> Callable[[ClientAt], object]:
    return lambda client: client.get(path)


def alipay_only() -> Gateways:
    """What a school has that sells by one provider."""
    return Gateways(payments={ALIPAY: application.app.gateways.of(ALIPAY)}, geetest=None)


OF_A_SCHOOL: dict[str, Callable[[ClientAt], object]] = {
    "`GET /home`": a_get("/home"),
    "`GET /courses/search`": a_get("/courses/search"),
    "`GET /course/{id}`": a_get("/course/900001"),
    "`GET /coupons/available`, signed in": a_get("/coupons/available?coming=1"),
    "`work_off_orders`": lambda _: application.work_off_orders(SCHEDULED, None),
    "`send_messages`": lambda _: application.send_messages(SCHEDULED, None),
    "`sweep_coupon_claims`": lambda _: application.sweep_coupon_claims(SCHEDULED, None),
    "`hold_bills`": lambda _: hold_last(alipay_only(), application.app.process.now, HOLD_SECONDS),
}
"""What is asked of a shop with the demo's catalogue, by its row."""


A_MORNING = datetime(2200, 1, 5, 2, 10, tzinfo=UTC)
"""Ten past ten in Beijing, of a day before which nobody has traded."""


@pytest.fixture
def demo(stores: Stores, faulty_app: FaultyApp) -> Iterator[FaultyApp]:
    """A shop with the demo in it and nothing else, which this process's application serves."""
    shop = OtherShop(stores)
    with shop.in_use():
        shop.does("seed-demo")
        application.app.forget_fresh()
        yield faulty_app
    application.app.forget_fresh()


def test_a_schools_catalogue_costs_what_the_table_says(demo: FaultyApp, common_clock: Clock) -> None:
    counted = {}
    for name, act in OF_A_SCHOOL.items():
        client = ClientAt(builders.a_user() if "signed in" in name else None)
        application.app.forget_fresh()
        if "bills" in name:
            common_clock.stand_at(A_MORNING)
        with demo.dynamodb.recording() as calls:
            act(client)
        consumed = units(calls)
        counted[name] = f"| {name} | {len(calls)} | {consumed.read:g} | {consumed.write:g} |"
    assert rows_of("A school's catalogue, and the timers") == counted
