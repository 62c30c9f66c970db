"""Search the courses on show, in memory: see `on_show`."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from chalicelib.shop.catalog import Course
from chalicelib.shop.course_key import COURSE

BY_ORDER, BY_PRICE, BY_PRICE_DOWN, BY_NEWNESS = "order", "price", "-price", "newest"
SORTS = (BY_ORDER, BY_PRICE, BY_PRICE_DOWN, BY_NEWNESS)


class Search(Struct, frozen=True):
    """A search. All words must occur in name, brief, slogan or a teacher's name, compared without regard to case and
    width. None is any level, category, price, type.
    """

    words: tuple[str, ...] = ()
    level: str | None = None
    category_id: int | None = None
    is_free: bool | None = None
    course_type: str | None = COURSE
    sort: str = BY_ORDER


class Facets(NamedTuple):
    """What the filters of `Search` of the same names look at of a course."""

    level: str
    category_id: int | None
    is_free: bool
    course_type: str


class FacetCounts(Struct, frozen=True):
    """How many courses each choice of a filter would find, with the words and the other filters as they are."""

    level: Counter[str]
    category_id: Counter[int | None]
    is_free: Counter[bool]
    course_type: Counter[str]


class Found(Struct, frozen=True):
    """One page of the courses found, how many there are in all, where the next page begins (None: no more), and what
    other filters would find.
    """

    courses: tuple[Course, ...]
    total: int
    next_start: int | None
    facets: FacetCounts


class Entry(Struct, frozen=True):
    """A course as it is searched: its texts in the form in which they are compared, its cheapest price."""

    course: Course
    text: str
    cheapest: int | None
    facets: Facets
    newness: tuple[str, int]


def folded(text: str) -> str:
    """The form in which texts are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def entry_of(course: Course) -> Entry:
    """What a search needs of a course, computed once for many searches."""
    names = " ".join(teacher.name for teacher in course.teachers)
    cheapest = min(course.prices, default=None)
    return Entry(
        course,
        folded(f"{course.name} {course.brief} {course.slogan or ''} {names}"),
        cheapest,
        Facets(course.level, course.category_id, cheapest == 0, course.course_type),
        (course.pub_date or "", course.course_id),
    )


def search(entries: Sequence[Entry], wanted: Search, start: int, limit: int) -> Found:
    """The courses that fit, sorted, from the position `start` on. Courses without a price come last by price."""
    words = [folded(word) for word in wanted.words]
    matching = [entry for entry in entries if all(word in entry.text for word in words)]
    counts = Counter(entry.facets for entry in matching)
    fitting_facets = {facets for facets in counts if not _misses(facets, wanted)}
    fitting = [entry for entry in matching if entry.facets in fitting_facets]
    if wanted.sort in (BY_PRICE, BY_PRICE_DOWN):
        sign = 1 if wanted.sort == BY_PRICE else -1
        fitting.sort(key=lambda entry: (entry.cheapest is None, sign * (entry.cheapest or 0)))
    elif wanted.sort == BY_NEWNESS:
        fitting.sort(key=lambda entry: entry.newness, reverse=True)
    end = start + limit
    courses = tuple(entry.course for entry in fitting[start:end])
    return Found(courses, len(fitting), end if end < len(fitting) else None, _facet_counts(counts, wanted))


def _misses(facets: Facets, wanted: Search) -> list[str]:
    """The filters that keep courses with these facets out."""
    return [
        name
        for name, value in zip(Facets._fields, facets, strict=True)
        if getattr(wanted, name) not in (None, value)
    ]


def _facet_counts(counts: Mapping[Facets, int], wanted: Search) -> FacetCounts:
    counted: dict[str, Counter[Any]] = {name: Counter() for name in Facets._fields}
    for facets, count in counts.items():
        misses = _misses(facets, wanted)
        for name, value in zip(Facets._fields, facets, strict=True):
            if misses in ([], [name]):
                counted[name][value] += count
    return FacetCounts(**counted)
