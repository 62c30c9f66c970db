"""Know what became of a protected video: its platform's word is kept at the sections that show it.

A callback is a hint. Whatever it says, the platform is asked, and only its answer is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import ChangedMeanwhile, GatewayUnavailable, NotificationRefused, TooManyAttempts
from chalicelib.shop import audit, catalog
from chalicelib.shop.catalog import Section
from chalicelib.shop.rate_limit import Limit, take_attempt

if TYPE_CHECKING:
    from chalicelib.gateways.polyv import Polyv, VideoState

log = logging.getLogger(__name__)

_HINTS = 60
"""How often one video is asked about in a quarter of an hour, for all callbacks together: one of five formats and sizes
has some twenty.
"""
_TRIES = 3


def take_callback(query: Mapping[str, str], event: object, polyv: Polyv | None) -> None:
    """Follow a callback of the video platform, whose `event` is None where all of it stands in the address.

    For one that does not verify nothing is read and nothing asked. Raises NotificationRefused, GatewayUnavailable,
    ChangedMeanwhile.
    """
    if polyv is None:
        raise NotificationRefused(check="account")
    deadline = Deadline(PROVIDER_SECONDS)
    for video_id in polyv.told_videos(query, event):
        try:
            take_attempt([Limit("video", video_id, _HINTS)])
        except TooManyAttempts:
            log.warning("a video's callbacks come too often: it is not asked about")
        else:
            know(video_id, polyv, deadline)


def know(video_id: str, polyv: Polyv, deadline: Deadline, read: Sequence[Section] = ()) -> VideoState | None:
    """Ask what became of a video and keep it at its sections -> what is kept; None, and nothing asked, when no section
    shows it. `read`: those that show it, where they have just been read. Raises GatewayUnavailable, ChangedMeanwhile.

    Of two who ask at the same time, whoever writes last asks again: an older answer never replaces a newer one.
    """
    for _ in range(_TRIES):
        sections, read = read or catalog.find_sections_of(video_id), ()
        if not sections:
            return None
        state = polyv.find_video(video_id, deadline)
        try:
            for section in sections:
                refusal = ChangedMeanwhile(what="a video's section")
                catalog.keep_video_state(section, state.status.value, state.seconds, refusal)
        except ChangedMeanwhile:
            continue
        return state
    raise ChangedMeanwhile(what="a video's section")


def check_all(polyv: Polyv, by: str, now: datetime) -> dict[str, VideoState | None]:
    """Ask about every video that a section shows, on an operator's word, logged -> what is kept, by the videos' ids;
    None for one of which the platform tells nothing.
    """
    audit.write(audit.entry(by, "check-videos", "all", now))
    shown: dict[str, list[Section]] = {}
    for section in catalog.scan_items((Section,)):
        if isinstance(section, Section) and section.video_id:
            shown.setdefault(section.video_id, []).append(section)
    return {video_id: _find_out(video_id, shown[video_id], polyv) for video_id in sorted(shown)}


def _find_out(video_id: str, sections: Sequence[Section], polyv: Polyv) -> VideoState | None:
    try:
        return know(video_id, polyv, Deadline(), sections)
    except GatewayUnavailable as error:
        log.warning("the video platform does not tell of a video: %s", error.facts["reason"])
        return None
