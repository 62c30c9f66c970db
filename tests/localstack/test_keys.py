"""Keys are changed as infra/README.md says, several of them at once; and a text that is no key. Those by which the shop
and providers of payments know each other are in `test_payment_keys.py`.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from redis import Redis

from chalicelib.gateways.sms_pushes import push_addresses
from chalicelib.settings import table_prefix
from chalicelib.shop.rate_limit import Limit
from infra.stacks import NotDeployed
from localstack.cloud.deploying import INFRA
from localstack.keys import Keys
from tests.client import Client
from tests.e2e.journey import in_cart
from tests.e2e.local_run import SECONDS, until
from tests.e2e.shop import (
    PASSWORD,
    Shop,
    chosen,
    control,
    owned,
    registered,
    solved,
    started,
)
from tests.localstack.cloud_run import CloudRun
from tests.localstack.rotation import Rotation, change_keys, get, serving

pytestmark = pytest.mark.timeout(1500)

NOT_SOLVED, NO_CART, NOT_PLAYED, TOO_SOON, WRONG_CODE = 1001, 1233, 2007, 2101, 2104


class JwtKey(Rotation):
    """Learners stay signed in while two keys hold, whichever signs. In the end one is alone: the old one, of which the
    tokens of others are.
    """

    secret = "jwt-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        old, new = run.keys()[self.secret], secrets.token_urlsafe(48)
        self.texts = (f"{old}\n{new}", f"{new}\n{old}")
        learner, self.name = registered(shop)
        self.of_old = learner.token

    def before(self) -> None:
        assert self.is_taken(self.of_old)

    def after(self) -> None:
        visitor = self.shop.visitor()
        person = {"username": self.name, "password": PASSWORD}
        self.of_new = visitor.post("/login", {**person, **solved(self.shop, visitor)})["data"]["token"]
        assert self.is_taken(self.of_old)
        assert self.is_taken(self.of_new)

    def rolled_back(self) -> None:
        assert self.is_taken(self.of_old)
        assert self.is_taken(self.of_new)

    def ended(self) -> None:
        assert self.is_taken(self.of_old)
        assert not self.is_taken(self.of_new)

    def is_taken(self, token: str | None) -> bool:
        return get(f"{self.shop.api}/beli", headers={"Authorization": str(token)}).status_code == 200


class GeetestKey(Rotation):
    """Geetest knows one key: with another one, no page's captcha is solved."""

    secret = "geetest-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.texts = (Keys(run.data / "keys").geetest_key.read_text(), "another-key-at-geetest")

    def before(self) -> None:
        _, self.name = registered(self.shop)

    def change(self) -> None:
        control(f"{self.shop.geetest}/control/key", {"geetest_key": self.texts[1]})

    def between(self) -> None:
        visitor = self.shop.visitor()
        challenge = started(visitor)["challenge"]
        solving = requests.post(
            f"{self.shop.geetest}/control/solve", json={"challenge": challenge}, timeout=SECONDS
        )
        assert (solving.status_code, solving.json()["reason"]) == (404, "illegal challenge")
        made_up = {
            "geetest_challenge": challenge,
            "geetest_validate": "0" * 32,
            "geetest_seccode": f"{'0' * 32}|jordan",
        }
        assert self.signed_in(visitor, made_up)["code"] == NOT_SOLVED

    def after(self) -> None:
        visitor = self.shop.visitor()
        assert self.signed_in(visitor, solved(self.shop, visitor))["code"] == 1000

    def rolled_back(self) -> None:
        """Geetest's console goes back, too, as the other keys' captchas are to be solved."""
        control(f"{self.shop.geetest}/control/key", {"geetest_key": self.texts[0]})

    def forward_again(self) -> None:
        control(f"{self.shop.geetest}/control/key", {"geetest_key": self.texts[1]})

    def end(self) -> None:
        control(f"{self.shop.geetest}/control/key", {"geetest_key": self.texts[0]})

    def signed_in(self, visitor: Client, proof: Mapping[str, str]) -> Any:
        return visitor.post("/login", {"username": self.name, "password": PASSWORD, **proof})


