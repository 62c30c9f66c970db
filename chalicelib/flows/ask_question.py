"""Ask a question about a course, as somebody who is enrolled in it, and see what was answered."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from chalicelib.errors import CourseNotFound, NotEnrolled, SectionNotFound, TooManyQuestions
from chalicelib.shop import question
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import course_in, course_item_key
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import Page
from chalicelib.shop.question import MAX_OPEN, About, Question
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import Transaction

from .study import Fresh, contents_of

_TRIES = 4
"""How often a question is asked that meets another one of its learner."""


def ask(
    caller: Caller, key: CourseKey, text: str, section_id: int | None, fresh: Fresh, now: datetime
) -> Question:
    """Ask about a course, or about a section of it. What waits already is not asked again: it is given back.

    Raises CourseNotFound, NotEnrolled, SectionNotFound, TooManyQuestions. Two round trips, a third where questions
    wait; one more when the contents are not kept.
    """
    find = in_background(question.find_waiting, caller.user_id, key)
    about = _about(caller, key, section_id, fresh, now)
    for _ in range(_TRIES):
        waiting = find()
        same = waiting.same(about, text)
        if same is not None:
            return same
        if len(waiting.questions) >= MAX_OPEN:
            break
        transaction = Transaction()
        asked = question.question_item(caller.user_id, about, text, now)
        question.ask(transaction, asked, waiting)
        try:
            transaction.commit()
        except TooManyQuestions:
            # Another one was asked at this moment.
            find = partial(question.find_waiting, caller.user_id, key)
            continue
        return asked
    raise TooManyQuestions(most=MAX_OPEN)


def list_asked(caller: Caller, key: CourseKey, limit: int, cursor: str | None) -> Page[Question]:
    """The caller's questions about a course, newest first, also of one that they may not study any more.

    One round trip. Raises CourseNotFound, InvalidPage.
    """
    listed = in_background(question.list_asked, caller.user_id, key, limit, cursor)
    course = course_in(caller.find([course_item_key(key)]), key)
    page = listed()
    if course is None and not page.items:
        raise CourseNotFound(course=str(key))
    return page


def _about(caller: Caller, key: CourseKey, section_id: int | None, fresh: Fresh, now: datetime) -> About:
    contents = contents_of(key, caller, fresh, now)
    if not contents.enrolled:
        raise NotEnrolled()
    name = contents.page.course.name
    if section_id is None:
        return About(key, name)
    section = contents.page.section(section_id)
    if section is None:
        raise SectionNotFound()
    return About(key, name, section_id, section.name)
