"""Alipay calls: every check in its order, every trade status, repeated and reordered; and the browser's return."""

from __future__ import annotations

import base64
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from chalicelib.shop import coupon, order, payment, refund_notice
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order, OrderEvent
from chalicelib.shop.payment import Payment
from chalicelib.shop.payment_type import UNIONPAY
from chalicelib.storage.dynamodb import UserItem
from localstack.alipay import AlipaySimulator, generate_keys, signing
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.purchases import Buyer, Clock, deliver, deliver_event, event, notice

Fields = dict[str, str]


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


@pytest.fixture
def paid(buyer: Buyer, alipay: AlipaySimulator) -> str:
    """An order of `buyer` whose money Alipay has, and of which nobody has told the shop."""
    number = buyer.place()
    purchases.pay(alipay, number)
    return number


@pytest.fixture(scope="module")
def waiting(gateway_server: GatewayServer, alipay: AlipaySimulator) -> tuple[Buyer, str]:
    """An order like `paid`, for the tests that must leave it as it is."""
    buyer = Buyer(gateway_server.base_url)
    number = buyer.place()
    purchases.pay(alipay, number)
    return buyer, number


def refund_of(fen: int, request_no: str, *, total: int = 24000) -> Fields:
    """The fields of a refund notice after which `fen` of the trade are refunded."""
    return {
        "trade_status": "TRADE_CLOSED" if fen == total else "TRADE_SUCCESS",
        "refund_fee": f"{fen // 100}.{fen % 100:02d}",
        "gmt_refund": "2026-03-01 12:00:00.123",
        "out_biz_no": request_no,
    }


def refunds(number: str) -> list[int]:
    """The running totals (fen) of the refunds on record."""
    return sorted(told.refunded for told in refund_notice.list_all(purchases.stored(number)))


# The way in


