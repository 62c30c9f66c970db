"""Clients at addresses of their own, for tests of limits by address."""

from __future__ import annotations

import secrets
from typing import Any

import requests

import app as application
from chalicelib.shop.user import User
from localstack.api_gateway import Answer, ApiGateway, Gateway, Request
from tests import openapi
from tests.client import Client

BASE_URL = "http://shop-api.test"


def new_address() -> str:
    """An address that no other test of this run has."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


class ClientAt(Client):
    """A client whose requests reach the local API Gateway (or another) from an address of its own, without a network.

    Needs the fixture `stores` (or one that needs it).
    """

    def __init__(
        self, user: User | None = None, address: str | None = None, gateway: Gateway | None = None
    ) -> None:
        super().__init__(BASE_URL, user)
        self.address = address or new_address()
        self._gateway = gateway

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """As of `Client`."""
        headers = dict(arguments.pop("headers", {}))
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = self.token
        asked = requests.Request(method, self.base_url + path, headers=headers, **arguments).prepare()
        body = asked.body or b""
        answer = self.answer(
            Request(
                method=method,
                target=asked.path_url,
                headers=tuple(asked.headers.items()),
                body=body.encode() if isinstance(body, str) else bytes(body),
                source_ip=self.address,
            )
        )
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = answer.body
        response.encoding = "utf-8"
        response.request = asked
        openapi.check_response(response)
        return response

    def answer(self, request: Request) -> Answer:
        """Hand the request to the gateway."""
        return (self._gateway or _gateway()).answer(request)


_gateways: list[ApiGateway] = []


def _gateway() -> ApiGateway:
    if not _gateways:
        _gateways.append(ApiGateway(application))
    return _gateways[0]
