"""Payments without a notification: the timetable of the timer, and the order's page that has Alipay queried."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

import app as application
from chalicelib.errors import StoreUnavailable
from chalicelib.flows import carry_out_refund, reconcile, work_off
from chalicelib.gateways import Gateways
from chalicelib.shop import order, work
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import connection
from localstack.alipay import AlipaySimulator
from tests import builders, purchases
from tests.faults import (
    Fault,
    Gate,
    HttpCall,
    answer,
    die_after,
    die_before,
    hold_before,
    reset_after,
    silent,
)
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock

DAY = timedelta(days=1)


@pytest.fixture
def buyer(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Buyer:
    return Buyer(faulty_app.base_url)


def asks(number: str, method: str = "query") -> Callable[[HttpCall], bool]:
    """Picks the shop's calls of this method of Alipay's about this order."""
    return lambda call: f"alipay.trade.{method}&" in call.path + "&" and number in call.path


def minutes_after(placed_at: datetime, *moments: float) -> list[datetime]:
    """Moments at which the timer, which runs once a minute, finds what fell due before."""
    return [placed_at + timedelta(minutes=moment) for moment in moments]


def is_listed(number: str) -> bool:
    return purchases.stored(number).due_at is not None


# The timetable


@pytest.mark.parametrize("is_scanned", [True, False], ids=["scanned", "never scanned"])
def test_the_timer_asks_at_1_3_10_and_30_minutes_then_half_an_hour_later_and_for_three_days(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator, is_scanned: bool
) -> None:
    number = buyer.place()
    placed_at = purchases.stored(number).placed_at
    expires_at = purchases.stored(number).expires_at
    if is_scanned:
        purchases.scan(alipay, number)
        moments = [
            *minutes_after(placed_at, 1, 3, 10),
            expires_at,
            expires_at + timedelta(minutes=30),
        ]
    else:
        moments = [
            *minutes_after(placed_at, 1, 10),
            expires_at,
            expires_at + order.CLOSE_MARGIN,  # nobody scanned it: that is final only now
        ]
    moments += [expires_at + days * DAY for days in (1, 2, 3)]
    for before, moment in zip([placed_at, *moments], moments, strict=False):
        with faulty_app.alipay.recording() as calls:
            clock.stand_at(moment - timedelta(seconds=2))
            purchases.run_timer()
            early = [call for call in calls if asks(number)(call)]
            clock.stand_at(moment)
            purchases.run_timer()
            asked = [call for call in calls if asks(number)(call)]
        assert (len(early), len(asked)) == (0, 1), (before, moment)
    assert not is_listed(number)
    assert purchases.happened(number) == ["placed", "expired"]
    buyer.assert_has_everything_back()


@pytest.mark.parametrize(
    ("minutes", "is_scanned"), [(1, False), (10, False), (1, True), (3, True), (10, True)]
)
def test_with_every_notice_lost_the_timer_delivers_at_its_next_turn(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator, minutes: float, is_scanned: bool
) -> None:
    number = buyer.place()
    if is_scanned:
        purchases.scan(alipay, number)
    placed_at = purchases.stored(number).placed_at
    for moment in minutes_after(placed_at, *(turn for turn in (1, 3, 10) if turn < minutes)):
        clock.stand_at(moment)
        purchases.run_timer()
    purchases.pay(alipay, number)
    clock.stand_at(placed_at + timedelta(minutes=minutes))
    purchases.run_timer()
    buyer.assert_owns_the_course(clock)
    assert not is_listed(number)
    assert purchases.happened(number) == ["placed", "paid"]
    purchases.run_timer()
    alipay.deliver_due_notices()
    assert purchases.happened(number) == ["placed", "paid"]
    assert purchases.payments(number) == ["applied"]


def test_an_order_of_0_that_was_not_delivered_is_delivered_without_asking_alipay(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock
) -> None:
    free = builders.a_course(prices=[0])
    cut = Fault.on("TransactWriteItems", nth=2, action=die_before(faulty_app.redis))
    with faulty_app.dynamodb.faults(cut):
        number = purchases.place(buyer, [free], 0)
    assert purchases.status(number) == order.PLACED
    clock.stand_at(builders.now() + timedelta(minutes=1))
    with faulty_app.alipay.recording() as calls:
        purchases.run_timer()
    assert purchases.owns(buyer.person, free, clock())
    assert not [call for call in calls if number in call.path]
    assert not is_listed(number)


def test_a_trade_that_its_buyer_closed_closes_the_order_at_the_next_query(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    alipay.close(number)
    clock.stand_at(builders.now() + timedelta(minutes=1))
    purchases.run_timer()
    assert purchases.status(number) == order.CANCELLED
    buyer.assert_has_everything_back()


def test_late_money_nobody_told_of_is_found_after_the_order_was_closed(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    assert is_listed(number)
    purchases.pay(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at + timedelta(minutes=30))
    purchases.run_timer()
    buyer.assert_owns_the_course(clock)
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]
    assert not is_listed(number)


def test_late_money_that_goes_back_leaves_the_order_on_its_timetable(
    buyer: Buyer, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    other = buyer.place()  # takes the coupon and the beli
    purchases.pay(alipay, number)
    expires_at = purchases.stored(number).expires_at
    clock.stand_at(builders.now() + timedelta(minutes=11))
    purchases.run_timer()
    assert purchases.payments(number) == ["late"]
    assert is_listed(number)
    for days in (1, 2, 3):
        clock.stand_at(expires_at + days * DAY)
        purchases.run_timer()
    assert not is_listed(number)
    assert purchases.payments(number) == ["late"]
    assert alipay.trade(number).refunded == 24000
    assert purchases.status(other) == order.EXPIRED


# Many of one user


def test_however_much_is_due_of_one_user_anothers_paid_order_is_in_the_first_round(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    """Hundreds of orders of one learner are due for longer, in all shards; the notice of another's is lost."""
    crowd = builders.a_user()
    placed_at = builders.now() - timedelta(minutes=20)
    with order.Order.batch_write() as batch:
        for _ in range(400):
            batch.save(an_open_order(crowd.user_id, placed_at))
    number = buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1))
    processed: list[str] = []

    def only_count(item: Any, gateways: Gateways, now: datetime) -> None:
        if item.owner == crowd.owner:
            processed.append(item.owner)
        else:
            reconcile.process(item, gateways, now)
            processed.append(item.number)

    kinds = {order.Order: only_count, Refund: carry_out_refund.process}
    try:
        assert work_off.run_due_work(application.app.gateways, clock, 60.0, kinds=kinds) >= 401
        buyer.assert_owns_the_course(clock)
        assert processed.index(number) < 2 * work_off.AT_ONCE
        assert processed.count(crowd.owner) == 400
    finally:
        with order.Order.batch_write() as batch:
            for placed in order.Order.query(crowd.owner, order.Order.sort.startswith("ORDER#")):
                batch.delete(placed)


