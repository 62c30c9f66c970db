"""What the command line says. Everything goes out here, so that no stored text acts on the terminal."""

from __future__ import annotations

import io
import sys
from typing import TextIO

from chalicelib.shop.texts import is_shown


def shown(text: str) -> str:
    """A text on one line: what a terminal would act upon, or not show, stands as its escape (`\\u202e`)."""
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
    """Let a stream that is not UTF-8 get escapes for the characters that it cannot show."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
