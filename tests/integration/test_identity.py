"""The caller is read together with what an endpoint reads anyway, and still comes first.

A caller whose user or session no longer holds gets nothing but 401; nothing is written for them, and no third party is
called.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.settings import settings
from chalicelib.shop import token
from chalicelib.shop.session import LEEWAY, Session, session_key
from chalicelib.shop.token import Claims
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import find
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from tests import builders
from tests.addresses import ClientAt
from tests.client import Client
from tests.endpoints import ENDPOINTS, Endpoint, Example, Simulators, an_example
from tests.faults import Fault
from tests.faults.routing import FaultyApp
from tests.purchases import Clock
from tests.shapes import check_refusal

ENDED, GONE = "认证失败!", "用户不存在!"

pytestmark = pytest.mark.usefixtures("no_attempts_yet")

NEEDS_NO_USER = (
    *(
        "captcha_check",
        "/register",
        "/login",
        "/course",
        "/logout",
        "/trade/",
        "/video/",
        "/sms/",
        "/unsubscribe",
    ),
    *("/coupons/available", "/shoppingcar/preview", "`POST /codes`, to sign in", "/password/forgotten"),
)
OF_A_COURSE = ("/mine", "/progress", "/asked", "/assignment")
"""What a course's paths end in that are for users only."""
FOR_USERS = [
    one
    for one in ENDPOINTS
    if any(path in one.name for path in OF_A_COURSE) or not any(path in one.name for path in NEEDS_NO_USER)
]
READ_A_BODY = [one for one in FOR_USERS if one.name.startswith(("`POST", "`PUT", "`DELETE /shoppingcar"))]
BODILESS = ("/cancel", "/approve", "/claim", "/messages/read")


def name_of(endpoint: Endpoint) -> str:
    return endpoint.name


def claims_of(client: Client) -> Claims:
    return token.read_token(client.token or "", settings().jwt_keys)


def the_session(client: Client) -> Session:
    claims = claims_of(client)
    found = find(Session, *session_key(claims.user_id, claims.session_id)[1:])
    assert found is not None
    return found


# Each undoes itself, so that one example serves all of them.


def disable(client: Client, undo: bool) -> None:
    assert client.user is not None
    client.user.update([User.disabled.set(not undo)])


def end_all_sessions(client: Client, undo: bool) -> None:
    assert client.user is not None
    client.user.update([User.generation.add(-1 if undo else 1)])


def let_the_session_run_out(client: Client, undo: bool) -> None:
    """The token itself would hold for a week."""
    change = timedelta(days=14) if undo else -timedelta(days=14)
    stored = the_session(client)
    stored.update([Session.expires_at.set(stored.expires_at + change)])


def end_the_session(client: Client, undo: bool) -> None:
    claims = claims_of(client)
    _, owner, sort = session_key(claims.user_id, claims.session_id)
    if undo:
        expires_at = builders.now() + timedelta(days=7)
        Session(
            owner,
            sort,
            session_id=claims.session_id,
            user_id=claims.user_id,
            created_at=builders.now(),
            expires_at=expires_at,
            forget_at=int(expires_at.timestamp()),
        ).save()
    else:
        Session(owner, sort).delete()


WAYS: list[tuple[Callable[[Client, bool], None], str]] = [
    (disable, GONE),
    (end_all_sessions, ENDED),
    (let_the_session_run_out, ENDED),
    (end_the_session, ENDED),
]


def client_of(example: Example, endpoint: Endpoint) -> Client:
    return example.operator if "/admin/" in endpoint.name else example.learner


