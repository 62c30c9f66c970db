"""User names: what can be one, and when two are the same."""

from __future__ import annotations

import unicodedata

MAX_NAME_LENGTH = 64


def folded(username: str) -> str:
    """The form in which user names are compared: without regard to case, width and composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def is_valid_name(username: object) -> bool:
    """Whether a value can be a user name at all: text of 1 to 64 printable characters, no blank at its ends."""
    return (
        isinstance(username, str)
        and 0 < len(username) <= MAX_NAME_LENGTH
        and username == username.strip()
        and username.isprintable()
        and 0 < len(folded(username)) <= 4 * MAX_NAME_LENGTH
    )
