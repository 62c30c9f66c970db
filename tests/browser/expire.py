"""Lets an order's time be over, in the stores that the environment names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.errors import OrderNotFound
from chalicelib.shop.order import CLOSE_MARGIN, Order, find_by_number
from chalicelib.shop.work import due_actions


def expire(number: str) -> bool:
    """Whether there was such an open order."""
    try:
        order = find_by_number(number)
    except OrderNotFound:
        return False
    if not order.is_open():
        return False
    now = datetime.now(UTC).replace(microsecond=0)
    order.update(
        [Order.expires_at.set(now - CLOSE_MARGIN - timedelta(minutes=1)), *due_actions(now)],
        condition=Order.status == order.status,
    )
    return True
