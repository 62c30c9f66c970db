"""What a function does before its first request, each in an interpreter of its own, as Lambda starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.settings import FUNCTIONS, SETTINGS
from tests.integration.test_secrets import ARN, SecretsManager, manager
from tests.packaged_functions import handler_of
from tests.unit.test_settings import with_captcha

__all__ = ["manager"]

ROOT = Path(__file__).parents[2]
PROGRAM = """
import gc, importlib, os, sys
sys.path.insert(0, os.getcwd())
searches = []

def look(phase, info):
    if "chalicelib.web.imports" in sys.modules and not gc.get_freeze_count():
        searches.append(phase)

gc.callbacks.append(look)
importlib.import_module(os.environ.get("_HANDLER", "app.app").rpartition(".")[0])
print("searches for garbage:", len(searches), "and from now on:", gc.isenabled())
links = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if name != "3"]
print("sockets:", sum(link.startswith("socket:") for link in links))
print("modules:", *sorted(sys.modules))
print("in order:", *sys.modules)
"""


def given_to(function: str, **changes: str | None) -> dict[str, str]:
    """The environment of a function: its own settings only."""
    mine = {name: text for name, text in with_captcha().items() if name in FUNCTIONS[function]}
    more = {
        "_HANDLER": handler_of(function),
        "PATH": os.environ["PATH"],
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "key",
    }
    return {name: text for name, text in (mine | more | changes).items() if text is not None}


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


LIBRARIES = {"redis", "jwt", "cachetools", "Cryptodome"}
LOADED = {
    "api_handler": {"cachetools", "Cryptodome"},
    "alipay_notify": {"Cryptodome"},
    "wechat_notify": {"Cryptodome"},
    "work_off_orders": {"Cryptodome"},
    "send_messages": set[str](),
    "sweep_coupon_claims": set[str](),
    "hold_bills": {"Cryptodome"},
}
"""Function -> what it always needs of the libraries that others do without."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_starts_with_its_own_settings_loads_what_it_needs_and_opens_no_connection(
    function: str,
) -> None:
    started = start(given_to(function))
    assert started.returncode == 0, started.stderr
    assert "sockets: 0\n" in started.stdout
    assert LIBRARIES & set(started.stdout.split()) == LOADED[function]


@pytest.mark.parametrize(
    ("kind", "loaded"),
    [
        ("on-demand", LOADED["api_handler"]),
        ("snap-start", LIBRARIES),
        ("provisioned-concurrency", LIBRARIES),
    ],
)
def test_a_start_that_nobody_waits_for_loads_what_any_request_needs(kind: str, loaded: set[str]) -> None:
    started = start(given_to("api_handler", AWS_LAMBDA_INITIALIZATION_TYPE=kind))
    assert started.returncode == 0, started.stderr
    assert "sockets: 0\n" in started.stdout
    assert LIBRARIES & set(started.stdout.split()) == loaded


@pytest.mark.parametrize("function", ["api_handler", "alipay_notify"])
def test_the_large_libraries_are_loaded_from_a_shallow_stack(function: str) -> None:
    """Before the shop's own files, which would load them a hundred calls deep."""
    started = start(given_to(function))
    loaded = next(line for line in started.stdout.splitlines() if line.startswith("in order: ")).split()
    ours = [name for name in loaded if name.startswith("chalicelib.")]
    first = next(name for name in ours if name not in ("chalicelib.web", "chalicelib.web.imports"))
    assert {"urllib3.util.url", "pynamodb.models"} <= set(loaded[: loaded.index(first)])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_garbage_is_searched_for_after_the_start_only(function: str) -> None:
    assert "searches for garbage: 0 and from now on: True\n" in start(given_to(function)).stdout


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("api_handler", "JWT_KEY", "hidden-word"),
        ("api_handler", "REDIS_URL", None),
        ("api_handler", "ALIPAY_APP_PRIVATE_KEY", "aGlkZGVuLXdvcmQ" * 40),
        ("alipay_notify", "ALIPAY_PUBLIC_KEY", "aGlkZGVuLXdvcmQ" * 40),
        ("wechat_notify", "WECHAT_API_V3_KEY", "hidden-word"),
        ("wechat_notify", "WECHAT_PUBLIC_KEY", "aGlkZGVuLXdvcmQ" * 40),
        ("work_off_orders", "ALIPAY_GATEWAY_URL", None),
        ("sweep_coupon_claims", "STORE_PATIENCE", "hidden-word"),
        ("hold_bills", "ALIPAY_SELLER_ID", None),
    ],
)
def test_a_wrong_setting_ends_the_start_and_is_named_in_the_log_without_its_value(
    function: str, name: str, value: str | None
) -> None:
    started = start(given_to(function, **{name: value}))
    assert started.returncode != 0
    assert f"the setting {name} should be" in started.stdout
    assert "hidden-word" not in started.stdout + started.stderr
    assert "aGlkZGVu" not in started.stdout + started.stderr


def test_secrets_are_read_at_start_and_their_connection_is_closed(manager: SecretsManager) -> None:
    key = with_captcha()["ALIPAY_PUBLIC_KEY"]
    manager.answers = [(200, {"SecretString": key})]
    secret = {"ALIPAY_PUBLIC_KEY": None, "ALIPAY_PUBLIC_KEY_ARN": ARN}
    started = start(given_to("alipay_notify", **secret) | manager.environment())
    assert started.returncode == 0, started.stderr
    assert "sockets: 0\n" in started.stdout
    assert len(manager.asked) == 1


def test_a_secret_that_cannot_be_read_ends_the_start(manager: SecretsManager) -> None:
    manager.answers = [(400, {"__type": "AccessDeniedException"})]
    secret = {"ALIPAY_PUBLIC_KEY": None, "ALIPAY_PUBLIC_KEY_ARN": ARN}
    started = start(given_to("alipay_notify", **secret) | manager.environment())
    assert started.returncode != 0
    assert "the setting ALIPAY_PUBLIC_KEY_ARN should be" in started.stdout
    assert "AccessDeniedException" in started.stdout


def test_outside_of_lambda_nothing_is_read() -> None:
    environment = given_to("api_handler", _HANDLER=None, JWT_KEY=None)
    assert start(environment).returncode == 0


def test_no_function_is_given_a_setting_that_nobody_has() -> None:
    assert not {name for names in FUNCTIONS.values() for name in names} - SETTINGS.keys()
