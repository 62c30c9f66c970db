"""The shop's book held against Alipay's."""

from __future__ import annotations

from chalicelib.shop.order import Order
from localstack.alipay import AlipaySimulator
from localstack.alipay.trades import Trade
from localstack.provider.book import NoSuchTrade
from tests.proof.invariants import Violated


def check_money(alipay: AlipaySimulator, placed: Order) -> None:
    """Alipay has kept (fen) just what the shop says that it got for an order: nothing of one that is not delivered.

    Of an order with one trade that nobody is about to tell of. Raises Violated.
    """
    try:
        trade: Trade | None = alipay.trade(placed.number)
    except NoSuchTrade:
        trade = None
    kept = trade.amount - trade.refunded if trade is not None and trade.paid_at is not None else 0
    recorded = placed.amount - placed.refunded_amount if placed.is_delivered() else 0
    if kept != recorded:
        raise Violated(f"{placed.number}: Alipay has kept {kept} fen, the shop says {recorded}")
