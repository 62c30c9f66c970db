"""The catalogue -> the documented JSON, one plain function per object: rows, pages, chapters, questions."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.flows.study import CourseContents
from chalicelib.money import Fen, to_yuan, yuan_text
from chalicelib.shop.catalog import (
    LEVEL_NAMES,
    OFFLINE,
    SECTION_TYPE_NAMES,
    Category,
    Course,
    CourseList,
    CoursePage,
    Section,
)
from chalicelib.shop.course_search import Found
from chalicelib.shop.price_policy import period_name
from chalicelib.web.codes import CATALOG_OK
from chalicelib.web.responses import Json, picture, success

COMING_SOON = "敬请期待"


def categories(found: Iterable[Category]) -> Json:
    """`GET /course/category`."""
    return {
        "error_no": 0,
        "data": [{"id": category.category_id, "name": category.name} for category in found],
    }


def course_list(found: CourseList, shop_url: str) -> Json:
    """`GET /courses`."""
    body: Json = {"code": CATALOG_OK, "data": [_list_row(course, shop_url) for course in found.courses]}
    if found.next_cursor:
        body["next"] = found.next_cursor
    return body


def found_courses(found: Found, shop_url: str) -> Json:
    """`GET /courses/search`: rows as of the list, how many there are in all, and the next cursor."""
    body: Json = {
        "code": CATALOG_OK,
        "data": [_list_row(course, shop_url) for course in found.courses],
        "total": found.total,
    }
    if found.next_start is not None:
        body["next"] = str(found.next_start)
    return body


def _list_row(course: Course, shop_url: str) -> Json:
    prices = [policy.price for policy in course.policies]
    is_free = bool(prices) and min(prices) == 0
    paid = [price for price in prices if price > 0]
    return {
        "id": course.course_id,
        "name": course.name,
        "course_img": picture(course.course_img, shop_url),
        "brief": course.brief,
        "level": LEVEL_NAMES[course.level],
        "coursedetail_id": None if course.detail_id is None else str(course.detail_id),
        "is_free": is_free,
        "price": _price_text(prices),
        "origin_price": f"原价￥{yuan_text(min(paid))}" if is_free and paid else None,
    }


def _price_text(prices: list[Fen]) -> str:
    if not prices:
        return COMING_SOON
    return f"￥{yuan_text(min(prices))}" if min(prices) else "免费"


def course_page(page: CoursePage, shop_url: str) -> Json:
    """`GET /coursedetail/{id}`."""
    course, detail = page.course, page.detail
    assert detail is not None
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
        "teachers_info": [
            {
                "teacher_id": str(teacher.teacher_id),
                "teacher_name": teacher.name,
                "title": teacher.title,
                "signature": teacher.signature,
                "teacher_image": picture(teacher.image, shop_url),
                "teacher_brief": teacher.brief,
            }
            for teacher in detail.teachers
        ],
        "is_online": course.status != OFFLINE,
        "recommend_coursesinfo": [
            {"course_id": str(other.course_id), "course_name": other.course_name}
            for other in detail.recommended
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
    }


def chapters(contents: CourseContents) -> Json:
    """`GET /course/{course_id}/chapters`: a section has `section_link` only where the visitor may have it."""
    page = contents.page
    sections: dict[int, list[Json]] = {}
    for section in page.sections:
        sections.setdefault(section.chapter, []).append(_section(section, contents.may_open(section)))
    return success(
        {
            "course_id": page.course.course_id,
            "course_type": page.course.course_type,
            "course_name": page.course.name,
            "enrolled": contents.enrolled,
            "chapters": [
                {
                    "id": chapter.chapter_id,
                    "chapter": chapter.chapter,
                    "name": chapter.name,
                    "summary": chapter.summary,
                    "sections": sections.get(chapter.chapter, []),
                }
                for chapter in page.chapters
            ],
        }
    )


def _section(section: Section, may_open: bool) -> Json:
    shown: Json = {
        "id": section.section_id,
        "name": section.name,
        "order": section.order,
        "section_type": SECTION_TYPE_NAMES[section.section_type],
        "player": section.player,
        "video_time": section.video_time,
        "free_trail": section.free_trial,
    }
    if section.section_link is not None and may_open:
        shown["section_link"] = section.section_link
    return shown


def questions(contents: CourseContents) -> Json:
    """`GET /course/{course_id}/questions`."""
    return success(
        [{"id": faq.faq_id, "question": faq.question, "answer": faq.answer} for faq in contents.page.faqs]
    )
