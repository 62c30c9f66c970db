"""Serves the application as Amazon API Gateway does: the same events, the same paths, the same refusals.

`chalice local` is close, but serves no pure Lambda functions, makes bodies bytes where the real events carry
text, answers unknown paths in words of its own, and keeps no schedule. So this stands on its gateway class
and differs where production does:

* `/account` and `/account/` are one resource; a path or method that does not exist is answered from
  `infra/gateway-responses.json`, like everything else the gateway refuses by itself;
* pure Lambda functions with a path (`HTTP_FUNCTIONS`) get the same proxy event as the API function;
* long answers are compressed for whom it suits, from `minimum_compression_size` in `.chalice/config.json` on;
* scheduled functions (`SCHEDULED_FUNCTIONS`) are fired, more often than in production, for whoever watches.

A malformed request is answered with a 4xx and never with a stack trace.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import importlib
import json
import logging
import re
import socketserver
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import errors as header_errors
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qs

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalChalice, LocalGateway

from localstack.callers import Callers, LocalHandler
from localstack.front_files import accepted_encodings
from localstack.gateway_responses import GatewayResponse, gateway_responses
from localstack.processes import LOOPBACK, hold_end, wait_for_end

log = logging.getLogger("api")

API_FUNCTION = "api_handler"
"""Chalice's name for the function of all routes."""

HTTP_FUNCTIONS = {
    ("POST", "/trade/alipay"): "alipay_notify",
    ("POST", "/trade/wechat"): "wechat_notify",
    ("POST", "/trade/wechat/refund"): "wechat_notify",
}
"""Pure Lambda functions of app.py with a path of their own; `infra/` gives them the same in production."""

SCHEDULED_FUNCTIONS = {"work_off_orders": 1, "send_messages": 1, "sweep_coupon_claims": 1, "hold_bills": 30}
"""Functions of app.py that production fires by a schedule -> each how-many-th time they are fired here. There it is
once a minute, for `hold_bills` every two hours of the day.
"""

SECONDS_BETWEEN_SCHEDULES = 10

LARGEST_BODY = 10 * 1024 * 1024
"""API Gateway's own limit, in bytes."""

IDLE_SECONDS = 60
REQUEST_SECONDS = 10

CHALICE_CONFIG = Path(__file__).parents[1] / ".chalice" / "config.json"

# Defects of a header block after which the rest of it cannot be trusted. (The parser knows others, about the
# bodies of e-mails.)
_HEADER_DEFECTS = (
    header_errors.FirstHeaderLineIsContinuationDefect,
    header_errors.MissingHeaderBodySeparatorDefect,
    header_errors.InvalidHeaderDefect,
)


@dataclass(frozen=True)
class Request:
    """One HTTP request: `target` as in the request line, `headers` in the client's order and case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Gateway(Protocol):
    """What an HTTP server can stand in front of."""

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is HTTP at all. Raises nothing."""

    def refusal(self, response_type: str) -> Answer:
        """What the gateway answers by itself, as infra/gateway-responses.json says."""


