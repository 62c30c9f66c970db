"""A merchant of WeChat Pay: a simulator that knows him, and the shop's gateway at it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.gateways.wechat import Wechat
from chalicelib.settings import WechatSettings
from localstack.provider.keys import KeyPair, generate_keys
from localstack.wechat import WechatSimulator

APP_ID, MERCHANT_ID = "wxd678efh567hg6787", "1900009191"
MERCHANT_SERIAL = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
PUBLIC_KEY_ID = "PUB_KEY_ID_0114232134912410000000000000"
API_V3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
APP_SECRET = "an official account's secret"
ORDER = "20261128120000000ABCDEFGHIJ"


NEITHER_CERTIFICATE_NOR_LOGIN = {
    "platform_certificate": "",
    "app_secret": "",
    "open_url": "",
    "login_url": "",
}
"""The rest of an account's settings, of which only a part of it makes use."""


@functools.cache
def merchant_keys() -> KeyPair:
    """The merchant's keys."""
    return generate_keys()


@functools.cache
def wechat_keys() -> KeyPair:
    """WeChat Pay's keys."""
    return generate_keys()


def new_simulator(
    clock: Callable[[], datetime], *, background: bool = False, **settings: Any
) -> WechatSimulator:
    """A WeChat Pay that knows this merchant; without ``background`` it sends notices only when told to."""
    return WechatSimulator(
        app_id=APP_ID,
        merchant_id=MERCHANT_ID,
        merchant_serial=MERCHANT_SERIAL,
        merchant_public_key=merchant_keys().public_pem,
        public_key_id=PUBLIC_KEY_ID,
        private_key=wechat_keys().private_pem,
        api_v3_key=API_V3_KEY,
        app_secret=APP_SECRET,
        clock=clock,
        background=background,
        **settings,
    )


def an_account(gateway_url: str, **other: str) -> WechatSettings:
    """The account of this merchant, but for some of its fields."""
    fields = {
        "app_id": APP_ID,
        "merchant_id": MERCHANT_ID,
        "merchant_serial": MERCHANT_SERIAL,
        "merchant_private_key": bare(merchant_keys().private_pem),
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": bare(wechat_keys().public_pem),
        "api_v3_key": API_V3_KEY,
        "gateway_url": gateway_url,
        **NEITHER_CERTIFICATE_NOR_LOGIN,
    }
    return WechatSettings(**fields | other)


def a_gateway(simulator: WechatSimulator, notify_url: str, **other: str) -> Wechat:
    """The shop's gateway at a simulator, by the simulator's clock."""
    return Wechat(
        an_account(simulator.url, **other),
        trade_url=lambda: notify_url,
        refund_url=lambda: f"{notify_url}/refund",
        page_url=lambda number: f"https://shop.test/payment/wechat?order_num={number}",
        clock=lambda: simulator.now(),
    )


def bare(pem: str) -> str:
    """The base64 within a PEM text."""
    return "".join(line for line in pem.splitlines() if "-----" not in line)
