"""`GET /course/{course_id}/mine`: what a learner has of a course."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.shop import coupon, enrollment
from chalicelib.shop.catalog import ANNOUNCED, OFFLINE, Course
from chalicelib.shop.course_key import DEGREE_COURSE
from chalicelib.shop.price_policy import PERMANENT_DAYS
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.purchases import number_in
from tests.shapes import check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

NOTHING: dict[str, Any] = {
    "enrolled": False,
    "end_date": None,
    "paused": False,
    "ended": False,
    "in_cart": False,
    "cart_policy_id": None,
    "free_term_had": False,
    "open_order": None,
    "coupons": [],
}


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


def ask(client: Client, course: Course) -> Any:
    return client.get(f"/course/{course.course_id}/mine?course_type={course.course_type}")


def mine(client: Client, course: Course) -> Any:
    answer = ask(client, course)
    assert answer["code"] == 1000, answer
    return answer["data"]


def give(client: Client, course: Course, days: int, ago: int, *, paused: bool = False) -> None:
    assert client.user is not None
    now = builders.now()
    given = enrollment.slice_item(
        client.user.user_id, course.key, course.name, "grant-1", 0, days, now - timedelta(days=ago)
    )
    given.paused_at = now - timedelta(hours=1) if paused else None
    given.save()


@pytest.mark.parametrize("course_type", ["course", DEGREE_COURSE])
def test_of_a_course_that_one_has_nothing_to_do_with_there_is_nothing(
    learner: ClientAt, course_type: str
) -> None:
    assert mine(learner, builders.a_course(course_type=course_type)) == NOTHING
    assert mine(learner, builders.a_course(course_type=course_type, status=ANNOUNCED)) == NOTHING


def test_what_is_had_says_until_when(learner: ClientAt) -> None:
    running, for_ever, over, paused = (builders.a_course() for _ in range(4))
    give(learner, running, 7, 1)
    give(learner, for_ever, PERMANENT_DAYS, 1)
    give(learner, over, 7, 8)
    give(learner, paused, 7, 1, paused=True)
    end = beijing_text(builders.now() + timedelta(days=6))
    told = mine(learner, running)
    assert told | {"end_date": end} == NOTHING | {"enrolled": True, "end_date": end}
    assert told["end_date"] <= end
    assert mine(learner, for_ever) == NOTHING | {"enrolled": True, "end_date": "永久"}
    assert mine(learner, over) == NOTHING | {"ended": True}
    assert mine(learner, paused) == NOTHING | {"paused": True}


def test_what_is_in_the_cart_says_by_which_policy(learner: ClientAt) -> None:
    course, other = builders.a_course(prices=[10000, 20000]), builders.a_course()
    policy_id = builders.policy_id_of(course, 1)
    learner.post("/shoppingcar/", {"course_id": course.course_id, "price_policy_id": policy_id})
    assert mine(learner, course) == NOTHING | {"in_cart": True, "cart_policy_id": policy_id}
    assert mine(learner, other) == NOTHING


def test_while_redis_is_down_the_cart_alone_is_unknown(faulty_app: FaultyApp) -> None:
    learner, course = ClientAt(builders.a_user()), builders.a_course()
    give(learner, course, PERMANENT_DAYS, 1)
    with faulty_app.redis.down():
        assert mine(learner, course) == NOTHING | {
            "enrolled": True,
            "end_date": "永久",
            "in_cart": None,
        }


def test_a_free_term_that_was_had_is_told(learner: ClientAt) -> None:
    course, other = builders.a_course(prices=[0, 10000]), builders.a_course(prices=[0])
    for one in (course, other):
        assert mine(learner, one)["free_term_had"] is False
        assert learner.pay([one], 0)["code"] == 1000
    assert mine(learner, course)["free_term_had"] is True
    assert mine(learner, other)["free_term_had"] is False, "without paid terms it can be had again"


def test_the_newest_unpaid_order_with_the_course_is_told(learner: ClientAt) -> None:
    course, other = builders.a_course(prices=[10000]), builders.a_course(prices=[10000])
    older = number_in(learner.pay([course], 100)["data"])
    newer = number_in(learner.pay([other, course], 200)["data"])
    assert number_in(learner.pay([other], 100)["data"]) == mine(learner, other)["open_order"]
    assert mine(learner, course)["open_order"] == newer
    purchases.cancel(learner, newer)
    assert mine(learner, course)["open_order"] == older
    purchases.cancel(learner, older)
    assert mine(learner, course)["open_order"] is None


def test_the_coupons_that_can_be_used_for_it_now_are_told(learner: ClientAt) -> None:
    assert learner.user is not None
    course, other, now = builders.a_course(), builders.a_course(), builders.now()
    offer = builders.an_offer(course=course.key, brief="开学季")
    claimed = learner.post(f"/coupons/{offer.coupon_id}/claim")["data"]
    general = builders.a_coupon(learner.user)
    builders.a_coupon(learner.user, course=other.key)
    builders.a_coupon(learner.user, course=course.key, valid_until=now)
    builders.a_coupon(learner.user, course=course.key, status=coupon.RESERVED)
    coupons = mine(learner, course)["coupons"]
    assert [row["pk"] for row in coupons] == [general.record_id, claimed["pk"]]
    assert coupons[1] == claimed


def test_an_offline_course_is_there_for_whoever_had_it(learner: ClientAt) -> None:
    course = builders.a_course(status=OFFLINE)
    check_refusal(ask(learner, course), 1601)
    give(learner, course, 7, 8)
    assert mine(learner, course) == NOTHING | {"ended": True}
    check_refusal(ask(ClientAt(builders.a_user()), course), 1601)


@pytest.mark.parametrize("path", ["/course/x/mine", "/course/1/mine?course_type=coupon", "/course/0/mine"])
def test_what_is_no_course_is_1601(learner: ClientAt, path: str) -> None:
    check_refusal(learner.get(path), 1601)


def test_a_visitor_is_401(learner: ClientAt) -> None:
    path = f"/course/{builders.a_course().course_id}/mine"
    assert ClientAt().request("GET", path).status_code == 401
    learner.delete("/logout")
    assert learner.request("GET", path).status_code == 401
