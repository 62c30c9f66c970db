"""What counts of what players report: blocks, once each, and never more than the clock allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.flows.report_study import REPORT_SECONDS
from chalicelib.shop import catalog
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.progress import (
    BLOCK_SECONDS,
    BLOCK_TAKES,
    Span,
    Watched,
    blocks_in,
    covered,
    is_enough,
    percent,
    watch,
)

BEGIN = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = 3600


def bits(*blocks: int) -> int:
    return sum(1 << block for block in blocks)


@pytest.mark.parametrize(
    ("spans", "seconds", "blocks"),
    [
        ([], 600, 0),
        ([(0, 10)], 600, bits(0)),
        ([(0, 4)], 600, 0),
        ([(0, 5)], 600, bits(0)),
        ([(6, 14)], 600, 0),
        ([(6, 15)], 600, bits(1)),
        ([(0, 3), (3, 6)], 600, bits(0)),
        ([(3, 6), (0, 3), (0, 1)], 600, bits(0)),
        ([(10, 30), (15, 20)], 600, bits(1, 2)),
        ([(20, 20)], 600, 0),
        ([(590, 900)], 600, bits(59)),
        ([(600, 900)], 600, 0),
        ([(600, 602)], 603, bits(60)),
        ([(600, 601)], 603, 0),
        ([(0, 86400)], None, (1 << 8640) - 1),
    ],
)
def test_a_block_counts_where_half_of_it_was_played(
    spans: list[Span], seconds: int | None, blocks: int
) -> None:
    assert covered(spans, seconds) == blocks


def test_a_share_is_of_whole_blocks_and_done_at_nine_tenths() -> None:
    assert (blocks_in(603), blocks_in(600), blocks_in(None)) == (61, 60, 0)
    assert (percent(1, 3), percent(5, 4), percent(0, 0)) == (33, 100, None)
    assert (is_enough(9, 10), is_enough(8, 10), is_enough(0, 0)) == (True, False, False)


@dataclass
class Player:
    """A section that is reported to, and the clock of the shop."""

    seconds: int | None = HOUR
    seen: int = 0
    counted_until: datetime = BEGIN
    studied_until: datetime = BEGIN
    now: datetime = BEGIN
    studied: int = 0
    reports: list[list[Span]] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def report(self, *spans: Span) -> Watched:
        watched = watch(self.seen, spans, self.seconds, self.counted_until, self.studied_until, self.now)
        assert watched.seen.bit_count() == self.seen.bit_count() + watched.new
        assert watched.counted_until >= self.counted_until
        assert watched.studied_until >= self.studied_until
        self.seen = watched.seen
        self.studied += watched.studied
        self.counted_until, self.studied_until = watched.counted_until, watched.studied_until
        return watched

    @property
    def counted(self) -> int:
        return self.seen.bit_count() * BLOCK_SECONDS


@pytest.mark.parametrize("speed", [0.5, 1, 1.25, 1.5, 2])
@pytest.mark.parametrize("begin", [0, 3, 5])
def test_whoever_plays_up_to_twice_the_speed_loses_nothing(speed: float, begin: int) -> None:
    player, at = Player(), float(begin)
    player.wait(3)  # until the picture is there
    while at < HOUR:
        player.wait(REPORT_SECONDS)
        player.report((int(at), int(at + REPORT_SECONDS * speed)))
        at += REPORT_SECONDS * speed
    assert player.counted == HOUR


@pytest.mark.parametrize("speed", [1, 2])
@pytest.mark.parametrize("begin", range(10))
def test_closing_the_page_at_any_moment_loses_less_than_half_a_minute(speed: int, begin: int) -> None:
    player, at, lost = Player(), begin, 0
    while at < HOUR // 4:
        for second in range(REPORT_SECONDS):
            lost = max(lost, at - begin + second * speed - player.counted)
        player.wait(REPORT_SECONDS)
        player.report((at, at + REPORT_SECONDS * speed))
        at += REPORT_SECONDS * speed
    assert lost < 30


def test_nobody_goes_faster_than_twice_the_clock() -> None:
    player = Player()
    assert player.report((0, HOUR)).new == 0
    player.wait(60)
    assert player.report((0, HOUR)).new == 12
    assert player.report((0, HOUR)).new == 0
    player.wait(4)
    assert player.report((0, HOUR)).new == 0
    player.wait(1)
    assert player.report((0, HOUR)).new == 1


def test_one_report_counts_ten_minutes_of_the_clock_at_most() -> None:
    player = Player()
    player.wait(24 * HOUR)
    assert player.report((0, HOUR)).new == 120
    assert player.report((0, HOUR)).new == 0
    assert player.studied == 600


def test_answers_that_are_lost_lose_nothing() -> None:
    player = Player()
    player.wait(300)
    player.report((0, 300))
    assert (player.counted, player.studied) == (300, 300)


def test_what_comes_twice_counts_once_and_hinders_nothing() -> None:
    player = Player()
    for at in range(0, 600, 12):
        player.wait(12)
        player.report((at, at + 12))
        player.report((at, at + 12))
        player.report((max(0, at - 12), at))
    assert (player.counted, player.studied) == (600, 600)


def test_reports_that_overtake_each_other_all_count() -> None:
    player = Player()
    for at in range(0, 600, 24):
        player.wait(24)
        player.report((at + 12, at + 24))
        player.report((at, at + 12))
    assert (player.counted, player.studied) == (600, 600)


def test_watching_again_is_study_and_no_progress() -> None:
    player = Player(seconds=60)
    for _ in range(3):
        for at in range(0, 60, 12):
            player.wait(12)
            player.report((at, at + 12))
    assert (player.counted, player.studied) == (60, 180)


def test_a_clock_that_goes_back_gives_nothing_twice() -> None:
    player = Player()
    player.wait(60)
    player.report((0, 60))
    player.wait(-50)
    assert player.report((60, HOUR)).new == 0
    player.wait(50)
    assert player.report((60, HOUR)).new <= 6


seconds_of = st.integers(0, HOUR + 100)
span_lists = st.lists(st.tuples(seconds_of, seconds_of), max_size=6)
steps = st.lists(
    st.tuples(st.floats(-700, 700), span_lists, st.integers(0, 3), st.sampled_from([1, 1, 2])), max_size=30
)


@given(steps, st.sampled_from([HOUR, 605, None]))
def test_whatever_is_reported_counts_no_more_than_the_clock_allows(
    story: list[tuple[float, list[Span], int, int]], seconds: int | None
) -> None:
    """Forged, turned round, repeated and late spans, clocks that jump, and players that take the place over."""
    player = Player(seconds)
    latest = BEGIN
    for wait, spans, older, times in story:
        player.wait(wait)
        latest = max(latest, player.now)
        said = [*spans, *(player.reports[-older] if 0 < older <= len(player.reports) else [])]
        player.reports.append(said)
        if times == 2 and older == 3:  # another player takes over
            player.counted_until = max(player.counted_until, player.now)
            player.studied_until = max(player.studied_until, player.now)
        for _ in range(times):
            player.report(*said)
        clock = latest - BEGIN
        assert player.seen.bit_count() * BLOCK_TAKES <= clock
        assert timedelta(seconds=player.studied) <= clock
        assert player.seen.bit_length() <= (8640 if seconds is None else blocks_in(seconds))


def a_section(
    video_time: str, player: str = catalog.POLYV, section_type: str = catalog.VIDEO
) -> catalog.Section:
    return catalog.section_item(
        CourseKey("course", 1),
        1,
        1,
        1,
        name="x",
        section_type=section_type,
        player=player,
        section_link="x",
        video_time=video_time,
        free_trial=False,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12:30", 750),
        ("1:02:30", 3750),
        ("100:00", 6000),
        ("24:00:00", 86400),
        ("24:00:01", None),
        ("00:00", None),
    ]
    + [(text, None) for text in ("", "x", "12", "12:60", "12:3", "-1:00", "1:2:3:4", "１２:30", "12分")],
)
def test_the_length_of_a_video_is_what_the_catalogue_says(text: str, seconds: int | None) -> None:
    assert a_section(text).seconds == seconds


def test_the_platform_knows_the_length_better_than_the_catalogue() -> None:
    section = a_section("12:30")
    section.video_seconds = 745
    assert section.seconds == 745


def test_only_protected_videos_have_a_length() -> None:
    assert a_section("12:30", player=catalog.CC).seconds is None
    assert a_section("12:30", section_type=catalog.DOCUMENT).seconds is None
