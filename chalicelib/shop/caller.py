"""Who a request comes from: claimed by its token, true once user and session are read.

They are read together with what the endpoint reads anyway, so identity costs no round trip of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from chalicelib.errors import TokenRefused, UserGone
from chalicelib.shop.session import Session, session_key
from chalicelib.shop.token import Claims
from chalicelib.shop.user import User, user_key
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import ItemKey, StoredItem, find_together

Result = TypeVar("Result")


class SignedIn(Struct, frozen=True):
    """A user and the session by which they are here."""

    user: User
    session: Session


class Caller:
    """The user and session of a genuine token. Confirm the caller before anything is answered, written or sent to a
    third party; reads in their name may run beside it.

    Each way to confirm raises, in this order, UserGone (the user is missing or disabled) and TokenRefused (the session
    has ended).
    """

    def __init__(self, claims: Claims, now: datetime) -> None:
        self.user_id = claims.user_id
        self._session_id = claims.session_id
        self._now = now
        self._signed_in: SignedIn | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether user and session were read and are valid."""
        return self._signed_in is not None

    def find(self, keys: Sequence[ItemKey]) -> dict[ItemKey, StoredItem]:
        """Read the items of these keys in one batch with user and session, which confirms the caller.

        As of `find_together`: one round trip for each 100 keys.
        """
        mine = [user_key(self.user_id), session_key(self.user_id, self._session_id)]
        found = find_together([*mine, *keys])
        self._confirm(*(found.get(key) for key in mine))
        return found

    def beside(self, read: Callable[[int], Result]) -> Result:
        """Run `read` on the caller's user id while the caller is confirmed. The time of one round trip."""
        result = in_background(read, self.user_id)
        self.signed_in()
        return result()

    def signed_in(self) -> SignedIn:
        """The confirmed user and session. One round trip; none when confirmed already."""
        if self._signed_in is None:
            self.find([])
        assert self._signed_in is not None
        return self._signed_in

    def confirm_again(self) -> None:
        """Confirm the caller by what is stored now. One round trip."""
        self.find([])

    def user(self) -> User:
        """The confirmed user. One round trip; none when confirmed already."""
        return self.signed_in().user

    def _confirm(self, user: StoredItem | None, session: StoredItem | None) -> None:
        if isinstance(user, User) and isinstance(session, Session):
            user, session = self._of_one_moment(user, session)
        if not isinstance(user, User) or user.disabled:
            raise UserGone()
        if not isinstance(session, Session) or not session.is_alive(user, self._now):
            raise TokenRefused()
        self._signed_in = SignedIn(user, session)

    def _of_one_moment(self, user: User, session: Session) -> tuple[StoredItem | None, StoredItem | None]:
        """The two as they are when their generations were read on both sides of a change.

        A batch is no snapshot. Generations only rise, together for a session that stays, so the item with the lower
        one is read again, one round trip, until it stays as it was: then the session has ended.
        """
        while user.generation != session.generation:
            is_session_older = session.generation < user.generation
            key = session_key(self.user_id, self._session_id) if is_session_older else user_key(self.user_id)
            newer = find_together([key]).get(key)
            if isinstance(newer, Session) and newer.generation > session.generation:
                session = newer
            elif isinstance(newer, User) and newer.generation > user.generation:
                user = newer
            else:
                return (user, newer) if is_session_older else (newer, session)
        return user, session
