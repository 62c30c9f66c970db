"""The hook that refuses a commit whose title is too long. It looks at the message it is given, at no history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("x" * 72 + "\n\n" + "The body may be longer. " * 10, 0),
        ("贝" * 72, 0),
        ("x" * 73, 1),
        ("贝" * 73 + "\n", 1),
    ],
)
def test_a_title_has_at_most_72_characters(tmp_path: Path, message: str, status: int) -> None:
    given = tmp_path / "COMMIT_EDITMSG"
    given.write_text(message, encoding="utf-8")
    done = subprocess.run([ROOT / ".githooks" / "commit-msg", given], capture_output=True, check=False)
    assert done.returncode == status
