"""Mail by Amazon SES: the one request, its signature, and what its answers mean."""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.aws.signed_transport import Credentials, authorization
from chalicelib.deadline import Deadline
from chalicelib.gateways.mail import open_mail
from chalicelib.gateways.post import Refused, SendState, Sent, Unclear
from chalicelib.settings import MailSettings

ACCOUNT = MailSettings("云课堂 <no-reply@school.example>", "ses:")
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a session's token")
PATH = "/v2/email/outbound-emails"


class Ses(ThreadingHTTPServer):
    """Checks who asks, and answers what it was told to."""

    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []
        self.answer: tuple[int, str, str] = (200, "", '{"MessageId": "0100-ses"}')
        ses = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, kind, text = ses.answer
                if self.path != PATH or not signed_rightly(dict(self.headers.items()), body):
                    status, kind, text = 403, "InvalidSignatureException", "{}"
                if status == 200:
                    ses.mails.append(json.loads(body))
                self.send_response(status)
                if kind:
                    self.send_header("x-amzn-ErrorType", f"{kind}:http://internal.amazon.com/coral/")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Door)


def signed_rightly(headers: dict[str, str], body: bytes) -> bool:
    """Whether the signature is that which DynamoDB's transport makes of the same headers."""
    given = {name.lower(): value for name, value in headers.items()}
    signed = re.search(r"SignedHeaders=([^,]+)", given["authorization"])
    assert signed
    those = {name: given[name] for name in signed[1].split(";")}
    assert {"host", "x-amz-date", "x-amz-security-token"} <= those.keys()
    right = authorization(KEYS, "eu-central-1", "ses", PATH, those, body)
    return given["authorization"] == right


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ses]:
    server = Ses()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEYS.token))
    yield server
    server.shutdown()
    server.server_close()


def send() -> SendState:
    return open_mail(ACCOUNT).send(
        "lin@example.com", "订单已支付", "您好", "<p>您好</p>", "m-1", "https://x.example/u?t=1", Deadline(5)
    )


def test_a_mail_is_sent_whole_in_one_signed_request(ses: Ses) -> None:
    assert send() == Sent("0100-ses")
    (mail,) = ses.mails
    assert mail["FromEmailAddress"] == "no-reply@school.example"
    assert mail["Destination"] == {"ToAddresses": ["lin@example.com"]}
    message = message_from_bytes(b64decode(mail["Content"]["Raw"]["Data"]), policy=default)
    assert message["Subject"] == "订单已支付"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((429, "TooManyRequestsException", "{}"), Refused("TooManyRequestsException", is_final=False)),
        ((400, "MessageRejected", "{}"), Refused("MessageRejected", is_final=True)),
        (
            (400, "SendingPausedException", "{}"),
            Refused("SendingPausedException", is_final=False, needs_person=True),
        ),
        (
            (403, "AccessDeniedException", "{}"),
            Refused("AccessDeniedException", is_final=False, needs_person=True),
        ),
        ((500, "InternalServiceErrorException", "{}"), Unclear("500")),
        ((200, "", "<html>"), Unclear("no MessageId")),
        ((200, "", "{}"), Unclear("no MessageId")),
        ((404, "", "<html>"), Unclear("404")),
    ],
)
def test_an_answer_says_whether_it_was_sent(answer: tuple[int, str, str], state: SendState, ses: Ses) -> None:
    ses.answer = answer
    assert send() == state


def test_without_credentials_or_a_region_nothing_is_sent(ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert send() == Refused("BotoCoreError", is_final=False, needs_person=True)
    assert ses.mails == []


def test_a_service_that_is_away_is_unclear(ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")
    assert isinstance(send(), Unclear)
