"""Take a message that was not delivered off the operators' list, on an operator's word."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import NothingToResolve
from chalicelib.shop import audit, message


def resolve_message(number: str, by: str, reason: str, now: datetime) -> None:
    """Clear the flag of a message, by its number as of `message.out_id`. Two round trips. Raises NothingToResolve."""
    found = message.find_by_out_id(number)
    if found is None:
        raise NothingToResolve()
    transaction = audit.recorded(audit.entry(by, "resolve-message", number, now, reason=reason))
    message.resolve(transaction, found)
    transaction.commit()
