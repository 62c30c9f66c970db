"""The timer: run the due work, whatever its kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any

from chalicelib.deadline import Deadline
from chalicelib.errors import LeaseTaken, ShopError, StoreUnavailable
from chalicelib.gateways import Gateways
from chalicelib.request_log import add_fields
from chalicelib.shop import attention, work
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund
from chalicelib.shop.work import WorkItem

from . import carry_out_refund, reconcile

log = logging.getLogger(__name__)

AT_ONCE = 16
"""How many items run at the same time: a slow provider's item holds up no other."""
_ITEM_SECONDS = 10.0
"""The most that one item may take: the provider's deadline and the stores."""
_LISTED_OF_A_SHARD = 2_000
_OF_ONE_OWNER = 20
"""How many items of one user a round processes: many due orders of one user delay nobody else's."""

Process = Callable[[Any, Gateways, datetime], object]

KINDS: Mapping[type[WorkItem], Process] = {
    Order: reconcile.process,
    Refund: carry_out_refund.process,
}
"""How a due item of each kind is processed, once its lease is taken."""


def run_due_work(
    gateways: Gateways,
    clock: Callable[[], datetime],
    seconds: float,
    kinds: Mapping[type[WorkItem], Process] = KINDS,
    work_list: range = work.ORDERS,
) -> int:
    """Process all due items of a list, for up to `seconds` -> how many were processed.

    Each is processed under a lease, so timers may overlap; an undecided one is due again later. A round takes a few
    items of every user. An item of none of the `kinds` is logged as an error in each run and stays listed. How long the
    one has waited that is due longest is added to the log.
    """
    deadline, done = Deadline(seconds), 0
    # The index lags: it lists what was processed a moment ago.
    tried: set[tuple[str, str, int | None]] = set()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while deadline.remaining() > _ITEM_SECONDS:
            listed = [
                item for shard in work_list for item in work.list_due(shard, clock(), _LISTED_OF_A_SHARD)
            ]
            if not tried:
                add_fields(waited_seconds=_longest_wait(listed, clock()))
            due = work.in_turns((item for item in listed if _listing(item) not in tried), _OF_ONE_OWNER)
            if not due:
                break
            tried |= {_listing(item) for item in due}
            running = [
                pool.submit(copy_context().run, _process_in_time, item, kinds, gateways, clock, deadline)
                for item in due
            ]
            finished = sum(_result(item, future) for item, future in zip(due, running, strict=True))
            done += finished
            if not finished:
                break
    return done


def count_for_a_person() -> dict[str, int]:
    """How many applications wait for an operator's decision, and how many problems for one to mend. Two Queries.

    Nothing where the store is out of reach: the work is done by then, and the next run counts again.
    """
    try:
        return {
            "decisions": attention.count_attention(attention.DECISION),
            "problems": attention.count_attention(attention.PROBLEM),
        }
    except StoreUnavailable as error:
        log.warning("what waits for a person is not counted: %s", type(error).__name__)
        return {}


def _longest_wait(listed: Iterable[WorkItem], now: datetime) -> int:
    """For how many seconds the item that is due longest has been due."""
    at = int(now.timestamp())
    return max((at - item.due_at for item in listed if item.due_at is not None), default=0)


def _listing(item: WorkItem) -> tuple[str, str, int | None]:
    return item.owner, item.sort, item.due_at


def _process_in_time(
    item: WorkItem,
    kinds: Mapping[type[WorkItem], Process],
    gateways: Gateways,
    clock: Callable[[], datetime],
    deadline: Deadline,
) -> bool:
    if deadline.remaining() < _ITEM_SECONDS:
        return False
    process, now = kinds[type(item)], clock()
    try:
        work.take_lease(item, now)
    except LeaseTaken:
        return False
    process(item, gateways, now)
    return True


def _result(item: WorkItem, future: Future[bool]) -> bool:
    error = future.exception()
    if error is None:
        return future.result()
    # An item that fails stops no other: it is due again after its lease.
    known = isinstance(error, ShopError)
    log.log(
        logging.WARNING if known else logging.ERROR,
        "an item waits for its next turn: %s, %s",
        item.sort,
        type(error).__name__,
        exc_info=None if known else error,
    )
    return False
