"""The key of a course: its type and its id."""

from __future__ import annotations

from msgspec import Struct

COURSE = "course"
DEGREE_COURSE = "degree_course"
COURSE_TYPES = (COURSE, DEGREE_COURSE)


class CourseKey(Struct, frozen=True, order=True):
    """The type (`course`, `degree_course`) and id of something that is sold by price policies."""

    course_type: str
    course_id: int

    def __str__(self) -> str:
        """The partition key of the course's items: `course#1`, `degree_course#3`."""
        return f"{self.course_type}#{self.course_id}"

    @property
    def map_key(self) -> str:
        """The course's key in JSON maps: `1` for a course, `degree_course#3` for a degree course."""
        return str(self.course_id) if self.course_type == COURSE else str(self)

    @staticmethod
    def parse(text: str) -> CourseKey:
        """The key from its stored text."""
        course_type, _, course_id = text.partition("#")
        return CourseKey(course_type, int(course_id))
