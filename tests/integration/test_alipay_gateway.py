"""The adapter of Alipay against the simulator, and against every way in which an answer can go wrong."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from alipay import AliPay

from chalicelib.deadline import Deadline
from chalicelib.errors import InvalidSetting
from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.payments import (
    Closed,
    NotKnown,
    PageKind,
    Paid,
    RefundDone,
    Refunded,
    RefundPending,
    RefundRefused,
    TooLate,
    Unclear,
    Unpaid,
)
from chalicelib.settings import settings
from chalicelib.shop import order
from localstack.alipay import AlipaySimulator, KeyPair, generate_keys, signing
from tests import builders
from tests.alipay_adapter import a_refund, an_adapter
from tests.faults import Action, Fault, HttpProxy, answer, cut_answer, drip, reset_after, reset_before, silent
from tests.faults.routing import Proxies

AMOUNT = 24050

Call = Callable[[Alipay, str, Deadline], Any]


def query(gateway: Alipay, number: str, deadline: Deadline) -> Any:
    return gateway.query(number, AMOUNT, deadline)


def close(gateway: Alipay, number: str, deadline: Deadline) -> Any:
    return gateway.close(number, deadline)


def refund(gateway: Alipay, number: str, deadline: Deadline) -> Any:
    return gateway.refund(a_refund(number, 1000, "r1"), deadline)


def refund_state(gateway: Alipay, number: str, deadline: Deadline) -> Any:
    return gateway.refund_state(a_refund(number, request_no="r1"), deadline)


CALLS: list[Call] = [query, close, refund, refund_state]
METHODS: dict[Call, str] = {
    query: "alipay_trade_query_response",
    close: "alipay_trade_close_response",
    refund: "alipay_trade_refund_response",
    refund_state: "alipay_trade_fastpay_refund_query_response",
}


@pytest.fixture
def proxy(proxies: Proxies, alipay: AlipaySimulator) -> HttpProxy:
    return proxies.alipay


@pytest.fixture
def gateway(proxy: HttpProxy) -> Alipay:
    """The adapter with the shop's keys; its calls go through the proxy."""
    return an_adapter(gateway_url=f"{proxy.url}/gateway.do")


def soon() -> Deadline:
    return Deadline(8)


@pytest.fixture
def number(gateway: Alipay, alipay: AlipaySimulator) -> str:
    """A payment that was asked for at Alipay and not scanned yet."""
    new = order.new_number(builders.now())
    expires_at = (builders.now() + timedelta(minutes=30)).replace(microsecond=0)
    page = gateway.pay_page(new, AMOUNT, "课程", expires_at, soon())
    assert page.kind == PageKind.REDIRECT
    assert alipay.open_cashier(page.text) == new
    assert alipay.trade(new).expires_at == expires_at
    return new


# What Alipay says of a trade


def test_a_code_that_nobody_scanned_does_not_exist(gateway: Alipay, number: str) -> None:
    assert gateway.query(number, AMOUNT, soon()) == NotKnown()
    assert gateway.close(number, soon()) == NotKnown()


