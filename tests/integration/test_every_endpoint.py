"""What holds for every endpoint alike. The routes are the application's own, so a new one is tested too."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app
from localstack.api_gateway import HTTP_FUNCTIONS, LARGEST_BODY, GatewayServer
from tests import builders, openapi
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.shapes import check_message, check_refusal

PATHS = sorted(app.app.routes)
ROUTES = sorted((method, path) for path in PATHS for method in app.app.routes[path])

PUBLIC = {
    *((method, f"/sms/{what}") for method in ("GET", "POST") for what in ("receipts", "replies")),
    ("GET", "/unsubscribe"),
    ("POST", "/unsubscribe"),
    ("GET", "/api/captcha_check"),
    ("POST", "/register"),
    ("POST", "/login"),
    ("POST", "/codes"),
    ("POST", "/login/code"),
    ("PUT", "/password/forgotten"),
    ("GET", "/home"),
    ("GET", "/teachers"),
    ("GET", "/teachers/{teacher_id}"),
    ("GET", "/course/category"),
    ("GET", "/course/{course_id}"),
    ("GET", "/courses"),
    ("GET", "/courses/search"),
    ("GET", "/coursedetail/{detail_id}"),
    ("GET", "/course/{course_id}/chapters"),
    ("GET", "/course/{course_id}/questions"),
    ("POST", "/course/{course_id}/sections/{section_id}/play"),
    ("POST", "/shoppingcar/preview"),
    ("GET", "/coupons/available"),
    ("GET", "/trade/alipay"),
    ("GET", "/video/polyv"),
    ("POST", "/video/polyv"),
    ("GET", "/video/marquee"),
}
"""Every other route, a new one included, must ask who is there."""

BODILESS = {
    ("POST", "/sms/receipts"),  # read for whoever has the key
    ("POST", "/sms/replies"),
    ("POST", "/unsubscribe"),
    ("DELETE", "/logout"),
    ("DELETE", "/sessions"),
    ("DELETE", "/sessions/{session_id}"),
    ("POST", "/order/{order_number}/cancel"),
    ("DELETE", "/order/{order_number}/refund/{request_no}"),
}
"""Every other route that writes reads a JSON body."""

BODY_OPTIONAL = {
    ("POST", "/coupons/{coupon_id}/claim"),
    ("POST", "/admin/refunds/{request_no}/approve"),
}
"""No body at all is as good as an empty object there."""

ANOTHER_ANSWER_EACH_TIME = {("GET", "/api/captcha_check")}

pytestmark = pytest.mark.usefixtures("no_attempts_yet")

SIGNED_IN = [route for route in ROUTES if route not in PUBLIC]
WITH_BODY = [route for route in ROUTES if route[0] != "GET" and route not in BODILESS]
READING = [route for route in ROUTES if route[0] == "GET"]
WITH_PARAMETERS = [route for route in ROUTES if "{" in route[1]]


def name_of(route: object) -> str:
    return " ".join(route) if isinstance(route, tuple) else str(route)


def filled(path: str, value: str = "1") -> str:
    """The path with a value for each of its parameters."""
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


def check_answer(response: requests.Response) -> None:
    """What every answer has: CORS, JSON in an envelope, no failure, nothing of the program's inside."""
    assert response.headers.get("Access-Control-Allow-Origin") == "*", response.status_code
    assert response.status_code < 500, response.text
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    if response.status_code == 302:
        assert response.headers["Location"].startswith("http://shop.test/payment/result")
        return
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    if response.request.method != "HEAD":
        body = response.json()
        if response.status_code >= 400:
            check_refusal(body, response.status_code)
        elif body.get("code", 0) not in (0, 1000):
            check_refusal(body)


@pytest.fixture(autouse=True)
def no_failure_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A refusal without a code, a crash: both are logged as errors."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, errors


@pytest.fixture(scope="module")
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


@pytest.fixture(scope="module")
def learner(gateway_server: GatewayServer) -> Client:
    """Somebody who owns nothing. A test that signs them out makes a client of its own."""
    return Client(gateway_server.base_url, builders.a_user())


