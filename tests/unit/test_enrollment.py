"""Enrollments: the spans that slices of study time make."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.enrollment import Enrollment, EnrollmentSlice, Span, amount_to, slice_item
from chalicelib.shop.price_policy import PERMANENT_DAYS

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = CourseKey(COURSE, 1)


def day(number: float) -> datetime:
    """The moment so many days after the start."""
    return START + timedelta(days=number)


def a_slice(
    days: int, *, granted: float, withdrawn: float | None = None, name: str = "课"
) -> EnrollmentSlice:
    """`days` of study paid on day `granted`, taken back on day `withdrawn`."""
    part = slice_item(1, KEY, name, f"{granted:09.3f}", 0, days, day(granted))
    part.withdrawn_at = None if withdrawn is None else day(withdrawn)
    return part


def access(*slices: EnrollmentSlice) -> tuple[float, float | None]:
    """From and until which day there is access; None is for ever."""
    enrollment = amount_to(slices)
    assert enrollment is not None
    one = timedelta(days=1)
    begins = (enrollment.begins_at - START) / one
    return begins, None if enrollment.ends_at is None else (enrollment.ends_at - START) / one


def test_a_slice_runs_from_its_payment_for_its_days() -> None:
    assert access(a_slice(30, granted=0)) == (0, 30)


def test_nothing_was_ever_granted() -> None:
    assert amount_to([]) is None


def test_a_second_purchase_extends_from_the_end_of_what_runs() -> None:
    assert access(a_slice(30, granted=0), a_slice(7, granted=10)) == (0, 37)


def test_slices_are_taken_in_the_order_of_their_payments_whatever_order_they_are_read_in() -> None:
    slices = [a_slice(30, granted=0), a_slice(7, granted=10), a_slice(90, granted=200)]
    for order in itertools.permutations(slices):
        assert access(*order) == (0, 290)


def test_after_a_gap_a_purchase_runs_from_its_payment() -> None:
    assert access(a_slice(30, granted=0), a_slice(7, granted=50)) == (0, 57)


def test_a_purchase_at_the_very_end_loses_nothing() -> None:
    assert access(a_slice(30, granted=0), a_slice(7, granted=30)) == (0, 37)


def test_permanent_is_for_ever() -> None:
    assert access(a_slice(PERMANENT_DAYS, granted=0)) == (0, None)


def test_permanent_absorbs_what_was_bought_before_and_after() -> None:
    assert access(a_slice(30, granted=0), a_slice(PERMANENT_DAYS, granted=10), a_slice(7, granted=20)) == (
        0,
        None,
    )


def test_a_permanent_slice_taken_back_moves_later_ones_forward_to_that_moment() -> None:
    assert access(a_slice(PERMANENT_DAYS, granted=0, withdrawn=15), a_slice(30, granted=10)) == (0, 45)


def test_a_withdrawn_slice_ends_at_that_moment() -> None:
    assert access(a_slice(30, granted=0, withdrawn=10)) == (0, 10)


def test_a_running_slice_taken_back_moves_later_ones_forward_to_that_moment_and_not_into_the_past() -> None:
    assert access(a_slice(30, granted=0, withdrawn=10), a_slice(30, granted=1)) == (0, 40)


def test_a_slice_taken_back_before_it_began_counts_for_nothing() -> None:
    assert access(a_slice(30, granted=0), a_slice(90, granted=1, withdrawn=10)) == (0, 30)
    assert access(a_slice(30, granted=0), a_slice(90, granted=1, withdrawn=10), a_slice(7, granted=2)) == (
        0,
        37,
    )


def test_a_slice_taken_back_after_its_end_changes_nothing() -> None:
    assert access(a_slice(30, granted=0, withdrawn=45), a_slice(30, granted=1)) == (0, 60)


def test_the_only_slice_taken_back_as_it_was_granted_leaves_no_enrollment() -> None:
    assert amount_to([a_slice(30, granted=0, withdrawn=0)]) is None


def test_access_is_from_its_first_moment_until_just_before_its_end() -> None:
    enrollment = Enrollment(KEY, "课", (Span(day(0), day(30), False),))
    assert not enrollment.is_active(day(0) - timedelta(microseconds=1))
    assert enrollment.is_active(day(0))
    assert enrollment.is_active(day(30) - timedelta(microseconds=1))
    assert not enrollment.is_active(day(30))
    assert Enrollment(KEY, "课", (Span(day(0), None, False),)).is_active(day(100_000))


def test_the_name_is_the_latest_one_bought() -> None:
    enrollment = amount_to([a_slice(30, granted=0, name="旧名"), a_slice(7, granted=1, name="新名")])
    assert enrollment is not None
    assert enrollment.course_name == "新名"


grants = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=400),
        st.sampled_from([1, 3, 7, 14, 30, 60, 90, 120, 180, 360, 540, 720, PERMANENT_DAYS]),
        st.none() | st.integers(min_value=0, max_value=400),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda grant: grant[0],
)


def slices_of(given_grants: list[tuple[int, int, int | None]]) -> list[EnrollmentSlice]:
    return [
        a_slice(days, granted=granted, withdrawn=None if kept is None else granted + kept)
        for granted, days, kept in given_grants
    ]


@settings(deadline=None)
@given(grants)
def test_paid_time_is_never_lost_nor_given_twice(given_grants: list[tuple[int, int, int | None]]) -> None:
    kept = [grant for grant in given_grants if grant[2] is None]
    enrollment = amount_to(slices_of(kept))
    if not kept:
        assert enrollment is None
        return
    assert enrollment is not None
    assert enrollment.begins_at == day(min(granted for granted, _, _ in kept))
    if any(days == PERMANENT_DAYS for _, days, _ in kept):
        assert enrollment.ends_at is None
        return
    # Day by day, as a clerk would count: each day of access uses up one of the days paid so far.
    paid, today, last = 0, 0, 0
    for today in range(400 + sum(days for _, days, _ in kept) + 1):
        paid += sum(days for granted, days, _ in kept if granted == today)
        if paid:
            paid -= 1
            last = today + 1
    assert enrollment.ends_at == day(last)


@settings(deadline=None)
@given(grants, st.data())
def test_taking_a_slice_back_never_reaches_into_the_past_nor_takes_other_slices(
    given_grants: list[tuple[int, int, int | None]], data: st.DataObject
) -> None:
    before = slices_of(given_grants)
    position = data.draw(st.integers(min_value=0, max_value=len(before) - 1))
    taken = before[position]
    if taken.withdrawn_at is not None:
        return
    latest_grant = max(part.granted_at for part in before)
    now = latest_grant + timedelta(days=data.draw(st.integers(min_value=0, max_value=800)))
    after = slices_of(given_grants)
    after[position].withdrawn_at = now
    then, still = amount_to(before), amount_to(after)
    assert then is not None
    if still is not None:
        assert still.begins_at >= then.begins_at
        assert then.ends_at is None or (still.ends_at is not None and still.ends_at <= then.ends_at)
    if not any(part.days == PERMANENT_DAYS for part in before):
        assert length(then) - length(still) <= timedelta(days=taken.days)
    # What was studied until now stays in the past.
    moment = data.draw(st.floats(min_value=0, max_value=800).map(day).filter(lambda moment: moment < now))
    assert then.is_active(moment) == (still is not None and still.is_active(moment))


def length(enrollment: Enrollment | None) -> timedelta:
    """All the time in which there is access."""
    spans = enrollment.spans if enrollment else ()
    return sum((span.ends_at - span.begins_at for span in spans if span.ends_at), timedelta())


@pytest.mark.parametrize("days", [0, -1])
def test_a_slice_without_days_gives_nothing(days: int) -> None:
    assert amount_to([a_slice(days, granted=0)]) is None


def test_days_without_end_end_far_away_and_break_nothing() -> None:
    many = [a_slice(720, granted=number / 10000) for number in range(4100)]
    enrollment = amount_to(many)
    assert enrollment is not None and enrollment.ends_at is not None
    assert enrollment.ends_at.year == 9000
    assert enrollment.is_active(day(700_000))
