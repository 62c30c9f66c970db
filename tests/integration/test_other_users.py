"""Every endpoint is tried by a stranger with another user's ids: nothing of theirs is seen, nothing changed.

A new route has to be added here: either it is told with which of somebody else's ids it could be asked, or
that it takes none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis

import app as application
from chalicelib.shop import session
from chalicelib.shop.catalog import Course, Section
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import UserItem
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases, study
from tests.client import Client
from tests.endpoints import VIDEO
from tests.postbox import Postbox, postbox


@dataclass(frozen=True)
class Victim:
    """A user who has one of everything: sessions, coupons, a cart, an account, an open and a paid order, an application
    for its refund, a question, a hand-in.
    """

    client: Client
    user: User
    course: Course
    bound: CouponRecord
    general: CouponRecord
    open_order: str
    paid_order: str
    request_no: str
    session_id: str
    section_path: str
    ticket: str
    asked: str
    handed_in: str
    asked_at: str
    assignment: str
    number: str
    wrong_code: str = "123456"

    def secrets(self) -> list[str]:
        """What nobody else may ever read."""
        return [
            self.user.username,
            str(self.user.user_id),
            self.bound.name,
            self.general.name,
            self.open_order,
            self.paid_order,
            self.request_no,
            self.session_id,
            self.ticket,
            self.asked,
            self.handed_in,
            self.number,
        ]

    def everything(self) -> object:
        """All that is theirs in both stores."""
        own = UserItem.query(f"USER#{self.user.user_id}", consistent_read=True)
        items = {item.sort: json.dumps(item.to_dynamodb_dict(), sort_keys=True) for item in own}
        redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        prefix = os.environ["TABLE_PREFIX"]
        return (
            items,
            redis.hgetall(f"{prefix}cart:{self.user.user_id}"),
            redis.get(f"{prefix}account:{self.user.user_id}"),
        )


@dataclass(frozen=True)
class Attempt:
    """A request with the victim's ids. `code` is what the stranger must be told; None where it depends."""

    path: str
    body: object = None
    code: int | None = None
    status: int = 200


