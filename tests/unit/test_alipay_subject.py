"""An order's title on Alipay's pay page, within Alipay's rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.gateways.alipay import subject


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Python基础", "Python基础"),
        ("Python基础 等2门课程", "Python基础 等2门课程"),
        ("C/C++ 入门", "C／C＋＋ 入门"),
        ("R&D = fun", "R＆D ＝ fun"),
        ("smile :-} {x}", "smile :-｝ ｛x｝"),
        ("  many \t\n blanks  ", "many blanks"),
        ("表情😀课", "表情😀课"),
        ("\u200b\u0000\ud800", "课程"),
        ("", "课程"),
        ("   ", "课程"),
    ],
)
def test_a_subject_is_the_title_without_what_alipay_forbids(title: str, expected: str) -> None:
    assert subject(title) == expected


@settings(deadline=None)
@given(st.text(max_size=400))
def test_a_subject_is_never_empty_too_long_or_able_to_pass_for_other_fields(title: str) -> None:
    made = subject(title)
    assert 1 <= len(made) <= 256
    assert made.strip()
    assert not set(made) & set("/=&{}\n\r\0")
    assert made.encode()


@settings(deadline=None)
@given(st.text(max_size=400) | st.text("ab /", min_size=250, max_size=260))
def test_a_subject_that_was_stored_is_repeated_exactly(title: str) -> None:
    """Orders of earlier versions hold the subject that was sent."""
    assert subject(subject(title)) == subject(title)


def test_a_stored_subject_that_was_cut_at_a_blank_is_repeated_exactly() -> None:
    stored = subject("a" * 255 + " and so on")
    assert stored == "a" * 255 + " "
    assert subject(stored) == stored
