"""Messages: what the shop tells a person, once for each event.

A message is put by the transaction of the event that it tells of, so there is one of each event that happened, and none
of others. It is the entry in the person's list, and it carries its deliveries by SMS and mail, which the timer of
messages works off. It can refuse no transaction: its key is new.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from pynamodb.attributes import JSONAttribute, MapAttribute, UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.shop.attention import AttentionItem
from chalicelib.shop.message_texts import Event as Event
from chalicelib.shop.message_texts import stored_facts
from chalicelib.shop.partition import partition, sortable
from chalicelib.shop.work import MESSAGES, WorkItem
from chalicelib.storage.dynamodb import MapList, Transaction, WholeNumber

PREFIX = "MESSAGE#"
_MOST_SUBJECT = 40

WAITING, SENDING, SENT, DELIVERED, FAILED, SKIPPED = (
    "waiting",
    "sending",
    "sent",
    "delivered",
    "failed",
    "skipped",
)
"""sending: the provider may have it. skipped: it is not sent, and should not be."""


class Delivery(MapAttribute[str, object]):
    """A message's way by one channel: its `status`, `why` it is so, how many `attempts` were made, the last at
    `tried_at`, to an address whose hash is `to_hash`; `biz_id` is its provider's name for it.
    """

    channel = UnicodeAttribute()
    status = UnicodeAttribute(default=WAITING)
    why = UnicodeAttribute(default="")
    attempts = WholeNumber(default=0)
    tried_at = UTCDateTimeAttribute(null=True)
    to_hash = UnicodeAttribute(null=True)
    biz_id = UnicodeAttribute(null=True)


class Message(WorkItem, AttentionItem, discriminator="MESSAGE"):
    """A message to one person about an `event` that happened `at`; `facts` as its template names them, as text.

    `deliveries` are missing until the timer has looked where it is to be sent. `order_number` is the order that it is
    about, if it is about one. A message whose delivery failed is flagged.
    """

    user_id = WholeNumber()
    event = UnicodeAttribute()
    at = UTCDateTimeAttribute()
    facts = JSONAttribute()
    order_number = UnicodeAttribute(null=True)
    deliveries = MapList(of=Delivery, null=True)

    work_list = MESSAGES


def tell(
    transaction: Transaction, user_id: int, event: Event, subject: str, now: datetime, **facts: Any
) -> None:
    """Tell a person of an event, by the transaction in which it happens. `subject` is what it is about: an order's
    number, a session. Raises TypeError unless `facts` are those of the event's template.
    """
    transaction.put(message_item(user_id, event, subject, now, **facts), None, None)


def message_item(user_id: int, event: Event, subject: str, now: datetime, **facts: Any) -> Message:
    """A message, ready to be written; due at once. Arguments as of `tell`."""
    kept = stored_facts(event, facts)
    message = Message(
        partition(user_id),
        f"{PREFIX}{sortable(now)}#{event}#{subject[:_MOST_SUBJECT]}#{secrets.token_hex(4)}",
        user_id=user_id,
        event=event,
        at=now,
        facts=kept,
        order_number=kept.get("number"),
    )
    message.set_due(now)
    return message
