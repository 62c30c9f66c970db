"""Every key is changed as infra/README.md says, all of them at once; and a text that is no key."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from redis import Redis

from chalicelib.settings import table_prefix
from chalicelib.shop.rate_limit import Limit
from infra.stacks import NotDeployed
from localstack.alipay import generate_keys
from localstack.alipay.signing import public_half
from localstack.cloud.deploying import INFRA
from localstack.keys import Keys
from tests.client import Client
from tests.e2e.journey import in_cart
from tests.e2e.local_run import SECONDS, until
from tests.e2e.shop import (
    PAID,
    PASSWORD,
    Ordered,
    Shop,
    chosen,
    claimed_and_ordered,
    control,
    owned,
    paid,
    registered,
    solved,
    started,
    status,
)
from tests.localstack.cloud_run import API_FUNCTION, CloudRun

pytestmark = pytest.mark.timeout(900)

UNPAID = "待支付"
NOT_SOLVED, NO_CART = 1001, 1233


class Rotation:
    """The change of one key. `secret` is its name among the stage's values, `texts` are what it holds, old and new."""

    secret: str
    texts: tuple[str, str]

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        self.run, self.shop = run, shop

    def before(self) -> None:
        """The first deployment is done."""

    def change(self) -> None:
        """What happens elsewhere, at the moment when the new text is put in."""

    def between(self) -> None:
        """The functions have the key of before."""

    def after(self) -> None:
        """The second deployment is done."""

    def rolled_back(self) -> None:
        """The API is served by its version of before."""

    def forward_again(self) -> None:
        """The API is served by the newer version."""

    def end(self) -> None:
        """Leave things elsewhere as they were."""

    def ended(self) -> None:
        """The functions have what the secret held at first."""


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


class AlipayAppPrivateKey(Rotation):
    """Alipay's console knows one key of the app at a time: pay pages signed by another one do not open."""

    secret = "alipay-app-private-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old, self.new = Keys(run.data / "keys").app_private.read_text(), generate_keys()
        self.texts = (self.old, self.new.private_pem)

    def before(self) -> None:
        self.learner, self.course, self.order = an_order(self.shop)
        assert get(self.order.pay_url).url.startswith(f"{self.shop.alipay}/cashier/")

    def change(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"app_public_key": self.new.public_pem})

    def between(self) -> None:
        for address in (self.order.pay_url, self.address_of_now()):
            assert "isv.invalid-signature" in get(address).text
        assert status(self.learner, self.order) == UNPAID

    def after(self) -> None:
        assert "isv.invalid-signature" in get(self.order.pay_url).text
        last = paid(self.order._replace(pay_url=self.address_of_now()))
        assert last.url.startswith(f"{self.shop.shop_front}/payment/result")

    def end(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"app_public_key": public_half(self.old)})

    def address_of_now(self) -> str:
        """Where the learner is sent who goes on with the order."""
        asked = f"order_number={self.order.number}&final_price={self.order.pay_money}"
        return str(self.learner.get(f"/get_pay_url/?{asked}")["data"])


