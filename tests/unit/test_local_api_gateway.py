"""The local API Gateway behaves like the real one: events, paths, refusals, and HTTP of every sort."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Chalice, CORSConfig, Request, Response

from chalicelib.web.shop_app import ShopCors
from localstack.api_gateway import ApiGateway, GatewayServer, Schedule
from localstack.gateway_responses import FILE as GATEWAY_RESPONSES

ORIGIN = "https://shop.example"
NOT_FOUND = {"code": 404, "msg": "没有这个地址，请检查链接", "data": None}


class Shop:
    """A tiny application that remembers what it was given."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.meeting = threading.Barrier(2, timeout=10)
        self.fired = threading.Event()
        self.times_fired = 0
        self.app = app = Chalice(app_name="tiny")
        cors = CORSConfig(
            allow_origin="*",
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            max_age=7200,
        )

        @app.route("/echo", methods=["GET", "POST"], cors=cors)
        def echo() -> Any:
            self.events.append(self.request().to_original_event())
            body = self.request().raw_body
            return {"body": body.decode("utf-8", "replace") if isinstance(body, bytes) else body}

        @app.route("/upload", methods=["POST"], content_types=["application/octet-stream"])
        def upload() -> Any:
            self.events.append(self.request().to_original_event())
            return {"length": len(self.request().raw_body)}

        @app.route("/detail/{detail_id}", methods=["GET"], cors=cors)
        def detail(detail_id: str) -> Any:
            return {"detail": detail_id}

        @app.route("/meet/{name}", methods=["GET"])
        def meet(name: str) -> Any:
            self.meeting.wait()  # both requests are under way now
            return {"name": (self.request().uri_params or {})["name"]}

        @app.route("/trade/alipay", methods=["GET"], cors=cors)
        def returned() -> Any:
            return Response(body="", status_code=302, headers={"Location": "http://shop.test/"})

    def request(self) -> Request:
        assert self.app.current_request
        return self.app.current_request

    def alipay_notify(self, event: dict[str, Any], context: Any) -> Any:
        self.events.append(event)
        if event["body"] == "crash":
            raise RuntimeError("secret text")
        if event["body"] == "malformed":
            return "success"
        return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "success"}

    def work_off_orders(self, event: dict[str, Any], context: Any) -> Any:
        self.times_fired += 1
        if self.times_fired == 1:
            raise RuntimeError("the first time goes wrong")
        self.fired.set()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[GatewayServer]:
    with GatewayServer(ApiGateway(shop, ORIGIN), own_urls=[ORIGIN]) as server:
        yield server


class Answer(SimpleNamespace):
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def call(server: GatewayServer) -> Callable[..., Answer]:
    def call(
        method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=answer.headers, body=answer.read())
        finally:
            connection.close()

    return call


@pytest.fixture
def send(server: GatewayServer) -> Callable[..., bytes]:
    """Sends bytes as they are, but for the host `x`, which becomes the server's; what comes back until it closes."""

    def send(request: bytes, then_close: bool = False) -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(request.replace(b"Host: x\r\n", b"Host: 127.0.0.1:%d\r\n" % server.port))
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65536):
                received += part
            return received

    return send


def test_a_long_answer_is_compressed_for_whom_it_suits(call: Callable[..., Answer]) -> None:
    long, short = b"x" * 2000, b"x" * 20
    plain = call("POST", "/echo", long)
    assert plain.headers["Content-Encoding"] is None
    small = call("POST", "/echo", long, {"Accept-Encoding": "deflate, gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.body) < 200
    assert gzip.decompress(small.body) == plain.body
    for headers in ({"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip;q=0"}):
        assert call("POST", "/echo", long, headers).body == plain.body
    assert call("POST", "/echo", short, {"Accept-Encoding": "gzip"}).headers["Content-Encoding"] is None


@pytest.mark.parametrize("path", ["/echo", "/echo/"])
def test_both_slash_forms_are_one_resource(call: Callable[..., Answer], shop: Shop, path: str) -> None:
    assert call("GET", path).status == 200
    assert shop.events[0]["resource"] == "/echo"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/echo/more"),
        ("GET", "/echo//"),
        ("GET", "/detail/"),
        ("GET", "/detail//"),
        ("GET", "/echo;x"),
        ("GET", "/%65cho"),
        ("GET", "/%"),
        ("GET", "/[::"),
        ("PUT", "/echo"),
        ("DELETE", "/trade/alipay/"),
        ("PROPFIND", "/echo"),
        ("OPTIONS", "/nothing"),
        ("OPTIONS", "*"),
    ],
)
def test_an_unknown_path_or_method_is_404_in_the_envelope(
    call: Callable[..., Answer], method: str, path: str
) -> None:
    for headers in ({}, {"Authorization": "a.b.c"}):
        answer = call(method, path, headers=headers)
        assert (answer.status, answer.json()) == (404, NOT_FOUND)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert answer.headers["Content-Type"] == "application/json"


