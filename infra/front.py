"""The built shop front as objects of a bucket: which files go there, under which headers.

CloudFront compresses by itself, so the plain files are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from localstack.front_files import ENCODINGS, find


class Upload(NamedTuple):
    """An object to be: its key, the file with its contents, its headers."""

    key: str
    file: Path
    content_type: str
    cache_control: str


def uploads(directory: Path) -> Iterator[Upload]:
    """The objects of a built front (`spa/dist`): the page that leads to all others comes last."""
    pages = []
    for file in sorted(directory.rglob("*")):
        if file.suffix in ENCODINGS.values():
            continue
        key = file.relative_to(directory).as_posix()
        found = find(directory, f"/{key}", accept_encoding="") if file.is_file() else None
        if found is None:
            continue
        upload = Upload(key, file, found.headers["Content-Type"], found.headers["Cache-Control"])
        if file.suffix == ".html":
            pages.append(upload)
        else:
            yield upload
    yield from pages
