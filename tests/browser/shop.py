"""The shop that a browser is let loose on: `make run` or `make localstack`, and beside it what only tests want.

What the tests find in their environment:

    SHOP_URL         the shop front, as `make run` serves it
    API_URL          the API at its own port
    ALIPAY_URL       Alipay's simulator; `/control/...` as localstack/alipay/server.py tells: pay and close a trade,
                     keep one order's notice back (`/control/bad-days/notice_late` or `notice_lost`, `out_trade_no`)
    WECHAT_URL       WeChat Pay's simulator, likewise: localstack/wechat/server.py
    POLYV_URL        Polyv's simulator; `/control/...` as localstack/polyv/server.py tells
    POST_URL         the simulator of SMS and mail; `/control/...` as localstack/post/server.py tells: what was sent
    GEETEST_URL      Geetest's simulator; `/control/...` as localstack/geetest/server.py tells: the gap of a picture
    CORS_SHOP_URL    the same front and API, but the front calls the API at API_URL, another origin
    V4_SHOP_URL      the same front with an API that takes captchas of version 4
    FAULTY_SHOP_URL  the same front, and before its API a line that can break
    CONTROL_URL      the line's switch, and one that lets an order's time be over: see `control.py`
    CHROME_PATH         the browser's path; empty for Playwright's own

All of them lead to the same stores, users and orders. One switch serves all workers of a run: tests that break the
line, switch Geetest, or keep notices back belong each in one file whose tests run one after the other. Orders do not
meet, because each test has a user of its own.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

import requests

from localstack.processes import LOOPBACK, Child, answers_http
from tests.e2e.local_run import ROOT, SECONDS, Run
from tests.ports import reserve_port

SPA = ROOT / "spa"


class BrowserShop:
    """Everything that is started; `start()` returns when it answers, `stop()` ends it."""

    def __init__(self, data: Path, run: Run) -> None:
        """`run` is the shop, not yet started; `data` is for the logs of what is beside it."""
        self._data = data
        self._run = run
        self._children: list[Child] = []
        self._starting: list[tuple[Child, int, socket.socket]] = []
        self._addresses: dict[str, str] = {}

    def start(self) -> Self:
        """Raises ChildFailed, and AssertionError when `make run` does not come up."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        self._run.start().until_ready()
        settings = self._run.run_env()
        geetest = settings["GEETEST_API_URL"]
        api = self._run.api_port
        control = self._start_module("tests.browser.control", ["--api", settings["API_URL"]], settings)
        control_url = f"http://{LOOPBACK}:{control}"
        api_v4 = self._start_api_v4(settings)
        script, script_v4 = (f"{geetest}/static/{name}" for name in ("gt.js", "gt4.js"))
        self._addresses = {
            "SHOP_URL": settings["SHOP_URL"],
            "API_URL": settings["API_URL"],
            "ALIPAY_URL": settings["ALIPAY_GATEWAY_URL"].removesuffix("/gateway.do"),
            "WECHAT_URL": settings["WECHAT_GATEWAY_URL"],
            "POST_URL": settings["SMS_API_URL"].rstrip("/"),
            "GEETEST_URL": geetest,
            "POLYV_URL": settings["POLYV_API_URL"],
            "CORS_SHOP_URL": self._start_site(api, script, "--api-address", settings["API_URL"]),
            "V4_SHOP_URL": self._start_site(api_v4, script_v4, "--captcha-version", "4"),
            "CONTROL_URL": control_url,
        }
        self._until_answered()
        line = int(requests.get(control_url, timeout=SECONDS).text)
        self._addresses["FAULTY_SHOP_URL"] = self._start_site(line, script)
        self._until_answered()

    def addresses(self) -> Mapping[str, str]:
        """What goes into the tests' environment."""
        return self._addresses

    def stop(self) -> None:
        """End all of it; may be repeated."""
        while self._children:
            self._children.pop().stop()
        self._run.end()

    def _start_site(self, api_port: int, captcha_script: str, *further: str) -> str:
        """The front once more, with its API at this port -> its address."""
        arguments = ["--api-port", str(api_port), "--captcha-script", captcha_script, *further]
        settings = self._run.run_env()
        arguments += ["--shop-url", settings["SHOP_URL"], "--api-url", settings["API_URL"]]
        arguments += ["--video-player", settings["POLYV_PLAYER_URL"]]
        return f"http://{LOOPBACK}:{self._start_module('localstack.static_site', arguments)}"

    def _start_api_v4(self, settings: Mapping[str, str]) -> int:
        return self._start_module("localstack.api_gateway", [], {**settings, "GEETEST_VERSION": "4"})

    def _start_module(
        self, module: str, arguments: list[str], settings: Mapping[str, str] | None = None
    ) -> int:
        """Begin to start a module -> its port, which stays reserved until it answers."""
        reservation, port = reserve_port()
        child = Child(
            module,
            [sys.executable, "-m", module, "--port", str(port), *arguments],
            directory=ROOT,
            environment={**self._run.environment, **(settings or {})},
            log=self._data / f"{module}-{port}.log",
        )
        self._children.append(child)
        self._starting.append((child, port, reservation))
        return port

    def _until_answered(self) -> None:
        while self._starting:
            child, port, reservation = self._starting.pop()
            with reservation:
                child.wait_until(partial(answers_http, port))
