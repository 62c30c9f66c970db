"""The cart over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.shop import cart, catalog, enrollment
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, ONLINE, Course
from chalicelib.shop.course_key import DEGREE_COURSE, CourseKey
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.storage.quick_store import key
from chalicelib.storage.redis_client import redis_client
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.builders import policy_id_of
from tests.client import Client
from tests.faults import Action, Fault, redis_error, reset_after, reset_before, silent, throttle
from tests.faults.routing import FaultyApp
from tests.shapes import Keyed, Maybe, Number, check, check_refusal

LINE = {
    "id": int,
    "course_type": str,
    "name": str,
    "course_img": str,
    "relate_price_policy": Keyed(
        {"prcie": Number, "valid_period": int, "valid_period_text": str, "default": bool}
    ),
    "default_price": Number,
    "default_price_period": int,
    "default_price_policy_id": int,
    "coursedetail_id": Maybe(str),
    "level": Maybe(str),
    "owned_until": Maybe(str),
}
NOT_SOLD = LINE | {"sellable": False, "why_not": str}
NO_IDS = [
    None, True, False, 1.5, -1, 10**15, "", " ", "1 ", " 1", "-1", "+1", "1.0", "١", "１", "0x1", "x", "1\n", "9" * 16,
    "\x00", "\ud800", "1e3", [], [1], {}, {"id": 1},
]  # fmt: skip


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def entry(course: Course, position: int = 0, **fields: object) -> dict[str, object]:
    """A body of POST for one of a course's policies."""
    return {"course_id": course.course_id, "price_policy_id": policy_id_of(course, position)} | fields


def add(client: Client, course: Course, position: int = 0, **fields: object) -> Any:
    return client.post("/shoppingcar/", entry(course, position, **fields))


def lines(client: Client) -> list[dict[str, Any]]:
    """The lines of the cart."""
    return list(client.get("/shoppingcar/")["data"]["shopping_car_list"])


def fill(client: Client, count: int) -> None:
    """Lines of courses that nobody knows, written past the API."""
    assert client.user is not None
    for number in range(count):
        line = cart.CartLine(policy_id=1, name="旧课", image="", price=100, valid_period=7, added_at=number)
        cart.put_line(client.user.user_id, CourseKey("course", number), line)


# Adding and looking


def test_an_empty_cart_is_an_empty_list(learner: Client) -> None:
    assert learner.get("/shoppingcar/") == {
        "code": 1000,
        "msg": "",
        "data": {"shopping_car_list": [], "total": 0, "total_price": 0.0},
    }


def test_a_course_is_added_by_one_of_its_policies(learner: Client) -> None:
    course = builders.a_course(prices=[10000, 22335])
    added = add(learner, course)
    check(added, {"code": 1000, "msg": str, "data": None})
    assert added["msg"]
    first, second = (policy_id_of(course, position) for position in (0, 1))
    assert learner.get("/shoppingcar/") == {
        "code": 1000,
        "msg": "",
        "data": {
            "shopping_car_list": [
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
                    "default_price_period": 7,
                    "default_price_policy_id": first,
                    "coursedetail_id": str(course.detail_id),
                    "level": "初级",
                    "owned_until": None,
                }
            ],
            "total": 1,
            "total_price": 100.0,
        },
    }


def test_a_picture_of_the_shop_front_gets_an_absolute_address(learner: Client) -> None:
    add(learner, builders.a_course(course_img="images/a.png"))
    assert lines(learner)[0]["course_img"] == "http://shop.test/images/a.png"


def test_lines_stand_in_the_order_they_were_added(learner: Client) -> None:
    courses = [builders.a_course() for _ in range(4)]
    for course in courses:
        add(learner, course)
    assert [line["id"] for line in lines(learner)] == [course.course_id for course in courses]


def test_adding_a_course_again_replaces_its_policy(learner: Client) -> None:
    course = builders.a_course(prices=[10000, 20000])
    for position in (0, 1):
        assert add(learner, course, position)["code"] == 1000
    (line,) = lines(learner)
    assert (line["default_price"], line["default_price_period"]) == (200.0, 30)
    assert line["default_price_policy_id"] == policy_id_of(course, 1)
    chosen = [policy_id for policy_id, policy in line["relate_price_policy"].items() if policy["default"]]
    assert chosen == [str(policy_id_of(course, 1))]


