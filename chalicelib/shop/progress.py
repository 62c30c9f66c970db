"""What of a course a learner has watched, counted by the server.

A video is counted in blocks of ten seconds, each once. A player reports spans that were played; what it says is bounded
by the clock: a block takes five seconds of it at least, which is twice the speed, and no second of the clock counts
twice. So whatever is reported twice, late, in another order, at once or made up, the blocks are never more than the
time that has passed allows.

Access patterns: a section's progress is one item, read with the learner's place; a course's is one item, which lists of
courses read by one Query; a day's is one item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import cast

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import ShopError
from chalicelib.shop.catalog import MOST_VIDEO_SECONDS
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import list_partition, partition
from chalicelib.storage.dynamodb import ItemKey, StoredItem, Transaction, UserItem, WholeNumber

BLOCK_SECONDS = 10
DONE_PERCENT = 90
"""How much of a section must have been watched for it to be done. It stays done."""

BLOCK_TAKES = timedelta(seconds=BLOCK_SECONDS / 2)
"""How much of the clock a block uses up: players go at twice the speed at most."""
MOST_AT_ONCE = timedelta(minutes=10)
"""How much of the clock one report may use: a player that could not report for longer could not play either."""
CARRIED = timedelta(seconds=30)
"""How much of the clock a report may leave to later ones: answers get lost, and reports overtake each other."""

Span = tuple[int, int]
"""From and to, in whole seconds of a video."""


class SectionProgress(UserItem, discriminator="SECTION_PROGRESS"):
    """What a learner has watched of a section. Sort `PROGRESS#<course>#<section id>`.

    `blocks` are the blocks that were watched, a bit each, the first block's the lowest, in hexadecimal; `counted` how
    many of them count for the course, none while the video's length is not known. `resume_at` in seconds.
    """

    user_id = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    section_id = WholeNumber()
    blocks = UnicodeAttribute()
    counted = WholeNumber()
    resume_at = WholeNumber()
    seconds = WholeNumber(null=True)
    done_at = UTCDateTimeAttribute(null=True)

    @property
    def seen(self) -> int:
        """The blocks as a number, a bit each."""
        return int(self.blocks, 16)


class CourseProgress(UserItem, discriminator="COURSE_PROGRESS"):
    """What a learner has watched of a course. Sort `STUDIED#<course>`.

    `counted` of its `blocks`, `done_sections` of its `sections`: of the videos whose length is known, as the catalogue
    was when the learner began to play last.
    """

    user_id = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    counted = WholeNumber()
    blocks = WholeNumber()
    done_sections = WholeNumber()
    sections = WholeNumber()
    last_section_id = WholeNumber()
    last_section_name = UnicodeAttribute()
    last_at = UTCDateTimeAttribute()

    @property
    def course(self) -> CourseKey:
        """The course that was studied."""
        return CourseKey(self.course_type, self.course_id)

    @property
    def share(self) -> int | None:
        """How much was watched, in percent; None where the length of none of its videos is known."""
        return percent(self.counted, self.blocks)

    def is_done(self) -> bool:
        """Whether all its sections are done."""
        return 0 < self.sections <= self.done_sections


class StudyDay(UserItem, discriminator="STUDY_DAY"):
    """How many `seconds` of a day in Beijing a learner spent watching, by the clock. Sort `STUDY_DAY#2026-11-28`."""

    user_id = WholeNumber()
    day = UnicodeAttribute()
    seconds = WholeNumber()


_SECTIONS, _COURSES, _DAYS = "PROGRESS#", "STUDIED#", "STUDY_DAY#"


# Counting


def blocks_in(seconds: int | None) -> int:
    """How many blocks a video of so many seconds has; 0 while its length is not known."""
    return 0 if seconds is None else -(-seconds // BLOCK_SECONDS)


def percent(part: int, whole: int) -> int | None:
    """A part of a whole in percent, rounded down, 100 at most; None of nothing."""
    return min(100, 100 * part // whole) if whole else None


def is_enough(counted: int, blocks: int) -> bool:
    """Whether a section is done with so many of its blocks."""
    return blocks > 0 and 100 * counted >= DONE_PERCENT * blocks


def joined(spans: Iterable[Span], end: int) -> list[Span]:
    """The spans in order, those that touch as one, without what lies at `end` and beyond."""
    found: list[Span] = []
    for begin, until in sorted(spans):
        until = min(until, end)
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        elif begin < until:
            found.append((begin, until))
    return found


def covered(spans: Iterable[Span], seconds: int | None) -> int:
    """The blocks of a video of which spans cover half at least, a bit each.

    So of one that is played across two reports, one of them counts it.
    """
    end = MOST_VIDEO_SECONDS if seconds is None else min(seconds, MOST_VIDEO_SECONDS)
    blocks = 0
    for begin, until in joined(spans, end):
        for block in range(begin // BLOCK_SECONDS, -(-until // BLOCK_SECONDS)):
            first = block * BLOCK_SECONDS
            last = min(first + BLOCK_SECONDS, end)
            if 2 * (min(until, last) - max(begin, first)) >= last - first:
                blocks |= 1 << block
    return blocks


def first_of(blocks: int, many: int) -> int:
    """The first so many of some blocks."""
    left = blocks
    for _ in range(many):
        left &= left - 1
    return blocks ^ left


def spend(until: datetime, now: datetime, wanted: int, each: timedelta) -> tuple[int, datetime]:
    """Use the clock that has passed since `until` for what takes `each` -> how many of the `wanted`, and until when the
    clock is used up then. It never goes back, whatever `now` is.
    """
    begin = max(until, now - MOST_AT_ONCE)
    many = max(0, min(wanted, (now - begin) // each))
    return many, max(until, begin + many * each if many else until, now - CARRIED)


class Watched(Struct, frozen=True):
    """What a report adds up to: the blocks of its section, how many of them are new, and the seconds that its player
    played, by the clock; and until when both clocks are used up.
    """

    seen: int
    new: int
    studied: int
    counted_until: datetime
    studied_until: datetime


def watch(
    seen: int,
    spans: Sequence[Span],
    seconds: int | None,
    counted_until: datetime,
    studied_until: datetime,
    now: datetime,
) -> Watched:
    """Count reported spans of a video of which the blocks `seen` were watched before."""
    wanted = covered(spans, seconds) & ~seen
    new, counted_until = spend(counted_until, now, wanted.bit_count(), BLOCK_TAKES)
    played = sum(until - begin for begin, until in joined(spans, MOST_VIDEO_SECONDS))
    studied, studied_until = spend(studied_until, now, played, timedelta(seconds=1))
    return Watched(seen | first_of(wanted, new), new, studied, counted_until, studied_until)


# Stored


def _section_sort(course: CourseKey, section_id: int) -> str:
    return f"{_SECTIONS}{course}#{section_id}"


def section_key(user_id: int, course: CourseKey, section_id: int) -> ItemKey:
    """Where a learner's progress in a section lies, for a batch read."""
    return SectionProgress, partition(user_id), _section_sort(course, section_id)


