"""What the tests need of the package index besides `.venv/`: `make install-test` fetches it, and no test waits for it.

    python -m tests.fetched     fetches what is not there yet

The tools that check the templates, the environment that packages, the layers of both processors, and AWS's runtime
client. Each is made by what uses it, where it is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from infra.libraries import BUILD, INFRA, MACHINES, build_layer
from infra.lock import LOCKS
from infra.package import packaging_python
from localstack import venvs
from tests import packaged_functions, template_tools
from tests.packages import python_here

_STAMP = BUILD / "fetched-for-tests"


def main() -> None:
    """Fetch what is missing, and say so. What cannot be fetched now, the tests that need it tell of."""
    wanted = _made_of()
    if _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == wanted:
        return
    for what, fetch in _parts():
        print(f"==> Fetching {what}", flush=True)  # noqa: T201
        try:
            fetch()
        except (venvs.VenvNotMade, venvs.PythonMissing) as failed:
            print(f"Tests will fail that need {what}: {failed}", file=sys.stderr)  # noqa: T201
            return
    _STAMP.write_text(wanted, encoding="utf-8")


def _parts() -> Iterator[tuple[str, Callable[[], object]]]:
    version = python_here()
    yield "what checks the templates (300 MB unpacked)", template_tools.python
    yield "what packages the functions", partial(packaging_python, version)
    for processor in MACHINES:
        yield f"the functions' libraries for {processor}", partial(_layer, processor, version)
    yield "AWS's runtime client", packaged_functions.runtime_client


def _layer(processor: str, version: str) -> Path:
    return build_layer(processor, packaging_python(version), version)


def _made_of() -> str:
    """Changes with the requirements, the Pythons and where the project lies."""
    requirements = [template_tools.REQUIREMENTS, packaged_functions.CLIENT, *(INFRA / name for name in LOCKS)]
    return "\n".join([sys.executable, sys.version, python_here(), venvs.hash_of(requirements)])


if __name__ == "__main__":
    main()
