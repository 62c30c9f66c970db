"""The captcha: start one for a page, and check its answer before somebody signs in, registers or claims."""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import CaptchaFailed, GatewayUnavailable, ShopError, StoreUnavailable
from chalicelib.gateways.geetest import Geetest
from chalicelib.settings import Settings
from chalicelib.shop import captcha
from chalicelib.shop.rate_limit import Limit, take_attempt

log = logging.getLogger(__name__)

LOGIN, REGISTER, CLAIM, CODE = "login", "register", "claim", "code"
"""The actions that a captcha guards; which of them take an offline challenge is a setting. Sending a code never does:
it costs money, and tells whoever it reaches.
"""

_SECONDS = 3.0
_CHALLENGE_CHARACTERS = string.ascii_lowercase + string.digits


class StartedCaptcha(Struct, frozen=True):
    """The values a page starts its widget with: `success` 1 online, 0 offline; `challenge` is empty online in version
    4. `version` is Geetest's, None where the captcha is off.
    """

    success: int
    captcha_id: str
    challenge: str
    version: int | None


class CaptchaAnswer(Struct, frozen=True):
    """A widget's answer. Version 3: challenge, validate, seccode. Version 4: lot, output, pass token, time."""

    key: str
    parts: tuple[str, str, str]


def start_captcha(geetest: Geetest | None, address: str, settings: Settings, now: datetime) -> StartedCaptcha:
    """Start a captcha. Nothing is stored. Raises TooManyAttempts (600 of an address in 15 minutes).

    While Geetest is down the challenge is ours and offline: it proves nothing, and only the actions that the setting
    names accept it.
    """
    if geetest is None:
        invented = "".join(secrets.choice(_CHALLENGE_CHARACTERS) for _ in range(32))
        return StartedCaptcha(0, "off", invented, None)
    take_attempt([Limit("captcha-start", address, 600)])
    challenge = geetest.begin(Deadline(_SECONDS))
    if challenge is not None:
        return StartedCaptcha(1, geetest.captcha_id, challenge, geetest.version)
    log.error("Geetest is out of reach: an offline challenge was given out")
    offline = captcha.sign_offline(settings.jwt_key, now)
    return StartedCaptcha(0, geetest.captcha_id, offline, geetest.version)


@contextmanager
def solved_captcha(
    action: str,
    answer: CaptchaAnswer | None,
    address: str,
    geetest: Geetest | None,
    settings: Settings,
    now: datetime,
) -> Iterator[None]:
    """Run the block for a solved captcha only, and use the captcha up when it succeeds. With `CAPTCHA=off` everything
    passes.

    A challenge serves five attempts. Registering or claiming holds it: of many requests at once one succeeds. Trouble
    at Geetest refuses: the page then starts anew, offline. Raises CaptchaFailed, TooManyAttempts.
    """
    if geetest is None:
        yield
        return
    if answer is None:
        raise CaptchaFailed()
    mark = None if action == LOGIN else secrets.token_hex(8)
    issued_at = captcha.offline_since(answer.key, settings.jwt_keys)
    if issued_at is not None:
        _accept_offline(action, issued_at, address, geetest, settings, now)
        captcha.count_attempt(answer.key, issued_at, now, mark=mark)
    else:
        passed = captcha.fingerprint(*answer.parts)
        if not captcha.has_passed(answer.key, passed):
            _confirm(answer, address, geetest)
        captcha.count_attempt(answer.key, now, now, passed, mark)
    try:
        yield
    except ShopError:
        if mark is not None:
            _let_go(answer.key, mark)
        raise
    _use_up(answer.key)


def _accept_offline(
    action: str, issued_at: datetime, address: str, geetest: Geetest, settings: Settings, now: datetime
) -> None:
    """Accept an answer that nobody can verify. The limit stands in for the captcha, so it has to count."""
    is_allowed = settings.geetest is not None and action in settings.geetest.offline_actions
    if not is_allowed or now >= issued_at + captcha.LIFE:
        raise CaptchaFailed()
    take_attempt([Limit("captcha-offline", address, 300, otherwise="refuse")])
    if geetest.begin(Deadline(_SECONDS)) is not None:  # it is back: the page can start a real one
        raise CaptchaFailed()
    log.warning("an offline captcha was let through: action=%s", action)


def _let_go(challenge: str, mark: str) -> None:
    try:
        captcha.let_go(challenge, mark)
    except (CaptchaFailed, StoreUnavailable):
        log.warning("a captcha cannot be used again, its page has to start another one")


def _use_up(challenge: str) -> None:
    try:
        captcha.use_up(challenge)
    except StoreUnavailable:
        # It is refused after ten minutes.
        log.warning("a used captcha could not be marked")


def _confirm(answer: CaptchaAnswer, address: str, geetest: Geetest) -> None:
    """Have Geetest confirm an answer. Each costs a call, solved or made up: an address has 600 in 15 minutes."""
    take_attempt([Limit("captcha-answer", address, 600)])
    deadline = Deadline(_SECONDS)
    try:
        if geetest.version == 4:
            confirmed = geetest.validate_v4(answer.key, *answer.parts, deadline)
        else:
            confirmed = geetest.validate(*answer.parts, deadline)
    except GatewayUnavailable as error:
        log.warning("a captcha could not be confirmed: %s", error)
        raise CaptchaFailed() from error
    if not confirmed:
        raise CaptchaFailed()
