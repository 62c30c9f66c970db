"""Orders after they were placed: how they are shown, cancelled by learners and closed by time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.shop import coupon, order, work
from chalicelib.shop.catalog import Course
from chalicelib.shop.event import By
from chalicelib.shop.order import OrderLine
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import UserItem
from localstack.alipay import AlipaySimulator
from localstack.alipay.trades import TRADE_CLOSED
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Fault, Gate, HttpCall, answer, hold_before, reset_after, silent
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


def asks(method: str, number: str) -> Callable[[HttpCall], bool]:
    """Picks the shop's calls of this method of Alipay's about this order."""
    return lambda call: f"alipay.trade.{method}&" in call.path + "&" and number in call.path


def in_work_index(number: str) -> bool:
    """Whether the work index still has the order, whenever it is due."""
    far = builders.now() + timedelta(days=10_000)
    return any(
        due.sort.endswith(f"#{number}") for shard in work.ORDERS for due in work.list_due(shard, far, 10_000)
    )


# How orders are shown


def test_an_order_shows_amounts_with_their_breakdown_and_what_can_be_done(buyer: Buyer, clock: Clock) -> None:
    clock.stand_at(builders.now().replace(microsecond=0))
    number = buyer.place()
    shown = buyer.order(number)
    assert shown == {
        "order_number": number,
        "date": beijing_text(clock()),
        "status": "待支付",
        "payment_type": "支付宝",
        "payment_code": "alipay",
        "providers": ["alipay", "wechat"],
        "original_amount": 300,
        "course_coupon_amount": 0,
        "general_coupon_amount": 50,
        "general_coupon": buyer.coupon.name,
        "beli": 100,
        "beli_amount": 10,
        "actual_amount": 240,
        "refunded_amount": 0,
        "expire_date": beijing_text(clock() + timedelta(minutes=30)),
        "seconds_left": 1800,
        "can_pay": True,
        "can_cancel": True,
        "can_refund": False,
        "refund_until": None,
        "refundable_amount": 0,
        "ask_again_seconds": 5,
        "orderdetail_list": [
            {
                "line": 0,
                "original_price": 300,
                "price": 300,
                "course_name": buyer.course.name,
                "valid_period_display": "1周",
                "price_policy_id": builders.policies_of(buyer.course)[0].policy_id,
                "course_id": buyer.course.course_id,
                "course_type": "course",
                "course_img": "https://img.test/course.png",
                "coursedetail_id": str(buyer.course.detail_id),
                "access_end_date": None,
                "coupon": "",
                "general_coupon_share": 50,
                "beli": 100,
                "beli_share": 10,
                "payable": 240,
                "refundable": 0,
                "refund_status": "",
            }
        ],
        "refunds": [],
        "history": [{"date": beijing_text(clock()), "text": "订单已提交"}],
    }


def test_an_order_that_has_expired_and_is_not_closed_yet_cannot_be_paid(buyer: Buyer, clock: Clock) -> None:
    number = buyer.place()
    clock.advance(minutes=31)
    shown = buyer.order(number)
    assert (shown["status"], shown["seconds_left"], shown["can_pay"]) == ("待支付", 0, False)


def test_the_list_shows_exactly_what_the_document_says(buyer: Buyer, clock: Clock) -> None:
    clock.stand_at(builders.now().replace(microsecond=0))
    number = buyer.place()
    assert buyer.get("/myorder/") == {
        "code": 1000,
        "msg": "",
        "data": [
            {
                "order_number": number,
                "date": beijing_text(clock()),
                "status": "待支付",
                "payment_type": "支付宝",
                "payment_code": "alipay",
                "providers": ["alipay", "wechat"],
                "original_amount": 300,
                "course_coupon_amount": 0,
                "general_coupon_amount": 50,
                "beli": 100,
                "beli_amount": 10,
                "actual_amount": 240,
                "refunded_amount": 0,
                "expire_date": beijing_text(clock() + timedelta(minutes=30)),
                "seconds_left": 1800,
                "can_pay": True,
                "can_cancel": True,
                "can_refund": False,
                "refund_until": None,
                "orderdetail_list": [
                    {
                        "line": 0,
                        "course_id": buyer.course.course_id,
                        "course_type": "course",
                        "course_name": buyer.course.name,
                        "course_img": "https://img.test/course.png",
                        "coursedetail_id": str(buyer.course.detail_id),
                        "valid_period_display": "1周",
                        "price_policy_id": builders.policies_of(buyer.course)[0].policy_id,
                        "original_price": 300,
                        "price": 300,
                        "payable": 240,
                        "refund_status": "",
                    }
                ],
            }
        ],
    }


def test_a_row_of_the_list_says_of_an_order_what_its_page_says(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    """Unpaid, paid, with an application, refunded in part, cancelled."""
    number, cancelled = buyer.place(), purchases.place(buyer, [builders.a_course(prices=[100])], 1)
    other = purchases.place(buyer, [builders.a_course(prices=[100]), builders.a_course(prices=[0])], 1)

    def agree() -> None:
        for row in buyer.get("/myorder/")["data"]:
            page = buyer.order(row["order_number"])
            lines = list(zip(row.pop("orderdetail_list"), page.pop("orderdetail_list"), strict=True))
            assert all(line.items() <= in_full.items() for line, in_full in lines)
            assert row.items() <= page.items()

    clock.stand_at(builders.now())
    agree()
    purchases.cancel(buyer, cancelled)
    for paid in (number, other):
        purchases.pay(alipay, paid)
    alipay.deliver_due_notices()
    agree()
    buyer.post(f"/order/{number}/refund", {"reason": "r"})
    buyer.post(f"/order/{other}/refund", {"reason": "r", "lines": [1]})
    agree()
    rows = {row["order_number"]: row for row in buyer.get("/myorder/")["data"]}
    assert [line["refund_status"] for line in rows[number]["orderdetail_list"]] == ["退费申请中"]
    assert [line["refund_status"] for line in rows[other]["orderdetail_list"]] == ["", "已退费"]
    assert rows[other]["can_refund"] and not rows[number]["can_refund"]
    assert rows[other]["refund_until"] == beijing_text(clock() + timedelta(days=7))
    assert rows[cancelled]["refund_until"] is None


def test_lines_lead_to_their_courses_pages_as_the_catalogue_has_them_today(buyer: Buyer) -> None:
    number = buyer.place()
    (stored,) = stored_orders(buyer.person, 1)  # its course is gone
    buyer.course.update([Course.detail_id.remove()])
    for of, detail_id in ((number, None), (stored, None)):
        assert buyer.order(of)["orderdetail_list"][0]["coursedetail_id"] == detail_id
    rows = buyer.get("/myorder/")["data"]
    assert [row["orderdetail_list"][0]["coursedetail_id"] for row in rows] == [None, None]


def test_an_order_says_until_when_its_courses_are_owned_now(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    def ends(number: str) -> list[Any]:
        return [line["access_end_date"] for line in buyer.order(number)["orderdetail_list"]]

    paid_at = builders.now()
    clock.stand_at(paid_at)
    first, second = buyer.place(), purchases.place(buyer, [buyer.course], 300)
    assert ends(first) == [None]
    for number, weeks in ((first, 1), (second, 2)):
        purchases.pay(alipay, number)
        alipay.deliver_due_notices()
        assert ends(first) == ends(number) == [beijing_text(paid_at + timedelta(weeks=weeks))]
        clock.stand_at(paid_at + timedelta(minutes=1))
    buyer.post(f"/order/{first}/refund", {"reason": "r"})
    assert ends(first) == ends(second) == [None]  # the application pauses the first week


def test_a_page_is_told_when_to_ask_again(buyer: Buyer, alipay: AlipaySimulator, clock: Clock) -> None:
    placed_at = builders.now()
    clock.stand_at(placed_at)
    number = buyer.place()
    asked_at = placed_at + timedelta(minutes=9)
    clock.stand_at(asked_at)
    assert buyer.order(number)["ask_again_seconds"] == 60
    assert purchases.stored(number).asked_at == asked_at
    clock.stand_at(asked_at + timedelta(seconds=20))
    assert buyer.order(number)["ask_again_seconds"] == 40
    clock.stand_at(asked_at + timedelta(seconds=59, microseconds=999_999))
    assert buyer.order(number)["ask_again_seconds"] == 1
    assert purchases.stored(number).asked_at == asked_at
    clock.stand_at(asked_at + timedelta(seconds=60))
    buyer.order(number)
    assert purchases.stored(number).asked_at == asked_at + timedelta(seconds=60)
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert buyer.order(number)["ask_again_seconds"] is None
    buyer.post(f"/order/{number}/refund", {"reason": "r"})
    assert buyer.order(number)["ask_again_seconds"] == 60


def test_a_lines_price_is_that_after_its_course_coupon(gateway_server: GatewayServer) -> None:
    user = builders.a_user()
    learner, course = Client(gateway_server.base_url, user), builders.a_course(prices=[30000])
    record = builders.a_coupon(user, course=course.key, coupon_type=coupon.PERCENT, off_percent=80)
    purchases.place(learner, [course], 240, coupons={0: record})
    (line,) = learner.newest_order()["orderdetail_list"]
    assert (line["original_price"], line["price"]) == (300, 240)


def test_a_learner_without_orders_has_an_empty_list(gateway_server: GatewayServer) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    assert learner.get("/myorder/") == {"code": 1000, "msg": "", "data": []}


def stored_orders(user: User, count: int, status: str = order.PAID) -> list[str]:
    """So many old orders of a user, one a minute -> their numbers, newest first."""
    line = OrderLine(
        course_type="course",
        course_id=1,
        course_name="旧课程",
        course_img="",
        valid_period=7,
        valid_period_name="1周",
        original_price=100,
        price=100,
        payable=100,
    )
    items = []
    for minute in range(count):
        placed_at = builders.now() - timedelta(minutes=minute)
        items.append(
            order.order_item(
                order.new_number(placed_at),
                user.user_id,
                placed_at,
                status=status,
                payment_type=ALIPAY,
                amount=100,
                lines=[line],
                title="旧课程",
                expires_at=placed_at,
            )
        )
    with UserItem.batch_write() as batch:
        for item in items:
            batch.save(item)
            batch.save(order.pointer_item(item))
    return [item.number for item in items]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (order.PLACED, "待支付"),
        (order.PAID, "交易成功"),
        (order.REFUNDING, "退费申请中"),
        (order.REFUNDED, "已退费"),
        (order.CANCELLED, "主动取消"),
        (order.EXPIRED, "超时取消"),
    ],
)
def test_every_status_reads_as_in_the_document(gateway_server: GatewayServer, status: str, text: str) -> None:
    user = builders.a_user()
    (number,) = stored_orders(user, 1, status)
    learner = Client(gateway_server.base_url, user)
    assert learner.newest_order()["status"] == text
    assert learner.order(number)["status"] == text


def test_up_to_500_orders_come_newest_first_and_the_rest_follows_by_its_cursor(
    gateway_server: GatewayServer,
) -> None:
    user = builders.a_user()
    numbers = stored_orders(user, 503)
    learner = Client(gateway_server.base_url, user)
    first = learner.get("/myorder/")
    assert [row["order_number"] for row in first["data"]] == numbers[:500]
    second = learner.get("/myorder/", params={"cursor": first["next"]})
    assert [row["order_number"] for row in second["data"]] == numbers[500:]
    assert "next" not in second

    page = learner.get("/myorder/?limit=200")
    seen = [row["order_number"] for row in page["data"]]
    while "next" in page:
        page = learner.get("/myorder/", params={"limit": 200, "cursor": page["next"]})
        seen += [row["order_number"] for row in page["data"]]
    assert seen == numbers


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=-1", "cursor=x", "cursor=é"])
def test_a_page_that_the_list_does_not_have_is_400(buyer: Buyer, query: str) -> None:
    response = buyer.request("GET", f"/myorder/?{query}")
    assert (response.status_code, response.json()["code"]) == (400, 400)


# Cancelled by the learner


def test_an_order_whose_code_nobody_scanned_is_cancelled_at_once(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    answered = purchases.cancel(buyer, number)
    assert answered["code"] == 1000
    assert answered["data"] == {"order_number": number, "status": "主动取消"}
    shown = buyer.order(number)
    assert (shown["status"], shown["can_pay"], shown["can_cancel"]) == ("主动取消", False, False)
    assert "close_date" in shown
    buyer.assert_has_everything_back()


def test_an_order_that_waits_for_its_buyer_is_closed_at_alipay_too(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    assert purchases.cancel(buyer, number)["code"] == 1000
    assert alipay.trade(number).status == TRADE_CLOSED
    assert purchases.status(number) == order.CANCELLED
    buyer.assert_has_everything_back()
    alipay.deliver_due_notices()
    assert purchases.status(number) == order.CANCELLED


def test_an_order_whose_buyer_gave_up_at_alipay_is_cancelled(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    alipay.close(number)
    assert purchases.cancel(buyer, number)["code"] == 1000
    buyer.assert_has_everything_back()


def test_an_order_paid_meanwhile_is_delivered_instead_of_cancelled(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.cancel(buyer, number)["code"] == 1502
    assert purchases.status(number) == order.PAID
    buyer.assert_owns_the_course()
    assert By.QUERY in [event.cause.by for event in order.list_events(purchases.stored(number))]
    alipay.deliver_due_notices()
    assert purchases.payments(number) == ["applied"]
    assert purchases.happened(number) == ["placed", "paid"]


def test_an_order_paid_and_refunded_at_alipay_without_a_notice_is_refunded_here_too(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    alipay.refund(number)
    assert purchases.cancel(buyer, number)["code"] == 1502
    assert purchases.status(number) == order.REFUNDED
    buyer.assert_has_everything_back()
    alipay.deliver_due_notices()
    assert purchases.status(number) == order.REFUNDED
    buyer.assert_has_everything_back()


def test_an_order_paid_between_the_query_and_the_closing_is_delivered(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    buyer, gate = Buyer(faulty_app.base_url), Gate()
    number = buyer.place()
    purchases.scan(alipay, number)

    def meanwhile() -> Any:
        gate.wait_for_a_call()
        alipay.pay(number)
        gate.open()

    held = Fault.on("GET", action=hold_before(gate), where=asks("close", number))
    with faulty_app.alipay.faults(held):
        answered, _ = purchases.at_once(lambda: purchases.cancel(buyer, number), meanwhile)
    assert answered["code"] == 1502
    assert purchases.status(number) == order.PAID
    buyer.assert_owns_the_course()


def test_nothing_is_changed_while_alipay_is_down(faulty_app: FaultyApp) -> None:
    buyer = Buyer(faulty_app.base_url)
    number = buyer.place()
    with faulty_app.alipay.down():
        assert purchases.cancel(buyer, number)["code"] == 1504
    buyer.assert_order_waits(number)
    assert purchases.happened(number) == ["placed"]


def test_nothing_is_changed_while_alipay_is_silent_and_the_answer_comes_within_eight_seconds(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    one, two = Buyer(faulty_app.base_url), Buyer(faulty_app.base_url)
    numbers = one.place(), two.place()
    purchases.scan(alipay, numbers[1])
    mute_query = Fault.on("GET", action=silent(), where=asks("query", numbers[0]))
    mute_close = Fault.on("GET", action=silent(), where=asks("close", numbers[1]))
    started = time.monotonic()
    with faulty_app.alipay.faults(mute_query, mute_close):
        answers = purchases.at_once(
            lambda: purchases.cancel(one, numbers[0]), lambda: purchases.cancel(two, numbers[1])
        )
    assert time.monotonic() - started < 8
    assert [answered["code"] for answered in answers] == [1504, 1504]
    one.assert_order_waits(numbers[0])
    two.assert_order_waits(numbers[1])


def test_a_closing_whose_answer_was_lost_is_found_when_tried_again(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    buyer = Buyer(faulty_app.base_url)
    number = buyer.place()
    purchases.scan(alipay, number)
    lost = Fault.on("GET", action=reset_after(), where=asks("close", number))
    with faulty_app.alipay.faults(lost):
        assert purchases.cancel(buyer, number)["code"] == 1504
    assert alipay.trade(number).status == TRADE_CLOSED
    buyer.assert_order_waits(number)
    assert purchases.cancel(buyer, number)["code"] == 1000
    buyer.assert_has_everything_back()


def test_cancelling_again_is_answered_alike_and_gives_nothing_back_twice(buyer: Buyer) -> None:
    number = buyer.place()
    first = purchases.cancel(buyer, number)
    assert purchases.cancel(buyer, number) == first
    buyer.assert_has_everything_back()
    assert purchases.happened(number) == ["placed", "cancelled"]


def test_what_a_cancelled_order_held_can_be_used_for_the_next(buyer: Buyer) -> None:
    purchases.cancel(buyer, buyer.place())
    number = buyer.place()
    buyer.assert_order_waits(number)


@pytest.mark.parametrize(
    "number", ["1", "20260301235959987ABCDEFGHIJ", "x" * 65, "%E8%AE%A2", "a%20b", "%23"]
)
def test_an_order_that_does_not_exist_is_1501(buyer: Buyer, number: str) -> None:
    assert buyer.post(f"/order/{number}/cancel")["code"] == 1501
    assert buyer.get(f"/order/{number}")["code"] == 1501


def test_a_refunded_order_cannot_be_cancelled(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    alipay.refund(number)
    alipay.deliver_due_notices()
    assert purchases.cancel(buyer, number)["code"] == 1502


# Closed by time


def test_the_timer_leaves_orders_alone_before_they_expire(buyer: Buyer, clock: Clock) -> None:
    number = buyer.place()
    clock.stand_at(purchases.stored(number).expires_at - timedelta(seconds=1))
    purchases.run_timer()
    buyer.assert_order_waits(number)


def test_an_order_whose_code_nobody_scanned_is_closed_five_minutes_after_its_expiry(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    expires_at = purchases.stored(number).expires_at
    for moment in (expires_at, expires_at + timedelta(minutes=5) - timedelta(seconds=1)):
        clock.stand_at(moment)
        purchases.run_timer()
        buyer.assert_order_waits(number)
    clock.stand_at(expires_at + timedelta(minutes=5))
    purchases.run_timer()
    assert buyer.order(number)["status"] == "超时取消"
    buyer.assert_has_everything_back()
    assert purchases.happened(number) == ["placed", "expired"]
    assert purchases.cancel(buyer, number)["code"] == 1503


def test_an_order_that_was_scanned_is_closed_at_its_expiry_here_and_at_alipay(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at)
    purchases.run_timer()
    assert purchases.status(number) == order.EXPIRED
    assert alipay.trade(number).status == TRADE_CLOSED
    buyer.assert_has_everything_back()


def test_an_order_that_was_paid_without_a_notice_is_delivered_by_the_timer(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at)
    purchases.run_timer()
    assert purchases.status(number) == order.PAID
    buyer.assert_owns_the_course(clock)
    assert not in_work_index(number)


def test_a_final_order_is_in_no_work_list(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    assert in_work_index(number)
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert not in_work_index(number)
    assert purchases.stored(number).due_at is None


def test_an_order_that_cannot_be_decided_waits_for_its_next_turn_and_holds_up_no_other(
    faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    stuck, other = Buyer(faulty_app.base_url), Buyer(faulty_app.base_url)
    stuck_number, other_number = stuck.place(), other.place()
    clock.stand_at(purchases.stored(other_number).expires_at + timedelta(minutes=5))
    broken = Fault.on("GET", action=answer(500, b"oops"), where=asks("query", stuck_number))
    with faulty_app.alipay.faults(broken):
        purchases.run_timer()
        assert broken.fired == 1
        purchases.run_timer()  # its lease has not run out
        assert broken.fired == 1
    stuck.assert_order_waits(stuck_number)
    assert purchases.status(other_number) == order.EXPIRED
    clock.stand_at(clock() + work.LEASE)
    purchases.run_timer()
    assert purchases.status(stuck_number) == order.EXPIRED
    stuck.assert_has_everything_back()


def test_an_order_whose_worker_died_is_taken_up_after_the_lease(buyer: Buyer, clock: Clock) -> None:
    number = buyer.place()
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=5))
    work.take_lease(purchases.stored(number), clock())
    purchases.run_timer()
    buyer.assert_order_waits(number)
    clock.stand_at(clock() + work.LEASE)
    purchases.run_timer()
    assert purchases.status(number) == order.EXPIRED


def test_two_timers_at_once_ask_about_an_order_once(
    faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    buyers = [Buyer(faulty_app.base_url) for _ in range(4)]
    numbers = [buyer.place() for buyer in buyers]
    clock.stand_at(purchases.stored(numbers[-1]).expires_at + timedelta(minutes=5))
    with faulty_app.alipay.recording() as calls:
        purchases.at_once(purchases.run_timer, purchases.run_timer)
    for buyer, number in zip(buyers, numbers, strict=True):
        assert len([call for call in calls if asks("query", number)(call)]) == 1
        assert purchases.happened(number) == ["placed", "expired"]
        buyer.assert_has_everything_back()


def test_an_order_whose_coupon_was_meddled_with_is_reported_and_closed_once_it_is_right(
    buyer: Buyer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    number = buyer.place()
    held = purchases.record(buyer.person, buyer.coupon)
    held.order_number = "somebody meddled"
    held.save()
    clock.stand_at(purchases.stored(number).expires_at + order.CLOSE_MARGIN)
    purchases.run_timer()
    assert purchases.status(number) == order.PLACED
    assert purchases.balance(buyer.person) == 0
    loud = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert [text for text in loud if number in text]
    held.order_number = number
    held.save()
    clock.stand_at(clock() + work.LEASE)
    purchases.run_timer()
    assert purchases.status(number) == order.EXPIRED
    buyer.assert_has_everything_back()


def test_a_coupon_given_back_after_its_end_is_expired(gateway_server: GatewayServer, clock: Clock) -> None:
    user = builders.a_user()
    learner, course = Client(gateway_server.base_url, user), builders.a_course(prices=[10000])
    record = builders.a_coupon(user, value=1000, valid_until=builders.now() + timedelta(minutes=20))
    number = purchases.place(learner, [course], 90, general=record)
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=5))
    purchases.run_timer()
    purchases.assert_untouched(user, beli=0, unused=[record])
    refused = learner.pay([course], 90, general=record)
    assert refused["code"] == 1306
    assert "有效期" in refused["msg"]


def test_a_coupon_reserved_in_time_stays_good_for_its_order(
    gateway_server: GatewayServer, clock: Clock, alipay: AlipaySimulator
) -> None:
    user = builders.a_user()
    learner, course = Client(gateway_server.base_url, user), builders.a_course(prices=[10000])
    record = builders.a_coupon(user, value=1000, valid_until=builders.now() + timedelta(minutes=5))
    number = purchases.place(learner, [course], 90, general=record)
    clock.advance(minutes=10)
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert purchases.status(number) == order.PAID
    assert purchases.record(user, record).status == coupon.USED


def test_beijing_times_are_shown_whatever_the_zone_of_the_machine(buyer: Buyer) -> None:
    number = buyer.place()
    shown = datetime.strptime(buyer.order(number)["date"] + " +0800", "%Y-%m-%d %H:%M:%S %z")
    assert shown == purchases.stored(number).placed_at.replace(microsecond=0)
