"""Fixtures of the proofs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator

import pytest

from localstack.alipay import AlipaySimulator
from tests.conftest import Stores
from tests.proof.world import Standing, World


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A hundred thousand steps would fill the memory with lines of the log."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def new_world(stores: Stores) -> Callable[[], World]:
    """Makes a world with users, an Alipay and a clock of its own."""
    from chalicelib.settings import settings

    keys = json.loads(os.environ["SHOP_TEST_RUN"])

    def make() -> World:
        clock = Standing()
        alipay = AlipaySimulator(
            app_id=settings().alipay_app_id,
            seller_id=settings().alipay_seller_id,
            app_public_key=keys["app_public_key"],
            alipay_private_key=keys["alipay_private_key"],
            clock=clock,
            background=False,
        )
        return World(settings(), alipay, clock)

    return make
