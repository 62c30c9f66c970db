"""Messages and preferences -> the documented JSON, one plain function per object."""

from __future__ import annotations

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.my_messages import MessageList
from chalicelib.shop import quiet_hours
from chalicelib.shop.inbox import SHOWN_GROUPS, Inbox
from chalicelib.shop.message import (
    DELIVERED,
    FAILED,
    SENDING,
    SENT,
    SKIPPED,
    WAITING,
    Delivery,
    Message,
    id_of,
)
from chalicelib.shop.message_texts import CHANNEL_NAMES, GROUP_NAMES, words
from chalicelib.web import codes
from chalicelib.web.responses import Json, success

_STATUS_TEXTS = {
    WAITING: "等待发送",
    SENT: "已发送",
    DELIVERED: "已送达",
    FAILED: "发送失败",
    SKIPPED: "未发送",
}
_SKIPPED_TEXTS = {"no contact": "未验证", "switched off": "已关闭"}
"""Why a delivery was skipped, where a learner can do something about it."""


def messages(found: MessageList) -> Json:
    """`GET /messages`."""
    rows = [_message(one, found.box) for one in found.page.items]
    return success({"unread": found.unread, "messages": rows, "cursor": found.page.next_cursor})


def unread(count: int) -> Json:
    """`GET /messages/unread`."""
    return success({"unread": count})


def _message(message: Message, box: Inbox) -> Json:
    said = words(message.event, message.facts)
    return {
        "id": id_of(message),
        "event": message.event,
        "title": said.title,
        "text": said.text,
        "link": said.link,
        "created_at": beijing_text(message.at),
        "is_read": box.read_until is not None and message.sort <= box.read_until,
        "deliveries": [_delivery(one) for one in message.deliveries or ()],
    }


def _delivery(delivery: Delivery) -> Json:
    status = WAITING if delivery.status == SENDING else delivery.status
    text = _STATUS_TEXTS[status]
    if status == SKIPPED:
        text = _SKIPPED_TEXTS.get(delivery.why, text)
    return {"channel": delivery.channel, "status": status, "text": f"{CHANNEL_NAMES[delivery.channel]}{text}"}


def preferences(box: Inbox) -> Json:
    """`GET /preferences` and `PUT /preferences`."""
    groups = [
        {
            "group": group,
            "name": GROUP_NAMES[group],
            "channels": [
                {
                    "channel": channel,
                    "name": name,
                    "on": box.wants(group, channel),
                    "fixed": box.is_fixed(group, channel),
                }
                for channel, name in CHANNEL_NAMES.items()
            ],
        }
        for group in SHOWN_GROUPS
    ]
    return success({"groups": groups, "quiet_hours": quiet_hours.TEXT})


def unsubscribed(group: str) -> Json:
    """`GET /unsubscribe` and `POST /unsubscribe`: the group of messages that it is about."""
    return success({"group": group, "name": GROUP_NAMES[group]})


def accepted() -> Json:
    """`POST /sms/receipts` and `POST /sms/replies`: what ends the repetitions of a push."""
    return {"code": codes.CATALOG_OK, "msg": "接收成功"}