def test_a_course_has_one_line_however_its_id_is_spelled(learner: Client) -> None:
    course = builders.a_course()
    number, policy_id = course.course_id, policy_id_of(course)
    for course_id in (number, str(number), str(number).zfill(15)):
        answer = learner.post("/shoppingcar", {"course_id": course_id, "price_policy_id": str(policy_id)})
        assert answer["code"] == 1000, course_id
    assert (
        learner.post("/shoppingcar", {"course_id": float(number), "price_policy_id": policy_id})["code"]
        == 1202
    )
    (line,) = lines(learner)
    check(line, LINE)
    assert line["id"] == number
    assert learner.delete("/shoppingcar", {"course_id": str(number)})["code"] == 1000
    assert lines(learner) == []


def test_a_degree_course_has_a_line_beside_the_course_with_the_same_id(learner: Client) -> None:
    degree = builders.a_course(course_type=DEGREE_COURSE)
    course = builders.a_course(course_id=degree.course_id)
    assert add(learner, degree, course_type=DEGREE_COURSE)["code"] == 1000
    assert add(learner, course, course_type="course")["code"] == 1000
    shown = lines(learner)
    check(shown, [LINE])
    assert [(line["id"], line["course_type"]) for line in shown] == [
        (degree.course_id, DEGREE_COURSE),
        (course.course_id, "course"),
    ]
    answer = learner.delete("/shoppingcar/", {"course_id": degree.course_id, "course_type": DEGREE_COURSE})
    assert answer["code"] == 1000
    assert [line["course_type"] for line in lines(learner)] == ["course"]


def test_a_free_course_can_be_added(learner: Client) -> None:
    add(learner, builders.a_course(prices=[0]))
    assert lines(learner)[0]["default_price"] == 0


def test_each_user_has_a_cart_of_his_own(gateway_server: GatewayServer, learner: Client) -> None:
    other = Client(gateway_server.base_url, builders.a_user())
    mine, theirs = builders.a_course(), builders.a_course()
    add(learner, mine)
    add(other, theirs)
    check_refusal(other.delete("/shoppingcar/", {"course_id": mine.course_id}), 1203)
    assert [line["id"] for line in lines(learner)] == [mine.course_id]
    assert [line["id"] for line in lines(other)] == [theirs.course_id]


def test_two_sessions_of_a_user_share_the_cart(gateway_server: GatewayServer, learner: Client) -> None:
    add(learner, builders.a_course())
    assert len(lines(Client(gateway_server.base_url, learner.user))) == 1


def test_a_cart_is_forgotten_after_ninety_days_without_an_addition(learner: Client) -> None:
    assert learner.user is not None
    add(learner, builders.a_course())
    left = redis_client().ttl(key("cart", learner.user.user_id))
    assert isinstance(left, int)
    assert 89 * 24 * 3600 < left <= 90 * 24 * 3600


# Refused additions


def test_what_is_no_id_is_1202_for_the_course_and_1201_for_the_policy(learner: Client) -> None:
    for value in NO_IDS:
        check_refusal(learner.post("/shoppingcar/", {"course_id": value, "price_policy_id": 1}), 1202)
        check_refusal(learner.post("/shoppingcar/", {"course_id": 1, "price_policy_id": value}), 1201)


@pytest.mark.parametrize("course_type", [None, "", "coupon", 1, True, [], {}, "Course", "\ud800"], ids=ascii)
def test_an_unknown_course_type_is_1202(learner: Client, course_type: object) -> None:
    check_refusal(add(learner, builders.a_course(), course_type=course_type), 1202)


