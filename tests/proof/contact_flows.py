"""The flows of contacts and one-time codes, cut off: see writing_flows.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chalicelib.flows import change_contact
from chalicelib.settings import settings
from chalicelib.shop import contact
from chalicelib.shop.message import Event, Message
from chalicelib.shop.password import password_matches
from chalicelib.shop.user import find_user
from tests import builders
from tests.addresses import ClientAt
from tests.postbox import postbox
from tests.proof import invariants
from tests.proof.writing_flows import Flow, by_operator


class SendCode(Flow):
    """Whatever was cut off, no more than one went out; a minute later there is another one."""

    covers = ("POST /codes",)

    def begin(self) -> None:
        self.to = builders.a_contact(self.user)
        self.sent = 0

    def act(self) -> object:
        with postbox() as box:
            try:
                return ask_for_code(ClientAt(), "sign-in", self.to)
            finally:
                self.sent += box.count(self.to)

    def next(self) -> None:
        assert self.sent <= 1
        self.clock.advance(seconds=61)
        assert self.act() == 1000

    def assert_end(self) -> None:
        assert 1 <= self.sent <= 2


def ask_for_code(client: ClientAt, purpose: str, to: str) -> object:
    return client.post("/codes", {"purpose": purpose, "channel": "sms", "to": to})["code"]


def code_for(client: ClientAt, purpose: str, to: str) -> str:
    with postbox() as box:
        assert ask_for_code(client, purpose, to) == 1000
    return box.code(to)


class ConfirmContact(Flow):
    """The learner sends it again, with the code they have, and the number of before in its place."""

    covers = ("PUT /contacts/{channel}",)

    def begin(self) -> None:
        self.before, self.to = builders.a_contact(self.user), builders.a_number()
        self.code = code_for(self.learner, "confirm", self.to)

    def act(self) -> object:
        body = {"to": self.to, "code": self.code, "password": builders.PASSWORD}
        return self.learner.put("/contacts/sms", body)["code"]

    def next(self) -> None:
        assert self.act() == 1000

    def assert_end(self) -> None:
        assert contact.find_contacts(self.user.user_id).sms == self.to
        assert contact.find_owner("sms", self.before, settings().contact_keys) is None


class RemoveContact(Flow):
    covers = ("DELETE /contacts/{channel}",)

    def begin(self) -> None:
        self.to = builders.a_contact(self.user)

    def act(self) -> object:
        return self.learner.delete("/contacts/sms", {"password": builders.PASSWORD})

    def assert_end(self) -> None:
        assert contact.find_contacts(self.user.user_id).sms is None
        assert contact.find_owner("sms", self.to, settings().contact_keys) is None


class ReleaseContact(RemoveContact):
    """An operator takes a number that has another holder."""

    covers = ("manage release-contact",)

    def act(self) -> object:
        return by_operator(
            lambda: change_contact.release_contact(self.user, "sms", "op", "test", settings(), self.clock())
        )


class LogInByCode(Flow):
    """Where the answer is lost the code is used; the learner asks for another."""

    covers: ClassVar[tuple[str, ...]] = ("POST /login/code",)
    purpose = "sign-in"

    def begin(self) -> None:
        self.to = builders.a_contact(self.user)
        self.code = code_for(ClientAt(), self.purpose, self.to)

    def act(self) -> object:
        return ClientAt().post("/login/code", {"channel": "sms", "to": self.to, "code": self.code})["code"]

    def next(self) -> None:
        if self.act() != 1000:
            self.clock.advance(seconds=61)
            self.code = code_for(ClientAt(), self.purpose, self.to)
            assert self.act() == 1000

    def assert_end(self) -> None:
        assert self.act() == 2104


class SetForgottenPassword(LogInByCode):
    """The new password is there with the end of all sessions and a message that tells of it, or nothing is."""

    covers = ("PUT /password/forgotten",)
    purpose = "password"

    def act(self) -> object:
        body = {"channel": "sms", "to": self.to, "code": self.code, "password": "quite another one"}
        return ClientAt().put("/password/forgotten", body)["code"]

    def check(self) -> None:
        super().check()
        stored = find_user(self.user.user_id)
        told = [
            one
            for one in invariants.belongings(self.user.user_id).of(Message)
            if one.event == Event.PASSWORD_CHANGED
        ]
        assert len(told) == stored.generation
        assert password_matches("quite another one", stored.password) == (stored.generation > 0)

    def assert_end(self) -> None:
        super().assert_end()
        assert self.learner.get("/userinfo/")["code"] == 401


CONTACT_FLOWS: Sequence[type[Flow]] = (
    *(SendCode, ConfirmContact, RemoveContact, ReleaseContact, LogInByCode, SetForgottenPassword),
)
