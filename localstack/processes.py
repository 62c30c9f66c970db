"""Child processes that never outlive their parent: started, watched until they are ready, stopped in time."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildFailed(Exception):
    """A child process ended or did not become ready; the text says which, and what it printed last."""


class Child:
    """One running child process. Start it from the main thread: it dies with the thread that started it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        patience: float = 10,
    ) -> None:
        """Start `command`. Its output goes to the file `log`, or to a file that is gone when the child is.

        `patience` is how many seconds it is given to end by itself when it is stopped.
        """
        self.name = name
        self._patience = patience
        self._log = log
        self._output = tempfile.TemporaryFile() if log is None else log.open("ab+")  # noqa: SIM115
        self._output_start = self._output.seek(0, os.SEEK_END)
        parent = os.getpid()
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches the parent only, which ends its children in order.
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent),
        )

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Return when `ready` is true. Raises ChildFailed if the child ends first or the time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running():
                raise ChildFailed(self.obituary())
            if time.monotonic() > deadline:
                self.stop()
                raise ChildFailed(
                    f"{self.name} was not ready after {seconds:.0f} seconds.{self.last_words()}"
                )
            time.sleep(0.05)
        if not self.running():  # what answered on that port was somebody else
            raise ChildFailed(self.obituary())

    def finish(self, seconds: float = 300) -> str:
        """Wait for a child that ends by itself -> its output. Raises ChildFailed unless it ended well."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise ChildFailed(
                f"{self.name} did not end after {seconds:.0f} seconds.{self.last_words()}"
            ) from None
        if code != 0:
            raise ChildFailed(self.obituary())
        return self.output()

    def running(self) -> bool:
        return self.process.poll() is None

    def obituary(self) -> str:
        """Why this child has ended, in words for the person at the terminal."""
        code = self.process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{self.name[0].upper()}{self.name[1:]} {how}.{self.last_words()}"

    def last_words(self, lines: int = 25) -> str:
        """The end of the output, indented, with the place of the whole; empty if there was none."""
        text = self.output()
        if not text:
            return ""
        place = f" (all of it: {self._log})" if self._log else ""
        return f" It said{place}:\n" + "\n".join("    " + line for line in text.splitlines()[-lines:])

    def output(self) -> str:
        """What the child has printed so far."""
        if self._output.closed:
            return ""
        self._output.seek(self._output_start)
        return self._output.read().decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """SIGTERM, which our children take as "finish and go"; SIGKILL when that takes too long."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(self._patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._log is not None:
            self._output.close()


def hold_end() -> None:
    """Let the kernel keep SIGINT, SIGTERM and SIGHUP until `wait_for_end`. Call it before any thread begins.

    Python runs a handler between two of its instructions only: a signal that comes just before the main thread waits
    for a lock or an event would be seen when that is over, which may be never.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)


def wait_for_end() -> None:
    """Return when one of the signals has come since `hold_end`."""
    signal.sigwait(_ENDS)


def answers_http(port: int, path: str = "/") -> bool:
    """Whether an HTTP server on this computer answers at all, with whatever status."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.settimeout(5)
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        return connection.recv(5) == b"HTTP/"
    return False


def free_port() -> int:
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def claim_port(port: int) -> socket.socket | None:
    """Keep a port from other shops on this computer until this socket is closed -> None when one of them has it.

    A shop that is starting does not listen yet. The kernel keeps the claim: it ends with the process at the latest.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0course-shop-port-{port}")
    except OSError:
        claim.close()
        return None
    return claim


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port now. Raises PermissionError for a port reserved to root."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise
        except OSError:
            return False
        return True


def _die_with(parent: int) -> None:
    """Runs in the child before its program: the kernel shall kill it when its parent dies, even by kill -9.

    Killing is no loss: the stores write before they answer.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
