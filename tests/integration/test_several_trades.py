"""An order with several trades at two providers: whatever is told or lost, in whatever order, it is delivered once, and
money that came twice goes back to whom paid it, by the trade that brought it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import OrderAlreadyPaid, OrderClosed, PaymentUnknown
from chalicelib.flows import (
    apply_for_refund,
    checkout,
    close_order,
    decide_refund,
    reconcile,
    take_notification,
)
from chalicelib.gateways.payments import Closed, Notification, Told
from chalicelib.shop import journal, payment, refund
from chalicelib.shop import order as orders
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat.bad_days import CLOSE, QUERY
from tests import purchases
from tests.proof.invariants import Violated
from tests.two_providers import Shop, listed, opened


@pytest.fixture
def shop(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Iterator[Shop]:
    yield from opened(gateway_server.base_url, alipay)


# One is paid


def test_what_was_paid_by_wechat_is_delivered_though_nobody_tells(shop: Shop) -> None:
    for ways, paid in (((Way.NATIVE,), 0), ((Way.NATIVE, Way.H5), 0), ((Way.NATIVE, Way.H5), 1)):
        number, *trades = shop.by_wechat(*ways)
        assert shop.look(number) is None
        trade_no = shop.wechat.pay(trades[paid]).transaction_id
        shop.look(number)
        order = purchases.stored(number)
        assert (order.status, order.payment_type) == (orders.PAID, WECHAT)
        assert (order.trade_no, order.trade_number) == (trade_no, trades[paid])
        (received,) = payment.list_payments(order)
        assert (received.provider, received.number) == (WECHAT, trades[paid])
        shop.buyer.assert_owns_the_course()
        shop.look_while_due(number)
        assert all(shop.wechat.trade(one).state != "NOTPAY" for one in trades)
        assert shop.told_by_wechat() == [None]
        assert purchases.payments(number) == ["applied"]
        shop.check()


def test_an_order_that_was_paid_by_wechat_is_refunded_by_wechat(shop: Shop) -> None:
    number, trade, other = shop.by_wechat(Way.NATIVE, Way.H5)
    shop.wechat.pay(trade)
    assert shop.told_by_wechat() == [None]
    order = purchases.stored(number)
    window, providers = timedelta(days=7), shop.gateways.payments
    asked = apply_for_refund.apply(order, None, "学不完", window, providers, shop.clock())
    decide_refund.approve(asked.request_no, "op", shop.gateways, shop.clock())
    (done,) = shop.give_back(number)
    assert (done.provider_of(order), done.trade_number) == (WECHAT, trade)
    assert [back.amount for back in shop.wechat.book.refunds(trade)] == [order.amount]
    assert purchases.status(number) == orders.REFUNDED
    entries = [
        one
        for day in {journal.day_of(order.placed_at), journal.day_of(shop.clock())}
        for one in journal.list_day(day)
        if one.order_number == number
    ]
    assert [(one.provider, one.trade_number, one.amount) for one in entries] == [(WECHAT, trade, 24000)] * 2
    shop.look_while_due(number)
    assert shop.wechat.trade(other).state == "CLOSED"
    shop.check()


def test_a_notice_of_a_trade_that_was_not_begun_is_kept_and_changes_nothing(shop: Shop) -> None:
    number, trade = shop.by_wechat(Way.NATIVE)
    order = purchases.stored(number)
    genuine = {
        "notify_id": "1",
        "trade_no": "4200",
        "word": "x",
        "refunded": 0,
        "request_no": None,
        "is_total": False,
    }

    def told(provider: str, about: str) -> Notification:
        return Notification(
            provider=provider,
            number=about,
            told=Told.RECEIVED,
            amount=order.amount,
            paid_at=None,
            **genuine,  # type: ignore[arg-type]
        )

    assert take_notification.act_on(told(WECHAT, number), shop.clock()) == "channel"
    assert take_notification.act_on(told(ALIPAY, trade), shop.clock()) == "channel"
    assert take_notification.act_on(told(WECHAT, f"{number}H"), shop.clock()) == "order"
    assert purchases.payments(number) == []


def test_a_trade_that_its_provider_closed_keeps_the_order_open_for_another(shop: Shop) -> None:
    """Alipay's word that our own change has closed its trade may be faster than what the change writes."""
    number = shop.another_buyer()
    page = checkout.pay_page(purchases.stored(number), shop.gateways, shop.clock())
    shop.alipay.open_cashier(page.text)
    shop.alipay.scan(number)
    shop.change(number, WECHAT)
    assert listed(number) == {number: True}
    assert shop.told_by_alipay(number) == [None]
    assert purchases.status(number) == orders.PLACED
    trade = shop.begin(number)
    assert shop.at_wechat.close(trade, Deadline(8)) == Closed()
    shop.look(number)
    assert (purchases.status(number), listed(number)) == (orders.PLACED, {number: True, trade: True})
    again = shop.begin(number)
    assert again == f"{trade}2"
    shop.wechat.pay(again)
    assert shop.told_by_wechat() == [None]
    assert (purchases.status(number), purchases.stored(number).due_at) == (orders.PAID, None)
    shop.check()


