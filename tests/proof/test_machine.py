"""The whole life of orders, in any order of events."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.proof import pace
from tests.proof.machine import live
from tests.proof.world import World

STEPS = pace.rounds(40, 60)


@pytest.mark.parametrize("part", [0, 1])
def test_nothing_is_lost_or_doubled_whatever_happens_in_whatever_order(
    part: int, new_world: Callable[[], World]
) -> None:
    chosen = settings(
        max_examples=pace.rounds(8, 20),
        stateful_step_count=STEPS,
        derandomize=False,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    live(new_world, chosen)
    while pace.SOAK and pace.is_time_left():
        live(new_world, chosen)
