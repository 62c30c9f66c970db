"""Tell operators: once an hour that something new needs a person, and each morning how the day before went.

Who hears of it stands in a setting. Each is told once: the key of such a message says of what it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import IdTaken
from chalicelib.shop import attention, journal, message
from chalicelib.shop.bill import BillDifference
from chalicelib.shop.message import Event
from chalicelib.shop.quiet_hours import beijing_day, is_quiet

_DIGEST_HOUR = 9
_NEW = timedelta(hours=1)


def tell_operators(user_ids: tuple[int, ...], now: datetime) -> int:
    """Put the messages that operators are to have now -> how many are new. Nothing in quiet hours, and no call where
    nobody is to be told.

    Two Queries; where something new waits, or between nine and ten, some more and a write for each operator.
    """
    if not user_ids or is_quiet(now):
        return 0
    hour = now.astimezone(BEIJING).replace(minute=0, second=0, microsecond=0)
    return _tell_of_new(user_ids, hour, now) + _tell_of_yesterday(user_ids, hour, now)


def _tell_of_new(user_ids: tuple[int, ...], hour: datetime, now: datetime) -> int:
    newest = [
        one for kind in (attention.DECISION, attention.PROBLEM) if (one := attention.newest(kind)) is not None
    ]
    new = [one for one in newest if now - _NEW <= datetime.fromtimestamp(one.attention_at, BEIJING)]
    told = 0
    if new:
        told += _tell(user_ids, Event.NEEDS_PERSON, hour, _waiting())
    if any(isinstance(one, BillDifference) for one in new):
        told += _tell(user_ids, Event.BILLS_DIFFER, hour, {})
    return told


def _waiting() -> dict[str, int]:
    return {
        "decisions": attention.count_attention(attention.DECISION),
        "problems": attention.count_attention(attention.PROBLEM),
    }


def _tell_of_yesterday(user_ids: tuple[int, ...], hour: datetime, now: datetime) -> int:
    if hour.hour != _DIGEST_HOUR or all(
        message.is_put(one, Event.DIGEST, str(hour.date()), hour) for one in user_ids
    ):
        return 0
    paid = refunds = amount = refunded = 0
    for entry in journal.read_day(beijing_day(now) - timedelta(days=1)):
        if entry.fact == journal.PAID:
            paid, amount = paid + 1, amount + entry.amount
        elif entry.fact in (journal.REFUNDED, journal.ELSEWHERE):
            refunds, refunded = refunds + 1, refunded + entry.amount
    facts = {"paid": paid, "amount": amount, "refunds": refunds, "refunded": refunded, **_waiting()}
    return _tell(user_ids, Event.DIGEST, hour, facts)


def _tell(user_ids: tuple[int, ...], event: Event, hour: datetime, facts: dict[str, int]) -> int:
    told = 0
    for user_id in user_ids:
        try:
            message.put_once(user_id, event, str(hour.date()), hour, **facts)
            told += 1
        except IdTaken:
            continue
    return told
