"""Money: whole fen inside, yuan at the two edges (JSON and payment gateways).

All roundings of the shop are `percent` (half up) and `split` (largest remainder). No float takes part.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Fen: TypeAlias = int
"""An amount of money in fen (1/100 yuan)."""

MAX_FEN: Fen = 10_000_000_000
"""The largest amount handled: 100,000,000 yuan, the most that a payment provider takes for one trade."""

BELI_PER_YUAN = 10
FEN_PER_BELI: Fen = 100 // BELI_PER_YUAN


class NotMoney(ValueError):
    """The value is no amount of money: not a number, negative, finer than a fen, or absurdly large."""


def from_yuan(value: str | int | Decimal) -> Fen:
    """Read an amount in yuan (`60`, `223.35`, `"100.0"`) exactly.

    Raises NotMoney for anything finer than a fen, negative, not finite, or above `MAX_FEN`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise NotMoney(type(value).__name__)
    if isinstance(value, str) and (len(value) > 30 or not value.isascii() or "_" in value):
        raise NotMoney("text")
    try:
        yuan = Decimal(value)
        if not yuan.is_finite() or not 0 <= yuan <= MAX_FEN // 100:
            raise NotMoney("range")
        # Comparing is exact, whereas multiplying would round what has more digits than the context keeps.
        rounded = yuan.quantize(Decimal("0.01"))
        if rounded != yuan:
            raise NotMoney("finer than a fen")
    except InvalidOperation as error:
        raise NotMoney("syntax") from error
    return int(rounded * 100)


def from_legacy_yuan(value: float) -> Fen:
    """Read an amount of the old system, a binary float in yuan, rounded half up to the fen."""
    return int((Decimal(repr(value)) * 100).quantize(Decimal(1), rounding="ROUND_HALF_UP"))


def to_yuan(fen: Fen) -> Decimal:
    """The amount as an exact decimal of yuan with two decimals, for JSON and (`str()` of it) for providers."""
    return Decimal(fen).scaleb(-2).quantize(Decimal("0.01"))


def yuan_text(fen: Fen) -> str:
    """The amount as text with one decimal at least and two at most: `100.0`, `223.35`, `0.05`."""
    whole, cents = divmod(fen, 100)
    return f"{whole}.{cents // 10}" if cents % 10 == 0 else f"{whole}.{cents:02d}"


def percent(fen: Fen, off_percent: int) -> Fen:
    """`off_percent` hundredths of an amount (80 is 八折), rounded half up to the fen."""
    return (fen * off_percent + 50) // 100


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to non-negative weights, by largest remainder; earlier parts win
    ties.

    The parts sum to `total`. When every weight is 0 every part is 0: there is nothing to give the total to.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def beli_for(fen: Fen) -> int:
    """The smallest whole number of beli worth at least `fen`: 5 fen cost 1 beli."""
    return -(-fen // FEN_PER_BELI)
