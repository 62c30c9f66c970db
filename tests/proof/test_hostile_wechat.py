"""However a genuine notice of WeChat Pay is changed, it is refused, changes nothing and asks nobody.

Chosen attacks are in tests/integration/test_wechat_notification.py, changes that the gateway alone meets in
tests/unit/test_wechat_forgeries.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import app as application
from chalicelib.shop.order import PAID, PLACED
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from tests import purchases
from tests.faults.routing import FaultyApp
from tests.proof import invariants, pace
from tests.proof.counts import count
from tests.proof.hostile_wechat import Event, forgeries, misfits
from tests.wechat_notices import a_begun_trade, asking_nobody, posted

CHANGES = settings(
    max_examples=pace.rounds(80, round(15 * pace.MINUTES)),
    derandomize=not pace.SOAK,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def paid(gateway_server: GatewayServer, wechat: WechatSimulator) -> str:
    """The number of a trade that was paid, of which nobody has told the shop."""
    number = a_begun_trade()
    wechat.pay(number)
    return number


def test_any_single_change_of_a_signed_notice_is_refused_and_asks_nobody(
    paid: str, wechat: WechatSimulator, faulty_app: FaultyApp
) -> None:
    genuine = posted(wechat, wechat.event(paid))
    other = posted(wechat, wechat.event(paid))
    before = everything(paid)

    @CHANGES
    @given(forgeries(genuine, other))
    def is_refused(event: Event) -> None:
        with asking_nobody(faulty_app):
            assert status_of(event) == 400, event
        count("forgeries")

    is_refused()
    assert everything(paid) == before
    assert_taken_once(paid, genuine)


def test_a_genuinely_signed_notice_of_something_else_is_refused_and_changes_nothing(
    paid: str, wechat: WechatSimulator
) -> None:
    event = wechat.event(paid)
    before = everything(paid)

    @CHANGES
    @given(misfits(event))
    def is_refused(told: dict[str, Any]) -> None:
        assert status_of(posted(wechat, told)) == 400, told["plain"]
        assert everything(paid) == before, told["plain"]
        count("forgeries")

    is_refused()
    assert_taken_once(paid, posted(wechat, event))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_genuine_notice_of_another_time_is_not_believed(
    minutes: int, paid: str, wechat: WechatSimulator
) -> None:
    """Whoever has read one cannot send it later, nor is one believed that was signed ahead."""
    genuine = posted(wechat, wechat.event(paid))
    moment = wechat.now() + timedelta(minutes=minutes)
    assert status_of(posted(wechat, wechat.event(paid), at=moment)) == 400
    assert purchases.stored(paid).status == PLACED
    assert_taken_once(paid, genuine)


def status_of(event: Event) -> int:
    return int(application.wechat_notify(event, None)["statusCode"])


def everything(number: str) -> list[dict[str, object]]:
    """All that is stored of the buyer."""
    user_id = purchases.stored(number).user_id
    return [dict(item.serialize()) for item in invariants.belongings(user_id).items]


def assert_taken_once(number: str, genuine: Event) -> None:
    """The genuine one is taken, and its repetition changes nothing more."""
    assert status_of(genuine) == 204
    after = everything(number)
    assert purchases.stored(number).status == PAID
    assert status_of(genuine) == 204
    assert everything(number) == after