def ask(client: Client, method: str, path: str, **arguments: Any) -> requests.Response:
    """One request, whose answer has what every answer has."""
    response = client.request(method, path, **arguments)
    check_answer(response)
    return response


# Paths


@pytest.mark.parametrize("path", PATHS)
def test_routes_are_declared_without_a_slash_at_their_end(path: str) -> None:
    assert not path.endswith("/")


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_both_slash_forms_are_served_directly(learner: Client, route: tuple[str, str]) -> None:
    method, path = route
    answers = []
    for end in ("", "/"):
        client = Client(learner.base_url, learner.user) if path == "/logout" else learner
        answers.append(ask(client, method, filled(path) + end, data=b"{}" if method != "GET" else None))
    bare, slashed = answers
    assert bare.status_code == slashed.status_code
    assert bare.status_code in (200, 404) or path == "/trade/alipay" or path.startswith("/sms/")
    assert bare.text == slashed.text or route in ANOTHER_ANSWER_EACH_TIME


@pytest.mark.parametrize("path", PATHS)
def test_routes_are_anchored(learner: Client, path: str) -> None:
    around = ["{0}/x", "/x{0}", "{0}//", "/login{0}"]
    if not path.endswith("}"):
        around += ["{0}x", "{0}%2F", "{0}.json", "{0}%20"]
    for form in around:
        address = form.format(filled(path))
        for method in app.app.routes[path]:
            if openapi.find_operation(method, address) is None:  # none that takes a parameter there
                assert ask(learner, method, address, data=b"{}").status_code == 404, form


@pytest.mark.parametrize(
    "path", ["/", "", "/x", "/Login", "/login.php", "/%00", "/.env", "/account/../login", "/*", "/\u4e2d"]
)
def test_an_unknown_path_is_404_in_the_envelope(learner: Client, path: str) -> None:
    for client in (learner, Client(learner.base_url)):
        assert ask(client, "GET", path).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_path_has_not_is_404(learner: Client, path: str) -> None:
    served = {
        *app.app.routes[path],
        *(method for method, other in HTTP_FUNCTIONS if other == path),
        "OPTIONS",
    }
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - served:
        assert ask(learner, method, filled(path)).status_code == 404, method


STRANGE_PARAMETERS = [
    "0", "-1", "1.5", "true", "null", "%00", "%ff", "%E4%BD%A0", "%D9%A1", "%20", "1%20", "1%0A", "%2F",
    "..%2F..%2Fetc", "%", "%zz", "%25", "course%231", "USER%231", "'%20or%201=1", "9" * 15, "9" * 400, "x" * 4000,
    "{1}", "%F0%9F%98%80",
]  # fmt: skip


@pytest.mark.parametrize("route", WITH_PARAMETERS, ids=name_of)
def test_a_strange_path_parameter_is_only_something_that_does_not_exist(
    learner: Client, route: tuple[str, str]
) -> None:
    method, path = route
    for value in STRANGE_PARAMETERS:
        response = ask(learner, method, filled(path, value))
        assert response.status_code == 404 or response.json()["code"] not in (0, 1000), value


STRANGE_QUERIES = [
    "", "&", "=", "a", "limit=x", "limit=-1", "limit=0", "limit=501", "limit=1e2", "cursor=x", "cursor=%00",
    "cursor=" + "A" * 3000, "cursor=AAAA&cursor=BBBB", "category_id=%ff", "category_id=" + "9" * 100, "category_id[]=1",
    "course_type=coupon", "course_type=", "order_number=%00&final_price=NaN", "final_price=1",
    "order_number=1&final_price=1e999999999999999999999", "x=" + "y" * 4000, "%00=%00", "sign=x&sign=y",
    "charset=utf-8&sign=x&sign_type=RSA2",
]  # fmt: skip


