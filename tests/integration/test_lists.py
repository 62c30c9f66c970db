"""Lists: each is given in pages, bounded in rows and bytes, and nobody lengthens one for operators without bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shop import attention, choice, coupon, enrollment, order, refund
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.partition import list_page
from chalicelib.shop.payment_type import FREE
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import connection
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults.routing import FaultyApp
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
    store_large_orders(learner.user, [order.CANCELLED] * 50)
    pages = pages_of_orders(learner)
    assert len(pages) > 1, "all of it came at once"
    seen = [row["order_number"] for page in pages for row in page]
    assert len(seen) == len(set(seen)) == 50


def store_large_orders(user: User, statuses: Sequence[str]) -> list[str]:
    """Orders of 40 lines, oldest first, as they lie in the table -> their numbers."""
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
    made = [
        order.order_item(
            order.new_number(now),
            user.user_id,
            now + timedelta(seconds=position),
            status=status,
            payment_type=FREE,
            amount=0,
            lines=lines,
            title="课程",
            expires_at=now,
            closed_at=now,
        )
        for position, status in enumerate(statuses)
    ]
    with Order.batch_write() as batch:
        for one in made:
            batch.save(one)
    return [one.number for one in made]


def pages_of_orders(learner: Client, **asked: str) -> list[list[Any]]:
    """The rows of each page of `GET /myorder`."""
    pages = []
    query = dict(asked)
    while True:
        answer = learner.request("GET", "/myorder/", params=query)
        assert len(answer.content) < LAMBDA_ANSWER / 2
        body = answer.json()
        pages.append(body["data"])
        if "next" not in body:
            return pages
        query = asked | {"cursor": body["next"]}


def test_orders_of_a_status_fill_their_pages(learner: Client) -> None:
    assert learner.user is not None
    statuses = [order.PAID if i % 3 == 0 else order.CANCELLED for i in range(20)]
    numbers = store_large_orders(learner.user, statuses)
    wanted = [number for number, status in zip(numbers, statuses, strict=True) if status == order.CANCELLED][
        ::-1
    ]
    pages = pages_of_orders(learner, status="主动取消", limit="5")
    assert [len(page) for page in pages] == [5, 5, 3]
    assert [row["order_number"] for page in pages for row in page] == wanted
    assert {row["status"] for page in pages for row in page} == {"主动取消"}
    for nothing_known in ("", "未知", "cancelled"):
        assert len(learner.get("/myorder/", params={"status": nothing_known})["data"]) == 20


def test_a_page_of_a_status_is_looked_for_in_eight_queries_at_most(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    statuses = [order.CANCELLED] * 200
    for place in (0, 150, 151):
        statuses[place] = order.PAID
    numbers = store_large_orders(user, statuses)
    found, cursor = [], None
    for _ in range(5):
        with faulty_app.dynamodb.recording() as calls:
            page = list_page(
                Order, user.user_id, "ORDER#", 1, cursor, Order.status == order.PAID, rows_of_query=10
            )
        assert len([call for call in calls if call.operation == "Query"]) <= 8
        found.append([one.number for one in page.items])
        if (cursor := page.next_cursor) is None:
            break
    # The second page looks through 72 orders, and so does the third, which is empty and leads on.
    assert found == [[numbers[151]], [numbers[150]], [], [numbers[0]]]


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
