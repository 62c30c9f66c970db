"""The common part of the simulators of other companies: a web site on 127.0.0.1 that a test starts in its own process,
or that runs on its own from a command line.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Protocol, Self
from urllib.parse import unquote

from localstack.callers import Callers, LocalHandler
from localstack.processes import LOOPBACK, hold_end, wait_for_end

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """An HTTP answer.

    ``open``: any origin may read it. ``cut``: the line breaks in the middle of the body. ``silent``: the
    connection is closed without a word.
    """

    status: int
    body: str | bytes = ""
    content_type: str = "text/html;charset=utf-8"
    location: str = ""
    open: bool = False
    cut: bool = False
    silent: bool = False
    headers: tuple[tuple[str, str], ...] = ()


class Unreadable(ValueError):
    """Input of a control API or of a form that cannot be understood; the text says why."""


def json_answer(value: Any, status: int = 200, open: bool = False) -> Answer:
    """This value as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return Answer(status, text, "application/json;charset=utf-8", open=open)


def json_object(body: str) -> dict[str, Any]:
    """The JSON object of a request, {} of an empty one; fractions are Decimal. Raises Unreadable."""
    try:
        value = json.loads(body or "{}", parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def parts_of(path: str) -> list[str]:
    """The parts of a URL's path, decoded; [""] of "/". The first is "control" in a control API."""
    return [unquote(part) for part in path.strip("/").split("/")]


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def utc_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None


class Site(Protocol):
    """The table of addresses."""

    def respond(self, method: str, path: str, query: str, body: str) -> Answer:
        """Answer one request; an exception becomes a 500."""


class SiteHandler(LocalHandler):
    """GET, POST, and the methods that a subclass adds. ``largest_body`` is in bytes; a larger one is refused unread."""

    server: _Server
    largest_body: ClassVar[int]
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1

    def do_GET(self) -> None:
        self._respond("")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > self.largest_body:
            self.close_connection = True
            self._write(Answer(413 if length.isdigit() else 411, "", "text/plain"))
            return
        self._respond(self.rfile.read(int(length)).decode("utf-8", "replace"))

    def _respond(self, body: str) -> None:
        path, _, query = self.path.partition("?")
        if parts_of(path)[0] == "control":
            refusal = self.server.callers.control_refusal(self.headers, bool(body))
            if refusal is not None:
                self._write(json_answer({"error": refusal.text}, refusal.status))
                return
        try:
            answer = self._asked(path, query, body)
        except Exception:
            log.exception("%s %s", self.command, path)
            answer = Answer(500, "the simulator has a bug, see its log", "text/plain;charset=utf-8")
        if answer.silent:
            self.close_connection = True
        else:
            self._write(answer)

    def _asked(self, path: str, query: str, body: str) -> Answer:
        """What the site answers; a subclass may tell it more."""
        return self.server.site.respond(self.command, path, query, body)

    def _lower_headers(self) -> dict[str, str]:
        """The request's headers, their names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def _write(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else answer.body.encode("utf-8", "replace")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if answer.location:
            self.send_header("Location", answer.location)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.open:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "*")
            self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.end_headers()
        if answer.cut:
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        log.debug(format, *arguments)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: Site, handler: type[SiteHandler], port: int) -> None:
        self.site = site
        super().__init__((LOOPBACK, port), handler)
        self.callers = Callers(self.server_port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            log.debug("a browser went away before its answer")
        else:
            log.exception("a connection failed")


class Simulator:
    """A site that runs in threads of this process; a context manager, or start() and stop()."""

    def __init__(self, site: Site, handler: type[SiteHandler], port: int) -> None:
        self._site, self._handler = site, handler
        self.port = port
        """As it was asked for; 0 takes a free one."""
        self._server: _Server | None = None

    def start(self) -> Self:
        """Open the port and start working. Raises OSError when the port is taken."""
        self._server = _Server(self._site, self._handler, self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    @property
    def url(self) -> str:
        """The address of the page for people, below which everything else is."""
        assert self._server, "the simulator is not running"
        return f"http://{LOOPBACK}:{self._server.server_port}"


class SettingsParser(argparse.ArgumentParser):
    """A command line whose every setting may come from the environment instead."""

    def setting(self, flag: str, variable: str, default: str = "", **more: Any) -> None:
        """`add_argument` with the variable as its default, and then ``default``."""
        more["help"] += f" (or {variable})"
        self.add_argument(flag, default=os.environ.get(variable, default), **more)


def run(simulator: Simulator, name: str, announcement: Callable[[], str]) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status: 1 when the port is taken.

    ``name`` begins what is logged; ``announcement`` is asked once the simulator has its address.
    """
    logging.basicConfig(level=logging.INFO, format=f"{name}: %(message)s")
    hold_end()
    try:
        simulator.start()
    except OSError as error:
        print(f"{name}: port {simulator.port} cannot be used: {error.strerror}", file=sys.stderr)
        return 1
    print(announcement(), flush=True)
    wait_for_end()
    simulator.stop()
    return 0
