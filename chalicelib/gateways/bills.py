"""What a payment provider's bill of one day says, in the shop's words.

A bill is the provider's own record: what no notification and no query tells is told by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.money import Fen

BILL_SECONDS = 60.0
"""The most that fetching one bill takes."""
MAX_BILL_BYTES = 256 * 1024 * 1024
"""The largest bill that is fetched, uncompressed."""


class WrongBill(Exception):
    """A bill is not what its provider says it is: its hash, form or sums do not hold. It says nothing then."""


@dataclass(frozen=True)
class BillLine:
    """One movement of a trade: its payment, or one refund of it (then `request_no` is the refund's).

    `number` is the merchant's number of the trade, `trade_no` the provider's; amounts are in fen. `fee` is what the
    provider takes, below 0 for what it gives back. `is_final`: money has moved; a refund may still be under way.
    """

    at: datetime
    number: str
    trade_no: str
    request_no: str | None
    amount: Fen
    fee: Fen
    is_final: bool


@dataclass(frozen=True)
class FundLine:
    """One movement of the merchant's account at the provider, in fen: `amount` is below 0 for what left it, `balance`
    is what the account held then. `reference` is the merchant's number of the trade or refund, if it belongs to one,
    `kind` the provider's word.
    """

    at: datetime
    flow_no: str
    kind: str
    amount: Fen
    balance: Fen
    provider_no: str
    reference: str
