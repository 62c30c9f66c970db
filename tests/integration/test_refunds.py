"""Refunds: applied for by learners, decided by operators, final when Alipay has confirmed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.errors import RefundFinished, StoreUnavailable
from chalicelib.flows import carry_out_refund, decide_refund, resolve_problem
from chalicelib.manage.legacy.report import Progress
from chalicelib.manage.legacy_import import import_legacy
from chalicelib.shop import choice, coupon, enrollment, order, refund, refund_notice, work
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.event import By, Cause
from chalicelib.shop.payment_type import UNIONPAY
from chalicelib.shop.refund import Refund
from chalicelib.shop.user import ADMIN, User
from chalicelib.storage.dynamodb import connection
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.alipay_answers import refused, signed
from tests.client import Client
from tests.faults import Fault, HttpCall, answer, die_after, die_before, reset_after
from tests.faults.routing import FaultyApp
from tests.legacy_file import LegacyFile
from tests.purchases import Clock
from tests.terminal import Operator

REFUND = "alipay.trade.refund"


class Student(Client):
    """A learner who has bought two courses, 300 and 100: 50 off the first by its coupon, 35 off the whole by a
    general one, and 15 by 150 beli. 300 in money.
    """

    def __init__(self, base_url: str, alipay: AlipaySimulator) -> None:
        self.person: User = builders.a_user(beli=150)
        super().__init__(base_url, self.person)
        self.courses = [builders.a_course(prices=[price]) for price in (30000, 10000)]
        self.line_coupon = builders.a_coupon(self.person, course=self.courses[0].key, value=5000)
        self.general = builders.a_coupon(self.person, value=3500)
        self.alipay = alipay
        self.number = purchases.place(
            self, self.courses, 300, coupons={0: self.line_coupon}, general=self.general, is_beli=True
        )
        purchases.pay(alipay, self.number)
        assert purchases.deliver(purchases.notice(alipay, self.number)) == "success"

    def apply(self, lines: Sequence[int] | None = None, reason: str = "不想学了") -> Any:
        """The answer to an application."""
        body = {"reason": reason} | ({} if lines is None else {"lines": list(lines)})
        return self.post(f"/order/{self.number}/refund", body)

    def applies(self, lines: Sequence[int] | None = None) -> str:
        """Apply, and be heard -> the request number."""
        answer = self.apply(lines)
        assert answer["code"] == 1000, answer
        return str(answer["data"]["request_no"])

    def owned(self) -> list[bool]:
        """Which of the courses may be studied now, by the application's clock."""
        return [purchases.owns(self.person, course, application.app.now()) for course in self.courses]

    def coupons(self) -> list[str]:
        """The states of the line's coupon and of the general one."""
        return [str(purchases.record(self.person, one).status) for one in (self.line_coupon, self.general)]

    def lines(self) -> list[str]:
        """What the order's page says of its lines."""
        return [line["refund_status"] for line in self.order(self.number)["orderdetail_list"]]

    def shown(self) -> str:
        """The order's state as its page and the list show it."""
        [listed] = [one for one in self.get("/myorder/")["data"] if one["order_number"] == self.number]
        assert listed["status"] == self.order(self.number)["status"]
        return str(listed["status"])

    def back(self) -> list[int]:
        """Money (fen) that Alipay has refunded, one for each refund."""
        return [one.amount for one in self.alipay.book.refunds(self.number)]

    def payable(self) -> list[int]:
        return [line.payable for line in purchases.stored(self.number).lines]

    def beli(self) -> list[int]:
        return [line.beli for line in purchases.stored(self.number).lines]

    def refunds(self) -> list[Refund]:
        return sorted(refund.list_refunds(purchases.stored(self.number)), key=lambda one: one.requested_at)

    def assert_all_refunded(self) -> None:
        assert sum(self.back()) == purchases.stored(self.number).refunded_amount == 30000
        assert self.owned() == [False, False]
        assert purchases.balance(self.person) == 150
        assert self.coupons() == [coupon.UNUSED, coupon.UNUSED]
        assert self.lines() == ["已退费", "已退费"]
        assert self.shown() == "已退费"


