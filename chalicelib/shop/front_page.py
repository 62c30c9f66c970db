"""Where the shop front shows what a message is about: paths of its own."""

from __future__ import annotations

from chalicelib.shop.course_key import COURSE, CourseKey


def course_page(course: CourseKey, part: str = "") -> str:
    """The page of a course, at one of its parts."""
    return f"/course/{course.course_id}{_type(course)}{f'#{part}' if part else ''}"


def section_page(course: CourseKey, section_id: int) -> str:
    """The page on which a section is studied."""
    return f"/learn/{course.course_id}/{section_id}{_type(course)}"


def _type(course: CourseKey) -> str:
    return "" if course.course_type == COURSE else f"?type={course.course_type}"
