"""A purchase from end to end, as the document's client makes it: the API, Alipay's page, the notification."""

from __future__ import annotations

from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client


def test_a_learner_buys_two_courses_with_coupon_and_beli_and_owns_them(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    user = builders.a_user(beli=105)
    one, two = builders.a_course(prices=[30000, 50000]), builders.a_course(prices=[20000])
    coupon = builders.a_coupon(user, course=one.key, value=20000)
    learner = Client(gateway_server.base_url)

    answer = learner.post("/login", {"username": user.username, "password": builders.PASSWORD})
    assert answer["code"] == 1000
    assert answer["msg"] == "验证成功!"
    learner.token = answer["data"]["token"]

    for course in (one, two):
        added = learner.post(
            "/shoppingcar/",
            {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)},
        )
        assert added["code"] == 1000
    cart = learner.get("/shoppingcar/")["data"]
    assert [line["id"] for line in cart["shopping_car_list"]] == [one.course_id, two.course_id]
    assert cart["total"] == 2

    opened = learner.post(
        "/account/",
        [
            {"course_id": line["id"], "price_policy_id": line["default_price_policy_id"]}
            for line in cart["shopping_car_list"]
        ],
    )
    assert opened == {"code": 1000, "msg": "", "data": None}
    account = learner.get("/account/")["data"]
    assert account["total_price"] == "500.0"
    assert account["account_course_list"][0]["coupon_list"][0]["pk"] == coupon.record_id
    priced = learner.put(
        "/account/", {"is_beli": "true", "choose_coupons": {str(one.course_id): coupon.record_id}}
    )["data"]
    assert priced == {str(one.course_id): 100.0, str(two.course_id): 200.0, "total_price": 289.5}

    paid = learner.pay([one, two], 289.5, coupons={0: coupon}, is_beli=True)
    assert paid["code"] == 1000, paid
    order = learner.newest_order()
    assert order["status"] == "待支付"
    assert order["actual_amount"] == 289.5
    assert learner.get("/shoppingcar/")["data"]["total"] == 0

    alipay.open_cashier(paid["data"])
    alipay.pay(order["order_number"])
    alipay.deliver_due_notices()

    shown = learner.order(order["order_number"])
    assert shown["status"] == "交易成功"
    assert sum(line["payable"] for line in shown["orderdetail_list"]) == shown["actual_amount"]
    mine = learner.get("/mycourses")["data"]
    assert {course["course_id"] for course in mine} == {one.course_id, two.course_id}
    assert learner.get("/userinfo")["data"]["beli"] == 0
