"""A user's coupons, and the coupons open to claim, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import app as application
from chalicelib.beijing_time import beijing_text
from chalicelib.shop import coupon
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE, CourseKey
from chalicelib.shop.order import list_orders
from localstack.alipay import AlipaySimulator
from tests import builders
from tests.addresses import ClientAt
from tests.faults import Fault, internal_error
from tests.faults.routing import FaultyApp
from tests.purchases import Clock, cancel, number_in
from tests.shapes import check, check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

GROUPS = ("usable", "reserved", "used", "expired")


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


def groups(client: ClientAt) -> dict[str, list[int]]:
    """The pks of a learner's coupons by group."""
    answer = client.get("/coupons/")
    check(answer, {"code": 1000, "msg": "", "data": dict.fromkeys(GROUPS, list)})
    return {name: [row["pk"] for row in rows] for name, rows in answer["data"].items()}


def offered(client: ClientAt, offer: coupon.CouponOffer) -> Any:
    """The row of an offer among those that can be claimed, or None."""
    answer = client.get("/coupons/available/")
    check(answer, {"code": 1000, "msg": "", "data": list})
    rows = [row for row in answer["data"] if row["id"] == offer.coupon_id]
    assert len(rows) <= 1
    return rows[0] if rows else None


# Mine


def test_a_new_learner_has_no_coupons(learner: ClientAt) -> None:
    assert groups(learner) == {name: [] for name in GROUPS}


def test_a_general_coupon_is_shown_with_exactly_its_rules(learner: ClientAt) -> None:
    assert learner.user is not None
    record = builders.a_coupon(
        learner.user,
        coupon_type=coupon.FULL,
        value=5050,
        minimum=19999,
        valid_from=datetime(2026, 1, 1, 16, tzinfo=UTC),
        valid_until=datetime(2099, 1, 31, 16, tzinfo=UTC),
    )
    assert learner.get("/coupons")["data"]["usable"] == [
        {
            "pk": record.record_id,
            "name": record.name,
            "coupon_type": "满减券",
            "money_equivalent_value": 50.5,
            "off_percent": None,
            "minimum_consume": 199.99,
            "begin_date": "2026-01-02 00:00:00",
            "end_date": "2099-02-01 00:00:00",
            "brief": "",
            "course_name": None,
            "coursedetail_id": None,
            "not_yet": False,
            "order_number": None,
            "used_date": None,
        }
    ]


