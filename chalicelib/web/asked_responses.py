"""Questions and assignments -> the documented JSON, one plain function per object."""

from __future__ import annotations

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.do_assignment import ShownAssignment
from chalicelib.shop.hand_in import HandIn
from chalicelib.shop.partition import Page
from chalicelib.shop.question import Question
from chalicelib.web.responses import Json, success


def asked(page: Page[Question]) -> Json:
    """`GET /course/{course_id}/asked`."""
    body = success([_question(one) for one in page.items])
    if page.next_cursor:
        body["next"] = page.next_cursor
    return body


def question(one: Question) -> Json:
    """`POST /course/{course_id}/asked`."""
    return success(_question(one), "问题已提交，老师回复后会通知您")


def _question(one: Question) -> Json:
    return {
        "id": one.question_id,
        "section_id": one.section_id,
        "section_name": one.section_name,
        "text": one.text,
        "asked_at": beijing_text(one.asked_at),
        "answer": one.answer,
        "answered_at": beijing_text(one.answered_at) if one.answered_at else None,
    }


def assignment(shown: ShownAssignment) -> Json:
    """`GET /course/{course_id}/sections/{section_id}/assignment`."""
    return success(_assignment(shown))


def handed_in(shown: ShownAssignment) -> Json:
    """`PUT /course/{course_id}/sections/{section_id}/assignment`."""
    return success(_assignment(shown), "作业已提交")


def _assignment(shown: ShownAssignment) -> Json:
    return {
        "task": shown.task,
        "until": beijing_text(shown.until) if shown.until else None,
        "is_over": shown.is_over,
        "hand_in": _hand_in(shown.hand_in) if shown.hand_in else None,
    }


def _hand_in(one: HandIn) -> Json:
    return {
        "text": one.text,
        "handed_in_at": beijing_text(one.handed_in_at),
        "is_marked": one.is_marked(),
        "mark": one.mark,
        "comment": one.comment,
        "marked_at": beijing_text(one.marked_at) if one.marked_at else None,
    }
