"""What is counted and sorted of everything on show."""

from __future__ import annotations

from typing import Any

from chalicelib.shop import catalog
from chalicelib.shop.catalog import Course, TeacherCopy
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.on_show import OnShow


def a_teacher(teacher_id: int) -> catalog.Teacher:
    return catalog.teacher_item(
        teacher_id, name=f"老师{teacher_id}", role=catalog.LECTURER, title="", image="", brief=""
    )


def a_course(number: int, teachers: tuple[int, ...] = (), **attributes: Any) -> Course:
    key = CourseKey(COURSE, number)
    copies = [
        TeacherCopy(teacher_id=teacher_id, name="", title="", image="", brief="") for teacher_id in teachers
    ]
    detail = catalog.detail_item(
        key, number, hours=3, why_study="", what_to_study_brief="", career_improvement="", prerequisite="",
        teachers=copies, recommended=[],
    )  # fmt: skip
    given: dict[str, Any] = {"name": f"课程{number}", "brief": "", "level": catalog.BEGINNER, "order": number}
    given |= {"status": catalog.ONLINE, "course_img": "", "period": 30}
    return catalog.course_item(key, [], detail, **given | attributes)


def test_courses_are_counted_by_category_and_by_teacher() -> None:
    shown = OnShow(
        (a_course(1, (7, 8), category_id=1), a_course(2, (8,), category_id=1), a_course(3, category_id=None)),
        (catalog.category_item(1, "甲"), catalog.category_item(2, "乙")),
        (a_teacher(7), a_teacher(8), a_teacher(9)),
    )
    assert (shown.courses_in.get(1, 0), shown.courses_in.get(2, 0)) == (2, 0)
    assert [course.course_id for course in shown.taught_by[8]] == [1, 2]
    assert [teacher.teacher_id for teacher in shown.teaching] == [8, 7], "who teaches most first, 9 nothing"


def test_a_course_names_a_teacher_who_is_gone_and_no_teacher_is_made_of_it() -> None:
    shown = OnShow((a_course(1, (7,)),), (), ())
    assert shown.teaching == ()


def test_the_newest_come_first_and_those_without_a_date_last() -> None:
    courses = (
        a_course(1, pub_date="2026-01-01"),
        a_course(2),
        a_course(3, pub_date="2026-03-01"),
        a_course(4, pub_date="2026-01-01"),
    )
    assert [course.course_id for course in OnShow(courses).newest] == [3, 4, 1, 2]
