"""The captcha: starting one for a page, and checking what comes back before somebody signs in, registers or
claims.
"""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import CaptchaFailed, GatewayUnavailable, ShopError, StoreUnavailable
from chalicelib.gateways.deadline import Deadline
from chalicelib.gateways.geetest import Geetest
from chalicelib.settings import GeetestSettings
from chalicelib.shop import captcha
from chalicelib.shop.captcha import Challenge

log = logging.getLogger(__name__)

LOGIN, REGISTER, CLAIM = "login", "register", "claim"
"""The actions that a captcha guards; which of them take an offline challenge is a setting."""

_SECONDS = 3.0
_CHALLENGE_CHARACTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class StartedCaptcha:
    """What a page starts its widget with: `success` 1 online, 0 offline; `challenge` is empty for version 4."""

    success: int
    captcha_id: str
    challenge: str


@dataclass(frozen=True)
class CaptchaAnswer:
    """What a widget hands over. Version 3: challenge, validate, seccode. Version 4: lot, output, pass token,
    time.
    """

    key: str
    parts: tuple[str, str, str]


def start_captcha(geetest: Geetest | None, now: datetime) -> StartedCaptcha:
    """Start a captcha and remember its challenge with its mode. Raises StoreUnavailable.

    Without Geetest the challenge is ours and offline: it proves nothing, and only what the setting names
    takes it.
    """
    if geetest is None:
        return StartedCaptcha(0, "off", _invented())
    if geetest.version == 4:
        return StartedCaptcha(1, geetest.captcha_id, "")
    deadline = Deadline(_SECONDS)
    challenge = _register(geetest, deadline) if geetest.is_up(deadline) else None
    mode = captcha.ONLINE if challenge else captcha.OFFLINE
    if challenge is None:
        log.error("Geetest is out of reach: an offline challenge was given out")
        challenge = _invented()
    captcha.remember_new(captcha.challenge_item(challenge, mode, now))
    return StartedCaptcha(int(mode == captcha.ONLINE), geetest.captcha_id, challenge)


def _register(geetest: Geetest, deadline: Deadline) -> str | None:
    try:
        return geetest.register(deadline)
    except GatewayUnavailable:
        return None


def _invented() -> str:
    return "".join(secrets.choice(_CHALLENGE_CHARACTERS) for _ in range(32))


@contextmanager
def solved_captcha(
    action: str,
    answer: CaptchaAnswer | None,
    geetest: Geetest | None,
    settings: GeetestSettings | None,
    now: datetime,
) -> Iterator[None]:
    """Do what is inside for a solved captcha only, which is gone when that succeeds. With `CAPTCHA=off`
    everything passes.

    A challenge we remember is held to its mode and its five attempts; one we do not know is confirmed by
    Geetest or refused. Registering or claiming has it for itself: many at once come to one. Trouble at Geetest
    refuses: the page then starts anew, offline. Raises CaptchaFailed, StoreUnavailable.
    """
    if geetest is None or settings is None:
        yield
        return
    if answer is None:
        raise CaptchaFailed()
    known = captcha.find_challenge(answer.key)
    if known is None:
        _confirm(answer, geetest)
        known = captcha.challenge_item(answer.key, captcha.ONLINE, now, captcha.fingerprint(*answer.parts))
        captcha.remember_new(known)
    mark = None if action == LOGIN else secrets.token_hex(8)
    captcha.count_attempt(known, now, mark)
    try:
        _raise_unless_solved(known, action, answer, geetest, settings)
        yield
    except ShopError:
        if mark is not None:
            _let_go(known, mark)
        raise
    _forget(answer)


def _raise_unless_solved(
    known: Challenge, action: str, answer: CaptchaAnswer, geetest: Geetest, settings: GeetestSettings
) -> None:
    if known.mode == captcha.OFFLINE:
        if action not in settings.offline_actions:
            raise CaptchaFailed()
        log.warning("an offline captcha was let through: action=%s", action)
        return
    fingerprint = captcha.fingerprint(*answer.parts)
    if known.passed != fingerprint:
        _confirm(answer, geetest)
        captcha.remember_passed(known, fingerprint)


def _let_go(known: Challenge, mark: str) -> None:
    try:
        captcha.let_go(known, mark)
    except (CaptchaFailed, StoreUnavailable):
        log.warning("a captcha cannot be used again, its page has to start another one")


def _forget(answer: CaptchaAnswer) -> None:
    try:
        captcha.forget(answer.key)
    except StoreUnavailable:
        # It is refused after ten minutes.
        log.warning("a used captcha could not be removed")


def _confirm(answer: CaptchaAnswer, geetest: Geetest) -> None:
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
