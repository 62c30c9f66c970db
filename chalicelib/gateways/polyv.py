"""Polyv VOD: play tokens, the player's and the marquee's signs, what became of a video, and its callbacks.

Each has a signature of its own. They are MD5 and SHA-1 because Polyv says so. What a callback says is a hint: it can be
repeated by whoever has seen it, so the video is asked about.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable, NotificationRefused
from chalicelib.gateways.http import fetch

NAME = "polyv"
TOKEN_SECONDS = 180
"""How long a play token is good. The player renews it while the shop lets it, so this is also the longest that a
picture outlives an access.
"""
MAX_VIDEOS = 20
"""The most videos that one callback may tell of."""

_CALL_SECONDS = 3.0
_MILLISECONDS = 1000
_VIDEO_ID = re.compile(r"[0-9a-z]{32}(_[0-9a-z])?", re.ASCII)
_TOKEN = re.compile(r"[0-9A-Za-z_.-]{8,200}", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])", re.ASCII)
_PUBLISHED, _WAITING, _NOT_PASSED, _DELETED = ("60", "61"), ("10", "20", "50"), "51", "-1"
"""Polyv's words for a video's state: published; waiting to be encoded, being encoded, waiting for review; not passed by
the review; deleted.
"""


class VideoStatus(StrEnum):
    """What became of a video. A refused one did not pass Polyv's review; a gone one was deleted, or never was."""

    READY = "ready"
    WAITING = "waiting"
    REFUSED = "refused"
    GONE = "gone"


class VideoState(Struct, frozen=True):
    """A video as Polyv knows it; `seconds` is its length, None while that is not known."""

    status: VideoStatus
    seconds: int | None


class PlayToken(Struct, frozen=True):
    """What lets one viewer play one video for `seconds` from now on."""

    token: str
    seconds: int


def player_of(api_url: str) -> str:
    """The address of the script that plays: Polyv's own, or that of whoever stands in for Polyv."""
    own = urlsplit(api_url).hostname == "api.polyv.net"
    return "https://player.polyv.net/script/player.js" if own else f"{api_url}/player.js"


class Polyv(Struct, frozen=True):
    """One account at Polyv. `player_url` is the address of the script that plays; `api_url` Polyv's own."""

    user_id: str
    secret_key: str
    api_url: str
    player_url: str

    def play_token(self, video_id: str, viewer_id: str, viewer_address: str, deadline: Deadline) -> PlayToken:
        """A token for this viewer, who plays from `viewer_address`: the same one, prolonged, if he has one already. One
        call. Raises GatewayUnavailable.
        """
        form = {
            "userId": self.user_id,
            "videoId": video_id,
            "ts": _milliseconds(),
            "viewerId": viewer_id,
            "viewerIp": viewer_address,
            "viewerName": viewer_id,
            "expires": str(TOKEN_SECONDS),
        }
        data = self._call(
            f"{self._token_host}/service/v1/token",
            form | {"sign": token_sign(form, self.secret_key)},
            deadline,
        )
        token, life = data.get("token"), data.get("ttl")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise GatewayUnavailable(gateway=NAME, reason="no token")
        if data.get("videoId", video_id) != video_id:
            raise GatewayUnavailable(gateway=NAME, reason="another video")
        seconds = life // _MILLISECONDS if type(life) is int and life >= _MILLISECONDS else TOKEN_SECONDS
        return PlayToken(token, min(seconds, TOKEN_SECONDS))

    def player_sign(self, video_id: str, ts: str) -> str:
        """What a player on a phone proves itself with, beside `ts`, the time in milliseconds."""
        return _md5(self.secret_key, video_id, ts)

    def marquee_sign(self, members: Mapping[str, str], t: str) -> str:
        """The sign of an answer to the player's question `t` about the marquee: `vid`, `code`, `username`, `status`,
        and whatever of `MARQUEE` is given.
        """
        text = (
            f"vid={members['vid']}&secretkey={self.secret_key}&username={members['username']}"
            f"&code={members['code']}&status={members['status']}&t={t}"
        )
        if any(name in members for name in MARQUEE):
            text += "".join(f"&{name}={members.get(name, '')}" for name in MARQUEE)
        return _md5(text)

    def find_video(self, video_id: str, deadline: Deadline) -> VideoState:
        """What became of a video. One call. Raises GatewayUnavailable."""
        query = {"ptime": _milliseconds(), "vid": video_id}
        signed = urlencode(query | {"sign": api_sign(query, self.secret_key)})
        found = self._call(f"{self.api_url}/v2/video/{self.user_id}/get-video-msg?{signed}", None, deadline)
        if not found:
            return VideoState(VideoStatus.GONE, None)
        if found.get("vid", video_id) != video_id:
            raise GatewayUnavailable(gateway=NAME, reason="another video")
        return VideoState(_status(str(found.get("status"))), _seconds(found.get("duration")))

    def told_videos(self, query: Mapping[str, str], event: object = None) -> tuple[str, ...]:
        """The ids of the videos that a callback tells something of, its sign checked: those of its `query`, or of the
        `event` of its JSON body where there is one. No call. Raises NotificationRefused.
        """
        given = dict(query) if event is None else _texts(event) | {"sign": query.get("sign", "")}
        kind = given.get("eventType") or given.get("type") or ""
        signed = _SIGNED.get(kind)
        if signed is None:
            raise NotificationRefused(check="kind")
        sign = given.get("sign", "").encode(errors="replace")
        if not hmac.compare_digest(_md5(*signed(given), self.secret_key).encode(), sign):
            raise NotificationRefused(check="sign")
        videos = [video for video in given.get("vids", given.get("vid", "")).split(",") if video]
        if len(videos) > MAX_VIDEOS or not all(map(_VIDEO_ID.fullmatch, videos)):
            raise NotificationRefused(check="vid")
        return tuple(dict.fromkeys(videos))

    @property
    def _token_host(self) -> str:
        # Tokens are given out at a host of their own; whoever stands in for Polyv does it at one address.
        return self.api_url.replace("//api.polyv.net", "//hls.videocc.net")

    def _call(self, url: str, form: dict[str, str] | None, deadline: Deadline) -> dict[str, Any]:
        """The `data` of a successful answer, of a list its only part; {} where there is none."""
        try:
            answer = json.loads(fetch(NAME, url, deadline, _CALL_SECONDS, form))
            code, data = answer["code"], answer.get("data")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise GatewayUnavailable(gateway=NAME, reason="unreadable answer") from error
        if code != 200:
            raise GatewayUnavailable(gateway=NAME, reason=f"code {code}"[:40])
        if isinstance(data, list) and len(data) <= 1:
            data = data[0] if data else {}
        if not isinstance(data, dict):
            raise GatewayUnavailable(gateway=NAME, reason="unreadable answer")
        return data


