"""The built shop front as it is served: encodings, caching, the history fallback, settings, the API below the site."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from localstack.front_files import accepted_encodings
from localstack.processes import LOOPBACK, Child, answers_http, free_port
from localstack.static_site import POLYV_PLAYER, Site
from tests.faults.http_proxy import HttpProxy, answer
from tests.faults.proxy import Fault

ROOT = Path(__file__).parents[2]
FILES = {
    "index.html": b"<!doctype html><div id=app></div>",
    "index.html.br": b"index as brotli",
    "assets/a-1x.js": b"console.log('a')",
    "assets/a-1x.js.br": b"as brotli",
    "assets/a-1x.js.gz": b"as gzip",
    "assets/b-2y.css": b"p { margin: 0 }",
    "assets/b-2y.css.gz": b"css as gzip",
    "images/course.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "texts/privacy.md": "# 隐私政策".encode(),
    "robots.txt": b"User-agent: *\n",
    ".vite/manifest.json": b"{}",
}
SCHOOL = {"name": "晨光学堂", "slogan": "学一门手艺", "icp": "京ICP备00000000号"}
CONFIG = {
    "api": {"address": "https://api.school.example"},
    "captcha": {"state": "on", "version": "4", "script": "https://static.geetest.com/v4/gt4.js"},
    "school": SCHOOL,
    "colours": {"primary": "#24599c"},
    "apiPage": None,
}


class Answer:
    """Status, headers and body of an answer, which nobody has decoded."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()


class Front:
    """The site under test, asked with exactly these headers."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        with closing(http.client.HTTPConnection(LOOPBACK, self._port, timeout=10)) as way:
            way.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                way.putheader(name.replace("_", "-"), value)
            if body is not None:
                way.putheader("Content-Length", str(len(body)))
            way.endheaders(body)
            return Answer(way.getresponse())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("front") / "dist"
    for name, content in (FILES | {"config.json": json.dumps(CONFIG).encode()}).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    (directory.parent / "secret.txt").write_text("not yours")
    (directory / "way-out.txt").symlink_to(directory.parent / "secret.txt")
    return directory


@pytest.fixture(scope="module")
def api() -> Iterator[HttpProxy]:
    """In the API's place: records what arrives, and answers what a test says."""
    with HttpProxy(f"http://{LOOPBACK}:1") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def front(directory: Path, api: HttpProxy) -> Iterator[Front]:
    port = free_port()
    module = ["localstack.static_site", "--port", str(port), "--directory", str(directory)]
    module += ["--api-port", str(api.port), "--shop-url", "https://shop.tunnel.example"]
    module += ["--captcha-script", "http://127.0.0.1:8110/static/gt.js"]
    child = Child("shop front", [sys.executable, "-m", *module], directory=ROOT, environment={})
    child.wait_until(lambda: answers_http(port))
    yield Front(port)
    child.stop()


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"as brotli"),
        ("GZIP", "gzip", b"as gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"as gzip"),
        ("deflate", None, FILES["assets/a-1x.js"]),
        ("", None, FILES["assets/a-1x.js"]),
    ],
)
def test_what_was_compressed_is_sent_to_whom_it_suits(
    front: Front, accepted: str, encoding: str | None, body: bytes
) -> None:
    found = front.ask("/assets/a-1x.js", Accept_Encoding=accepted)
    assert (found.status, found.headers["Content-Encoding"], found.body) == (200, encoding, body)
    assert found.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert found.headers["Content-Length"] == str(len(body))
    assert found.headers["Vary"] == "Accept-Encoding"


def test_an_encoding_that_is_not_there_is_left_out(front: Front) -> None:
    assert front.ask("/assets/b-2y.css", Accept_Encoding="br, gzip").headers["Content-Encoding"] == "gzip"
    assert front.ask("/robots.txt", Accept_Encoding="br, gzip").headers["Content-Encoding"] is None