class ApiGateway(LocalGateway):
    """The application behind API Gateway: `answer(request)`.

    `application` is the module app.py, or anything with `app` (a Chalice) and the named functions.
    """

    def __init__(self, application: Any, allowed_origins: str = "*") -> None:
        super().__init__(_made_local(application.app), Config())
        self._application = application
        config = json.loads(CHALICE_CONFIG.read_text(encoding="utf-8"))
        self._compressed_from: int = config["minimum_compression_size"]
        self._gateway_responses = gateway_responses(allowed_origins)
        self._resources: dict[str, dict[str, str]] = {}
        for route, methods in application.app.routes.items():
            self._resources[route] = dict.fromkeys(methods, API_FUNCTION)
        for (method, route), name in HTTP_FUNCTIONS.items():
            if hasattr(application, name):
                self._resources.setdefault(route, {})[method] = name

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is HTTP at all, with the id that the functions log. Raises nothing."""
        request_id = str(uuid.uuid4())
        try:
            answer = self._answer(request, request_id)
        except Exception:
            # A function that crashes: production logs it and answers 5xx.
            log.exception("%s failed", request.method)
            answer = self.refusal("DEFAULT_5XX")
        return self._compressed(request, _with_id(answer, request_id))

    def _compressed(self, request: Request, answer: Answer) -> Answer:
        accepted = ",".join(value for name, value in request.headers if name.lower() == "accept-encoding")
        if len(answer.body) < self._compressed_from or "gzip" not in accepted_encodings(accepted):
            return answer
        headers = (*answer.headers, ("Content-Encoding", "gzip"))
        return Answer(answer.status, headers, gzip.compress(answer.body, compresslevel=6, mtime=0))

    def refusal(self, response_type: str) -> Answer:
        """What the gateway answers by itself, as infra/gateway-responses.json says."""
        return own_answer(self._gateway_responses[response_type])

    def _answer(self, request: Request, request_id: str) -> Answer:
        path, _, query = _origin_form(request.target).partition("?")
        resource, parameters = self._find_resource(path)
        if resource is None:
            return self.refusal("MISSING_AUTHENTICATION_TOKEN")
        function = self._resources[resource].get(request.method)
        if function is None:
            if request.method == "OPTIONS":
                return self._preflight(resource)
            return self.refusal("MISSING_AUTHENTICATION_TOKEN")
        event = _proxy_event(request, request_id, path, query, resource, parameters)
        if function == API_FUNCTION and _media_type(request) in self._application.app.api.binary_types:
            event["body"] = base64.b64encode(request.body).decode() if request.body else None
            event["isBase64Encoded"] = bool(request.body)
        return _answer_of(self.invoke(function, event))

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Run a function -> what it returns. Raises what it raises."""
        run = self._application.app if function == API_FUNCTION else getattr(self._application, function)
        return run(event, _context(function))

    def _find_resource(self, path: str) -> tuple[str | None, dict[str, str]]:
        """The route a path belongs to, and its parameters, undecoded. Literal parts win over parameters."""
        if path != "/" and path.endswith("/"):
            path = path[:-1]
        parts = path.split("/")
        for resource in sorted(self._resources):
            names = resource.split("/")
            if len(names) != len(parts):
                continue
            parameters: dict[str, str] = {}
            for name, part in zip(names, parts, strict=True):
                if name.startswith("{") and part:
                    parameters[name.strip("{}")] = part
                elif name != part:
                    break
            else:
                return resource, parameters
        return None, {}

    def _preflight(self, resource: str) -> Answer:
        """The OPTIONS method that Chalice's API description has for every resource with CORS."""
        routes = self._application.app.routes.get(resource, {})
        if not any(entry.cors is not None for entry in routes.values()):
            return self.refusal("MISSING_AUTHENTICATION_TOKEN")
        event = {"requestContext": {"resourcePath": resource}}
        headers = self._autogen_options_headers(event)
        return Answer(200, (("Content-Type", "application/json"), *headers.items()), b"")


