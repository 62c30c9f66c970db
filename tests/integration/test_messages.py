"""Messages: each event reaches its person once by every channel, or is listed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace

import app as application
from chalicelib.deadline import Deadline
from chalicelib.errors import LeaseTaken, PushRefused, Unreadable
from chalicelib.flows import send_messages, take_pushes
from chalicelib.flows.resolve_message import resolve_message
from chalicelib.gateways import Gateways
from chalicelib.gateways.post import (
    Delivered,
    Failed,
    NotKnown,
    ReceiptState,
    Refused,
    SendState,
    Unclear,
    Waiting,
)
from chalicelib.settings import Settings, settings
from chalicelib.shop import attention, contact, inbox, message, work
from chalicelib.shop.message import Event, Message
from chalicelib.shop.message_texts import MAIL, SMS, TEMPLATES, sms_parameters
from chalicelib.shop.partition import list_partition
from chalicelib.shop.quiet_hours import beijing_day, is_quiet
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.endpoints import unsubscribe_path
from tests.fake_post import CALLBACK_KEY, FakeMail, FakeSms, confirm_contacts, send_due, templates

NOON = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
"""12:00 in Beijing."""
EVENING = datetime(2026, 11, 28, 13, 30, tzinfo=UTC)
"""21:30 there."""
MORNING = datetime(2026, 11, 29, 0, 0, tzinfo=UTC)
"""8:00 there."""


class CutOff(BaseException):
    """The function ends here."""


@dataclass
class Post:
    """A learner with both contacts, and senders that tell what they took."""

    user: User
    sms: FakeSms = field(default_factory=FakeSms)
    mail: FakeMail = field(default_factory=FakeMail)
    settings: Settings = field(default_factory=lambda: templates(settings()))

    @property
    def gateways(self) -> Gateways:
        return replace(application.app.gateways, sms=cast(Any, self.sms), mail=self.mail)

    def tell(self, event: Event = Event.ORDER_PAID, when: datetime = NOON, **facts: Any) -> None:
        given = facts or {"number": "N1", "courses": "课程", "amount": 100}
        transaction = Transaction()
        transaction.put_own(message.message_item(self.user.user_id, event, "N1", when, **given), None)
        transaction.commit()

    def run(self, now: datetime) -> None:
        """One run of the timer, of this learner's messages only."""
        for item in self.messages():
            send_due(item, self.gateways, now, self.settings)

    def run_until_done(self, now: datetime, most: int = 60) -> datetime:
        """Runs whenever something is due, until nothing is -> when that was."""
        for _ in range(most):
            self.run(now)
            due = [item.due_at for item in self.messages() if item.due_at is not None]
            if not due:
                return now
            now = max(datetime.fromtimestamp(min(due), UTC), now + timedelta(seconds=1))
        raise AssertionError("a message is never done with")

    def messages(self) -> list[Message]:
        found = list_partition(self.user.user_id, message.PREFIX)
        return [item for item in found if isinstance(item, Message)]

    def states(self) -> dict[str, str]:
        (one,) = self.messages()
        return {delivery.channel: delivery.status for delivery in one.deliveries or ()}

    def why(self, channel: str) -> str:
        (one,) = self.messages()
        (why,) = (delivery.why for delivery in one.deliveries or () if delivery.channel == channel)
        return str(why)

    def is_listed(self) -> bool:
        (one,) = self.messages()
        return bool(one.attention == attention.UNDELIVERED)


@pytest.fixture
def post(gateway_server: GatewayServer) -> Post:
    user = builders.a_user()
    confirm_contacts(user, NOON)
    return Post(user)


