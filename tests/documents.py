"""Where the documents lie that tests hold against the code, and their generated parts.

`python -m tests.documents` writes the generated parts anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

from chalicelib.errors import ShopError
from chalicelib.web import codes
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


def refusals_by_code() -> dict[int, list[type[ShopError]]]:
    """Every code with the refusals that it answers, by the order of the tables of `web/codes.py`."""
    found: dict[int, dict[type[ShopError], None]] = {}
    for table in vars(codes).values():
        for refusal, answer in table.items() if isinstance(table, dict) else ():
            if isinstance(answer, codes.Answer):
                found.setdefault(answer.code, {})[refusal] = None
    return {code: list(found[code]) for code in sorted(found)}


def code_names() -> dict[int, str]:
    """Every code with its name for clients."""
    return {
        code: codes.NAMES.get(code, refusals[0].__name__) for code, refusals in refusals_by_code().items()
    }


def refusal_codes() -> str:
    """The schema `RefusalCode`: every code with its name, from which clients make an enumeration."""
    meanings = [
        " ".join(" ".join((refusal.__doc__ or "").split()) for refusal in refusals)
        for refusals in refusals_by_code().values()
    ]
    schema = {
        "type": "integer",
        "description": "Every `code` of a refusal, by name: for clients to make an enumeration from.",
        "enum": list(code_names()),
        "x-enum-varnames": list(code_names().values()),
        "x-enum-descriptions": meanings,
    }
    text = json.dumps(schema, ensure_ascii=False, indent=2)
    return indent(f'"RefusalCode": {text}', " " * 6)


GENERATED: dict[Path, Callable[[], str]] = {API: endpoints_table, openapi.DESCRIPTION: refusal_codes}
_PARTS = {
    ".md": re.compile(r"(?<=<!-- generated -->\n\n).*(?=\n\n<!-- end -->)", re.DOTALL),
    ".json": re.compile(r'^      "RefusalCode": \{.*?^      \}', re.DOTALL | re.MULTILINE),
}
"""What is generated of a document, by its kind."""


def generated_part(document: Path) -> str:
    """The part of a document that is generated."""
    (part,) = _PARTS[document.suffix].findall(document.read_text(encoding="utf-8"))
    return str(part)


def main() -> None:
    """Write the generated part of every document that has one."""
    for document, generate in GENERATED.items():
        part = _PARTS[document.suffix]
        text = part.sub(lambda _: generate(), document.read_text(encoding="utf-8"))  # noqa: B023 (called at once)
        document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
