"""The whole life of orders, in any order of events."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings

from chalicelib.shop import bill
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.journal import day_of
from chalicelib.shop.payment_type import ALIPAY, WECHAT
from tests.proof import pace
from tests.proof.machine import PLANTED, live
from tests.proof.openings import OPENINGS, both_providers_paid
from tests.proof.world import World

HISTORIES = settings(
    max_examples=1,
    stateful_step_count=pace.rounds(20, 400),
    # A quick run is the same one each time, a long one never; shrinking on real stores takes too long for both.
    derandomize=not pace.SOAK,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

lived: list[str] = []
"""With which opening each life of this process began."""


@pytest.mark.parametrize("part", range(pace.parts(len(OPENINGS))))
def test_nothing_is_lost_or_doubled_whatever_happens_in_whatever_order(
    part: int, new_world: Callable[[], World]
) -> None:
    if not pace.SOAK:
        live(new_world, OPENINGS[part], HISTORIES, f"Life{part}")
        return
    until = time.time() + 60 * pace.PART_MINUTES
    for opening in itertools.islice(itertools.cycle(OPENINGS), part, None):
        # However short the run, each of its processes lives once.
        if lived and not (pace.is_time_left() and time.time() < until):
            break
        live(new_world, opening, HISTORIES, f"Life{part}")
        lived.append(opening.__name__)


def test_a_day_with_more_differences_than_it_keeps_lists_as_many(new_world: Callable[[], World]) -> None:
    """Second trades are in no bill, so that each is missing there."""
    world = new_world()
    number = world.place(0, [4], [], use_beli=False, with_key=False, provider=ALIPAY)
    assert number
    world.check()
    world.pay(number)
    world.look(number)
    world.check()
    for _ in range(bill.MOST_DIFFERENCES + 1):
        world.pay_twice(number)
    day = day_of(world.clock())
    world.hold_bills()
    held = bill.find_day(ALIPAY, day)
    assert held and held.differences > len(bill.list_differences(ALIPAY, day)) == bill.MOST_DIFFERENCES
    world.forget()


@pytest.mark.parametrize("planted", PLANTED[2:])
def test_days_of_which_no_bill_is_kept_wait_for_a_person(
    planted: tuple[str, str], new_world: Callable[[], World]
) -> None:
    """WeChat Pay has bills of three months."""
    world = new_world()
    try:
        both_providers_paid(world)
        day = day_of(world.clock())
        world.clock.advance(timedelta(days=100))
        world.quiesce(1)
        world.hold_bills(*planted)
        held = bill.find_day(WECHAT, day)
        assert held and (held.state, held.attention) == (bill.UNREADABLE, PROBLEM)
    finally:
        world.forget()
