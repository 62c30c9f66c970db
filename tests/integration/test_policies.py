"""Each function's policy allows exactly the calls to DynamoDB that the function makes.

DynamoDB Local enforces no policies. So a proxy sees every call that a function makes, and the actions that AWS would
check are compared with the function's policy file.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from msgspec.structs import replace

import app as application
from chalicelib.beijing_time import day_start
from chalicelib.flows import send_messages
from chalicelib.settings import IN_DYNAMODB, settings
from chalicelib.shop import bill, coupon, coupon_claim, journal, order
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.order import Order
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from tests import builders, purchases, study
from tests.client import Client
from tests.endpoints import unsubscribe_path
from tests.fake_post import FakeMail, FakeSms, confirm_contacts, templates
from tests.faults.dynamodb_proxy import DynamoDBCall
from tests.faults.routing import FaultyApp, forget_connections
from tests.postbox import postbox
from tests.purchases import Clock, deliver, notice
from tests.scheduled import SCHEDULED
from tests.wechat_notices import a_begun_trade

POLICIES = Path(__file__).parents[2] / ".chalice"


class Permission(NamedTuple):
    """An action, the table (or `table/index/name`) without the prefix, and the one partition it is about.

    The partition is None where a policy allows any, or where a call is about several; in a policy it may have `*`.
    """

    action: str
    resource: str
    partition: str | None


_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def allowed_to(function: str) -> set[Permission]:
    """What the policy file of a function allows in DynamoDB."""
    policy = json.loads((POLICIES / f"policy-{function}.json").read_text(encoding="utf-8"))
    allowed = set()
    for statement in policy["Statement"]:
        actions = [
            action for action in _listed(statement.get("Action", [])) if action.startswith("dynamodb:")
        ]
        if not actions:
            continue
        conditions = statement.get("Condition", {})
        partitions = next(
            (
                conditions[operator]["dynamodb:LeadingKeys"]
                for operator in ("ForAllValues:StringEquals", "ForAllValues:StringLike")
                if operator in conditions
            ),
            [None],
        )
        for action, resource, partition in itertools.product(
            actions, _listed(statement["Resource"]), partitions
        ):
            _, found, table = resource["Fn::Sub"].partition(":table/${TablePrefix}")
            assert found, f"not one of the shop's tables: {resource}"
            allowed.add(Permission(action.removeprefix("dynamodb:"), table, partition))
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
                needed.add(Permission(_IN_TRANSACTIONS[kind], _bare(write["TableName"]), _partition(write)))
        elif "IndexName" in request:
            index = f"{_bare(request['TableName'])}/index/{request['IndexName']}"
            needed.add(Permission(call.operation, index, None))
        else:
            partition = _partition(request)
            needed |= {Permission(call.operation, _bare(table), partition) for table in call.tables}
    return needed


def _partition(request: dict[str, Any]) -> str | None:
    """The partition of a request about one: of its key, its item, or its query."""
    item = request.get("Key") or request.get("Item") or {}
    found = [item[name]["S"] for name in ("course_key", "owner") if name in item]
    if "KeyConditionExpression" in request:
        hash_placeholder = request["KeyConditionExpression"].split("=")[1].split()[0].strip("() ")
        found = [request["ExpressionAttributeValues"][hash_placeholder]["S"]]
    return found[0] if found else None


def compare(calls: Iterable[DynamoDBCall], function: str) -> tuple[set[Permission], set[Permission]]:
    """What the calls need and the function's policy denies; what the policy allows and no call needs."""
    allowed, denied, used = allowed_to(function), set(), set()
    for permission in needed_for(calls):
        fitting = {one for one in allowed if _fits(permission, one)}
        used |= fitting
        if not fitting:
            denied.add(permission)
    return denied, allowed - used


def _fits(needed: Permission, allowed: Permission) -> bool:
    if needed[:2] != allowed[:2]:
        return False
    return allowed.partition is None or fnmatchcase(needed.partition or "", allowed.partition)