# Two are paid


@pytest.mark.parametrize("first", [ALIPAY, WECHAT])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "found"])
def test_of_two_payments_one_delivers_and_the_other_goes_back(shop: Shop, first: str, is_told: bool) -> None:
    number, trade = shop.unclosed()
    tells: Mapping[str, Callable[[], list[str | None]]] = {
        ALIPAY: lambda: shop.told_by_alipay(number),
        WECHAT: shop.told_by_wechat,
    }
    pays = {ALIPAY: lambda: shop.alipay.pay(number), WECHAT: lambda: shop.wechat.pay(trade)}
    for provider in (first, WECHAT if first == ALIPAY else ALIPAY):
        pays[provider]()
        if is_told:
            assert tells[provider]() == [None]
            assert tells[provider]() in ([], [None])
    shop.look_while_due(number)
    assert purchases.payments(number).count("applied") == 1
    order = purchases.stored(number)
    expected = first if is_told else WECHAT  # the trade that was begun last is queried first
    assert (order.payment_type, order.trade_number) == (expected, trade if expected == WECHAT else None)
    assert purchases.happened(number).count("paid") == 1
    assert purchases.owns(shop.buyer.person, shop.buyer.course, shop.clock())
    shop.check()
    (back,) = shop.give_back(number)
    assert (back.why, back.amount) == (refund.DUPLICATE, order.amount)
    other = ALIPAY if expected == WECHAT else WECHAT
    assert back.provider_of(order) == other
    assert (shop.alipay.trade(number).refundable == 0) == (other == ALIPAY)
    assert [one.amount for one in shop.wechat.book.refunds(trade)] == [order.amount] * (other == WECHAT)
    shop.look_while_due(number)
    assert purchases.status(number) == orders.PAID
    shop.check()


@pytest.mark.parametrize("minutes", [0, 4, 5, 7, 600], ids=lambda minutes: f"{minutes} minutes late")
def test_of_two_payments_both_are_found_however_late_the_timer_comes(shop: Shop, minutes: int) -> None:
    number, *trades = shop.by_wechat(Way.NATIVE, Way.H5)
    for trade in trades:
        shop.wechat.pay(trade)
    shop.clock.now = purchases.stored(number).expires_at + timedelta(minutes=minutes)
    shop.look(number)
    shop.look_while_due(number)
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    (back,) = shop.give_back(number)
    assert (back.why, back.amount) == (refund.DUPLICATE, purchases.stored(number).amount)
    shop.check()


def test_both_are_found_where_the_order_is_delivered_while_the_late_timer_has_it(shop: Shop) -> None:
    number, *trades = shop.by_wechat(Way.NATIVE, Way.H5)
    as_the_timer_read_it = purchases.stored(number)
    shop.wechat.pay(trades[0])
    assert shop.told_by_wechat() == [None]
    shop.wechat.pay(trades[1])
    shop.clock.now = as_the_timer_read_it.expires_at + timedelta(minutes=7)
    reconcile.process(as_the_timer_read_it, shop.gateways, shop.clock())
    shop.look_while_due(number)
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    shop.check()


def test_a_payment_of_the_old_trade_after_the_change_is_taken(shop: Shop) -> None:
    number, trade = shop.unclosed()
    shop.alipay.pay(number)
    assert shop.told_by_alipay(number) == [None]
    order = purchases.stored(number)
    assert (order.payment_type, order.trade_number) == (ALIPAY, None)
    shop.look_while_due(number)
    assert isinstance(shop.at_wechat.query(trade, order.amount, Deadline(8)), Closed)
    assert purchases.payments(number) == ["applied"]
    shop.check()


# Closing


def test_a_cancelled_order_has_all_its_trades_closed(shop: Shop) -> None:
    number, native, h5 = shop.by_wechat(Way.NATIVE, Way.H5)
    close_order.cancel_by_learner(purchases.stored(number), shop.gateways, shop.clock())
    assert purchases.status(number) == orders.CANCELLED
    assert {shop.wechat.trade(one).state for one in (native, h5)} == {"CLOSED"}
    assert listed(number) == {number: False, native: True, h5: True}
    close_order.cancel_by_learner(purchases.stored(number), shop.gateways, shop.clock())
    shop.buyer.assert_has_everything_back()
    shop.check()


