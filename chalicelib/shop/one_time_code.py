"""One-time codes: six digits that show that whoever enters them reads what is sent to a number or an address.

A code is good for five minutes, for five tries whoever makes them, and once. It is stored as a keyed hash, under the
keyed hash of what it is for: a code for one purpose, channel, number or user is none for another. A new one takes the
place of the one before.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from msgspec import Struct
from pynamodb.attributes import ListAttribute, UnicodeAttribute

from chalicelib.errors import ChangedMeanwhile, CodeRefused
from chalicelib.shop.contact import keyed_hash
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find, refusing

LIFE = timedelta(minutes=5)
MAX_TRIES = 5
DIGITS = 6

SENDING_LIMITS = ((60, 1), (3600, 5), (24 * 3600, 10))
"""In any so many seconds at most so many codes are sent to one number, and for one person."""
WAIT_SECONDS = SENDING_LIMITS[0][0]

_FORGET_AFTER = timedelta(days=1)


class Purpose(StrEnum):
    """What a code is for."""

    CONFIRM = "confirm"
    SIGN_IN = "sign-in"
    PASSWORD = "password"


class Subject(Struct, frozen=True):
    """What a code is bound to. `user_id` is who confirms a contact; for other purposes nobody is known yet."""

    purpose: Purpose
    channel: str
    to: str
    user_id: int | None = None

    def __str__(self) -> str:
        return f"{self.purpose} {self.channel} {self.to} {self.user_id or ''}"


class OneTimeCode(UserItem, discriminator="CODE"):
    """The latest code of a subject: partition `CODE#<keyed hash of the subject>`. Times are epoch seconds."""

    digest = UnicodeAttribute()
    salt = UnicodeAttribute()
    tries = WholeNumber(default=0)
    expires_at = WholeNumber()
    forget_at = WholeNumber()


class Sendings(UserItem, discriminator="CODE_SENDINGS"):
    """When codes were sent of late (`times`, epoch seconds): to a number, partition `CODES#<keyed hash>`, or for a
    user, in their partition.
    """

    times = ListAttribute(of=WholeNumber)
    forget_at = WholeNumber()


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def issue(transaction: Transaction, subject: Subject, code: str, key: str, now: datetime) -> OneTimeCode:
    """Make this the subject's only code, with all its tries -> what is stored of it."""
    expires_at = now + LIFE
    salt = secrets.token_hex(8)
    issued = OneTimeCode(
        *_place(subject, key),
        digest=_digest(subject, code, salt, key),
        salt=salt,
        expires_at=int(expires_at.timestamp()),
        forget_at=int((expires_at + _FORGET_AFTER).timestamp()),
    )
    transaction.put(issued, None, None)
    return issued


def check(subject: Subject, code: str, key: str, now: datetime) -> OneTimeCode:
    """Count a try, then compare -> the code, to be used up. One write. Raises CodeRefused: wrong, over, or no tries
    left.

    Counting comes first: tries at once are not more than tries one after another.
    """
    stored = OneTimeCode(*_place(subject, key))
    is_good = (OneTimeCode.tries < MAX_TRIES) & (OneTimeCode.expires_at > int(now.timestamp()))
    with refusing(CodeRefused()):
        stored.update([OneTimeCode.tries.add(1)], condition=is_good)
    if not hmac.compare_digest(stored.digest, _digest(subject, code, stored.salt, key)):
        raise CodeRefused()
    return stored


def use_up(transaction: Transaction, code: OneTimeCode) -> None:
    """End a code together with what it was for. Refusal: CodeRefused, when it was used or replaced meanwhile."""
    transaction.delete(code, OneTimeCode.digest == code.digest, CodeRefused())


def is_stored(code: OneTimeCode) -> bool:
    """Whether a code is stored: neither used up nor replaced. One round trip."""
    stored = find(OneTimeCode, code.owner, code.sort)
    return stored is not None and stored.digest == code.digest


def find_sendings_to(channel: str, to: str, key: str) -> Sendings:
    """What was sent to a number or an address of late; nothing yet, where nothing is stored. One round trip."""
    return _find_sendings(f"CODES#{keyed_hash(f'codes {channel} {to}', key)}")


def find_sendings_for(user_id: int) -> Sendings:
    """What was sent for a user of late, wherever it went. One round trip."""
    return _find_sendings(partition(user_id))


def _find_sendings(owner: str) -> Sendings:
    return find(Sendings, owner, "CODES") or Sendings(owner, "CODES", times=[])


def wait_seconds(sendings: Sendings, now: datetime) -> int:
    """Seconds until one more may be sent; 0 for at once."""
    at, waits = int(now.timestamp()), [0]
    for seconds, most in SENDING_LIMITS:
        recent = [one for one in _times(sendings) if one > at - seconds]
        if len(recent) >= most:
            waits.append(recent[-most] + seconds - at)
    return max(waits)


def record_sending(transaction: Transaction, sendings: Sendings, now: datetime) -> None:
    """Count one more. Refusal: ChangedMeanwhile, when another was counted since it was read."""
    at, longest = int(now.timestamp()), SENDING_LIMITS[-1][0]
    before = _times(sendings)
    is_as_read = Sendings.times == before if before else Sendings.sort.does_not_exist()
    counted = Sendings(
        sendings.owner,
        sendings.sort,
        times=[*(one for one in before if one > at - longest), at],
        forget_at=at + longest + int(_FORGET_AFTER.total_seconds()),
    )
    transaction.put(counted, is_as_read, ChangedMeanwhile(what="codes"))


def _times(sendings: Sendings) -> list[int]:
    return sorted(cast(list[int], sendings.times))


def _place(subject: Subject, key: str) -> tuple[str, str]:
    return f"CODE#{keyed_hash(f'one-time code {subject}', key)}", "CODE"


def _digest(subject: Subject, code: str, salt: str, key: str) -> str:
    return keyed_hash(f"digits {salt} {subject} {code}", key)
