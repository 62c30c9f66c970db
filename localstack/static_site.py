"""Serves the shop front: the files of a directory, and its index page for every path that is no file, because
a single-page application finds its way itself. `/config.json` tells the page where the API is.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localstack.processes import LOOPBACK


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(self, *arguments: Any, api_url: str, **named: Any) -> None:
        self._config = json.dumps({"api_url": api_url}).encode()
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/config.json":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self._config)))
        self.end_headers()
        self.wfile.write(self._config)

    def translate_path(self, path: str) -> str:
        """The file of a URL path if there is one, else the index page; never outside the directory."""
        try:
            file = Path(super().translate_path(path))
            if file.is_file():
                return str(file)
        except ValueError:  # a NUL byte in the path
            pass
        return str(Path(self.directory) / "index.html")

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def main(arguments: list[str] | None = None) -> int:
    """Serve a directory until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localstack.static_site", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--directory", type=Path, default=Path("spa"))
    parser.add_argument("--api-url", default="http://127.0.0.1:8000")
    options = parser.parse_args(arguments)
    handler = partial(_Handler, directory=str(options.directory), api_url=options.api_url)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ThreadingHTTPServer((LOOPBACK, options.port), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        stop.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
