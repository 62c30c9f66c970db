"""The settlement account over HTTP: open it, show it, price a choice of coupons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shop import catalog, coupon
from chalicelib.shop.account import account_key
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, Course
from chalicelib.shop.coupon import FULL, IMMEDIATE, PERCENT, CouponRecord
from chalicelib.shop.course_key import DEGREE_COURSE, CourseKey
from chalicelib.storage.redis_client import redis_client
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.builders import policy_id_of
from tests.client import Client
from tests.faults import Fault, redis_error, reset_after, reset_before, silent
from tests.faults.routing import FaultyApp
from tests.shapes import Keyed, Maybe, Number, check, check_refusal

COUPON = {
    "pk": int,
    "name": str,
    "coupon_type": str,
    "money_equivalent_value": Number,
    "off_percent": Maybe(int),
    "minimum_consume": Number,
}
LINE = {
    "id": int,
    "course_type": str,
    "name": str,
    "course_img": str,
    "relate_price_policy": Keyed(
        {"prcie": Number, "valid_period": int, "valid_period_text": str, "default": bool}
    ),
    "default_price": Number,
    "rebate_price": Number,
    "default_price_period": int,
    "default_price_policy_id": int,
    "coursedetail_id": Maybe(str),
    "coupon_list": [COUPON],
}
SHOWN = {
    "code": 1000,
    "msg": "",
    "data": {"account_course_list": [LINE], "total": int, "global_coupons": [COUPON], "total_price": str},
}
NO_IDS = [
    True, False, 1.5, -1, 10**15, " ", "1 ", " 1", "-1", "+1", "1.0", "١", "１", "0x1", "x", "1\n", "9" * 16, "\x00",
    "\ud800", [], [1], {}, {"id": 1},
]  # fmt: skip


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def entry(course: Course, position: int = 0, **fields: object) -> dict[str, object]:
    """What POST says of a course and one of its policies."""
    return {"course_id": course.course_id, "price_policy_id": policy_id_of(course, position)} | fields


def open_account(client: Client, *courses: Course) -> None:
    """An account with the first policy of each course."""
    lines = [entry(course, course_type=course.course_type) for course in courses]
    assert client.post("/account/", lines) == {"code": 1000, "msg": "", "data": None}


def show(client: Client) -> dict[str, Any]:
    """The account's data, in exactly the documented shape."""
    answer = client.get("/account/")
    check(answer, SHOWN)
    return dict(answer["data"])


def price(
    client: Client,
    chosen: dict[str, CouponRecord | object] | None = None,
    general: CouponRecord | object = None,
    is_beli: object = "false",
) -> Any:
    """`PUT /account/` with coupons by course id."""
    coupons = {name: pk(record) for name, record in (chosen or {}).items()}
    if general is not None:
        coupons["global_coupon_id"] = pk(general)
    return client.put("/account/", {"is_beli": is_beli, "choose_coupons": coupons})


def pk(record: object) -> object:
    return record.record_id if isinstance(record, CouponRecord) else record


def id_of(course: Course) -> str:
    return str(course.course_id)


# Opening


def test_an_account_shows_its_lines_as_documented(learner: Client) -> None:
    course = builders.a_course(prices=[10000, 22335])
    first, second = (policy_id_of(course, position) for position in (0, 1))
    open_account(learner, course)
    assert learner.get("/account/") == {
        "code": 1000,
        "msg": "",
        "data": {
            "account_course_list": [
                {
                    "id": course.course_id,
                    "course_type": "course",
                    "name": course.name,
                    "course_img": "https://img.test/course.png",
                    "relate_price_policy": {
                        str(first): {
                            "prcie": 100.0,
                            "valid_period": 7,
                            "valid_period_text": "1周",
                            "default": True,
                        },
                        str(second): {
                            "prcie": 223.35,
                            "valid_period": 30,
                            "valid_period_text": "1个月",
                            "default": False,
                        },
                    },
                    "default_price": 100.0,
                    "rebate_price": 100.0,
                    "default_price_period": 7,
                    "default_price_policy_id": first,
                    "coursedetail_id": str(course.detail_id),
                    "coupon_list": [],
                }
            ],
            "total": 1,
            "global_coupons": [],
            "total_price": "100.0",
        },
    }


