"""What a payment provider's bill of one day says, in the shop's words.

A bill is the provider's own record: what no notification and no query tells is told by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Generic, Self, TypeVar

from msgspec import Struct

from chalicelib.confidential import Confidential
from chalicelib.money import Fen

BILL_SECONDS = 60.0
"""The most that fetching one bill takes."""
MAX_BILL_BYTES = 256 * 1024 * 1024
"""The largest bill that is fetched, uncompressed."""

_Line = TypeVar("_Line")


class WrongBill(Exception):
    """A bill is not what its provider says it is: its hash, form or sums do not hold. It says nothing then.

    `is_damaged`: it broke on its way, so that fetching it again may help.
    """

    def __init__(self, reason: str, is_damaged: bool = False) -> None:
        super().__init__(reason)
        self.is_damaged = is_damaged


class BillLine(Struct, frozen=True):
    """One movement of a trade: its payment, or one refund of it (then `request_no` is the refund's, empty where it
    names none).

    `number` is the merchant's number of the trade, `trade_no` the provider's; amounts are in fen. `fee` is what the
    provider takes, below 0 for what it gives back. `is_final`: money has moved; a refund may still be under way.
    `moves` is by how much it changes the merchant's account, below 0 for what leaves it; the bill of funds has that
    under `reference`.
    """

    at: datetime
    number: str
    trade_no: str
    request_no: str | None
    amount: Fen
    fee: Fen
    is_final: bool
    reference: str
    moves: Fen


class FundLine(Struct, frozen=True):
    """One movement of the merchant's account at the provider, in fen: `amount` is below 0 for what left it, `balance`
    is what the account held then. `reference` is the merchant's number of the trade or refund, empty where it belongs
    to none, as when money is drawn; `kind` is the provider's word.
    """

    at: datetime
    flow_no: str
    kind: str
    amount: Fen
    balance: Fen
    provider_no: str
    reference: str


class Bill(Confidential, Generic[_Line], frozen=True):
    """A bill that is what it should be: this merchant's and of this day, each line of its form, its sums right.

    `lines` reads it one line at a time, as often as one likes, one reading after another. It may lie in a temporary
    file: use it as a context manager, which lets go of that.
    """

    lines: Callable[[], Iterator[_Line]]
    close: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class BillPending(Struct, frozen=True):
    """The day is not over, or its bill not made yet: ask again later."""


class NoBill(Struct, frozen=True):
    """The provider has no bill of the day. `nothing_happened`: it says that there was no business; else the bill may
    only be late.
    """

    nothing_happened: bool


def checked(lines: Callable[[], Iterator[_Line]], close: Callable[[], None]) -> Bill[_Line]:
    """The bill of these lines, once they were read to their end. Raises what reading them raises, closed then."""
    with ExitStack() as opened:
        opened.callback(close)
        for _ in lines():
            pass
        opened.pop_all()
    return Bill(lines, close)
