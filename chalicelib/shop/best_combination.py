"""The best combination: which coupons make a purchase cheapest, computed exactly.

Lines are independent of each other: a course's coupon is good for its line only. What ties them together is
the general coupon on their sum. 立减券, 折扣券 and none never grow dearer when the sum falls, so each line takes
its cheapest price. 满减券 has a minimum: of all sums that reach it the smallest is wanted, which is a subset sum
over fen, solved with one bit for each fen that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chalicelib.errors import BelowMinimum
from chalicelib.money import Fen
from chalicelib.shop.coupon import FULL, CouponRecord


class Combination(Struct, frozen=True):
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
    Time grows with the number of records times the fen between the cheapest and the dearest sum; a further
    general coupon costs next to nothing. Forty lines of 2,000 yuan with ten records each take half a second.
    """
    options = [_line_options(price, records) for price, records in zip(prices, line_coupons, strict=True)]
    cheapest, dearest = sum(line[0][0] for line in options), sum(line[-1][0] for line in options)
    missing = [
        (general, max(0, general.minimum - cheapest) if general.coupon_type == FULL else 0)
        for general in _worth_trying(general_coupons)
        if general.coupon_type != FULL or general.minimum <= dearest
    ]
    reached = _reachable(options, max((wanted for _, wanted in missing), default=0))
    best, best_excess = Combination((), None, cheapest), 0
    for general, wanted in missing:
        excess = _smallest_from(reached[-1], wanted)
        total = general.price_after(cheapest + excess)
        if total < best.total:
            best, best_excess = Combination((), general, total), excess
    coupons = _options_with(options, reached, best_excess)
    return _without_waste(prices, Combination(coupons, best.general_coupon, best.total))


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
    """Keep one record of each rule: equal pieces of one coupon give equal sums."""
    rules = {(r.coupon_type, r.value, r.off_percent, r.minimum): r for r in reversed(records)}
    return list(rules.values())


def _reachable(options: Sequence[Sequence[_Option]], wanted: Fen) -> list[int]:
    """What the lines can cost above their cheapest: bit n of the entry i says that the first i lines can
    exceed their cheapest sum by exactly n fen.

    Kept are the sums up to the smallest that reaches `wanted`: that one is less than the largest step of a
    line above it, or a line of it could be made cheaper.
    """
    steps = [[price - line[0][0] for price, _ in line] for line in options]
    kept = (1 << (wanted + max(line[-1] for line in steps))) if wanted else 1
    reached = [1]
    for line in steps:
        together = 0
        for step in line if wanted else [0]:
            together |= reached[-1] << step
        reached.append(together & (2 * kept - 1))
    return reached


def _smallest_from(sums: int, wanted: Fen) -> Fen:
    """The smallest set bit n from `wanted` on; one must exist."""
    above = sums >> wanted
    return wanted + (above & -above).bit_length() - 1


def _options_with(
    options: Sequence[Sequence[_Option]], reached: Sequence[int], excess: Fen
) -> tuple[CouponRecord | None, ...]:
    """One record (or None) a line, so that all together exceed the cheapest sum by exactly `excess`."""
    chosen: list[CouponRecord | None] = []
    for line, before in zip(reversed(options), reversed(reached[:-1]), strict=True):
        step, record = next(
            (price - line[0][0], record)
            for price, record in line
            if price - line[0][0] <= excess and before >> (excess - price + line[0][0]) & 1
        )
        excess -= step
        chosen.append(record)
    return tuple(reversed(chosen))


def _without_waste(prices: Sequence[Fen], found: Combination) -> Combination:
    """The same sum without the coupons that do not lower it."""
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