@pytest.fixture
def student(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Student:
    return Student(gateway_server.base_url, alipay)


@pytest.fixture
def office(gateway_server: GatewayServer) -> Client:
    """A user whose role is 管理员."""
    return Client(gateway_server.base_url, builders.an_admin())


def approve(office: Client, request_no: str) -> Any:
    return office.post(f"/admin/refunds/{request_no}/approve")


def refuse(office: Client, request_no: str, text: str = "已学完") -> Any:
    return office.post(f"/admin/refunds/{request_no}/refuse", {"answer": text})


def calls_of(method: str, number: str) -> Callable[[HttpCall], bool]:
    return lambda call: f"method={method}&" in call.path + "&" and number in call.path


# Applying


def test_an_application_for_a_whole_order_pauses_access_and_waits(student: Student, office: Client) -> None:
    answer = student.apply()
    assert answer["code"] == 1000
    asked = answer["data"]
    assert asked["status"] == "待审核"
    assert (asked["amount"], asked["beli"], asked["lines"]) == (300, 150, [0, 1])
    assert asked["reason"] == "不想学了"
    assert student.shown() == "退费申请中"
    assert student.lines() == ["退费申请中", "退费申请中"]
    assert student.owned() == [False, False]
    assert student.coupons() == [coupon.USED, coupon.USED]
    assert purchases.balance(student.person) == 0
    assert student.back() == []
    mine = student.get("/mycourses/")["data"]
    assert [(course["paused"], course["ended"]) for course in mine] == [(True, False)] * 2
    waiting = [one for one in office.get("/admin/refunds")["data"] if one["order_number"] == student.number]
    asked.pop("can_withdraw")
    assert waiting == [
        asked
        | {
            "order_number": student.number,
            "username": student.person.username,
            "courses": [course.name for course in student.courses],
            "studied": [0, 0],
            "refunded_at_provider": [],
        }
    ]


def test_an_application_for_one_line_leaves_the_other_alone(student: Student) -> None:
    answer = student.apply([1])
    assert answer["data"]["lines"] == [1]
    assert student.lines() == ["", "退费申请中"]
    assert student.shown() == "退费申请中"
    assert student.owned() == [True, False]


def test_the_shares_of_the_lines_add_up_to_what_was_paid(student: Student) -> None:
    assert sum(student.payable()) == 30000
    assert sum(student.beli()) == 150
    # 250 and 100 less 35 in proportion, less 15 in proportion.
    assert student.payable() == [21429, 8571]


NO_APPLICATIONS: list[tuple[Any, int]] = [
    ({}, 1506),
    ({"reason": ""}, 1506),
    ({"reason": "   "}, 1506),
    ({"reason": "x" * 201}, 1506),
    ({"reason": 5}, 1506),
    ({"reason": "\ud800"}, 1506),
    ({"reason": "r", "lines": []}, 1506),
    ({"reason": "r", "lines": "0"}, 1506),
    ({"reason": "r", "lines": [True]}, 1506),
    ({"reason": "r", "lines": [0.5]}, 1506),
    ({"reason": "r", "lines": [-1]}, 1506),
    ({"reason": "r", "lines": list(range(41))}, 1506),
    ({"reason": "r", "lines": [2]}, 1505),
    ({"reason": "r", "lines": [0, 10**14]}, 1505),
    ([], 1506),
]


def test_an_application_that_makes_no_sense_is_refused_and_changes_nothing(student: Student) -> None:
    for body, code in NO_APPLICATIONS:
        assert student.post(f"/order/{student.number}/refund", body)["code"] == code, body
    assert student.owned() == [True, True]
    assert student.refunds() == []


def test_a_line_named_twice_is_one_line(student: Student) -> None:
    assert student.apply([1, 1])["data"]["lines"] == [1]


def test_what_is_not_paid_cannot_be_refunded(student: Student) -> None:
    course = builders.a_course(prices=[100])
    unpaid = purchases.place(student, [course], 1)
    for _ in range(2):
        assert student.post(f"/order/{unpaid}/refund", {"reason": "r"})["code"] == 1505
        purchases.cancel(student, unpaid)


def test_another_users_order_cannot_be_refunded(student: Student, gateway_server: GatewayServer) -> None:
    other = Client(gateway_server.base_url, builders.a_user())
    assert other.post(f"/order/{student.number}/refund", {"reason": "r"})["code"] == 1501
    visitor = Client(gateway_server.base_url).request(
        "POST", f"/order/{student.number}/refund", json={"reason": "r"}
    )
    assert visitor.status_code == 401
    assert student.refunds() == []


def test_refunds_can_be_applied_for_within_the_window_only(student: Student, clock: Clock) -> None:
    paid_at = purchases.stored(student.number).paid_at
    assert paid_at is not None
    clock.stand_at(paid_at + timedelta(days=7))
    assert student.apply()["code"] == 1505
    clock.stand_at(paid_at + timedelta(days=7) - timedelta(seconds=1))
    assert student.apply()["code"] == 1000


def test_one_application_at_a_time_is_open(student: Student) -> None:
    assert student.apply([0])["code"] == 1000
    assert student.apply([1])["code"] == 1505
    assert student.apply([0])["code"] == 1505
    assert len(student.refunds()) == 1


def test_applications_at_once_are_one(student: Student) -> None:
    codes = [
        one["code"]
        for one in purchases.at_once(
            lambda: student.apply([0]), lambda: student.apply([1]), lambda: student.apply(), student.apply
        )
    ]
    assert sorted(codes) == [1000, 1505, 1505, 1505]
    [asked] = student.refunds()
    assert purchases.stored(student.number).requested_lines == asked.lines
    assert student.owned() == [position not in asked.lines for position in range(2)]


# Deciding


def test_an_approved_refund_gives_everything_back(student: Student, office: Client) -> None:
    request_no = student.applies()
    decided = approve(office, request_no)
    assert decided["code"] == 1000
    assert decided["data"] == {"request_no": request_no, "status": "已退款"}
    student.assert_all_refunded()
    assert student.back() == [30000]
    assert [one.out_request_no for one in student.alipay.book.refunds(student.number)] == [request_no]
    assert purchases.happened(student.number) == [
        *("placed", "paid", "refund requested", "refund approved", "refunded"),
    ]
    assert all(one["request_no"] != request_no for one in office.get("/admin/refunds")["data"])


def test_the_refund_of_one_of_two_discounted_lines_ends_with_the_right_money_beli_coupon_and_access(
    student: Student, office: Client
) -> None:
    assert approve(office, student.applies([0]))["data"]["status"] == "已退款"
    assert student.back() == [student.payable()[0]] == [21429]
    assert purchases.balance(student.person) == student.beli()[0]
    assert student.coupons() == [
        coupon.UNUSED,
        coupon.USED,
    ]  # the general one is still used for the other line
    assert student.owned() == [False, True]
    assert student.lines() == ["已退费", ""]
    assert student.shown() == "交易成功"
    assert student.order(student.number)["refunded_amount"] == 214.29


@pytest.mark.parametrize("first", [0, 1])
def test_lines_refunded_one_after_the_other_add_up_to_the_order(
    student: Student, office: Client, first: int
) -> None:
    for position in (first, 1 - first):
        assert approve(office, student.applies([position]))["data"]["status"] == "已退款"
    student.assert_all_refunded()
    assert sorted(student.back()) == sorted(student.payable())
    assert purchases.happened(student.number)[-1] == "refunded"
    assert student.apply()["code"] == 1505


def test_a_line_kept_below_a_coupons_minimum_is_shown_and_refunded_at_its_full_price(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[price]) for price in (10900, 10000)]
    general = builders.a_coupon(user, coupon_type=coupon.FULL, minimum=20000, value=5000)
    number = bought(learner, alipay, courses, 159, general=general)
    shown = learner.order(number)
    assert [line["refundable"] for line in shown["orderdetail_list"]] == [59, 50]
    assert (shown["refundable_amount"], shown["actual_amount"]) == (159, 159)
    for line, amount in ((1, 50), (0, 109)):
        asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [line]})["data"]
        assert asked["amount"] == amount
        assert learner.order(number)["refundable_amount"] == 0  # one application at a time
        assert approve(office, asked["request_no"])["data"]["status"] == "已退款"
    assert [back.amount for back in alipay.book.refunds(number)] == [5000, 10900]
    assert learner.order(number)["refunded_amount"] == 159
    assert purchases.record(user, general).status == coupon.UNUSED