class GatewayServer:
    """An HTTP server on 127.0.0.1 in front of a gateway; a context manager, or start() and stop().

    `port` 0 takes any free one; `base_url` is where it listens, from the construction on. `own_urls`: see Callers.
    """

    def __init__(self, gateway: Gateway, port: int = 0, own_urls: Iterable[str] = ()) -> None:
        self._server = _Server((LOOPBACK, port), gateway, own_urls)
        self.port: int = self._server.server_address[1]
        self.base_url = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more requests, let those under way finish (at most 10 seconds)."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.wait_for_requests(seconds=10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Schedule:
    """Fires the scheduled functions, one after the other, in a thread; `stop()` lets a running one finish."""

    def __init__(self, application: Any, seconds: float = SECONDS_BETWEEN_SCHEDULES) -> None:
        self._functions = {
            name: getattr(application, name) for name in SCHEDULED_FUNCTIONS if hasattr(application, name)
        }
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        for turn in count():
            if self._stop.wait(self._seconds):
                return
            for name, function in self._functions.items():
                if turn % SCHEDULED_FUNCTIONS[name]:
                    continue
                try:
                    function(_scheduled_event(), _context(name))
                except Exception:
                    # As on AWS: logged, and fired again at the next time.
                    log.exception("%s failed", name)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway, own_urls: Iterable[str]) -> None:
        self.gateway = gateway
        self._under_way = 0
        self._change = threading.Condition()
        super().__init__(address, _Handler)
        self.callers = Callers(self.server_address[1], own_urls)

    def answer(self, request: Request) -> Answer:
        with self._change:
            self._under_way += 1
        try:
            return self.gateway.answer(request)
        finally:
            with self._change:
                self._under_way -= 1
                self._change.notify_all()

    def wait_for_requests(self, seconds: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self._under_way == 0, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("a connection failed")


class _Handler(LocalHandler):
    """HTTP/1.1 with keep-alive and chunked bodies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    command = ""

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.connection.settimeout(IDLE_SECONDS)
        with suppress(OSError):  # the client went away, or stayed idle
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline:
                self.connection.settimeout(REQUEST_SECONDS)
                try:
                    self._handle_request()
                except _Refused as refused:
                    self._refuse(refused.response_type)
                except TimeoutError:
                    self._refuse("DEFAULT_4XX")

    def _handle_request(self) -> None:
        if len(self.raw_requestline) > 65536 or not self.raw_requestline.strip():
            raise _Refused("DEFAULT_4XX")
        if not self.parse_request():
            return  # it was answered
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            raise _Refused("DEFAULT_4XX")
        request = Request(
            method=self.command,
            target=self.path.encode("latin-1").decode("utf-8", "replace"),
            headers=self._checked_headers(),
            body=self._read_body(),
            source_ip=self.client_address[0],
        )
        started = time.monotonic()
        answer = self.server.answer(request)
        self._send(answer)
        path = request.target.partition("?")[0]
        milliseconds = (time.monotonic() - started) * 1000
        log.info("%s %r %d %.0f ms", request.method, path[:200], answer.status, milliseconds)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class says about requests that are not HTTP, in our words."""
        self._refuse("DEFAULT_4XX")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: one line per request is logged above, without its query."""

    def _checked_headers(self) -> tuple[tuple[str, str], ...]:
        headers = tuple((name, value.strip()) for name, value in self.headers.items())
        if any(isinstance(defect, _HEADER_DEFECTS) for defect in self.headers.defects):
            raise _Refused("DEFAULT_4XX")
        for name, value in headers:
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(
                r"[\x00-\x08\x0a-\x1f\x7f]", value
            ):
                raise _Refused("DEFAULT_4XX")
        return headers

    def _read_body(self) -> bytes:
        lengths = {value.strip() for value in self.headers.get_all("Content-Length", [])}
        codings = [value.strip().lower() for value in self.headers.get_all("Transfer-Encoding", [])]
        if codings:
            if codings != ["chunked"] or lengths:
                raise _Refused("DEFAULT_4XX")
            return self._read_chunks()
        if not lengths:
            return b""
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", min(lengths), re.ASCII):
            raise _Refused("DEFAULT_4XX")
        length = int(lengths.pop())
        if length > LARGEST_BODY:
            raise _Refused("REQUEST_TOO_LARGE")
        return self._read_exactly(length)

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = re.fullmatch(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?\r?\n", self.rfile.readline(1024), re.DOTALL)
            if size is None:
                raise _Refused("DEFAULT_4XX")
            if (length := int(size[1], 16)) == 0:
                break
            if len(body) + length > LARGEST_BODY:
                raise _Refused("REQUEST_TOO_LARGE")
            body += self._read_exactly(length)
            if self.rfile.readline(3) not in (b"\r\n", b"\n"):
                raise _Refused("DEFAULT_4XX")
        for _ in range(100):  # trailers
            if self.rfile.readline(8192) in (b"\r\n", b"\n"):
                return bytes(body)
        raise _Refused("DEFAULT_4XX")

    def _read_exactly(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise _Refused("DEFAULT_4XX")
        return body

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _refuse(self, response_type: str) -> None:
        """Answer a request that was not read to its end, then close in a way that lets the answer arrive."""
        self.close_connection = True
        self.request_version = "HTTP/1.1"
        self._send(_with_id(self.server.gateway.refusal(response_type), str(uuid.uuid4())))
        self.close_gently()


class _Refused(Exception):
    def __init__(self, response_type: str) -> None:
        super().__init__(response_type)
        self.response_type = response_type


class _ThreadLocalChalice(LocalChalice):
    """One application object serves many threads here, as it serves one request at a time on AWS."""

    @property
    def current_request(self) -> Any:
        return getattr(self._THREAD_LOCAL, "current_request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._THREAD_LOCAL.current_request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._THREAD_LOCAL, "lambda_context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._THREAD_LOCAL.lambda_context = value


def _made_local(app: Chalice) -> Chalice:
    """`app`, with everything that belongs to the request under way kept per thread."""
    if not isinstance(app, _ThreadLocalChalice):
        kind = type(app)
        app.__class__ = type(f"Local{kind.__name__}", (_ThreadLocalChalice, kind), {})
    return app


def own_answer(response: GatewayResponse) -> Answer:
    """An answer of the gateway's own."""
    headers = (("Content-Type", "application/json"), *response.headers.items())
    return Answer(response.status, headers, response.body.encode())


def _with_id(answer: Answer, request_id: str) -> Answer:
    return replace(answer, headers=(*answer.headers, ("x-amzn-RequestId", request_id)))


def _origin_form(target: str) -> str:
    """`/path?query` of a request target, which may be a whole URL."""
    return re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?]*", "", target) or "/"


