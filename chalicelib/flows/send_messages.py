"""Send messages: hand each over to the providers of SMS and mail, and find out what became of it.

What a provider may have is never handed over again blindly. Before each call it is stored that it is made. After an
answer that was lost an SMS is looked for, and sent again only where its provider, asked later, knows nothing of it. Of
a mail nobody can be asked: it is not repeated, but listed for a person, as is whatever cannot be delivered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import cast

from msgspec import Struct

from chalicelib.beijing_time import BEIJING
from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import StoreUnavailable
from chalicelib.gateways import Gateways
from chalicelib.gateways.post import (
    Delivered,
    Failed,
    MailSender,
    NotKnown,
    ReceiptState,
    Refused,
    SendState,
    Sent,
    SmsSender,
    Unclear,
    Waiting,
)
from chalicelib.settings import Settings
from chalicelib.shop import attention, inbox, message, sent_count, work
from chalicelib.shop.contact import Contact, contact_key, contact_keys, keyed_hash
from chalicelib.shop.inbox import Inbox
from chalicelib.shop.message import FAILED, SENDING, SENT, SKIPPED, WAITING, Delivery, Message
from chalicelib.shop.message_texts import (
    CHANNEL_NAMES,
    FIXED_GROUPS,
    SMS,
    TEMPLATES,
    is_over,
    mail_bodies,
    sms_parameters,
    words,
)
from chalicelib.shop.quiet_hours import beijing_day, is_quiet, next_morning
from chalicelib.shop.reminder import Reminder
from chalicelib.shop.user import User, user_key
from chalicelib.shop.work import WorkItem
from chalicelib.storage.dynamodb import find_together

from . import remind
from .unsubscribe import unsubscribe_address, unsubscribe_page
from .work_off import Process, run_due_work

log = logging.getLogger(__name__)

_USEFUL = timedelta(days=3)
"""After so long a message is not sent any more."""
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
_MOST_ATTEMPTS = 8
_KNOWN_AFTER = timedelta(minutes=10)
"""A provider finds an SMS some moments after it took it. What it does not know by then it never took."""
_NEAR_MIDNIGHT = timedelta(minutes=2)
"""How long after a run's begin a message may be handed over, and by how much clocks differ."""
_RECEIPTS = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 60, 24 * 60))
"""How long after it was taken a receipt of an SMS is asked for, where the provider tells of none by itself."""


class _Address(Struct, frozen=True):
    """Where a person is reached by each channel, and what they want."""

    user: User | None
    to: Mapping[str, str]
    box: Inbox


class _Sending(Struct, frozen=True):
    """One run of one message."""

    message: Message
    address: _Address
    gateways: Gateways
    settings: Settings
    now: datetime

    def hash_of(self, to: str) -> str:
        """What is kept of an address to which something was sent."""
        return keyed_hash(f"sent {to}", self.settings.contact_keys[0])


def run(gateways: Gateways, settings: Settings, clock: Callable[[], datetime], seconds: float) -> int:
    """Send what is due, and write the reminders that are, for up to `seconds` -> how many items were processed."""
    kinds: dict[type[WorkItem], Process] = {
        Message: partial(process, settings=settings),
        Reminder: remind.process,
    }
    return run_due_work(gateways, clock, seconds, kinds, work.MESSAGES)


def process(due: Message, gateways: Gateways, now: datetime, *, settings: Settings) -> None:
    """Bring each delivery of a message that is due a step forward. One batch read, one write for each call of a
    provider, one at the end. Raises LeaseTaken when somebody else has the message by now.
    """
    failed_before = message.count_failed(due)
    sending = _Sending(due, _find_address(due.user_id), gateways, settings, now)
    if due.deliveries is None:
        due.deliveries = [Delivery(channel=channel) for channel in TEMPLATES[due.event].channels()]
    again = [at for delivery in due.deliveries if (at := _advance(sending, delivery)) is not None]
    message.save(due, min(again, default=None), now, failed_before)


