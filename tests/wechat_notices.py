"""Orders that are to be paid by WeChat Pay, and its notices, as API Gateway brings them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import app as application
from chalicelib.deadline import Deadline
from chalicelib.shop import order as orders
from chalicelib.shop.payment_type import WECHAT, Way
from localstack.wechat import WechatSimulator
from localstack.wechat.notices import NoticeWriter
from localstack.wechat.signing import Merchant
from tests import builders
from tests.faults.routing import FaultyApp
from tests.two_providers import an_open_order


def a_begun_trade() -> str:
    """The number of a trade that waits for its buyer, of an open order."""
    order = an_open_order(WECHAT, trades=[])
    trade = orders.begin_trade(order, WECHAT, Way.NATIVE, builders.now())
    gateway = application.app.gateways.wechat
    assert gateway
    gateway.start_native(trade.number, order.amount, order.title, order.expires_at, Deadline(8))
    return str(trade.number)


def posted(
    wechat: WechatSimulator,
    told: dict[str, Any],
    struck: frozenset[str] = frozenset(),
    *,
    at: datetime | None = None,
    merchant: Merchant | None = None,
) -> dict[str, Any]:
    """An event of API Gateway with a notice that is encrypted and signed now or `at` another time; `struck`: bad days
    of it, `merchant`: as whose it is signed.
    """
    letter = NoticeWriter(merchant or wechat.merchant).letter("EV-TEST", told, at or wechat.now(), struck)
    return {
        "httpMethod": "POST",
        "headers": letter.headers,
        "body": letter.body.decode(),
        "isBase64Encoded": False,
    }


@contextmanager
def asking_nobody(shop: FaultyApp) -> Iterator[None]:
    """Inside the block no store and no third party is called: the calls are counted on the network."""
    with ExitStack() as recorded:
        proxies = (shop.dynamodb, shop.redis, shop.alipay, shop.wechat)
        calls = [recorded.enter_context(proxy.recording()) for proxy in proxies]
        yield
    assert not any(calls), calls
