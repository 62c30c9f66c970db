"""The quote: what a choice costs, what every coupon would do for it, and which combination is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import BelowMinimum
from chalicelib.money import Fen
from chalicelib.shop import coupon
from chalicelib.shop.best_combination import best_combination
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.settlement import PricedLine, Settlement, settle
from chalicelib.shop.user import User

from .settle import PricedChoice, price_choice, read_choice

USED, RESERVED, DATE, COURSE, MINIMUM = "used", "reserved", "date", "course", "minimum"
"""Why a coupon cannot be used here."""


@dataclass(frozen=True)
class QuotedCoupon:
    """A coupon of the user: what it would take off this purchase (fen), or the reason why it cannot be used."""

    record: CouponRecord
    saves: Fen
    reason: str | None


@dataclass(frozen=True)
class Quote:
    """A priced choice, all of the user's coupons, and the best choice of coupons with its amounts."""

    priced: PricedChoice
    coupons: tuple[QuotedCoupon, ...]
    best: Choice
    best_settlement: Settlement


def quote(user: User, choice: Choice, now: datetime) -> Quote:
    """Price a choice without ordering it. Two round trips; nothing is written.

    A course's coupon is quoted on its line's price, a general one on what the choice leaves after its course
    coupons. The best combination is exact. Raises what `price_choice` raises.
    """
    priced = price_choice(user, choice, read_choice(user, choice), now)
    records = sorted(
        coupon.list_records(user.user_id), key=lambda record: (record.valid_until, record.record_id)
    )
    subtotal = sum(line.rebate_price for line in priced.settlement.lines)
    quoted = [_quoted(record, priced, subtotal, now) for record in records]
    best = _best(choice, priced, [record for record in records if record.is_usable(now)])
    lines = [
        PricedLine(line.course, policy.price, record)
        for line, policy, record in zip(choice.lines, priced.policies, best.coupons, strict=True)
    ]
    settled = settle(lines, best.general_coupon, user.beli if choice.use_beli else 0)
    return Quote(priced, tuple(quoted), best.choice, settled)


@dataclass(frozen=True)
class _Best:
    choice: Choice
    coupons: tuple[CouponRecord | None, ...]
    general_coupon: CouponRecord | None


def _best(choice: Choice, priced: PricedChoice, usable: Sequence[CouponRecord]) -> _Best:
    found = best_combination(
        [policy.price for policy in priced.policies],
        [[record for record in usable if record.is_for(line.course)] for line in choice.lines],
        [record for record in usable if record.bound_to is None],
    )
    lines = tuple(
        ChosenLine(line.course, line.policy_id, record.record_id if record else None)
        for line, record in zip(choice.lines, found.coupons, strict=True)
    )
    general = found.general_coupon
    best = Choice(lines, general.record_id if general else None, choice.use_beli)
    return _Best(best, found.coupons, general)


def _quoted(record: CouponRecord, priced: PricedChoice, subtotal: Fen, now: datetime) -> QuotedCoupon:
    reason = _obstacle(record, now)
    price: Fen | None = subtotal
    if record.bound_to is not None:
        lines = zip(priced.choice.lines, priced.policies, strict=True)
        price = next((policy.price for line, policy in lines if record.is_for(line.course)), None)
    if reason is None and price is None:
        reason = COURSE
    if reason is not None or price is None:
        return QuotedCoupon(record, 0, reason)
    try:
        return QuotedCoupon(record, price - record.price_after(price), None)
    except BelowMinimum:
        return QuotedCoupon(record, 0, MINIMUM)


def _obstacle(record: CouponRecord, now: datetime) -> str | None:
    if record.status in (coupon.USED, coupon.RESERVED):
        return USED if record.status == coupon.USED else RESERVED
    return None if record.is_usable(now) else DATE
