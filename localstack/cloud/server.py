"""LocalStack as a child process, without Docker: the environment that it runs in, and the folder that it lives in.

DynamoDB Local and Java are the shop's own, put where LocalStack looks for what it would download.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localstack import stores, venvs
from localstack.processes import LOOPBACK, Child, answers_http

HERE = Path(__file__).parent
PYTHON = "3.13"
"""The Python that LocalStack 4.14.0 wants. It is also the functions' own: they run on it."""

EXECUTOR = HERE / "executor"
REQUIREMENTS = HERE / "requirements.txt"
RUNTIME_CLIENT = HERE / "runtime-client.txt"
START_SECONDS = 180

_JAVA = """\
#!{python}
# What LocalStack takes for Java. It starts nothing but DynamoDB Local, here by the shop's own runner.
import ctypes, os, signal, sys

ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # it dies with LocalStack
command = {command!r}
options = sys.argv[sys.argv.index("-jar") + 2 :]
os.execvp(command[0], [*command, "-disableTelemetry", *options])
"""


def install() -> Path:
    """LocalStack's own virtual environment with the executor in it, as far as it does not exist -> its Python.

    Raises PythonMissing, VenvNotMade.
    """
    python = venvs.make("localstack", venvs.find_python(PYTHON), [REQUIREMENTS])
    _install_executor(python)
    return python


def is_installed() -> bool:
    """Whether the environment exists. Raises PythonMissing."""
    return venvs.is_made(venvs.path_of("localstack", venvs.find_python(PYTHON), [REQUIREMENTS]))


def _install_executor(python: Path) -> None:
    sources = [EXECUTOR / "pyproject.toml", *sorted((EXECUTOR / "process_executor").glob("*.py"))]
    wanted, stamp = venvs.hash_of([RUNTIME_CLIENT, *sources]), python.parents[1] / "executor"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    client = python.parents[1] / "runtime-client"
    shutil.rmtree(client, ignore_errors=True)
    venvs.run("pip", [python, *venvs.PIP_INSTALL, "--no-deps", "--target", client, "-r", RUNTIME_CLIENT])
    with tempfile.TemporaryDirectory() as scratch:  # building leaves files beside the sources
        copy = shutil.copytree(EXECUTOR, Path(scratch) / "executor")
        options = ("--no-deps", "--no-build-isolation", "--force-reinstall")
        venvs.run("pip", [python, *venvs.PIP_INSTALL, *options, copy])
    stamp.write_text(wanted)


class LocalStack:
    """The process, at `port`, with its folder in `data`. Data are in memory: they go with it."""

    def __init__(self, python: Path, port: int, data: Path, log: Path) -> None:
        self._python, self._port, self._folder, self._log = python, port, data.resolve(), log

    def start(self, environment: Mapping[str, str]) -> Child:
        """Start it and wait until it answers -> its process. Raises ChildFailed, ProgramMissing."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._put_programs()
        child = Child(
            "LocalStack",
            [self._python, "-m", "localstack.runtime.main"],
            directory=self._folder,  # not the shop's, whose package is called localstack too
            environment=self._environment(environment),
            log=self._log,
            patience=1,  # it has nothing to lose, and takes its time
        )
        child.wait_until(lambda: answers_http(self._port, "/_localstack/health"), START_SECONDS)
        return child

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        scratch = self._folder / "tmp"
        scratch.mkdir()
        kept = {
            name: value for name, value in environment.items() if name in ("PATH", "HOME", "LANG", "LC_ALL")
        }
        return {
            **kept,
            # 127.0.0.1 in the notation of IPv6: for an address of IPv4 it would listen for the whole network.
            "GATEWAY_LISTEN": f"[::ffff:{LOOPBACK}]:{self._port}",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "90",  # of a busy computer
            "FILESYSTEM_ROOT": str(self._folder),
            "TMPDIR": str(scratch),
            "OVERRIDE_IN_DOCKER": "0",
            "EAGER_SERVICE_LOADING": "0",
            "DYNAMODB_IN_MEMORY": "1",
            # Nothing is asked of or told to anybody outside.
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "NO_PROXY": "*",
            # Its own answers to browsers are for no page; those of the shop's API come from the API.
            "DISABLE_CORS_HEADERS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def _put_programs(self) -> None:
        """DynamoDB Local and Java, where LocalStack's installers find them already installed."""
        library = self._folder / "var" / "lib" / "localstack" / "lib"
        java, dynamodb = library / "java" / "21" / "bin" / "java", library / "dynamodb-local" / "2"
        command = [str(word) for word in stores.dynamodb_program()]
        java.parent.mkdir(parents=True)
        java.write_text(_JAVA.format(python=sys.executable, command=command), encoding="utf-8")
        java.chmod(0o755)
        dynamodb.mkdir(parents=True)
        (dynamodb / "DynamoDBLocal.jar").touch()  # the sign that it is installed; the command knows where