def test_refused_additions_leave_the_cart_as_it_was(learner: Client) -> None:
    course, other = builders.a_course(prices=[10000, 20000]), builders.a_course()
    add(learner, course)
    before = learner.get("/shoppingcar/")
    ids = {"course_id": course.course_id, "price_policy_id": policy_id_of(course)}
    announced, offline = builders.a_course(status=ANNOUNCED), builders.a_course(status=OFFLINE)
    bare = builders.a_course(prices=[])
    refused: list[tuple[object, int]] = [
        ({}, 1202),
        ({"course_id": course.course_id}, 1201),
        ({"price_policy_id": 1}, 1202),
        (ids | {"price_policy_id": builders.new_id()}, 1201),
        (ids | {"price_policy_id": policy_id_of(other)}, 1201),
        (ids | {"course_id": builders.new_id()}, 1202),
        (ids | {"course_type": DEGREE_COURSE}, 1202),
        (ids | {"course_id": course.detail_id}, 1202),
        (entry(announced), 1202),
        (entry(offline), 1202),
        ({"course_id": bare.course_id, "price_policy_id": 1}, 1201),
        ([ids], 1202),
        ([], 1202),
        ("x", 1202),
        (5, 1202),
        (True, 1202),
    ]
    for body, code in refused:
        check_refusal(learner.post("/shoppingcar/", body), code)
    check_refusal(learner.request("POST", "/shoppingcar/", data=b"null").json(), 1202)
    assert learner.get("/shoppingcar/") == before


# Forty lines


def test_the_forty_first_line_is_1202_and_a_line_that_is_there_can_still_be_replaced(learner: Client) -> None:
    course, late = builders.a_course(prices=[10000, 20000]), builders.a_course()
    fill(learner, 39)
    assert add(learner, course)["code"] == 1000
    answer = add(learner, late)
    check_refusal(answer, 1202)
    assert "40" in answer["msg"]
    assert add(learner, course, 1)["code"] == 1000
    shown = lines(learner)
    assert len(shown) == 40
    assert shown[-1]["default_price"] == 200.0
    assert learner.delete("/shoppingcar/", {"course_id": 0})["code"] == 1000
    assert add(learner, late)["code"] == 1000


def test_many_at_once_do_not_take_the_last_place_twice(learner: Client) -> None:
    courses = [builders.a_course() for _ in range(8)]
    bodies = [entry(course) for course in courses]
    fill(learner, 38)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: learner.post("/shoppingcar/", body), bodies))
    assert sorted(answer["code"] for answer in answers) == [1000] * 2 + [1202] * 6
    assert len(lines(learner)) == 40


# As of today


def test_prices_are_todays_and_never_from_memory(learner: Client) -> None:
    course = builders.a_course(prices=[30000])
    learner.get(f"/coursedetail/{course.detail_id}")
    learner.get("/courses/")
    add(learner, course)
    assert lines(learner)[0]["default_price"] == 300.0
    put_policies(course, [(policy_id_of(course), 7, 25000), (builders.new_id(), 90, 60000)], name="新名字")
    (line,) = lines(learner)
    assert line["name"] == "新名字"
    assert line["default_price"] == 250.0
    assert sorted(policy["prcie"] for policy in line["relate_price_policy"].values()) == [250.0, 600.0]


def put_policies(course: Course, facts: list[tuple[int, int, int]], **changes: object) -> None:
    """Store the course anew with these policies (id, days, fen) instead of its own."""
    policies = [catalog.policy_item(course.key, *fact, course.detail_id) for fact in facts]
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
    given = {name: getattr(course, name) for name in attributes} | changes
    builders.put_course(catalog.course_item(course.key, policies, **given), policies, None)


@pytest.mark.parametrize("status", [ANNOUNCED, OFFLINE])
def test_a_line_that_is_no_longer_sold_stays_marked_and_is_not_counted(learner: Client, status: str) -> None:
    gone, sold = builders.a_course(prices=[10000]), builders.a_course()
    add(learner, gone)
    add(learner, sold)
    gone.update([Course.status.set(status)])
    data = learner.get("/shoppingcar/")["data"]
    marked, other = data["shopping_car_list"]
    check(marked, NOT_SOLD)
    check(other, LINE)
    assert (marked["id"], marked["name"], marked["default_price"]) == (gone.course_id, gone.name, 100.0)
    assert marked["why_not"] == {ANNOUNCED: "课程尚未开售，敬请期待", OFFLINE: "课程已下架"}[status]
    assert (data["total"], data["total_price"]) == (1, 300.0)
    gone.update([Course.status.set(ONLINE)])
    data = learner.get("/shoppingcar/")["data"]
    check(data["shopping_car_list"], [LINE])
    assert (data["total"], data["total_price"]) == (2, 400.0)


