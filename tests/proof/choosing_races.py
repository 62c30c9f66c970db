"""Races about the provider of an order: who pays, begins and changes at the very same moment is charged once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from chalicelib.shop import order
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from localstack.provider.book import NoSuchTrade
from tests import purchases
from tests.proof.races import THREADS, Race
from tests.purchases import at_once


class Choosing(Race):
    """One order with everything, by one provider or the other."""

    def change(self, number: str, to: str) -> Any:
        return self.learner.post(f"/order/{number}/provider/", {"payment_type": to})["code"]

    def begin(self, number: str, way: str) -> Any:
        return self.learner.post(f"/order/{number}/wechat/", {"way": way})["code"]

    def place_at_wechat(self) -> str:
        number = self.place()
        assert self.change(number, WECHAT) == 1000
        return number

    def look(self, number: str) -> None:
        self.clock.advance(minutes=1)
        assert self.learner.get(f"/order/{number}/")["code"] == 1000

    def assert_charged_once_in_the_end(self, number: str) -> None:
        """Whatever is open belongs to the provider that the order names, and paying that delivers it."""
        stored = purchases.stored(number)
        waiting = [
            one for one in stored.begun() if not one.is_closed and self.waits(one.provider, one.number)
        ]
        assert {one.provider for one in waiting} <= {stored.payment_type}
        if stored.payment_type == WECHAT:
            assert self.begin(number, Way.NATIVE) == 1000
            last = next(
                one for one in purchases.stored(number).begun() if one.is_used_for(WECHAT, Way.NATIVE)
            )
            self.wechat.pay(last.number)
        else:
            page = self.learner.get(f"/get_pay_url/?order_number={number}&final_price=40")["data"]
            self.alipay.pay(self.alipay.open_cashier(page))
        self.look(number)
        self.assert_delivered(number)
        assert purchases.payments(number) == ["applied"]

    def waits(self, provider: str, number: str) -> bool:
        """Whether the provider knows a trade as unpaid."""
        try:
            if provider == WECHAT:
                return self.wechat.trade(number).state == "NOTPAY"
            return self.alipay.trade(number).status == "WAIT_BUYER_PAY"
        except NoSuchTrade:
            return False


class ChangeAgainstPay(Choosing):
    """The buyer pays what the learner has closed: Alipay takes the money, or the order is to be paid by WeChat Pay."""

    def race(self) -> None:
        number = self.place()
        purchases.scan(self.alipay, number)
        code, took = at_once(partial(self.change, number, WECHAT), partial(self.pay_and_tell, number))
        assert code == (1502 if took else 1000)
        if took:
            self.assert_delivered(number)
            assert purchases.stored(number).payment_type == ALIPAY
        else:
            self.assert_charged_once_in_the_end(number)


class ChangeAgainstChange(Choosing):
    """The provider is changed by several windows at once: it is changed once, and what was begun is closed."""

    def race(self) -> None:
        number = self.place()
        purchases.scan(self.alipay, number)
        codes = Counter(at_once(*[partial(self.change, number, WECHAT)] * THREADS))
        assert set(codes) <= {1000, 1504}
        if not codes[1000]:
            assert self.change(number, WECHAT) == 1000
        assert purchases.happened(number).count("provider changed") == 1
        assert not self.waits(ALIPAY, number)
        self.assert_charged_once_in_the_end(number)


class ChangeAgainstBegin(Choosing):
    """A phone begins to pay by WeChat Pay while a computer changes to Alipay."""

    def race(self) -> None:
        number = self.place_at_wechat()
        assert self.begin(number, Way.NATIVE) == 1000
        changed, *begun = at_once(
            partial(self.change, number, ALIPAY), *[partial(self.begin, number, Way.H5)] * 2
        )
        assert changed in (1000, 1504)
        assert set(begun) <= {1000, 1504, 1509, 1511}
        assert purchases.stored(number).payment_type == (ALIPAY if changed == 1000 else WECHAT)
        self.assert_charged_once_in_the_end(number)


class ManyWaysAtOnce(Choosing):
    """Each way is begun once, whoever begins it at the same moment."""

    def race(self) -> None:
        number = self.place_at_wechat()
        codes = at_once(*[partial(self.begin, number, way) for way in (Way.NATIVE, Way.H5)] * THREADS)
        assert set(codes) <= {1000, 1504}
        begun = [one.number for one in purchases.stored(number).begun() if one.provider == WECHAT]
        assert sorted(begun) == [f"{number}H", f"{number}N"]
        assert purchases.status(number) == order.PLACED
        self.assert_charged_once_in_the_end(number)


CHOOSING: Sequence[type[Race]] = (ChangeAgainstPay, ChangeAgainstChange, ChangeAgainstBegin, ManyWaysAtOnce)
