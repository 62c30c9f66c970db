"""Courses with videos, and a stand-in for the video platform that gives out tokens without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from msgspec import field
from msgspec.structs import replace

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.polyv import TOKEN_SECONDS, PlayToken, Polyv
from chalicelib.shop import catalog, enrollment
from chalicelib.shop.catalog import POLYV, VIDEO, Course, Section
from chalicelib.shop.partition import partition
from chalicelib.shop.price_policy import PERMANENT_DAYS
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import CatalogItem, UserItem
from chalicelib.web.process import Process
from tests import builders


class PolyvHere(Polyv, frozen=True):
    """Polyv, whose tokens are given out here. `asked` are the video, viewer and address of each call."""

    user_id: str = "abcdefghij"
    secret_key: str = "a secret of tests"
    api_url: str = "http://polyv.test"
    player_url: str = "http://polyv.test/player.js"
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    is_down: list[bool] = field(default_factory=list)
    """Whether the next calls are not answered."""

    def play_token(self, video_id: str, viewer_id: str, viewer_address: str, deadline: Deadline) -> PlayToken:
        self.asked.append((video_id, viewer_id, viewer_address))
        if self.is_down and self.is_down.pop(0):
            raise GatewayUnavailable(gateway="polyv", reason="a test")
        return PlayToken(f"token-{len(self.asked)}", TOKEN_SECONDS)


@contextmanager
def playing_by(polyv: Polyv | None, process: Process) -> Iterator[None]:
    """Let the application's videos be those of this account."""
    before = process.gateways
    process.gateways = replace(before, polyv=polyv)
    try:
        yield
    finally:
        process.gateways = before


@contextmanager
def time_ahead(process: Process, *, seconds: float) -> Iterator[None]:
    """Let the application see a later time."""
    before = process.clock
    process.clock = lambda: before() + timedelta(seconds=seconds)
    try:
        yield
    finally:
        process.clock = before


def seconds(many: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=many)


def stored(user: User) -> list[str]:
    """All that is stored of a user, as text."""
    mine = UserItem.query(partition(user.user_id), consistent_read=True)
    return [json.dumps(item.to_dynamodb_dict(), sort_keys=True) for item in mine]


def a_video_course(video_times: Sequence[str] = ("10:00", "05:00"), **attributes: Any) -> Course:
    """A stored course with a protected video of each of these lengths, the first for everybody to try."""
    course = builders.a_course(**attributes)
    for order, video_time in enumerate(video_times, start=1):
        a_section(course, order, video_time=video_time, free_trial=order == 1)
    catalog.chapter_item(
        course.key, builders.new_id(), 1, name="第1章", summary="", pub_date="2024-01-01"
    ).save()
    return course


def a_section(course: Course, order: int, **attributes: Any) -> Section:
    """A stored section of the course's first chapter: a protected video unless told otherwise."""
    given = {
        "name": f"第{order}节",
        "section_type": VIDEO,
        "player": POLYV,
        "section_link": f"{builders.new_id():032x}",
        "video_time": "10:00",
        "free_trial": False,
    } | attributes
    section = catalog.section_item(course.key, builders.new_id(), 1, order, **given)
    section.save()
    return section


def sections_of(course: Course) -> list[Section]:
    """The sections of a course, in their order."""
    items = CatalogItem.query(str(course.key), CatalogItem.sort.startswith("SECTION#"))
    return catalog.of_model(list(items), Section)


def enroll(
    user: User, course: Course, *, days: int = PERMANENT_DAYS, days_ago: float = 1
) -> enrollment.EnrollmentSlice:
    """A paid line's days of study, counted from so many days ago."""
    given = enrollment.slice_item(
        user.user_id,
        course.key,
        course.name,
        f"{builders.new_id()}",
        0,
        days,
        builders.now() - timedelta(days=days_ago),
    )
    given.save()
    return given
