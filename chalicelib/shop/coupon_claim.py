"""Claims: one piece of a coupon for a user, once, however many users want it at the same time.

One conditional update of the offer takes the piece, outside any transaction, and adds the claim's token to those in
flight. The claim item is the one-per-person marker. By which of the two were written, a sweep repairs a claim that was
cut off between them: see `verdict`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import CouponClaimed, CouponSoldOut, ShopError
from chalicelib.shop.coupon import ONLINE, CouponOffer, CouponRecord, find_offer
from chalicelib.shop.partition import list_partition, partition
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find, refusing

PENDING, DONE = "pending", "done"

RETRY_AFTER = timedelta(seconds=30)
"""A claim that is pending for so long was cut off, and its user may begin a new one."""
ABORT_AFTER = timedelta(minutes=1)
"""A claim that is pending for so long is ended by the sweep."""

_PREFIX = "CLAIM#"


class Claim(UserItem, discriminator="CLAIM"):
    """A user's claim of a coupon: pending while pieces are being moved, done when the record is the user's."""

    user_id = WholeNumber()
    coupon_id = WholeNumber()
    record_id = WholeNumber()
    status = UnicodeAttribute(default=PENDING)
    claimed_at = UTCDateTimeAttribute()

    def is_done(self) -> bool:
        """Whether the record is the user's."""
        return bool(self.status == DONE)

    @property
    def token(self) -> str:
        """The offer keeps this while the claim is in flight; it leads back to the claim."""
        return f"{self.user_id}#{self.record_id}"


def claim_item(user_id: int, coupon_id: int, record_id: int, now: datetime) -> Claim:
    """A pending claim, ready to be written."""
    return Claim(
        partition(user_id),
        f"{_PREFIX}{coupon_id}",
        user_id=user_id,
        coupon_id=coupon_id,
        record_id=record_id,
        claimed_at=now,
    )


def begin(claim: Claim) -> None:
    """Write the marker: one claim a person and coupon. Raises CouponClaimed. One write."""
    was_cut = (Claim.status == PENDING) & (Claim.claimed_at < claim.claimed_at - RETRY_AFTER)
    is_own = Claim.record_id == claim.record_id
    with refusing(CouponClaimed()):
        claim.save(condition=Claim.sort.does_not_exist() | was_cut | is_own)


def take_one(offer: CouponOffer, claim: Claim) -> None:
    """Take one of the offer's pieces for this claim. Raises CouponSoldOut. One write."""
    free = (
        (CouponOffer.remaining > 0)
        & (CouponOffer.status == ONLINE)
        & ~CouponOffer.in_flight.contains(claim.token)
    )
    actions: list[Action] = [CouponOffer.remaining.add(-1), CouponOffer.in_flight.add({claim.token})]
    try:
        with refusing(CouponSoldOut(coupon=offer.name)):
            offer.update(actions, condition=free)
    except CouponSoldOut:
        # The answer of a first attempt may have been lost: then the piece is ours already.
        if not is_in_flight(claim):
            raise


def is_in_flight(claim: Claim) -> bool:
    """Whether the offer keeps this claim's token. One round trip."""
    offer = find_offer(claim.coupon_id)
    return offer is not None and claim.token in (offer.in_flight or set())


def finish(transaction: Transaction, claim: Claim, record: CouponRecord) -> None:
    """The pending claim becomes done and its record the user's. Refusal: CouponClaimed (the claim was ended)."""
    refusal = CouponClaimed()
    is_own = (Claim.status == PENDING) & (Claim.record_id == claim.record_id)
    transaction.update(claim, [Claim.status.set(DONE)], is_own, refusal)
    transaction.put_new(record, refusal)


def take_over(transaction: Transaction, done: Claim, refusal: ShopError) -> None:
    """Add a claim made elsewhere, so that its user makes no other here. Refused while one is pending."""
    transaction.put(done, Claim.sort.does_not_exist() | (Claim.status == DONE), refusal)


def is_finished(claim: Claim) -> bool:
    """Whether this very claim is done. One round trip."""
    stored = find(Claim, claim.owner, claim.sort)
    return stored is not None and stored.status == DONE and stored.record_id == claim.record_id


def confirm(offer: CouponOffer, token: str) -> None:
    """Remove the token of a claim that is done. One write."""
    offer.update([CouponOffer.in_flight.delete({token})])


def give_back(offer: CouponOffer, token: str, refusal: ShopError) -> None:
    """Put the piece of an ended claim back, once. One write."""
    with refusing(refusal):
        offer.update(
            [CouponOffer.remaining.add(1), CouponOffer.in_flight.delete({token})],
            condition=CouponOffer.in_flight.contains(token),
        )


def end(claim: Claim) -> None:
    """End a pending claim, so that it can never be finished. Raises CouponClaimed when it is not pending. One
    write.
    """
    is_own = (Claim.status == PENDING) & (Claim.record_id == claim.record_id)
    with refusing(CouponClaimed()):
        claim.delete(condition=is_own)


class Verdict(Enum):
    """What a sweep does with a token in flight."""

    CONFIRM = "the claim is done: only its token is left over"
    GIVE_BACK = "the claim was ended or replaced: nobody will ever use the piece"
    END = "the claim was cut off: end it, then give the piece back"
    LEAVE = "the claim is under way"


def verdict(token: str, claim: Claim | None, now: datetime) -> Verdict:
    """Decide about a token in flight, by its user's claim of the coupon (None: there is none)."""
    if claim is None or claim.token != token:
        return Verdict.GIVE_BACK
    if claim.status == DONE:
        return Verdict.CONFIRM
    return Verdict.END if claim.claimed_at < now - ABORT_AFTER else Verdict.LEAVE


def find_claim(token: str, coupon_id: int) -> Claim | None:
    """The claim of this coupon by the user whom a token names, or None. One round trip."""
    user_id = int(token.partition("#")[0])
    return find(Claim, partition(user_id), f"{_PREFIX}{coupon_id}")


def list_claims(user_id: int) -> list[Claim]:
    """All claims of a user. One Query."""
    return cast(list[Claim], list_partition(user_id, _PREFIX))
