"""Texts that people write: how long they may be, and what may stand in them. Each rule stands here once."""

from __future__ import annotations

import unicodedata

MAX_TEXT = 50_000
"""The longest text of the catalogue, in characters: several of them have to fit into one item of the table."""


def text_fault(text: str, longest: int = MAX_TEXT) -> str | None:
    """What keeps a text from being stored, in words, or None."""
    if len(text) > longest:
        return f"is longer than {longest} characters"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half of a character or is not UTF-8"
    return None


def name_fault(text: str, longest: int) -> str | None:
    """What keeps a text from naming something: as `text_fault`, or it is blank or holds control characters."""
    if not text.strip():
        return "is blank"
    if any(unicodedata.category(character) == "Cc" for character in text):
        return "holds control characters"
    return text_fault(text, longest)


MAX_REASON = 200
MAX_QUESTION, MAX_ANSWER, MAX_FAQ_QUESTION = 1_000, 5_000, 255
MAX_TASK, MAX_HAND_IN, MAX_COMMENT = 5_000, 10_000, 2_000

_HARMLESS = "\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH JOINER}"
"""Characters that people write and Python does not count as printable."""


def is_shown(character: str) -> bool:
    """Whether a character is shown as itself: it moves no cursor, breaks no line and turns no direction."""
    return character.isprintable() or character in _HARMLESS


def short_text(text: str, longest: int = MAX_REASON) -> str | None:
    """A reason or an answer as it is stored: on one line, without invisible characters. None when it is blank, longer
    than `longest` characters, or holds half of a character.
    """
    if text_fault(text.strip(), longest):
        return None
    line = " ".join(text.strip().splitlines()).replace("\t", " ")
    return "".join(filter(is_shown, line)).strip() or None


def long_text(text: str, longest: int) -> str | None:
    """A text of several lines as it is stored: without blanks around it or at the ends of its lines, and without
    invisible characters. None when it is blank, longer than `longest` characters, or holds half of a character.
    """
    lines = (
        "".join(filter(is_shown, line.replace("\t", " "))).rstrip() for line in text.strip().splitlines()
    )
    stored = "\n".join(lines).strip()
    return stored if stored and text_fault(stored, longest) is None else None
