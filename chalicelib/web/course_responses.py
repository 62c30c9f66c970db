"""The catalogue -> the documented JSON, one plain function per object: rows, pages, chapters, questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from chalicelib.beijing_time import beijing_text, day_start
from chalicelib.flows.browse import (
    CHAPTERS,
    COUPONS,
    QUESTIONS,
    CategoryNames,
    CourseRows,
    Home,
    PageView,
    TeacherView,
)
from chalicelib.flows.claim_coupon import OnOffer
from chalicelib.flows.my_course import MyCourse
from chalicelib.flows.study import CourseContents
from chalicelib.money import Fen, to_yuan, yuan_text
from chalicelib.settings import Settings
from chalicelib.shop.catalog import (
    LEVEL_NAMES,
    OFFLINE,
    SECTION_TYPE_NAMES,
    STATUS_NAMES,
    Category,
    Course,
    Section,
    Teacher,
    TeacherCopy,
)
from chalicelib.shop.course_key import COURSE_TYPES
from chalicelib.shop.course_search import FacetCounts, Found
from chalicelib.shop.on_show import OnShow
from chalicelib.shop.price_policy import period_name
from chalicelib.web.codes import CATALOG_OK
from chalicelib.web.coupon_responses import held_coupon, offer_row
from chalicelib.web.responses import Json, owned_until, picture, success

COMING_SOON = "敬请期待"

HOME_TEACHERS = 8


def categories(found: Iterable[Category]) -> Json:
    """`GET /course/category`."""
    return {
        "error_no": 0,
        "data": [{"id": category.category_id, "name": category.name} for category in found],
    }


def course_list(found: CourseRows, shop_url: str) -> Json:
    """`GET /courses`."""
    body: Json = {
        "code": CATALOG_OK,
        "data": [_list_row(course, found.category_names, shop_url) for course in found.courses],
    }
    if found.next_cursor:
        body["next"] = found.next_cursor
    return body


def found_courses(found: Found, on_show: OnShow, shop_url: str) -> Json:
    """`GET /courses/search`: rows as of the list, how many there are in all, the next cursor, and what other filters
    would find.
    """
    body: Json = {
        "code": CATALOG_OK,
        "data": [_list_row(course, on_show.category_names, shop_url) for course in found.courses],
        "total": found.total,
        "facets": _facets(found.facets, on_show),
    }
    if found.next_start is not None:
        body["next"] = str(found.next_start)
    return body


def _facets(counts: FacetCounts, on_show: OnShow) -> Json:
    return {
        "category": _category_counts(on_show, counts.category_id),
        "level": [{"level": name, "courses": counts.level[level]} for level, name in LEVEL_NAMES.items()],
        "course_type": [
            {"course_type": course_type, "courses": counts.course_type[course_type]}
            for course_type in COURSE_TYPES
        ],
        "free": counts.is_free[True],
        "paid": counts.is_free[False],
    }


def _category_counts(on_show: OnShow, counts: Mapping[int | None, int]) -> list[Json]:
    """Every category with how many of some courses are its."""
    return [
        {"id": one.category_id, "name": one.name, "courses": counts.get(one.category_id, 0)}
        for one in on_show.categories
    ]


def _list_row(course: Course, category_names: CategoryNames, shop_url: str) -> Json:
    prices = course.prices
    is_free = bool(prices) and min(prices) == 0
    paid = [price for price in prices if price > 0]
    return {
        "id": course.course_id,
        "name": course.name,
        "course_img": picture(course.course_img, shop_url),
        "brief": course.brief,
        "level": LEVEL_NAMES[course.level],
        "coursedetail_id": _page_id(course),
        "is_free": is_free,
        "price": _price_text(prices),
        "origin_price": f"原价￥{yuan_text(min(paid))}" if is_free and paid else None,
        "lowest_price": to_yuan(min(prices)) if prices else None,
        "highest_price": to_yuan(max(prices)) if prices else None,
        "hours": course.hours or 0,
        "teachers": [teacher.name for teacher in course.teachers],
        "pub_date": beijing_text(day_start(date.fromisoformat(course.pub_date))) if course.pub_date else None,
    } | _kind(course, category_names)


def _kind(course: Course, category_names: CategoryNames) -> Json:
    """What a course is, as its row and its page say it."""
    return {
        "course_type": course.course_type,
        "category_id": course.category_id,
        "category_name": category_names.get(course.category_id, ""),
        "status": STATUS_NAMES[course.status],
    }


def _page_id(course: Course | None) -> str | None:
    return None if course is None or course.detail_id is None else str(course.detail_id)


def _price_text(prices: Sequence[Fen]) -> str:
    if not prices:
        return COMING_SOON
    return f"￥{yuan_text(min(prices))}" if min(prices) else "免费"


def course_page(view: PageView, settings: Settings) -> Json:
    """`GET /coursedetail/{id}`."""
    shop_url = settings.shop_url
    shown, page = view.shown, view.shown.page
    course, detail = page.course, shown.detail
    recommended = [shown.recommended.get(other.course_id) for other in detail.recommended]
    return {
        "id": detail.detail_id,
        "name": course.name,
        "prices": [
            {
                "id": policy.policy_id,
                "valid_period": policy.valid_period,
                "valid_period_name": period_name(policy.valid_period),
                "price": to_yuan(policy.price),
            }
            for policy in page.policies
        ],
        "brief": course.brief,
        "study_all_time": f"{detail.hours}小时",
        "level": LEVEL_NAMES[course.level],
        "teachers_info": [_teacher(teacher, shop_url) for teacher in detail.teachers],
        "is_online": course.status != OFFLINE,
        "recommend_coursesinfo": [
            {
                "course_id": str(copy.course_id),
                "course_name": copy.course_name,
                "coursedetail_id": _page_id(other),
            }
            for copy, other in zip(detail.recommended, recommended, strict=True)
        ],
        "hours": detail.hours,
        "course_slogan": detail.course_slogan,
        "video_brief_link": detail.video_brief_link,
        "why_study": detail.why_study,
        "what_to_study_brief": detail.what_to_study_brief,
        "career_improvement": detail.career_improvement,
        "prerequisite": detail.prerequisite,
        "course": course.course_id,
        "recommend_courses": [other.course_id for other in detail.recommended],
        "teachers": [teacher.teacher_id for teacher in detail.teachers],
        "course_img": picture(course.course_img, shop_url),
        "sections": len(page.sections),
        "trial_sections": sum(bool(section.free_trial) for section in page.sections),
        "refund_days": settings.refund_window.days,
        "recommended": [
            _list_row(other, shown.category_names, shop_url)
            for other in recommended
            if other is not None and other.status != OFFLINE
        ],
        **_kind(course, shown.category_names),
        **_parts(view),
    }


def _parts(view: PageView) -> Json:
    """What else of a course its page was asked for. Links only of trial sections."""
    contents = CourseContents(view.shown.page, enrolled=False)
    parts: Json = {
        CHAPTERS: lambda: _chapters(contents),
        QUESTIONS: lambda: _questions(contents),
        COUPONS: lambda: _coupons(view.coupons),
    }
    return {name: part() if view.has_parts else [] for name, part in parts.items() if name in view.parts}


def course(view: PageView, settings: Settings) -> Json:
    """`GET /course/{course_id}`."""
    return success(course_page(view, settings))


def _coupons(offers: Iterable[OnOffer]) -> list[Json]:
    """Offers as everybody sees them."""
    return [offer_row(one.offer, claimed=False, course=one.course) for one in offers]


def home(page: Home, shop_url: str) -> Json:
    """`GET /home`."""
    shown = page.on_show

    def rows(courses: Iterable[Course]) -> list[Json]:
        return [_list_row(course, shown.category_names, shop_url) for course in courses]

    return success(
        {
            "categories": _category_counts(shown, shown.courses_in),
            "featured": rows(shown.featured),
            "newest": rows(shown.just_out),
            "free": rows(shown.free),
            "teachers": _teacher_rows(shown, shop_url)[:HOME_TEACHERS],
            "coupons": _coupons(page.coupons),
            "totals": {"courses": len(shown.courses), "teachers": len(shown.teaching)},
        }
    )


def teachers(on_show: OnShow, shop_url: str) -> Json:
    """`GET /teachers`."""
    return success(_teacher_rows(on_show, shop_url))


def _teacher_rows(on_show: OnShow, shop_url: str) -> list[Json]:
    return [
        _teacher(teacher, shop_url) | {"courses": len(on_show.taught_by[teacher.teacher_id])}
        for teacher in on_show.teaching
    ]


def teacher(view: TeacherView, shop_url: str) -> Json:
    """`GET /teachers/{teacher_id}`."""
    rows = [_list_row(course, view.category_names, shop_url) for course in view.courses]
    return success(_teacher(view.teacher, shop_url) | {"courses": len(rows), "course_list": rows})


def _teacher(teacher: Teacher | TeacherCopy, shop_url: str) -> Json:
    return {
        "teacher_id": str(teacher.teacher_id),
        "teacher_name": teacher.name,
        "title": teacher.title,
        "signature": teacher.signature,
        "teacher_image": picture(teacher.image, shop_url),
        "teacher_brief": teacher.brief,
    }


def chapters(contents: CourseContents) -> Json:
    """`GET /course/{course_id}/chapters`: a section has `section_link` only where the visitor may have it."""
    course = contents.page.course
    return success(
        {
            "course_id": course.course_id,
            "course_type": course.course_type,
            "course_name": course.name,
            "enrolled": contents.enrolled,
            "chapters": _chapters(contents),
        }
    )


def _chapters(contents: CourseContents) -> list[Json]:
    sections: dict[int, list[Json]] = {}
    for section in contents.page.sections:
        sections.setdefault(section.chapter, []).append(_section(section, contents.may_have_link(section)))
    return [
        {
            "id": chapter.chapter_id,
            "chapter": chapter.chapter,
            "name": chapter.name,
            "summary": chapter.summary,
            "sections": sections.get(chapter.chapter, []),
        }
        for chapter in contents.page.chapters
    ]


def _section(section: Section, may_have_link: bool) -> Json:
    shown: Json = {
        "id": section.section_id,
        "name": section.name,
        "order": section.order,
        "section_type": SECTION_TYPE_NAMES[section.section_type],
        "player": section.player,
        "video_time": section.video_time,
        "free_trail": section.free_trial,
        "online": section.is_online(),
        "has_assignment": section.assignment is not None,
    }
    if section.section_link is not None and may_have_link:
        shown["section_link"] = section.section_link
    return shown


def questions(contents: CourseContents) -> Json:
    """`GET /course/{course_id}/questions`."""
    return success(_questions(contents))


def _questions(contents: CourseContents) -> list[Json]:
    return [{"id": faq.faq_id, "question": faq.question, "answer": faq.answer} for faq in contents.page.faqs]


def my_course(mine: MyCourse, now: datetime) -> Json:
    """`GET /course/{course_id}/mine`."""
    owned = mine.enrollment
    is_active, is_paused = (owned.is_active(now), owned.is_paused(now)) if owned else (False, False)
    return success(
        {
            "enrolled": is_active,
            "end_date": owned_until(owned, now),
            "paused": is_paused,
            "ended": owned is not None and not is_active and not is_paused,
            "in_cart": mine.is_in_cart,
            "cart_policy_id": mine.cart_policy_id,
            "free_term_had": mine.free_term_had,
            "open_order": mine.open_order,
            "coupons": [held_coupon(one, now) for one in mine.coupons],
        }
    )
