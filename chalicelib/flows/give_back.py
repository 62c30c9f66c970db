"""Giving back what an order took from its user."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import ShopError
from chalicelib.shop import coupon, ledger
from chalicelib.shop.order import Order
from chalicelib.storage.dynamodb import Transaction


def give_back(transaction: Transaction, taker: Order, why: str, refusal: ShopError, now: datetime) -> None:
    """Release all coupon records of an order and put its beli back into the ledger.

    `why` ("closed", "refunded") ends the cause of the ledger's entry.
    """
    for record_id in taker.coupon_record_ids():
        coupon.release(transaction, taker.user_id, record_id, taker.number, refusal)
    if taker.beli:
        cause = f"order {taker.number} {why}"
        back = ledger.entry(taker.user_id, taker.beli, f"{taker.number}#{why}", cause, now)
        ledger.change(transaction, back, refusal)
