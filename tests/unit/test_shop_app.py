"""What the application answers where no view of its own does."""

from __future__ import annotations

import json
from typing import Any

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
