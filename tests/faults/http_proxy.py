"""An HTTP/1.1 proxy for one upstream: the base of the DynamoDB proxy, and as it is for Alipay's gateway."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from tests.faults.proxy import Action, Call, Exchange, Proxy

_PER_CONNECTION = {"host", "connection", "keep-alive", "content-length", "transfer-encoding", "expect"}
"""Headers that speak about one connection only: the proxy has two, and always knows the length."""

_IDLE_SECONDS = 5.0
"""How long a connection to the upstream is kept idle: less than any upstream keeps one."""


@dataclass
class HttpCall(Call):
    """A request and what was answered. `operation` is the method, unless a subclass knows better."""

    method: str = ""
    path: str = ""
    """With its query string, as sent."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    status: int | None = None
    """The store's HTTP status; None if it was not asked."""


HttpCallT = TypeVar("HttpCallT", bound=HttpCall)


class HttpProxyOf(Proxy[HttpCallT], Generic[HttpCallT]):
    """Forwards requests to `upstream_url` (plain http, scheme and authority; paths come from the requests).

    The upstream is asked under its own name, connections to both sides stay open between requests.
    """

    def __init__(self, upstream_url: str) -> None:
        super().__init__()
        upstream = urlsplit(upstream_url)
        assert upstream.scheme == "http" and upstream.hostname, upstream_url
        self._upstream = (upstream.hostname, upstream.port or 80)

    @property
    def url(self) -> str:
        """Where clients connect, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def understand(self, call: HttpCall) -> HttpCallT:
        """What this proxy records of a request; may add to what is forwarded."""
        raise NotImplementedError

    def learn(self, call: HttpCallT, answer: bytes) -> None:
        """Look at the body of the store's answer; `call.status` is set."""

    def serve(self, client: socket.socket) -> None:
        """Answer requests until the client closes."""
        upstream = _Upstream(self, *self._upstream)
        try:
            with client.makefile("rb") as stream:
                while (request := _read_request(stream, client)) is not None:
                    call = self.understand(request)
                    exchange = Exchange(self, call, client, partial(self._ask, upstream, call))
                    client.sendall(self.conduct(exchange))
                    if ("connection", "close") in [
                        (name.lower(), value.lower()) for name, value in request.headers
                    ]:
                        return
        finally:
            upstream.close()

    def _ask(self, upstream: _Upstream, call: HttpCallT) -> bytes:
        try:
            response, body = upstream.ask(call)
        except http.client.HTTPException as broken_off:
            raise ConnectionError(f"{self.url}: upstream broke off") from broken_off
        call.status = response.status
        self.learn(call, body)
        return _serialised(response.status, response.reason, response.getheaders(), body)


class _Upstream:
    """One client's way to the real store: a connection that is kept between its requests."""

    def __init__(self, proxy: Proxy[Any], host: str, port: int) -> None:
        self._proxy = proxy
        self._address = host, port
        self._connection = http.client.HTTPConnection(host, port)
        self._socket: socket.socket | None = None
        self._asked = 0.0

    def ask(self, call: HttpCall) -> tuple[http.client.HTTPResponse, bytes]:
        """The store's answer and its body. Raises OSError and HTTPException when it breaks off, and closes."""
        self._open()
        try:
            self._connection.putrequest(call.method, call.path, skip_accept_encoding=True)
            for name, value in call.headers:
                if name.lower() not in _PER_CONNECTION:
                    self._connection.putheader(name, value)
            self._connection.putheader("Content-Length", str(len(call.body)))
            self._connection.endheaders(call.body)
            response = self._connection.getresponse()
            body = response.read()
        except BaseException:
            self.close()
            raise
        if self._connection.sock is None:  # The answer was the connection's last.
            self.close()
        return response, body

    def close(self) -> None:
        """May be repeated."""
        if self._socket:
            self._proxy.forget(self._socket)
        self._connection.close()
        self._socket = None

    def _open(self) -> None:
        # One that the store has closed, or closes just now because it was idle, would look like a fault.
        if self._socket and (time.monotonic() > self._asked + _IDLE_SECONDS or _has_ended(self._socket)):
            self.close()
        if self._socket is None:
            self._connection.sock = self._socket = self._proxy.connect_upstream(*self._address)
        self._asked = time.monotonic()


def _has_ended(connection: socket.socket) -> bool:
    """Between two answers there is nothing to be read but the end."""
    look = select.poll()
    look.register(connection, select.POLLIN)
    return bool(look.poll(0))


class HttpProxy(HttpProxyOf[HttpCall]):
    """Records every request as it is. `Fault.on` takes the method; pick by `where` on path or body."""

    def understand(self, call: HttpCall) -> HttpCall:
        """The request itself."""
        return call


def answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Action:
    """This answer instead of the upstream's, which is not asked: a proxy's error page, a captive portal."""

    def act(exchange: Exchange) -> bytes:
        return made_up(status, body, headers)

    return act


def made_up(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A complete HTTP answer as bytes."""
    reason = http.client.responses.get(status, "")
    return _serialised(status, reason, list((headers or {}).items()), body)


def _serialised(status: int, reason: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    kept = [(name, value) for name, value in headers if name.lower() not in _PER_CONNECTION]
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in kept)]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def _read_request(stream: BufferedReader, client: socket.socket) -> HttpCall | None:
    """The next request, None when the client has closed. Chunked request bodies are not understood."""
    request_line = stream.readline(65536)
    if not request_line:
        return None
    method, path, _version = request_line.decode("latin-1").split()
    headers: list[tuple[str, str]] = []
    while line := stream.readline(65536).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    named = {name.lower(): value for name, value in headers}
    assert "transfer-encoding" not in named, "chunked request bodies are not supported"
    if named.get("expect", "").lower() == "100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = stream.read(int(named.get("content-length", 0)))
    return HttpCall(operation=method, method=method, path=path, headers=headers, body=body)
