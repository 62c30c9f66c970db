"""Contacts: the phone number and the e-mail address by which a user has shown, by a code, that they can be reached.

A contact is one user's: it is claimed under a keyed hash, so that whoever sees stored keys, or tries all phone numbers,
finds nobody without the key. Of several keys the first makes claims, and each finds them. What an import brought in
with a user is not confirmed, and nothing is sent there.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import ChangedMeanwhile, ContactTaken
from chalicelib.shop.partition import partition
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import (
    ItemKey,
    StoredItem,
    Transaction,
    UserItem,
    WholeNumber,
    find_together,
)

SMS, MAIL = "sms", "mail"
CHANNELS = (SMS, MAIL)

_MAX_MAIL_LENGTH = 254
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})", re.ASCII)
_MAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])",
    re.ASCII,
)


class Contact(UserItem, discriminator="CONTACT"):
    """A confirmed number or address (`to`, as `normal` writes it) of a user."""

    channel = UnicodeAttribute()
    to = UnicodeAttribute()
    confirmed_at = UTCDateTimeAttribute()


class ContactClaim(UserItem, discriminator="CONTACT_CLAIM"):
    """Whose a contact is: partition `CONTACT#<keyed hash>`. It does not hold the contact."""

    user_id = WholeNumber()


class Contacts(Struct, frozen=True):
    """Where a user can be reached: confirmed ones only, None where there is none."""

    sms: str | None = None
    mail: str | None = None


class ShownContact(Struct, frozen=True):
    """A contact as its user sees it: masked, and whether it is confirmed."""

    masked: str
    is_confirmed: bool


def normal(channel: str, text: str) -> str | None:
    """The one way to write a mainland mobile number (11 digits) or an address (in lower case); None for no such
    thing.
    """
    if channel == SMS:
        number = _MOBILE.fullmatch(re.sub(r"[ \-]", "", text))
        return number[1] if number else None
    address = text.strip().lower()
    local = address.partition("@")[0]
    is_one = len(address) <= _MAX_MAIL_LENGTH and len(local) <= 64 and _MAIL.fullmatch(address)
    # What begins like an encoded word (RFC 2047) is read as one in a mail's header.
    return address if is_one and not local.startswith("=?") else None


def masked(channel: str, to: str) -> str:
    """A contact by which its owner knows it again, and nobody else learns it: `138****0000`, `l***@example.com`."""
    if channel == SMS:
        return f"{to[:3]}****{to[-4:]}"
    local, _, domain = to.partition("@")
    return f"{local[:1]}***@{domain}"


def keyed_hash(what: str, key: str) -> str:
    """The hash, in 64 hexadecimal digits, under which something personal is stored."""
    return hmac.new(key.encode(), what.encode(), "sha256").hexdigest()


def contact_key(user_id: int, channel: str) -> ItemKey:
    """The key of a user's confirmed contact, for a batch read."""
    return Contact, partition(user_id), f"CONTACT#{channel}"


def contact_keys(user_id: int) -> list[ItemKey]:
    """The keys of all confirmed contacts of a user, for a batch read."""
    return [contact_key(user_id, channel) for channel in CHANNELS]


def find_contact(user_id: int, channel: str) -> Contact | None:
    """A user's confirmed contact. One round trip."""
    key = contact_key(user_id, channel)
    return cast(Contact | None, find_together([key]).get(key))


def find_contacts(user_id: int) -> Contacts:
    """Where a user can be reached. One round trip."""
    found = find_together(contact_keys(user_id)).values()
    return Contacts(**{one.channel: one.to for one in found if isinstance(one, Contact)})


def shown(user: User, found: Mapping[ItemKey, StoredItem]) -> dict[str, ShownContact | None]:
    """A user's contacts by channel: the confirmed one of those that were `found`, else what was imported."""
    imported = {SMS: user.mobile, MAIL: user.email}
    return {
        channel: _shown(channel, found.get(contact_key(user.user_id, channel)), imported[channel])
        for channel in CHANNELS
    }


def _shown(channel: str, confirmed: StoredItem | None, imported: str | None) -> ShownContact | None:
    if isinstance(confirmed, Contact):
        return ShownContact(masked(channel, confirmed.to), is_confirmed=True)
    to = normal(channel, imported or "")
    return ShownContact(masked(channel, to), is_confirmed=False) if to else None


def find_owner(channel: str, to: str, keys: Sequence[str]) -> int | None:
    """The id of the user who has confirmed this contact, if one has. One round trip."""
    claims = find_together([_claim_key(channel, to, key) for key in keys]).values()
    return next((claim.user_id for claim in claims if isinstance(claim, ContactClaim)), None)


def confirm(
    transaction: Transaction,
    user_id: int,
    before: Contact | None,
    channel: str,
    to: str,
    keys: Sequence[str],
    now: datetime,
) -> None:
    """Make `to` the user's contact in place of the one `before`. Refusals: ContactTaken when it is another user's,
    ChangedMeanwhile when `before` is not the user's contact any more.
    """
    own = ContactClaim.sort.does_not_exist() | (ContactClaim.user_id == user_id)
    claim, *older = (_claim(channel, to, key) for key in keys)
    claim.user_id = user_id
    transaction.put(claim, own, ContactTaken())
    for stale in older:
        transaction.delete(stale, own, ContactTaken())
    model, owner, sort = contact_key(user_id, channel)
    is_as_before = Contact.sort.does_not_exist() if before is None else Contact.to == before.to
    contact = model(owner, sort, channel=channel, to=to, confirmed_at=now)
    transaction.put(contact, is_as_before, ChangedMeanwhile(what="contact"))
    if before is not None and before.to != to:
        _give_up(transaction, before, user_id, keys)


def remove(transaction: Transaction, user_id: int, contact: Contact, keys: Sequence[str]) -> None:
    """Take a contact from its user: anybody may confirm it from now on. Refusal: ChangedMeanwhile."""
    transaction.delete(contact, Contact.to == contact.to, ChangedMeanwhile(what="contact"))
    _give_up(transaction, contact, user_id, keys)


def _give_up(transaction: Transaction, contact: Contact, user_id: int, keys: Sequence[str]) -> None:
    own = ContactClaim.sort.does_not_exist() | (ContactClaim.user_id == user_id)
    for key in keys:
        transaction.delete(_claim(contact.channel, contact.to, key), own, ChangedMeanwhile(what="contact"))


def _claim_key(channel: str, to: str, key: str) -> ItemKey:
    return ContactClaim, f"CONTACT#{keyed_hash(f'contact {channel} {to}', key)}", "CONTACT"


def claim_keys(channel: str, to: str, keys: Sequence[str]) -> list[ItemKey]:
    """Where the claim of a contact may stand, by each of the keys."""
    return [_claim_key(channel, to, key) for key in keys]


def _claim(channel: str, to: str, key: str) -> ContactClaim:
    _, owner, sort = _claim_key(channel, to, key)
    return ContactClaim(owner, sort)