def test_a_line_whose_policy_was_removed_stays_marked_with_its_old_price(learner: Client) -> None:
    course = builders.a_course(prices=[10000])
    old = policy_id_of(course)
    add(learner, course)
    new = builders.new_id()
    put_policies(course, [(new, 30, 20000)])
    data = learner.get("/shoppingcar/")["data"]
    (line,) = data["shopping_car_list"]
    check(line, NOT_SOLD)
    assert (line["default_price"], line["default_price_period"]) == (100.0, 7)
    assert line["default_price_policy_id"] == old
    assert line["why_not"] == "所选有效期已停售，请选择其他有效期"
    assert list(line["relate_price_policy"]) == [str(new)]
    assert not any(policy["default"] for policy in line["relate_price_policy"].values())
    assert data["total"] == 0
    assert (
        learner.post("/shoppingcar/", {"course_id": course.course_id, "price_policy_id": new})["code"] == 1000
    )
    assert learner.get("/shoppingcar/")["data"]["total"] == 1


def test_a_line_whose_course_was_deleted_stays_marked_under_its_old_name(learner: Client) -> None:
    course = builders.a_course(prices=[10000], course_img="images/old.png")
    add(learner, course)
    course.delete()
    data = learner.get("/shoppingcar/")["data"]
    (line,) = data["shopping_car_list"]
    check(line, NOT_SOLD)
    assert (line["name"], line["course_img"]) == (course.name, "http://shop.test/images/old.png")
    assert (line["coursedetail_id"], line["level"], line["why_not"]) == (None, None, "课程已下架")
    assert (line["default_price"], line["relate_price_policy"]) == (100.0, {})
    assert data["total"] == 0
    assert learner.delete("/shoppingcar/", {"course_id": course.course_id})["code"] == 1000


def test_a_price_that_has_changed_since_is_shown_with_the_earlier_one(learner: Client) -> None:
    course, other = builders.a_course(prices=[10000]), builders.a_course(prices=[10000])
    add(learner, course)
    add(learner, other)
    put_policies(course, [(policy_id_of(course), 7, 12050)])
    changed, same = lines(learner)
    assert (changed["default_price"], changed["earlier_price"]) == (120.5, 100.0)
    check(changed, LINE | {"earlier_price": Number})
    check(same, LINE)
    add(learner, course)
    assert "earlier_price" not in lines(learner)[0]


def test_a_course_that_is_owned_says_until_when(learner: Client) -> None:
    assert learner.user is not None
    running, for_ever, over, never = (builders.a_course() for _ in range(4))
    now = builders.now()
    for course, days, ago in ((running, 7, 0), (for_ever, PERMANENT_DAYS, 0), (over, 7, 8)):
        granted = enrollment.slice_item(
            learner.user.user_id, course.key, course.name, "grant-1", 0, days, now - timedelta(days=ago)
        )
        granted.save()
    for course in (running, for_ever, over, never):
        add(learner, course)
    shown = [line["owned_until"] for line in lines(learner)]
    assert shown == [beijing_text(now + timedelta(days=7)), "永久", None, None]


# A visitor's cart


def preview(client: Client, *chosen: object) -> Any:
    return client.post("/shoppingcar/preview", {"course_list": list(chosen)})


@pytest.fixture
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


def test_a_visitors_cart_is_shown_as_a_learners(learner: Client, visitor: Client) -> None:
    courses = [builders.a_course(prices=[10000, 20050]), builders.a_course(prices=[0, 5000])]
    for course in courses:
        add(learner, course, 1)
    shown = preview(visitor, *(entry(course, 1) for course in courses))
    assert shown == learner.get("/shoppingcar/")
    assert shown["data"]["total_price"] == 250.5


def test_looking_at_a_visitors_cart_stores_nothing(learner: Client) -> None:
    preview(learner, entry(builders.a_course()))
    assert lines(learner) == []


def test_what_there_is_not_is_a_line_that_cannot_be_bought(visitor: Client) -> None:
    course, offline = builders.a_course(), builders.a_course(status=OFFLINE)
    nobodys = {"course_id": builders.new_id(), "price_policy_id": 1}
    data = preview(visitor, nobodys, entry(course) | {"price_policy_id": 1}, entry(offline))["data"]
    check(data["shopping_car_list"], [NOT_SOLD])
    assert (data["total"], data["total_price"]) == (0, 0.0)
    texts = [line["why_not"] for line in data["shopping_car_list"]]
    assert texts == ["课程已下架", "所选有效期已停售，请选择其他有效期", "课程已下架"]
    assert [line["name"] for line in data["shopping_car_list"]] == ["", course.name, offline.name]


