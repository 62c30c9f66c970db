"""Claim every confirmed contact under the first contact key, so that the others can go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import cast

from msgspec import Struct

from chalicelib.errors import ChangedMeanwhile, ContactTaken
from chalicelib.shop import contact
from chalicelib.shop.contact import Contact, ContactClaim
from chalicelib.shop.partition import user_of
from chalicelib.storage.dynamodb import Transaction, find_together


class Moved(Struct):
    """How many contacts were read and how many moved; `taken` are the ids of users whose contact is another's now."""

    read: int
    moved: int
    taken: list[int]


def move_all(keys: Sequence[str], report: Callable[[Moved], None]) -> Moved:
    """Move the contacts of all users.

    Reads the whole table, once; `report` gets the counts after each contact. Repeating it, and confirming meanwhile,
    does no harm: each contact is moved in one transaction.
    """
    done = Moved(0, 0, [])
    for stored in cast(Iterator[Contact], Contact.scan(consistent_read=True)):
        done.read += 1
        try:
            done.moved += move(stored, keys)
        except ContactTaken:
            done.taken.append(user_of(stored.owner))
        report(done)
    return done


def move(stored: Contact, keys: Sequence[str]) -> bool:
    """Claim one contact under the first of the keys and under no other -> whether it was not.

    Two round trips. Raises ContactTaken when another user has confirmed it, as they can once its key is gone.
    """
    user_id = user_of(stored.owner)
    places = contact.claim_keys(stored.channel, stored.to, keys)
    claims = find_together(places)
    claim = claims.get(places[0])
    if len(claims) == 1 and isinstance(claim, ContactClaim) and claim.user_id == user_id:
        return False
    transaction = Transaction()
    contact.confirm(transaction, user_id, stored, stored.channel, stored.to, keys, stored.confirmed_at)
    with suppress(ChangedMeanwhile):  # its user has given it up, or has another one
        transaction.commit(witness=lambda: find_together(places).keys() == {places[0]})
        return True
    return False