class AlipayPublicKey(Rotation):
    """Alipay signs by another key: notices fail until the functions know it, and none is lost."""

    secret = "alipay-public-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old, self.new = Keys(run.data / "keys").alipay_private.read_text(), generate_keys()
        self.texts = (public_half(self.old), self.new.public_pem)
        self.untold = an_order(shop)  # at once: the timer looks at an order a minute after it was placed

    def before(self) -> None:
        self.told = an_order(self.shop)
        for _, _, order in (self.told, self.untold):
            assert get(order.pay_url).status_code == 200

    def change(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"alipay_private_key": self.new.private_pem})

    def between(self) -> None:
        learner, _, order = self.told
        self.pay(order)
        until(lambda: bool(self.answers(order)), "no notice was sent")
        assert set(self.answers(order)) == {"fail"}
        assert status(learner, order) == UNPAID
        self.shop.switch_notices(False)
        self.pay(self.untold[2])

    def after(self) -> None:
        learner, course, order = self.told
        lost = {"on": True, "out_trade_no": self.untold[2].number}
        control(f"{self.shop.alipay}/control/bad-days/notice_lost", lost)
        self.shop.switch_notices(True)
        control(f"{self.shop.alipay}/control/notices/deliver", {"early": True})
        assert self.answers(order)[-1] == "success"
        assert status(learner, order) == PAID
        given = learner.get("/mycourses")["data"]
        assert [mine["course_id"] for mine in given] == [course]
        notice = self.shop.trade(order.number)["notices"][0]["notify_id"]
        times = len(self.answers(order))
        control(f"{self.shop.alipay}/control/notices/{notice}/resend", {})
        until(lambda: len(self.answers(order)) > times, "the notice was not repeated")
        assert self.answers(order)[-1] == "success"
        assert learner.get("/mycourses")["data"] == given

    def rolled_back(self) -> None:
        """Meanwhile the timer, which is not rolled back, finds what nobody was told of."""
        learner, course, order = self.untold
        # On a slow computer the timer has asked before, under the key of before, and asks again two minutes later.
        until(lambda: self.timer_has_found(learner, order), "the timer did not find the money", 3 * SECONDS)
        assert owned(learner) == [course]
        assert not self.shop.notice_accepted(order.number)

    def end(self) -> None:
        control(f"{self.shop.alipay}/control/bad-days", {"on": False})
        self.shop.switch_notices(True)
        control(f"{self.shop.alipay}/control/keys", {"alipay_private_key": self.old})

    def timer_has_found(self, learner: Client, order: Ordered) -> bool:
        """Whether the order is paid, once the timer has run. Its page, which asks Alipay itself, is not opened."""
        self.run.run_timer("work_off_orders")
        orders = {one["order_number"]: one["status"] for one in learner.get("/myorder/")["data"]}
        return bool(orders[order.number] == PAID)

    def pay(self, order: Ordered) -> None:
        control(f"{self.shop.alipay}/control/trades/{order.number}/pay", {})

    def answers(self, order: Ordered) -> list[str]:
        """What the shop answered to the notices of an order."""
        notices = self.shop.trade(order.number)["notices"]
        return [delivery["answer"] for notice in notices for delivery in notice["deliveries"]]


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

    def end(self) -> None:
        control(f"{self.shop.geetest}/control/key", {"geetest_key": self.texts[0]})

    def signed_in(self, visitor: Client, proof: Mapping[str, str]) -> Any:
        return visitor.post("/login", {"username": self.name, "password": PASSWORD, **proof})


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


def get(address: str, headers: Mapping[str, str] | None = None) -> requests.Response:
    return requests.get(address, headers=headers, timeout=SECONDS)


def an_order(shop: Shop) -> tuple[Client, int, Ordered]:
    """A learner, the course that they have ordered, and the order."""
    learner, _ = registered(shop)
    choice, order = claimed_and_ordered(shop, learner)
    return learner, choice.course_id, order


def deployed_with(run: CloudRun, texts: Mapping[str, str]) -> str:
    """Put texts into secrets, and deploy -> the version of the API that serves."""
    run.put_in(texts)
    run.cloud().deploy_app(run.wanted())
    return serving(run)


def serving(run: CloudRun) -> str:
    alias = run.cloud().client("lambda").get_alias(FunctionName=API_FUNCTION, Name="live")
    return str(alias["FunctionVersion"])


def serve(run: CloudRun, version: str) -> None:
    """Let the API be served by a version, as a roll-back does."""
    run.cloud().client("lambda").update_alias(FunctionName=API_FUNCTION, Name="live", FunctionVersion=version)


ROTATIONS = (JwtKey, EdgeKey, GeetestKey, AlipayAppPrivateKey, AlipayPublicKey, RedisPassword)


def test_keys_are_changed_in_one_deployment_and_nothing_is_lost(run: CloudRun, shop: Shop) -> None:
    rotations = [rotation(run, shop) for rotation in ROTATIONS]
    try:
        first = deployed_with(run, {each.secret: each.texts[0] for each in rotations})
        for each in rotations:
            each.before()
        run.put_in({each.secret: each.texts[1] for each in rotations})
        for each in rotations:
            each.change()
        for each in rotations:
            each.between()
        second = deployed_with(run, {})
        assert second != first
        for each in reversed(rotations):
            each.after()
        serve(run, first)
        for each in rotations:
            each.rolled_back()
        serve(run, second)
        for each in rotations:
            each.forward_again()
    finally:
        for each in rotations:
            each.end()
        deployed_with(run, run.keys())
    for each in rotations:
        each.ended()


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
