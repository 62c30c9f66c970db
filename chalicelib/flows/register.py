"""Register: add a person to the shop."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import IdTaken, InvalidRequest
from chalicelib.settings import Settings
from chalicelib.shop import audit
from chalicelib.shop import user as users
from chalicelib.shop.device import device_name
from chalicelib.shop.password import hash_password, raise_if_weak
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.shop.user import User
from chalicelib.shop.user_name import folded, is_valid_new_name
from chalicelib.storage.dynamodb import Transaction, find, random_id

from .change_user import named
from .sign_in import Welcome, start_session


def sign_up(
    username: str, password: str, address: str, settings: Settings, now: datetime, device: str = ""
) -> Welcome:
    """Register a learner and sign them in.

    Raises WeakPassword, TooManyAttempts (10 of a name, 300 of an address in 15 minutes), UserNameTaken.
    """
    raise_if_weak(password, username)
    take_attempt([Limit("register", folded(username), 10), Limit("register-address", address, 300)])
    user = register(username, password, settings.password_iterations, now, device=device_name(device))
    return start_session(user, settings, now, device)


def register(
    username: str,
    password: str,
    iterations: int,
    now: datetime,
    *,
    name: str = "",
    source: str | None = None,
    by: str | None = None,
    device: str | None = None,
) -> User:
    """Add a user with a unique name and no beli; an operator's act (`by`) is written to the operators' log. `device` is
    the name of the one they come from.

    Raises InvalidRequest for a name that no new user may have, WeakPassword, UserNameTaken.
    """
    if not is_valid_new_name(username):
        raise InvalidRequest(field="username")
    raise_if_weak(password, username)
    encoded = hash_password(password, iterations)
    while True:
        user = users.user_item(
            random_id(),
            username=username,
            password=encoded,
            name=name or username,
            head_img="",
            created_at=now,
            source=source,
            devices=None if device is None else {device},
        )
        transaction = Transaction()
        users.register(transaction, user)
        try:
            if by is not None:
                audit.commit(transaction, audit.entry(by, "create-user", named(user), now))
                return user
            transaction.commit(witness=lambda user=user: find(User, user.owner, user.sort) is not None)  # type: ignore[misc]
        except IdTaken:
            continue
        return user
