"""The text of a mail: what it says, and that nothing handed in begins a header."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from chalicelib.gateways.mail import address_of, compose

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SENDER = "云课堂 <no-reply@school.example>"
LINK = "https://api.school.example/unsubscribe?token=" + "a.b-c" * 60


def composed(**changes: object) -> bytes:
    given: dict[str, object] = {
        "sender": SENDER,
        "to": "lin@example.com",
        "subject": "订单已支付:Python 全栈开发" * 5,
        "text": "您好,\n.课程已开通\n" + "长" * 3000,
        "html": "<p>您好</p>" * 200,
        "message_id": "m-1",
        "unsubscribe_url": LINK,
        "now": NOW,
    }
    return compose(**(given | changes))  # type: ignore[arg-type]


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> list[str]:
    """The contents, with the ends of lines as they were handed in."""
    return [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()]


def test_a_mail_says_what_it_was_given() -> None:
    content = composed()
    message = read(content)
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert message["From"].addresses[0].display_name == "云课堂"
    assert address_of(SENDER) == message["From"].addresses[0].addr_spec == "no-reply@school.example"
    assert message["To"] == "lin@example.com"
    assert message["Subject"] == "订单已支付:Python 全栈开发" * 5
    assert message["Message-ID"] == "<m-1@school.example>"
    assert message["Date"].datetime == NOW
    text, html = parts(message)
    assert text == "您好,\n.课程已开通\n" + "长" * 3000 + "\n"
    assert html == "<p>您好</p>" * 200 + "\n"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_who_wants_no_more_needs_one_click() -> None:
    message = read(composed())
    assert message["List-Unsubscribe"] == f"<{LINK}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # On one line: some servers sign it otherwise than they read it.
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in composed()
    assert "List-Unsubscribe" not in read(composed(unsubscribe_url=None))


@pytest.mark.parametrize(
    "end", ["\r\nBcc: x@example.com", "\nBcc: x@example.com", "\r", "\x00", "\x85", "\u2028"]
)
@pytest.mark.parametrize("name", ["to", "subject", "message_id", "unsubscribe_url"])
def test_nothing_begins_a_header(name: str, end: str) -> None:
    given = {"to": "lin@example.com", "subject": "您好", "message_id": "m-1", "unsubscribe_url": LINK}
    with pytest.raises(ValueError, match=name):
        composed(**{name: given[name] + end})


@pytest.mark.parametrize(
    "to",
    [
        "",
        "lin",
        "lin@",
        "@example.com",
        "a b@example.com",
        "a,b@example.com",
        "<a@example.com>",
        "林@example.com",
    ],
)
def test_what_is_no_address_gets_no_mail(to: str) -> None:
    with pytest.raises(ValueError, match="to"):
        composed(to=to)


def test_half_a_character_does_not_stop_a_mail() -> None:
    text, _ = parts(read(composed(text="a\ud800b")))
    assert text == "ab\n"
