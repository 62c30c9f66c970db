"""SMS and mail against the simulator: what is sent once, surely not, or perhaps, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server, socket
from typing import Any

import pytest

from chalicelib.beijing_time import BEIJING
from chalicelib.deadline import Deadline
from chalicelib.gateways import open_gateways
from chalicelib.gateways.mail import open_mail
from chalicelib.gateways.post import (
    Delivered,
    Failed,
    MailSender,
    NotKnown,
    ReceiptState,
    Refused,
    SendState,
    Sent,
    Unclear,
    Waiting,
)
from chalicelib.gateways.sms import Sms
from chalicelib.gateways.sms_pushes import read_receipts, read_replies
from chalicelib.gateways.smtp import Letter, SmtpMail
from chalicelib.settings import MailSettings, SmsSettings
from localstack.post import NotFound, PostSimulator

KEY, SECRET, SIGN = "LTAI5tExample0001", "0123456789abcdefghij", "云课堂"
NUMBER, ADDRESS = "13800000001", "lin@example.com"
SENDER = "云课堂 <no-reply@school.example>"
SECONDS = 5.0


@pytest.fixture(scope="module")
def simulator() -> Iterator[PostSimulator]:
    with PostSimulator(
        access_key_id=KEY,
        access_key_secret=SECRET,
        sign_name=SIGN,
        user="post",
        password="p@ss:word",
        templates={"SMS_1": "验证码${code}，5分钟内有效。", "SMS_2": "订单${order}已支付"},
        background=False,
    ) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def nothing_has_left(simulator: PostSimulator) -> None:
    simulator.forget()
    simulator.switch_off()
    simulator.told_after = timedelta(0)


@pytest.fixture
def sms(simulator: PostSimulator) -> Sms:
    return Sms(SmsSettings(KEY, SECRET, SIGN, simulator.url, {}))


@pytest.fixture
def mail(simulator: PostSimulator) -> MailSender:
    return open_mail(account_at(simulator))


def account_at(simulator: PostSimulator) -> MailSettings:
    return MailSettings(SENDER, f"smtp://post:p%40ss%3Aword@127.0.0.1:{simulator.smtp_port}")


def send_code(sms: Sms, out_id: str = "c-1", code: str = "012345", seconds: float = SECONDS) -> SendState:
    return sms.send(NUMBER, "SMS_1", {"code": code}, out_id, Deadline(seconds))


def receipt(sms: Sms, out_id: str = "c-1", biz_id: str | None = None) -> ReceiptState:
    return sms.find_receipt(NUMBER, biz_id, out_id, datetime.now(BEIJING).date(), Deadline(SECONDS))


def send_mail(mail: MailSender, seconds: float = SECONDS, **changes: Any) -> SendState:
    given = {
        "to": ADDRESS,
        "subject": "订单已支付",
        "text": "您好，\n.\n..课程已开通 *~\n",
        "html": "<p>您好</p>",
        "message_id": "m-1",
        "unsubscribe_url": None,
    }
    return mail.send(**(given | changes), deadline=Deadline(seconds))


def held_then(simulator: PostSimulator, act: Callable[[], SendState]) -> SendState:
    """The outcome of a sending with little time, whose answer is held."""
    outcome: list[SendState] = []
    thread = threading.Thread(target=lambda: outcome.append(act()))
    thread.start()
    assert simulator.any_waits(SECONDS)
    thread.join()
    return outcome[0]


# --- SMS ---------------------------------------------------------------------------------------------------------


def test_an_sms_is_sent_once_and_its_receipt_found_by_either_number(
    sms: Sms, simulator: PostSimulator
) -> None:
    simulator.told_after = timedelta(hours=1)
    sent = send_code(sms)
    assert isinstance(sent, Sent)
    (left,) = simulator.sms(NUMBER)
    assert (left.text, left.out_id, left.biz_id) == (
        "【云课堂】验证码012345，5分钟内有效。",
        "c-1",
        sent.biz_id,
    )
    assert simulator.newest_code(NUMBER) == "012345"
    assert receipt(sms) == receipt(sms, biz_id=sent.biz_id) == Waiting()
    simulator.end_sms(sent.biz_id, arrived=True)
    assert isinstance(receipt(sms), Delivered)
    simulator.end_sms(sent.biz_id, arrived=False, code="MOBILE_NOT_ON_SERVICE")
    assert receipt(sms, biz_id=sent.biz_id) == Failed("MOBILE_NOT_ON_SERVICE")
    assert receipt(sms, "another") == NotKnown()


def test_any_text_passes_the_signature(sms: Sms, simulator: PostSimulator) -> None:
    odd = "空 格+*~%2F&=\"\\'é😀"
    assert isinstance(sms.send(NUMBER, "SMS_2", {"order": odd}, "a_b.c-d:e#f", Deadline(SECONDS)), Sent)
    assert simulator.sms()[-1].text == f"【云课堂】订单{odd}已支付"


def test_of_many_messages_of_a_day_the_right_one_is_found(sms: Sms, simulator: PostSimulator) -> None:
    for number in range(120):
        simulator.let_leave(NUMBER, "SMS_2", {}, "", f"o-{number}")
    assert isinstance(receipt(sms, "o-119"), Delivered)
    assert receipt(sms, "o-120") == NotKnown()


@pytest.mark.parametrize("day", ["sms_lost", "sms_answer_lost", "sms_system_error", "sms_unreadable"])
def test_after_an_answer_that_says_nothing_the_receipt_tells(
    day: str, sms: Sms, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day):
        assert isinstance(send_code(sms), Unclear)
    has_left = day == "sms_answer_lost"
    assert len(simulator.sms()) == has_left
    assert isinstance(receipt(sms), Delivered if has_left else NotKnown)


@pytest.mark.parametrize(("day", "has_left"), [("sms_slow", True), ("sms_silent", False)])
def test_a_silent_service_is_not_waited_for(
    day: str, has_left: bool, sms: Sms, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day):
        assert held_then(simulator, lambda: send_code(sms, seconds=1.5)) == Unclear("deadline")
        assert len(simulator.sms()) == has_left


@pytest.mark.parametrize(
    ("day", "refused"),
    [
        ("sms_flow_control", Refused("isv.BUSINESS_LIMIT_CONTROL", is_final=False)),
        ("sms_no_money", Refused("isv.AMOUNT_NOT_ENOUGH", is_final=False, needs_person=True)),
        ("sms_bad_number", Refused("isv.MOBILE_NUMBER_ILLEGAL", is_final=True)),
    ],
)
def test_a_refusal_says_whether_it_is_for_ever(
    day: str, refused: Refused, sms: Sms, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day, to=NUMBER, times=1):
        assert send_code(sms) == refused
        assert isinstance(send_code(sms, "c-2"), Sent), "once only"
        assert simulator.struck(day) == 1
    assert [left.out_id for left in simulator.sms()] == ["c-2"]


def test_what_the_service_does_not_take_is_refused_by_its_words(sms: Sms, simulator: PostSimulator) -> None:
    assert sms.send("12000000000", "SMS_1", {"code": "1"}, "x", Deadline(SECONDS)) == Refused(
        "isv.MOBILE_NUMBER_ILLEGAL", is_final=True
    )
    assert sms.send(NUMBER, "SMS_1", {}, "x", Deadline(SECONDS)) == Refused(
        "isv.TEMPLATE_MISSING_PARAMETERS", is_final=True
    )
    other = Sms(SmsSettings(KEY, SECRET, "另一个", simulator.url, {}))
    assert send_code(other) == Refused("isv.SMS_SIGNATURE_ILLEGAL", is_final=False, needs_person=True)
    assert simulator.sms() == []


@pytest.mark.parametrize(
    ("account", "minutes", "code"),
    [
        ({"access_key_id": "LTAI5tOther"}, 0, "InvalidAccessKeyId.NotFound"),
        ({"access_key_secret": "another secret"}, 0, "SignatureDoesNotMatch"),
        ({}, 16, "InvalidTimeStamp.Expired"),
        ({}, -16, "InvalidTimeStamp.Expired"),
    ],
)
def test_who_signs_wrongly_sends_nothing_and_is_told(
    account: dict[str, Any], minutes: int, code: str, simulator: PostSimulator
) -> None:
    given = SmsSettings(KEY, SECRET, SIGN, simulator.url, {}).changed(**account)
    sms = Sms(given, lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    assert send_code(sms) == Refused(code, is_final=False, needs_person=True)
    assert isinstance(receipt(sms), Unclear)
    assert simulator.sms() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": f"{NUMBER},13800000002"},
        {"number": "138"},
        {"template": "1"},
        {"out_id": ""},
        {"out_id": "a b"},
    ],
)
def test_a_malformed_argument_is_never_sent(
    wrong: dict[str, str], sms: Sms, simulator: PostSimulator
) -> None:
    given = {"number": NUMBER, "template": "SMS_1", "out_id": "c-1"} | wrong
    with pytest.raises(ValueError, match="number"):
        sms.send(parameters={"code": "1"}, deadline=Deadline(SECONDS), **given)
    assert simulator.sms() == []


@pytest.mark.parametrize(
    ("day", "told"), [("query_lost", Unclear), ("query_late", NotKnown), ("receipt_never", Waiting)]
)
def test_a_receipt_may_be_long_in_coming(
    day: str, told: type[object], sms: Sms, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day):
        send_code(sms)
        assert isinstance(receipt(sms), told)


def test_a_service_that_is_away_is_unclear() -> None:
    sms = Sms(SmsSettings(KEY, SECRET, SIGN, "http://127.0.0.1:1", {}))
    assert isinstance(send_code(sms), Unclear)
    assert isinstance(receipt(sms), Unclear)


# --- receipts and replies that are pushed ------------------------------------------------------------------------


class Shop(ThreadingHTTPServer):
    """Takes pushes, and answers with the statuses it was given, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        shop = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = '{"code": 0, "msg": "接收成功"}'.encode()
                self.send_response(shop.statuses.pop(0) if shop.statuses else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Door)


