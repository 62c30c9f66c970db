"""Hold a provider's bills against the journal: what no notification and no query told is told by the bill."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

from chalicelib.beijing_time import day_end
from chalicelib.deadline import Deadline
from chalicelib.errors import NothingToResolve, OrderNotFound
from chalicelib.flows.match_bill import Difference, Match, What, differences, match
from chalicelib.gateways import Gateways
from chalicelib.gateways.bills import BILL_SECONDS, Bill, BillLine, BillPending, NoBill
from chalicelib.gateways.payments import BillState, PaymentProvider, Unclear
from chalicelib.shop import audit, bill, journal, payment, refund
from chalicelib.shop import order as orders
from chalicelib.shop.bill import BillDay

log = logging.getLogger(__name__)

READY = timedelta(hours=10)
"""How long after the end of a day all providers' bills of it are there."""
_DAYS = 4
"""How many days back a bill is looked at by itself."""
_NEAR_MIDNIGHT = timedelta(hours=1)
"""The clocks of provider and shop, and the way of a notification, may put a fact on the next or the last day's bill."""


def hold(provider: PaymentProvider, day: date, now: datetime) -> BillDay | None:
    """Hold the bill of a Beijing day against the journal -> what came of it; None while there is no bill to expect.

    Repeating it is safe: what has been cleared up leaves the list, what an operator has resolved stays resolved.
    """
    if now < day_end(day) + READY:
        return None
    entries = [entry for entry in journal.list_day(day) if entry.provider == provider.name]
    state = _fetch(provider, day, now)
    if isinstance(state, Unclear):
        return _flagged(provider, day, bill.UNREADABLE, state.reason, now)
    if isinstance(state, Bill):
        with state as opened:
            result = match(opened.lines(), entries)
    else:
        result = match([], entries)
    _look_beside(provider, day, now, result)
    is_late = isinstance(state, NoBill) and bool(result.missing) and not state.nothing_happened
    if is_late or isinstance(state, BillPending):
        return _flagged(provider, day, bill.MISSING, "the provider has no bill of this day", now)
    return _record(provider, day, result, now)


def hold_last(gateways: Gateways, now: datetime) -> list[BillDay]:
    """Hold the bills of the last days against the journal that do not agree yet, of every provider; the day before
    yesterday once more, whose last hour may be in the next day's bill.
    """
    held: list[BillDay] = []
    today = journal.day_of(now)
    for provider in gateways.payments.values():
        for age in range(_DAYS, 0, -1):
            day = today - timedelta(days=age)
            before = bill.find_day(provider.name, day)
            if age > 2 and before is not None and before.state == bill.AGREES:
                continue
            if (found := hold(provider, day, now)) is not None:
                held.append(found)
    return held


def _fetch(provider: PaymentProvider, day: date, now: datetime) -> BillState[BillLine]:
    return provider.trade_bill(day, now, Deadline(BILL_SECONDS))


def resolve(provider: str, day: date, trade_no: str, by: str, reason: str, now: datetime) -> None:
    """Clear the flags of a trade's differences on a day on an operator's word, logged. Raises NothingToResolve when
    none is flagged.
    """
    found = [
        one
        for one in bill.list_differences(provider, day)
        if one.trade_no == trade_no and one.attention is not None
    ]
    if not found:
        raise NothingToResolve()
    subject = f"{provider} {day.isoformat()} {trade_no}"
    transaction = audit.recorded(audit.entry(by, "resolve-difference", subject, now, reason=reason))
    for one in found:
        bill.resolve(transaction, one, now)
    transaction.commit()


def _flagged(provider: PaymentProvider, day: date, state: str, reason: str, now: datetime) -> BillDay:
    held = bill.day_item(provider.name, day, state, now, reason=reason)
    held.save()
    log.error(
        "a bill cannot be held against the journal, a person must look: %s %s, %s", provider.name, day, state
    )
    return held


def _is_known(line: BillLine) -> bool:
    """Whether an order's own items tell of a line that the day's journal does not: it became true here on another day.

    Two round trips, or three.
    """
    try:
        order = orders.find_by_number(line.number)
    except OrderNotFound:
        return False
    if line.request_no is None:
        received = payment.find_payment(order, line.trade_no)
        return received is not None and received.amount == line.amount
    made = refund.find_of_order(order, line.request_no)
    return made is not None and made.status == refund.DONE and made.amount == line.amount


def _look_beside(provider: PaymentProvider, day: date, now: datetime, result: Match) -> None:
    """Find the other halves of what is unmatched in journals and bills of the days beside.

    A refund is recorded when the provider has confirmed it, and clocks differ: either side may have it on another day.
    What became true in the day's last hour is not missed before the next bill is there. Up to sixteen Queries and two
    bills, none where all is matched.
    """
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        if result.unknown:
            entries = [entry for entry in journal.list_day(other) if entry.provider == provider.name]
            found = match(result.unknown, entries)
            result.unknown = found.unknown
            result.differences += found.differences
        if result.missing:
            state = _fetch(provider, other, now) if now >= day_end(other) + READY else BillPending()
            if isinstance(state, Bill):
                with state as opened:
                    found = match(opened.lines(), result.missing)
                result.missing = found.missing
                result.differences += [one for one in found.differences if one.what == What.AMOUNT]
            elif isinstance(state, BillPending):
                result.missing = [
                    entry for entry in result.missing if entry.at < day_end(day) - _NEAR_MIDNIGHT
                ]
    result.unknown = [line for line in result.unknown if not _is_known(line)]


def _record(provider: PaymentProvider, day: date, result: Match, now: datetime) -> BillDay:
    found = list(differences(result))
    held = bill.day_item(
        provider.name,
        day,
        bill.DIFFERS if found else bill.AGREES,
        now,
        ours_paid=result.ours.paid,
        ours_refunded=result.ours.refunded,
        theirs_paid=result.theirs.paid,
        theirs_refunded=result.theirs.refunded,
        fees=result.fees,
        differences=len(found),
    )
    bill.record(held, (_item(provider.name, day, one, now) for one in found))
    for one in found:
        log.error(
            "bill and journal differ: %s %s %s order=%s", provider.name, day, one.what, one.order_number
        )
    return held


def _item(provider: str, day: date, found: Difference, now: datetime) -> bill.BillDifference:
    trade_no, request_no = found.key
    return bill.difference_item(
        provider, day, found.what, trade_no, request_no, found.order_number, found.ours, found.theirs, now
    )
