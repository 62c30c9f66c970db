"""Applications for refunds that their learner withdraws: as long as nobody has decided, and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shop import attention, coupon, enrollment, order, refund
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.refund_notice import list_all
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Clock


class Learner(Client):
    """A learner who has bought two courses, 300 and 100, with a coupon for the first and 100 beli."""

    def __init__(self, base_url: str, alipay: AlipaySimulator) -> None:
        self.person = builders.a_user(beli=100)
        super().__init__(base_url, self.person)
        self.courses: list[Course] = [builders.a_course(prices=[price]) for price in (30000, 10000)]
        self.coupon: CouponRecord = builders.a_coupon(self.person, course=self.courses[0].key, value=5000)
        self.number = purchases.place(self, self.courses, 340, coupons={0: self.coupon}, is_beli=True)
        purchases.pay(alipay, self.number)
        assert purchases.deliver(purchases.notice(alipay, self.number)) == "success"

    def apply(self, lines: list[int] | None = None, number: str = "") -> Any:
        body = {"reason": "不想学了"} | ({} if lines is None else {"lines": lines})
        return self.post(f"/order/{number or self.number}/refund", body)

    def applies(self, lines: list[int] | None = None) -> str:
        return str(self.apply(lines)["data"]["request_no"])

    def withdraw(self, request_no: str, number: str = "") -> Any:
        return self.delete(f"/order/{number or self.number}/refund/{request_no}")

    def ends(self) -> list[Any]:
        """When access to each course ends."""
        mine = {one.course: one for one in enrollment.list_enrollments(self.person.user_id)}
        return [mine[course.key].ends_at for course in self.courses]


@pytest.fixture
def learner(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Learner:
    return Learner(gateway_server.base_url, alipay)


@pytest.fixture
def office(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.an_admin())


def waits(office: Client, request_no: str) -> bool:
    """Whether it is on the operators' list."""
    return any(one["request_no"] == request_no for one in office.get("/admin/refunds")["data"])


