"""Send a one-time code to a number or an address, telling nobody whether a user has confirmed it.

A code to confirm a contact is always sent. For other purposes one is sent only to a contact of somebody who may sign
in; the answer is the same for all, and so is its time: whatever is read, written and sent within `EVEN_SECONDS`, the
answer comes when they are over. A sending that takes longer is given up. Limits and codes are stored alike for known
and unknown contacts.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime

from chalicelib.confidential import Confidential
from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import (
    ChangedMeanwhile,
    ChannelNotSetUp,
    CodeNotSent,
    CodeRefused,
    StoreUnavailable,
    TooManyAttempts,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.post import SendState, Sent
from chalicelib.settings import Settings
from chalicelib.shop import code_texts, one_time_code
from chalicelib.shop import user as users
from chalicelib.shop.contact import MAIL, SMS, find_owner
from chalicelib.shop.one_time_code import Purpose, Subject
from chalicelib.shop.rate_limit import Limit, network_of, take_attempt
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)

EVEN_SECONDS = 3.0
"""How long every answer takes that must not tell whether a contact is known: as long as providers of SMS may."""

_HOUR, _DAY = 3600, 24 * 3600


class CodeRequest(Confidential, frozen=True):
    """Where a code is to be sent, written as `contact.normal` does, and what for."""

    purpose: Purpose
    channel: str
    to: str


def channels(gateways: Gateways, settings: Settings) -> list[str]:
    """The channels by which this shop can send codes."""
    has_sms = gateways.sms is not None and bool(settings.sms_code_templates)
    return [name for name, is_set_up in ((SMS, has_sms), (MAIL, gateways.mail is not None)) if is_set_up]


def send_code(
    asked: CodeRequest,
    user: User | None,
    address: str,
    gateways: Gateways,
    settings: Settings,
    now: datetime,
    pause: Callable[[float], None],
) -> None:
    """Send a code; `user` is who confirms a contact, None for other purposes.

    Raises ChannelNotSetUp; TooManyAttempts when 30 of an address or 200 of its network were asked for within an hour,
    or when too many went to this number or, confirming, for this user; CodeNotSent only when confirming.
    Without Redis nobody gets a code (CartStoreUnavailable).
    """
    even = Deadline(EVEN_SECONDS)
    if asked.channel not in channels(gateways, settings):
        raise ChannelNotSetUp()
    take_attempt(
        [
            Limit("code-address", address, 30, _HOUR, otherwise="refuse"),
            Limit("code-network", network_of(address), 200, _HOUR, otherwise="refuse"),
        ]
    )
    subject = Subject(asked.purpose, asked.channel, asked.to, user.user_id if user else None)
    receiver = user or find_holder(asked.channel, asked.to, settings)
    code = one_time_code.new_code()
    is_due = _issue(subject, code, receiver, settings, now)
    is_sent = (
        is_due
        and _is_within_day(settings)
        and _send(subject, code, gateways, settings, Deadline(PROVIDER_SECONDS) if user else even)
    )
    if user is None:
        pause(even.remaining())
    elif not is_sent:
        raise CodeNotSent()


def find_holder(channel: str, to: str, settings: Settings) -> User | None:
    """The user who has confirmed a contact, if there is one who may sign in. Two round trips."""
    user_id = find_owner(channel, to, settings.contact_keys)
    if user_id is None:
        return None
    user = users.find_user(user_id)
    return None if user.disabled else user


def holder_of(subject: Subject, settings: Settings) -> User:
    """The user whom a right code lets in. Two round trips. Raises CodeRefused when there is none any more."""
    holder = find_holder(subject.channel, subject.to, settings)
    if holder is None:
        raise CodeRefused()
    return holder


def _issue(subject: Subject, code: str, receiver: User | None, settings: Settings, now: datetime) -> bool:
    """Store a code and count its sending -> whether it is to be sent. Three round trips, two for a number of nobody's.

    Of requests at once one counts, and the others find it counted. Whoever is not known by a token is not told that
    the person, not the number, has had enough.
    """
    key = settings.contact_keys[0]
    while True:
        to_number = one_time_code.find_sendings_to(subject.channel, subject.to, key)
        _raise_if_early(one_time_code.wait_seconds(to_number, now))
        transaction = Transaction()
        issued = one_time_code.issue(transaction, subject, code, key, now)
        one_time_code.record_sending(transaction, to_number, now)
        is_due = False
        if receiver is not None:
            for_person = one_time_code.find_sendings_for(receiver.user_id)
            wait = one_time_code.wait_seconds(for_person, now)
            if subject.user_id is not None:
                _raise_if_early(wait)
            if is_due := wait == 0:
                one_time_code.record_sending(transaction, for_person, now)
        try:
            transaction.commit(witness=lambda: one_time_code.is_stored(issued))  # noqa: B023 (called at once)
        except ChangedMeanwhile:
            continue
        return is_due


def _is_within_day(settings: Settings) -> bool:
    """Whether one more code may leave today. Without Redis none may; nobody is told more than that none was sent."""
    try:
        take_attempt([Limit("codes", "all", settings.codes_per_day, _DAY, otherwise="refuse")])
    except (TooManyAttempts, StoreUnavailable):
        log.error("a one-time code was not sent: those of the day are used up, or cannot be counted")
        return False
    return True


def _raise_if_early(seconds: int) -> None:
    if seconds:
        raise TooManyAttempts(seconds=seconds)


def _send(subject: Subject, code: str, gateways: Gateways, settings: Settings, deadline: Deadline) -> bool:
    out_id = f"code-{secrets.token_hex(8)}"
    state: SendState
    if subject.channel == SMS:
        assert gateways.sms
        template = settings.sms_code_templates[subject.purpose]
        state = gateways.sms.send(subject.to, template, {"code": code}, out_id, deadline)
    else:
        assert gateways.mail
        mail = code_texts.mail(subject.purpose, code)
        state = gateways.mail.send(subject.to, mail.subject, mail.text, mail.html, out_id, None, deadline)
    if isinstance(state, Sent):
        return True
    log.error("a one-time code was not sent: channel=%s %s", subject.channel, state)
    return False
