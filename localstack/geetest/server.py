"""HTTP around the simulator: Geetest's servers, the browser's library, the page for people, the control API.

For the shop's server, as Geetest documents it; GET and POST, parameters in the query or a form::

    /register.php          gt, json_format=1, digestmod=md5|sha256|hmac-sha256, user_id...
                           {"challenge": 32 characters}, "0" for an unknown gt or digestmod
    /validate.php          POST: seccode, challenge, captchaid, json_format=1, sdk
                           {"seccode": md5 of the seccode}, or "false". Without json_format=1 both answer text.
    /v1/bypass_status.php  gt: {"status": "success"}, or "fail"
    /validate?captcha_id=  v4: lot_number, captcha_output, pass_token, gen_time, sign_token
                           {"status": "success", "result": "success"|"fail", "reason", "captcha_args"}, or
                           {"status": "error", "code": "-50005"..., "msg", "desc"}

For browsers, open to every origin. The scripts are the interface, what they ask is our own::

    /static/gt.js, /static/gt4.js    initGeetest(config, callback), initGeetest4(config, callback)
    /get.php       gt, challenge     a picture: {"status", "challenge": two characters longer, "background", "piece"}
    /ajax.php      POST: gt, challenge, left    the piece's left edge in the picture's pixels
                                     {"status": "success", "validate"}, "fail" beside the gap, "error"
    /load          captcha_id        v4's picture: the same with "lot_number"
    /verify        POST: captcha_id, lot_number, left    the same with "seccode", what getValidate() returns

For people: ``GET /`` the slider to try, the switch, the latest challenges.

Control API for tests. JSON in and out, times ISO 8601 in UTC. 400 for unreadable input, 404 for an unknown
challenge, 409 with ``reason`` for one that is too old or dead. Works in every mode::

    GET  /control/state                {"geetest_id", "mode", "modes", "now"}
    POST /control/mode                 {"mode": "up"|"down"|"silent"|"bypass"}; answers the state
    POST /control/key                  {"geetest_key"}: another one, as from Geetest's console; until the
                                       simulator ends; answers the state
    POST /control/solve                {"challenge"}: as the shop handed it on, or a lot number that was loaded
                                       answers what getValidate() returns after a right slide
    POST /control/solve_v4             the same for v4, with a new lot number
    GET  /control/challenges           {"challenges": [challenge...]}, the latest fifty, the newest first
    GET  /control/challenges/{name}    a challenge: version, name, issued_at, told, events, misses, and "gap",
                                       where the piece fits in the picture that waits, or null
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from localstack.geetest import pages
from localstack.geetest.challenges import Challenge, Refusal
from localstack.geetest.puzzles import Puzzle
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
    from localstack.geetest.simulator import GeetestSimulator

MODES = ("up", "down", "silent", "bypass")
"""How Geetest can be; see `GeetestSimulator.switch`."""

_LONGEST_SILENCE = 60.0
_BROWSER = Path(__file__).with_name("browser")
_SCRIPTS = {"/static/gt.js": ("slider.js", "gt.js"), "/static/gt4.js": ("slider.js", "gt4.js")}
_TOLD = ("user_id", "client_type", "ip_address", "sdk")
_SPOKEN = {
    "old challenge": "验证已过期，请刷新页面",
    "old picture": "图片已失效，请重试",
    "forbidden": "尝试次数过多，请刷新页面",
}


class Handler(SiteHandler):
    """The simulator's side of a connection. Browsers ask with OPTIONS before they post to another origin."""

    server_version = "GeetestSimulator"
    largest_body = 64 * 1024

    def do_OPTIONS(self) -> None:
        self._respond("")