def test_a_scanned_trade_is_unpaid_until_it_is_closed(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.scan(number)
    assert gateway.query(number, AMOUNT, soon()) == Unpaid()
    assert gateway.close(number, soon()) == Closed()
    assert gateway.query(number, AMOUNT, soon()) == Closed()
    assert gateway.close(number, soon()) == TooLate()


def test_a_paid_trade_has_its_number_and_time_and_cannot_be_closed(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    trade = alipay.pay(number)
    assert trade.paid_at is not None
    paid = gateway.query(number, AMOUNT, soon())
    assert paid == Paid("alipay", number, str(trade.trade_no), AMOUNT, trade.paid_at.replace(microsecond=0))
    assert gateway.close(number, soon()) == TooLate()


def test_a_partly_refunded_trade_is_paid_and_a_wholly_refunded_one_refunded(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    assert gateway.refund(a_refund(number, 1050, "r1"), soon()) == RefundDone()
    assert isinstance(gateway.query(number, AMOUNT, soon()), Paid)
    assert gateway.refund(a_refund(number, AMOUNT - 1050, "r2"), soon()) == RefundDone()
    refunded = gateway.query(number, AMOUNT, soon())
    assert isinstance(refunded, Refunded)
    assert refunded.payment.amount == AMOUNT


def test_a_refund_with_the_same_number_is_made_once(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == RefundPending()
    assert gateway.refund(a_refund(number, 1050, "r1"), soon()) == RefundDone()
    assert gateway.refund(a_refund(number, 1050, "r1"), soon()) == RefundPending()  # no money moved now
    assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == RefundDone()
    assert alipay.trade(number).refunded == 1050


def test_a_refund_that_alipay_will_not_make_is_refused_with_its_reason(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    unknown = gateway.refund(a_refund(number, 1050, "r1"), soon())
    assert unknown == RefundRefused("40004 ACQ.TRADE_NOT_EXIST")
    alipay.pay(number)
    too_much = gateway.refund(a_refund(number, AMOUNT + 1, "r2"), soon())
    assert too_much == RefundRefused("40004 ACQ.REASON_TRADE_REFUND_FEE_ERR")


def test_an_order_of_another_amount_at_alipay_is_unknown(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    assert isinstance(gateway.query(number, AMOUNT + 1, soon()), Unclear)


def test_a_request_that_alipay_cannot_accept_is_unknown(
    gateway: Alipay, number: str, alipay: AlipaySimulator, proxy: HttpProxy
) -> None:
    alipay.pay(number)
    stranger = an_adapter(app_id="2021000000000009", gateway_url=f"{proxy.url}/gateway.do")
    for call in CALLS:  # answered by a signed error_response
        assert isinstance(call(stranger, number, soon()), Unclear)


def test_a_call_is_written_and_signed_as_alipays_sdk_for_python_does(gateway: Alipay) -> None:
    account = settings().alipay
    assert account
    private, public = (base64.b64decode(key) for key in (account.app_private_key, account.public_key))
    sdk = AliPay(account.app_id, None, private, public, "RSA2")
    page = gateway.pay_page("20261128", AMOUNT, '课程 "+&', datetime(2026, 11, 28, tzinfo=UTC), soon())
    ours = dict(parse_qsl(page.text.partition("?")[2], strict_parsing=True))
    theirs = dict(parse_qsl(sdk.sign_data({name: text for name, text in ours.items() if name != "sign"})))
    assert ours == theirs


# Answers that cannot be trusted


def said(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    """An answer whose member is this very text, signed by Alipay."""
    return f'{{"{member}":{text},"sign":"{alipay.merchant.sign(text)}"}}'.encode()


def success(number: str, **members: Any) -> str:
    """A member that says of every call that it did what was asked."""
    told = {
        "code": "10000",
        "msg": "Success",
        "out_trade_no": number,
        "trade_no": "2026030122001999999999999999",
        "total_amount": "240.50",
        "trade_status": "TRADE_SUCCESS",
        "send_pay_date": "2026-03-01 12:00:00",
        "fund_change": "Y",
        "refund_status": "REFUND_SUCCESS",
        "out_request_no": "r1",
    }
    return json.dumps(told | members, ensure_ascii=False)


DONE: dict[Call, type] = {query: Paid, close: Closed, refund: RefundDone, refund_state: RefundDone}


def answered(
    proxy: HttpProxy, gateway: Alipay, call: Call, number: str, body: bytes, status: int = 200
) -> Any:
    with proxy.faults(Fault.on("GET", action=answer(status, body))):
        return call(gateway, number, soon())


@pytest.mark.parametrize("call", CALLS)
def test_a_signed_answer_is_believed_whatever_else_it_says(
    call: Call, proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    for extra in (
        {},
        {"subject": 'smile :-} and { and \\" and }}'},
        {"store_name": '"sign":"x"}', "nested": {"a": [{"b": "}"}]}},
        {"next_years_field": None, "emoji": "😀\u2028"},
    ):
        body = said(alipay, METHODS[call], success("N1", **extra))
        assert isinstance(answered(proxy, gateway, call, "N1", body), DONE[call]), extra


@pytest.mark.parametrize("call", CALLS)
def test_blanks_around_the_member_and_the_order_of_members_do_not_matter(
    call: Call, proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    text = success("N1")
    sign = alipay.merchant.sign(text)
    for body in (
        f'{{ "{METHODS[call]}" :\n {text} , "sign" : "{sign}" }}',
        f'{{"sign":"{sign}","{METHODS[call]}":{text}}}',
        f'{{"alipay_cert_sn":"x","{METHODS[call]}":{text},"sign":"{sign}"}}',
    ):
        assert isinstance(answered(proxy, gateway, call, "N1", body.encode()), DONE[call])


def unsigned(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return f'{{"{member}":{text}}}'.encode()


def signed_by_another(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    stranger = signing.load_private_key(generate_keys().private_pem)
    return f'{{"{member}":{text},"sign":"{signing.sign(text, stranger)}"}}'.encode()


def changed_after_signing(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, text).replace(b"10000", b"10000 ", 1)


def signed_with_blanks(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return f'{{"{member}":{text},"sign":" {alipay.merchant.sign(text)}\\n"}}'.encode()


def of_another_method(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, "alipay_trade_pay_response", text)


def an_error_response(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, "error_response", text)


def an_unsigned_error_response(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return b'{"error_response":{"code":"20000","msg":"Service Currently Unavailable"}}'


def a_page(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return b"<html>please sign in to the hotel's network</html>"


def empty(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return b""


def half(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    whole = said(alipay, member, text)
    return whole[: len(whole) // 2]


def not_utf8(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, text.replace("Success", "成功")).decode().encode("gbk")


def huge(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, text[:-1] + f', "filler": "{"x" * 2**20}"}}')


def deeply_nested(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, "[" * 50_000 + "]" * 50_000)


def a_list(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, f"[{text}]")


def a_text(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, json.dumps(text))


def null(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, "null")


def bare(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return text.encode()


def no_object(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return b"[1]"


def sign_is_a_number(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return f'{{"{member}":{text},"sign":5}}'.encode()


def without_code(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, text.replace('"code": "10000", ', ""))


def code_is_a_number(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    return said(alipay, member, text.replace('"10000"', "10000"))


def a_member_in_a_text(alipay: AlipaySimulator, member: str, text: str) -> bytes:
    """The member's name occurs first inside a text that somebody else could write."""
    inner = text.replace("TRADE_SUCCESS", "WAIT_BUYER_PAY")
    quoted = json.dumps(f'"{member}":{inner}')
    return f'{{"note":{quoted},"{member}":{inner},"sign":"{alipay.merchant.sign(text)}"}}'.encode()


BAD_ANSWERS = [
    unsigned,
    signed_by_another,
    changed_after_signing,
    signed_with_blanks,
    of_another_method,
    an_error_response,
    an_unsigned_error_response,
    a_page,
    empty,
    half,
    not_utf8,
    huge,
    deeply_nested,
    a_list,
    a_text,
    null,
    bare,
    no_object,
    sign_is_a_number,
    without_code,
    code_is_a_number,
    a_member_in_a_text,
]


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_an_answer_that_cannot_be_trusted_says_nothing(
    bad: Callable[[AlipaySimulator, str, str], bytes],
    proxy: HttpProxy,
    gateway: Alipay,
    alipay: AlipaySimulator,
) -> None:
    for call in CALLS:
        body = bad(alipay, METHODS[call], success("N1"))
        assert isinstance(answered(proxy, gateway, call, "N1", body), Unclear), call


@pytest.mark.parametrize("call", CALLS)
def test_a_genuine_answer_for_another_order_says_nothing(
    call: Call, proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    body = said(alipay, METHODS[call], success("N2"))
    assert isinstance(answered(proxy, gateway, call, "N1", body), Unclear)


@pytest.mark.parametrize(
    "members",
    [
        {"total_amount": "240.51"},
        {"total_amount": "NaN"},
        {"total_amount": 240.5},
        {"total_amount": None},
        {"trade_status": "TRADE_PENDING"},
        {"trade_status": None},
        {"trade_no": None},
        {"trade_no": 5},
        {"trade_no": "a#b"},
        {"send_pay_date": "yesterday"},
        {"send_pay_date": 5},
        {"out_trade_no": None},
        {"code": "10003"},
        {"code": "20000", "sub_code": "isp.unknow-error"},
        {"code": "40002", "sub_code": "isv.invalid-parameter"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "40004"},
        {"code": "40006"},
    ],
)
def test_a_query_whose_answer_does_not_add_up_says_nothing(
    members: dict[str, Any], proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    body = said(alipay, METHODS[query], success("N1", **members))
    assert isinstance(answered(proxy, gateway, query, "N1", body), Unclear)


def test_a_failed_query_is_judged_by_its_code_and_not_by_the_amounts_it_carries(
    proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    members = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}
    body = said(alipay, METHODS[query], success("N1", **members))
    assert answered(proxy, gateway, query, "N1", body) == NotKnown()


@pytest.mark.parametrize(
    ("sub_code", "result"),
    [
        ("ACQ.TRADE_NOT_EXIST", NotKnown),
        ("ACQ.TRADE_STATUS_ERROR", TooLate),
        ("ACQ.REASON_TRADE_STATUS_INVALID", TooLate),
        ("ACQ.REASON_ILLEGAL_STATUS", TooLate),
        ("ACQ.SYSTEM_ERROR", Unclear),
        ("ACQ.INVALID_PARAMETER", Unclear),
        ("aop.ACQ.SYSTEM_ERROR", Unclear),
    ],
)
def test_every_reason_for_not_closing_has_its_meaning(
    sub_code: str, result: type, proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    text = json.dumps({"code": "40004", "msg": "Business Failed", "sub_code": sub_code})
    body = said(alipay, METHODS[close], text)
    assert isinstance(answered(proxy, gateway, close, "N1", body), result)


def test_a_refund_of_another_request_is_not_taken_for_ours(
    proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    body = said(alipay, METHODS[refund_state], success("N1", out_request_no="r2"))
    assert isinstance(answered(proxy, gateway, refund_state, "N1", body), Unclear)


@pytest.mark.parametrize("status", [500, 502, 403, 404, 302, 204])
def test_another_status_than_200_says_nothing_even_with_a_signed_body(
    status: int, proxy: HttpProxy, gateway: Alipay, alipay: AlipaySimulator
) -> None:
    for call in CALLS:
        body = b"" if status == 204 else said(alipay, METHODS[call], success("N1"))
        assert isinstance(answered(proxy, gateway, call, "N1", body, status), Unclear)


# The network


@pytest.mark.parametrize("lost", [reset_before, reset_after, cut_answer])
def test_a_broken_connection_says_nothing(
    lost: Callable[[], Action], proxy: HttpProxy, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    for call in CALLS:
        with proxy.faults(Fault.on("GET", action=lost())):
            assert isinstance(call(gateway, number, soon()), Unclear)
    assert isinstance(gateway.query(number, AMOUNT, soon()), Paid)


def test_nobody_at_the_other_end_says_nothing(proxy: HttpProxy, gateway: Alipay) -> None:
    with proxy.down():
        for call in CALLS:
            assert isinstance(call(gateway, "N1", soon()), Unclear)


@pytest.mark.parametrize("slow", [silent(), drip(seconds_between_bytes=0.05)], ids=["silent", "dripping"])
def test_calls_share_one_deadline_which_neither_silence_nor_dripping_outlasts(
    slow: Action, proxy: HttpProxy, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    deadline = Deadline(0.6)
    started = time.monotonic()
    with proxy.faults(Fault.on("GET", action=slow)):
        for call in CALLS:
            assert isinstance(call(gateway, number, deadline), Unclear)
    assert time.monotonic() - started < 2


def test_nothing_is_sent_after_the_deadline(proxy: HttpProxy, gateway: Alipay, number: str) -> None:
    with proxy.recording() as calls:
        assert isinstance(gateway.query(number, AMOUNT, Deadline(0)), Unclear)
    assert calls == []


def test_a_call_tells_beijing_time(
    proxy: HttpProxy, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    with proxy.recording() as calls:
        gateway.query(number, AMOUNT, soon())
    (told,) = parse_qs(urlsplit(calls[0].path).query)["timestamp"]
    sent_at = datetime.strptime(told + " +0800", "%Y-%m-%d %H:%M:%S %z")
    assert abs(builders.now() - sent_at) < timedelta(minutes=1)


# Keys


def keys() -> KeyPair:
    return generate_keys(1024)


def bare_base64(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def made_of(private: str, public: str) -> Alipay:
    return made_of_bare(bare_base64(private), bare_base64(public))


def made_of_bare(private: str, public: str) -> Alipay:
    return an_adapter(app_private_key=private, public_key=public)


def test_the_shops_own_public_key_is_not_taken_for_alipays() -> None:
    ours = keys()
    with pytest.raises(InvalidSetting, match="ALIPAY_PUBLIC_KEY"):
        made_of(ours.private_pem, ours.public_pem).check()


def test_a_public_key_is_not_taken_for_the_private_one() -> None:
    with pytest.raises(InvalidSetting, match="ALIPAY_APP_PRIVATE_KEY"):
        made_of(keys().public_pem, keys().public_pem).check()


def test_two_right_keys_will_do() -> None:
    made_of(keys().private_pem, keys().public_pem).check()


@pytest.mark.parametrize("key", ["AAAA", "bm8ga2V5"])
def test_what_is_no_key_is_named(key: str) -> None:
    with pytest.raises(InvalidSetting, match="ALIPAY_APP_PRIVATE_KEY"):
        made_of_bare(key, bare_base64(keys().public_pem)).check()
    with pytest.raises(InvalidSetting, match="ALIPAY_PUBLIC_KEY"):
        made_of_bare(bare_base64(keys().private_pem), key).check()
