"""Where the documents lie that tests hold against the code, and their generated parts.

`python -m tests.documents` writes the generated parts anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests import openapi

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
ROUND_TRIPS = DOCS / "round-trips.md"
SETTINGS = DOCS / "settings.md"
API = DOCS / "api.md"
DATA = DOCS / "data.md"
DECISIONS = DOCS / "decisions.md"
DEPENDENCIES = DOCS / "dependencies.md"


def endpoints_table() -> str:
    """Every endpoint with what it does and what it refuses, as `openapi.json` says."""
    rows = ["| Endpoint | What it does | It refuses |", "| --- | --- | --- |"]
    for operation in openapi.operations():
        described = operation.described
        # The table of a description: code, `msg`, when.
        refusals = re.findall(r"^\| (\d{4}) \| .*? \| (.*?) \|$", described["description"], re.MULTILINE)
        listed = "<br>".join(f"{code} {when}" for code, when in refusals)
        rows.append(f"| `{operation}` | {described['summary']} | {listed} |")
    return "\n".join(rows)


GENERATED: dict[Path, Callable[[], str]] = {API: endpoints_table}
_PART = re.compile(r"(?<=<!-- generated -->\n\n).*(?=\n\n<!-- end -->)", re.DOTALL)


def generated_part(document: Path) -> str:
    """What stands between the marks of a document."""
    (part,) = _PART.findall(document.read_text(encoding="utf-8"))
    return str(part)


def main() -> None:
    """Write the generated part of every document that has one."""
    for document, generate in GENERATED.items():
        text = _PART.sub(lambda _: generate(), document.read_text(encoding="utf-8"))  # noqa: B023 (called at once)
        document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
