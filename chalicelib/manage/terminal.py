"""All output of the command line, so that no stored text acts on the terminal."""

from __future__ import annotations

import io
import sys
from typing import TextIO

from chalicelib.shop.texts import is_shown


def shown(text: str) -> str:
    """A text on one line, with escapes (`\\u202e`) for what acts on a terminal or is not shown."""
    return "".join(
        character if is_shown(character) else character.encode("unicode_escape").decode()
        for character in text
    )


def say(text: object = "") -> None:
    """Print one line."""
    print(shown(str(text)), flush=True)


def complain(text: object) -> None:
    """Print one line to standard error."""
    print(shown(str(text)), file=sys.stderr, flush=True)


def escape_what_cannot_be_encoded(*streams: TextIO) -> None:
    """Write escapes to a stream that is not UTF-8 for the characters that it lacks."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
