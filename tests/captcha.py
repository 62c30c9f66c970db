"""The shop with its captcha on, against the Geetest simulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import app as application
from chalicelib.gateways import open_gateways
from chalicelib.settings import settings
from localstack.geetest import GeetestSimulator
from tests.client import Client
from tests.faults import HttpProxy

GEETEST_ID, GEETEST_KEY = "0123456789abcdef0123456789abcdef", "a-key-for-tests"


@dataclass(frozen=True)
class CaptchaShop:
    """Geetest, and the proxy through which the application reaches it."""

    geetest: GeetestSimulator
    proxy: HttpProxy

    def switch(self, mode: str) -> None:
        """Geetest is in this mode from now on, and the application has not yet asked how it is."""
        self.geetest.switch(mode)
        application.app.process.gateways = open_gateways(settings())

    def challenge(self, client: Client) -> str:
        """The challenge of a captcha that a page starts now."""
        return str(client.get("/api/captcha_check/")["data"]["challenge"])

    def solved(self, client: Client) -> dict[str, str]:
        """The fields of a captcha that a person started and solved."""
        return self.geetest.solve(self.challenge(client))

    def asked(self, calls: list[Any]) -> list[str]:
        """The paths of recorded calls."""
        return [call.path.partition("?")[0] for call in calls]


@contextmanager
def captcha_on(**further: str) -> Iterator[CaptchaShop]:
    """Inside the block the captcha is on; `further` settings as in the environment.

    Nothing is patched: the environment says so, and the settings are read anew.
    """
    with (
        GeetestSimulator(geetest_id=GEETEST_ID, geetest_key=GEETEST_KEY) as simulator,
        HttpProxy(simulator.url) as proxy,
    ):
        chosen = {
            "CAPTCHA": "on",
            "GEETEST_ID": GEETEST_ID,
            "GEETEST_KEY": GEETEST_KEY,
            "GEETEST_API_URL": proxy.url,
        }
        with _environment(chosen | further):
            yield CaptchaShop(simulator, proxy)


@contextmanager
def _environment(changed: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        _read_anew()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        _read_anew()


def _read_anew() -> None:
    settings.cache_clear()
    application.app.process.gateways = open_gateways(settings())
