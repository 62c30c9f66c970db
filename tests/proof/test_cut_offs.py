"""Every flow that writes, cut off at every call it makes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

import app as application
from chalicelib.manage.__main__ import main
from localstack.alipay import AlipaySimulator
from localstack.wechat import WechatSimulator
from tests.faults.routing import FaultyApp
from tests.proof import pace
from tests.proof.asking_flows import ASKING_FLOWS
from tests.proof.choosing_flows import CHOOSING_FLOWS, MORE_CHOOSING_FLOWS
from tests.proof.contact_flows import CONTACT_FLOWS
from tests.proof.counts import count
from tests.proof.cut_offs import DOWN_BEFORE, OUTAGES, OVERTIME, Cut, cut_at, cut_everywhere
from tests.proof.message_flows import MESSAGE_FLOWS
from tests.proof.study_flows import STUDY_FLOWS
from tests.proof.video_flows import VIDEO_FLOWS
from tests.proof.wechat_flows import WECHAT_FLOWS
from tests.proof.writing_flows import FLOWS, MANY_TRANSACTIONS, OF_MONEY, READING, Flow
from tests.purchases import Clock

ALL_FLOWS = (
    *FLOWS,
    *CHOOSING_FLOWS,
    *WECHAT_FLOWS,
    *STUDY_FLOWS,
    *CONTACT_FLOWS,
    *ASKING_FLOWS,
    *VIDEO_FLOWS,
    *MESSAGE_FLOWS,
    *(MORE_CHOOSING_FLOWS if pace.SOAK else ()),
)

pytestmark = pytest.mark.usefixtures("polyv")


class Stage:
    """Where a flow is begun again and again, and what is left of each run is looked at."""

    def __init__(
        self,
        flow: type[Flow],
        alipay: AlipaySimulator,
        wechat: WechatSimulator,
        new_clock: Callable[[], Clock],
    ) -> None:
        self.flow = flow
        self.alipay = alipay
        self.wechat = wechat
        self.new_clock = new_clock
        self.runs: list[Flow] = []

    def begin(self) -> Callable[[], object]:
        """A new situation -> what is cut off."""
        self.runs.append(self.flow(self.alipay, self.wechat, self.new_clock()))
        return self.runs[-1].act

    def after(self, cut: Cut) -> None:
        """Nothing is half done; what would run next runs, and the end is reached."""
        run = self.runs.pop()
        try:
            run.check()
            run.next()
            run.check()
            run.assert_end()
            run.assert_on_record()
        except Exception as wrong:
            wrong.add_note(f"{self.flow.__name__}, call {cut.nth}: {cut.way}")
            raise
        run.forget()


@pytest.mark.parametrize("flow", ALL_FLOWS, ids=lambda flow: flow.__name__)
def test_cut_off_anywhere_nothing_is_half_done_and_the_end_is_reached(
    flow: type[Flow],
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    new_clock: Callable[[], Clock],
) -> None:
    stage = Stage(flow, alipay, wechat, new_clock)
    cuts = list(cut_everywhere(faulty_app, stage.begin, stage.after, every=pace.SOAK))
    assert cuts, "it was never cut off"
    count("cut points", len(cuts))


@pytest.mark.parametrize("flow", ALL_FLOWS if pace.SOAK else OF_MONEY, ids=lambda flow: flow.__name__)
def test_a_store_that_goes_down_in_the_middle_leaves_nothing_half_done(
    flow: type[Flow],
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    new_clock: Callable[[], Clock],
) -> None:
    """Each outage takes seconds, because the shop tries again for some: one call of each flow is chosen by chance."""
    stage, chance = (
        Stage(flow, alipay, wechat, new_clock),
        random.Random(None if pace.SOAK else flow.__name__),
    )
    uncut = cut_at(faulty_app, stage.begin, stage.after, Cut(0, DOWN_BEFORE))
    for way in OUTAGES:
        cut = cut_at(faulty_app, stage.begin, stage.after, Cut(chance.randint(1, uncut.turns[way]), way))
        count("cut points", cut.reached)


@pytest.mark.parametrize("flow", ALL_FLOWS if pace.SOAK else OF_MONEY, ids=lambda flow: flow.__name__)
def test_a_request_whose_time_is_over_in_the_middle_leaves_nothing_half_done(
    flow: type[Flow],
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    new_clock: Callable[[], Clock],
) -> None:
    """No call begins after its deadline, so that the last one before it is like the last one before a cut; but the
    process lives, and tries to put right what it can.
    """
    stage = Stage(flow, alipay, wechat, new_clock)
    cuts = list(cut_everywhere(faulty_app, stage.begin, stage.after, every=pace.SOAK, ways=OVERTIME))
    assert cuts, "it was never out of time"
    count("cut points", len(cuts))


def test_every_route_lambda_and_command_that_writes_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    routes = {f"{method} {path}" for path, methods in application.app.routes.items() for method in methods}
    lambdas = {handler.name for handler in application.app.pure_lambda_functions}
    lambdas |= {source.name for source in application.app.event_sources}
    covered = {place for flow in ALL_FLOWS for place in flow.covers}
    lambdas = {name.removeprefix(application.app.app_name + "-") for name in lambdas}
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("COMMAND\n")[2]
    commands = {f"manage {name}" for name in re.findall(r"^    ([a-z-]+)", listed, re.MULTILINE)}
    assert covered | READING | MANY_TRANSACTIONS == routes | lambdas | commands
    assert not covered & (READING | MANY_TRANSACTIONS)
