"""Users, Alipay and timers at the same moment: one wins, and the sums are exact."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from tests.proof import pace
from tests.proof.choosing_races import CHOOSING
from tests.proof.counts import count
from tests.proof.races import DAILY, RARE, Race
from tests.purchases import Clock

SHARE = 0.6
"""How much of a long run may pass before no further round begins."""


@pytest.mark.parametrize("race", [*DAILY, *CHOOSING, *RARE], ids=lambda race: race.__name__)
def test_of_those_who_want_the_same_at_once_one_wins(
    race: type[Race],
    gateway_server: GatewayServer,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    new_clock: Callable[[], Clock],
) -> None:
    for _ in range(pace.rounds(3, 200 if race in DAILY else 50)):
        race(alipay, wechat, new_clock()).run()
        count("races")
        if pace.SOAK and not pace.is_time_left(SHARE):
            break
