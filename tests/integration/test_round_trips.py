"""Network round trips and DynamoDB units of every endpoint, counted, and held against docs/round-trips.md.

The example: two courses with two policies each, one coupon for each, some beli. A reading that differs fails the
test and prints the table as it would have to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

import app as application
from chalicelib.shop import session
from chalicelib.shop.catalog import Course, category_item
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from tests import builders
from tests.client import Client
from tests.documents import ROUND_TRIPS
from tests.faults import units
from tests.faults.routing import FaultyApp


@dataclass
class Example:
    """A learner and what the example is about."""

    user: User
    learner: Client
    courses: list[Course]

    def lines(self) -> list[dict[str, int]]:
        return [
            {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
            for course in self.courses
        ]


def an_example(shop: FaultyApp, courses: int = 2) -> Example:
    user = builders.a_user(beli=100)
    category = builders.new_id()
    category_item(category, builders.new_name("分类")).save()
    made = [builders.a_course(prices=[10000, 20000], category_id=category) for _ in range(courses)]
    for course in made:
        builders.a_coupon(user, course=course.key, value=1000)
    return Example(user, Client(shop.base_url, user), made)


def fill_cart(example: Example) -> None:
    for line in example.lines():
        assert example.learner.post("/shoppingcar/", line)["code"] == 1000


def open_account(example: Example) -> None:
    assert example.learner.post("/account/", example.lines())["code"] == 1000


def pay(example: Example) -> str:
    due = 100 * len(example.courses)
    answer = example.learner.pay(example.courses, due)
    assert answer["code"] == 1000, answer
    return str(example.learner.newest_order()["order_number"])


Step = Callable[[Example], object]


def prepared_pay(example: Example) -> Step:
    fill_cart(example)
    open_account(example)
    records = {i: _coupon_of(example, i) for i in range(len(example.courses))}
    body = {
        "is_beli": True,
        "course_list": [
            {
                "course_id": line["course_id"],
                "default_price_policy_id": line["price_policy_id"],
                "coupon_record_id": records[i],
            }
            for i, line in enumerate(example.lines())
        ],
        "global_coupon_id": None,
        "pay_money": 90 * len(example.courses) - 10,
    }
    return lambda example: example.learner.post("/payment/", body)


def _coupon_of(example: Example, position: int) -> int:
    from chalicelib.shop import coupon

    records = coupon.list_records(example.user.user_id)
    return next(r.record_id for r in records if r.is_for(example.courses[position].key))


def _notified(example: Example) -> Step:
    alipay = _simulator[-1]
    answer = prepared_pay(example)(example)
    assert isinstance(answer, dict)
    alipay.open_cashier(answer["data"])
    number = str(example.learner.newest_order()["order_number"])
    alipay.deliver_due_notices()  # what other tests left behind
    alipay.pay(number)
    return lambda example: alipay.deliver_due_notices()


_simulator: list[AlipaySimulator] = []


def _owned(example: Example) -> Step:
    _notified(example)(example)
    return lambda example: example.learner.get("/mycourses")


def _with(prepare: Callable[[Example], object], step: Step) -> Callable[[Example], Step]:
    def prepared(example: Example) -> Step:
        prepare(example)
        return step

    return prepared


def _of_order(step: Callable[[Example, str], object]) -> Callable[[Example], Step]:
    def prepared(example: Example) -> Step:
        number = pay(example)
        return lambda example: step(example, number)

    return prepared


def _visit(path: Callable[[Example], str]) -> Callable[[Example], Step]:
    def prepared(example: Example) -> Step:
        asked = path(example)
        return lambda example: Client(example.learner.base_url).get(asked)

    return prepared


def _login(example: Example) -> object:
    body = {"username": example.user.username, "password": builders.PASSWORD}
    return Client(example.learner.base_url).post("/login", body)


def _add_first(example: Example) -> Step:
    line = example.lines()[0]
    return lambda example: example.learner.post("/shoppingcar/", line)


def _remove_first(example: Example) -> Step:
    fill_cart(example)
    course_id = example.courses[0].course_id
    return lambda example: example.learner.delete("/shoppingcar/", {"course_id": course_id})


def _open(example: Example) -> Step:
    lines = example.lines()
    return lambda example: example.learner.post("/account/", lines)


def _price(example: Example) -> Step:
    open_account(example)
    coupons = {str(course.course_id): _coupon_of(example, i) for i, course in enumerate(example.courses)}
    body = {"is_beli": "true", "choose_coupons": coupons}
    return lambda example: example.learner.put("/account/", body)


def _new_name() -> dict[str, str]:
    return {"username": builders.new_name(), "password": f"{builders.PASSWORD} 2026"}


def _register(example: Example) -> Step:
    body = _new_name()
    return lambda example: Client(example.learner.base_url).post("/register", body)


def _end_other_session(example: Example) -> Step:
    other = session.start(example.user, builders.now())
    return lambda example: example.learner.delete(f"/sessions/{other.session_id}")


def _change_password(example: Example) -> object:
    body = {"old_password": builders.PASSWORD, "new_password": f"{builders.PASSWORD} 2026"}
    return example.learner.put("/password", body)


def _claim(example: Example) -> Step:
    offer = builders.an_offer(value=100)
    return lambda example: example.learner.post(f"/coupons/{offer.coupon_id}/claim")


def _quote(example: Example) -> Step:
    lines = [
        {"course_id": line["course_id"], "default_price_policy_id": line["price_policy_id"]}
        for line in example.lines()
    ]
    body = {"is_beli": True, "course_list": lines}
    return lambda example: example.learner.post("/account/quote", body)


def _apply_for_refund(example: Example) -> Step:
    _notified(example)(example)
    number = str(example.learner.newest_order()["order_number"])
    return lambda example: example.learner.post(f"/order/{number}/refund", {"reason": "不想学了"})


def _applied(example: Example) -> str:
    answer = _apply_for_refund(example)(example)
    assert isinstance(answer, dict)
    return str(answer["data"]["request_no"])


def _decide(decision: str, body: object = None) -> Callable[[Example], Step]:
    def prepared(example: Example) -> Step:
        request_no = _applied(example)
        operator = Client(example.learner.base_url, builders.an_admin())
        return lambda example: operator.post(f"/admin/refunds/{request_no}/{decision}", body)

    return prepared


def _list_refunds(example: Example) -> Step:
    _applied(example)  # with nothing to decide there are no orders to read
    operator = Client(example.learner.base_url, builders.an_admin())
    return lambda example: operator.get("/admin/refunds")


ENDPOINTS: dict[str, Callable[[Example], Step]] = {
    "`GET /api/captcha_check`, captcha off": _visit(lambda example: "/api/captcha_check"),
    "`POST /register`, captcha off": _register,
    "`POST /login`, captcha off": lambda example: _login,
    "`DELETE /logout`": lambda example: lambda example: example.learner.delete("/logout"),
    "`PUT /password`": lambda example: _change_password,
    "`GET /sessions`": lambda example: lambda example: example.learner.get("/sessions"),
    "`DELETE /sessions/{session_id}`": _end_other_session,
    "`GET /userinfo`": lambda example: lambda example: example.learner.get("/userinfo"),
    "`GET /course/category`": _visit(lambda example: "/course/category"),
    "`GET /courses`, of a category": _visit(
        lambda example: f"/courses/?category_id={example.courses[0].category_id}"
    ),
    "`GET /coursedetail/{id}`": _visit(lambda example: f"/coursedetail/{example.courses[0].detail_id}/"),
    "`GET /course/{id}/chapters`, visitor": _visit(
        lambda example: f"/course/{example.courses[0].course_id}/chapters"
    ),
    "`GET /course/{id}/chapters`, signed in": lambda example: (
        lambda example: example.learner.get(f"/course/{example.courses[0].course_id}/chapters")
    ),
    "`GET /course/{id}/questions`": _visit(
        lambda example: f"/course/{example.courses[0].course_id}/questions"
    ),
    "`POST /shoppingcar`": _add_first,
    "`GET /shoppingcar`": _with(fill_cart, lambda example: example.learner.get("/shoppingcar/")),
    "`DELETE /shoppingcar`": _remove_first,
    "`POST /account`": _open,
    "`GET /account`": _with(open_account, lambda example: example.learner.get("/account/")),
    "`PUT /account`": _price,
    "`POST /account/quote`": _quote,
    "`GET /coupons`": lambda example: lambda example: example.learner.get("/coupons"),
    "`GET /coupons/available`": lambda example: lambda example: example.learner.get("/coupons/available"),
    "`POST /coupons/{coupon_id}/claim`, captcha off": _claim,
    "`POST /payment`": prepared_pay,
    "`GET /get_pay_url`": _of_order(
        lambda example, number: example.learner.get(
            f"/get_pay_url/?order_number={number}&final_price={100 * len(example.courses)}"
        )
    ),
    "`GET /myorder`": _of_order(lambda example, number: example.learner.get("/myorder/")),
    "`GET /order/{order_number}`, unpaid": _of_order(lambda example, number: example.learner.order(number)),
    "`POST /order/{order_number}/cancel`": _of_order(
        lambda example, number: example.learner.post(f"/order/{number}/cancel")
    ),
    "`POST /order/{order_number}/refund`": _apply_for_refund,
    "`GET /beli`": lambda example: lambda example: example.learner.get("/beli"),
    "`GET /mycourses`": _owned,
    "`GET /admin/refunds`": _list_refunds,
    "`POST /admin/refunds/{request_no}/approve`": _decide("approve"),
    "`POST /admin/refunds/{request_no}/refuse`": _decide("refuse", {"answer": "已学完"}),
    "`POST /trade/alipay` (notification)": _notified,
}


VARYING = {
    "`GET /course/category`",
    "`GET /coupons/available`",
    "`GET /admin/refunds`",
}
"""What lists something of the whole school: its read units follow the length of the list."""


@dataclass(frozen=True)
class Cost:
    """What one request costs."""

    dynamodb: int
    redis: int
    alipay: int
    read_units: float
    write_units: float

    @property
    def round_trips(self) -> int:
        return self.dynamodb + self.redis + self.alipay

    def row(self, endpoint: str) -> str:
        parts = [
            f"{count} {name}"
            for count, name in (
                (self.dynamodb, "DynamoDB"),
                (self.redis, "Redis"),
                (self.alipay, "Alipay"),
            )
            if count
        ]
        where = ", ".join(parts) or "-"
        read_units = "varies" if endpoint in VARYING else f"{self.read_units:g}"
        return f"| {endpoint} | {self.round_trips} | {where} | {read_units} | {self.write_units:g} |"


def measure(shop: FaultyApp, example: Example, prepare: Callable[[Example], Step]) -> Cost:
    example.learner.get("/shoppingcar/")  # every connection is open
    step = prepare(example)
    application.app.forget_fresh()
    with (
        shop.dynamodb.recording() as calls,
        shop.redis.recording() as trips,
        shop.alipay.recording() as asked,
    ):
        answer = step(example)
    assert not isinstance(answer, dict) or answer.get("code", 0) in (0, 1000), answer
    consumed = units(calls)
    return Cost(
        dynamodb=len(calls),
        redis=len([trip for trip in trips if not trip.setup]),
        alipay=len(asked),
        read_units=consumed.read,
        write_units=consumed.write,
    )


@pytest.fixture
def shop(faulty_app: FaultyApp, alipay: AlipaySimulator) -> FaultyApp:
    _simulator.append(alipay)
    return faulty_app


def documented_rows() -> dict[str, str]:
    rows = [line for line in ROUND_TRIPS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows if row.count("|") == 6}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_costs_what_is_documented(shop: FaultyApp, endpoint: str) -> None:
    cost = measure(shop, an_example(shop), ENDPOINTS[endpoint])
    assert documented_rows().get(endpoint) == cost.row(endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_endpoint_makes_more_round_trips_for_more_lines(shop: FaultyApp, endpoint: str) -> None:
    small = measure(shop, an_example(shop, courses=1), ENDPOINTS[endpoint])
    large = measure(shop, an_example(shop, courses=8), ENDPOINTS[endpoint])
    assert large.round_trips == small.round_trips


def test_the_table_lists_every_endpoint_of_the_application() -> None:
    listed = {name.split("`")[1].split("?")[0].replace("{id}", "{course_id}") for name in ENDPOINTS}
    declared = {
        f"{method} {path.replace('{detail_id}', '{course_id}')}"
        for path, methods in application.app.routes.items()
        for method in methods
    }
    # The search reads the whole catalogue: its cost is counted in its own tests.
    others = {"GET /trade/alipay", "GET /courses/search"}
    assert declared - others | {"POST /trade/alipay"} == listed


def test_a_warm_catalogue_answer_costs_nothing(shop: FaultyApp) -> None:
    example = an_example(shop)
    for name, prepare in ENDPOINTS.items():
        if "/cours" in name and "signed in" not in name:
            step = prepare(example)
            step(example)
            with shop.dynamodb.recording() as calls:
                step(example)
            assert not calls, name


@pytest.mark.parametrize(
    ("endpoint", "most"),
    [("`GET /coursedetail/{id}`", 1), ("`GET /courses`, of a category", 1), ("`GET /shoppingcar`", 3)],
)
def test_the_aims_for_reads_are_kept(shop: FaultyApp, endpoint: str, most: int) -> None:
    assert measure(shop, an_example(shop), ENDPOINTS[endpoint]).round_trips <= most


def test_the_pay_address_is_known_after_four_round_trips_at_most(shop: FaultyApp) -> None:
    cost = measure(shop, an_example(shop), prepared_pay)
    # The last one, in Redis, empties the cart when the address is known already.
    assert cost.dynamodb <= 4
    assert cost.redis == 1
