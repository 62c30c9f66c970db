"""Every flow that writes, as something that can be cut off: how it begins, what runs next, where it must end.

`FLOWS` is held against the application's routes and Lambdas by a test: a new one has to be added, here or to
`READING`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import pytest

import app as application
from chalicelib.beijing_time import day_start
from chalicelib.errors import NothingToResolve, ShopError
from chalicelib.flows import (
    apply_for_refund,
    change_password,
    change_user,
    claim_coupon,
    decide_refund,
    grant,
    hold_bills,
    register,
    resolve_problem,
)
from chalicelib.gateways import Gateways
from chalicelib.shop import (
    account,
    attention,
    audit,
    bill,
    cart,
    coupon,
    coupon_claim,
    enrollment,
    order,
    payment,
    refund,
    refund_notice,
    stray_notification,
)
from chalicelib.shop import user as users
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.password import password_matches
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.shop.user import ADMIN, find_user
from chalicelib.storage.dynamodb import Transaction
from localstack.alipay import AlipaySimulator
from localstack.wechat import WechatSimulator
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.proof import bills, invariants
from tests.purchases import Clock
from tests.scheduled import SCHEDULED

READING = {
    "GET /api/captcha_check",
    *("GET /contacts", "manage show-user"),
    *("GET /userinfo", "GET /sessions", "GET /course/category", "GET /courses", "GET /courses/search"),
    *("GET /home", "GET /teachers", "GET /teachers/{teacher_id}", "GET /course/{course_id}"),
    *(
        "GET /coursedetail/{detail_id}",
        "GET /course/{course_id}/chapters",
        "GET /course/{course_id}/questions",
        "GET /course/{course_id}/mine",
        "GET /course/{course_id}/progress",
        "GET /study",
        "GET /course/{course_id}/asked",
        "GET /course/{course_id}/sections/{section_id}/assignment",
    ),
    *("GET /shoppingcar", "POST /shoppingcar/preview", "GET /account", "PUT /account", "POST /account/quote"),
    *("GET /coupons", "GET /coupons/available", "GET /myorder", "GET /beli"),
    *("GET /messages", "GET /messages/unread", "GET /preferences", "GET /unsubscribe"),
    *("GET /sms/receipts", "GET /sms/replies"),
    "GET /order/{order_number}/refund_preview",
    *("GET /mycourses", "GET /admin/refunds", "GET /trade/alipay", "GET /video/marquee"),
    *(
        "manage check-settings",
        "manage sms-addresses",
        "manage list-enrollments",
        "manage audit",
        "manage list-orders",
    ),
    *("manage journal", "manage messages", "manage message-preview"),
    *("manage show-order", "manage list-refunds", "manage problems", "manage bills"),
    *("manage questions", "manage hand-ins"),
}
"""The routes and commands that write nothing."""

MANY_TRANSACTIONS = {
    *("manage create-tables", "manage import-legacy", "manage catalog", "manage seed-demo"),
    *("manage fill-journal", "manage check-videos", "manage move-contacts"),
}
"""Commands of hundreds of small writes each, which are given again when they were cut off: `test_legacy_import.py`,
`test_catalog_file.py`, `test_journal.py`, `test_videos.py` and `test_contacts.py` cut them at some.
"""

_shelf: list[Course] = []


def courses() -> list[Course]:
    """Two courses, at 100 and 200 yuan, and a free one, made once: nothing here changes them."""
    if not _shelf:
        _shelf.extend([builders.a_course(prices=[price]) for price in (10000, 20000, 0)])
    return _shelf


class Flow:
    """One run of a flow by people of its own. `act` is what is cut off."""

    covers: ClassVar[tuple[str, ...]] = ()
    """The routes, Lambdas and operators' commands that it walks through."""

    def __init__(self, alipay: AlipaySimulator, wechat: WechatSimulator, clock: Clock) -> None:
        self.alipay = alipay
        self.wechat = wechat
        self.clock = clock
        self.user = builders.a_user(beli=100)
        self.learner = ClientAt(self.user)
        self.offers: list[CouponOffer] = []
        self.taken_back: list[str] = []
        self.began_at = clock()
        courses()  # made before anything is cut off
        self.begin()

    def begin(self) -> None:
        """What is there before."""

    def act(self) -> object:
        """What is cut off."""
        raise NotImplementedError

    def next(self) -> None:
        """What runs next: as a rule, the learner tries again."""
        self.act()

    def assert_end(self) -> None:
        """Where it must have come in the end."""
        raise NotImplementedError

    def assert_on_record(self) -> None:
        """What an operator did is in the operators' log."""
        commands = {place.removeprefix("manage ") for place in self.covers if place.startswith("manage ")}
        if not commands:
            return  # the log of all flows before this one is long
        acts = {
            entry.act
            for month in {audit.month_of(self.began_at), audit.month_of(self.clock())}
            for entry in audit.list_entries(month)
            if entry.at >= self.began_at
        }
        assert commands <= acts, f"not on record: {commands - acts}"

    # What flows need

    def people(self) -> list[int]:
        """The users whose things are looked at."""
        return [self.user.user_id]

    def check(self) -> None:
        """Hold everything to the invariants."""
        invariants.check(self.people(), self.offers, self.taken_back, now=self.clock())

    def timer(self, **later: float) -> None:
        """The timers run, some time later."""
        self.clock.advance(**later)
        purchases.run_timer()
        application.sweep_coupon_claims(SCHEDULED, None)

    def coupons(self) -> None:
        """Give the learner a coupon for the first course and a general one."""
        self.mine = builders.a_coupon(self.user, course=courses()[0].key, value=2000)
        self.general = builders.a_coupon(self.user, value=3000)

    def place(self) -> str:
        """Place an order of two courses with everything: 100 - 20 + 200 - 30 - 10."""
        self.coupons()
        return purchases.place(
            self.learner, courses()[:2], 240, coupons={0: self.mine}, general=self.general, is_beli=True
        )

    def paid(self) -> str:
        """Place it, pay it, and have it delivered."""
        number = self.place()
        purchases.pay(self.alipay, number)
        assert self.tell(number) == "success"
        return number

    def tell(self, number: str, **changes: str | None) -> str:
        """Alipay tells how a trade stands now."""
        return purchases.deliver(purchases.notice(self.alipay, number, **changes))

    def assert_holds_nothing(self) -> None:
        """All the learner ever had is free."""
        purchases.assert_untouched(self.user, beli=100, unused=[self.mine, self.general])
        assert not any(
            mine.is_active(self.clock()) for mine in enrollment.list_enrollments(self.user.user_id)
        )

    def assert_owns(self, number: str) -> None:
        """The order is paid, and its courses are the learner's."""
        assert purchases.status(number) == order.PAID
        assert {mine.course for mine in enrollment.list_enrollments(self.user.user_id)} == {
            course.key for course in courses()[:2]
        }
        assert purchases.balance(self.user) == 0

    def forget(self) -> None:
        """Take all of it out of the tables again."""
        invariants.forget(invariants.belongings(user_id) for user_id in self.people())
        for offer in self.offers:
            offer.delete()


