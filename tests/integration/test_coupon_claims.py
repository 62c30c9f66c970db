"""Claiming coupons: never more than there are, one for each person, in its time; whatever breaks on the way."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

import app as application
from chalicelib.errors import CouponClaimed, CouponSoldOut, OutcomeUnknown, StoreUnavailable
from chalicelib.flows.claim_coupon import claim_coupon, sweep_claims
from chalicelib.shop import coupon, coupon_claim
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.user import user_item
from localstack.api_gateway import SCHEDULED_FUNCTIONS
from tests import builders
from tests.addresses import ClientAt, new_address
from tests.faults import (
    Fault,
    die_after,
    die_before,
    hold_before,
    internal_error,
    reset_after,
    transaction_conflict,
)
from tests.faults.actions import Gate
from tests.faults.routing import FaultyApp
from tests.purchases import Clock, at_once
from tests.shapes import check, check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

LATER = timedelta(minutes=2)
"""After so long a claim that was cut off is one for the sweep."""


def claim(client: ClientAt, offer: CouponOffer) -> Any:
    return client.post(f"/coupons/{offer.coupon_id}/claim")


def claim_patiently(client: ClientAt, offer: CouponOffer) -> Any:
    """A claim as a learner makes it: who is told of an outage, as on a busy machine, tries again."""
    while (answer := claim(client, offer))["code"] == 503:
        pass
    return answer


def claim_directly(user_id: int, offer: CouponOffer, now: datetime | None = None) -> CouponRecord:
    """A claim, as the API's function makes it."""
    return claim_coupon(user_id, coupon.find_offer(offer.coupon_id), new_address(), now or builders.now())


def sweep(now: datetime | None = None) -> int:
    return sweep_claims(lambda: now or builders.now() + LATER, 60)


def records_of(user_id: int, offer: CouponOffer) -> list[CouponRecord]:
    return [record for record in coupon.list_records(user_id) if record.coupon_id == offer.coupon_id]


def stored(offer: CouponOffer) -> CouponOffer:
    found = coupon.find_offer(int(offer.coupon_id))
    assert found is not None
    return found


def in_flight(offer: CouponOffer) -> set[str]:
    return set(stored(offer).in_flight or ())


def check_adds_up(offer: CouponOffer, user_ids: Sequence[int]) -> int:
    """Every piece is either left or some one user's -> how many users have one."""
    held = {user_id: len(records_of(user_id, offer)) for user_id in user_ids}
    assert max(held.values(), default=0) <= 1
    for user_id, number in held.items():
        claims = [one for one in coupon_claim.list_claims(user_id) if one.coupon_id == offer.coupon_id]
        assert [one.is_done() for one in claims if one.is_done()] == [True] * number
    assert stored(offer).remaining + sum(held.values()) == stored(offer).quantity
    assert not in_flight(offer)
    return sum(held.values())


def a_crowd(number: int) -> list[ClientAt]:
    """So many learners behind one address."""
    address = new_address()

    def one(_: int) -> ClientAt:
        user = user_item(
            builders.new_id(),
            username=builders.new_name(),
            password="!",
            name="",
            head_img="",
            created_at=builders.now(),
        )
        user.save()
        return ClientAt(user, address)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(number)))


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


# One claim


def test_a_learner_claims_a_coupon_and_has_it_at_once(learner: ClientAt) -> None:
    course = builders.a_course()
    offer = builders.an_offer(
        quantity=3, course=course.key, coupon_type=coupon.FULL, value=5000, minimum=10000
    )
    answer = claim(learner, offer)
    check(
        answer,
        {
            "code": 1000,
            "msg": str,
            "data": {
                "pk": int,
                "name": offer.name,
                "coupon_type": "满减券",
                "money_equivalent_value": 50.0,
                "off_percent": None,
                "minimum_consume": 100,
                "course_id": course.course_id,
                "course_type": "course",
                "begin_date": str,
                "end_date": str,
                "brief": "",
                "course_name": course.name,
                "coursedetail_id": str(course.detail_id),
                "not_yet": False,
                "order_number": None,
                "used_date": None,
            },
        },
    )
    assert answer["data"] in learner.get("/coupons")["data"]["usable"]
    assert learner.user is not None
    assert check_adds_up(offer, [learner.user.user_id]) == 1
    assert stored(offer).remaining == 2
    assert learner.pay([course], 250, coupons={0: records_of(learner.user.user_id, offer)[0]})["code"] == 1000


