"""A learner's messages and preferences."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from chalicelib.shop import inbox, message
from chalicelib.shop.caller import Caller
from chalicelib.shop.inbox import Inbox
from chalicelib.shop.message import Message
from chalicelib.shop.partition import Page


class MessageList(Struct, frozen=True):
    """Some of a learner's messages, newest first, how many are unread, and their inbox."""

    page: Page[Message]
    unread: int
    box: Inbox


def list_messages(caller: Caller, limit: int, cursor: str | None, order_number: str | None) -> MessageList:
    """The caller's messages, those about one order if one is named. One batch read, which confirms the caller, then two
    Queries. Raises InvalidPage.
    """
    box = _inbox(caller)
    user_id = caller.user_id
    page = message.list_messages(user_id, limit, cursor, order_number)
    return MessageList(page, message.count_unread(user_id, box.read_until), box)


def count_unread(caller: Caller) -> int:
    """How many messages the caller has not read, up to `message.MOST_UNREAD`. One batch read and a Query."""
    return message.count_unread(caller.user_id, _inbox(caller).read_until)


def mark_read(caller: Caller, until: str | None) -> None:
    """Note that the caller has read the message `until` and all before it; None: all that there are. One batch read,
    one Query, one write.

    Raises InvalidRequest for what is no id of a message.
    """
    caller.user()
    newest = message.newest_id(caller.user_id)
    if newest is not None:
        # An id of later than the newest message would hide what is still to come.
        inbox.mark_read(caller.user_id, message.sort_of(min(until or newest, newest)))


def find_preferences(caller: Caller) -> Inbox:
    """The caller's inbox, an empty one where nothing is stored. One batch read."""
    return _inbox(caller)


def change_preference(caller: Caller, group: str, channel: str, now: datetime, *, on: bool) -> Inbox:
    """Switch a channel on or off for a group of messages -> the inbox then. One batch read and a write. Raises
    FixedPreference.
    """
    return inbox.switch(_inbox(caller), caller.user_id, group, channel, now, on=on)


def _inbox(caller: Caller) -> Inbox:
    key = inbox.inbox_key(caller.user_id)
    found = caller.find([key]).get(key)
    return found if isinstance(found, Inbox) else Inbox()
