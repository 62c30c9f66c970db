"""Virtual environments beside `.venv/`, for programs that want a Python or packages of their own.

Each lies in `build/venvs/`, named for what it is made of: it is made once, and anew when its requirements or its
Python change. Of two at a time one makes it, and the other waits.

    python -m localstack.venvs 3.13     where a Python 3.13 is
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from localstack.processes import Child, ChildFailed

ROOT = Path(__file__).parents[1]
VENVS = ROOT / "build" / "venvs"

_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable, sys.version)"
_SECONDS = 1800
"""How long pip may take: the packages of LocalStack are 500 MB, and some lines are slow."""


class PythonMissing(Exception):
    """There is no Python of the wanted version; the text says what to do."""


class VenvNotMade(Exception):
    """Packages could not be installed; the text says why."""


def find_python(version: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The Python of this version, such as "3.13": one with `venv` that was seen to run, as a program of that name
    may be a version manager's that has no such Python.

    `PYTHON313` in the environment names one. Else: what is on PATH, then what pyenv and uv keep in the home directory.
    Raises PythonMissing.
    """
    setting = f"PYTHON{version.replace('.', '')}"
    if given := environment.get(setting):
        if _version(given) != version:
            raise PythonMissing(f"{setting}={given} is no Python {version} with its venv module.")
        return Path(given)
    for candidate in _candidates(version, environment):
        if _version(candidate) == version:
            return Path(shutil.which(candidate) or candidate)
    raise PythonMissing(
        f"Python {version} with its venv module is missing. One of these brings it:\n"
        f"  sudo apt install python{version}-venv    (Debian 13; other systems may name it differently)\n"
        f"  pyenv install {version}                  (or: uv python install {version})\n"
        f"{setting}=/path/to/python{version} names one that lies elsewhere."
    )


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[str | Path]:
    yield f"python{version}"
    yield "python3"
    home = Path(environment.get("HOME") or "/nowhere")
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv")
    places = [pyenv / "versions", home / ".local" / "share" / "uv" / "python"]
    for place in places:
        yield from sorted(place.glob(f"*/bin/python{version}"), reverse=True)


def _version(python: str | Path) -> str:
    """The version of a Python that runs and can make virtual environments; empty for what cannot."""
    return _probed(python).partition(" ")[0]


def _probed(python: str | Path) -> str:
    try:
        asked = subprocess.run(
            [python, "-c", _PROBE], capture_output=True, text=True, timeout=30, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout if asked.returncode == 0 else ""


def path_of(name: str, python: Path, requirements: Sequence[Path], folder: Path = VENVS) -> Path:
    """Where the environment lies, or would lie, that has exactly these requirements."""
    made_of = _probed(python) + hash_of(requirements)
    return folder / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def hash_of(files: Sequence[Path]) -> str:
    """A hash over the contents of files."""
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def is_made(venv: Path) -> bool:
    """Whether this environment was made to its end."""
    return (venv / "made").exists()


def make(
    name: str,
    python: Path,
    requirements: Sequence[Path],
    folder: Path = VENVS,
) -> Path:
    """The environment with these requirements -> its Python. Older ones of the same name are removed.

    pip's words are shown when it fails. Raises VenvNotMade.
    """
    venv = path_of(name, python, requirements, folder)
    own = venv / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{name}.lock"):
        if not is_made(venv):
            shutil.rmtree(venv, ignore_errors=True)
            run("venv", [python, "-m", "venv", venv])
            files = [word for file in requirements for word in ("-r", file)]
            run("pip", [own, *PIP_INSTALL, *files])
            (venv / "made").touch()
        for other in folder.glob(f"{name}-*"):
            if other != venv:
                shutil.rmtree(other, ignore_errors=True)
    return own


PIP_INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
"""What follows the Python in a call of pip."""


def run(name: str, command: Sequence[str | Path]) -> None:
    """Run a program that prepares an environment, silently. Raises VenvNotMade with its last words."""
    child = Child(name, command, directory=ROOT)
    try:
        child.finish(_SECONDS)
    except ChildFailed as failed:
        raise VenvNotMade(str(failed)) from failed
    finally:
        child.stop()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for others that make the same; the kernel lets go with the process."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(version: str) -> int:
    """Print where the Python of this version is; without one say so, and return 1."""
    try:
        print(find_python(version))
    except PythonMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
