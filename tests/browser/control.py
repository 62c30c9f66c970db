"""Switches for the tests of the shop front, over HTTP: POST without a body. 204, or 404 for what is unknown.

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

import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from localstack.processes import LOOPBACK
from tests.e2e.local_run import ROOT
from tests.faults.actions import reset_after
from tests.faults.http_proxy import HttpProxy
from tests.faults.proxy import Fault


class Control:
    """The server of the switches. `settings` is the environment of the running shop."""

    def __init__(self, line: HttpProxy, settings: Mapping[str, str]) -> None:
        self._line, self._settings = line, settings
        self._losing = ExitStack()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Handler, control=self))
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def start(self) -> Self:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._losing.close()

    def switch(self, path: str) -> bool:
        """Do what this path says -> whether there is such a switch, and such an order."""
        if path == "/api/down":
            self._line.go_down()
        elif path == "/api/lose/payment":
            lost = Fault.on(
                "POST", where=lambda call: call.path == "/payment", action=reset_after(), must_fire=False
            )
            self._losing.enter_context(self._line.faults(lost))
        elif path == "/api/up":
            self._losing.close()
            self._line.come_up()
        elif found := re.fullmatch(r"/orders/([0-9A-Z]{1,40})/expire", path):
            return self._ran("tests.browser.expire", found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/beli/([0-9]{1,6})", path):
            return self._ran("chalicelib.manage", "grant-beli", *found.groups(), "--reason", "for a test")
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/(answer|mark)", path):
            return self._ran("tests.browser.teach", found[2], found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/messages/send", path):
            return self._ran("tests.browser.send_messages", found[1])
        elif found := re.fullmatch(r"/users/([0-9a-z-]{1,64})/contacts/(sms|mail)/([0-9a-z@.-]{1,99})", path):
            return self._ran("tests.browser.confirm_contact", *found.groups())
        else:
            return False
        return True

    def _ran(self, *module: str) -> bool:
        program = [sys.executable, "-m", *module]
        return subprocess.run(program, cwd=ROOT, env=os.environ | self._settings, check=False).returncode == 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, control: Control) -> None:
        self._control = control
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204 if self._control.switch(self.path) else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the tests' own report is what one reads."""