def test_accepted_encodings_are_read_with_their_weights() -> None:
    assert accepted_encodings("br;q=1.0, gzip; q=0.000 , *;q=0") == {"br"}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/assets/a-1x.js", "public, max-age=31536000, immutable"),
        ("/images/course.svg", "public, max-age=86400"),
        ("/", "no-cache"),
        ("/courses/12", "no-cache"),
        ("/robots.txt", "no-cache"),
        ("/texts/privacy.md", "no-store"),
        ("/config.json", "no-store"),
    ],
)
def test_how_long_an_answer_may_be_kept(front: Front, path: str, kept: str) -> None:
    found = front.ask(path)
    assert (found.status, found.headers["Cache-Control"]) == (200, kept)
    assert (found.headers["ETag"] is None) == (kept == "no-store")


def test_the_index_page_is_sent_again_only_when_it_has_changed(front: Front, directory: Path) -> None:
    first = front.ask("/", Accept_Encoding="br")
    tag = first.headers["ETag"]
    assert tag != front.ask("/").headers["ETag"]  # other bytes
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = front.ask("/cart", Accept_Encoding="br", If_None_Match=known)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Content-Length"] is None
    assert front.ask("/", If_None_Match=tag).status == 200
    os.utime(directory / "index.html.br", ns=(1, 1))
    assert front.ask("/", Accept_Encoding="br", If_None_Match=tag).status == 200


@pytest.mark.parametrize("path", ["/", "/courses", "/payment/result?order_num=1.2", "/a/b/c/", "/%E8%AF%BE"])
def test_a_path_of_the_application_is_answered_with_its_page(front: Front, path: str) -> None:
    found = front.ask(path)
    assert (found.status, found.body) == (200, FILES["index.html"])
    assert found.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/gone-3z.js", "/images/none.svg", "/favicon.ico", "/.vite/manifest.json", "/way-out.txt"),
        *(
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/..%2f..%2fsecret.txt",
            "/x%00.js",
            f"/{'a' * 300}.js",
        ),
    ],
)
def test_a_file_that_is_not_the_fronts_is_not_there(front: Front, path: str) -> None:
    found = front.ask(path)
    assert (found.status, found.headers["Cache-Control"]) == (404, "no-store")
    assert b"not yours" not in found.body and b"<" not in found.body


def test_head_tells_the_same_without_the_body(front: Front) -> None:
    for path in ("/", "/assets/a-1x.js", "/config.json", "/none.js"):
        whole, head = front.ask(path), front.ask(path, "HEAD")
        names = ("Content-Type", "Content-Length", "Cache-Control", "ETag", "Vary")
        assert (head.status, head.body) == (whole.status, b"")
        assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]


def test_files_are_only_read(front: Front) -> None:
    for method in ("POST", "PUT", "DELETE"):
        refused = front.ask("/index.html", method, b"x")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_the_schools_settings_are_told_with_what_the_running_shop_knows(
    front: Front, directory: Path
) -> None:
    told = json.loads(front.ask("/config.json").body)
    captcha = {"state": "on", "version": "3", "script": "http://127.0.0.1:8110/static/gt.js"}
    assert told == CONFIG | {"api": {"address": "/shop-api"}, "captcha": captcha, "apiPage": "/api/"}

    school = SCHOOL | {"name": "另一所学校"}
    (directory / "config.json").write_text(json.dumps(CONFIG | {"school": school}))
    assert json.loads(front.ask("/config.json").body)["school"] == school
    for spoiled in ("{", "[]"):
        (directory / "config.json").write_text(spoiled)
        refused = front.ask("/config.json")
        assert refused.status == 500
        assert b"config.json cannot be read" in refused.body
    (directory / "config.json").write_text(json.dumps(CONFIG))


def test_without_captcha_there_is_no_script(directory: Path) -> None:
    site = Site(directory, api_url="http://127.0.0.1:8000", api_port=8000, captcha_version="4")
    assert site.config()["captcha"] == {"state": "off", "version": "4", "script": ""}


