"""What all HTTP servers on this computer have in common."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

# Wherever localstack/ answers HTTP.
import localstack.api_gateway
import localstack.cloud.executor.process_executor.runtime_api
import localstack.simulator_site
import localstack.static_site  # noqa: F401


def handlers(below: type[BaseHTTPRequestHandler] = BaseHTTPRequestHandler) -> Iterator[type]:
    """Those that serve connections which stay open."""
    for handler in below.__subclasses__():
        if handler.__module__.startswith("localstack.") and handler.protocol_version == "HTTP/1.1":
            yield handler
        yield from handlers(handler)


def test_no_body_waits_until_its_head_is_acknowledged() -> None:
    """Written apart on a connection that stays open, they are 40 ms apart."""
    found = list(handlers())
    assert len(found) >= 4
    assert not [one for one in found if not (one.disable_nagle_algorithm or one.wbufsize)]  # type: ignore[attr-defined]
