"""The Runtime API of one function's process, as AWS documents it for custom runtimes (version 2018-06-01).

The process asks for its next invocation, and posts a response or an error, or that it could not even begin. What it
does becomes an event in `events`, in the order in which it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import NamedTuple

VERSION = "/2018-06-01/runtime"


class Kind(Enum):
    """What the process of a function has done."""

    ASKED = auto()
    """It asks for an invocation: it has begun, or is done with the last one."""
    RESPONDED = auto()
    FAILED = auto()
    """The function has raised an exception."""
    NOT_BEGUN = auto()
    """The function cannot be loaded."""
    EXITED = auto()
    """The process has ended; nothing more comes."""


class Event(NamedTuple):
    """One deed of the process, with what it has posted."""

    kind: Kind
    body: bytes = b""


@dataclass(frozen=True)
class Invocation:
    """What a function is invoked with. `deadline_ms` is in milliseconds since 1970."""

    request_id: str
    arn: str
    trace: str
    deadline_ms: int
    payload: bytes

    def headers(self) -> Mapping[str, str]:
        """The headers that carry all but the payload."""
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Invoked-Function-Arn": self.arn,
            "Lambda-Runtime-Trace-Id": self.trace,
            "Lambda-Runtime-Deadline-Ms": str(self.deadline_ms),
        }


class RuntimeApi:
    """The server, on a free port of this computer; `close()` ends it."""

    def __init__(self) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def give(self, invocation: Invocation) -> None:
        """Hand out an invocation to the process that asks."""
        self._invocations.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for an invocation; None when the server is closed."""
        self.events.put(Event(Kind.ASKED))
        return self._invocations.get()

    def close(self) -> None:
        """Answer no more."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are written apart: the body would wait for the head to be acknowledged, 40 ms.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{VERSION}/invocation/next":
            self._answer(404)
            return
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        self._answer(200, invocation.headers(), invocation.payload)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = {
            f"{VERSION}/init/error": Kind.NOT_BEGUN,
            "response": Kind.RESPONDED,
            "error": Kind.FAILED,
        }.get(self.path if self.path.startswith(f"{VERSION}/init/") else self.path.rpartition("/")[2])
        if kind is None:
            self._answer(404)
            return
        self.server.api.events.put(Event(kind, body))
        self._answer(202, body=b'{"status": "OK"}')

    def _answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what the function logs is what one reads."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)
