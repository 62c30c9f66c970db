"""Lets an order's time be over, in the stores that the environment names: python -m tests.browser.expire NUMBER"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from chalicelib.errors import OrderNotFound
from chalicelib.shop.order import CLOSE_MARGIN, Order, find_by_number
from chalicelib.shop.work import due_actions


def main(number: str) -> int:
    """Returns 1 when there is no such open order."""
    try:
        order = find_by_number(number)
    except OrderNotFound:
        return 1
    if not order.is_open():
        return 1
    now = datetime.now(UTC).replace(microsecond=0)
    order.update(
        [Order.expires_at.set(now - CLOSE_MARGIN - timedelta(minutes=1)), *due_actions(now)],
        condition=Order.status == order.status,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