def an_open_order(user_id: int, placed_at: datetime) -> order.Order:
    """An open order that has been due since a minute after it was placed."""
    placed = order.order_item(
        order.new_number(placed_at),
        user_id,
        placed_at,
        status=order.PLACED,
        payment_type=ALIPAY,
        amount=100,
        lines=[],
        title="课程",
        expires_at=placed_at + timedelta(minutes=30),
    )
    placed.set_due(placed_at + timedelta(minutes=1))
    return placed


# Unknown changes nothing


@pytest.mark.parametrize(
    "trouble",
    [answer(500, b"oops"), answer(200, b"{}"), answer(200, b"<html>"), reset_after()],
    ids=["error", "empty", "page", "reset"],
)
def test_an_unknown_answer_changes_nothing_and_the_order_is_asked_for_again(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator, trouble: Any
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(purchases.stored(number).expires_at + timedelta(hours=1))
    with faulty_app.alipay.faults(Fault.on("GET", action=trouble, where=asks(number))):
        purchases.run_timer()
        assert buyer.order(number)["status"] == "待支付"
    buyer.assert_order_waits(number)
    assert purchases.happened(number) == ["placed"]
    clock.stand_at(clock() + work.LEASE + timedelta(seconds=1))
    purchases.run_timer()
    buyer.assert_owns_the_course(clock)


def test_unknown_for_days_changes_nothing(buyer: Buyer, faulty_app: FaultyApp, clock: Clock) -> None:
    number = buyer.place()
    expires_at = purchases.stored(number).expires_at
    with faulty_app.alipay.faults(Fault.on("GET", action=answer(502, b""), where=asks(number))):
        for days in range(6):
            clock.stand_at(expires_at + days * DAY)
            purchases.run_timer()
    buyer.assert_order_waits(number)
    assert is_listed(number)


# Many, slow, poisoned, at once, cut off


def test_one_slow_order_does_not_hold_up_the_rest(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    slow, gate = buyer.place(), Gate()
    others = [Buyer(faulty_app.base_url) for _ in range(work_off.AT_ONCE + 4)]
    numbers = [other.place() for other in others]
    for number in numbers:
        purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1))

    def delivered_then_open() -> None:
        gate.wait_for_a_call()
        purchases_done = [wait_until_paid(number) for number in numbers]
        assert all(purchases_done)
        gate.open()

    held = Fault.on("GET", action=hold_before(gate), where=asks(slow))
    with faulty_app.alipay.faults(held):
        purchases.at_once(purchases.run_timer, delivered_then_open)
    assert held.fired == 1


