"""DynamoDB Local starts with what Java has kept of it, and without when that is not as it should be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from localstack import quick_start, stores
from localstack.stores import DynamoDBLocal, QuickStart

pytestmark = pytest.mark.skipif(
    not stores.has_own_java(), reason="this Java is not the one that is installed"
)


class Started(DynamoDBLocal):
    """One with what was kept somewhere; `mode` says what Java does when it cannot use it: `on` ends, `auto` goes on."""

    def __init__(self, kept: QuickStart, mode: str) -> None:
        super().__init__()
        self._kept, self._mode = kept, mode

    def _command(self) -> list[str | os.PathLike[str]]:
        usual = stores.quick_start()
        there = {str(usual.jar): str(self._kept.jar), str(usual.cache): str(self._kept.cache)}
        words = [str(word) for word in super()._command()]
        for one, other in there.items():
            words = [word.replace(one, other) for word in words]
        return [words[0], f"-XX:AOTMode={self._mode}", *words[1:]]


def test_an_installation_has_made_it_and_java_takes_it() -> None:
    quick_start.prepare()
    kept = stores.quick_start()
    assert kept.is_there()
    with Started(kept, "on"):
        pass


def test_it_is_made_again_for_another_runner(tmp_path: Path) -> None:
    kept = QuickStart(tmp_path / "program.jar", tmp_path / "classes.aot")
    assert not kept.is_there()
    kept.cache.touch()
    assert kept.is_there()
    os.utime(kept.cache, (0, 0))
    assert not kept.is_there()


@pytest.mark.parametrize("content", [b"", b"damaged" * 1000])
def test_without_it_the_program_starts_all_the_same(tmp_path: Path, content: bytes) -> None:
    quick_start.prepare()
    kept = QuickStart(tmp_path / "program.jar", tmp_path / "classes.aot")
    shutil.copy(stores.quick_start().jar, kept.jar)
    kept.cache.write_bytes(content)
    with Started(kept, "auto"):
        pass