def test_a_line_that_was_paid_for_is_not_given_up_at_once_for_nothing(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    """The line that is kept uses up what was paid: an operator can still say no, and access runs again."""
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[6000]) for _ in range(2)]
    general = builders.a_coupon(user, coupon_type=coupon.FULL, minimum=10000, value=9000)
    number = bought(learner, alipay, courses, 30, general=general)
    for decide, is_kept in ((refuse, True), (approve, False)):
        asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [0]})["data"]
        assert (asked["amount"], asked["status"]) == (0, "待审核")
        assert not purchases.owns(user, courses[0])
        assert decide(office, asked["request_no"])["code"] == 1000
        assert [purchases.owns(user, course) for course in courses] == [is_kept, True]
    rest = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    assert rest["amount"] == 30
    assert approve(office, rest["request_no"])["data"]["status"] == "已退款"
    assert [back.amount for back in alipay.book.refunds(number)] == [3000]
    assert purchases.record(user, general).status == coupon.UNUSED


def test_a_line_that_is_asked_about_twice_counts_once(student: Student) -> None:
    shown = student.get(f"/order/{student.number}", params={"lines": "0,0"})["data"]
    assert shown["refundable_amount"] == shown["orderdetail_list"][0]["refundable"] > 0


def test_what_some_lines_together_give_back_is_shown_before_it_is_asked_for(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[10000]) for _ in range(3)]
    general = builders.a_coupon(user, coupon_type=coupon.FULL, minimum=20000, value=6000)
    number = bought(learner, alipay, courses, 240, general=general)

    def shown(lines: str) -> object:
        return learner.get(f"/order/{number}", params={"lines": lines})["data"]["refundable_amount"]

    assert [line["refundable"] for line in learner.order(number)["orderdetail_list"]] == [80, 80, 80]
    assert (shown("1"), shown("0,2"), shown("2,0,2"), shown("0,1,2")) == (80, 140, 140, 240)
    assert shown("0,3") == 0  # there is no such line
    for no_lines in ("", "a", "0,", "-1", "0;2", ",".join("0" * 41)):
        assert learner.get(f"/order/{number}", params={"lines": no_lines})["code"] == 1506
    asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [0, 2]})["data"]
    assert asked["amount"] == 140
    assert shown("1") == 0  # one application at a time


def test_a_line_is_refunded_once(student: Student, office: Client) -> None:
    approve(office, student.applies([0]))
    for lines in ([0], [0, 1]):
        assert student.apply(lines)["code"] == 1505
    rest = student.apply()  # all that is left
    assert rest["data"]["lines"] == [1]
    approve(office, rest["data"]["request_no"])
    student.assert_all_refunded()


def test_a_refused_application_lets_access_run_again_longer_by_the_pause(
    student: Student, office: Client, clock: Clock
) -> None:
    clock.stand_at(builders.now() + timedelta(days=1))
    before = [ends(student, course) for course in student.courses]
    request_no = student.applies([0])
    clock.stand_at(clock() + timedelta(hours=30))
    assert refuse(office, request_no)["data"] == {"request_no": request_no, "status": "已拒绝"}
    assert student.owned() == [True, True]
    assert ends(student, student.courses[0]) - before[0] == timedelta(hours=30)
    assert ends(student, student.courses[1]) == before[1]
    assert student.shown() == "交易成功"
    assert student.lines() == ["", ""]
    assert student.back() == []
    assert student.coupons() == [coupon.USED, coupon.USED]
    [shown] = student.order(student.number)["refunds"]
    assert (shown["status"], shown["answer"]) == ("已拒绝", "已学完")
    assert purchases.happened(student.number)[-1] == "refund refused"
    # And it may be applied for again.
    approve(office, student.applies())
    student.assert_all_refunded()


def ends(student: Student, course: Course) -> Any:
    mine = enrollment.find_enrollment(student.person.user_id, course.key)
    assert mine is not None
    return mine.ends_at


def test_an_application_is_decided_once(student: Student, office: Client) -> None:
    request_no = student.applies()
    assert approve(office, request_no)["code"] == 1000
    assert approve(office, request_no)["code"] == 1803
    assert refuse(office, request_no)["code"] == 1803
    student.assert_all_refunded()
    assert student.back() == [30000]


def test_a_refused_application_cannot_be_approved(student: Student, office: Client) -> None:
    request_no = student.applies()
    assert refuse(office, request_no)["code"] == 1000
    assert approve(office, request_no)["code"] == 1803
    assert refuse(office, request_no)["code"] == 1803
    assert student.back() == []
    assert student.owned() == [True, True]


