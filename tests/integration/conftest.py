"""Fixtures of tests that run the application on real stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localstack.api_gateway import GatewayServer
from tests.purchases import Clock


@pytest.fixture
def clock(gateway_server: GatewayServer) -> Iterator[Clock]:
    """The application's clock, for a test to move."""
    import app

    before = app.app.clock
    app.app.clock = clock = Clock()
    yield clock
    app.app.clock = before
