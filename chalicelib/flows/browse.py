"""Browse the shop: lists and pages that are everybody's, each with what it shows beside the courses themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct

from chalicelib.errors import CourseNotFound, TeacherNotFound
from chalicelib.flows.claim_coupon import OnOffer, load_offers
from chalicelib.flows.claim_coupon import on_show as claimable
from chalicelib.shop import catalog
from chalicelib.shop.catalog import OFFLINE, Course, CourseDetail, CoursePage, Teacher
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.on_show import OnShow, read_on_show
from chalicelib.storage.background import in_background

Loaded = TypeVar("Loaded")

CHAPTERS, QUESTIONS, COUPONS = "chapters", "questions", "coupons"
PARTS = frozenset({CHAPTERS, QUESTIONS, COUPONS})
"""What a course's page may hold beside its texts."""

HOME_COUPONS = 6


class Fresh(Protocol):
    """Loads a key's value and keeps it for some seconds, for everybody."""

    def __call__(self, key: tuple[object, ...], load: Callable[[], Loaded], /) -> Loaded: ...


CategoryNames = Mapping[int | None, str]


def _begin_category_names() -> Callable[[], CategoryNames]:
    listed = in_background(catalog.list_categories)
    return lambda: {category.category_id: category.name for category in listed()}


class CourseRows(Struct, frozen=True):
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


class ShownPage(Struct, frozen=True):
    """A course's page with the courses that it recommends, where the catalogue has them still, and the names of
    categories.
    """

    page: CoursePage
    detail: CourseDetail
    recommended: Mapping[int, Course]
    category_names: CategoryNames


class PageView(Struct, frozen=True):
    """A page as somebody asked for it: with some of its parts, and the coupons to claim for it, its own first.

    Of a course that is offline all parts are empty: its contents are shown to its owners only, and nobody can buy it.
    """

    shown: ShownPage
    parts: frozenset[str]
    coupons: tuple[OnOffer, ...]

    @property
    def has_parts(self) -> bool:
        """Whether chapters, questions and coupons are shown."""
        return bool(self.shown.page.course.status != OFFLINE)


def show_page(detail_id: int, parts: frozenset[str], fresh: Fresh, now: datetime) -> PageView:
    """The page with this id. Raises CoursePageNotFound.

    When it is not kept: two Queries at once, then one batch read if it recommends courses; the coupons beside these.
    """
    return _view(("page", detail_id), lambda: catalog.find_page(detail_id), parts, fresh, now)


def show_course(key: CourseKey, fresh: Fresh, now: datetime) -> PageView:
    """The page of this course, with all its parts. Raises CourseNotFound, for a course without a page, too.

    Costs as much as `show_page` with coupons.
    """

    def find() -> CoursePage:
        page = catalog.find_course_contents(key)
        if page is None or page.detail is None:
            raise CourseNotFound(course=str(key))
        return page

    return _view(("page of", key), find, PARTS, fresh, now)


def _view(
    key: tuple[object, ...],
    find: Callable[[], CoursePage],
    parts: frozenset[str],
    fresh: Fresh,
    now: datetime,
) -> PageView:
    begun = _begin_coupons(fresh, now) if COUPONS in parts else list
    shown = fresh(key, lambda: _load(find))
    coupons, course = begun(), str(shown.page.course.key)
    own = [one for one in coupons if one.offer.bound_to == course]
    general = [one for one in coupons if one.offer.bound_to is None]
    return PageView(shown, parts, (*own, *general))


def _load(find: Callable[[], CoursePage]) -> ShownPage:
    names = _begin_category_names()
    page = find()
    assert page.detail is not None
    keys = [CourseKey(COURSE, other.course_id) for other in page.detail.recommended]
    found = catalog.find_courses(keys) if keys else {}
    return ShownPage(page, page.detail, {key.course_id: course for key, course in found.items()}, names())


def _begin_coupons(fresh: Fresh, now: datetime) -> Callable[[], Sequence[OnOffer]]:
    """The coupons that can be claimed now, those that end first first."""
    loaded = in_background(fresh, ("offers",), load_offers)
    return lambda: [one for one in claimable(loaded(), now) if one.offer.remaining > 0]


class Home(Struct, frozen=True):
    """The home page: what it shows of everything on show, and of the coupons that can be claimed now."""

    on_show: OnShow
    coupons: tuple[OnOffer, ...]


def show_home(fresh: Fresh, now: datetime) -> Home:
    """The home page. When nothing of it is kept: as `on_show`, the coupons beside."""
    coupons = _begin_coupons(fresh, now)
    shown = on_show(fresh)
    return Home(shown, tuple(coupons()[:HOME_COUPONS]))


class TeacherView(Struct, frozen=True):
    """A teacher, and the courses on show that they teach."""

    teacher: Teacher
    courses: tuple[Course, ...]
    category_names: CategoryNames


def show_teacher(teacher_id: int, fresh: Fresh) -> TeacherView:
    """A teacher of the shop, whether a course of theirs is on show or not. Raises TeacherNotFound. Costs as much as
    `on_show`.
    """
    shown = on_show(fresh)
    teacher = shown.teacher(teacher_id)
    if teacher is None:
        raise TeacherNotFound(teacher_id=teacher_id)
    return TeacherView(teacher, shown.taught_by.get(teacher_id, ()), shown.category_names)
