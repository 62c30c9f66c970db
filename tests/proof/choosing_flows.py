"""Beginning to pay by WeChat Pay and changing the provider, as flows that can be cut off at every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import app as application
from chalicelib.flows.change_provider import change_provider
from chalicelib.shop import order
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from tests import purchases
from tests.proof.writing_flows import Flow


class Choosing(Flow):
    """An order of two courses with everything, by one provider or the other."""

    def place_at(self, provider: str) -> str:
        """Place it, to be paid by this provider -> its number."""
        if provider == ALIPAY:
            return self.place()
        number = self.place()
        assert self.change(number, WECHAT) == 1000
        return number

    def change(self, number: str, to: str) -> object:
        return self.learner.post(f"/order/{number}/provider/", {"payment_type": to})["code"]

    def begin_wechat(self, number: str, way: str = Way.NATIVE, **authorised: str) -> Any:
        return self.learner.post(f"/order/{number}/wechat/", {"way": way, **authorised})

    def scan_at(self, provider: str, number: str) -> str:
        """Begin to pay -> the number of the trade, which waits for its buyer."""
        if provider == ALIPAY:
            purchases.scan(self.alipay, number)
            return number
        return self.wechat.scan(self.begin_wechat(number)["data"]["text"]).out_trade_no

    def pay_what_waits(self, number: str) -> None:
        """The buyer pays by the provider chosen now, and the learner looks at the order."""
        if purchases.stored(number).payment_type == WECHAT:
            self.wechat.pay(self.scan_at(WECHAT, number))
        else:
            answer = self.learner.get(f"/get_pay_url/?order_number={number}&final_price=240")
            self.alipay.pay(self.alipay.open_cashier(answer["data"]))
        self.clock.advance(minutes=1)
        self.learner.get(f"/order/{number}/")

    def assert_charged_once(self, number: str) -> None:
        assert purchases.payments(number) == ["applied"]
        self.assert_owns(number)


class StartWechat(Choosing):
    """The learner begins to pay by a QR code, and tries again."""

    covers: ClassVar[tuple[str, ...]] = ("POST /order/{order_number}/wechat",)
    way: ClassVar[str] = Way.NATIVE

    def begin(self) -> None:
        self.number = self.place_at(WECHAT)

    def act(self) -> object:
        return self.begin_wechat(self.number, self.way)["code"]

    def assert_end(self) -> None:
        assert self.act() == 1000
        (*_, trade) = purchases.stored(self.number).begun()
        assert (trade.number, trade.is_closed) == (f"{self.number}{self.way[0].upper()}", False)
        self.wechat.pay(trade.number)
        self.clock.advance(minutes=1)
        self.learner.get(f"/order/{self.number}/")
        self.assert_charged_once(self.number)


class StartOnAPhone(StartWechat):
    way = Way.H5


class StartWithinWechat(StartWechat):
    """What is cut off may have used the code up: the page then begins again, with a new one."""

    way = Way.JSAPI

    def begin(self) -> None:
        super().begin()
        address = self.begin_wechat(self.number, self.way)["data"]["text"]
        self.state = address.partition("&state=")[2].partition("#")[0]

    def act(self) -> object:
        code = self.wechat.new_code()
        return self.begin_wechat(self.number, self.way, code=code, state=self.state)["code"]


class StartPaid(StartWechat):
    """The learner begins again what they have paid in another window: it is delivered."""

    def begin(self) -> None:
        super().begin()
        self.wechat.pay(self.scan_at(WECHAT, self.number))

    def assert_end(self) -> None:
        assert self.act() == 1502
        self.assert_charged_once(self.number)


class StartClosed(StartWechat):
    """The trade was closed at WeChat Pay, of which the shop has not heard: another one follows."""

    def begin(self) -> None:
        super().begin()
        self.wechat.book.close(self.scan_at(WECHAT, self.number))

    def assert_end(self) -> None:
        assert self.act() == 1000
        assert purchases.stored(self.number).begun()[-1].number == f"{self.number}N2"
        self.pay_what_waits(self.number)
        self.assert_charged_once(self.number)


class ChangeToWechat(Choosing):
    """The learner changes the provider of what they have scanned, and tries again."""

    covers: ClassVar[tuple[str, ...]] = ("POST /order/{order_number}/provider",)
    before: ClassVar[str] = ALIPAY
    to: ClassVar[str] = WECHAT

    def begin(self) -> None:
        self.number = self.place_at(self.before)
        self.trade = self.scan_at(self.before, self.number)

    def act(self) -> object:
        return self.change(self.number, self.to)

    def assert_end(self) -> None:
        assert self.act() == 1000
        assert purchases.stored(self.number).payment_type == self.to
        assert {one.number: one.is_closed for one in purchases.stored(self.number).begun()}[self.trade]
        self.pay_what_waits(self.number)
        self.assert_charged_once(self.number)


class ChangeToAlipay(ChangeToWechat):
    before, to = WECHAT, ALIPAY


class ChangeAndStay(ChangeToWechat):
    """The learner does not try again, and pays by whatever the order says."""

    def next(self) -> None:
        """The learner looks at the order."""
        self.clock.advance(minutes=1)
        self.learner.get(f"/order/{self.number}/")

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.PLACED
        self.pay_what_waits(self.number)
        self.assert_charged_once(self.number)


class ChangeAndStayWithWechat(ChangeAndStay):
    before, to = WECHAT, ALIPAY


class ChangeAndLeave(ChangeToWechat):
    """The learner walks away: the order expires, and everything is free."""

    def next(self) -> None:
        self.timer(minutes=31)
        self.timer(minutes=6)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.EXPIRED
        self.assert_holds_nothing()


class ChangePaid(ChangeToWechat):
    """It was paid meanwhile: it is delivered, and keeps its provider."""

    def begin(self) -> None:
        super().begin()
        (self.alipay if self.before == ALIPAY else self.wechat).pay(self.trade)

    def assert_end(self) -> None:
        assert self.act() == 1502
        assert purchases.stored(self.number).payment_type == self.before
        self.assert_charged_once(self.number)


class ChangePaidAtWechat(ChangePaid):
    before, to = WECHAT, ALIPAY


class ChangeUnclear(ChangeToWechat):
    """The provider does not say how the trade stands: nothing changes. Later it does."""

    def act(self) -> object:
        # Both providers have a bad day of this name.
        simulator = self.alipay if self.before == ALIPAY else self.wechat
        with simulator.bad_day("answer_system_error", out_trade_no=self.trade):
            return self.change(self.number, self.to)

    def assert_end(self) -> None:
        assert self.act() == 1504
        assert purchases.stored(self.number).payment_type == self.before
        assert not any(one.is_closed for one in purchases.stored(self.number).begun())
        assert self.change(self.number, self.to) == 1000
        self.pay_what_waits(self.number)
        self.assert_charged_once(self.number)


class ChangeUnclearAtWechat(ChangeUnclear):
    before, to = WECHAT, ALIPAY


class OpenAlipayAgain(Choosing):
    """After a change there and back the pay page is that of a new trade, which is begun once."""

    covers = ("GET /get_pay_url",)

    def begin(self) -> None:
        self.number = self.place_at(ALIPAY)
        purchases.scan(self.alipay, self.number)
        self.alipay.close(self.number)
        assert self.change(self.number, WECHAT) == 1000
        change_provider(purchases.stored(self.number), ALIPAY, application.app.gateways, self.clock())

    def act(self) -> object:
        return self.learner.get(f"/get_pay_url/?order_number={self.number}&final_price=240")["code"]

    def assert_end(self) -> None:
        assert self.act() == 1000
        assert [one.number for one in purchases.stored(self.number).begun()] == [
            self.number,
            f"{self.number}A",
        ]
        self.pay_what_waits(self.number)
        self.assert_charged_once(self.number)


CHOOSING_FLOWS: Sequence[type[Flow]] = (
    *(StartWechat, StartWithinWechat, StartPaid, StartClosed),
    *(ChangeToWechat, ChangeToAlipay, ChangeAndStay, ChangePaid, ChangeUnclear, OpenAlipayAgain),
)
MORE_CHOOSING_FLOWS: Sequence[type[Flow]] = (
    *(StartOnAPhone, ChangeAndStayWithWechat, ChangeAndLeave, ChangePaidAtWechat, ChangeUnclearAtWechat),
)
"""The same by the other way or provider: for the long proof."""