NOTHING: tuple[set[Permission], set[Permission]] = (set(), set())


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


def sold_on_a_day_of_its_own(base_url: str, alipay: AlipaySimulator, clock: Clock) -> str:
    """An order of 100 that was paid and of which no notice has come, on a day that no other test trades on; it is noon
    of the next day now. Alipay goes by this clock, too.
    """
    clock.stand_at(day_start(builders.a_day()))
    learner = Client(base_url, user := builders.a_user())
    learner.token = builders.a_token(user, clock())
    number = place(learner, builders.a_course(prices=[10000]))
    alipay.open_cashier(learner.get(f"/get_pay_url/?order_number={number}&final_price=100")["data"])
    alipay.pay(number)
    clock.stand_at(clock() + timedelta(hours=36))
    return number


def watch(learner: Client, course: Course) -> None:
    """Play the course's only section, report, and look at what was studied."""
    (section,) = study.sections_of(course)
    with study.playing_by(study.PolyvHere(), application.app.process):
        shown = learner.post(f"/course/{course.course_id}/sections/{section.section_id}/play", {})
    with study.time_ahead(application.app.process, seconds=10):
        report = {"ticket": shown["data"]["ticket"], "spans": [[0, 10]], "at": 10}
        assert learner.post("/study/report", report)["data"]["counted_seconds"] == 10
    learner.get("/study")
    learner.get(f"/course/{course.course_id}/progress")


def an_offer() -> CouponOffer:
    """A coupon that can be claimed now."""
    now, day = builders.now(), timedelta(days=1)
    offer = coupon.offer_item(
        builders.new_id(),
        name=builders.new_name("优惠券"),
        coupon_type=coupon.IMMEDIATE,
        value=100,
        quantity=5,
        open_at=now - day,
        close_at=now + day,
        valid_days=7,
        created_at=now,
    )
    offer.save()
    return offer


def claimed_long_ago(offer: CouponOffer) -> coupon_claim.Claim:
    """A claim that was cut off an hour ago, after it had taken its piece."""
    at = builders.now() - timedelta(hours=1)
    claim = coupon_claim.claim_item(builders.a_user().user_id, offer.coupon_id, builders.new_id(), at)
    coupon_claim.begin(claim)
    coupon_claim.take_one(offer, claim)
    return claim


def make_due(number: str) -> None:
    """Let an order have been overdue for a day, first in its shard."""
    placed = order.find_by_number(number)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    placed.update([order.Order.expires_at.set(yesterday), order.Order.due_at.set(1)])


