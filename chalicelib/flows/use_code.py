"""What a one-time code lets somebody do without a password: sign in, or set a new password."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import CodeRefused, WrongPassword
from chalicelib.settings import Settings
from chalicelib.shop import one_time_code
from chalicelib.shop import user as users
from chalicelib.shop.one_time_code import OneTimeCode, Subject
from chalicelib.shop.password import raise_if_weak
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.storage.dynamodb import Transaction

from .change_password import has_password, tell_of_new_password
from .send_code import holder_of
from .sign_in import Welcome, end_surplus_sessions, start_session


def checked_code(subject: Subject, code: str, address: str, settings: Settings, now: datetime) -> OneTimeCode:
    """A code that is right, to be used up. Two round trips.

    Raises TooManyAttempts after 100 tries of an address in 15 minutes, before anything is looked up, CodeRefused.
    Without Redis nobody may try (CartStoreUnavailable).
    """
    take_attempt([Limit("code-try", address, 100, otherwise="refuse")])
    return one_time_code.check(subject, code, settings.contact_keys[0], now)


def sign_in_by_code(
    subject: Subject, code: str, address: str, settings: Settings, now: datetime, device: str
) -> Welcome:
    """Record a session of the user who has confirmed the contact, and use the code up, in one transaction.

    Raises as `checked_code`; CodeRefused also for a disabled user.
    """
    right = checked_code(subject, code, address, settings, now)
    welcome = start_session(holder_of(subject, settings), settings, now, device, right)
    end_surplus_sessions(welcome.user)
    return welcome


def set_forgotten_password(
    subject: Subject, code: str, password: str, address: str, settings: Settings, now: datetime
) -> None:
    """Set a new password for the user who has confirmed the contact, end all their sessions, tell them, and use the
    code up, in one transaction.

    Raises WeakPassword, without using the code up, and as `sign_in_by_code`; CodeRefused also when the password was
    changed meanwhile.
    """
    raise_if_weak(password, "")
    right = checked_code(subject, code, address, settings, now)
    user = holder_of(subject, settings)
    raise_if_weak(password, user.username)
    transaction = Transaction()
    one_time_code.use_up(transaction, right)
    generation = users.change_password(transaction, user, password, settings.password_iterations)
    tell_of_new_password(transaction, user, generation, now)
    try:
        transaction.commit(witness=lambda: has_password(user, password))
    except WrongPassword as error:
        raise CodeRefused() from error
