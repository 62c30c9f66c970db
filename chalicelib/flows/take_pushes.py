"""Take what the provider of SMS pushes: receipts, and what people reply.

A push is not signed. Its address carries a key, and still a receipt only has the timer ask the provider about that
message at once; a reply can do no more than end SMS to whoever's number it names.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.errors import LeaseTaken, PushRefused, Unreadable
from chalicelib.gateways import Gateways
from chalicelib.gateways.sms_pushes import Receipt, Reply, UnreadablePush, read_receipts, read_replies
from chalicelib.shop import contact, inbox, message, work
from chalicelib.shop.message import SENT
from chalicelib.shop.message_texts import SMS

log = logging.getLogger(__name__)

_MOST = 100
"""Of one push: the provider sends fewer, and asks for an answer within a second."""
_ENOUGH = frozenset({"T", "TD", "N", "R", "退订", "拒收", "取消"})
"""What people reply who want no more."""


def check_key(key: str, gateways: Gateways) -> None:
    """Raises PushRefused unless the address of a push carries its key."""
    if gateways.sms is None or not gateways.sms.is_callback_key(key):
        raise PushRefused()


def take_receipts(key: str, body: bytes, gateways: Gateways, now: datetime) -> None:
    """Have the timer ask about the messages of which receipts tell. One read for each, one write for one that waits.

    Raises PushRefused, Unreadable.
    """
    check_key(key, gateways)
    try:
        receipts: Sequence[Receipt] = read_receipts(body)[:_MOST]
    except UnreadablePush as error:
        raise Unreadable() from error
    for receipt in receipts:
        told = message.find_by_out_id(receipt.out_id)
        # What is due so soon is looked at anyway, or is being looked at: its lease is not taken away.
        if told is None or told.due_at is None or told.due_at <= (now + work.LEASE).timestamp():
            continue
        if any((one.channel, one.status) == (SMS, SENT) for one in told.deliveries or ()):
            try:
                work.reschedule(told, now)
            except LeaseTaken:
                log.info("a message changed while its receipt came")


def take_replies(key: str, body: bytes, gateways: Gateways, keys: Sequence[str], now: datetime) -> None:
    """Send no SMS any more to people who reply that they want none. One read for each, one write for one known. `keys`:
    those by which contacts are found.

    Raises PushRefused, Unreadable.
    """
    check_key(key, gateways)
    try:
        replies: Sequence[Reply] = read_replies(body)[:_MOST]
    except UnreadablePush as error:
        raise Unreadable() from error
    # A reply may be pushed again, or late: what its person switched on since stays on.
    refused: dict[str, datetime] = {}
    for one in replies:
        if one.text.strip().upper() in _ENOUGH:
            refused[one.number] = max(refused.get(one.number, one.at or now), one.at or now)
    for number, at in refused.items():
        user_id = contact.find_owner(contact.SMS, number, keys)
        if user_id is not None:
            inbox.refuse_sms(user_id, min(at, now))
            log.info("somebody wants no SMS any more")
