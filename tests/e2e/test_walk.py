"""The walk of a stranger from registering to owning a course, over HTTP, through all that `make run` starts."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
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
    """A new learner, signed in, and his name."""
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
    """The learner pays on the pay page, and is sent on: the answer is the last page he sees."""
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
    assert "支付结果" in last.content.decode()
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
