"""Serves the built shop front, as a CDN does in production, and three things beside it:

/config.json    the school's own (`public/config.json` of the front), read anew for every request, with what only the
                running shop knows put in: where the API is, the captcha, the address of the API's page, and the
                script that gives any browser the bridge of WeChat's own
/shop-api/...   the API, passed on to its own port: front and API have one origin, so no request needs a preflight
/api/           the page of the API: `api_docs/`, the description `openapi.json`, Swagger UI, and `settings.json`
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localstack import forwarding
from localstack.callers import Callers, LocalHandler
from localstack.front_files import ASK_FIRST, NEVER, Found, file_at, find, served
from localstack.processes import LOOPBACK, hold_end, wait_for_end

HERE = Path(__file__).parent
API_DOCS = "/api/"
"""The path of the API's page. What is below it is a file or is not there: 404."""
API_BELOW = "/shop-api"
"""The path below which the API is passed on."""
LARGEST_BODY = 10 * 1024 * 1024
DEMO = HERE / "demo" / "shop.json"

_API_DOCS_ROOTS = {
    "openapi.json": HERE.parent,
    "swagger-ui": HERE / "node_modules" / "swagger-ui-dist",
}
_UNAVAILABLE = {"code": 503, "msg": "服务暂时不可用，请稍后再试", "data": None}
"""What API Gateway says when the application cannot be asked."""


