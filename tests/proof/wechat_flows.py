"""What WeChat Pay tells of payments and of its console, as flows that can be cut off at every call.

What it tells of refunds that the shop has asked for is cut off in tests/integration/test_cut_wechat_refunds.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import app as application
from chalicelib.shop import order
from chalicelib.shop.payment_type import WECHAT
from tests import purchases
from tests.proof.choosing_flows import Choosing
from tests.proof.writing_flows import Flow
from tests.wechat_notices import posted


class WechatNotice(Choosing):
    """A payment's notice; WeChat Pay sends it again."""

    covers: ClassVar[tuple[str, ...]] = ("wechat_notify",)

    def begin(self) -> None:
        self.number = self.place_at(WECHAT)
        self.trade = self.scan_at(WECHAT, self.number)
        self.wechat.pay(self.trade)
        self.told = self.wechat.event(self.trade)

    def act(self) -> object:
        """Deliver it, encrypted and signed anew -> the status of the answer."""
        return application.wechat_notify(posted(self.wechat, self.told), None)["statusCode"]

    def assert_end(self) -> None:
        assert self.act() == 204
        self.assert_charged_once(self.number)


class WechatNoticeNeverAgain(WechatNotice):
    """A payment's notice that is never sent again: the timer asks."""

    covers = ("wechat_notify", "work_off_orders")

    def next(self) -> None:
        self.timer(minutes=2)

    def assert_end(self) -> None:
        self.assert_charged_once(self.number)


class WechatConsoleRefunds(WechatNotice):
    """The notice that the merchant's console has refunded all of it."""

    def begin(self) -> None:
        super().begin()
        assert self.act() == 204
        back = self.wechat.end_refund(self.wechat.refund(self.trade).out_refund_no, "SUCCESS")
        self.told = self.wechat.event(self.trade, back)

    def assert_end(self) -> None:
        assert self.act() == 204
        assert purchases.status(self.number) == order.REFUNDED
        self.assert_holds_nothing()


WECHAT_FLOWS: Sequence[type[Flow]] = (WechatNotice, WechatNoticeNeverAgain, WechatConsoleRefunds)