def test_the_api_function_may_do_what_its_endpoints_do_and_no_more(
    faulty_app: FaultyApp, polyv: PolyvSimulator
) -> None:
    user = builders.a_user(beli=10)
    courses = [builders.a_course(prices=[100]), builders.a_course(prices=[200])]
    record = builders.a_coupon(user, course=courses[1].key, value=50)
    offer = an_offer()
    watched = study.a_video_course(["10:00"])
    study.enroll(user, watched)
    video_id = str(builders.a_video_section(courses[0].key).video_id)
    lines = lines_of(courses)
    learner, operator = Client(faulty_app.base_url), Client(faulty_app.base_url, builders.an_admin())
    studied = builders.a_course()
    builders.may_study(user, studied)
    section = builders.a_section(studied, task="写一段程序")
    assignment = f"/course/{studied.course_id}/sections/{section.section_id}/assignment"
    application.app.forget_fresh()

    with faulty_app.dynamodb.recording() as calls:
        learner.get("/api/captcha_check/")
        newcomer = {"username": builders.new_name(), "password": f"{builders.PASSWORD} 2026"}
        assert learner.post("/register", newcomer)["code"] == 1000
        signed_in = learner.post("/login", {"username": user.username, "password": builders.PASSWORD})
        learner.token = signed_in["data"]["token"]
        learner.get("/userinfo")
        learner.get("/sessions")
        learner.delete("/sessions")
        learner.put("/userinfo", {"name": "小李"})
        changed = {"old_password": builders.PASSWORD, "new_password": newcomer["password"]}
        assert learner.request("PUT", "/password", json=changed).json()["code"] == 1000
        learner.get("/home")
        learner.get("/teachers")
        learner.get("/teachers/1")
        learner.get(f"/video/polyv?{polyv.callback(video_id, 'encode')[0]}")
        learner.get(f"/course/{courses[0].course_id}")
        learner.get("/course/category")
        learner.get("/courses/")
        learner.get(f"/courses/?category_id={courses[0].category_id}")
        learner.get("/courses/search?words=x")
        learner.get(f"/coursedetail/{courses[0].detail_id}/")
        for part in ("chapters", "questions"):
            learner.get(f"/course/{courses[0].course_id}/{part}")
        learner.get(f"/course/{courses[0].course_id}/mine")
        watch(learner, watched)
        learner.get(f"/course/{studied.course_id}/asked")
        assert learner.post(f"/course/{studied.course_id}/asked", {"text": "为什么？"})["code"] == 1000
        for text in ("写好了", "改好了"):
            assert learner.put(assignment, {"text": text})["code"] == 1000
        learner.get(assignment)
        for line in lines:
            assert learner.post("/shoppingcar/", line)["code"] == 1000
        learner.get("/shoppingcar/")
        learner.post("/shoppingcar/preview", {"course_list": lines})
        learner.delete("/shoppingcar/", {"course_id": courses[0].course_id})
        assert learner.post("/account/", lines)["code"] == 1000
        learner.get("/account/")
        chosen = {str(courses[1].course_id): record.record_id}
        assert learner.put("/account/", {"is_beli": "true", "choose_coupons": chosen})["code"] == 1000
        body = {
            "is_beli": True,
            "course_list": [
                {
                    "course_id": line["course_id"],
                    "default_price_policy_id": line["price_policy_id"],
                    "coupon_record_id": record.record_id if line is lines[1] else None,
                }
                for line in lines
            ],
            "pay_money": 1.5,
        }
        learner.post("/account/quote", {name: body[name] for name in ("is_beli", "course_list")})
        learner.get("/coupons")
        learner.get("/coupons/available")
        assert learner.post(f"/coupons/{offer.coupon_id}/claim")["code"] == 1000
        assert learner.post("/payment/", body)["code"] == 1000
        number = learner.newest_order()["order_number"]
        assert learner.get(f"/get_pay_url/?order_number={number}&final_price=1.5")["code"] == 1000
        learner.order(number)
        learner.get("/mycourses")
        learner.get("/beli")
        learner.get("/messages")
        learner.get("/messages/unread")
        assert learner.put("/messages/read", {"until": None})["code"] == 1000
        learner.get("/preferences")
        assert learner.put("/preferences", {"group": "study", "channel": "sms", "on": False})["code"] == 1000
        assert learner.post(unsubscribe_path(user))["code"] == 1000
        assert operator.get("/admin/refunds")["code"] == 1000
        learner.request("GET", "/trade/alipay/")
        assert learner.get("/contacts")["code"] == 1000
        with postbox() as box:
            to = {"channel": "sms", "to": builders.a_number()}
            assert learner.post("/codes", to | {"purpose": "confirm"})["code"] == 1000
            confirmed = learner.put("/contacts/sms", to | {"code": box.code(to["to"])})
            assert confirmed["code"] == 1000
            wrong = to | {"code": "123456", "password": f"{builders.PASSWORD} 2026"}
            assert learner.post("/login/code", wrong)["code"] == 2104
            assert learner.put("/password/forgotten", wrong)["code"] == 2104
            removed = learner.delete("/contacts/sms", {"password": newcomer["password"]})
            assert removed["code"] == 1000
        assert learner.delete("/logout")["code"] == 1000

    assert compare(calls, "api_handler") == NOTHING


