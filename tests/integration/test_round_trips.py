"""Network round trips and DynamoDB units of every endpoint, counted, and held against docs/round-trips.md.

A reading that differs fails the test and prints the row as it would have to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import app as application
from localstack.alipay import AlipaySimulator
from tests.addresses import ClientAt
from tests.documents import ROUND_TRIPS
from tests.endpoints import ENDPOINTS, Endpoint, Example, an_example, succeeded
from tests.faults import units
from tests.faults.routing import FaultyApp

VARYING = {
    "`GET /course/category`",
    "`GET /coupons/available`",
    "`GET /admin/refunds`",
}
"""Lists of the whole school: their read units follow the length of the list."""


@dataclass(frozen=True)
class Cost:
    """What one request costs."""

    dynamodb: int
    redis: int
    alipay: int
    read_units: float
    write_units: float

    @property
    def round_trips(self) -> int:
        return self.dynamodb + self.redis + self.alipay

    def row(self, endpoint: Endpoint) -> str:
        """The row of the documented table."""
        calls = {"DynamoDB": self.dynamodb, "Redis": self.redis, "Alipay": self.alipay}
        where = ", ".join(f"{count} {store}" for store, count in calls.items() if count) or "-"
        read_units = "varies" if endpoint.name in VARYING else f"{self.read_units:g}"
        return f"| {endpoint.name} | {self.round_trips} | {where} | {read_units} | {self.write_units:g} |"


class Meter:
    """Counts what a request costs the running application."""

    def __init__(self, shop: FaultyApp, alipay: AlipaySimulator) -> None:
        self.shop = shop
        self.alipay = alipay

    def an_example(self, courses: int = 2) -> Example:
        return an_example(self.alipay, ClientAt, courses)

    def cost(self, endpoint: Endpoint, courses: int = 2) -> Cost:
        example = self.an_example(courses)
        example.learner.get("/shoppingcar/")  # every connection is open
        prepared = endpoint.prepare(example)
        application.app.forget_fresh()
        with (
            self.shop.dynamodb.recording() as calls,
            self.shop.redis.recording() as trips,
            self.shop.alipay.recording() as asked,
        ):
            answer = endpoint.call(example, prepared)
        assert succeeded(answer), answer
        consumed = units(calls)
        return Cost(
            dynamodb=len(calls),
            redis=len([trip for trip in trips if not trip.setup]),
            alipay=len(asked),
            read_units=consumed.read,
            write_units=consumed.write,
        )


@pytest.fixture
def meter(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Meter:
    return Meter(faulty_app, alipay)


def name_of(endpoint: Endpoint) -> str:
    return endpoint.name


def named(name: str) -> Endpoint:
    return next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)


def documented_rows() -> dict[str, str]:
    rows = [line for line in ROUND_TRIPS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows if row.count("|") == 6}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_an_endpoint_costs_what_the_table_says(meter: Meter, endpoint: Endpoint) -> None:
    assert documented_rows().get(endpoint.name) == meter.cost(endpoint).row(endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_no_endpoint_makes_more_round_trips_for_more_lines(meter: Meter, endpoint: Endpoint) -> None:
    assert meter.cost(endpoint, courses=8).round_trips == meter.cost(endpoint, courses=1).round_trips


def test_the_table_lists_every_endpoint_of_the_application() -> None:
    listed = {endpoint.name.split("`")[1].replace("{id}", "{course_id}") for endpoint in ENDPOINTS}
    declared = {
        f"{method} {path.replace('{detail_id}', '{course_id}')}"
        for path, methods in application.app.routes.items()
        for method in methods
    }
    # The search reads the whole catalogue: its cost is counted in its own tests.
    others = {"GET /trade/alipay", "GET /courses/search"}
    assert declared - others | {"POST /trade/alipay"} == listed


def test_a_warm_catalogue_answer_costs_nothing(meter: Meter) -> None:
    example = meter.an_example()
    for endpoint in ENDPOINTS:
        if "/cours" in endpoint.name and "signed in" not in endpoint.name:
            prepared = endpoint.prepare(example)
            endpoint.call(example, prepared)
            with meter.shop.dynamodb.recording() as calls:
                endpoint.call(example, prepared)
            assert not calls, endpoint.name


@pytest.mark.parametrize(
    ("name", "most"),
    [("`GET /coursedetail/{id}`", 1), ("`GET /courses`, of a category", 1), ("`GET /shoppingcar`", 3)],
)
def test_the_aims_for_reads_are_kept(meter: Meter, name: str, most: int) -> None:
    assert meter.cost(named(name)).round_trips <= most


def test_the_pay_address_is_known_after_four_round_trips_at_most(meter: Meter) -> None:
    cost = meter.cost(named("`POST /payment`"))
    # The last one, in Redis, empties the cart when the address is known already.
    assert cost.dynamodb <= 4
    assert cost.redis == 1