def _find_address(user_id: int) -> _Address:
    found = find_together([user_key(user_id), inbox.inbox_key(user_id), *contact_keys(user_id)])
    to = {
        channel: contact.to
        for channel in CHANNEL_NAMES
        if isinstance(contact := found.get(contact_key(user_id, channel)), Contact)
    }
    box = found.get(inbox.inbox_key(user_id)) or Inbox()
    return _Address(cast(User | None, found.get(user_key(user_id))), to, cast(Inbox, box))


def _advance(sending: _Sending, delivery: Delivery) -> datetime | None:
    """One step of a delivery -> when the next one is due; None when it has come to its end."""
    if delivery.status == SENDING:
        again = _find_out(sending, delivery)
        if delivery.status != WAITING:
            return again
    if delivery.status == SENT:
        return _ask_receipt(sending, delivery) if delivery.channel == SMS else None
    if delivery.status != WAITING:
        return None
    if (why_not := _why_not(sending, delivery)) is not None:
        _end(delivery, SKIPPED, why_not)
        return None
    if sending.now - sending.message.at >= _USEFUL:
        _end(delivery, FAILED, delivery.why or "too late")
        return None
    if (later := _not_before(sending, delivery)) is not None:
        return later
    return _send(sending, delivery)


def _end(delivery: Delivery, status: str, why: str = "") -> None:
    delivery.status, delivery.why = status, why


def _why_not(sending: _Sending, delivery: Delivery) -> str | None:
    """Why a delivery is not to be made at all."""
    channel, event, address = delivery.channel, sending.message.event, sending.address
    if address.user is None or address.user.disabled:
        return "disabled"
    if is_over(event, sending.message.facts, sending.now):
        return "over"
    if _gateway(sending, channel) is None:
        return "not set up"
    if channel == SMS and event not in _sms_templates(sending.settings):
        return "no template"
    if channel not in address.to:
        return "no contact"
    if not address.box.wants(TEMPLATES[event].group, channel):
        return "switched off"
    return None


def _gateway(sending: _Sending, channel: str) -> SmsSender | MailSender | None:
    return sending.gateways.sms if channel == SMS else sending.gateways.mail


def _sms_templates(settings: Settings) -> Mapping[str, str]:
    return settings.sms.message_templates if settings.sms else {}


def _not_before(sending: _Sending, delivery: Delivery) -> datetime | None:
    """Until when a delivery has to wait: for the end of the quiet hours, or for a day on which less was sent."""
    now, morning = sending.now, next_morning(sending.now)
    is_urgent = TEMPLATES[sending.message.event].is_urgent
    if not is_urgent and is_quiet(now):
        return morning
    day, channel = beijing_day(now), delivery.channel
    owner = sent_count.of_person(sending.message.user_id)
    if not sent_count.count_one(owner, channel, day, sent_count.MOST_OF_PERSON[channel]):
        delivery.why = "most of a day"
        return _tomorrow(now) if is_urgent else morning
    if channel == SMS and not sent_count.count_one(sent_count.OF_ALL, SMS, day, sending.settings.sms_per_day):
        log.error("as many SMS as may be sent on a day were sent: %d", sending.settings.sms_per_day)
        delivery.why = "most of a day for all"
        return _tomorrow(now) if is_urgent else morning
    return None


def _tomorrow(now: datetime) -> datetime:
    return now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _send(sending: _Sending, delivery: Delivery) -> datetime | None:
    to = sending.address.to[delivery.channel]
    delivery.status, delivery.why, delivery.tried_at = SENDING, "", sending.now
    delivery.attempts, delivery.to_hash = delivery.attempts + 1, sending.hash_of(to)
    message.save_on_the_way(sending.message)
    state = _hand_over(sending, delivery.channel, to)
    match state:
        case Sent(biz_id):
            delivery.biz_id = biz_id or None
            _end(delivery, SENT)
            return sending.now + _RECEIPTS[0] if delivery.channel == SMS else None
        case Refused():
            return _refused(sending, delivery, state)
        case Unclear(reason) if delivery.channel == SMS:
            delivery.why = reason
            return sending.now + _PAUSES[1]
        case Unclear(reason):
            _end(delivery, FAILED, f"it may have been sent: {reason}")
            return None


