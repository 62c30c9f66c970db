"""The work list: things that somebody has to look at by a certain time, open orders and approved refunds.

They stand in the sparse index `by_work`, spread over a fixed number of shards. Whoever works on one takes its
lease first, because schedules overlap and the index lags; what is final leaves the index.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from pynamodb.expressions.update import Action

from chalicelib.errors import LeaseTaken
from chalicelib.storage.dynamodb import WORK_SHARDS, UserItem, WholeNumber, readable, refusing

LEASE = timedelta(minutes=2)
"""How long whoever works on something has it for itself, and so after what time it is tried again."""


class WorkItem(UserItem):
    """Something that can be on the work list: `next_look_at` (epoch seconds) is when, absent when it is not."""

    work_shard = WholeNumber(null=True)
    next_look_at = WholeNumber(null=True)

    def enter_work(self, at: datetime) -> None:
        """Have the item, which is about to be written, looked at from `at` on."""
        self.work_shard = random.randrange(WORK_SHARDS)
        self.next_look_at = int(at.timestamp())


def stay_in_work(at: datetime | None) -> list[Action]:
    """The actions that have an item looked at from `at` on (None: never again), whether or not it is listed
    now.
    """
    if at is None:
        return [WorkItem.work_shard.remove(), WorkItem.next_look_at.remove()]
    return [
        WorkItem.work_shard.set(WorkItem.work_shard | random.randrange(WORK_SHARDS)),
        WorkItem.next_look_at.set(int(at.timestamp())),
    ]


def shards() -> Iterable[int]:
    """The shards of the index."""
    return range(WORK_SHARDS)


_LISTED = ("owner", "sort", "kind", "work_shard", "next_look_at")


def list_due(shard: int, now: datetime, limit: int) -> list[WorkItem]:
    """What is due in a shard, longest waiting first, up to `limit`. One Query of an index, which may lag
    behind; a further one for each megabyte.

    The items have their keys and their due time only: the lease brings the rest, as it is stored then.
    """
    due = WorkItem.next_look_at <= int(now.timestamp())
    asked = UserItem.work_index.query(shard, due, limit=limit, attributes_to_get=list(_LISTED))
    return cast(list[WorkItem], readable(asked))


def in_turns(due: Iterable[WorkItem], of_one: int) -> list[WorkItem]:
    """What to process in one round: everybody's longest waiting item, then everybody's second, and so on, at most
    `of_one` of one owner. However much is due of one user, another's first item is among the first.
    """
    turns: list[list[WorkItem]] = [[] for _ in range(of_one)]
    taken: Counter[str] = Counter()
    for item in sorted(due, key=lambda item: int(item.next_look_at or 0)):
        if taken[item.owner] < of_one:
            turns[taken[item.owner]].append(item)
            taken[item.owner] += 1
    return [item for turn in turns for item in turn]


def take_lease(item: WorkItem, now: datetime) -> None:
    """Claim a due item: other workers skip it until `LEASE` has passed. One write, which also reads the item anew.

    Raises LeaseTaken when another worker has it or it is not listed any more. If its holder dies it is due
    again.
    """
    look_again(item, now + LEASE)


def look_again(item: WorkItem, at: datetime | None) -> None:
    """Reschedule an item, or (None) remove it from the work list. One write, which also reads the item anew.

    Raises LeaseTaken when it is not listed as it was read.
    """
    unchanged = WorkItem.next_look_at == item.next_look_at
    with refusing(LeaseTaken()):
        item.update(stay_in_work(at), condition=unchanged)
    item.next_look_at = None if at is None else int(at.timestamp())
