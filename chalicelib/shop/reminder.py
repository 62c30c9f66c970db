"""Reminders: what is looked at later, to tell its person in time that it ends.

There is one for each order, written when it is placed, for each grant of an operator, and for each coupon that was got.
When it is due the shop looks at what it is about as that is by then. It goes when nothing more can come of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import LeaseTaken
from chalicelib.shop.message import Message
from chalicelib.shop.partition import partition
from chalicelib.shop.work import MESSAGES, WorkItem, due_actions
from chalicelib.storage.dynamodb import Transaction, WholeNumber, refusing

ORDER, GRANT, COUPON = "order", "grant", "coupon"
PREFIX = "REMINDER#"


class Reminder(WorkItem, discriminator="REMINDER"):
    """What is looked at again: an order or a grant by its number, a coupon by the id of its record (`about`). `told`
    are the ends of which its person has heard.
    """

    user_id = WholeNumber()
    what = UnicodeAttribute()
    about = UnicodeAttribute()
    told = UnicodeSetAttribute(null=True)

    work_list = MESSAGES


def add(transaction: Transaction, user_id: int, what: str, about: str, due_at: datetime) -> None:
    """Add the reminder of what begins by this transaction, which it cannot refuse."""
    sort = f"{PREFIX}{what}#{about}"
    reminder = Reminder(partition(user_id), sort, user_id=user_id, what=what, about=about)
    reminder.set_due(due_at)
    transaction.put(reminder, None, None)


def go_on(
    reminder: Reminder, messages: Sequence[Message], told: Iterable[str], again_at: datetime | None
) -> None:
    """Put the messages that are due, and look again at `again_at`; None ends the reminder. One transaction.

    Raises LeaseTaken when somebody else has it by now.
    """
    still_ours, taken = Reminder.due_at == reminder.due_at, LeaseTaken()
    if not messages and again_at is None:
        with refusing(taken):
            reminder.delete(condition=still_ours)
        return
    if again_at is not None:
        again_at += timedelta(seconds=1)  # the work list drops what is below a second: never look too early
    actions: list[Action] = due_actions(again_at, MESSAGES)
    if kept := set(told):
        actions.append(Reminder.told.set(kept))
    if not messages:
        with refusing(taken):
            reminder.update(actions, condition=still_ours)
        return
    transaction = Transaction()
    for message in messages:
        transaction.put_own(message, taken)
    if again_at is None:
        transaction.delete(reminder, still_ours, taken)
    else:
        transaction.update(reminder, actions, still_ours, taken)
    transaction.commit()
