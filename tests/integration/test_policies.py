"""What each function may do in DynamoDB is what it does, and nothing else.

DynamoDB Local enforces no policies. So every call that a function makes is seen on its way, and the actions that
AWS would ask permission for are compared with the function's policy file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.shop import order
from chalicelib.shop.catalog import Course
from localstack.alipay import AlipaySimulator
from tests import builders
from tests.client import Client
from tests.faults.dynamodb_proxy import DynamoDBCall
from tests.faults.routing import FaultyApp

POLICIES = Path(__file__).parents[2] / ".chalice"
Permission = tuple[str, str]
"""An action, and the table, or `table/index/name`, without the prefix."""

_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


SCHEDULED = {
    "version": "0",
    "id": "00000000-0000-0000-0000-000000000000",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}


def allowed_to(function: str) -> set[Permission]:
    """What the policy file of a function allows in DynamoDB."""
    policy = json.loads((POLICIES / f"policy-{function}.json").read_text(encoding="utf-8"))
    allowed = set()
    for statement in policy["Statement"]:
        actions = _listed(statement.get("Action", []))
        for action in actions:
            service, _, name = action.partition(":")
            if service == "dynamodb":
                for resource in _listed(statement["Resource"]):
                    _, found, table = resource["Fn::Sub"].partition(":table/${TablePrefix}")
                    assert found, f"not one of the shop's tables: {resource}"
                    allowed.add((name, table))
    return allowed


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def needed_for(calls: Iterable[DynamoDBCall]) -> set[Permission]:
    """What AWS asks permission for when these calls are made."""
    needed = set()
    for call in calls:
        request = call.request
        if call.operation == "TransactWriteItems":
            for item in request["TransactItems"]:
                ((kind, write),) = item.items()
                needed.add((_IN_TRANSACTIONS[kind], _bare(write["TableName"])))
        elif "IndexName" in request:
            needed.add((call.operation, f"{_bare(request['TableName'])}/index/{request['IndexName']}"))
        else:
            needed |= {(call.operation, _bare(table)) for table in call.tables}
    return needed


def _bare(table: str) -> str:
    return table.removeprefix(os.environ["TABLE_PREFIX"])


def lines_of(courses: Iterable[Course]) -> list[dict[str, int]]:
    return [
        {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        for course in courses
    ]


def place(learner: Client, course: Course) -> str:
    assert learner.pay([course], 100)["code"] == 1000
    return str(learner.newest_order()["order_number"])


def make_due(number: str) -> None:
    """Let an order have been overdue for a day, first in its shard."""
    placed = order.find_by_number(number)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    placed.update([order.Order.expires_at.set(yesterday), order.Order.next_look_at.set(1)])


def test_the_api_function_may_do_what_its_endpoints_do_and_no_more(faulty_app: FaultyApp) -> None:
    user = builders.a_user(beli=10)
    courses = [builders.a_course(prices=[100]), builders.a_course(prices=[200])]
    coupon = builders.a_coupon(user, course=courses[1].key, value=50)
    lines = lines_of(courses)
    learner = Client(faulty_app.base_url)
    application.app.forget_fresh()

    with faulty_app.dynamodb.recording() as calls:
        signed_in = learner.post("/login", {"username": user.username, "password": builders.PASSWORD})
        learner.token = signed_in["data"]["token"]
        learner.get("/userinfo")
        learner.get("/course/category")
        learner.get("/courses/")
        learner.get(f"/courses/?category_id={courses[0].category_id}")
        learner.get(f"/coursedetail/{courses[0].detail_id}/")
        for part in ("chapters", "questions"):
            learner.get(f"/course/{courses[0].course_id}/{part}")
        for line in lines:
            assert learner.post("/shoppingcar/", line)["code"] == 1000
        learner.get("/shoppingcar/")
        learner.delete("/shoppingcar/", {"course_id": courses[0].course_id})
        assert learner.post("/account/", lines)["code"] == 1000
        learner.get("/account/")
        chosen = {str(courses[1].course_id): coupon.record_id}
        assert learner.put("/account/", {"is_beli": "true", "choose_coupons": chosen})["code"] == 1000
        body = {
            "is_beli": True,
            "course_list": [
                {
                    "course_id": line["course_id"],
                    "default_price_policy_id": line["price_policy_id"],
                    "coupon_record_id": coupon.record_id if line is lines[1] else None,
                }
                for line in lines
            ],
            "pay_money": 1.5,
        }
        assert learner.post("/payment/", body)["code"] == 1000
        number = learner.newest_order()["order_number"]
        assert learner.get(f"/get_pay_url/?order_number={number}&final_price=1.5")["code"] == 1000
        learner.order(number)
        learner.get("/mycourses")
        learner.request("GET", "/trade/alipay/")
        assert learner.delete("/logout")["code"] == 1000

    assert needed_for(calls) == allowed_to("api_handler")


def test_cancelling_through_the_api_needs_no_further_permission(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    number = place(learner, builders.a_course(prices=[10000]))
    with faulty_app.dynamodb.recording() as calls:
        assert learner.post(f"/order/{number}/cancel")["code"] == 1000
    assert needed_for(calls) <= allowed_to("api_handler")


def test_the_notification_function_may_do_what_notices_need_and_no_more(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    course = builders.a_course(prices=[10000])
    paid = learner.pay([course], 100)
    number = learner.newest_order()["order_number"]
    alipay.open_cashier(paid["data"])

    with faulty_app.dynamodb.recording() as calls:
        alipay.pay(number)
        alipay.deliver_due_notices()
        alipay.refund(number, 10000)
        alipay.deliver_due_notices()

    assert order.find_by_number(number).status == order.REFUNDED
    assert needed_for(calls) == allowed_to("alipay_notify")


def test_the_timer_may_do_what_overdue_orders_need_and_no_more(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    numbers = [place(learner, builders.a_course(prices=[10000])) for _ in range(3)]
    left_alone, paid, refunded = numbers
    for number in (paid, refunded):
        pay_url = learner.get(f"/get_pay_url/?order_number={number}&final_price=100")["data"]
        alipay.open_cashier(pay_url)
        alipay.pay(number)
    alipay.refund(refunded, 10000)
    for number in numbers:
        make_due(number)

    with faulty_app.dynamodb.recording() as calls:
        application.close_overdue_orders(SCHEDULED, None)

    statuses = [order.find_by_number(number).status for number in (left_alone, paid, refunded)]
    assert statuses == [order.EXPIRED, order.PAID, order.REFUNDED]
    assert needed_for(calls) == allowed_to("close_overdue_orders")


@pytest.mark.parametrize("function", ["api_handler", "alipay_notify", "close_overdue_orders"])
def test_a_policy_allows_nothing_by_wildcard_but_log_streams_and_network_interfaces(function: str) -> None:
    policy = json.loads((POLICIES / f"policy-{function}.json").read_text(encoding="utf-8"))
    for statement in policy["Statement"]:
        plain = statement.get("Fn::If", [None, statement])[1]
        assert not [action for action in _listed(plain["Action"]) if "*" in action]
        if plain["Sid"] not in ("OwnLog", "NetworkInterfacesOfTheVpc"):
            assert not [resource for resource in _listed(plain["Resource"]) if "*" in resource["Fn::Sub"]]
