"""A third party whose certificate no usual authority has signed gets no request."""

from __future__ import annotations

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import fetch
from tests.integration.test_signed_transport import TlsServer, tls_server

__all__ = ["tls_server"]


def test_a_provider_that_cannot_be_verified_is_told_nothing(tls_server: TlsServer) -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        fetch("somebody", tls_server.url, Deadline(8), 8, form={"secret": "x"})
    assert caught.value.facts["reason"] == "SSLError"
    assert not tls_server.asked
