"""Every flow that writes, cut off at every call it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import app as application
from localstack.alipay import AlipaySimulator
from tests.faults.routing import FaultyApp
from tests.proof.counts import count
from tests.proof.cut_offs import WAYS, Cut, cut_everywhere
from tests.proof.writing_flows import FLOWS, READING, Flow
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


def test_every_route_and_every_lambda_that_writes_is_cut_off() -> None:
    routes = {f"{method} {path}" for path, methods in application.app.routes.items() for method in methods}
    lambdas = {handler.name for handler in application.app.pure_lambda_functions}
    lambdas |= {source.name for source in application.app.event_sources}
    covered = {place for flow in FLOWS for place in flow.covers}
    lambdas = {name.removeprefix(application.app.app_name + "-") for name in lambdas}
    assert covered | READING == routes | lambdas
    assert not covered & READING
