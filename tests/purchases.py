"""The steps of a purchase that tests share: place, pay at Alipay, notify the shop, look at the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import app as application
from chalicelib.deadline import Deadline
from chalicelib.shop import coupon, enrollment, ledger, order, payment
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.order import Order
from chalicelib.shop.partition import PAGE_ROWS
from chalicelib.shop.user import User, find_user
from chalicelib.storage.dynamodb import find
from localstack.alipay import AlipaySimulator
from tests import builders
from tests.client import Client
from tests.scheduled import SCHEDULED

Result = TypeVar("Result")


class Clock:
    """The time as the application sees it: the real one, until a test moves it or makes it stand still."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._standing: datetime | None = None

    def __call__(self) -> datetime:
        return self._standing or datetime.now(UTC) + self._ahead

    def advance(self, **duration: float) -> None:
        """Let time pass, as of `timedelta`."""
        self._ahead += timedelta(**duration)

    def stand_at(self, moment: datetime) -> None:
        """Show this moment from now on."""
        self._standing = moment


# Placing and paying


def parameters_of(pay_url: str) -> dict[str, Any]:
    """What a pay page's address tells Alipay; `biz_content` is read."""
    fields = {name: values[0] for name, values in parse_qs(urlsplit(pay_url).query).items()}
    return fields | {"biz_content": json.loads(fields["biz_content"])}


def number_in(address: str) -> str:
    """The order number in a pay page's address or in that of the shop's result page."""
    fields = parse_qs(urlsplit(address).query)
    if "order_num" in fields:
        return fields["order_num"][0]
    return str(parameters_of(address)["biz_content"]["out_trade_no"])


_pay_pages: dict[str, str] = {}
"""Where `place` was told to pay, by order."""


def place(learner: Client, courses: list[Course], due: object, **choice: Any) -> str:
    """Place an order as `Client.pay` does -> its number. AssertionError when it is refused."""
    answer = learner.pay(courses, due, **choice)
    assert answer["code"] == 1000, answer
    number = number_in(answer["data"])
    _pay_pages[number] = answer["data"]
    return number


def scan(alipay: AlipaySimulator, number: str) -> None:
    """The learner opens the pay page and scans its code."""
    alipay.open_cashier(pay_url(number))
    alipay.scan(number)


def pay(alipay: AlipaySimulator, number: str) -> None:
    """The learner opens the pay page and pays; the shop is not told."""
    alipay.open_cashier(pay_url(number))
    alipay.pay(number)


def pay_url(number: str) -> str:
    """The address of the pay page of an order's first trade, however its order stands by now: as whoever placed it was
    told, or else as the shop makes it.
    """
    if number in _pay_pages:
        return _pay_pages[number]
    order = stored(number)
    provider = application.app.gateways.of(order.payment_type)
    return provider.pay_page(number, order.amount, order.title, order.expires_at, Deadline(8)).text


def cancel(learner: Client, number: str) -> Any:
    """The answer to the learner's wish to cancel."""
    return learner.post(f"/order/{number}/cancel")


# Alipay and the clock call the shop


def event(body: object, **members: object) -> dict[str, object]:
    """An event of API Gateway with a form body, as `alipay_notify` gets it."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; text/html; charset=utf-8"}
    return {"httpMethod": "POST", "headers": headers, "body": body, "isBase64Encoded": False, **members}


def deliver(fields: dict[str, str]) -> str:
    """Post signed fields to the notification function -> its answer, `success` or `fail`."""
    return deliver_event(event(urlencode(fields)))


def deliver_event(notification: Any) -> str:
    answer = application.alipay_notify(notification, None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/plain"
    return str(answer["body"])


def notice(alipay: AlipaySimulator, number: str, **changes: str | None) -> dict[str, str]:
    """A genuinely signed notice about a trade as it is now; with changes (None takes a field out)."""
    fields: dict[str, str | None] = {**alipay.notice_fields(number), **changes}
    return alipay.sign_notice({name: text for name, text in fields.items() if text is not None})


def run_timer() -> None:
    """One run of the scheduled function."""
    application.work_off_orders(SCHEDULED, None)


# Looking at the end


def stored(number: str) -> Order:
    """The order as it lies in the table."""
    return order.find_by_number(number)


def status(number: str) -> str:
    return str(stored(number).status)


def record(user: User, given: CouponRecord) -> CouponRecord:
    """A coupon record as it lies in the table now."""
    found = find(CouponRecord, given.owner, given.sort)
    assert found is not None
    assert found.user_id == user.user_id
    return found


def balance(user: User) -> int:
    """The user's beli; AssertionError when the ledger's entries do not add up to them."""
    beli = int(find_user(user.user_id).beli)
    entries = ledger.list_entries(user.user_id)
    assert sum(entry.beli for entry in entries) == beli
    running = 0
    for entry in entries:
        running += entry.beli
        assert running >= 0, "the balance was below zero at a time"
    return beli


def owns(user: User, course: Course, now: datetime | None = None) -> bool:
    """Whether the user may study the course now."""
    mine = enrollment.find_enrollment(user.user_id, course.key)
    return mine is not None and mine.is_active(now or builders.now())


def orders(user: User) -> tuple[Order, ...]:
    """All orders of a user, newest first."""
    return order.list_orders(user.user_id, PAGE_ROWS, None).orders


def payments(number: str) -> list[str]:
    """What became of each of an order's payments."""
    return [received.use for received in payment.list_payments(stored(number))]


def happened(number: str) -> list[str]:
    """What is on record of an order, oldest first, without who caused it."""
    return [entry.what for entry in order.list_events(stored(number))]


def assert_untouched(user: User, *, beli: int, unused: Sequence[CouponRecord] = ()) -> None:
    """Nothing of the user's is held by any order."""
    assert balance(user) == beli
    for given in unused:
        now = record(user, given)
        assert (now.status, now.order_number) == (coupon.UNUSED, None)


class Buyer(Client):
    """A learner with 100 beli and a coupon, all of which every order of theirs takes; 300 less 50 less 10."""

    def __init__(self, base_url: str) -> None:
        self.person: User = builders.a_user(beli=100)
        super().__init__(base_url, self.person)
        self.coupon = builders.a_coupon(self.person, value=5000)
        self.course = builders.a_course(prices=[30000])

    def place(self) -> str:
        return place(self, [self.course], 240, general=self.coupon, is_beli=True)

    def assert_has_everything_back(self) -> None:
        assert_untouched(self.person, beli=100, unused=[self.coupon])
        assert not owns(self.person, self.course)

    def assert_owns_the_course(self, clock: Clock | None = None) -> None:
        assert owns(self.person, self.course, clock() if clock else None)
        assert balance(self.person) == 0
        assert record(self.person, self.coupon).status == coupon.USED

    def assert_order_waits(self, number: str) -> None:
        assert status(number) == order.PLACED
        assert balance(self.person) == 0
        assert record(self.person, self.coupon).status == coupon.RESERVED


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """Make all calls at the same moment -> their results in the order given."""
    ready = threading.Barrier(len(calls))

    def go(call: Callable[[], Result]) -> Result:
        ready.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(go, call) for call in calls]]
