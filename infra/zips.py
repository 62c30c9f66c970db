"""Zips for Lambda, compiled for its Python, the same bytes for the same files."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
"""Lambda runs functions as a user of its own."""


def compile_in(folder: Path, python: Path, mounted: str) -> None:
    """Compile all modules in a folder, by the Python that is to run them. `mounted` is where Lambda puts the folder.

    A function's code is read-only, so what is not compiled beforehand is compiled again at every start. The compiled
    modules are taken unasked: they and their sources never part. Raises CalledProcessError for a module that this
    Python cannot read.
    """
    options = ["-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", mounted]
    # One process in one order, without chance: else the same source may be compiled to other bytes.
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    subprocess.run(
        [python, "-S", "-s", "-m", "compileall", *options, folder],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )


def write_zip(folder: Path, file: Path) -> None:
    """All files of a folder in one zip, in the order of their names, without their times and owners."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system = 3  # Unix, whose permissions follow
            entry.external_attr = _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / name).read_bytes(), compresslevel=9)
