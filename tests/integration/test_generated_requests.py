"""Requests that schemathesis makes of the API's description, good ones and bad ones: none is answered with a
5xx or with anything that the description does not say.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from chalicelib.shop import coupon
from chalicelib.shop.user import User
from localstack.api_gateway import GatewayServer
from tests import builders, openapi
from tests.client import SECONDS, Client, open_session
from tests.openapi import Operation
from tests.purchases import place

GOOD_REQUESTS = 5
BAD_REQUESTS = 3

CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]

OPERATIONS = openapi.operations()
TAKES_SOMETHING = [op for op in OPERATIONS if {"parameters", "requestBody"} & set(op.described)]

pytestmark = pytest.mark.usefixtures("no_attempts_yet")


class Shop:
    """Somebody with coupons, 贝里 and an unpaid order; and the description, with the ids of what there is."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.user: User = builders.a_user(beli=500)
        self.course = builders.a_course(prices=[30000])
        policy = builders.policy_id_of(self.course)
        mine = builders.a_coupon(self.user, course=self.course.key, value=5000)
        general = builders.a_coupon(self.user, coupon_type=coupon.FULL, value=1000, minimum=20000)
        number = place(Client(base_url, self.user), [builders.a_course(prices=[100])], 1)
        # Ids are random: what is there would never be met by chance.
        self._ids: dict[str, list[Any]] = {
            "GivenCourseId": [self.course.course_id, str(self.course.course_id)],
            "GivenPolicyId": [policy, str(policy)],
            "GivenCouponRecordId": [mine.record_id, str(general.record_id)],
            "GivenAmount": [300, "250.0", 240, 250, "200.00"],
            "OrderNumber": [number],
        }
        self._path_ids = {
            "course_id": str(self.course.course_id),
            "detail_id": str(self.course.detail_id),
            "coupon_id": str(builders.an_offer(quantity=1000).coupon_id),
        }

    def open_account(self) -> None:
        """An account to be shown and priced; it is discarded by the next refused one."""
        chosen = {"course_id": self.course.course_id, "price_policy_id": builders.policy_id_of(self.course)}
        Client(self.base_url, self.user).post("/account/", [chosen])

    def description(self) -> Any:
        described = copy.deepcopy(openapi.strict_description())
        schemas = described["components"]["schemas"]
        schemas |= {name: {"enum": values} for name, values in self._ids.items()}
        parameters = list(described["components"]["parameters"].values())
        for item in described["paths"].values():
            for operation in item.values():
                parameters += operation.get("parameters", [])
        for parameter in parameters:
            if parameter.get("name") in self._path_ids:
                parameter["schema"] = {"enum": [self._path_ids[parameter["name"]]]}
        return described


@pytest.fixture(scope="module")
def shop(gateway_server: GatewayServer) -> Shop:
    return Shop(gateway_server.base_url)


@pytest.fixture(scope="module")
def described(shop: Shop) -> Any:
    return schemathesis.openapi.from_dict(shop.description())


def send(shop: Shop, case: schemathesis.Case) -> requests.Response:
    """Send a generated request, each with the token of a session of its own: one of them signs out."""
    headers = {"Authorization": builders.a_token(shop.user)}
    arguments = case.as_transport_kwargs(base_url=shop.base_url, headers=headers)
    return open_session().request(**arguments, timeout=SECONDS, allow_redirects=False)


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_request_as_described_is_answered_as_described(
    shop: Shop, described: Any, operation: Operation
) -> None:
    @bounded(GOOD_REQUESTS)
    @given(case=described[operation.path][operation.method].as_strategy())
    def answers_as_described(case: schemathesis.Case) -> None:
        response = send(shop, case)
        case.validate_response(response, checks=CHECKS)
        openapi.check_response(response)

    shop.open_account()
    answers_as_described()


@pytest.mark.parametrize("operation", TAKES_SOMETHING, ids=str)
def test_a_request_as_not_described_is_answered_as_described_too(
    shop: Shop, described: Any, operation: Operation
) -> None:
    @bounded(BAD_REQUESTS)
    @given(case=described[operation.path][operation.method].as_strategy(GenerationMode.NEGATIVE))
    def answers_as_described(case: schemathesis.Case) -> None:
        response = send(shop, case)
        assert response.status_code < 500, response.text
        openapi.check_response(response)

    answers_as_described()
