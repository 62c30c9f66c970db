"""Fixtures of tests that run the application on real stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from tests.conftest import Stores
from tests.other_shop import OtherShop
from tests.purchases import Clock
from tests.terminal import Operator

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def nothing_waits(stores: Stores) -> None:
    """What tests of other modules left is off the work lists, for a timer run days ahead would do it all, and off the
    list of applications, of which each page costs as much as is on it.
    """
    from chalicelib.shop import attention, work

    for shard in (*work.ORDERS, *work.MESSAGES):
        for item in work.list_due(shard, FOREVER, 10_000):
            work.reschedule(item, None)
    for applied in attention.list_attention(attention.DECISION, 10_000).items:
        applied.update(attention.LEAVE_ATTENTION)


@pytest.fixture(scope="module")
def own_tables(stores: Stores) -> Iterator[OtherShop]:
    """Tables of this module's own. For what reads whole tables: those of all tests would make that dear."""
    shop = OtherShop(stores)
    with shop.in_use():
        yield shop


@pytest.fixture
def clock(gateway_server: GatewayServer) -> Iterator[Clock]:
    """The application's clock, for a test to move."""
    import app

    before = app.app.process.clock
    app.app.process.clock = clock = Clock()
    yield clock
    app.app.process.clock = before


@pytest.fixture
def common_clock(alipay: AlipaySimulator, wechat: WechatSimulator, clock: Clock) -> Iterator[Clock]:
    """The application's clock, by which the payment providers go as well."""
    before, wechats = alipay.now, wechat.now
    alipay.now = alipay.book.now = wechat.now = wechat.book.now = clock
    yield clock
    alipay.now, alipay.book.now, wechat.now, wechat.book.now = before, before, wechats, wechats


@pytest.fixture
def no_attempts_yet(gateway_server: GatewayServer) -> None:
    """Nobody has used up anything of what may be tried so often in a while: all tests share one address."""
    from chalicelib.shop.rate_limit import Limit
    from chalicelib.storage.redis_client import redis_client

    redis = redis_client()
    every = Limit("*", "", 1).key.partition("*")[0] + "*"
    if counters := redis.keys(every):
        redis.delete(*counters)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    """Somebody at a terminal, acting on this worker's stores."""
    return Operator(monkeypatch, capsys)
