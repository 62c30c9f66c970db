"""What came of holding a provider's bill of a day against the journal. Differences wait for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, cast

from pynamodb.attributes import MapAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import NothingToResolve
from chalicelib.money import Fen
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.storage.dynamodb import MapList, Transaction, WholeNumber, find

AGREES, DIFFERS, MISSING, UNREADABLE = "agrees", "differs", "missing", "unreadable"
"""missing: the provider has no bill, and the journal has facts. unreadable: it has one that says nothing certain."""

PAYMENT = "payment"
"""In the place of a request number: a payment has none."""


MOST_DIFFERENCES = 100
"""How many differences of a day are kept, each by itself. Where there are more, something is wrong with all of it."""


_MOST_KINDS = 50


class OtherMovement(MapAttribute[str, object]):
    """What changed the merchant's account without a trade: the provider's word for it, and the day's sum in fen."""

    kind = UnicodeAttribute()
    amount = WholeNumber()


class BillDay(AttentionItem, discriminator="BILL_DAY"):
    """One provider's bill of a Beijing day, and what the journal says of the same day: sums in fen. `fees` is what the
    provider took, below 0 where it gave back more. `moved` is what trades changed the account by, `others` what else
    did. `differences` counts all, of which a day keeps no more than `MOST_DIFFERENCES`.
    """

    provider = UnicodeAttribute()
    day = UnicodeAttribute()
    state = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    ours_paid = WholeNumber(default=0)
    ours_refunded = WholeNumber(default=0)
    theirs_paid = WholeNumber(default=0)
    theirs_refunded = WholeNumber(default=0)
    fees = WholeNumber(default=0)
    moved = WholeNumber(default=0)
    others: MapList[OtherMovement] = MapList(of=OtherMovement, default=list)
    differences = WholeNumber(default=0)
    held_at = UTCDateTimeAttribute()


class BillDifference(AttentionItem, discriminator="BILL_DIFFERENCE"):
    """One movement of money about which bill and journal differ; `what` as of `flows/match_bill.py`. `ours` and
    `theirs` (fen) are what each says, if anything, signed where it is about funds. `resolved_at`: an operator said that
    it is dealt with.
    """

    provider = UnicodeAttribute()
    day = UnicodeAttribute()
    what = UnicodeAttribute()
    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    request_no = UnicodeAttribute(null=True)
    ours = WholeNumber(null=True)
    theirs = WholeNumber(null=True)
    recorded_at = UTCDateTimeAttribute()
    resolved_at = UTCDateTimeAttribute(null=True)

    def stands_for(self, found: BillDifference) -> bool:
        """Whether what was found is this again, which waits for a person or is resolved."""
        is_over = self.attention is None and self.resolved_at is None
        return not is_over and (self.ours, self.theirs) == (found.ours, found.theirs)


def _partition(provider: str) -> str:
    return f"BILLS#{provider}"


def _of_day(day: date) -> str:
    return f"DIFFERENCE#{day.isoformat()}#"


def other_movements(sums: Mapping[str, Fen]) -> list[OtherMovement]:
    """What changed an account without a trade, by the provider's words, as a day keeps it: the largest sums."""
    largest = sorted(sums.items(), key=lambda one: -abs(one[1]))[:_MOST_KINDS]
    return [OtherMovement(kind=kind, amount=amount) for kind, amount in largest]  # type: ignore[no-untyped-call]


def day_item(
    provider: str, day: date, state: str, now: datetime, reason: str | None = None, **sums: Any
) -> BillDay:
    """A day, ready to be written; it is flagged where it has a `reason` beside its differences."""
    made = BillDay(
        _partition(provider),
        f"DAY#{day.isoformat()}",
        provider=provider,
        day=day.isoformat(),
        state=state,
        reason=reason,
        held_at=now,
        **sums,
    )
    if reason:
        made.attention, made.attention_at = PROBLEM, int(now.timestamp())
    return made


def difference_item(
    provider: str,
    day: date,
    what: str,
    trade_no: str,
    request_no: str | None,
    order_number: str,
    ours: Fen | None,
    theirs: Fen | None,
    now: datetime,
) -> BillDifference:
    """A difference, ready to be written, flagged."""
    name = f"{what}#{PAYMENT if request_no is None else f'refund#{request_no}'}"
    return BillDifference(
        _partition(provider),
        f"{_of_day(day)}{trade_no}#{name}",
        provider=provider,
        day=day.isoformat(),
        what=what,
        order_number=order_number,
        trade_no=trade_no,
        request_no=request_no,
        ours=ours,
        theirs=theirs,
        recorded_at=now,
        attention=PROBLEM,
        attention_at=int(now.timestamp()),
    )


def record(
    held: BillDay, found: Iterable[BillDifference], tell: Callable[[BillDifference], None]
) -> list[BillDifference]:
    """Record a day and its differences -> those that are new; `tell` is called with each of them before it is written.
    One Query; one write for each difference that is new, has changed or is over, and one for the day, the last.

    One that an operator has resolved stays resolved while it says the same. Repeating it writes the day only.
    """
    stored = {one.sort: one for one in list_differences(held.provider, date.fromisoformat(held.day))}
    fresh: list[BillDifference] = []
    for new in found:
        old = stored.pop(new.sort, None)
        if old is None or not old.stands_for(new):
            tell(new)
            new.save()
            fresh.append(new)
    for over in stored.values():
        if over.attention is not None:
            over.update([*LEAVE_ATTENTION])
    held.save()
    return fresh


def list_differences(provider: str, day: date) -> list[BillDifference]:
    """What was ever found to differ on a day, flagged or not, strongly consistent. One Query."""
    found = BillDifference.query(
        _partition(provider), BillDifference.sort.startswith(_of_day(day)), consistent_read=True
    )
    return cast(list[BillDifference], list(found))


def list_days(provider: str, first: date, last: date) -> list[BillDay]:
    """The days that were held against bills, oldest first. One Query."""
    within = BillDay.sort.between(f"DAY#{first.isoformat()}", f"DAY#{last.isoformat()}")
    return cast(list[BillDay], list(BillDay.query(_partition(provider), within, consistent_read=True)))


def find_day(provider: str, day: date) -> BillDay | None:
    """A day, if it was held against its bill. One round trip."""
    return find(BillDay, _partition(provider), f"DAY#{day.isoformat()}")


def resolve(transaction: Transaction, difference: BillDifference, now: datetime) -> None:
    """Clear the flag of a difference on an operator's word. Refusal: NothingToResolve."""
    actions: list[Action] = [BillDifference.resolved_at.set(now), *LEAVE_ATTENTION]
    transaction.update(difference, actions, BillDifference.attention == PROBLEM, NothingToResolve())
