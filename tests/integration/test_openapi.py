"""The API's description and the application are one: the same routes, codes and answers."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
import requests

import app
from chalicelib.errors import StoreUnavailable
from chalicelib.gateways.sms_pushes import callback_key
from chalicelib.settings import settings
from chalicelib.web import codes
from localstack.api_gateway import HTTP_FUNCTIONS, GatewayServer
from tests import builders, openapi
from tests.client import Client
from tests.faults.routing import FaultyApp
from tests.openapi import Example, Operation

OPERATIONS = openapi.operations()
EXAMPLES = list(openapi.examples())
ROUTES = {(method, path) for path, methods in app.app.routes.items() for method in methods}
PROVIDERS_CALLS = {("GET", "/trade/alipay"), *HTTP_FUNCTIONS}
OF_THE_SHOP = [op for op in OPERATIONS if (op.method, op.path) not in PROVIDERS_CALLS]

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
every_operation_of_the_shop = pytest.mark.parametrize("operation", OF_THE_SHOP, ids=str)


def refusals(operation: Operation) -> codes.Codes:
    return app.app.refusals[operation.method, operation.path]


TOKEN_FOR_SOME = {("POST", "/codes")}
"""Where some requests need a token, and not the first example."""


def needs_token(operation: Operation) -> bool:
    return operation.described["security"] == [{"token": []}]


def reads_body(operation: Operation) -> bool:
    return "requestBody" in operation.described


def examples_of(operation: Operation) -> list[Example]:
    return [example for example in EXAMPLES if example.name.startswith(f"{operation} ")]


# The description itself


def test_every_route_is_described_and_nothing_else() -> None:
    assert {(op.method, op.path) for op in OPERATIONS} == ROUTES | set(HTTP_FUNCTIONS)


def test_the_description_is_openapi_3_1() -> None:
    import schemathesis

    assert openapi.description()["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(openapi.description()).validate()
    for schema in openapi.description()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_every_part_that_is_described_once_for_all_is_used() -> None:
    text = openapi.DESCRIPTION.read_text(encoding="utf-8")
    for kind in ("schemas", "parameters", "responses", "headers"):
        for name in openapi.description()["components"][kind].keys() - {"RefusalCode"}:  # of use to clients
            assert f'"#/components/{kind}/{name}"' in text, name


@every_operation
def test_an_operation_says_what_it_is_for_in_a_group_that_is_introduced(operation: Operation) -> None:
    described = operation.described
    assert described["summary"]
    assert described["description"]
    assert described["operationId"]
    introduced = {tag["name"] for tag in openapi.description()["tags"]}
    assert set(described["tags"]) <= introduced


def test_operation_ids_are_unique() -> None:
    names = [op.described["operationId"] for op in OPERATIONS]
    assert len(set(names)) == len(names)


@every_operation
def test_every_example_conforms_to_its_schema(operation: Operation) -> None:
    for example in examples_of(operation):
        assert not list(openapi.findings(example.schema, example.value)), example.name


@every_operation
def test_every_request_and_answer_has_an_example(operation: Operation) -> None:
    names = [example.name for example in examples_of(operation)]
    if reads_body(operation):
        assert any(name.startswith(f"{operation} request ") for name in names)
    for status, answer in operation.described["responses"].items():
        has_nothing_to_show = not answer.keys() & {"$ref", "content", "headers"}
        assert has_nothing_to_show or any(name.startswith(f"{operation} {status} ") for name in names), status


# Codes


@every_operation_of_the_shop
def test_the_refusals_described_are_those_of_the_endpoints_table(operation: Operation) -> None:
    known = {answer.code for answer in refusals(operation).values() if answer.status == 200}
    assert openapi.refusal_codes(operation) == known
    assert set(openapi.table_rows(operation.described["description"])) == known


@every_operation_of_the_shop
def test_every_refusal_has_an_example_with_a_text_that_is_really_answered(operation: Operation) -> None:
    content = operation.described["responses"]["200"]["content"]["application/json"]
    shown: dict[int, list[str]] = {}
    for example in content["examples"].values():
        value = example["value"]
        if "msg" in value and value.get("code", codes.OK) not in (codes.OK, codes.CATALOG_OK):
            shown.setdefault(value["code"], []).append(value["msg"])
    assert set(shown) == openapi.refusal_codes(operation)
    for code, text in openapi.table_rows(operation.described["description"]).items():
        texts = [answer.text for answer in refusals(operation).values() if answer.code == code]
        for msg in [*shown[code], text]:
            assert msg in texts or any(callable(known) for known in texts), msg


def test_the_examples_of_what_every_endpoint_refuses_have_its_texts() -> None:
    texts = {(answer.status, answer.text) for answer in codes.EVERYWHERE.values()}
    for response in openapi.description()["components"]["responses"].values():
        if "content" not in response:
            continue
        for example in response["content"]["application/json"]["examples"].values():
            assert (example["value"]["code"], example["value"]["msg"]) in texts


@every_operation_of_the_shop
def test_a_store_that_is_down_is_503_where_it_has_no_code(operation: Operation) -> None:
    has_code = StoreUnavailable in refusals(operation)
    assert ("503" in operation.described["responses"]) != has_code


# Answers


def ask(client: Client, operation: Operation, **arguments: Any) -> requests.Response:
    """A request as the description's examples show it; its answer conforms to the description."""
    if reads_body(operation) and "data" not in arguments:
        content = operation.described["requestBody"]["content"]
        media_type, body = next(iter(content.items()))
        example = next(iter(body["examples"].values()))["value"]
        arguments["json" if media_type == "application/json" else "data"] = example
    return client.request(operation.method, openapi.filled_path(operation), **arguments)


