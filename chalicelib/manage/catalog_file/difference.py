"""Two catalogues -> the changes from one to the other, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .forms import short
from .rows import Catalogue, Chapter, Column, Course, Detail, Row, columns

_LONGEST = 40

_KINDS = {"categories": "category", "teachers": "teacher", "coupons": "coupon"}
_PARTS = {"policies": "policy", "chapters": "chapter", "sections": "section", "faqs": "question"}


@dataclass(frozen=True)
class Change:
    """One row added (`+`), changed (`~`) or removed (`-`): `subject` is a row of the first level."""

    sign: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.sign} {self.subject}{f'  {self.text}' if self.text else ''}"


def difference(old: Catalogue, new: Catalogue) -> list[Change]:
    """All changes, in the file's order."""
    found = []
    for name, kind in _KINDS.items():
        if name == "coupons":
            found += list(_courses(old.courses, new.courses))
        found += list(_changes(kind, getattr(old, name), getattr(new, name)))
    return found


def summary(changes: Sequence[Change]) -> str:
    """How many rows are added, changed and removed."""
    words = {"+": "added", "~": "changed", "-": "removed"}
    counts = {
        word: len({change.subject for change in changes if change.sign == sign})
        for sign, word in words.items()
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no difference"


def _changes(kind: str, old: Iterable[Any], new: Iterable[Any]) -> Iterator[Change]:
    before, after = {row.id: row for row in old}, {row.id: row for row in new}
    for known_by in sorted({*before, *after}):
        subject = f"{kind} {known_by}"
        if known_by not in before:
            yield Change("+", subject, _title(after[known_by]))
        elif known_by not in after:
            yield Change("-", subject, _title(before[known_by]))
        else:
            for text in _fields(before[known_by], after[known_by]):
                yield Change("~", subject, text)


def _courses(old: Iterable[Course], new: Iterable[Course]) -> Iterator[Change]:
    before, after = {row.key: row for row in old}, {row.key: row for row in new}
    for key in sorted({*before, *after}):
        if key not in before:
            yield Change("+", str(key), f"{_title(after[key])}: {_size(after[key])}")
        elif key not in after:
            yield Change("-", str(key), f"{_title(before[key])}: {_size(before[key])}")
        else:
            for text in _fields(before[key], after[key]):
                yield Change("~", str(key), text)


def _title(row: Any) -> str:
    name = getattr(row, "name", None) or getattr(row, "question", None)
    return short(name, _LONGEST) if name else ""


def _size(course: Course) -> str:
    sections = sum(len(chapter.sections) for chapter in course.chapters)
    prices = ", ".join(
        f"{_value(policy, 'price')} for {policy.valid_period} days" for policy in course.policies
    )
    return (
        f"{course.status}, {prices or 'no policies'}, {len(course.chapters)} chapters with {sections} sections, "
        f"{len(course.faqs)} questions"
    )


def _fields(old: Row, new: Row) -> Iterator[str]:
    """The fields that differ between two versions of a row."""
    for column in columns(type(new)):
        before, after = getattr(old, column.name), getattr(new, column.name)
        if before == after:
            continue
        if column.rows:
            yield from _parts(_PARTS[column.name], before, after)
        elif column.row:
            yield from _page(column.name, before, after)
        else:
            yield f"{column.name}: {_from_to(column, before, after)}"


def _page(name: str, old: Row | None, new: Row | None) -> Iterator[str]:
    if old is None or new is None:
        there = old or new
        known_by = f" {there.id}" if isinstance(there, Detail) else ""
        yield f"{name}{known_by} {'added' if old is None else 'removed'}"
        return
    for text in _fields(old, new):
        yield f"{name} {text}"


def _parts(kind: str, old: Iterable[Any], new: Iterable[Any]) -> Iterator[str]:
    before, after = {row.id: row for row in old}, {row.id: row for row in new}
    for known_by in [*before, *(one for one in after if one not in before)]:
        row = after.get(known_by) or before[known_by]
        if known_by not in before:
            yield f"{kind} {known_by} added: {_part(row)}"
        elif known_by not in after:
            yield f"{kind} {known_by} removed: {_part(row)}"
        else:
            for text in _fields(before[known_by], row):
                yield f"{kind} {known_by} {text}"


def _part(row: Any) -> str:
    if isinstance(row, Chapter):
        return f"{_title(row)} with {len(row.sections)} sections"
    return _title(row) or f"{_value(row, 'price')} for {row.valid_period} days"


def _value(row: Row, name: str) -> str:
    (column,) = (column for column in columns(type(row)) if column.name == name)
    return _shown(column, getattr(row, name))


def _shown(column: Column, value: object) -> str:
    assert column.form is not None
    if value is None:
        return "nothing"
    written = column.form.write(value)
    is_plain = isinstance(written, str) and column.name not in ("name", "brief") and len(written) <= _LONGEST
    return str(written) if is_plain and written else short(written, _LONGEST)


def _from_to(column: Column, old: object, new: object) -> str:
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > _LONGEST:
        # Long texts are shown from a little before where they begin to differ.
        same = next(
            (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
        )
        start = max(0, same - 10)
        lead = "…" if start else ""
        old, new = lead + old[start:], lead + new[start:]
        return f"{short(old, _LONGEST)} -> {short(new, _LONGEST)}"
    return f"{_shown(column, old)} -> {_shown(column, new)}"
