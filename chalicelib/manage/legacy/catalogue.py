"""Rows of the old catalogue -> items of the shop's. Reads and writes nothing; BadValue refuses a row."""

from __future__ import annotations

from typing import Any

from chalicelib.manage.legacy import SOURCE
from chalicelib.manage.legacy.values import BadValue, Row
from chalicelib.shop import catalog
from chalicelib.shop.catalog import (
    Category,
    Chapter,
    CourseDetail,
    Faq,
    RecommendedCourse,
    Section,
    Teacher,
    TeacherCopy,
)
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.price_policy import VALID_PERIODS, PricePolicy

TEACHER_ROLES = {0: catalog.LECTURER, 1: catalog.ASSISTANT}
COURSE_LABELS = {0: "付费", 1: "VIP专享", 2: "免费课程"}
"""Labels only: all are courses of one type, and what is free follows from the price policies."""
COURSE_STATES = {0: catalog.ONLINE, 1: catalog.OFFLINE, 2: catalog.ANNOUNCED}
LEVELS = {0: catalog.BEGINNER, 1: catalog.INTERMEDIATE, 2: catalog.ADVANCED}
SECTION_TYPES = {0: catalog.DOCUMENT, 1: catalog.EXERCISE, 2: catalog.VIDEO}
PLAYERS = {0: catalog.CC, 1: catalog.POLYV, 2: catalog.ALI}

_MAX_NUMBER = 99_999
"""Chapters and sections are sorted by numbers of five digits."""
_MAX_ORDER = 10**9


def category(row: Row) -> Category:
    """A category."""
    return catalog.category_item(row.check_id(), row.name("name", 64), SOURCE)


def teacher(row: Row) -> Teacher:
    """A teacher. The picture's address stays what it is."""
    return catalog.teacher_item(
        row.check_id(),
        name=row.name("name", 32),
        role=row.choice("role", TEACHER_ROLES),
        title=row.text("title", 64),
        signature=row.optional_text("signature", 255),
        image=row.text("image", 128),
        brief=row.text("brief"),
        source=SOURCE,
    )


def course(row: Row) -> dict[str, Any]:
    """The attributes of a course but for its detail's id, which is known later."""
    row.check_id()
    row.choice("course_type", COURSE_LABELS)
    return {
        "name": row.name("name", 128),
        "course_img": row.text("course_img", 255),
        "brief": row.text("brief"),
        "level": row.choice("level", LEVELS),
        "status": row.choice("status", COURSE_STATES),
        "order": row.whole("order", -_MAX_ORDER, _MAX_ORDER),
        "period": row.whole("period", 0, 10**6),
        "category_id": None if row.is_null("course_category_id") else row.reference("course_category_id"),
        "source": SOURCE,
    }


def policy(row: Row, key: CourseKey, detail_id: int | None) -> PricePolicy:
    """A price policy of one of the thirteen periods."""
    period = row.whole("valid_period", 1, max(VALID_PERIODS))
    if period not in VALID_PERIODS:
        raise BadValue(f"valid_period {period} is none of the thirteen")
    return catalog.policy_item(key, row.check_id(), period, row.fen("price"), detail_id, SOURCE)


def detail(row: Row, key: CourseKey) -> CourseDetail:
    """A course's page, still without teachers and recommended courses."""
    return catalog.detail_item(
        key,
        row.check_id(),
        hours=row.whole("hours", 0, 10**6),
        course_slogan=row.optional_text("course_slogan", 125),
        video_brief_link=row.optional_text("video_brief_link", 255),
        why_study=row.text("why_study"),
        what_to_study_brief=row.text("what_to_study_brief"),
        career_improvement=row.text("career_improvement"),
        prerequisite=row.text("prerequisite"),
        teachers=[],
        recommended=[],
        source=SOURCE,
    )


def teacher_copy(taught: Teacher) -> TeacherCopy:
    """A teacher as a course's page shows it."""
    return TeacherCopy(  # type: ignore[no-untyped-call]
        teacher_id=taught.teacher_id,
        name=taught.name,
        title=taught.title,
        signature=taught.signature,
        image=taught.image,
        brief=taught.brief,
    )


def recommended(course_id: int, name: str) -> RecommendedCourse:
    """A course as the page of another one recommends it."""
    return RecommendedCourse(course_id=course_id, course_name=name)  # type: ignore[no-untyped-call]


def chapter(row: Row, key: CourseKey, detail_id: int | None) -> Chapter:
    """A chapter."""
    return catalog.chapter_item(
        key,
        row.check_id(),
        row.whole("chapter", 0, _MAX_NUMBER),
        name=row.name("name", 128),
        summary=row.optional_text("summary") or "",
        pub_date=row.day("pub_date").isoformat(),
        detail_id=detail_id,
        source=SOURCE,
    )


def section(row: Row, key: CourseKey, chapter_number: int, detail_id: int | None) -> Section:
    """A section. The old system wrote `free_trail`."""
    return catalog.section_item(
        key,
        row.check_id(),
        chapter_number,
        row.whole("order", 0, _MAX_NUMBER),
        name=row.name("name", 128),
        section_type=row.choice("section_type", SECTION_TYPES),
        player=row.choice("player", PLAYERS),
        section_link=row.optional_text("section_link", 255),
        video_time=row.optional_text("video_time", 32) or "",
        free_trial=row.flag("free_trail"),
        pub_date=row.moment("pub_date"),
        detail_id=detail_id,
        source=SOURCE,
    )


def question(row: Row, key: CourseKey, detail_id: int | None) -> Faq:
    """A frequently asked question."""
    return catalog.faq_item(
        key,
        row.check_id(),
        question=row.text("question", 255),
        answer=row.text("answer"),
        detail_id=detail_id,
        source=SOURCE,
    )
