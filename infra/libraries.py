"""The layer: the libraries of `libraries.lock` for Lambda's processor, without what no function uses, compiled."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from pathlib import Path

from infra.zips import compile_in, write_zip
from localstack import venvs

INFRA = Path(__file__).resolve().parent
LOCK = INFRA / "libraries.lock"
BUILD = INFRA.parent / "build"

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's word for a processor -> that of wheels."""
_GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""What Amazon Linux 2023 can load."""
_UNUSED = (
    # Descriptions of AWS's services, for botocore's own clients. The shop signs and sends by itself.
    "botocore/data/*/",
    "Cryptodome/SelfTest/",
    "bin/",
    # Notes of pip about this installation.
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
)


def build_layer(
    architecture: str, python: Path, version: str, lock: Path = LOCK, build: Path = BUILD
) -> Path:
    """The zip of the layer -> where it lies in the folder `build`, kept until what it is made of changes.

    `python` is the packaging environment's, of the runtime's `version`, such as "3.13". Every package must be a wheel
    for the processor and have a hash of the lock. Raises VenvNotMade, with pip's words.
    """
    sources = [lock, Path(__file__), INFRA / "zips.py"]
    place = venvs.path_of(f"{version}-{architecture}", venvs.find_python(version), sources, build / "layers")
    layer = place.with_name(f"{place.name}.zip")
    layer.parent.mkdir(parents=True, exist_ok=True)
    with (layer.parent / f"{version}-{architecture}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # of two at a time one builds, and the other waits
        if not layer.exists():
            with tempfile.TemporaryDirectory(dir=layer.parent) as scratch:
                _build(Path(scratch), architecture, python, version, lock).rename(layer)
        for other in layer.parent.glob(f"{version}-{architecture}-*.zip"):
            if other != layer:
                other.unlink()
    return layer


def _build(scratch: Path, architecture: str, python: Path, version: str, lock: Path) -> Path:
    folder = scratch / "layer"
    packages = folder / "python" / "lib" / f"python{version}" / "site-packages"
    _install(packages, architecture, python, version, lock)
    for pattern in _UNUSED:
        for unused in list(packages.glob(pattern)):
            shutil.rmtree(unused) if unused.is_dir() else unused.unlink()
    compile_in(folder, python, "/opt")
    write_zip(folder, scratch / "layer.zip")
    return scratch / "layer.zip"


def _install(packages: Path, architecture: str, python: Path, version: str, lock: Path) -> None:
    tag = f"cp{version.replace('.', '')}"
    options = ["--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    options += ["--implementation", "cp", "--python-version", version]
    options += [word for abi in (tag, "abi3", "none") for word in ("--abi", abi)]
    options += [word for libc in _GLIBC for word in ("--platform", f"{libc}_{MACHINES[architecture]}")]
    venvs.run("pip", [python, *venvs.PIP_INSTALL, *options, "--target", packages, "-r", lock])
