"""What happens on the way to a course when something fails or is killed, through all that `make run` starts."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.client import Client
from tests.e2e.local_run import Run, until
from tests.e2e.shop import (
    PAID,
    PASSWORD,
    SECONDS,
    Shop,
    chosen,
    claimed_and_ordered,
    ordered,
    owned,
    paid,
    quoted,
    registered,
    solved,
    started,
    status,
    unproven,
    used_coupons,
)


class RunningShop(Shop):
    """A shop that `make run` has started."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.run_env())
        self.run = run


@pytest.fixture
def shop(open_shop: Run) -> Iterator[RunningShop]:
    """One shop for all tests here; each finds the simulators as they are by themselves."""
    shop = RunningShop(open_shop)
    yield shop
    shop.switch_geetest("up")
    shop.switch_notices(True)


# --- the tests ---------------------------------------------------------------------------------------------


def test_the_printed_lines_sign_in_from_a_terminal(shop: RunningShop) -> None:
    until(lambda: started(shop.visitor())["success"] == 1, "the captcha stayed offline")
    answer = shop.run.signed_in_as_printed()
    assert answer["code"] == 1000
    assert answer["data"]["userinfo"]["username"] == "demo"


def test_with_geetest_down_learners_sign_in_and_strangers_wait(shop: RunningShop) -> None:
    learner, name = registered(shop)
    choice = chosen(learner)
    shop.switch_geetest("down")

    visitor = shop.visitor()
    signed_in = visitor.post("/login", {"username": name, "password": PASSWORD, **unproven(visitor)})
    assert signed_in["code"] == 1000
    assert signed_in["data"]["userinfo"]["username"] == name

    refused = visitor.post(
        "/register/", {"username": f"{name}-too", "password": PASSWORD, **unproven(visitor)}
    )
    assert refused["code"] == 1001
    assert learner.post(f"/coupons/{choice.coupon_id}/claim", unproven(learner))["code"] == 1001
    assert not learner.get("/coupons")["data"]["usable"]


def test_a_purchase_completes_by_itself_when_no_notification_comes(shop: RunningShop) -> None:
    learner, _ = registered(shop)
    choice, order = claimed_and_ordered(shop, learner)
    shop.switch_notices(False)
    paid(order)
    until(lambda: status(learner, order) == PAID, "the order's page did not ask Alipay")
    assert owned(learner) == [choice.course_id]
    assert not any(notice["deliveries"] for notice in shop.trade(order.number)["notices"])


def test_killing_the_shop_between_payment_and_notification_leaves_nothing_wrong(shop: RunningShop) -> None:
    learner = shop.visitor()
    answer = learner.post(
        "/login", {"username": "demo", "password": "demo-shop-2026", **solved(shop, learner)}
    )
    learner.token = answer["data"]["token"]
    beli = learner.get("/beli")["data"]["beli"]
    quote = quoted(learner, chosen(learner))
    best, spent = quote["best"], quote["best_beli"]
    assert spent > 0
    coupons = {line.get("coupon_record_id") for line in best["course_list"]} | {best["global_coupon_id"]}
    coupons -= {None, ""}
    assert coupons
    order = ordered(learner, best)
    shop.switch_notices(False)
    paid(order)
    shop.run.send(signal.SIGKILL)
    shop.run.ended()

    shop.run.start().until_ready()
    assert shop.trade(order.number)["status"] == "TRADE_SUCCESS"
    shop.switch_notices(True)
    until(lambda: status(learner, order) == PAID, "the order was not delivered after the restart")
    until(lambda: shop.notice_accepted(order.number), "the notification was not accepted")
    assert status(learner, order) == PAID
    assert set(owned(learner)) >= {line["course_id"] for line in best["course_list"]}
    assert set(used_coupons(learner)) >= coupons
    account = learner.get("/beli")["data"]
    assert account["beli"] == sum(entry["beli"] for entry in account["entries"])
    assert account["beli"] == beli - spent


class Killed(Exception):
    """The shop was killed."""


