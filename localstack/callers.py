"""Who may call a server on this computer: its programs and the pages they serve, not a page from elsewhere.

A browser sends requests of any page to 127.0.0.1, and lets a page read the answers whose own name was made to lead
there (DNS rebinding). Both show in headers that no page can set: Host, Origin and Sec-Fetch-Site.
`dynamodb/LoopbackRunner.java` keeps the same rule for DynamoDB Local.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import urlsplit

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")

_LOCAL_ORIGIN = re.compile(rf"https?://({'|'.join(map(re.escape, LOCAL_NAMES))})(:[0-9]{{1,5}})?", re.ASCII)


class Refusal(NamedTuple):
    """Why a request is not answered, for the person who looks at it."""

    status: int
    text: str


class Callers:
    """The callers of a server that listens on `port`.

    `own_urls` are addresses that the developer has given the shop, such as a tunnel's: they name this server too,
    and pages from there may call it.
    """

    def __init__(self, port: int, own_urls: Iterable[str] = ()) -> None:
        own = [urlsplit(url.lower()) for url in own_urls]
        self._at_home = {f"http://{name}:{port}" for name in LOCAL_NAMES}
        self._hosts = {f"{name}:{port}" for name in LOCAL_NAMES} | {url.netloc for url in own if url.netloc}
        if port == 80:
            self._hosts |= set(LOCAL_NAMES)
        self._origins = {f"{url.scheme}://{url.netloc}" for url in own if url.netloc}

    def refusal(self, headers: Message) -> Refusal | None:
        """421 for a host that is not this server's, 403 for a page from elsewhere."""
        hosts = [host.strip().lower() for host in headers.get_all("Host", [])]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return Refusal(421, f"This server answers for {', '.join(sorted(self._hosts))} only.")
        for origin in headers.get_all("Origin", []):
            if not _LOCAL_ORIGIN.fullmatch(origin.lower()) and origin.lower() not in self._origins:
                return Refusal(403, "A page from elsewhere may not call a server on this computer.")
        return None

    def control_refusal(self, headers: Message, has_body: bool) -> Refusal | None:
        """The same for a control API, which no other page may call, and only with JSON."""
        origins = {origin.lower() for origin in headers.get_all("Origin", [])}
        if origins - self._at_home or headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return Refusal(403, "Only programs and this server's own pages may call the control API.")
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if has_body and media_type != "application/json":
            return Refusal(415, "The control API takes JSON: Content-Type: application/json (curl --json).")
        return None


class LocalHandler(BaseHTTPRequestHandler):
    """Refuses requests that the server's `callers` do not allow before anything else is done for them."""

    server: Any

    def parse_request(self) -> bool:
        """As the base class; False, too, for a caller that was refused."""
        if not super().parse_request():
            return False
        refusal = self.server.callers.refusal(self.headers)
        if refusal is not None:
            self._refuse_caller(refusal)
        return refusal is None

    def _refuse_caller(self, refusal: Refusal) -> None:
        body = f"{refusal.text}\n".encode()
        self.close_connection = True
        self.send_response_only(refusal.status, HTTPStatus(refusal.status).phrase)
        self.send_header("Content-Type", "text/plain;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_gently()

    def close_gently(self) -> None:
        """Let the answer to a request that was not read to its end arrive, at most five seconds."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and self.connection.recv(1 << 20):
            pass
