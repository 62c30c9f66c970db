"""Messages: what the shop tells a person, once for each event.

A message is put by the transaction of the event that it tells of, so there is one of each event that happened, and none
of others. It is the entry in the person's list, and it carries its deliveries by SMS and mail, which the timer of
messages works off. It can refuse no transaction: its key is new.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from datetime import datetime
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    MapAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.update import Action

from chalicelib.errors import IdTaken, LeaseTaken, NothingToResolve
from chalicelib.shop.attention import LEAVE_ATTENTION, UNDELIVERED, AttentionItem
from chalicelib.shop.message_texts import Event as Event
from chalicelib.shop.message_texts import stored_facts
from chalicelib.shop.partition import Page, list_page, partition, sortable
from chalicelib.shop.work import MESSAGES, WorkItem, due_actions
from chalicelib.storage.dynamodb import MapList, Transaction, WholeNumber, find, refusing

log = logging.getLogger(__name__)

PREFIX = "MESSAGE#"
_MOST_SUBJECT = 40
_REST = r"[0-9]{8}T[0-9]{12}Z#[0-9A-Za-z_#-]{1,80}"
"""What follows the prefix in a message's sort key."""

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
    about, if it is about one. A message whose delivery failed is flagged, until an operator has said that it was dealt
    with (`is_resolved`).
    """

    user_id = WholeNumber()
    event = UnicodeAttribute()
    at = UTCDateTimeAttribute()
    facts = JSONAttribute()
    order_number = UnicodeAttribute(null=True)
    deliveries = MapList(of=Delivery, null=True)
    is_resolved = BooleanAttribute(null=True)

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
    kept, shown = stored_facts(event, facts), re.sub(r"[^0-9A-Za-z_#-]", "_", subject[:_MOST_SUBJECT])
    message = Message(
        partition(user_id),
        f"{PREFIX}{sortable(now)}#{event}#{shown}#{secrets.token_hex(4)}",
        user_id=user_id,
        event=event,
        at=now,
        facts=kept,
        order_number=kept.get("number"),
    )
    message.set_due(now)
    return message


def put_once(user_id: int, event: Event, subject: str, at: datetime, **facts: Any) -> None:
    """Tell a person of what is known by event, subject and time, once whoever tells it. One write. Raises IdTaken
    where they are told already.
    """
    told = message_item(user_id, event, subject, at, **facts)
    told.sort = _once_sort(event, subject, at)
    with refusing(IdTaken()):
        told.save(condition=Message.sort.does_not_exist())


def is_put(user_id: int, event: Event, subject: str, at: datetime) -> bool:
    """Whether a person was told so by `put_once`. One round trip."""
    return find(Message, partition(user_id), _once_sort(event, subject, at)) is not None


def _once_sort(event: Event, subject: str, at: datetime) -> str:
    return f"{PREFIX}{sortable(at)}#{event}#{subject}"


def out_id(message: Message) -> str:
    """The shop's number of a message at the provider of SMS; by it a receipt leads back to the message."""
    return f"{message.user_id}#{message.sort.removeprefix(PREFIX)}"


def mail_id(message: Message) -> str:
    """The shop's number of a message for mail servers, which says nothing about it."""
    return hashlib.sha256(out_id(message).encode()).hexdigest()[:48]


def find_by_out_id(text: str) -> Message | None:
    """The message with this number, or None. One round trip; none for what is no number of a message."""
    user_id, _, rest = text.partition("#")
    if not re.fullmatch(r"[0-9]{1,15}", user_id, re.ASCII) or not re.fullmatch(_REST, rest, re.ASCII):
        return None
    return find(Message, partition(int(user_id)), PREFIX + rest)


MOST_UNREAD = 99
"""Nobody is told of more unread messages than these."""


def list_messages(
    user_id: int, limit: int, cursor: str | None, order_number: str | None = None
) -> Page[Message]:
    """A person's messages, newest first, those about one order if one is named. One Query; for an order up to eight,
    as of `list_page`. Raises InvalidPage.
    """
    only = None if order_number is None else Message.order_number == order_number
    return list_page(Message, user_id, PREFIX, limit, cursor, only)


def count_unread(user_id: int, read_until: str | None) -> int:
    """How many messages follow the one that was read last, up to `MOST_UNREAD`. One Query."""
    unread = Message.sort.between((read_until or PREFIX) + "\x01", f"{PREFIX}~")
    found = Message.query(
        partition(user_id),
        unread,
        consistent_read=True,
        limit=MOST_UNREAD,
        attributes_to_get=["sort", "kind"],
    )
    return sum(1 for _ in found)


def newest_id(user_id: int) -> str | None:
    """The id of a person's newest message. One Query."""
    found = list_page(Message, user_id, PREFIX, 1, None).items
    return id_of(found[0]) if found else None


def id_of(message: Message) -> str:
    """What a message is called by its person's clients."""
    return str(message.sort).removeprefix(PREFIX)


def is_id(text: str) -> bool:
    """Whether this can be the id of a message."""
    return re.fullmatch(_REST, text, re.ASCII) is not None


def sort_of(message_id: str) -> str:
    """The sort key of the message with this id."""
    return PREFIX + message_id


def save_on_the_way(message: Message) -> None:
    """Store that a provider is called now, as long as the message is still ours. One write.

    Raises LeaseTaken when somebody else has it.
    """
    kept = message.deliveries
    with refusing(LeaseTaken()):
        message.update([Message.deliveries.set(kept)], condition=Message.due_at == message.due_at)
    message.deliveries = kept  # the update has read them anew


def count_failed(message: Message) -> int:
    """How many of its deliveries have failed."""
    return sum(delivery.status == FAILED for delivery in message.deliveries or ())


def save(message: Message, due_at: datetime | None, now: datetime, failed_before: int) -> None:
    """Store what became of its deliveries, and when it is due again. One write. Where more have failed than before it
    is flagged; what an operator has resolved is so again only then.

    Raises LeaseTaken when somebody else has it.
    """
    failed = count_failed(message)
    is_flagged = message.attention is not None or bool(message.is_resolved)
    is_news = failed > failed_before or (failed > 0 and not is_flagged)
    flag: list[Action] = [] if failed else LEAVE_ATTENTION
    if is_news:
        since = Message.attention_at | int(now.timestamp())
        flag = [Message.attention.set(UNDELIVERED), Message.attention_at.set(since)]
    deliveries = Message.deliveries.set(message.deliveries)
    actions = [deliveries, *due_actions(due_at, MESSAGES), *flag]
    with refusing(LeaseTaken()):
        message.update(actions, condition=Message.due_at == message.due_at)
    if is_news:
        log.warning("a message could not be delivered: event=%s", message.event)


def resolve(transaction: Transaction, message: Message) -> None:
    """Clear the flag of a message that was not delivered, on an operator's word. Refusal: NothingToResolve."""
    is_listed = Message.attention == UNDELIVERED
    actions: list[Action] = [Message.is_resolved.set(True), *LEAVE_ATTENTION]
    transaction.update(message, actions, is_listed, NothingToResolve())
