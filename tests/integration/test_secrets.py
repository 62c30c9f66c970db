"""Secrets Manager over HTTP: asked as botocore asks it, every failure by its name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest

from chalicelib.aws.secrets import Secrets
from chalicelib.errors import InvalidSetting, StoreUnavailable
from chalicelib.settings import aws_settings, load
from tests.unit.test_settings import environment

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/jwt-AbCdEf"
TEXT = "a secret that is longer than thirty-two bytes"


@dataclass
class SecretsManager:
    """Answers in turn; the last answer serves for all further calls."""

    url: str
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=lambda: [(200, {"SecretString": TEXT})])
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    clients: set[tuple[str, int]] = field(default_factory=set)

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of AWS that lead here."""
        keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "the token"}
        return keys | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url} | more

    def read(self, arn: str) -> str:
        """Read a secret as the shop does."""
        with Secrets(aws_settings(self.environment(), "AWS_ENDPOINT_URL_SECRETS_MANAGER")) as secrets:
            return secrets.read(arn)


@pytest.fixture
def manager() -> Iterator[SecretsManager]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            given.asked.append(({name.lower(): text for name, text in self.headers.items()}, body))
            given.clients.add(self.client_address)
            status, content = given.answers[0] if len(given.answers) == 1 else given.answers.pop(0)
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    given = SecretsManager(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield given
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("behind", "version"),
    [
        ("", {}),
        ("::AWSPREVIOUS:", {"VersionStage": "AWSPREVIOUS"}),
        (":::0123abcd-0123-4567-89ab-0123456789ab", {"VersionId": "0123abcd-0123-4567-89ab-0123456789ab"}),
    ],
)
def test_a_secret_is_asked_for_as_botocore_asks(
    manager: SecretsManager, behind: str, version: dict[str, str]
) -> None:
    assert manager.read(ARN + behind) == TEXT
    client = botocore.session.get_session().create_client(
        "secretsmanager",
        "eu-central-1",
        endpoint_url=manager.url,
        aws_access_key_id="AKID",
        aws_secret_access_key="key",
        aws_session_token="the token",
    )
    client.get_secret_value(SecretId=ARN, **version)
    (ours, our_body), (theirs, their_body) = manager.asked
    assert our_body == their_body == {"SecretId": ARN} | version
    for name in ("x-amz-target", "content-type", "x-amz-security-token", "host"):
        assert ours[name] == theirs[name], name
    scope = ours["authorization"].split("Credential=AKID/")[1].split(",")[0]
    assert scope.split("/")[1:] == ["eu-central-1", "secretsmanager", "aws4_request"]
    assert "x-amz-security-token" in ours["authorization"].split("SignedHeaders=")[1].split(",")[0]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "ResourceNotFoundException"), (400, "AccessDeniedException"), (400, "DecryptionFailure")],
)
def test_what_is_refused_is_told_at_once_by_its_name(manager: SecretsManager, status: int, kind: str) -> None:
    manager.answers = [(status, {"__type": kind, "Message": "hidden"})]
    with pytest.raises(StoreUnavailable) as caught:
        manager.read(ARN)
    assert caught.value.facts["reason"] == kind
    assert "hidden" not in str(caught.value)
    assert len(manager.asked) == 1


@pytest.mark.parametrize(
    "passing", [(400, "ThrottlingException"), (500, "InternalServiceError"), (503, "ServiceUnavailable")]
)
def test_what_passes_is_asked_again_and_not_for_ever(
    manager: SecretsManager, passing: tuple[int, str]
) -> None:
    trouble = (passing[0], {"__type": passing[1]})
    manager.answers = [trouble, trouble, (200, {"SecretString": TEXT})]
    assert manager.read(ARN) == TEXT
    manager.answers = [trouble]
    with pytest.raises(StoreUnavailable) as caught:
        manager.read(ARN)
    assert caught.value.facts["reason"] == passing[1]
    assert len(manager.asked) == 6


def test_a_secret_without_text_is_none(manager: SecretsManager) -> None:
    manager.answers = [(200, {"SecretBinary": "AAAA"})]
    with pytest.raises(StoreUnavailable, match="no text in it"):
        manager.read(ARN)


@pytest.mark.parametrize(
    "arn", ["shop/jwt", f"{ARN}:key", f"{ARN}:key::", ARN.replace("secretsmanager", "kms")]
)
def test_what_is_no_arn_of_a_secret_is_not_asked_for(manager: SecretsManager, arn: str) -> None:
    with pytest.raises(StoreUnavailable, match="no ARN of a secret"):
        manager.read(arn)
    assert not manager.asked


def test_all_secrets_of_a_shop_are_read_over_one_connection(manager: SecretsManager) -> None:
    arns = {"JWT_KEY_ARN": ARN, "REDIS_URL_ARN": f"{ARN}2"}
    manager.answers = [
        (200, {"SecretString": TEXT}),
        (200, {"SecretString": "redis://:word@localhost:6379/0"}),
    ]
    found = load(manager.environment(**environment(JWT_KEY=None, REDIS_URL=None, **arns)))
    assert (found.jwt_key, found.redis_url) == (TEXT, "redis://:word@localhost:6379/0")
    assert [body["SecretId"] for _, body in manager.asked] == [ARN, f"{ARN}2"]
    assert len(manager.clients) == 1


def test_a_secret_that_cannot_be_had_is_named_by_its_setting(manager: SecretsManager) -> None:
    manager.answers = [(400, {"__type": "AccessDeniedException"})]
    with pytest.raises(InvalidSetting) as caught:
        load(manager.environment(**environment(JWT_KEY=None, JWT_KEY_ARN=ARN)))
    assert caught.value.facts["name"] == "JWT_KEY_ARN"
    assert "AccessDeniedException" in str(caught.value.facts["expected"])
