"""The flows of studying, as of `writing_flows`: wherever one is cut off, nothing counts twice, and nothing is lost."""

from __future__ import annotations

from typing import ClassVar

import app as application
from chalicelib.flows import grant
from chalicelib.shop import progress
from tests import study
from tests.proof.writing_flows import Flow


class Play(Flow):
    """A learner plays a section; when the answer is lost, the page tries again."""

    covers: ClassVar[tuple[str, ...]] = ("POST /course/{course_id}/sections/{section_id}/play",)

    def begin(self) -> None:
        self.course = study.a_video_course(["02:00"])
        (self.section,) = study.sections_of(self.course)
        grant.grant_enrollment(self.user, self.course.key, 7, "gift", "op", self.clock())

    def act(self) -> object:
        return self.play()

    def play(self, **body: str) -> object:
        path = f"/course/{self.course.course_id}/sections/{self.section.section_id}/play"
        with study.playing_by(study.PolyvHere(), application.app.process):
            answer = self.learner.post(path, body)
        self.ticket = answer["data"]["ticket"] if answer["code"] == 1000 else ""
        return answer["code"]

    def assert_end(self) -> None:
        assert self.ticket
        assert self.play(ticket=self.ticket) == 1000


class Report(Play):
    """A player reports; when the answer is lost, it reports the same again."""

    covers: ClassVar[tuple[str, ...]] = ("POST /study/report",)

    def begin(self) -> None:
        super().begin()
        assert self.play() == 1000
        self.clock.advance(seconds=20)

    def act(self) -> object:
        spans = [[0, 10], [10, 20]]
        return self.learner.post("/study/report", {"ticket": self.ticket, "spans": spans, "at": 20})["code"]

    def assert_end(self) -> None:
        (watched,) = progress.list_sections(self.user.user_id, self.course.key)
        assert (watched.seen, watched.counted, watched.resume_at) == (0b11, 2, 20)
        (studied,) = progress.list_courses(self.user.user_id).values()
        assert (studied.counted, studied.share) == (2, 16)
        assert sum(progress.list_days(self.user.user_id).values()) >= 20


STUDY_FLOWS: tuple[type[Flow], ...] = (Play, Report)
