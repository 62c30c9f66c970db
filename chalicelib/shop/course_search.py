"""Search the courses on show, in memory: a school has hundreds of courses, and 5,000 at the most.

Each container reads them all with a few Queries of the list index, once in a while; a search then costs nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.shop.catalog import Course, list_courses
from chalicelib.shop.partition import PAGE_ROWS

MOST_COURSES = 10 * PAGE_ROWS
"""How many courses are searched, in catalogue order; the search of a larger catalogue would miss the rest."""

BY_ORDER, BY_PRICE, BY_PRICE_DOWN, BY_NEWNESS = "order", "price", "-price", "newest"
SORTS = (BY_ORDER, BY_PRICE, BY_PRICE_DOWN, BY_NEWNESS)


@dataclass(frozen=True)
class Search:
    """A search. All words must occur in name or brief, compared without regard to case and width."""

    words: tuple[str, ...] = ()
    level: str | None = None
    category_id: int | None = None
    is_free: bool | None = None
    sort: str = BY_ORDER


@dataclass(frozen=True)
class Found:
    """One page of the courses found, how many there are in all, and where the next page begins (None: no more)."""

    courses: tuple[Course, ...]
    total: int
    next_start: int | None


def folded(text: str) -> str:
    """The form in which texts are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


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


def search(courses: Sequence[Course], wanted: Search, start: int, limit: int) -> Found:
    """The courses that fit, sorted, from the position `start` on. Courses without a price come last by price."""
    fitting = [course for course in courses if _fits(course, wanted)]
    if wanted.sort in (BY_PRICE, BY_PRICE_DOWN):
        sign = 1 if wanted.sort == BY_PRICE else -1
        fitting.sort(key=lambda course: (_cheapest(course) is None, sign * (_cheapest(course) or 0)))
    elif wanted.sort == BY_NEWNESS:
        fitting.sort(key=lambda course: (course.pub_date or "", course.course_id), reverse=True)
    end = start + limit
    return Found(tuple(fitting[start:end]), len(fitting), end if end < len(fitting) else None)


def _fits(course: Course, wanted: Search) -> bool:
    if wanted.level is not None and course.level != wanted.level:
        return False
    if wanted.category_id is not None and course.category_id != wanted.category_id:
        return False
    if wanted.is_free is not None and (_cheapest(course) == 0) != wanted.is_free:
        return False
    text = folded(f"{course.name} {course.brief}")
    return all(folded(word) in text for word in wanted.words)


def _cheapest(course: Course) -> int | None:
    return min((int(policy.price) for policy in course.policies), default=None)
