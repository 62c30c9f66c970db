"""A school of any size, written past the flows as the shop stores it, and requests whose cost could grow with it.

The pages that are asked for are the same in every school: a school has ten courses and ten orders at the least.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import asdict

import app
from chalicelib.manage.legacy.report import Progress
from chalicelib.shop import cart, enrollment, order, payment
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import Course, category_item
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import EXPIRED, PAID, STATUS_NAMES, Order, OrderLine
from chalicelib.shop.partition import encode_cursor
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.shop.price_policy import period_name
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import CatalogItem, StoredItem, UserItem
from chalicelib.storage.quick_store import key
from chalicelib.storage.redis_client import redis_client
from tests import builders, purchases
from tests.endpoints import ENDPOINTS, Example, NewClient, Simulators, a_quote, succeeded

CATEGORIES = 20
ROWS = 5
"""Of a page."""
OWNED = 10
"""Courses that a learner has bought, whatever the number of orders: one after the other, again and again."""
_FIRST_COURSE = 10**14
_CARTS_AT_ONCE = 2000
_CAUSE = Cause(By.NOTIFICATION, "notice")


@dataclass(frozen=True)
class Size:
    """How much of everything a school has: courses, carts of strangers, orders of a learner that mostly expired, and
    orders of another that were all paid. Orders are a multiple of 10.
    """

    courses: int = 10
    carts: int = 0
    orders: int = 10
    paid: int = 10


@dataclass(frozen=True)
class Measured:
    """A request: `call` gets what `prepare` has made. `is_kept` when the catalogue that it needs is kept already."""

    name: str
    call: Callable[[Any], Any]
    prepare: Callable[[], Any] = lambda: None
    is_kept: bool = False

    def ready(self) -> Callable[[], Any]:
        """The request, which was made once before, so that every connection is open."""
        self.call(self.prepare())
        prepared = self.prepare()
        if not self.is_kept:
            app.app.forget_fresh()
        return lambda: self.call(prepared)


@dataclass
class School:
    """A filled school. The learner of `example` has paid the five oldest and the five newest orders, all others have
    expired; that of `buyer` has paid all of theirs.
    """

    example: Example
    buyer: Example
    category_id: int
    last_of_category: str
    last_of_all: str
    last_orders: str
    paid_order: str
    unpaid: list[str] = field(default_factory=list)

    def even(self) -> Iterator[Measured]:
        """Requests that cost the same however large the school is."""
        visitor, learner, [course, *_] = self.example.visitor, self.example.learner, self.example.courses

        def get(name: str, path: str, **query: object) -> Measured:
            client = learner if path == "/myorder" or path.startswith("/order") else visitor
            return Measured(name, lambda _: client.get(f"{path}/?{urlencode(query)}"))

        yield get("`GET /course/category`", "/course/category")
        of_category = {"category_id": self.category_id, "limit": ROWS}
        yield get("`GET /courses`, first page of a category", "/courses", **of_category)
        yield get(
            "`GET /courses`, last page of a category", "/courses", **of_category, cursor=self.last_of_category
        )
        yield get("`GET /courses`, first page of all", "/courses", limit=ROWS)
        yield get("`GET /courses`, last page of all", "/courses", limit=ROWS, cursor=self.last_of_all)
        yield self._as_listed("`GET /coursedetail/{id}`")
        yield get("`GET /course/{id}`", f"/course/{course.course_id}")
        yield self._as_listed("`GET /course/{id}/chapters`, signed in")
        yield self._as_listed("`GET /course/{id}/mine`")
        yield self._as_listed("`GET /course/{id}/asked`")
        yield self._as_listed("`GET /course/{id}/sections/{section_id}/assignment`")
        yield self._as_listed("`PUT /course/{id}/sections/{section_id}/assignment`")
        yield self._as_listed("`POST /shoppingcar`")
        yield self._as_listed("`GET /shoppingcar`")
        yield self._as_listed("`DELETE /shoppingcar`")
        yield self._as_listed("`POST /account`")
        yield self._as_listed("`GET /account`")
        yield self._as_listed("`PUT /account`")
        yield self._as_listed("`POST /account/quote`")
        yield Measured("`POST /payment`", self._place, self._cancel)
        yield get("`GET /myorder`, first page", "/myorder", limit=ROWS)
        yield get("`GET /myorder`, last page", "/myorder", limit=ROWS, cursor=self.last_orders)
        yield get("`GET /order/{order_number}`, paid", f"/order/{self.paid_order}")
        yield self._as_listed("`GET /userinfo`")
        yield Measured("`GET /mycourses`", lambda _: learner.get("/mycourses"))

    def growing(self) -> Iterator[Measured]:
        """Requests whose cost is known to grow, up to a bound of the shop's or with what the learner has bought."""
        visitor, learner = self.example.visitor, self.example.learner
        search = f"/courses/search/?{urlencode({'words': '课程 000001', 'limit': ROWS})}"
        yield Measured("`GET /courses/search`, nothing kept", lambda _: visitor.get(search))
        yield Measured("`GET /courses/search`, all kept", lambda _: visitor.get(search), is_kept=True)
        yield Measured("`GET /home`, nothing kept", lambda _: visitor.get("/home"))
        none = urlencode({"status": STATUS_NAMES[order.REFUNDED], "limit": ROWS})
        yield Measured(
            "`GET /myorder`, of a status that none has", lambda _: learner.get(f"/myorder/?{none}")
        )
        for name in ("`GET /shoppingcar`", "`POST /account/quote`", "`GET /course/{id}/mine`"):
            yield self._as_listed(name, self.buyer, ", all orders paid")
        mine = self.buyer.learner
        yield Measured("`GET /mycourses`, all orders paid", lambda _: mine.get("/mycourses"))

    def _as_listed(self, name: str, example: Example | None = None, more: str = "") -> Measured:
        """An endpoint as `ENDPOINTS` has it."""
        who = example or self.example
        endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)
        return Measured(name + more, lambda made: endpoint.call(who, made), lambda: endpoint.prepare(who))

    def _cancel(self) -> None:
        while self.unpaid:
            assert succeeded(purchases.cancel(self.example.learner, self.unpaid.pop()))

    def _place(self, _: None) -> Any:
        body = a_quote(self.example) | {"is_beli": False, "pay_money": 100 * len(self.example.courses)}
        answer = self.example.learner.post("/payment/", body)
        self.unpaid.append(purchases.number_in(answer["data"]))
        return answer


