"""The best combination: which coupons make a purchase cheapest, computed exactly.

Lines are independent of each other: a course's coupon is good for its line only. What ties them together is
the general coupon on their sum. 立减券, 折扣券 and none never grow dearer when the sum falls, so each line takes
its cheapest price. 满减券 has a minimum: of all sums that reach it the smallest is wanted, which is a subset sum
over fen, solved with one bit for each fen that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.errors import BelowMinimum
from chalicelib.money import Fen
from chalicelib.shop.coupon import FULL, CouponRecord


@dataclass(frozen=True)
class Combination:
    """The coupon for each line (or None), the general coupon, and the sum (fen) that is left before beli."""

    coupons: tuple[CouponRecord | None, ...]
    general_coupon: CouponRecord | None
    total: Fen


_Option = tuple[Fen, CouponRecord | None]


def best_combination(
    prices: Sequence[Fen],
    line_coupons: Sequence[Sequence[CouponRecord]],
    general_coupons: Sequence[CouponRecord],
) -> Combination:
    """The combination with the smallest sum; of several, one that spends no coupon for nothing.

    `line_coupons` are the usable records of each line's course, `general_coupons` those for the whole order.
    Time and memory grow with the number of lines and records and with the minimum (fen) of a general coupon.
    """
    options = [_line_options(price, records) for price, records in zip(prices, line_coupons, strict=True)]
    found = [_with_general(options, general) for general in (None, *_worth_trying(general_coupons))]
    best = min((one for one in found if one is not None), key=lambda one: one.total)
    return _without_waste(prices, best)


def _line_options(price: Fen, records: Sequence[CouponRecord]) -> list[_Option]:
    """The different prices a line can have, cheapest first, each with one way to it (without a coupon if
    possible).
    """
    ways: dict[Fen, CouponRecord | None] = {price: None}
    for record in records:
        try:
            ways.setdefault(record.price_after(price), record)
        except BelowMinimum:
            continue
    return sorted(ways.items(), key=lambda way: way[0])


def _worth_trying(records: Sequence[CouponRecord]) -> list[CouponRecord]:
    """One record of each rule: equal pieces of one coupon give equal sums."""
    rules = {(r.coupon_type, r.value, r.off_percent, r.minimum): r for r in reversed(records)}
    return list(rules.values())


def _with_general(options: Sequence[Sequence[_Option]], general: CouponRecord | None) -> Combination | None:
    cheapest = [line[0] for line in options]
    subtotal = sum(price for price, _ in cheapest)
    if general is None:
        return Combination(tuple(record for _, record in cheapest), None, subtotal)
    if general.coupon_type == FULL and subtotal < general.minimum:
        chosen = _smallest_reaching(options, general.minimum - subtotal)
        if chosen is None:
            return None
    else:
        chosen = cheapest
    total = general.price_after(sum(price for price, _ in chosen))
    return Combination(tuple(record for _, record in chosen), general, total)


def _smallest_reaching(options: Sequence[Sequence[_Option]], missing: Fen) -> list[_Option] | None:
    """Options, one a line, that exceed the cheapest sum by `missing` or more, and by as little as possible.

    Bit n of a line's `reached` says that the lines up to it can exceed their cheapest sum by exactly n (below
    `missing`). A sum at or above `missing` ends the search: all later lines stay at their cheapest.
    """
    below = (1 << missing) - 1
    reached = [1]
    best: tuple[Fen, int, Fen] | None = None
    for position, line in enumerate(options):
        together = 0
        for price, _ in line:
            extra = price - line[0][0]
            sums = reached[-1] << extra
            together |= sums & below
            over = sums >> missing
            if over:
                excess = missing + (over & -over).bit_length() - 1
                if best is None or excess < best[0]:
                    best = (excess, position, extra)
        reached.append(together)
    if best is None:
        return None
    excess, position, extra = best
    chosen = [line[0] for line in options]
    rest = excess
    chosen[position] = next(o for o in options[position] if o[0] - options[position][0][0] == extra)
    rest -= extra
    for earlier in range(position - 1, -1, -1):
        line = options[earlier]
        chosen[earlier] = next(
            option
            for option in line
            if (step := option[0] - line[0][0]) <= rest and reached[earlier] >> (rest - step) & 1
        )
        rest -= chosen[earlier][0] - line[0][0]
    return chosen


def _without_waste(prices: Sequence[Fen], found: Combination) -> Combination:
    """The same sum with every coupon left out that does not lower it."""
    best = found
    for position, record in enumerate(found.coupons):
        if record is not None:
            fewer = tuple(None if i == position else kept for i, kept in enumerate(best.coupons))
            best = _if_as_good(prices, Combination(fewer, best.general_coupon, best.total)) or best
    if best.general_coupon is not None:
        best = _if_as_good(prices, Combination(best.coupons, None, best.total)) or best
    return best


def _if_as_good(prices: Sequence[Fen], tried: Combination) -> Combination | None:
    try:
        subtotal = sum(
            record.price_after(price) if record else price
            for price, record in zip(prices, tried.coupons, strict=True)
        )
        total = tried.general_coupon.price_after(subtotal) if tried.general_coupon else subtotal
    except BelowMinimum:
        return None
    return tried if total == tried.total else None