def test_a_course_s_coupon_names_its_course(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(course_type=DEGREE_COURSE)
    builders.a_coupon(learner.user, course=course.key, coupon_type=coupon.PERCENT, off_percent=80)
    [row] = learner.get("/coupons")["data"]["usable"]
    check(
        row,
        {
            "pk": int,
            "name": str,
            "coupon_type": "折扣券",
            "money_equivalent_value": 0.0,
            "off_percent": 80,
            "minimum_consume": 0,
            "course_id": course.course_id,
            "course_type": "degree_course",
            "begin_date": str,
            "end_date": str,
            "brief": "",
            "course_name": course.name,
            "coursedetail_id": str(course.detail_id),
            "not_yet": False,
            "order_number": None,
            "used_date": None,
        },
    )


def test_a_coupon_of_a_course_that_is_gone_has_no_name(learner: ClientAt) -> None:
    assert learner.user is not None
    key = CourseKey(COURSE, builders.new_id())
    builders.a_coupon(learner.user, course=key)
    [row] = learner.get("/coupons")["data"]["usable"]
    assert (row["course_id"], row["course_name"], row["coursedetail_id"]) == (key.course_id, None, None)


def test_a_claimed_coupon_says_what_its_offer_says(learner: ClientAt) -> None:
    course = builders.a_course(with_detail=False)
    offer = builders.an_offer(course=course.key, brief="开学季", valid_days=None, **days_from_tomorrow())
    claimed = learner.post(f"/coupons/{offer.coupon_id}/claim")["data"]
    assert (claimed["brief"], claimed["course_name"], claimed["coursedetail_id"]) == (
        "开学季",
        course.name,
        None,
    )
    assert claimed["not_yet"] is True
    assert learner.get("/coupons")["data"]["usable"] == [claimed]


def days_from_tomorrow() -> dict[str, Any]:
    tomorrow = builders.now() + timedelta(days=1)
    return {"valid_from": tomorrow, "valid_until": tomorrow + timedelta(days=7)}


def test_a_coupon_names_the_order_that_holds_or_used_it(learner: ClientAt, alipay: AlipaySimulator) -> None:
    assert learner.user is not None
    record = builders.a_coupon(learner.user, value=1000)
    number = number_in(learner.pay([builders.a_course(prices=[10000])], 90, general=record)["data"])
    [row] = learner.get("/coupons")["data"]["reserved"]
    assert (row["order_number"], row["used_date"], row["not_yet"]) == (number, None, False)
    cancel(learner, number)
    [row] = learner.get("/coupons")["data"]["usable"]
    assert (row["order_number"], row["used_date"]) == (None, None)
    learner.pay([builders.a_course(prices=[1000])], 0, general=record)
    [row] = learner.get("/coupons")["data"]["used"]
    [order] = list_orders(learner.user.user_id, 1, None).orders
    assert order.paid_at is not None
    assert (row["order_number"], row["used_date"]) == (order.number, beijing_text(order.paid_at))


def test_coupons_stand_in_the_group_of_what_can_be_done_with_them(learner: ClientAt) -> None:
    assert learner.user is not None
    past, soon = builders.now() - timedelta(seconds=1), builders.now() + timedelta(days=1)
    made = {
        "good": builders.a_coupon(learner.user),
        "not yet good": builders.a_coupon(
            learner.user, valid_from=soon, valid_until=soon + timedelta(days=1)
        ),
        "over": builders.a_coupon(learner.user, valid_until=past),
        "marked as over": builders.a_coupon(learner.user, status=coupon.EXPIRED),
        "reserved": builders.a_coupon(learner.user, status=coupon.RESERVED),
        "reserved and over": builders.a_coupon(learner.user, status=coupon.RESERVED, valid_until=past),
        "used": builders.a_coupon(learner.user, status=coupon.USED),
        "used and over": builders.a_coupon(learner.user, status=coupon.USED, valid_until=past),
    }
    names = {record.record_id: name for name, record in made.items()}
    shown = {group: {names[pk] for pk in pks} for group, pks in groups(learner).items()}
    assert shown == {
        "usable": {"good", "not yet good"},
        "reserved": {"reserved", "reserved and over"},
        "used": {"used", "used and over"},
        "expired": {"over", "marked as over"},
    }


def test_a_coupon_goes_through_the_groups_with_its_order(learner: ClientAt, alipay: AlipaySimulator) -> None:
    assert learner.user is not None
    record, course = builders.a_coupon(learner.user, value=1000), builders.a_course(prices=[10000])
    answer = learner.pay([course], 90, general=record)
    assert groups(learner)["reserved"] == [record.record_id]
    assert cancel(learner, number_in(answer["data"]))["code"] == 1000
    assert groups(learner)["usable"] == [record.record_id]
    free = builders.a_course(prices=[1000])
    assert learner.pay([free], 0, general=record)["code"] == 1000
    assert groups(learner)["used"] == [record.record_id]


def test_a_coupon_is_good_until_its_last_moment(learner: ClientAt, clock: Clock) -> None:
    assert learner.user is not None
    end = builders.now() + timedelta(hours=2)
    record = builders.a_coupon(learner.user, valid_until=end)
    clock.stand_at(end - timedelta(microseconds=1))
    assert groups(learner)["usable"] == [record.record_id]
    clock.stand_at(end)
    assert groups(learner)["expired"] == [record.record_id]


def test_those_that_end_first_come_first(learner: ClientAt) -> None:
    assert learner.user is not None
    made = [
        builders.a_coupon(learner.user, valid_until=builders.now() + timedelta(days=days))
        for days in (5, 1, 3)
    ]
    assert groups(learner)["usable"] == [made[i].record_id for i in (1, 2, 0)]


def test_nobody_sees_another_s_coupons(learner: ClientAt) -> None:
    builders.a_coupon(builders.a_user())
    assert groups(learner) == {name: [] for name in GROUPS}
    assert ClientAt().request("GET", "/coupons").status_code == 401


def test_an_offer_that_goes_offline_takes_no_coupon_from_anybody(learner: ClientAt) -> None:
    offer = builders.an_offer(value=1000)
    assert learner.post(f"/coupons/{offer.coupon_id}/claim")["code"] == 1000
    offer.update([coupon.CouponOffer.status.set(coupon.OFFLINE)])
    [row] = learner.get("/coupons")["data"]["usable"]
    assert offered(learner, offer) is None
    assert learner.user is not None
    [record] = coupon.list_records(learner.user.user_id)
    assert row["pk"] == record.record_id
    assert learner.pay([builders.a_course(prices=[10000])], 90, general=record)["code"] == 1000


# To claim


def test_an_offer_is_shown_with_exactly_its_rules(learner: ClientAt) -> None:
    course = builders.a_course()
    offer = builders.an_offer(
        quantity=7,
        course=course.key,
        coupon_type=coupon.PERCENT,
        value=0,
        off_percent=85,
        brief="开学季",
        open_at=datetime(2026, 1, 1, 16, tzinfo=UTC),
        close_at=datetime(2099, 1, 31, 16, tzinfo=UTC),
    )
    assert offered(learner, offer) == {
        "id": offer.coupon_id,
        "name": offer.name,
        "brief": "开学季",
        "coupon_type": "折扣券",
        "money_equivalent_value": 0.0,
        "off_percent": 85,
        "minimum_consume": 0,
        "course_id": course.course_id,
        "course_type": "course",
        "course_name": course.name,
        "coursedetail_id": str(course.detail_id),
        "quantity": 7,
        "remaining": 7,
        "open_date": "2026-01-02 00:00:00",
        "close_date": "2099-02-01 00:00:00",
        "valid_days": 7,
        "begin_date": None,
        "end_date": None,
        "claimed": False,
    }
    general = offered(learner, builders.an_offer())
    assert set(general) == set(offered(learner, offer)) - {"course_id", "course_type"}


def test_what_one_has_claimed_is_marked_for_oneself(learner: ClientAt) -> None:
    offer, other = builders.an_offer(quantity=2), ClientAt(builders.a_user())
    assert learner.post(f"/coupons/{offer.coupon_id}/claim")["code"] == 1000
    assert (offered(learner, offer)["claimed"], offered(other, offer)["claimed"]) == (True, False)
    assert offered(other, offer)["remaining"] == 1
    assert other.post(f"/coupons/{offer.coupon_id}/claim")["code"] == 1000
    assert offered(other, offer)["remaining"] == 0


def test_only_offers_whose_window_is_open_are_shown(learner: ClientAt, clock: Clock) -> None:
    opens, moment = builders.now() + timedelta(hours=1), timedelta(microseconds=1)
    closes = opens + timedelta(minutes=10)
    offer = builders.an_offer(open_at=opens, close_at=closes)
    shown = {}
    for at in (opens - moment, opens, closes - moment, closes):
        clock.stand_at(at)
        shown[at] = offered(learner, offer) is not None
    assert list(shown.values()) == [False, True, True, False]


def test_an_offline_offer_is_not_shown(learner: ClientAt) -> None:
    assert offered(learner, builders.an_offer(status=coupon.OFFLINE)) is None


def test_those_that_close_first_come_first(learner: ClientAt) -> None:
    made = [
        builders.an_offer(close_at=builders.now() + timedelta(minutes=minutes)).coupon_id
        for minutes in (30, 10, 20)
    ]
    rows = [row["id"] for row in learner.get("/coupons/available")["data"] if row["id"] in made]
    assert rows == [made[i] for i in (1, 2, 0)]


def test_an_offer_with_dates_shows_them(learner: ClientAt) -> None:
    begin = datetime(2026, 1, 1, 16, tzinfo=UTC)
    end = datetime(2099, 1, 31, 16, tzinfo=UTC)
    row = offered(learner, builders.an_offer(valid_days=None, valid_from=begin, valid_until=end))
    dates = (row["valid_days"], row["begin_date"], row["end_date"])
    assert dates == (None, "2026-01-02 00:00:00", "2099-02-01 00:00:00")


def test_those_that_nobody_can_have_any_more_come_last(learner: ClientAt) -> None:
    soon, later = (builders.now() + timedelta(minutes=minutes) for minutes in (1, 2))
    made = [
        builders.an_offer(close_at=soon, remaining=0).coupon_id,
        builders.an_offer(close_at=later).coupon_id,
        builders.an_offer(close_at=soon).coupon_id,
    ]
    rows = [row["id"] for row in learner.get("/coupons/available")["data"] if row["id"] in made]
    assert rows == [made[i] for i in (2, 1, 0)]


def test_coming_offers_are_shown_to_whoever_asks_for_them_last(learner: ClientAt) -> None:
    days = (1, 29, 31)
    coming = {
        day: builders.an_offer(
            open_at=builders.now() + timedelta(days=day), close_at=builders.now() + timedelta(days=99)
        ).coupon_id
        for day in days
    }
    now = builders.an_offer(close_at=builders.now() + timedelta(days=90)).coupon_id
    made = {now, *coming.values()}
    for query, wanted in (("", [now]), ("?coming=0", [now]), ("?coming=1", [now, coming[1], coming[29]])):
        rows = [row for row in learner.get(f"/coupons/available{query}")["data"] if row["id"] in made]
        assert [row["id"] for row in rows] == wanted
    check_refusal(learner.post(f"/coupons/{coming[1]}/claim"), 1702)


def test_an_offer_that_would_be_worthless_when_it_opens_does_not_come(learner: ClientAt) -> None:
    opens = builders.now() + timedelta(days=2)
    days: dict[str, Any] = {"valid_days": None, "valid_from": builders.now(), "valid_until": opens}
    offer = builders.an_offer(open_at=opens, close_at=opens + timedelta(days=1), **days)
    assert offer.coupon_id not in [row["id"] for row in learner.get("/coupons/available?coming=1")["data"]]


@pytest.mark.parametrize("whose", ["nobody", "a forged token", "an ended session"])
def test_a_visitor_sees_the_offers_and_has_claimed_none(learner: ClientAt, whose: str) -> None:
    offer = builders.an_offer(course=builders.a_course().key)
    assert learner.post(f"/coupons/{offer.coupon_id}/claim")["code"] == 1000
    row = offered(learner, offer)
    if whose == "an ended session":
        learner.delete("/logout")
    elif whose == "a forged token":
        learner.token = "x.y.z"
    else:
        learner = ClientAt()
    application.app.forget_fresh()
    assert offered(learner, offer) == row | {"claimed": False}


def test_what_visitors_see_is_kept_for_some_seconds(faulty_app: FaultyApp) -> None:
    ClientAt().get("/coupons/available")
    with faulty_app.dynamodb.recording() as made:
        ClientAt().get("/coupons/available?coming=1")
    assert not made


def test_a_cut_claim_is_not_marked_as_claimed(learner: ClientAt, faulty_app: FaultyApp) -> None:
    offer = builders.an_offer()
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=internal_error())):
        path = f"/coupons/{offer.coupon_id}/claim"
        assert learner.request("POST", path).status_code == 503
    assert offered(learner, offer)["claimed"] is False


# Stores


@pytest.mark.parametrize(("path", "calls"), [("/coupons", 3), ("/coupons/available", 4)])
def test_both_lists_are_read_in_a_bounded_number_of_calls(
    faulty_app: FaultyApp, path: str, calls: int
) -> None:
    learner = ClientAt(builders.a_user())
    assert learner.user is not None
    for _ in range(5):
        builders.a_coupon(learner.user, course=builders.a_course().key)
        builders.an_offer(course=builders.a_course().key)
    with faulty_app.dynamodb.recording() as made:
        assert learner.get(path)["code"] == 1000
    assert len(made) == calls
    assert all(call.request.get("ConsistentRead") for call in made if call.operation == "Query")


@pytest.mark.parametrize("path", ["/coupons", "/coupons/available"])
def test_a_database_that_is_down_is_503(faulty_app: FaultyApp, path: str) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.dynamodb.faults(Fault.on("Query", action=internal_error())):
        answer = learner.request("GET", path)
    assert answer.status_code == 503
    check_refusal(answer.json(), 503)
