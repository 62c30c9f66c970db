"""The simulator of SMS and mail: what its control API, its page and its protocols do with what they are given."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from chalicelib.gateways.acs3 import query_text, signed_headers
from localstack.post import BAD_DAYS, PostSimulator

KEY, SECRET, SIGN = "LTAI5tExample0001", "0123456789abcdefghij", "云课堂"
NUMBER = "13800000001"
MAIL = (
    b"From: a@school.example\r\nTo: lin@example.com\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@school.example>\r\nSubject: <script>\r\n\r\n<b>246810</b>\r\n"
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[PostSimulator]:
    with PostSimulator(
        access_key_id=KEY, access_key_secret=SECRET, sign_name=SIGN, user="u", password="p", background=False
    ) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def nothing_has_left(simulator: PostSimulator) -> None:
    simulator.forget()
    simulator.switch_off()


def control(simulator: PostSimulator, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{simulator.url}/control/{path}", json=body, timeout=10)


def ask(
    simulator: PostSimulator,
    query: dict[str, str],
    nonce: str,
    drop: str = "",
    more: dict[str, str] | None = None,
    key: tuple[str, str] = (KEY, SECRET),
) -> tuple[int, str]:
    """The status and the code of a signed request, a header taken away or more added after it was signed."""
    headers = signed_headers(
        *key,
        method="POST",
        host=simulator.url.removeprefix("http://"),
        query=query,
        action="SendSms",
        version="2017-05-25",
        date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        nonce=nonce,
    )
    headers = {name: value for name, value in (headers | (more or {})).items() if name != drop}
    answer = requests.post(f"{simulator.url}/?{query_text(query)}", headers=headers, timeout=10)
    return answer.status_code, answer.json()["Code"]


SMS = {
    "PhoneNumbers": NUMBER,
    "SignName": SIGN,
    "TemplateCode": "SMS_1",
    "TemplateParam": '{"code":"012345"}',
}


def test_only_what_is_signed_whole_and_once_is_sent(simulator: PostSimulator) -> None:
    assert ask(simulator, SMS, "n-1") == (200, "OK")
    assert ask(simulator, SMS, "n-1") == (400, "SignatureNonceUsed")
    assert ask(simulator, SMS, "n-2", drop="x-acs-date") == (400, "IncompleteSignature")
    assert ask(simulator, SMS, "n-3", more={"x-acs-security-token": "t"}) == (400, "IncompleteSignature")
    assert ask(simulator, SMS, "n-4", more={"x-acs-action": "QuerySendDetails"}) == (
        400,
        "SignatureDoesNotMatch",
    )
    assert len(simulator.sms()) == 1


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"TemplateParam": '{"code": 12345}'}, (200, "isv.INVALID_JSON_PARAM")),
        ({"TemplateParam": "[" * 5000}, (200, "isv.INVALID_JSON_PARAM")),
        ({"TemplateCode": "1"}, (200, "isv.SMS_TEMPLATE_ILLEGAL")),
        ({"OutId": "x" * 256}, (200, "isv.PARAM_LENGTH_LIMIT")),
        ({"PhoneNumbers": ""}, (400, "MissingPhoneNumbers")),
    ],
)
def test_what_is_malformed_is_refused(
    change: dict[str, str], answer: tuple[int, str], simulator: PostSimulator
) -> None:
    assert ask(simulator, SMS | change, f"m-{change}") == answer
    assert simulator.sms() == []


def test_programs_read_what_has_left_and_end_it(simulator: PostSimulator) -> None:
    assert ask(simulator, SMS, "c-1")[0] == 200
    assert control(simulator, "GET", f"codes/{NUMBER}").json()["code"] == "012345"
    assert control(simulator, "GET", "codes/13800000002").status_code == 404
    (sms,) = control(simulator, "GET", f"sms?to={NUMBER}").json()["sms"]
    assert (sms["to"], sms["state"], sms["parameters"]) == (NUMBER, "delivered", {"code": "012345"})
    ended = control(simulator, "POST", f"sms/{sms['biz_id']}/end", {"arrived": False, "code": "BLACK"}).json()
    assert (ended["state"], ended["code"]) == ("failed", "BLACK")
    assert control(simulator, "POST", "sms/1/end", {"arrived": True}).status_code == 404
    assert control(simulator, "POST", "sms/1/end", {"arrived": 1}).status_code == 400
    assert control(simulator, "POST", "forget", {}).status_code == 200
    assert control(simulator, "GET", "sms").json() == {"sms": []}
    assert control(simulator, "GET", "nothing").status_code == 404


def test_templates_that_are_told_are_shown_as_they_read(simulator: PostSimulator) -> None:
    assert control(simulator, "POST", "templates", {"SMS_7": "验证码${code}。"}).status_code == 200
    assert ask(simulator, SMS | {"TemplateCode": "SMS_7"}, "t-1") == (200, "OK")
    assert simulator.sms()[-1].text == f"【{SIGN}】验证码012345。"
    assert ask(simulator, SMS | {"TemplateCode": "SMS_7", "TemplateParam": "{}"}, "t-2") == (
        200,
        "isv.TEMPLATE_MISSING_PARAMETERS",
    )


def test_an_account_may_have_two_keys_and_lose_either(simulator: PostSimulator) -> None:
    other = "LTAI5tAnother", "another"
    assert ask(simulator, SMS, "k-1", key=other) == (404, "InvalidAccessKeyId.NotFound")
    state = control(simulator, "POST", "access-keys", {other[0]: other[1]}).json()
    assert state["access_key_ids"] == [KEY, other[0]]
    assert [ask(simulator, SMS, "k-2", key=other)[0], ask(simulator, SMS, "k-3")[0]] == [200, 200]
    control(simulator, "POST", "access-keys", {KEY: None})
    assert ask(simulator, SMS, "k-4") == (404, "InvalidAccessKeyId.NotFound")
    control(simulator, "POST", "access-keys", {KEY: SECRET, other[0]: None})
    assert ask(simulator, SMS, "k-5")[0] == 200
    assert control(simulator, "POST", "access-keys", {KEY: 1}).status_code == 400


def test_another_password_lets_the_one_before_send_no_mail(simulator: PostSimulator) -> None:
    assert control(simulator, "POST", "mail-password", {"password": "other"}).status_code == 200
    try:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            connected(simulator)
    finally:
        assert control(simulator, "POST", "mail-password", {"password": "p"}).status_code == 200
    connected(simulator).quit()
    assert control(simulator, "POST", "mail-password", {}).status_code == 400


@pytest.mark.parametrize("name", BAD_DAYS)
def test_each_bad_day_can_be_switched_on_for_somebody_and_off(name: str, simulator: PostSimulator) -> None:
    listed = control(simulator, "POST", f"bad-days/{name}", {"on": True, "times": 2, "to": NUMBER}).json()
    (day,) = [one for one in listed["bad_days"] if one["on"]]
    assert (day["name"], day["times_left"], day["to"]) == (name, 2, NUMBER)
    assert BAD_DAYS[name].explanation in requests.get(simulator.url, timeout=10).text
    assert simulator.strike("13800000002", name) == ""
    assert [simulator.strike(NUMBER, name) for _ in range(3)] == [name, name, ""]
    assert simulator.struck(name) == 2
    listed = control(simulator, "POST", "bad-days", {"on": False}).json()
    assert not any(one["on"] for one in listed["bad_days"])


@pytest.mark.parametrize(
    "body", [{"on": "yes"}, {"on": True, "times": 0}, {"on": True, "times": "x" * 3, "to": 1}, [], "x"]
)
def test_a_switch_that_cannot_be_understood_is_refused(body: Any, simulator: PostSimulator) -> None:
    assert control(simulator, "POST", "bad-days/sms_lost", body).status_code == 400
    assert simulator.bad_days() == {}


def test_people_see_each_letter_and_none_of_its_markup(simulator: PostSimulator) -> None:
    simulator.let_leave(NUMBER, "SMS_1", {}, "<i>135790</i>", "o-1")
    mail = simulator.letters.add_mail("a@school.example", "lin@example.com", MAIL)
    page = requests.get(simulator.url, timeout=10).text
    assert "&lt;i&gt;135790&lt;/i&gt;" in page
    assert "<i>" not in page
    assert "&lt;script&gt;</a>" in page
    assert '<code class="code">135790</code>' in page
    assert '<code class="code">246810</code>' in page
    shown = requests.get(f"{simulator.url}/mails/{mail.id}", timeout=10).text
    assert "<iframe sandbox" in shown
    assert "&lt;b&gt;246810&lt;/b&gt;" in shown
    assert requests.get(f"{simulator.url}/mails/none", timeout=10).status_code == 404
    reply = {"to": NUMBER, "text": "<u>拒收"}
    answer = requests.post(f"{simulator.url}/replies", reply, timeout=10)
    assert answer.status_code == 200
    assert "&lt;u&gt;拒收" in answer.text


def connected(simulator: PostSimulator) -> smtplib.SMTP:
    server = smtplib.SMTP("127.0.0.1", simulator.smtp_port, timeout=10)
    server.login("u", "p")
    return server


@pytest.mark.parametrize(
    "content",
    [
        MAIL.replace(b"Message-ID: <1@school.example>\r\n", b""),
        MAIL.replace(b"Date:", b"From: b@school.example\r\nDate:"),
        MAIL.replace(b"\r\nSubject", b"\nSubject"),
        MAIL + b"x" * 1001 + b"\r\n",
    ],
)
def test_mail_that_large_servers_refuse_is_refused(content: bytes, simulator: PostSimulator) -> None:
    with connected(simulator) as server:
        assert server.mail("a@school.example")[0] == server.rcpt("lin@example.com")[0] == 250
        assert server.docmd("DATA")[0] == 354
        server.send(content + b".\r\n")
        assert server.getreply()[0] >= 500
    assert simulator.mails() == []


def test_commands_in_another_order_are_refused(simulator: PostSimulator) -> None:
    with connected(simulator) as server:
        asked = [
            "RCPT TO:<a@b.example>",
            "DATA",
            "AUTH PLAIN",
            "MAIL FROM:<>",
            "MAIL FROM:<a b@c.example>",
            "TURN",
        ]
        assert [server.docmd(line)[0] for line in asked] == [503, 503, 503, 501, 501, 502]
        assert server.mail("a@school.example")[0] == 250
        assert server.docmd("RCPT TO:<nobody>")[0] == 501
        assert server.docmd("RSET")[0] == server.docmd("NOOP")[0] == 250
        assert server.docmd("DATA")[0] == 503
