"""Geetest, version 3 (slider with our challenge) and version 4 (no challenge of ours).

Both are two calls and a hash. Version 3's client library also knows an offline mode, which proves nothing: the flow
decides whether it is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import fetch

_SDK = "python-course-shop"
_CALL_SECONDS = 1.5
"""The most that one call may take: Geetest advises one to two seconds."""
_STATUS_SECONDS = 15.0
"""How long the answer that Geetest works is believed: Geetest advises 10 to 30 seconds."""


class Geetest:
    """One captcha id at Geetest, of version 3 or 4. `api_url` is the base address of that version's server."""

    def __init__(self, version: int, captcha_id: str, key: str, api_url: str) -> None:
        self.version = version
        self.captcha_id = captcha_id
        self._key = key
        self._api_url = api_url
        # Geetest tells its state at a host of its own; whoever stands in for Geetest does it at one address.
        self._status_url = api_url.replace("//api.geetest.com", "//bypass.geetest.com")
        self._status: tuple[float, bool] | None = None

    def begin(self, deadline: Deadline) -> str | None:
        """A new challenge for a page (version 4: "", its widget fetches its own); None while Geetest is down.

        One call, and now and then one more.
        """
        if not self._is_up(deadline):
            return None
        if self.version == 4:
            return ""
        try:
            return self._register(deadline)
        except GatewayUnavailable:
            return None

    def _register(self, deadline: Deadline) -> str:
        query = {
            "gt": self.captcha_id,
            "json_format": "1",
            "digestmod": "md5",
            "sdk": _SDK,
            "client_type": "web",
        }
        challenge = self._call(f"{self._api_url}/register.php", query, None, deadline).get("challenge")
        if not isinstance(challenge, str) or len(challenge) != 32:
            raise GatewayUnavailable(gateway="geetest", reason="no challenge")
        return hashlib.md5((challenge + self._key).encode(), usedforsecurity=False).hexdigest()

    def _is_up(self, deadline: Deadline) -> bool:
        if self._status is None or time.monotonic() > self._status[0] + _STATUS_SECONDS:
            self._status = (time.monotonic(), self._ask_status(deadline))
        return self._status[1]

    def _ask_status(self, deadline: Deadline) -> bool:
        # Version 4 has no word for it: whatever its server answers to a made-up answer, it answers.
        probe = {"lot_number": "0" * 32, "captcha_output": "-", "pass_token": "0" * 64, "gen_time": "0"}
        try:
            if self.version == 4:
                return bool(self._validate_v4(probe, deadline))
            answer = self._call(
                f"{self._status_url}/v1/bypass_status.php", {"gt": self.captcha_id}, None, deadline
            )
        except GatewayUnavailable:
            return False
        return answer.get("status") == "success"

    def validate(self, challenge: str, validate: str, seccode: str, deadline: Deadline) -> bool:
        """Whether the slide was made (version 3); Geetest confirms each triple once. Raises GatewayUnavailable."""
        form = {
            "seccode": seccode,
            "challenge": challenge,
            "captchaid": self.captcha_id,
            "json_format": "1",
            "sdk": _SDK,
        }
        answer = self._call(f"{self._api_url}/validate.php", {}, form, deadline).get("seccode")
        return isinstance(answer, str) and re.fullmatch(r"[0-9a-f]{32}", answer) is not None

    def validate_v4(
        self, lot_number: str, captcha_output: str, pass_token: str, gen_time: str, deadline: Deadline
    ) -> bool:
        """Whether the captcha was passed (version 4). One call. Raises GatewayUnavailable."""
        form = {
            "lot_number": lot_number,
            "captcha_output": captcha_output,
            "pass_token": pass_token,
            "gen_time": gen_time,
        }
        answer = self._validate_v4(form, deadline)
        if answer.get("status") != "success":
            raise GatewayUnavailable(gateway="geetest", reason=f"status {answer.get('code')}")
        return answer.get("result") == "success"

    def _validate_v4(self, form: dict[str, str], deadline: Deadline) -> dict[str, Any]:
        signature = hmac.new(self._key.encode(), form["lot_number"].encode(), "sha256").hexdigest()
        query = {"captcha_id": self.captcha_id}
        return self._call(f"{self._api_url}/validate", query, form | {"sign_token": signature}, deadline)

    def _call(
        self, address: str, query: dict[str, str], form: dict[str, str] | None, deadline: Deadline
    ) -> dict[str, Any]:
        url = f"{address}?{urlencode(query)}" if query else address
        try:
            answer = json.loads(fetch("geetest", url, deadline, _CALL_SECONDS, form))
        except (ValueError, RecursionError) as error:
            raise GatewayUnavailable(gateway="geetest", reason="unreadable answer") from error
        if not isinstance(answer, dict):
            raise GatewayUnavailable(gateway="geetest", reason="unreadable answer")
        return answer