def section_in(
    found: Mapping[ItemKey, StoredItem], user_id: int, course: CourseKey, section_id: int
) -> SectionProgress | None:
    """A learner's progress in a section among what a batch read found."""
    stored = found.get(section_key(user_id, course, section_id))
    return stored if isinstance(stored, SectionProgress) else None


def list_sections(user_id: int, course: CourseKey) -> list[SectionProgress]:
    """A learner's progress in all sections of a course. One Query."""
    return cast(list[SectionProgress], list_partition(user_id, f"{_SECTIONS}{course}#"))


def course_key(user_id: int, course: CourseKey) -> ItemKey:
    """Where a learner's progress in a course lies, for a batch read."""
    return CourseProgress, partition(user_id), f"{_COURSES}{course}"


def course_in(found: Mapping[ItemKey, StoredItem], user_id: int, course: CourseKey) -> CourseProgress | None:
    """A learner's progress in a course among what a batch read found."""
    stored = found.get(course_key(user_id, course))
    return stored if isinstance(stored, CourseProgress) else None


def studied_share(progress: CourseProgress | None) -> int | None:
    """How much of a course was watched, in percent; 0 where it was not begun, None where that is not known."""
    return 0 if progress is None else progress.share


def list_courses(user_id: int) -> dict[CourseKey, CourseProgress]:
    """A learner's progress in all courses that were begun. One Query."""
    stored = cast(list[CourseProgress], list_partition(user_id, _COURSES))
    return {progress.course: progress for progress in stored}