class Site:
    """The table of addresses: (method, path, query, body) -> Answer."""

    def __init__(self, simulator: GeetestSimulator) -> None:
        self._simulator = simulator
        self._challenges = simulator.challenges
        self._for_shops: dict[str, Callable[[dict[str, str]], Answer]] = {
            "/register.php": self._register,
            "/validate.php": self._validate,
            "/v1/bypass_status.php": self._bypass_status,
            "/validate": self._validate_v4,
        }
        self._for_browsers: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "/get.php": self._show,
            "/ajax.php": self._slide,
            "/load": self._load,
            "/verify": self._slide_v4,
        }

    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        """Answer one request. Whatever a client sends, it gets an answer below 500, unless "down" is on."""
        if path in self._for_shops or path in self._for_browsers:
            return self._geetest(method, path, query, body)
        if path in _SCRIPTS:
            return Answer(200, _script(*_SCRIPTS[path]), "text/javascript;charset=utf-8", open=True)
        parts = parts_of(path)
        for_machines = parts[0] == "control"
        try:
            answer = (
                self._control(method, parts[1:], body) if for_machines else self._pages(method, parts, body)
            )
        except Refusal as refusal:
            unknown = refusal.reason == "illegal challenge"
            answer = json_answer({"reason": refusal.reason}, 404 if unknown else 409)
        except Unreadable as trouble:
            answer = json_answer({"error": str(trouble)}, 400)
        if answer:
            return answer
        return json_answer({"error": "not found"}, 404) if for_machines else Answer(404, pages.missing())

    def _geetest(self, method: str, path: str, query: str, body: str) -> Answer:
        mode, for_browsers = self._simulator.mode, path in self._for_browsers
        if mode == "down":
            return Answer(503, "Service Unavailable", "text/plain;charset=utf-8", open=for_browsers)
        if mode == "silent":
            self._simulator.wait_while_silent(_LONGEST_SILENCE)
            return Answer(0, silent=True)
        if method == "OPTIONS" and for_browsers:
            return Answer(204, open=True)
        if method != "POST" and path in ("/validate.php", "/ajax.php", "/verify"):
            return Answer(405, "Method Not Allowed", "text/plain;charset=utf-8", open=for_browsers)
        try:
            fields = dict(parse_qsl(query, max_num_fields=50)) | dict(parse_qsl(body, max_num_fields=50))
        except ValueError:
            fields = {}
        if not for_browsers:
            return self._for_shops[path](fields)
        try:
            return json_answer(self._for_browsers[path](fields), open=True)
        except Refusal as refusal:
            spoken = _SPOKEN.get(refusal.reason, "验证参数有误，请刷新页面")
            return json_answer({"status": "error", "error": refusal.reason, "user_error": spoken}, open=True)

    # --- for the shop's server -----------------------------------------------------------------------------

    def _register(self, fields: dict[str, str]) -> Answer:
        told = {name: fields[name] for name in _TOLD if fields.get(name)}
        try:
            given = self._challenges.register(fields.get("gt", ""), fields.get("digestmod", "md5"), told)
        except Refusal:
            given = "0"
        return _as_asked(fields, "challenge", given)

    def _validate(self, fields: dict[str, str]) -> Answer:
        try:
            proven = self._challenges.validate(
                fields.get("captchaid", ""), fields.get("challenge", ""), fields.get("seccode", "")
            )
        except Refusal:
            proven = "false"
        return _as_asked(fields, "seccode", proven)

    def _bypass_status(self, fields: dict[str, str]) -> Answer:
        well = self._simulator.mode != "bypass" and fields.get("gt") == self._challenges.geetest_id
        return json_answer({"status": "success" if well else "fail"})

    def _validate_v4(self, fields: dict[str, str]) -> Answer:
        captcha_id, lot_number = fields.get("captcha_id", ""), fields.get("lot_number", "")
        gen_time = fields.get("gen_time", "")
        if not captcha_id:
            return _error("-50101", "not captcha_id")
        if not _is_hexadecimal(captcha_id):
            return _error("-50102", "illegal captcha_id")
        if captcha_id != self._challenges.geetest_id:
            return _error("-50103", "not captcha")
        if not lot_number:
            return _error("-50302", "not lot_number")
        if not _is_hexadecimal(lot_number):
            return _error("-50303", "illegal lot_number")
        if not (gen_time.isascii() and gen_time.isdigit()):
            return _error("-50005", "illegal gen_time")
        if not self._challenges.known_lot(lot_number):
            return _error("-50301", "not proof")
        arguments: dict[str, str] = {}
        reason = ""
        try:
            self._challenges.validate_v4(
                lot_number,
                fields.get("captcha_output", ""),
                fields.get("pass_token", ""),
                gen_time,
                fields.get("sign_token", ""),
            )
            known = self._challenges.find(lot_number)
            referer = known.told.get("referer", "") if known else ""
            arguments = {
                "used_type": "slide",
                "user_ip": "127.0.0.1",
                "lot_number": lot_number,
                "scene": "",
                "referer": referer,
            }
        except Refusal as refusal:
            reason = refusal.reason
        result = "fail" if reason else "success"
        return json_answer(
            {"status": "success", "result": result, "reason": reason, "captcha_args": arguments}
        )

    # --- for browsers --------------------------------------------------------------------------------------

    def _show(self, fields: dict[str, str]) -> dict[str, Any]:
        name, puzzle = self._challenges.show(fields.get("gt", ""), fields.get("challenge", ""))
        return {"status": "success", "challenge": name, **_pictures(puzzle)}

    def _load(self, fields: dict[str, str]) -> dict[str, Any]:
        told = {"referer": fields["referer"][:200]} if fields.get("referer") else {}
        lot_number, puzzle = self._challenges.load(fields.get("captcha_id", ""), told)
        return {"status": "success", "lot_number": lot_number, **_pictures(puzzle)}

    def _slide(self, fields: dict[str, str]) -> dict[str, Any]:
        proof = self._challenges.slide(3, fields.get("challenge", ""), _pixels(fields))
        return {"status": "success", "validate": proof.token} if proof else {"status": "fail"}

    def _slide_v4(self, fields: dict[str, str]) -> dict[str, Any]:
        proof = self._challenges.slide(4, fields.get("lot_number", ""), _pixels(fields))
        if not proof:
            return {"status": "fail"}
        return {"status": "success", "seccode": proof.v4(self._challenges.geetest_id)}

    # --- for people ----------------------------------------------------------------------------------------

    def _pages(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", ""):
                listed = pages.overview(
                    simulator.challenges.geetest_id, simulator.mode, simulator.latest(), simulator.now()
                )
                return Answer(200, listed)
            case ("POST", "mode"):
                self._switch(dict(parse_qsl(body, max_num_fields=5)).get("mode"))
                return Answer(303, location="/")
            case ("POST", "try", "start"):
                return json_answer(self._start_trial())
            case ("POST", "try", "v3"):
                return json_answer(self._finish_trial(_texts(body), "/validate.php"))
            case ("POST", "try", "v4"):
                return json_answer(self._finish_trial(_texts(body), "/validate"))
        return None

    def _start_trial(self) -> dict[str, Any]:
        """What a shop's server answers its page, from a Geetest in this mode."""
        gt = self._challenges.geetest_id
        if self._simulator.mode != "up":
            return {"success": 0, "gt": gt, "challenge": secrets.token_hex(16), "new_captcha": True}
        challenge = self._challenges.hashed(self._challenges.register(gt, told={"user_id": "试用页"}))
        return {"success": 1, "gt": gt, "challenge": challenge, "new_captcha": True}

    def _finish_trial(self, fields: dict[str, str], path: str) -> dict[str, Any]:
        """Whether the page's slide stands Geetest's check; null where nobody can tell."""
        if self._simulator.mode in ("down", "silent"):
            return {"accepted": None}
        if path == "/validate.php":
            try:
                self._challenges.validate(
                    self._challenges.geetest_id,
                    fields.get("geetest_challenge", ""),
                    fields.get("geetest_seccode", ""),
                )
            except Refusal as refusal:
                return {"accepted": False, "reason": refusal.reason}
            return {"accepted": True}
        signed = self._challenges.signature(fields.get("lot_number", ""))
        answer = json.loads(self._validate_v4(fields | {"sign_token": signed}).body)
        return {
            "accepted": answer.get("result") == "success",
            "reason": answer.get("reason") or answer.get("msg", ""),
        }

    def _switch(self, mode: object) -> None:
        try:
            self._simulator.switch(str(mode))
        except ValueError as error:
            raise Unreadable(str(error)) from None

    # --- for tests -----------------------------------------------------------------------------------------

    def _control(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", "state"):
                return json_answer(self._state())
            case ("POST", "mode"):
                self._switch(json_object(body).get("mode"))
                return json_answer(self._state())
            case ("POST", "solve"):
                challenge = _texts(body).get("challenge", "")
                if not challenge:
                    raise Unreadable('"challenge" is missing')
                proof = self._challenges.solve(challenge)
                known = self._challenges.find(challenge)
                is_v4 = known is not None and known.version == 4
                return json_answer(proof.v4(self._challenges.geetest_id) if is_v4 else proof.triple())
            case ("POST", "key"):
                key = _texts(body).get("geetest_key")
                if not key:
                    raise Unreadable('"geetest_key" is missing')
                self._challenges.change_key(key)
                return json_answer(self._state())
            case ("POST", "solve_v4"):
                return json_answer(simulator.solve_v4())
            case ("GET", "challenges"):
                return json_answer(
                    {"challenges": [_challenge(challenge) for challenge in simulator.latest()]}
                )
            case ("GET", "challenges", name):
                found = self._challenges.find(name)
                return json_answer(_challenge(found)) if found else None
        return None

    def _state(self) -> dict[str, Any]:
        return {
            "geetest_id": self._challenges.geetest_id,
            "mode": self._simulator.mode,
            "modes": list(MODES),
            "now": utc_text(self._simulator.now()),
        }


@cache
def _script(*names: str) -> str:
    """The library as browsers load it: the slider and one of its two interfaces, in a scope of their own."""
    parts = "\n".join((_BROWSER / name).read_text(encoding="utf-8") for name in names)
    return f"(function () {{\n'use strict';\n{parts}}})();\n"


def _pictures(puzzle: Puzzle) -> dict[str, str]:
    def as_url(png: bytes) -> str:
        return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"

    return {"background": as_url(puzzle.background), "piece": as_url(puzzle.piece)}


def _pixels(fields: dict[str, str]) -> float:
    try:
        return float(fields.get("left", ""))
    except ValueError:
        return math.nan


def _is_hexadecimal(text: str) -> bool:
    """Whether this looks like an id or a lot number of v4."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def _challenge(challenge: Challenge) -> dict[str, Any]:
    return {
        "version": challenge.version,
        "name": challenge.name,
        "issued_at": utc_text(challenge.issued_at),
        "told": challenge.told,
        "events": [
            {"at": utc_text(event.at), "what": event.what, "reason": event.reason}
            for event in challenge.events
        ],
        "misses": challenge.misses,
        "gap": challenge.gap,
    }


def _as_asked(fields: dict[str, str], name: str, value: str) -> Answer:
    if fields.get("json_format") == "1":
        return json_answer({name: value})
    return Answer(200, value, "text/plain;charset=utf-8")


def _error(code: str, message: str) -> Answer:
    return json_answer({"status": "error", "code": code, "msg": message, "desc": {"type": "defined error"}})


def _texts(body: str) -> dict[str, str]:
    value = json_object(body)
    if not all(isinstance(text, str) and text.isprintable() for text in value.values()):
        raise Unreadable("all values have to be plain texts")
    return value