def test_head_is_no_method_of_ours_and_has_no_body(send: Callable[..., bytes]) -> None:
    answer = send(b"HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert body == b""


@pytest.mark.parametrize("path", ["/echo", "/echo/", "/detail/7/", "/trade/alipay/"])
def test_a_preflight_is_answered_without_a_token(call: Callable[..., Answer], path: str) -> None:
    answer = call("OPTIONS", path, headers={"Origin": ORIGIN})
    assert 200 <= answer.status < 300
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"].split(",")
    allowed = answer.headers["Access-Control-Allow-Headers"].split(",")
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(allowed)
    assert answer.headers["Access-Control-Max-Age"] == "7200"


def test_the_event_has_the_body_as_text_and_the_peer_as_source(
    call: Callable[..., Answer], shop: Shop
) -> None:
    answer = call("POST", "/echo?a=1&a=%E4%B8%AD&b=", "价格".encode(), {"Content-Type": "application/json"})
    event = shop.events[0]
    assert event["body"] == "价格"
    assert event["isBase64Encoded"] is False
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "中"], "b": [""]}
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["requestId"] == answer.headers["x-amzn-RequestId"]
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert json.loads(json.dumps(event)) == event


def test_a_client_cannot_choose_its_source_address(call: Callable[..., Answer], shop: Shop) -> None:
    call("GET", "/echo", headers={"X-Forwarded-For": "8.8.8.8"})
    assert shop.events[0]["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_a_body_of_a_binary_type_travels_as_base64(call: Callable[..., Answer], shop: Shop) -> None:
    answer = call("POST", "/upload", b"\xff\x00", {"Content-Type": "application/octet-stream; x=y"})
    assert (shop.events[0]["body"], shop.events[0]["isBase64Encoded"]) == ("/wA=", True)
    assert answer.json() == {"length": 2}


def test_bytes_that_are_no_text_arrive_replaced(call: Callable[..., Answer], shop: Shop) -> None:
    call("POST", "/echo", b"\xffok", {"Content-Type": "application/json"})
    assert shop.events[0]["body"] == "\ufffdok"


def test_no_body_is_null(call: Callable[..., Answer], shop: Shop) -> None:
    call("GET", "/echo")
    assert shop.events[0]["body"] is None


def test_path_parameters_arrive_undecoded(call: Callable[..., Answer]) -> None:
    assert call("GET", "/detail/%E4%B8%AD%2F").json() == {"detail": "%E4%B8%AD%2F"}


@pytest.mark.parametrize("path", ["/trade/alipay", "/trade/alipay/"])
def test_a_pure_lambda_gets_the_proxy_event(call: Callable[..., Answer], shop: Shop, path: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = call("POST", path, b"a=1&b=", form)
    assert (answer.status, answer.body) == (200, b"success")
    assert answer.headers["Content-Type"] == "text/plain"
    event = shop.events[0]
    assert (event["body"], event["isBase64Encoded"]) == ("a=1&b=", False)
    assert event["headers"]["Content-Type"] == form["Content-Type"]
    assert event["requestContext"]["resourcePath"] == "/trade/alipay"


def test_a_get_beside_a_pure_lambda_stays_with_the_api(call: Callable[..., Answer]) -> None:
    assert call("GET", "/trade/alipay/").status == 302


@pytest.mark.parametrize("body", [b"crash", b"malformed"])
def test_a_function_that_fails_shows_nothing_of_it(call: Callable[..., Answer], body: bytes) -> None:
    answer = call("POST", "/trade/alipay", body)
    assert answer.status == 503
    assert answer.json()["code"] == 503
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


def test_requests_at_the_same_time_do_not_see_each_other(call: Callable[..., Answer]) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda name: call("GET", f"/meet/{name}").json(), ["ann", "bob"])
    assert (first, second) == ({"name": "ann"}, {"name": "bob"})


def test_a_connection_serves_many_requests(server: GatewayServer) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.connect()
    first_socket = connection.sock
    for number in range(3):
        connection.request("POST", "/echo", str(number).encode())
        assert json.loads(connection.getresponse().read()) == {"body": str(number)}
        assert connection.sock is first_socket
    connection.request("GET", "/nothing")
    assert json.loads(connection.getresponse().read()) == NOT_FOUND
    assert connection.sock is first_socket
    connection.close()


def test_chunked_bodies_are_put_together(send: Callable[..., bytes]) -> None:
    answer = send(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"body":"abcde"}')


START = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n",
        b"rubbish\r\n\r\n",
        b"\x16\x03\x01\x00\xff\x01\r\n\r\n",
        b"GET /echo HTTP/9.9\r\n\r\n",
        b"GET /echo HTTP/1.1 extra\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        START + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        START + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        START + b"no colon here\r\nContent-Length: 2\r\n\r\nab",
        START + b"X: a\x00b\r\n\r\n",
        START + b"X y: z\r\n\r\n",
        START + b"Content-Length: abc\r\n\r\n",
        START + b"Content-Length: -1\r\n\r\n",
        START + b"Content-Length: +1\r\n\r\na",
        START + b"Content-Length: 1_0\r\n\r\n0123456789",
        START + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        START + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        START + b"Transfer-Encoding: gzip\r\n\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n",
    ],
    ids=lambda value: value[:60].decode("latin-1").encode("unicode_escape").decode(),
)
def test_a_malformed_request_is_answered_with_400_in_the_envelope(
    send: Callable[..., bytes], request_bytes: bytes
) -> None:
    head, _, body = send(request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nAccess-Control-Allow-Origin: https://shop.example\r\n" in head + b"\r\n"
    refusal = json.loads(body)
    assert set(refusal) == {"code", "msg", "data"}
    assert refusal["code"] == 400


def test_a_body_that_ends_early_is_answered(send: Callable[..., bytes]) -> None:
    assert send(START + b"Content-Length: 10\r\n\r\nabc", then_close=True).startswith(b"HTTP/1.1 400 ")


def test_header_bytes_beyond_ascii_do_no_harm(send: Callable[..., bytes], shop: Shop) -> None:
    answer = send(START + b"Authorization: \xff\xfe\xe4\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.dumps(shop.events[0])


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 10**17])
def test_a_body_beyond_ten_megabytes_is_413(send: Callable[..., bytes], size: int) -> None:
    head, _, body = send(
        START + b"Content-Length: %d\r\n\r\n" % size + b"x" * 300_000, then_close=True
    ).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["code"] == 413


