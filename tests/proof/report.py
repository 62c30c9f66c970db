"""The counts of the proofs at the end of a test run, gathered from all its processes: a pytest plugin."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from tests.proof import pace
from tests.proof.counts import counted, shown

_OUTPUT = "proof"
_HERE = "tests/proof/"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its counts to the first process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = dict(counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The first process adds a worker's counts to its own."""
    counted.update(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Whatever fails in a proof is a violation. Reports reach the first process from everywhere."""
    if report.failed and report.nodeid.startswith(_HERE) and "PYTEST_XDIST_WORKER" not in os.environ:
        counted["violations"] += 1


def _lines() -> list[str]:
    lines = shown(Counter(counted)) if counted else []
    if pace.is_whole() and counted["steps"] < pace.WHOLE_STEPS:
        lines.insert(
            0, f"fewer steps than the {pace.WHOLE_STEPS} of a whole run: this machine is slow or busy"
        )
    return lines


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The counts of the quick setting."""
    if not pace.SOAK and _lines():
        terminalreporter.section("what was proved")
        for line in _lines():
            terminalreporter.write_line(line)


def pytest_unconfigure() -> None:
    """The counts of the long setting are the very last lines."""
    if pace.SOAK and "PYTEST_XDIST_WORKER" not in os.environ:
        print("\n".join(_lines()))  # noqa: T201
