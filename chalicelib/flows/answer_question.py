"""Answer a learner's question as an operator, and publish it among the questions that are often asked."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import CourseNotFound, IdTaken, InvalidRequest, QuestionAnswered
from chalicelib.shop import audit, catalog, question
from chalicelib.shop.catalog import Faq
from chalicelib.shop.front_page import course_page
from chalicelib.shop.message import Event, tell
from chalicelib.shop.question import Question
from chalicelib.shop.texts import MAX_FAQ_QUESTION
from chalicelib.storage.dynamodb import Transaction, random_id


def answer(number: str, text: str, by: str, now: datetime) -> Question:
    """Answer a question, once: its learner is told. Raises QuestionNotFound, QuestionAnswered."""
    asked = question.find_question(number)
    if not asked.is_open():
        raise QuestionAnswered()
    transaction = audit.recorded(audit.entry(by, "answer-question", number, now, details=str(asked.course)))
    question.answer(transaction, asked, text, by, now)
    tell(
        transaction,
        asked.user_id,
        Event.QUESTION_ANSWERED,
        asked.question_id,
        now,
        course=asked.course_name,
        page=course_page(asked.course, "asked"),
    )
    transaction.commit()
    return asked


def publish(number: str, asked_as: str | None, answered_as: str | None, by: str, now: datetime) -> Faq:
    """Publish an answered question with its course, once, in other words where they are given, without its learner.

    Raises QuestionNotFound, QuestionUnanswered, QuestionPublished, CourseNotFound, InvalidRequest (the
    question is too long for that).
    """
    asked = question.find_question(number)
    course = catalog.find_courses([asked.course]).get(asked.course)
    if course is None:
        raise CourseNotFound(course=str(asked.course))
    shown = asked_as or asked.text
    if len(shown) > MAX_FAQ_QUESTION:
        raise InvalidRequest(field="question")
    while True:
        faq_id = random_id()
        transaction = Transaction()
        question.publish(transaction, asked, faq_id)
        faq = catalog.faq_item(
            asked.course,
            faq_id,
            question=shown,
            answer=answered_as or asked.answer,
            detail_id=course.detail_id,
        )
        transaction.put_new(faq, IdTaken())
        details = f"question {faq_id} of {asked.course} {course.name}"
        try:
            audit.commit(transaction, audit.entry(by, "publish-question", number, now, details=details))
        except IdTaken:
            continue
        return faq
