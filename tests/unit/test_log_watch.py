"""The watch over the log finds what it is there for, and the log's form keeps exception texts out."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from chalicelib.request_log import JsonLines, add_fields, request_line
from tests import builders
from tests.log_watch import findings


@pytest.mark.parametrize(
    "line",
    [
        "token=eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOjF9",
        f"tried {builders.PASSWORD}",
        "key MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC",
        "sign=abc",
        'body {"course_list": []}',
        "user learner-547057982000-52c038",
        "call 13812345678 now",
        "mail somebody@example.com",
        "from 203.0.113.9",
    ],
)
def test_what_must_not_be_logged_is_found(line: str) -> None:
    assert list(findings([line], []))


def test_a_secret_setting_is_found_and_not_shown() -> None:
    (found,) = findings(["the key is s3cr3t-value"], ["s3cr3t-value"])
    assert "s3cr3t-value" not in found


def test_an_ordinary_line_is_let_be() -> None:
    line = (
        '{"order": "20261122181815734AB12CD34EF", "trade": "2026112222001400000012345678", "duration_ms": 12}'
    )
    assert not list(findings([line], ["s3cr3t-value"]))


def record_of(error: BaseException) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())


def test_an_exception_is_logged_by_class_and_place_without_its_text() -> None:
    line = json.loads(JsonLines().format(record_of(ValueError("token eyJsecret"))))
    assert line["exception"] == "ValueError"
    assert line["trace"]
    assert "eyJsecret" not in json.dumps(line)


def test_the_line_of_a_request_has_what_was_noted_and_how_long_it_took(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "chalicelib")
    lines = []
    with request_line("request", "r-1", path="/payment"):
        add_fields(order="20261122181815734AB12CD34EF", code=1000)
        logging.getLogger("chalicelib.flows").warning("on the way")
        lines.append(json.loads(JsonLines().format(caplog.records[-1])))
    assert lines[0]["order"] == "20261122181815734AB12CD34EF"
    assert lines[0]["request_id"] == "r-1"
    assert caplog.records[-1].getMessage() == "done"


def test_a_note_outside_a_request_is_no_failure() -> None:
    add_fields(order="1")