@pytest.mark.parametrize("paid_first", [True, False], ids=["before the query", "before the close"])
def test_what_is_paid_meanwhile_is_delivered_and_the_rest_is_closed(shop: Shop, paid_first: bool) -> None:
    for position in (0, 1):
        number, *trades = shop.by_wechat(Way.NATIVE, Way.H5)
        order = purchases.stored(number)
        if paid_first:
            shop.wechat.pay(trades[position])
            with pytest.raises(OrderAlreadyPaid):
                close_order.cancel_by_learner(order, shop.gateways, shop.clock())
        else:
            shop.wechat.switch_on("paid_before_close", method=CLOSE, out_trade_no=trades[position], times=1)
            with pytest.raises(OrderAlreadyPaid):
                close_order.cancel_by_learner(order, shop.gateways, shop.clock())
        assert purchases.stored(number).trade_number == trades[position]
        shop.look_while_due(number)
        assert shop.wechat.trade(trades[1 - position]).state == "CLOSED"
        assert purchases.payments(number) == ["applied"]
        shop.check()


def test_an_order_expires_with_all_its_trades(shop: Shop) -> None:
    number, native, h5 = shop.by_wechat(Way.NATIVE, Way.H5)
    shop.clock.now = purchases.stored(number).expires_at
    shop.look(number)
    shop.clock.forward(minutes=6)
    shop.look(number)
    assert purchases.status(number) == orders.EXPIRED
    assert {shop.wechat.trade(one).state for one in (native, h5)} == {"CLOSED"}
    shop.buyer.assert_has_everything_back()
    shop.check()


def test_one_unclear_answer_keeps_the_order_and_all_its_trades(shop: Shop) -> None:
    number, native, h5 = shop.by_wechat(Way.NATIVE, Way.H5)
    shop.wechat.switch_on("answer_system_error", method=QUERY, out_trade_no=native)
    for changes in (
        lambda: close_order.cancel_by_learner(purchases.stored(number), shop.gateways, shop.clock()),
        lambda: shop.change(number, ALIPAY),
    ):
        with pytest.raises(PaymentUnknown):
            changes()
        assert {shop.wechat.trade(one).state for one in (native, h5)} == {"NOTPAY"}
        assert purchases.stored(number).payment_type == WECHAT
    shop.buyer.assert_order_waits(number)
    shop.check()


def test_an_order_is_not_closed_beside_a_trade_that_was_begun_meanwhile(shop: Shop) -> None:
    number, native = shop.by_wechat(Way.NATIVE)
    read = purchases.stored(number)
    h5 = shop.begin(number, Way.H5)
    with pytest.raises(PaymentUnknown):
        close_order.cancel_by_learner(read, shop.gateways, shop.clock())
    assert purchases.status(number) == orders.PLACED
    close_order.cancel_by_learner(purchases.stored(number), shop.gateways, shop.clock())
    assert {shop.wechat.trade(one).state for one in (native, h5)} == {"CLOSED"}
    with pytest.raises(OrderClosed):
        shop.begin(number)


def test_what_is_paid_beside_a_trade_that_was_begun_meanwhile_leaves_that_due(shop: Shop) -> None:
    number, native = shop.by_wechat(Way.NATIVE)
    read = purchases.stored(number)
    shop.begin(number, Way.H5)
    shop.wechat.pay(native)
    assert reconcile.process(read, shop.gateways, shop.clock()) is None
    assert purchases.status(number) == orders.PAID
    assert purchases.stored(number).due_at is not None
    shop.check()


def test_the_invariants_miss_a_pointer_and_see_money_of_another_trade(shop: Shop) -> None:
    number, trade = shop.by_wechat(Way.NATIVE)
    shop.wechat.pay(trade)
    assert shop.told_by_wechat() == [None]
    order = purchases.stored(number)
    orders.OrderPointer(f"ORDER#{trade}", "POINTER").delete()
    with pytest.raises(Violated, match=f"nothing leads from ORDER#{trade}"):
        shop.check()
    orders.pointer_item(order, trade).save()
    (received,) = payment.list_payments(order)
    for other, wrong in ((f"{number}H", "is of no trade that was begun"), (None, "it says wechat")):
        received.number = other
        received.save()
        with pytest.raises(Violated, match=wrong):
            shop.check()
    received.number = trade
    received.save()
    late = refund.of_payment(order, received, refund.APPLICATION, shop.clock())
    late.trade_number = None
    late.save()
    with pytest.raises(Violated, match="goes back by"):
        shop.check()
    late.delete()
    shop.check()
