"""Playing sections: who may at this moment, what they are given, and one place at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.gateways.polyv import TOKEN_SECONDS
from chalicelib.shop import marquee
from chalicelib.shop.catalog import CC, DOCUMENT, OFFLINE, Course, Section
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.user import User
from tests import builders, study
from tests.addresses import ClientAt
from tests.purchases import Clock
from tests.shapes import check_refusal
from tests.study import PolyvHere


@pytest.fixture(scope="module")
def course(gateway_server: object) -> Course:
    """A trial section and one for the enrolled."""
    return study.a_video_course(["10:00", "05:00"])


@pytest.fixture(scope="module")
def sections(course: Course) -> list[Section]:
    return study.sections_of(course)


@pytest.fixture
def polyv(gateway_server: object) -> Iterator[PolyvHere]:
    account = PolyvHere()
    with study.playing_by(account, application.app.process):
        yield account


@pytest.fixture
def learner(gateway_server: object) -> ClientAt:
    return ClientAt(builders.a_user())


@pytest.fixture
def owned(learner: ClientAt, course: Course) -> EnrollmentSlice:
    """The learner's days of study in the course."""
    assert learner.user is not None
    return study.enroll(learner.user, course)


def play(client: ClientAt, course: Course, section: Section, **body: Any) -> Any:
    return client.post(f"/course/{course.course_id}/sections/{section.section_id}/play", body)


