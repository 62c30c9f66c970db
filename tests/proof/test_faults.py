"""The shop at work in bad weather."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from localstack.alipay import AlipaySimulator
from tests import purchases
from tests.faults import Fault, die_after, silent
from tests.faults.routing import FaultyApp
from tests.proof import pace
from tests.proof.counts import count
from tests.proof.faults import Weather, Workload, slow
from tests.purchases import Clock

WEATHERS = {
    "DynamoDB throttled, conflicting, slow, resetting": {"dynamodb": 0.15},
    "Redis refusing, slow, resetting": {"redis": 0.5},
    "Alipay broken": {"alipay": 0.7},
    "all at once": {"dynamodb": 0.08, "redis": 0.2, "alipay": 0.3},
}
STEPS = 25
SHARE = 0.5
"""How much of a long run may pass before no new workload begins."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Whatever goes wrong inside tells the seed."""
    try:
        yield
    except BaseException as wrong:
        wrong.add_note(f"seed {seed}")
        raise


def seeds() -> Iterator[int]:
    """The same ones in the quick setting, ever new ones in the long."""
    if not pace.SOAK:
        return iter([1])
    return (random.SystemRandom().randrange(2**32) for _ in itertools.count())


@pytest.mark.parametrize("chances", WEATHERS.values(), ids=WEATHERS.keys())
def test_answers_stay_documented_and_the_shop_recovers_by_itself(
    chances: dict[str, float],
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    new_clock: Callable[[], Clock],
) -> None:
    most = pace.rounds(1, 3)
    for seed in itertools.islice(seeds(), most):
        with seeded(seed):
            shop, weather = Workload(alipay, new_clock(), seed), Weather(seed, chances)
            for _ in range(STEPS):
                with weather.over(faulty_app):
                    shop.step()
                shop.check()
            shop.recover()
            shop.forget()
            count("histories")
            count("faults", weather.hits.total())
        if pace.SOAK and not pace.is_time_left(SHARE):
            break


def test_a_store_that_answers_after_its_client_has_given_up_has_done_it_once(
    faulty_app: FaultyApp, alipay: AlipaySimulator, new_clock: Callable[[], Clock]
) -> None:
    """Slower than the client waits: the order is placed while the client tries again."""
    with seeded(13):
        shop = Workload(alipay, new_clock(), 13)
        late = Fault.on("TransactWriteItems", action=slow(3.5), nth=1)
        with faulty_app.dynamodb.faults(late):
            shop.buy(0)
        assert shop.answers["pay", 1000] == 1
        shop.check()
        for user in shop.users[:1]:
            assert len(purchases.orders(user)) == 1
        shop.recover()
        shop.forget()
        count("faults", late.fired)


def test_redis_dying_in_the_middle_is_not_noticed_by_whoever_pays(
    faulty_app: FaultyApp, alipay: AlipaySimulator, new_clock: Callable[[], Clock]
) -> None:
    with seeded(7):
        shop = Workload(alipay, new_clock(), 7)
        dying = Fault.on(action=die_after(), nth=2)  # the cart is filled, the account is not opened any more
        with faulty_app.redis.faults(dying):
            shop.fill(0)
            for _ in range(4):
                shop.buy(0)
                shop.pay(0)
                shop.tell(0)
                shop.show(0)
        shop.check()
        shop.recover()
        shop.forget()
        count("faults")
        assert shop.answers["pay", 1000] >= 1
        assert not shop.answers["pay", 503]


def test_an_alipay_that_never_answers_changes_nothing_until_it_does(
    faulty_app: FaultyApp, alipay: AlipaySimulator, new_clock: Callable[[], Clock]
) -> None:
    shop = Workload(alipay, new_clock(), 11)
    shop.buy(0)
    shop.buy(1)
    shop.pay(0)
    nothing = Fault.on("GET", action=silent())
    with faulty_app.alipay.faults(nothing):
        shop.show(0)
        shop.cancel(0)
        shop.clock.advance(minutes=40)
        shop.timer(0)
        assert not shop.answers["cancel", 1000]
    shop.check()
    count("faults", nothing.fired)
    shop.recover()
    shop.forget()