def test_pages_are_told_what_they_may_load(front: Front) -> None:
    headers = front.ask("/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert rules["script-src"] == "'self' http://127.0.0.1:8110"
    assert rules["connect-src"] == "'self' http://127.0.0.1:8110"
    assert "https://shop.tunnel.example" in rules["img-src"].split()
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
    assert rules["frame-src"] == "weixin:"


def test_the_policy_follows_the_settings(directory: Path) -> None:
    geetest = "https://static.geetest.com/v4/gt4.js"
    site = Site(
        directory,
        api_url="",
        api_port=8000,
        api_address="https://api.school.example/v1",
        captcha_script=geetest,
    )
    policy = site.content_security_policy()
    assert "connect-src 'self' https://*.geetest.com https://api.school.example;" in policy
    assert "script-src 'self' https://*.geetest.com;" in policy
    bridge = "http://127.0.0.1:8120/bridge.js"
    simulated = Site(directory, api_url="", api_port=8000, wechat_bridge=bridge)
    assert simulated.config()["wechatBridge"] == bridge
    for rule in ("script-src", "connect-src"):
        assert f"{rule} 'self' http://127.0.0.1:8120;" in simulated.content_security_policy()
    player = "http://127.0.0.1:8140/player.js"
    with_videos = Site(directory, api_url="http://127.0.0.1:8000", api_port=8000, video_player=player)
    for rule in ("script-src", "connect-src"):
        both = "http://127.0.0.1:8000 http://127.0.0.1:8140"
        assert f"{rule} 'self' {both};" in with_videos.content_security_policy()
    assert "media-src 'self' blob: http://127.0.0.1:8140;" in with_videos.content_security_policy()
    off = Site(directory, api_url="", api_port=8000).content_security_policy()
    assert "script-src 'self';" in off and "connect-src 'self';" in off


def test_the_policy_is_that_of_a_deployed_front(directory: Path) -> None:
    site = Site(
        directory,
        api_url="https://${ApiDomainName}",
        api_port=8000,
        api_address="https://${ApiDomainName}",
        captcha_script="https://static.geetest.com/v4/gt4.js",
        video_player=POLYV_PLAYER,
    )
    resources = json.loads((ROOT / "infra" / "front.json").read_text(encoding="utf-8"))["Resources"]
    headers = resources["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    _, rules = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Join"]
    deployed = [rule if isinstance(rule, str) else rule["Fn::Sub"] for rule in rules]
    policy = site.content_security_policy().split("; ")
    assert {frozenset(rule.split()) for rule in deployed} == {frozenset(rule.split()) for rule in policy}


def test_the_api_is_asked_below_the_site(front: Front, api: HttpProxy) -> None:
    made_up = {"Content-Type": "application/json", "ETag": '"1"', "x-amzn-RequestId": "r1"}
    fault = Fault.on(action=answer(401, b'{"code": 1}', made_up))
    with api.faults(fault), api.recording() as calls:
        found = front.ask(
            "/shop-api/order/1?a=%20b",
            "PUT",
            b'{"x": 1}',
            Authorization="token",
            Origin="http://localhost:5173",
            Content_Type="application/json",
        )
    (call,) = calls
    assert (call.method, call.path, call.body) == ("PUT", "/order/1?a=%20b", b'{"x": 1}')
    passed = {name.lower(): value for name, value in call.headers}
    assert passed["authorization"] == "token"
    assert passed["host"] == f"{LOOPBACK}:{api.port}"
    assert "origin" not in passed
    assert (found.status, found.body) == (401, b'{"code": 1}')
    assert {name: found.headers[name] for name in made_up} == made_up
    assert found.headers["Content-Security-Policy"] is None


def test_an_api_that_is_away_is_said_in_its_own_form(front: Front, api: HttpProxy) -> None:
    with api.down():
        away = front.ask("/shop-api/courses/")
    assert away.status == 503
    assert json.loads(away.body)["code"] == 503
    gateway = json.loads((ROOT / "infra" / "gateway-responses.json").read_text())["Resources"]
    said = [entry["Properties"] for entry in gateway.values()]
    (refusal,) = [entry for entry in said if entry["ResponseType"] == "DEFAULT_5XX"]
    assert json.loads(away.body) == json.loads(refusal["ResponseTemplates"]["application/json"])


def test_a_body_without_length_or_too_long_is_refused(front: Front) -> None:
    assert front.ask("/shop-api/login", "POST", Transfer_Encoding="chunked").status == 411
    assert front.ask("/shop-api/login", "POST", Content_Length="-1").status == 411
    assert front.ask("/shop-api/login", "POST", Content_Length="999999999").status == 413