@pytest.fixture
def shop(simulator: PostSimulator) -> Iterator[Shop]:
    server = Shop()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    simulator.courier.urls = {"receipts": url, "replies": url}
    yield server
    simulator.courier.urls = {}
    server.shutdown()
    server.server_close()


def test_receipts_and_replies_are_pushed_until_they_are_taken(
    sms: Sms, simulator: PostSimulator, shop: Shop
) -> None:
    sent = send_code(sms)
    assert isinstance(sent, Sent)
    shop.statuses = [503, 500]
    assert [simulator.deliver_pushes(early=True) for _ in range(4)] == [1, 1, 1, 0]
    (told,) = read_receipts(shop.bodies[-1])
    assert (told.number, told.out_id, told.biz_id) == (NUMBER, "c-1", sent.biz_id)
    assert isinstance(told.state, Delivered)
    simulator.end_sms(sent.biz_id, arrived=False)
    simulator.reply(NUMBER, "拒收")
    assert simulator.deliver_pushes() == 2
    assert read_receipts(shop.bodies[-2])[0].state == Failed("MOBILE_NOT_ON_SERVICE")
    (reply,) = read_replies(shop.bodies[-1])
    assert (reply.number, reply.text) == (NUMBER, "拒收")
    with simulator.bad_day("push_lost"):
        send_code(sms, "c-2")
    assert simulator.deliver_pushes(early=True) == 0


