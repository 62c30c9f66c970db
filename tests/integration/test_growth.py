"""The same page costs the same, however many courses, foreign carts and orders there are beside what it shows."""

from __future__ import annotations

import io

from chalicelib.manage.legacy.report import Progress
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from tests.addresses import ClientAt
from tests.conftest import Stores
from tests.costs import Cost, cost_of
from tests.endpoints import Simulators
from tests.faults.routing import FaultyApp
from tests.other_shop import OtherShop
from tests.school import Size, fill

# The newest 20 orders are looked through for an equal one, so that there are more in both.
SMALL, LARGE = Size(orders=30), Size(courses=200, carts=200, orders=200)


def test_the_same_page_costs_the_same_in_a_larger_school(
    stores: Stores,
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    polyv: PolyvSimulator,
) -> None:
    providers = Simulators(alipay, wechat, polyv)
    small, large = (costs_in(size, stores, faulty_app, providers) for size in (SMALL, LARGE))
    for name, cost in large.items():
        before = small[name]
        assert (cost.dynamodb, cost.redis, cost.alipay) == (before.dynamodb, before.redis, before.alipay), (
            name
        )
        # Ids differ in length, by far less than a unit.
        assert abs(cost.read_units - before.read_units) <= 1, name
        assert abs(cost.write_units - before.write_units) <= 1, name


def costs_in(size: Size, stores: Stores, faulty_app: FaultyApp, providers: Simulators) -> dict[str, Cost]:
    """What each request costs in a school of this size."""
    with OtherShop(stores).in_use():
        school = fill(size, providers, ClientAt, Progress(io.StringIO()))
        return {one.name: cost_of(faulty_app, one.ready()) for one in school.even()}