# People


class Register(Flow):
    covers: ClassVar[tuple[str, ...]] = ("POST /register",)

    def begin(self) -> None:
        self.visitor, self.name = ClientAt(), builders.new_name()

    def act(self) -> object:
        body = {"username": self.name, "password": builders.PASSWORD}
        return self.visitor.post("/register/", body)["code"]

    def next(self) -> None:
        if self.sign_in() == 1003:
            assert self.act() == 1000

    def sign_in(self) -> object:
        body = {"username": self.name, "password": builders.PASSWORD}
        return self.visitor.post("/login/", body)["code"]

    def people(self) -> list[int]:
        try:
            return [self.user.user_id, users.find_by_name(self.name).user_id]
        except ShopError:
            return [self.user.user_id]

    def assert_end(self) -> None:
        assert self.sign_in() == 1000


class CreateUser(Register):
    """An operator adds a user."""

    covers = ("manage create-user",)

    def act(self) -> object:
        return by_operator(
            lambda: register.register(self.name, builders.PASSWORD, 1000, self.clock(), by="op")
        )

    def next(self) -> None:
        if self.sign_in() == 1003:
            self.act()


class LogIn(Flow):
    covers = ("POST /login",)

    def act(self) -> object:
        body = {"username": self.user.username, "password": builders.PASSWORD}
        return self.learner.post("/login/", body)

    def assert_end(self) -> None:
        assert self.act()["code"] == 1000  # type: ignore[index]


class ChangePassword(Flow):
    covers = ("PUT /password",)

    def begin(self) -> None:
        self.other = ClientAt(self.user)

    def act(self) -> object:
        body = {"old_password": builders.PASSWORD, "new_password": "quite another one"}
        return self.learner.put("/password/", body)

    def assert_end(self) -> None:
        stored = find_user(self.user.user_id)
        assert password_matches("quite another one", stored.password)
        assert self.learner.get("/userinfo/")["code"] == 1000
        assert self.other.get("/userinfo/")["code"] == 401


class LogOut(Flow):
    covers = ("DELETE /logout",)

    def act(self) -> object:
        return self.learner.delete("/logout/")

    def assert_end(self) -> None:
        assert self.learner.get("/userinfo/")["code"] == 401


class EndSession(Flow):
    covers = ("DELETE /sessions/{session_id}",)

    def begin(self) -> None:
        self.other = ClientAt(self.user)
        listed = self.learner.get("/sessions/")["data"]
        self.ended = next(one["id"] for one in listed if not one["current"])

    def act(self) -> object:
        return self.learner.delete(f"/sessions/{self.ended}/")

    def assert_end(self) -> None:
        assert self.learner.get("/userinfo/")["code"] == 1000
        assert self.other.get("/userinfo/")["code"] == 401


class EndOtherSessions(Flow):
    covers = ("DELETE /sessions",)

    def begin(self) -> None:
        self.others = [ClientAt(self.user) for _ in range(2)]

    def act(self) -> object:
        return self.learner.delete("/sessions/")

    def assert_end(self) -> None:
        assert self.learner.get("/userinfo/")["code"] == 1000
        assert [other.get("/userinfo/")["code"] for other in self.others] == [401, 401]


class ChangeProfile(Flow):
    covers = ("PUT /userinfo",)

    def act(self) -> object:
        return self.learner.put("/userinfo/", {"name": "小李", "head_img": "images/heads/pine.svg"})

    def assert_end(self) -> None:
        stored = find_user(self.user.user_id)
        assert (stored.name, stored.head_img) == ("小李", "images/heads/pine.svg")


# Cart and account


class AddToCart(Flow):
    covers = ("POST /shoppingcar",)

    def act(self) -> object:
        course = courses()[0]
        body = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        return self.learner.post("/shoppingcar/", body)

    def assert_end(self) -> None:
        assert list(cart.list_lines(self.user.user_id)) == [courses()[0].key]


class RemoveFromCart(AddToCart):
    covers = ("DELETE /shoppingcar",)

    def begin(self) -> None:
        AddToCart.act(self)

    def act(self) -> object:
        return self.learner.delete("/shoppingcar/", {"course_id": courses()[0].course_id})

    def assert_end(self) -> None:
        assert not cart.list_lines(self.user.user_id)


