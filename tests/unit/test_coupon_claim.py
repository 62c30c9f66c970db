"""A sweep's verdict on a token in flight, and how long a claimed coupon is good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.shop import coupon
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.coupon_claim import ABORT_AFTER, DONE, RETRY_AFTER, Verdict, claim_item, verdict

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CLAIM_SECONDS = 29
"""A function of the API runs no longer, so no claim does either."""


def an_offer(**attributes: object) -> CouponOffer:
    given = {
        "name": "券",
        "coupon_type": coupon.IMMEDIATE,
        "value": 100,
        "quantity": 1,
        "open_at": NOW,
        "close_at": NOW + timedelta(hours=1),
        "created_at": NOW,
    }
    return coupon.offer_item(1, **given | attributes)


def test_a_piece_without_a_claim_goes_back() -> None:
    assert verdict("1#2", None, NOW) is Verdict.GIVE_BACK


def test_a_piece_of_a_claim_that_was_replaced_goes_back() -> None:
    newer = claim_item(user_id=1, coupon_id=5, record_id=3, now=NOW)
    assert verdict("1#2", newer, NOW) is Verdict.GIVE_BACK
    newer.status = DONE
    assert verdict("1#2", newer, NOW) is Verdict.GIVE_BACK


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=1)])
def test_the_note_of_a_claim_that_is_done_is_cleared_and_its_piece_kept(later: timedelta) -> None:
    done = claim_item(user_id=1, coupon_id=5, record_id=2, now=NOW)
    done.status = DONE
    assert verdict(done.token, done, NOW + later) is Verdict.CONFIRM


def test_a_pending_claim_is_left_alone_for_a_minute_and_then_ended() -> None:
    pending = claim_item(user_id=1, coupon_id=5, record_id=2, now=NOW)
    assert verdict(pending.token, pending, NOW) is Verdict.LEAVE
    assert verdict(pending.token, pending, NOW + ABORT_AFTER) is Verdict.LEAVE
    assert verdict(pending.token, pending, NOW + ABORT_AFTER + timedelta(seconds=1)) is Verdict.END
    assert verdict(pending.token, pending, NOW - timedelta(hours=1)) is Verdict.LEAVE, "a clock that lags"


def test_nobody_takes_a_claim_over_that_may_still_be_running() -> None:
    assert timedelta(seconds=CLAIM_SECONDS) < RETRY_AFTER < ABORT_AFTER


def test_the_claim_window_holds_its_first_moment_and_not_its_last() -> None:
    offer = an_offer(open_at=NOW, close_at=NOW + timedelta(hours=1))
    moment = timedelta(microseconds=1)
    assert not offer.is_open(NOW - moment)
    assert offer.is_open(NOW)
    assert offer.is_open(NOW + timedelta(hours=1) - moment)
    assert not offer.is_open(NOW + timedelta(hours=1))


def test_a_record_of_so_many_days_is_good_from_the_moment_of_the_claim() -> None:
    record = coupon.record_item(an_offer(valid_days=3), 1, 2, NOW)
    assert record.is_usable(NOW)
    assert record.is_usable(NOW + timedelta(days=3) - timedelta(microseconds=1))
    assert not record.is_usable(NOW + timedelta(days=3))


def test_a_record_of_fixed_dates_is_good_between_them_whenever_it_was_claimed() -> None:
    first, last = NOW + timedelta(days=2), NOW + timedelta(days=4)
    record = coupon.record_item(an_offer(valid_from=first, valid_until=last), 1, 2, NOW)
    assert not record.is_usable(NOW)
    assert record.is_usable(first)
    assert not record.is_usable(last)


def test_a_record_keeps_the_offers_rules_when_the_offer_changes() -> None:
    offer = an_offer(valid_days=3, coupon_type=coupon.FULL, value=5000, minimum=10000)
    record = coupon.record_item(offer, 1, 2, NOW)
    offer.value, offer.minimum, offer.status = 1, 10**6, coupon.OFFLINE
    assert record.price_after(10000) == 5000
