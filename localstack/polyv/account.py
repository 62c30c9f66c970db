"""One account at Polyv: its videos, the tokens that were given out for them, and how Polyv checks who asks.

Rules (Polyv's documents): a request for a token is good for ten minutes, one to the management API for three. A token
is for one video and one viewer; asking again with the same video, viewer and address prolongs the same token.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

Clock = Callable[[], datetime]

MODES = ("up", "down", "slow")
"""How Polyv can be; see `PolyvSimulator.switch`."""
STATUSES = {"ready": "60", "waiting": "20", "refused": "51", "gone": "-1"}
"""What became of a video -> Polyv's number for it."""
CLIP_SECONDS = 59

_TOKEN_TS = timedelta(minutes=10)
_API_TS = timedelta(minutes=3)
_TOKEN_LIFE = 600
_LONGEST_LIFE = 86_400
_MOST_KEPT = 500
_VIDEO_ID = re.compile(r"[0-9a-z]{10}[0-9a-f]{22}_[0-9a-z]", re.ASCII)
_VIEWER_ID = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_FIELDS = frozenset(
    ("userId", "videoId", "ts", "viewerId", "viewerIp", "viewerName", "expires", "extraParams", "sign")
)


class Refusal(Exception):
    """Polyv says no: its code, its word, and more about it."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass(frozen=True)
class Event:
    """What happened: a token given out or refused, a video asked about, a callback and what came of it."""

    at: datetime
    what: str
    about: str
    outcome: str


@dataclass
class Token:
    """A play token; times in UTC."""

    token: str
    video_id: str
    viewer_id: str
    address: str
    created_at: datetime
    expires_at: datetime


@dataclass
class Video:
    """What the account has under a video's id. A video that was never set is ready and as long as the clip."""

    status: str = "ready"
    seconds: int = CLIP_SECONDS


