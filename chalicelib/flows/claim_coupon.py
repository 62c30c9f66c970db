"""Claim a coupon, and repair claims that were cut off."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from chalicelib.errors import (
    CouponClaimed,
    CouponNotFound,
    CouponNotOpen,
    CouponSoldOut,
    OutcomeUnknown,
    StoreUnavailable,
)
from chalicelib.gateways.deadline import Deadline
from chalicelib.shop import coupon, coupon_claim
from chalicelib.shop.caller import Caller
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.coupon_claim import Verdict
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import Transaction, random_id

log = logging.getLogger(__name__)


def list_claimable(caller: Caller, now: datetime) -> list[tuple[CouponOffer, bool]]:
    """The offers whose claim window is open, and whether the caller has claimed each. Two Queries beside the
    caller's own items.
    """
    listed = in_background(coupon.list_offers)
    claimed = {claim.coupon_id for claim in caller.beside(coupon_claim.list_claims) if claim.is_done()}
    offers = [offer for offer in listed() if offer.status == coupon.ONLINE and offer.is_open(now)]
    return [
        (offer, offer.coupon_id in claimed)
        for offer in sorted(offers, key=lambda offer: (offer.close_at, offer.coupon_id))
    ]


def find_offer(caller: Caller, coupon_id: int) -> CouponOffer | None:
    """The offer that the caller wants to claim, or None. One round trip, which confirms the caller."""
    return coupon.offer_in(caller.find([coupon.offer_key(coupon_id)]), coupon_id)


def claim_coupon(user_id: int, offer: CouponOffer | None, address: str, now: datetime) -> CouponRecord:
    """Give the user a record of a coupon, once. Five round trips.

    Raises TooManyAttempts (30 of a user, 900 of an address in 15 minutes), CouponNotFound (of None, too),
    CouponNotOpen, CouponClaimed, CouponSoldOut. Cut off anywhere, the user may try again half a minute later,
    and no piece is lost for longer than the sweep takes.
    """
    take_attempt([Limit("claim", str(user_id), 30), Limit("claim-address", address, 900)])
    if offer is None or offer.status != coupon.ONLINE:
        raise CouponNotFound()
    if not offer.is_open(now):
        raise CouponNotOpen(coupon=offer.name)
    mine = coupon_claim.claim_item(user_id, offer.coupon_id, random_id(), now)
    record = coupon.record_item(offer, user_id, mine.record_id, now)
    coupon_claim.begin(mine)
    try:
        coupon_claim.take_one(offer, mine)
    except CouponSoldOut:
        # A marker that stays behind is no harm: half a minute later it stands in nobody's way.
        with suppress(CouponClaimed, StoreUnavailable):
            coupon_claim.end(mine)
        raise
    transaction = Transaction()
    coupon_claim.finish(transaction, mine, record)
    try:
        transaction.commit(witness=lambda: coupon_claim.is_finished(mine))
    except CouponClaimed:
        # We were so slow that the sweep ended the claim. The piece goes back, by us or by the sweep.
        coupon_claim.give_back(offer, mine.token, CouponClaimed())
        raise
    try:
        coupon_claim.confirm(offer, mine.token)
    except StoreUnavailable:
        log.warning("a claimed coupon's token is left to the sweep: coupon=%d", offer.coupon_id)
    return record


def sweep_claims(clock: Callable[[], datetime], seconds: float) -> int:
    """Repair claims that were cut off, for up to `seconds` -> how many tokens in flight were
    cleared.

    One Query of all offers, then a few round trips for each token. Repeating it, or doing it twice at once,
    does no harm.
    """
    deadline, cleared = Deadline(seconds), 0
    for offer in coupon.list_offers():
        for token in sorted(offer.in_flight or ()):
            if not deadline.remaining():
                return cleared
            try:
                cleared += _clear(offer, token, clock())
            except (CouponClaimed, StoreUnavailable, OutcomeUnknown) as error:
                log.warning("a cut claim waits for its next turn: %s", type(error).__name__)
    return cleared


def _clear(offer: CouponOffer, token: str, now: datetime) -> bool:
    found = coupon_claim.find_claim(token, offer.coupon_id)
    verdict = coupon_claim.verdict(token, found, now)
    if verdict is Verdict.LEAVE:
        return False
    if verdict is Verdict.CONFIRM:
        coupon_claim.confirm(offer, token)
        return True
    if verdict is Verdict.END and found is not None:
        coupon_claim.end(found)
    coupon_claim.give_back(offer, token, CouponClaimed())
    return True
