"""Tokens: HS256 JWTs with `uid`, `jti`, `iat`, `exp`. PyJWT is imported on first use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from chalicelib.errors import TokenExpired, TokenRefused
from chalicelib.shop.session import LEEWAY, Session

_ALGORITHM = "HS256"


class Claims(Struct, frozen=True):
    """The claims of a genuine token; `expires_at` in epoch seconds."""

    user_id: int
    session_id: str
    expires_at: int

    def raise_if_expired(self, now: datetime) -> None:
        """Raise TokenExpired when the token's time is over; clocks may differ by `LEEWAY`."""
        if now.timestamp() >= self.expires_at + LEEWAY.total_seconds():
            raise TokenExpired()


def _verified(token: str, keys: Sequence[str]) -> dict[str, Any]:
    import jwt

    for key in keys:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
            )
        except jwt.InvalidSignatureError:
            continue  # by another key, or forged
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRefused() from error
    raise TokenRefused()


def make_token(session: Session, key: str) -> str:
    """The token of a session; it expires with the session."""
    import jwt

    claims = {
        "uid": session.user_id,
        "jti": session.session_id,
        "iat": int(session.created_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read_token(token: str, keys: Sequence[str]) -> Claims:
    """The claims of a token that one of the keys has signed and whose shape holds, expired or not. Raises TokenRefused.

    `iat` is not compared with the clock.
    """
    claims = _verified(token, keys)
    user_id, expires_at, session_id = claims.get("uid"), claims.get("exp"), claims.get("jti")
    if type(user_id) is not int or type(expires_at) is not int or type(claims.get("iat")) is not int:
        raise TokenRefused()
    if not isinstance(session_id, str) or not re.fullmatch(r"[0-9a-f]{32}", session_id):
        raise TokenRefused()
    return Claims(user_id, session_id, expires_at)
