"""The watch over the application's log: at the end it searches everything the tests logged for secrets and people."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from chalicelib.request_log import JsonLines
from chalicelib.settings import SETTINGS
from tests import builders

FORBIDDEN = {
    "a token": re.compile(r"eyJ[0-9A-Za-z_-]{8,}"),
    "a password": re.compile(re.escape(builders.PASSWORD) + "|demo-shop-2026|pbkdf2_sha256"),
    "a key": re.compile(r"MI[IG][0-9A-Za-z+/]{40,}|BEGIN [A-Z ]*KEY"),
    "a signature": re.compile(r"\bsign(ature)?[=:]", re.IGNORECASE),
    "a body": re.compile(r"biz_content|course_list|geetest_|price_policy_id"),
    "a person's name": re.compile(r"\b(learner|operator|nobody)-[0-9]+-[0-9a-f]{6}"),
    "a phone number": re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9A-Za-z])"),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w+"),
    "a network address": re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"),
}
"""What no line of the log may hold."""


def findings(lines: Iterable[str], secrets: Iterable[str]) -> Iterator[str]:
    """What is wrong with these lines: the kind of thing, and the line without it."""
    exact = [secret for secret in secrets if secret]
    for line in lines:
        for kind, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield f"{kind} in the log: {pattern.sub('***', line.strip())}"
        for secret in exact:
            if secret in line:
                yield f"a secret setting in the log: {line.strip().replace(secret, '***')}"


def secret_settings() -> list[str]:
    """The secrets of this run's settings."""
    names = [setting.name for setting in SETTINGS.values() if setting.is_secret] + ["AWS_SECRET_ACCESS_KEY"]
    return [value for name in names if len(value := os.environ.get(name, "")) > 8]


class LogWatch(logging.Handler):
    """Writes what the application logs, as it would be written in production, to a file of this process."""

    def __init__(self, directory: Path) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self._file = (directory / f"log-{os.getpid()}").open("a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self._file.write(self.format(record) + "\n")
        self._file.flush()


def lines_in(directory: Path) -> Iterator[str]:
    """All lines that the processes of a run have logged."""
    for path in sorted(directory.glob("log-*")):
        with path.open(encoding="utf-8") as file:
            yield from file
