"""Captcha challenges. Giving one out stores nothing: Geetest knows its own, and an offline one carries our signature.

Only a challenge with an accepted answer is stored. It serves five attempts within ten minutes, because old clients send
the same answer again after a wrong password, and none after a success.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import CaptchaFailed
from chalicelib.storage.dynamodb import UserItem, WholeNumber, find, refusing

LIFE = timedelta(minutes=10)
MAX_ATTEMPTS = 5

_TIME, _NONCE, _SIGNATURE = 8, 8, 16
"""Hexadecimal digits of an offline challenge's parts; together as long as a challenge of Geetest's."""


def sign_offline(key: str, now: datetime) -> str:
    """A new offline challenge, signed with `key`: 32 characters, as one of Geetest's."""
    head = f"{int(now.timestamp()):0{_TIME}x}{secrets.token_hex(_NONCE // 2)}"
    return head + _signature(head, key)


def offline_since(challenge: str, keys: Sequence[str]) -> datetime | None:
    """When this offline challenge, signed by one of the keys, was issued; None for any other."""
    if not re.fullmatch(rf"[0-9a-f]{{{_TIME + _NONCE + _SIGNATURE}}}", challenge):
        return None
    head, signature = challenge[: _TIME + _NONCE], challenge[_TIME + _NONCE :]
    if not any(hmac.compare_digest(signature, _signature(head, key)) for key in keys):
        return None
    return datetime.fromtimestamp(int(head[:_TIME], 16), UTC)


def _signature(head: str, key: str) -> str:
    # The key signs tokens, too: what stands before the challenge keeps the two apart.
    signed = f"offline captcha challenge {head}"
    return hmac.new(key.encode(), signed.encode(), "sha256").hexdigest()[:_SIGNATURE]


class Challenge(UserItem, discriminator="CAPTCHA"):
    """An answered challenge (version 3) or lot (version 4): partition `CAPTCHA#<its first 32 characters>`.

    `passed` is the fingerprint of the answer that Geetest has confirmed; Geetest would refuse to confirm it twice.
    `serving` marks the request that holds the challenge.
    """

    created_at = UTCDateTimeAttribute()
    attempts = WholeNumber(default=0)
    passed = UnicodeAttribute(null=True)
    serving = UnicodeAttribute(null=True)
    forget_at = WholeNumber()


def _partition(challenge: str) -> str:
    # What comes back may be two characters longer than what was issued.
    return f"CAPTCHA#{challenge[:32]}"


def fingerprint(*answer: str) -> str:
    """The hash by which a confirmed answer is stored."""
    return hashlib.sha256("\n".join(answer).encode()).hexdigest()


def has_passed(challenge: str, passed: str) -> bool:
    """Whether Geetest has confirmed this answer (its fingerprint) before. One round trip."""
    known = find(Challenge, _partition(challenge), "CAPTCHA")
    return known is not None and known.passed == passed


def count_attempt(
    challenge: str, since: datetime, now: datetime, passed: str | None = None, mark: str | None = None
) -> None:
    """Use one attempt of the challenge. With a `mark`, hold the challenge until `let_go`: no other marked request gets
    it. One write.

    The ten minutes of an unused one begin at `since`. Raises CaptchaFailed when no attempt is left, its time is over,
    or another request holds it.
    """
    item = Challenge(_partition(challenge), "CAPTCHA")
    still_good = (Challenge.attempts < MAX_ATTEMPTS) & (Challenge.created_at > now - LIFE)
    actions: list[Action] = [
        Challenge.kind.set(Challenge),
        Challenge.created_at.set(Challenge.created_at | since),
        Challenge.forget_at.set(Challenge.forget_at | int((since + 2 * LIFE).timestamp())),
        Challenge.attempts.add(1),
    ]
    if passed is not None:
        actions.append(Challenge.passed.set(passed))
    if mark is not None:
        still_good &= Challenge.serving.does_not_exist() | (Challenge.serving == mark)
        actions.append(Challenge.serving.set(mark))
    with refusing(CaptchaFailed()):
        item.update(actions, condition=Challenge.sort.does_not_exist() | still_good)


def let_go(challenge: str, mark: str) -> None:
    """Release the challenge. Raises CaptchaFailed when the request identified by `mark` does not hold it."""
    item = Challenge(_partition(challenge), "CAPTCHA")
    with refusing(CaptchaFailed()):
        item.update([Challenge.serving.remove()], condition=Challenge.serving == mark)


def use_up(challenge: str) -> None:
    """End a challenge after its success. One write."""
    Challenge(_partition(challenge), "CAPTCHA").update([Challenge.attempts.set(MAX_ATTEMPTS)])
