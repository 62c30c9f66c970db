"""One execution environment: a function's process, which is kept warm between invocations and begun anew when it ends.

The outcomes are Lambda's: an exception is the function's own error, a process that ends is `Runtime.ExitError`, and one
that takes too long is killed, `Sandbox.Timedout`.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .runtime_api import Event, Invocation, Kind, RuntimeApi

INIT_SECONDS = 60
"""How long a function may load. AWS allows 10 s, on a computer that does nothing else."""

# A process dies with the thread that started it (see bootstrap.py), so one thread that stays starts all of them.
_starter = ThreadPoolExecutor(1, thread_name_prefix="function-starter")


@dataclass(frozen=True)
class Function:
    """What is run: `handler` in `code`, with its `layers` and the runtime client at `client`, all unpacked folders."""

    handler: str
    code: Path
    layers: Sequence[Path]
    client: Path
    seconds: float
    memory_mb: int
    python: str = sys.executable

    def paths(self) -> list[Path]:
        """Where imports come from, in Lambda's order."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        inside = ("python", f"python/lib/{version}/site-packages")
        return [self.code, *(layer / part for part in inside for layer in self.layers), self.client]


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to: JSON, whether it is an error, and what was logged meanwhile."""

    payload: bytes
    is_error: bool
    logs: str


class NotBegun(Exception):
    """The function could not be loaded; `payload` is the error as Lambda answers it."""

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload.decode("utf-8", "replace"))
        self.payload = payload


class FunctionProcess:
    """Runs one function, one invocation at a time. `environment` is all that the process sees of its kind."""

    def __init__(self, function: Function, environment: Mapping[str, str]) -> None:
        self._function, self._environment = function, environment
        self._scratch = tempfile.TemporaryDirectory(prefix="function-")
        self._log = (Path(self._scratch.name) / "log").open("ab+")
        self._api: RuntimeApi | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Load the function. Raises NotBegun."""
        self._api = RuntimeApi()
        folder = Path(self._scratch.name) / "tmp"
        folder.mkdir(exist_ok=True)
        environment = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            **self._environment,
            "TMPDIR": str(folder),
            "LAMBDA_TASK_ROOT": str(self._function.code),
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
        }
        self._process = _starter.submit(self._begin, environment).result()
        threading.Thread(target=_tell_end, args=(self._process, self._api), daemon=True).start()
        event = self._event(INIT_SECONDS)
        if event is None or event.kind is not Kind.ASKED:
            payload = self._init_error(event)
            self._end()
            raise NotBegun(payload)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function. It may take `function.seconds`; then its process is killed."""
        before, began = self.log_size(), time.monotonic()
        try:
            if self._process is None:  # it has ended during the last one
                self.start()
            payload, is_error = self._ran(invocation)
        except NotBegun as failed:
            payload, is_error = failed.payload, True
        return Outcome(payload, is_error, self._told(invocation.request_id, before, time.monotonic() - began))

    def stop(self) -> None:
        """End the process and forget all of it. May be repeated, and during an invocation."""
        self._end()
        self._scratch.cleanup()

    def log_size(self) -> int:
        """How many bytes the function has logged so far."""
        return os.fstat(self._log.fileno()).st_size

    def log(self, after: int = 0) -> str:
        """What the function has logged since it had logged so many bytes."""
        size = self.log_size() - after
        return os.pread(self._log.fileno(), size, after).decode("utf-8", "replace")

    def _begin(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        bootstrap = Path(__file__).with_name("bootstrap.py")
        paths = ":".join(map(str, self._function.paths()))
        # -S and -s: no packages of this computer. -B: code is read-only on AWS, so nothing is compiled into it.
        program = [self._function.python, "-S", "-s", "-B", str(bootstrap)]
        return subprocess.Popen(
            [*program, self._function.handler, paths, str(os.getpid())],
            cwd=self._function.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _ran(self, invocation: Invocation) -> tuple[bytes, bool]:
        assert self._api is not None
        self._api.give(invocation)
        deadline = time.monotonic() + self._function.seconds
        event = self._event(deadline - time.monotonic())
        if event is None:
            self._end()
            seconds = f"{self._function.seconds:.2f}"
            return _error(
                "Sandbox.Timedout", f"Task timed out after {seconds} seconds", invocation.request_id
            ), True
        if event.kind is Kind.EXITED:
            return self._exit_error(invocation.request_id), True
        # Only when it asks again has it written all that it logs.
        after = self._event(max(deadline - time.monotonic(), 1))
        if after is None or after.kind is not Kind.ASKED:
            self._end()
        return event.body, event.kind is Kind.FAILED

    def _event(self, seconds: float) -> Event | None:
        assert self._api is not None
        try:
            return self._api.events.get(timeout=max(seconds, 0))
        except queue.Empty:
            return None

    def _init_error(self, event: Event | None) -> bytes:
        if event is None:
            return _error("Sandbox.Timedout", f"Init timed out after {INIT_SECONDS}.00 seconds")
        return event.body if event.kind is Kind.NOT_BEGUN else self._exit_error()

    def _exit_error(self, request_id: str = "") -> bytes:
        process = self._process  # None when `stop` was called meanwhile
        code = process.wait() if process is not None else -signal.SIGKILL
        self._end()
        how = f"exit status {code}" if code >= 0 else f"signal: {signal.strsignal(-code) or -code}".lower()
        return _error("Runtime.ExitError", f"Runtime exited with error: {how}", request_id)

    def _end(self) -> None:
        process, api = self._process, self._api
        self._process = self._api = None
        if process is not None:
            process.kill()
            process.wait()
        if api is not None:
            api.close()

    def _told(self, request_id: str, before: int, seconds: float) -> str:
        """What was logged since `before`, between the lines that Lambda writes by itself."""
        text = self.log(before)
        if text and not text.endswith("\n"):
            text += "\n"
        report = f"Duration: {seconds * 1000:.2f} ms\tMemory Size: {self._function.memory_mb} MB"
        if peak := self._peak_mb():
            report += f"\tMax Memory Used: {peak} MB"
        ends = f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\t{report}\n"
        return f"START RequestId: {request_id}\n{text}{ends}"

    def _peak_mb(self) -> int | None:
        if self._process is None:
            return None
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text())
        except OSError:
            return None
        return int(found[1]) // 1024 if found else None


def _error(kind: str, text: str, request_id: str = "") -> bytes:
    told = f"RequestId: {request_id} Error: {text}" if request_id else text
    return json.dumps({"errorType": kind, "errorMessage": told}).encode()


def _tell_end(process: subprocess.Popen[bytes], api: RuntimeApi) -> None:
    process.wait()
    api.events.put(Event(Kind.EXITED))