@pytest.fixture
def learner(gateway_server: GatewayServer, no_attempts_yet: None) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@every_operation
def test_the_examples_requests_are_answered_as_described(learner: Client, operation: Operation) -> None:
    ask(learner, operation)


@every_operation
def test_401_is_described_where_a_token_is_needed(
    gateway_server: GatewayServer, operation: Operation
) -> None:
    status = ask(Client(gateway_server.base_url), operation).status_code
    assert (status == 401) == needs_token(operation)
    is_described = needs_token(operation) or (operation.method, operation.path) in TOKEN_FOR_SOME
    assert ("401" in operation.described["responses"]) == is_described


@pytest.mark.parametrize("scheme", ["{}", "Bearer {}"])
def test_a_token_goes_into_the_described_header(learner: Client, scheme: str) -> None:
    described = openapi.description()["components"]["securitySchemes"]["token"]
    headers = {described["name"]: scheme.format(learner.token)}
    assert requests.get(f"{learner.base_url}/userinfo", headers=headers, timeout=10).status_code == 200


@every_operation_of_the_shop
def test_400_is_described_where_a_body_or_a_page_is_read(learner: Client, operation: Operation) -> None:
    arguments: dict[str, Any] = {"params": {"limit": "0"}} if operation.method == "GET" else {"data": b"{"}
    if operation.method == "POST" and operation.path.startswith("/sms/"):
        account = settings().sms
        assert account
        arguments["params"] = {"key": callback_key(account.access_key_secret)}
    status = ask(learner, operation, **arguments).status_code
    assert (status == 400) == ("400" in operation.described["responses"])


def test_the_description_holds_while_the_database_is_down(faulty_app: FaultyApp, learner: Client) -> None:
    with faulty_app.dynamodb.down():
        for operation in OPERATIONS:
            ask(learner, operation)


def test_the_description_holds_while_redis_is_down(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    with faulty_app.redis.down():
        for operation in OPERATIONS:
            ask(Client(faulty_app.base_url, user), operation)


# What holds the other tests' answers to the description can fail


def answered(operation: str, status: int, body: object) -> None:
    method, path = operation.split()
    openapi.check_answer(
        method, path, status, {"Content-Type": "application/json"}, json.dumps(body, ensure_ascii=False)
    )


@pytest.mark.parametrize(
    ("operation", "status", "body", "says"),
    [
        ("GET /nowhere", 200, {}, "is not described"),
        ("POST /shoppingcar", 200, {"code": 1203, "msg": "x", "data": None}, "code"),
        ("POST /shoppingcar/", 200, {"code": 1201, "msg": "", "data": None}, "msg"),
        ("POST /shoppingcar/", 200, {"code": 1201, "msg": "x", "data": {}}, "data"),
        ("POST /shoppingcar/", 500, {"code": 500, "msg": "x", "data": None}, "the status"),
        ("GET /order/1", 404, {"code": 404, "msg": "x", "data": None}, "the status"),
        ("DELETE /logout", 200, {"code": 1000, "msg": "", "data": None, "more": 1}, "more"),
        ("GET /course/category", 200, {"error_no": 0, "data": [{"id": "1", "name": "x"}]}, "data.0.id"),
        ("PUT /account", 200, {"code": 1000, "msg": "", "data": {"total_price": 0.001}}, "data.total_price"),
    ],
)
def test_an_answer_that_is_not_described_is_found(
    operation: str, status: int, body: object, says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        answered(operation, status, body)


def test_what_the_gateway_refuses_by_itself_is_part_of_no_operation() -> None:
    answered("GET /nowhere", 404, {"code": 404, "msg": "没有这个地址，请检查链接", "data": None})