def test_cancelling_through_the_api_needs_no_further_permission(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    number = place(learner, builders.a_course(prices=[10000]))
    with faulty_app.dynamodb.recording() as calls:
        assert learner.post(f"/order/{number}/cancel")["code"] == 1000
    denied, _ = compare(calls, "api_handler")
    assert not denied


def test_carts_and_limits_in_dynamodb_need_no_further_permission(
    faulty_app: FaultyApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, course = builders.a_user(), builders.a_course(prices=[100])
    (line,) = lines_of([course])
    monkeypatch.setenv("REDIS_URL", IN_DYNAMODB)
    forget_connections()
    learner = Client(faulty_app.base_url)
    with faulty_app.dynamodb.recording() as calls:
        signed_in = learner.post("/login", {"username": user.username, "password": builders.PASSWORD})
        learner.token = signed_in["data"]["token"]
        assert learner.post("/shoppingcar/", line)["code"] == 1000
        assert learner.delete("/shoppingcar/", {"course_id": course.course_id})["code"] == 1000
        assert learner.post("/account/", [line])["code"] == 1000
        assert learner.pay([course], 1)["code"] == 1000
    monkeypatch.undo()
    forget_connections()
    assert [call for call in calls if "COUNT#" in json.dumps(call.request)], "limits were not kept there"
    denied, _ = compare(calls, "api_handler")
    assert not denied


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
    assert compare(calls, "alipay_notify") == NOTHING


def test_the_function_of_wechats_notices_may_do_what_they_need_and_no_more(
    faulty_app: FaultyApp, wechat: WechatSimulator
) -> None:
    number = a_begun_trade()
    with faulty_app.dynamodb.recording() as calls:
        for act in (wechat.pay, wechat.refund):
            act(number)
            for each in wechat.book.refunds(number):
                wechat.end_refund(each.out_refund_no, "SUCCESS")
            wechat.deliver_due_notices(early=True)
    assert order.find_by_number(number).status == order.REFUNDED
    assert compare(calls, "wechat_notify") == NOTHING


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
        application.work_off_orders(SCHEDULED, None)

    statuses = [order.find_by_number(number).status for number in (left_alone, paid, refunded)]
    assert statuses == [order.EXPIRED, order.PAID, order.REFUNDED]
    assert compare(calls, "work_off_orders") == NOTHING


def test_the_function_of_the_bills_may_do_what_a_day_that_differs_needs_and_no_more(
    faulty_app: FaultyApp, alipay: AlipaySimulator, common_clock: Clock
) -> None:
    number = sold_on_a_day_of_its_own(faulty_app.base_url, alipay, common_clock)
    with faulty_app.dynamodb.recording() as differing:
        application.hold_bills(SCHEDULED, None)
    day = journal.day_of(order.find_by_number(number).placed_at)
    (found,) = bill.list_differences("alipay", day)
    assert (found.order_number, found.attention) == (number, PROBLEM)
    assert deliver(notice(alipay, number)) == "success"
    with faulty_app.dynamodb.recording() as agreeing:
        application.hold_bills(SCHEDULED, None)
    (found,) = bill.list_differences("alipay", day)
    assert found.attention is None
    assert compare([*differing, *agreeing], "hold_bills") == NOTHING


def test_the_timer_of_messages_may_do_what_messages_and_reminders_need_and_no_more(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    user, process = builders.a_user(), application.app.process
    confirm_contacts(user, builders.now())
    number = place(Client(faulty_app.base_url, user), builders.a_course(prices=[10000]))
    cancelled = place(Client(faulty_app.base_url, user), builders.a_course(prices=[10000]))
    order.find_by_number(cancelled).update([Order.status.set(order.CANCELLED)])
    alipay.open_cashier(purchases.pay_url(number))
    alipay.pay(number)
    assert deliver(notice(alipay, number)) == "success"
    gateways, clock = process.gateways, process.clock
    process.gateways = replace(gateways, sms=cast(Any, FakeSms()), mail=FakeMail())
    last_day = builders.now() + timedelta(days=6, minutes=5)
    noon = last_day.replace(hour=4) + timedelta(days=last_day.hour >= 4)
    process.clock = lambda: noon
    try:
        with faulty_app.dynamodb.recording() as calls:
            application.send_messages(SCHEDULED, None)
            send_messages.run(process.gateways, templates(settings()), process.clock, 20)
    finally:
        process.gateways, process.clock = gateways, clock
    assert compare(calls, "send_messages") == NOTHING


def test_the_sweep_may_do_what_cut_claims_need_and_no_more(faulty_app: FaultyApp) -> None:
    offer = an_offer()
    claim = claimed_long_ago(offer)

    with faulty_app.dynamodb.recording() as calls:
        application.sweep_coupon_claims(SCHEDULED, None)

    swept = coupon.find_offer(offer.coupon_id)
    assert swept is not None
    assert (swept.remaining, swept.in_flight) == (offer.quantity, None)
    assert coupon_claim.find_claim(claim.token, offer.coupon_id) is None
    assert compare(calls, "sweep_coupon_claims") == NOTHING


def test_the_way_to_dynamodb_lets_through_what_the_function_in_the_network_does_and_no_more() -> None:
    network = json.loads((POLICIES.parent / "infra" / "network.json").read_text(encoding="utf-8"))
    policy = network["Resources"]["WayToDynamoDB"]["Properties"]["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert {action.removeprefix("dynamodb:") for action in statement["Action"]} == {
        permission.action for permission in allowed_to("api_handler")
    }


WITHOUT_RESOURCES = {
    "xray:PutTelemetryRecords": "traces are nobody's",
    "xray:PutTraceSegments": "traces are nobody's",
    "ec2:AssignPrivateIpAddresses": "Lambda asks for it before the interface is there",
    "ec2:CreateNetworkInterface": "Lambda asks for it before the interface is there",
    "ec2:DeleteNetworkInterface": "Lambda asks for it before the interface is there",
    "ec2:DescribeNetworkInterfaces": "a list is nobody's",
    "ec2:DescribeSubnets": "a list is nobody's",
    "ec2:UnassignPrivateIpAddresses": "Lambda asks for it before the interface is there",
}
"""The actions that AWS wants allowed on everything, and why."""


@pytest.mark.parametrize("path", sorted(POLICIES.glob("policy-*.json")), ids=lambda path: path.stem)
def test_a_policy_allows_nothing_by_wildcard_that_can_be_named(path: Path) -> None:
    for statement in statements_of(path):
        assert not [action for action in _listed(statement["Action"]) if "*" in action]
        for resource in _listed(statement["Resource"]):
            if resource == "*":
                assert set(_listed(statement["Action"])) <= WITHOUT_RESOURCES.keys()
            elif "Fn::Sub" in resource:
                # A log group's streams have names that Lambda makes up.
                assert "*" not in resource["Fn::Sub"].removesuffix(":*")
                assert not resource["Fn::Sub"].endswith(":*") or statement["Sid"] == "OwnLog"
            else:
                assert set(resource) == {"Ref"}, resource


@pytest.mark.parametrize("path", sorted(POLICIES.glob("policy-*.json")), ids=lambda path: path.stem)
def test_a_condition_on_all_of_a_calls_keys_holds_for_no_call_without_keys(path: Path) -> None:
    for statement in statements_of(path):
        condition = statement.get("Condition", {})
        keys = {
            key
            for operator, tests in condition.items()
            if operator.startswith("ForAllValues")
            for key in tests
        }
        assert condition.get("Null", {}) == dict.fromkeys(keys, "false")


def statements_of(path: Path) -> list[dict[str, Any]]:
    """The statements of a policy file, conditional ones too."""
    policy = json.loads(path.read_text(encoding="utf-8"))
    return [statement.get("Fn::If", [None, statement])[1] for statement in policy["Statement"]]
