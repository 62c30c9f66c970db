"""The work lists: what is due later, each item with the time at which it is.

Orders and refunds are on one list, messages and reminders on another, of shards of their own: the timer of the orders
never reads a message, however many wait. The sparse index `by_work` holds both. A worker takes an item's lease first,
because timers overlap and the index lags. A final item leaves the index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, cast

from pynamodb.expressions.update import Action

from chalicelib.errors import LeaseTaken
from chalicelib.storage.dynamodb import WORK_SHARDS, UserItem, WholeNumber, chance, readable, refusing

ORDERS, MESSAGES = range(WORK_SHARDS), range(100, 104)
"""The shards of each list. A change needs a rewrite of all items that are on it."""
LEASE = timedelta(minutes=2)
"""How long a worker has an item to itself. An item whose worker died is due again after it."""


class WorkItem(UserItem):
    """An item that may be on the work list, due at `due_at` (epoch seconds); None takes it off the list."""

    work_shard = WholeNumber(null=True)
    due_at = WholeNumber(null=True, attr_name="next_look_at")

    work_list: ClassVar[range] = ORDERS

    def set_due(self, at: datetime) -> None:
        """Put a new item on its work list, before it is written."""
        self.work_shard = chance.choice(self.work_list)
        self.due_at = int(at.timestamp())


def due_actions(at: datetime | None, work_list: range = ORDERS) -> list[Action]:
    """Return the actions that make an item of a list due at `at`, listed or not; None takes it off the list."""
    if at is None:
        return [WorkItem.work_shard.remove(), WorkItem.due_at.remove()]
    return [
        WorkItem.work_shard.set(WorkItem.work_shard | chance.choice(work_list)),
        WorkItem.due_at.set(int(at.timestamp())),
    ]


LISTED = ("owner", "sort", "kind", "work_shard", "next_look_at")
"""What `list_due` reads of an item: the index holds no more."""


def list_due(shard: int, now: datetime, limit: int) -> list[WorkItem]:
    """List up to `limit` due items of a shard, longest waiting first. One Query of an index that lags; one more for
    each megabyte.

    The items hold their keys and due time only: `take_lease` reads the rest.
    """
    due = WorkItem.due_at <= int(now.timestamp())
    asked = UserItem.work_index.query(shard, due, limit=limit, attributes_to_get=list(LISTED))
    return cast(list[WorkItem], readable(asked))


def in_turns(due: Iterable[WorkItem], of_one: int) -> list[WorkItem]:
    """Order the due items of one round: each owner's longest waiting first, then each owner's second, up to `of_one` of
    an owner. However many items one user has, another user's first item is among the first.
    """
    turns: list[list[WorkItem]] = [[] for _ in range(of_one)]
    taken: Counter[str] = Counter()
    for item in sorted(due, key=lambda item: int(item.due_at or 0)):
        if taken[item.owner] < of_one:
            turns[taken[item.owner]].append(item)
            taken[item.owner] += 1
    return [item for turn in turns for item in turn]


def take_lease(item: WorkItem, now: datetime) -> None:
    """Claim a due item: other workers skip it until `LEASE` has passed. One write, which also reads the item anew.

    Raises LeaseTaken when another worker has it or it left the list. If the worker dies, the item is due again.
    """
    reschedule(item, now + LEASE)


def reschedule(item: WorkItem, at: datetime | None) -> None:
    """Reschedule an item, or (None) remove it from the work list. One write, which also reads the item anew.

    Raises LeaseTaken when its due time has changed since it was read.
    """
    unchanged = WorkItem.due_at == item.due_at
    with refusing(LeaseTaken()):
        item.update(due_actions(at, item.work_list), condition=unchanged)
    item.due_at = None if at is None else int(at.timestamp())