def test_approvals_at_once_refund_once(student: Student, office: Client) -> None:
    request_no = student.applies()
    codes = [one["code"] for one in purchases.at_once(*[lambda: approve(office, request_no)] * 4)]
    assert sorted(codes) == [1000, 1803, 1803, 1803]
    student.assert_all_refunded()
    assert student.back() == [30000]


def test_approval_and_refusal_at_once_have_one_winner(student: Student, office: Client) -> None:
    request_no = student.applies([0])
    approved, refusal = purchases.at_once(
        lambda: approve(office, request_no), lambda: refuse(office, request_no)
    )
    assert sorted([approved["code"], refusal["code"]]) == [1000, 1803]
    if approved["code"] == 1000:
        assert student.back() == [21429]
        assert student.owned() == [False, True]
    else:
        assert student.back() == []
        assert student.owned() == [True, True]
    assert student.shown() == "交易成功"


def test_only_an_admin_may_see_and_decide(student: Student, gateway_server: GatewayServer) -> None:
    request_no = student.applies()
    for one in (student, Client(gateway_server.base_url, builders.a_user())):
        assert one.get("/admin/refunds")["code"] == 1801
        assert approve(one, request_no)["code"] == 1801
        assert refuse(one, request_no)["code"] == 1801
    visitor = Client(gateway_server.base_url)
    assert visitor.request("GET", "/admin/refunds").status_code == 401
    assert visitor.request("POST", f"/admin/refunds/{request_no}/approve").status_code == 401
    assert [one.status for one in student.refunds()] == [refund.REQUESTED]


def test_nobody_decides_on_a_refund_of_their_own(student: Student, operator: Operator) -> None:
    student.person.update([User.role.set(ADMIN)])
    request_no, name = student.applies(), student.person.username
    for answer_ in (approve(student, request_no), refuse(student, request_no)):
        assert (answer_["code"], answer_["msg"]) == (1801, "不能处理自己的退费申请，请由其他管理员处理")
    for command in (["approve-refund", request_no], ["refuse-refund", request_no, "--answer", "不行"]):
        assert "another operator" in operator.is_refused(*command, "--by", name.upper())
    assert student.shown() == "退费申请中"


def test_refunds_of_an_order_are_shown_oldest_first(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    courses = [builders.a_course(prices=[1000]) for _ in range(6)]
    number = purchases.place(learner, courses, 60)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    asked = []
    for line in range(6):
        answer_ = learner.post(f"/order/{number}/refund", {"reason": "不想学了", "lines": [line]})
        asked.append(answer_["data"]["request_no"])
        assert approve(office, asked[-1])["code"] == 1000
    assert [one["request_no"] for one in learner.order(number)["refunds"]] == asked
    assert [one.request_no for one in refund.list_refunds(purchases.stored(number))] == asked


def test_an_application_that_does_not_exist_is_1802(office: Client) -> None:
    for request_no in ("1", "_", "NOSUCH_ABC123", "a_b", "x" * 65, "%E8%AE%A2", "_ABC123"):
        assert approve(office, request_no)["code"] == 1802, request_no
        assert refuse(office, request_no)["code"] == 1802, request_no


def test_a_request_number_of_another_order_is_none(student: Student, office: Client) -> None:
    request_no = student.applies()
    assert approve(office, f"{student.number}_{'A' * 6}")["code"] == 1802
    assert [one.request_no for one in student.refunds()] == [request_no]


def test_a_refusal_needs_an_answer(student: Student, office: Client) -> None:
    request_no = student.applies()
    bodies: list[Any] = [{}, {"answer": ""}, {"answer": 1}, {"answer": "x" * 201}, []]
    for body in bodies:
        assert office.post(f"/admin/refunds/{request_no}/refuse", body)["code"] == 1804, body
    assert student.shown() == "退费申请中"


def test_operators_decide_at_the_terminal(student: Student, operator: Operator) -> None:
    first = student.applies([0])
    listed = operator.does("list-refunds")
    name = student.person.username
    assert f"order {student.number} of {name}: {student.courses[0].name} (0 % studied)\n  {first}  " in listed
    assert "不想学了" in listed
    assert operator.does("refuse-refund", first, "--answer", "已学完") == (
        f"{first}: refused, the learner may go on studying\n"
    )
    second = student.applies()
    assert "the money is refunded" in operator.does("approve-refund", second)
    student.assert_all_refunded()
    assert "not in a state" in operator.is_refused("approve-refund", second)
    assert "there is no refund" in operator.is_refused("approve-refund", f"{student.number}_AAAAAA")
    assert "there is no refund" in operator.is_refused("approve-refund", "NOSUCH_AAAAAA")
    assert student.number not in operator.does("list-refunds")
    shown = operator.does("show-order", student.number)
    assert f"{first}" in shown
    assert f"{second}" in shown


def test_what_learners_and_operators_write_is_one_line_at_the_terminal(
    student: Student, operator: Operator
) -> None:
    written = "学不完\n\x1b[2J2026-11-26 order 1 refund approved"
    first = student.apply([0], written)["data"]["request_no"]
    operator.does("refuse-refund", first, "--answer", "不符合")
    assert "学不完 [2J2026-11-26 order 1 refund approved\n" in operator.does("show-order", student.number)


def test_an_item_that_cannot_be_read_hides_no_other(
    student: Student, office: Client, operator: Operator
) -> None:
    first = student.applies([0])
    spoiled = refund.application(purchases.stored(student.number), [1], "spoiled", builders.now())
    item = spoiled.serialize() | {"requested_at": {"S": "spoiled"}}
    connection().dispatch("PutItem", {"TableName": Refund.Meta.table_name, "Item": item})
    assert first in operator.does("list-refunds")
    assert first in {one["request_no"] for one in office.get("/admin/refunds/")["data"]}
    connection().dispatch(
        "DeleteItem",
        {
            "TableName": Refund.Meta.table_name,
            "Key": {name: item[name] for name in ("owner", "sort")},
        },
    )


# Without money


def bought(
    learner: Client, alipay: AlipaySimulator, courses: list[Course], due: object, **choice: Any
) -> str:
    number = purchases.place(learner, courses, due, **choice)
    if due:
        purchases.pay(alipay, number)
        assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    return number


def test_a_line_without_money_needs_no_provider(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client
) -> None:
    user = builders.a_user()
    learner = Client(faulty_app.base_url, user)
    courses = [builders.a_course(prices=[price]) for price in (0, 10000)]
    number = bought(learner, alipay, courses, 100)
    with faulty_app.alipay.recording() as calls:
        asked = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [0]})["data"]
        assert asked["status"] == "已退款"
    assert not calls
    assert approve(office, asked["request_no"])["code"] == 1803
    assert [purchases.owns(user, course) for course in courses] == [False, True]
    assert learner.order(number)["status"] == "交易成功"


