"""The application's answers where no view of its own answers."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.errors import TokenRefused
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
    app = ShopApp("a-shop")

    @app.route("/crash", methods=["GET"])
    def crash() -> None:
        raise RuntimeError("something nobody should read")

    answer = app(event("/crash"), None)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"code": 500, "msg": "服务器内部错误", "data": None}
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_a_method_that_a_path_has_not_is_answered_in_the_envelope() -> None:
    app = ShopApp("a-shop")

    @app.route("/there", methods=["GET"])
    def there() -> dict[str, object]:
        return {}

    answer = app(event("/there", "PATCH"), None)
    assert answer["statusCode"] == json.loads(answer["body"])["code"] == 405
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_every_answer_forbids_keeping_and_guessing() -> None:
    app = ShopApp("a-shop")

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
    app = ShopApp("a-shop")

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
    app = ShopApp("a-shop")

    @app.route("/who", methods=["GET"])
    def who() -> dict[str, str]:
        return {"device": app.device()}

    named = event("/who") | {"headers": {"User-Agent": "Mozilla\x1b[31m\u202e/5.0 " + "x" * 9_000}}
    assert json.loads(app(named, None)["body"]) == {"device": ("Mozilla[31m/5.0 " + "x" * 300)[:300]}