class Post:
    """What learners ask of the shop that comes by SMS or mail."""

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        self.shop, self.url = shop, run.run_env()["SMS_API_URL"]

    def code(self, asker: Client, purpose: str, channel: str, to: str) -> str:
        """A code that was sent, asked for as soon as one more may go there. Whoever has had enough is not told so:
        nothing comes then.
        """
        body, known = {"purpose": purpose, "channel": channel, "to": to}, self.newest(to)
        while self.newest(to) == known:
            answer = asker.post("/codes", {**body, **solved(self.shop, asker)})
            assert answer["code"] in (1000, TOO_SOON), answer
            if told := re.search(r"([0-9]+)秒", answer["msg"]):
                threading.Event().wait(int(told[1]))
        return str(self.newest(to)["code"])

    def newest(self, to: str) -> Any:
        """The newest code that went there."""
        return requests.get(f"{self.url}/control/codes/{to}", timeout=SECONDS).json()

    def confirm(self, learner: Client, channel: str, to: str) -> None:
        """Make a number or an address the learner's."""
        code = self.code(learner, "confirm", channel, to)
        answer = learner.put(f"/contacts/{channel}", {"to": to, "code": code})
        assert answer["code"] == 1000, answer

    def mails(self, to: str) -> list[str]:
        """The subjects of the mails that have gone there."""
        answer = requests.get(f"{self.url}/control/mails?to={to}", timeout=SECONDS)
        return [mail["subject"] for mail in answer.json()["mails"]]


def a_number() -> str:
    return f"138{secrets.randbelow(10**8):08d}"


class ContactKey(Rotation):
    """Whoever has confirmed a number signs in by it while two keys hold, under whichever it was confirmed."""

    secret = "contact-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        old, new = run.keys()[self.secret], secrets.token_urlsafe(48)
        self.texts = (f"{old}\n{new}", f"{new}\n{old}")
        self.post = Post(run, shop)

    def before(self) -> None:
        self.of_old, self.asking = self.confirmed(), self.confirmed()
        self.on_its_way = self.post.code(self.shop.visitor(), "sign-in", "sms", self.asking)

    def after(self) -> None:
        assert self.signed_in(self.asking, self.on_its_way) == WRONG_CODE
        self.of_new = self.confirmed()
        assert self.is_known(self.of_old)

    def rolled_back(self) -> None:
        assert self.is_known(self.of_new)

    def forward_again(self) -> None:
        assert self.is_known(self.asking)

    def confirmed(self) -> str:
        """The number of a new learner."""
        learner, _ = registered(self.shop)
        number = a_number()
        self.post.confirm(learner, "sms", number)
        return number

    def is_known(self, number: str) -> bool:
        code = self.post.code(self.shop.visitor(), "sign-in", "sms", number)
        return self.signed_in(number, code) == 1000

    def signed_in(self, number: str, code: str) -> int:
        body = {"channel": "sms", "to": number, "code": code}
        return int(self.shop.visitor().post("/login/code", body)["code"])


class SmsAccessKeySecret(Rotation):
    """The account has both keys until all functions have the new one."""

    secret = "sms-access-key-secret"
    NEW_ID, NEW = "LTAI5tAnother", "another-secret-of-the-same-user"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old_id, old = run.wanted().parameters["SmsAccessKeyId"], run.keys()[self.secret]
        self.texts = (old, self.NEW)
        self.parameters = {"SmsAccessKeyId": self.NEW_ID}
        self.post = Post(run, shop)

    def before(self) -> None:
        assert self.taken_pushes() == [True, False]

    def change(self) -> None:
        self.keys({self.NEW_ID: self.NEW})

    def between(self) -> None:
        assert self.taken_pushes() == [True, False]

    def after(self) -> None:
        assert self.taken_pushes() == [False, True]

    def forward_again(self) -> None:
        self.keys({self.old_id: None})
        learner, _ = registered(self.shop)
        self.post.confirm(learner, "sms", a_number())

    def end(self) -> None:
        self.keys({self.old_id: self.texts[0], self.NEW_ID: None})

    def keys(self, keys: Mapping[str, str | None]) -> None:
        control(f"{self.post.url}/control/access-keys", keys)

    def taken_pushes(self) -> list[bool]:
        """Whether receipts are taken at the address of the old secret, and at that of the new one."""
        addresses = [push_addresses(self.shop.api, secret)[0] for secret in self.texts]
        return [get(address).status_code == 200 for address in addresses]


