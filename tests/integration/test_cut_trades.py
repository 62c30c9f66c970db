"""Flows over several trades of an order, cut off at every call: nothing is half done, and the end is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from chalicelib.errors import PaymentUnknown
from chalicelib.flows import close_order
from chalicelib.shop import order as orders
from chalicelib.shop import refund
from chalicelib.shop.payment_type import ALIPAY, WECHAT
from localstack.alipay import AlipaySimulator
from tests import purchases
from tests.faults.routing import FaultyApp
from tests.proof.cut_offs import cut_everywhere
from tests.two_providers import Shop, listed, opened


@pytest.fixture
def faulty_shop(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Iterator[Shop]:
    yield from opened(faulty_app.base_url, alipay)


def cut_off(
    shop: Shop, app: FaultyApp, begin: Callable[[], str], act: Callable[[str], object]
) -> Iterator[str]:
    """Cut an act off at every call that leaves something behind; nothing is half done. Yields each order's number."""
    numbers: list[str] = []

    def begun() -> Callable[[], object]:
        numbers.append(begin())

        def acting() -> None:
            with suppress(PaymentUnknown):
                act(numbers[-1])

        return acting

    for _ in cut_everywhere(app, begun, lambda cut: shop.check(), every=False):
        yield numbers[-1]
    assert len(numbers) > 2, "it was never cut off"  # each way ends with a run that is not cut


def test_begun_and_cut_off_anywhere_there_is_one_trade_and_it_leads_to_its_order(
    faulty_shop: Shop, faulty_app: FaultyApp
) -> None:
    for number in cut_off(faulty_shop, faulty_app, lambda: faulty_shop.by_wechat()[0], faulty_shop.begin):
        trade = faulty_shop.begin(number)
        assert trade == f"{number}N"
        assert list(listed(number)) == [number, trade]
        assert purchases.stored(trade).number == number
        assert purchases.happened(number).count("payment begun") == 1
        faulty_shop.check()


def test_changed_and_cut_off_anywhere_the_order_is_to_be_paid_by_one_provider(
    faulty_shop: Shop, faulty_app: FaultyApp
) -> None:
    def begin() -> str:
        number = faulty_shop.another_buyer()
        purchases.scan(faulty_shop.alipay, number)
        return number

    for number in cut_off(faulty_shop, faulty_app, begin, lambda number: faulty_shop.change(number, WECHAT)):
        faulty_shop.look(number)
        assert purchases.status(number) == orders.PLACED
        if purchases.stored(number).payment_type == ALIPAY:
            faulty_shop.change(number, WECHAT)
        assert listed(number) == {number: True}
        faulty_shop.wechat.pay(faulty_shop.begin(number))
        faulty_shop.look_while_due(number)
        assert purchases.payments(number) == ["applied"]
        faulty_shop.check()


def test_cancelled_and_cut_off_anywhere_two_trades_are_closed_with_their_order(
    faulty_shop: Shop, faulty_app: FaultyApp
) -> None:
    def cancel(number: str) -> None:
        close_order.cancel_by_learner(purchases.stored(number), faulty_shop.gateways, faulty_shop.clock())

    for number in cut_off(faulty_shop, faulty_app, lambda: faulty_shop.unclosed()[0], cancel):
        cancel(number)
        assert purchases.status(number) == orders.CANCELLED
        assert faulty_shop.alipay.trade(number).status == "TRADE_CLOSED"
        assert faulty_shop.wechat.trade(f"{number}N").state == "CLOSED"
        faulty_shop.buyer.assert_has_everything_back()
        faulty_shop.check()


def test_paid_twice_and_cut_off_anywhere_one_payment_delivers_and_one_goes_back(
    faulty_shop: Shop, faulty_app: FaultyApp
) -> None:
    def begin() -> str:
        number, trade = faulty_shop.unclosed()
        faulty_shop.alipay.pay(number)
        faulty_shop.wechat.pay(trade)
        return number

    def look_twice(number: str) -> None:
        faulty_shop.look(number)
        faulty_shop.look(number)

    for number in cut_off(faulty_shop, faulty_app, begin, look_twice):
        faulty_shop.look_while_due(number)
        assert sorted(purchases.payments(number)) == ["applied", "surplus"]
        (back,) = refund.list_refunds(purchases.stored(number))
        assert back.provider == ALIPAY
        faulty_shop.check()
