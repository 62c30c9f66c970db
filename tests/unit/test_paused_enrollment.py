"""Slices of study while a refund is applied for: paused, run again longer by the pause, or taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.enrollment import EnrollmentSlice, SliceKey, amount_to, lost_to_pause, slice_item
from chalicelib.shop.price_policy import PERMANENT_DAYS

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = CourseKey(COURSE, 1)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def a_slice(
    days: int,
    *,
    granted: float = 0,
    paused: float | None = None,
    paused_days: float = 0,
    withdrawn: float | None = None,
) -> EnrollmentSlice:
    """`days` of study, paused since day `paused`, after earlier pauses of `paused_days` in all."""
    part = slice_item(1, KEY, "课", f"{granted:09.3f}", 0, days, day(granted))
    part.paused_at = None if paused is None else day(paused)
    part.paused_seconds = int(timedelta(days=paused_days).total_seconds())
    part.withdrawn_at = None if withdrawn is None else day(withdrawn)
    return part


def is_active(at: float, *slices: EnrollmentSlice) -> bool:
    enrollment = amount_to(slices)
    return enrollment is not None and enrollment.is_active(day(at))


def is_paused(at: float, *slices: EnrollmentSlice) -> bool:
    enrollment = amount_to(slices)
    return enrollment is not None and enrollment.is_paused(day(at))


def ends(*slices: EnrollmentSlice) -> float | None:
    enrollment = amount_to(slices)
    assert enrollment is not None
    return None if enrollment.ends_at is None else (enrollment.ends_at - START) / timedelta(days=1)


def test_a_paused_slice_gives_no_access() -> None:
    paused = a_slice(30, paused=10)
    assert not is_active(12, paused)
    assert is_paused(12, paused)


def test_a_slice_that_ran_again_is_longer_by_its_pauses() -> None:
    assert ends(a_slice(30, paused_days=2.5)) == 32.5
    assert is_active(32.4, a_slice(30, paused_days=2.5))
    assert not is_active(32.5, a_slice(30, paused_days=2.5))


def test_a_pause_stops_that_slice_only() -> None:
    paused, other = a_slice(7, paused=3), a_slice(30, granted=1)
    assert not is_active(5, paused, other)
    assert is_active(8, paused, other)
    assert not is_paused(8, paused, other)
    assert ends(paused, other) == 37


def test_the_pause_of_a_later_slice_leaves_what_runs_alone() -> None:
    running, paused = a_slice(7), a_slice(30, granted=1, paused=3)
    assert is_active(5, running, paused)
    assert not is_active(8, running, paused)
    assert is_paused(8, running, paused)


def test_later_slices_move_back_by_the_pause_of_an_earlier_one() -> None:
    assert ends(a_slice(7, paused_days=2), a_slice(30, granted=1)) == 39


def test_a_paused_permanent_slice_lets_the_others_run() -> None:
    paused, other = a_slice(PERMANENT_DAYS, paused=5), a_slice(30, granted=2)
    assert is_active(6, paused, other)
    assert not is_active(40, paused, other)
    assert is_paused(40, paused, other)


def test_a_permanent_slice_that_runs_again_is_for_ever() -> None:
    again = a_slice(PERMANENT_DAYS, paused_days=3)
    assert ends(again) is None
    assert is_active(40_000, again)


def test_a_slice_refunded_during_its_pause_gives_no_access_any_more() -> None:
    taken = a_slice(30, withdrawn=12)
    assert not is_active(12, taken)
    assert not is_paused(12, taken)


def test_refunding_a_slice_moves_later_ones_forward_and_never_into_the_past() -> None:
    taken, later = a_slice(30, withdrawn=12), a_slice(30, granted=1)
    assert is_active(12, taken, later)
    assert ends(taken, later) == 42


def test_refunding_a_slice_that_had_not_begun_leaves_what_runs() -> None:
    running, taken = a_slice(30), a_slice(90, granted=1, withdrawn=5)
    assert is_active(29, running, taken)
    assert ends(running, taken) == 30


def lost(at: float, paused: EnrollmentSlice, *others: EnrollmentSlice) -> float:
    slices = [paused, *others]
    return lost_to_pause(slices, SliceKey(1, KEY, paused.order_number, paused.line), day(at)) / timedelta(
        days=1
    )


def test_what_runs_loses_the_whole_pause() -> None:
    assert lost(12, a_slice(30, paused=10)) == 2
    assert lost(12, a_slice(PERMANENT_DAYS, paused=10)) == 2


def test_what_has_not_begun_loses_nothing_and_what_begins_meanwhile_the_rest() -> None:
    running, later = a_slice(30), a_slice(90, granted=1, paused=5)
    assert lost(20, later, running) == 0
    assert lost(34, later, running) == 4


def test_what_was_taken_back_or_runs_again_loses_nothing() -> None:
    assert lost(12, a_slice(30, granted=1, paused=1, withdrawn=1)) == 0
    assert lost(12, a_slice(30, paused_days=3)) == 0


def test_a_refused_refund_of_a_slice_taken_back_does_not_give_it_back() -> None:
    assert not is_active(14, a_slice(30, withdrawn=12, paused_days=5))


days = st.integers(min_value=1, max_value=90)


@settings(deadline=None)
@given(bought=days, paused_at=st.integers(0, 120), pause=st.integers(0, 120))
def test_a_refused_application_neither_takes_nor_gives_time(bought: int, paused_at: int, pause: int) -> None:
    """Applied for while it runs, and refused: the days of access are those that were bought."""
    if paused_at >= bought:
        return
    refused_at = paused_at + pause
    during = a_slice(bought, paused=paused_at)
    after = a_slice(bought, paused_days=pause)
    assert not any(is_active(at, during) for at in range(paused_at, refused_at))
    studied = sum(1 for at in range(paused_at))
    studied += sum(1 for at in range(refused_at, refused_at + bought + 1) if is_active(at, after))
    assert studied == bought


@settings(deadline=None)
@given(bought=days, late=st.integers(0, 60), pause=st.integers(0, 60))
def test_an_application_for_a_slice_that_is_over_never_revives_it(bought: int, late: int, pause: int) -> None:
    after = a_slice(bought, paused_days=pause)
    assert not is_active(bought + late + pause, after)


@settings(deadline=None)
@given(first=days, second=days, paused_at=st.integers(0, 200), pause=st.integers(0, 200), both=st.booleans())
def test_a_pause_of_stacked_days_neither_takes_nor_gives_time(
    first: int, second: int, paused_at: int, pause: int, both: bool
) -> None:
    """Also where the pause outlasts its days, and the later ones were studied meanwhile; and where both are paused."""
    refused_at = paused_at + pause
    slices = [a_slice(first), a_slice(second, granted=0.5)]
    wanted = [paused for paused in slices if both or paused is slices[0]]
    studied = sum(is_active(at, *slices) for at in range(paused_at))
    for part in wanted:
        part.paused_at = day(paused_at)
    studied += sum(is_active(at, *slices) for at in range(paused_at, refused_at))
    for part in wanted:
        key = SliceKey(1, KEY, part.order_number, part.line)
        part.paused_seconds = int(lost_to_pause(slices, key, day(refused_at)).total_seconds())
        part.paused_at = None
    studied += sum(is_active(at, *slices) for at in range(refused_at, refused_at + first + second + 1))
    assert studied == first + second
