"""The operators' command line as somebody at a terminal uses it."""

from __future__ import annotations

import io
import sys

import pytest

from chalicelib.manage.__main__ import main


class Operator:
    """Somebody at a terminal: what is typed goes in, what is said comes out."""

    def __init__(self, typed: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
        self._typed = typed
        self._said = said
        self.out = self.err = ""

    def run(self, *arguments: str, typing: str = "") -> int:
        """Give a command -> its exit status."""
        self._typed.setattr(sys, "stdin", io.StringIO(typing))
        status = main(arguments)
        self.out, self.err = self._said.readouterr()
        return status

    def does(self, *arguments: str, typing: str = "") -> str:
        """Give a command that must succeed -> what it says."""
        assert self.run(*arguments, typing=typing) == 0, self.err
        return self.out

    def is_refused(self, *arguments: str, typing: str = "") -> str:
        """Give a command that must not succeed -> the reason that is said."""
        assert self.run(*arguments, typing=typing) == 1
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert len(self.err.splitlines()) == 1
        return self.err.removeprefix("error: ").strip()

    def is_misunderstood(self, *arguments: str) -> str:
        """Give a command whose arguments are refused before anything is done -> what is said."""
        with pytest.raises(SystemExit) as ended:
            self.run(*arguments)
        assert ended.value.code == 2
        return self._said.readouterr().err
