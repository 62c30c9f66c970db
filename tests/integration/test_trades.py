"""The trades of an order: begun before their provider hears of them, once, and found by their numbers."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest

from chalicelib.errors import (
    OrderClosed,
    OrderNotFound,
    ProviderChanged,
    TooManyTrades,
    TradesChanged,
)
from chalicelib.flows import close_order
from chalicelib.shop import order as orders
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.trade import MAX_TRADES, a_trade
from chalicelib.storage.dynamodb import Transaction
from tests import builders, purchases
from tests.conftest import Stores
from tests.purchases import at_once
from tests.two_providers import an_open_order

LEARNER = Cause(By.LEARNER)


@pytest.fixture
def order(stores: Stores) -> Order:
    """An open order that is to be paid by Alipay, and lists no trades."""
    return an_open_order()


def change(order: Order, to: str, *, closed: bool) -> None:
    transaction = Transaction()
    trades = [
        a_trade(one.provider, one.number, one.way, is_closed=closed or one.is_closed) for one in order.begun()
    ]
    orders.change_provider(transaction, order, to, trades, LEARNER, builders.now())
    transaction.commit()


def listed(number: str) -> list[tuple[str, str, str | None, bool]]:
    return [(one.provider, one.number, one.way, one.is_closed) for one in purchases.stored(number).begun()]


def test_an_order_without_a_list_has_one_trade_by_its_own_number(order: Order) -> None:
    assert listed(order.number) == [(ALIPAY, order.number, None, False)]
    assert orders.begin_trade(order, ALIPAY, None, builders.now()).number == order.number
    assert purchases.happened(order.number) == ["placed"]


def test_each_way_has_a_trade_that_leads_to_its_order_and_is_begun_once(stores: Stores) -> None:
    order = an_open_order(WECHAT, trades=[])
    assert listed(order.number) == []
    for way in (Way.NATIVE, Way.H5, Way.NATIVE):
        trade = orders.begin_trade(purchases.stored(order.number), WECHAT, way, builders.now())
        assert purchases.stored(trade.number).number == order.number
    assert listed(order.number) == [
        (WECHAT, f"{order.number}N", "native", False),
        (WECHAT, f"{order.number}H", "h5", False),
    ]
    assert purchases.happened(order.number) == ["placed", "payment begun", "payment begun"]


def test_a_trade_begun_twice_at_the_same_moment_is_one(stores: Stores) -> None:
    order = an_open_order(WECHAT, trades=[])
    begin = partial(orders.begin_trade, order, WECHAT, Way.NATIVE, builders.now())
    assert {trade.number for trade in at_once(*[begin] * 6)} == {f"{order.number}N"}
    assert len(listed(order.number)) == 1
    assert purchases.happened(order.number) == ["placed", "payment begun"]


def test_trades_of_different_ways_begun_at_the_same_moment_are_all_kept(stores: Stores) -> None:
    order = an_open_order(WECHAT, trades=[])
    at_once(*[partial(orders.begin_trade, order, WECHAT, way, builders.now()) for way in Way])
    assert {number for _, number, _, _ in listed(order.number)} == {f"{order.number}{one}" for one in "NHJ"}


def test_of_a_change_and_a_trade_begun_at_the_same_moment_one_comes_first(stores: Stores) -> None:
    for _ in range(4):
        order = an_open_order(WECHAT, trades=[])

        def begin(order: Order = order) -> bool:
            with suppress(ProviderChanged):
                orders.begin_trade(order, WECHAT, Way.NATIVE, builders.now())
                return True
            return False

        def changed(order: Order = order) -> bool:
            with suppress(TradesChanged):
                change(order, ALIPAY, closed=True)
                return True
            return False

        is_begun, is_changed = at_once(begin, changed)
        stored = purchases.stored(order.number)
        assert is_begun != is_changed
        assert stored.payment_type == (ALIPAY if is_changed else WECHAT)
        assert len(stored.begun()) == is_begun


def test_an_order_is_not_closed_by_what_was_read_before_it_listed_its_trades(order: Order) -> None:
    """Its trade was closed to pay by another."""
    orders.list_trades(orders.reload(order))
    with pytest.raises(TradesChanged):
        close_order.give_back_and_close(order, orders.CANCELLED, Cause(By.QUERY), builders.now())
    assert purchases.status(order.number) == orders.PLACED


def test_a_closed_trade_is_not_used_again_but_one_that_is_not_closed_is(order: Order) -> None:
    change(order, WECHAT, closed=True)
    orders.begin_trade(purchases.stored(order.number), WECHAT, Way.NATIVE, builders.now())
    change(purchases.stored(order.number), ALIPAY, closed=True)
    again = orders.begin_trade(purchases.stored(order.number), ALIPAY, None, builders.now())
    assert again.number == f"{order.number}A"
    change(purchases.stored(order.number), WECHAT, closed=False)
    change(purchases.stored(order.number), ALIPAY, closed=False)
    same = orders.begin_trade(purchases.stored(order.number), ALIPAY, None, builders.now())
    assert same.number == again.number
    assert [is_closed for _, _, _, is_closed in listed(order.number)] == [True, True, False]


def test_only_an_open_order_of_this_provider_begins_a_trade(order: Order) -> None:
    stale = orders.reload(order)
    with pytest.raises(ProviderChanged):
        orders.begin_trade(order, WECHAT, Way.NATIVE, builders.now())
    change(order, WECHAT, closed=True)
    with pytest.raises(TradesChanged):
        change(stale, WECHAT, closed=True)
    with pytest.raises(TradesChanged):
        orders.list_trades(stale)
    open_order = purchases.stored(order.number)
    transaction = Transaction()
    orders.mark_closed(transaction, open_order, orders.CANCELLED, LEARNER, builders.now())
    transaction.commit()
    with pytest.raises(OrderClosed):
        orders.begin_trade(open_order, WECHAT, Way.NATIVE, builders.now())
    with pytest.raises(OrderNotFound):
        purchases.stored(f"{order.number}N")


def test_an_order_has_eight_trades_at_most(stores: Stores) -> None:
    order = an_open_order(WECHAT, trades=[])
    for _ in range(MAX_TRADES):
        current = purchases.stored(order.number)
        trade = orders.begin_trade(current, WECHAT, Way.NATIVE, builders.now())
        orders.mark_trades_closed(purchases.stored(order.number), [trade.number])
    assert trade.number == f"{order.number}N{MAX_TRADES}"
    with pytest.raises(TooManyTrades):
        orders.begin_trade(purchases.stored(order.number), WECHAT, Way.NATIVE, builders.now())


def test_an_old_order_whose_number_is_too_long_begins_no_trade(stores: Stores) -> None:
    order = an_open_order(WECHAT, number=orders.new_number(builders.now()) + "X" * 5)
    with pytest.raises(TooManyTrades):
        orders.begin_trade(order, WECHAT, Way.NATIVE, builders.now())


def test_a_number_that_another_order_has_is_not_taken(stores: Stores) -> None:
    order = an_open_order(WECHAT, trades=[])
    other = an_open_order(number=f"{order.number}N")
    trade = orders.begin_trade(order, WECHAT, Way.NATIVE, builders.now())
    assert trade.number == f"{order.number}N2"
    assert purchases.stored(other.number).number == other.number


def test_a_list_is_written_once_and_changes_nothing(order: Order) -> None:
    orders.list_trades(order)
    stored = purchases.stored(order.number)
    assert (order.outlives_its_trades(), stored.outlives_its_trades()) == (True, True)
    assert listed(order.number) == [(ALIPAY, order.number, None, False)]
    orders.list_trades(stored)
