"""The flows of messages that are cut off: reading, preferring, and sending with senders that tell what they took."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any, ClassVar, cast

from msgspec.structs import replace

import app as application
from chalicelib.beijing_time import BEIJING
from chalicelib.flows.resolve_message import resolve_message
from chalicelib.shop import attention, inbox, message, reminder
from chalicelib.shop.contact import find_contacts
from chalicelib.shop.message import Message
from chalicelib.shop.partition import list_partition
from chalicelib.shop.reminder import Reminder
from tests.addresses import ClientAt
from tests.endpoints import a_push, push_path, unsubscribe_path
from tests.fake_post import FakeMail, FakeSms, confirm_contacts, send_due
from tests.proof import invariants
from tests.proof.writing_flows import Flow, by_operator


class ReadMessages(Flow):
    covers: ClassVar[tuple[str, ...]] = ("PUT /messages/read",)

    def begin(self) -> None:
        self.paid()

    def act(self) -> object:
        return self.learner.put("/messages/read", {"until": None})

    def assert_end(self) -> None:
        assert self.learner.get("/messages/unread")["data"] == {"unread": 0}


class Prefer(Flow):
    covers = ("PUT /preferences",)
    off = ("study", "sms")

    def act(self) -> object:
        group, channel = self.off
        return self.learner.put("/preferences", {"group": group, "channel": channel, "on": False})

    def assert_end(self) -> None:
        assert not inbox.find_inbox(self.user.user_id).wants(*self.off)


class Unsubscribe(Prefer):
    covers = ("POST /unsubscribe",)
    off = ("study", "mail")

    def act(self) -> object:
        return self.learner.post(unsubscribe_path(self.user))


class SendMessages(Flow):
    """The timer of messages: that an order was paid, by SMS and mail, and the reminder of its courses' end."""

    covers = ("send_messages",)

    def begin(self) -> None:
        self.paid()
        confirm_contacts(self.user, self.clock())
        self.sms, self.mail = FakeSms(), FakeMail()
        noon = (self.clock() + timedelta(days=1)).astimezone(BEIJING).replace(hour=12, minute=0)
        self.clock.stand_at(noon.astimezone(UTC))

    def act(self) -> object:
        gateways = replace(application.app.gateways, sms=cast(Any, self.sms), mail=self.mail)
        for prefix in (message.PREFIX, reminder.PREFIX):
            for item in list_partition(self.user.user_id, prefix):
                assert isinstance(item, Message | Reminder)
                send_due(item, gateways, self.clock())
        return None

    def next(self) -> None:
        for _ in range(12):
            self.clock.stand_at(self.clock() + timedelta(minutes=11))
            self.act()

    def assert_end(self) -> None:
        (told,) = (one for one in invariants.belongings(self.user.user_id).of(Message))
        states = {one.channel: one.status for one in told.deliveries or ()}
        assert len(self.sms.taken) == 1 and states["sms"] == "delivered"
        assert len(self.mail.taken) <= self.mail.calls <= 1
        assert states["mail"] == "sent" or told.attention == attention.UNDELIVERED


class ResolveMessage(Flow):
    """An operator takes a message off the list that a mail server refused for good."""

    covers = ("manage resolve-message",)

    def begin(self) -> None:
        self.paid()
        (told,) = invariants.belongings(self.user.user_id).of(Message)
        told.deliveries = [message.Delivery(channel="mail", status=message.FAILED, why="550")]
        message.save(told, None, self.clock(), 0)
        self.number = message.out_id(told)

    def act(self) -> object:
        return by_operator(lambda: resolve_message(self.number, "op", "called", self.clock()))

    def next(self) -> None:
        (told,) = invariants.belongings(self.user.user_id).of(Message)
        if told.attention is not None:
            self.act()

    def assert_end(self) -> None:
        (told,) = invariants.belongings(self.user.user_id).of(Message)
        assert (told.attention, told.is_resolved) == (None, True)


class TakeReply(Flow):
    """Somebody replies to an SMS that they want no more; the provider pushes that until it is answered."""

    covers = ("POST /sms/replies",)

    def begin(self) -> None:
        confirm_contacts(self.user, self.clock())
        self.number = find_contacts(self.user.user_id).sms

    def act(self) -> object:
        return ClientAt().post(push_path("replies"), [a_push(phone_number=self.number, content="拒收")])

    def assert_end(self) -> None:
        assert not inbox.find_inbox(self.user.user_id).wants("orders", "sms")


class TakeReceipt(Flow):
    """The provider pushes a receipt: its message is due at once."""

    covers = ("POST /sms/receipts",)

    def begin(self) -> None:
        self.paid()
        (told,) = invariants.belongings(self.user.user_id).of(Message)
        told.deliveries = [message.Delivery(channel="sms", status=message.SENT)]
        message.save(told, self.clock() + timedelta(hours=1), self.clock(), 0)
        self.number = message.out_id(told)

    def act(self) -> object:
        return ClientAt().post(push_path("receipts"), [a_push(success=True, out_id=self.number)])

    def assert_end(self) -> None:
        (told,) = invariants.belongings(self.user.user_id).of(Message)
        assert told.due_at is not None and told.due_at <= self.clock().timestamp()


MESSAGE_FLOWS: tuple[type[Flow], ...] = (
    ReadMessages,
    Prefer,
    Unsubscribe,
    SendMessages,
    ResolveMessage,
    TakeReply,
    TakeReceipt,
)
