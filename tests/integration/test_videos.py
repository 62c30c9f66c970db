"""Videos at Polyv: play tokens, what became of a video, callbacks that are hints, and the marquee."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

import app
from chalicelib.deadline import Deadline
from chalicelib.errors import ChangedMeanwhile, GatewayUnavailable
from chalicelib.flows import know_video
from chalicelib.gateways.polyv import TOKEN_SECONDS, Polyv, VideoState, VideoStatus
from chalicelib.manage.catalog_file import plan, rows
from chalicelib.shop import catalog, marquee
from chalicelib.shop.catalog import Section
from chalicelib.shop.marquee import Viewer
from chalicelib.storage.dynamodb import find
from localstack.api_gateway import GatewayServer
from localstack.polyv import PolyvSimulator
from tests import builders
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.terminal import Operator

pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture(autouse=True)
def all_is_well(polyv: PolyvSimulator, no_attempts_yet: None) -> Iterator[None]:
    yield
    polyv.switch("up")


@pytest.fixture
def video() -> str:
    """The id of a video of its own."""
    return builders.new_video_id()


@pytest.fixture
def gateway() -> Polyv:
    found = app.app.gateways.polyv
    assert found
    return found


def sections_with(video: str, count: int = 1) -> list[Section]:
    """Stored sections that show the video, each of a course of its own."""
    return [builders.a_video_section(builders.a_course().key, video) for _ in range(count)]


def known_of(section: Section) -> tuple[str | None, int | None]:
    stored = find(Section, section.course_key, section.sort)
    assert stored
    return stored.video_state, stored.video_seconds


def asked_about(polyv: PolyvSimulator, video: str) -> int:
    """How often Polyv was asked what became of a video."""
    return sum(event.what == "video" and event.about == video for event in polyv.account.events)


# The gateway


def test_a_token_is_for_its_viewer_and_asking_again_prolongs_it(
    polyv: PolyvSimulator, gateway: Polyv, video: str
) -> None:
    first, again = (gateway.play_token(video, "12", "203.0.113.9", Deadline(5)) for _ in range(2))
    other = gateway.play_token(video, "visitor", "203.0.113.9", Deadline(5))
    assert first == again != other
    assert first.seconds == TOKEN_SECONDS
    assert polyv.account.seconds_left(video, first.token) > TOKEN_SECONDS - 60
    (known,) = [one for one in polyv.account.tokens() if one.token == first.token]
    assert (known.viewer_id, known.address) == ("12", "203.0.113.9")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ready", VideoState(VideoStatus.READY, 59)),
        ("waiting", VideoState(VideoStatus.WAITING, None)),
        ("refused", VideoState(VideoStatus.REFUSED, 59)),
        ("gone", VideoState(VideoStatus.GONE, None)),
    ],
)
def test_what_became_of_a_video_is_told(
    polyv: PolyvSimulator, gateway: Polyv, video: str, status: str, state: VideoState
) -> None:
    polyv.set_video(video, status)
    assert gateway.find_video(video, Deadline(5)) == state


def test_whatever_polyv_cannot_or_will_not_answer_is_unavailable(
    polyv: PolyvSimulator, gateway: Polyv, video: str
) -> None:
    stranger = Polyv(gateway.user_id, "anotherkey", gateway.api_url, gateway.player_url)
    for asks, seconds in ((stranger, 5.0), (gateway, 0.3)):
        polyv.switch("slow" if asks is gateway else "up")
        with pytest.raises(GatewayUnavailable):
            asks.play_token(video, "12", "203.0.113.9", Deadline(seconds))
        with pytest.raises(GatewayUnavailable):
            asks.find_video(video, Deadline(seconds))
    polyv.switch("down")
    with pytest.raises(GatewayUnavailable):
        gateway.play_token(video, "12", "203.0.113.9", Deadline(5))
    polyv.switch("up")
    with pytest.raises(GatewayUnavailable):
        gateway.play_token("e2e84a7384" + video[10:], "12", "203.0.113.9", Deadline(5))


def test_another_key_at_polyv_lets_the_one_before_do_nothing(
    polyv: PolyvSimulator, gateway: Polyv, video: str
) -> None:
    def change(body: object) -> int:
        return requests.post(f"{polyv.url}/control/key", json=body, timeout=10).status_code

    assert [change({}), change({"secret_key": ""}), change({"secret_key": "another"})] == [400, 400, 200]
    try:
        with pytest.raises(GatewayUnavailable):
            gateway.play_token(video, "12", "203.0.113.9", Deadline(5))
        with_new = Polyv(gateway.user_id, "another", gateway.api_url, gateway.player_url)
        assert with_new.play_token(video, "12", "203.0.113.9", Deadline(5)).token
    finally:
        assert change({"secret_key": gateway.secret_key}) == 200
    assert gateway.play_token(video, "12", "203.0.113.9", Deadline(5)).token


# Callbacks


@pytest.mark.parametrize(
    ("kind", "status", "known"),
    [
        ("upload", "waiting", ("waiting", None)),
        ("encode", "ready", ("ready", 59)),
        ("TranscodeComplete", "ready", ("ready", 59)),
        ("nopass", "refused", ("refused", 59)),
        ("DeleteMediaComplete", "gone", ("gone", None)),
        ("pass", "waiting", ("waiting", None)),
    ],
)
def test_a_callback_is_a_hint_and_polyvs_answer_is_kept_at_every_section(
    gateway_server: GatewayServer,
    polyv: PolyvSimulator,
    video: str,
    kind: str,
    status: str,
    known: tuple[str, int | None],
) -> None:
    sections = sections_with(video, 2)
    polyv.set_video(video, status)
    for _ in range(2):  # a replay
        assert polyv.tell(video, kind) == 200
        assert [known_of(section) for section in sections] == [known, known]


def test_nothing_is_asked_for_a_forgery_nor_about_a_video_that_no_section_shows(
    gateway_server: GatewayServer, polyv: PolyvSimulator, video: str
) -> None:
    visitor = Client(gateway_server.base_url)
    (section,) = sections_with(video)
    query, body = polyv.callback(video, "TranscodeComplete")
    forged = re.sub("sign=.", "sign=g", query)
    event = json.loads(body)
    assert visitor.request("GET", f"/video/polyv?{forged}&type=upload&vid={video}").json()["code"] == 2010
    assert visitor.request("POST", f"/video/polyv?{forged}", json=event).json()["code"] == 2010
    assert visitor.request("POST", "/video/polyv", json=event).json()["code"] == 2010
    assert visitor.request("POST", f"/video/polyv?{query}", data=b"x" * 70_000).status_code == 400
    assert (asked_about(polyv, video), known_of(section)) == (0, (None, None))
    nobodys = builders.new_video_id()
    assert polyv.tell(nobodys, "upload") == 200
    assert asked_about(polyv, nobodys) == 0


def test_while_polyv_is_down_a_callback_is_answered_by_503_and_changes_nothing(
    gateway_server: GatewayServer, polyv: PolyvSimulator, video: str
) -> None:
    (section,) = sections_with(video)
    polyv.switch("down")
    assert polyv.tell(video, "encode") == 503
    assert known_of(section) == (None, None)
    polyv.switch("up")
    assert polyv.tell(video, "encode") == 200
    assert known_of(section) == ("ready", 59)


def test_a_storm_of_genuine_callbacks_is_asked_about_a_bounded_number_of_times(
    gateway_server: GatewayServer, polyv: PolyvSimulator, video: str
) -> None:
    sections_with(video)
    assert {polyv.tell(video, "encode") for _ in range(64)} == {200}
    assert asked_about(polyv, video) == 60


def test_an_older_answer_never_replaces_a_newer_one(video: str, gateway: Polyv) -> None:
    (section,) = sections_with(video)

    class Overtaken(Polyv, frozen=True):
        """Polyv, whose first answer arrives when a newer one is kept already."""

        def find_video(self, video_id: str, deadline: Deadline) -> VideoState:
            if known_of(section)[0] is None:
                assert know_video.know(video_id, gateway, Deadline(5))
                return VideoState(VideoStatus.WAITING, None)
            return gateway.find_video(video_id, deadline)

    overtaken = Overtaken(gateway.user_id, gateway.secret_key, gateway.api_url, gateway.player_url)
    assert know_video.know(video, overtaken, Deadline(5)) == VideoState(VideoStatus.READY, 59)
    assert known_of(section) == ("ready", 59)
    (newer,), (older,) = (catalog.find_sections_of(video) for _ in range(2))
    catalog.keep_video_state(newer, "waiting", None, ChangedMeanwhile())
    with pytest.raises(ChangedMeanwhile):
        catalog.keep_video_state(older, "ready", 59, ChangedMeanwhile())


def test_a_section_that_is_not_on_line_gives_its_link_to_nobody(
    gateway_server: GatewayServer, video: str
) -> None:
    section = builders.a_video_section(builders.a_course().key, video, online=False)
    visitor = Client(gateway_server.base_url)
    answer = visitor.get(f"/course/{section.course_key.partition('#')[2]}/chapters")
    (shown,) = answer["data"]["chapters"][0]["sections"]
    assert shown["online"] is False
    assert "section_link" not in shown


def test_an_operator_has_all_videos_asked_about_again_after_an_outage(
    polyv: PolyvSimulator, operator: Operator, video: str
) -> None:
    (lost,), (waiting,) = sections_with(video), sections_with(other := builders.new_video_id())
    strange = builders.a_video_section(builders.a_course().key, "an-old-link")
    polyv.set_video(other, "waiting")
    for _ in range(2):
        said = operator.does("check-videos")
        assert f"{other}  waiting" in said and "an-old-link  not told" in said and video not in said
        assert known_of(lost) == ("ready", 59)
        assert known_of(waiting) == ("waiting", None)
        assert known_of(strange) == (None, None)
    assert "check-videos" in operator.does("audit")


def test_a_section_that_is_moved_or_shown_again_keeps_what_is_known_of_its_video(
    polyv: PolyvSimulator, gateway: Polyv, video: str
) -> None:
    section = builders.a_video_section(builders.a_course().key, video)
    assert know_video.know(video, gateway, Deadline(5))
    stored = plan.read_stored()
    wanted = stored.catalogue
    moved = tuple(
        replace(course, chapters=tuple(replace(chapter, sections=tuple(map(one_later, chapter.sections)))
                for chapter in course.chapters))
        if str(course.key) == section.course_key
        else course
        for course in wanted.courses
    )  # fmt: skip
    planned = plan.plan(stored, replace(wanted, courses=moved), builders.now())
    written = [write.new for step in planned.steps for write in step.writes]
    (new,) = [one for one in written if isinstance(one, Section) and one.video_id == video]
    assert new.sort != section.sort
    assert (new.video_state, new.video_seconds) == ("ready", 59)


def one_later(row: rows.Section) -> rows.Section:
    return replace(row, order=row.order + 1)


# The marquee


def marquee_answer(server: GatewayServer, **query: str) -> requests.Response:
    return Client(server.base_url).request("GET", "/video/marquee", params=query)


def code_of(viewer: Viewer, video: str, ago: timedelta = timedelta(0)) -> str:
    key = os.environ["JWT_KEY"]
    return marquee.code_for(viewer, video, datetime.now(UTC) - ago, key)


def test_the_marquee_is_shown_to_a_code_that_holds_and_polyv_believes_it(
    gateway_server: GatewayServer, polyv: PolyvSimulator, video: str
) -> None:
    viewer = marquee.viewer_of(builders.a_user())
    code, t = code_of(viewer, video), "143020010115550947"
    answer = marquee_answer(gateway_server, vid=video, t=t, code=code)
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json()
    assert (told["status"], told["username"], told["show"]) == (1, viewer.mark, "on")
    assert polyv.account.marquee_holds(video, code, t, told)
    assert not polyv.account.marquee_holds(video, code, "1", told)


def test_a_script_is_a_call_of_the_players_function_and_signs_six_members(
    gateway_server: GatewayServer, gateway: Polyv, video: str
) -> None:
    code = code_of(Viewer("12", "</script>*** 12"), video)
    answer = marquee_answer(gateway_server, vid=video, t="7", code=code, callback="polyv_1478765178186")
    assert answer.headers["Content-Type"].startswith("application/javascript")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    called = re.fullmatch(r"/\*\*/polyv_1478765178186\((\{.*\})\)", answer.text)
    assert called and "<" not in answer.text
    told = json.loads(called[1])
    six = {"vid": video, "code": code, "username": "</script>*** 12", "status": "1"}
    assert told["username"] == "</script>*** 12"
    assert told["sign"] == gateway.marquee_sign(six, "7")


def test_a_code_that_does_not_hold_is_refused(
    gateway_server: GatewayServer, polyv: PolyvSimulator, video: str
) -> None:
    viewer, other = Viewer("12", "王***明 12"), video.replace("_e", "_f")
    held = code_of(viewer, video)
    for code in ("", "nickname", held[:-4], code_of(viewer, other), code_of(viewer, video, marquee.LIFE)):
        told = marquee_answer(gateway_server, vid=video, t="5", code=code).json()
        assert (told["status"], told["username"], told["show"]) == (2, "", "off")
        assert told["msg"]
        assert not polyv.account.marquee_holds(video, code, "5", told)


@pytest.mark.parametrize(
    "change",
    [
        {"vid": ""},
        {"vid": "../a"},
        {"t": ""},
        {"t": "a b"},
        {"t": "1" * 65},
        {"callback": ""},
        {"callback": "alert(1)//"},
        {"callback": "a.b"},
        {"callback": "函数"},
        {"callback": "f" * 101},
    ],
)
def test_a_malformed_question_is_refused(
    gateway_server: GatewayServer, video: str, change: dict[str, str]
) -> None:
    query = {"vid": video, "t": "5", "code": code_of(Viewer("12", "x"), video)} | change
    assert marquee_answer(gateway_server, **query).json()["code"] == 5000


def test_the_marquee_needs_no_store(faulty_app: FaultyApp, video: str) -> None:
    code = code_of(Viewer("12", "x"), video)
    with faulty_app.dynamodb.down(), faulty_app.redis.down():
        told = Client(faulty_app.base_url).request(
            "GET", "/video/marquee", params={"vid": video, "t": "5", "code": code}
        )
    assert told.json()["status"] == 1
