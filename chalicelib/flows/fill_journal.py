"""Write what the journal lacks: the facts of orders that were paid before there was one, or imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from chalicelib.shop import journal, refund
from chalicelib.shop import order as orders
from chalicelib.shop.journal import JournalEntry
from chalicelib.shop.order import Order
from chalicelib.shop.payment import Payment
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import UserItem


def fill(report: Callable[[int, int], None]) -> tuple[int, int]:
    """Write the entries that are missing -> how many orders were read, and how many entries written.

    Reads the whole table, once; `report` gets both numbers after each order. Repeating it, and selling meanwhile, does
    no harm: an entry's key names its fact.
    """
    read = written = 0
    for order in cast(Iterator[Order], Order.scan(consistent_read=True)):
        read += 1
        if order.is_delivered() or order.is_closed():
            written += sum(journal.add_missing(entry) for entry in facts(order, orders.list_about(order)))
        report(read, written)
    return read, written


def facts(order: Order, items: list[UserItem]) -> Iterator[JournalEntry]:
    """The entries that an order's payments and refunds should have; `items` is all that is kept about it."""
    refunds = [item for item in items if isinstance(item, Refund)]
    yield from (journal.of_payment(order, item) for item in items if isinstance(item, Payment))
    if order.is_delivered() and order.amount == 0 and order.paid_at is not None:
        yield journal.of_free(order, order.paid_at)
    for one in refunds:
        if one.status == refund.DONE:
            yield from _of_refund(order, one)
        elif one.status == refund.SUPERSEDED and one.why != refund.APPLICATION:
            yield journal.of_whole_payment(order, one, one.finished_at)
    left, lines = refund.beyond_requests(order, refunds)
    if left and order.refunded_at is not None:
        yield journal.of_whole_refund(order, lines, left, order.refunded_at)


def _of_refund(order: Order, done: Refund) -> Iterator[JournalEntry]:
    """A refund that is done went back another way, by its provider, or first the one and then the other."""
    if done.refunded_externally or done.made_after_all_at:
        yield journal.of_refund(order, done, done.finished_at, fact=journal.ELSEWHERE)
    if not done.refunded_externally:
        at = done.made_after_all_at or done.finished_at
        yield journal.of_refund(order, done, at, number=done.number_made())
