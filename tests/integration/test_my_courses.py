"""`GET /mycourses`: what is owned, until when, what gave it, and what can be done with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.flows.grant import grant_enrollment
from chalicelib.shop import catalog
from chalicelib.shop.catalog import Course
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Clock


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def buy(learner: Client, alipay: AlipaySimulator, *courses: Course) -> str:
    number = purchases.place(learner, list(courses), len(courses))
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    return number


def mine(learner: Client) -> dict[str, Any]:
    """The rows by their courses' names."""
    return {row["name"]: row for row in learner.get("/mycourses")["data"]}


def test_a_row_says_for_how_long_and_by_which_orders(
    learner: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    assert learner.user is not None
    course, other = builders.a_course(prices=[100]), builders.a_course(prices=[100])
    bought_at = builders.now()
    clock.stand_at(bought_at)
    first = buy(learner, alipay, course)
    clock.stand_at(bought_at + timedelta(hours=1))
    second = buy(learner, alipay, course, other)
    grant_enrollment(learner.user, course.key, 30, "a gift", "lin", clock())
    row = mine(learner)[course.name]
    assert (row["days_left"], row["orders"]) == (43, [second, first])
    assert mine(learner)[other.name]["orders"] == [second]
    clock.stand_at(bought_at + timedelta(days=1))
    assert mine(learner)[course.name]["days_left"] == 43
    clock.stand_at(bought_at + timedelta(days=1, microseconds=1))
    assert mine(learner)[course.name]["days_left"] == 42


def test_what_is_paused_or_over_has_no_days_left(
    learner: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    course = builders.a_course(prices=[100])
    clock.stand_at(builders.now())
    number = buy(learner, alipay, course)
    asked = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    row = mine(learner)[course.name]
    assert (row["paused"], row["days_left"], row["orders"]) == (True, None, [number])
    learner.delete(f"/order/{number}/refund/{asked['request_no']}")
    assert mine(learner)[course.name]["days_left"] == 7
    clock.stand_at(clock() + timedelta(days=1))
    request_no = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]["request_no"]
    office = Client(learner.base_url, builders.an_admin())
    assert office.post(f"/admin/refunds/{request_no}/approve")["code"] == 1000
    row = mine(learner)[course.name]
    assert (row["ended"], row["days_left"], row["orders"]) == (True, None, [])


def test_for_ever_has_no_number_of_days(learner: Client, alipay: AlipaySimulator) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[100])
    grant_enrollment(learner.user, course.key, 36000, "a gift", "lin", builders.now())
    row = mine(learner)[course.name]
    assert (row["end_date"], row["days_left"], row["orders"]) == ("永久", None, [])
    assert row["sellable"] is False
    # What was paid for while it runs for ever gave it too: it can be refunded.
    number = buy(learner, alipay, course)
    assert mine(learner)[course.name]["orders"] == [number]


@pytest.mark.parametrize(
    ("status", "sellable"), [(catalog.ONLINE, True), (catalog.ANNOUNCED, False), (catalog.OFFLINE, False)]
)
def test_whether_another_term_can_be_bought_is_the_catalogues_word_of_today(
    learner: Client, alipay: AlipaySimulator, status: str, sellable: bool
) -> None:
    course = builders.a_course(prices=[100])
    buy(learner, alipay, course)
    course.update([Course.status.set(status)])
    assert mine(learner)[course.name]["sellable"] is sellable
    assert mine(learner)[course.name]["hours"] == 30
    course.update([Course.policies.set([])])
    assert mine(learner)[course.name]["sellable"] is False


def test_a_course_that_is_gone_is_still_owned(learner: Client, alipay: AlipaySimulator) -> None:
    course = builders.a_course(prices=[100])
    buy(learner, alipay, course)
    course.delete()
    row = mine(learner)[course.name]
    assert (row["coursedetail_id"], row["hours"], row["sellable"]) == (None, 0, False)
