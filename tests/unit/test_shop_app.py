"""The application's answers where no view of its own answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import TokenRefused
from chalicelib.settings import settings
from chalicelib.web.process import Process
from chalicelib.web.shop_app import ShopApp


def event(path: str, method: str = "GET") -> dict[str, Any]:
    """A request as API Gateway sends it."""
    return {
        "requestContext": {"resourcePath": path, "httpMethod": method, "requestId": "1"},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


def test_a_view_that_crashes_is_answered_in_the_envelope_without_a_word_of_the_crash() -> None:
    app = ShopApp("a-shop", Process())

    @app.route("/crash", methods=["GET"])
    def crash() -> None:
        raise RuntimeError("something nobody should read")

    answer = app(event("/crash"), None)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"code": 500, "msg": "服务器内部错误", "data": None}
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_a_method_that_a_path_has_not_is_answered_in_the_envelope() -> None:
    app = ShopApp("a-shop", Process())

    @app.route("/there", methods=["GET"])
    def there() -> dict[str, object]:
        return {}

    answer = app(event("/there", "PATCH"), None)
    assert answer["statusCode"] == json.loads(answer["body"])["code"] == 405
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_every_answer_forbids_keeping_and_guessing() -> None:
    app = ShopApp("a-shop", Process())

    @app.route("/there", methods=["GET"])
    def there() -> dict[str, object]:
        return {}

    @app.route("/refused", methods=["GET"])
    def refuse() -> None:
        raise TokenRefused()

    @app.route("/crash", methods=["GET"])
    def crash() -> None:
        raise RuntimeError

    statuses = {}
    for path in ("/there", "/refused", "/crash", "/nowhere"):
        answer = app(event(path), None)
        statuses[path] = answer["statusCode"]
        assert answer["headers"]["Cache-Control"] == "no-store"
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    assert statuses == {"/there": 200, "/refused": 401, "/crash": 500, "/nowhere": 405}


def test_a_head_that_api_gateway_would_not_take_is_unreadable_before_anything_is_done() -> None:
    app = ShopApp("a-shop", Process())

    @app.route("/there", methods=["GET"])
    def there() -> None:
        raise AssertionError("it was done")

    for name, value in {
        "path": "/" + "a" * 40_000,
        "multiValueHeaders": {"X": ["a" * 40_000]},
        "headers": {"X": "a" * 40_000},
        "multiValueQueryStringParameters": {str(number): ["1"] for number in range(10_000)},
        "pathParameters": {"id": "1" * 40_000},
    }.items():
        answer = app(event("/there") | {name: value}, None)
        assert answer["statusCode"] == json.loads(answer["body"])["code"] == 400
        assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_a_browsers_name_is_kept_without_what_cannot_be_seen() -> None:
    app = ShopApp("a-shop", Process())

    @app.route("/who", methods=["GET"])
    def who() -> dict[str, str]:
        return {"device": app.device()}

    named = event("/who") | {"headers": {"User-Agent": "Mozilla\x1b[31m\u202e/5.0 " + "x" * 9_000}}
    assert json.loads(app(named, None)["body"]) == {"device": ("Mozilla[31m/5.0 " + "x" * 300)[:300]}


# Whose request it is

EDGE, LAST_EDGE = "what the CDN proves itself with, today", "what the CDN proved itself with, last week"


@pytest.fixture
def behind_a_cdn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EDGE_KEY", f"{EDGE}\n{LAST_EDGE}")
    settings.cache_clear()
    yield
    settings.cache_clear()


def address_of(seen: str, headers: dict[str, str]) -> str:
    """The address that a view is told of a request that API Gateway got from `seen`."""
    app, told = ShopApp("a-shop", Process()), list[str]()

    @app.route("/who", methods=["GET"])
    def who() -> dict[str, object]:
        told.append(app.address())
        return {}

    request = event("/who") | {"headers": headers}
    request["requestContext"]["identity"] = {"sourceIp": seen}
    assert app(request, None)["statusCode"] == 200
    return told[0]


@pytest.mark.usefixtures("behind_a_cdn")
@pytest.mark.parametrize("key", [EDGE, LAST_EDGE])
def test_the_cdn_says_whose_request_it_is(key: str) -> None:
    assert address_of("203.0.113.7", {"X-Shop-Edge": key, "X-Shop-Viewer": "198.51.100.9"}) == "198.51.100.9"


@pytest.mark.usefixtures("behind_a_cdn")
@pytest.mark.parametrize("proof", [None, "", "a guess", EDGE[:-1], "密" * 20, "\udcff"])
def test_who_proves_nothing_is_who_the_gateway_saw(proof: str | None) -> None:
    headers = {"X-Shop-Viewer": "198.51.100.9", "X-Forwarded-For": "198.51.100.9"}
    given = headers if proof is None else headers | {"X-Shop-Edge": proof}
    assert address_of("203.0.113.7", given) == "203.0.113.7"


@pytest.mark.usefixtures("behind_a_cdn")
def test_a_cdn_that_names_nobody_is_counted_itself() -> None:
    assert address_of("203.0.113.7", {"X-Shop-Edge": EDGE}) == "203.0.113.7"


def test_without_a_key_no_header_names_the_client() -> None:
    headers = {"X-Shop-Edge": "", "X-Shop-Viewer": "198.51.100.9"}
    assert address_of("203.0.113.7", headers) == "203.0.113.7"


def test_the_cdn_of_the_template_speaks_in_these_headers() -> None:
    front = (Path(__file__).parents[2] / "infra" / "front.json").read_text(encoding="utf-8")
    assert '"HeaderName": "x-shop-edge"' in front
    assert "request.headers['x-shop-viewer'] = { value: event.viewer.ip };" in front


def test_all_addresses_of_one_line_are_one() -> None:
    lines = {address_of(f"2001:db8:1:2::{number:x}", {}) for number in (1, 0xFFFF)}
    assert lines == {"2001:db8:1:2::/64"}
    assert address_of("2001:DB8:1:3::1", {}) == "2001:db8:1:3::/64"
    assert address_of("::ffff:203.0.113.7", {}) == "203.0.113.7"
