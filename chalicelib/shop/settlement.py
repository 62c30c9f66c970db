"""The settlement: what a choice of courses, coupons and beli costs, to the fen.

Rules (the contract's part "Arithmetic"): per line the policy's price, then the course's coupon; then the general coupon
on the sum; then beli, ten to a yuan, as few as give the payable amount. Discounts on the whole order are split over the
lines in proportion, by largest remainder. Everything here is arithmetic in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chalicelib.money import FEN_PER_BELI, Fen, beli_for, split
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import CourseKey


class DueLine(Struct, frozen=True):
    """A line to settle: a course at a policy's price (fen), with the coupon chosen for it."""

    course: CourseKey
    price: Fen
    coupon: CouponRecord | None = None


class SettledLine(Struct, frozen=True):
    """A settled line, in fen but for `beli`.

    price: of the policy; rebate_price: after the course's coupon; general_share and beli_share: the line's parts of the
    discounts on the whole order; payable: what is due for the line; beli: the line's part of the beli spent.
    """

    course: CourseKey
    price: Fen
    rebate_price: Fen
    general_share: Fen
    beli_share: Fen
    beli: int

    @property
    def payable(self) -> Fen:
        """What is due for the line in money."""
        return self.rebate_price - self.general_share - self.beli_share


class Settlement(Struct, frozen=True):
    """The amounts of a choice, in fen but for `beli` (whole beli spent)."""

    lines: tuple[SettledLine, ...]
    general_discount: Fen
    beli: int
    beli_discount: Fen

    @property
    def payable(self) -> Fen:
        """What is due in money: the sum of the lines' `payable`."""
        return sum(line.payable for line in self.lines)


def after_general(subtotal: Fen, general_coupon: CouponRecord | None) -> Fen:
    """What is left of the sum of the lines after the general coupon. Raises BelowMinimum."""
    return general_coupon.price_after(subtotal) if general_coupon else subtotal


def after_beli(amount: Fen, beli_balance: int) -> Fen:
    """What is left of an amount when the balance is spent on it."""
    return max(0, amount - beli_balance * FEN_PER_BELI)


def due(subtotal: Fen, general_coupon: CouponRecord | None, beli_balance: int) -> Fen:
    """What is due in money of a sum of lines, without its split. Raises BelowMinimum."""
    return after_beli(after_general(subtotal, general_coupon), beli_balance)


def settle(lines: Sequence[DueLine], general_coupon: CouponRecord | None, beli_balance: int) -> Settlement:
    """Compute a settlement. `beli_balance` is what may be spent: 0 when beli are not to be used.

    Raises BelowMinimum when a coupon's minimum is not reached. Does not check whether the coupons may be used at all.
    """
    rebate_prices = [line.coupon.price_after(line.price) if line.coupon else line.price for line in lines]
    subtotal = sum(rebate_prices)
    before_beli = after_general(subtotal, general_coupon)
    general_shares = split(subtotal - before_beli, rebate_prices)
    after_shares = [price - share for price, share in zip(rebate_prices, general_shares, strict=True)]
    beli_discount = before_beli - after_beli(before_beli, beli_balance)
    beli = beli_for(beli_discount)
    beli_shares = split(beli_discount, after_shares)
    beli_parts = split(beli, after_shares)
    return Settlement(
        lines=tuple(
            SettledLine(line.course, line.price, rebate, general, money, whole)
            for line, rebate, general, money, whole in zip(
                lines, rebate_prices, general_shares, beli_shares, beli_parts, strict=True
            )
        ),
        general_discount=subtotal - before_beli,
        beli=beli,
        beli_discount=beli_discount,
    )