# --- mail --------------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_written(mail: MailSender, simulator: PostSimulator) -> None:
    link = "https://api.school.example/unsubscribe?token=" + "a" * 200
    assert send_mail(mail, unsubscribe_url=link) == Sent("m-1")
    (left,) = simulator.mails(ADDRESS)
    assert left.sender == "no-reply@school.example"
    assert (
        left.part("plain") == "您好，\n.\n..课程已开通 *~\n\n"
        or left.part("plain") == "您好，\n.\n..课程已开通 *~\n"
    )
    assert left.message["Message-ID"] == "<m-1@school.example>"
    assert left.message["List-Unsubscribe"] == f"<{link}>"
    assert message_from_bytes(left.raw, policy=default)["Subject"] == "订单已支付"


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        ("mail_lost", Refused("SMTPServerDisconnected", is_final=False)),
        ("mail_busy", Refused("451 4.3.0", is_final=False)),
        ("mail_no_such_user", Refused("550 5.1.1", is_final=True)),
        ("mail_policy", Refused("550 5.7.1", is_final=False, needs_person=True)),
        ("mail_content_refused", Refused("554 5.6.0", is_final=True)),
        ("mail_answer_lost", Unclear("SMTPServerDisconnected")),
    ],
)
def test_a_mail_is_surely_not_sent_or_perhaps(
    day: str, outcome: SendState, mail: MailSender, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day, to=ADDRESS):
        assert send_mail(mail) == outcome
    assert len(simulator.mails()) == (day == "mail_answer_lost")


