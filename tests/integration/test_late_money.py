"""Money for an order that is closed, or paid already: it reopens the order or goes back, exactly once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shop import coupon, order, refund, work
from chalicelib.shop.refund import Refund
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.alipay_answers import refused, signed
from tests.client import Client
from tests.faults import Action, Fault, HttpCall, answer, die_after, die_before, reset_after
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock
from tests.terminal import Operator

REFUND = "alipay.trade.refund"


@pytest.fixture
def buyer(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Buyer:
    return Buyer(faulty_app.base_url)


def cancelled(buyer: Buyer) -> str:
    """An order that its learner cancelled while its pay page was open; nobody had scanned its code."""
    number = buyer.place()
    assert purchases.cancel(buyer, number)["code"] == 1000
    return number


def late(buyer: Buyer, alipay: AlipaySimulator) -> str:
    """An order that was cancelled and then paid, whose coupon another order holds by now; Alipay has told."""
    number = cancelled(buyer)
    buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    return number


def refunds(number: str) -> list[Refund]:
    return refund.list_refunds(purchases.stored(number))


def calls_of(method: str, number: str) -> Callable[[HttpCall], bool]:
    return lambda call: f"method={method}&" in call.path + "&" and number in call.path


def assert_gone_back(alipay: AlipaySimulator, number: str, status: str = refund.DONE) -> None:
    """The money went back once, the order stays closed."""
    assert [back.status for back in refunds(number)] == [status]
    assert [back.amount for back in alipay.book.refunds(number)] == [24000]
    assert purchases.payments(number) == ["late"]
    assert purchases.status(number) in (order.CANCELLED, order.EXPIRED)
    happened = [what for what in purchases.happened(number) if what != "refund reported"]
    assert happened[-2:] == ["late payment", "late payment refunded"]


# Reopened


def test_late_money_reopens_its_order_and_takes_coupon_and_beli_again(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = cancelled(buyer)
    buyer.assert_has_everything_back()
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    buyer.assert_owns_the_course()
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]
    shown = buyer.order(number)
    assert shown["status"] == "交易成功"
    assert "close_date" not in shown
    assert [entry["text"] for entry in shown["history"]][-1] == "订单关闭后收到付款，课程已开通"
    assert alipay.trade(number).refunded == 0


def test_late_money_reopens_an_order_that_expired(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = buyer.place()
    clock.stand_at(purchases.stored(number).expires_at + order.CLOSE_MARGIN)
    purchases.run_timer()
    assert purchases.status(number) == order.EXPIRED
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    buyer.assert_owns_the_course(clock)


def test_late_money_reopens_its_order_although_the_coupons_days_are_over(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = cancelled(buyer)
    clock.advance(days=3)
    assert purchases.record(buyer.person, buyer.coupon).valid_until < clock()
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    buyer.assert_owns_the_course(clock)


def test_repeated_news_of_late_money_changes_nothing(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    assert {purchases.deliver(told) for _ in range(3)} == {"success"}
    alipay.deliver_due_notices()
    buyer.assert_owns_the_course()
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]
    assert purchases.payments(number) == ["applied"]


def test_late_money_told_many_times_at_once_reopens_once(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    answers = purchases.at_once(*[lambda: purchases.deliver(told)] * 8)
    assert set(answers) == {"success"}
    buyer.assert_owns_the_course()
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]
    assert purchases.payments(number) == ["applied"]


def test_late_money_at_once_with_an_order_that_wants_the_same_coupon_has_one_winner(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    taken, answered = purchases.at_once(
        lambda: buyer.pay([buyer.course], 240, general=buyer.coupon, is_beli=True),
        lambda: purchases.deliver(told),
    )
    assert answered == "success"
    assert purchases.balance(buyer.person) == 0
    if purchases.status(number) == order.PAID:
        assert taken["code"] in (1305, 1306, 1308)
        buyer.assert_owns_the_course()
    else:
        assert taken["code"] == 1000
        assert purchases.payments(number) == ["late"]
        clock.advance(seconds=2)
        purchases.run_timer()
        assert_gone_back(alipay, number)


def test_late_money_cut_off_is_taken_when_it_is_told_again(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    cut = Fault.on("TransactWriteItems", action=die_after(faulty_app.redis))
    with faulty_app.dynamodb.faults(cut):
        purchases.deliver(told)
    assert purchases.deliver(told) == "success"
    buyer.assert_owns_the_course()
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]


# Sent back


@pytest.mark.parametrize("missing", ["coupon", "beli"])
def test_late_money_whose_order_lacks_something_goes_back(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, missing: str
) -> None:
    number = cancelled(buyer)
    if missing == "coupon":
        purchases.place(buyer, [buyer.course], 250, general=buyer.coupon)
    else:
        purchases.place(buyer, [buyer.course], 290, is_beli=True)
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert purchases.payments(number) == ["late"]
    assert not purchases.owns(buyer.person, buyer.course)
    clock.advance(seconds=2)
    purchases.run_timer()
    assert_gone_back(alipay, number)
    texts = [entry["text"] for entry in buyer.order(number)["history"]]
    assert texts[-2:] == ["订单关闭后收到付款，款项将原路退回", "订单关闭后收到的付款已退回"]
    [shown] = buyer.order(number)["refunds"]
    assert (shown["amount"], shown["beli"], shown["lines"], shown["status"]) == (240, 0, [], "已退款")
    # What the other order holds is untouched.
    assert purchases.balance(buyer.person) == (100 if missing == "coupon" else 0)


def test_news_of_money_that_went_back_changes_nothing(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = late(buyer, alipay)
    told = purchases.notice(alipay, number)
    clock.advance(seconds=2)
    purchases.run_timer()
    alipay.deliver_due_notices(early=True)  # of the payment and of the refund
    assert {purchases.deliver(told) for _ in range(2)} == {"success"}
    clock.advance(minutes=31)
    purchases.run_timer()  # asks about the closed order: Alipay says that it was refunded
    assert_gone_back(alipay, number)
    assert purchases.happened(number).count("refund reported") == 1


def test_late_money_told_at_once_goes_back_once(buyer: Buyer, alipay: AlipaySimulator, clock: Clock) -> None:
    number = cancelled(buyer)
    buyer.place()
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    assert set(purchases.at_once(*[lambda: purchases.deliver(told)] * 6)) == {"success"}
    clock.advance(seconds=2)
    purchases.at_once(purchases.run_timer, purchases.run_timer)
    assert_gone_back(alipay, number)


@pytest.mark.parametrize("trouble", ["lost", "pending", "busy", "garbage", "unsigned"])
def test_the_money_goes_back_exactly_once_whatever_alipay_answers_first(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, trouble: str
) -> None:
    number = late(buyer, alipay)
    made_up: dict[str, Action] = {
        "lost": reset_after(),
        "pending": signed(alipay, REFUND, {"code": "10000", "msg": "Success", "out_trade_no": number}),
        "busy": refused(alipay, REFUND, "ACQ.SYSTEM_ERROR"),
        "garbage": answer(200, b"?"),
        "unsigned": answer(200, b'{"alipay_trade_refund_response":{"code":"10000","fund_change":"Y"}}'),
    }
    clock.advance(seconds=2)
    fault = Fault.on("GET", action=made_up[trouble], where=calls_of(REFUND, number), nth=1)
    with faulty_app.alipay.faults(fault):
        purchases.run_timer()
    [waiting] = refunds(number)
    assert (waiting.status, waiting.attempts) == (refund.APPROVED, 1)
    assert waiting.problem
    clock.advance(seconds=10)  # too early: Alipay wants to be left alone for a while
    with faulty_app.alipay.recording() as calls:
        purchases.run_timer()
    assert not [call for call in calls if number in call.path]
    clock.advance(seconds=10)
    purchases.run_timer()
    assert_gone_back(alipay, number)


@pytest.mark.parametrize(
    ("operation", "die"), [("UpdateItem", die_after), ("TransactWriteItems", die_before)]
)
def test_a_refund_cut_off_between_alipay_and_the_shop_is_finished_once(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operation: str, die: Any
) -> None:
    number = late(buyer, alipay)
    clock.advance(seconds=2)
    cut = Fault.on(
        operation,
        action=die(faulty_app.redis, faulty_app.alipay),
        where=lambda call: f"REFUND#{number}".encode() in call.body,
    )
    with faulty_app.dynamodb.faults(cut):
        purchases.run_timer()
    # Its lease runs out; then Alipay says neither yes nor no to a repetition, and yes when it is asked later.
    for _ in range(2):
        clock.advance(seconds=work.LEASE.total_seconds() + 2)
        purchases.run_timer()
    assert_gone_back(alipay, number)


def test_what_alipay_refuses_is_a_problem_and_can_be_tried_again(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = late(buyer, alipay)
    clock.advance(seconds=2)
    no_money = refused(alipay, REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.faults(Fault.on("GET", action=no_money, where=calls_of(REFUND, number))):
        purchases.run_timer()
        [stuck] = refunds(number)
        assert stuck.status == refund.STUCK
        clock.advance(hours=3)
        purchases.run_timer()  # nobody asks again until a person says so
        assert operator.does("retry-refund", stuck.request_no) == f"{stuck.request_no}: stuck\n"
    listed = operator.does("problems")
    assert f"order {number}: a refund is stuck" in listed
    assert "ACQ.SELLER_BALANCE_NOT_ENOUGH" in listed
    assert f"retry-refund {stuck.request_no}" in listed
    assert operator.does("retry-refund", stuck.request_no) == f"{stuck.request_no}: done\n"
    assert number not in operator.does("problems")
    assert_tried_again_and_gone_back(alipay, number)
    assert "not in a state for this" in operator.is_refused("retry-refund", stuck.request_no)
    assert len(alipay.book.refunds(number)) == 1


def assert_tried_again_and_gone_back(alipay: AlipaySimulator, number: str) -> None:
    assert [back.status for back in refunds(number)] == [refund.DONE]
    assert [back.amount for back in alipay.book.refunds(number)] == [24000]
    assert purchases.happened(number)[-2:] == ["refund tried again", "late payment refunded"]


def test_a_refusal_of_what_was_done_already_is_no_problem(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    """The answer to the first call is lost, its caller died, and the repetition is refused."""
    number = late(buyer, alipay)
    [waiting] = refunds(number)
    alipay.refund(number, 24000, waiting.request_no)
    clock.advance(seconds=2)
    closed = refused(alipay, REFUND, "ACQ.TRADE_HAS_CLOSE")
    with faulty_app.alipay.faults(Fault.on("GET", action=closed, where=calls_of(REFUND, number))):
        purchases.run_timer()
    assert_gone_back(alipay, number)


def test_what_alipay_does_not_confirm_for_hours_is_a_problem_too_and_is_asked_on(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = late(buyer, alipay)
    down = Fault.on("GET", action=answer(502, b""), where=lambda call: number in call.path)
    with faulty_app.alipay.faults(down):
        for _ in range(6):
            clock.advance(hours=2, seconds=1)
            purchases.run_timer()
    listed = operator.does("problems")
    assert f"order {number}: a refund is not confirmed by its provider" in listed
    clock.advance(hours=2, seconds=1)
    purchases.run_timer()
    assert number not in operator.does("problems")
    assert_gone_back(alipay, number)


def test_late_money_that_the_school_refunds_by_alipays_console_is_not_refunded_again(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock, operator: Operator
) -> None:
    number = late(buyer, alipay)
    alipay.refund(number)
    alipay.deliver_due_notices(early=True)
    clock.advance(hours=1)
    purchases.run_timer()
    assert_gone_back(alipay, number, refund.SUPERSEDED)
    assert number not in operator.does("problems")


def test_late_money_that_was_refunded_before_anybody_told_of_it_changes_nothing_of_the_learners(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    alipay.refund(number)
    clock.advance(minutes=1)
    purchases.run_timer()
    assert purchases.status(number) == order.REFUNDED
    buyer.assert_has_everything_back()


# Paid twice


def test_a_second_trade_of_a_paid_order_goes_back_by_its_own_number(
    buyer: Buyer, faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    number, second = buyer.place(), "2026000000000000000000000002"
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    told = purchases.notice(alipay, number, trade_no=second, notify_id="n2")
    assert set(purchases.at_once(*[lambda: purchases.deliver(told)] * 4)) == {"success"}
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    [back] = refunds(number)
    assert (back.amount, back.trade_no, back.why) == (24000, second, refund.DUPLICATE)
    clock.advance(seconds=2)
    common = {"code": "10000", "msg": "Success", "out_trade_no": number, "trade_no": second}
    state = "alipay.trade.fastpay.refund.query"
    done = {"out_request_no": back.request_no, "refund_status": "REFUND_SUCCESS"}
    pending = Fault.on("GET", action=signed(alipay, REFUND, common), where=calls_of(REFUND, second))
    known = Fault.on("GET", action=signed(alipay, state, common | done), where=calls_of(state, second))
    with faulty_app.alipay.faults(pending, known):
        for _ in range(2):
            purchases.run_timer()
            clock.advance(seconds=20)
    assert (pending.fired, known.fired) == (1, 1)
    assert [back.status for back in refunds(number)] == [refund.DONE]
    assert purchases.happened(number) == ["placed", "paid", "surplus payment", "surplus payment refunded"]
    assert purchases.deliver(told) == "success"
    assert len(refunds(number)) == 1
    buyer.assert_owns_the_course(clock)
    assert alipay.trade(number).refunded == 0


def test_two_late_trades_of_one_order_pay_it_once(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = cancelled(buyer)
    purchases.pay(alipay, number)
    first = purchases.notice(alipay, number)
    second = purchases.notice(alipay, number, trade_no="2026000000000000000000000002", notify_id="n2")
    answers = purchases.at_once(*[lambda: purchases.deliver(first), lambda: purchases.deliver(second)] * 3)
    assert set(answers) == {"success"}
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    assert [back.why for back in refunds(number)] == [refund.DUPLICATE]
    buyer.assert_owns_the_course()


def test_money_for_a_refunded_order_goes_back(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    told = purchases.notice(alipay, number, trade_no="2026000000000000000000000003", notify_id="n3")
    alipay.refund(number)
    alipay.deliver_due_notices()
    assert purchases.status(number) == order.REFUNDED
    assert purchases.deliver(told) == "success"
    assert purchases.status(number) == order.REFUNDED
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    buyer.assert_has_everything_back()


# From the old system


def test_an_imported_order_whose_trade_number_was_not_known_learns_it(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    user, course = builders.a_user(), builders.a_course(prices=[10000])
    learner = Client(gateway_server.base_url, user)
    number = purchases.place(learner, [course], 100)
    purchases.pay(alipay, number)
    told = purchases.notice(alipay, number)
    found = purchases.stored(number)
    found.update([order.Order.status.set(order.PAID), order.Order.paid_at.set(builders.now())])
    assert {purchases.deliver(told) for _ in range(2)} == {"success"}
    assert purchases.payments(number) == ["applied"]
    assert purchases.stored(number).trade_no == alipay.trade(number).trade_no
    assert refunds(number) == []


def test_the_coupon_of_an_order_whose_money_went_back_stays_with_whoever_holds_it(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = late(buyer, alipay)
    holder = purchases.orders(buyer.person)[0]
    clock.advance(seconds=2)
    purchases.run_timer()
    assert_gone_back(alipay, number)
    held = purchases.record(buyer.person, buyer.coupon)
    assert (held.status, held.order_number) == (coupon.RESERVED, holder.number)
    assert holder.number != number


def test_the_timer_alone_sends_late_money_back(buyer: Buyer, alipay: AlipaySimulator, clock: Clock) -> None:
    number = cancelled(buyer)
    buyer.place()
    purchases.pay(alipay, number)
    clock.stand_at(builders.now() + timedelta(minutes=1, seconds=2))
    purchases.run_timer()
    assert_gone_back(alipay, number)


def test_a_second_trade_that_the_console_refunds_takes_nothing_of_the_paid_order(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    second = {"trade_no": "2026112522001400000000000042"}
    assert purchases.deliver(purchases.notice(alipay, number, **second)) == "success"
    closed = {**second, "trade_status": "TRADE_CLOSED", "refund_fee": "240.00", "out_biz_no": "console"}
    for _ in range(2):
        assert purchases.deliver(purchases.notice(alipay, number, **closed)) == "success"
    buyer.assert_owns_the_course()
    assert purchases.status(number) == order.PAID
    assert [(back.why, back.status) for back in refunds(number)] == [(refund.DUPLICATE, refund.SUPERSEDED)]


def test_a_second_trade_that_was_refunded_before_anybody_told_of_it_takes_nothing_of_the_paid_order(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    closed = {
        "trade_no": "2026112522001400000000000043",
        "trade_status": "TRADE_CLOSED",
        "refund_fee": "240.00",
        "out_biz_no": "console",
    }
    assert purchases.deliver(purchases.notice(alipay, number, **closed)) == "success"
    buyer.assert_owns_the_course()
    assert [(back.why, back.status) for back in refunds(number)] == [(refund.DUPLICATE, refund.SUPERSEDED)]
