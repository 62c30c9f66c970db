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
