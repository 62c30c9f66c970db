"""What an operator gives: beli and coupon records."""

from __future__ import annotations

import secrets
from datetime import datetime

from chalicelib.errors import BeliInsufficient, CouponUnusable, IdTaken
from chalicelib.shop import coupon, ledger
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.ledger import LedgerEntry
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, find, random_id


def grant_beli(user: User, beli: int, reason: str, now: datetime) -> None:
    """Change a balance by a ledger entry that names the reason.

    Raises BeliInsufficient when less than nothing would be left.
    """
    entry = ledger.entry(user.user_id, beli, f"operator#{secrets.token_hex(8)}", f"operator: {reason}", now)
    transaction = Transaction()
    ledger.change(transaction, entry, BeliInsufficient(beli=beli))
    transaction.commit(witness=lambda: find(LedgerEntry, entry.owner, entry.sort) is not None)


def grant_coupon(user: User, coupon_id: int, now: datetime) -> CouponRecord:
    """Give a user a record of a coupon, whatever its claim window and quantity. Raises CouponUnusable."""
    offer = coupon.find_offer(coupon_id)
    if offer is None:
        raise CouponUnusable(coupon=str(coupon_id), reason="unknown")
    while True:
        record = coupon.record_item(offer, user.user_id, random_id(), now)
        transaction = Transaction()
        transaction.put_new(record, IdTaken())
        try:
            transaction.commit(witness=lambda: find(CouponRecord, record.owner, record.sort) is not None)  # noqa: B023
        except IdTaken:
            continue
        return record