def test_a_second_claim_is_refused_and_takes_no_piece(learner: ClientAt) -> None:
    offer = builders.an_offer(quantity=3)
    assert claim(learner, offer)["code"] == 1000
    for _ in range(2):
        check_refusal(claim(learner, offer), 1703)
    assert learner.user is not None
    assert check_adds_up(offer, [learner.user.user_id]) == 1


def test_a_coupon_that_was_used_cannot_be_claimed_again(learner: ClientAt) -> None:
    offer, course = builders.an_offer(value=30000), builders.a_course(prices=[30000])
    assert claim(learner, offer)["code"] == 1000
    assert learner.user is not None
    [record] = records_of(learner.user.user_id, offer)
    assert learner.pay([course], 0, general=record)["code"] == 1000
    check_refusal(claim(learner, offer), 1703)


def test_what_is_sold_out_is_said_to_be_and_can_be_claimed_when_there_is_more(learner: ClientAt) -> None:
    offer = builders.an_offer(quantity=1)
    assert claim(ClientAt(builders.a_user()), offer)["code"] == 1000
    for _ in range(2):
        check_refusal(claim(learner, offer), 1704)
    stored(offer).update([CouponOffer.quantity.set(2), CouponOffer.remaining.add(1)])
    assert claim(learner, offer)["code"] == 1000
    check_refusal(claim(learner, offer), 1703)


def test_a_coupon_without_a_piece_is_sold_out_from_the_beginning(learner: ClientAt) -> None:
    check_refusal(claim(learner, builders.an_offer(quantity=0)), 1704)


@pytest.mark.parametrize(
    "coupon_id", ["0", "1", "x", "-1", "1.0", "9" * 15, "9" * 16, "１", "%00", "COUPON%231"]
)
def test_a_coupon_that_does_not_exist_is_refused(learner: ClientAt, coupon_id: str) -> None:
    check_refusal(learner.post(f"/coupons/{coupon_id}/claim/"), 1701)


def test_a_coupon_that_is_offline_is_like_one_that_does_not_exist(learner: ClientAt) -> None:
    offer = builders.an_offer(status=coupon.OFFLINE)
    check_refusal(claim(learner, offer), 1701)
    assert learner.user is not None
    assert check_adds_up(offer, [learner.user.user_id]) == 0


def test_the_window_is_respected_at_both_edges(clock: Clock) -> None:
    opens, moment = builders.now() + timedelta(hours=1), timedelta(microseconds=1)
    offer = builders.an_offer(open_at=opens, close_at=opens + timedelta(minutes=10), valid_days=3)
    early, late = ClientAt(builders.a_user()), ClientAt(builders.a_user())
    clock.stand_at(opens - moment)
    check_refusal(claim(early, offer), 1702)
    clock.stand_at(opens)
    assert claim(early, offer)["code"] == 1000
    clock.stand_at(opens + timedelta(minutes=10) - moment)
    assert claim(late, offer)["code"] == 1000
    clock.stand_at(opens + timedelta(minutes=10))
    check_refusal(claim(ClientAt(builders.a_user()), offer), 1702)
    assert early.user is not None
    [record] = records_of(early.user.user_id, offer)
    assert (record.valid_from, record.valid_until) == (opens, opens + timedelta(days=3))


def test_nobody_claims_a_coupon_whose_days_are_over(learner: ClientAt, clock: Clock) -> None:
    last = builders.now() + timedelta(hours=1)
    days: dict[str, Any] = {"valid_from": last - timedelta(days=1), "valid_until": last}
    offer = builders.an_offer(close_at=last + timedelta(days=9), valid_days=None, **days)
    clock.stand_at(last)
    check_refusal(claim(learner, offer), 1702)
    assert offer.coupon_id not in [shown["id"] for shown in learner.get("/coupons/available")["data"]]
    clock.stand_at(last - timedelta(microseconds=1))
    assert claim(learner, offer)["code"] == 1000


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[]", b'{"quantity": 5}'])
def test_a_claim_needs_no_body(learner: ClientAt, body: bytes) -> None:
    answer = learner.request("POST", f"/coupons/{builders.an_offer().coupon_id}/claim", data=body)
    assert answer.json()["code"] == 1000


