"""Looking at a course: what it contains, and which links a visitor may have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CourseNotFound
from chalicelib.shop import enrollment
from chalicelib.shop.catalog import OFFLINE, CoursePage
from chalicelib.shop.course_key import CourseKey


@dataclass(frozen=True)
class CourseContents:
    """A course's contents as one visitor may see them: `enrolled` opens all links, else trial sections only."""

    page: CoursePage
    enrolled: bool


def show_contents(
    key: CourseKey, page: CoursePage | None, user_id: int | None, now: datetime
) -> CourseContents:
    """Chapters and sections for a visitor or (with `user_id`) for a user. One Query for a user.

    A course that is offline shows its contents to the enrolled only. Raises CourseNotFound.
    """
    mine = enrollment.find_enrollment(user_id, key) if user_id is not None else None
    enrolled = mine is not None and mine.is_active(now)
    if page is None or (page.course.status == OFFLINE and not enrolled):
        raise CourseNotFound(course=str(key))
    return CourseContents(page, enrolled)
