"""The rules between values of a catalogue: ids are unique, references lead somewhere."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from chalicelib.shop import coupon
from chalicelib.shop.course_key import COURSE, CourseKey

from .rows import Catalogue, Course, Offer, Row, columns


class _Broken:
    """Stands for an unreadable value, which is a fault already."""


BROKEN: Any = _Broken()

Fault = tuple[tuple[str | int, ...], str]
Place = tuple[str | int, ...]


def broken(of: type[Row]) -> Row:
    """A row without a readable value."""
    nothing = {column.name: () if column.rows else None if column.row else BROKEN for column in columns(of)}
    return of(**nothing)


def faults(catalogue: Catalogue, place: Place = ()) -> list[Fault]:
    """All faults between the values of a catalogue; a BROKEN value is no further fault."""
    return [((*place, *at), text) for at, text in _Rules(catalogue).faults()]


class _Rules:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.categories = {row.id for row in catalogue.categories}
        self.teachers = {row.id for row in catalogue.teachers}
        self.courses = {row.key for row in catalogue.courses}

    def faults(self) -> Iterator[Fault]:
        catalogue = self.catalogue
        yield from _unique("category", _places(("categories",), catalogue.categories))
        yield from _unique("teacher", _places(("teachers",), catalogue.teachers))
        yield from _unique("coupon", _places(("coupons",), catalogue.coupons))
        courses = list(enumerate(catalogue.courses))
        yield from _unique(
            "course",
            (
                (("courses", position, "id"), row.key)
                for position, row in courses
                if BROKEN not in (row.id, row.course_type)
            ),
        )
        pages = [
            (("courses", position, "detail", "id"), row.detail.id)
            for position, row in courses
            if row.detail is not None
        ]
        yield from _unique("detail", pages)
        for position, course in courses:
            yield from self._course(course, ("courses", position))
        for position, offer in enumerate(catalogue.coupons):
            yield from self._offer(offer, ("coupons", position))

    def _course(self, course: Course, place: Place) -> Iterator[Fault]:
        if course.category_id not in (None, BROKEN) and course.category_id not in self.categories:
            yield (*place, "category_id"), f"there is no category {course.category_id}"
        yield from _unique("policy", _places((*place, "policies"), course.policies))
        yield from _unique(
            "policy for a period of", _places((*place, "policies"), course.policies, "valid_period")
        )
        yield from _unique("question", _places((*place, "faqs"), course.faqs))
        yield from _unique("chapter id", _places((*place, "chapters"), course.chapters))
        yield from _unique("chapter number", _places((*place, "chapters"), course.chapters, "chapter"))
        sections: list[tuple[Place, Hashable]] = []
        for position, chapter in enumerate(course.chapters):
            sections += _places((*place, "chapters", position, "sections"), chapter.sections)
        yield from _unique("section", sections)
        if course.detail is None:
            return
        if course.detail.teachers is not BROKEN:
            for index, teacher in enumerate(course.detail.teachers):
                if teacher not in self.teachers:
                    yield (*place, "detail", "teachers", index), f"there is no teacher {teacher}"
        if course.detail.recommended is not BROKEN:
            for index, other in enumerate(course.detail.recommended):
                if CourseKey(COURSE, other) not in self.courses:
                    yield (*place, "detail", "recommended", index), f"there is no course#{other}"

    def _offer(self, offer: Offer, place: Place) -> Iterator[Fault]:
        if offer.bound_to not in (None, BROKEN):
            assert offer.bound_to is not None
            if CourseKey.parse(offer.bound_to) not in self.courses:
                yield (*place, "bound_to"), f"there is no {offer.bound_to}"
        if BROKEN in vars(offer).values():
            return
        yield from (((*place, name), text) for name, text in _offer_faults(offer))


def _offer_faults(offer: Offer) -> Iterator[tuple[str, str]]:
    """The fields of a coupon that contradict each other."""
    if offer.coupon_type == coupon.PERCENT:
        if offer.off_percent is None:
            yield "off_percent", "is missing: how many hundredths of the price a 折扣券 leaves (80 is 八折)"
    elif offer.off_percent is not None:
        yield "off_percent", f"a {coupon.COUPON_TYPE_NAMES[offer.coupon_type]} has none"
    if offer.claim_until <= offer.claim_from:
        yield "claim_until", "is before claim_from"
    if offer.valid_days is not None:
        if offer.valid_from is not None or offer.valid_until is not None:
            yield "valid_days", "stands beside valid_from and valid_until: a coupon has days or dates"
    elif offer.valid_from is None or offer.valid_until is None:
        yield "valid_from", "is missing: a coupon has valid_from and valid_until, or valid_days"
    elif offer.valid_until <= offer.valid_from:
        yield "valid_until", "is before valid_from"


def _places(place: Place, rows: Iterable[Row], name: str = "id") -> list[tuple[Place, Hashable]]:
    return [
        ((*place, position, name), getattr(row, name))
        for position, row in enumerate(rows)
        if getattr(row, name) is not BROKEN
    ]


def _unique(what: str, placed: Iterable[tuple[Place, Hashable]]) -> Iterator[Fault]:
    seen = set()
    for place, known_by in placed:
        if known_by is BROKEN:
            continue
        if known_by in seen:
            yield place, f"there is a {what} {known_by} already"
        seen.add(known_by)
