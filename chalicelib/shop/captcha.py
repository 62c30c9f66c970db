"""Captcha challenges: what we issued or saw confirmed, remembered for ten minutes with the mode it was issued
in.

The mode is never taken from a client. A challenge serves up to five attempts, because after a wrong password
old clients send the same one again, and is gone once what it was for has succeeded.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import CaptchaFailed
from chalicelib.storage.dynamodb import UserItem, WholeNumber, find, refusing

ONLINE, OFFLINE = "online", "offline"

LIFE = timedelta(minutes=10)
MAX_ATTEMPTS = 5


class Challenge(UserItem, discriminator="CAPTCHA"):
    """A challenge (version 3) or lot (version 4): partition `CAPTCHA#<its first 32 characters>`.

    `passed` is the fingerprint of the answer that Geetest has confirmed: the same answer needs no second
    confirmation, which Geetest would refuse. `serving` marks the request that has the challenge for itself.
    """

    mode = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    attempts = WholeNumber(default=0)
    passed = UnicodeAttribute(null=True)
    serving = UnicodeAttribute(null=True)
    forget_at = WholeNumber()

    def is_alive(self, now: datetime) -> bool:
        """Whether it can still be answered."""
        return now < self.created_at + LIFE


def _partition(challenge: str) -> str:
    # What comes back may be two characters longer than what was issued.
    return f"CAPTCHA#{challenge[:32]}"


def challenge_item(challenge: str, mode: str, now: datetime, passed: str | None = None) -> Challenge:
    """A challenge, ready to be written."""
    return Challenge(
        _partition(challenge),
        "CAPTCHA",
        mode=mode,
        created_at=now,
        passed=passed,
        forget_at=int((now + 2 * LIFE).timestamp()),
    )


def fingerprint(*answer: str) -> str:
    """What is kept of a confirmed answer."""
    return hashlib.sha256("\n".join(answer).encode()).hexdigest()


def find_challenge(challenge: str) -> Challenge | None:
    """The challenge, or None for one that we neither issued nor saw. One round trip."""
    return find(Challenge, _partition(challenge), "CAPTCHA")


def count_attempt(challenge: Challenge, now: datetime, mark: str | None = None) -> None:
    """Use one of the challenge's attempts; with a `mark` no other marked request has it until `let_go`.

    Raises CaptchaFailed when no attempt is left, its time is over, or another request has it.
    """
    oldest = now - LIFE
    still_good = (Challenge.attempts < MAX_ATTEMPTS) & (Challenge.created_at > oldest)
    actions: list[Action] = [Challenge.attempts.add(1)]
    if mark is not None:
        still_good &= Challenge.serving.does_not_exist() | (Challenge.serving == mark)
        actions.append(Challenge.serving.set(mark))
    with refusing(CaptchaFailed()):
        challenge.update(actions, condition=still_good)


def let_go(challenge: Challenge, mark: str) -> None:
    """Let another request have the challenge. Raises CaptchaFailed when the request of `mark` has it not."""
    with refusing(CaptchaFailed()):
        challenge.update([Challenge.serving.remove()], condition=Challenge.serving == mark)


def remember_passed(challenge: Challenge, passed: str) -> None:
    """Keep the fingerprint of the answer that Geetest confirmed."""
    with refusing(CaptchaFailed()):
        challenge.update([Challenge.passed.set(passed)], condition=Challenge.sort.exists())


def remember_new(challenge: Challenge) -> None:
    """Keep a challenge. A repetition replaces it."""
    challenge.save()


def forget(challenge: str) -> None:
    """Let go of a challenge that has served its purpose."""
    Challenge(_partition(challenge), "CAPTCHA").delete()
