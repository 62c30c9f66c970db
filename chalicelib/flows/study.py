"""Study a course: what it contains, and which of its sections a visitor may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CourseNotFound, TokenRefused, UserGone
from chalicelib.shop import catalog, enrollment
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import OFFLINE, CoursePage, Section
from chalicelib.shop.course_key import CourseKey

Fresh = Callable[[tuple[object, ...], Callable[[], CoursePage | None]], CoursePage | None]
"""Loads a key's value and keeps it for some seconds, for everybody."""


@dataclass(frozen=True)
class CourseContents:
    """A course's contents as one visitor may see them."""

    page: CoursePage
    enrolled: bool

    def may_open(self, section: Section) -> bool:
        """Whether the visitor may have the link of a section, if it is on line: that of a trial is everybody's."""
        return section.is_online() and (self.enrolled or bool(section.free_trial))


def contents_of(key: CourseKey, visitor: Caller | None, fresh: Fresh, now: datetime) -> CourseContents:
    """Chapters, sections and questions of a course, for somebody who is enrolled or for anybody else.

    A course that is offline shows its contents to the enrolled only. Raises CourseNotFound. One round trip
    when the contents are not kept, one for somebody signed in.
    """
    page = fresh(("contents", key), lambda: catalog.find_course_contents(key))
    enrolled = visitor is not None and _is_enrolled(visitor, key, now)
    if page is None or (page.course.status == OFFLINE and not enrolled):
        raise CourseNotFound(course=str(key))
    return CourseContents(page, enrolled)


def _is_enrolled(visitor: Caller, key: CourseKey, now: datetime) -> bool:
    try:
        mine = visitor.beside(lambda user_id: enrollment.find_enrollment(user_id, key))
    except (TokenRefused, UserGone):
        return False
    return mine is not None and mine.is_active(now)
