"""A user's contacts: see them, confirm one by a code, give one up."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import cast

from chalicelib.confidential import Confidential
from chalicelib.errors import ChangedMeanwhile, CodeRefused, WrongPassword
from chalicelib.settings import Settings
from chalicelib.shop import audit, contact, one_time_code
from chalicelib.shop.caller import Caller
from chalicelib.shop.contact import Contact, ShownContact
from chalicelib.shop.one_time_code import Purpose, Subject
from chalicelib.shop.password import password_matches
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction

from .change_user import named
from .use_code import checked_code


class NewContact(Confidential, frozen=True):
    """A contact, written as `contact.normal` does, and the code that was sent there; the user's password where it
    takes the place of another.
    """

    channel: str
    to: str
    code: str
    password: str | None = None


def show_contacts(caller: Caller) -> dict[str, ShownContact | None]:
    """The caller's contacts by channel. One round trip."""
    found = caller.find(contact.contact_keys(caller.user_id))
    return contact.shown(caller.user(), found)


def confirm_contact(caller: Caller, new: NewContact, address: str, settings: Settings, now: datetime) -> None:
    """Make a contact the caller's, and use its code up, in one transaction. Done already, it asks for no code.

    A session is not enough to replace a contact by which the password can be set anew: that takes the password. Raises
    WrongPassword, CodeRefused, ContactTaken, TooManyAttempts.
    """
    key = contact.contact_key(caller.user_id, new.channel)
    before = cast(Contact | None, caller.find([key]).get(key))
    if before is not None and before.to == new.to:
        return
    if before is not None:
        _check_password(caller.user(), new.password or "")
    subject = Subject(Purpose.CONFIRM, new.channel, new.to, caller.user_id)
    try:
        right = checked_code(subject, new.code, address, settings, now)
        transaction = Transaction()
        one_time_code.use_up(transaction, right)
        contact.confirm(transaction, caller.user_id, before, new.channel, new.to, settings.contact_keys, now)
        transaction.commit(witness=lambda: _has(caller.user_id, new.channel, new.to))
    except (CodeRefused, ChangedMeanwhile) as error:
        # Of two requests at once with the same code, one used it.
        if not _has(caller.user_id, new.channel, new.to):
            raise CodeRefused() from error


def remove_contact(caller: Caller, channel: str, password: str, settings: Settings) -> None:
    """Give a contact up, if there is one, in one transaction. Raises TooManyAttempts, WrongPassword."""
    _check_password(caller.user(), password)
    found = contact.find_contact(caller.user_id, channel)
    if found is None:
        return
    transaction = Transaction()
    contact.remove(transaction, caller.user_id, found, settings.contact_keys)
    with suppress(ChangedMeanwhile):  # another request has removed it, or put another in its place
        transaction.commit(witness=lambda: not _has(caller.user_id, channel, found.to))


def release_contact(
    user: User, channel: str, by: str, reason: str, settings: Settings, now: datetime
) -> bool:
    """Take a contact from a user as an operator, as when a number has another holder -> False when there is none.

    Raises ChangedMeanwhile.
    """
    found = contact.find_contact(user.user_id, channel)
    if found is None:
        return False
    transaction = Transaction()
    contact.remove(transaction, user.user_id, found, settings.contact_keys)
    details = contact.masked(channel, found.to)
    audit.commit(
        transaction, audit.entry(by, "release-contact", named(user), now, details=details, reason=reason)
    )
    return True


def _has(user_id: int, channel: str, to: str) -> bool:
    stored = contact.find_contact(user_id, channel)
    return stored is not None and stored.to == to


def _check_password(user: User, password: str) -> None:
    """Raises WrongPassword; TooManyAttempts after 10 attempts in 15 minutes, those of a change of password included."""
    take_attempt([Limit("password", str(user.user_id), 10, otherwise="refuse")])
    if not password_matches(password, user.password):
        raise WrongPassword()
