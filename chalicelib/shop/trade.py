"""Trades: what an order is paid by at its providers, each by a number of its own.

A provider may want a trade for each way to pay, and a trade that was closed cannot be used again. So an order may have
several of them, at several providers: money may come by each one that was begun.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from pynamodb.attributes import BooleanAttribute, MapAttribute, UnicodeAttribute

MAX_TRADES = 8
"""The most trades of an order."""
MAX_NUMBER = 32
"""The longest number of a trade that all providers take."""


class Trade(MapAttribute[str, object]):
    """A trade that was begun: the provider knows it by `number`, or not yet. `way`: where its provider tells ways
    apart.

    `is_closed`: the provider has said that it is closed. It was not paid, and cannot be used any more.
    """

    provider = UnicodeAttribute()
    number = UnicodeAttribute()
    way = UnicodeAttribute(null=True)
    is_closed = BooleanAttribute(default=False)

    def is_used_for(self, provider: str, way: str | None) -> bool:
        """Whether this is the trade by which an order is paid that way."""
        return (self.provider, self.way, self.is_closed) == (provider, way, False)


def a_trade(provider: str, number: str, way: str | None = None, *, is_closed: bool = False) -> Trade:
    """A trade, to be listed by its order."""
    return Trade(provider=provider, number=number, way=way, is_closed=is_closed)  # type: ignore[no-untyped-call]


def free_number(order_number: str, provider: str, way: str | None, taken: Collection[str]) -> str:
    """A number for a trade, none of `taken`: the order's own for a provider that tells no ways apart; else, or where
    that is taken, with a letter of the way (of the provider where there is none), and a count from 2 on.
    """
    if way is None and order_number not in taken:
        return order_number
    lettered = order_number + (way or provider)[0].upper()
    numbers = (lettered if nth == 1 else f"{lettered}{nth}" for nth in count(1))
    return next(number for number in numbers if number not in taken)
