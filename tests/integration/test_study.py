"""Reports of players, and what they come to: for the section, the course, the day, and whoever decides on a refund."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.beijing_time import BEIJING
from chalicelib.shop import catalog
from chalicelib.shop.catalog import Course, Section
from tests import builders, purchases, study
from tests.addresses import ClientAt
from tests.purchases import Clock
from tests.shapes import check_refusal

NOON = builders.now().astimezone(BEIJING).replace(hour=12, minute=0, second=0, microsecond=0)
TODAY, TOMORROW = f"{NOON:%Y-%m-%d}", f"{NOON + timedelta(days=1):%Y-%m-%d}"


@pytest.fixture
def noon(clock: Clock) -> Clock:
    clock.stand_at(NOON)
    return clock


@pytest.fixture(autouse=True)
def polyv(gateway_server: object) -> Iterator[None]:
    with study.playing_by(study.PolyvHere(), application.app.process):
        yield


@dataclass
class Watching:
    """A learner who has bought a course, and the clock by which they watch."""

    client: ClientAt
    course: Course
    clock: Clock
    ticket: str = ""

    def sections(self) -> list[Section]:
        return study.sections_of(self.course)

    def play(self, section: Section) -> Any:
        shown = self.client.post(f"/course/{self.course.course_id}/sections/{section.section_id}/play", {})
        self.ticket = shown["data"]["ticket"]
        return shown["data"]

    def wait(self, seconds: float) -> None:
        self.clock.stand_at(self.clock() + study.seconds(seconds))

    def report(self, *spans: tuple[float, float], at: float | None = None) -> Any:
        place = spans[-1][1] if at is None and spans else at or 0
        body = {"ticket": self.ticket, "spans": [list(span) for span in spans], "at": place}
        return self.client.post("/study/report", body)

    def watch(self, begin: int, until: int) -> Any:
        """Watch as it comes, reporting every ten seconds -> the last answer."""
        told = None
        for second in range(begin, until, 10):
            self.wait(10)
            told = self.report((second, min(second + 10, until)))["data"]
        return told

    def progress(self) -> Any:
        return self.client.get(f"/course/{self.course.course_id}/progress")["data"]


@pytest.fixture
def watching(noon: Clock) -> Watching:
    user = builders.a_user()
    course = study.a_video_course(["02:00", "01:00"])
    study.enroll(user, course, days_ago=2)
    client = ClientAt(user)
    client.token = builders.a_token(user, NOON)
    return Watching(client, course, noon)


def test_what_is_watched_counts_for_section_course_and_day(watching: Watching) -> None:
    first, second = watching.sections()
    watching.play(first)
    assert watching.watch(0, 60) == {"counted_seconds": 60, "share": 50, "done": False, "next_report": 10}
    assert watching.progress() == {
        "share": 33,
        "done": False,
        "last_section_id": first.section_id,
        "sections": [
            {"section_id": first.section_id, "share": 50, "done": False, "resume_at": 60},
            {"section_id": second.section_id, "share": 0, "done": False, "resume_at": 0},
        ],
    }
    (row,) = watching.client.get("/mycourses")["data"]
    assert (row["share"], row["done"], row["last_section_id"]) == (33, False, first.section_id)
    told = watching.client.get("/study")["data"]
    assert (told["total_minutes"], told["study_days"], len(told["days"])) == (1, 1, 30)
    assert told["days"][-1] == {"date": TODAY, "minutes": 1}
    assert told["courses"] == [
        {
            "course_id": watching.course.course_id,
            "course_type": "course",
            "course_name": watching.course.name,
            "share": 33,
            "last_section_id": first.section_id,
            "last_section_name": first.name,
        }
    ]


def test_a_section_is_done_at_nine_tenths_and_stays_so(watching: Watching) -> None:
    first, second = watching.sections()
    watching.play(first)
    assert watching.watch(0, 100)["done"] is False
    told = watching.watch(100, 110)
    assert (told["share"], told["done"]) == (91, True)
    first.update([Section.video_time.set("10:00")])
    application.app.forget_fresh()
    watching.play(first)
    told = watching.watch(0, 10)
    assert (told["share"], told["done"]) == (18, True)
    watching.play(second)
    watching.watch(0, 60)
    assert watching.progress()["done"] is True
    assert watching.client.get("/mycourses")["data"][0]["done"] is True


def test_another_device_goes_on_where_one_stopped(watching: Watching) -> None:
    first, _ = watching.sections()
    assert watching.play(first)["resume_at"] == 0
    watching.wait(10)
    watching.report((0, 10), at=47.5)
    assert watching.play(first)["resume_at"] == 47
    watching.wait(10)
    watching.report((105, 115), at=115)
    assert watching.play(first)["resume_at"] == 0


def test_a_report_that_is_alone_completes_nothing(watching: Watching) -> None:
    first, _ = watching.sections()
    watching.play(first)
    told = watching.report((0, 120))["data"]
    assert (told["counted_seconds"], told["done"]) == (0, False)
    assert watching.progress()["sections"][0]["share"] == 0


def test_several_players_at_once_are_not_faster_than_one(watching: Watching) -> None:
    """Each takes the place over: the clock goes on."""
    first, second = watching.sections()
    for section in (first, second, first, second):
        watching.play(section)
        watching.wait(5)
        watching.report((0, 60))
    watched = sum(
        row["share"] * length for row, length in zip(watching.progress()["sections"], (120, 60), strict=True)
    )
    assert watched / 100 <= 40


def test_reports_at_once_use_each_second_of_the_clock_once(watching: Watching) -> None:
    first, _ = watching.sections()
    watching.play(first)
    watching.wait(20)
    together = threading.Barrier(4)

    def send(part: int) -> int:
        together.wait()
        return int(watching.report((30 * part, 30 * part + 30))["code"])

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(send, range(4)))
    assert set(codes) <= {1000, 503}
    assert 1000 in codes
    assert watching.progress()["sections"][0]["share"] == 100 * 40 // 120
    watching.wait(60)
    assert watching.report((0, 120))["data"]["counted_seconds"] == 120


def test_a_report_that_brings_nothing_new_writes_nothing(watching: Watching) -> None:
    first, _ = watching.sections()
    watching.play(first)
    watching.watch(0, 10)
    user = watching.client.user
    assert user is not None
    before = study.stored(user)
    watching.report((0, 10))
    assert study.stored(user) == before


def test_a_video_of_unknown_length_resumes_and_counts_once_its_length_is_known(watching: Watching) -> None:
    section = study.a_section(watching.course, 3, video_time="")
    application.app.forget_fresh()
    assert watching.play(section)["seconds"] is None
    told = watching.watch(0, 30)
    assert told == {"counted_seconds": 30, "share": None, "done": False, "next_report": 10}
    shown = watching.progress()
    assert (shown["share"], shown["sections"][2]) == (
        0,
        {"section_id": section.section_id, "share": None, "done": False, "resume_at": 30},
    )
    section.update([Section.video_time.set("01:00")])
    application.app.forget_fresh()
    assert watching.play(section)["seconds"] == 60
    told = watching.watch(30, 60)
    assert (told["share"], told["done"]) == (100, True)
    assert watching.progress()["share"] == 100 * 6 // 24
    assert watching.client.get("/mycourses")["data"][0]["share"] == 100 * 6 // 24


def test_a_course_that_was_not_begun_shows_nothing(watching: Watching) -> None:
    shown = watching.progress()
    assert (shown["share"], shown["done"], shown["last_section_id"]) == (0, False, None)
    told = watching.client.get("/study")["data"]
    assert (told["total_minutes"], told["study_days"], told["courses"]) == (0, 0, [])
    (row,) = watching.client.get("/mycourses")["data"]
    assert (row["share"], row["done"], row["last_section_id"]) == (0, False, None)


def test_a_course_without_videos_has_no_share(watching: Watching) -> None:
    course = study.a_video_course([])
    study.a_section(course, 1, section_type=catalog.DOCUMENT, video_time="")
    answer = watching.client.get(f"/course/{course.course_id}/progress")["data"]
    assert (answer["share"], answer["done"], answer["sections"][0]["share"]) == (None, False, None)
    check_refusal(watching.client.get("/course/1/progress"), 2001)


def test_a_day_ends_at_midnight_in_beijing(watching: Watching) -> None:
    first, _ = watching.sections()
    watching.clock.stand_at(NOON.replace(hour=23, minute=59, second=30))
    watching.play(first)
    watching.watch(0, 20)
    watching.watch(20, 60)
    told = watching.client.get("/study")["data"]
    assert told["study_days"] == 2
    assert [day["date"] for day in told["days"][-2:]] == [TODAY, TOMORROW]


MALFORMED: list[Any] = [
    {"spans": [[10, 0]]},
    {"spans": [[0, 86401]]},
    {"spans": [[-1, 5]]},
    {"spans": [[0, 10, 20]]},
    {"spans": [["0", 10]]},
    {"spans": [[True, 10]]},
    {"spans": [[0, 1]] * 61},
    {"spans": {}},
    {"spans": None},
    {"at": None},
    {"at": -1},
    {"at": "0"},
    {"at": 1e30},
]


@pytest.mark.parametrize("change", MALFORMED)
def test_a_report_of_another_shape_is_refused(watching: Watching, change: Any) -> None:
    first, _ = watching.sections()
    watching.play(first)
    body = {"ticket": watching.ticket, "spans": [[0, 10]], "at": 10} | change
    check_refusal(watching.client.post("/study/report", body), 5000)


def test_whoever_decides_on_a_refund_and_whoever_asks_for_one_see_what_was_studied(
    alipay: Any, gateway_server: object
) -> None:
    user, course, other = (
        builders.a_user(),
        study.a_video_course(["00:40"], prices=[10000]),
        builders.a_course(prices=[10000]),
    )
    client = ClientAt(user)
    number = purchases.place(client, [course, other], 200)
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    (section,) = study.sections_of(course)
    ticket = client.post(f"/course/{course.course_id}/sections/{section.section_id}/play", {})["data"][
        "ticket"
    ]
    with study.time_ahead(application.app.process, seconds=5):
        told = client.post("/study/report", {"ticket": ticket, "spans": [[0, 10]], "at": 10})["data"]
    assert told["share"] == 25
    preview = client.get(f"/order/{number}/refund_preview")["data"]
    assert [line["studied"] for line in preview["courses"]] == [25, 0]
    request_no = client.post(f"/order/{number}/refund", {"reason": "不想学了"})["data"]["request_no"]
    rows = ClientAt(builders.an_admin()).get("/admin/refunds")["data"]
    (row,) = [row for row in rows if row["request_no"] == request_no]
    assert row["studied"] == [25, 0]
