"""The files of the built shop front as a web server should give them: which file answers a path, in which encoding,
how long it may be kept. What serves the front in production keeps the same rules.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

FOR_EVER = "public, max-age=31536000, immutable"
"""For `/assets/`: a name there has a hash of its content."""
A_DAY = "public, max-age=86400"
ASK_FIRST = "no-cache"
NEVER = "no-store"

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""What the build has compressed beside the plain file, the smallest first."""

_TYPES = {
    **{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"},
    **dict.fromkeys((".js", ".mjs"), "text/javascript; charset=utf-8"),
    **dict.fromkeys((".json", ".map"), "application/json"),
    **{".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8"},
    **{".xml": "application/xml", ".webmanifest": "application/manifest+json"},
    **{".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif"},
    **{".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".ico": "image/x-icon"},
    **{".woff2": "font/woff2"},
}


class Found(NamedTuple):
    """A file to send, and the headers that speak of it (not its length)."""

    file: Path
    headers: dict[str, str]

    def is_known_to(self, if_none_match: str) -> bool:
        """Whether the client has these very bytes: 304."""
        tag = self.headers.get("ETag", "")
        known = re.findall(r'"[^"]*"', if_none_match)
        return bool(tag) and (tag in known or if_none_match.strip() == "*")


def find(directory: Path, path: str, accept_encoding: str) -> Found | None:
    """The answer to a URL path: a file, else the index page for a path without extension, because a single-page
    application finds its way itself, else None: 404. A missing chunk or picture is not answered with a page.
    """
    file = file_at(directory, path)
    if file is None and "." not in path.rpartition("/")[2]:
        file = file_at(directory, "/index.html")
    return served(file, _kept(directory, file), accept_encoding) if file else None


def file_at(directory: Path, path: str) -> Path | None:
    """The file at this URL path, if there is one; nothing hidden, and nothing outside the directory."""
    parts = [part for part in unquote(path).split("/") if part]
    if "\0" in path or "%00" in path or any(part.startswith(".") for part in parts):
        return None
    file = directory.joinpath(*parts)
    try:
        inside = file.resolve().is_relative_to(directory.resolve())
        return file if inside and file.is_file() else None
    except OSError:  # a name longer than a file's can be
        return None


def served(file: Path, cache_control: str, accept_encoding: str) -> Found:
    """This file, or what was compressed beside it. What is never kept is sent plain: a school replaces it by hand."""
    headers = {
        "Content-Type": _TYPES.get(file.suffix.lower(), "application/octet-stream"),
        "Cache-Control": cache_control,
    }
    if cache_control == NEVER:
        return Found(file, headers)
    headers["Vary"] = "Accept-Encoding"
    sent, accepted = file, accepted_encodings(accept_encoding)
    for encoding, suffix in ENCODINGS.items():
        compressed = file.with_name(file.name + suffix)
        if encoding in accepted and compressed.is_file():
            headers["Content-Encoding"] = encoding
            sent = compressed
            break
    status = sent.stat()
    headers["ETag"] = f'"{status.st_mtime_ns:x}-{status.st_size:x}{sent.suffix}"'
    return Found(sent, headers)


def accepted_encodings(header: str) -> set[str]:
    """The names in `Accept-Encoding` that are not refused by `q=0`."""
    accepted = set()
    for word in header.lower().split(","):
        name, *parameters = (part.strip() for part in word.split(";"))
        if not any(re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters):
            accepted.add(name)
    return accepted


def _kept(directory: Path, file: Path) -> str:
    """`Cache-Control` for a file of the front."""
    name = file.relative_to(directory).as_posix()
    if name.startswith("assets/"):
        return FOR_EVER
    if name.startswith("images/"):
        return A_DAY
    if name.startswith("texts/") or name == "config.json":
        return NEVER
    return ASK_FIRST
