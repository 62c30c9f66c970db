"""Play a section: what its player needs, for whoever may watch it at this moment.

A play token is asked for only after that is known. It ends by itself: access ends for a player by not renewing it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import (
    CourseNotFound,
    GatewayUnavailable,
    NotEnrolled,
    PlaceChanged,
    SectionNotFound,
    SectionOffline,
    ShopError,
    StoreUnavailable,
    TicketOver,
    TokenRefused,
    UserGone,
    VideoNotReady,
)
from chalicelib.shop import enrollment, progress, study_place
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import OFFLINE, CoursePage, Section
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.marquee import VISITOR, Viewer, code_for, viewer_of
from chalicelib.shop.progress import BLOCK_SECONDS, SectionProgress, Studied
from chalicelib.shop.study_place import StudyPlace, Ticket
from chalicelib.storage.background import in_background

from .study import Fresh, page_of

if TYPE_CHECKING:
    from chalicelib.gateways.polyv import Polyv

TRIES = 4
"""How often a request is begun anew because another one of the same learner was faster."""


class Video(Struct, frozen=True):
    """What a player of Polyv's is given; `ts` in milliseconds. The token is good for `seconds` from now on."""

    video_id: str
    token: str
    seconds: int
    ts: str
    sign: str
    code: str
    player_url: str


class Playing(Struct, frozen=True):
    """How a section is shown: by a `video`, or else by its `link`. `ticket` is the player's, of whoever is enrolled;
    `resume_at` (seconds) where they stopped.
    """

    section: Section
    video: Video | None
    link: str | None
    ticket: str | None
    resume_at: int


class _Learner(Struct, frozen=True):
    """Whoever asks: `refusal` is why they may not study the course, None where they may."""

    user_id: int | None
    viewer: Viewer
    place: StudyPlace | None
    progress: SectionProgress | None
    refusal: ShopError | None


def play(
    key: CourseKey,
    section_id: int,
    ticket: Ticket | None,
    visitor: Caller | None,
    address: str,
    polyv: Polyv | None,
    signing_key: str,
    fresh: Fresh,
    now: datetime,
) -> Playing:
    """What the player of a section needs: of a trial section for everybody, of others for whoever is enrolled at this
    moment. With a `ticket` a player goes on; without one the place is taken over. `address` is the viewer's.

    One round trip, a call of Polyv, and a write for a new player. Raises CourseNotFound, SectionNotFound, NotEnrolled,
    AccessPaused, AccessEnded, SectionOffline, VideoNotReady, GatewayUnavailable, PlaceTaken, TicketOver.
    """
    for _ in range(TRIES):
        contents = in_background(page_of, key, fresh)
        learner = _look(key, section_id, visitor, now)
        page = contents()
        section = _find_section(page, section_id, learner)
        if learner.refusal is not None and (ticket is not None or not section.free_trial):
            raise learner.refusal
        if not section.has_come_out(now):
            raise SectionOffline()
        if not section.is_protected():
            return Playing(section, None, section.section_link, None, 0)
        if not section.is_ready():
            raise VideoNotReady(state=section.video_state)
        if ticket is not None:
            _check(ticket, key, section_id, learner, now)
        video = _video(section, learner.viewer, address, polyv, signing_key, now)
        if learner.refusal is not None or learner.user_id is None:
            return Playing(section, video, None, None, 0)
        if ticket is None:
            try:
                taken = study_place.take(learner.place, _studied(learner.user_id, page, section), now)
            except PlaceChanged:
                continue
        return Playing(
            section, video, None, ticket.text if ticket else taken, _resume_at(learner.progress, section)
        )
    raise StoreUnavailable(store="dynamodb", operation="play", reason="busy")


def _look(key: CourseKey, section_id: int, visitor: Caller | None, now: datetime) -> _Learner:
    """Who asks, and whether they may study. One round trip, none for visitors. All of it strongly consistent."""
    anybody = _Learner(None, VISITOR, None, None, NotEnrolled(signed_in=False))
    if visitor is None:
        return anybody
    user_id = visitor.user_id
    owned = in_background(enrollment.find_enrollment, user_id, key)
    place, studied = study_place.place_key(user_id), progress.section_key(user_id, key, section_id)
    try:
        found = visitor.find([place, studied])
    except (TokenRefused, UserGone):
        return anybody
    return _Learner(
        user_id,
        viewer_of(visitor.user()),
        study_place.place_in(found, user_id),
        progress.section_in(found, user_id, key, section_id),
        _refusal(lambda: enrollment.active(owned(), now)),
    )


def _refusal(ask: Callable[[], object]) -> ShopError | None:
    try:
        ask()
    except StoreUnavailable:
        raise
    except ShopError as refusal:
        return refusal
    return None


def _find_section(page: CoursePage, section_id: int, learner: _Learner) -> Section:
    """The section, of a course that is offline only for those who have or had it."""
    if page.course.status == OFFLINE and isinstance(learner.refusal, NotEnrolled):
        raise CourseNotFound(course=str(page.course.key))
    section = page.section(section_id)
    if section is None:
        raise SectionNotFound(section=section_id)
    return section


def _check(ticket: Ticket, key: CourseKey, section_id: int, learner: _Learner, now: datetime) -> None:
    if (ticket.course, ticket.section_id) != (key, section_id):
        raise TicketOver()
    study_place.held(learner.place, ticket, now)


def _video(
    section: Section, viewer: Viewer, address: str, polyv: Polyv | None, signing_key: str, now: datetime
) -> Video:
    video_id = str(section.section_link)
    if polyv is None:
        raise GatewayUnavailable(gateway="polyv", reason="not set up")
    token = polyv.play_token(video_id, viewer.viewer_id, address, Deadline(PROVIDER_SECONDS))
    ts = str(time.time_ns() // 1_000_000)
    return Video(
        video_id,
        token.token,
        token.seconds,
        ts,
        polyv.player_sign(video_id, ts),
        code_for(viewer, video_id, now, signing_key),
        polyv.player_url,
    )


def _studied(user_id: int, page: CoursePage, section: Section) -> Studied:
    """The section with the lengths of all videos of its course that are known."""
    lengths = [progress.blocks_in(one.seconds) for one in page.sections if one.seconds is not None]
    return Studied(
        user_id,
        page.course.key,
        page.course.name,
        section.section_id,
        section.name,
        section.seconds,
        sum(lengths),
        len(lengths),
    )


def _resume_at(watched: SectionProgress | None, section: Section) -> int:
    """Where to go on: at the beginning where the end was reached."""
    if watched is None:
        return 0
    is_at_end = section.seconds is not None and watched.resume_at > section.seconds - BLOCK_SECONDS
    return 0 if is_at_end else int(watched.resume_at)
