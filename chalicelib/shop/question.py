"""Questions (咨询): what a learner asks about a course, and what an operator or a teacher answers.

Access pattern: a learner's questions of a course are one Query of the user's partition, newest first; those that wait
are on the list of `attention`, longest first.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import (
    QuestionAnswered,
    QuestionNotFound,
    QuestionPublished,
    QuestionUnanswered,
    TooManyQuestions,
)
from chalicelib.shop import open_items
from chalicelib.shop.attention import LEAVE_ATTENTION, QUESTION, AttentionItem, list_attention
from chalicelib.shop.course_key import COURSE_TYPES, CourseKey
from chalicelib.shop.partition import Page, list_page, partition, sortable
from chalicelib.storage.dynamodb import Transaction, WholeNumber, find

MAX_OPEN = 5
"""Questions of a learner about one course that wait for an answer."""

_NUMBER = re.compile(
    rf"([1-9][0-9]{{0,14}})-({'|'.join(COURSE_TYPES)})-([1-9][0-9]{{0,14}})-([0-9]{{8}}T[0-9]{{12}}Z)-([0-9a-f]{{8}})"
)


class Question(AttentionItem, discriminator="QUESTION"):
    """A question about a course, or about the section of it that `section_id` and `section_name` say.

    It waits on the list of `attention` until `answer` is there. `faq_id` is what it was published as.
    """

    user_id = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    section_id = WholeNumber(null=True)
    section_name = UnicodeAttribute(null=True)
    text = UnicodeAttribute()
    asked_at = UTCDateTimeAttribute()
    answer = UnicodeAttribute(null=True)
    answered_at = UTCDateTimeAttribute(null=True)
    answered_by = UnicodeAttribute(null=True)
    faq_id = WholeNumber(null=True)

    @property
    def course(self) -> CourseKey:
        """The course it is about."""
        return CourseKey(self.course_type, self.course_id)

    @property
    def question_id(self) -> str:
        """Its name among the learner's questions of the course."""
        return self.sort.removeprefix(_prefix(self.course)).replace("#", "-")

    @property
    def number(self) -> str:
        """Its name among all questions, by which operators act on it."""
        return f"{self.user_id}-{self.course_type}-{self.course_id}-{self.question_id}"

    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.answer is None


class About(Struct, frozen=True):
    """What a question is about: a course, and a section of it or (None) none in particular."""

    course: CourseKey
    course_name: str
    section_id: int | None = None
    section_name: str | None = None


def _prefix(course: CourseKey) -> str:
    return f"QUESTION#{course}#"


def _kind(course: CourseKey) -> str:
    """Under which a learner's open questions of a course are counted."""
    return f"QUESTIONS#{course}"


def question_item(user_id: int, about: About, text: str, now: datetime) -> Question:
    """A question, ready to be written."""
    return Question(
        partition(user_id),
        f"{_prefix(about.course)}{sortable(now)}#{secrets.token_hex(4)}",
        user_id=user_id,
        course_type=about.course.course_type,
        course_id=about.course.course_id,
        course_name=about.course_name,
        section_id=about.section_id,
        section_name=about.section_name,
        text=text,
        asked_at=now,
        attention=QUESTION,
        attention_at=int(now.timestamp()),
    )


class Waiting(Struct, frozen=True):
    """A learner's questions of a course that wait for an answer, and the sort keys that were counted then."""

    questions: tuple[Question, ...]
    counted: frozenset[str]

    def same(self, about: About, text: str) -> Question | None:
        """The one that asks the same, if one does."""
        return next(
            (one for one in self.questions if (one.section_id, one.text) == (about.section_id, text)), None
        )


def find_waiting(user_id: int, course: CourseKey) -> Waiting:
    """A learner's questions of a course that wait, strongly consistent. Two round trips, one where none was asked."""
    counted, found = open_items.find_listed(partition(user_id), _kind(course))
    return Waiting(
        tuple(one for one in found if isinstance(one, Question) and one.is_open()), frozenset(counted)
    )


def ask(transaction: Transaction, new: Question, waiting: Waiting) -> None:
    """Add a question. Refused (TooManyQuestions) where one was asked or removed since `waiting` was read."""
    open_items.put(
        transaction,
        new,
        _kind(new.course),
        before=waiting.counted,
        after={one.sort for one in waiting.questions} | {new.sort},
        refusal=TooManyQuestions(most=MAX_OPEN),
    )
    transaction.put_own(new, TooManyQuestions(most=MAX_OPEN))


def list_asked(user_id: int, course: CourseKey, limit: int, cursor: str | None) -> Page[Question]:
    """A learner's questions of a course, newest first, as of `list_page`. One Query. Raises InvalidPage."""
    return list_page(Question, user_id, _prefix(course), limit, cursor)


def list_waiting(limit: int, cursor: str | None = None) -> Page[Question]:
    """Everybody's questions that wait for an answer, longest first, as of `list_attention`. Raises InvalidPage."""
    page = list_attention(QUESTION, limit, cursor)
    return Page([item for item in page.items if isinstance(item, Question)], page.next_cursor)


def find_question(number: str) -> Question:
    """A question by its number, strongly consistent. One round trip. Raises QuestionNotFound."""
    parts = _NUMBER.fullmatch(number)
    if parts is None:
        raise QuestionNotFound()
    user_id, course_type, course_id, asked_at, tail = parts.groups()
    course = CourseKey(course_type, int(course_id))
    found = find(Question, partition(int(user_id)), f"{_prefix(course)}{asked_at}#{tail}")
    if found is None:
        raise QuestionNotFound()
    return found


def answer(transaction: Transaction, asked: Question, text: str, by: str, now: datetime) -> None:
    """Answer a question, once. Refusal: QuestionAnswered."""
    actions: list[Action] = [
        Question.answer.set(text),
        Question.answered_at.set(now),
        Question.answered_by.set(by),
        *LEAVE_ATTENTION,
    ]
    is_open = Question.sort.exists() & Question.answer.does_not_exist()
    transaction.update(asked, actions, is_open, QuestionAnswered())


def publish(transaction: Transaction, asked: Question, faq_id: int) -> None:
    """Note what an answered question was published as, once. Raises QuestionUnanswered. Refusal: QuestionPublished."""
    if asked.is_open():
        raise QuestionUnanswered()
    is_first = Question.answer.exists() & Question.faq_id.does_not_exist()
    transaction.update(asked, [Question.faq_id.set(faq_id)], is_first, QuestionPublished())
