"""The journey on any shop: `make run`, or the one whose address is given.

    SHOP_API_URL=https://api.school.example make test PYTEST_ARGS=tests/e2e/test_journey.py

With it may come SHOP_FRONT_URL, and where they are simulators SHOP_ALIPAY_URL and SHOP_GEETEST_URL. Without the first
of the two nobody pays; without the second the shop's captcha must be off.
"""

from __future__ import annotations

import os

import pytest

from tests.e2e import journey
from tests.e2e.local_run import Run
from tests.e2e.shop import Shop

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Shop:
    if api := os.environ.get("SHOP_API_URL"):
        given = {
            "API_URL": api.rstrip("/"),
            "SHOP_URL": os.environ.get("SHOP_FRONT_URL", "").rstrip("/"),
            "ALIPAY_GATEWAY_URL": os.environ.get("SHOP_ALIPAY_URL", "").rstrip("/"),
            "GEETEST_API_URL": os.environ.get("SHOP_GEETEST_URL", "").rstrip("/"),
        }
        return Shop(given)
    run: Run = request.getfixturevalue("open_shop")
    return Shop(run.run_env())


def test_a_stranger_registers_orders_pays_and_owns_the_course(shop: Shop) -> None:
    learner, choice, order = journey.leads_from_registering_to_an_order(shop)
    if not shop.alipay:
        assert "&sign=" in order.pay_url
        assert learner.post(f"/order/{order.number}/cancel")["code"] == 1000
        pytest.skip("ordered and cancelled; without SHOP_ALIPAY_URL, a simulator's, nobody pays")
    journey.leads_from_paying_to_owning(shop, learner, choice, order)


@pytest.mark.parametrize("promise", journey.PROMISES)
def test_api_gateway_keeps(shop: Shop, promise: journey.Promise) -> None:
    promise(shop)
