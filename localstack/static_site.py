"""Serves the shop front: the files of a directory, and its index page for every path that is no file, because
a single-page application finds its way itself. `/config.json` tells a page where the API is, and where
Geetest's library (empty where the captcha is off).

Below `/api/` lies the page of the API: `api_docs/`, the description `openapi.json`, and Swagger UI.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localstack.callers import Callers, LocalHandler
from localstack.processes import LOOPBACK

HERE = Path(__file__).parent
API_DOCS = "/api/"
"""The path of the API's page. What is below it is a file or is not there: 404."""

_API_DOCS_ROOTS = {
    "openapi.json": HERE.parent / "openapi.json",
    "swagger-ui": HERE / "node_modules" / "swagger-ui-dist",
}
_MEDIA_TYPES = {".js": "text/javascript", ".json": "application/json"}


class _Handler(LocalHandler, SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(self, *arguments: Any, config: dict[str, str], **named: Any) -> None:
        self._config = json.dumps(config).encode()
        # What the system's tables say of these types differs from machine to machine.
        self.extensions_map = SimpleHTTPRequestHandler.extensions_map | _MEDIA_TYPES
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == API_DOCS.rstrip("/"):
            self.send_response(301)
            self.send_header("Location", API_DOCS)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/config.json":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(self._config)))
            self.end_headers()
            self.wfile.write(self._config)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        """The file of a URL path if there is one, else the index page; never outside the directories."""
        try:
            file = Path(super().translate_path(path))
            asked = Path("/") / file.relative_to(self.directory)
            if f"{asked}/".startswith(API_DOCS):
                wanted = _api_docs_file(asked.relative_to(API_DOCS))
                return str(wanted if wanted.is_file() else wanted / "no such file")
            for found in (file, Path(self.directory, "public", file.relative_to(self.directory))):
                if found.is_file():
                    return str(found)
        except ValueError:  # a NUL byte in the path
            pass
        return str(Path(self.directory) / "index.html")

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, handler: Callable[..., _Handler], shop_url: str) -> None:
        super().__init__((LOOPBACK, port), handler)
        self.callers = Callers(self.server_port, [shop_url])


def _api_docs_file(asked: Path) -> Path:
    """The file of the API's page at this path below its own; it may not exist."""
    first, *rest = asked.parts or ("index.html",)
    root = _API_DOCS_ROOTS.get(first)
    return root.joinpath(*rest) if root else HERE / "api_docs" / first / Path(*rest)


def main(arguments: list[str] | None = None) -> int:
    """Serve a directory until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localstack.static_site", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--directory", type=Path, default=Path("spa"))
    parser.add_argument("--api-url", default="http://127.0.0.1:8000")
    parser.add_argument(
        "--shop-url", default="", help="what else the shop front is known under, as a tunnel's"
    )
    parser.add_argument(
        "--captcha-script", default="", help="address of Geetest's library; none: captcha off"
    )
    options = parser.parse_args(arguments)
    config = {"api_url": options.api_url, "captcha_script": options.captcha_script}
    handler = partial(_Handler, directory=str(options.directory.resolve()), config=config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        prepared = _Server(options.port, handler, options.shop_url)
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}.", flush=True)
        return 1
    with prepared as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        stop.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
