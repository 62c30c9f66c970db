"""A provider's authorisation, by which it tells who pays within its app.

It carries a state, which shows that whoever comes back with a code is the learner who was sent there, for the same
order, a moment ago. Nothing is stored: the state is signed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.confidential import Confidential

LIFE = timedelta(minutes=10)
"""Longer than any code is good; nobody is asked on the way."""

_TIME, _SIGNATURE = 8, 64
"""Hexadecimal digits of a state's parts; providers take up to 128 letters and digits."""


class Authorisation(Confidential, frozen=True):
    """What the browser came back with: the provider's code, which tells who pays, and the state it was sent with."""

    code: str
    state: str


def make_state(user_id: int, order_number: str, key: str, now: datetime) -> str:
    """The state for a user who is to pay this order, signed with `key`: 72 hexadecimal digits."""
    until = f"{int((now + LIFE).timestamp()):0{_TIME}x}"
    return until + _signature(user_id, order_number, until, key)


def is_genuine(state: str, user_id: int, order_number: str, keys: Sequence[str], now: datetime) -> bool:
    """Whether the state was made for this user and order, by one of the keys, not longer ago than `LIFE`."""
    if not re.fullmatch(rf"[0-9a-f]{{{_TIME + _SIGNATURE}}}", state, re.ASCII):
        return False
    until, signature = state[:_TIME], state[_TIME:]
    wanted = (_signature(user_id, order_number, until, key) for key in keys)
    return any(hmac.compare_digest(signature, one) for one in wanted) and now.timestamp() < int(until, 16)


def _signature(user_id: int, order_number: str, until: str, key: str) -> str:
    # The key signs tokens and captchas, too: what stands before the rest keeps them apart.
    signed = f"state of an authorisation {user_id} {order_number} {until}"
    return hmac.new(key.encode(), signed.encode(), "sha256").hexdigest()