def test_an_unreadable_body_is_400_and_a_visitor_401(learner: ClientAt) -> None:
    path = f"/coupons/{builders.an_offer().coupon_id}/claim"
    assert learner.request("POST", path, data=b"{").status_code == 400
    assert ClientAt().request("POST", path, data=b"{").status_code == 401


def test_an_imported_record_of_the_same_coupon_is_no_claim(learner: ClientAt) -> None:
    offer = builders.an_offer()
    assert learner.user is not None
    coupon.record_item(offer, learner.user.user_id, builders.new_id(), builders.now()).save()
    assert claim(learner, offer)["code"] == 1000


# Many at once


@pytest.mark.timeout(600)
def test_two_hundred_at_once_claim_a_coupon_of_fifty_and_exactly_fifty_have_it() -> None:
    offer, crowd = builders.an_offer(quantity=50), a_crowd(200)
    outages: list[Any] = []

    def claim_noting_outages(client: ClientAt) -> Any:
        answer = claim(client, offer)
        if answer["code"] == 503:
            outages.append(client)
            answer = claim_patiently(client, offer)
        return answer

    answers = at_once(*(lambda client=client: claim_noting_outages(client) for client in crowd))
    codes = [answer["code"] for answer in answers]
    sweep()
    if outages:
        # A claim that was cut off held a piece while others were told that all are gone. They try again.
        assert set(codes) <= {1000, 1703, 1704}
        for client in crowd:
            if client.user and stored(offer).remaining and not records_of(client.user.user_id, offer):
                claim_patiently(client, offer)
                sweep()
    else:
        assert (codes.count(1000), codes.count(1704)) == (50, 150)
    user_ids = [client.user.user_id for client in crowd if client.user is not None]
    assert check_adds_up(offer, user_ids) == 50
    assert stored(offer).remaining == 0
    for client, answer in zip(crowd, answers, strict=True):
        assert client.user is not None
        pks = [record.record_id for record in records_of(client.user.user_id, offer)]
        if answer["code"] == 1000:
            assert pks == [answer["data"]["pk"]]
        elif not outages:
            assert pks == []


def test_one_person_many_times_at_once_gets_one(learner: ClientAt) -> None:
    offer = builders.an_offer(quantity=10)
    answers = at_once(*[lambda: claim(learner, offer)] * 12)
    assert sorted(answer["code"] for answer in answers) == [1000] + [1703] * 11
    assert learner.user is not None
    assert check_adds_up(offer, [learner.user.user_id]) == 1
    assert stored(offer).remaining == 9


def test_ten_people_each_three_times_at_once_for_five_pieces() -> None:
    offer = builders.an_offer(quantity=5)
    crowd = [ClientAt(builders.a_user()) for _ in range(10)]
    answers = at_once(*[lambda client=client: claim(client, offer) for client in crowd * 3])
    codes = [answer["code"] for answer in answers]
    assert codes.count(1000) == 5
    assert set(codes) <= {1000, 1703, 1704}
    assert check_adds_up(offer, [client.user.user_id for client in crowd if client.user]) == 5


def test_many_coupons_claimed_at_once_by_one_person_are_all_his(learner: ClientAt) -> None:
    offers = [builders.an_offer(quantity=1) for _ in range(8)]
    answers = at_once(*(lambda offer=offer: claim(learner, offer) for offer in offers))
    assert [answer["code"] for answer in answers] == [1000] * 8
    assert learner.user is not None
    for offer in offers:
        assert check_adds_up(offer, [learner.user.user_id]) == 1


# Cut off


@pytest.mark.parametrize("cut", [die_before, die_after])
def test_cut_off_at_any_call_nothing_is_lost_and_nobody_gets_two(faulty_app: FaultyApp, cut: Any) -> None:
    had_it = []
    for nth in range(1, 20):
        offer, user_id = builders.an_offer(quantity=2), builders.new_id()
        fault = Fault.on(action=cut(), nth=nth, must_fire=False)
        with faulty_app.dynamodb.faults(fault):
            try:
                claim_directly(user_id, offer)
                finished = True
            except (StoreUnavailable, OutcomeUnknown):
                finished = False
        if not fault.fired:
            break
        sweep(builders.now())
        assert stored(offer).remaining + len(in_flight(offer)) + len(records_of(user_id, offer)) >= 2
        sweep()
        had = check_adds_up(offer, [user_id])
        assert had or not finished
        had_it.append(had)
        if had:
            with pytest.raises(CouponClaimed):
                claim_directly(user_id, offer, builders.now() + LATER)
        else:
            claim_directly(user_id, offer, builders.now() + LATER)
        assert check_adds_up(offer, [user_id]) == 1
    else:
        pytest.fail("a claim never came to its end")
    # Reading the offer, the marker, the piece, the record, the note cleared.
    assert had_it == ([0, 0, 0, 1, 1] if cut is die_after else [0, 0, 0, 0, 1])