def test_of_a_course_that_a_visitor_chose_twice_the_later_policy_counts(visitor: Client) -> None:
    course, other = builders.a_course(prices=[10000, 20000]), builders.a_course()
    data = preview(visitor, entry(course), entry(other), entry(course, 1))["data"]
    chosen = [(line["id"], line["default_price"]) for line in data["shopping_car_list"]]
    assert chosen == [(course.course_id, 200.0), (other.course_id, 300.0)]


def test_what_is_no_id_in_a_visitors_cart_is_1202(visitor: Client) -> None:
    for value in NO_IDS:
        check_refusal(preview(visitor, {"course_id": value, "price_policy_id": 1}), 1202)
        check_refusal(preview(visitor, {"course_id": 1, "price_policy_id": value}), 1202)
    bodies: list[object] = [[], {}, "x", {"course_list": None}, {"course_list": {}}, {"course_list": []}]
    for body in [*bodies, {"course_list": [1]}]:
        check_refusal(visitor.post("/shoppingcar/preview", body), 1202)


def test_a_visitors_cart_has_forty_lines_at_most(visitor: Client) -> None:
    chosen = [{"course_id": number, "price_policy_id": 1} for number in range(1, 42)]
    assert len(preview(visitor, *chosen[:40])["data"]["shopping_car_list"]) == 40
    check_refusal(preview(visitor, *chosen), 1202)


def test_a_visitors_full_cart_is_one_batch_read(faulty_app: FaultyApp) -> None:
    chosen = [{"course_id": number, "price_policy_id": 1} for number in range(1, 41)]
    with faulty_app.dynamodb.recording() as calls, faulty_app.redis.recording() as trips:
        preview(Client(faulty_app.base_url), *chosen)
    assert [call.operation for call in calls] == ["BatchGetItem"]
    assert not trips


def test_a_visitors_cart_needs_no_redis_and_is_1233_without_the_database(faulty_app: FaultyApp) -> None:
    chosen = entry(builders.a_course())
    with faulty_app.redis.down():
        assert preview(Client(faulty_app.base_url), chosen)["code"] == 1000
    with faulty_app.dynamodb.down():
        check_refusal(preview(Client(faulty_app.base_url), chosen), 1233)


# Taking out


def test_a_course_is_taken_out(learner: Client) -> None:
    one, other = builders.a_course(), builders.a_course()
    add(learner, one)
    add(learner, other)
    answer = learner.delete("/shoppingcar/", {"course_id": one.course_id})
    assert answer == {"code": 1000, "msg": "", "data": "删除成功"}
    assert [line["id"] for line in lines(learner)] == [other.course_id]


def test_a_course_that_is_not_in_the_cart_is_1203(learner: Client) -> None:
    course, other = builders.a_course(), builders.a_course()
    add(learner, other)
    for body in (
        {"course_id": course.course_id},
        {"course_id": builders.new_id()},
        {"course_id": other.course_id, "course_type": DEGREE_COURSE},
        {},
    ):
        check_refusal(learner.delete("/shoppingcar/", body), 1203)
    learner.delete("/shoppingcar/", {"course_id": other.course_id})
    check_refusal(learner.delete("/shoppingcar/", {"course_id": other.course_id}), 1203)


def test_what_is_no_course_id_is_not_in_the_cart(learner: Client) -> None:
    for value in NO_IDS:
        check_refusal(learner.delete("/shoppingcar/", {"course_id": value}), 1203)


def remove(client: Client, *courses: object) -> Any:
    return client.delete("/shoppingcar/", {"course_list": list(courses)})


def test_several_courses_are_taken_out_in_one_step(faulty_app: FaultyApp, learner: Client) -> None:
    learner = Client(faulty_app.base_url, learner.user)
    courses = [builders.a_course() for _ in range(3)]
    for course in courses:
        add(learner, course)
    first, second, third = ({"course_id": course.course_id} for course in courses)
    with faulty_app.redis.recording() as trips:
        assert remove(learner, first, second, {"course_id": 1}) == {
            "code": 1000,
            "msg": "",
            "data": "删除成功",
        }
    assert len([trip for trip in trips if not trip.setup]) == 1
    assert [line["id"] for line in lines(learner)] == [third["course_id"]]
    check_refusal(remove(learner, first, second), 1203)
    assert remove(learner, third, third)["code"] == 1000
    assert lines(learner) == []


