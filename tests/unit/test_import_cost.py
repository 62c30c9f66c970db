"""The modules loaded when a function starts: every Lambda imports app.py, so app.py imports little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("redis", "Cryptodome", "jwt", "cachetools", "boto3")


def loaded_by(*statements: str, environment: dict[str, str] | None = None) -> set[str]:
    """The top-level modules that a fresh interpreter has after these statements."""
    program = "\n".join(
        [*statements, "import sys", "print(*{name.partition('.')[0] for name in sys.modules})"]
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def loaded_by_app() -> set[str]:
    return loaded_by("import app")


@pytest.mark.parametrize("library", HEAVY)
def test_importing_the_application_does_not_import(library: str, loaded_by_app: set[str]) -> None:
    assert library not in loaded_by_app


def test_the_libraries_are_installed_and_would_be_seen() -> None:
    installed = [library for library in HEAVY if library != "boto3"]
    assert set(installed) <= loaded_by(*(f"import {library}" for library in installed))


def test_the_application_is_imported_without_any_setting(loaded_by_app: set[str]) -> None:
    """Packaging imports it where no setting is known."""
    assert {"app", "chalicelib", "chalice", "pynamodb"} <= loaded_by_app


def test_the_command_line_does_not_import_the_application() -> None:
    loaded = loaded_by("import chalicelib.manage.__main__")
    assert not loaded & {"app", "chalice", "pynamodb", *HEAVY}


def test_a_token_is_read_without_the_libraries_of_carts_and_payments() -> None:
    loaded = loaded_by(
        "import app",
        "from datetime import UTC, datetime",
        "from chalicelib.errors import TokenRefused",
        "from chalicelib.shop import token",
        "try:\n    token.read_token('a.b.c', ['k' * 32])\nexcept TokenRefused:\n    pass",
    )
    assert "jwt" in loaded
    assert not loaded & {"redis", "Cryptodome"}