@pytest.mark.parametrize(
    ("day", "outcome"),
    [("mail_slow", Unclear("deadline")), ("mail_silent", Refused("deadline", is_final=False))],
)
def test_a_silent_mail_server_is_not_waited_for(
    day: str, outcome: SendState, mail: MailSender, simulator: PostSimulator
) -> None:
    with simulator.bad_day(day):
        assert held_then(simulator, lambda: send_mail(mail, seconds=1.5)) == outcome
        assert len(simulator.mails()) == (day == "mail_slow")


def test_a_socket_whose_time_ends_before_the_deadlines_names_the_deadline(simulator: PostSimulator) -> None:
    """The two end at the same moment, and a busy machine lets the socket's be first."""
    mail = SmtpMail(account_at(simulator))
    letter = Letter("no-reply@school.example", ADDRESS, b"Subject: x\r\n\r\nx\r\n", "m-1")
    with simulator.bad_day("mail_silent"):
        assert mail.deliver(letter, 0.2) == Refused("deadline", is_final=False)


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("smtp://post:wrong@127.0.0.1:{port}", Refused("535", is_final=False, needs_person=True)),
        ("smtp://127.0.0.1:{port}", Refused("530 5.7.0", is_final=False, needs_person=True)),
        ("smtp://post:p@127.0.0.1:1", Refused("ConnectionRefusedError", is_final=False)),
        ("smtps://post:p@127.0.0.1:{port}", Refused("SSLError", is_final=False)),
    ],
)
def test_a_mail_server_that_does_not_know_the_shop_is_told(
    url: str, outcome: Refused, simulator: PostSimulator
) -> None:
    mail = open_mail(MailSettings(SENDER, url.format(port=simulator.smtp_port)))
    assert send_mail(mail) == outcome
    assert simulator.mails() == []


def test_nothing_is_said_to_another_computer_without_tls() -> None:
    """Another address than those of this computer that everybody knows, as if it were another one."""
    said: list[bytes] = []

    def converse(listener: socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 here\r\n")
            stream.flush()
            said.append(stream.readline())
            stream.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            stream.flush()
            said.extend(stream.readlines())

    with create_server(("127.0.0.2", 0)) as listener:
        thread = threading.Thread(target=converse, args=(listener,))
        thread.start()
        told = send_mail(
            open_mail(MailSettings(SENDER, f"smtp://post:p@127.0.0.2:{listener.getsockname()[1]}"))
        )
        thread.join()
    assert told == Refused("no STARTTLS", is_final=False, needs_person=True)
    assert [line.split()[0].lower() for line in said] == [b"ehlo", b"quit"]


def test_the_shop_reaches_the_simulator_of_its_settings(post: PostSimulator) -> None:
    from chalicelib.settings import settings

    gateways = open_gateways(settings())
    assert gateways.sms
    assert gateways.mail
    assert isinstance(
        gateways.sms.send("13900000009", "SMS_9", {"code": "654321"}, "t-1", Deadline(SECONDS)), Sent
    )
    assert post.newest_code("13900000009") == "654321"
    assert isinstance(send_mail(gateways.mail, to="nine@example.com", text="验证码 246810"), Sent)
    assert post.newest_code("nine@example.com") == "246810"
    with pytest.raises(NotFound):
        post.newest_code("13900000008")
