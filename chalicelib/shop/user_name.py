"""User names: the rules for any name and for a new one, and when two names are the same.

A new name consists of visible characters, and its letters are of one script, or of scripts that are written together
and cannot be mistaken for each other. The rules are those of Unicode Technical Standard 39, "Unicode Security
Mechanisms": identifiers without Default_Ignorable_Code_Point (section 3.1), at the restriction level "Highly
Restrictive" (section 5.2). A person whose name is older than these rules keeps signing in with it.
"""

from __future__ import annotations

import unicodedata

MAX_NAME_LENGTH = 64

_DEFAULT_IGNORABLE = frozenset(
    code
    for first, last in (
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
        (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""Default_Ignorable_Code_Point of DerivedCoreProperties.txt, Unicode 15.0: characters that show nothing, among them
the Hangul fillers, the variation selectors and the marks that turn the direction of writing.
"""
_UNKNOWABLE = frozenset("\N{BRAILLE PATTERN BLANK}\N{OBJECT REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}")
"""Characters that look empty, or stand for unknown ones."""

_WRITTEN_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
"""The scripts that "Highly Restrictive" lets stand beside each other."""


def folded(username: str) -> str:
    """The form in which user names are compared: without regard to case, width and composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def is_valid_name(username: object) -> bool:
    """Whether a value can be somebody's name: text of 1 to 64 printable characters, no blank at its ends."""
    return (
        isinstance(username, str)
        and 0 < len(username) <= MAX_NAME_LENGTH
        and username == username.strip()
        and username.isprintable()
        and 0 < len(folded(username)) <= 4 * MAX_NAME_LENGTH
    )


def is_valid_new_name(username: object) -> bool:
    """Whether a new user may have this name: it is valid, visible, and looks like no other script's."""
    return isinstance(username, str) and name_fault(username) is None


def name_fault(username: str) -> str | None:
    """Why no new user may have this name, in words for an operator, or None."""
    if not is_valid_name(username):
        return f"not 1 to {MAX_NAME_LENGTH} visible characters without blanks at the ends"
    for character in (*username, *folded(username)):
        if ord(character) in _DEFAULT_IGNORABLE or character in _UNKNOWABLE:
            return f"it holds a character that cannot be seen, U+{ord(character):04X}"
    if any(unicodedata.category(part[0]).startswith("M") for part in username.split(" ") if part):
        return "it begins with a mark that belongs onto a letter"
    scripts = _scripts(username)
    if len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER):
        mixed = " and ".join(sorted(script.capitalize() for script in scripts))
        return f"it mixes letters of scripts that can be mistaken for each other: {mixed}"
    return None


def _scripts(username: str) -> set[str]:
    """The scripts of a name's letters. Python has no table of scripts, but a letter's name begins with its script."""
    letters = (letter for letter in folded(username) if unicodedata.category(letter).startswith("L"))
    words = {unicodedata.name(letter, "UNKNOWN").replace("-", " ").split()[0] for letter in letters}
    return {"HAN" if word in ("CJK", "IDEOGRAPHIC") else word for word in words}
