"""The page of the API, as `make run` serves it: complete in itself, and true to the description."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from localstack.processes import LOOPBACK, Child, answers_http, free_port
from tests import openapi

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "localstack" / "api_docs"
FILES = sorted(PAGE.iterdir())
STEPS = (PAGE / "steps.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The shop front's server, with the page below `/api/`."""
    port = free_port()
    module = ["localstack.static_site", "--port", str(port), "--api-url", "http://api.test"]
    module += ["--captcha-script", "http://geetest.test/gt.js", "--demo"]
    child = Child("shop front", [sys.executable, "-m", *module], directory=ROOT, environment={})
    child.wait_until(lambda: answers_http(port))
    yield f"http://{LOOPBACK}:{port}"
    child.stop()


def get(address: str) -> requests.Response:
    return requests.get(address, timeout=10, allow_redirects=False)


def test_the_page_is_found_without_its_slash(site: str) -> None:
    assert get(f"{site}/api").headers["Location"] == "/api/"
    assert get(f"{site}/api/").content == (PAGE / "index.html").read_bytes()


def test_the_description_is_the_repositorys(site: str) -> None:
    answer = get(f"{site}/api/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == openapi.DESCRIPTION.read_bytes()


def test_everything_the_page_loads_is_served_with_it(site: str) -> None:
    index = (PAGE / "index.html").read_text(encoding="utf-8")
    modules = "".join(file.read_text(encoding="utf-8") for file in FILES if file.suffix == ".js")
    named = re.findall(r'(?:href|src)="([^"#]+)"', index) + re.findall(r"from '\./(.+?)'", modules)
    files = [name for name in named if not name.startswith(("data:", "/"))]
    assert len(files) > 6
    types = {
        "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "json": "application/json",
    }
    for name in files:
        answer = get(f"{site}/api/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["Content-Type"] == types[name.rpartition(".")[2]], name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_page_loads_nothing_from_elsewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text)


def test_the_page_learns_where_all_is_and_who_can_sign_in(site: str) -> None:
    settings = get(f"{site}/api/settings.json").json()
    assert (settings["api"], settings["captcha_script"]) == ("http://api.test", "http://geetest.test/gt.js")
    assert settings["demo_users"][0] == {"username": "demo", "name": "演示学员小明"}
    assert settings["demo_password"]


def test_the_page_may_call_the_api_under_its_own_name(site: str) -> None:
    policy = get(f"{site}/api/").headers["Content-Security-Policy"]
    assert "connect-src 'self' http://api.test http://geetest.test;" in policy
    assert "http://api.test" not in get(f"{site}/none.js").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/swagger-ui", "/api/swagger-ui/", "/api/%2e%2e/run.py"]
)
def test_what_is_not_the_pages_is_not_there(site: str, path: str) -> None:
    answer = get(site + path)
    assert answer.status_code == 404 or b"def main" not in answer.content
    assert b"directory listing" not in answer.content.lower()


def test_every_request_of_the_walk_is_described() -> None:
    steps = re.findall(r"method: '(\w+)',\s+path: \(\) => ['`](.+?)['`],\n", STEPS)
    assert len(steps) == STEPS.count("    method: '") == 9
    for method, path in steps:
        assert openapi.find_operation(method, re.sub(r"\$\{.+?\}", "1", path)), path