@pytest.mark.parametrize("paid_by", ["beli", "coupon", "nothing"])
def test_an_order_of_0_is_refunded_without_a_provider(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, paid_by: str
) -> None:
    user = builders.a_user(beli=200)
    learner, given = Client(faulty_app.base_url, user), builders.a_coupon(user, value=1000)
    course = builders.a_course(prices=[0 if paid_by == "nothing" else 1000])
    choices: dict[str, dict[str, Any]] = {
        "beli": {"is_beli": True},
        "coupon": {"general": given},
        "nothing": {},
    }
    number = bought(learner, alipay, [course], 0, **choices[paid_by])
    assert purchases.balance(user) == (100 if paid_by == "beli" else 200)
    asked = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    if paid_by == "nothing":
        assert asked["status"] == "已退款"
    else:
        assert approve(office, asked["request_no"])["data"]["status"] == "已退款"
    assert purchases.balance(user) == 200
    assert purchases.record(user, given).status == coupon.UNUSED
    assert not purchases.owns(user, course)
    assert learner.order(number)["status"] == "已退费"


def test_a_coupon_that_comes_back_after_its_last_day_is_expired(
    student: Student, office: Client, clock: Clock
) -> None:
    clock.advance(days=3)
    approve(office, student.applies())
    expired = {one["pk"] for one in student.get("/coupons")["data"]["expired"]}
    assert expired == {student.line_coupon.record_id, student.general.record_id}
    refused_again = student.pay([student.courses[1]], 65, general=student.general)
    assert refused_again["code"] == 1306


def test_coupon_and_beli_that_came_back_can_be_used_again(student: Student, office: Client) -> None:
    approve(office, student.applies())
    number = purchases.place(
        student,
        student.courses,
        300,
        coupons={0: student.line_coupon},
        general=student.general,
        is_beli=True,
    )
    assert number != student.number


# Trouble at Alipay