def _hand_over(sending: _Sending, channel: str, to: str) -> SendState:
    due, deadline = sending.message, Deadline(PROVIDER_SECONDS)
    if channel == SMS:
        assert sending.gateways.sms is not None
        template = _sms_templates(sending.settings)[due.event]
        return sending.gateways.sms.send(
            to, template, sms_parameters(due.event, due.facts), message.out_id(due), deadline
        )
    assert sending.gateways.mail is not None
    said, group = words(due.event, due.facts), TEMPLATES[due.event].group
    page = sending.settings.shop_url + said.link
    leave = click = None
    if group not in FIXED_GROUPS:
        leave = unsubscribe_page(due.user_id, group, sending.settings)
        click = unsubscribe_address(due.user_id, group, sending.settings)
    text, html = mail_bodies(said, page, leave)
    return sending.gateways.mail.send(to, said.title, text, html, message.mail_id(due), click, deadline)


def _refused(sending: _Sending, delivery: Delivery, refused: Refused) -> datetime | None:
    """It was surely not sent: try again, unless that is in vain."""
    if refused.needs_person:
        log.error("messages are refused until somebody acts: %s, %s", delivery.channel, refused.code)
    if refused.is_final or delivery.attempts >= _MOST_ATTEMPTS:
        _end(delivery, FAILED, refused.code)
        return None
    _end(delivery, WAITING, refused.code)
    return sending.now + _PAUSES[min(delivery.attempts, len(_PAUSES)) - 1]


def _find_out(sending: _Sending, delivery: Delivery) -> datetime | None:
    """What became of a delivery whose answer is not known -> when to ask again. It waits anew where it surely was not
    sent.
    """
    if delivery.channel != SMS:
        _end(delivery, FAILED, "it may have been sent")
        return None
    passed = sending.now - delivery.tried_at
    match _receipt(sending, delivery):
        case Delivered():
            _end(delivery, message.DELIVERED)
        case Failed(code):
            _end(delivery, FAILED, code)
        case Waiting():
            _end(delivery, SENT)
            return _next_receipt(delivery, passed)
        case NotKnown() if passed >= _KNOWN_AFTER and delivery.attempts < _MOST_ATTEMPTS:
            _end(delivery, WAITING)
        case NotKnown() if passed < _KNOWN_AFTER:
            return delivery.tried_at + _KNOWN_AFTER
        case _ if passed >= _USEFUL or delivery.attempts >= _MOST_ATTEMPTS:
            _end(delivery, FAILED, "it may have been sent")
        case _:
            return sending.now + max(_PAUSES[1], passed / 4)
    return None


def _ask_receipt(sending: _Sending, delivery: Delivery) -> datetime | None:
    """Whether an SMS that was taken has arrived -> when to ask again. One of which nothing is heard stays sent."""
    match _receipt(sending, delivery):
        case Delivered():
            _end(delivery, message.DELIVERED)
        case Failed(code):
            _end(delivery, FAILED, code)
        case _:
            return _next_receipt(delivery, sending.now - delivery.tried_at)
    return None


def _next_receipt(delivery: Delivery, passed: timedelta) -> datetime | None:
    return next((delivery.tried_at + wait for wait in _RECEIPTS if wait > passed), None)


def _receipt(sending: _Sending, delivery: Delivery) -> ReceiptState:
    """What the provider says of an SMS; unclear of one to a number that the person has given up."""
    to, sms = sending.address.to.get(SMS), sending.gateways.sms
    if sms is None or to is None or sending.hash_of(to) != delivery.to_hash:
        return Unclear("the number has changed")
    # About midnight its provider may have taken it on the day before or after.
    days = {beijing_day(delivery.tried_at + margin) for margin in (-_NEAR_MIDNIGHT, _NEAR_MIDNIGHT)}
    deadline, number = Deadline(PROVIDER_SECONDS), message.out_id(sending.message)
    state: ReceiptState = NotKnown()
    for day in sorted(days):
        state = sms.find_receipt(to, delivery.biz_id, number, day, deadline)
        if not isinstance(state, NotKnown):
            break
    return state


def count_undelivered() -> int | None:
    """How many messages are listed as not delivered; None where the store is out of reach. One Query."""
    try:
        return attention.count_attention(attention.UNDELIVERED)
    except StoreUnavailable as error:
        log.warning("undelivered messages are not counted: %s", type(error).__name__)
        return None
