"""Signing in and out, and who a request comes from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import (
    NotPermitted,
    StoreUnavailable,
    TokenRefused,
    UserGone,
    UserNotFound,
    WrongPassword,
)
from chalicelib.settings import Settings
from chalicelib.shop import session as sessions
from chalicelib.shop import token
from chalicelib.shop import user as users
from chalicelib.shop.password import needs_new_hash, password_matches
from chalicelib.shop.rate_limit import Limit, only_failures_count
from chalicelib.shop.session import Session
from chalicelib.shop.user import User
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import find_together

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """A user and the session by which he is here."""

    user: User
    session: Session


def sign_in(
    username: str, password: str, address: str, settings: Settings, now: datetime, device: str = ""
) -> tuple[User, str]:
    """Check name and password, record a session -> the user and the token of the session.

    Raises TooManyAttempts after 10 failures of this name from this address or 300 of the address in 15 minutes, or
    60 and 900 attempts with any end, before anything is looked up; UserNotFound, then WrongPassword (also for a
    disabled user). A hash with fewer iterations than are set today is renewed.
    """
    who = f"{folded(username)}\n{address}"
    failures = [Limit("login", who, 10), Limit("login-address", address, 300)]
    # A right password costs a hash, too.
    hashes = [Limit("login-hash", who, 60), Limit("login-hash-address", address, 900)]
    with only_failures_count(failures, UserNotFound, WrongPassword, besides=hashes):
        user = users.find_by_name(username)
        if not password_matches(password, user.password) or user.disabled:
            raise WrongPassword()
    if needs_new_hash(user.password, settings.password_iterations):
        _renew_hash(user, password, settings)
    return user, start_session(user, settings, now, device)


def start_session(user: User, settings: Settings, now: datetime, device: str) -> str:
    """Record a session of the user -> its token. One write."""
    return token.make_token(sessions.start(user, now, device), settings.jwt_key)


def _renew_hash(user: User, password: str, settings: Settings) -> None:
    try:
        users.renew_hash(user, password, settings.password_iterations)
    except (StoreUnavailable, UserNotFound):
        log.warning("a password's hash was not renewed; the next login tries again")


def authenticate(authorization: str | None, settings: Settings, now: datetime) -> SignedIn:
    """Who an `Authorization` header (a bare token or `Bearer <token>`) comes from. One round trip at most.

    Raises, in this order, TokenRefused, TokenExpired, UserGone, and TokenRefused when the session has ended.
    """
    words = (authorization or "").split()
    if len(words) == 2 and words[0].lower() == "bearer":
        words = words[1:]
    if len(words) != 1:
        raise TokenRefused()
    claims = token.read_token(words[0], settings.jwt_key, now)
    user_key = users.user_key(claims.user_id)
    session_key = sessions.session_key(claims.user_id, claims.session_id)
    found = find_together([user_key, session_key])
    user, session = found.get(user_key), found.get(session_key)
    if not isinstance(user, User) or user.disabled:
        raise UserGone()
    if not isinstance(session, Session) or session.generation != user.generation:
        raise TokenRefused()
    return SignedIn(user, session)


def require_admin(user: User) -> User:
    """The user, if he may work in the back office. Raises NotPermitted for whoever is no 管理员."""
    if user.role != users.ADMIN:
        raise NotPermitted()
    return user


def sign_out(signed_in: SignedIn) -> None:
    """End the session at once. One write."""
    sessions.end(signed_in.session)
