"""Random failures on the wire while the shop is at work: answers stay documented, nothing is half-written, and
afterwards everything gets to its end without a person.

A seed draws the failures; it is shown when something is wrong.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import app as application
from chalicelib.errors import OutcomeUnknown, StoreUnavailable
from chalicelib.shop import coupon, order, refund
from chalicelib.shop.order import Order
from localstack.alipay import AlipaySimulator
from localstack.alipay.trades import Refused
from localstack.provider.book import NoSuchTrade
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.faults import (
    Action,
    Call,
    Exchange,
    Fault,
    answer,
    cut_answer,
    internal_error,
    redis_error,
    reset_after,
    reset_before,
    throttle,
    transaction_conflict,
)
from tests.faults.routing import FaultyApp
from tests.proof import invariants
from tests.proof.books import check_money
from tests.proof.writing_flows import courses
from tests.purchases import Clock
from tests.scheduled import SCHEDULED

DOCUMENTED = {
    "cart": {1000, 1201, 1202, 1203, 1204, 503},
    "account": {1000, 1102, 1103, 5000, 503},
    "pay": {1000, 1301, 1302, 1305, 1306, 1307, 1308, 5000, 503},
    "cancel": {1000, 1501, 1502, 1503, 1504, 503},
    "show": {1000, 1501, 503},
    "apply": {1000, 1501, 1505, 503},
    "withdraw": {1000, 1501, 1508, 503},
    "decide": {1000, 1802, 1803, 503},
    "claim": {1000, 1701, 1702, 1703, 1704, 503},
}
"""What may be answered, 503 for a store that is down on an endpoint without a code for it."""

_SLOW = 0.05

DYNAMODB: tuple[Callable[[], Action], ...] = (
    *(throttle, lambda: throttle("ThrottlingException"), internal_error, transaction_conflict),
    *(reset_before, reset_after, cut_answer, lambda: slow(_SLOW)),
)
REDIS: tuple[Callable[[], Action], ...] = (
    *(reset_before, reset_after, cut_answer, lambda: slow(_SLOW)),
    *(lambda: redis_error("LOADING Redis is loading the dataset in memory"), lambda: slow(0.6)),
    lambda: redis_error("READONLY You can't write against a read only replica."),
)
ALIPAY: tuple[Callable[[], Action], ...] = (
    *(reset_before, reset_after, cut_answer, lambda: slow(_SLOW)),
    *(lambda: answer(502, b"<html>Bad Gateway</html>"), lambda: answer(200, b"{}")),
)


def slow(seconds: float) -> Action:
    """The call is done late."""
    never = threading.Event()

    def act(exchange: Exchange) -> bytes:
        exchange.wait(never, seconds)
        return exchange.forward()

    return act


class Weather:
    """Trouble by chance: each call of a kind of store is hit with a probability, by one of its troubles."""

    def __init__(self, seed: int, chances: dict[str, float]) -> None:
        self.random = random.Random(seed)
        self.chances = chances
        self.hits: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def over(self, shop: FaultyApp) -> Iterator[None]:
        """Inside the block it is as it is; afterwards everything works."""
        kinds: list[tuple[str, Any, tuple[Callable[[], Action], ...]]] = [
            ("dynamodb", shop.dynamodb, DYNAMODB),
            ("redis", shop.redis, REDIS),
            ("alipay", shop.alipay, ALIPAY),
        ]
        with ExitStack() as stack:
            for name, proxy, troubles in kinds:
                fault = Fault.on(action=self._any_of(troubles), where=self._strikes(name), must_fire=False)
                stack.enter_context(proxy.faults(fault))
            yield

    def _strikes(self, name: str) -> Callable[[Call], bool]:
        def strikes(call: Call) -> bool:
            with self._lock:
                hit = self.random.random() < self.chances.get(name, 0.0)
                self.hits[name] += hit
                return hit

        return strikes

    def _any_of(self, troubles: tuple[Callable[[], Action], ...]) -> Action:
        def act(exchange: Exchange) -> bytes:
            with self._lock:
                chosen = self.random.choice(troubles)()
            is_write = "TransactItems" in getattr(exchange.call, "request", {})
            if exchange.proxy.__class__.__name__ == "DynamoDBProxy" and not is_write:
                # A conflict of transactions is no answer to a read.
                chosen = chosen if chosen.__qualname__ != "transaction_conflict.<locals>.act" else throttle()
            return chosen(exchange)

        return act


class Workload:
    """Two learners and an operator who do what people do, over the API, whatever they are answered."""

    def __init__(self, alipay: AlipaySimulator, clock: Clock, seed: int) -> None:
        self.alipay = alipay
        self.clock = clock
        self.random = random.Random(seed)
        self.users = [builders.a_user(beli=200) for _ in range(2)]
        self.learners = [ClientAt(user) for user in self.users]
        self.office = ClientAt(builders.an_admin())
        self.offers = [builders.an_offer(quantity=1, value=1000)]
        for user in self.users:
            builders.a_coupon(user, value=3000)
            builders.a_coupon(user, course=courses()[0].key, coupon_type=coupon.PERCENT, off_percent=80)
        self.known: list[tuple[int, str]] = []
        self.requested: list[str] = []
        self.payable: list[str] = []
        self.answers: Counter[tuple[str, int]] = Counter()

    def step(self) -> None:
        """One thing that somebody does."""
        who = self.random.randrange(2)
        do = self.random.choice(
            (
                *(self.fill, self.buy, self.buy, self.cancel, self.show, self.pay, self.pay, self.tell),
                *(self.apply, self.withdraw, self.decide, self.claim, self.timer),
            )
        )
        do(who)

    def _take(self, kind: str, body: Any) -> Any:
        code = body["code"]
        self.answers[kind, code] += 1
        assert code in DOCUMENTED[kind], f"{kind} was answered {body}"
        return body

    def fill(self, who: int) -> None:
        """Fill the cart and open the account."""
        course = self.random.choice(courses())
        body = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        self._take("cart", self.learners[who].post("/shoppingcar/", body))
        self._take("account", self.learners[who].post("/account/", [body]))

    def buy(self, who: int) -> None:
        """Buy, with or without a coupon and beli; the amount is whatever the first answer says is due."""
        chosen = self.random.sample(courses(), self.random.randint(1, 2))
        use_beli = self.random.random() < 0.5
        headers = {"Idempotency-Key": builders.new_name()} if self.random.random() < 0.5 else {}
        lines = [
            {
                "course_id": course.course_id,
                "default_price_policy_id": builders.policy_id_of(course),
                "coupon_record_id": None,
            }
            for course in chosen
        ]
        body: dict[str, Any] = {"course_list": lines, "is_beli": use_beli, "global_coupon_id": ""}
        quoted = self.learners[who].post("/account/quote/", body)
        if quoted["code"] != 1000:
            assert quoted["code"] in DOCUMENTED["pay"], quoted
            return
        body = quoted["data"]["best"]
        for _ in range(2 if headers else 1):
            placed = self._take("pay", self.learners[who].post("/payment/", body, headers=headers))
            if placed["code"] == 1000:
                number = purchases.number_in(placed["data"])
                self.known.append((who, number))
                if "biz_content" in placed["data"]:
                    self.payable.append(placed["data"])
                break

    def _one(self) -> tuple[int, str] | None:
        return self.random.choice(self.known[-6:]) if self.known else None

    def cancel(self, who: int) -> None:
        """Cancel an order."""
        if one := self._one():
            self._take("cancel", self.learners[one[0]].post(f"/order/{one[1]}/cancel/"))

    def show(self, who: int) -> None:
        """Look at an order's page."""
        if one := self._one():
            self._take("show", self.learners[one[0]].get(f"/order/{one[1]}/"))

    def pay(self, who: int) -> None:
        """Pay at Alipay."""
        if self.payable:
            address = self.payable[self.random.randrange(len(self.payable))]
            try:
                self.alipay.pay(self.alipay.open_cashier(address))
            except (Refused, NoSuchTrade):
                return

    def tell(self, who: int) -> None:
        """Alipay tells of a trade, whatever it is."""
        if one := self._one():
            try:
                signed = purchases.notice(self.alipay, one[1])
            except (Refused, NoSuchTrade):
                return
            assert purchases.deliver(signed) in ("success", "fail")

    def apply(self, who: int) -> None:
        """Apply for a refund."""
        if one := self._one():
            body = {"reason": "学不完"} | ({"lines": [0]} if self.random.random() < 0.5 else {})
            answered = self._take("apply", self.learners[one[0]].post(f"/order/{one[1]}/refund/", body))
            if answered["code"] == 1000:
                self.requested.append(answered["data"]["request_no"])

    def withdraw(self, who: int) -> None:
        """Withdraw an application, mostly one of one's own, and mostly not."""
        if self.requested and self.random.random() < 0.5:
            request_no = self.random.choice(self.requested)
            path = f"/order/{request_no.rpartition('_')[0]}/refund/{request_no}/"
            self._take("withdraw", self.learners[who].delete(path))

    def decide(self, who: int) -> None:
        """An operator decides."""
        if self.requested:
            verb = self.random.choice(["approve", "approve", "refuse"])
            number = self.random.choice(self.requested)
            path = f"/admin/refunds/{number}/{verb}/"
            self._take("decide", self.office.post(path, {"answer": "好"}))

    def claim(self, who: int) -> None:
        """Claim a coupon."""
        path = f"/coupons/{self.offers[0].coupon_id}/claim/"
        self._take("claim", self.learners[who].post(path))

    def timer(self, who: int) -> None:
        """The timers run; the store may be too ill for them, which their next run makes good."""
        self.clock.advance(minutes=self.random.choice([0.5, 2, 6]))
        for run in (application.work_off_orders, application.sweep_coupon_claims):
            try:
                run(SCHEDULED, None)
            except (StoreUnavailable, OutcomeUnknown):
                self.answers["timer", 503] += 1

    def check(self) -> None:
        """Hold everything to the invariants."""
        invariants.check([user.user_id for user in self.users], self.offers)

    def recover(self) -> None:
        """Nobody does anything any more but the clock: everything gets to its end."""
        for minutes in (2, 3, 31, 6, 31, 130, 24 * 60, 24 * 60, 24 * 60, 24 * 60):
            self.clock.advance(minutes=minutes)
            purchases.run_timer()
            application.sweep_coupon_claims(SCHEDULED, None)
        self.check()
        for user in self.users:
            mine = invariants.belongings(user.user_id)
            for placed in mine.of(Order):
                assert placed.status != order.PLACED, f"{placed.number} is open for ever"
                assert placed.due_at is None
                check_money(self.alipay, placed)
            for item in mine.of(refund.Refund):
                assert item.status in (refund.DONE, refund.REQUESTED, *refund.NOT_MADE), item.problem
        stored = coupon.find_offer(self.offers[0].coupon_id)
        assert stored is not None
        assert not stored.in_flight

    def forget(self) -> None:
        """Take all of it out of the tables again."""
        invariants.forget(invariants.belongings(user.user_id) for user in self.users)
        self.offers[0].delete()
