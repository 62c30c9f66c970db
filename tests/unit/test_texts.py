"""Texts that people write: how they are stored, and how a terminal shows them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.manage.terminal import escape_what_cannot_be_encoded, shown
from chalicelib.shop.texts import MAX_REASON, long_text, name_fault, short_text, text_fault
from chalicelib.web.requests import answer_text, refund_request


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("不想学了", "不想学了"),
        ("  a\nb\tc\r\nd  ", "a b c d"),
        ("x\x1b[2Jy", "x[2Jy"),
        ("a\u202eb\u2028c\u200b", "ab c"),
        ("家\u3000庭 👩\u200d💻", "家\u3000庭 👩\u200d💻"),
        ("字" * MAX_REASON, "字" * MAX_REASON),
        (" " * 300 + "a", "a"),
    ],
)
def test_a_reason_is_stored_on_one_line_without_what_is_not_shown(written: str, stored: str) -> None:
    assert short_text(written) == stored
    assert answer_text({"answer": written}) == stored
    assert refund_request({"reason": written}).reason == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  一\r\n\r\n二  \n", "一\n\n二"),
        ("if x:\n    y()  \n", "if x:\n    y()"),
        ("a\tb\u2028c\u202ed\x1b[2J", "a b\ncd[2J"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("字" * 10, "字" * 10),
        ("x\n\u200b\n", "x"),
    ],
)
def test_a_longer_text_keeps_its_lines_and_nothing_that_is_not_shown(written: str, stored: str) -> None:
    assert long_text(written, 10 + len(stored)) == stored
    assert long_text(stored, len(stored)) == stored


@pytest.mark.parametrize("written", ["", " \n\t", "\u202e", "x" * 11, "\ud800"])
def test_a_longer_text_that_says_nothing_or_too_much_is_none(written: str) -> None:
    assert long_text(written, 10) is None


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_what_is_stored_of_a_longer_text_is_stored_again_as_it_is(written: str) -> None:
    stored = long_text(written, 30)
    assert stored is None or (long_text(stored, 30) == stored and len(stored) <= 30)


@pytest.mark.parametrize("written", ["", " ", "\n", "\x1b", "\u202e", "x" * (MAX_REASON + 1), "\ud800"])
def test_a_reason_that_says_nothing_or_too_much_is_refused(written: str) -> None:
    assert short_text(written) is None
    with pytest.raises(InvalidRequest):
        answer_text({"answer": written})


@given(st.text(st.characters(), max_size=300))
def test_a_stored_reason_is_stored_as_it_is_again(written: str) -> None:
    stored = short_text(written)
    assert stored is None or (short_text(stored) == stored and 0 < len(stored) <= MAX_REASON)


def test_faults_of_texts_are_said_in_words() -> None:
    assert text_fault("a\nb\u2028") is None
    assert text_fault("abc", 2) == "is longer than 2 characters"
    assert text_fault("\udcff") == "holds half of a character or is not UTF-8"
    assert name_fault("　", 9) == "is blank"
    assert name_fault("a\nb", 9) == "holds control characters"


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("Python 编程、30元", "Python 编程、30元"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2028b\n", r"a\u2028b\n"),
        ("\x1b[2J\x9b", r"\x1b[2J\x9b"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_a_terminal_is_shown_escapes_of_what_it_would_act_upon(stored: str, seen: str) -> None:
    assert shown(stored) == seen


def test_a_terminal_that_is_not_utf8_gets_escapes() -> None:
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii")
    escape_what_cannot_be_encoded(terminal, io.StringIO())
    terminal.write("课程 30\n")
    terminal.flush()
    assert written.getvalue() == b"\\u8bfe\\u7a0b 30\n"
