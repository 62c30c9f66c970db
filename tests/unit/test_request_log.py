"""One event is one line of the log, wherever it is written: in Lambda's runtime, framed or not, and at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EVENTS = """
import logging
from chalicelib import request_log
request_log.configure()
with request_log.request_line("api", "r-1", path="/courses"):
    pass
logging.getLogger("chalicelib.shop").info("two\\nlines")
logging.getLogger("botocore").warning("of a library")
"""
IN_LAMBDA = """
from awslambdaric.bootstrap import LogFormat, _setup_logging, create_log_sink
sink = create_log_sink().__enter__()
_setup_logging(LogFormat.{format}, "{level}", sink)
"""
WRITTEN = [("api", "done"), (None, "two\nlines"), (None, "of a library")]
"""Kind and message of the three events."""


def kinds_and_messages(lines: list[str]) -> list[tuple[str | None, str]]:
    events = [json.loads(line) for line in lines]
    return [(event.get("kind"), event["message"]) for event in events]


def printed_by(program: str, **more: object) -> str:
    """What a fresh interpreter writes: the log's handlers belong to the whole process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    environment |= {str(name): str(value) for name, value in more.items() if name.isupper()}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=[value for value in more.values() if isinstance(value, int)],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("log_format", "level"), [("TEXT", ""), ("TEXT", "INFO"), ("JSON", "INFO")])
def test_lambdas_plain_sink_gets_one_line_an_event(log_format: str, level: str) -> None:
    text = printed_by(IN_LAMBDA.format(format=log_format, level=level) + EVENTS)
    assert text.endswith("\n")
    assert kinds_and_messages(text.removesuffix("\n").split("\n")) == WRITTEN


def test_lambdas_framed_sink_gets_one_line_a_frame() -> None:
    reading, writing = os.pipe()
    try:
        printed_by(IN_LAMBDA.format(format="TEXT", level="INFO") + EVENTS, _LAMBDA_TELEMETRY_LOG_FD=writing)
        frames = os.read(reading, 1 << 16)
    finally:
        os.close(writing)
        os.close(reading)
    lines = []
    while frames:  # type and length, four bytes each; the time in eight; the text
        length = int.from_bytes(frames[4:8], "big")
        text, frames = frames[16 : 16 + length].decode(), frames[16 + length :]
        assert text.endswith("}\n")
        lines.append(text.removesuffix("\n"))
    assert kinds_and_messages(lines) == WRITTEN


def test_a_terminal_gets_one_line_an_event_and_no_empty_ones() -> None:
    text = printed_by(EVENTS)
    assert kinds_and_messages(text.removesuffix("\n").split("\n")) == WRITTEN