@pytest.fixture(scope="module")
def victim(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Victim:
    user, course = builders.a_user(beli=50), builders.a_course(prices=[10000])
    bound = builders.a_coupon(user, course=course.key, value=1000)
    general = builders.a_coupon(user, value=1000)
    client = Client(gateway_server.base_url, user)
    open_order = purchases.place(client, [course], 100)
    paid_order = purchases.place(client, [course], 100)
    purchases.pay(alipay, paid_order)
    assert purchases.deliver(purchases.notice(alipay, paid_order)) == "success"
    request_no = client.post(f"/order/{paid_order}/refund", {"reason": "不想学了"})["data"]["request_no"]
    chosen = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
    assert client.post("/shoppingcar/", chosen)["code"] == 1000
    assert client.post("/account/", [chosen])["code"] == 1000
    joined = builders.a_course()
    section = builders.a_section(joined, task="写一段程序")
    builders.may_study(user, joined)
    asked, handed_in = builders.new_name("问题"), builders.new_name("作业")
    asked_at = f"/course/{joined.course_id}/asked"
    assignment = f"/course/{joined.course_id}/sections/{section.section_id}/assignment"
    assert client.post(asked_at, {"text": asked, "section_id": section.section_id})["code"] == 1000
    assert client.put(assignment, {"text": handed_in})["code"] == 1000
    other_session = session.start(user, builders.now())
    section_path, ticket = studied(client, user)
    return Victim(
        client,
        user,
        course,
        bound,
        general,
        open_order,
        paid_order,
        request_no,
        str(other_session.session_id),
        section_path,
        ticket,
        asked,
        handed_in,
        asked_at,
        assignment,
        builders.a_contact(user),
    )


def studied(client: Client, user: User) -> tuple[str, str]:
    """The path of a section that the user has begun to watch, and the ticket of the player."""
    course = study.a_video_course(["10:00"])
    section = study.sections_of(course)[0]
    section.update([Section.free_trial.set(False)])
    study.enroll(user, course)
    path = f"/course/{course.course_id}/sections/{section.section_id}"
    with study.playing_by(study.PolyvHere(), application.app.process):
        ticket = client.post(f"{path}/play", {})["data"]["ticket"]
    return path, str(ticket)


@pytest.fixture(autouse=True)
def box(gateway_server: GatewayServer) -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def stranger(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def chosen(of: Victim) -> dict[str, int]:
    return {"course_id": of.course.course_id, "price_policy_id": builders.policy_id_of(of.course)}


def purchase(of: Victim, course_coupon: CouponRecord | None, general: CouponRecord | None) -> dict[str, Any]:
    line = {
        "course_id": of.course.course_id,
        "default_price_policy_id": builders.policy_id_of(of.course),
        "coupon_record_id": course_coupon.record_id if course_coupon else None,
    }
    return {
        "is_beli": False,
        "course_list": [line],
        "global_coupon_id": general.record_id if general else "",
        "pay_money": 90,
    }


def attempts(method: str, path: str, of: Victim) -> list[Attempt]:
    """How a stranger may ask this route for what is the victim's. KeyError for a route that is not here."""
    coupons = {str(of.course.course_id): of.bound.record_id}
    orders = (of.open_order, of.paid_order)
    table: dict[tuple[str, str], list[Attempt]] = {
        # Somebody else's order numbers
        ("GET", "/order/{order_number}"): [Attempt(f"/order/{number}", code=1501) for number in orders],
        ("POST", "/order/{order_number}/cancel"): [
            Attempt(f"/order/{number}/cancel", code=1501) for number in orders
        ],
        ("POST", "/order/{order_number}/wechat"): [
            Attempt(f"/order/{number}/wechat", {"way": "native"}, code=1501) for number in orders
        ],
        ("POST", "/order/{order_number}/provider"): [
            Attempt(f"/order/{number}/provider", {"payment_type": "wechat"}, code=1501) for number in orders
        ],
        ("GET", "/get_pay_url"): [
            Attempt(f"/get_pay_url/?order_number={number}&final_price=100", code=1402) for number in orders
        ],
        ("POST", "/order/{order_number}/refund"): [
            Attempt(f"/order/{number}/refund", {"reason": "不想学了"}, code=1501) for number in orders
        ],
        ("GET", "/order/{order_number}/refund_preview"): [
            Attempt(f"/order/{number}/refund_preview", code=1501) for number in orders
        ],
        ("DELETE", "/order/{order_number}/refund/{request_no}"): [
            Attempt(f"/order/{of.paid_order}/refund/{of.request_no}", code=1501)
        ],
        # The back office
        ("GET", "/admin/refunds"): [Attempt("/admin/refunds", code=1801)],
        ("POST", "/admin/refunds/{request_no}/approve"): [
            Attempt(f"/admin/refunds/{of.request_no}/approve", code=1801)
        ],
        ("POST", "/admin/refunds/{request_no}/refuse"): [
            Attempt(f"/admin/refunds/{of.request_no}/refuse", {"answer": "x"}, code=1801)
        ],
        # Somebody else's coupons
        ("PUT", "/account"): [
            Attempt("/account/", {"is_beli": "false", "choose_coupons": coupons}, code=5000),
            Attempt(
                "/account/",
                {"is_beli": "false", "choose_coupons": {"global_coupon_id": of.general.record_id}},
                code=5000,
            ),
        ],
        ("POST", "/account/quote"): [
            Attempt("/account/quote", purchase(of, of.bound, None)),
            Attempt("/account/quote", purchase(of, None, of.general)),
        ],
        ("POST", "/payment"): [
            Attempt("/payment/", purchase(of, of.bound, None), code=1306),
            Attempt("/payment/", purchase(of, None, of.general), code=1306),
        ],
        ("POST", "/coupons/{coupon_id}/claim"): [
            Attempt(f"/coupons/{record.record_id}/claim") for record in (of.bound, of.general)
        ],
        # Somebody else's number, and a guess at the code that is on its way there
        ("POST", "/codes"): [
            Attempt("/codes", {"purpose": "confirm", "channel": "sms", "to": of.number}, code=1000),
            Attempt("/codes", {"purpose": "password", "channel": "sms", "to": of.number}, code=2101),
        ],
        ("POST", "/login/code"): [
            Attempt("/login/code", {"channel": "sms", "to": of.number, "code": of.wrong_code}, code=2104)
        ],
        ("PUT", "/password/forgotten"): [
            Attempt(
                "/password/forgotten",
                {"channel": "sms", "to": of.number, "code": of.wrong_code, "password": "a new password 1"},
                code=2104,
            )
        ],
        ("GET", "/contacts"): [Attempt(f"/contacts?user_id={of.user.user_id}", code=1000)],
        ("PUT", "/contacts/{channel}"): [
            Attempt("/contacts/sms", {"to": of.number, "code": of.wrong_code}, code=2104)
        ],
        ("DELETE", "/contacts/{channel}"): [
            Attempt("/contacts/sms", {"password": builders.PASSWORD, "user_id": of.user.user_id}, code=1000)
        ],
        # Somebody else's sessions
        ("DELETE", "/sessions/{session_id}"): [Attempt(f"/sessions/{of.session_id}")],
        ("DELETE", "/sessions"): [Attempt("/sessions", {"uid": of.user.user_id}, code=1000)],
        # Somebody else's name and password
        ("PUT", "/userinfo"): [
            Attempt(
                "/userinfo",
                {"user_id": of.user.user_id, "username": of.user.username, "name": "x"},
                code=1000,
            )
        ],
        ("POST", "/register"): [
            Attempt("/register", {"username": of.user.username, "password": "a new password 1"})
        ],
        ("POST", "/login"): [
            Attempt("/login", {"username": of.user.username, "password": "not the password"}, code=1002)
        ],
        ("PUT", "/password"): [
            Attempt(
                "/password",
                {
                    "username": of.user.username,
                    "old_password": "not the password",
                    "new_password": "a new password 1",
                },
            )
        ],
        # A course somebody else has bought, put into the cart, is about to pay
        ("GET", "/course/{course_id}/chapters"): [
            Attempt(f"/course/{of.course.course_id}/chapters", code=1000)
        ],
        ("GET", "/course/{course_id}/questions"): [
            Attempt(f"/course/{of.course.course_id}/questions", code=1000)
        ],
        ("GET", "/course/{course_id}/mine"): [
            Attempt(f"/course/{of.course.course_id}/mine?user_id={of.user.user_id}", code=1000)
        ],
        ("GET", "/course/{course_id}/progress"): [
            Attempt(f"/course/{of.course.course_id}/progress?user_id={of.user.user_id}", code=1000)
        ],
        ("POST", "/course/{course_id}/sections/{section_id}/play"): [
            Attempt(f"{of.section_path}/play", {}, code=2002),
            Attempt(f"{of.section_path}/play", {"ticket": of.ticket}, code=2002),
        ],
        ("POST", "/study/report"): [
            Attempt("/study/report", {"ticket": of.ticket, "spans": [[0, 600]], "at": 600}, code=2002)
        ],
        ("GET", "/study"): [Attempt(f"/study?user_id={of.user.user_id}", code=1000)],
        # What somebody else asked and handed in
        ("GET", "/course/{course_id}/asked"): [
            Attempt(f"{of.asked_at}?user_id={of.user.user_id}", code=1000)
        ],
        ("POST", "/course/{course_id}/asked"): [
            Attempt(of.asked_at, {"user_id": of.user.user_id, "text": "x"}, code=2201)
        ],
        ("GET", "/course/{course_id}/sections/{section_id}/assignment"): [Attempt(of.assignment, code=2201)],
        ("PUT", "/course/{course_id}/sections/{section_id}/assignment"): [
            Attempt(of.assignment, {"user_id": of.user.user_id, "text": "x"}, code=2201)
        ],
        ("POST", "/shoppingcar"): [Attempt("/shoppingcar/", chosen(of), code=1000)],
        ("POST", "/shoppingcar/preview"): [
            Attempt("/shoppingcar/preview", {"course_list": [chosen(of)]}, code=1000)
        ],
        ("DELETE", "/shoppingcar"): [
            Attempt("/shoppingcar/", {"course_id": of.course.course_id}, code=1203),
            Attempt("/shoppingcar/", {"course_list": [{"course_id": of.course.course_id}]}, code=1203),
        ],
        ("POST", "/account"): [Attempt("/account/", [chosen(of)], code=1000)],
        # What is the asking user's own, whatever else is said
        ("GET", "/shoppingcar"): [
            Attempt(f"/shoppingcar/?user_id={of.user.user_id}", code=1000),
        ],
        ("GET", "/account"): [Attempt(f"/account/?user_id={of.user.user_id}", code=1101)],
        ("GET", "/messages"): [
            Attempt(f"/messages?user_id={of.user.user_id}", code=1000),
            Attempt(f"/messages?order_num={of.open_order}", code=1000),
        ],
        ("GET", "/messages/unread"): [Attempt(f"/messages/unread?user_id={of.user.user_id}", code=1000)],
        ("PUT", "/messages/read"): [
            Attempt("/messages/read", {"user_id": of.user.user_id, "until": None}, code=1000)
        ],
        ("GET", "/preferences"): [Attempt(f"/preferences?user_id={of.user.user_id}", code=1000)],
        ("PUT", "/preferences"): [
            Attempt(
                "/preferences",
                {"user_id": of.user.user_id, "group": "study", "channel": "sms", "on": False},
                code=1000,
            )
        ],
        # What a mail to somebody else carries, guessed
        ("GET", "/unsubscribe"): [
            Attempt(f"/unsubscribe?token={of.user.user_id}.study.{'0' * 32}", code=2106)
        ],
        ("POST", "/unsubscribe"): [
            Attempt(f"/unsubscribe?token={of.user.user_id}.study.{'0' * 32}", code=2106)
        ],
        **{
            (method, path): [Attempt(f"{path}?key={'0' * 32}", status=403)]
            for method in ("GET", "POST")
            for path in ("/sms/receipts", "/sms/replies")
        },
        ("GET", "/beli"): [Attempt(f"/beli?user_id={of.user.user_id}", code=1000)],
        ("GET", "/coupons"): [Attempt(f"/coupons?user_id={of.user.user_id}", code=1000)],
        ("GET", "/coupons/available"): [Attempt("/coupons/available", code=1000)],
        ("GET", "/myorder"): [Attempt(f"/myorder/?user_id={of.user.user_id}", code=1000)],
        ("GET", "/mycourses"): [Attempt(f"/mycourses?user_id={of.user.user_id}", code=1000)],
        ("GET", "/sessions"): [Attempt(f"/sessions?user_id={of.user.user_id}", code=1000)],
        ("GET", "/userinfo"): [Attempt(f"/userinfo?user_id={of.user.user_id}", code=1000)],
        ("DELETE", "/logout"): [Attempt("/logout", {"uid": of.user.user_id}, code=1000)],
        # What everybody may see
        ("GET", "/api/captcha_check"): [Attempt("/api/captcha_check/")],
        ("GET", "/course/category"): [Attempt("/course/category")],
        ("GET", "/courses"): [Attempt("/courses/?category_id=0")],
        ("GET", "/courses/search"): [Attempt("/courses/search?q=1")],
        ("GET", "/home"): [Attempt("/home", code=1000)],
        ("GET", "/teachers"): [Attempt("/teachers", code=1000)],
        ("GET", "/teachers/{teacher_id}"): [Attempt("/teachers/1", code=1602)],
        ("GET", "/course/{course_id}"): [Attempt(f"/course/{of.course.course_id}", code=1000)],
        ("GET", "/coursedetail/{detail_id}"): [Attempt(f"/coursedetail/{of.course.detail_id}")],
        ("GET", "/trade/alipay"): [
            Attempt(f"/trade/alipay/?out_trade_no={of.open_order}&sign=x", status=302)
        ],
        # The video platform, and a player with somebody's name for a code
        ("GET", "/video/polyv"): [Attempt(f"/video/polyv?type=upload&vid={VIDEO}&sign=x", code=2010)],
        ("POST", "/video/polyv"): [Attempt("/video/polyv?sign=x", {"eventType": "x"}, code=2010)],
        ("GET", "/video/marquee"): [
            Attempt(f"/video/marquee?vid={VIDEO}&t=1&code={code}")
            for code in (of.user.user_id, quote(of.user.username))
        ],
    }
    return table[method, path]


ROUTES = sorted((method, path) for path, methods in application.app.routes.items() for method in methods)


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_a_stranger_neither_sees_nor_changes_what_is_somebody_elses(
    method: str, path: str, victim: Victim, stranger: Client
) -> None:
    if (method, path) == ("PUT", "/account"):
        stranger.post("/account/", [chosen(victim)])
    before = victim.everything()
    for attempt in attempts(method, path, victim):
        body = None if attempt.body is None else json.dumps(attempt.body)
        response = stranger.request(method, attempt.path, data=body)
        told = response.text + json.dumps(dict(response.headers))
        assert response.status_code == attempt.status, told
        if attempt.code is not None:
            assert response.json()["code"] == attempt.code, told
        assert [secret for secret in victim.secrets() if secret in told] == []
    assert victim.everything() == before


@pytest.mark.parametrize("path", ["/shoppingcar/", "/coupons", "/myorder/", "/mycourses"])
def test_a_strangers_lists_are_his_own(path: str, victim: Victim, stranger: Client) -> None:
    assert victim.course.name not in stranger.request("GET", path).text


def test_what_is_answered_for_somebody_elses_order_is_what_is_answered_for_none(
    victim: Victim, stranger: Client
) -> None:
    """Whether an order exists must not be found out by trying numbers."""
    nobodys = "20260301235959987ABCDEFGHIJ"
    for number in (victim.open_order, victim.paid_order):
        assert stranger.get(f"/order/{number}") == stranger.get(f"/order/{nobodys}")
        assert purchases.cancel(stranger, number) == purchases.cancel(stranger, nobodys)
        query = "/get_pay_url/?order_number={}&final_price=100"
        assert stranger.get(query.format(number)) == stranger.get(query.format(nobodys))


def test_somebody_elses_coupon_is_answered_like_one_that_does_not_exist(
    victim: Victim, stranger: Client
) -> None:
    nothing = purchase(victim, None, None) | {"global_coupon_id": 404404}
    theirs = purchase(victim, None, victim.general)
    told = stranger.request("POST", "/payment/", json=theirs).text
    assert told.replace(str(victim.general.record_id), "404404") == (
        stranger.request("POST", "/payment/", json=nothing).text
    )


def test_the_cursor_of_somebody_elses_list_leads_into_ones_own(
    gateway_server: GatewayServer, victim: Victim, stranger: Client
) -> None:
    cursor = victim.client.get("/myorder/?limit=1")["next"]
    assert stranger.get("/myorder/", params={"cursor": cursor}) == {"code": 1000, "msg": "", "data": []}


def test_a_course_somebody_else_has_bought_stays_closed(victim: Victim, stranger: Client) -> None:
    assert stranger.get(f"/course/{victim.course.course_id}/chapters")["data"]["enrolled"] is False


def test_a_token_is_of_one_user_only(victim: Victim, stranger: Client) -> None:
    """The session in a token has to be one of the user in the token."""
    from chalicelib.settings import settings
    from chalicelib.shop import token

    assert stranger.user is not None
    mixed = session.start(stranger.user, builders.now())
    mixed.user_id = victim.user.user_id
    stranger.token = token.make_token(mixed, settings().jwt_key)
    response = stranger.request("GET", "/userinfo")
    assert (response.status_code, response.json()["msg"]) == (401, "认证失败!")
