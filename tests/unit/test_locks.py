"""The packages that go to Lambda have hashes, and the versions with which everything is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import lock
from tests.packages import pins

ROOT = Path(__file__).parents[2]


def test_the_layer_has_what_the_requirements_pin() -> None:
    wanted = pins("requirements.txt")
    del wanted["async-timeout"]  # of an older Python
    assert pins("infra/libraries.lock") == wanted


def test_packaging_uses_the_versions_that_are_pinned() -> None:
    tried = pins("requirements.txt", "localstack/requirements.txt")
    locked = pins("infra/packaging.lock")
    assert locked.keys() - tried.keys() == {"ansicon", "pip"}  # Windows' and the installer
    assert {name: locked[name] for name in locked.keys() & tried.keys()} == {
        name: version for name, version in tried.items() if name in locked
    }
    assert pins("infra/libraries.lock").items() <= locked.items()


@pytest.mark.parametrize("file", lock.LOCKS)
def test_every_package_has_a_hash(file: str) -> None:
    for requirement in (ROOT / "infra" / file).read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        assert re.search(r"==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement
