"""The commands about messages: what was not delivered, what each says, where SMS are told of."""

from __future__ import annotations

import argparse
from datetime import datetime

from chalicelib.beijing_time import beijing_text
from chalicelib.manage.terminal import say
from chalicelib.shop.message_texts import (
    CHANNEL_NAMES,
    GROUP_NAMES,
    TEMPLATES,
    Event,
    example_facts,
    mail_bodies,
    sms_template,
    sms_text,
    words,
)


def messages(given: argparse.Namespace) -> None:
    """List messages that were not delivered, longest waiting first."""
    from chalicelib.shop.attention import UNDELIVERED, list_attention
    from chalicelib.shop.message import FAILED, Message, out_id
    from chalicelib.shop.user import User, user_key
    from chalicelib.storage.dynamodb import find_together

    page = list_attention(UNDELIVERED, given.limit, given.after)
    listed = [item for item in page.items if isinstance(item, Message)]
    found = find_together([user_key(item.user_id) for item in listed]).values()
    names = {user.user_id: user.username for user in found if isinstance(user, User)}
    for item in listed:
        failed = [one for one in item.deliveries or () if one.status == FAILED]
        say(f"{beijing_text(item.at)} {item.event} to {names.get(item.user_id, item.user_id)}")
        for one in failed:
            say(f"  by {one.channel}, tried {one.attempts} times: {one.why}")
        say(f"  when it is dealt with: resolve-message '{out_id(item)}' --reason ...")
    if not listed:
        say("every message was delivered, is on its way, or is not wanted")
    if page.next_cursor:
        say(f"There are more: --after {page.next_cursor}")


def resolve_message(number: str, reason: str, by: str, now: datetime) -> None:
    """Take a message off that list. Raises NothingToResolve."""
    from chalicelib.flows.resolve_message import resolve_message as resolve

    resolve(number, by, reason, now)
    say("it is off the list; the person sees it among their messages as before")


def preview(given: argparse.Namespace) -> None:
    """Show what an event's message says by each channel, with examples for its facts."""
    event = Event(given.event)
    template, facts = TEMPLATES[event], example_facts(event)
    said = words(event, facts)
    say(f"{event}: {GROUP_NAMES[template.group]}{', at any hour' if template.is_urgent else ''}")
    say(f"{CHANNEL_NAMES['site']}: {said.title} | {said.text} | {said.link}")
    if template.sms is not None:
        say(f"{CHANNEL_NAMES['sms']}: {sms_text(event, facts)}")
        say(f"  to be registered as: {sms_template(event)}")
    if template.has_mail:
        text, _ = mail_bodies(said, f"https://shop.example{said.link}", None)
        say(f"{CHANNEL_NAMES['mail']}: {said.title}\n{text}")
