"""The same purchase twice: idempotency keys, duplicates pointed out, and courses bought again on purpose."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import AmountMismatch
from chalicelib.flows.checkout import place_order
from chalicelib.gateways import open_gateways
from chalicelib.settings import settings
from chalicelib.shop import coupon, enrollment, order
from chalicelib.shop.caller import Caller
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.idempotency import KEPT, FirstAnswer, IdempotencyKey
from chalicelib.storage.dynamodb import ItemKey, StoredItem
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import (
    Exchange,
    Fault,
    cancelled,
    die_after,
    die_before,
    hold_after,
    reset_after,
    throttle,
)
from tests.faults.actions import Gate
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock, number_in


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


def a_key() -> Any:
    return {"Idempotency-Key": secrets.token_hex(16)}


def buy(buyer: Buyer, key: Any, due: object = 240) -> Any:
    """Ask for the buyer's usual order: their course, their coupon, their beli."""
    return buyer.pay([buyer.course], due, general=buyer.coupon, is_beli=True, **key)


# One key, one order


def test_the_same_request_twice_makes_one_order_and_gets_the_first_answer(buyer: Buyer) -> None:
    key = a_key()
    first = buy(buyer, key)
    assert buy(buyer, key) == first
    assert first["code"] == 1000
    assert len(purchases.orders(buyer.person)) == 1
    buyer.assert_order_waits(number_in(first["data"]))


def test_the_same_request_many_times_at_once_makes_one_order_and_gets_one_answer(buyer: Buyer) -> None:
    key = a_key()
    answers = purchases.at_once(*[lambda: buy(buyer, key)] * 8)
    assert len({answer["data"] for answer in answers}) == 1, answers
    assert {answer["code"] for answer in answers} == {1000}
    assert len(purchases.orders(buyer.person)) == 1
    assert purchases.balance(buyer.person) == 0


