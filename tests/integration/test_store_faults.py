"""Buying while the stores fail: the documented answer, nothing half-written, and the next try works."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.shop import coupon, order, work
from localstack.alipay import AlipaySimulator
from tests import purchases
from tests.faults import (
    Action,
    ConnectionLost,
    DynamoDBCall,
    Exchange,
    Fault,
    cut_answer,
    internal_error,
    reset_after,
    reset_before,
    throttle,
    transaction_conflict,
)
from tests.faults.routing import FaultyApp
from tests.proof.cut_offs import Hourglass, in_time
from tests.purchases import Buyer, Clock, deliver, notice

PASSING: dict[str, Callable[[], Action]] = {
    "conflict": lambda: transaction_conflict([0]),
    "throttled": throttle,
    "500": internal_error,
    "never arrived": reset_before,
    "answer lost": reset_after,
    "answer cut": cut_answer,
}


def passing(trouble: Callable[[], Action]) -> list[Fault]:
    """The trouble befalls the first two writes and the first read; then everything works again."""
    return [
        Fault.on("TransactWriteItems", action=trouble(), nth=range(1, 3), must_fire=False),
        Fault.on("BatchGetItem", action=internal_error(), nth=1, must_fire=False),
    ]


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_trouble_that_passes_is_not_noticed_by_anybody(
    trouble: Callable[[], Action], faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    buyer = Buyer(faulty_app.base_url)
    with faulty_app.dynamodb.faults(*passing(trouble)):
        number = buyer.place()
    assert [placed.number for placed in purchases.orders(buyer.person)] == [number]
    buyer.assert_order_waits(number)

    with faulty_app.dynamodb.faults(*passing(trouble)):
        assert purchases.cancel(buyer, number)["code"] == 1000
    assert purchases.happened(number) == ["placed", "cancelled"]
    buyer.assert_has_everything_back()

    number = buyer.place()
    purchases.pay(alipay, number)
    with faulty_app.dynamodb.faults(*passing(trouble)):
        assert deliver(notice(alipay, number)) == "success"
    assert purchases.happened(number) == ["placed", "paid"]
    assert purchases.payments(number) == ["applied"]
    buyer.assert_owns_the_course()

    alipay.refund(number)
    with faulty_app.dynamodb.faults(*passing(trouble)):
        assert deliver(notice(alipay, number)) == "success"
    assert purchases.happened(number).count("refunded") == 1
    buyer.assert_has_everything_back()


@dataclass
class Outage:
    """From a user's next transaction on the store is gone for this user, and for this user only.

    `written`: the transaction takes effect, though nobody learns of it.
    """

    buyer: Buyer
    written: bool
    begun: bool = field(default=False, init=False)
    forwarded: bool = field(default=False, init=False)

    def fault(self) -> Fault:
        return Fault.on(action=self.act, where=self.concerns)

    def concerns(self, call: DynamoDBCall) -> bool:
        if f"USER#{self.buyer.person.user_id}" not in json.dumps(call.request):
            return False
        self.begun = self.begun or call.operation == "TransactWriteItems"
        return self.begun

    def act(self, exchange: Exchange) -> bytes:
        if self.written and not self.forwarded:
            self.forwarded = True
            exchange.forward()
        raise ConnectionLost


def test_an_outage_in_the_middle_of_buying_leaves_all_or_nothing_and_the_next_try_works(
    faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    """Eight outages at once, as each lasts as long as the shop tries to write."""
    names = ("placing", "cancelling", "paying", "refunding")
    buyers = {(name, written): Buyer(faulty_app.base_url) for name in names for written in (False, True)}
    numbers: dict[tuple[str, bool], str] = {}
    for (name, written), buyer in buyers.items():
        if name != "placing":
            numbers[name, written] = buyer.place()
        if name in ("paying", "refunding"):
            purchases.pay(alipay, numbers[name, written])
        if name == "refunding":
            assert deliver(notice(alipay, numbers[name, written])) == "success"
            alipay.refund(numbers[name, written])
    outages = {key: Outage(buyer, key[1]) for key, buyer in buyers.items()}

    def act(key: tuple[str, bool]) -> Any:
        if key[0] == "placing":
            return buyers[key].pay([buyers[key].course], 240, general=buyers[key].coupon, is_beli=True)
        if key[0] == "cancelling":
            return buyers[key].request("POST", f"/order/{numbers[key]}/cancel")
        return deliver(notice(alipay, numbers[key]))

    with faulty_app.dynamodb.faults(*(outage.fault() for outage in outages.values())):
        answers = dict(
            zip(buyers, purchases.at_once(*(lambda key=key: act(key) for key in buyers)), strict=True)
        )

    # Placing: the documented code; the order is there entirely or not at all.
    for written in (False, True):
        key = "placing", written
        assert (answers[key]["code"], answers[key]["data"]) == (5000, None)
        assert len(purchases.orders(buyers[key].person)) == int(written)
    buyers["placing", False].assert_has_everything_back()
    buyers["placing", False].assert_order_waits(buyers["placing", False].place())
    (unseen,) = purchases.orders(buyers["placing", True].person)
    buyers["placing", True].assert_order_waits(unseen.number)
    assert buyers["placing", True].newest_order()["status"] == "待支付"

    # Cancelling: 503; trying again ends it.
    for written in (False, True):
        key = "cancelling", written
        assert (answers[key].status_code, answers[key].json()["code"]) == (503, 503)
        expected = order.CANCELLED if written else order.PLACED
        assert purchases.status(numbers[key]) == expected
        assert purchases.cancel(buyers[key], numbers[key])["code"] == 1000
        assert purchases.happened(numbers[key]) == ["placed", "cancelled"]
        buyers[key].assert_has_everything_back()

    # Paying: Alipay is asked to tell it again, and then it is delivered once.
    for written in (False, True):
        key = "paying", written
        assert answers[key] == "fail"
        assert purchases.status(numbers[key]) == (order.PAID if written else order.PLACED)
        assert deliver(notice(alipay, numbers[key])) == "success"
        assert purchases.happened(numbers[key]) == ["placed", "paid"]
        assert purchases.payments(numbers[key]) == ["applied"]
        buyers[key].assert_owns_the_course()

    # Refunding: likewise.
    for written in (False, True):
        key = "refunding", written
        assert answers[key] == "fail"
        # What took effect unseen is no more than the record of what Alipay said.
        assert purchases.status(numbers[key]) == order.PAID
        assert deliver(notice(alipay, numbers[key])) == "success"
        assert purchases.happened(numbers[key]).count("refunded") == 1
        buyers[key].assert_has_everything_back()

    # What was placed unseen and left alone comes to its end by time.
    clock.advance(minutes=36)
    purchases.run_timer()
    assert purchases.status(unseen.number) == order.EXPIRED
    buyers["placing", True].assert_has_everything_back()


def out_of_time(faulty_app: FaultyApp) -> AbstractContextManager[object]:
    """Every request has used up its time before it begins."""
    time = Hourglass()
    time.is_over = True
    return in_time(time)


@pytest.mark.parametrize("trouble", [lambda shop: shop.dynamodb.down(), out_of_time], ids=["down", "no time"])
def test_every_endpoint_of_orders_tells_that_the_store_cannot_be_asked(
    trouble: Callable[[FaultyApp], AbstractContextManager[object]],
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
) -> None:
    buyer = Buyer(faulty_app.base_url)
    number = buyer.place()
    purchases.pay(alipay, number)
    signed = notice(alipay, number)
    with trouble(faulty_app):
        for method, path, *body in (
            ("GET", "/myorder/"),
            ("GET", f"/order/{number}"),
            ("POST", f"/order/{number}/cancel"),
            ("GET", f"/get_pay_url/?order_number={number}&final_price=240"),
            ("GET", "/mycourses"),
            ("GET", "/userinfo"),
            ("POST", f"/order/{number}/wechat", {"way": "native"}),
            ("POST", f"/order/{number}/provider", {"payment_type": "wechat"}),
        ):
            response = buyer.request(method, path, json=body[0] if body else None)
            assert (response.status_code, response.json()["code"]) == (503, 503), path
            assert response.json()["data"] is None
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        nothing: dict[str, Any] = {"is_beli": False, "course_list": [], "pay_money": 1}
        assert buyer.post("/payment/", nothing)["code"] == 5000
        assert deliver(signed) == "fail"
    assert deliver(signed) == "success"
    buyer.assert_owns_the_course()


def test_a_session_cannot_be_checked_while_the_store_is_down_and_works_again_after(
    faulty_app: FaultyApp,
) -> None:
    buyer = Buyer(faulty_app.base_url)
    with faulty_app.dynamodb.down():
        assert buyer.request("GET", "/userinfo").status_code == 503
    assert buyer.request("GET", "/userinfo").status_code == 200


def test_the_timer_that_loses_the_store_leaves_the_order_for_the_next_turn(
    faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    lost, other = Buyer(faulty_app.base_url), Buyer(faulty_app.base_url)
    lost_number, other_number = lost.place(), other.place()
    clock.stand_at(purchases.stored(other_number).expires_at + order.CLOSE_MARGIN)
    outage = Outage(lost, written=False)
    with faulty_app.dynamodb.faults(outage.fault()):
        purchases.run_timer()
    lost.assert_order_waits(lost_number)
    assert purchases.status(other_number) == order.EXPIRED
    clock.stand_at(clock() + work.LEASE)
    purchases.run_timer()
    assert purchases.status(lost_number) == order.EXPIRED
    assert purchases.record(lost.person, lost.coupon).status == coupon.UNUSED
    lost.assert_has_everything_back()
