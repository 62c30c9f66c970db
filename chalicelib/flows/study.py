"""Study a course: what it contains, and which of its sections a visitor may open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import CourseNotFound, TokenRefused, UserGone
from chalicelib.shop import catalog, enrollment
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import OFFLINE, CoursePage, Section
from chalicelib.shop.course_key import CourseKey

Fresh = Callable[[tuple[object, ...], Callable[[], CoursePage | None]], CoursePage | None]
"""Loads a key's value and keeps it for some seconds, for everybody."""


class CourseContents(Struct, frozen=True):
    """A course's contents as one visitor may see them."""

    page: CoursePage
    enrolled: bool

    def may_have_link(self, section: Section) -> bool:
        """Whether the visitor may have the link of a section, if it is on line: that of a trial section is everybody's,
        that of a protected video nobody's.
        """
        is_open = section.is_online() and not section.is_protected()
        return is_open and (self.enrolled or bool(section.free_trial))


def contents_of(key: CourseKey, visitor: Caller | None, fresh: Fresh, now: datetime) -> CourseContents:
    """Chapters, sections and questions of a course, for somebody who is enrolled or for anybody else.

    A course that is offline shows its contents to the enrolled only. Raises CourseNotFound. One round trip
    when the contents are not kept, one for somebody signed in.
    """
    page = page_of(key, fresh)
    enrolled = visitor is not None and _is_enrolled(visitor, key, now)
    if page.course.status == OFFLINE and not enrolled:
        raise CourseNotFound(course=str(key))
    return CourseContents(page, enrolled)


def page_of(key: CourseKey, fresh: Fresh) -> CoursePage:
    """Everything of a course, for everybody. Raises CourseNotFound. One round trip when it is not kept."""
    page = fresh(("contents", key), lambda: catalog.find_course_contents(key))
    if page is None:
        raise CourseNotFound(course=str(key))
    return page


def _is_enrolled(visitor: Caller, key: CourseKey, now: datetime) -> bool:
    try:
        mine = visitor.beside(lambda user_id: enrollment.find_enrollment(user_id, key))
    except (TokenRefused, UserGone):
        return False
    return mine is not None and mine.is_active(now)