@pytest.mark.parametrize("route", READING, ids=name_of)
def test_a_strange_query_fails_nothing(learner: Client, route: tuple[str, str]) -> None:
    for query in STRANGE_QUERIES:
        response = ask(learner, "GET", f"{filled(route[1])}?{query}")
        assert response.status_code in (200, 302, 400, 404, *([403] if "/sms/" in route[1] else [])), query


# CORS


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_preflight_is_answered_without_a_token(visitor: Client, path: str, end: str) -> None:
    headers = {
        "Origin": "http://shop.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    response = visitor.request("OPTIONS", filled(path) + end, headers=headers)
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert int(response.headers["Access-Control-Max-Age"]) == 2 * 3600
    methods = {name.strip() for name in response.headers["Access-Control-Allow-Methods"].split(",")}
    assert methods >= set(app.app.routes[path])
    allowed = {name.strip().lower() for name in response.headers["Access-Control-Allow-Headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "idempotency-key"}


def test_one_origin_can_be_allowed_instead_of_all(learner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://shop.example.com")
    answers = [
        learner.request("OPTIONS", "/account/"),
        learner.request("GET", "/userinfo"),
        learner.request("GET", "/userinfo", headers={"Authorization": "x"}),
        learner.request("POST", "/account", data=b"{"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 400]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example.com"
        assert answer.headers["Vary"] == "Origin"


# Who is there


@pytest.mark.parametrize("route", SIGNED_IN, ids=name_of)
@pytest.mark.parametrize("authorization", [None, "", "x", "Bearer", "a.b.c"])
def test_without_a_token_that_holds_the_answer_is_401_whatever_the_body(
    visitor: Client, route: tuple[str, str], authorization: str | None
) -> None:
    method, path = route
    headers = {} if authorization is None else {"Authorization": authorization}
    for body in (None, b"{"):
        response = ask(visitor, method, filled(path), headers=headers, data=body)
        assert response.status_code == 401
        assert response.json() == {"code": 401, "msg": "认证失败!", "data": None}


@pytest.mark.parametrize("route", sorted(PUBLIC), ids=name_of)
def test_a_public_endpoint_ignores_whatever_the_header_holds(
    visitor: Client, learner: Client, route: tuple[str, str]
) -> None:
    method, path = route
    ended = Client(learner.base_url, learner.user)
    ended.request("DELETE", "/logout")
    tokens = ("", "x", "Bearer", "a.b.c", "Basic eDp5", ended.token or "")
    plain = ask(visitor, method, filled(path), data=b"{}")
    for token in tokens:
        response = ask(visitor, method, filled(path), data=b"{}", headers={"Authorization": token})
        assert response.status_code == plain.status_code
        assert response.text == plain.text or route in ANOTHER_ANSWER_EACH_TIME


def test_every_public_route_is_one_of_the_application() -> None:
    assert set(ROUTES) >= PUBLIC | BODILESS | BODY_OPTIONAL | ANOTHER_ANSWER_EACH_TIME


# Bodies that cannot be read

UNREADABLE = {
    "empty": b"",
    "blank": b" \n",
    "open object": b"{",
    "open list": b"[1,",
    "trailing comma": b'{"a":1,}',
    "two values": b"{}{}",
    "single quotes": b"{'a':1}",
    "a form": b"course_id=1&price_policy_id=2",
    "xml": b"<a/>",
    "NaN": b'{"course_id":NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b'{"pay_money":-Infinity}',
    "a number of 5000 digits": b'{"course_id":' + b"1" * 5000 + b"}",
    "a fraction of 5000 digits": b'{"pay_money":0.' + b"1" * 5000 + b"}",
    "1e999999": b'{"pay_money":1e999999}',
    "-1e-999999": b'{"pay_money":-1e-999999}',
    "an exponent of 20 digits": b'{"pay_money":1e99999999999999999999}',
    "nested 100 deep": b"[" * 100 + b"]" * 100,
    "nested 1000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "nested 10000 deep": b"[" * 10_000 + b"]" * 10_000,
    "nested 100000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "opened 100000 times": b"[" * 100_000,
    "invalid UTF-8": b"\xff\xfe",
    "half a character": b'{"username":"\xe4\xb8',
    "UTF-16": "{}".encode("utf-16"),
    "UTF-32": "{}".encode("utf-32"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "control character in text": b'{"a":"\x01"}',
    "NUL": b"\x00",
    "a megabyte of nothing": b"x" * 2**20,
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_body_is_400(learner: Client, kind: str) -> None:
    for method, path in WITH_BODY:
        if kind == "empty" and (method, path) in BODY_OPTIONAL:
            continue
        response = ask(learner, method, filled(path), data=UNREADABLE[kind])
        assert response.status_code == 400, path
        check_refusal(response.json(), 400)


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_body_beyond_the_gateways_limit_is_refused_by_it(learner: Client, route: tuple[str, str]) -> None:
    method, path = route
    assert ask(learner, method, filled(path), data=b" " * (LARGEST_BODY + 1)).status_code == 413


CONTENT_TYPES = [
    None, "application/json; charset=utf-8", "text/plain;charset=utf-16", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/octet-stream", "image/png", "garbage", ";",
]  # fmt: skip


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_body_is_read_as_json_whatever_it_is_called(learner: Client, route: tuple[str, str]) -> None:
    method, path = route
    answers = set()
    for content_type in CONTENT_TYPES:
        headers = {} if content_type is None else {"Content-Type": content_type}
        readable = ask(learner, method, filled(path), data=b'{"username":" \xe4\xbd\xa0"}', headers=headers)
        answers.add((readable.status_code, readable.text))
        assert ask(learner, method, filled(path), data=b"a=1", headers=headers).status_code == 400, (
            content_type
        )
        assert ask(learner, method, filled(path), data=b'"\xff', headers=headers).status_code == 400, (
            content_type
        )
    assert len(answers) == 1, answers
    assert answers.pop()[0] == 200


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_forms_and_uploads_are_unreadable(learner: Client, route: tuple[str, str]) -> None:
    method, path = route
    assert ask(learner, method, filled(path), data={"course_id": "1", "username": "x"}).status_code == 400
    assert ask(learner, method, filled(path), files={"file": b"{}"}).status_code == 400


# Readable bodies of the wrong shape


@dataclass(frozen=True)
class Documented:
    """A body as documented, and the codes it may be answered with when a part of it is something else."""

    body: Any
    codes: set[int]


def documented(course_id: int, policy_id: int) -> dict[tuple[str, str], Documented]:
    line = {"course_id": course_id, "course_type": "course", "price_policy_id": policy_id}
    ordered = {
        "course_id": course_id,
        "default_price_policy_id": policy_id,
        "coupon_record_id": 1,
        "course_type": "course",
    }
    captcha = dict.fromkeys(("geetest_challenge", "geetest_validate", "geetest_seccode"), "")
    return {
        ("POST", "/login"): Documented(
            {"username": builders.new_name("nobody"), "password": "x"} | captcha,
            {1002, 1003, 1004},
        ),
        ("POST", "/register"): Documented(
            {"username": builders.new_name(), "password": "x"}, {1000, 1004, 1005, 1006, 1007}
        ),
        ("PUT", "/password"): Documented(
            {"old_password": "wrong", "new_password": "learn and grow"}, {1002, 1004, 1007}
        ),
        ("POST", "/codes"): Documented(
            {"purpose": "password", "channel": "sms", "to": "x"} | captcha, {2102, 2103, 5000}
        ),
        ("POST", "/login/code"): Documented(
            {"channel": "sms", "to": builders.a_number(), "code": "123456"}, {2101, 2102, 2103, 2104, 5000}
        ),
        ("PUT", "/password/forgotten"): Documented(
            {"channel": "sms", "to": builders.a_number(), "code": "123456", "password": "learn and grow"},
            {1007, 2101, 2102, 2103, 2104, 5000},
        ),
        ("PUT", "/contacts/{channel}"): Documented(
            {"to": builders.a_number(), "code": "123456", "password": None}, {2103}
        ),
        ("DELETE", "/contacts/{channel}"): Documented({"password": "wrong"}, {2103}),
        ("PUT", "/userinfo"): Documented({"name": "小李", "head_img": "images/heads/pine.svg"}, {1000, 1009}),
        ("POST", "/course/{course_id}/sections/{section_id}/play"): Documented(
            {"ticket": f"course-1-1-{'0' * 32}"}, {2001, 2009, 5000}
        ),
        ("POST", "/study/report"): Documented(
            {"ticket": f"course-1-1-{'0' * 32}", "spans": [[0, 10]], "at": 10}, {2002, 2009, 5000}
        ),
        ("POST", "/course/{course_id}/asked"): Documented(
            {"text": "为什么？", "section_id": 1}, {1601, 5000}
        ),
        ("PUT", "/course/{course_id}/sections/{section_id}/assignment"): Documented(
            {"text": "写好了"}, {1601, 5000}
        ),
        ("PUT", "/messages/read"): Documented(
            {"until": "20261128T120500123456Z#order-paid#N1#1f3b5d79"}, {1000, 5000}
        ),
        ("PUT", "/preferences"): Documented(
            {"group": "study", "channel": "mail", "on": False}, {1000, 2105, 5000}
        ),
        ("POST", "/shoppingcar"): Documented(line, {1000, 1201, 1202}),
        ("POST", "/shoppingcar/preview"): Documented({"course_list": [line]}, {1000, 1202}),
        ("DELETE", "/shoppingcar"): Documented(
            {"course_id": 1, "course_type": "course", "course_list": [{"course_id": 1}]}, {1203, 1204}
        ),
        ("POST", "/account"): Documented([line], {1000, 1102, 1103}),
        ("PUT", "/account"): Documented(
            {"is_beli": "true", "choose_coupons": {str(course_id): 1, "global_coupon_id": 2}}, {1000, 5000}
        ),
        ("POST", "/account/quote"): Documented(
            {"is_beli": True, "course_list": [ordered], "global_coupon_id": 3}, {1000, 1301, 1302, 1306, 5000}
        ),
        ("POST", "/coupons/{coupon_id}/claim"): Documented(captcha, {1004, 1701}),
        ("POST", "/payment"): Documented(
            {
                "is_beli": True,
                "course_list": [ordered],
                "global_coupon_id": 3,
                "pay_money": 1,
                "payment_type": "wechat",
            },
            {1301, 1302, 1306, 1308, 5000},
        ),
        ("POST", "/order/{order_number}/wechat"): Documented(
            {"way": "jsapi", "code": "x", "state": "0"}, {1501, 1510, 5000}
        ),
        ("POST", "/video/polyv"): Documented({"eventType": "TranscodeComplete", "vid": "1"}, {2010}),
        ("POST", "/order/{order_number}/provider"): Documented({"payment_type": "wechat"}, {1501, 5000}),
        ("POST", "/order/{order_number}/refund"): Documented(
            {"lines": [0], "reason": "不想学了"}, {1501, 1506}
        ),
        ("POST", "/admin/refunds/{request_no}/approve"): Documented({"pay_again": True}, {1801}),
        ("POST", "/admin/refunds/{request_no}/refuse"): Documented({"answer": "已学完"}, {1801}),
    }


def test_every_endpoint_with_a_body_is_tried_with_wrong_types() -> None:
    assert set(documented(1, 1)) == set(WITH_BODY)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every part of a JSON value, the whole included."""
    yield at
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from places(member, (*at, key))


def with_part(value: Any, place: tuple[Any, ...], part: Any) -> Any:
    """The value with one part replaced."""
    if not place:
        return part
    changed = copy.copy(value)
    changed[place[0]] = with_part(value[place[0]], place[1:], part)
    return changed


texts = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["true", "false", "1", "1 ", "١", "-1", "1.5", "\ud800", "\x00", "course", "degree_course", "x" * 3000]
)
numbers = st.integers() | st.integers(10**14, 10**16) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda members: st.lists(members, max_size=3) | st.dictionaries(texts, members, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_part_of_the_wrong_type_gets_a_documented_code_and_changes_nothing(
    gateway_server: GatewayServer, route: tuple[str, str]
) -> None:
    method, path = route
    course = builders.a_course()
    policy_id = builders.policy_id_of(course)
    client = Client(gateway_server.base_url, builders.a_user(beli=50))
    entry = {"course_id": course.course_id, "price_policy_id": policy_id}
    assert client.post("/shoppingcar", entry)["code"] == 1000
    assert client.post("/account", [entry])["code"] == 1000
    cart = client.get("/shoppingcar")
    expected = documented(course.course_id, policy_id)[route]

    @settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(list(places(expected.body))), json_values)
    def try_one(place: tuple[Any, ...], part: Any) -> None:
        body = json.dumps(with_part(expected.body, place, part))
        response = ask(client, method, filled(path), data=body)
        assert response.status_code in (200, 400)
        assert response.json()["code"] in expected.codes | {400}, body

    try_one()
    assert client.get("/shoppingcar") == cart
    assert client.get("/myorder")["data"] == []
    assert client.get("/userinfo")["data"]["beli"] == 50


# Stores down

WITHOUT_DATABASE = {
    ("GET", "/trade/alipay"),
    ("GET", "/api/captcha_check"),
    # What does not verify reads nothing.
    *(route for route in ROUTES if route[1].startswith(("/video/", "/sms/", "/unsubscribe"))),
}


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in WITHOUT_DATABASE], ids=name_of)
def test_a_database_that_is_down_is_answered_in_the_envelope(
    faulty_app: FaultyApp, route: tuple[str, str]
) -> None:
    method, path = route
    client = Client(faulty_app.base_url, builders.a_user())
    body: dict[str, Any] = {"username": "somebody", "password": "learn and grow"} if route in PUBLIC else {}
    if path == "/shoppingcar/preview":
        body = {"course_list": [{"course_id": 1, "price_policy_id": 1}]}
    if path in ("/codes", "/login/code", "/password/forgotten"):
        body |= {"purpose": "password", "channel": "sms", "to": builders.a_number(), "code": "123456"}
    app.app.forget_fresh()
    with faulty_app.dynamodb.down():
        response = client.request(method, filled(path), json=body if method != "GET" else None)
    own = {
        ("POST", "/shoppingcar"): 1202,
        ("GET", "/shoppingcar"): 1233,
        ("POST", "/shoppingcar/preview"): 1233,
        ("DELETE", "/shoppingcar"): 1204,
        ("POST", "/account"): 5000,
        ("GET", "/account"): 1101,
        ("PUT", "/account"): 5000,
        ("POST", "/account/quote"): 5000,
        ("POST", "/payment"): 5000,
    }
    code = own.get(route, 503)
    assert response.status_code == (503 if code == 503 else 200)
    check_refusal(response.json(), code)
    assert response.headers["Access-Control-Allow-Origin"] == "*"


# Texts


def test_every_text_of_every_refusal_is_for_a_learner() -> None:
    from chalicelib import errors
    from chalicelib.web import codes

    tables = {
        name: table
        for name, table in vars(codes).items()
        if name.isupper() and isinstance(table, dict) and name != "NAMES"
    }
    assert len(tables) > 10
    samples: list[errors.ShopError] = [
        errors.CouponUnusable(coupon=coupon, reason=reason)
        for coupon in ("", "新人券")
        for reason in ("used", "date", "course", "twice", "unknown", "new")
    ]
    samples += [
        errors.BelowMinimum(coupon="新人券", minimum=10000),
        errors.AmountMismatch(due=5),
        errors.TooManyOpenOrders(most=50),
        errors.TooManyQuestions(most=5),
        *(errors.InvalidProfile(field=field) for field in ("name", "head_img")),
    ]
    for table in tables.values():
        for kind, answer in table.items():
            assert 400 <= answer.code < 600 if answer.status != 200 else answer.code > 1000
            if isinstance(answer.text, str):
                check_message(answer.text)
            else:
                for sample in samples:
                    if isinstance(sample, kind):
                        check_message(answer.message(sample))