class Hunted:
    """A learner whose shop can be killed while it answers a request of theirs."""

    def __init__(self, shop: RunningShop, token: str | None) -> None:
        self.shop = shop
        self.token = token
        self.requests_left: int | None = None
        """How many requests are answered before the one during which it happens; None: it does not happen."""

    def send(self, method: str, address: str, **arguments: Any) -> requests.Response:
        """The answer to any request, to the shop or to Alipay. Raises Killed."""
        if self.requests_left != 0:
            if self.requests_left is not None:
                self.requests_left -= 1
            return requests.request(method, address, timeout=SECONDS, **arguments)
        self.requests_left = None
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(requests.request, method, address, timeout=SECONDS, **arguments)
            self.shop.run.send(signal.SIGKILL)
            self.shop.run.ended()
            with suppress(requests.RequestException):
                asked.result()
        raise Killed

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """What the shop answers. Raises Killed."""
        told = {"Authorization": self.token or "", **headers}
        return self.send(method, f"{self.shop.api}{path}", json=body, headers=told).json()

    def buy(self, body: Any, key: str) -> str:
        """One purchase from ordering to owning, begun or gone on with -> the order's number. Raises Killed."""
        placed = self.ask("POST", "/payment/", body, **{"Idempotency-Key": key})
        assert placed["code"] == 1000, placed
        content = parse_qs(urlsplit(placed["data"]).query)["biz_content"][0]
        number = str(json.loads(content)["out_trade_no"])
        cashier = self.send("GET", placed["data"])
        self.send("POST", f"{cashier.url}/pay")

        def is_paid() -> bool:
            return bool(self.ask("GET", f"/order/{number}/")["data"]["status"] == PAID)

        until(is_paid, "it was not delivered")
        assert self.ask("GET", "/mycourses/")["code"] == 1000
        return number


def with_all_discounts(learner: Client, course_id: int, policy_id: int) -> Any:
    """The body of a payment with the best coupons and, where something is left to pay then, all beli."""
    lines = [{"course_id": course_id, "default_price_policy_id": policy_id}]
    for is_beli in (True, False):
        wish = {"is_beli": is_beli, "course_list": lines, "global_coupon_id": None}
        best = learner.post("/account/quote", wish)["data"]["best"]
        if best["pay_money"] > 0:
            break
    return best


@pytest.mark.timeout(600)  # it starts the shop six times
def test_killed_during_any_request_of_a_purchase_and_started_again_everything_is_delivered_once(
    shop: RunningShop,
) -> None:
    learner = shop.visitor()
    person = {"username": "demo4", "password": "demo-shop-2026"}
    learner.token = learner.post("/login", {**person, **solved(shop, learner)})["data"]["token"]
    course_id, policy_id, days = 900001, 900003, 360
    hunted, numbers, kills = Hunted(shop, learner.token), [], 0
    while True:
        body = with_all_discounts(learner, course_id, policy_id)
        key, hunted.requests_left = secrets.token_hex(8), kills
        try:
            numbers.append(hunted.buy(body, key))
            break
        except Killed:
            kills += 1
            shop.run.start().until_ready()
            numbers.append(hunted.buy(body, key))
    assert kills >= 5  # ordering, two requests to Alipay, the order's page, the courses

    assert [shop.trade(number)["status"] for number in numbers] == ["TRADE_SUCCESS"] * len(numbers)
    orders = learner.get("/myorder/")["data"]
    assert [row["order_number"] for row in orders] == numbers[::-1]
    assert {row["status"] for row in orders} == {PAID}
    (mine,) = learner.get("/mycourses/")["data"]
    begin, end = (datetime.fromisoformat(mine[name]) for name in ("begin_date", "end_date"))
    assert (end - begin).days == len(orders) * days
    account = learner.get("/beli/")["data"]
    assert account["beli"] == sum(entry["beli"] for entry in account["entries"]) == 0
    assert not learner.get("/coupons")["data"]["reserved"]
