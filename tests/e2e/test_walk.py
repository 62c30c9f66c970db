"""The walk of a stranger from registering to owning a course, over HTTP, through all that `make run` starts."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.client import Client
from tests.e2e.local_run import Run, until

PASSWORD = "learn-every-day-8"
PAID = "交易成功"
SECONDS = 30


class Shop:
    """A running shop with its simulators, as its visitors and the simulators' switches see it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        environment = run.run_env()
        self.api = environment["API_URL"]
        self.shop_front = environment["SHOP_URL"]
        self.geetest = environment["GEETEST_API_URL"]
        self.alipay = environment["ALIPAY_GATEWAY_URL"].removesuffix("/gateway.do")

    def visitor(self) -> Client:
        return Client(self.api)

    def switch_geetest(self, mode: str) -> None:
        control(f"{self.geetest}/control/mode", {"mode": mode})

    def switch_notices(self, on: bool) -> None:
        control(f"{self.alipay}/control/notifications", {"on": on})

    def trade(self, number: str) -> Any:
        """What Alipay knows of an order, with its notices."""
        return requests.get(f"{self.alipay}/control/trades/{number}", timeout=SECONDS).json()

    def notice_accepted(self, number: str) -> bool:
        """Whether the shop was told of the payment and answered `success`."""
        return any(notice["accepted"] for notice in self.trade(number)["notices"])


class Choice(NamedTuple):
    """A course that is sold, one of its price policies, and a coupon for it that can be claimed."""

    course_id: int
    policy_id: int
    coupon_id: int


class Ordered(NamedTuple):
    """A placed order: its number, the pay page's address, and the amount in yuan."""

    number: str
    pay_url: str
    pay_money: float


