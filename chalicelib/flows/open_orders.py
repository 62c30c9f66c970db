"""A learner's unpaid orders, found without reading the paid ones."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.shop import open_items
from chalicelib.shop.order import Order
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import ItemKey, StoredItem, find_together


def open_orders_key(user_id: int) -> ItemKey:
    """What has to be read before the unpaid orders, in a batch."""
    return open_items.listed_key(partition(user_id), open_items.ORDERS)


def open_orders_in(found: Mapping[ItemKey, StoredItem], user_id: int) -> list[Order]:
    """The user's unpaid orders, newest first, by what a batch read found under `open_orders_key`.

    One batch read of as many as a user may have open; none where none was opened. Imported orders are not among them.
    """
    owner = partition(user_id)
    sorts = open_items.listed_in(found, owner, open_items.ORDERS)
    read = find_together([(Order, owner, sort) for sort in sorts])
    orders = [order for order in read.values() if isinstance(order, Order) and order.is_open()]
    return sorted(orders, key=lambda order: order.sort, reverse=True)