def test_lines_stand_in_the_order_they_were_chosen_and_the_total_is_a_text(learner: Client) -> None:
    courses = [builders.a_course(prices=[price]) for price in (9990, 12345, 0)]
    open_account(learner, *courses)
    data = show(learner)
    assert [line["id"] for line in data["account_course_list"]] == [course.course_id for course in courses]
    assert [line["default_price"] for line in data["account_course_list"]] == [99.9, 123.45, 0.0]
    assert (data["total"], data["total_price"]) == (3, "223.35")


def test_a_course_need_not_be_in_the_cart(learner: Client) -> None:
    open_account(learner, builders.a_course())
    assert learner.get("/shoppingcar/")["data"]["total"] == 0


def test_opening_again_replaces_the_account(learner: Client) -> None:
    one, other = builders.a_course(), builders.a_course()
    open_account(learner, one)
    open_account(learner, other)
    assert [line["id"] for line in show(learner)["account_course_list"]] == [other.course_id]


def test_ids_may_be_text(learner: Client) -> None:
    course = builders.a_course()
    line = {"course_id": str(course.course_id).zfill(15), "price_policy_id": str(policy_id_of(course))}
    assert learner.post("/account/", [line, entry(course)])["code"] == 1000
    assert show(learner)["total"] == 1


def test_the_same_course_twice_with_the_same_policy_is_one_line(learner: Client) -> None:
    course = builders.a_course()
    assert learner.post("/account/", [entry(course)] * 50)["code"] == 1000
    assert show(learner)["total"] == 1


def test_one_course_with_two_policies_is_1102(learner: Client) -> None:
    course = builders.a_course(prices=[100, 200])
    check_refusal(learner.post("/account/", [entry(course, 0), entry(course, 1)]), 1102)


def test_a_degree_course_is_settled_beside_the_course_of_the_same_id(learner: Client) -> None:
    degree = builders.a_course(course_type=DEGREE_COURSE, prices=[50000])
    course = builders.a_course(course_id=degree.course_id, prices=[10000])
    open_account(learner, degree, course)
    data = show(learner)
    assert [line["course_type"] for line in data["account_course_list"]] == [DEGREE_COURSE, "course"]
    assert data["total_price"] == "600.0"
    assert price(learner)["data"] == {
        f"degree_course#{degree.course_id}": 500.0,
        id_of(course): 100.0,
        "total_price": 600.0,
    }


def test_an_account_expires_after_a_day(learner: Client) -> None:
    assert learner.user is not None
    open_account(learner, builders.a_course())
    redis, name = redis_client(), account_key(learner.user.user_id)
    left = redis.ttl(name)
    assert isinstance(left, int)
    assert 23 * 3600 < left <= 24 * 3600
    redis.delete(name)
    check_refusal(learner.get("/account/"), 1101)
    check_refusal(price(learner), 1101)


def test_without_an_account_looking_and_pricing_are_1101(learner: Client) -> None:
    check_refusal(learner.get("/account/"), 1101)
    check_refusal(price(learner), 1101)
    check_refusal(price(learner, {"1": 5}, 6, "true"), 1101)


def test_each_user_has_an_account_of_his_own(gateway_server: GatewayServer, learner: Client) -> None:
    other = Client(gateway_server.base_url, builders.a_user())
    open_account(learner, builders.a_course())
    check_refusal(other.get("/account/"), 1101)


# Refused openings


def refused_openings() -> list[tuple[str, Any, int]]:
    course = builders.a_course(prices=[100, 200])
    other = builders.a_course()
    good = entry(course)
    return [
        ("an empty list", [], 1103),
        ("no list", {}, 1103),
        ("an object", good, 1103),
        ("a text", "x", 1103),
        ("a number", 5, 1103),
        ("a list of nothing", [None], 1103),
        ("a list of lists", [[good]], 1103),
        ("a line too much that is none", [good, 1], 1103),
        ("an empty line", [{}], 1103),
        ("no course id", [{"price_policy_id": 1}], 1103),
        ("no policy id", [{"course_id": course.course_id}], 1102),
        ("an unknown course", [good, good | {"course_id": builders.new_id()}], 1103),
        ("an unknown policy", [good, entry(other) | {"price_policy_id": builders.new_id()}], 1102),
        ("another course's policy", [good | {"price_policy_id": policy_id_of(other)}], 1102),
        ("two policies", [good, entry(course, 1)], 1102),
        ("another type", [good | {"course_type": DEGREE_COURSE}], 1103),
        ("no type", [good | {"course_type": None}], 1103),
        ("announced", [entry(builders.a_course(status=ANNOUNCED))], 1103),
        ("offline", [good, entry(builders.a_course(status=OFFLINE))], 1103),
        ("41 lines", [{"course_id": number, "price_policy_id": 1} for number in range(41)], 1103),
    ]


