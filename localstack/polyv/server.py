"""HTTP around the simulator: Polyv's API, the player and what it asks, the page for people, the control API.

For the shop's server, as Polyv documents it::

    POST /service/v1/token                  userId, videoId, ts, viewerId, viewerIp, viewerName, expires, sign
                                            {"code": 200, "status": "success", "data": {"token", "ttl" in ms, ...}}
    GET  /v2/video/{userid}/get-video-msg   vid, ptime, sign
                                            {"code": 200, "data": [{"vid", "status", "duration", ...}]}

For browsers, open to every origin. The script is the interface, what it asks is our own::

    /player.js     polyvPlayer({wrap, vid, playsafe, ts, sign, code, ...})
    /play          vid, token: {"status": "success", "seconds" for which the token still plays}, or why not
    /clip.webm     vid, token: the clip, the same for every video
    /marquee       GET vid, code, t: {"url"} at which the shop answers; POST its answer: whether its sign holds

For people: ``GET /`` the switch, the videos, what happened last.

Control API for tests. JSON in and out, times ISO 8601 in UTC, 400 for unreadable input. Works in every mode::

    GET  /control/state                {"user_id", "mode", "modes", "videos", "tokens", "events"}
    POST /control/mode                 {"mode": "up"|"down"|"slow"}; answers the state
    POST /control/videos/{vid}         {"status": "ready"|"waiting"|"refused"|"gone", "seconds"?}; nobody is told
    POST /control/callbacks            {"vid", "type"}: sends a callback; answers {"status"} of the shop's answer
    POST /control/key                  {"secret_key"}: another one, as from Polyv's console; until the simulator ends
    POST /control/tokens/end           no token that was given out plays any longer
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from localstack.polyv import pages
from localstack.polyv.account import MODES, Refusal
from localstack.simulator_site import (
    Answer,
    SiteHandler,
    Unreadable,
    json_answer,
    json_object,
    parts_of,
    utc_text,
)

if TYPE_CHECKING:
    from localstack.polyv.simulator import PolyvSimulator

_HERE = Path(__file__).parent
_NOT_PLAYING = {
    "waiting": "视频正在转码，请稍后再试",
    "refused": "视频未通过审核",
    "gone": "视频不存在或已删除",
}


class Handler(SiteHandler):
    """The simulator's side of a connection."""

    server_version = "PolyvSimulator"
    largest_body = 64 * 1024

    def do_OPTIONS(self) -> None:
        self._respond("")