def test_a_body_of_ten_megabytes_is_served(call: Callable[..., Answer], shop: Shop) -> None:
    assert call("POST", "/echo", b"x" * (10 * 1024 * 1024)).status == 200
    assert len(shop.events[0]["body"]) == 10 * 1024 * 1024


def test_an_absolute_request_target_is_understood(send: Callable[..., bytes], shop: Shop) -> None:
    answer = send(b"GET http://x:80/echo?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert shop.events[0]["queryStringParameters"] == {"a": "1"}


def test_one_process_can_serve_two_applications() -> None:
    first, second = Shop(), Shop()
    with GatewayServer(ApiGateway(first)) as one, GatewayServer(ApiGateway(second)) as two:
        for server in (one, two):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", "/echo")
            assert connection.getresponse().status == 200
            connection.close()
    assert len(first.events) == len(second.events) == 1


def test_stopping_lets_a_request_finish(shop: Shop) -> None:
    server = GatewayServer(ApiGateway(shop)).start()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/meet/ann")
    stopper = threading.Thread(target=server.stop)
    while shop.meeting.n_waiting == 0:
        threading.Event().wait(0.01)
    stopper.start()
    shop.meeting.wait()
    assert json.loads(connection.getresponse().read()) == {"name": "ann"}
    stopper.join(10)
    assert not stopper.is_alive()
    connection.close()


def test_the_schedule_goes_on_after_a_failure(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "api"):
        schedule = Schedule(shop, seconds=0.01).start()
        assert shop.fired.wait(10)
        schedule.stop()
    assert "work_off_orders failed" in caplog.text


def test_the_query_is_not_logged(call: Callable[..., Answer], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "api"):
        call("GET", "/echo?phone=13800000000")
    assert "13800000000" not in caplog.text


def test_every_gateway_response_is_the_envelope_with_its_status_and_cors() -> None:
    resources = json.loads(GATEWAY_RESPONSES.read_text(encoding="utf-8"))["Resources"]
    assert len({resource["Properties"]["ResponseType"] for resource in resources.values()}) == len(resources)
    for resource in resources.values():
        properties = resource["Properties"]
        body = json.loads(properties["ResponseTemplates"]["application/json"])
        assert list(body) == ["code", "msg", "data"]
        assert body["code"] == int(properties["StatusCode"])
        assert body["msg"]
        assert body["data"] is None
        parameters = properties["ResponseParameters"]
        assert "gatewayresponse.header.Access-Control-Allow-Origin" in parameters
        exposed = ShopCors().get_access_control_headers()["Access-Control-Expose-Headers"]
        assert parameters["gatewayresponse.header.Access-Control-Expose-Headers"] == f"'{exposed}'"
        assert parameters["gatewayresponse.header.Cache-Control"] == "'no-store'"
        assert parameters["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
        assert resource["Type"] == "AWS::ApiGateway::GatewayResponse"
        assert properties["RestApiId"] == {"Ref": "RestAPI"}