def fill(size: Size, providers: Simulators, new_client: NewClient, progress: Progress) -> School:
    """Fill the shop in use, which has nothing yet."""
    category_id, owned, of_category, of_all = _fill_catalogue(size.courses, progress)
    _fill_carts(size.carts, owned[0], progress)
    learner, buyer = builders.a_user(beli=100), builders.a_user(beli=100)
    _fill_orders(buyer, owned, size.paid, progress, lambda _: True)
    orders = _fill_orders(
        learner, owned, size.orders, progress, lambda place: not ROWS <= place < size.orders - ROWS
    )
    progress.end()
    for user in (learner, buyer):
        for course in owned[:2]:
            builders.a_coupon(user, course=course.key, value=1000)

    def example_of(user: User) -> Example:
        return Example(user, owned[:2], *providers, new_client(user), new_client(None), new_client)

    return School(
        example_of(learner),
        example_of(buyer),
        category_id=category_id,
        last_of_category=encode_cursor(of_category[-ROWS - 1]),
        last_of_all=encode_cursor(of_all[-ROWS - 1]),
        last_orders=encode_cursor(orders[ROWS].sort),
        paid_order=str(orders[-1].number),
    )


def _fill_catalogue(count: int, progress: Progress) -> tuple[int, list[Course], list[str], list[str]]:
    """Courses in equal categories of ten or more -> a category, its first courses, and the places of its courses and of
    all in their lists.
    """
    category_ids = [builders.new_id() for _ in range(CATEGORIES)]
    filled = category_ids[: max(1, min(CATEGORIES, count // 10))]
    owned, of_category, of_all = list[Course](), list[str](), list[str]()
    with CatalogItem.batch_write() as batch:
        for position, category_id in enumerate(category_ids):
            batch.save(category_item(category_id, f"分类 {position:02d}"))
        for number in range(count):
            course, policies, detail = builders.parts_of_course(
                course_id=_FIRST_COURSE + number,
                name=f"课程 {number:06d}",
                brief="从零开始，学到能够独立完成一个项目，每周两次直播答疑。",
                prices=[10000, 20000],
                order=number,
                category_id=filled[number % len(filled)],
                pub_date="2026-09-01",
            )
            for item in (course, *policies, detail):
                batch.save(item)
            of_all.append(course.listing_order)
            if course.category_id == filled[0]:
                of_category.append(course.listing_order)
                owned += [course] if len(owned) < OWNED else []
            progress.show("courses", number + 1, count)
    return filled[0], owned, of_category, of_all


def _fill_carts(count: int, course: Course, progress: Progress) -> None:
    """A cart of one line for each of so many strangers."""
    policy = course.policies[0]
    line = CartLine(
        policy_id=policy.policy_id,
        name=course.name,
        image=course.course_img,
        price=policy.price,
        valid_period=policy.valid_period,
        added_at=int(builders.now().timestamp() * 1000),
    )
    text = json.dumps(asdict(line), ensure_ascii=False)
    strangers = [builders.new_id() for _ in range(count)]
    for start in range(0, count, _CARTS_AT_ONCE):
        with redis_client().pipeline(transaction=False) as pipeline:
            for user_id in strangers[start : start + _CARTS_AT_ONCE]:
                pipeline.hset(key("cart", user_id), str(course.key), text)
                pipeline.expire(key("cart", user_id), cart.LIFE_SECONDS)
            pipeline.execute()
        progress.show("carts", min(start + _CARTS_AT_ONCE, count), count)
    for user_id in strangers[:1]:
        assert cart.list_lines(user_id) == {course.key: line}, "a cart that the shop does not read"


def _fill_orders(
    user: User, courses: list[Course], count: int, progress: Progress, is_paid: Callable[[int], bool]
) -> list[Order]:
    """Orders of one course each, an hour apart, oldest first."""
    made = []
    with UserItem.batch_write() as batch:
        for place in range(count):
            items = _order(user, courses[place % len(courses)], count - place, paid=is_paid(place))
            for item in items:
                batch.save(item)
            made.append(items[0])
            progress.show("orders", place + 1, count)
    return made


def _order(user: User, course: Course, hours_ago: int, *, paid: bool) -> tuple[Any, ...]:
    """An order, its pointer, its events, and what a paid one has given."""
    at = builders.now() - timedelta(hours=hours_ago)
    policy = course.policies[0]
    line = OrderLine(
        course_type=course.course_type,
        course_id=course.course_id,
        course_name=course.name,
        course_img=course.course_img,
        policy_id=policy.policy_id,
        valid_period=policy.valid_period,
        valid_period_name=period_name(policy.valid_period),
        original_price=policy.price,
        price=policy.price,
        payable=policy.price,
    )
    number = order.new_number(at)
    ends = {"paid_at": at, "trade_no": f"2026{number[:24]}"} if paid else {"closed_at": at}
    made = order.order_item(
        number,
        user.user_id,
        at,
        status=PAID if paid else EXPIRED,
        payment_type=ALIPAY,
        amount=policy.price,
        lines=[line],
        title=order.title([course.name]),
        expires_at=at + timedelta(minutes=30),
        **ends,
    )
    what = What.PAID if paid else What.EXPIRED
    events = [order.event_item(made, one, _CAUSE, at) for one in (What.PLACED, what)]
    given: list[StoredItem] = []
    if paid:
        received = payment.payment_item(
            made, ALIPAY, made.trade_no, made.amount, payment.APPLIED, _CAUSE, paid_at=at, now=at
        )
        course_key = CourseKey(COURSE, course.course_id)
        days = policy.valid_period
        given = [received, enrollment.slice_item(user.user_id, course_key, course.name, number, 0, days, at)]
    return made, order.pointer_item(made), *events, *given
