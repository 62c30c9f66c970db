"""Gives a user a confirmed number or address, in the stores that the environment names."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.errors import UserNotFound
from chalicelib.settings import settings
from chalicelib.shop.contact import CHANNELS, confirm, find_contact, normal
from chalicelib.shop.user import find_by_name
from chalicelib.storage.dynamodb import Transaction


def confirm_contact(username: str, channel: str, text: str) -> bool:
    """Whether there is such a user, channel and contact."""
    to = normal(channel, text) if channel in CHANNELS else None
    try:
        user_id = find_by_name(username).user_id
    except UserNotFound:
        return False
    if to is None:
        return False
    transaction = Transaction()
    before = find_contact(user_id, channel)
    confirm(transaction, user_id, before, channel, to, settings().contact_keys, datetime.now(UTC))
    transaction.commit(witness=lambda: find_contact(user_id, channel) is not None)
    return True
