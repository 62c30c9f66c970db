"""The quote: what a choice costs, what every coupon would do for it, and which combination is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import BelowMinimum
from chalicelib.money import Fen
from chalicelib.shop import coupon
from chalicelib.shop.best_combination import Combination, best_combination
from chalicelib.shop.caller import Caller
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.settlement import DueLine, Settlement, settle
from chalicelib.storage.background import in_background

from .settle import PricedChoice, choice_keys, price_choice

USED, RESERVED, DATE, COURSE, MINIMUM = "used", "reserved", "date", "course", "minimum"
"""The reasons why a coupon cannot be used for this purchase."""


@dataclass(frozen=True)
class QuotedCoupon:
    """A coupon of the user: what it would take off this purchase (fen), or the reason why it cannot be used."""

    record: CouponRecord
    saves: Fen
    reason: str | None


@dataclass(frozen=True)
class Quote:
    """A priced choice, all of the user's coupons, the best choice of coupons with its amounts, and the balance
    of beli.
    """

    priced: PricedChoice
    coupons: tuple[QuotedCoupon, ...]
    best: Choice
    best_settlement: Settlement
    beli_balance: int


def quote(caller: Caller, choice: Choice, now: datetime) -> Quote:
    """Price a choice without ordering it. A batch read and a Query at once; nothing is written.

    A course's coupon is quoted on its line's price, a general one on what the choice leaves after its course
    coupons. The best combination is exact. Raises what `price_choice` raises.
    """
    listed = in_background(coupon.list_records, caller.user_id)
    found = caller.find(choice_keys(caller.user_id, choice))
    priced = price_choice(caller.user(), choice, found, now)
    records = listed()
    best = _best(priced, [record for record in records if record.is_usable(now)])
    due = [
        DueLine(line.course.key, line.policy.price, record)
        for line, record in zip(priced.lines, best.coupons, strict=True)
    ]
    balance = caller.user().beli
    settled = settle(due, best.general_coupon, balance if choice.use_beli else 0)
    quoted = [_quoted(record, priced, now) for record in records]
    return Quote(priced, tuple(quoted), _as_choice(priced, best), settled, balance)


def _best(priced: PricedChoice, usable: Sequence[CouponRecord]) -> Combination:
    return best_combination(
        [line.policy.price for line in priced.lines],
        [[record for record in usable if record.is_for(line.course.key)] for line in priced.lines],
        [record for record in usable if record.bound_to is None],
    )


def _as_choice(priced: PricedChoice, best: Combination) -> Choice:
    lines = tuple(
        ChosenLine(line.course, line.policy_id, record.record_id if record else None)
        for line, record in zip(priced.choice.lines, best.coupons, strict=True)
    )
    general = best.general_coupon
    return Choice(lines, general.record_id if general else None, priced.choice.use_beli)


def _quoted(record: CouponRecord, priced: PricedChoice, now: datetime) -> QuotedCoupon:
    reason = _obstacle(record, now)
    price: Fen | None = sum(line.amounts.rebate_price for line in priced.lines)
    if record.bound_to is not None:
        of_course = (line.policy.price for line in priced.lines if record.is_for(line.course.key))
        price = next(of_course, None)
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
