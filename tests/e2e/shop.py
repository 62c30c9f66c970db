"""A shop by its addresses, and what a visitor does there, over HTTP: `make run`, LocalStack, or a stage on AWS."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from tests.client import Client
from tests.e2e.local_run import until

PASSWORD = "learn-every-day-8"
PAID = "交易成功"
SECONDS = 30


class Shop:
    """A running shop with its simulators, as its visitors and the simulators' switches see it.

    `addresses` are settings of the shop: API_URL, SHOP_URL, GEETEST_API_URL (none: its captcha is off) and
    ALIPAY_GATEWAY_URL (the simulator's).
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.api = addresses["API_URL"]
        self.shop_front = addresses["SHOP_URL"]
        self.geetest = addresses.get("GEETEST_API_URL", "")
        self.alipay = addresses["ALIPAY_GATEWAY_URL"].removesuffix("/gateway.do")

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


# --- what a visitor does -----------------------------------------------------------------------------------


def started(visitor: Client) -> Any:
    """What a page starts its slider with."""
    return visitor.get("/api/captcha_check/")["data"]


def solved(shop: Shop, visitor: Client) -> dict[str, str]:
    """A slider that was started and slid, as the request carries it; nothing where the captcha is off. After Geetest
    was down the shop asks it again only after a while."""
    if not shop.geetest:
        return {}
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


def claimed_and_ordered(shop: Shop, learner: Client, **members: str) -> tuple[Choice, Ordered]:
    """The choice, and its order with the best discount; `members` are further ones of the payment's body."""
    choice = chosen(learner)
    claimed = learner.post(f"/coupons/{choice.coupon_id}/claim", solved(shop, learner))
    assert claimed["code"] == 1000, claimed
    return choice, ordered(learner, quoted(learner, choice)["best"] | members)


def owned(learner: Client) -> list[int]:
    return [mine["course_id"] for mine in learner.get("/mycourses")["data"]]


def status(learner: Client, order: Ordered) -> str:
    return str(learner.order(order.number)["status"])


def used_coupons(learner: Client) -> list[int]:
    return [record["pk"] for record in learner.get("/coupons")["data"]["used"]]
