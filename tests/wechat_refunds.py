"""Two courses that were paid by WeChat Pay, and what becomes of their refunds, step by step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.flows import apply_for_refund, carry_out_refund, decide_refund, take_notification
from chalicelib.gateways.payments import Notification
from chalicelib.shop import attention, enrollment, journal, refund
from chalicelib.shop import order as orders
from chalicelib.shop.catalog import Course
from chalicelib.shop.payment_type import WECHAT
from chalicelib.shop.refund import Refund
from chalicelib.shop.user import User
from tests import builders, purchases
from tests.client import Client
from tests.proof import invariants
from tests.two_providers import Shop

WEEK = timedelta(days=7)


@dataclass
class Bought:
    """Two courses for 200 and 100 yuan, paid by WeChat Pay; each refund is asked for in steps."""

    shop: Shop
    person: User
    courses: list[Course]
    number: str
    trade: str

    def apply(self, *lines: int) -> str:
        """The learner applies, an operator approves -> the request number."""
        order = purchases.stored(self.number)
        asked = apply_for_refund.apply(order, lines, "学不完", WEEK, {WECHAT}, self.shop.clock())
        decide_refund.approve(asked.request_no, "op", self.shop.gateways, self.shop.clock())
        return str(asked.request_no)

    def try_again(self, request_no: str) -> str:
        return decide_refund.try_again(request_no, "op", self.shop.gateways, self.shop.clock())

    def ask(self, request_no: str) -> str:
        """The timer asks WeChat Pay, in a while."""
        self.shop.clock.forward(minutes=2)
        return self.ask_now(request_no)

    def ask_now(self, request_no: str) -> str:
        order = purchases.stored(self.number)
        return carry_out_refund.carry_out(
            order, self.refund(request_no), self.shop.gateways, self.shop.clock()
        )

    def refund(self, request_no: str) -> Refund:
        return refund.find_refund(request_no)[1]

    def hear(self) -> None:
        """WeChat Pay tells everything that it has not told yet."""
        assert set(self.shop.told_by_wechat()) <= {None}

    def hear_nothing(self) -> None:
        """All that WeChat Pay tells is lost."""
        self.shop.wechat.deliver_due_notices(early=True)
        self.shop.merchant.bodies()

    def told(self, number: str, **other: Any) -> str | None:
        """WeChat Pay tells of a refund as it was at some time, or as it should not be -> the check that fails."""
        return take_notification.take_notification(self.notice(number, **other), self.shop.clock())

    def notice(self, number: str, **other: Any) -> Notification:
        """What WeChat Pay tells then."""
        _, made = self.shop.wechat.book.refund_state(number)
        event = self.shop.wechat.event(self.trade, dataclasses.replace(made, **other))
        self.shop.wechat.send_event(self.shop.merchant.notify_url, event, f"EV-{builders.new_id()}")
        received = self.shop.merchant.received.get(timeout=10)
        headers = {name.lower(): value for name, value in received.headers.items()}
        return self.shop.at_wechat.parse_notification(headers, received.body)

    def made(self) -> list[tuple[str, str]]:
        """What WeChat Pay has of this order's refunds: numbers and states."""
        return [(one.out_refund_no, one.status) for one in self.shop.wechat.book.refunds(self.trade)]

    def owned(self) -> list[bool]:
        """Which courses may be studied."""
        return [purchases.owns(self.person, course, self.shop.clock()) for course in self.courses]

    def paused(self) -> list[int]:
        """The lines whose access is paused."""
        return [
            part.line
            for part in enrollment.list_slices(self.person.user_id)
            if part.paused_at is not None and part.withdrawn_at is None
        ]

    def journal(self) -> list[tuple[str, int]]:
        """The refunds of the journal: under which number, and how much."""
        days = {journal.day_of(self.shop.clock() - timedelta(days=back)) for back in range(5)}
        return sorted(
            (str(one.request_no), int(one.amount))
            for day in days
            for one in journal.list_day(day)
            if one.order_number == self.number and one.fact == journal.REFUNDED
        )

    def check(self) -> None:
        invariants.check([self.person.user_id], now=self.shop.clock())

    def assert_refunded_once(self, request_no: str, number: str | None = None) -> None:
        """One line went back, once, and nobody needs to do anything."""
        self.hear()
        done = self.refund(request_no)
        assert (done.status, done.attention, done.due_at) == (refund.DONE, None, None)
        assert done.number_made() == (number or request_no)
        assert (self.owned(), self.paused()) == ([True, False], [])
        assert purchases.status(self.number) == orders.PAID
        assert purchases.stored(self.number).refunded_amount == done.amount
        assert self.journal() == [(number or request_no, done.amount)]
        assert purchases.happened(self.number).count("lines refunded") == 1
        self.check()


def buy(shop: Shop) -> Bought:
    shop.clock.now = builders.now()
    person = builders.a_user()
    courses = [builders.a_course(prices=[price]) for price in (20000, 10000)]
    number = purchases.place(Client(shop.base_url, person), courses, 300)
    shop.change(number, WECHAT)
    trade = shop.begin(number)
    shop.wechat.pay(trade)
    assert shop.told_by_wechat() == [None]
    return Bought(shop, person, courses, number, trade)


def given_up(bought: Bought, found: str = "query") -> str:
    """A refund that WeChat Pay has given up -> its request number."""
    with bought.shop.wechat.bad_day("refund_closed"):
        request_no = bought.apply(1)
    bought.shop.clock.forward(minutes=2)
    bought.shop.wechat.book.close_expired()
    if found == "query":
        bought.hear_nothing()
        assert bought.ask(request_no) == refund.STUCK
    else:
        bought.hear()
    stuck = bought.refund(request_no)
    assert (stuck.status, stuck.attention, stuck.is_given_up) == (refund.STUCK, attention.PROBLEM, True)
    assert bought.made() == [(request_no, "CLOSED")]
    bought.check()
    return request_no


def console(bought: Bought, amount: int | None) -> str:
    made = bought.shop.wechat.refund(bought.trade, amount)
    bought.shop.clock.forward(minutes=2)
    bought.shop.wechat.book.close_expired()
    return made.out_refund_no


def assert_all_taken_back(bought: Bought) -> None:
    stored = purchases.stored(bought.number)
    assert (stored.status, stored.refunded_amount) == (orders.REFUNDED, stored.amount)
    assert (bought.owned(), bought.paused()) == ([False, False], [])
    assert purchases.happened(bought.number).count("refunded") == 1
    bought.check()
