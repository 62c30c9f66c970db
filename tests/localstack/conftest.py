"""One shop on LocalStack for all tests here. Starting it takes a minute: only `make test-localstack` collects them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.shop import Shop
from tests.localstack.cloud_run import CloudRun

collect_ignore_glob = [] if os.environ.get("TEST_LOCALSTACK") else ["test_*.py"]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRun]:
    run = CloudRun(tmp_path_factory.mktemp("cloud") / "data")
    run.start().until_ready()
    yield run
    try:
        run.goes_down_and_leaves_nothing()
    finally:
        run.end()


@pytest.fixture(scope="session")
def shop(run: CloudRun) -> Shop:
    return run.shop()
