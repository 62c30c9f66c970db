"""Passwords are kept as Django keeps them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.settings import MAX_PASSWORD_ITERATIONS
from chalicelib.shop.password import hash_password, is_usable_hash, needs_new_hash, password_matches

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
    assert not is_usable_hash(encoded)
    assert not needs_new_hash(encoded, 600_000)


def test_a_hash_of_too_many_rounds_is_not_computed() -> None:
    derived = DJANGO_HASH.rpartition("$")[2]
    begun = time.process_time()
    for rounds in (MAX_PASSWORD_ITERATIONS + 1, 40_000_000, 999_999_999):
        assert not password_matches("lètmein", f"pbkdf2_sha256${rounds}$seasalt${derived}")
    assert time.process_time() - begun < 0.5
    assert is_usable_hash(f"pbkdf2_sha256${MAX_PASSWORD_ITERATIONS}$seasalt${derived}")


def test_a_hash_with_fewer_iterations_needs_renewal() -> None:
    assert needs_new_hash(DJANGO_HASH, 600_000)
    assert not needs_new_hash(DJANGO_HASH, 260_000)
    assert not needs_new_hash(DJANGO_HASH, 1000)
