"""Sign in and out, and identify the caller of a request."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import (
    ChangedMeanwhile,
    IdTaken,
    NotPermitted,
    StoreUnavailable,
    TokenRefused,
    UserNotFound,
    WrongPassword,
)
from chalicelib.settings import Settings
from chalicelib.shop import message as messages
from chalicelib.shop import one_time_code, token
from chalicelib.shop import session as sessions
from chalicelib.shop import user as users
from chalicelib.shop.caller import Caller
from chalicelib.shop.device import device_name
from chalicelib.shop.message import Event
from chalicelib.shop.one_time_code import OneTimeCode
from chalicelib.shop.password import needs_new_hash, password_matches
from chalicelib.shop.rate_limit import Limit, only_failures_count
from chalicelib.shop.session import Session
from chalicelib.shop.token import Claims
from chalicelib.shop.user import User
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)


class Welcome(Struct, frozen=True):
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
    end_surplus_sessions(user)
    return welcome


def start_session(
    user: User, settings: Settings, now: datetime, device: str, code: OneTimeCode | None = None
) -> Welcome:
    """Record a session of the user, tell them when it is of a new device, and use up the one-time code that let them
    in, in one write.

    A device is what its browser and system are called. Raises CodeRefused when the code was used meanwhile.
    """
    session = sessions.session_item(user, now, device)
    name = device_name(device)
    is_new = not users.is_known_device(user, name)
    try:
        _record(session, user, name if is_new else None, code)
    except ChangedMeanwhile:  # another sign-in from there was faster
        _record(session, user, None, code)
    return Welcome(user, token.make_token(session, settings.jwt_key), session.expires_at)


def _record(session: Session, user: User, new_device: str | None, code: OneTimeCode | None) -> None:
    if new_device is None and code is None:
        session.save()
        return
    transaction = Transaction()
    transaction.put_own(session, IdTaken())
    if code is not None:
        one_time_code.use_up(transaction, code)
    if new_device is not None:
        users.add_device(transaction, user, new_device, ChangedMeanwhile(what="user"))
        if user.devices:  # whoever has none kept yet would be told of the one they always use
            at = session.created_at
            messages.tell(
                transaction, user.user_id, Event.NEW_DEVICE, session.session_id, at, device=new_device, at=at
            )
    transaction.commit()


def end_surplus_sessions(user: User) -> None:
    """End the oldest of more sessions than a user may have, now or at the next sign-in."""
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