def _media_type(request: Request) -> str:
    for name, value in request.headers:
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return "application/json"


def _proxy_event(
    request: Request, request_id: str, path: str, query: str, resource: str, parameters: dict[str, str]
) -> dict[str, Any]:
    """The event of a proxy integration, as API Gateway's documentation shows it; the body is text."""
    queries = parse_qs(query, keep_blank_values=True, errors="replace") or None
    headers: dict[str, list[str]] = {}
    for name, value in (
        *request.headers,
        ("X-Forwarded-For", request.source_ip),
        ("X-Forwarded-Proto", "http"),
    ):
        headers.setdefault(name, []).append(value)
    now = datetime.now(UTC)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} if queries else None,
        "multiValueQueryStringParameters": queries,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "stage": "api",
            "protocol": "HTTP/1.1",
            "httpMethod": request.method,
            "resourcePath": resource,
            "path": path,
            "requestId": request_id,
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "identity": {
                "sourceIp": request.source_ip,
                "userAgent": next(
                    (value for name, value in request.headers if name.lower() == "user-agent"), None
                ),
            },
        },
        "body": request.body.decode("utf-8", "replace") if request.body else None,
        "isBase64Encoded": False,
    }


def _scheduled_event() -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [],
        "detail": {},
    }


def _context(function_name: str) -> LambdaContext:
    seconds = _time_outs().get(function_name, 60)
    return LambdaContext(function_name=function_name, memory_size=256, max_runtime_ms=1000 * seconds)


@cache
def _time_outs() -> dict[str, int]:
    """The seconds that each function of the configuration has."""
    functions = json.loads(CHALICE_CONFIG.read_text(encoding="utf-8"))["lambda_functions"]
    return {name: settings["lambda_timeout"] for name, settings in functions.items()}


def _answer_of(result: Any) -> Answer:
    """The HTTP answer that a function's result describes; raises for what API Gateway calls malformed."""
    headers = [(name, str(value)) for name, value in (result.get("headers") or {}).items()]
    for name, values in (result.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    if any(re.search(r"[\r\n]", name + value) for name, value in headers):
        raise ValueError("a header with a line break")
    if not Counter(name.lower() for name, _ in headers)["content-type"]:
        headers.append(("Content-Type", "application/json"))
    body = result.get("body") or ""
    if not isinstance(body, str):
        raise TypeError("a body that is no text")
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    return Answer(int(result["statusCode"]), tuple(headers), content)


def main(arguments: list[str] | None = None) -> int:
    """Serve app.py of the current directory until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localstack.api_gateway", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout
    )

    from chalicelib.errors import InvalidSetting
    from chalicelib.settings import settings

    try:
        given = settings()
    except InvalidSetting as error:
        print(f"The setting {error.facts['name']} should be {error.facts['expected']}.", flush=True)
        return 1
    hold_end()
    application = importlib.import_module("app")
    schedule = Schedule(application)
    own_urls = (given.api_url, given.shop_url, given.allowed_origins)
    try:
        prepared = GatewayServer(ApiGateway(application, given.allowed_origins), options.port, own_urls)
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}.", flush=True)
        return 1
    with prepared as server:
        schedule.start()
        log.info("serving on %s", server.base_url)
        wait_for_end()
        schedule.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
