"""The running `make run` of a data directory, for other programs: its environment in `run.env`."""

from __future__ import annotations

import fcntl
import os
import shlex
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from localstack.keys import write_private


class AlreadyRuns(Exception):
    """Another `make run` uses the same data directory."""


class RunningShop:
    """Holds a data directory for one shop. The kernel lets go of it with the process, however that ends."""

    def __init__(self, data: Path, word: str = "make run") -> None:
        """`word` is what the developer types to start such a shop."""
        self._data, self._word = data, word
        self._lock: IO[str] | None = None

    def __enter__(self) -> RunningShop:
        """Raises AlreadyRuns."""
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds personal data
        lock = (self._data / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise AlreadyRuns(
                f"A shop with its data in {self._data} is already running (process {holder or 'unknown'})."
                " End it with Ctrl-C, or choose other data and ports:"
                f" DATA_DIR=.data2 API_PORT=8010 SPA_PORT=8090 {self._word}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        _env_file(self._data).unlink(missing_ok=True)  # of one that was killed
        return self

    def publish(self, environment: dict[str, str]) -> None:
        """Write run.env: shell assignments that `make manage`, or `set -a; . run.env`, can read."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
        write_private(_env_file(self._data), "".join(lines))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _env_file(self._data).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()


def environment_of_running_shop(data: Path) -> dict[str, str] | None:
    """The environment that the running shop published; None when none runs with its data there."""
    try:
        with (data / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = _env_file(data).read_text(encoding="utf-8")
                return dict(word.split("=", 1) for word in shlex.split(text))
    except FileNotFoundError:
        pass
    return None


def process_of(data: Path) -> int | None:
    """The id of the process whose shop has its data there; None when none runs."""
    try:
        with (data / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def wait_for_end(data: Path) -> None:
    """Return when the shop that runs with its data there, if any, has ended."""
    with suppress(FileNotFoundError), (data / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def _env_file(data: Path) -> Path:
    return data / "run.env"
