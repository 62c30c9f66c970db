"""The rules for a new password, each with its refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import WeakPassword
from chalicelib.shop.password import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, raise_if_weak
from chalicelib.web import codes
from chalicelib.web.requests import password_request, register_request


def broken_rule(password: str, username: str = "wanderer") -> str | None:
    try:
        raise_if_weak(password, username)
    except WeakPassword as refusal:
        return str(refusal.facts["rule"])
    return None


@pytest.mark.parametrize(
    "password",
    [
        "learn and grow",
        "x7-Kfmq2",
        "天天向上学习编程吧",
        "correct horse",
        "aA1!aA1!",
        "x" * 124 + "yz12",
        "pass word",
    ],
)
def test_a_password_nobody_guesses_is_taken(password: str) -> None:
    assert broken_rule(password) is None


@pytest.mark.parametrize("password", ["", "x", "x7-Kfmq", "密码密码密码密", "ab" * 65])
def test_a_password_has_8_to_128_characters(password: str) -> None:
    assert broken_rule(password) == "length"


@pytest.mark.parametrize("password", ["12345678", "20261122", "１２３４５６７８", "9" * 128])
def test_digits_alone_are_no_password(password: str) -> None:
    assert broken_rule(password) == "digits"


@pytest.mark.parametrize("password", ["wanderer", "WANDERER1", "xx-ｗａｎｄｅｒｅｒ", "my wanderer 7"])
def test_a_password_does_not_hold_the_user_name_in_any_spelling(password: str) -> None:
    assert broken_rule(password) == "name"


@pytest.mark.parametrize(("username", "rule"), [("a", None), ("an", None), ("and", "name"), ("学", None)])
def test_a_name_of_one_or_two_characters_may_occur_by_chance(username: str, rule: str | None) -> None:
    assert broken_rule("学 learn and grow", username) == rule


@pytest.mark.parametrize(
    "password",
    ["password", "PassWord1", "Qwerty123", "ｐａｓｓｗｏｒｄ", "aaaaaaaa", "abababab", "1a1a1a1a1"],
)
def test_a_common_password_is_refused_in_any_spelling(password: str) -> None:
    assert broken_rule(password) == "common"


@given(
    st.text(min_size=MIN_PASSWORD_LENGTH - 2, max_size=MAX_PASSWORD_LENGTH + 2),
    st.text(min_size=1, max_size=64),
)
def test_what_is_taken_has_the_right_length_and_is_not_the_name(password: str, username: str) -> None:
    if broken_rule(password, username) is None:  # as it is of most
        assert MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH
        assert password != username


def test_each_rule_has_a_message_of_its_own() -> None:
    answer = codes.REGISTER[WeakPassword]
    texts = {answer.message(WeakPassword(rule=rule)) for rule in ("length", "digits", "name", "common")}
    assert len(texts) == 4
    assert answer == codes.PASSWORD[WeakPassword]


@pytest.mark.parametrize(
    "value", [None, 12345678, ["learn and grow"], {}, True, "learn \ud800 grow"], ids=ascii
)
def test_what_is_no_text_is_no_new_password(value: object) -> None:
    with pytest.raises(WeakPassword):
        register_request({"username": "wanderer", "password": value})
    with pytest.raises(WeakPassword):
        password_request({"old_password": "old", "new_password": value})
