"""One `python -m localstack.run` under test: started, watched until it is ready, asked, ended."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.settings import SETTINGS
from localstack.processes import port_is_free
from tests.ports import reserve_port

ROOT = Path(__file__).parents[2]
SECONDS = 120
"""How long anything may take on a machine that is ten times busier than one would like."""


def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Return when the condition is true. AssertionError, which says `what`, when that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.02)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Run:
    """One `python -m localstack.run`, which is what `make run` becomes."""

    module = "localstack.run"
    port_settings: tuple[str, ...] = (
        "API_PORT",
        "SPA_PORT",
        "ALIPAY_SIMULATOR_PORT",
        "WECHAT_SIMULATOR_PORT",
        "GEETEST_SIMULATOR_PORT",
        "POLYV_SIMULATOR_PORT",
        "POST_SIMULATOR_PORT",
        "SMTP_SIMULATOR_PORT",
    )

    def __init__(self, data: Path, settings: Mapping[str, str]) -> None:
        self.data = data
        # A start takes a while: until it listens, nobody else may be given one of its ports.
        reserved = {name: reserve_port() for name in self.port_settings}
        self._reservations = [reservation for reservation, _ in reserved.values()]
        ports = {name: port for name, (_, port) in reserved.items()}
        self.api_port, self.spa_port = ports["API_PORT"], ports["SPA_PORT"]
        clean = {
            name: value
            for name, value in os.environ.items()
            if name not in SETTINGS and not name.startswith(("AWS_", "SHOP_"))
        }
        self.environment = {
            **clean,
            "DATA_DIR": str(data),
            **{name: str(port) for name, port in ports.items()},
            "PASSWORD_ITERATIONS": "1000",
            **settings,
        }
        self.output = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self, **popen: Any) -> Run:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **popen,
        )
        return self

    def until_ready(self) -> Run:
        assert self.process
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Ready: "):
                return self
        pytest.fail(f"it did not start:\n{self.output}")

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ended(self) -> int:
        """Wait for the end; the exit code, with all output in `output`."""
        assert self.process
        rest, _ = self.process.communicate(timeout=SECONDS)
        self.output += rest or ""
        return self.process.returncode

    def send(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def children(self) -> dict[int, str]:
        """Process id -> command line of everything the run has started."""
        assert self.process
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(FileNotFoundError, ProcessLookupError):
                    parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                    if int(parent) == self.process.pid:
                        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                        found[int(entry.name)] = command
        return found

    def servers(self) -> dict[int, str]:
        """Port -> command line of all that any child listens on, as the kernel knows it."""
        ports = {}
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A":  # it listens
                    ports[f"socket:[{words[9]}]"] = int(words[1].rpartition(":")[2], 16)
        found = {}
        for pid, command in self.children().items():
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(FileNotFoundError):
                    if port := ports.get(os.readlink(descriptor)):
                        found[port] = command
        return found

    def run_env(self) -> dict[str, str]:
        text = (self.data / "run.env").read_text()
        return dict(word.split("=", 1) for word in shlex.split(text))

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.api_port}{path}", timeout=SECONDS, **arguments)

    def signed_in_as_printed(self) -> Any:
        """The answer to the shell lines that were printed for signing in from a terminal."""
        printed = self.output.rpartition("To sign in from a terminal")[2].splitlines()[1:]
        script = "\n".join(line.strip() for line in printed if "curl" in line)
        shell = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, timeout=60, check=True)
        return json.loads(shell.stdout)

    def purchase_by_hand(self) -> str:
        """What the lines of docs/api.md print that buy a course."""
        text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").split("## A purchase by hand")[1]
        lines = text.split("\n## ")[0].splitlines()
        script = "\n".join(line.removeprefix("    ") for line in lines if line.startswith("    "))
        ports = {
            "8000": self.environment["API_PORT"],
            "8100": self.environment["ALIPAY_SIMULATOR_PORT"],
            "8110": self.environment["GEETEST_SIMULATOR_PORT"],
        }
        script = re.sub(r"127\.0\.0\.1:(\d+)", lambda found: f"127.0.0.1:{ports[found[1]]}", script)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=300, check=True)
        assert done.stderr == ""
        return done.stdout

    def left_nothing(self, children: Mapping[int, str]) -> None:
        until(lambda: all(is_gone(pid) for pid in children), f"still there: {children}")
        ports = [int(self.environment[name]) for name in self.port_settings]
        until(lambda: all(port_is_free(port) for port in ports), "a port is still taken")

    def end(self) -> None:
        """Kill it if it still runs, as a test's clearing up; its children die with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
        for reservation in self._reservations:
            reservation.close()