def list_days(user_id: int) -> dict[date, int]:
    """The seconds of all days on which a learner watched. One Query."""
    stored = cast(list[StudyDay], list_partition(user_id, _DAYS))
    return {date.fromisoformat(day.day): int(day.seconds) for day in stored}


class Studied(Struct, frozen=True):
    """A section that is being played, with what is known of it and of its course: lengths in seconds and in blocks."""

    user_id: int
    course: CourseKey
    course_name: str
    section_id: int
    section_name: str
    seconds: int | None
    blocks: int
    sections: int


def record(
    transaction: Transaction,
    studied: Studied,
    before: SectionProgress | None,
    watched: Watched,
    resume_at: int,
    now: datetime,
    refusal: ShopError,
) -> SectionProgress:
    """Record what was watched, in its section, its course and its day -> the section's progress. Refused when that of
    the section has changed since it was read.
    """
    blocks = blocks_in(studied.seconds)
    counted = min(watched.seen.bit_count(), blocks)
    was_done = before is not None and before.done_at is not None
    is_done = was_done or is_enough(counted, blocks)
    after = SectionProgress(
        partition(studied.user_id),
        _section_sort(studied.course, studied.section_id),
        user_id=studied.user_id,
        course_type=studied.course.course_type,
        course_id=studied.course.course_id,
        section_id=studied.section_id,
        blocks=f"{watched.seen:x}",
        counted=counted,
        resume_at=resume_at,
        seconds=studied.seconds,
        done_at=before.done_at if was_done and before else now if is_done else None,
    )
    is_unchanged = (
        SectionProgress.blocks == before.blocks if before else SectionProgress.sort.does_not_exist()
    )
    transaction.put(after, is_unchanged, refusal)
    added = counted - (int(before.counted) if before else 0)
    _record_course(transaction, studied, added, int(is_done and not was_done), now)
    if watched.studied:
        _record_day(transaction, studied.user_id, watched.studied, now)
    return after


def _record_course(
    transaction: Transaction, studied: Studied, counted: int, done: int, now: datetime
) -> None:
    item = CourseProgress(partition(studied.user_id), f"{_COURSES}{studied.course}")
    actions: list[Action] = [
        CourseProgress.kind.set(CourseProgress),
        CourseProgress.user_id.set(studied.user_id),
        CourseProgress.course_type.set(studied.course.course_type),
        CourseProgress.course_id.set(studied.course.course_id),
        CourseProgress.course_name.set(studied.course_name),
        CourseProgress.counted.add(counted),
        CourseProgress.blocks.set(studied.blocks),
        CourseProgress.done_sections.add(done),
        CourseProgress.sections.set(studied.sections),
        CourseProgress.last_section_id.set(studied.section_id),
        CourseProgress.last_section_name.set(studied.section_name),
        CourseProgress.last_at.set(now),
    ]
    transaction.update(item, actions, None, None)


def _record_day(transaction: Transaction, user_id: int, seconds: int, now: datetime) -> None:
    day = now.astimezone(BEIJING).date().isoformat()
    actions: list[Action] = [
        StudyDay.kind.set(StudyDay),
        StudyDay.user_id.set(user_id),
        StudyDay.day.set(day),
        StudyDay.seconds.add(seconds),
    ]
    transaction.update(StudyDay(partition(user_id), f"{_DAYS}{day}"), actions, None, None)
