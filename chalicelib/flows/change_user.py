"""Change a user as an operator: whether they may sign in, and their role."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import ChangedMeanwhile
from chalicelib.shop import audit
from chalicelib.shop import user as users
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction


def disable_user(user: User, by: str, reason: str, now: datetime) -> bool:
    """Disable a user and end all their sessions -> False when they were disabled already.

    What they own is kept. Raises ChangedMeanwhile.
    """
    if user.disabled:
        return False
    transaction = Transaction()
    users.disable(transaction, user, ChangedMeanwhile(what=named(user)))
    audit.commit(transaction, audit.entry(by, "disable-user", named(user), now, reason=reason))
    return True


def enable_user(user: User, by: str, reason: str, now: datetime) -> bool:
    """Let a disabled user sign in again -> False when they could. Raises ChangedMeanwhile."""
    if not user.disabled:
        return False
    transaction = Transaction()
    users.enable(transaction, user, ChangedMeanwhile(what=named(user)))
    audit.commit(transaction, audit.entry(by, "enable-user", named(user), now, reason=reason))
    return True


def set_role(user: User, role: str, by: str, reason: str, now: datetime) -> bool:
    """Give a user a role, a code of `ROLE_NAMES` -> False when they had it. Raises ChangedMeanwhile."""
    if user.role == role:
        return False
    transaction = Transaction()
    users.change_role(transaction, user, role, ChangedMeanwhile(what=named(user)))
    details = f"{users.ROLE_NAMES[user.role]} -> {users.ROLE_NAMES[role]}"
    audit.commit(transaction, audit.entry(by, "set-role", named(user), now, details=details, reason=reason))
    return True


def named(user: User) -> str:
    """A user's name and id, as the operators' log shows them."""
    return f"user {user.username} ({user.user_id})"