def test_a_withdrawn_application_leaves_the_order_as_it_was_before(
    learner: Learner, office: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    clock.stand_at(builders.now() + timedelta(days=1))
    before, ends = learner.order(learner.number), learner.ends()
    asked = learner.apply()["data"]
    assert (asked["status"], asked["can_withdraw"]) == ("待审核", True)
    assert learner.order(learner.number)["refunds"][0]["can_withdraw"] is True
    assert waits(office, asked["request_no"])
    clock.stand_at(clock() + timedelta(hours=30))
    answer = learner.withdraw(asked["request_no"])
    assert answer == {
        "code": 1000,
        "msg": "退费申请已撤回，课程恢复学习",
        "data": asked | {"status": "已撤回", "can_withdraw": False},
    }
    after = learner.order(learner.number)
    assert after["refunds"] == [answer["data"]]
    assert after["history"][-1]["text"] == "已撤回退费申请，课程恢复学习"
    ignored = ("refunds", "history", "orderdetail_list")
    assert {k: v for k, v in after.items() if k not in ignored} == {
        k: v for k, v in before.items() if k not in ignored
    }
    assert [line["refund_status"] for line in after["orderdetail_list"]] == ["", ""]
    assert not waits(office, asked["request_no"])
    # Access lost nothing of its time.
    assert [purchases.owns(learner.person, course, clock()) for course in learner.courses] == [True, True]
    assert learner.ends() == [end + timedelta(hours=30) for end in ends]
    # Nothing went back.
    assert alipay.book.refunds(learner.number) == []
    assert purchases.record(learner.person, learner.coupon).status == coupon.USED
    assert purchases.balance(learner.person) == 0


def test_of_one_line_leaves_the_other_alone(learner: Learner, clock: Clock) -> None:
    clock.stand_at(builders.now() + timedelta(days=1))
    ends = learner.ends()
    request_no = learner.applies([1])
    clock.stand_at(clock() + timedelta(hours=2))
    assert learner.withdraw(request_no)["code"] == 1000
    assert learner.ends() == [ends[0], ends[1] + timedelta(hours=2)]


def test_what_was_withdrawn_can_be_applied_for_again(learner: Learner, office: Client) -> None:
    for lines in ([0], [0, 1], None):
        assert learner.withdraw(learner.applies(lines))["code"] == 1000
    request_no = learner.applies()
    assert office.post(f"/admin/refunds/{request_no}/approve")["data"]["status"] == "已退款"
    shown = learner.order(learner.number)
    assert (shown["status"], shown["refunded_amount"]) == ("已退费", 340)
    assert [one["status"] for one in shown["refunds"]] == ["已撤回", "已撤回", "已撤回", "已退款"]
    purchases.assert_untouched(learner.person, beli=100, unused=[learner.coupon])


def test_an_order_takes_five_withdrawals(learner: Learner) -> None:
    """Each adds to the order's history for good, so there is an end to it."""
    for _ in range(5):
        assert learner.withdraw(learner.applies())["code"] == 1000
    shown = learner.order(learner.number)
    assert (shown["status"], shown["can_refund"]) == ("交易成功", False)
    refused = learner.post(f"/order/{learner.number}/refund", {"reason": "再想想"})
    assert (refused["code"], refused["msg"]) == (
        1505,
        "该订单的退费申请已撤回5次，不能再在线申请，请联系客服",
    )


def test_withdrawing_again_is_answered_alike_and_changes_nothing(learner: Learner, clock: Clock) -> None:
    clock.stand_at(builders.now() + timedelta(days=1))
    request_no = learner.applies()
    clock.stand_at(clock() + timedelta(hours=1))
    first, ends = learner.withdraw(request_no), learner.ends()
    clock.stand_at(clock() + timedelta(hours=1))
    assert learner.withdraw(request_no) == first
    assert learner.ends() == ends
    assert purchases.happened(learner.number).count("refund withdrawn") == 1


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_what_is_decided_cannot_be_withdrawn(learner: Learner, office: Client, verb: str) -> None:
    request_no = learner.applies([0])
    assert office.post(f"/admin/refunds/{request_no}/{verb}", {"answer": "已学完"})["code"] == 1000
    before = purchases.happened(learner.number)
    assert learner.withdraw(request_no)["code"] == 1508
    assert learner.order(learner.number)["refunds"][0]["can_withdraw"] is False
    assert purchases.happened(learner.number) == before


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_what_is_withdrawn_cannot_be_decided(learner: Learner, office: Client, verb: str) -> None:
    request_no = learner.applies()
    learner.withdraw(request_no)
    assert office.post(f"/admin/refunds/{request_no}/{verb}", {"answer": "已学完"})["code"] == 1803
    assert purchases.status(learner.number) == order.PAID


def test_what_was_done_at_once_cannot_be_withdrawn(learner: Learner) -> None:
    number = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    done = learner.apply(number=number)["data"]
    assert (done["status"], done["can_withdraw"]) == ("已退款", False)
    assert learner.withdraw(done["request_no"], number)["code"] == 1508


def test_an_application_that_is_not_there_is_1507(learner: Learner) -> None:
    other = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    request_no = learner.applies()
    for number, asked in (
        (learner.number, "x"),
        (learner.number, f"{learner.number}_ABCDEF"),
        (learner.number, "é"),
        (other, request_no),
    ):
        assert learner.withdraw(asked, number)["code"] == 1507, asked
    assert learner.withdraw(request_no, "20260301235959987ABCDEFGHIJ")["code"] == 1501
    assert purchases.status(learner.number) == order.REFUNDING


def test_a_payment_on_its_way_back_is_no_application(learner: Learner, alipay: AlipaySimulator) -> None:
    twice = purchases.notice(alipay, learner.number, trade_no=f"2026{builders.new_id():015d}")
    assert purchases.deliver(twice) == "success"
    [back] = learner.order(learner.number)["refunds"]
    assert back["can_withdraw"] is False
    assert learner.withdraw(back["request_no"])["code"] == 1507


def test_a_withdrawn_application_makes_room_for_another(learner: Learner) -> None:
    numbers = []
    for _ in range(refund.MAX_WAITING + 1):
        course = builders.a_course(prices=[100])
        record = builders.a_coupon(learner.person, course=course.key, value=100)
        numbers.append(purchases.place(learner, [course], 0, coupons={0: record}))
    answers = [learner.apply(number=number) for number in numbers]
    assert [answer["code"] for answer in answers] == [1000] * refund.MAX_WAITING + [1505]
    assert learner.withdraw(answers[2]["data"]["request_no"], numbers[2])["code"] == 1000
    assert learner.apply(number=numbers[-1])["code"] == 1000
    assert learner.apply(number=numbers[2])["code"] == 1505


def test_a_withdrawn_application_that_alipay_was_made_to_carry_out_is_flagged(
    learner: Learner, alipay: AlipaySimulator
) -> None:
    """A person refunded it in the console by its number, and then it was withdrawn: nobody takes it for the shop's."""
    request_no = learner.applies([1])
    learner.withdraw(request_no)
    alipay.refund(learner.number, 9000, request_no)
    assert purchases.deliver(purchases.notice(alipay, learner.number)) == "success"
    [told] = list_all(purchases.stored(learner.number))
    assert told.attention == attention.PROBLEM
    assert purchases.status(learner.number) == order.PAID
    assert purchases.owns(learner.person, learner.courses[1])
