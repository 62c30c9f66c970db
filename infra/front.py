"""The built shop front as objects of a bucket: which files go there, under which headers.

CloudFront compresses by itself, so the plain files are enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from localstack.front_files import ENCODINGS, find
from localstack.static_site import Site, geetest_script


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


def configure(directory: Path, settings: Mapping[str, str]) -> None:
    """Write into a front's `config.json` what the school's own cannot know: the API lies below the front, and the
    captcha is that of the functions. `settings` are theirs: `CAPTCHA` and `GEETEST_VERSION`.
    """
    version = settings["GEETEST_VERSION"]
    site = Site(
        directory,
        api_url="",
        api_port=0,
        captcha_script=geetest_script(version) if settings["CAPTCHA"] == "on" else "",
        captcha_version=version,
    )
    # The page of the API comes with the local site only.
    config = site.config() | {"apiPage": None}
    (directory / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")
