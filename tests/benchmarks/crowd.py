"""A shop on packaged functions, its learners, and the end of whatever they did: what is wrong, in words."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chalicelib.shop.catalog import Course, category_item
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.order import Order
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.benchmarks.places import SUCCESS, PackagedApi, Places, Sample
from tests.packaged_functions import Unpacked, environment_of, handler_of
from tests.proof import invariants, journal
from tests.proof.books import check_money

PLACES = 4
"""Processes of each function, and so many learners at a time."""
CATEGORIES, COURSES = 3, 10
"""So many categories, of so many courses each."""
SOLD_OUT = "1704"
REFUSED = {
    "POST /payment": {"1305", "1306", "1308"},
    "POST /coupons/{coupon_id}/claim": {SOLD_OUT},
}
"""What may be answered but success: beli or coupon went to the same learner's other order; no piece is left."""


@dataclass
class Shop:
    """The functions as they were unpacked, the provider, the processes of the stores by name; and what is on sale."""

    unpacked: Unpacked
    bare: Unpacked
    alipay: AlipaySimulator
    stores: dict[str, int]
    courses: list[Course] = field(default_factory=list)

    def __post_init__(self) -> None:
        for _ in range(CATEGORIES):
            category_id = builders.new_id()
            category_item(category_id, builders.new_name("分类")).save()
            self.courses += [builders.a_course(category_id=category_id) for _ in range(COURSES)]

    def places(self, function: str, number: int = PLACES) -> Places:
        """Processes of one of the shop's functions, not started yet."""
        return Places(number, lambda: self.unpacked.process(handler_of(function), environment_of(function)))

    def bare_places(self) -> Places:
        """The same of the bare function."""
        return Places(PLACES, lambda: self.bare.process("app.app", environment_of("api_handler")))


@dataclass
class Learner:
    """Somebody with 100 beli and a coupon of 50 yuan, of which only one order can have both."""

    gateway: PackagedApi

    def __post_init__(self) -> None:
        self.user: User = builders.a_user(beli=100)
        self.client = ClientAt(self.user, gateway=self.gateway)
        builders.a_coupon(self.user, value=5000)

    def browse(self, course: Course) -> None:
        """Look at the courses of a category, at one of them, and at its chapters."""
        self.client.get(f"/courses/?category_id={course.category_id}")
        self.client.get(f"/coursedetail/{course.detail_id}/")
        self.client.get(f"/course/{course.course_id}/chapters")

    def fill_cart(self, course: Course) -> None:
        """Put a course into the cart, and look at it."""
        policy_id = builders.policy_id_of(course)
        self.client.post("/shoppingcar/", {"course_id": course.course_id, "price_policy_id": policy_id})
        self.client.get("/shoppingcar/")

    def settle(self, course: Course) -> Any:
        """Take a course to the settlement -> the body of the payment that is proposed there."""
        line = {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course)}
        quoted = self.client.post("/account/quote", {"is_beli": True, "course_list": [line]})
        return quoted["data"]["best"]

    def pay(self, course: Course, alipay: AlipaySimulator) -> str:
        """Settle and order, and pay at Alipay -> the order's number. Once more where another order has got coupon or
        beli meanwhile.
        """
        answer = self.client.post("/payment/", self.settle(course))
        if answer["code"] != 1000:
            answer = self.client.post("/payment/", self.settle(course))
        number = alipay.open_cashier(answer["data"])
        alipay.pay(number)
        return number


def tell(alipay: AlipaySimulator, number: str, gateway: PackagedApi) -> None:
    """Alipay tells of a payment."""
    ClientAt(gateway=gateway).request("POST", "/trade/alipay", data=purchases.notice(alipay, number))


def side_by_side(number: int, acts: Sequence[Callable[[], object]]) -> float:
    """Do all of these, so many at a time -> seconds."""
    began = time.perf_counter()
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(lambda act: act(), acts))
    return time.perf_counter() - began


@dataclass
class Wrong:
    """What must not be, in words."""

    texts: list[str] = field(default_factory=list)

    def unless(self, holds: bool, text: str) -> None:
        """Note the text where something does not hold."""
        if not holds:
            self.texts.append(text)

    def tried(self, act: Callable[[], object]) -> None:
        """Note what an act raises, and go on."""
        try:
            act()
        except Exception as error:
            self.texts.append(f"{type(error).__name__}: {error}")

    def answers(self, samples: Iterable[Sample]) -> None:
        """Note any answer that is neither a success nor a refusal that was to be expected."""
        for (request, answer), times in Counter((one.request, one.answer) for one in samples).items():
            expected = answer in SUCCESS | REFUSED.get(request, set())
            self.unless(expected, f"{request} was answered {answer}, {times} times")

    def books(
        self, alipay: AlipaySimulator, users: Sequence[User], offers: Sequence[CouponOffer] = ()
    ) -> list[Order]:
        """Note what is stored of these users against a rule of the proof, or Alipay has otherwise -> their orders."""
        ids = {user.user_id for user in users}
        try:
            read = invariants.check(ids, offers)
            self.texts += journal.surplus(ids, [fact for mine in read for fact in journal.facts(mine.items)])
            orders = [placed for mine in read for placed in mine.of(Order)]
            for placed in orders:
                check_money(alipay, placed)
        except invariants.Violated as violated:
            self.texts.append(str(violated))
            return []
        return orders