class MailUrl(Rotation):
    """Mail that is refused while the functions have the old password waits, and goes out once."""

    secret = "mail-url"
    NEW = "another-password"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        old = run.keys()[self.secret]
        self.old = Keys(run.data / "keys").mail_password.read_text()
        assert self.old in old
        self.texts = (old, old.replace(self.old, self.NEW))
        self.post = Post(run, shop)
        self.to = f"{secrets.token_hex(6)}@learner.example"

    def before(self) -> None:
        self.learner, _ = registered(self.shop)
        self.post.confirm(self.learner, "mail", self.to)
        self.known = self.post.mails(self.to)

    def change(self) -> None:
        control(f"{self.post.url}/control/mail-password", {"password": self.NEW})

    def between(self) -> None:
        changed = self.learner.put("/password", {"old_password": PASSWORD, "new_password": f"{PASSWORD}-new"})
        assert changed["code"] == 1000, changed
        self.run.run_timer("send_messages")
        assert self.post.mails(self.to) == self.known

    def forward_again(self) -> None:
        """After each attempt that fails the next one comes later, up to five minutes by now."""
        until(lambda: len(self.sent()) > len(self.known), "the mail was not sent", 4 * SECONDS)
        assert len(self.sent()) == len(self.known) + 1

    def end(self) -> None:
        control(f"{self.post.url}/control/mail-password", {"password": self.old})

    def sent(self) -> list[str]:
        self.run.run_timer("send_messages")
        return self.post.mails(self.to)


class PolyvSecretKey(Rotation):
    """Polyv knows one key: with another one, nothing is played."""

    secret = "polyv-secret-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.texts = (run.keys()[self.secret], "anotherkeyatpolyv")
        self.polyv = run.run_env()["POLYV_API_URL"]

    def before(self) -> None:
        visitor = self.shop.visitor()
        self.section = next(
            f"/course/{row['id']}/sections/{section['id']}/play"
            for row in visitor.get("/courses/")["data"]
            for chapter in visitor.get(f"/course/{row['id']}/chapters/")["data"]["chapters"]
            for section in chapter["sections"]
            if section["free_trail"] and section["section_type"] == "视频"
        )
        assert self.played() == 1000

    def change(self) -> None:
        control(f"{self.polyv}/control/key", {"secret_key": self.texts[1]})

    def between(self) -> None:
        assert self.played() == NOT_PLAYED

    def after(self) -> None:
        assert self.played() == 1000

    def end(self) -> None:
        control(f"{self.polyv}/control/key", {"secret_key": self.texts[0]})

    def played(self) -> int:
        return int(self.shop.visitor().post(self.section, {})["code"])


class EdgeKey(Rotation):
    """A CDN proves itself by the old key or by the new one, while the secret holds both; by no other."""

    secret = "edge-key"
    NEW = "the-key-by-which-the-next-cdn-proves-itself"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old = run.wanted().edge_key
        self.texts = (self.old, f"{self.old}\n{self.NEW}\n")
        self.viewers = iter(range(1, 250))

    def before(self) -> None:
        api = self.run.cloud().resource("RestAPI")
        localstack = self.run.run_env()["AWS_ENDPOINT_URL_DYNAMODB"]
        self.address = f"{localstack}/_aws/execute-api/{api}/api/api/captcha_check"
        self.known_by(self.old)

    def between(self) -> None:
        self.known_by(self.old)

    def after(self) -> None:
        self.known_by(self.old, self.NEW)

    def rolled_back(self) -> None:
        self.known_by(self.old)

    def known_by(self, *keys: str) -> None:
        """The client's address is taken from whom proves it by these keys, and by no others."""
        for key in (self.old, self.NEW, "", f"{self.old} {self.NEW}"):
            assert self.is_believed(key) == (key in keys), len(key)

    def is_believed(self, key: str) -> bool:
        """Whether an attempt counts for the address that is told with this proof."""
        viewer = f"198.51.100.{next(self.viewers)}"
        answer = get(self.address, headers={"X-Shop-Edge": key, "X-Shop-Viewer": viewer})
        assert answer.status_code == 200, answer.text
        counted = Limit("captcha-start", viewer, 600).key.removeprefix(table_prefix())
        wanted = self.run.wanted()
        with Redis.from_url(wanted.secrets["RedisUrlElsewhere"]) as redis:
            return bool(redis.exists(f"{wanted.table_prefix}{counted}"))