@dataclass(frozen=True)
class Site:
    """What is served. Addresses are without a slash at the end.

    `api_address` is where pages find the API: an origin, or a path of this site. `captcha_script` is the address of
    Geetest's library, empty where the captcha is off. `wechat_bridge` is that of the simulator's bridge, `video_player`
    that of the script that plays videos.
    """

    directory: Path
    api_url: str
    api_port: int
    api_address: str = API_BELOW
    shop_url: str = ""
    captcha_script: str = ""
    captcha_version: str = "3"
    wechat_bridge: str = ""
    video_player: str = ""
    demo: bool = False

    def config(self) -> dict[str, Any]:
        """The content of `/config.json`. Raises OSError, ValueError when the school's file cannot be read."""
        config = json.loads((self.directory / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
        captcha = {
            "state": "on" if self.captcha_script else "off",
            "version": self.captcha_version,
            "script": self.captcha_script,
        }
        running = {"api": {"address": self.api_address}, "captcha": captcha, "apiPage": API_DOCS}
        return config | running | ({"wechatBridge": self.wechat_bridge} if self.wechat_bridge else {})

    def api_page_settings(self) -> dict[str, Any]:
        """What the API's page has to know: it calls the API under the API's own name, as any client does."""
        content = json.loads(DEMO.read_text(encoding="utf-8")) if self.demo else {"users": []}
        return {
            "api": self.api_url,
            "captcha_script": self.captcha_script,
            "demo_password": content.get("password", ""),
            "demo_users": [{"username": user["username"], "name": user["name"]} for user in content["users"]],
        }

    def content_security_policy(self, further: str = "") -> str:
        """What pages may load and call, besides what this site serves: the API where it has another origin, Geetest,
        Polyv, the simulator of WeChat Pay, and pictures from anywhere on the web, because imported courses have theirs
        elsewhere. `further` is an origin that may be called too."""
        captcha = _geetest_origins(self.captcha_script)
        bridge = {_origin(self.wechat_bridge)}
        videos = _polyv_origins(self.video_player)
        # The player asks the API for the marquee under the API's own name: by a script, as it may be of another origin.
        marquee = {_origin(self.api_url)} if videos else set()
        called = {_origin(self.api_address), further} | captcha | bridge | videos | marquee
        rules = {
            "default-src": {"'self'"},
            "script-src": {"'self'"} | captcha | bridge | videos | marquee,
            # Element Plus and the captcha's widget set style attributes; the widget brings a style element.
            "style-src": {"'self'", "'unsafe-inline'"} | captcha,
            "img-src": {"'self'", "data:", "blob:", "https:", _origin(self.shop_url)} | captcha,
            "connect-src": {"'self'"} | called,
            # A player decrypts what it plays, and does it beside the page.
            "media-src": {"'self'", "blob:"} | videos,
            "worker-src": {"'self'", "blob:"},
            # WeChat's own browser is told by such frames what to do, as to pay.
            "frame-src": {"weixin:"},
            "object-src": {"'none'"},
            "base-uri": {"'self'"},
            "form-action": {"'self'"},
            "frame-ancestors": {"'none'"},
        }
        return "; ".join(" ".join([name, *sorted(filter(None, values))]) for name, values in rules.items())


class _Handler(LocalHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def __init__(self, *arguments: Any, site: Site) -> None:
        self._site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == API_BELOW or path.startswith(f"{API_BELOW}/"):
            self._pass_on()
        elif path == API_DOCS.rstrip("/"):
            self._send(301, {"Location": API_DOCS})
        elif path.startswith(API_DOCS):
            self._send_api_docs(path.removeprefix(API_DOCS))
        elif path == "/config.json":
            self._send_config()
        else:
            self._send_found(find(self._site.directory, path, self._accepted()))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        if self.path.startswith(f"{API_BELOW}/"):
            self._pass_on()
        else:
            self.close_connection = True  # its body is not read
            self._send_text(405, "Only GET and HEAD.", {"Allow": "GET, HEAD"})

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    # --- the answers -----------------------------------------------------------------------------------------

    def _send_found(self, found: Found | None) -> None:
        if found is None:
            self._send_text(404, "There is no such file.")
        elif found.is_known_to(self.headers.get("If-None-Match", "")):
            self._send(304, found.headers)
        else:
            self._send(200, found.headers, found.file.read_bytes())

    def _send_config(self) -> None:
        try:
            config = self._site.config()
        except (OSError, ValueError) as error:
            self._send_text(500, f"{self._site.directory / 'config.json'} cannot be read: {error}")
        else:
            self._send_json(config)

    def _send_api_docs(self, path: str) -> None:
        first = path.partition("/")[0]
        root = _API_DOCS_ROOTS.get(first)
        if path == "settings.json":
            self._send_json(self._site.api_page_settings())
            return
        below = path if first == "openapi.json" else path.removeprefix(f"{first}/")
        file = file_at(root, below) if root else file_at(HERE / "api_docs", path or "index.html")
        self._send_found(served(file, ASK_FIRST, self._accepted()) if file else None)

    def _pass_on(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.close_connection = True
            self._send_text(411, "The length of the body must be told.")
        elif len(length) > 9 or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send_text(413, f"At most {LARGEST_BODY} bytes.")
        else:
            body = self.rfile.read(int(length))
            target = self.path.removeprefix(API_BELOW) or "/"
            try:
                answer = forwarding.ask(self._site.api_port, self.command, target, self.headers.items(), body)
            except (OSError, http.client.HTTPException):
                self._send_json(_UNAVAILABLE, 503)
            else:
                self._send(answer.status, answer.headers, answer.body)

    def _send_json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self._send(status, {"Content-Type": "application/json", "Cache-Control": NEVER}, body)

    def _send_text(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": NEVER}
        self._send(status, kind | (headers or {}), f"{text}\n".encode())

    def _send(self, status: int, headers: dict[str, str] | list[tuple[str, str]], body: bytes = b"") -> None:
        path = urlsplit(self.path).path
        self.send_response(status)
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            self.send_header(name, value)
        if not path.startswith(f"{API_BELOW}/"):  # the API has its own
            further = _origin(self._site.api_url) if path.startswith(API_DOCS) else ""
            self.send_header("Content-Security-Policy", self._site.content_security_policy(further))
            self.send_header("Referrer-Policy", "strict-origin-when-cross-origin")
            self.send_header("X-Content-Type-Options", "nosniff")
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _accepted(self) -> str:
        return self.headers.get("Accept-Encoding", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: Callable[..., _Handler], shop_url: str) -> None:
        super().__init__((LOOPBACK, port), handler)
        self.callers = Callers(self.server_port, [shop_url])


def _origin(address: str) -> str:
    """Scheme and authority of an address; empty for a path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def geetest_script(version: str) -> str:
    """The address of Geetest's own library for browsers, of version 3 or 4."""
    return f"https://static.geetest.com/{'v4/gt4.js' if version == '4' else 'static/tools/gt.js'}"


POLYV_PLAYER = "https://player.polyv.net/script/player.js"
"""The address of Polyv's own player."""


def _polyv_origins(script: str) -> set[str]:
    """Where the player comes from, what it calls and what it plays. Polyv's own has many servers."""
    if (urlsplit(script).hostname or "").endswith(".polyv.net"):
        return {"https://*.polyv.net", "https://*.videocc.net"}
    return {_origin(script)} - {""}


def _geetest_origins(script: str) -> set[str]:
    """Where the captcha's library comes from and what it calls. Geetest's own has many servers."""
    host = urlsplit(script).hostname or ""
    if host == "geetest.com" or host.endswith(".geetest.com"):
        return {"https://*.geetest.com"}
    return {_origin(script)} - {""}


def main(arguments: list[str] | None = None) -> int:
    """Serve the built shop front until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localstack.static_site", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--directory", type=Path, default=Path("spa/dist"))
    parser.add_argument("--api-port", type=int, default=8000, help="where requests below /shop-api/ go")
    parser.add_argument("--api-url", default="", help="the API's own address, for the API's page")
    parser.add_argument(
        "--api-address", default=API_BELOW, help="where the front finds the API: a path here, or an origin"
    )
    parser.add_argument(
        "--shop-url", default="", help="what else the shop front is known under, as a tunnel's"
    )
    parser.add_argument(
        "--captcha-script", default="", help="address of Geetest's library; none: captcha off"
    )
    parser.add_argument("--captcha-version", choices=("3", "4"), default="3")
    parser.add_argument("--wechat-bridge", default="", help="address of the simulated WeixinJSBridge")
    parser.add_argument("--video-player", default="", help="address of the script that plays videos")
    parser.add_argument(
        "--demo", action="store_true", help="the demo users exist: the API's page offers them"
    )
    options = parser.parse_args(arguments)
    site = Site(
        options.directory.resolve(),
        api_url=options.api_url or f"http://{LOOPBACK}:{options.api_port}",
        api_port=options.api_port,
        api_address=options.api_address,
        shop_url=options.shop_url,
        captcha_script=options.captcha_script,
        captcha_version=options.captcha_version,
        wechat_bridge=options.wechat_bridge,
        video_player=options.video_player,
        demo=options.demo,
    )
    hold_end()
    try:
        prepared = _Server(options.port, partial(_Handler, site=site), options.shop_url)
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}.", flush=True)
        return 1
    with prepared as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        wait_for_end()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
