"""A merchant of Alipay that is not the shop: a simulator of its own, an SDK, and a server that is told."""

from __future__ import annotations

import copy
import functools
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import requests
from alipay import AliPay

from localstack.alipay import AlipaySimulator, KeyPair, generate_keys
from localstack.processes import LOOPBACK
from tests.standing_clock import Clock

APP_ID, SELLER_ID = "2021003141592653", "2088102146225135"


class Received(NamedTuple):
    """One request to the merchant's server."""

    body: bytes
    path: str
    headers: dict[str, str]


class Merchant:
    """A server that keeps what it is sent and answers the next of ``answers``, else ``success``."""

    def __init__(self) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        self.answers: list[tuple[int, str]] = []
        merchant = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                merchant.received.put(Received(body, self.path, dict(self.headers)))
                status, answer = merchant.answers.pop(0) if merchant.answers else (200, "success")
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.notify_url = f"http://{LOOPBACK}:{self.server.server_port}/notify"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def next_notice(self) -> dict[str, str]:
        """The fields of the next request; waits for it."""
        return fields_of(self.received.get(timeout=10).body)

    def bodies(self) -> list[bytes]:
        """What came since the last look: deliveries that are over."""
        return [self.received.get_nowait().body for _ in range(self.received.qsize())]

    def notices(self) -> list[dict[str, str]]:
        """The fields of `bodies`."""
        return [fields_of(body) for body in self.bodies()]

    def stop(self) -> None:
        """Close the port."""
        self.server.shutdown()
        self.server.server_close()


def fields_of(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """A notice's form, in which no field comes twice."""
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, encoding=charset)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@functools.cache
def app_keys() -> KeyPair:
    """The keys of the merchant's application."""
    return generate_keys()


@functools.cache
def alipay_keys() -> KeyPair:
    """Alipay's keys."""
    return generate_keys()


def new_simulator(clock: Clock, *, background: bool = False, **settings: Any) -> AlipaySimulator:
    """An Alipay that knows this merchant; without ``background`` it sends notices only when told to."""
    return AlipaySimulator(
        app_id=APP_ID,
        seller_id=SELLER_ID,
        app_public_key=app_keys().public_pem,
        alipay_private_key=alipay_keys().private_pem,
        clock=clock,
        background=background,
        **settings,
    )


def client_of(
    gateway_url: str, app_private_key: str | None = None, alipay_public_key: str | None = None
) -> AliPay:
    """The SDK at this gateway, with the merchant's keys or others."""
    client = copy.copy(
        _sdk(app_private_key or app_keys().private_pem, alipay_public_key or alipay_keys().public_pem)
    )
    client._gateway = gateway_url
    return client


@functools.cache
def _sdk(app_private_key: str, alipay_public_key: str) -> AliPay:
    """The SDK takes a tenth of a second to read its keys."""
    return AliPay(APP_ID, None, app_private_key, alipay_public_key, "RSA2")


def is_genuine(client: AliPay, fields: dict[str, str]) -> bool:
    """Whether the SDK takes these fields for Alipay's."""
    fields = dict(fields)
    return bool(client.verify(fields, fields.pop("sign")))


def control(simulator: AlipaySimulator, path: str, body: Any = None) -> requests.Response:
    """Ask the control API: GET, or POST with a body."""
    url = f"{simulator.url}/control/{path}"
    return requests.get(url, timeout=10) if body is None else requests.post(url, json=body, timeout=10)
