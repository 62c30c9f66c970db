"""What browsers and caches on the way may keep: public answers for some seconds, and after that only with asking.

An answer has the digest of its body as its ETag; whoever has that body already is answered 304 without it.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

MAX_AGE = 3
"""For how many seconds a public answer may be given again without asking. What is kept here is added to it: see
`FRESH_SECONDS`.
"""


class Kept(Enum):
    """Whose answers of a route may be kept by others."""

    NOBODYS = "those of nobody"
    EVERYBODYS = "all: who asks makes no difference"
    VISITORS = "those to requests without a token"


def etag(body: str) -> str:
    """The strong ETag of a body."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'


def has_it(if_none_match: str | None, tag: str) -> bool:
    """Whether a request's `If-None-Match` (a list, `*`, weak forms) names this ETag."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag in re.findall(r'"[^"]*"', if_none_match)
