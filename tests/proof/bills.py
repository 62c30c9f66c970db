"""The rules of what is kept of bills, which hold at every moment, however holding them was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chalicelib.flows.match_bill import What
from chalicelib.shop import bill
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.bill import BillDay, BillDifference
from tests.proof.counts import count

_SAID = {
    What.UNKNOWN: (False, True),
    What.MISSING: (True, False),
    What.AMOUNT: (True, True),
    What.TWICE: (False, True),
}
"""Which of both sides say something. Of funds either may say nothing."""


def check(provider: str, day: date, *, at_rest: bool) -> list[BillDifference]:
    """Hold a day of a provider to every rule -> its differences that wait for a person. `at_rest`: the last run that
    held it came to its end. Raises AssertionError.
    """
    count("steps")
    found, held = bill.list_differences(provider, day), bill.find_day(provider, day)
    wrong = [text for one in found for text in _difference(one, provider, day)]
    if held is not None:
        wrong += _day(held)
        if at_rest:
            wrong += _counts(held, found)
    elif at_rest:
        wrong.append(f"{provider} {day} was held, and nothing says so")
    assert not wrong, "; ".join(wrong)
    return [one for one in found if one.attention == PROBLEM]


def _difference(one: BillDifference, provider: str, day: date) -> Iterator[str]:
    name = f"{one.sort} of {one.provider}"
    made = bill.difference_item(
        provider,
        day,
        one.what,
        one.trade_no,
        one.request_no,
        one.order_number,
        one.ours,
        one.theirs,
        one.recorded_at,
    )
    if (made.owner, made.sort) != (one.owner, one.sort):
        yield f"{name} lies where another belongs"
    if one.attention is not None and one.resolved_at is not None:
        yield f"{name} is resolved and waits for a person"
    if one.ours == one.theirs:
        yield f"{name} is no difference"
    says = one.ours is not None, one.theirs is not None
    if one.what != What.FUNDS and says != _SAID[What(one.what)]:
        yield f"{name} says too much or too little"


def _day(held: BillDay) -> Iterator[str]:
    if (held.attention is not None) != (held.reason is not None):
        yield f"{held.sort} waits for a person without a reason, or has one and does not"
    if held.state == bill.AGREES and (held.differences or held.reason):
        yield f"{held.sort} agrees, and differs"
    if held.state == bill.DIFFERS and not held.differences:
        yield f"{held.sort} differs by nothing"


def _counts(held: BillDay, found: list[BillDifference]) -> Iterator[str]:
    known = [one for one in found if one.attention is not None or one.resolved_at is not None]
    if len([one for one in known if one.attention is not None]) > min(
        held.differences, bill.MOST_DIFFERENCES
    ):
        yield f"{held.sort} has more that waits for a person than differences"
    if len(known) < min(held.differences, bill.MOST_DIFFERENCES):
        yield f"{held.sort} has differences that nobody sees"
