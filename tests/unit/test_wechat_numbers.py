"""The numbers and titles by which WeChat Pay knows a trade, and whose class takes its part."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.deadline import Deadline
from chalicelib.gateways.payments import PageKind, PayPage
from chalicelib.gateways.wechat import Wechat
from chalicelib.gateways.wechat.login import WechatLogin
from chalicelib.gateways.wechat.numbers import checked
from chalicelib.gateways.wechat.trades import description
from tests.unit.test_providers import lacks_of
from tests.unit.test_wechat_notifications import a_gateway
from tests.unit.test_wechat_signing import NOW


def test_it_is_a_payment_provider() -> None:
    assert not list(lacks_of(Wechat))
    assert Wechat.ask_refund_after == timedelta(minutes=1)


@pytest.mark.parametrize(
    "number", ["20261128135901123ABCDEFGHIJ", "20261128135901123ABCDEFGHIJN2", "2020101512"]
)
def test_a_number_of_a_trade_is_taken_as_it_is(number: str) -> None:
    assert checked(number) == number


@pytest.mark.parametrize("number", ["", "12345", "x" * 33, "a|b*c-d", "订单二零二六", 1234567, None])
def test_what_is_no_number_of_a_trade_is_refused(number: object) -> None:
    with pytest.raises(ValueError):
        checked(number)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Python基础 等2门课程", "Python基础 等2门课程"),
        ("C/C++ & R = `fun`", "C/C++ & R = fun"),
        ("  many \t\n blanks ", "many blanks"),
        ("\u200b\u0000\ud800", "课程"),
        ("", "课程"),
        ("课" * 50, "课" * 42),
    ],
)
def test_a_description_is_the_title_within_127_bytes(title: str, expected: str) -> None:
    assert description(title) == expected


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_description_is_never_empty_too_long_or_able_to_break_a_bill(title: str) -> None:
    made = description(title)
    assert made.strip() and len(made.encode()) <= 127
    assert not set(made) & set("`\n\r\0")
    assert description(made) == made


def test_the_pay_page_is_the_shops_own() -> None:
    page = a_gateway().pay_page("20261128135901123ABCDEFGHIJ", 1, "课程", NOW, Deadline(1))
    address = "https://shop.test/payment/wechat?order_num=20261128135901123ABCDEFGHIJ"
    assert page == PayPage(PageKind.REDIRECT, address)


def test_the_authorisation_is_asked_for_as_wechat_reads_it() -> None:
    login = WechatLogin("wxd678efh567hg6787", "secret")
    assert login.address("https://shop.test/payment/wechat?order_num=1", "s1") == (
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wxd678efh567hg6787"
        "&redirect_uri=https%3A%2F%2Fshop.test%2Fpayment%2Fwechat%3Forder_num%3D1"
        "&response_type=code&scope=snsapi_base&state=s1#wechat_redirect"
    )


@pytest.mark.parametrize("state", ["", "a b", "a" * 129, "状态"])
def test_a_state_that_wechat_does_not_carry_is_none(state: str) -> None:
    with pytest.raises(ValueError):
        WechatLogin("wx", "secret").address("https://shop.test/", state)
