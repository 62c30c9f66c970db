"""Network round trips and DynamoDB units of every endpoint, counted, and held against docs/round-trips.md.

A reading that differs fails the test and prints the row as it would have to be.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

import app as application
from chalicelib.shop.catalog import find_course_contents
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from tests.addresses import ClientAt
from tests.costs import Cost, cost_of
from tests.documents import ROUND_TRIPS
from tests.endpoints import ENDPOINTS, Endpoint, Example, Simulators, an_example, succeeded
from tests.faults import Action, DynamoDBCall, Exchange, Fault
from tests.faults.routing import FaultyApp

VARYING = {
    "`GET /course/category`",
    "`GET /courses`, of a category",
    "`GET /coursedetail/{id}`",
    "`GET /course/{id}`, with a recommended course, and a coupon for a course",
    "`GET /coupons/available`, visitor",
    "`GET /coupons/available`, signed in",
    "`GET /admin/refunds`",
}
"""Those that read a list of the whole school, categories among them: their read units follow its length."""


AT_ONCE = {
    "`GET /sessions`": 2,
    "`GET /courses`, of a category": 2,
    "`GET /coursedetail/{id}`": 2,
    "`GET /userinfo`": 2,
    "`PUT /userinfo`": 2,
    "`GET /course/{id}/mine`": 3,
    "`GET /course/{id}`, with a recommended course, and a coupon for a course": 3,
    "`GET /course/{id}/chapters`, signed in": 2,
    "`POST /course/{id}/sections/{section_id}/play`, enrolled, a new player": 3,
    "`POST /course/{id}/sections/{section_id}/play`, enrolled, going on": 3,
    "`POST /study/report`": 2,
    "`GET /study`": 3,
    "`GET /course/{id}/progress`": 4,
    "`GET /course/{id}/asked`": 2,
    "`POST /course/{id}/asked`, while one waits": 3,
    "`GET /course/{id}/sections/{section_id}/assignment`": 3,
    "`PUT /course/{id}/sections/{section_id}/assignment`": 3,
    "`GET /shoppingcar`": 2,
    "`GET /account`": 2,
    "`POST /account/quote`": 4,
    "`GET /coupons`": 2,
    "`GET /coupons/available`, signed in": 3,
    "`GET /myorder`": 2,
    "`GET /order/{order_number}`, unpaid": 4,
    "`GET /order/{order_number}/refund_preview`": 3,
    "`GET /beli`": 2,
    "`GET /mycourses`": 3,
    "`GET /admin/refunds`": 2,
}
"""How many reads of DynamoDB go out together: a request waits once for all of them."""


BESIDE_REDIS = {"`GET /userinfo`", "`PUT /userinfo`", "`GET /course/{id}/mine`"}
"""Redis is asked at the same time as well."""


def waits(endpoint: Endpoint, cost: Cost) -> int:
    """How often the request waits: once for all that goes out together."""
    return cost.calls - AT_ONCE.get(endpoint.name, 1) + 1 - (endpoint.name in BESIDE_REDIS)


def row(endpoint: Endpoint, cost: Cost) -> str:
    """The row of the documented table."""
    at_once = AT_ONCE.get(endpoint.name, 1)
    dynamodb = f"DynamoDB ({at_once} at once)" if at_once > 1 else "DynamoDB"
    redis = "Redis (at once, too)" if endpoint.name in BESIDE_REDIS else "Redis"
    calls = {dynamodb: cost.dynamodb, redis: cost.redis, "Alipay": cost.alipay, "WeChat Pay": cost.wechat}
    calls["Polyv"] = cost.polyv
    where = ", ".join(f"{count} {store}" for store, count in calls.items() if count) or "-"
    read_units = "varies" if endpoint.name in VARYING else f"{cost.read_units:g}"
    return f"| {endpoint.name} | {waits(endpoint, cost)} | {where} | {read_units} | {cost.write_units:g} |"


class Meter:
    """Counts what a request costs the running application."""

    def __init__(self, shop: FaultyApp, providers: Simulators) -> None:
        self.shop = shop
        self.providers = providers

    def an_example(self, courses: int = 2) -> Example:
        return an_example(self.providers, ClientAt, courses)

    def cost(self, endpoint: Endpoint, courses: int = 2) -> Cost:
        example = self.an_example(courses)
        example.learner.get("/shoppingcar/")  # every connection is open
        prepared = endpoint.prepare(example)
        application.app.forget_fresh()
        return cost_of(self.shop, lambda: endpoint.call(example, prepared))


@pytest.fixture
def meter(
    faulty_app: FaultyApp, alipay: AlipaySimulator, wechat: WechatSimulator, polyv: PolyvSimulator
) -> Meter:
    return Meter(faulty_app, Simulators(alipay, wechat, polyv))


def name_of(endpoint: Endpoint) -> str:
    return endpoint.name


def named(name: str) -> Endpoint:
    return next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)


def documented_rows() -> dict[str, str]:
    rows = [line for line in ROUND_TRIPS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows if row.count("|") == 6}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_an_endpoint_costs_what_the_table_says_and_no_more_calls_for_more_lines(
    meter: Meter, endpoint: Endpoint
) -> None:
    cost = meter.cost(endpoint)
    assert documented_rows().get(endpoint.name) == row(endpoint, cost)
    assert meter.cost(endpoint, courses=8).calls == cost.calls


def meeting(of: int) -> Action:
    """Calls wait here until so many different ones have come. One that is sent only after another's answer never
    does, however often that other one is repeated.
    """
    changed, come = threading.Condition(), set()

    def act(exchange: Exchange) -> bytes:
        with changed:
            call = exchange.call
            come.add(str(call.request if isinstance(call, DynamoDBCall) else call.requests))
            changed.notify_all()
            changed.wait_for(lambda: len(come) >= of, timeout=20)
        return exchange.forward()

    return act


READS_BEFORE = {
    "`GET /order/{order_number}`, unpaid": 2,
    "`GET /order/{order_number}/refund_preview`": 2,
    "`GET /admin/refunds`": 2,
}
"""How many reads an endpoint makes one by one before those that go out together."""


def reads_after(count: int) -> Callable[[DynamoDBCall], bool]:
    """Whether a call is a read, once so many reads have gone out."""
    before = itertools.count()
    return lambda call: call.only_reads and next(before) >= count


@pytest.mark.parametrize("name", AT_ONCE)
def test_reads_go_out_at_once(meter: Meter, name: str) -> None:
    endpoint, example, wanted = named(name), meter.an_example(), AT_ONCE[name]
    prepared = endpoint.prepare(example)
    application.app.forget_fresh()
    contents = example.courses[0].key
    application.app.fresh(("contents", contents), lambda: find_course_contents(contents))
    together = reads_after(READS_BEFORE.get(name, 0))
    example.learner.get("/shoppingcar/")  # every connection is open
    if name in BESIDE_REDIS:
        act = meeting(wanted + 1)
        meet_redis = meter.shop.redis.faults(Fault.on(action=act))
    else:
        act, meet_redis = meeting(wanted), meter.shop.redis.faults()
    with meet_redis, meter.shop.dynamodb.faults(Fault.on(action=act, where=together)):
        assert succeeded(endpoint.call(example, prepared))


def test_the_table_lists_every_endpoint_of_the_application() -> None:
    listed = {endpoint.name.split("`")[1].replace("{id}", "{course_id}") for endpoint in ENDPOINTS}
    declared = {
        f"{method} {path.replace('{detail_id}', '{course_id}')}"
        for path, methods in application.app.routes.items()
        for method in methods
    }
    # These read all that is on show: their cost is counted in `test_course_search.py` and `test_home.py`.
    on_show = {"GET /courses/search", "GET /home", "GET /teachers", "GET /teachers/{teacher_id}"}
    others = {"GET /trade/alipay"} | on_show
    assert declared - others | {"POST /trade/alipay", "POST /trade/wechat"} == listed


OF_ONE = ("signed in", "/mine", "/play", "/progress", "/asked", "/assignment")
"""What stands in the names of endpoints below a course that answer each learner something else."""


def test_a_warm_catalogue_answer_costs_nothing(meter: Meter) -> None:
    example = meter.an_example()
    for endpoint in ENDPOINTS:
        if "/cours" in endpoint.name and not any(own in endpoint.name for own in OF_ONE):
            prepared = endpoint.prepare(example)
            endpoint.call(example, prepared)
            with meter.shop.dynamodb.recording() as calls:
                endpoint.call(example, prepared)
            assert not calls, endpoint.name


@pytest.mark.parametrize(
    ("name", "most"),
    [("`GET /coursedetail/{id}`", 1), ("`GET /courses`, of a category", 1), ("`GET /shoppingcar`", 2)],
)
def test_the_aims_for_reads_are_kept(meter: Meter, name: str, most: int) -> None:
    endpoint = named(name)
    assert waits(endpoint, meter.cost(endpoint)) <= most


def test_the_pay_address_is_known_after_two_round_trips(meter: Meter) -> None:
    cost = meter.cost(named("`POST /payment`"))
    # A batch read and the transaction; then the cart is emptied in Redis, and an equal order looked for.
    assert (cost.dynamodb, cost.redis) == (3, 1)
