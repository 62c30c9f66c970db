"""The shop front is built when its sources have changed, and what hinders that is said in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from localstack.front import FrontNotBuilt, build, is_built, why_unbuilt

ROOT = Path(__file__).parents[2]
BUILDS = """#!/bin/sh
echo once >> ../builds
rm -rf dist && mkdir dist && cp src/main.ts dist/
"""


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def spa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A front with its packages, and an npm that counts its builds."""
    spa = tmp_path / "spa"
    write(spa / "src" / "main.ts", "mount()")
    write(spa / "package.json", "{}")
    write(spa / "node_modules" / "vite" / "package.json", "{}")
    has_npm(tmp_path, monkeypatch, BUILDS)
    return spa


def has_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    write(folder / "npm", script)
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("NPM", str(folder / "npm"))


def builds(spa: Path) -> int:
    return len((spa.parent / "builds").read_text().splitlines())


def test_it_is_built_once_and_again_when_a_source_has_changed(spa: Path) -> None:
    assert not is_built(spa)
    build(spa)
    assert is_built(spa)
    build(spa)
    assert builds(spa) == 1

    for not_built in ("src/lib/money.spec.ts", "src/api/schema.d.ts", "e2e/cart.ts", "node_modules/vue/a.js"):
        write(spa / not_built, "changed")
        assert is_built(spa), not_built
    for source in ("src/main.ts", "src/pages/New.vue", "public/config.json", "vite.config.ts", "index.html"):
        write(spa / source, "changed")
        assert not is_built(spa), source
        build(spa)
        assert is_built(spa), source
    assert builds(spa) == 6
    (spa / "index.html").unlink()
    assert not is_built(spa)


def test_a_first_build_is_not_said_to_follow_a_change(spa: Path) -> None:
    assert why_unbuilt(spa) == "it is not built yet"
    build(spa)
    write(spa / "src" / "main.ts", "changed")
    assert why_unbuilt(spa) == "its sources have changed"


def test_a_build_that_failed_is_tried_again(
    spa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_npm(tmp_path, monkeypatch, "#!/bin/sh\nmkdir dist; echo 'src/main.ts: Unexpected token'; exit 1\n")
    for _ in range(2):
        with pytest.raises(FrontNotBuilt) as trouble:
            build(spa)
        assert "src/main.ts: Unexpected token" in str(trouble.value)
        assert "rm -r spa/node_modules && make run" in str(trouble.value)
        (spa / "dist").rmdir()


def test_without_packages_or_npm_it_is_said_what_brings_them(
    spa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM", str(tmp_path / "nowhere"))
    with pytest.raises(FrontNotBuilt, match=r"no npm\. \./localstack/install run"):
        build(spa)
    (spa / "node_modules").rename(tmp_path / "gone")
    with pytest.raises(FrontNotBuilt, match=r"not installed: \./localstack/install run"):
        build(spa)


def test_of_two_at_a_time_one_builds(spa: Path) -> None:
    program = f"from pathlib import Path; from localstack.front import build; build(Path({str(spa)!r}))"
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    assert builds(spa) == 1