def test_a_refused_opening_discards_the_account_that_was_there(learner: Client) -> None:
    yesterday = builders.a_course()
    for what, body, code in refused_openings():
        open_account(learner, yesterday)
        answer = learner.post("/account/", body)
        assert answer["code"] == code, what
        check_refusal(answer, code)
        check_refusal(learner.get("/account/"), 1101)


def test_an_unreadable_opening_is_400_and_an_unsigned_one_401_and_neither_discards(learner: Client) -> None:
    open_account(learner, builders.a_course())
    assert learner.request("POST", "/account/", data=b"[{").status_code == 400
    assert learner.request("POST", "/account/", json=[], headers={"Authorization": "x"}).status_code == 401
    assert show(learner)["total"] == 1


def test_what_is_no_id_is_1103_for_the_course_and_1102_for_the_policy(learner: Client) -> None:
    for value in [*NO_IDS, None, ""]:
        check_refusal(learner.post("/account/", [{"course_id": value, "price_policy_id": 1}]), 1103)
        check_refusal(learner.post("/account/", [{"course_id": 1, "price_policy_id": value}]), 1102)


def test_forty_lines_can_be_settled_and_forty_one_cannot(learner: Client) -> None:
    courses = [builders.a_course(prices=[100]) for _ in range(41)]
    lines = [entry(course) for course in courses]
    assert learner.post("/account/", lines[:40])["code"] == 1000
    data = show(learner)
    assert (data["total"], data["total_price"]) == (40, "40.0")
    assert price(learner)["data"]["total_price"] == 40.0
    check_refusal(learner.post("/account/", lines), 1103)


# Coupons shown


def test_a_line_lists_the_coupons_bound_to_its_course_and_the_account_those_bound_to_none(
    learner: Client,
) -> None:
    assert learner.user is not None
    one, other = builders.a_course(), builders.a_course()
    for_one = builders.a_coupon(learner.user, course=one.key, coupon_type=PERCENT, off_percent=80)
    general = builders.a_coupon(learner.user, coupon_type=FULL, value=5000, minimum=10000)
    builders.a_coupon(learner.user, course=builders.a_course().key, value=100)
    builders.a_coupon(learner.user, course=CourseKey(DEGREE_COURSE, one.course_id), value=100)
    open_account(learner, one, other)
    data = show(learner)
    lines = {line["id"]: line for line in data["account_course_list"]}
    assert lines[one.course_id]["coupon_list"] == [
        {
            "pk": for_one.record_id,
            "name": for_one.name,
            "coupon_type": "折扣券",
            "money_equivalent_value": 0.0,
            "off_percent": 80,
            "minimum_consume": 0,
        }
    ]
    assert lines[other.course_id]["coupon_list"] == []
    assert data["global_coupons"] == [
        {
            "pk": general.record_id,
            "name": general.name,
            "coupon_type": "满减券",
            "money_equivalent_value": 50.0,
            "off_percent": None,
            "minimum_consume": 100,
        }
    ]
    assert type(data["global_coupons"][0]["minimum_consume"]) is int


