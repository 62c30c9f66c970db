"""The journey that every shop must lead a stranger through, wherever it runs: by its addresses alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import requests

from tests.client import Client
from tests.e2e.local_run import until
from tests.e2e.shop import (
    PAID,
    PASSWORD,
    SECONDS,
    Choice,
    Ordered,
    Shop,
    chosen,
    claimed_and_ordered,
    owned,
    paid,
    registered,
    solved,
    status,
    used_coupons,
)

Promise = Callable[[Shop], None]

ORIGIN = "http://localhost:5173"
"""Of a page that is not the shop front; on one computer, pages of its own may call."""


def in_cart(learner: Client) -> list[int]:
    """The ids of the courses in a learner's cart."""
    return [line["id"] for line in learner.get("/shoppingcar/")["data"]["shopping_car_list"]]


def leads_from_registering_to_an_order(shop: Shop) -> tuple[Client, Choice, Ordered]:
    """Register, sign in again, put a course into the cart, settle, claim its coupon, and order."""
    stranger, name = registered(shop)
    learner = shop.visitor()
    person = {"username": name, "password": PASSWORD}
    signed_in = learner.post("/login", {**person, **solved(shop, learner)})
    assert signed_in["code"] == 1000, signed_in
    learner.token = signed_in["data"]["token"]
    assert learner.token != stranger.token

    choice = chosen(learner)
    line = {"course_id": choice.course_id, "price_policy_id": choice.policy_id}
    assert learner.post("/shoppingcar/", line)["code"] == 1000
    assert in_cart(learner) == [choice.course_id]
    assert learner.post("/account/", [line])["code"] == 1000
    settled = learner.get("/account/")
    assert settled["code"] == 1000
    choice, order = claimed_and_ordered(shop, learner)
    assert not in_cart(learner)
    assert not owned(learner)
    return learner, choice, order


def leads_from_paying_to_owning(shop: Shop, learner: Client, choice: Choice, order: Ordered) -> None:
    """Pay in the simulator, be sent back, and own the course: by the notification, which is accepted."""
    last = paid(order)
    assert last.url.startswith(f"{shop.shop_front}/payment/result")
    assert parse_qs(urlsplit(last.url).query)["order_num"] == [order.number]
    assert '<div id="app">' in last.content.decode()
    until(lambda: shop.notice_accepted(order.number), "the notification was not accepted")
    until(lambda: owned(learner) == [choice.course_id], "the course was not delivered")
    assert status(learner, order) == PAID
    assert len(used_coupons(learner)) == 1
    assert Decimal(shop.trade(order.number)["total_amount"]) == Decimal(str(order.pay_money))


def preflights_carry_cors(shop: Shop) -> None:
    """A page from elsewhere may ask what it is told it may."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    for path in ("/payment", "/payment/", "/courses", "/order/1/cancel"):
        answer = requests.options(shop.api + path, headers=asked, timeout=SECONDS)
        assert answer.status_code == 200, path
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", shop.shop_front)
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(",")
        assert {"authorization", "content-type", "idempotency-key"} <= {name.strip() for name in allowed}


def answers_of_the_gateway_itself_are_the_shops(shop: Shop) -> None:
    """What API Gateway answers without a function: the shop's envelope, which a page from elsewhere can read."""
    for method, path in (("GET", "/no/such/path"), ("PATCH", "/courses"), ("DELETE", "/payment/")):
        answer = requests.request(method, shop.api + path, headers={"Origin": ORIGIN}, timeout=SECONDS)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["code"] == 404
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", shop.shop_front)
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def both_forms_of_a_path_are_answered(shop: Shop) -> None:
    """With and without a slash at the end."""
    answers = [
        requests.get(f"{shop.api}/courses{slash}", timeout=SECONDS, allow_redirects=False)
        for slash in ("", "/")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["data"]
    known = requests.get(
        f"{shop.api}/courses", headers={"If-None-Match": answers[0].headers["ETag"]}, timeout=SECONDS
    )
    assert known.status_code == 304


def a_forged_notification_is_refused(shop: Shop) -> None:
    """The notification's function answers `fail` to what Alipay has not signed, in Alipay's odd content type too."""
    for kind in (
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; text/html; charset=utf-8",
    ):
        answer = requests.post(
            f"{shop.api}/trade/alipay",
            data="out_trade_no=1&trade_status=TRADE_SUCCESS&sign_type=RSA2&sign=AAAA",
            headers={"Content-Type": kind},
            timeout=SECONDS,
        )
        assert (answer.status_code, answer.text) == (200, "fail")


PROMISES: tuple[Promise, ...] = (
    preflights_carry_cors,
    answers_of_the_gateway_itself_are_the_shops,
    both_forms_of_a_path_are_answered,
    a_forged_notification_is_refused,
)
"""What API Gateway keeps in every shop."""
