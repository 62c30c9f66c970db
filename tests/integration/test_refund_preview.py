"""The preview of a refund, compared with the refund itself: applied for, approved and carried out by Alipay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.errors import RefundNotAllowed
from chalicelib.flows import preview_refund
from chalicelib.shop import coupon
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.storage.dynamodb import UserItem
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Clock

KEPT = "订单中还有未退费的课程，全部退费后退回"
OVER = "已过有效期，退回后不能再使用"


class Learner(Client):
    """A learner with 150 beli who buys, looks at previews, and has them come true."""

    def __init__(self, base_url: str, alipay: AlipaySimulator, clock: Clock) -> None:
        self.person = builders.a_user(beli=150)
        super().__init__(base_url, self.person)
        self.office = Client(base_url, builders.an_admin())
        self.alipay, self.clock = alipay, clock
        self.records: dict[str, CouponRecord] = {}

    def coupon(self, **given: Any) -> CouponRecord:
        record = builders.a_coupon(self.person, **given)
        self.records[record.name] = record
        return record

    def buys(self, courses: Sequence[Course], due: object, **choice: Any) -> str:
        number = purchases.place(self, list(courses), due, **choice)
        if purchases.stored(number).amount:
            purchases.pay(self.alipay, number)
            assert purchases.deliver(purchases.notice(self.alipay, number)) == "success"
        self.clock.stand_at(self.clock() + timedelta(minutes=1))
        return number

    def preview(self, number: str, lines: Sequence[int] | None = None) -> Any:
        chosen = {} if lines is None else {"lines": ",".join(map(str, lines))}
        return self.get(f"/order/{number}/refund_preview", params=chosen)

    def owned(self) -> dict[str, str]:
        """The names of the courses that may be studied now, with their ends."""
        return {
            mine["name"]: mine["end_date"]
            for mine in self.get("/mycourses")["data"]
            if not mine["ended"] and not mine["paused"]
        }

    def comes_true(self, number: str, lines: Sequence[int] | None = None) -> Any:
        """What a preview said, after the refund was applied for and carried out, and did just that."""
        everything = self._stored()
        previewed = self.preview(number, lines)["data"]
        assert self._stored() == everything
        beli, back = purchases.balance(self.person), self._back(number)
        body = {"reason": "不想学了"} | ({} if lines is None else {"lines": list(lines)})
        asked = self.post(f"/order/{number}/refund", body)["data"]
        assert asked["status"] == ("待审核" if previewed["reviewed"] else "已退款")
        if previewed["reviewed"]:
            answer = self.office.post(f"/admin/refunds/{asked['request_no']}/approve")
            assert answer["data"]["status"] == "已退款"
        for name in ("lines", "amount", "beli"):
            assert previewed[name] == asked[name]
        assert self._back(number) - back == round(previewed["amount"] * 100)
        assert purchases.balance(self.person) - beli == previewed["beli"]
        usable = {one["name"] for one in self.get("/coupons")["data"]["usable"]}
        for one in previewed["coupons"]:
            record = purchases.record(self.person, self.records[one["name"]])
            assert (one["name"] in usable) == one["returned"]
            assert (record.status == coupon.UNUSED) == (one["reason"] in ("", OVER))
            assert one["returned"] == (one["reason"] == "")
        owned = self.owned()
        for course in previewed["courses"]:
            assert owned.get(course["course_name"]) == course["access_after"]
        assert round(sum(course["amount"] for course in previewed["courses"]), 2) == previewed["amount"]
        return previewed

    def _stored(self) -> list[Any]:
        return [item.to_dynamodb_dict() for item in UserItem.query(f"USER#{self.person.user_id}")]

    def _back(self, number: str) -> int:
        """Money (fen) that Alipay has refunded of an order."""
        return sum(one.amount for one in self.alipay.book.refunds(number))


@pytest.fixture
def learner(gateway_server: GatewayServer, alipay: AlipaySimulator, clock: Clock) -> Learner:
    learner = Learner(gateway_server.base_url, alipay, clock)
    clock.stand_at(builders.now())
    return learner


def two_discounted(learner: Learner) -> str:
    """300 and 100: 50 off the first by its coupon, 35 off the whole by a general one, and 15 by 150 beli."""
    courses = [builders.a_course(prices=[price]) for price in (30000, 10000)]
    own, general = learner.coupon(course=courses[0].key, value=5000), learner.coupon(value=3500)
    return learner.buys(courses, 300, coupons={0: own}, general=general, is_beli=True)


def three_at_a_minimum(learner: Learner) -> str:
    """100, 60 and 50, and 40 off from 200 on."""
    courses = [builders.a_course(prices=[price]) for price in (10000, 6000, 5000)]
    general = learner.coupon(coupon_type=coupon.FULL, minimum=20000, value=4000)
    return learner.buys(courses, 170, general=general)


def paid_by_beli(learner: Learner) -> str:
    return learner.buys([builders.a_course(prices=[1000]), builders.a_course(prices=[500])], 0, is_beli=True)


def free_and_paid(learner: Learner) -> str:
    return learner.buys([builders.a_course(prices=[0]), builders.a_course(prices=[500])], 5)


def a_coupon_paid_it(learner: Learner) -> str:
    course = builders.a_course(prices=[500])
    return learner.buys([course], 0, coupons={0: learner.coupon(course=course.key, value=500)})


def bought_thrice(learner: Learner) -> str:
    """The first of three orders of one course, whose terms follow each other."""
    course = builders.a_course(prices=[7000])
    numbers = [learner.buys([course], 70) for _ in range(3)]
    return numbers[0]


CASES: list[tuple[Callable[[Learner], str], list[list[int] | None]]] = [
    (two_discounted, [[0], [1]]),
    (two_discounted, [[1], None]),
    (two_discounted, [None]),
    (two_discounted, [[0, 1]]),
    (three_at_a_minimum, [[2], [1], [0]]),
    (three_at_a_minimum, [[0], [1, 2]]),
    (three_at_a_minimum, [[0, 1], None]),
    (paid_by_beli, [[0], None]),
    (paid_by_beli, [None]),
    (free_and_paid, [[0], [1]]),
    (free_and_paid, [None]),
    (a_coupon_paid_it, [None]),
    (bought_thrice, [None]),
]


@pytest.mark.parametrize(("bought", "refunds"), CASES)
def test_a_preview_comes_true(
    learner: Learner, bought: Callable[[Learner], str], refunds: list[list[int] | None]
) -> None:
    number = bought(learner)
    for lines in refunds:
        assert learner.preview(number, lines)["code"] == 1000
        learner.comes_true(number, lines)
    if purchases.stored(number).open_lines() == []:
        assert learner.order(number)["refunded_amount"] == learner.order(number)["actual_amount"]
        assert learner.preview(number)["code"] == 1505


def test_what_a_preview_says_of_one_of_two_discounted_courses(learner: Learner) -> None:
    number = two_discounted(learner)
    paid, (own, general) = purchases.stored(number), learner.records
    assert learner.preview(number, [0]) == {
        "code": 1000,
        "msg": "",
        "data": {
            "lines": [0],
            "amount": 214.29,
            "beli": paid.lines[0].beli,
            "coupons": [
                {"name": own, "returned": True, "reason": ""},
                {"name": general, "returned": False, "reason": KEPT},
            ],
            "refund_until": beijing_text(paid.paid_at + timedelta(days=7)),
            "reviewed": True,
            "courses": [
                {
                    "line": 0,
                    "course_name": paid.lines[0].course_name,
                    "amount": 214.29,
                    "access_after": None,
                    "studied": 0,
                }
            ],
        },
    }


def test_later_terms_move_forward(learner: Learner) -> None:
    number = bought_thrice(learner)
    said = learner.comes_true(number)
    assert [one["access_after"] for one in said["courses"]] == [
        beijing_text(learner.clock() + timedelta(weeks=2))
    ]


def test_a_free_course_is_taken_back_at_once_and_nobody_reviews_it(learner: Learner) -> None:
    said = learner.comes_true(free_and_paid(learner), [0])
    assert (said["reviewed"], said["amount"], said["coupons"]) == (False, 0, [])


def test_a_coupon_whose_time_is_over_does_not_come_back(learner: Learner) -> None:
    course = builders.a_course(prices=[30000])
    own = learner.coupon(course=course.key, value=5000, valid_until=learner.clock() + timedelta(hours=1))
    number = learner.buys([course], 250, coupons={0: own})
    learner.clock.stand_at(learner.clock() + timedelta(hours=2))
    said = learner.comes_true(number)
    assert said["coupons"] == [{"name": own.name, "returned": False, "reason": OVER}]


@pytest.mark.parametrize("lines", ["", "x", "-1", "0.5", "0,", "１", "0," * 40 + "0"])
def test_what_names_no_lines_is_1506(learner: Learner, lines: str) -> None:
    number = free_and_paid(learner)
    answer = learner.get(f"/order/{number}/refund_preview", params={"lines": lines})
    assert (answer["code"], answer["msg"]) == (1506, "所选课程有误，请刷新页面后重试")


def test_what_cannot_be_applied_for_has_no_preview(learner: Learner, clock: Clock) -> None:
    number, unpaid = free_and_paid(learner), purchases.place(learner, [builders.a_course(prices=[100])], 1)
    assert learner.preview("20260301235959987ABCDEFGHIJ")["code"] == 1501
    assert learner.preview(unpaid)["code"] == 1505
    assert learner.preview(number, [2])["code"] == 1505
    asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [1]})["data"]
    assert learner.preview(number)["msg"] == "该订单已有退费申请在处理中"
    learner.delete(f"/order/{number}/refund/{asked['request_no']}")
    assert learner.preview(number)["code"] == 1000
    clock.stand_at(purchases.stored(number).paid_at + timedelta(days=7))
    with pytest.raises(RefundNotAllowed):  # the token's own days are over, too
        preview_refund.preview(purchases.stored(number), None, timedelta(days=7), {ALIPAY}, clock())
