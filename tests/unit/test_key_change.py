"""The key of tokens is changed while learners are signed in: the steps of infra/README.md, functions of two steps at
work at once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest

from chalicelib.errors import TokenRefused
from chalicelib.shop import captcha, token
from chalicelib.shop.session import Session

OLD, NEW = "the old key, which is long enough for HS256", "the new key, which is long enough for HS256"
STEPS = [(OLD,), (OLD, NEW), (NEW, OLD)]
"""What `JWT_KEY` holds, step by step, until all tokens of the old key have ended."""
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def a_token(key: str) -> str:
    expires_at = NOW + timedelta(days=7)
    session = Session(user_id=1, session_id="a" * 32, created_at=NOW, expires_at=expires_at)
    return token.make_token(session, key)


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(STEPS)))
def test_what_a_function_of_either_step_signs_the_other_takes(
    earlier: tuple[str, ...], later: tuple[str, ...]
) -> None:
    for signing, verifying in product((earlier, later), repeat=2):
        assert token.read_token(a_token(signing[0]), verifying).user_id == 1
        assert captcha.offline_since(captcha.sign_offline(signing[0], NOW), verifying) == NOW


def test_the_old_key_opens_nothing_once_it_is_gone() -> None:
    for signing, verifying in ((OLD, (NEW,)), ("k" * 40, (NEW, OLD))):
        with pytest.raises(TokenRefused):
            token.read_token(a_token(signing), verifying)
        assert captcha.offline_since(captcha.sign_offline(signing, NOW), verifying) is None