def test_a_key_whose_coupon_was_taken_by_its_own_first_request_gets_the_first_answer(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    """The second request has read the coupon, and not the key, when the first one takes both."""
    buyer, key, gate = Buyer(faulty_app.base_url), a_key(), Gate()
    held = Fault.on("BatchGetItem", nth=1, action=hold_after(gate))

    def first_then_open() -> Any:
        gate.wait_for_a_call()
        answer = buy(buyer, key)
        gate.open()
        return answer

    with faulty_app.dynamodb.faults(held):
        second, first = purchases.at_once(lambda: buy(buyer, key), first_then_open)
    assert second["data"] == first["data"]
    assert second["code"] == 1000
    assert len(purchases.orders(buyer.person)) == 1


def test_a_key_whose_beli_were_taken_by_its_own_first_request_gets_the_first_answer(
    gateway_server: GatewayServer,
) -> None:
    """A batch is no snapshot: the second request has read the key before, and the balance after the first one took
    both.
    """

    class Between(Caller):
        def find(self, keys: Sequence[ItemKey]) -> dict[ItemKey, StoredItem]:
            found = super().find(keys)
            return {key: item for key, item in found.items() if not isinstance(item, FirstAnswer)}

    user, course = builders.a_user(beli=100), builders.a_course(prices=[30000])
    line = ChosenLine(course.key, builders.policy_id_of(course))

    def place(caller: Caller, key: IdempotencyKey | None) -> str:
        gateways, choice = open_gateways(settings()), Choice((line,), None, True)
        return place_order(caller, choice, 29000, key, gateways, settings(), builders.now()).order.number

    key = IdempotencyKey(secrets.token_hex(8), "one purchase")
    first = place(builders.a_caller(user), key)
    again = Between(builders.claims_of(user), builders.now())
    assert place(again, key) == first
    with pytest.raises(AmountMismatch):
        place(again, IdempotencyKey(secrets.token_hex(8), "another purchase"))
    with pytest.raises(AmountMismatch):
        place(again, None)
    assert len(purchases.orders(user)) == 1


def test_a_key_whose_first_request_is_just_being_applied_gets_the_first_answer(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    """DynamoDB finds the key's item in conflict still, and the coupon changed already."""
    buyer, key, gate = Buyer(faulty_app.base_url), a_key(), Gate()

    def half_applied(exchange: Exchange) -> bytes:
        gate.hold(exchange)
        kinds = [
            item["Update" if "Update" in item else "Put"] for item in exchange.call.request["TransactItems"]
        ]
        sorts = [str(kind.get("Item", kind.get("Key"))["sort"]["S"]) for kind in kinds]
        (of_key,) = (at for at, sort in enumerate(sorts) if sort.startswith("IDEMPOTENCY#"))
        (of_coupon,) = (at for at, sort in enumerate(sorts) if sort.startswith("COUPON_RECORD#"))
        return cancelled({of_key: ("TransactionConflict", ""), of_coupon: ("ConditionalCheckFailed", "")})(
            exchange
        )

    def first_then_open() -> Any:
        gate.wait_for_a_call()
        answer = buy(buyer, key)
        gate.open()
        return answer

    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", nth=1, action=half_applied)):
        second, first = purchases.at_once(lambda: buy(buyer, key), first_then_open)
    assert (second["code"], second["data"]) == (1000, first["data"])
    assert len(purchases.orders(buyer.person)) == 1


@pytest.mark.parametrize("change", ["course", "amount", "coupon", "beli"])
def test_a_key_is_refused_for_another_order(buyer: Buyer, change: str) -> None:
    key = a_key()
    assert buy(buyer, key)["code"] == 1000
    other = {
        "course": lambda: buyer.pay([builders.a_course(prices=[24000])], 240, **key),
        "amount": lambda: buy(buyer, key, 250),
        "coupon": lambda: buyer.pay([buyer.course], 240, is_beli=True, **key),
        "beli": lambda: buyer.pay([buyer.course], 240, general=buyer.coupon, **key),
    }[change]()
    assert other["code"] == 1309
    assert other["data"] is None
    assert len(purchases.orders(buyer.person)) == 1


def test_two_orders_by_one_key_at_once_are_one_order_and_one_refusal(buyer: Buyer) -> None:
    key, other = a_key(), builders.a_course(prices=[10000])
    answers = purchases.at_once(lambda: buy(buyer, key), lambda: buyer.pay([other], 100, **key))
    assert sorted(answer["code"] for answer in answers) == [1000, 1309]
    assert len(purchases.orders(buyer.person)) == 1


def test_spellings_of_one_order_are_one_order(buyer: Buyer) -> None:
    key, policy = a_key(), builders.policy_id_of(buyer.course)
    line: dict[str, object] = {"course_id": buyer.course.course_id, "default_price_policy_id": policy}
    first = buyer.post("/payment/", {"course_list": [line], "pay_money": 300, "is_beli": False}, headers=key)
    line = {"course_id": str(buyer.course.course_id), "default_price_policy_id": str(policy)}
    body = {"course_list": [line], "pay_money": "300.00", "is_beli": "false", "global_coupon_id": ""}
    assert buyer.post("/payment/", body, headers=key) == first
    assert first["code"] == 1000


def test_keys_of_two_users_have_nothing_to_do_with_each_other(gateway_server: GatewayServer) -> None:
    one, other, key = Buyer(gateway_server.base_url), Buyer(gateway_server.base_url), a_key()
    numbers = {number_in(buy(buyer, key)["data"]) for buyer in (one, other)}
    assert len(numbers) == 2
    assert [len(purchases.orders(buyer.person)) for buyer in (one, other)] == [1, 1]


def test_two_keys_are_two_orders(buyer: Buyer) -> None:
    first, second = (buyer.pay([buyer.course], 300, **a_key()) for _ in range(2))
    assert first["data"] != second["data"]
    assert len(purchases.orders(buyer.person)) == 2


def test_a_refused_request_does_not_use_up_its_key(buyer: Buyer) -> None:
    key = a_key()
    assert buy(buyer, key, 1)["code"] == 1308
    answer = buy(buyer, key)
    assert answer["code"] == 1000
    assert buy(buyer, key) == answer


def test_a_key_gets_its_first_answer_whatever_became_of_the_order_and_of_the_prices(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    key = a_key()
    first = buy(buyer, key)
    number = number_in(first["data"])
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    builders.a_course(prices=[99900], course_id=buyer.course.course_id)
    clock.advance(days=KEPT.days - 1)
    assert buy(buyer, key) == first
    assert len(purchases.orders(buyer.person)) == 1


@pytest.mark.parametrize("key", ["", "a b", "ü", "k" * 256])
def test_what_is_no_key_is_refused(buyer: Buyer, key: str) -> None:
    answer = buy(buyer, {"Idempotency-Key": key.encode("utf-8").decode("latin-1")})
    assert answer["code"] == 5000
    assert purchases.orders(buyer.person) == ()


def test_the_longest_key_is_a_key(buyer: Buyer) -> None:
    key = {"Idempotency-Key": "~" * 255}
    assert buy(buyer, key) == buy(buyer, key)


# Cut off, and tried again with the same key


def test_a_purchase_that_was_cut_off_is_finished_by_its_repetition(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    buyer, key = Buyer(faulty_app.base_url), a_key()
    cut = Fault.on("TransactWriteItems", action=die_after(faulty_app.redis, faulty_app.alipay))
    with faulty_app.dynamodb.faults(cut):
        assert buy(buyer, key)["code"] == 5000
    answer = buy(buyer, key)
    assert answer["code"] == 1000
    assert len(purchases.orders(buyer.person)) == 1
    buyer.assert_order_waits(number_in(answer["data"]))


def test_a_purchase_whose_answer_from_the_store_was_lost_is_one_order(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    buyer, key = Buyer(faulty_app.base_url), a_key()
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", nth=1, action=reset_after())):
        first = buy(buyer, key)
    assert first["code"] == 1000
    assert buy(buyer, key) == first
    assert len(purchases.orders(buyer.person)) == 1


def test_an_order_of_0_cut_off_before_its_delivery_is_delivered_by_its_repetition(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    user, key = builders.a_user(), a_key()
    learner, free = Client(faulty_app.base_url, user), builders.a_course(prices=[0])
    # The first transaction places the order, the second delivers it.
    cut = Fault.on("TransactWriteItems", nth=2, action=die_before(faulty_app.redis))
    with faulty_app.dynamodb.faults(cut):
        first = learner.pay([free], 0, **key)
    assert learner.pay([free], 0, **key)["data"] == first["data"]
    number = number_in(first["data"])
    assert purchases.status(number) == order.PAID
    assert purchases.owns(user, free)
    assert len(purchases.orders(user)) == 1
    assert purchases.happened(number) == ["placed", "paid"]


def test_a_busy_store_leaves_the_key_free(faulty_app: FaultyApp, alipay: AlipaySimulator) -> None:
    buyer, key = Buyer(faulty_app.base_url), a_key()
    with faulty_app.dynamodb.faults(Fault.on("BatchGetItem", action=throttle())):
        assert buy(buyer, key)["code"] == 5000
    assert purchases.orders(buyer.person) == ()
    assert buy(buyer, key)["code"] == 1000


# Without a key: orders of their own, but nobody pays twice by mistake


def test_without_a_key_each_request_makes_an_order_and_points_out_the_unpaid_one(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    first = buyer.pay([buyer.course], 300)
    assert first["msg"] == ""
    second = buyer.pay([buyer.course], 300)
    one, other = number_in(first["data"]), number_in(second["data"])
    assert one != other
    assert one in second["msg"]
    assert "未支付" in second["msg"]
    asked = buyer.get(f"/get_pay_url/?order_number={other}&final_price=300")
    assert asked["code"] == 1000
    assert one in asked["msg"]
    assert buyer.order(other)["same_order"] == {"order_number": one, "status": "待支付"}


def test_a_repetition_points_out_the_equal_order_too(buyer: Buyer) -> None:
    first, key = buyer.pay([buyer.course], 300), a_key()
    second = buyer.pay([buyer.course], 300, **key)
    assert number_in(first["data"]) in second["msg"]
    assert buyer.pay([buyer.course], 300, **key) == second


def test_an_equal_order_that_was_just_paid_is_pointed_out(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    paid = purchases.place(buyer, [buyer.course], 300)
    purchases.pay(alipay, paid)
    alipay.deliver_due_notices()
    again = buyer.pay([buyer.course], 300)
    number = number_in(again["data"])
    assert paid in again["msg"]
    assert "刚刚支付" in again["msg"]
    assert buyer.order(number)["same_order"] == {"order_number": paid, "status": "交易成功"}
    assert "same_order" not in buyer.order(paid)  # nothing is left to be paid there
    clock.stand_at(purchases.stored(paid).paid_at + timedelta(minutes=30))
    assert "same_order" not in buyer.order(number)


def test_an_order_that_was_cancelled_or_refunded_is_not_pointed_out(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    cancelled = purchases.place(buyer, [buyer.course], 300)
    assert purchases.cancel(buyer, cancelled)["code"] == 1000
    refunded = purchases.place(buyer, [buyer.course], 300)
    purchases.pay(alipay, refunded)
    alipay.refund(refunded)
    alipay.deliver_due_notices()
    assert purchases.status(refunded) == order.REFUNDED
    answer = buyer.pay([buyer.course], 300)
    assert answer["msg"] == ""
    assert "same_order" not in buyer.order(number_in(answer["data"]))


def test_other_courses_policies_and_users_are_not_equal(
    buyer: Buyer, gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    course = builders.a_course(prices=[10000, 20000])
    purchases.place(buyer, [course], 100)
    dearer = {
        "course_list": [
            {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course, 1)}
        ],
        "is_beli": False,
        "pay_money": 200,
    }
    assert buyer.post("/payment/", dearer)["msg"] == ""
    assert buyer.pay([course, buyer.course], 400)["msg"] == ""
    assert Client(gateway_server.base_url, builders.a_user()).pay([course], 100)["msg"] == ""


def test_a_course_one_owns_may_be_bought_again_and_is_extended(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    clock.stand_at(builders.now())
    for _ in range(2):
        number = purchases.place(buyer, [buyer.course], 300)
        purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    mine = enrollment.find_enrollment(buyer.person.user_id, buyer.course.key)
    assert mine is not None and mine.ends_at is not None
    assert mine.ends_at - mine.begins_at == timedelta(days=14)
    assert record_is_free(buyer)


def record_is_free(buyer: Buyer) -> bool:
    return purchases.record(buyer.person, buyer.coupon).status == coupon.UNUSED
