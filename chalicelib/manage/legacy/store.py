"""Write units: each by one transaction, and only where nothing is yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.errors import IdTaken, UserNameTaken
from chalicelib.manage.legacy import SOURCE
from chalicelib.manage.legacy.report import Report
from chalicelib.manage.legacy.values import Row
from chalicelib.storage.dynamodb import (
    MAX_BATCH_KEYS,
    MAX_ITEM_BYTES,
    CatalogItem,
    ItemKey,
    StoredItem,
    Transaction,
    UserItem,
    find_together,
)

TOO_LARGE = "it is larger than what DynamoDB stores in one item"
ID_TAKEN = "its id is taken by something else in the shop"

_ITEMS_TOGETHER = 50
"""The most items of several units in one transaction: few round trips, and little to repeat."""
_BYTES_TOGETHER = 2_000_000
_IDENTITY = ("user_id", "chapter_id", "order_sort")
"""Attributes that identify the item under a key as the same, where it has them."""


@dataclass(frozen=True)
class Unit:
    """A row with its items, which are written all or not at all, and the further rows that come with it.

    The first item tells whether the unit is in the shop. `add` adds the writes to a transaction; without it each item
    is put where nothing is. Its refusal is IdTaken, or UserNameTaken.
    """

    row: Row
    items: tuple[StoredItem, ...]
    add: Callable[[Transaction], None] | None = None
    with_rows: tuple[Row, ...] = ()
    remark: str | None = None

    def write(self, transaction: Transaction) -> None:
        """Add all writes of the unit."""
        if self.add is not None:
            self.add(transaction)
            return
        for item in self.items:
            transaction.put_new(item, IdTaken(row=repr(self.row)))


def key_of(item: StoredItem) -> ItemKey:
    """The key of an item, for a batch read."""
    if isinstance(item, CatalogItem):
        return type(item), item.course_key, item.sort
    assert isinstance(item, UserItem)
    return type(item), item.owner, item.sort


def put_units(units: Sequence[Unit], report: Report) -> None:
    """Write the units that are not in the shop yet, and record the outcome of each of their rows.

    When the store fails on the way, the written units are whole, and a later import finds them.
    """
    for asked in _batches(_one_for_each_place(units, report), MAX_BATCH_KEYS):
        stored = find_together([key_of(unit.items[0]) for unit in asked])
        missing = []
        for unit in asked:
            found = stored.get(key_of(unit.items[0]))
            if found is not None:
                _record_stored(unit, found, report)
            elif is_too_large(unit):
                refuse(unit, TOO_LARGE, report)
            else:
                missing.append(unit)
        for together in _packed(missing):
            _put(together, report)


def _one_for_each_place(units: Sequence[Unit], report: Report) -> list[Unit]:
    """Refuse the units whose key an earlier row of the file has -> the others."""
    first: dict[ItemKey, Unit] = {}
    for unit in units:
        if first.setdefault(key_of(unit.items[0]), unit) is not unit:
            refuse(unit, f"it is the same as {first[key_of(unit.items[0])].row}", report)
    return list(first.values())


def _put(units: Sequence[Unit], report: Report) -> None:
    """Write units by one transaction, or, when one of them is refused, each by its own."""
    transaction = Transaction()
    for unit in units:
        unit.write(transaction)
    witness = key_of(units[0].items[0])
    try:
        transaction.commit(witness=lambda: bool(find_together([witness])))
    except (IdTaken, UserNameTaken) as refusal:
        if len(units) > 1:
            for unit in units:
                _put([unit], report)
            return
        _record_refused(units[0], refusal, report)
        return
    for unit in units:
        for row in (unit.row, *unit.with_rows):
            report.taken(row)
        if unit.remark:
            report.remark(unit.row, unit.remark)


def _record_refused(unit: Unit, refusal: IdTaken | UserNameTaken, report: Report) -> None:
    key = key_of(unit.items[0])
    stored = find_together([key]).get(key)
    if stored is not None:
        # Another import at the same time, or a first attempt of this write whose answer was lost.
        _record_stored(unit, stored, report)
    elif isinstance(refusal, UserNameTaken):
        refuse(unit, "its user name is taken by somebody else in the shop", report)
    else:
        refuse(unit, "a part of it is taken by something else in the shop", report)


def _record_stored(unit: Unit, stored: StoredItem, report: Report) -> None:
    if not is_ours(stored, unit.items[0]):
        refuse(unit, ID_TAKEN, report)
        return
    for row in (unit.row, *unit.with_rows):
        report.already_there(row)


def is_ours(stored: StoredItem, item: StoredItem) -> bool:
    """Whether a stored item came from an earlier import, and is the same as `item`."""
    same = all(getattr(stored, name, None) == getattr(item, name, None) for name in _IDENTITY)
    return same and getattr(stored, "source", None) == SOURCE


def is_too_large(unit: Unit) -> bool:
    """Whether an item of the unit is too large for DynamoDB."""
    return max(_size(item) for item in unit.items) > MAX_ITEM_BYTES


def refuse(unit: Unit, reason: str, report: Report) -> None:
    """Record the outcome of each row of a unit that is not taken."""
    report.not_taken(unit.row, reason)
    for row in unit.with_rows:
        report.not_taken(row, f"{unit.row} was not taken")


def _packed(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    together: list[Unit] = []
    count = size = 0
    for unit in units:
        # Some writes are not in `items`: a user's name, a course's mark.
        unit_count, unit_size = len(unit.items) + 2, sum(_size(item) for item in unit.items)
        if together and (count + unit_count > _ITEMS_TOGETHER or size + unit_size > _BYTES_TOGETHER):
            yield together
            together, count, size = [], 0, 0
        together.append(unit)
        count, size = count + unit_count, size + unit_size
    if together:
        yield together


def _batches(units: Sequence[Unit], size: int) -> Iterator[Sequence[Unit]]:
    return (units[start : start + size] for start in range(0, len(units), size))


def _size(item: StoredItem) -> int:
    return len(json.dumps(item.serialize(), ensure_ascii=False).encode())
