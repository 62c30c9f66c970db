"""Every flow that writes, cut off at every call it makes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import app as application
from chalicelib.manage.__main__ import main
from localstack.alipay import AlipaySimulator
from tests.faults.routing import FaultyApp
from tests.proof.counts import count
from tests.proof.cut_offs import WAYS, Cut, cut_everywhere
from tests.proof.writing_flows import FLOWS, MANY_TRANSACTIONS, READING, Flow
from tests.purchases import Clock


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_cut_off_anywhere_nothing_is_half_done_and_the_end_is_reached(
    flow: type[Flow], faulty_app: FaultyApp, alipay: AlipaySimulator, new_clock: Callable[[], Clock]
) -> None:
    runs: list[Flow] = []

    def begin() -> Callable[[], object]:
        runs.append(flow(alipay, new_clock()))
        return runs[-1].act

    def after(cut: Cut) -> None:
        run, where = runs.pop(), f"{flow.__name__}, call {cut.nth}: {cut.way}"
        try:
            run.check()
            run.next()
            run.check()
            run.assert_end()
        except Exception as wrong:
            wrong.add_note(where)
            raise
        run.forget()

    cuts = list(cut_everywhere(faulty_app, begin, after, WAYS))
    assert cuts, "it was never cut off"
    count("cut points", len(cuts))


def test_every_route_lambda_and_command_that_writes_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    routes = {f"{method} {path}" for path, methods in application.app.routes.items() for method in methods}
    lambdas = {handler.name for handler in application.app.pure_lambda_functions}
    lambdas |= {source.name for source in application.app.event_sources}
    covered = {place for flow in FLOWS for place in flow.covers}
    lambdas = {name.removeprefix(application.app.app_name + "-") for name in lambdas}
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("COMMAND\n")[2]
    commands = {f"manage {name}" for name in re.findall(r"^    ([a-z-]+)", listed, re.MULTILINE)}
    assert covered | READING | MANY_TRANSACTIONS == routes | lambdas | commands
    assert not covered & (READING | MANY_TRANSACTIONS)
