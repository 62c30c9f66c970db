"""The timetable of queries about an order without a notification: by the timer, and by the order's page."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.shop import order
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import ALIPAY

PLACED = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)
SECOND = PLACED.replace(microsecond=0)
DAY = 24 * 60


def an_order(life: float = 30, **attributes: object) -> Order:
    """An open order that lives so many minutes."""
    expires_at = (PLACED + timedelta(minutes=life)).replace(microsecond=0)
    values = {
        "status": order.PLACED,
        "payment_type": ALIPAY,
        "amount": 100,
        "lines": [],
        "title": "课程",
    }
    return order.order_item("N1", 7, PLACED, expires_at=expires_at, **(values | attributes))


def looks(found: Order) -> list[float]:
    """All queries after the order was placed, in minutes since then, each asked for at the one before."""
    moments, now = [], PLACED
    while (at := found.next_query_at(now)) is not None:
        moments.append((at - SECOND) / timedelta(minutes=1))
        now = at
    return moments


def test_the_timetable_is_1_3_10_and_30_minutes_the_expiry_half_an_hour_later_and_three_days() -> None:
    late = [45, 45 + 30, 45 + DAY, 45 + 2 * DAY, 45 + 3 * DAY]
    assert looks(an_order(life=45)) == [1, 3, 10, 30, *late]


def test_a_look_at_30_minutes_that_is_the_expiry_is_one_look() -> None:
    assert looks(an_order(life=30)) == [1, 3, 10, 30, 60, 30 + DAY, 30 + 2 * DAY, 30 + 3 * DAY]


def test_an_order_that_lives_shorter_has_no_look_between_its_end_and_half_an_hour_later() -> None:
    assert looks(an_order(life=5)) == [1, 3, 5, 35, 5 + DAY, 5 + 2 * DAY, 5 + 3 * DAY]


def test_an_order_that_alipay_knows_nothing_of_is_asked_about_more_rarely() -> None:
    found, now, moments = an_order(life=45), PLACED, []
    while (at := found.next_query_at(now, is_unseen=True)) is not None:
        moments.append((at - SECOND) / timedelta(minutes=1))
        now = at
    assert moments == [1, 10, 45, 45 + DAY, 45 + 2 * DAY, 45 + 3 * DAY]


def test_after_three_days_it_is_over() -> None:
    found = an_order()
    end = found.expires_at + timedelta(days=3)
    assert found.next_query_at(end - timedelta(seconds=1)) == end
    assert found.next_query_at(end) is None
    assert found.next_query_at(end + timedelta(days=400)) is None


@settings(deadline=None)
@given(
    life=st.integers(min_value=2, max_value=60 * 24),
    seconds=st.floats(min_value=0, max_value=5 * 86400, allow_nan=False),
)
def test_the_next_query_is_always_ahead_and_never_skips_one(life: int, seconds: float) -> None:
    found, now = an_order(life=life), PLACED + timedelta(seconds=seconds)
    at = found.next_query_at(now)
    schedule = [SECOND + timedelta(minutes=minutes) for minutes in looks(found)]
    assert at == next((moment for moment in schedule if moment > now), None)
    # The work list counts whole seconds: a look may not be due again at the moment it was made.
    assert at is None or int(at.timestamp()) == at.timestamp()


def test_looks_that_were_missed_are_one_look() -> None:
    found = an_order()
    assert found.next_query_at(SECOND + timedelta(minutes=12)) == SECOND + timedelta(minutes=30)


# The page


def asked(found: Order, at: datetime) -> None:
    found.asked_at = at


def test_a_page_asks_at_once_and_then_every_five_seconds() -> None:
    found = an_order()
    assert found.may_be_asked(PLACED)
    asked(found, PLACED)
    assert not found.may_be_asked(PLACED + timedelta(seconds=4.9))
    assert found.may_be_asked(PLACED + timedelta(seconds=5))


def test_the_older_the_order_the_more_rarely_its_page_asks() -> None:
    found, now, asks = an_order(), PLACED, []
    while now < PLACED + timedelta(minutes=30):
        if found.may_be_asked(now):
            asks.append(now)
            asked(found, now)
        now += timedelta(seconds=1)
    pauses = [later - sooner for sooner, later in itertools.pairwise(asks)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=5)
    assert len(asks) <= 45


@pytest.mark.parametrize(
    "status", [order.PAID, order.REFUNDING, order.REFUNDED, order.CANCELLED, order.EXPIRED]
)
def test_pages_of_orders_that_are_not_open_ask_nobody(status: str) -> None:
    assert not an_order(status=status).may_be_asked(PLACED + timedelta(minutes=10))


def test_a_clock_that_is_behind_does_not_make_pages_ask_more_often() -> None:
    found = an_order()
    asked(found, PLACED + timedelta(seconds=30))
    assert not found.may_be_asked(PLACED)
