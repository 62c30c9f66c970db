"""Claim a coupon, and repair claims that were cut off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    CouponClaimed,
    CouponNotFound,
    CouponNotOpen,
    CouponSoldOut,
    OutcomeUnknown,
    StoreUnavailable,
    TokenRefused,
    UserGone,
)
from chalicelib.shop import coupon, coupon_claim
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.coupon_claim import Verdict
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import Transaction, random_id

from .bound_courses import find_bound_courses
from .my_coupons import HeldCoupon
from .remind import remind_of_coupon

log = logging.getLogger(__name__)


COMING = timedelta(days=30)
"""How long before its time a coupon is announced."""

FreshOffers = Callable[[tuple[object, ...], Callable[[], "list[OnOffer]"]], "list[OnOffer]"]
"""Loads a key's value and keeps it for some seconds, for everybody."""


class OnOffer(Struct, frozen=True):
    """An offer, and the course that it is for as the catalogue has it: None for a general one, and when it is gone."""

    offer: CouponOffer
    course: Course | None


def load_offers() -> list[OnOffer]:
    """Every offer that is online, with its course. One Query, and a batch read for each 100 courses."""
    offers = [offer for offer in coupon.list_offers() if offer.status == coupon.ONLINE]
    courses = find_bound_courses(offers)
    return [OnOffer(offer, courses.get(offer.bound_to)) for offer in offers]


def on_show(offers: Iterable[OnOffer], now: datetime, *, with_coming: bool = False) -> list[OnOffer]:
    """The offers whose claim window is open, those with pieces left first, then those that end first; `with_coming`
    also those whose window opens within 30 days, last.
    """
    shown = [
        one
        for one in offers
        if one.offer.is_open(now) or (with_coming and one.offer.is_coming(now, within=COMING))
    ]
    return sorted(shown, key=lambda one: _place(one.offer, now))


def _place(offer: CouponOffer, now: datetime) -> tuple[bool, bool, datetime, int]:
    is_coming = offer.open_at > now
    return is_coming, offer.remaining <= 0, offer.open_at if is_coming else offer.close_at, offer.coupon_id


def list_claimable(
    visitor: Caller | None, fresh: FreshOffers, now: datetime, *, with_coming: bool = False
) -> list[tuple[OnOffer, bool]]:
    """The offers on show, and whether the visitor has claimed each.

    Somebody signed in sees what they have just claimed: offers, claims and their own items are read at once, the
    courses of the offers after them. For anybody else the offers are kept for some seconds.
    """
    if visitor is None:
        offers, claimed = fresh(("offers",), load_offers), set[int]()
    else:
        listed = in_background(load_offers)
        claimed, offers = _claimed_by(visitor), listed()
    return [(one, one.offer.coupon_id in claimed) for one in on_show(offers, now, with_coming=with_coming)]


def _claimed_by(visitor: Caller) -> set[int]:
    try:
        return {claim.coupon_id for claim in visitor.beside(coupon_claim.list_claims) if claim.is_done()}
    except (TokenRefused, UserGone):
        return set()


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
    remind_of_coupon(transaction, record)
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


def named(record: CouponRecord, offer: CouponOffer | None) -> HeldCoupon:
    """A claimed coupon with its course. One batch read, none for a general one. Without the course's name where it
    cannot be read: the claim stands.
    """
    try:
        course = find_bound_courses([record]).get(record.bound_to)
    except StoreUnavailable:
        log.warning("a claimed coupon is shown without its course: coupon=%d", record.coupon_id)
        course = None
    return HeldCoupon(record, offer.brief if offer else "", course)


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
