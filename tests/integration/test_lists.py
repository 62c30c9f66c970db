"""Lists: each is given in pages, bounded in rows and bytes, and nobody lengthens one for operators without bound."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.shop import attention, choice, coupon, enrollment, order, refund
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.payment_type import FREE
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import connection
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.terminal import Operator

LAMBDA_ANSWER = 6 * 1024 * 1024


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture
def office(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.an_admin())


def bought(learner: Client, number_of_orders: int) -> list[str]:
    """Orders that are paid by a coupon alone: applications for them give it back, so an operator decides."""
    assert learner.user is not None
    numbers = []
    for _ in range(number_of_orders):
        course = builders.a_course(prices=[100])
        record = builders.a_coupon(learner.user, course=course.key, value=100)
        numbers.append(purchases.place(learner, [course], 0, coupons={0: record}))
    return numbers


def apply(learner: Client, number: str) -> Any:
    return learner.post(f"/order/{number}/refund", {"reason": "学" * 200})


def waiting_of(user: User) -> list[str]:
    """The request numbers of a user's applications on the operators' list, read in small pages."""
    found, cursor = [], None
    while True:
        page = refund.list_waiting(7, cursor)
        assert len(page.items) <= 7
        found += [one.request_no for one in page.items if one.user_id == user.user_id]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_one_learner_puts_five_applications_before_the_operators_at_most(
    learner: Client, office: Client
) -> None:
    assert learner.user is not None
    numbers = bought(learner, 7)
    answers = purchases.at_once(*[lambda number=number: apply(learner, number) for number in numbers])
    taken = [answer["data"]["request_no"] for answer in answers if answer["code"] == 1000]
    refused = {answer["msg"] for answer in answers if answer["code"] == 1505}
    assert len(taken) == refund.MAX_WAITING
    assert refused == {"您已有5个退费申请等待审核，请等待处理后再申请"}
    assert sorted(waiting_of(learner.user)) == sorted(taken)
    assert office.post(f"/admin/refunds/{taken[0]}/approve")["code"] == 1000
    assert office.post(f"/admin/refunds/{taken[1]}/refuse", {"answer": "已学完"})["code"] == 1000
    left = [number for number, answer in zip(numbers, answers, strict=True) if answer["code"] == 1505]
    assert [apply(learner, number)["code"] for number in left] == [1000, 1000]
    assert len(waiting_of(learner.user)) == refund.MAX_WAITING


def test_an_application_that_gives_nothing_back_is_done_at_once(learner: Client, office: Client) -> None:
    assert learner.user is not None
    courses = [builders.a_course(prices=[0]) for _ in range(2)]
    number = purchases.place(learner, courses, 0)
    for line, status in ((1, "交易成功"), (0, "已退费")):
        answer = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [line]})
        assert (answer["data"]["status"], answer["data"]["amount"]) == ("已退款", 0)
        assert learner.order(number)["status"] == status
        assert not purchases.owns(learner.user, courses[line])
    assert waiting_of(learner.user) == []
    assert purchases.happened(number)[2:] == [
        *("refund requested", "lines refunded"),
        *("refund requested", "refunded"),
    ]
    assert apply(learner, number)["code"] == 1505
    assert all(part.withdrawn_at for part in enrollment.list_slices(learner.user.user_id))


def test_a_line_that_cost_nothing_of_an_order_with_a_general_coupon_is_done_at_once(learner: Client) -> None:
    assert learner.user is not None
    courses = [builders.a_course(prices=[0]), builders.a_course(prices=[100])]
    general = builders.a_coupon(learner.user, value=100)
    number = purchases.place(learner, courses, 0, general=general)
    answer = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [0]})
    assert answer["data"]["status"] == "已退款"
    # The other line gives the coupon back: somebody decides.
    assert apply(learner, number)["data"]["status"] == "待审核"


def test_a_line_that_a_general_coupon_paid_is_for_somebody_to_decide(learner: Client, office: Client) -> None:
    """The coupon comes back with the last line only."""
    assert learner.user is not None
    courses = [builders.a_course(prices=[100]) for _ in range(2)]
    general = builders.a_coupon(learner.user, value=200)
    number = purchases.place(learner, courses, 0, general=general)
    for line, state in ((0, coupon.USED), (1, coupon.UNUSED)):
        asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [line]})["data"]
        assert (asked["status"], asked["amount"]) == ("待审核", 0)
        answer = office.post(f"/admin/refunds/{asked['request_no']}/approve")
        assert answer["data"]["status"] == "已退款"
        assert purchases.record(learner.user, general).status == state


def test_applications_are_listed_in_pages(learner: Client, office: Client, operator: Operator) -> None:
    taken = [apply(learner, number)["data"]["request_no"] for number in bought(learner, 3)]
    listed, query = [], {"limit": "2"}
    while True:
        answer = office.get("/admin/refunds", params=query)
        assert answer["code"] == 1000 and 0 < len(answer["data"]) <= 2
        listed += [one["request_no"] for one in answer["data"]]
        if "next" not in answer:
            break
        query = {"limit": "2", "cursor": answer["next"]}
    assert [one for one in listed if one in taken] == sorted(taken, key=listed.index)
    assert set(taken) <= set(listed) and len(set(listed)) == len(listed)
    for wrong in ({"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "AAAA"}):
        assert office.get("/admin/refunds", params=wrong)["code"] == 400, wrong
    said = operator.does("list-refunds", "--limit", "1")
    cursor = said.split("list-refunds --after ")[1].split()[0]
    assert said.count("order ") == 1
    assert operator.does("list-refunds", "--after", cursor) != said
    assert "CURSOR" in operator.is_refused("problems", "--after", "x")


def test_pages_of_large_orders_stay_within_what_a_lambda_may_answer(learner: Client) -> None:
    assert learner.user is not None
    now = builders.now()
    lines = [
        OrderLine(
            course_type="course",
            course_id=10**14 + position,
            course_name="课" * 200,
            course_img="https://img.test/" + "x" * 200,
            valid_period=30,
            valid_period_name="1个月",
            original_price=0,
            price=0,
            payable=0,
        )
        for position in range(choice.MAX_LINES)
    ]
    with Order.batch_write() as batch:
        for _ in range(50):
            batch.save(
                order.order_item(
                    order.new_number(now),
                    learner.user.user_id,
                    now,
                    status=order.CANCELLED,
                    payment_type=FREE,
                    amount=0,
                    lines=lines,
                    title="课程",
                    expires_at=now,
                    closed_at=now,
                )
            )
    seen: list[str] = []
    query: dict[str, str] = {}
    while True:
        answer = learner.request("GET", "/myorder/", params=query)
        assert len(answer.content) < LAMBDA_ANSWER / 2
        body = answer.json()
        seen += [row["order_number"] for row in body["data"]]
        if "next" not in body:
            break
        query = {"cursor": body["next"]}
    assert query, "all of it came at once"
    assert len(seen) == len(set(seen)) == 50


def test_an_item_that_cannot_be_read_ends_no_list(learner: Client) -> None:
    [first, second] = [apply(learner, number)["data"]["request_no"] for number in bought(learner, 2)]
    _, asked = refund.find_refund(first)
    connection().dispatch(
        "UpdateItem",
        {
            "TableName": Order.Meta.table_name,
            "Key": {"owner": {"S": asked.owner}, "sort": {"S": asked.sort}},
            "UpdateExpression": "SET requested_at = :v",
            "ExpressionAttributeValues": {":v": {"S": "yesterday"}},
        },
    )
    try:
        assert learner.user is not None
        assert waiting_of(learner.user) == [second]
        assert attention.list_attention(attention.DECISION, 1).next_cursor
    finally:
        asked.delete()
