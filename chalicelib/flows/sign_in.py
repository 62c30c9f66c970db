"""Sign in and out, and identify the caller of a request."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import (
    NotPermitted,
    StoreUnavailable,
    TokenRefused,
    UserNotFound,
    WrongPassword,
)
from chalicelib.settings import Settings
from chalicelib.shop import session as sessions
from chalicelib.shop import token
from chalicelib.shop import user as users
from chalicelib.shop.caller import Caller
from chalicelib.shop.password import needs_new_hash, password_matches
from chalicelib.shop.rate_limit import Limit, only_failures_count
from chalicelib.shop.token import Claims
from chalicelib.shop.user import User
from chalicelib.shop.user_name import folded

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Welcome:
    """A user who has just signed in, the token of their session, and when it ends."""

    user: User
    token: str
    expires_at: datetime


def sign_in(
    username: str, password: str, address: str, settings: Settings, now: datetime, device: str = ""
) -> Welcome:
    """Check name and password, record a session.

    Raises TooManyAttempts after 10 failures of this name from this address or 300 of the address in 15 minutes, or
    60 and 900 attempts with any end, before anything is looked up; UserNotFound, then WrongPassword (also for a
    disabled user). A hash with fewer iterations than are set today is renewed; of more sessions than a user may have,
    the oldest ends.
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
    welcome = start_session(user, settings, now, device)
    _end_surplus_sessions(user)
    return welcome


def start_session(user: User, settings: Settings, now: datetime, device: str) -> Welcome:
    """Record a session of the user. One write."""
    session = sessions.start(user, now, device)
    return Welcome(user, token.make_token(session, settings.jwt_key), session.expires_at)


def _end_surplus_sessions(user: User) -> None:
    try:
        sessions.end_surplus(user.user_id)
    except StoreUnavailable:
        log.warning("a user's sessions were not counted; the next login does it")


def _renew_hash(user: User, password: str, settings: Settings) -> None:
    try:
        users.renew_hash(user, password, settings.password_iterations)
    except (StoreUnavailable, UserNotFound):
        log.warning("a password's hash was not renewed; the next login tries again")


def read_claims(authorization: str | None, settings: Settings) -> Claims:
    """What the token of an `Authorization` header (bare, or `Bearer <token>`) claims. Raises TokenRefused."""
    words = (authorization or "").split()
    if len(words) == 2 and words[0].lower() == "bearer":
        words = words[1:]
    if len(words) != 1:
        raise TokenRefused()
    return token.read_token(words[0], settings.jwt_keys)


def claimed_caller(authorization: str | None, settings: Settings, now: datetime) -> Caller:
    """The caller that an `Authorization` header claims, yet to be confirmed. No round trip.

    Raises TokenRefused, then TokenExpired; the caller raises UserGone, then TokenRefused.
    """
    claims = read_claims(authorization, settings)
    claims.raise_if_expired(now)
    return Caller(claims, now)


def require_admin(user: User) -> User:
    """Return the user, if they may work in the back office. Raises NotPermitted for anybody but a 管理员."""
    if user.role != users.ADMIN:
        raise NotPermitted()
    return user


def sign_out(authorization: str | None, settings: Settings) -> None:
    """End the session that a genuine token names, whether it lives or not. One write. Raises TokenRefused.

    An old client that cannot sign out with a dead token could never sign out.
    """
    claims = read_claims(authorization, settings)
    sessions.end(claims.user_id, claims.session_id)
