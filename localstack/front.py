"""The shop front, built from `spa/` when its sources have changed since the last time.

    python -m localstack.front     build it if need be

`spa/dist/.sources` holds the hash of what was built. The packages come from `localstack/install`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localstack.processes import Child, ChildFailed

ROOT = Path(__file__).parents[1]
SPA = ROOT / "spa"
KEPT_NODE = ROOT / ".venv" / "node" / "bin"
"""Where `localstack/install` puts Node.js on a computer that has none."""

_NO_SOURCES = {"node_modules", "dist", "e2e", "audit", "test-results", "playwright-report", "README.md"}
"""What lies in `spa/` and does not go into the build, as tests and types do not."""
_NO_SOURCE_ENDINGS = (".spec.ts", ".d.ts")


class FrontNotBuilt(Exception):
    """The shop front cannot be built; the text says why and what to do."""


def is_built(spa: Path = SPA) -> bool:
    """Whether `dist/` was built from the sources as they are."""
    try:
        return (spa / "dist" / ".sources").read_text(encoding="utf-8") == sources_hash(spa)
    except FileNotFoundError:
        return False


def why_unbuilt(spa: Path = SPA) -> str:
    """Why a front that is not built has to be, as the end of a sentence."""
    if (spa / "dist" / ".sources").exists():
        return "its sources have changed"
    return "it is not built yet"


def build(spa: Path = SPA) -> None:
    """Build `dist/`, unless it is; of two at a time one builds. Raises FrontNotBuilt."""
    if not (spa / "node_modules").is_dir():
        raise FrontNotBuilt("The shop front's packages are not installed: ./localstack/install run")
    with _alone(spa / "node_modules"):
        if is_built(spa):
            return
        built = sources_hash(spa)
        environment = os.environ | {"PATH": f"{KEPT_NODE}{os.pathsep}{os.environ.get('PATH', '')}"}
        npm = os.environ.get("NPM") or "npm"
        try:
            building = Child("npm run build", [npm, "run", "build"], directory=spa, environment=environment)
            try:
                building.finish()
            finally:
                building.stop()
        except FileNotFoundError:
            raise FrontNotBuilt(
                "The shop front cannot be built: there is no npm. ./localstack/install run brings one."
            ) from None
        except ChildFailed as failed:
            raise FrontNotBuilt(
                f"The shop front cannot be built: {failed}\n"
                "  If packages are missing or damaged: rm -r spa/node_modules && make run\n"
                "  If a source is at fault: mend it in spa/, or git checkout spa"
            ) from failed
        (spa / "dist" / ".sources").write_text(built, encoding="utf-8")


def sources_hash(spa: Path = SPA) -> str:
    """A hash over names and contents of all that goes into the build."""
    total = hashlib.sha256()
    for file in _sources(spa):
        total.update(f"{file.relative_to(spa).as_posix()}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _sources(spa: Path) -> Iterator[Path]:
    for top in sorted(spa.iterdir()):
        if top.name not in _NO_SOURCES:
            files = sorted(top.rglob("*")) if top.is_dir() else [top]
            yield from (
                file for file in files if file.is_file() and not file.name.endswith(_NO_SOURCE_ENDINGS)
            )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait for others that build in this directory; the kernel lets go with the process."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main() -> int:
    """Build, and say in words what went wrong."""
    try:
        build()
    except FrontNotBuilt as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