class RedisPassword(Rotation):
    """Redis takes both passwords until all functions have the new one. Its user may do what network.json allows."""

    secret = "redis-url"
    OLD, NEW = "OldPasswordOfRedis", "NewPasswordOfRedis"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.url = run.wanted().secrets["RedisUrlElsewhere"]
        by = [self.url.replace("//", f"//shop:{password}@") for password in (self.OLD, self.NEW)]
        self.texts = (by[0], by[1])
        network = json.loads((INFRA / "network.json").read_text(encoding="utf-8"))
        may = network["Resources"]["RedisUser"]["Properties"]["AccessString"]
        self.acl(*may.split(), f">{self.OLD}")

    def before(self) -> None:
        self.learner, _ = registered(self.shop)
        choice = chosen(self.learner)
        line = {"course_id": choice.course_id, "price_policy_id": choice.policy_id}
        assert self.learner.post("/shoppingcar/", line)["code"] == 1000
        self.cart = [choice.course_id]

    def change(self) -> None:
        self.acl(f">{self.NEW}")

    def between(self) -> None:
        assert in_cart(self.learner) == self.cart

    def after(self) -> None:
        self.connect_anew()
        assert in_cart(self.learner) == self.cart

    def rolled_back(self) -> None:
        self.connect_anew()
        assert in_cart(self.learner) == self.cart
        self.acl(f"<{self.OLD}")
        self.connect_anew()
        assert self.learner.get("/shoppingcar/")["code"] == NO_CART

    def forward_again(self) -> None:
        assert in_cart(self.learner) == self.cart

    def end(self) -> None:
        self.acl("off", "resetpass")

    def acl(self, *words: str) -> None:
        with Redis.from_url(self.url) as redis:
            redis.execute_command("ACL", "SETUSER", "shop", *words)

    def connect_anew(self) -> None:
        """End the functions' connections: a connection stays signed in, whatever becomes of its password."""
        with Redis.from_url(self.url) as redis:
            redis.execute_command("CLIENT", "KILL", "USER", "shop")


ROTATIONS = (
    JwtKey,
    EdgeKey,
    GeetestKey,
    SmsAccessKeySecret,
    ContactKey,
    PolyvSecretKey,
    MailUrl,
    RedisPassword,
)


def test_keys_are_changed_in_one_deployment_and_nothing_is_lost(run: CloudRun, shop: Shop) -> None:
    change_keys(run, shop, ROTATIONS)


MALFORMED = {
    "jwt-key": "hidden",
    "edge-key": " \n",
    "redis-url": "hidden:6379",
    "geetest-key": "\ufeff\r\n",
    "alipay-app-private-key": "-----BEGIN PRIVATE KEY-----\nhidden\n",
    "alipay-public-key": "hidden" * 100,
}


def test_a_text_that_is_no_key_is_refused_by_name_and_what_serves_goes_on_even_when_it_begins_anew(
    run: CloudRun, shop: Shop
) -> None:
    learner, name = registered(shop)
    before = serving(run)
    try:
        run.put_in(MALFORMED)
        with pytest.raises(NotDeployed) as refused:
            run.cloud().deploy_app(run.wanted())
        for setting in ("JWT_KEY", "ALIPAY_APP_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"):
            assert f"{setting} should be" in str(refused.value)
        assert "hidden" not in str(refused.value)
        assert serving(run) == before
        run.end_functions()
        # A function whose process was ended fails once.
        until(lambda: get(f"{shop.api}/courses").status_code == 200, "it does not serve")
        assert owned(learner) == []
        visitor = shop.visitor()
        answer = visitor.post("/login", {"username": name, "password": PASSWORD, **solved(shop, visitor)})
        assert answer["code"] == 1000
    finally:
        run.put_in(run.keys())
