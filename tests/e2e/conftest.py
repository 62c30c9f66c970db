"""One `make run` for all end-to-end tests that use it, or kill it and start it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.local_run import Run


@pytest.fixture(scope="session")
def common_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = Run(tmp_path_factory.mktemp("run") / "data", {})
    yield run
    run.end()


@pytest.fixture
def open_shop(common_run: Run) -> Run:
    """It is ready, whatever an earlier test has done to it."""
    return common_run if common_run.is_running() else common_run.start().until_ready()
