"""Questions and assignments, as flows that can be cut off at every call: asked, answered, handed in, marked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chalicelib.flows import answer_question, do_assignment
from chalicelib.shop import catalog, hand_in, question
from chalicelib.shop.catalog import Course, Section
from chalicelib.shop.hand_in import HandIn
from chalicelib.shop.question import Question
from tests import builders
from tests.proof.writing_flows import Flow, by_operator

_shelf: list[tuple[Course, Section]] = []


def lesson() -> tuple[Course, Section]:
    """A course with a section that has an assignment, made once."""
    if not _shelf:
        course = builders.a_course(prices=[10000])
        _shelf.append((course, builders.a_section(course, task="写一段程序")))
    return _shelf[0]


class Asking(Flow):
    """A learner who may study the course."""

    text = "什么时候用循环？"

    def begin(self) -> None:
        self.course, self.section = lesson()
        builders.may_study(self.user, self.course, at=self.clock())

    @property
    def asked(self) -> list[Question]:
        return question.list_asked(self.user.user_id, self.course.key, 10, None).items

    def ask(self) -> object:
        body = {"text": self.text, "section_id": self.section.section_id}
        return self.learner.post(f"/course/{self.course.course_id}/asked", body)["code"]


class Ask(Asking):
    """The learner asks again, in the same words."""

    covers: ClassVar[tuple[str, ...]] = ("POST /course/{course_id}/asked",)

    def act(self) -> object:
        return self.ask()

    def assert_end(self) -> None:
        (asked,) = self.asked
        assert (asked.text, asked.is_open()) == (self.text, True)


class AnswerQuestion(Asking):
    covers = ("manage answer-question",)

    def begin(self) -> None:
        super().begin()
        assert self.ask() == 1000
        self.number = self.asked[0].number

    def act(self) -> object:
        return by_operator(lambda: answer_question.answer(self.number, "要重复时", "op", self.clock()))

    def assert_end(self) -> None:
        (asked,) = self.asked
        assert (asked.answer, asked.answered_by) == ("要重复时", "op")


class PublishQuestion(AnswerQuestion):
    covers = ("manage publish-question",)

    def begin(self) -> None:
        super().begin()
        AnswerQuestion.act(self)

    def act(self) -> object:
        return by_operator(
            lambda: answer_question.publish(self.number, f"循环？{self.number}", None, "op", self.clock())
        )

    def assert_end(self) -> None:
        (asked,) = self.asked
        contents = catalog.find_course_contents(self.course.key)
        assert contents is not None
        (published,) = [faq for faq in contents.faqs if faq.question == f"循环？{self.number}"]
        assert (published.faq_id, published.answer) == (asked.faq_id, "要重复时")
        published.delete()


class PutHandIn(Asking):
    """The learner hands it in again."""

    covers = ("PUT /course/{course_id}/sections/{section_id}/assignment",)

    def put(self, text: str) -> object:
        path = f"/course/{self.course.course_id}/sections/{self.section.section_id}/assignment"
        return self.learner.put(path, {"text": text})["code"]

    def act(self) -> object:
        return self.put(self.text)

    @property
    def handed_in(self) -> HandIn:
        found = hand_in.find_hand_in(self.user.user_id, self.course.key, self.section.section_id)
        assert found is not None
        return found

    def assert_end(self) -> None:
        assert (self.handed_in.text, self.handed_in.version) == (self.text, 1)


class ReplaceHandIn(PutHandIn):
    def begin(self) -> None:
        super().begin()
        assert self.put("先写一点") == 1000

    def assert_end(self) -> None:
        assert (self.handed_in.text, self.handed_in.version) == (self.text, 2)


class MarkHandIn(PutHandIn):
    covers = ("manage mark-hand-in",)

    def begin(self) -> None:
        super().begin()
        assert self.put(self.text) == 1000

    def act(self) -> object:
        number = self.handed_in.number
        return by_operator(lambda: do_assignment.mark(number, 90, "好", "op", self.clock()))

    def assert_end(self) -> None:
        assert (self.handed_in.mark, self.handed_in.comment) == (90, "好")


ASKING_FLOWS: Sequence[type[Flow]] = (
    *(Ask, AnswerQuestion, PublishQuestion, PutHandIn, ReplaceHandIn, MarkHandIn),
)
