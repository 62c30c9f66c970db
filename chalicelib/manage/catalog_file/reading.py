"""Text -> `Catalogue`, or all faults of the text at once, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, TypeVar

from . import rules
from .forms import Wrong, short
from .rows import Catalogue, Column, Row, columns

Place = tuple[str | int, ...]
"""A place in the file: names of fields, positions in lists."""

ARow = TypeVar("ARow", bound=Row)

_MAX_BYTES = 100_000_000
_MAX_DEPTH = 30
"""A catalogue is nested 9 deep; a value nested a thousand deep cannot be walked."""
_SPACE = re.compile(r"[ \t\n\r]*")


class FaultyFile(Exception):
    """The file cannot be used. `faults` are lines that each name a place and what is wrong there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass
class Document:
    """A JSON text that can be read: its value, and the line on which each of its values begins."""

    name: str
    value: object
    lines: dict[Place, int] = field(default_factory=dict)
    twice: list[Place] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line on which a value begins. For a missing value: the line of its parent."""
        return next(self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines)

    def at(self, place: Place, text: str) -> str:
        """A fault with file and line, as an editor jumps to it."""
        return f"{self.name}:{self.line(place)}: {_shown(place)}{text}"


def read_file(path: Path) -> tuple[Catalogue, Document]:
    """The catalogue in a file. Raises FaultyFile, OSError."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    document = read_json(content, str(path))
    return read_catalogue(document), document


def read_json(content: bytes, name: str) -> Document:
    """The JSON in a file of this name. Raises FaultyFile."""
    if len(content) > _MAX_BYTES:
        raise FaultyFile([f"{name}: larger than {_MAX_BYTES // 1_000_000} MB"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FaultyFile([f"{name}: not UTF-8, at byte {error.start}"]) from error
    try:
        value = json.loads(text)
        document = Document(name, value)
        _walk(text, document)
    except json.JSONDecodeError as error:
        raise FaultyFile([f"{name}:{error.lineno}: column {error.colno}: no JSON: {error.msg}"]) from error
    except RecursionError as error:
        raise FaultyFile([f"{name}: nested too deeply"]) from error
    except ValueError as error:
        raise FaultyFile([f"{name}: holds a number with too many digits"]) from error
    return document


def read_catalogue(document: Document, place: Place = (), today: date | None = None) -> Catalogue:
    """The catalogue at a place of a document. Raises FaultyFile with all its faults.

    With `today`, dates may also be counted from it: `today`, `today+30`.
    """
    value = document.value
    for step in place:
        value = value.get(step) if isinstance(value, dict) else None
    reader = _Reader(today)
    reader.faults += [(twice, "is there twice") for twice in document.twice]
    catalogue = reader.row(Catalogue, value, place)
    if catalogue is not None:
        reader.faults += rules.faults(catalogue, place)
    if reader.faults:
        in_order = sorted(reader.faults, key=lambda fault: document.line(fault[0]))
        raise FaultyFile([document.at(*fault) for fault in in_order])
    assert catalogue is not None
    return catalogue


class _Reader:
    """Reads rows, and goes on after a fault: an unreadable value becomes `rules.BROKEN`."""

    def __init__(self, today: date | None) -> None:
        self.today = today
        self.faults: list[tuple[Place, str]] = []

    def row(self, of: type[ARow], value: object, place: Place) -> ARow | None:
        if not isinstance(value, dict):
            self.faults.append((place, f"{short(value)} is no object {{...}}"))
            return None
        fields = {column.name: column for column in columns(of)}
        for name in value.keys() - fields.keys():
            self.faults.append(((*place, name), f"unknown here; known are {', '.join(fields)}"))
        read = {name: self._field(one, value, (*place, name)) for name, one in fields.items()}
        return of(**read)

    def _field(self, of: Column, row: dict[str, Any], place: Place) -> object:
        value = row.get(of.name)
        if value is None and of.is_optional:
            return of.default
        if of.name not in row:
            self.faults.append((place, "is missing"))
            return () if of.rows else rules.BROKEN
        if of.rows:
            return tuple(self._rows(of.rows, value, place))
        if of.row:
            return self.row(of.row, value, place) or rules.broken(of.row)
        assert of.form is not None
        try:
            return of.form.read(value, self.today)
        except Wrong as wrong:
            self.faults.append((place, str(wrong)))
            return rules.BROKEN

    def _rows(self, of: type[Row], value: object, place: Place) -> Iterator[Row]:
        if not isinstance(value, list):
            self.faults.append((place, f"{short(value)} is no list [...]"))
            return
        for position, one in enumerate(value):
            # Positions stay those of the file, for the places of faults found later.
            yield self.row(of, one, (*place, position)) or rules.broken(of)


def _walk(text: str, document: Document) -> None:
    """Find the line of every value, and names that an object has twice. The text is valid JSON."""
    decoder = json.JSONDecoder()
    line, counted = 1, 0

    def space(at: int) -> int:
        found = _SPACE.match(text, at)
        assert found is not None
        return found.end()

    def value(at: int, place: Place) -> int:
        nonlocal line, counted
        line += text.count("\n", counted, at)
        counted = at
        if place in document.lines:
            document.twice.append(place)
        if len(place) > _MAX_DEPTH:
            raise RecursionError
        document.lines[place] = line
        if text[at] not in "{[":
            end: int = decoder.raw_decode(text, at)[1]
            return end
        closing, position = "}" if text[at] == "{" else "]", 0
        at = space(at + 1)
        while text[at] != closing:
            step: str | int = position
            if closing == "}":
                step, at = scanstring(text, at + 1)
                at = space(space(at) + 1)
            at = space(value(at, (*place, step)))
            position += 1
            if text[at] == ",":
                at = space(at + 1)
        return at + 1

    value(space(0), ())


def _shown(place: Place) -> str:
    if not place:
        return ""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{short(step)[1:-1]}" for step in place)
    return steps.removeprefix(".") + ": "
