"""What the journal must hold of some users, worked out anew from what they have."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from chalicelib.shop import payment, refund
from chalicelib.shop.journal import JournalEntry
from chalicelib.shop.order import REFUNDED, Order
from chalicelib.shop.payment import Payment
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import ItemKey, StoredItem, UserItem
from tests.proof.reading import items_in, read_partition

SHARDS = 8
_WHOLE = [(refund.SUPERSEDED, why) for why in (refund.LATE, refund.DUPLICATE)]
"""Refunds of payments that went back as a whole, by no request of the shop's."""


@dataclass(frozen=True)
class Fact:
    """An entry that must be there: its key, the amount in fen, and the lines that it is about."""

    owner: str
    sort: str
    amount: int
    lines: tuple[int, ...]
    payable: int | None
    """What its lines cost together, where that is its amount."""

    @property
    def key(self) -> ItemKey:
        return JournalEntry, self.owner, self.sort


def facts(items: Iterable[UserItem]) -> Iterator[Fact]:
    """The facts of everything that is stored of a user."""
    mine = list(items)
    for placed in mine:
        if isinstance(placed, Order):
            yield from _facts(
                placed, [item for item in mine if getattr(item, "order_number", "") == placed.number]
            )


def _facts(placed: Order, items: list[UserItem]) -> Iterator[Fact]:
    every = tuple(range(len(placed.lines)))
    for paid in items:
        if isinstance(paid, Payment):
            is_used = paid.use == payment.APPLIED
            lines = every if is_used else ()
            yield _fact(placed, paid.paid_at, "paid", paid.trade_no, paid.amount, lines, is_exact=is_used)
    if placed.paid_at is not None and not placed.amount:
        yield _fact(placed, placed.paid_at, "free", "", 0, every, is_exact=True)
    back = 0
    for item in items:
        if isinstance(item, Refund) and item.status == refund.DONE:
            lines = tuple(item.lines) if item.why == refund.APPLICATION else ()
            back += item.amount if item.why == refund.APPLICATION else 0
            if item.refunded_externally or item.made_after_all_at:
                yield _fact(placed, item.finished_at, "elsewhere", item.request_no, item.amount, lines)
            if not item.refunded_externally:
                at = item.made_after_all_at or item.finished_at
                yield _fact(placed, at, "refunded", item.number_made(), item.amount, lines)
        elif isinstance(item, Refund) and (item.status, item.why) in _WHOLE:
            yield _fact(placed, item.finished_at, "refunded", item.trade_no or "", item.amount, ())
    if placed.status == REFUNDED and placed.refunded_amount > back and placed.refunded_at is not None:
        left = tuple(
            position
            for position in placed.refunded_lines
            if not any(
                isinstance(item, Refund) and item.status == refund.DONE and position in item.lines
                for item in items
            )
        )
        amount = placed.refunded_amount - back
        yield _fact(placed, placed.refunded_at, "refunded", placed.trade_no or "", amount, left)


def _fact(
    placed: Order,
    at: datetime,
    what: str,
    name: str,
    amount: int,
    lines: tuple[int, ...],
    *,
    is_exact: bool = False,
) -> Fact:
    day = (at.astimezone(timezone(timedelta(hours=8)))).strftime("%Y-%m-%d")
    return Fact(
        owner=f"JOURNAL#{day}#{zlib.crc32(placed.number.encode()) % SHARDS}",
        sort=f"{what}#{placed.number}#{name}",
        amount=amount,
        lines=lines,
        payable=sum(placed.lines[position].payable for position in lines) if is_exact else None,
    )


def wrong(fact: Fact, stored: StoredItem | None) -> Iterator[str]:
    """What is wrong with the entry of a fact, in words."""
    name = f"the journal's {fact.sort} of {fact.owner}"
    if not isinstance(stored, JournalEntry):
        yield f"{name} is missing"
        return
    if (stored.amount, tuple(line.position for line in stored.lines)) != (fact.amount, fact.lines):
        yield f"{name} says {stored.amount} for lines {[line.position for line in stored.lines]}"
    for line in stored.lines:
        if line.original_price - line.coupon_share - line.general_share - line.beli_share != line.payable:
            yield f"{name}: the shares of line {line.position} do not add up"
    if fact.payable is not None and fact.payable != stored.amount:
        yield f"{name}: its lines cost {fact.payable}, it says {stored.amount}"


def surplus(user_ids: set[int], known: Iterable[Fact]) -> Iterator[str]:
    """What the journal's days have of these users that is no fact of theirs, in words."""
    right: dict[str, set[str]] = {}
    for fact in known:
        right.setdefault(fact.owner, set()).add(fact.sort)
    for owner, sorts in right.items():
        for stored in items_in(read_partition(str(UserItem.Meta.table_name), owner)):
            is_ours, sort = int(stored["user_id"]["N"]) in user_ids, stored["sort"]["S"]
            if is_ours and sort not in sorts and not _is_second(sort, sorts):
                yield f"the journal has what never happened: {owner} {sort}"


def _is_second(sort: str, sorts: set[str]) -> bool:
    """Whether it is the refund that a provider made under another number besides."""
    what, _, rest = sort.partition("#")
    first = "refunded#" + re.sub(r"-\d+$", "", rest)
    return what == "refunded" and any(
        other == first or other.startswith(f"{first}-") for other in sorts - {sort}
    )
