"""Change a password: by its user, who stays signed in here alone, or by an operator."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import WrongPassword
from chalicelib.shop import audit
from chalicelib.shop import message as messages
from chalicelib.shop import session as sessions
from chalicelib.shop import user as users
from chalicelib.shop.caller import SignedIn
from chalicelib.shop.message import Event
from chalicelib.shop.password import password_matches, raise_if_weak
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction

from .change_user import named


def change_own_password(signed_in: SignedIn, old: str, new: str, iterations: int, now: datetime) -> None:
    """Set a new password, end the user's other sessions, and tell them, in one transaction.

    Raises WeakPassword, before anything is hashed; TooManyAttempts after 10 attempts in 15 minutes, whatever their end,
    because each costs a hash; WrongPassword for a wrong old one; TokenRefused when this session ended meanwhile. No
    captcha guards this: without Redis nobody may try (CartStoreUnavailable).
    """
    user = signed_in.user
    raise_if_weak(new, user.username)
    take_attempt([Limit("password", str(user.user_id), 10, otherwise="refuse")])
    if not password_matches(old, user.password):
        raise WrongPassword()
    transaction = Transaction()
    generation = users.change_password(transaction, user, new, iterations)
    sessions.carry_over(transaction, signed_in.session, generation)
    tell_of_new_password(transaction, user, generation, now)
    transaction.commit(witness=lambda: has_password(user, new))


def set_password(user: User, password: str, iterations: int, by: str, now: datetime) -> None:
    """Set a user's password for them, end all their sessions, and tell them, with an entry in the operators' log.

    Raises WeakPassword, WrongPassword when it was changed meanwhile.
    """
    raise_if_weak(password, user.username)
    transaction = Transaction()
    generation = users.change_password(transaction, user, password, iterations)
    tell_of_new_password(transaction, user, generation, now)
    audit.commit(transaction, audit.entry(by, "set-password", named(user), now))


def tell_of_new_password(transaction: Transaction, user: User, generation: int, now: datetime) -> None:
    """Tell a user, by the transaction that changes it, that their password is another one."""
    messages.tell(transaction, user.user_id, Event.PASSWORD_CHANGED, str(generation), now, at=now)


def has_password(user: User, password: str) -> bool:
    """Whether this is the user's password now, by which a change of it is known. One round trip and a hash.

    The generation tells nothing: another change at the same moment gives the same one.
    """
    return password_matches(password, users.find_user(user.user_id).password)
