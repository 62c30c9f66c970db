"""The rows of a catalogue file, the order of their fields and the forms of these.

A field without a default is required; one with a default may be left out, and is when it has that value.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from chalicelib.money import Fen
from chalicelib.shop import catalog, coupon
from chalicelib.shop.course_key import COURSE_TYPES, CourseKey
from chalicelib.shop.price_policy import VALID_PERIODS
from chalicelib.shop.texts import MAX_FAQ_QUESTION, MAX_TASK

from . import forms
from .forms import Form

STATES = (catalog.ONLINE, catalog.ANNOUNCED, catalog.OFFLINE)
OFFER_STATES = (coupon.ONLINE, coupon.OFFLINE)

_MAX_NUMBER = 99_999
"""Chapters and sections are sorted by numbers of five digits."""
_MAX_ORDER = 10**9


class Row:
    """A row of a catalogue file; each kind is a frozen dataclass."""


@dataclass(frozen=True)
class Column:
    """A field of a row: one value of a form, a row of its own (`row`), or a list of rows (`rows`).

    A list of rows is always required: a forgotten one would remove everything.
    """

    name: str
    default: object
    form: Form | None = None
    row: type[Row] | None = None
    rows: type[Row] | None = None

    @property
    def is_optional(self) -> bool:
        """Whether the field may be left out."""
        return self.default is not MISSING


def columns(of: type[Row]) -> tuple[Column, ...]:
    """The fields of a kind of row, in the file's order."""
    return _columns(of)  # type: ignore[arg-type]  # mypy doubts that a class can be hashed


@cache
def _columns(of: type[Row]) -> tuple[Column, ...]:
    hints = get_type_hints(of, include_extras=True)
    return tuple(
        _column(field.name, field.default, hints[field.name])
        for field in dataclasses.fields(of)  # type: ignore[arg-type]
    )


def _column(name: str, default: object, hint: Any) -> Column:
    if get_origin(hint) is Annotated:
        return Column(name, default, form=hint.__metadata__[0])
    of = get_args(hint)[0]
    return Column(name, default, rows=of) if get_origin(hint) is tuple else Column(name, default, row=of)


@dataclass(frozen=True, kw_only=True)
class Category(Row):
    """A category."""

    id: Annotated[int, forms.IDENT]
    name: Annotated[str, forms.name(64)]


@dataclass(frozen=True, kw_only=True)
class Teacher(Row):
    """A teacher; `image` is a picture's address, absolute or within the shop front."""

    id: Annotated[int, forms.IDENT]
    name: Annotated[str, forms.name(32)]
    role: Annotated[str, forms.named(catalog.TEACHER_ROLE_NAMES)]
    title: Annotated[str, forms.text(64)]
    signature: Annotated[str | None, forms.text(255)] = None
    image: Annotated[str, forms.text(255)]
    brief: Annotated[str, forms.text()]


@dataclass(frozen=True, kw_only=True)
class Policy(Row):
    """A price policy: one of the thirteen periods in days (36000 is 永久), and its price."""

    id: Annotated[int, forms.IDENT]
    valid_period: Annotated[int, forms.choice(tuple(VALID_PERIODS))]
    price: Annotated[Fen, forms.YUAN]


@dataclass(frozen=True, kw_only=True)
class Detail(Row):
    """A course's page, known by an id of its own; teachers and recommended courses by their ids."""

    id: Annotated[int, forms.IDENT]
    hours: Annotated[int, forms.whole(0, 10**6)]
    course_slogan: Annotated[str | None, forms.text(125)] = None
    video_brief_link: Annotated[str | None, forms.text(255)] = None
    why_study: Annotated[str, forms.text()]
    what_to_study_brief: Annotated[str, forms.text()]
    career_improvement: Annotated[str, forms.text()]
    prerequisite: Annotated[str, forms.text()]
    teachers: Annotated[tuple[int, ...], forms.IDS]
    recommended: Annotated[tuple[int, ...], forms.IDS]


@dataclass(frozen=True, kw_only=True)
class Assignment(Row):
    """What is to be handed in at a section, and until when; without `until` at any time."""

    task: Annotated[str, forms.prose(MAX_TASK)]
    until: Annotated[datetime | None, forms.END] = None


@dataclass(frozen=True, kw_only=True)
class Section(Row):
    """A section of a chapter; `order` is its place, `free_trial` opens its link to everybody, `online` is false while
    it is closed to all.
    """

    id: Annotated[int, forms.IDENT]
    order: Annotated[int, forms.whole(0, _MAX_NUMBER)]
    name: Annotated[str, forms.name(128)]
    section_type: Annotated[str, forms.named(catalog.SECTION_TYPE_NAMES)]
    player: Annotated[str, forms.choice(catalog.PLAYERS)]
    section_link: Annotated[str | None, forms.text(255)] = None
    video_time: Annotated[str, forms.text(32)] = ""
    free_trial: Annotated[bool, forms.FLAG] = False
    online: Annotated[bool, forms.FLAG] = True
    pub_date: Annotated[datetime | None, forms.BEGIN] = None
    assignment: Assignment | None = None


