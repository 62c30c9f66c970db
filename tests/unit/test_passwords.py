"""Passwords are kept as Django keeps them; user names are compared without regard to case and width."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.shop.password import hash_password, needs_new_hash, password_matches
from chalicelib.shop.user_name import folded, is_valid_name

# From Django 3.2's own tests of its hasher (260,000 iterations).
DJANGO_HASH = "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo="


def test_a_hash_made_by_django_is_understood() -> None:
    assert password_matches("lètmein", DJANGO_HASH)
    assert not password_matches("letmein", DJANGO_HASH)


def test_a_new_hash_has_djangos_form_and_a_salt_of_its_own() -> None:
    one, other = hash_password("learn", 10), hash_password("learn", 10)
    algorithm, iterations, salt, encoded = one.split("$")
    assert (algorithm, iterations) == ("pbkdf2_sha256", "10")
    assert salt.isalnum()
    assert len(salt) == 22
    assert len(encoded) == 44
    assert one != other


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_password_matches_its_own_hash_only(password: str, other: str) -> None:
    encoded = hash_password(password, 2)
    assert password_matches(password, encoded)
    assert password_matches(other, encoded) is (password == other)


@pytest.mark.parametrize(
    "encoded",
    [
        "", "$", "$$$", "!", "!unusable", "learn", "plain$learn", "md5$salt$5d41402abc4b2a76b9719d911017c592",
        "pbkdf2_sha1$1$salt$x", "pbkdf2_sha256", "pbkdf2_sha256$", "pbkdf2_sha256$1", "pbkdf2_sha256$1$salt",
        "pbkdf2_sha256$1$salt$", "pbkdf2_sha256$0$salt$x", "pbkdf2_sha256$-1$salt$x", "pbkdf2_sha256$x$salt$x",
        "pbkdf2_sha256$１$salt$x", "pbkdf2_sha256$1$salt$密码", "pbkdf2_sha256$1$盐$x", "bcrypt$$2b$12$x",
        "pbkdf2_sha256$" + "9" * 30 + "$salt$x", "pbkdf2_sha256$" + "9" * 5000 + "$salt$x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("password", ["", "learn"])
def test_a_hash_of_another_form_matches_nothing(encoded: str, password: str) -> None:
    assert not password_matches(password, encoded)


def test_a_hash_with_fewer_iterations_needs_renewal() -> None:
    assert needs_new_hash(DJANGO_HASH, 600_000)
    assert not needs_new_hash(DJANGO_HASH, 260_000)
    assert not needs_new_hash(DJANGO_HASH, 1000)


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
