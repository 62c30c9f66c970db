"""What a learner has studied: the days, the courses, and each section of one course."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import CourseNotFound
from chalicelib.shop import enrollment, progress
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import OFFLINE, CoursePage, Section
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.progress import CourseProgress, SectionProgress
from chalicelib.storage.background import in_background

from .study import Fresh, page_of

DAYS_SHOWN = 30


def list_courses(caller: Caller) -> tuple[list[Enrollment], dict[CourseKey, CourseProgress]]:
    """The caller's courses, ended ones included, and what was watched of those that were begun. One round trip."""
    studied = in_background(progress.list_courses, caller.user_id)
    return caller.beside(enrollment.list_enrollments), studied()


class Study(Struct, frozen=True):
    """All `seconds` of study and the number of days on which there were any; the last days, oldest first, with their
    seconds; and the courses, the one studied last first.
    """

    seconds: int
    days: int
    last_days: tuple[tuple[date, int], ...]
    courses: tuple[CourseProgress, ...]


def show_study(caller: Caller, now: datetime) -> Study:
    """What the caller has studied in all. One round trip."""
    days = in_background(progress.list_days, caller.user_id)
    courses = caller.beside(progress.list_courses)
    seconds = days()
    today = now.astimezone(BEIJING).date()
    shown = [today - timedelta(days=ago) for ago in reversed(range(DAYS_SHOWN))]
    return Study(
        sum(seconds.values()),
        len(seconds),
        tuple((day, seconds.get(day, 0)) for day in shown),
        tuple(sorted(courses.values(), key=lambda course: course.last_at, reverse=True)),
    )


class StudiedSection(Struct, frozen=True):
    """A section with what was watched of it: in percent, None where its length is not known."""

    section: Section
    share: int | None
    is_done: bool
    resume_at: int


class StudiedCourse(Struct, frozen=True):
    """A course with what was watched of it: in percent, None where the length of none of its videos is known."""

    share: int | None
    is_done: bool
    last_section_id: int | None
    sections: tuple[StudiedSection, ...]


def show_progress(caller: Caller, key: CourseKey, fresh: Fresh, now: datetime) -> StudiedCourse:
    """What the caller has watched of a course: of one that is offline, only who has or had it. Raises CourseNotFound.

    One round trip.
    """
    user_id, contents = caller.user_id, in_background(page_of, key, fresh)
    owned = in_background(enrollment.find_enrollment, user_id, key)
    listed = in_background(progress.list_sections, user_id, key)
    found = caller.find([progress.course_key(user_id, key)])
    page, enrolled = contents(), owned()
    if page.course.status == OFFLINE and enrolled is None:
        raise CourseNotFound(course=str(key))
    return _studied(page, {one.section_id: one for one in listed()}, progress.course_in(found, user_id, key))


def _studied(
    page: CoursePage, watched: Mapping[int, SectionProgress], course: CourseProgress | None
) -> StudiedCourse:
    sections = [_section(section, watched.get(section.section_id)) for section in page.sections]
    measured = [one for one in sections if one.section.seconds is not None]
    whole = sum(progress.blocks_in(one.section.seconds) for one in measured)
    counted = sum(_counted(one.section, watched.get(one.section.section_id)) for one in measured)
    return StudiedCourse(
        progress.percent(counted, whole),
        bool(measured) and all(one.is_done for one in measured),
        course.last_section_id if course else None,
        tuple(sections),
    )


def _section(section: Section, watched: SectionProgress | None) -> StudiedSection:
    blocks = progress.blocks_in(section.seconds)
    return StudiedSection(
        section,
        progress.percent(_counted(section, watched), blocks),
        watched is not None and watched.done_at is not None,
        int(watched.resume_at) if watched else 0,
    )


def _counted(section: Section, watched: SectionProgress | None) -> int:
    """How many blocks count, by the length that the catalogue says now."""
    return min(watched.seen.bit_count(), progress.blocks_in(section.seconds)) if watched else 0
