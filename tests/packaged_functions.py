"""The packaged functions, run by AWS's own runtime client: code and layer unpacked, the Python of the runtime, no more.

A function gets its own settings of this worker, and so its tables and simulators.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.settings import FUNCTIONS
from localstack import venvs
from localstack.cloud.executor.process_executor.function_process import Function, FunctionProcess, Outcome
from localstack.cloud.executor.process_executor.runtime_api import Invocation
from tests.packages import ROOT, packaged, python_here, unpacked

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
"""Of this computer, which is to run what is packaged."""
CLIENT = ROOT / "localstack" / "cloud" / "runtime-client.txt"
MEMORY_MB = 512
SECONDS = 60
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PackagedFunction(Function):
    """A function whose Python is another than the tests'."""

    version: str = ""

    def paths(self) -> list[Path]:
        packages = f"python/lib/python{self.version}/site-packages"
        return [self.code, *(layer / packages for layer in self.layers), self.client]


class MeasuredProcess(FunctionProcess):
    """One that knows what its process has cost."""

    def cpu_seconds(self) -> float:
        """Processor time, user and system, of the process and all of its threads so far."""
        return cpu_seconds(self._pid)

    def queued_seconds(self) -> float:
        """How long its threads were ready to run, and other programs had the processors."""
        return _scheduled(self._pid, 1)

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid


def cpu_seconds(pid: int) -> float:
    """Processor time, user and system, of a process and its threads: without those that have ended."""
    return _scheduled(pid, 0)


def _scheduled(pid: int, column: int) -> float:
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
            nanoseconds += int(thread.read_text().split()[column])
    return nanoseconds / 1e9


@dataclass(frozen=True)
class Unpacked:
    """Where code, layer and runtime client lie."""

    code: Path
    layer: Path
    client: Path

    def process(self, handler: str, environment: Mapping[str, str]) -> MeasuredProcess:
        """A process of a function that is not started yet."""
        function = PackagedFunction(
            handler=handler,
            code=self.code,
            layers=[self.layer],
            client=self.client,
            seconds=SECONDS,
            memory_mb=MEMORY_MB,
            python=str(venvs.find_python(python_here())),
            version=python_here(),
        )
        return MeasuredProcess(function, environment)


def unpack(folder: Path) -> Unpacked:
    """The packages for this computer, unpacked into a folder, with a runtime client of their own."""
    packages = packaged("dev", ARCHITECTURE)
    return Unpacked(
        code=unpacked(packages / "deployment.zip", folder / "code"),
        layer=unpacked(packages / "layer-deployment.zip", folder / "layer"),
        client=Path(shutil.copytree(runtime_client(), folder / "client")),
    )


@cache
def runtime_client() -> Path:
    """A folder with AWS's runtime interface client, installed once."""
    python = venvs.find_python(python_here())
    folder = venvs.path_of(f"runtime-client-{python_here()}", python, [CLIENT])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "runtime-client.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            new = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(new, ignore_errors=True)
            venvs.run("pip", [python, *venvs.PIP_INSTALL, "--no-deps", "--target", new, "-r", CLIENT])
            new.rename(folder)
    return folder


def handler_of(function: str) -> str:
    return "app.app" if function == "api_handler" else f"chalicelib.web.functions.{function}"


def environment_of(function: str, **changes: str | None) -> dict[str, str]:
    """What Lambda gives a function here: its own settings, and AWS's variables."""
    given: dict[str, str | None] = {
        name: value
        for name, value in os.environ.items()
        if name in FUNCTIONS[function] or name.startswith("AWS_")
    }
    given |= {"_HANDLER": handler_of(function), "AWS_REGION": os.environ["AWS_DEFAULT_REGION"]}
    return {name: value for name, value in (given | changes).items() if value is not None}


def invoke(process: FunctionProcess, event: object) -> Outcome:
    """Hand an event to a function that was started."""
    return process.invoke(
        Invocation(
            request_id=f"00000000-0000-4000-8000-{next(_numbers):012}",
            arn="arn:aws:lambda:us-east-1:000000000000:function:shop",
            trace="Root=1-00000000-000000000000000000000000",
            deadline_ms=int((time.time() + SECONDS) * 1000),
            payload=json.dumps(event).encode(),
        )
    )


def api_event(method: str, path: str, **query: str) -> dict[str, Any]:
    """What API Gateway hands to the API's function for a request without a body."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"Accept": "application/json", "Host": "api.shop.test"},
        "multiValueHeaders": {"Accept": ["application/json"], "Host": ["api.shop.test"]},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "stage": "api",
            "httpMethod": method,
            "resourcePath": path,
            "path": path,
            "requestId": "r-1",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
        },
        "body": None,
        "isBase64Encoded": False,
    }
