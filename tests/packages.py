"""The packages of the shop, as `infra/package.py` makes them: built once for what they are made of, in `build/`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.settings import SETTINGS
from infra.package import ARCHITECTURE, PYTHON, RUNTIME
from localstack.venvs import PythonMissing, find_python

ROOT = Path(__file__).parents[1]
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
MADE_OF = ("app.py", "chalicelib", ".chalice", "infra", "localstack/venvs.py")
FUNCTIONS = {
    "APIHandler": "api_handler",
    "AlipayNotify": "alipay_notify",
    "WechatNotify": "wechat_notify",
    "WorkOffOrders": "work_off_orders",
    "SendMessages": "send_messages",
    "SweepCouponClaims": "sweep_coupon_claims",
    "HoldBills": "hold_bills",
}
"""The name in the template -> the name in the configuration."""
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One packaged stage."""

    stage: str
    directory: Path
    template: dict[str, Any]

    def properties(self, resource: str) -> dict[str, Any]:
        found: dict[str, Any] = self.template["Resources"][resource]["Properties"]
        return found

    @property
    def api(self) -> dict[str, Any]:
        """The API's description (Swagger)."""
        body: dict[str, Any] = self.properties("RestAPI")["DefinitionBody"]
        return body

    def files(self, name: str) -> list[str]:
        with zipfile.ZipFile(self.directory / name) as archive:
            return archive.namelist()


@cache
def python_here() -> str:
    """The runtime's version where this computer has it. Else that of the tests: then these look at packages that are
    made alike.
    """
    try:
        find_python(PYTHON)
    except PythonMissing:
        return OURS
    return PYTHON


def runtime_here() -> str:
    return RUNTIME.replace(PYTHON, python_here())


def packaging(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run infra/package.py of a project, in an environment that has none of the shop's settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in SETTINGS and not name.startswith("AWS_")
    }
    command = [sys.executable, "-B", "-m", "infra.package", *arguments, "--python", python_here()]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def packaged(stage: str, architecture: str) -> Path:
    """The folder with the packages of a stage. Of two workers one builds, and the other waits."""
    packages = ROOT / "build" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    name = f"{stage}-{architecture}-{python_here()}"
    folder = packages / f"{name}-{_digest()}"
    with (packages / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            for older in packages.glob(f"{name}-*"):
                shutil.rmtree(older)
            done = packaging(ROOT, stage, f"{folder}.new", "--architecture", architecture)
            assert done.returncode == 0, done.stdout + done.stderr
            Path(f"{folder}.new").rename(folder)
    return folder


def package_of(stage: str) -> Package:
    """A stage, packaged for the processor that is the default."""
    directory = packaged(stage, ARCHITECTURE)
    template = json.loads((directory / "sam.json").read_text(encoding="utf-8"))
    return Package(stage, directory, template)


def pins(*files: str) -> dict[str, str]:
    """Each package that these requirements pin, by its normal name -> its version."""
    found = [pin for file in files for pin in _PIN.findall((ROOT / file).read_text(encoding="utf-8"))]
    return {normal(name): version for name, version in found}


def normal(name: str) -> str:
    """The name of a package, in the one way of several that index and pip agree on."""
    return re.sub("[-_.]+", "-", name).lower()


def unpacked(archive: Path, folder: Path) -> Path:
    """A zip's files in a new folder, compiled modules included."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def _digest() -> str:
    digest = hashlib.sha256()
    for place in MADE_OF:
        root = ROOT / place
        files = [root] if root.is_file() else sorted(root.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
