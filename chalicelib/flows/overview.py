"""What the head of every page shows of a learner."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import CartStoreUnavailable
from chalicelib.shop import cart, coupon
from chalicelib.shop.caller import Caller
from chalicelib.shop.user import User
from chalicelib.storage.background import in_background

from .open_orders import open_orders_in, open_orders_key

log = logging.getLogger(__name__)


class Overview(Struct, frozen=True):
    """A user, and how many courses their cart has (None: its store is down), how many unpaid orders and how many
    coupons that can be used now they have.
    """

    user: User
    cart_count: int | None
    open_orders: int
    usable_coupons: int


def overview(caller: Caller, now: datetime) -> Overview:
    """A batch read, a Query and Redis at once; a batch read more where orders were opened."""
    counted = in_background(count_cart, caller.user_id)
    listed = in_background(coupon.list_records, caller.user_id)
    orders = open_orders_in(caller.find([open_orders_key(caller.user_id)]), caller.user_id)
    usable = sum(record.is_usable(now) for record in listed())
    return Overview(caller.user(), counted(), len(orders), usable)


def count_cart(user_id: int) -> int | None:
    """How many courses are in a cart; None while its store is down, which is no reason to show nothing."""
    try:
        return cart.count_lines(user_id)
    except CartStoreUnavailable:
        log.warning("a cart was not counted")
        return None
