"""How many messages were sent on a day: to each person, and by the school as a whole.

Each is counted before it is handed over, by one conditional write: however many timers run, and whatever answer is
lost, more than the most are never sent. Where it cannot be counted, nothing is sent.
"""

from __future__ import annotations

from datetime import date, timedelta

from pynamodb.expressions.update import Action

from chalicelib.beijing_time import day_end
from chalicelib.errors import ShopError
from chalicelib.shop.message_texts import MAIL, SMS
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import UserItem, WholeNumber, find, refusing

MOST_OF_PERSON = {SMS: 10, MAIL: 20}
"""The most that one person is sent on a day in Beijing, codes aside."""
_FORGET_AFTER = timedelta(days=40)


class SentCount(UserItem, discriminator="SENT_COUNT"):
    """What was sent on a Beijing day, in the partition of a person, or `MESSAGES` for all; sort `SENT#<day>`."""

    sms = WholeNumber(default=0)
    mail = WholeNumber(default=0)
    forget_at = WholeNumber()


class _Reached(ShopError):
    """The most are sent."""


def of_person(user_id: int) -> str:
    """Where it is counted what one person is sent."""
    return partition(user_id)


OF_ALL = "MESSAGES"
"""Where it is counted what all are sent."""


def count_one(owner: str, channel: str, day: date, most: int) -> bool:
    """Count one more message of a day -> whether it may be sent. One write."""
    counted = {SMS: SentCount.sms, MAIL: SentCount.mail}[channel]
    item = SentCount(owner, f"SENT#{day.isoformat()}")
    forget_at = int((day_end(day) + _FORGET_AFTER).timestamp())
    actions: list[Action] = [
        counted.add(1),
        SentCount.forget_at.set(forget_at),
        SentCount.kind.set(SentCount),
    ]
    has_room = counted < most if most < 1 else counted.does_not_exist() | (counted < most)
    try:
        with refusing(_Reached()):
            item.update(actions, condition=has_room)
    except _Reached:
        return False
    return True


def find_count(owner: str, day: date) -> SentCount | None:
    """What was sent on a day. One round trip."""
    return find(SentCount, owner, f"SENT#{day.isoformat()}")
