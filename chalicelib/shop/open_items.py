"""How many items of one kind a user may have open at once: unpaid orders, undecided refunds, unanswered questions.

A set of sort keys per kind. The transaction that opens an item adds its key, on the condition that the set is smaller
than the limit, which so holds however many requests arrive at once. Closing an item removes nothing: a full set drops
the keys of closed items. So closing costs nothing more, and a flow that is cut off leaves no wrong count. Items must
not open again, and imported ones are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pynamodb.attributes import UnicodeSetAttribute
from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action

from chalicelib.errors import ShopError
from chalicelib.storage.dynamodb import ItemKey, StoredItem, Transaction, UserItem, find, find_together

ORDERS, REFUNDS = "ORDERS", "REFUNDS"


class OpenItems(UserItem, discriminator="OPEN_ITEMS"):
    """Sort keys of all of a user's open items of one kind, and of some that have closed since."""

    sorts = UnicodeSetAttribute(null=True)


def _sort(kind: str) -> str:
    return f"OPEN#{kind}"


def _key(owner: str, kind: str) -> OpenItems:
    return OpenItems(owner, _sort(kind))


def listed_key(owner: str, kind: str) -> ItemKey:
    """Where the sort keys of a user's open items stand, for a batch read."""
    return OpenItems, owner, _sort(kind)


def listed_in(found: Mapping[ItemKey, StoredItem], owner: str, kind: str) -> list[str]:
    """The sort keys of a user's open items, and of some that have closed since, among what a batch read found."""
    stored = found.get(listed_key(owner, kind))
    return sorted(stored.sorts or ()) if isinstance(stored, OpenItems) else []


def add(transaction: Transaction, item: UserItem, kind: str, most: int, refusal: ShopError) -> None:
    """Count an item that is about to be written. Refused where `most` are counted already."""
    listed = OpenItems.sorts
    has_room = listed.does_not_exist() | (size(listed) < most)
    actions: list[Action] = [listed.add({item.sort}), OpenItems.kind.set(OpenItems)]
    transaction.update(_key(item.owner, kind), actions, has_room, refusal)


def find_listed(owner: str, kind: str) -> tuple[set[str], list[UserItem]]:
    """The sort keys that are counted, and their items, strongly consistent: some may have closed since.

    Two round trips (a third for each further 100 keys), one where nothing is counted.
    """
    key = _key(owner, kind)
    stored = find(OpenItems, key.owner, key.sort)
    sorts = set(stored.sorts or ()) if stored else set()
    found = find_together([(UserItem, owner, sort) for sort in sorts])
    return sorts, [item for item in found.values() if isinstance(item, UserItem)]


def put(
    transaction: Transaction,
    item: UserItem,
    kind: str,
    *,
    before: Collection[str],
    after: set[str],
    refusal: ShopError,
) -> None:
    """Count an item that is about to be written: `after` are the sort keys that are counted then, `before` those of
    `find_listed`. Refused when they have changed: so two items that are written at once see each other.
    """
    listed = OpenItems.sorts
    is_as_read = listed == set(before) if before else listed.does_not_exist()
    actions: list[Action] = [listed.set(after), OpenItems.kind.set(OpenItems)]
    transaction.update(_key(item.owner, kind), actions, is_as_read, refusal)


def make_room(owner: str, kind: str, most: int, is_open: Callable[[UserItem], bool]) -> bool:
    """Remove the keys of items that are not open any more -> whether another one has room then.

    Two round trips (a third for each further 100 keys), and one write where an item has closed.
    """
    sorts, found = find_listed(owner, kind)
    still_open = {item.sort for item in found if is_open(item)}
    closed = sorts - still_open
    if closed:
        _key(owner, kind).update([OpenItems.sorts.delete(closed)])
    return len(still_open) < most
