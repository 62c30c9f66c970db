"""Switches for the tests of the shop front, over HTTP, and the line before the API that can break:

    python -m tests.browser.control --port PORT --api URL

with the settings of the running shop in the environment. GET tells the line's port. A switch is a POST without a body:
204, or 404 for what is unknown.

POST /api/down                 the line before the API of FAULTY_SHOP_URL breaks: its site answers 503
POST /api/lose/payment         the answers to POST /payment are lost on that line: the shop does what it is asked
POST /api/up                   it is mended
POST /orders/{number}/expire   the order's minutes are over, and those in which its code could still be scanned: the
                               shop closes it within seconds, unless Alipay says that it is paid
POST /users/{name}/beli/{n}    an operator gives the user n 贝里
POST /users/{name}/answer      a teacher answers what the user asked; /mark marks what they handed in
POST /users/{name}/contacts/{channel}/{to}   the user confirmed this number (`sms`) or address (`mail`) before
POST /users/{name}/messages/send   what waits for the user is sent, though it may be night in Beijing
"""

from __future__ import annotations

import argparse
import re
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.manage.__main__ import main as manage
from localstack.processes import LOOPBACK
from tests.browser.confirm_contact import confirm_contact
from tests.browser.expire import expire
from tests.browser.send_messages import send_messages
from tests.browser.teach import teach
from tests.faults.actions import reset_after
from tests.faults.http_proxy import HttpProxy
from tests.faults.proxy import Fault


class Control:
    """What the switches act on: the line, and the stores that the environment names."""

    def __init__(self, line: HttpProxy) -> None:
        self.line = line
        self._losing = ExitStack()

    def switch(self, path: str) -> bool:
        """Do what this path says -> whether there is such a switch, and such an order."""
        if path == "/api/down":
            self.line.go_down()
        elif path == "/api/lose/payment":
            lost = Fault.on(
                "POST", where=lambda call: call.path == "/payment", action=reset_after(), must_fire=False
            )
            self._losing.enter_context(self.line.faults(lost))
        elif path == "/api/up":
            self._losing.close()
            self.line.come_up()
        elif found := re.fullmatch(r"/orders/([0-9A-Z]{1,40})/expire", path):
            return expire(found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/beli/([0-9]{1,6})", path):
            return manage(["grant-beli", *found.groups(), "--reason", "for a test"]) == 0
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/(answer|mark)", path):
            return teach(found[2], found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/messages/send", path):
            return send_messages(found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/contacts/(sms|mail)/([0-9a-z@.-]{1,99})", path):
            return confirm_contact(*found.groups())
        else:
            return False
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, control: Control) -> None:
        self._control = control
        super().__init__(*arguments)

    def do_GET(self) -> None:
        port = str(self._control.line.port).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(port)))
        self.end_headers()
        self.wfile.write(port)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204 if self._control.switch(self.path) else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the tests' own report is what one reads."""


def main() -> None:
    """Serve until the process ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.control")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True, help="the address of the API behind the line")
    given = parser.parse_args()
    control = Control(HttpProxy(given.api).start())
    ThreadingHTTPServer((LOOPBACK, given.port), partial(_Handler, control=control)).serve_forever()


if __name__ == "__main__":
    main()