def test_a_paid_order_is_told_once_by_every_channel(
    post: Post, gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    learner = Client(gateway_server.base_url, post.user)
    number = purchases.place(learner, [builders.a_course(prices=[300])], 3)
    purchases.pay(alipay, number)
    notice = purchases.notice(alipay, number)
    assert [purchases.deliver(notice) for _ in range(2)] == ["success", "success"]
    (told,) = post.messages()
    assert (told.event, told.order_number) == (Event.ORDER_PAID, number)

    told.update([Message.due_at.set(int(NOON.timestamp()))])
    post.run_until_done(NOON)
    (sms,), (mail,) = post.sms.taken, post.mail.taken
    assert sms.parameters == sms_parameters(told.event, told.facts)
    assert sms.parameters["amount"] == "3.00"
    assert f"/orders/{number}" in mail.text and f"/orders/{number}" in mail.html
    assert mail.unsubscribe_url is None
    assert post.states() == {SMS: message.DELIVERED, MAIL: message.SENT}
    assert not post.is_listed()


@pytest.mark.parametrize("was_taken", [True, False])
def test_after_a_lost_answer_an_sms_is_looked_for_before_it_is_sent_again(
    post: Post, was_taken: bool
) -> None:
    post.sms.bad_days, post.sms.takes_lost = [Unclear("no answer")], was_taken
    post.tell()
    post.run_until_done(NOON)
    assert len(post.sms.taken) == 1
    assert post.sms.calls == (1 if was_taken else 2)
    assert post.states()[SMS] == message.DELIVERED


def test_an_sms_is_not_sent_again_while_its_provider_cannot_be_asked(post: Post) -> None:
    post.sms.bad_days, post.sms.receipt = [Unclear("no answer")], Unclear("down")
    post.tell()
    post.run_until_done(NOON)
    assert (post.sms.calls, post.states()[SMS], post.is_listed()) == (1, message.FAILED, True)


@pytest.mark.parametrize("was_taken", [True, False])
def test_a_mail_whose_answer_was_lost_is_listed_and_not_repeated(post: Post, was_taken: bool) -> None:
    post.mail.bad_days, post.mail.takes_lost = [Unclear("no answer")], was_taken
    post.tell()
    post.run_until_done(NOON)
    assert (post.mail.calls, post.states()[MAIL], post.is_listed()) == (1, message.FAILED, True)
    assert post.states()[SMS] == message.DELIVERED


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("cut", [SMS, MAIL])
def test_cut_off_at_a_sender_each_is_sent_once_or_listed(post: Post, cut: str, takes: bool) -> None:
    sender = post.sms if cut == SMS else post.mail
    sender.bad_days, sender.takes_lost = [CutOff()], takes
    post.tell()
    with pytest.raises(CutOff):
        post.run(NOON)
    post.run(NOON + timedelta(seconds=60))
    assert sender.calls == 1
    post.run_until_done(NOON + work.LEASE)
    if cut == SMS:
        assert (len(post.sms.taken), post.states()[SMS]) == (1, message.DELIVERED)
    else:
        assert (post.mail.calls, len(post.sms.taken), post.is_listed()) == (1, 1, True)


def test_two_timers_at_once_send_once(post: Post) -> None:
    post.tell()
    (first,), (second,) = post.messages(), post.messages()
    work.take_lease(first, NOON)
    with pytest.raises(LeaseTaken):
        work.take_lease(second, NOON)
    # The first is held up beyond its lease, and another one takes over.
    later = NOON + work.LEASE
    (third,) = post.messages()
    work.take_lease(third, later)
    for item, at in ((third, later), (first, later)):
        if item is first:
            with pytest.raises(LeaseTaken):
                send_messages.process(item, post.gateways, at, settings=post.settings)
        else:
            send_messages.process(item, post.gateways, at, settings=post.settings)
    assert (post.sms.calls, post.mail.calls) == (1, 1)


def test_a_refusal_that_passes_is_tried_again_and_a_final_one_is_listed(post: Post) -> None:
    post.sms.bad_days = [Refused("isv.BUSINESS_LIMIT_CONTROL", is_final=False)] * 2
    post.mail.bad_days = [Refused("550", is_final=True)]
    post.tell()
    done = post.run_until_done(NOON)
    assert (post.sms.calls, len(post.sms.taken), post.mail.calls) == (3, 1, 1)
    assert done >= NOON + timedelta(minutes=6)
    assert post.states() == {SMS: message.DELIVERED, MAIL: message.FAILED}
    assert (post.why(MAIL), post.is_listed()) == ("550", True)


def test_a_provider_that_refuses_for_days_leaves_a_listed_message(post: Post) -> None:
    post.sms.bad_days = [Refused("isv.AMOUNT_NOT_ENOUGH", is_final=False, needs_person=True)] * 50
    post.tell()
    done = post.run_until_done(NOON)
    assert done - NOON < timedelta(days=4)
    assert (post.sms.taken, post.states()[SMS], post.is_listed()) == ([], message.FAILED, True)


def test_an_sms_that_did_not_arrive_is_listed_and_one_without_receipt_stays_sent(post: Post) -> None:
    post.sms.receipt = Failed("UNDELIVRD")
    post.tell()
    post.run_until_done(NOON)
    assert (post.states()[SMS], post.why(SMS), post.is_listed()) == (message.FAILED, "UNDELIVRD", True)

    for silent in (Waiting(), NotKnown()):
        other = Post(builders.a_user())
        confirm_contacts(other.user, NOON)
        other.sms.receipt = silent
        other.tell()
        done = other.run_until_done(NOON)
        assert (other.states()[SMS], other.is_listed()) == (message.SENT, False)
        assert done == NOON + timedelta(days=1)


def test_in_quiet_hours_only_what_is_about_security_is_sent(post: Post) -> None:
    post.tell(when=EVENING)
    post.run(EVENING)
    assert (post.sms.calls, post.mail.calls) == (0, 0)
    (waits,) = post.messages()
    assert waits.due_at == MORNING.timestamp()
    post.run(MORNING)
    assert (post.sms.calls, post.mail.calls) == (1, 1)

    other = Post(builders.a_user())
    confirm_contacts(other.user, NOON)
    other.tell(Event.PASSWORD_CHANGED, EVENING, at=EVENING)
    other.run(EVENING)
    assert (other.sms.calls, other.mail.calls) == (1, 1)


def test_nobody_is_sent_what_they_switched_off_nor_where_they_cannot_be_reached(post: Post) -> None:
    box = inbox.find_inbox(post.user.user_id)
    inbox.switch(box, post.user.user_id, "study", MAIL, NOON, on=False)
    post.tell(Event.QUESTION_ANSWERED, course="课程", page="/course/1")
    post.run_until_done(NOON)
    assert (post.states(), post.why(MAIL)) == (
        {SMS: message.DELIVERED, MAIL: message.SKIPPED},
        "switched off",
    )
    nobody = Post(builders.a_user())
    nobody.tell()
    nobody.run_until_done(NOON)
    assert nobody.states() == {SMS: message.SKIPPED, MAIL: message.SKIPPED}
    assert (nobody.sms.calls, nobody.mail.calls, nobody.is_listed()) == (0, 0, False)


def test_whoever_refused_sms_gets_none_of_any_group_until_they_want_them_again(post: Post) -> None:
    user_id = post.user.user_id
    inbox.refuse_sms(user_id, NOON)
    post.tell()
    post.run_until_done(NOON)
    assert (post.states()[SMS], post.sms.calls) == (message.SKIPPED, 0)
    box = inbox.find_inbox(user_id)
    assert not box.is_fixed("orders", SMS)
    inbox.switch(box, user_id, "orders", SMS, NOON, on=True)
    assert inbox.find_inbox(user_id).wants("orders", SMS)
    assert inbox.find_inbox(user_id).is_fixed("orders", SMS)


def test_a_person_is_sent_so_many_a_day_and_the_rest_next_morning(post: Post) -> None:
    for minute in range(12):
        post.tell(when=NOON + timedelta(minutes=minute))
    at = NOON + timedelta(hours=1)
    post.run(at)
    assert (post.sms.calls, post.mail.calls) == (10, 12)
    post.run(MORNING)
    assert len(post.sms.taken) == 12


def test_the_school_spends_no_more_than_it_may_in_a_day(post: Post) -> None:
    post.settings = post.settings.changed(sms_per_day=0)
    post.tell()
    post.run_until_done(NOON)
    assert (post.sms.calls, post.mail.calls) == (0, 1)
    assert (post.states()[SMS], post.why(SMS), post.is_listed()) == (
        message.FAILED,
        "most of a day for all",
        True,
    )


def test_what_is_over_is_not_sent_any_more(post: Post) -> None:
    facts = {"number": "N1", "courses": "课程", "amount": 100, "until": EVENING + timedelta(minutes=9)}
    post.tell(Event.ORDER_EXPIRING, EVENING, **facts)
    post.run_until_done(EVENING)
    assert post.states() == {SMS: message.SKIPPED, MAIL: message.SKIPPED}
    assert (post.sms.calls, post.mail.calls) == (0, 0)


def test_over_a_month_nothing_is_sent_in_quiet_hours(post: Post) -> None:
    sent_at: list[datetime] = []
    now = NOON
    for hour in range(0, 30 * 24, 5):
        now = NOON + timedelta(hours=hour, minutes=hour % 60)
        if hour % 3 == 0:
            post.tell(Event.QUESTION_ANSWERED, now, course="课程", page="/course/1")
        before = post.sms.calls + post.mail.calls
        post.run(now)
        sent_at += [now] * (post.sms.calls + post.mail.calls - before)
    assert len(sent_at) > 50
    assert not [at for at in sent_at if is_quiet(at)]


def test_a_receipt_that_comes_while_the_mail_is_on_its_way_costs_no_outcome(post: Post) -> None:
    class Interrupted(FakeMail):
        def send(self, *given: Any, **more: Any) -> SendState:
            (sending,) = post.messages()
            body = pushed(success=True, out_id=message.out_id(sending))
            take_pushes.take_receipts(CALLBACK_KEY, body, post.gateways, NOON + timedelta(seconds=3))
            return super().send(*given, **more)

    post.mail = Interrupted()
    post.tell()
    post.run(NOON)
    assert post.states() == {SMS: message.SENT, MAIL: message.SENT}


@pytest.mark.parametrize("days_apart", [-1, 1])
def test_about_midnight_an_sms_is_looked_for_on_either_day(post: Post, days_apart: int) -> None:
    """The run began on one day, and the provider took it on the other; its answer was lost."""
    midnight = datetime(2026, 12, 1, 16, tzinfo=UTC)
    began = midnight - days_apart * timedelta(seconds=5)
    taken_on = beijing_day(began) + timedelta(days=days_apart)

    class OnOneDay(FakeSms):
        def find_receipt(
            self, number: str, biz_id: str | None, out_id: str, day: date, deadline: Deadline
        ) -> ReceiptState:
            found = super().find_receipt(number, biz_id, out_id, day, deadline)
            return found if day == taken_on else NotKnown()

    post.sms = OnOneDay(bad_days=[Unclear("no answer")], takes_lost=True)
    post.tell(Event.PASSWORD_CHANGED, began, at=began)
    post.run_until_done(began)
    assert (post.sms.calls, post.states()[SMS]) == (1, message.DELIVERED)


def test_what_an_operator_has_resolved_comes_back_only_with_another_failure(post: Post) -> None:
    def resolve_it() -> None:
        (listed,) = post.messages()
        resolve_message(message.out_id(listed), "op", "called", NOON)
        assert not post.is_listed()

    post.mail.bad_days = [Refused("550", is_final=True)]
    post.sms.receipt = Waiting()
    post.tell()
    post.run(NOON)
    assert post.is_listed()
    resolve_it()
    post.run(NOON + timedelta(minutes=2))
    assert not post.is_listed()
    post.sms.receipt = Failed("UNDELIVRD")
    post.run_until_done(NOON + timedelta(minutes=10))
    assert (post.states(), post.is_listed()) == ({SMS: message.FAILED, MAIL: message.FAILED}, True)
    resolve_it()


def pushed(**members: object) -> bytes:
    times = {"send_time": "2026-11-28 12:00:01", "report_time": "2026-11-28 12:00:09"}
    return json.dumps([{"phone_number": "13800000000", **times, **members}]).encode()


def test_a_receipt_that_is_pushed_is_asked_about_and_not_believed(post: Post) -> None:
    post.sms.receipt = Waiting()
    post.tell()
    post.run(NOON)
    (sent,) = post.messages()
    says_failed = pushed(success=False, err_code="UNDELIVRD", out_id=message.out_id(sent))
    post.run(NOON + timedelta(minutes=2))
    at = NOON + timedelta(minutes=3)
    take_pushes.take_receipts(CALLBACK_KEY, says_failed, post.gateways, at)
    asked = post.sms.asked
    post.run(at)
    assert (post.sms.asked, post.states()[SMS]) == (asked + 1, message.SENT)
    post.sms.receipt = Delivered()
    at += timedelta(minutes=1)
    take_pushes.take_receipts(CALLBACK_KEY, says_failed, post.gateways, at)
    post.run(at)
    assert post.states()[SMS] == message.DELIVERED
    take_pushes.take_receipts(CALLBACK_KEY, says_failed, post.gateways, at)
    (done,) = post.messages()
    assert done.due_at is None


@pytest.mark.parametrize("text", ["拒收", " td ", "T"])
def test_whoever_replies_that_they_want_no_sms_gets_none(post: Post, text: str) -> None:
    (number,) = (to for to in [contact.find_contacts(post.user.user_id).sms] if to)
    keys = settings().contact_keys
    question = pushed(phone_number=number, content="这是什么？")
    take_pushes.take_replies(CALLBACK_KEY, question, post.gateways, keys, NOON)
    assert inbox.find_inbox(post.user.user_id).wants("orders", SMS)
    reply = pushed(phone_number=number, content=text)
    later = NOON + timedelta(minutes=1)
    take_pushes.take_replies(CALLBACK_KEY, reply, post.gateways, keys, later)
    box = inbox.find_inbox(post.user.user_id)
    assert not box.wants("orders", SMS)

    # What is pushed again says nothing new; a reply of later does.
    inbox.switch(box, post.user.user_id, "orders", SMS, later, on=True)
    take_pushes.take_replies(CALLBACK_KEY, reply, post.gateways, keys, NOON + timedelta(minutes=5))
    assert inbox.find_inbox(post.user.user_id).wants("orders", SMS)
    once_more = pushed(phone_number=number, content=text, send_time="2026-11-28 12:03:00")
    take_pushes.take_replies(CALLBACK_KEY, once_more, post.gateways, keys, NOON + timedelta(minutes=5))
    assert not inbox.find_inbox(post.user.user_id).wants("orders", SMS)


@pytest.mark.parametrize("take", ["receipts", "replies"])
def test_a_push_without_the_key_or_unreadable_changes_nothing(post: Post, take: str) -> None:
    def push(key: str, body: bytes) -> None:
        if take == "receipts":
            take_pushes.take_receipts(key, body, post.gateways, NOON)
        else:
            take_pushes.take_replies(key, body, post.gateways, settings().contact_keys, NOON)

    with pytest.raises(PushRefused):
        push("another", b"[]")
    for body in (b"", b"{}", b"[1]", pushed(), b"[" * 70_000):
        with pytest.raises(Unreadable):
            push(CALLBACK_KEY, body)
    others = [pushed(success=True, out_id=out_id) for out_id in ("", "1", "1#x", "9" * 40, 7)]
    if take == "receipts":
        for body in others:
            push(CALLBACK_KEY, body)


def test_a_learner_reads_their_messages_and_chooses_channels(
    post: Post, gateway_server: GatewayServer
) -> None:
    learner = Client(gateway_server.base_url, post.user)
    assert learner.get("/messages")["data"] == {"unread": 0, "messages": [], "cursor": None}
    for minute in range(3):
        post.tell(when=NOON + timedelta(minutes=minute), number=f"N{minute}", courses="课程", amount=100)
    post.run(NOON + timedelta(minutes=9))
    first = learner.get("/messages", params={"limit": 2})["data"]
    assert (first["unread"], len(first["messages"])) == (3, 2)
    rest = learner.get("/messages", params={"limit": 2, "cursor": first["cursor"]})["data"]
    (oldest,) = rest["messages"]
    assert (oldest["link"], oldest["created_at"], rest["cursor"]) == (
        "/orders/N0",
        "2026-11-28 12:00:00",
        None,
    )
    assert [one["status"] for one in oldest["deliveries"]] == ["sent", "sent"]
    assert [
        one["id"] for one in learner.get("/messages", params={"order_num": "N0"})["data"]["messages"]
    ] == [oldest["id"]]
    assert learner.put("/messages/read", {"until": first["messages"][1]["id"]})["code"] == 1000
    assert learner.get("/messages/unread")["data"] == {"unread": 1}
    assert learner.put("/messages/read", {"until": oldest["id"]})["code"] == 1000
    assert learner.get("/messages/unread")["data"] == {"unread": 1}
    later = "29991231T000000000000Z#order-paid#N9#00000000"
    assert learner.put("/messages/read", {"until": later})["code"] == 1000
    assert learner.get("/messages/unread")["data"] == {"unread": 0}
    post.tell(when=NOON + timedelta(hours=1))
    assert learner.get("/messages/unread")["data"] == {"unread": 1}

    switched = learner.put("/preferences", {"group": "reminders", "channel": "sms", "on": False})["data"]
    assert switched == learner.get("/preferences")["data"]
    off = [
        (group["group"], one["channel"])
        for group in switched["groups"]
        for one in group["channels"]
        if not one["on"]
    ]
    assert off == [("reminders", "sms")]
    for group, channel in (("orders", "sms"), ("security", "mail"), ("study", "site")):
        assert learner.put("/preferences", {"group": group, "channel": channel, "on": False})["code"] == 2105


def test_one_click_in_a_mail_ends_mails_of_its_group_and_a_forged_one_nothing(
    post: Post, gateway_server: GatewayServer
) -> None:
    visitor = Client(gateway_server.base_url)
    post.tell(Event.QUESTION_ANSWERED, course="课程", page="/course/1")
    post.run(NOON)
    (mail,) = post.mail.taken
    assert mail.unsubscribe_url is not None
    path = mail.unsubscribe_url.removeprefix(settings().api_url)
    assert mail.unsubscribe_url.partition("?")[2] in mail.text
    assert visitor.get(path)["data"] == {"group": "study", "name": "学习互动"}
    assert inbox.find_inbox(post.user.user_id).wants("study", MAIL)
    for forged in (path[:-1] + ("0" if path[-1] != "0" else "1"), path.replace(".study.", ".reminders.")):
        assert visitor.post(forged)["code"] == 2106
    assert visitor.post(unsubscribe_path(post.user, "orders"))["code"] == 2106
    assert visitor.request("POST", path, data="List-Unsubscribe=One-Click").json()["code"] == 1000
    assert not inbox.find_inbox(post.user.user_id).wants("study", MAIL)


def test_the_timer_of_orders_never_sees_messages(post: Post) -> None:
    post.tell()
    far = NOON + timedelta(days=10_000)
    listed = [one for shard in work.ORDERS for one in work.list_due(shard, far, 10_000)]
    assert not [one for one in listed if isinstance(one, Message)]


def test_every_event_has_a_channel_beside_the_list() -> None:
    assert all(TEMPLATES[event].channels() for event in Event)
