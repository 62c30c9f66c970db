"""Python 3.13 is found by running it, and an environment is made once for what it is made of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localstack import venvs
from localstack.venvs import PythonMissing, VenvNotMade, find_python, make, path_of

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_stub_of_a_version_manager_is_passed_over(tmp_path: Path, on_path: Path) -> None:
    program(on_path / "python3.77", "echo 'pyenv: python3.77: command not found' >&2; exit 127")
    kept = program(
        tmp_path / ".pyenv/versions/3.77.1/bin/python3.77", "echo 3.77 /usr/bin/python3.77 the version"
    )
    assert find_python("3.77", {"HOME": str(tmp_path)}) == kept


def test_a_program_of_another_version_is_passed_over(tmp_path: Path, on_path: Path) -> None:
    program(on_path / "python3.77", "echo 3.76 /usr/bin/python3.76 the version")
    with pytest.raises(PythonMissing, match=r"apt install python3\.77-venv(.|\n)*PYTHON377="):
        find_python("3.77", {"HOME": str(tmp_path)})


def test_a_named_python_is_taken_or_refused(tmp_path: Path) -> None:
    named = program(tmp_path / "mine", "echo 3.77 /mine the version")
    assert find_python("3.77", {"PYTHON377": str(named)}) == named
    with pytest.raises(PythonMissing, match=f"PYTHON378={named} is no Python 3.78"):
        find_python("3.78", {"PYTHON378": str(named)})


def test_the_python_of_these_tests_is_found_by_running_it() -> None:
    assert find_python(THIS, {f"PYTHON{THIS.replace('.', '')}": sys.executable}) == Path(sys.executable)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python whose environments are folders with another such program in them; it writes down what it is asked."""
    asked = tmp_path / "asked"
    script = f"""
        echo "$*" >>{asked}
        case "$*" in
            "-m pip"*) if [ -f {tmp_path / "offline"} ]; then echo no network; exit 1; fi ;;
            "-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
            *) echo 3.77 here the version ;;
        esac"""
    return program(tmp_path / "python", script)


@pytest.fixture
def pips(tmp_path: Path) -> Callable[[], int]:
    return lambda: (tmp_path / "asked").read_text().count("pip install")


def test_an_environment_is_made_once_and_anew_when_its_requirements_change(
    tmp_path: Path, python: Path, pips: Callable[[], int]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one==1\n")
    first = make("tools", python, [requirements], tmp_path / "venvs")
    assert make("tools", python, [requirements], tmp_path / "venvs") == first
    assert pips() == 1
    requirements.write_text("one==2\n")
    second = make("tools", python, [requirements], tmp_path / "venvs")
    assert second != first
    assert pips() == 2
    assert not first.exists()
    assert second.exists()


def test_what_could_not_be_installed_is_told_and_tried_again(
    tmp_path: Path, python: Path, pips: Callable[[], int]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one==1\n")
    (tmp_path / "offline").touch()
    with pytest.raises(VenvNotMade, match="no network"):
        make("tools", python, [requirements], tmp_path / "venvs")
    assert not venvs.is_made(path_of("tools", python, [requirements], tmp_path / "venvs"))
    (tmp_path / "offline").unlink()
    make("tools", python, [requirements], tmp_path / "venvs")
    assert pips() == 2