@pytest.mark.parametrize("path", ["/trade/alipay/", "/trade/alipay"])
def test_alipay_reaches_the_shop_with_and_without_a_slash(
    path: str, buyer: Buyer, paid: str, alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    delivery = alipay.send_notice(gateway_server.base_url + path, alipay.notice_fields(paid))
    assert (delivery.status, delivery.answer, delivery.accepted) == (200, "success", True)
    buyer.assert_owns_the_course()


def as_text(body: str) -> dict[str, object]:
    return event(body)


def as_base64(body: str) -> dict[str, object]:
    return event(base64.b64encode(body.encode()).decode(), isBase64Encoded=True)


def with_upper_case_headers(body: str) -> dict[str, object]:
    return event(
        body, headers={"CONTENT-TYPE": "application/x-www-form-urlencoded; text/html; charset=utf-8"}
    )


def with_lower_case_headers(body: str) -> dict[str, object]:
    return event(body, headers={"content-type": "application/x-www-form-urlencoded"})


def without_headers(body: str) -> dict[str, object]:
    return event(body, headers=None)


def with_the_body_alone(body: str) -> dict[str, object]:
    return {"body": body}


@pytest.mark.parametrize(
    "arrived",
    [
        as_text,
        as_base64,
        with_upper_case_headers,
        with_lower_case_headers,
        without_headers,
        with_the_body_alone,
    ],
)
def test_a_notice_is_taken_in_whatever_form_the_gateway_brings_it(
    arrived: Callable[[str], dict[str, object]], buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    assert deliver_event(arrived(urlencode(notice(alipay, paid)))) == "success"
    buyer.assert_owns_the_course()


@pytest.mark.parametrize(
    "arrived",
    [
        {},
        {"body": None},
        {"body": ""},
        {"body": None, "isBase64Encoded": True},
        {"body": "!!!", "isBase64Encoded": True},
        {"body": "YQ", "isBase64Encoded": True},
        {"body": "é", "isBase64Encoded": True},
        {"body": "gA==", "isBase64Encoded": True},
        {"body": "a"},
        {"body": "&&&"},
        {"body": "=&="},
        {"body": "é=ü"},
        {"body": "a=%ff"},
        {"body": "\ud800=1"},
        {"body": {"a": 1}},
        {"body": '{"out_trade_no": "1"}'},
        {"body": "&".join(f"a{i}=1" for i in range(200))},
    ],
)
def test_anything_else_is_answered_with_fail_and_never_with_a_crash(
    arrived: Any, alipay: AlipaySimulator
) -> None:
    assert deliver_event(arrived) == "fail"


def test_a_body_of_a_megabyte_is_refused(waiting: tuple[Buyer, str], alipay: AlipaySimulator) -> None:
    signed = notice(alipay, waiting[1], filler="x" * 2**20)
    assert deliver(signed) == "fail"
    waiting[0].assert_order_waits(waiting[1])


# The checks


def checks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """By which checks notices were refused."""
    said = [entry.getMessage() for entry in caplog.records if entry.name == "chalicelib.web.notification"]
    return [text.rpartition(": ")[2] for text in said]


def assert_refused(
    body: str, check: str, waiting: tuple[Buyer, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert deliver_event(event(body)) == "fail"
    assert checks(caplog) == [check]
    waiting[0].assert_order_waits(waiting[1])
    assert purchases.payments(waiting[1]) == []


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"version": "1.1"}, "version"),
        ({"version": "1.0&x=1"}, "version"),
        ({"version": " 1.0"}, "version"),
        ({"version": ""}, "version"),
        ({"version": None}, "version"),
        ({"charset": "gbk"}, "charset"),
        ({"charset": "utf-8&x=1"}, "charset"),
        ({"charset": ""}, "charset"),
        ({"charset": None}, "charset"),
        ({"app_id": "2021000000000002"}, "app_id"),
        ({"app_id": None}, "app_id"),
        ({"seller_id": "2088000000000002"}, "seller_id"),
        ({"seller_id": None}, "seller_id"),
        ({"out_trade_no": "20260301235959987ABCDEFGHIJ"}, "order"),
        ({"out_trade_no": ""}, "order"),
        ({"out_trade_no": "a#b/订单"}, "order"),
        ({"out_trade_no": None}, "fields"),
        ({"total_amount": "239.99"}, "amount"),
        ({"total_amount": "240.01"}, "amount"),
        ({"total_amount": "0.01"}, "amount"),
        ({"total_amount": "240.001"}, "fields"),
        ({"total_amount": "240.00000000000000000000000001"}, "fields"),
        ({"total_amount": "-240.00"}, "fields"),
        ({"total_amount": "NaN"}, "fields"),
        ({"total_amount": "Infinity"}, "fields"),
        ({"total_amount": ""}, "fields"),
        ({"total_amount": None}, "fields"),
        ({"total_amount": "239.99", "receipt_amount": "240.00", "buyer_pay_amount": "240.00"}, "amount"),
        ({"trade_status": "TRADE_PENDING"}, "trade_status"),
        ({"trade_status": ""}, "trade_status"),
        ({"trade_status": None}, "fields"),
        ({"trade_no": None}, "fields"),
        ({"trade_no": "2026&total_amount=0.01"}, "fields"),
        ({"notify_id": None}, "fields"),
        ({"refund_fee": "x"}, "fields"),
        ({"gmt_payment": "yesterday"}, "fields"),
    ],
)
def test_a_genuine_notice_that_says_something_wrong_is_refused(
    changes: dict[str, str | None],
    check: str,
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert_refused(urlencode(notice(alipay, waiting[1], **changes)), check, waiting, caplog)


@pytest.mark.parametrize(
    ("changes", "level"),
    [({"out_trade_no": "1"}, "ERROR"), ({"total_amount": "0.01"}, "ERROR"), ({"app_id": "1"}, "WARNING")],
)
def test_a_genuine_notice_for_us_that_fits_no_order_is_an_error_in_the_log(
    changes: dict[str, str | None],
    level: str,
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert deliver(notice(alipay, waiting[1], **changes)) == "fail"
    assert [entry.levelname for entry in caplog.records] == [level]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"sign_type": "RSA"}, "sign_type"),
        ({"sign_type": "rsa2"}, "sign_type"),
        ({"sign_type": "MD5"}, "sign_type"),
        ({"sign_type": ""}, "sign_type"),
        ({"sign_type": None}, "sign_type"),
        ({"sign": None}, "sign"),
        ({"sign": ""}, "sign"),
        ({"sign": "x"}, "sign"),
        ({"sign": "AAAA"}, "sign"),
        ({"sign": "签名"}, "sign"),
        ({"total_amount": "0.01"}, "sign"),
        ({"trade_status": "TRADE_FINISHED"}, "sign"),
        ({"body": None}, "sign"),
        ({"buyer_note": ""}, "sign"),
        # Several things are wrong: the first in the order of the document is named.
        ({"sign_type": "RSA", "version": "2"}, "sign_type"),
        ({"version": "2", "charset": "gbk"}, "version"),
        ({"charset": "gbk", "sign": "x"}, "charset"),
        ({"sign": "x", "app_id": "1"}, "sign"),
    ],
)
def test_what_was_changed_after_signing_is_refused(
    changes: dict[str, str | None],
    check: str,
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changed = {**notice(alipay, waiting[1]), **changes}
    body = urlencode({name: text for name, text in changed.items() if text is not None})
    assert_refused(body, check, waiting, caplog)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"app_id": "1", "seller_id": "1"}, "app_id"),
        ({"seller_id": "1", "out_trade_no": "1"}, "seller_id"),
        ({"out_trade_no": "1", "total_amount": "0.01"}, "order"),
        ({"total_amount": "0.01", "trade_status": "X"}, "amount"),
    ],
)
def test_checks_after_the_signature_come_in_the_order_of_the_document(
    changes: dict[str, str | None],
    check: str,
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert_refused(urlencode(notice(alipay, waiting[1], **changes)), check, waiting, caplog)


@pytest.mark.parametrize("spoil", [lambda s: s + "\n", lambda s: " " + s, lambda s: s[:10] + "*!" + s[10:]])
def test_a_signature_with_foreign_characters_is_refused(
    spoil: Callable[[str], str],
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    signed = notice(alipay, waiting[1])
    assert_refused(urlencode(signed | {"sign": spoil(signed["sign"])}), "sign", waiting, caplog)


def test_a_signature_by_another_key_is_refused(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    signed = notice(alipay, waiting[1])
    stranger = signing.load_private_key(generate_keys().private_pem)
    forged = signing.sign(signing.notice_text(signed), stranger)
    assert_refused(urlencode(signed | {"sign": forged}), "sign", waiting, caplog)


@pytest.mark.parametrize(
    "name", ["total_amount", "out_trade_no", "trade_status", "sign", "sign_type", "body"]
)
def test_a_field_that_occurs_twice_is_refused_even_with_the_same_value(
    name: str, waiting: tuple[Buyer, str], alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    signed = notice(alipay, waiting[1])
    body = urlencode([*signed.items(), (name, signed[name])])
    assert_refused(body, "duplicate", waiting, caplog)


def test_a_notice_in_gbk_is_refused(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    fields = alipay.notice_fields(waiting[1]) | {"charset": "GBK", "subject": "课程"}
    text = signing.notice_text(fields).encode("gbk")
    signed = fields | {"sign_type": "RSA2", "sign": alipay.merchant.sign(text.decode("gbk"))}
    body = urlencode(signed, encoding="gbk")
    assert_refused(body, "form", waiting, caplog)


def test_the_signed_text_cut_anew_into_other_fields_is_refused(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The signed text `a=1&b=2` may be one field or two: the signature holds for both."""
    signed = notice(alipay, waiting[1])
    names = sorted(set(signed) - {"sign", "sign_type"})
    genuine = signing.notice_text(signed)
    # Whatever is swallowed up by its neighbour on the left, these are missed or misread.
    for missed, check in {
        "auth_app_id": "app_id",
        "out_trade_no": "fields",
        "seller_id": "seller_id",
        "total_amount": "fields",
        "trade_no": "fields",
        "trade_status": "fields",
        "version": "version",
    }.items():
        left = names[names.index(missed) - 1]
        recut = {name: signed[name] for name in signed if name != missed}
        recut[left] = f"{signed[left]}&{missed}={signed[missed]}"
        assert signing.notice_text(recut) == genuine
        caplog.clear()
        assert_refused(urlencode(recut), check, waiting, caplog)


def test_a_course_name_cannot_bring_fields_of_its_own_into_the_signed_text(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    course = builders.a_course(name="x&total_amount=999.00&trade_no=1&trade_noz=", prices=[1])
    number = purchases.place(learner, [course], 0.01)
    purchases.pay(alipay, number)
    text = signing.notice_text(notice(alipay, number))
    assert text.count("&total_amount=") == text.count("&trade_no=") == 1


def test_the_browsers_return_is_no_notice(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    query = alipay.return_url(waiting[1]).partition("?")[2]
    assert_refused(query, "fields", waiting, caplog)
    with_status = {**dict(parse_qsl(query)), "trade_status": "TRADE_SUCCESS", "notify_id": "1"}
    caplog.clear()
    assert_refused(urlencode(with_status), "sign", waiting, caplog)


def test_an_order_that_costs_nothing_takes_no_notice(
    gateway_server: GatewayServer, alipay: AlipaySimulator, waiting: tuple[Buyer, str]
) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    number = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    for amount in ("0.00", "240.00"):
        signed = notice(alipay, waiting[1], out_trade_no=number, total_amount=amount)
        assert deliver(signed) == "fail"
    assert purchases.payments(number) == []


def test_an_order_paid_by_another_channel_takes_no_notice(
    buyer: Buyer, paid: str, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    stored = purchases.stored(paid)
    stored.payment_type = UNIONPAY
    stored.save()
    assert deliver(notice(alipay, paid)) == "fail"
    assert checks(caplog) == ["channel"]
    buyer.assert_order_waits(paid)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "", "passback_params": "", "voucher_detail_list": ""},
        {"a_new_field": "of next year", "又一个": "字段 & = + %"},
        {"receipt_amount": "1.00", "buyer_pay_amount": "0.00", "point_amount": "239.00"},
        {"total_amount": "240"},
        {"total_amount": "240.0"},
        {"charset": "UTF-8"},
        {"gmt_payment": None},
        {"refund_fee": "0.00", "send_back_fee": "0.00"},
        {"seller_email": None, "buyer_id": None, "buyer_open_id": "0" * 40},
        {"notify_id": "9" * 500},
    ],
)
def test_blank_new_and_other_fields_are_signed_over_and_do_no_harm(
    changes: dict[str, str | None], buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    assert deliver(notice(alipay, paid, **changes)) == "success"
    buyer.assert_owns_the_course()


# The trade's states


def test_a_trade_that_waits_for_its_buyer_is_acknowledged_and_nothing_else(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    assert deliver(notice(alipay, number)) == "success"
    buyer.assert_order_waits(number)
    assert purchases.happened(number) == ["placed"]


@pytest.mark.parametrize("trade_status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_payment_is_delivered_and_recorded_with_its_cause(
    trade_status: str, buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    signed = notice(alipay, paid, trade_status=trade_status)
    assert deliver(signed) == "success"
    buyer.assert_owns_the_course()
    stored = purchases.stored(paid)
    assert (stored.status, stored.trade_no) == (order.PAID, signed["trade_no"])
    (received,) = payment.list_payments(stored)
    assert (received.use, received.amount, received.trade_no) == ("applied", 24000, signed["trade_no"])
    trade = alipay.trade(paid)
    assert trade.paid_at is not None
    assert received.paid_at == trade.paid_at.replace(microsecond=0)
    (happened,) = [entry for entry in order.list_events(stored) if entry.what == "paid"]
    assert happened.cause == Cause(By.NOTIFICATION, signed["notify_id"])
    shown = buyer.order(paid)
    can = (shown["can_pay"], shown["can_cancel"], shown["can_refund"])
    assert (shown["status"], *can) == ("交易成功", False, False, True)
    assert "pay_date" in shown


def test_finished_after_success_changes_nothing(buyer: Buyer, paid: str, alipay: AlipaySimulator) -> None:
    assert deliver(notice(alipay, paid)) == "success"
    assert deliver(notice(alipay, paid, trade_status="TRADE_FINISHED")) == "success"
    assert purchases.happened(paid) == ["placed", "paid"]
    assert purchases.payments(paid) == ["applied"]


def test_a_partial_refund_is_recorded_and_takes_nothing_away(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    alipay.refund(paid, 1000, "part1")
    alipay.refund(paid, 2000, "part2")
    for fen, request_no in ((1000, "part1"), (3000, "part2"), (3000, "part2")):
        assert deliver(notice(alipay, paid, **refund_of(fen, request_no))) == "success"
    assert refunds(paid) == [1000, 3000]
    assert purchases.status(paid) == order.PAID
    assert purchases.payments(paid) == ["applied"]
    assert purchases.happened(paid) == ["placed", "paid", "refund reported", "refund reported"]
    buyer.assert_owns_the_course()


def test_a_full_refund_withdraws_the_course_and_gives_everything_back_once(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    buyer.assert_owns_the_course()
    alipay.refund(paid)
    signed = notice(alipay, paid)
    for _ in range(3):
        assert deliver(signed) == "success"
    assert buyer.order(paid)["status"] == "已退费"
    assert refunds(paid) == [24000]
    assert purchases.happened(paid).count("refunded") == 1
    buyer.assert_has_everything_back()
    assert buyer.get("/mycourses")["data"][0]["ended"] is True


def test_a_refund_bit_by_bit_withdraws_with_the_last_bit(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    alipay.refund(paid, 1000, "part1")
    assert deliver(notice(alipay, paid)) == "success"
    buyer.assert_owns_the_course()
    alipay.refund(paid, 23000, "part2")
    assert deliver(notice(alipay, paid)) == "success"
    assert refunds(paid) == [1000, 24000]
    assert purchases.status(paid) == order.REFUNDED
    buyer.assert_has_everything_back()


def test_a_refund_told_as_partial_first_withdraws_when_the_trade_is_told_closed(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    whole = refund_of(24000, "all")
    assert deliver(notice(alipay, paid, **(whole | {"trade_status": "TRADE_SUCCESS"}))) == "success"
    assert purchases.status(paid) == order.PAID
    for _ in range(2):
        assert deliver(notice(alipay, paid, **whole)) == "success"
    assert purchases.status(paid) == order.REFUNDED
    assert refunds(paid) == [24000]
    buyer.assert_has_everything_back()


def test_a_refund_that_cannot_be_carried_out_here_is_not_acknowledged(
    buyer: Buyer, paid: str, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(notice(alipay, paid))
    held = purchases.record(buyer.person, buyer.coupon)
    held.order_number = "somebody meddled"
    held.save()
    alipay.refund(paid)
    assert deliver(notice(alipay, paid)) == "fail"
    assert purchases.status(paid) == order.PAID
    assert any(entry.levelno == logging.ERROR for entry in caplog.records)
    held.order_number = paid
    held.save()
    assert deliver(notice(alipay, paid)) == "success"
    buyer.assert_has_everything_back()


def test_a_refund_moves_the_days_bought_later_forward(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    user = builders.a_user()
    learner, course = Client(gateway_server.base_url, user), builders.a_course(prices=[10000])
    numbers = []
    for _ in range(2):
        numbers.append(purchases.place(learner, [course], 100))
        purchases.pay(alipay, numbers[-1])
        assert deliver(notice(alipay, numbers[-1])) == "success"
    alipay.refund(numbers[0])
    assert deliver(notice(alipay, numbers[0])) == "success"
    assert purchases.owns(user, course)
    assert purchases.owns(user, course, builders.now() + timedelta(days=6, hours=23))
    assert not purchases.owns(user, course, builders.now() + timedelta(days=7, minutes=1))


def test_the_same_coupon_can_be_used_again_after_a_full_refund(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    alipay.refund(paid)
    deliver(notice(alipay, paid))
    again = buyer.place()
    buyer.assert_order_waits(again)
    # A late word of the first order's refund takes nothing from the second.
    assert deliver(notice(alipay, paid)) == "success"
    buyer.assert_order_waits(again)


def closing_of(alipay: AlipaySimulator, buyer: Buyer, number: str) -> Fields:
    """The notice that a trade was closed without being paid."""
    purchases.scan(alipay, number)
    alipay.close(number)
    return notice(alipay, number)


def test_a_trade_closed_unpaid_before_its_expiry_was_given_up_by_its_buyer(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    signed = closing_of(alipay, buyer, number)
    for _ in range(2):
        assert deliver(signed) == "success"
    assert purchases.status(number) == order.CANCELLED
    assert purchases.happened(number) == ["placed", "cancelled"]
    buyer.assert_has_everything_back()


def test_a_trade_closed_unpaid_after_its_expiry_was_closed_by_time(
    buyer: Buyer, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = buyer.place()
    signed = closing_of(alipay, buyer, number)
    clock.stand_at(purchases.stored(number).expires_at)
    assert deliver(signed) == "success"
    assert purchases.status(number) == order.EXPIRED
    buyer.assert_has_everything_back()


def test_word_of_a_closing_never_closes_a_paid_order_and_is_an_error_in_the_log(
    buyer: Buyer, paid: str, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(notice(alipay, paid))
    assert deliver(notice(alipay, paid, trade_status="TRADE_CLOSED")) == "success"
    assert "without a word of a refund" in caplog.text
    assert purchases.status(paid) == order.PAID
    buyer.assert_owns_the_course()


def test_a_payment_after_its_refund_was_told_changes_nothing(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    success = notice(alipay, paid)
    alipay.refund(paid)
    assert deliver(notice(alipay, paid)) == "success"
    assert purchases.status(paid) == order.REFUNDED
    for _ in range(2):
        assert deliver(success) == "success"
    assert purchases.status(paid) == order.REFUNDED
    assert purchases.payments(paid) == ["applied"]
    buyer.assert_has_everything_back()


@pytest.mark.parametrize("order_of_arrival", list(itertools.permutations(range(3))))
def test_notices_in_any_order_lead_to_the_same_end(
    order_of_arrival: tuple[int, ...], buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    notices = [notice(alipay, number)]
    alipay.refund(number, 1000, "part1")
    notices.append(notice(alipay, number))
    alipay.refund(number, 23000, "part2")
    notices.append(notice(alipay, number))
    for position in (*order_of_arrival, *order_of_arrival):
        assert deliver(notices[position]) == "success"
    assert purchases.status(number) == order.REFUNDED
    assert refunds(number) == [1000, 24000]
    assert purchases.payments(number) == ["applied"]
    assert purchases.happened(number).count("paid") == 1
    assert purchases.happened(number).count("refunded") == 1
    buyer.assert_has_everything_back()


# Money that its order cannot use


def test_money_for_a_cancelled_order_reopens_it_once_and_is_reported(
    buyer: Buyer, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    number = buyer.place()
    alipay.open_cashier(purchases.pay_url(number))
    assert purchases.cancel(buyer, number)["code"] == 1000
    alipay.pay(number)  # the code was still alive
    signed = notice(alipay, number)
    for _ in range(3):
        assert deliver(signed) == "success"
    assert purchases.payments(number) == ["applied"]
    assert purchases.happened(number) == ["placed", "cancelled", "reopened"]
    assert purchases.status(number) == order.PAID
    buyer.assert_owns_the_course()
    told = [entry.getMessage() for entry in caplog.records if "reopened" in entry.getMessage()]
    assert len(told) == 1
    assert number in told[0]


def test_late_money_that_went_back_takes_the_order_with_it(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    alipay.open_cashier(purchases.pay_url(number))
    purchases.cancel(buyer, number)
    alipay.pay(number)
    alipay.refund(number)
    signed = notice(alipay, number)
    for _ in range(2):
        assert deliver(signed) == "success"
    assert purchases.payments(number) == ["applied"]
    assert refunds(number) == [24000]
    assert purchases.status(number) == order.REFUNDED
    buyer.assert_has_everything_back()


def test_a_second_trade_for_a_paid_order_is_surplus_and_does_not_touch_it(
    buyer: Buyer, paid: str, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(notice(alipay, paid))
    second = "2026030122001999999999999999"
    for _ in range(2):
        assert deliver(notice(alipay, paid, trade_no=second)) == "success"
    assert sorted(purchases.payments(paid)) == ["applied", "surplus"]
    assert any("surplus" in entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR)
    buyer.assert_owns_the_course()
    # The surplus goes back: the order stays paid.
    back = notice(alipay, paid, trade_no=second, **refund_of(24000, "back"))
    for _ in range(2):
        assert deliver(back) == "success"
    assert refunds(paid) == [24000]
    assert purchases.status(paid) == order.PAID
    buyer.assert_owns_the_course()


# The browser comes back


RESULT_PAGE = "http://shop.test/payment/result"


def returned(base_url: str, query: str, path: str = "/trade/alipay/") -> str:
    """Where the browser is sent from Alipay's return address."""
    response = Client(base_url).request("GET", f"{path}?{query}")
    assert response.status_code == 302
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    return response.headers["Location"]


@pytest.mark.parametrize("path", ["/trade/alipay/", "/trade/alipay"])
def test_the_browser_is_sent_to_the_result_page_with_its_order_and_nothing_is_changed(
    path: str, waiting: tuple[Buyer, str], alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    buyer, number = waiting
    query = alipay.return_url(number).partition("?")[2]
    for _ in range(2):
        assert returned(gateway_server.base_url, query, path) == f"{RESULT_PAGE}?order_num={number}"
    buyer.assert_order_waits(number)
    assert purchases.happened(number) == ["placed"]


def test_the_order_number_is_encoded_in_the_address(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    fields = dict(parse_qsl(alipay.return_url(waiting[1]).partition("?")[2]))
    odd = "a&b=c/订单\r\nX-Header: 1"
    signed = alipay.sign_notice(fields | {"out_trade_no": odd})
    location = returned(gateway_server.base_url, urlencode(signed))
    assert location == f"{RESULT_PAGE}?order_num={quote(odd, safe='')}"


@pytest.mark.parametrize(
    "changes",
    [
        {"out_trade_no": "20260301235959987ABCDEFGHIJ"},
        {"total_amount": "0.01"},
        {"sign": "x"},
        {"sign": None},
        {"sign_type": "RSA"},
        {"extra": "1"},
    ],
)
def test_with_a_bad_signature_the_browser_is_sent_there_without_a_number(
    changes: dict[str, str | None],
    waiting: tuple[Buyer, str],
    alipay: AlipaySimulator,
    gateway_server: GatewayServer,
) -> None:
    fields: dict[str, str | None] = dict(parse_qsl(alipay.return_url(waiting[1]).partition("?")[2]))
    changed = {name: text for name, text in (fields | changes).items() if text is not None}
    assert returned(gateway_server.base_url, urlencode(changed)) == RESULT_PAGE


def test_a_return_with_a_field_twice_is_not_believed(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    query = alipay.return_url(waiting[1]).partition("?")[2]
    for extra in (f"&out_trade_no={waiting[1]}", "&out_trade_no=1", "&sign_type=RSA2"):
        assert returned(gateway_server.base_url, query + extra) == RESULT_PAGE


@pytest.mark.parametrize("query", ["", "a", "out_trade_no=1", "%ff=%fe", "sign=&sign_type=RSA2&version=1.0"])
def test_a_return_of_another_shape_leads_to_the_page_too(query: str, gateway_server: GatewayServer) -> None:
    assert returned(gateway_server.base_url, query) == RESULT_PAGE


def test_another_merchants_return_is_not_believed(
    waiting: tuple[Buyer, str], alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    fields = dict(parse_qsl(alipay.return_url(waiting[1]).partition("?")[2]))
    signed = alipay.sign_notice(fields | {"app_id": "2021000000000002"})
    assert returned(gateway_server.base_url, urlencode(signed)) == RESULT_PAGE


def test_everything_of_an_order_lies_in_its_users_partition(
    buyer: Buyer, paid: str, alipay: AlipaySimulator
) -> None:
    deliver(notice(alipay, paid))
    kinds = Counter(type(item) for item in UserItem.query(f"USER#{buyer.person.user_id}"))
    assert [kinds[kind] for kind in (Order, Payment, EnrollmentSlice, OrderEvent)] == [1, 1, 1, 2]
    assert purchases.record(buyer.person, buyer.coupon).status == coupon.USED