def wait_until_paid(number: str) -> bool:
    end = builders.now() + timedelta(seconds=20)
    while purchases.status(number) != order.PAID:
        if builders.now() > end:
            return False
    return True


def test_an_order_that_cannot_be_read_does_not_stop_the_rest(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    poisoned = purchases.stored(buyer.place())
    spoil(poisoned, "placed_at", "yesterday")
    others = [Buyer(faulty_app.base_url) for _ in range(3)]
    numbers = [other.place() for other in others]
    for number in numbers:
        put_in_shard(number, poisoned.work_shard)
        purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=2))
    try:
        purchases.run_timer()
        for other in others:
            other.assert_owns_the_course(clock)
    finally:
        poisoned.delete()


def test_an_order_that_cannot_be_worked_on_does_not_stop_the_rest(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    """It says that it holds a coupon which is not there."""
    broken = purchases.stored(buyer.place())
    broken.update([type(broken).general_coupon_record_id.set(1)])
    other = Buyer(faulty_app.base_url)
    number = other.place()
    for paid in (broken.number, number):
        purchases.pay(alipay, paid)
    clock.stand_at(builders.now() + timedelta(minutes=2))
    purchases.run_timer()
    other.assert_owns_the_course(clock)
    assert purchases.status(broken.number) == order.PLACED
    assert is_listed(broken.number)  # nothing is hidden: it is tried again
    broken.update([type(broken).general_coupon_record_id.set(buyer.coupon.record_id)])
    clock.stand_at(clock() + work.LEASE + timedelta(seconds=1))
    purchases.run_timer()
    buyer.assert_owns_the_course(clock)


def spoil(found: order.Order, attribute: str, text: str) -> None:
    connection().dispatch(
        "UpdateItem",
        {
            "TableName": type(found).Meta.table_name,
            "Key": {"owner": {"S": found.owner}, "sort": {"S": found.sort}},
            "UpdateExpression": "SET #a = :v",
            "ExpressionAttributeNames": {"#a": attribute},
            "ExpressionAttributeValues": {":v": {"S": text}},
        },
    )


def put_in_shard(number: str, shard: int | None) -> None:
    assert shard is not None
    found = purchases.stored(number)
    found.update([order.Order.work_shard.set(shard)])


def test_two_timers_at_once_ask_once_and_deliver_once(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    numbers = [other.place() for other in [buyer, *(Buyer(faulty_app.base_url) for _ in range(5))]]
    for number in numbers[:3]:
        purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1))
    with faulty_app.alipay.recording() as calls:
        purchases.at_once(*[purchases.run_timer] * 3)
    for position, number in enumerate(numbers):
        assert len([call for call in calls if asks(number)(call)]) == 1
        assert purchases.status(number) == (order.PAID if position < 3 else order.PLACED)
        assert purchases.payments(number) == (["applied"] if position < 3 else [])