def test_the_enrolled_get_all_that_a_player_needs(
    polyv: PolyvHere, learner: ClientAt, owned: EnrollmentSlice, course: Course, sections: list[Section]
) -> None:
    assert learner.user is not None
    section = sections[1]
    shown = play(learner, course, section)["data"]
    video, viewer = section.section_link, str(learner.user.user_id)
    assert polyv.asked == [(video, viewer, learner.address)]
    assert (shown["kind"], shown["link"], shown["vid"], shown["token"]) == ("polyv", None, video, "token-1")
    assert shown["sign"] == polyv.player_sign(str(video), shown["ts"])
    keys = [application.app.settings.jwt_key]
    in_code = marquee.viewer_in(shown["code"], str(video), builders.now(), keys)
    assert in_code is not None and in_code.viewer_id == viewer
    assert shown["player_url"] == polyv.player_url
    assert (shown["seconds"], shown["resume_at"], shown["renew_after"]) == (300, 0, TOKEN_SECONDS // 2)
    assert shown["ticket"]


def test_a_visitor_plays_trial_sections_only_and_leaves_no_trace(
    polyv: PolyvHere, course: Course, sections: list[Section]
) -> None:
    visitor = ClientAt()
    shown = play(visitor, course, sections[0])["data"]
    assert (shown["vid"], shown["ticket"]) == (sections[0].section_link, None)
    assert polyv.asked == [(sections[0].section_link, "visitor", visitor.address)]
    check_refusal(play(visitor, course, sections[1]), 2002)
    assert len(polyv.asked) == 1


def test_somebody_signed_in_who_has_not_bought_is_told_so(
    polyv: PolyvHere, learner: ClientAt, course: Course, sections: list[Section]
) -> None:
    assert learner.user is not None
    assert play(learner, course, sections[0])["data"]["ticket"] is None
    assert polyv.asked[0][1] == str(learner.user.user_id)
    refused = play(learner, course, sections[1])
    check_refusal(refused, 2002)
    assert refused["msg"] != play(ClientAt(), course, sections[1])["msg"]
    assert len(polyv.asked) == 1


def pause(owned: EnrollmentSlice, user: User) -> None:
    owned.update([EnrollmentSlice.paused_at.set(builders.now())])


def withdraw(owned: EnrollmentSlice, user: User) -> None:
    owned.update([EnrollmentSlice.withdrawn_at.set(builders.now())])


def let_end(owned: EnrollmentSlice, user: User) -> None:
    yesterday = builders.now() - timedelta(days=2)
    owned.update([EnrollmentSlice.days.set(1), EnrollmentSlice.granted_at.set(yesterday)])


def disable(owned: EnrollmentSlice, user: User) -> None:
    user.update([User.disabled.set(True)])


ENDS: list[tuple[Callable[[EnrollmentSlice, User], None], int]] = [
    (pause, 2003),
    (withdraw, 2004),
    (let_end, 2004),
    (disable, 2002),
]


@pytest.mark.parametrize(("end", "code"), ENDS)
def test_access_that_ends_is_refused_at_once_to_old_players_and_new_ones(
    polyv: PolyvHere,
    learner: ClientAt,
    owned: EnrollmentSlice,
    course: Course,
    sections: list[Section],
    end: Callable[[EnrollmentSlice, User], None],
    code: int,
) -> None:
    assert learner.user is not None
    for section in sections:
        ticket = play(learner, course, section)["data"]["ticket"]
        assert play(learner, course, section, ticket=ticket)["data"]["ticket"] == ticket
    asked = len(polyv.asked)
    end(owned, learner.user)
    check_refusal(play(learner, course, sections[1], ticket=ticket), code)
    check_refusal(play(learner, course, sections[1]), code)
    check_refusal(play(learner, course, sections[0], ticket=ticket), code)
    assert len(polyv.asked) == asked
    assert play(learner, course, sections[0])["data"]["ticket"] is None
    report = learner.request("POST", "/study/report", json={"ticket": ticket, "spans": [], "at": 0})
    assert report.json()["code"] == (401 if end is disable else code)


def test_a_second_player_takes_over_and_the_first_is_told(
    polyv: PolyvHere, learner: ClientAt, owned: EnrollmentSlice, course: Course, sections: list[Section]
) -> None:
    first = play(learner, course, sections[1])["data"]["ticket"]
    second = play(learner, course, sections[1])["data"]["ticket"]
    asked = len(polyv.asked)
    check_refusal(play(learner, course, sections[1], ticket=first), 2008)
    assert len(polyv.asked) == asked
    check_refusal(learner.post("/study/report", {"ticket": first, "spans": [[0, 10]], "at": 10}), 2008)
    assert play(learner, course, sections[1], ticket=second)["data"]["ticket"] == second
    assert learner.post("/study/report", {"ticket": second, "spans": [], "at": 0})["code"] == 1000


def test_a_ticket_is_of_its_section_and_of_its_day(
    polyv: PolyvHere,
    learner: ClientAt,
    owned: EnrollmentSlice,
    course: Course,
    sections: list[Section],
    clock: Clock,
) -> None:
    ticket = play(learner, course, sections[1])["data"]["ticket"]
    check_refusal(play(learner, course, sections[0], ticket=ticket), 2009)
    for never in ("", "x", ticket + "0", "course-1-1-" + "0" * 31):
        check_refusal(play(learner, course, sections[1], ticket=never), 2009)
    check_refusal(play(learner, course, sections[1], ticket=1), 5000)
    clock.advance(hours=24)
    check_refusal(play(learner, course, sections[1], ticket=ticket), 2009)


def test_nobody_has_a_place_before_playing(
    polyv: PolyvHere, learner: ClientAt, owned: EnrollmentSlice, course: Course, sections: list[Section]
) -> None:
    ticket = f"course-{course.course_id}-{sections[1].section_id}-{'0' * 32}"
    check_refusal(play(learner, course, sections[1], ticket=ticket), 2009)


def test_a_platform_that_does_not_answer_takes_no_place(
    polyv: PolyvHere, learner: ClientAt, owned: EnrollmentSlice, course: Course, sections: list[Section]
) -> None:
    ticket = play(learner, course, sections[1])["data"]["ticket"]
    polyv.is_down.extend([True, True])
    check_refusal(play(learner, course, sections[1]), 2007)
    check_refusal(play(learner, course, sections[1], ticket=ticket), 2007)
    assert play(learner, course, sections[1], ticket=ticket)["data"]["ticket"] == ticket


def test_a_shop_without_the_platform_says_that_it_cannot_play(
    learner: ClientAt, owned: EnrollmentSlice, course: Course, sections: list[Section]
) -> None:
    with study.playing_by(None, application.app.process):
        check_refusal(play(learner, course, sections[1]), 2007)


def test_what_does_not_exist_or_has_not_come_out_is_said(polyv: PolyvHere, learner: ClientAt) -> None:
    assert learner.user is not None
    course = study.a_video_course([])
    study.enroll(learner.user, course)
    linkless = study.a_section(course, 1, section_link=None)
    coming = study.a_section(course, 2, pub_date=builders.now() + timedelta(days=1))
    closed = study.a_section(course, 3, online=False)
    for section in (linkless, coming, closed):
        check_refusal(play(learner, course, section), 2005)
    for path in ("1/sections/1", f"{course.course_id}/sections/1", f"{course.course_id}/sections/x"):
        check_refusal(learner.post(f"/course/{path}/play", {}), 2001)
    assert not polyv.asked


@pytest.mark.parametrize("state", ["waiting", "refused", "gone"])
def test_a_video_that_is_not_ready_is_said_before_the_platform_is_asked(
    polyv: PolyvHere, learner: ClientAt, state: str
) -> None:
    assert learner.user is not None
    course = study.a_video_course([])
    study.enroll(learner.user, course)
    section = study.a_section(course, 1, video_state=state)
    check_refusal(play(learner, course, section), 2006)
    assert not polyv.asked


def test_other_sections_are_links(polyv: PolyvHere, learner: ClientAt) -> None:
    assert learner.user is not None
    course = study.a_video_course([])
    study.enroll(learner.user, course)
    document = study.a_section(course, 1, section_type=DOCUMENT, section_link="https://docs.test/1")
    elsewhere = study.a_section(course, 2, player=CC, section_link="cc-1")
    for section in (document, elsewhere):
        shown = play(learner, course, section)["data"]
        assert (shown["kind"], shown["link"], shown["ticket"]) == ("link", section.section_link, None)
        assert shown["token"] is shown["renew_after"] is shown["seconds"] is None
        check_refusal(play(ClientAt(), course, section), 2002)
    assert not polyv.asked


def test_a_course_offline_plays_for_its_owners_only(polyv: PolyvHere, learner: ClientAt) -> None:
    assert learner.user is not None
    course = study.a_video_course(["10:00"], status=OFFLINE)
    (section,) = study.sections_of(course)
    check_refusal(play(learner, course, section), 2001)
    check_refusal(play(ClientAt(), course, section), 2001)
    given = study.enroll(learner.user, course)
    assert play(learner, course, section)["data"]["ticket"]
    given.update([EnrollmentSlice.withdrawn_at.set(builders.now())])
    check_refusal(play(learner, course, section, ticket="x"), 2009)
    assert play(learner, course, section)["data"]["ticket"] is None


def test_chapters_name_no_protected_video(learner: ClientAt, owned: EnrollmentSlice, course: Course) -> None:
    course_page = study.sections_of(course)
    for client in (learner, ClientAt()):
        for path in (f"/course/{course.course_id}/chapters", f"/course/{course.course_id}"):
            told = client.request("GET", path).text
            assert [one for one in course_page if str(one.section_link) in told] == []