def test_a_claim_whose_answers_are_lost_one_by_one_is_one_claim(faulty_app: FaultyApp) -> None:
    for nth in range(1, 20):
        offer, user_id = builders.an_offer(quantity=2), builders.new_id()
        fault = Fault.on(action=reset_after(), nth=nth, must_fire=False)
        with faulty_app.dynamodb.faults(fault):
            claim_directly(user_id, offer)
        assert check_adds_up(offer, [user_id]) == 1, nth
        if not fault.fired:
            break
    else:
        pytest.fail("a claim never came to its end")
    assert nth == 6


def test_the_last_piece_taken_with_a_lost_answer_is_not_called_sold_out(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(quantity=1), builders.new_id()
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=reset_after(), nth=1)):
        claim_directly(user_id, offer)
    assert check_adds_up(offer, [user_id]) == 1


def test_sold_out_with_a_lost_answer_is_still_sold_out(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(quantity=0), builders.new_id()
    for fault in (
        Fault.on("DeleteItem", action=reset_after(), nth=1),
        Fault.on("DeleteItem", action=internal_error()),
    ):
        with faulty_app.dynamodb.faults(fault), pytest.raises(CouponSoldOut):
            claim_directly(user_id, offer)
        stored(offer).update([CouponOffer.remaining.set(0)])
        later = builders.now() + coupon_claim.RETRY_AFTER + timedelta(seconds=1)
        with pytest.raises(CouponSoldOut):
            claim_directly(user_id, offer, later)
    assert check_adds_up(offer, [user_id]) == 0


def test_a_conflict_with_the_sweep_is_tried_again(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(), builders.new_id()
    conflict = Fault.on("TransactWriteItems", action=transaction_conflict(), nth=range(1, 4))
    with faulty_app.dynamodb.faults(conflict):
        claim_directly(user_id, offer)
    assert check_adds_up(offer, [user_id]) == 1


def test_after_a_cut_the_user_waits_half_a_minute_and_not_for_the_sweep(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(quantity=2), builders.new_id()
    begun = builders.now()
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=die_after(), nth=1)):
        with pytest.raises(StoreUnavailable):
            claim_directly(user_id, offer, begun)
    with pytest.raises(CouponClaimed):
        claim_directly(user_id, offer, begun + coupon_claim.RETRY_AFTER)
    claim_directly(user_id, offer, begun + coupon_claim.RETRY_AFTER + timedelta(seconds=1))
    assert stored(offer).remaining == 0, "the cut claim's piece is still noted"
    assert len(in_flight(offer)) == 1
    sweep(begun)
    assert check_adds_up(offer, [user_id]) == 1
    assert stored(offer).remaining == 1


def test_a_cut_claim_of_the_last_piece_lets_somebody_else_have_it_after_the_sweep(
    faulty_app: FaultyApp,
) -> None:
    offer, unlucky, lucky = builders.an_offer(quantity=1), builders.new_id(), builders.new_id()
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=die_after(), nth=1)):
        with pytest.raises(StoreUnavailable):
            claim_directly(unlucky, offer)
    with pytest.raises(CouponSoldOut):
        claim_directly(lucky, offer)
    sweep()
    claim_directly(lucky, offer)
    assert check_adds_up(offer, [lucky, unlucky]) == 1


# The sweep


def cut_claims(faulty_app: FaultyApp, number: int) -> tuple[CouponOffer, list[int]]:
    """A coupon of which so many claims were cut after taking a piece, and the users."""
    offer = builders.an_offer(quantity=number)
    user_ids = [builders.new_id() for _ in range(number)]
    for user_id in user_ids:
        mine = coupon_claim.claim_item(user_id, int(offer.coupon_id), builders.new_id(), builders.now())
        coupon_claim.begin(mine)
        coupon_claim.take_one(offer, mine)
    assert (stored(offer).remaining, len(in_flight(offer))) == (0, number)
    return offer, user_ids


