"""Tokens: HS256 JWTs with `uid`, `jti`, `iat`, `exp`. PyJWT is imported on first use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import TokenExpired, TokenRefused
from chalicelib.shop.session import Session

_ALGORITHM = "HS256"
_LEEWAY_SECONDS = 10


@dataclass(frozen=True)
class Claims:
    """What a genuine, unexpired token says."""

    user_id: int
    session_id: str


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


def read_token(token: str, key: str, now: datetime) -> Claims:
    """The claims of a token whose signature, shape and expiry hold, checked in this order.

    Raises TokenRefused, TokenExpired. `iat` is not compared with the clock; clocks may differ by 10 seconds.
    """
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenRefused() from error
    user_id, expires_at, session_id = claims.get("uid"), claims.get("exp"), claims.get("jti")
    if type(user_id) is not int or type(expires_at) is not int or type(claims.get("iat")) is not int:
        raise TokenRefused()
    if not isinstance(session_id, str) or not re.fullmatch(r"[0-9a-f]{32}", session_id):
        raise TokenRefused()
    if now.timestamp() >= expires_at + _LEEWAY_SECONDS:
        raise TokenExpired()
    return Claims(user_id, session_id)
