"""Sessions: a signed-in state, recorded when a token is made and gone when its user signs out."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import SessionNotFound, TokenRefused
from chalicelib.shop.partition import list_partition, partition
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import ItemKey, Transaction, UserItem, WholeNumber, find, refusing

LIFE = timedelta(days=7)
LEEWAY = timedelta(seconds=10)
"""By how much clocks may differ (contract)."""
MOST = 50
"""How many sessions a user has at once: one more login ends the oldest."""


class Session(UserItem, discriminator="SESSION"):
    """One token's session. `forget_at` (epoch seconds) lets the table drop it some time after its end.

    `generation` is the user's at the time: a new password raises the user's, which ends all other sessions. `device` is
    the browser's name for itself.
    """

    session_id = UnicodeAttribute()
    user_id = WholeNumber()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    forget_at = WholeNumber()
    generation = WholeNumber(default=0)
    device = UnicodeAttribute(default="")

    def is_alive(self, user: User, now: datetime) -> bool:
        """Whether its token still signs this user in."""
        return self.generation == user.generation and now < self.expires_at + LEEWAY


_PREFIX = "SESSION#"


def _sort(session_id: str) -> str:
    return f"{_PREFIX}{session_id}"


def session_item(user: User, now: datetime, device: str = "") -> Session:
    """A new session that lives seven days, ready to be written."""
    session_id = uuid.uuid4().hex
    expires_at = now.replace(microsecond=0) + LIFE
    return Session(
        partition(user.user_id),
        _sort(session_id),
        session_id=session_id,
        user_id=user.user_id,
        created_at=now,
        expires_at=expires_at,
        forget_at=int((expires_at + timedelta(days=1)).timestamp()),
        generation=user.generation,
        device=device,
    )


def start(user: User, now: datetime, device: str = "") -> Session:
    """Record a new session. One write."""
    session = session_item(user, now, device)
    session.save()
    return session


def end_surplus(user_id: int) -> None:
    """End a user's sessions beyond `MOST`: those of an earlier password first, then the oldest.

    Call it after writing the new one: of logins at once, the last to read sees all. One Query, and one write for each
    ended session.
    """
    by_worth = sorted(list_sessions(user_id), key=lambda one: one.generation, reverse=True)
    for surplus in by_worth[MOST:]:
        end(user_id, surplus.session_id)


def session_key(user_id: int, session_id: str) -> ItemKey:
    """The key of a session, for a batch read."""
    return Session, partition(user_id), _sort(session_id)


def end(user_id: int, session_id: str) -> None:
    """End a user's session at once, if it lives. One write."""
    Session(partition(user_id), _sort(session_id)).delete()


def end_by_id(user_id: int, session_id: str) -> None:
    """End one of the user's sessions at once. One write. Raises SessionNotFound."""
    with refusing(SessionNotFound()):
        Session(partition(user_id), _sort(session_id)).delete(condition=Session.sort.exists())


def list_sessions(user_id: int) -> list[Session]:
    """All stored sessions of a user, ended ones included, newest first. One Query."""
    stored = cast(list[Session], list_partition(user_id, _PREFIX))
    return sorted(stored, key=lambda session: session.created_at, reverse=True)


def is_of_generation(session: Session, generation: int) -> bool:
    """Whether this session is stored, and of this generation. One round trip."""
    stored = find(Session, session.owner, session.sort)
    return stored is not None and stored.generation == generation


def carry_over(transaction: Transaction, session: Session, generation: int) -> None:
    """Keep one session alive when its user's generation rises. Refusal: TokenRefused (it has ended)."""
    transaction.update(session, [Session.generation.set(generation)], Session.sort.exists(), TokenRefused())