def test_a_list_to_take_out_that_is_none_takes_out_nothing(learner: Client) -> None:
    course = builders.a_course()
    add(learner, course)
    given = {"course_id": course.course_id}
    for value in NO_IDS:
        check_refusal(remove(learner, given, {"course_id": value}), 1203)
    entries: list[object] = [None, {}, [], "x", [1], [given] * 41]
    for wrong in entries:
        check_refusal(learner.delete("/shoppingcar/", given | {"course_list": wrong}), 1204)
    assert len(lines(learner)) == 1


@pytest.mark.parametrize("body", [[], [{"course_id": 1}], "x", 5, True])
def test_a_delete_that_is_no_object_is_1204(learner: Client, body: object) -> None:
    check_refusal(learner.delete("/shoppingcar/", body), 1204)


# Trouble


@pytest.fixture
def filled(faulty_app: FaultyApp) -> tuple[Client, Course]:
    """A learner with a course in the cart."""
    client, course = Client(faulty_app.base_url, builders.a_user()), builders.a_course()
    assert add(client, course)["code"] == 1000
    return client, course


def check_refused_and_unchanged(client: Client, course: Course, trouble: Any) -> None:
    # Bodies first: `entry` reads the catalogue, which may be what is in trouble.
    before = client.get("/shoppingcar/")
    bodies = {
        "POST": (entry(course), 1202),
        "GET": (None, 1233),
        "DELETE": ({"course_id": course.course_id}, 1204),
    }
    with trouble:
        answers = {
            method: client.request(method, "/shoppingcar/", json=body) for method, (body, _) in bodies.items()
        }
    for method, answer in answers.items():
        assert answer.status_code == 200
        check_refusal(answer.json(), bodies[method][1])
    assert client.get("/shoppingcar/") == before


def test_a_redis_that_is_down_is_1202_1233_1204(faulty_app: FaultyApp, filled: tuple[Client, Course]) -> None:
    check_refused_and_unchanged(*filled, faulty_app.redis.down())


@pytest.mark.parametrize(
    "action",
    [
        silent(),
        reset_before(),
        redis_error("LOADING Redis is loading the dataset in memory"),
        redis_error("READONLY You can't write against a read only replica."),
        redis_error("OOM command not allowed when used memory > 'maxmemory'."),
        redis_error("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ],
    ids=["silent", "reset", "loading", "readonly", "out of memory", "wrong type"],
)
def test_a_redis_in_trouble_is_1202_1233_1204(
    faulty_app: FaultyApp, filled: tuple[Client, Course], action: Action
) -> None:
    faults = [Fault.on(operation, action=action) for operation in ("EVAL", "HGETALL", "HDEL")]
    check_refused_and_unchanged(*filled, faulty_app.redis.faults(*faults))


def test_a_database_that_is_down_is_1202_1233_1204(
    faulty_app: FaultyApp, filled: tuple[Client, Course]
) -> None:
    check_refused_and_unchanged(*filled, faulty_app.dynamodb.down())


def test_one_broken_connection_is_made_good(faulty_app: FaultyApp, filled: tuple[Client, Course]) -> None:
    client, course = filled
    body = entry(course)
    for operation, action in (("EVAL", reset_before()), ("EVAL", reset_after()), ("HGETALL", reset_after())):
        with faulty_app.redis.faults(Fault.on(operation, action=action, nth=1)):
            answer = (
                client.post("/shoppingcar/", body) if operation == "EVAL" else client.get("/shoppingcar/")
            )
        assert answer["code"] == 1000
    assert len(lines(client)) == 1


def test_a_throttled_read_of_the_catalogue_is_made_good(
    faulty_app: FaultyApp, filled: tuple[Client, Course]
) -> None:
    client, _ = filled
    with faulty_app.dynamodb.faults(Fault.on("BatchGetItem", action=throttle(), nth=1)):
        assert client.get("/shoppingcar/")["code"] == 1000
