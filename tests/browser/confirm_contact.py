"""Gives a user a confirmed number or address, in the stores that the environment names:

python -m tests.browser.confirm_contact NAME sms|mail NUMBER-OR-ADDRESS
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from chalicelib.errors import UserNotFound
from chalicelib.settings import settings
from chalicelib.shop.contact import CHANNELS, confirm, find_contact, normal
from chalicelib.shop.user import find_by_name
from chalicelib.storage.dynamodb import Transaction


def main(username: str, channel: str, text: str) -> int:
    """Returns 1 when there is no such user, channel or contact."""
    to = normal(channel, text) if channel in CHANNELS else None
    try:
        user_id = find_by_name(username).user_id
    except UserNotFound:
        return 1
    if to is None:
        return 1
    transaction = Transaction()
    before = find_contact(user_id, channel)
    confirm(transaction, user_id, before, channel, to, settings().contact_keys, datetime.now(UTC))
    transaction.commit(witness=lambda: find_contact(user_id, channel) is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
