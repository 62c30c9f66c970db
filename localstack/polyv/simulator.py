"""The simulator as one object: settings in, a running server, and a method for every need of a test."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlencode, urlsplit

from localstack.polyv.account import MODES, Account, Clock
from localstack.polyv.server import Handler, Site
from localstack.simulator_site import Simulator, utc_now

_SLOW_SECONDS = 20.0
"""Longer than any shop waits."""
_SECONDS = 15.0

_EVENTS = ("TranscodeComplete", "DeleteMediaComplete")
"""Callbacks with a JSON body."""
KINDS = ("upload", "invalidVideo", "encode", "encode_failed", "pass", "nopass", *_EVENTS)
"""The callbacks that can be sent."""


class PolyvSimulator(Simulator):
    """Polyv for one account, on 127.0.0.1: all of its hosts at one address.

    - ``user_id``: 10 letters and digits, with which the ids of the account's videos begin; ``secret_key``: any text.
    - ``shop_url``: the shop's API, which callbacks go to and players ask for the marquee; "" calls nobody.
    - ``port``: 0 takes a free one. ``start`` raises OSError when the port is taken.
    - ``clock``: a callable that returns an aware UTC datetime.
    """

    def __init__(
        self, *, user_id: str, secret_key: str, shop_url: str = "", port: int = 0, clock: Clock = utc_now
    ) -> None:
        if len(user_id) != 10 or not secret_key:
            raise ValueError("Polyv's id, of 10 characters, or its secretkey is missing")
        self.account = Account(user_id, secret_key, clock)
        self.shop_url = shop_url.rstrip("/")
        self._mode = "up"
        self._switched = threading.Condition()
        super().__init__(Site(self), Handler, port)

    def stop(self) -> None:
        """Close the port; who waits for a slow Polyv is let go."""
        super().stop()
        with self._switched:
            self._switched.notify_all()

    @property
    def mode(self) -> str:
        """One of MODES; see `switch`."""
        return self._mode

    def switch(self, mode: str) -> None:
        """``up``; ``down``: all but the script answers 503; ``slow``: it answers after twenty seconds. Raises
        ValueError for any other word."""
        if mode not in MODES:
            raise ValueError(f"the modes are {', '.join(MODES)}")
        with self._switched:
            self._mode = mode
            self._switched.notify_all()

    def wait_while_slow(self) -> None:
        """Wait until the mode changes, the simulator stops, or twenty seconds have passed."""
        with self._switched:
            self._switched.wait_for(lambda: self._mode != "slow" or not self.is_running, _SLOW_SECONDS)

    def set_video(self, video_id: str, status: str, seconds: int | None = None) -> None:
        """What Polyv answers about a video from now on; nobody is told. Raises ValueError."""
        known = self.account.video(video_id)
        if seconds is None:
            seconds = known.seconds if known else 0
        self.account.set_video(video_id, status, seconds)

    def callback(self, video_id: str, kind: str) -> tuple[str, bytes]:
        """A callback as it is sent: the query, and the JSON body of those that have one. Raises ValueError."""
        if kind not in KINDS or self.account.video(video_id) is None:
            raise ValueError(f"callbacks are {', '.join(KINDS)}, of this account's videos")
        md5, key = self.account.md5, self.account.secret_key
        if kind in _EVENTS:
            of_all = kind == "DeleteMediaComplete"
            event = {"eventType": kind, "status": "success", "vids" if of_all else "vid": video_id}
            sign = md5(kind, key) if of_all else md5(kind, video_id, key)
            return urlencode({"sign": sign}), json.dumps(event).encode()
        fields = {"type": kind, "vid": video_id}
        if kind in ("upload", "invalidVideo"):
            sign = md5("upload", video_id, key)
        elif kind in ("pass", "nopass"):
            sign = md5("manage", kind, video_id, key)
        else:
            fields |= {"format": "m3u8", "df": "1"}
            sign = md5(kind, "m3u8", video_id, "1", key)
        return urlencode(fields | {"sign": sign}), b""

    def tell(self, video_id: str, kind: str) -> int:
        """Send a callback to the shop -> the status of its answer, 0 for none. Raises ValueError."""
        query, body = self.callback(video_id, kind)
        parts = urlsplit(self.shop_url)
        if not parts.hostname:
            raise ValueError("no shop is named that could be called")
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_SECONDS)
        target = f"{parts.path}/video/polyv?{query}"
        try:
            if body:
                connection.request("POST", target, body, {"Content-Type": "application/json"})
            else:
                connection.request("GET", target)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.account.note("callback", f"{kind} {video_id}", f"{status or '没有应答'}")
        return status