def token_sign(form: Mapping[str, str], secret_key: str) -> str:
    """The sign of a request for a play token: of all its fields, as they are before they are encoded."""
    joined = "".join(f"{name}{form[name]}" for name in sorted(form))
    return _md5(secret_key, joined, secret_key).upper()


def api_sign(query: Mapping[str, str], secret_key: str) -> str:
    """The sign of a request to the management API: of all its fields that are not empty."""
    joined = "&".join(f"{name}={query[name]}" for name in sorted(query) if query[name])
    return hashlib.sha1(f"{joined}{secret_key}".encode(), usedforsecurity=False).hexdigest().upper()


def _md5(*parts: str) -> str:
    return hashlib.md5("".join(parts).encode(errors="replace"), usedforsecurity=False).hexdigest()


MARQUEE = (
    *("msg", "fontSize", "fontColor", "speed", "filter", "setting", "alpha", "filterAlpha", "filterColor"),
    *("blurX", "blurY", "interval", "lifeTime", "tweenTime", "strength", "show"),
)
"""How a marquee is shown, in the order in which it is signed."""

_SIGNED: dict[str, Callable[[Mapping[str, str]], tuple[str, ...]]] = {
    "upload": lambda given: ("upload", given.get("vid", "")),
    "invalidVideo": lambda given: ("upload", given.get("vid", "")),
    "async_upload": lambda given: ("async_upload", given.get("fileUrl", "")),
    "videoSyncedFail": lambda given: ("videoSyncedFail", given.get("vid", "")),
    "encode": lambda given: _encoded("encode", given),
    "encode_failed": lambda given: _encoded("encode_failed", given),
    "pass": lambda given: ("manage", "pass", given.get("vid", "")),
    "nopass": lambda given: ("manage", "nopass", given.get("vid", "")),
    "TranscodeComplete": lambda given: ("TranscodeComplete", given.get("vid", "")),
    "DeleteMediaComplete": lambda given: ("DeleteMediaComplete",),
    "AIContentScanNotPassed": lambda given: ("AIContentScanNotPassed",),
    "CoursewareConvertComplete": lambda given: ("CoursewareConvertComplete",),
}
"""The kinds of callbacks -> what is signed of one, before the secret key."""


def _encoded(kind: str, given: Mapping[str, str]) -> tuple[str, ...]:
    return kind, given.get("format", ""), given.get("vid", ""), given.get("df", "")


def _texts(event: object) -> dict[str, str]:
    """The texts of a callback's event. Raises NotificationRefused for what is none."""
    if not isinstance(event, dict):
        raise NotificationRefused(check="event")
    return {name: value for name, value in event.items() if isinstance(value, str)}


def _status(word: str) -> VideoStatus:
    if word in _PUBLISHED:
        return VideoStatus.READY
    if word in _WAITING:
        return VideoStatus.WAITING
    if word == _NOT_PASSED:
        return VideoStatus.REFUSED
    if word == _DELETED:
        return VideoStatus.GONE
    raise GatewayUnavailable(gateway=NAME, reason="unknown status")


def _seconds(duration: object) -> int | None:
    """The seconds of `hh:mm:ss`; None of anything else, and of a video whose length is not known yet."""
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        return None
    hours, minutes, seconds = map(int, match.groups())
    return (hours * 60 + minutes) * 60 + seconds or None


def _milliseconds() -> str:
    return str(time.time_ns() // 1_000_000)
