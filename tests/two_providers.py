"""A shop at which an order may be paid by Alipay and by WeChat Pay, on both simulators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import app as application
from chalicelib.deadline import Deadline
from chalicelib.flows import (
    carry_out_refund,
    checkout,
    reconcile,
    take_notification,
)
from chalicelib.flows.change_provider import change_provider
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import PageKind, PayPage, Unclear
from chalicelib.gateways.wechat import Wechat
from chalicelib.shop import order as orders
from chalicelib.shop import refund
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.refund import Refund
from chalicelib.shop.trade import Trade
from chalicelib.storage.dynamodb import Transaction
from localstack.alipay import AlipaySimulator
from localstack.wechat import WechatSimulator
from tests import builders, purchases
from tests.alipay_merchant import Merchant
from tests.proof import invariants
from tests.purchases import Buyer
from tests.standing_clock import Clock
from tests.wechat_merchant import a_gateway, new_simulator


@dataclass
class Shop:
    """A shop at which a buyer may pay by Alipay and by WeChat Pay; its clock stands still, but for Alipay's."""

    base_url: str
    alipay: AlipaySimulator
    wechat: WechatSimulator
    merchant: Merchant
    clock: Clock
    buyer: Buyer = field(init=False)

    def __post_init__(self) -> None:
        self.buyer = Buyer(self.base_url)
        self.at_wechat: Wechat = a_gateway(self.wechat, self.merchant.notify_url)

    @property
    def gateways(self) -> Gateways:
        return Gateways({ALIPAY: application.app.gateways.of(ALIPAY), WECHAT: self.at_wechat}, None)

    def another_buyer(self) -> str:
        """The number of an order that another buyer places now."""
        self.clock.now = builders.now()
        self.buyer = Buyer(self.base_url)
        return self.buyer.place()

    # What the learner does

    def change(self, number: str, to: str) -> None:
        """Close what was begun, and choose another provider."""
        change_provider(purchases.stored(number), to, self.gateways, self.clock())

    def begin(self, number: str, way: Way = Way.NATIVE) -> str:
        """Begin to pay by WeChat Pay -> the trade's number."""
        order = purchases.stored(number)
        trade = orders.begin_trade(order, WECHAT, way, self.clock())
        rest = (trade.number, order.amount, order.title, order.expires_at)
        if way == Way.H5:
            answer = self.at_wechat.start_h5(*rest, "203.0.113.9", Deadline(8))
        else:
            answer = self.at_wechat.start_native(*rest, Deadline(8))
        assert isinstance(answer, PayPage), answer
        return str(trade.number)

    def by_wechat(self, *ways: Way) -> tuple[str, ...]:
        """Place an order, change it to WeChat Pay and begin to pay it these ways -> its number and the trades'."""
        number = self.another_buyer()
        self.change(number, WECHAT)
        return number, *(self.begin(number, way) for way in ways)

    def unclosed(self) -> tuple[str, str]:
        """An order that has a trade at each provider, of which none is closed: Alipay's was begun when nobody had
        scanned its code, and scanned after that -> its number, and that of WeChat's trade.
        """
        number = self.another_buyer()
        page = checkout.pay_page(purchases.stored(number), self.gateways, self.clock())
        assert page.kind == PageKind.REDIRECT
        self.change(number, WECHAT)
        trade = self.begin(number)
        self.alipay.open_cashier(page.text)
        self.alipay.scan(number)
        return number, trade

    # What the shop is told, and finds out

    def told_by_wechat(self) -> list[str | None]:
        """WeChat Pay tells what is due -> the checks that fail."""
        self.wechat.deliver_due_notices(early=True)
        failed = []
        while not self.merchant.received.empty():
            received = self.merchant.received.get()
            headers = {name.lower(): value for name, value in received.headers.items()}
            told = self.at_wechat.parse_notification(headers, received.body)
            failed.append(take_notification.take_notification(told, self.clock()))
        return failed

    def told_by_alipay(self, number: str) -> list[str | None]:
        assert purchases.deliver(purchases.notice(self.alipay, number)) == "success"
        return [None]

    def look(self, number: str) -> Unclear | None:
        """The timer processes the order."""
        return reconcile.process(purchases.stored(number), self.gateways, self.clock())

    def look_while_due(self, number: str) -> None:
        """The timer processes the order whenever it is due, until it is not any more or is flagged."""
        for _ in range(20):
            order = purchases.stored(number)
            if order.due_at is None or order.problem is not None:
                return
            self.clock.now = max(self.clock.now, datetime.fromtimestamp(order.due_at, self.clock.now.tzinfo))
            self.look(number)
        raise AssertionError(f"{number} is still due")

    def give_back(self, number: str) -> list[Refund]:
        """The timer carries out the order's refunds -> those, all of them done."""
        for one in refund.list_refunds(purchases.stored(number)):
            for _ in range(3):
                carry_out_refund.process(one, self.gateways, self.clock())
                self.clock.forward(minutes=5)
                one = next(
                    again
                    for again in refund.list_refunds(purchases.stored(number))
                    if again.request_no == one.request_no
                )
                if not one.is_open():
                    break
            assert one.status == refund.DONE
        return refund.list_refunds(purchases.stored(number))

    def check(self) -> None:
        """Everything stored of the buyer is as it should be."""
        invariants.check([self.buyer.person.user_id], now=self.clock())


def opened(base_url: str, alipay: AlipaySimulator) -> Iterator[Shop]:
    clock, merchant = Clock(), Merchant()
    clock.now = builders.now()
    try:
        with new_simulator(clock) as wechat:
            yield Shop(base_url, alipay, wechat, merchant, clock)
    finally:
        merchant.stop()


def listed(number: str) -> dict[str, bool]:
    """Which trades were begun, oldest first, and whether each is closed."""
    return {one.number: one.is_closed for one in purchases.stored(number).begun()}


def an_open_order(
    payment_type: str = ALIPAY,
    trades: list[Trade] | None = None,
    number: str | None = None,
    at: datetime | None = None,
) -> Order:
    """An open order of one yuan for nothing, placed now or at another time, as it is stored."""
    now = at or builders.now()
    transaction = Transaction()
    made = orders.order_item(
        number or orders.new_number(now),
        builders.a_user().user_id,
        now,
        payment_type=payment_type,
        amount=100,
        lines=[],
        title="课程",
        expires_at=now + timedelta(minutes=30),
        trades=trades,
    )
    orders.place(transaction, made, now)
    transaction.commit()
    return orders.reload(made)