@pytest.mark.parametrize("bound", [True, False], ids=["for the course", "general"])
def test_only_coupons_that_can_be_used_now_are_listed(gateway_server: GatewayServer, bound: bool) -> None:
    user = builders.a_user()
    course = builders.a_course(prices=[100])
    key, day, now = course.key if bound else None, timedelta(days=1), builders.now()
    usable = {
        builders.a_coupon(user, course=key, value=100).record_id,
        builders.a_coupon(user, course=key, coupon_type=FULL, value=100, minimum=10**7).record_id,
        builders.a_coupon(user, course=key, value=100, valid_until=now + timedelta(minutes=5)).record_id,
    }
    builders.a_coupon(user, course=key, status=coupon.USED)
    builders.a_coupon(user, course=key, status=coupon.RESERVED)
    builders.a_coupon(user, course=key, status=coupon.EXPIRED)
    builders.a_coupon(user, course=key, valid_from=now - 3 * day, valid_until=now - day)
    builders.a_coupon(user, course=key, valid_from=now - day, valid_until=now - timedelta(seconds=1))
    builders.a_coupon(user, course=key, valid_from=now + day, valid_until=now + 2 * day)
    builders.a_coupon(builders.a_user(), course=key, value=100)
    client = Client(gateway_server.base_url, user)
    open_account(client, course)
    data = show(client)
    listed = data["account_course_list"][0]["coupon_list"] if bound else data["global_coupons"]
    assert {row["pk"] for row in listed} == usable


# Prices


@pytest.mark.parametrize(
    ("prices", "rules", "payable"),
    [
        ([30000], {"coupon_type": IMMEDIATE, "value": 20000}, 100.0),
        ([30000], {"coupon_type": FULL, "value": 5000, "minimum": 10000}, 250.0),
        ([30000], {"coupon_type": PERCENT, "off_percent": 80}, 240.0),
        ([30000], {"coupon_type": IMMEDIATE, "value": 50000}, 0.0),
        ([10000], {"coupon_type": FULL, "value": 5000, "minimum": 10000}, 50.0),
        ([3333], {"coupon_type": PERCENT, "off_percent": 85}, 28.33),
        ([1], {"coupon_type": PERCENT, "off_percent": 50}, 0.01),
    ],
    ids=str,
)
@pytest.mark.parametrize("general", [False, True], ids=["course coupon", "general coupon"])
def test_the_contracts_examples_of_one_course(
    learner: Client, prices: list[int], rules: dict[str, Any], payable: float, general: bool
) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=prices)
    record = builders.a_coupon(learner.user, course=None if general else course.key, **rules)
    open_account(learner, course)
    answer = price(learner, general=record) if general else price(learner, {id_of(course): record})
    check(answer, {"code": 1000, "msg": "", "data": Keyed(Number)})
    rebate_price = prices[0] / 100 if general else payable
    assert answer["data"] == {id_of(course): rebate_price, "total_price": payable}


def test_the_contracts_examples_of_sums(learner: Client) -> None:
    assert learner.user is not None
    one, two, three = (builders.a_course(prices=[fen]) for fen in (9990, 12345, 1999))
    open_account(learner, one, two)
    assert price(learner)["data"] == {id_of(one): 99.9, id_of(two): 123.45, "total_price": 223.35}
    eighty = builders.a_coupon(learner.user, coupon_type=PERCENT, off_percent=80)
    open_account(learner, one, three, two)
    assert price(learner, general=eighty)["data"]["total_price"] == 194.67


def test_course_coupon_then_general_coupon_then_beli(gateway_server: GatewayServer) -> None:
    user = builders.a_user(beli=105)
    client = Client(gateway_server.base_url, user)
    one, two = builders.a_course(prices=[30000]), builders.a_course(prices=[10000])
    for_one = builders.a_coupon(user, course=one.key, value=20000)
    general = builders.a_coupon(user, coupon_type=FULL, value=5000, minimum=20000)
    open_account(client, one, two)
    assert price(client, {id_of(one): for_one}, general, "true")["data"] == {
        id_of(one): 100.0,
        id_of(two): 100.0,
        "total_price": 139.5,
    }
    assert price(client, {id_of(one): for_one}, general, "false")["data"]["total_price"] == 150.0
    assert price(client, is_beli="true")["data"]["total_price"] == 389.5
    assert client.get("/userinfo")["data"]["beli"] == 105, "asking for a price spends nothing"


@pytest.mark.parametrize(("beli", "payable"), [(0, 10.05), (1, 9.95), (100, 0.05), (101, 0.0), (5000, 0.0)])
def test_beli_pay_ten_to_a_yuan_and_never_more_than_is_due(
    gateway_server: GatewayServer, beli: int, payable: float
) -> None:
    client = Client(gateway_server.base_url, builders.a_user(beli=beli))
    course = builders.a_course(prices=[1005])
    open_account(client, course)
    assert price(client, is_beli="true")["data"] == {id_of(course): 10.05, "total_price": payable}


