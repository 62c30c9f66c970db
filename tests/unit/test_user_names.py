"""User names: compared without regard to case and width; a new one can be seen, and imitates none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shop.user_name import folded, is_valid_name, is_valid_new_name, name_fault


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "alice"), ("ＡＬＩＣＥ１", "alice1"), ("Straße", "STRASSE"), ("é", "e\u0301"), ("ﬁsh", "FISH"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("张三", "张三"), ("ｱ", "ア"),
    ],
)  # fmt: skip
def test_names_that_differ_in_case_width_or_composition_are_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicе"), ("张三", "張三"), ("a b", "ab"), ("e", "é")])
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text(min_size=1, max_size=30))
def test_folding_twice_changes_nothing(name: str) -> None:
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize("name", ["a", "张三", "x" * 64, "a b", "😀", "o'hara@example.com"])
def test_printable_text_of_1_to_64_characters_can_be_a_name(name: str) -> None:
    assert is_valid_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a ",
        " a",
        "\u3000a",
        "a\tb",
        "a\x00",
        "\ud800",
        "x" * 65,
        "ﷺ" * 64,
        "\u00ad",
        5,
        None,
        ["a"],
        True,
    ],
)
def test_anything_else_can_not(name: object) -> None:
    assert not is_valid_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a", "张三", "x" * 64, "a b", "😀", "o'hara@example.com", "demo-admin", "王小明2026", "ＡＬＩＣＥ", "Straße",
        "Алиса", "Σίσυφος", "かな", "カタカナー", "東京タワーabc", "ㄅㄆㄇ漢字", "김철수 kim", "สมชาย", "नमस्ते", "محمد",
        "e\u0301", "々", "naïve_✓",
    ],
)  # fmt: skip
def test_names_of_one_script_or_of_scripts_written_together_are_taken(name: str) -> None:
    assert name_fault(name) is None
    assert is_valid_new_name(name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("\u3164", "U+3164"),
        ("demo-admin\ufe0f", "U+FE0F"),
        ("demo\u034f-admin", "U+034F"),
        ("a\u115f", "U+115F"),
        ("a\uffa0b", "U+FFA0"),
        ("a\U000e0101", "U+E0101"),
        ("a\u180bb", "U+180B"),
        ("a\u17b4", "U+17B4"),
        ("\u2800", "U+2800"),
        ("a\ufffd", "U+FFFD"),
        ("\ufffc", "U+FFFC"),
        ("a\u202eb", "visible characters"),
        ("a\u200bb", "visible characters"),
        ("\u0301", "a mark"),
        ("a \u0301", "a mark"),
        ("\u0301a", "a mark"),
        ("pаypal", "Cyrillic and Latin"),
        ("ｄemο", "Greek and Latin"),
        ("аdmin张三", "Cyrillic and Han and Latin"),
        ("かな김", "Hangul and Hiragana"),
        ("ⅿаin", "Cyrillic and Latin"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_seen_or_look_like_others_are_refused(name: str, fault: str) -> None:
    found = name_fault(name)
    assert found is not None and fault in found


@given(st.text(st.characters(), max_size=20))
def test_a_new_name_is_always_a_name_that_can_sign_in(name: str) -> None:
    assert is_valid_name(name) or not is_valid_new_name(name)


@given(
    st.text(st.characters(categories=["Lu", "Ll", "Lo", "Mn", "Cf"]), max_size=9),
    st.characters(),
    st.text(max_size=9),
)
def test_every_character_of_a_new_name_makes_a_difference(before: str, between: str, after: str) -> None:
    """But for case, width and composition: what does not is never part of a name."""
    name = before + between + after
    if is_valid_new_name(name):
        assert folded(name) != folded(before + after)