@dataclass(frozen=True, kw_only=True)
class Chapter(Row):
    """A chapter; `chapter` is its number."""

    id: Annotated[int, forms.IDENT]
    chapter: Annotated[int, forms.whole(0, _MAX_NUMBER)]
    name: Annotated[str, forms.name(128)]
    summary: Annotated[str, forms.text()]
    pub_date: Annotated[str, forms.DAY]
    sections: tuple[Section, ...]


@dataclass(frozen=True, kw_only=True)
class Question(Row):
    """A frequently asked question with its answer."""

    id: Annotated[int, forms.IDENT]
    question: Annotated[str, forms.text(MAX_FAQ_QUESTION)]
    answer: Annotated[str, forms.text()]


@dataclass(frozen=True, kw_only=True)
class Course(Row):
    """A course with page, policies and contents. `status` is online (上线), announced (预上线) or offline (下线);
    `featured` puts it on the home page.
    """

    course_type: Annotated[str, forms.choice(COURSE_TYPES)]
    id: Annotated[int, forms.IDENT]
    name: Annotated[str, forms.name(128)]
    category_id: Annotated[int | None, forms.IDENT] = None
    level: Annotated[str, forms.named(catalog.LEVEL_NAMES)]
    status: Annotated[str, forms.choice(STATES)]
    order: Annotated[int, forms.whole(-_MAX_ORDER, _MAX_ORDER)]
    period: Annotated[int, forms.whole(0, 10**6)]
    pub_date: Annotated[str | None, forms.DAY] = None
    featured: Annotated[bool, forms.FLAG] = False
    course_img: Annotated[str, forms.text(255)]
    brief: Annotated[str, forms.text()]
    policies: tuple[Policy, ...]
    detail: Detail | None = None
    chapters: tuple[Chapter, ...]
    faqs: tuple[Question, ...]

    @property
    def key(self) -> CourseKey:
        """The course's key."""
        return CourseKey(self.course_type, self.id)


@dataclass(frozen=True, kw_only=True)
class Offer(Row):
    """A coupon: its rule, how many there are, when they can be claimed and when they are good."""

    id: Annotated[int, forms.IDENT]
    name: Annotated[str, forms.name(64)]
    brief: Annotated[str, forms.text()] = ""
    coupon_type: Annotated[str, forms.named(coupon.COUPON_TYPE_NAMES)]
    value: Annotated[Fen, forms.YUAN] = 0
    off_percent: Annotated[int | None, forms.whole(1, 100)] = None
    minimum: Annotated[Fen, forms.YUAN] = 0
    bound_to: Annotated[str | None, forms.COURSE_KEY] = None
    quantity: Annotated[int, forms.whole(0, 10**9)]
    claim_from: Annotated[datetime, forms.BEGIN]
    claim_until: Annotated[datetime, forms.END]
    valid_from: Annotated[datetime | None, forms.BEGIN] = None
    valid_until: Annotated[datetime | None, forms.END] = None
    valid_days: Annotated[int | None, forms.whole(1, 100_000)] = None
    status: Annotated[str, forms.choice(OFFER_STATES)] = coupon.ONLINE


@dataclass(frozen=True, kw_only=True)
class Catalogue(Row):
    """Everything of the catalogue."""

    categories: tuple[Category, ...]
    teachers: tuple[Teacher, ...]
    courses: tuple[Course, ...]
    coupons: tuple[Offer, ...]

    def in_order(self) -> Catalogue:
        """The same with every list in the file's order, which is the one that export writes."""
        return Catalogue(
            categories=_by(self.categories, "id"),
            teachers=_by(self.teachers, "id"),
            courses=tuple(_in_order(course) for course in _by(self.courses, "course_type", "id")),
            coupons=_by(self.coupons, "id"),
        )

    def counts(self) -> str:
        """How many rows of each kind there are, in words."""
        counts = {
            "categories": len(self.categories),
            "teachers": len(self.teachers),
            "courses": len(self.courses),
            "coupons": len(self.coupons),
        }
        return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _in_order(course: Course) -> Course:
    chapters = tuple(
        dataclasses.replace(chapter, sections=_by(chapter.sections, "order", "id"))
        for chapter in _by(course.chapters, "chapter", "id")
    )
    return dataclasses.replace(
        course,
        policies=_by(course.policies, "valid_period", "id"),
        chapters=chapters,
        faqs=_by(course.faqs, "id"),
    )


def _by(unordered: tuple[Any, ...], *names: str) -> tuple[Any, ...]:
    return tuple(sorted(unordered, key=lambda one: tuple(getattr(one, name) for name in names)))