@pytest.mark.parametrize(
    ("operation", "die"), [("UpdateItem", die_after), ("TransactWriteItems", die_before)]
)
def test_a_timer_that_dies_leaves_its_order_to_the_next_one(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator, operation: str, die: Any
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1))
    cut = Fault.on(
        operation, action=die(faulty_app.redis, faulty_app.alipay), where=lambda call: touches(call, number)
    )
    # Whether the rest of a dead timer still asks for what is due is a matter of moments.
    with faulty_app.dynamodb.faults(cut), suppress(StoreUnavailable):
        purchases.run_timer()
    clock.stand_at(clock() + work.LEASE + timedelta(seconds=1))
    purchases.run_timer()
    buyer.assert_owns_the_course(clock)
    assert purchases.happened(number) == ["placed", "paid"]
    assert not is_listed(number)


def touches(call: Any, number: str) -> bool:
    return number.encode() in call.body


def test_while_alipay_is_silent_nothing_is_lost(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    with faulty_app.alipay.faults(Fault.on("GET", action=silent(), where=asks(number))):
        assert buyer.order(number)["status"] == "待支付"
    clock.advance(minutes=1)
    assert buyer.order(number)["status"] == "交易成功"


# The page


def test_the_page_of_a_paid_order_delivers_it(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert buyer.order(number)["status"] == "交易成功"
    buyer.assert_owns_the_course()


def test_a_page_that_is_opened_all_the_time_asks_ever_more_rarely(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock
) -> None:
    number = buyer.place()
    placed_at = purchases.stored(number).placed_at
    with faulty_app.alipay.recording() as calls:
        for second in range(0, 1800, 40):
            clock.stand_at(placed_at + timedelta(seconds=second))
            assert buyer.order(number)["status"] == "待支付"
        asked = [call for call in calls if asks(number)(call)]
    assert 10 <= len(asked) <= 30


def test_a_page_polled_every_second_asks_every_five_seconds_at_most(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock
) -> None:
    number = buyer.place()
    placed_at = purchases.stored(number).placed_at
    with faulty_app.alipay.recording() as calls:
        for second in range(16):
            clock.stand_at(placed_at + timedelta(seconds=second))
            buyer.order(number)
        assert len([call for call in calls if asks(number)(call)]) == 4  # at 0, 5, 10 and 15


def test_many_pages_of_one_order_at_once_ask_once(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    clock.stand_at(builders.now())
    with faulty_app.alipay.recording() as calls:
        shown = purchases.at_once(*[lambda: buyer.order(number)["status"]] * 8)
        assert len([call for call in calls if asks(number)(call)]) == 1
    assert set(shown) == {"待支付"}


def test_pages_of_final_orders_ask_nobody(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    with faulty_app.alipay.recording() as calls:
        assert buyer.order(number)["status"] == "主动取消"
    assert not calls


def test_a_page_and_the_timer_and_notices_at_once_deliver_once(
    buyer: Buyer, faulty_app: FaultyApp, clock: Clock, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1))
    purchases.at_once(
        purchases.run_timer,
        lambda: buyer.order(number),
        *[lambda: purchases.deliver(told)] * 4,
    )
    buyer.assert_owns_the_course(clock)
    assert purchases.happened(number) == ["placed", "paid"]
    assert purchases.payments(number) == ["applied"]


def test_the_timer_stops_in_time(buyer: Buyer, clock: Clock, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    clock.stand_at(builders.now() + timedelta(minutes=1))
    assert work_off.run_due_work(application.app.gateways, clock, 5.0) == 0
    assert is_listed(number)
    assert purchases.stored(number).asked_at is None


def test_a_due_item_of_a_kind_nobody_processes_is_an_error_and_stays_due(
    buyer: Buyer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    number = buyer.place()
    due_at = purchases.stored(number).due_at
    clock.stand_at(builders.now() + timedelta(minutes=1))
    assert work_off.run_due_work(application.app.gateways, clock, 100.0, kinds={}) == 0
    assert purchases.stored(number).due_at == due_at
    assert [record for record in caplog.records if record.levelname == "ERROR" and number in record.message]