@pytest.mark.parametrize("endpoint", FOR_USERS, ids=name_of)
def test_nothing_happens_for_somebody_who_is_not_signed_in_any_more(
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    polyv: PolyvSimulator,
    endpoint: Endpoint,
) -> None:
    example = an_example(Simulators(alipay, wechat, polyv), ClientAt)
    prepared, client = endpoint.prepare(example), client_of(example, endpoint)
    for change, text in WAYS:
        change(client, False)
        with (
            faulty_app.dynamodb.recording() as calls,
            faulty_app.redis.recording() as trips,
            faulty_app.alipay.recording() as asked,
        ):
            answer = endpoint.call(example, prepared)
        assert answer == {"code": 401, "msg": text, "data": None}, change.__name__
        assert [call for call in calls if not call.only_reads] == []
        assert {trip.operation for trip in trips if not trip.setup} <= {"GET", "HGET", "HGETALL", "HLEN"}
        assert asked == []
        change(client, True)
    assert endpoint.call(example, prepared).get("code", 0) in (0, 1000), "it would have been done"


@pytest.mark.parametrize("body", [b"{", b"null", b"[]", b'{"course_id": "x", "name": 5}'])
@pytest.mark.parametrize(
    "endpoint", [one for one in READ_A_BODY if not one.name.rstrip("`").endswith(BODILESS)], ids=name_of
)
def test_a_body_that_is_refused_costs_no_more_than_who_asks_and_comes_after_it(
    faulty_app: FaultyApp, endpoint: Endpoint, body: bytes
) -> None:
    method, path = endpoint.name.split("`")[1].split(" ")
    path = path.replace("{order_number}", "1").replace("{request_no}", "1_1").replace("{coupon_id}", "1")
    client = ClientAt(builders.an_admin())
    with faulty_app.dynamodb.recording() as calls, faulty_app.redis.recording() as trips:
        answer = client.request(method, path, data=body).json()
    assert answer["code"] not in (401, 1000)
    assert len(calls) == 1
    assert all(call.only_reads for call in calls)
    # A refused account ends the one before; a wrong old password is counted.
    assert len([trip for trip in trips if not trip.setup]) <= 2
    end_the_session(client, undo=False)
    assert client.request(method, path, data=body).status_code == 401


def test_an_unreadable_body_is_told_to_whoever_is_signed_in() -> None:
    client = ClientAt(builders.a_user())
    for path in ("/shoppingcar/", "/account/", "/payment/", "/account/quote"):
        assert client.request("POST", path, data=b"{").status_code == 400


def test_a_cart_store_that_is_down_is_no_answer_to_somebody_who_is_not_signed_in(
    faulty_app: FaultyApp,
) -> None:
    client = ClientAt(builders.a_user())
    with faulty_app.redis.down():
        check_refusal(client.get("/shoppingcar/"), 1233)
        end_the_session(client, undo=False)
        assert client.request("GET", "/shoppingcar/").status_code == 401


def test_a_session_lives_as_long_as_its_token(clock: Clock) -> None:
    client = ClientAt(builders.a_user())
    stored = the_session(client)
    clock.stand_at(stored.expires_at + LEEWAY - timedelta(seconds=1))
    assert client.get("/userinfo")["code"] == 1000
    clock.stand_at(stored.expires_at + LEEWAY)
    assert client.request("GET", "/userinfo").json()["msg"] == "JWT已过期!"


@pytest.mark.parametrize("seen_late", ["user", "session"])
def test_read_on_both_sides_of_a_change_the_session_stays(faulty_app: FaultyApp, seen_late: str) -> None:
    client = ClientAt(builders.a_user())
    user, session = client.user, the_session(client)
    assert user is not None
    raise_it: dict[str, Callable[[], object]] = {
        "user": lambda: user.update([User.generation.add(1)]),
        "session": lambda: session.update([Session.generation.add(1)]),
    }
    # A change has given both a new generation, and a batch has read one of them before it.
    raise_late = raise_it.pop(seen_late)
    next(iter(raise_it.values()))()
    late = Fault.on("BatchGetItem", nth=2, action=lambda exchange: (raise_late(), exchange.forward())[1])
    with faulty_app.dynamodb.faults(late):
        assert client.get("/userinfo")["code"] == 1000
