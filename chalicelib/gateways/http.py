"""One HTTP call to a third party: bounded in time and size, with the shop's own error."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from chalicelib.errors import GatewayUnavailable

MAX_ANSWER_BYTES = 256 * 1024
_CONNECT_SECONDS = 2.0


def fetch(gateway: str, url: str, seconds: float, form: Mapping[str, str] | None = None) -> bytes:
    """The body that a GET (or, with `form`, a form POST) is answered with, status 200, within `seconds`.

    No redirect is followed. Raises GatewayUnavailable for everything else. A socket's time-out begins anew
    with every byte, so a third party that drips could hold a request for minutes: the call runs in a thread
    that may be left behind.
    """
    outcome: list[bytes | BaseException] = []

    def run() -> None:
        try:
            outcome.append(_call(gateway, url, seconds, form))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise GatewayUnavailable(gateway=gateway, reason="deadline")
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def _call(gateway: str, url: str, seconds: float, form: Mapping[str, str] | None) -> bytes:
    import requests

    raw = b""
    try:
        with requests.request(
            "GET" if form is None else "POST",
            url,
            data=form,
            timeout=(min(seconds, _CONNECT_SECONDS), seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            for part in response.iter_content(8192):
                raw += part
                if len(raw) > MAX_ANSWER_BYTES:
                    break
    except (requests.RequestException, OSError, ValueError) as error:
        raise GatewayUnavailable(gateway=gateway, reason=type(error).__name__) from error
    if response.status_code != 200 or len(raw) > MAX_ANSWER_BYTES:
        raise GatewayUnavailable(gateway=gateway, reason=f"status {response.status_code}")
    return raw