class RemoveSeveral(RemoveFromCart):
    def begin(self) -> None:
        for course in courses()[:2]:
            body = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
            assert self.learner.post("/shoppingcar/", body)["code"] == 1000

    def act(self) -> object:
        chosen = [{"course_id": course.course_id} for course in courses()[:2]]
        return self.learner.delete("/shoppingcar/", {"course_list": chosen})


class OpenAccount(Flow):
    covers = ("POST /account",)

    def act(self) -> object:
        course = courses()[0]
        body = [{"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}]
        return self.learner.post("/account/", body)

    def assert_end(self) -> None:
        assert [line.course for line in account.find_account(self.user.user_id)] == [courses()[0].key]


# Orders


class PayWithEverything(Flow):
    """With a key: the learner's browser sends it again."""

    covers = ("POST /payment",)
    headers: ClassVar[dict[str, Any]] = {"Idempotency-Key": "once"}

    def begin(self) -> None:
        self.coupons()

    def act(self) -> Any:
        return self.learner.pay(
            courses()[:2],
            240,
            coupons={0: self.mine},
            general=self.general,
            is_beli=True,
            **self.headers,
        )

    def assert_end(self) -> None:
        (placed,) = purchases.orders(self.user)
        answer = self.act()
        assert answer["code"] == 1000
        assert purchases.number_in(answer["data"]) == placed.number
        assert placed.status == order.PLACED
        assert purchases.record(self.user, self.mine).order_number == placed.number
        assert purchases.record(self.user, self.general).order_number == placed.number
        assert purchases.balance(self.user) == 0


class PayWithoutKey(PayWithEverything):
    """The learner walks away: in the end nothing of theirs is held."""

    headers: ClassVar[dict[str, Any]] = {}

    def next(self) -> None:
        self.timer(minutes=31)
        self.timer(minutes=6)

    def assert_end(self) -> None:
        assert {placed.status for placed in purchases.orders(self.user)} <= {order.EXPIRED}
        self.assert_holds_nothing()


class PayNothing(Flow):
    """An order of 0, with a key."""

    covers = ("POST /payment",)

    def act(self) -> Any:
        headers: dict[str, Any] = {"Idempotency-Key": "once"}
        return self.learner.pay([courses()[2]], 0, **headers)

    def assert_end(self) -> None:
        (placed,) = purchases.orders(self.user)
        assert placed.status == order.PAID
        assert purchases.owns(self.user, courses()[2], self.clock())


class PayNothingAndLeave(PayNothing):
    """The learner walks away: if there is an order, the timer delivers it."""

    def next(self) -> None:
        self.timer(minutes=2)

    def assert_end(self) -> None:
        for placed in purchases.orders(self.user):
            assert placed.status == order.PAID
            assert purchases.owns(self.user, courses()[2], self.clock())


class Notified(Flow):
    """A payment's notice; Alipay sends it again."""

    covers: ClassVar[tuple[str, ...]] = ("alipay_notify",)

    def begin(self) -> None:
        self.number = self.place()
        purchases.pay(self.alipay, self.number)
        self.notice = purchases.notice(self.alipay, self.number)

    def act(self) -> object:
        return purchases.deliver(self.notice)

    def assert_end(self) -> None:
        assert self.act() == "success"
        self.assert_owns(self.number)


class NotifiedOfNothingMore(Notified):
    """A payment's notice that is never sent again: the timer asks."""

    def next(self) -> None:
        self.timer(minutes=2)

    def assert_end(self) -> None:
        self.assert_owns(self.number)


class LateMoneyReopens(Notified):
    """Money for an order that was cancelled, and everything is still there."""

    def begin(self) -> None:
        self.number = self.place()
        self.alipay.open_cashier(purchases.pay_url(self.number))
        cancelled = purchases.cancel(self.learner, self.number)
        assert cancelled["code"] == 1000, cancelled
        self.alipay.pay(self.number)
        self.notice = purchases.notice(self.alipay, self.number)


class LateMoneyGoesBack(LateMoneyReopens):
    """Money for an order that was cancelled, and its coupon is used elsewhere."""

    covers = ("alipay_notify", "work_off_orders")

    def begin(self) -> None:
        super().begin()
        purchases.place(self.learner, [courses()[0]], 80, coupons={0: self.mine})

    def next(self) -> None:
        assert self.act() == "success"
        self.timer(minutes=1)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.CANCELLED
        assert purchases.payments(self.number) == [payment.LATE]
        assert self.alipay.trade(self.number).refunded == 24000
        (back,) = refund.list_refunds(purchases.stored(self.number))
        assert back.status == refund.DONE


class RefundedAtTheConsole(Notified):
    """The notice of a full refund."""

    def begin(self) -> None:
        self.number = self.paid()
        self.alipay.refund(self.number)
        self.notice = purchases.notice(self.alipay, self.number)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        self.assert_holds_nothing()


class PartlyRefundedAtTheConsole(Notified):
    """The notice of a partial refund, which names no line; then a person resolves it."""

    def begin(self) -> None:
        self.number = self.paid()
        self.alipay.refund(self.number, 100, "console1")
        self.notice = purchases.notice(self.alipay, self.number)

    def assert_end(self) -> None:
        self.assert_owns(self.number)
        (told,) = refund_notice.list_all(purchases.stored(self.number))
        assert (told.refunded, told.attention) == (100, attention.PROBLEM)


class SettleNotice(PartlyRefundedAtTheConsole):
    """An operator has dealt with it."""

    covers = ("manage resolve-notice",)

    def begin(self) -> None:
        super().begin()
        Notified.act(self)

    def act(self) -> object:
        return by_operator(
            lambda: resolve_problem.resolve_notice(self.number, "console1", "op", "抱歉", self.clock())
        )

    def assert_end(self) -> None:
        (told,) = refund_notice.list_all(purchases.stored(self.number))
        assert told.attention is None


class ToldOfASecondTrade(Notified):
    """Money of a second trade for an order that is paid: it goes back."""

    covers = ("alipay_notify", "work_off_orders")

    def begin(self) -> None:
        self.number = self.paid()
        self.notice = purchases.notice(self.alipay, self.number, trade_no=f"2026{builders.new_id():015d}")

    def assert_end(self) -> None:
        self.assert_owns(self.number)
        (back,) = refund.list_refunds(purchases.stored(self.number))
        assert (back.why, back.amount, back.trade_no) == (refund.DUPLICATE, 24000, self.notice["trade_no"])


class SecondTradeRefundedAtTheConsole(ToldOfASecondTrade):
    """The console was faster with the second trade's money: the order stays as it is."""

    def begin(self) -> None:
        super().begin()
        assert purchases.deliver(self.notice) == "success"
        self.notice = self.alipay.sign_notice(
            {name: text for name, text in self.notice.items() if name not in ("sign", "sign_type")}
            | {"trade_status": "TRADE_CLOSED", "refund_fee": "240.00", "out_biz_no": "console"}
        )

    def assert_end(self) -> None:
        super().assert_end()
        (back,) = refund.list_refunds(purchases.stored(self.number))
        assert back.status == refund.SUPERSEDED


def record_approval(transaction: Transaction, number: str, now: datetime) -> None:
    """What an operator's approval records of an order."""
    cause = Cause(By.OPERATOR, "op")
    order.record_event(transaction, purchases.stored(number), What.REFUND_APPROVED, cause, now, ShopError())


class ToldOfOwnRefund(Notified):
    """The notice of a refund that the shop approved is faster than the answer."""

    def begin(self) -> None:
        self.number = self.paid()
        applied = apply_for_refund.apply(
            purchases.stored(self.number), [0], "学不完", timedelta(days=7), {ALIPAY}, self.clock()
        )
        stored = purchases.stored(self.number)
        self.alipay.refund(self.number, stored.lines[0].payable, applied.request_no)
        self.notice = purchases.notice(self.alipay, self.number)
        transaction = Transaction()
        refund.approve(transaction, applied, "op", self.clock())
        record_approval(transaction, self.number, self.clock())
        transaction.commit()

    def assert_end(self) -> None:
        TimerRefunds.assert_end(self)  # type: ignore[arg-type]


class OvertakesAnApplication(RefundedAtTheConsole):
    """The notice of a full refund while an application is open."""

    def begin(self) -> None:
        super().begin()
        apply_for_refund.apply(
            purchases.stored(self.number), [0], "学不完", timedelta(days=7), {ALIPAY}, self.clock()
        )

    def assert_end(self) -> None:
        super().assert_end()
        (asked,) = refund.list_refunds(purchases.stored(self.number))
        assert asked.status == refund.SUPERSEDED


class ClosedByTheBuyer(Notified):
    """The notice that a trade was closed unpaid."""

    def begin(self) -> None:
        self.number = self.place()
        purchases.scan(self.alipay, self.number)
        self.alipay.close(self.number)
        self.notice = purchases.notice(self.alipay, self.number)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.CANCELLED
        self.assert_holds_nothing()


class Cancel(Flow):
    """The learner cancels what they have scanned, and tries again."""

    covers = ("POST /order/{order_number}/cancel",)

    def begin(self) -> None:
        self.number = self.place()
        purchases.scan(self.alipay, self.number)

    def act(self) -> object:
        return purchases.cancel(self.learner, self.number)["code"]

    def assert_end(self) -> None:
        assert self.act() == 1000
        assert purchases.status(self.number) == order.CANCELLED
        self.assert_holds_nothing()


class CancelAndLeave(Cancel):
    """The learner cancels and walks away."""

    def next(self) -> None:
        self.timer(minutes=31)
        self.timer(minutes=6)

    def assert_end(self) -> None:
        assert purchases.status(self.number) in (order.CANCELLED, order.EXPIRED)
        self.assert_holds_nothing()


class CancelPaid(Cancel):
    """The learner cancels what they have just paid: it is delivered."""

    def begin(self) -> None:
        self.number = self.place()
        purchases.pay(self.alipay, self.number)

    def assert_end(self) -> None:
        assert self.act() == 1502
        self.assert_owns(self.number)


class LookAtPaid(Flow):
    """The result page asks; the learner looks again."""

    covers = ("GET /order/{order_number}",)

    def begin(self) -> None:
        self.number = self.place()
        purchases.pay(self.alipay, self.number)

    def act(self) -> object:
        return self.learner.get(f"/order/{self.number}/")

    def next(self) -> None:
        self.clock.advance(seconds=30)
        self.act()

    def assert_end(self) -> None:
        self.assert_owns(self.number)


# The clock


class TimerFlow(Flow):
    """The timer; a later one follows."""

    covers = ("work_off_orders",)

    def act(self) -> object:
        purchases.run_timer()
        return None

    def next(self) -> None:
        self.timer(minutes=3)
        self.timer(minutes=3)


class TimerFindsPaid(TimerFlow):
    def begin(self) -> None:
        self.number = self.place()
        purchases.pay(self.alipay, self.number)
        self.clock.advance(minutes=2)

    def assert_end(self) -> None:
        self.assert_owns(self.number)


class TimerExpires(TimerFlow):
    def begin(self) -> None:
        self.number = self.place()
        self.clock.advance(minutes=36)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.EXPIRED
        self.assert_holds_nothing()


class TimerFindsLateMoney(TimerFlow):
    """Money for an order that was cancelled, of which nobody told."""

    def begin(self) -> None:
        self.number = self.place()
        self.alipay.open_cashier(purchases.pay_url(self.number))
        assert purchases.cancel(self.learner, self.number)["code"] == 1000
        self.alipay.pay(self.number)
        self.clock.advance(minutes=2)

    def assert_end(self) -> None:
        self.assert_owns(self.number)


class TimerFindsRefunded(TimerFlow):
    """An order that was paid, and refunded at the console, and of neither anybody told."""

    def begin(self) -> None:
        self.number = self.place()
        purchases.pay(self.alipay, self.number)
        self.alipay.refund(self.number)
        self.clock.advance(minutes=2)

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        self.assert_holds_nothing()


class TimerRefunds(TimerFlow):
    """The refund that Alipay did not confirm when it was approved."""

    def begin(self) -> None:
        self.number = self.paid()
        applied = apply_for_refund.apply(
            purchases.stored(self.number), [0], "学不完", timedelta(days=7), {ALIPAY}, self.clock()
        )
        applied.update([refund.Refund.status.set(refund.APPROVED)])
        applied.update([refund.Refund.attention.remove(), refund.Refund.attention_at.remove()])
        applied.update([refund.Refund.work_shard.set(0), refund.Refund.due_at.set(1)])
        transaction = Transaction()
        record_approval(transaction, self.number, self.clock())
        transaction.commit()
        applied.update([refund.Refund.decided_by.set("op")])

    def assert_end(self) -> None:
        stored = purchases.stored(self.number)
        assert (stored.status, list(stored.refunded_lines)) == (order.PAID, [0])
        assert self.alipay.trade(self.number).refunded == stored.refunded_amount == stored.lines[0].payable
        assert [mine.course for mine in enrollment.list_enrollments(self.user.user_id)] != []
        assert not purchases.owns(self.user, courses()[0], self.clock())
        assert purchases.owns(self.user, courses()[1], self.clock())
        assert purchases.balance(self.user) == stored.lines[0].beli
        assert purchases.record(self.user, self.mine).status == coupon.UNUSED
        assert purchases.record(self.user, self.general).status == coupon.USED


# Refunds


class Apply(Flow):
    covers = ("POST /order/{order_number}/refund",)

    def begin(self) -> None:
        self.number = self.paid()

    def act(self) -> object:
        return self.learner.post(f"/order/{self.number}/refund/", {"lines": [1], "reason": "学不完"})

    def assert_end(self) -> None:
        stored = purchases.stored(self.number)
        assert (stored.status, list(stored.requested_lines)) == (order.REFUNDING, [1])
        (asked,) = refund.list_refunds(stored)
        assert asked.status == refund.REQUESTED


class Withdraw(Flow):
    covers = ("DELETE /order/{order_number}/refund/{request_no}",)

    def begin(self) -> None:
        self.number = self.paid()
        body = {"reason": "学不完"}
        self.request_no = self.learner.post(f"/order/{self.number}/refund/", body)["data"]["request_no"]
        self.clock.advance(hours=1)

    def act(self) -> object:
        return self.learner.delete(f"/order/{self.number}/refund/{self.request_no}/")["code"]

    def assert_end(self) -> None:
        assert self.act() == 1000
        self.assert_owns(self.number)
        (asked,) = refund.list_refunds(purchases.stored(self.number))
        assert asked.status == refund.WITHDRAWN
        assert purchases.happened(self.number)[-1] == What.REFUND_WITHDRAWN
        # It was paused an hour, and got that hour once.
        assert {part.paused_seconds for part in enrollment.list_slices(self.user.user_id)} == {3600}


class Decide(Flow):
    """An operator decides, and tries again; then the timer."""

    verb: ClassVar[str] = ""

    def begin(self) -> None:
        self.number = self.paid()
        body = {"reason": "学不完"}
        answer = self.learner.post(f"/order/{self.number}/refund/", body)
        self.request_no = answer["data"]["request_no"]
        admin = builders.an_admin()
        self.admin_id = admin.user_id
        self.office = ClientAt(admin)

    def people(self) -> list[int]:
        return [self.user.user_id, self.admin_id]

    def act(self) -> object:
        return self.office.post(f"/admin/refunds/{self.request_no}/{self.verb}/", {"answer": "好"})

    def next(self) -> None:
        self.act()
        self.timer(minutes=3)
        self.timer(minutes=6)


class Approve(Decide):
    covers: ClassVar[tuple[str, ...]] = (
        "POST /admin/refunds/{request_no}/approve",
        "manage approve-refund",
    )
    verb = "approve"

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        assert self.alipay.trade(self.number).refunded == 24000
        assert len(self.alipay.book.refunds(self.number)) == 1
        self.assert_holds_nothing()


class ApproveAndLeave(Approve):
    """An operator approves and goes home: what they did not finish, they do another day."""

    covers = ()

    def next(self) -> None:
        self.timer(minutes=3)
        self.timer(minutes=6)

    def assert_end(self) -> None:
        (asked,) = refund.list_refunds(purchases.stored(self.number))
        if asked.status == refund.REQUESTED:
            self.act()
        super().assert_end()


class ApproveWithoutMoney(Approve):
    """The refund of a course that was free needs no Alipay."""

    covers = ()

    def paid(self) -> str:
        number = purchases.place(self.learner, [courses()[2]], 0)
        self.coupons()
        return number

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        self.assert_holds_nothing()


class Refuse(Decide):
    covers = ("POST /admin/refunds/{request_no}/refuse", "manage refuse-refund")
    verb = "refuse"

    def assert_end(self) -> None:
        self.assert_owns(self.number)
        assert self.alipay.trade(self.number).refunded == 0
        (asked,) = refund.list_refunds(purchases.stored(self.number))
        assert asked.status == refund.REFUSED


# Coupons


class Claim(Flow):
    """The learner tries again half a minute later; a sweep comes."""

    covers = ("POST /coupons/{coupon_id}/claim",)

    def begin(self) -> None:
        self.offers.append(builders.an_offer(quantity=1, close_at=builders.now() + timedelta(days=3000)))

    def act(self) -> object:
        return self.learner.post(f"/coupons/{self.offers[0].coupon_id}/claim/")

    def next(self) -> None:
        self.timer(seconds=70)
        self.act()
        self.timer(seconds=70)

    def assert_end(self) -> None:
        (record,) = coupon.list_records(self.user.user_id)
        assert record.status == coupon.UNUSED
        offer = coupon.find_offer(self.offers[0].coupon_id)
        assert offer is not None
        assert (offer.remaining, offer.in_flight) == (0, None)


class Sweep(Claim):
    """The sweep of a claim that was cut off."""

    covers = ("sweep_coupon_claims",)

    def begin(self) -> None:
        super().begin()
        mine = coupon_claim.claim_item(
            self.user.user_id, self.offers[0].coupon_id, builders.new_id(), self.clock()
        )
        coupon_claim.begin(mine)
        coupon_claim.take_one(self.offers[0], mine)
        self.clock.advance(minutes=3)

    def act(self) -> object:
        claim_coupon.sweep_claims(self.clock, 60)
        return None

    def next(self) -> None:
        application.sweep_coupon_claims(SCHEDULED, None)

    def assert_end(self) -> None:
        offer = coupon.find_offer(self.offers[0].coupon_id)
        assert offer is not None
        assert (offer.remaining, offer.in_flight) == (1, None)
        assert Claim.act(self)["code"] == 1000  # type: ignore[index]


# Operators, who look before they repeat anything


def by_operator(act: Callable[[], object]) -> object:
    """An operator's act: they are told of a refusal or a failure."""
    try:
        return act()
    except ShopError as told:
        return told


class GrantBeli(Flow):
    """Given again under the same word, done before or not."""

    covers = ("manage grant-beli",)

    def act(self) -> object:
        return by_operator(
            lambda: grant.grant_beli(self.user, 50, "gift", self.clock(), by="op", once="spring")
        )

    def next(self) -> None:
        self.act()

    def assert_end(self) -> None:
        assert purchases.balance(self.user) == 150


class GrantCoupon(Flow):
    """Given again under the same word, done before or not."""

    covers = ("manage grant-coupon",)

    def begin(self) -> None:
        self.offer = builders.an_offer(quantity=1)  # of which a gift takes no piece

    def act(self) -> object:
        return by_operator(
            lambda: grant.grant_coupon(self.user, self.offer.coupon_id, self.clock(), by="op", once="spring")
        )

    def next(self) -> None:
        self.act()

    def assert_end(self) -> None:
        assert len(coupon.list_records(self.user.user_id)) == 1

    def forget(self) -> None:
        super().forget()
        self.offer.delete()


class GrantEnrollment(Flow):
    """Given again under the same word, done before or not."""

    covers = ("manage grant-enrollment",)

    def act(self) -> object:
        return by_operator(
            lambda: grant.grant_enrollment(
                self.user, courses()[0].key, 7, "gift", "op", self.clock(), once="spring"
            )
        )

    def next(self) -> None:
        self.act()

    def assert_end(self) -> None:
        assert len(enrollment.list_slices(self.user.user_id)) == 1


class WithdrawEnrollment(Flow):
    covers = ("manage withdraw-enrollment",)

    def begin(self) -> None:
        given = grant.grant_enrollment(self.user, courses()[0].key, 7, "gift", "op", self.clock())
        self.number = given.order_number

    def act(self) -> object:
        return by_operator(
            lambda: grant.withdraw_enrollment(self.user, self.number, None, "error", "op", self.clock())
        )

    def check(self) -> None:
        slices = enrollment.list_slices(self.user.user_id)
        self.taken_back = [part.order_number for part in slices if part.withdrawn_at is not None]
        super().check()

    def assert_end(self) -> None:
        assert self.taken_back == [self.number]


class DisableUser(Flow):
    covers = ("manage disable-user",)

    def act(self) -> object:
        user = find_user(self.user.user_id)
        return by_operator(lambda: change_user.disable_user(user, "op", "spam", self.clock()))

    def assert_end(self) -> None:
        assert find_user(self.user.user_id).disabled
        assert self.learner.get("/userinfo/")["code"] == 401


class EnableUser(DisableUser):
    covers = ("manage enable-user",)

    def begin(self) -> None:
        DisableUser.act(self)

    def act(self) -> object:
        user = find_user(self.user.user_id)
        return by_operator(lambda: change_user.enable_user(user, "op", "sorry", self.clock()))

    def assert_end(self) -> None:
        assert not find_user(self.user.user_id).disabled


class SetRole(Flow):
    covers = ("manage set-role",)

    def act(self) -> object:
        user = find_user(self.user.user_id)
        return by_operator(lambda: change_user.set_role(user, ADMIN, "op", "new", self.clock()))

    def assert_end(self) -> None:
        assert find_user(self.user.user_id).role == ADMIN


class SetPassword(Flow):
    covers = ("manage set-password",)

    def act(self) -> object:
        user = find_user(self.user.user_id)
        return by_operator(
            lambda: change_password.set_password(user, "quite another one", 1000, "op", self.clock())
        )

    def assert_end(self) -> None:
        assert password_matches("quite another one", find_user(self.user.user_id).password)


class TryAgain(Decide):
    """An operator has a stuck refund tried again."""

    covers = ("manage retry-refund",)

    def begin(self) -> None:
        super().begin()
        a_while_ago = int(self.clock().timestamp()) - 600
        approved = refund.find_refund(self.request_no)[1]
        problem = [
            refund.Refund.attention.set(attention.PROBLEM),
            refund.Refund.attention_at.set(a_while_ago),
            refund.Refund.status.set(refund.STUCK),
            refund.Refund.problem.set("40004 ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        ]
        approved.update([*problem, refund.Refund.decided_by.set("op")])
        transaction = Transaction()
        record_approval(transaction, self.number, self.clock())
        transaction.commit()

    def act(self) -> object:
        gateways = application.app.gateways
        return by_operator(lambda: decide_refund.try_again(self.request_no, "op", gateways, self.clock()))

    def assert_end(self) -> None:
        Approve.assert_end(self)  # type: ignore[arg-type]


class RefuseStuck(TryAgain):
    """An operator refuses a refund that Alipay will not make."""

    covers = ("manage refuse-refund",)
    verb = "refuse"

    def act(self) -> object:
        gateways = application.app.gateways
        return by_operator(
            lambda: decide_refund.refuse(self.request_no, "op", "不符合", gateways, self.clock())
        )

    def assert_end(self) -> None:
        Refuse.assert_end(self)  # type: ignore[arg-type]


class SettleElsewhere(TryAgain):
    """An operator says that the money of a stuck refund went back another way."""

    covers = ("manage resolve-refund",)

    def act(self) -> object:
        gateways = application.app.gateways
        return by_operator(
            lambda: decide_refund.resolve_elsewhere(
                self.request_no, "op", "by bank transfer", gateways, self.clock()
            )
        )

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        assert self.alipay.trade(self.number).refunded == 0
        self.assert_holds_nothing()


class ResolveApplied(Decide):
    """An operator says that the console's refund was for what a learner applies for."""

    covers = ("manage resolve-refund",)
    act = SettleElsewhere.act

    def begin(self) -> None:
        super().begin()
        self.alipay.refund(self.number, 100, "console1")
        assert purchases.deliver(purchases.notice(self.alipay, self.number)) == "success"

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.REFUNDED
        assert self.alipay.trade(self.number).refunded == 100
        self.assert_holds_nothing()


class RetryOrder(Flow):
    """An operator has Alipay asked about an order at once."""

    covers = ("manage retry-order",)

    def begin(self) -> None:
        self.number = self.place()
        order.flag_problem(purchases.stored(self.number), "nothing clear for hours", self.clock())
        purchases.pay(self.alipay, self.number)

    def act(self) -> object:
        gateways = application.app.gateways
        return by_operator(lambda: resolve_problem.retry_order(self.number, "op", gateways, self.clock()))

    def assert_end(self) -> None:
        self.assert_owns(self.number)
        assert purchases.stored(self.number).problem is None


class SettleOrder(RetryOrder):
    """An operator has dealt with an order: it is closed."""

    covers = ("manage resolve-order",)

    def begin(self) -> None:
        self.number = self.place()
        order.flag_problem(purchases.stored(self.number), "another amount", self.clock())

    def act(self) -> object:
        gateways = application.app.gateways
        return by_operator(
            lambda: resolve_problem.resolve_order(self.number, "op", "by telephone", gateways, self.clock())
        )

    def assert_end(self) -> None:
        stored = purchases.stored(self.number)
        assert (stored.status, stored.problem) == (order.CANCELLED, None)
        self.assert_holds_nothing()


class Stray(Notified):
    """A genuine notice of another amount: it is kept for a person, however often it is told."""

    def begin(self) -> None:
        super().begin()
        self.notice = purchases.notice(self.alipay, self.number, total_amount="1.00")

    def waiting(self) -> list[stray_notification.StrayNotification]:
        return stray_notification.list_waiting(self.number, self.notice["trade_no"])

    def assert_end(self) -> None:
        assert self.act() == "fail"
        assert purchases.status(self.number) == order.PLACED
        assert [stray.amount for stray in self.waiting()] == [100]

    def forget(self) -> None:
        super().forget()
        for stray in stray_notification.StrayNotification.query(f"STRAY#{self.number}"):
            stray.delete()


class RetryStray(Stray):
    """A notice that came before its order could be found is taken once more."""

    covers = ("manage retry-stray",)

    def begin(self) -> None:
        Notified.begin(self)
        pointer = order.pointer_item(purchases.stored(self.number))
        pointer.delete()
        assert purchases.deliver(self.notice) == "fail"
        pointer.save()

    def act(self) -> object:
        trade_no = self.notice["trade_no"]
        return by_operator(
            lambda: resolve_problem.retry_stray(
                self.number, trade_no, "op", application.app.gateways, self.clock()
            )
        )

    def assert_end(self) -> None:
        self.assert_owns(self.number)
        with pytest.raises(NothingToResolve):
            self.waiting()


class SettleStray(RetryStray):
    """An operator has dealt with it."""

    covers = ("manage resolve-stray",)

    def act(self) -> object:
        trade_no = self.notice["trade_no"]
        return by_operator(
            lambda: resolve_problem.resolve_stray(self.number, trade_no, "op", "known", self.clock())
        )

    def assert_end(self) -> None:
        assert purchases.status(self.number) == order.PLACED
        with pytest.raises(NothingToResolve):
            self.waiting()


# Bills


DAYS = (date(2070, 1, 1) + timedelta(days=50 * number) for number in itertools.count())
"""Days of which no bill tells anything yet, each far from those before."""


class HoldBills(Flow):
    """A day is held against its bills once more. Meanwhile the notice of one order has come, of which the first time
    told; a payment and a refund at the console were told by nobody since.
    """

    covers: ClassVar[tuple[str, ...]] = ("manage hold-bills",)
    differences: ClassVar[list[str]] = ["unknown", "unknown"]

    def begin(self) -> None:
        self.day = next(DAYS)
        self.clock.stand_at(day_start(self.day) + timedelta(hours=12))
        self.learner.token = builders.a_token(self.user, self.clock())
        self.late = self.bought()
        self.clock.stand_at(day_start(self.day) + timedelta(hours=36))
        self.hold()
        assert self.tell(self.late) == "success"
        self.clock.stand_at(day_start(self.day) + timedelta(hours=12))
        self.alipay.refund(self.late, 1000, "by-hand")
        self.untold = self.bought()
        self.clock.stand_at(day_start(self.day) + timedelta(hours=36))
        self.is_held = False

    def bought(self) -> str:
        """An order that is paid, which nobody has told."""
        number = purchases.place(self.learner, courses()[:1], 100)
        purchases.pay(self.alipay, number)
        return number

    def alipay_only(self) -> Gateways:
        return Gateways(payments={ALIPAY: application.app.gateways.of(ALIPAY)}, geetest=None)

    def act(self) -> object:
        return by_operator(self.hold)

    def hold(self) -> None:
        hold_bills.hold_again(self.alipay_only(), self.day, "op", self.clock())
        self.is_held = True

    def next(self) -> None:
        self.hold()

    def check(self) -> None:
        super().check()
        self.waiting = bills.check(ALIPAY, self.day, at_rest=self.is_held)

    def assert_end(self) -> None:
        assert sorted(str(one.what) for one in self.waiting) == self.differences
        held = bill.find_day(ALIPAY, self.day)
        assert held is not None
        assert held.state == bill.DIFFERS

    def forget(self) -> None:
        super().forget()
        for item in [*bill.list_differences(ALIPAY, self.day), *bill.list_days(ALIPAY, self.day, self.day)]:
            item.delete()


class HoldBillsByTheClock(HoldBills):
    """The function looks at all that is there to be looked at: a day before which nothing was held."""

    covers = ("hold_bills",)
    differences: ClassVar[list[str]] = ["unknown"]

    def begin(self) -> None:
        self.day = next(DAYS)
        self.clock.stand_at(day_start(self.day) + timedelta(hours=12))
        self.learner.token = builders.a_token(self.user, self.clock())
        self.untold = self.bought()
        self.clock.stand_at(day_start(self.day) + timedelta(hours=36))
        for age in (1, 2, 3):
            settled = bill.day_item(ALIPAY, self.day - timedelta(days=age), bill.AGREES, self.clock())
            settled.save()
        self.is_held = False

    def act(self) -> object:
        hold_bills.hold_last(self.alipay_only(), self.clock, 60)
        return None

    def next(self) -> None:
        self.act()
        self.is_held = True

    def forget(self) -> None:
        super().forget()
        for held in bill.list_days(ALIPAY, self.day - timedelta(days=3), self.day):
            held.delete()


class ResolveDifference(HoldBills):
    """An operator has dealt with what differed of an order."""

    covers = ("manage resolve-difference",)
    differences: ClassVar[list[str]] = ["unknown"]

    def begin(self) -> None:
        super().begin()
        self.hold()
        found = bill.list_differences(ALIPAY, self.day)
        self.trade_no = next(one.trade_no for one in found if one.request_no is not None)

    def act(self) -> object:
        return by_operator(
            lambda: hold_bills.resolve(ALIPAY, self.day, self.trade_no, "op", "known", self.clock())
        )

    def next(self) -> None:
        if any(one.trade_no == self.trade_no for one in self.waiting):
            self.act()

    def assert_end(self) -> None:
        self.hold()
        self.check()
        super().assert_end()
        assert self.trade_no not in {one.trade_no for one in self.waiting}


FLOWS: Sequence[type[Flow]] = (
    *(Register, CreateUser, LogIn, ChangePassword, LogOut, EndSession),
    *(EndOtherSessions, ChangeProfile),
    *(AddToCart, RemoveFromCart, RemoveSeveral, OpenAccount),
    *(PayWithEverything, PayWithoutKey, PayNothing, PayNothingAndLeave),
    *(Notified, NotifiedOfNothingMore, LateMoneyReopens, LateMoneyGoesBack),
    *(RefundedAtTheConsole, PartlyRefundedAtTheConsole, SettleNotice, ClosedByTheBuyer),
    *(ToldOfASecondTrade, SecondTradeRefundedAtTheConsole, ToldOfOwnRefund, OvertakesAnApplication),
    *(Cancel, CancelAndLeave, CancelPaid, LookAtPaid),
    *(TimerFindsPaid, TimerFindsLateMoney, TimerFindsRefunded, TimerExpires, TimerRefunds),
    *(
        Apply,
        Withdraw,
        Approve,
        ApproveAndLeave,
        ApproveWithoutMoney,
        Refuse,
        RefuseStuck,
        TryAgain,
        SettleElsewhere,
        ResolveApplied,
    ),
    *(Claim, Sweep),
    *(RetryOrder, SettleOrder, Stray, RetryStray, SettleStray),
    *(HoldBills, HoldBillsByTheClock, ResolveDifference),
    *(GrantBeli, GrantCoupon, GrantEnrollment, WithdrawEnrollment),
    *(DisableUser, EnableUser, SetRole, SetPassword),
)

OF_MONEY: Sequence[type[Flow]] = (
    *(PayWithEverything, Notified, LateMoneyGoesBack, Cancel, TimerExpires, Apply, Approve, Claim),
)
"""Those that move money, coupons or beli, in short."""
