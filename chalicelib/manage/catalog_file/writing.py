"""`Catalogue` -> the text of a file: everything in a fixed order, short rows on one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .rows import Catalogue, Row, columns

_LINE = 250


def write_file(catalogue: Catalogue, path: Path, *, overwrite: bool) -> None:
    """Write a file, whole or not at all. Raises FileExistsError unless `overwrite`, OSError."""
    if path.exists() and not overwrite:
        raise FileExistsError(path)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(catalogue_text(catalogue), encoding="utf-8")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def catalogue_text(catalogue: Catalogue) -> str:
    """The text of a catalogue's file."""
    return json_text(as_json(catalogue.in_order())) + "\n"


def as_json(row: Row) -> dict[str, Any]:
    """A row as JSON, without the fields that have their default."""
    written: dict[str, Any] = {}
    for column in columns(type(row)):
        value = getattr(row, column.name)
        if column.is_optional and value == column.default:
            continue
        if column.rows:
            written[column.name] = [as_json(one) for one in value]
        elif column.form:
            written[column.name] = column.form.write(value)
        else:
            written[column.name] = as_json(value)
    return written


def json_text(value: Any, indent: int = 0) -> str:
    """JSON with every value that fits and holds no further lists on one line."""
    on_one_line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return on_one_line
    parts = list(value.values()) if isinstance(value, dict) else value
    is_flat = not any(isinstance(part, dict | list) for part in parts)
    if is_flat and indent > 0 and indent + len(on_one_line) <= _LINE:
        return on_one_line
    inner = indent + 2
    texts = [json_text(part, inner) for part in parts]
    if isinstance(value, dict):
        texts = [
            f"{json.dumps(name, ensure_ascii=False)}: {text}" for name, text in zip(value, texts, strict=True)
        ]
    lines = ",\n".join(" " * inner + text for text in texts)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"