def test_claims_under_way_are_left_alone(faulty_app: FaultyApp) -> None:
    offer, user_ids = cut_claims(faulty_app, 3)
    sweep(builders.now() + timedelta(seconds=50))
    assert (stored(offer).remaining, len(in_flight(offer))) == (0, 3)
    sweep()
    assert check_adds_up(offer, user_ids) == 0


def test_many_sweeps_at_once_give_each_piece_back_once(faulty_app: FaultyApp) -> None:
    offer, user_ids = cut_claims(faulty_app, 6)
    cleared = at_once(*[sweep] * 4)
    assert check_adds_up(offer, user_ids) == 0
    assert sum(cleared) >= 6
    sweep()
    assert stored(offer).remaining == 6


def test_a_sweep_that_is_cut_off_anywhere_is_finished_by_the_next(faulty_app: FaultyApp) -> None:
    sweep()
    for nth in range(1, 30):
        offer, user_ids = cut_claims(faulty_app, 1)
        done = builders.new_id()
        stored(offer).update([CouponOffer.quantity.set(2), CouponOffer.remaining.add(1)])
        claim_directly(done, offer)
        finished = coupon_claim.list_claims(done)[0]
        stored(offer).update([CouponOffer.in_flight.add({finished.token})])
        fault = Fault.on(action=die_after(), nth=nth, must_fire=False)
        with faulty_app.dynamodb.faults(fault):
            try:
                sweep()
            except StoreUnavailable:
                assert nth == 1 or fault.fired
        if not fault.fired:
            break
        sweep()
        assert check_adds_up(offer, [*user_ids, done]) == 1, nth
    else:
        pytest.fail("a sweep never came to its end")
    assert nth > 5


def test_a_sweep_goes_on_with_the_other_notes_when_one_is_in_trouble(faulty_app: FaultyApp) -> None:
    offer, user_ids = cut_claims(faulty_app, 3)
    with faulty_app.dynamodb.faults(Fault.on("DeleteItem", action=internal_error(), nth=range(1, 4))):
        sweep()
    assert len(in_flight(offer)) == 1
    sweep()
    assert check_adds_up(offer, user_ids) == 0


def test_a_sweep_keeps_to_its_time(faulty_app: FaultyApp) -> None:
    offer, _ = cut_claims(faulty_app, 2)
    assert sweep_claims(lambda: builders.now() + LATER, 0) == 0
    assert len(in_flight(offer)) == 2


def test_the_scheduled_function_sweeps_by_the_applications_clock(faulty_app: FaultyApp, clock: Clock) -> None:
    offer, user_ids = cut_claims(faulty_app, 1)
    event = {
        "version": "0",
        "id": "1",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "0",
        "time": "2026-01-01T00:00:00Z",
        "region": "test",
        "resources": [],
        "detail": {},
    }
    application.sweep_coupon_claims(event, None)
    assert len(in_flight(offer)) == 1
    clock.advance(minutes=2)
    application.sweep_coupon_claims(event, None)
    assert check_adds_up(offer, user_ids) == 0


# Slow claims


def test_a_claim_so_slow_that_the_sweep_ended_it_gives_its_piece_back_once(faulty_app: FaultyApp) -> None:
    offer, user_id, gate = builders.an_offer(quantity=1), builders.new_id(), Gate()

    def slow() -> str:
        with pytest.raises(CouponClaimed):
            claim_directly(user_id, offer)
        return "refused"

    def sweeper() -> str:
        gate.wait_for_a_call()
        sweep()
        assert check_adds_up(offer, [user_id]) == 0
        gate.open()
        return "swept"

    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)):
        assert at_once(slow, sweeper) == ["refused", "swept"]
    assert check_adds_up(offer, [user_id]) == 0
    claim_directly(user_id, offer)
    assert check_adds_up(offer, [user_id]) == 1


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "TransactWriteItems"])
def test_a_claim_overtaken_by_its_users_second_one_leaves_one_coupon(
    faulty_app: FaultyApp, operation: str
) -> None:
    offer, user_id, gate = builders.an_offer(quantity=3), builders.new_id(), Gate()

    def slow() -> str:
        try:
            claim_directly(user_id, offer)
        except CouponClaimed:
            return "refused"
        return "done"

    def second() -> str:
        gate.wait_for_a_call()
        claim_directly(user_id, offer, builders.now() + timedelta(seconds=31))
        gate.open()
        return "done"

    with faulty_app.dynamodb.faults(Fault.on(operation, action=hold_before(gate), nth=1)):
        assert at_once(slow, second) == ["refused", "done"]
    assert check_adds_up(offer, [user_id]) == 1
    assert stored(offer).remaining == 2


