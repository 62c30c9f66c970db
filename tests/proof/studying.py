"""Learners of a world who watch: honest players, players that say anything, and several at once.

What may be watched and what counts is worked out here once more, from what is stored and from the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.flows import my_study, play_section, report_study
from chalicelib.flows.play_section import Playing
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course, Section
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import EnrollmentSlice, amount_to
from chalicelib.shop.progress import Span, list_sections
from chalicelib.shop.study_place import read_ticket
from chalicelib.web import codes, study_responses
from tests import study
from tests.proof import invariants
from tests.proof.invariants import Belongings

ADDRESS = "10.1.2.3"
SIGNING_KEY = "a key of the proofs"
LENGTHS = ("03:00", "01:00")
"""Of the videos of each course on the shelf, the first for everybody to try."""

Do = Callable[[str, codes.Codes, Callable[[], object]], object]
"""Does a step; a documented refusal is None."""


@dataclass
class Player:
    """A player somewhere, with the ticket that it was given, and the second that it plays next."""

    who: int
    course: Course
    section: Section
    ticket: str
    at: int = 0


class Studying:
    """The players of a world's learners, oldest first."""

    def __init__(
        self,
        courses: Sequence[Course],
        caller: Callable[[int], Caller],
        do: Do,
        clock: Callable[[], datetime],
        advance: Callable[[timedelta], None],
    ) -> None:
        self._courses = courses
        self._sections = {course.key: study.sections_of(course) for course in courses}
        self._caller = caller
        self._do = do
        self._clock = clock
        self._advance = advance
        self._polyv = study.PolyvHere()
        self._began: dict[int, datetime] = {}
        self.players: list[Player] = []

    def play(self, who: int, course: int, section: int, mine: Belongings) -> None:
        """A learner begins to play."""
        chosen = self._courses[course % len(self._courses)]
        one = self._sections[chosen.key][section % len(LENGTHS)]
        began = self._clock()
        shown = self._ask(who, chosen, one, None)
        is_enrolled = _is_enrolled(mine, chosen.key, began)
        if (shown is not None) != (is_enrolled or one.free_trial):
            raise invariants.Violated(
                f"enrolled: {is_enrolled}, trial: {one.free_trial}, and played: {shown}"
            )
        if shown is None:
            return
        if (shown.ticket is not None) != is_enrolled:
            raise invariants.Violated(f"enrolled: {is_enrolled}, and got the ticket {shown.ticket}")
        if shown.ticket is not None:
            self._began.setdefault(who, began)
            self.players.append(Player(who, chosen, one, shown.ticket, shown.resume_at // 10 * 10))

    def renew(self, which: int, read: Callable[[int], Belongings]) -> None:
        """A player asks for its token anew: it gets one just when its learner may study and no other took over."""
        if player := self._player(which):
            shown = self._ask(player.who, player.course, player.section, player.ticket)
            may = self._may_go_on(player, read(player.who))
            if (shown is not None) != may:
                raise invariants.Violated(f"may go on: {may}, and got {shown}")

    def watch(self, which: int, reports: int, read: Callable[[int], Belongings]) -> None:
        """A player plays as it comes, and reports every ten seconds: all of it counts."""
        player = self._player(which)
        if player is None:
            return
        length, played = int(player.section.seconds or 0), set[int]()
        for _ in range(reports):
            self._advance(timedelta(seconds=report_study.REPORT_SECONDS))
            begin = player.at % length
            may = self._may_go_on(player, read(player.who))
            told = self._report(player, [(begin, begin + 10)], begin + 10)
            if (told is not None) != may:
                raise invariants.Violated(f"may go on: {may}, and was told {told}")
            if told is None:
                return
            played.add(begin // 10)
            player.at = begin + 10
        user_id = self._caller(player.who).user_id
        (stored,) = (
            one
            for one in list_sections(user_id, player.course.key)
            if one.section_id == player.section.section_id
        )
        if lost := {block for block in played if not stored.seen >> block & 1}:
            raise invariants.Violated(f"blocks {lost} were played, and do not count")

    def say(self, which: int, spans: Sequence[Span], times: int) -> None:
        """A player, or whoever has its ticket, reports whatever they like, as often as they like."""
        if player := self._player(which):
            for _ in range(times):
                self._report(player, spans, spans[-1][1] if spans else 0)

    def read(self, who: int, course: int) -> None:
        """A learner looks at what they have studied: the parts add up."""
        caller, chosen = self._caller(who), self._courses[course % len(self._courses)]
        told = study_responses.study(my_study.show_study(caller, self._clock()))["data"]
        assert 60 * sum(day["minutes"] for day in told["days"]) <= 60 * told["total_minutes"] + 60 * 30
        shown = my_study.show_progress(caller, chosen.key, lambda _, load: load(), self._clock())
        listed = {(one["course_type"], one["course_id"]): one["share"] for one in told["courses"]}
        assert listed.get((chosen.course_type, chosen.course_id), 0) == shown.share

    def check(self, read: Callable[[int], Belongings]) -> None:
        """No learner has more than twice the time since they began. Raises Violated."""
        for who, began in self._began.items():
            watched = sum(one.seen.bit_count() for one in read(who).of(invariants.SectionProgress))
            studied = sum(one.seconds for one in read(who).of(invariants.StudyDay))
            passed = self._clock() - began
            if timedelta(seconds=5 * watched) > passed or timedelta(seconds=studied) > passed:
                raise invariants.Violated(f"{watched} blocks and {studied} seconds in {passed}")

    def _player(self, which: int) -> Player | None:
        """One of all players, counted from the newest."""
        return self.players[-1 - which % len(self.players)] if self.players else None

    def _may_go_on(self, player: Player, mine: Belongings) -> bool:
        newest = [one for one in self.players if one.who == player.who][-1]
        (place,) = mine.of(invariants.StudyPlace)
        is_fresh = self._clock() < place.began_at + timedelta(hours=24)
        return newest is player and is_fresh and _is_enrolled(mine, player.course.key, self._clock())

    def _ask(self, who: int, course: Course, section: Section, ticket: str | None) -> Playing | None:
        before = len(self._polyv.asked)

        def ask() -> Playing:
            return play_section.play(
                course.key,
                section.section_id,
                read_ticket(ticket) if ticket else None,
                self._caller(who),
                ADDRESS,
                self._polyv,
                SIGNING_KEY,
                lambda _, load: load(),
                self._clock(),
            )

        shown = self._do("renew" if ticket else "play", codes.PLAY, ask)
        if shown is None and len(self._polyv.asked) > before:
            raise invariants.Violated("a token was asked for, and then the player was refused")
        return shown if isinstance(shown, Playing) else None

    def _report(self, player: Player, spans: Sequence[Span], at: int) -> object:
        return self._do(
            "report",
            codes.STUDY_REPORT,
            lambda: report_study.report(
                self._caller(player.who), read_ticket(player.ticket), spans, at, self._clock()
            ),
        )


def _is_enrolled(mine: Belongings, course: CourseKey, now: datetime) -> bool:
    enrolled = amount_to(part for part in mine.of(EnrollmentSlice) if part.course == course)
    return enrolled is not None and enrolled.is_active(now)
