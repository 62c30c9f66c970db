"""The key of tokens is changed under a learner who is signed in."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from chalicelib.settings import settings
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client

NEW = "the key that is coming, long enough for HS256"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def test_a_learner_stays_signed_in_while_the_key_is_changed(
    gateway_server: GatewayServer, environment: pytest.MonkeyPatch
) -> None:
    old, user = os.environ["JWT_KEY"], builders.a_user()
    learner, newcomer = Client(gateway_server.base_url), Client(gateway_server.base_url)

    def sign_in(client: Client) -> None:
        given = {"username": user.username, "password": builders.PASSWORD}
        client.token = client.post("/login", given)["data"]["token"]

    sign_in(learner)
    for keys in ((old, NEW), (NEW, old)):
        environment.setenv("JWT_KEY", "\n".join(keys))
        settings.cache_clear()
        assert learner.get("/userinfo")["code"] == 1000
    sign_in(newcomer)
    environment.setenv("JWT_KEY", NEW)
    settings.cache_clear()
    assert newcomer.get("/userinfo")["code"] == 1000
    assert learner.request("GET", "/userinfo").status_code == 401