class Account:
    """All of it, in memory. Safe to use from many threads."""

    def __init__(self, user_id: str, secret_key: str, clock: Clock) -> None:
        self.user_id, self.secret_key, self.now = user_id, secret_key, clock
        self._lock = threading.Lock()
        self._videos: dict[str, Video] = {}
        self._tokens: dict[tuple[str, str, str, str], Token] = {}
        self.events: deque[Event] = deque(maxlen=_MOST_KEPT)

    # --- the shop's server ---------------------------------------------------------------------------------

    def create_token(self, form: Mapping[str, str]) -> Token:
        """`POST /service/v1/token`. Raises Refusal."""
        about = f"{form.get('videoId', '')} {form.get('viewerId', '')}"
        try:
            token = self._create_token(form)
        except Refusal as refusal:
            self.note("token", about, refusal.message)
            raise
        self.note("token", about, "success")
        return token

    def _create_token(self, form: Mapping[str, str]) -> Token:
        if form.get("userId") != self.user_id:
            raise Refusal(400, "user_not_found", "user secretKey not found.")
        self._check_time(form.get("ts", ""), _TOKEN_TS, Refusal(403, "ts_expired", "ts is expired."))
        signed = "".join(f"{name}{form[name]}" for name in sorted(form.keys() - {"sign"}))
        if form.get("sign") != self.md5(self.secret_key, signed, self.secret_key).upper():
            raise Refusal(403, "sign_error", "sign is not right.")
        if form.keys() - _FIELDS:
            raise Refusal(400, "param_error", "there is an unknown field.")
        viewer_id, expires = form.get("viewerId", ""), form.get("expires", str(_TOKEN_LIFE))
        if not _VIEWER_ID.fullmatch(viewer_id):
            raise Refusal(400, "param_error", "viewerId is not right.")
        if not re.fullmatch(r"[0-9]{1,6}", expires, re.ASCII) or not 1 <= int(expires) <= _LONGEST_LIFE:
            raise Refusal(400, "param_error", "expires is not right.")
        video_id = form.get("videoId", "")
        if self.video(video_id) is None:
            raise Refusal(400, "video_not_found", "video not found.")
        key = (video_id, viewer_id, form.get("viewerIp", ""), form.get("iswxa", "0"))
        now = self.now()
        with self._lock:
            known = self._tokens.get(key)
            if known is None or known.expires_at <= now:
                known = Token(secrets.token_hex(16), video_id, viewer_id, key[2], now, now)
                self._tokens.pop(key, None)
                self._tokens[key] = known
                while len(self._tokens) > _MOST_KEPT:
                    del self._tokens[next(iter(self._tokens))]
            known.expires_at = now + timedelta(seconds=int(expires))
        return known

    def video_message(self, user_id: str, query: Mapping[str, str]) -> list[dict[str, object]]:
        """`/v2/video/{userid}/get-video-msg`: Polyv's list of one video. Raises Refusal."""
        video_id = query.get("vid", "")
        try:
            found = self._video_message(user_id, query)
        except Refusal as refusal:
            self.note("video", video_id, refusal.message)
            raise
        self.note("video", video_id, str(found[0]["status"]))
        return found

    def _video_message(self, user_id: str, query: Mapping[str, str]) -> list[dict[str, object]]:
        if not query.get("sign"):
            raise Refusal(400, "sign can not be empty.")
        self._check_time(query.get("ptime", ""), _API_TS, Refusal(400, "ptime is too old."))
        if user_id != self.user_id:
            raise Refusal(400, "Could not find user by userid.")
        given = "&".join(f"{name}={query[name]}" for name in sorted(query) if name != "sign" and query[name])
        digest = hashlib.sha1(f"{given}{self.secret_key}".encode()).hexdigest().upper()
        if query["sign"] != digest:
            raise Refusal(400, "the sign is not right.")
        video_id = query.get("vid", "")
        video = self.video(video_id)
        if video is None:
            raise Refusal(402, "cannot find the video.")
        is_known = video.status in ("ready", "refused")
        minutes, seconds = divmod(video.seconds if is_known else 0, 60)
        return [
            {
                "vid": video_id,
                "title": f"视频 {video_id[:8]}",
                "status": STATUSES[video.status],
                "duration": f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}",
                "seed": 1,
            }
        ]

    def _check_time(self, text: str, most: timedelta, refusal: Refusal) -> None:
        if not re.fullmatch(r"[0-9]{13}", text, re.ASCII):
            raise refusal
        if abs(self.now().timestamp() - int(text) / 1000) > most.total_seconds():
            raise refusal

    # --- the player ----------------------------------------------------------------------------------------

    def seconds_left(self, video_id: str, token: str) -> float:
        """How long a token still plays a video, 0 for one that does not."""
        now = self.now()
        with self._lock:
            found = [one for one in self._tokens.values() if secrets.compare_digest(one.token, token)]
        for one in found:
            if one.video_id == video_id:
                return max(0.0, (one.expires_at - now).total_seconds())
        return 0.0

    def marquee_holds(self, video_id: str, code: str, t: str, answer: Mapping[str, object]) -> bool:
        """Whether the shop's answer about a marquee lets the viewer play, and is signed with the account's key."""
        text = (
            f"vid={video_id}&secretkey={self.secret_key}&username={answer.get('username', '')}"
            f"&code={code}&status={answer.get('status', '')}&t={t}"
        )
        look = (
            *(
                "msg",
                "fontSize",
                "fontColor",
                "speed",
                "filter",
                "setting",
                "alpha",
                "filterAlpha",
                "filterColor",
            ),
            *("blurX", "blurY", "interval", "lifeTime", "tweenTime", "strength", "show"),
        )
        text += "".join(f"&{name}={answer.get(name, '')}" for name in look)
        return answer.get("status") == 1 and answer.get("sign") == self.md5(text)

    # --- its console ---------------------------------------------------------------------------------------

    def video(self, video_id: str) -> Video | None:
        """A video of this account; None for an id that is no video's, or another account's."""
        if not _VIDEO_ID.fullmatch(video_id) or not video_id.startswith(self.user_id):
            return None
        with self._lock:
            return self._videos.get(video_id, Video())

    def set_video(self, video_id: str, status: str, seconds: int = CLIP_SECONDS) -> None:
        """Raises ValueError for another account's video or an unknown status."""
        if self.video(video_id) is None:
            raise ValueError(f"{video_id!r} is no video of the account {self.user_id}")
        if status not in STATUSES:
            raise ValueError(f"a video is {', '.join(STATUSES)}")
        with self._lock:
            self._videos[video_id] = Video(status, seconds)

    def videos(self) -> dict[str, Video]:
        """Those that were set."""
        with self._lock:
            return dict(self._videos)

    def tokens(self) -> list[Token]:
        """Those that were given out, the newest last."""
        with self._lock:
            return list(self._tokens.values())

    def end_tokens(self) -> None:
        """No token that was given out plays any longer."""
        with self._lock:
            self._tokens.clear()

    def note(self, what: str, about: str, outcome: str) -> None:
        """Keep what happened for the page."""
        self.events.append(Event(self.now(), what, about, outcome))

    @staticmethod
    def md5(*parts: str) -> str:
        """Polyv's hash of almost everything."""
        return hashlib.md5("".join(parts).encode()).hexdigest()
