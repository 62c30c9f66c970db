"""Adding a person to the shop."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import IdTaken, InvalidRequest
from chalicelib.shop import user as users
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, find, random_id


def register(
    username: str, password: str, iterations: int, now: datetime, *, name: str = "", source: str | None = None
) -> User:
    """Add a user with a unique name and no beli.

    Raises InvalidRequest for a name that cannot be one or an empty password, UserNameTaken.
    """
    if not users.is_valid_name(username):
        raise InvalidRequest(field="username")
    if not password:
        raise InvalidRequest(field="password")
    encoded = users.hash_password(password, iterations)
    while True:
        user = users.user_item(
            random_id(),
            username=username,
            password=encoded,
            name=name or username,
            head_img="",
            created_at=now,
            source=source,
        )
        transaction = Transaction()
        users.register(transaction, user)
        try:
            transaction.commit(witness=lambda user=user: find(User, user.owner, user.sort) is not None)  # type: ignore[misc]
        except IdTaken:
            continue
        return user