def test_a_claim_does_not_finish_the_one_that_replaced_it(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(quantity=3), builders.new_id()
    first_waits, second_waits = Gate(), Gate()

    def second() -> CouponRecord:
        first_waits.wait_for_a_call()
        return claim_directly(user_id, offer, builders.now() + timedelta(seconds=31))

    def first() -> None:
        with pytest.raises(CouponClaimed):
            claim_directly(user_id, offer)
        second_waits.open()

    def opener() -> None:
        second_waits.wait_for_a_call()
        first_waits.open()

    with faulty_app.dynamodb.faults(
        Fault.on("TransactWriteItems", action=hold_before(first_waits), nth=1),
        Fault.on("TransactWriteItems", action=hold_before(second_waits), nth=2),
    ):
        _, given, _ = at_once(first, second, opener)
    assert given is not None
    assert [one.record_id for one in records_of(user_id, offer)] == [given.record_id]
    sweep()
    assert check_adds_up(offer, [user_id]) == 1


def test_a_sweep_does_not_end_a_claim_that_is_finished_in_that_moment(faulty_app: FaultyApp) -> None:
    offer, user_id = builders.an_offer(quantity=2), builders.new_id()
    claim_waits, sweep_waits = Gate(), Gate()

    def claimer() -> None:
        claim_directly(user_id, offer)
        sweep_waits.open()

    def sweeper() -> None:
        claim_waits.wait_for_a_call()
        sweep()

    def opener() -> None:
        sweep_waits.wait_for_a_call()
        claim_waits.open()

    with faulty_app.dynamodb.faults(
        Fault.on("TransactWriteItems", action=hold_before(claim_waits), nth=1),
        Fault.on("DeleteItem", action=hold_before(sweep_waits), nth=1),
    ):
        at_once(claimer, sweeper, opener)
    assert check_adds_up(offer, [user_id]) == 1
    with pytest.raises(CouponClaimed):
        claim_directly(user_id, offer, builders.now() + LATER)


def test_sweeps_and_claims_at_once_add_up(faulty_app: FaultyApp) -> None:
    offer, cut = cut_claims(faulty_app, 4)
    crowd = [builders.new_id() for _ in range(8)]

    def attempt(user_id: int) -> bool:
        try:
            claim_directly(user_id, offer)
        except CouponSoldOut:
            return False
        return True

    calls: list[Any] = [lambda user_id=user_id: attempt(user_id) for user_id in crowd]
    results = at_once(*calls, sweep, sweep)[: len(crowd)]
    sweep()
    assert check_adds_up(offer, [*crowd, *cut]) == sum(results)


# Stores in trouble


def test_without_redis_coupons_are_claimed_all_the_same(faulty_app: FaultyApp) -> None:
    learner, offer = ClientAt(builders.a_user()), builders.an_offer()
    with faulty_app.redis.down():
        assert claim(learner, offer)["code"] == 1000
        check_refusal(claim(learner, offer), 1703)


def test_without_the_database_a_claim_is_503(faulty_app: FaultyApp) -> None:
    learner, offer = ClientAt(builders.a_user()), builders.an_offer()
    with faulty_app.dynamodb.faults(Fault.on("PutItem", action=internal_error())):
        answer = learner.request("POST", f"/coupons/{offer.coupon_id}/claim")
    assert answer.status_code == 503
    check_refusal(answer.json(), 503)
    assert claim(learner, offer)["code"] == 1000


def test_a_note_that_cannot_be_cleared_fails_no_claim(faulty_app: FaultyApp) -> None:
    learner, offer = ClientAt(builders.a_user()), builders.an_offer()
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=internal_error(), nth=range(2, 9))):
        assert claim(learner, offer)["code"] == 1000
    assert len(in_flight(offer)) == 1
    sweep(builders.now())
    assert learner.user is not None
    assert check_adds_up(offer, [learner.user.user_id]) == 1


def test_each_scheduled_function_of_the_application_is_fired_locally_too() -> None:
    assert {source.name for source in application.app.event_sources} == set(SCHEDULED_FUNCTIONS)