def test_pricing_keeps_nothing(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course()
    record = builders.a_coupon(learner.user, course=course.key, value=100)
    open_account(learner, course)
    before = show(learner)
    for _ in range(2):
        assert price(learner, {id_of(course): record})["data"]["total_price"] == 299.0
    assert show(learner) == before
    assert price(learner)["data"]["total_price"] == 300.0


@pytest.mark.parametrize(
    ("is_beli", "payable"), [("true", 290.0), ("false", 300.0), (True, 290.0), (False, 300.0)]
)
def test_is_beli_is_read_as_text_or_boolean(
    gateway_server: GatewayServer, is_beli: object, payable: float
) -> None:
    client = Client(gateway_server.base_url, builders.a_user(beli=100))
    open_account(client, builders.a_course())
    assert price(client, is_beli=is_beli)["data"]["total_price"] == payable


@pytest.mark.parametrize("none", [None, 0, "", "absent"])
def test_null_zero_empty_text_and_absence_choose_no_coupon(learner: Client, none: object) -> None:
    course = builders.a_course()
    open_account(learner, course)
    chosen = {} if none == "absent" else {id_of(course): none, "global_coupon_id": none}
    answer = learner.put("/account/", {"is_beli": "false", "choose_coupons": chosen})
    assert answer["data"] == {id_of(course): 300.0, "total_price": 300.0}
    answer = learner.put("/account/", {"is_beli": "false"})
    assert answer["data"]["total_price"] == 300.0


def test_coupon_ids_may_be_text(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course()
    record = builders.a_coupon(learner.user, course=course.key, value=100)
    general = builders.a_coupon(learner.user, value=100)
    open_account(learner, course)
    answer = price(learner, {id_of(course): str(record.record_id)}, str(general.record_id))
    assert answer["data"] == {id_of(course): 299.0, "total_price": 298.0}


def test_a_degree_courses_coupon_is_chosen_by_its_own_key(learner: Client) -> None:
    assert learner.user is not None
    degree = builders.a_course(course_type=DEGREE_COURSE)
    record = builders.a_coupon(learner.user, course=degree.key, value=10000)
    open_account(learner, degree)
    name = f"degree_course#{degree.course_id}"
    assert price(learner, {name: record})["data"] == {name: 200.0, "total_price": 200.0}
    check_refusal(price(learner, {id_of(degree): record}), 5000)


# Refused coupons


def test_a_coupon_below_its_minimum_is_1104_and_named(learner: Client) -> None:
    assert learner.user is not None
    course, other = builders.a_course(prices=[9999]), builders.a_course(prices=[10000])
    record = builders.a_coupon(learner.user, course=course.key, coupon_type=FULL, value=100, minimum=10000)
    general = builders.a_coupon(learner.user, coupon_type=FULL, value=100, minimum=20000)
    open_account(learner, course, other)
    for answer, named in (
        (price(learner, {id_of(course): record}), record),
        (price(learner, general=general), general),
    ):
        check_refusal(answer, 1104)
        assert named.name in answer["msg"]


def test_the_general_minimum_counts_after_course_coupons(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[20000])
    record = builders.a_coupon(learner.user, course=course.key, value=1)
    general = builders.a_coupon(learner.user, coupon_type=FULL, value=100, minimum=20000)
    open_account(learner, course)
    assert price(learner, general=general)["data"]["total_price"] == 199.0
    check_refusal(price(learner, {id_of(course): record}, general), 1104)


def test_a_coupon_that_cannot_be_used_is_5000_with_a_text_that_names_it(learner: Client) -> None:
    user, now, day = learner.user, builders.now(), timedelta(days=1)
    assert user is not None
    course, other = builders.a_course(), builders.a_course()
    key = course.key
    open_account(learner, course, other)
    named = {
        "used": builders.a_coupon(user, course=key, status=coupon.USED),
        "reserved": builders.a_coupon(user, course=key, status=coupon.RESERVED),
        "expired": builders.a_coupon(user, course=key, valid_from=now - 2 * day, valid_until=now - day),
        "too early": builders.a_coupon(user, course=key, valid_from=now + day, valid_until=now + 2 * day),
        "of another course": builders.a_coupon(user, course=other.key, value=1),
        "general": builders.a_coupon(user, value=1),
    }
    for what, record in named.items():
        answer = price(learner, {id_of(course): record})
        assert answer["code"] == 5000, what
        check_refusal(answer, 5000)
        assert record.name in answer["msg"], what
    bound = builders.a_coupon(user, course=key, value=1)
    answer = price(learner, general=bound)
    check_refusal(answer, 5000)
    assert bound.name in answer["msg"]


def test_a_coupon_of_another_user_or_of_nobody_is_5000_and_tells_nothing_of_it(learner: Client) -> None:
    course = builders.a_course()
    open_account(learner, course)
    strange = builders.a_coupon(builders.a_user(), course=course.key, value=1)
    general = builders.a_coupon(builders.a_user(), value=1)
    for answer in (
        price(learner, {id_of(course): strange}),
        price(learner, general=general),
        price(learner, {id_of(course): builders.new_id()}),
        price(learner, general=builders.new_id()),
    ):
        check_refusal(answer, 5000)
        assert strange.name not in answer["msg"]
        assert general.name not in answer["msg"]


def test_one_coupon_chosen_twice_is_5000(learner: Client) -> None:
    assert learner.user is not None
    one, other = builders.a_course(), builders.a_course()
    bound, general = (
        builders.a_coupon(learner.user, course=one.key, value=1),
        builders.a_coupon(learner.user, value=1),
    )
    open_account(learner, one, other)
    check_refusal(price(learner, {id_of(one): bound, id_of(other): bound}), 5000)
    check_refusal(price(learner, {id_of(one): bound}, bound), 5000)
    check_refusal(price(learner, {id_of(one): general}, general), 5000)


def test_a_coupon_for_a_course_that_is_not_in_the_account_is_5000(learner: Client) -> None:
    assert learner.user is not None
    course, other = builders.a_course(), builders.a_course()
    record = builders.a_coupon(learner.user, course=other.key, value=1)
    open_account(learner, course)
    check_refusal(price(learner, {id_of(other): record}), 5000)


def test_any_other_shape_is_5000(learner: Client) -> None:
    course = builders.a_course()
    open_account(learner, course)
    bodies: list[Any] = [
        [], "x", 5, True, {}, {"choose_coupons": {}}, {"is_beli": None}, {"is_beli": "yes"}, {"is_beli": 1},
        {"is_beli": []}, {"is_beli": "TRUE"}, {"is_beli": "true", "choose_coupons": "x"},
        {"is_beli": "true", "choose_coupons": 5},
        {"is_beli": "true", "choose_coupons": [1]}, {"is_beli": "true", "choose_coupons": {"x": 1}},
        {"is_beli": "true", "choose_coupons": {"": 1}}, {"is_beli": "true", "choose_coupons": {"\ud800": 1}},
        {"is_beli": "true", "choose_coupons": {f"0{course.course_id}": 1, id_of(course): 2}},
    ]  # fmt: skip
    for body in bodies:
        check_refusal(learner.put("/account/", body), 5000)
    check_refusal(learner.request("PUT", "/account/", data=b"null").json(), 5000)
    for value in NO_IDS:
        check_refusal(price(learner, {id_of(course): value}), 5000)
        check_refusal(price(learner, general=value), 5000)
    assert show(learner)["total"] == 1


# As of today


def test_prices_are_todays_and_never_from_memory(learner: Client) -> None:
    course = builders.a_course(prices=[30000])
    policy_id = policy_id_of(course)
    learner.get(f"/coursedetail/{course.detail_id}")
    open_account(learner, course)
    policy = catalog.policy_item(course.key, policy_id, 7, 25000, course.detail_id)
    attributes = (
        "name",
        "course_img",
        "brief",
        "level",
        "status",
        "order",
        "period",
        "category_id",
        "detail_id",
    )
    given = {name: getattr(course, name) for name in attributes}
    builders.put_course(catalog.course_item(course.key, [policy], **given), [policy], None)
    assert show(learner)["total_price"] == "250.0"
    assert price(learner)["data"] == {id_of(course): 250.0, "total_price": 250.0}


@pytest.mark.parametrize("how", ["announced", "offline", "deleted", "policy removed"])
def test_a_line_that_is_no_longer_sold_is_marked_and_left_out_of_every_sum(learner: Client, how: str) -> None:
    assert learner.user is not None
    gone, sold = builders.a_course(prices=[10000]), builders.a_course(prices=[20000])
    record = builders.a_coupon(learner.user, course=gone.key, value=100)
    general = builders.a_coupon(learner.user, coupon_type=FULL, value=100, minimum=25000)
    open_account(learner, gone, sold)
    if how == "deleted":
        gone.delete()
    elif how == "policy removed":
        (policy,) = builders.policies_of(gone)
        policy.delete()
        gone.update([Course.policies.set([])])
    else:
        gone.update([Course.status.set({"announced": ANNOUNCED, "offline": OFFLINE}[how])])
    answer = learner.get("/account/")
    marked, other = answer["data"]["account_course_list"]
    check(marked, LINE | {"sellable": False})
    check(other, LINE)
    assert (answer["data"]["total"], answer["data"]["total_price"]) == (1, "200.0")
    priced = {id_of(sold): 200.0, "total_price": 200.0}
    assert price(learner)["data"] == priced
    assert price(learner, {id_of(gone): record})["data"] == priced, "a coupon for it takes off nothing"
    check_refusal(price(learner, general=general), 1104)


def test_an_account_outlives_the_cart_lines_it_came_from(learner: Client) -> None:
    course = builders.a_course()
    learner.post("/shoppingcar/", entry(course))
    open_account(learner, course)
    learner.delete("/shoppingcar/", {"course_id": course.course_id})
    assert show(learner)["total"] == 1


# Trouble


@pytest.fixture
def settling(faulty_app: FaultyApp) -> tuple[Client, list[dict[str, object]]]:
    """A learner with an account, and the body it was opened with."""
    client, course = Client(faulty_app.base_url, builders.a_user()), builders.a_course()
    body = [entry(course)]
    assert client.post("/account/", body)["code"] == 1000
    return client, body


def check_trouble(client: Client, body: object, trouble: Any) -> None:
    """Store trouble: GET 1101, POST and PUT 5000."""
    with trouble:
        answers = [
            client.request("GET", "/account/"),
            client.request("PUT", "/account/", json={"is_beli": "false"}),
            client.request("POST", "/account/", json=body),
        ]
    for answer, code in zip(answers, (1101, 5000, 5000), strict=True):
        assert answer.status_code == 200
        check_refusal(answer.json(), code)


def test_a_redis_that_is_down_is_1101_and_5000(faulty_app: FaultyApp, settling: tuple[Client, Any]) -> None:
    check_trouble(*settling, faulty_app.redis.down())
    assert show(settling[0])["total"] == 1


def test_a_database_that_is_down_is_1101_and_5000(
    faulty_app: FaultyApp, settling: tuple[Client, Any]
) -> None:
    check_trouble(*settling, faulty_app.dynamodb.down())
    assert show(settling[0])["total"] == 1


@pytest.mark.parametrize(
    "action",
    [silent(), reset_before(), redis_error("LOADING Redis is loading the dataset in memory")],
    ids=["silent", "reset", "loading"],
)
def test_a_redis_in_trouble_is_1101_and_5000(
    faulty_app: FaultyApp, settling: tuple[Client, Any], action: Any
) -> None:
    faults = [Fault.on(operation, action=action) for operation in ("GET", "SET")]
    check_trouble(*settling, faulty_app.redis.faults(*faults))


def test_an_account_that_cannot_be_written_is_5000_and_there_is_none(
    faulty_app: FaultyApp, settling: tuple[Client, Any]
) -> None:
    client, body = settling
    with faulty_app.redis.faults(Fault.on("SET", action=redis_error("OOM command not allowed"))):
        check_refusal(client.post("/account/", body), 5000)
    check_refusal(client.get("/account/"), 1101)


def test_a_lost_answer_is_made_good(faulty_app: FaultyApp, settling: tuple[Client, Any]) -> None:
    client, body = settling
    with faulty_app.redis.faults(Fault.on("SET", action=reset_after(), nth=1)):
        assert client.post("/account/", body)["code"] == 1000
    assert show(client)["total"] == 1
    with faulty_app.redis.faults(Fault.on("DEL", action=reset_after(), nth=1)):
        check_refusal(client.post("/account/", []), 1103)
    check_refusal(client.get("/account/"), 1101)
