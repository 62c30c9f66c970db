"""Sessions: a signed-in state, recorded when a token is made and gone when its user signs out."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.shop.user import partition
from chalicelib.storage.dynamodb import ItemKey, UserItem, WholeNumber

LIFE = timedelta(days=7)


class Session(UserItem, discriminator="SESSION"):
    """One token's session. `forget_at` (epoch seconds) lets the table drop it some time after its end."""

    session_id = UnicodeAttribute()
    user_id = WholeNumber()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    forget_at = WholeNumber()


def _sort(session_id: str) -> str:
    return f"SESSION#{session_id}"


def start(user_id: int, now: datetime) -> Session:
    """Record a new session that lives seven days. One write."""
    session_id = uuid.uuid4().hex
    expires_at = now.replace(microsecond=0) + LIFE
    session = Session(
        partition(user_id),
        _sort(session_id),
        session_id=session_id,
        user_id=user_id,
        created_at=now,
        expires_at=expires_at,
        forget_at=int((expires_at + timedelta(days=1)).timestamp()),
    )
    session.save()
    return session


def session_place(user_id: int, session_id: str) -> ItemKey:
    """Where a session lies, for a batch read."""
    return Session, partition(user_id), _sort(session_id)


def end(session: Session) -> None:
    """End a session at once. One write; repeating it does no harm."""
    session.delete()
