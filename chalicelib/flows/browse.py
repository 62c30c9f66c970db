"""Browse the shop: lists and pages that are everybody's, each with what it shows beside the courses themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from chalicelib.shop import catalog
from chalicelib.shop.catalog import OFFLINE, Course, CourseDetail, CoursePage
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.on_show import OnShow, read_on_show
from chalicelib.storage.background import in_background

Loaded = TypeVar("Loaded")

CHAPTERS, QUESTIONS = "chapters", "questions"
PARTS = frozenset({CHAPTERS, QUESTIONS})
"""What a course's page may hold beside its texts."""


class Fresh(Protocol):
    """Loads a key's value and keeps it for some seconds, for everybody."""

    def __call__(self, key: tuple[object, ...], load: Callable[[], Loaded], /) -> Loaded: ...


CategoryNames = Mapping[int | None, str]


def _begin_category_names() -> Callable[[], CategoryNames]:
    listed = in_background(catalog.list_categories)
    return lambda: {category.category_id: category.name for category in listed()}


@dataclass(frozen=True)
class CourseRows:
    """Some courses of a list, the names of their categories, and the cursor of what follows, if anything does."""

    courses: tuple[Course, ...]
    category_names: CategoryNames
    next_cursor: str | None = None


def list_courses(category_id: int | None, limit: int, cursor: str | None, fresh: Fresh) -> CourseRows:
    """Courses on show of the type `course`, of one category or of all. Two Queries at once when they are not kept.

    Raises InvalidPage.
    """

    def load() -> CourseRows:
        names = _begin_category_names()
        found = catalog.list_courses(COURSE, category_id, limit, cursor)
        return CourseRows(found.courses, names(), found.next_cursor)

    return fresh(("courses", category_id, limit, cursor), load)


def on_show(fresh: Fresh) -> OnShow:
    """Everything on show. When it is not kept: a Query for each 500 courses of a type, all else at once."""
    return fresh(("on show",), read_on_show)


@dataclass(frozen=True)
class ShownPage:
    """A course's page with the courses that it recommends, where the catalogue has them still, and the names of
    categories.
    """

    page: CoursePage
    detail: CourseDetail
    recommended: Mapping[int, Course]
    category_names: CategoryNames


@dataclass(frozen=True)
class PageView:
    """A page as somebody asked for it, with some of its parts.

    The contents of a course that is offline are shown to its owners only, so not here.
    """

    shown: ShownPage
    parts: frozenset[str]

    @property
    def shows_contents(self) -> bool:
        """Whether chapters and questions may be shown."""
        return bool(self.shown.page.course.status != OFFLINE)


def show_page(detail_id: int, parts: frozenset[str], fresh: Fresh) -> PageView:
    """The page with this id. Raises CoursePageNotFound.

    When it is not kept: two Queries at once, then one batch read if it recommends courses.
    """
    shown = fresh(("page", detail_id), lambda: _load(lambda: catalog.find_page(detail_id)))
    return PageView(shown, parts)


def _load(find: Callable[[], CoursePage]) -> ShownPage:
    names = _begin_category_names()
    page = find()
    assert page.detail is not None
    keys = [CourseKey(COURSE, other.course_id) for other in page.detail.recommended]
    found = catalog.find_courses(keys) if keys else {}
    return ShownPage(page, page.detail, {key.course_id: course for key, course in found.items()}, names())
