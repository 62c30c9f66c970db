"""Everything on show, read together: courses of every type, categories, teachers. Home page and search live on it.

A school has hundreds of courses, and 5,000 at the most: each container keeps them all for some seconds, with what is
counted and sorted of them, and then answers cost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property

from msgspec import Struct

from chalicelib.shop import catalog
from chalicelib.shop.catalog import Category, Course, Teacher, list_courses
from chalicelib.shop.course_key import COURSE_TYPES
from chalicelib.shop.course_search import Entry, entry_of
from chalicelib.shop.partition import PAGE_ROWS
from chalicelib.storage.background import in_background

MOST_COURSES = 10 * PAGE_ROWS
"""How many courses of a type are read, in catalogue order; a larger catalogue would miss the rest."""

HOME_COURSES = 8
"""How many courses of each kind the home page shows, at most."""


class OnShow(Struct, frozen=True, dict=True):
    """The courses on show, type by type in catalogue order, with all categories by id and all teachers by id."""

    courses: tuple[Course, ...]
    categories: tuple[Category, ...] = ()
    teachers: tuple[Teacher, ...] = ()

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The courses as they are searched."""
        return tuple(map(entry_of, self.courses))

    @cached_property
    def category_names(self) -> Mapping[int | None, str]:
        """The names of categories by their ids."""
        return {category.category_id: category.name for category in self.categories}

    @cached_property
    def courses_in(self) -> Mapping[int | None, int]:
        """How many courses a category has."""
        return Counter(course.category_id for course in self.courses)

    @cached_property
    def newest(self) -> tuple[Course, ...]:
        """All courses, those that came out last first, those without a date last."""
        newest_first = sorted(
            self.courses, key=lambda course: (course.pub_date or "", course.course_id), reverse=True
        )
        return tuple(newest_first)

    @cached_property
    def featured(self) -> tuple[Course, ...]:
        """The courses for the home page: the featured ones, the first ones where nothing is featured."""
        featured = tuple(course for course in self.courses if course.featured)
        return (featured or self.courses)[:HOME_COURSES]

    @cached_property
    def just_out(self) -> tuple[Course, ...]:
        """The courses that came out last, those that are only announced aside."""
        return tuple(course for course in self.newest if course.is_sold())[:HOME_COURSES]

    @cached_property
    def free(self) -> tuple[Course, ...]:
        """The first courses that cost nothing."""
        return tuple(course for course in self.courses if course.is_sold() and 0 in course.prices)[
            :HOME_COURSES
        ]

    @cached_property
    def taught_by(self) -> Mapping[int, tuple[Course, ...]]:
        """The courses of a teacher, in catalogue order."""
        taught: dict[int, list[Course]] = {}
        for course in self.courses:
            for teacher in course.teachers:
                taught.setdefault(teacher.teacher_id, []).append(course)
        return {teacher_id: tuple(courses) for teacher_id, courses in taught.items()}

    @cached_property
    def teaching(self) -> tuple[Teacher, ...]:
        """The teachers of courses on show, those with most courses first."""
        taught = self.taught_by
        teaching = [teacher for teacher in self.teachers if teacher.teacher_id in taught]
        return tuple(
            sorted(teaching, key=lambda teacher: (-len(taught[teacher.teacher_id]), teacher.teacher_id))
        )

    @cached_property
    def _teachers_by_id(self) -> Mapping[int, Teacher]:
        return {teacher.teacher_id: teacher for teacher in self.teachers}

    def teacher(self, teacher_id: int) -> Teacher | None:
        """A teacher by id."""
        return self._teachers_by_id.get(teacher_id)


def read_on_show() -> OnShow:
    """Everything on show: a Query for each 500 courses of a type, the types, categories and teachers at once."""
    reads: list[Callable[[], tuple[Course, ...]]] = [in_background(list_all, of) for of in COURSE_TYPES]
    categories, teachers = in_background(catalog.list_categories), catalog.list_teachers()
    courses = tuple(course for read in reads for course in read())
    return OnShow(courses, tuple(categories()), tuple(teachers))


def list_all(course_type: str) -> tuple[Course, ...]:
    """All courses on show of a type, in catalogue order: a Query for each 500 of them."""
    courses: list[Course] = []
    cursor: str | None = None
    while len(courses) < MOST_COURSES:
        page = list_courses(course_type, None, PAGE_ROWS, cursor)
        courses += page.courses
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(courses[:MOST_COURSES])