@pytest.mark.parametrize("trouble", ["lost", "pending", "busy", "down"])
def test_a_refund_is_final_only_when_alipay_has_confirmed_it(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock, trouble: str
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    made_up = {
        "lost": reset_after(),
        "pending": signed(
            alipay, REFUND, {"code": "10000", "msg": "Success", "out_trade_no": student.number}
        ),
        "busy": refused(alipay, REFUND, "ACQ.SYSTEM_ERROR"),
        "down": answer(503, b""),
    }[trouble]
    with faulty_app.alipay.faults(Fault.on("GET", action=made_up, where=calls_of(REFUND, student.number))):
        assert approve(office, request_no)["data"] == {"request_no": request_no, "status": "退款中"}
    assert student.shown() == "退费申请中"
    assert student.owned() == [False, False]
    assert purchases.balance(student.person) == 0
    assert student.coupons() == [coupon.USED, coupon.USED]
    clock.advance(seconds=20)
    purchases.run_timer()
    student.assert_all_refunded()
    assert student.back() == [30000]


def test_a_refund_that_alipay_refuses_waits_for_a_person(
    faulty_app: FaultyApp, alipay: AlipaySimulator, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies([0])
    empty = refused(alipay, REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.faults(Fault.on("GET", action=empty, where=calls_of(REFUND, student.number))):
        assert "the provider refuses" in operator.does("approve-refund", request_no)
    assert student.shown() == "退费申请中"
    assert student.order(student.number)["refunds"][0]["status"] == "退款中"
    listed = operator.does("problems")
    assert request_no in listed and "ACQ.SELLER_BALANCE_NOT_ENOUGH" in listed
    assert operator.does("retry-refund", request_no) == f"{request_no}: done\n"
    assert student.back() == [21429]
    assert student.shown() == "交易成功"
    assert request_no not in operator.does("problems")


@pytest.mark.parametrize("code", ["40001", "40002", "40006"])
def test_a_refund_whose_request_alipay_finds_wrong_is_not_sent_again_blindly(
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    office: Client,
    operator: Operator,
    clock: Clock,
    code: str,
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies([0])
    wrong = {"code": code, "msg": "Invalid Arguments", "sub_code": "isv.suspected-attack"}
    asked = Fault.on("GET", action=signed(alipay, REFUND, wrong), where=calls_of(REFUND, student.number))
    with faulty_app.alipay.faults(asked):
        approve(office, request_no)
        clock.advance(hours=3)
        purchases.run_timer()
    assert asked.fired == 1
    assert f"{code} isv.suspected-attack" in operator.does("problems")
    assert operator.does("retry-refund", request_no) == f"{request_no}: done\n"
    assert student.back() == [student.payable()[0]]


def test_alipay_never_reads_a_learners_own_words(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client
) -> None:
    student = Student(faulty_app.base_url, alipay)
    words = "<script>' OR 1=1 --&amp=}{"
    request_no = student.apply(reason=words)["data"]["request_no"]
    approve(office, request_no)
    student.assert_all_refunded()
    [back] = alipay.book.refunds(student.number)
    assert back.reason == "课程退费"
    assert student.order(student.number)["refunds"][0]["reason"] == words


def stuck(student: Student, faulty_app: FaultyApp, office: Client, clock: Clock, sub_code: str) -> str:
    """A refund of the first line that was approved and Alipay refused a while ago -> its request number."""
    request_no = student.applies([0])
    no = refused(student.alipay, REFUND, sub_code)
    with faulty_app.alipay.faults(Fault.on("GET", action=no, where=calls_of(REFUND, student.number))):
        approve(office, request_no)
    assert [one.status for one in student.refunds()] == [refund.STUCK]
    assert refuse(office, request_no)["code"] == 1805  # it is too early to tell
    clock.advance(minutes=2)
    return request_no


def test_a_stuck_refund_can_be_refused_and_access_runs_again(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.TRADE_HAS_FINISHED")
    assert f"refuse-refund {request_no} --answer" in operator.does("problems")
    clock.advance(days=2)
    assert refuse(office, request_no, "已过退款期限")["code"] == 1000
    assert student.shown() == "交易成功"
    assert student.owned() == [True, True]
    [part] = [part for part in enrollment.list_slices(student.person.user_id) if part.paused_seconds]
    assert part.course == student.courses[0].key
    assert timedelta(seconds=part.paused_seconds) >= timedelta(days=2)
    assert student.order(student.number)["refunds"][0] | {"date": ""} == {
        "request_no": request_no,
        "date": "",
        "status": "已拒绝",
        "lines": [0],
        "amount": student.payable()[0] / 100,
        "beli": student.beli()[0],
        "reason": "不想学了",
        "answer": "已过退款期限",
        "can_withdraw": False,
    }
    assert request_no not in operator.does("problems")
    # Nothing went back, and the learner may apply again, here for the other line.
    assert student.back() == []
    assert student.apply([1])["code"] == 1000


def test_a_stuck_refund_that_alipay_carried_out_is_not_refused(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    alipay.refund(student.number, student.payable()[0], request_no)
    assert refuse(office, request_no)["code"] == 1803
    assert student.lines() == ["已退费", ""]
    assert student.owned() == [False, True]
    assert [one.status for one in student.refunds()] == [refund.DONE]


def test_a_stuck_refund_is_not_refused_while_alipay_says_nothing(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.down():
        assert refuse(office, request_no)["code"] == 1805
        clock.advance(hours=1)
        assert "no clear answer" in operator.is_refused("refuse-refund", request_no, "--answer", "no")
    assert [one.status for one in student.refunds()] == [refund.STUCK]
    assert student.owned() == [False, True]


def test_a_stuck_refund_that_alipay_carries_out_after_it_was_refused_is_put_before_a_person(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert refuse(office, request_no)["code"] == 1000
    alipay.refund(student.number, student.payable()[0], request_no)
    assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    assert student.owned() == [True, True]
    assert f"resolve-notice {student.number} {request_no}" in operator.does("problems")


def test_a_refund_that_alipay_carries_out_while_it_is_refused_is_put_before_a_person_once(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    """Its notice is recorded as that of a refund of ours, and then the refusal wins."""
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    amount = student.payable()[0]
    paid = purchases.stored(student.number)
    assert paid.trade_no is not None
    refund_notice.record(
        paid, paid.trade_no, amount, request_no, Cause(By.NOTIFICATION, "early"), clock(), needs_person=False
    )
    assert refuse(office, request_no)["code"] == 1000
    alipay.refund(student.number, amount, request_no)
    told = purchases.notice(alipay, student.number)
    assert purchases.deliver(told) == "success"
    assert f"resolve-notice {student.number} {request_no}" in operator.does("problems")
    operator.does("resolve-notice", student.number, request_no, "--reason", "by telephone")
    assert purchases.deliver(told) == "success"
    assert request_no not in operator.does("problems")


def test_refusing_and_retrying_a_stuck_refund_at_once_have_one_winner(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")

    def retry() -> bool:
        try:
            decide_refund.try_again(request_no, "op", application.app.gateways, clock())
        except RefundFinished:
            return False
        return True

    refused_code, retried = purchases.at_once(lambda: refuse(office, request_no)["code"], retry)
    assert (refused_code == 1000) != retried
    assert student.back() == ([student.payable()[0]] if retried else [])
    assert student.owned() == [not retried, True]


def wait_for_hours(office: Client, request_no: str, clock: Clock) -> None:
    """A refund is approved, and asked for again and again until a person is told."""
    approve(office, request_no)
    for _ in range(6):
        clock.advance(hours=2, seconds=1)
        purchases.run_timer()


def test_a_refund_that_is_not_confirmed_for_hours_can_be_said_to_be_resolved(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    with faulty_app.alipay.down():
        wait_for_hours(office, request_no, clock)
        assert f"resolve-refund {request_no}" in operator.does("problems")
        operator.does("resolve-refund", request_no, "--reason", "by bank transfer")
    assert request_no not in operator.does("problems")
    assert student.shown() == "已退费"
    clock.advance(hours=3)
    purchases.run_timer()
    assert student.back() == []  # Alipay is asked no more


def test_a_refund_that_alipay_carried_out_is_not_said_to_have_gone_another_way(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    alipay.refund(student.number, student.payable()[0], request_no)
    assert "carried it out itself" in operator.does("resolve-refund", request_no, "--reason", "by bank")
    assert f"resolve-refund  {request_no}" in operator.does("audit")
    assert [(one.status, one.refunded_externally) for one in student.refunds()] == [(refund.DONE, None)]
    assert student.lines() == ["已退费", ""]


def test_nobody_resolves_a_refund_of_their_own(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    resolved = ("resolve-refund", request_no, "--reason", "已转账")
    assert "another operator" in operator.is_refused(*resolved, "--by", student.person.username)
    assert student.shown() == "退费申请中"
    operator.does(*resolved, "--by", "wang")
    assert student.lines() == ["已退费", ""]


@pytest.mark.parametrize("lines", [[0], None], ids=["a line", "all"])
def test_a_refund_that_went_another_way_and_is_carried_out_all_the_same_is_put_before_a_person_once(
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    office: Client,
    operator: Operator,
    clock: Clock,
    lines: list[int] | None,
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies(lines)
    no = refused(student.alipay, REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.faults(Fault.on("GET", action=no, where=calls_of(REFUND, student.number))):
        approve(office, request_no)
    operator.does("resolve-refund", request_no, "--reason", "by bank transfer")
    assert request_no not in operator.does("problems")
    alipay.refund(student.number, student.refunds()[0].amount, request_no)
    for _ in range(2):
        assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
        listed = operator.does("problems")
        assert f"order {student.number}: a refund was made twice. {request_no}" in listed
        assert f"retry-refund {request_no}" not in listed
    operator.does("resolve-refund", request_no, "--reason", "the learner sent it back")
    assert request_no not in operator.does("problems")
    assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    assert student.number not in operator.does("problems")
    assert "not in a state" in operator.is_refused("resolve-refund", request_no, "--reason", "again")
    assert student.lines() == (["已退费", ""] if lines else ["已退费", "已退费"])


def test_a_refund_whose_answer_comes_after_it_was_said_to_have_gone_another_way_is_put_before_a_person(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    with faulty_app.alipay.down():
        wait_for_hours(office, request_no, clock)
    under_way = student.refunds()[0]  # as the timer has it in hand
    operator.does("resolve-refund", request_no, "--reason", "by bank transfer")
    carry_out_refund.process(under_way, application.app.gateways, clock())
    assert student.back() == [30000]
    assert f"a refund was made twice. {request_no}" in operator.does("problems")


def test_a_refund_that_went_another_way_and_that_asking_finds_carried_out_is_put_before_a_person(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    no = refused(student.alipay, REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.faults(Fault.on("GET", action=no, where=calls_of(REFUND, student.number))):
        approve(office, request_no)
    operator.does("resolve-refund", request_no, "--reason", "by bank transfer")
    alipay.refund(student.number, 30000, request_no)
    assert operator.does("retry-order", student.number) == f"{student.number}: 已退费\n"
    assert f"a refund was made twice. {request_no}" in operator.does("problems")


def test_an_order_that_is_not_as_it_says_is_put_before_a_person_when_alipay_has_refunded_all_of_it(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = stuck(student, faulty_app, office, clock, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    alipay.refund(student.number, student.payable()[0], request_no)
    alipay.refund(student.number)
    [part] = [
        one for one in enrollment.list_slices(student.person.user_id) if one.course == student.courses[0].key
    ]
    part.delete()
    with pytest.raises(StoreUnavailable):
        resolve_problem.retry_order(student.number, "op", application.app.gateways, clock())
    assert f"order {student.number} (退费申请中): the provider refunded all of it" in operator.does(
        "problems"
    )
    part.save()
    resolve_problem.retry_order(student.number, "op", application.app.gateways, clock())
    student.assert_all_refunded()
    assert student.number not in operator.does("problems")


def test_looking_at_an_order_again_completes_the_refund_that_was_applied_for_and_takes_no_other_line(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, operator: Operator, clock: Clock
) -> None:
    """Alipay has refunded all the money of an order, but a line that cost none was not applied for."""
    learner = Client(faulty_app.base_url, builders.a_user())
    courses = [builders.a_course(prices=[price]) for price in (0, 10000)]
    number = bought(learner, alipay, courses, 100)
    request_no = learner.post(f"/order/{number}/refund", {"reason": "r", "lines": [1]})["data"]["request_no"]
    lost = Fault.on("GET", action=reset_after(), where=calls_of(REFUND, number))
    with faulty_app.alipay.faults(lost):
        assert approve(office, request_no)["data"]["status"] == "退款中"
    assert alipay.trade(number).refunded == 10000
    assert operator.does("retry-order", number) == f"{number}: 交易成功\n"
    assert learner.user is not None
    assert [purchases.owns(learner.user, course, clock()) for course in courses] == [True, False]
    [done] = refund.list_refunds(purchases.stored(number))
    assert done.status == refund.DONE


@pytest.mark.parametrize(("nth", "die"), [(1, die_after), (2, die_before)])
def test_an_approval_cut_off_after_any_write_is_finished_by_the_timer_or_by_trying_again(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock, nth: int, die: Any
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    cut = Fault.on("TransactWriteItems", nth=nth, action=die(faulty_app.redis, faulty_app.alipay))
    with faulty_app.dynamodb.faults(cut):
        assert approve(office, request_no)["code"] == 503
    assert approve(office, request_no)["code"] == 1803
    for _ in range(2):
        clock.advance(seconds=work.LEASE.total_seconds() + 2)
        purchases.run_timer()
    student.assert_all_refunded()
    assert student.back() == [30000]


def test_an_approval_cut_off_around_alipays_call_is_finished_once(
    faulty_app: FaultyApp, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    student = Student(faulty_app.base_url, alipay)
    request_no = student.applies()
    cut = Fault.on(
        "GET", action=die_after(faulty_app.redis, faulty_app.dynamodb), where=calls_of(REFUND, student.number)
    )
    with faulty_app.alipay.faults(cut):
        assert approve(office, request_no)["code"] == 503
    assert student.back() == [30000]
    assert student.shown() == "退费申请中"
    for _ in range(2):
        clock.advance(seconds=work.LEASE.total_seconds() + 2)
        purchases.run_timer()
    student.assert_all_refunded()


def test_an_application_whose_answer_was_lost_is_there_once(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    student = Student(faulty_app.base_url, alipay)
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", nth=1, action=reset_after())):
        assert student.apply()["code"] == 1000
    assert len(student.refunds()) == 1


def test_timers_and_an_approval_at_once_refund_once(student: Student, office: Client, clock: Clock) -> None:
    request_no = student.applies()
    purchases.at_once(lambda: approve(office, request_no), purchases.run_timer, purchases.run_timer)
    clock.advance(minutes=3)
    purchases.run_timer()
    student.assert_all_refunded()
    assert student.back() == [30000]


# Orders with a past


def test_a_course_that_an_operator_took_back_is_refunded_all_the_same(
    student: Student, operator: Operator, office: Client
) -> None:
    operator.does("withdraw-enrollment", student.person.username, student.number, "--reason", "misuse")
    assert student.owned() == [False, False]
    approve(office, student.applies())
    student.assert_all_refunded()


def test_a_refused_refund_of_a_course_that_an_operator_took_back_does_not_give_it_back(
    student: Student, operator: Operator, office: Client, clock: Clock
) -> None:
    operator.does("withdraw-enrollment", student.person.username, student.number, "--reason", "misuse")
    request_no = student.applies()
    clock.advance(days=1)
    refuse(office, request_no)
    assert student.owned() == [False, False]


def test_an_order_paid_elsewhere_cannot_be_applied_for_here(student: Student) -> None:
    """Imported orders were paid by UnionPay too, which this shop cannot ask to refund."""
    found = purchases.stored(student.number)
    found.update([order.Order.payment_type.set(UNIONPAY)])
    assert student.apply()["code"] == 1505
    assert student.owned() == [True, True]


@pytest.mark.parametrize("payment_type", [4, 1], ids=["UnionPay", "Alipay"])
def test_an_application_of_the_old_system_is_decided_and_finished_here(
    tmp_path: Path,
    gateway_server: GatewayServer,
    alipay: AlipaySimulator,
    operator: Operator,
    payment_type: int,
) -> None:
    """The test's Alipay knows no such trade, as the real one does not for orders that were paid elsewhere."""
    old = LegacyFile(tmp_path / "legacy.sqlite3")
    buyer, course = old.add("api_userinfo"), old.add("api_course")
    paid = {"payment_type": payment_type, "payment_number": "20190831", "pay_time": "2019-08-31 09:00:00"}
    row = old.add_order(buyer, [(course, 9.0, 9.0)], status=2, **paid)
    old.run("SELECT 1")
    import_legacy(old.path, builders.now(), Progress(io.StringIO()))
    old.close()
    number = old.named(f"120198{row}")
    assert purchases.status(number) == order.REFUNDING
    [asked] = refund.list_refunds(purchases.stored(number))
    assert (asked.amount, list(asked.lines)) == (900, [0])
    assert f"order {number} of " in operator.does("list-refunds")
    assert "see `problems`" in operator.does("approve-refund", asked.request_no)
    listed = operator.does("problems")
    assert f"resolve-refund {asked.request_no}" in listed
    assert (
        "paid by unionpay, which cannot be asked" if payment_type == 4 else "ACQ.TRADE_NOT_EXIST"
    ) in listed
    said = operator.does("resolve-refund", asked.request_no, "--reason", "by bank transfer")
    assert said == f"{asked.request_no}: resolved, access and discounts too\n"
    assert purchases.status(number) == order.REFUNDED
    assert asked.request_no not in operator.does("problems")
    mine = enrollment.list_slices(old.id(buyer))
    assert [part.withdrawn_at is not None for part in mine] == [True]
    assert "not in a state" in operator.is_refused("resolve-refund", asked.request_no, "--reason", "again")


def test_only_a_refund_that_waits_for_a_person_can_be_said_to_be_resolved(
    student: Student, office: Client, operator: Operator
) -> None:
    request_no = student.applies()
    assert "not in a state" in operator.is_refused("resolve-refund", request_no, "--reason", "r")
    approve(office, request_no)
    assert "not in a state" in operator.is_refused("resolve-refund", request_no, "--reason", "r")
    student.assert_all_refunded()


def test_a_reopened_order_is_refunded_like_any_other(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    buyer = purchases.Buyer(gateway_server.base_url)
    number = buyer.place()
    purchases.cancel(buyer, number)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    buyer.assert_owns_the_course()
    asked = buyer.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    assert approve(office, asked["request_no"])["data"]["status"] == "已退款"
    buyer.assert_has_everything_back()


def test_an_order_of_forty_lines_with_forty_one_coupons_is_refunded_whole(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client
) -> None:
    user = builders.a_user(beli=1000)
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[1000], with_detail=False) for _ in range(choice.MAX_LINES)]
    coupons: dict[int, CouponRecord] = {
        position: builders.a_coupon(user, course=course.key, value=100)
        for position, course in enumerate(courses)
    }
    general = builders.a_coupon(user, value=1000)
    number = bought(learner, alipay, courses, 250, coupons=coupons, general=general, is_beli=True)
    asked = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    assert approve(office, asked["request_no"])["data"]["status"] == "已退款"
    assert [one.amount for one in alipay.book.refunds(number)] == [25000]
    purchases.assert_untouched(user, beli=1000, unused=[*coupons.values(), general])
    assert learner.order(number)["status"] == "已退费"
