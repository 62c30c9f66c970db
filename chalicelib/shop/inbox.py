"""What a person has read of their messages, and by which channels they want none."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import FixedPreference, ShopError
from chalicelib.shop.message_texts import (
    FIXED_GROUPS,
    MAIL,
    ORDERS,
    REMINDERS,
    SECURITY,
    SITE,
    SMS,
    STUDY,
)
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import ItemKey, UserItem, find, refusing

SHOWN_GROUPS = (ORDERS, SECURITY, STUDY, REMINDERS)
"""The groups of a learner's preferences."""


class Inbox(UserItem, discriminator="INBOX"):
    """A person's own settings of their messages: read are those up to the sort key `read_until`; `off` holds
    `<group>:<channel>` of what they switched off. `sms_refused_at` is when they answered an SMS that they want no more,
    `sms_wanted_at` when they last switched SMS on.
    """

    read_until = UnicodeAttribute(null=True)
    off = UnicodeSetAttribute(null=True)
    sms_refused_at = UTCDateTimeAttribute(null=True)
    sms_wanted_at = UTCDateTimeAttribute(null=True)

    def wants(self, group: str, channel: str) -> bool:
        """Whether messages of a group are to be sent by a channel."""
        if channel == SMS and self.sms_refused_at is not None:
            return False
        return group in FIXED_GROUPS or f"{group}:{channel}" not in (self.off or ())

    def is_fixed(self, group: str, channel: str) -> bool:
        """Whether the person cannot change that: SMS that were refused can be had again, of every group."""
        if channel == SMS and self.sms_refused_at is not None:
            return False
        return channel == SITE or group in FIXED_GROUPS


def inbox_key(user_id: int) -> ItemKey:
    """The key of a person's inbox, for a batch read."""
    return Inbox, partition(user_id), "INBOX"


def _inbox(user_id: int) -> Inbox:
    return Inbox(partition(user_id), "INBOX")


def find_inbox(user_id: int) -> Inbox:
    """A person's inbox, an empty one where nothing is stored. One round trip."""
    return find(Inbox, *inbox_key(user_id)[1:]) or _inbox(user_id)


def mark_read(user_id: int, until: str) -> None:
    """Note that a person has read their messages up to this sort key; what was read stays so. One write."""
    further = Inbox.read_until.does_not_exist() | (Inbox.read_until < until)
    with suppress(_ReadAlready), refusing(_ReadAlready()):
        _change(user_id, [Inbox.read_until.set(until)], further)


def switch(box: Inbox, user_id: int, group: str, channel: str, now: datetime, *, on: bool) -> Inbox:
    """Switch a channel on or off for a group -> the inbox then. Whoever switches SMS on takes back that they refused
    them. One write.

    Raises FixedPreference for what cannot be switched.
    """
    if box.is_fixed(group, channel):
        raise FixedPreference()
    word = {f"{group}:{channel}"}
    actions: list[Action] = [Inbox.off.delete(word) if on else Inbox.off.add(word)]
    if on and channel == SMS:
        actions += [Inbox.sms_refused_at.remove(), Inbox.sms_wanted_at.set(now)]
    return _change(user_id, actions)


def refuse_sms(user_id: int, at: datetime) -> None:
    """Note that a person said so then that they want no SMS any more, unless they have switched them on since. One
    write.
    """
    is_newer = Inbox.sms_wanted_at.does_not_exist() | (Inbox.sms_wanted_at < at)
    with suppress(_WantedSince), refusing(_WantedSince()):
        _change(user_id, [Inbox.sms_refused_at.set(Inbox.sms_refused_at | at)], is_newer)


def unsubscribe(user_id: int, group: str) -> None:
    """Switch mail off for a group. One write."""
    _change(user_id, [Inbox.off.add({f"{group}:{MAIL}"})])


class _WantedSince(ShopError):
    """SMS were switched on later."""


class _ReadAlready(ShopError):
    """Later messages are read by now."""


def _change(user_id: int, actions: list[Action], condition: Condition | None = None) -> Inbox:
    box = _inbox(user_id)
    box.update([*actions, Inbox.kind.set(Inbox)], condition=condition)
    return box