class Site:
    """The table of addresses: (method, path, query, body) -> Answer."""

    def __init__(self, simulator: PolyvSimulator) -> None:
        self._simulator = simulator
        self._account = simulator.account
        self._for_browsers: dict[tuple[str, str], Callable[[dict[str, str]], Answer]] = {
            ("GET", "/play"): self._play,
            ("GET", "/clip.webm"): self._clip,
            ("GET", "/marquee"): self._marquee,
            ("POST", "/marquee"): self._check_marquee,
        }

    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        """Answer one request. Whatever a client sends, it gets an answer below 500, unless "down" is on."""
        parts = parts_of(path)
        if path == "/player.js":
            script = _HERE.joinpath("browser", "player.js").read_text(encoding="utf-8")
            return Answer(200, script, "text/javascript;charset=utf-8", open=True)
        if parts[0] in ("service", "v2") or path in ("/play", "/clip.webm", "/marquee"):
            return self._polyv(method, path, parts, query, body)
        for_machines = parts[0] == "control"
        try:
            answer = (
                self._control(method, parts[1:], body) if for_machines else self._pages(method, parts, body)
            )
        except (Unreadable, ValueError) as trouble:
            return json_answer({"error": str(trouble)}, 400)
        if answer:
            return answer
        return json_answer({"error": "not found"}, 404) if for_machines else Answer(404, pages.missing())

    def _polyv(self, method: str, path: str, parts: list[str], query: str, body: str) -> Answer:
        if self._simulator.mode == "down":
            return Answer(503, "Service Unavailable", "text/plain;charset=utf-8", open=True)
        if self._simulator.mode == "slow":
            self._simulator.wait_while_slow()
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50))
            fields |= dict(parse_qsl(body, keep_blank_values=True, max_num_fields=50))
        except ValueError:
            fields = {}
        if method == "OPTIONS":
            return Answer(204, open=True)
        if (method, path) in self._for_browsers:
            return self._for_browsers[method, path](fields)
        try:
            match (method, *parts):
                case ("POST", "service", "v1", "token"):
                    return self._token(fields)
                case ("GET" | "POST", "v2", "video", user_id, "get-video-msg"):
                    return _success(self._account.video_message(user_id, fields))
        except Refusal as refusal:
            return _refused(refusal)
        return json_answer({"code": 404, "status": "error", "message": "not found", "data": ""}, 404)

    # --- for the shop's server -----------------------------------------------------------------------------

    def _token(self, fields: dict[str, str]) -> Answer:
        token = self._account.create_token(fields)
        created, expires = (int(at.timestamp() * 1000) for at in (token.created_at, token.expires_at))
        return _success(
            {
                "token": token.token,
                "userId": self._account.user_id,
                "videoId": token.video_id,
                "viewerIp": token.address,
                "viewerId": token.viewer_id,
                "viewerName": fields.get("viewerName"),
                "extraParams": fields.get("extraParams"),
                "ttl": int(fields.get("expires", "600")) * 1000,
                "createdTime": created,
                "expiredTime": expires,
                "iswxa": 0,
                "disposable": False,
            }
        )

    # --- for browsers --------------------------------------------------------------------------------------

    def _play(self, fields: dict[str, str]) -> Answer:
        video = self._account.video(fields.get("vid", ""))
        status = video.status if video else "gone"
        if status != "ready":
            return json_answer({"status": status, "message": _NOT_PLAYING[status]}, open=True)
        seconds = self._account.seconds_left(fields.get("vid", ""), fields.get("token", ""))
        if not seconds:
            return json_answer({"status": "token_refused", "message": "播放授权无效"}, open=True)
        return json_answer({"status": "success", "seconds": seconds}, open=True)

    def _clip(self, fields: dict[str, str]) -> Answer:
        if not self._account.seconds_left(fields.get("vid", ""), fields.get("token", "")):
            return Answer(403, "", "text/plain", open=True)
        return Answer(200, _HERE.joinpath("clip.webm").read_bytes(), "video/webm", open=True)

    def _marquee(self, fields: dict[str, str]) -> Answer:
        shop = self._simulator.shop_url
        asked = urlencode({name: fields.get(name, "") for name in ("vid", "t", "code")})
        return json_answer({"url": f"{shop}/video/marquee?{asked}" if shop else ""}, open=True)

    def _check_marquee(self, fields: dict[str, str]) -> Answer:
        try:
            answer = json.loads(fields.get("answer", ""))
        except (ValueError, RecursionError):
            answer = None
        vid, code, t = (fields.get(name, "") for name in ("vid", "code", "t"))
        holds = isinstance(answer, dict) and self._account.marquee_holds(vid, code, t, answer)
        self._account.note("marquee", vid, "success" if holds else "refused")
        return json_answer({"status": "success" if holds else "refused"}, open=True)

    # --- for people ----------------------------------------------------------------------------------------

    def _pages(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator, fields = self._simulator, dict(parse_qsl(body, max_num_fields=5))
        match (method, *parts):
            case ("GET", ""):
                return Answer(200, pages.overview(simulator))
            case ("POST", "mode"):
                simulator.switch(fields.get("mode", ""))
                return Answer(303, location="/")
            case ("POST", "videos"):
                vid, kind = fields.get("vid", "").strip(), fields.get("type", "")
                simulator.set_video(vid, pages.status_after(kind))
                if kind != "waiting":
                    simulator.tell(vid, kind)
                return Answer(303, location="/")
        return None

    # --- for tests -----------------------------------------------------------------------------------------

    def _control(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", "state"):
                return json_answer(self._state())
            case ("POST", "mode"):
                simulator.switch(str(json_object(body).get("mode")))
                return json_answer(self._state())
            case ("POST", "videos", video_id):
                given = json_object(body)
                seconds = given.get("seconds")
                if seconds is not None and (type(seconds) is not int or not 0 <= seconds < 360_000):
                    raise Unreadable("seconds is a whole number")
                simulator.set_video(video_id, str(given.get("status")), seconds)
                return json_answer(self._state())
            case ("POST", "callbacks"):
                given = json_object(body)
                told = simulator.tell(str(given.get("vid")), str(given.get("type")))
                return json_answer({"status": told})
            case ("POST", "key"):
                key = json_object(body).get("secret_key")
                if not isinstance(key, str) or not key:
                    raise Unreadable('"secret_key" has to be a text')
                self._account.secret_key = key
                return json_answer(self._state())
            case ("POST", "tokens", "end"):
                self._account.end_tokens()
                return json_answer(self._state())
        return None

    def _state(self) -> dict[str, Any]:
        account = self._account
        return {
            "user_id": account.user_id,
            "mode": self._simulator.mode,
            "modes": MODES,
            "videos": {vid: vars(video) for vid, video in account.videos().items()},
            "tokens": [
                {
                    "video_id": token.video_id,
                    "viewer_id": token.viewer_id,
                    "address": token.address,
                    "expires_at": utc_text(token.expires_at),
                }
                for token in account.tokens()
            ],
            "events": [
                {"at": utc_text(event.at), "what": event.what, "about": event.about, "outcome": event.outcome}
                for event in account.events
            ],
        }


def _success(data: object) -> Answer:
    return json_answer({"code": 200, "status": "success", "message": "success", "data": data})


def _refused(refusal: Refusal) -> Answer:
    return json_answer(
        {"code": refusal.code, "status": "error", "message": refusal.message, "data": refusal.data},
        refusal.code,
    )