def control(address: str, body: object) -> Any:
    answer = requests.post(address, json=body, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = Run(tmp_path_factory.mktemp("walk") / "data", {}).start().until_ready()
    yield run
    run.end()


@pytest.fixture
def shop(running: Run) -> Iterator[Shop]:
    """One shop for all tests here; each finds the simulators as they are by themselves."""
    shop = Shop(running)
    yield shop
    shop.switch_geetest("up")
    shop.switch_notices(True)


# --- what a visitor does -----------------------------------------------------------------------------------


def started(visitor: Client) -> Any:
    """What a page starts its slider with."""
    return visitor.get("/api/captcha_check/")["data"]


def solved(shop: Shop, visitor: Client) -> dict[str, str]:
    """A slider that was started and slid, as the request carries it. After Geetest was down the shop asks it
    again only after a while."""
    answers: list[Any] = []

    def online() -> bool:
        answers.append(started(visitor))
        return answers[-1]["success"] == 1

    until(online, "the captcha stayed offline")
    proof: dict[str, str] = control(f"{shop.geetest}/control/solve", {"challenge": answers[-1]["challenge"]})
    return proof


def unproven(visitor: Client) -> dict[str, str]:
    """What the browser's library makes of a challenge while Geetest is down."""
    answer = started(visitor)
    assert answer["success"] == 0
    token = secrets.token_hex(16)
    return {
        "geetest_challenge": answer["challenge"],
        "geetest_validate": token,
        "geetest_seccode": f"{token}|jordan",
    }


def registered(shop: Shop) -> tuple[Client, str]:
    """A new learner, signed in, and their name."""
    visitor, name = shop.visitor(), f"stranger-{secrets.token_hex(4)}"
    answer = visitor.post("/register/", {"username": name, "password": PASSWORD, **solved(shop, visitor)})
    assert answer["code"] == 1000, answer
    visitor.token = answer["data"]["token"]
    return visitor, name


def chosen(learner: Client) -> Choice:
    """The first claimable coupon that is for one course, and that course's dearest policy."""
    details = {row["id"]: row["coursedetail_id"] for row in learner.get("/courses/")["data"]}
    offer = next(
        offer
        for offer in learner.get("/coupons/available/")["data"]
        if offer.get("course_type") == "course" and offer["course_id"] in details and not offer["claimed"]
    )
    page = learner.get(f"/coursedetail/{details[offer['course_id']]}/")
    dearest = max(page["prices"], key=lambda policy: policy["price"])
    return Choice(offer["course_id"], dearest["id"], offer["id"])


def quoted(learner: Client, choice: Choice) -> Any:
    """The quote; its `best` is the body of the payment."""
    lines = [{"course_id": choice.course_id, "default_price_policy_id": choice.policy_id}]
    body = {"is_beli": True, "course_list": lines, "global_coupon_id": None}
    answer = learner.post("/account/quote", body)
    assert answer["code"] == 1000, answer
    assert answer["data"]["best_saves"] > 0
    return answer["data"]


def ordered(learner: Client, body: Any) -> Ordered:
    answer = learner.post("/payment/", body)
    assert answer["code"] == 1000, answer
    return Ordered(learner.newest_order()["order_number"], answer["data"], body["pay_money"])


def paid(order: Ordered) -> requests.Response:
    """The learner pays on the pay page, and is sent on: the answer is the last page they see."""
    cashier = requests.get(order.pay_url, timeout=SECONDS)
    return requests.post(f"{cashier.url}/pay", timeout=SECONDS)


def claimed_and_ordered(shop: Shop, learner: Client) -> tuple[Choice, Ordered]:
    choice = chosen(learner)
    claimed = learner.post(f"/coupons/{choice.coupon_id}/claim", solved(shop, learner))
    assert claimed["code"] == 1000, claimed
    return choice, ordered(learner, quoted(learner, choice)["best"])


def owned(learner: Client) -> list[int]:
    return [mine["course_id"] for mine in learner.get("/mycourses")["data"]]


def status(learner: Client, order: Ordered) -> str:
    return str(learner.order(order.number)["status"])


def used_coupons(learner: Client) -> list[int]:
    return [record["pk"] for record in learner.get("/coupons")["data"]["used"]]


# --- the tests ---------------------------------------------------------------------------------------------


def test_a_stranger_registers_claims_a_coupon_pays_the_best_combination_and_owns_the_course(
    shop: Shop,
) -> None:
    learner, _ = registered(shop)
    choice, order = claimed_and_ordered(shop, learner)
    assert not owned(learner)

    last = paid(order)
    assert last.url.startswith(f"{shop.shop_front}/payment/result")
    assert parse_qs(urlsplit(last.url).query)["order_num"] == [order.number]
    assert '<div id="app">' in last.content.decode()
    until(lambda: owned(learner) == [choice.course_id], "the course was not delivered")
    assert status(learner, order) == PAID
    assert len(used_coupons(learner)) == 1
    assert float(shop.trade(order.number)["total_amount"]) == order.pay_money
    until(lambda: shop.notice_accepted(order.number), "the notification was not accepted")
    assert status(learner, order) == PAID


def test_the_printed_lines_sign_in_from_a_terminal(shop: Shop) -> None:
    until(lambda: started(shop.visitor())["success"] == 1, "the captcha stayed offline")
    answer = shop.run.signed_in_as_printed()
    assert answer["code"] == 1000
    assert answer["data"]["userinfo"]["username"] == "demo"


def test_with_geetest_down_learners_sign_in_and_strangers_wait(shop: Shop) -> None:
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


def test_a_purchase_completes_by_itself_when_no_notification_comes(shop: Shop) -> None:
    learner, _ = registered(shop)
    choice, order = claimed_and_ordered(shop, learner)
    shop.switch_notices(False)
    paid(order)
    until(lambda: status(learner, order) == PAID, "the order's page did not ask Alipay")
    assert owned(learner) == [choice.course_id]
    assert not any(notice["deliveries"] for notice in shop.trade(order.number)["notices"])


def test_killing_the_shop_between_payment_and_notification_leaves_nothing_wrong(shop: Shop) -> None:
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
    assert owned(learner) == [line["course_id"] for line in best["course_list"]]
    assert set(used_coupons(learner)) >= coupons
    account = learner.get("/beli")["data"]
    assert account["beli"] == sum(entry["beli"] for entry in account["entries"])
    assert account["beli"] == beli - spent


class Killed(Exception):
    """The shop was killed."""


class Hunted:
    """A learner whose shop can be killed while it answers a request of theirs."""

    def __init__(self, shop: Shop, token: str | None) -> None:
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
    shop: Shop,
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
