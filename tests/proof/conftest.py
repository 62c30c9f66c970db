"""Fixtures of the proofs."""

from __future__ import annotations

import gc
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

import app as application
from chalicelib.flows import work_off
from chalicelib.gateways import Gateways
from chalicelib.shop.payment_type import ALIPAY
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import purchases
from tests.conftest import Stores
from tests.proof import pace
from tests.proof.provider import DirectAlipay
from tests.proof.world import SECONDS, Standing, World
from tests.purchases import Clock
from tests.wechat_merchant import new_simulator


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs until the time is over comes last; in the quick setting small tests do, which workers share well."""
    if pace.SOAK:
        items.sort(key=lambda item: item.path.name == "test_machine.py" and item.path.parent.name == "proof")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A hundred thousand steps would fill the memory with lines of the log; and looking for garbage takes time."""
    logging.disable(logging.INFO)
    if pace.SOAK:
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def new_world(stores: Stores) -> Callable[[], World]:
    """Makes a world with users, an Alipay, a WeChat Pay and a clock of its own."""
    from chalicelib.settings import settings

    keys = json.loads(os.environ["SHOP_TEST_RUN"])

    def simulator(clock: Standing) -> AlipaySimulator:
        ours = settings().alipay
        assert ours
        return AlipaySimulator(
            app_id=ours.app_id,
            seller_id=ours.seller_id,
            app_public_key=keys["app_public_key"],
            alipay_private_key=keys["alipay_private_key"],
            clock=clock,
            background=False,
        )

    def make() -> World:
        clock = Standing()
        return World(settings(), simulator(clock), new_simulator(clock), clock)

    # What other tests left on the work list would use up a world's bad moments of Alipay.
    later = Standing()
    later.advance(timedelta(days=30))
    alipay = DirectAlipay(simulator(later), settings())
    work_off.run_due_work(Gateways(payments={ALIPAY: alipay}, geetest=None), later, SECONDS)
    return make


@pytest.fixture
def new_clock(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Iterator[Callable[[], Clock]]:
    """Gives the application and Alipay a clock of their own; whatever other tests left to be done is done."""
    before, alipays = application.app.process.clock, alipay.now

    def make() -> Clock:
        application.app.process.clock = alipay.now = alipay.book.now = clock = Clock()
        return clock

    make().advance(days=30)
    purchases.run_timer()
    yield make
    application.app.process.clock, alipay.book.now, alipay.now = before, alipays, alipays
