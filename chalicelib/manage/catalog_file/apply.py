"""Write a plan, step by step: each step is one transaction with its entry in the operators' log.

Every write is conditional on the item's being as it was read: nobody's change is overwritten. The next apply completes
one that was cut off.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import ChangedMeanwhile, ShopError
from chalicelib.shop import audit, coupon
from chalicelib.shop.coupon import CouponOffer
from chalicelib.storage.dynamodb import Transaction, is_as_read

from .plan import Step, Stored, Write, read_stored


def raise_if_changed(stored: Stored) -> None:
    """Raise ChangedMeanwhile when the catalogue has changed since it was read."""
    if read_stored().fingerprint != stored.fingerprint:
        raise ChangedMeanwhile(what="the stored catalogue")


def write(step: Step, by: str, now: datetime) -> None:
    """Write one step. Raises ChangedMeanwhile."""
    transaction = Transaction()
    for one in step.writes:
        _add(transaction, one, ChangedMeanwhile(what=step.subject))
    audit.commit(transaction, audit.entry(by, "catalog apply", step.subject, now, details=step.details))


def _add(transaction: Transaction, one: Write, refusal: ShopError) -> None:
    old, new = one.old, one.new
    if old is None:
        assert new is not None
        transaction.put_new(new, refusal)
    elif isinstance(old, CouponOffer):
        if isinstance(new, CouponOffer):
            coupon.change_offer(transaction, old, new, refusal)
        else:
            coupon.remove_offer(transaction, old, refusal)
    elif new is None:
        transaction.delete(old, is_as_read(old), refusal)
    else:
        transaction.put(new, is_as_read(old), refusal)
