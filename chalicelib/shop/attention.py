"""The review list: applications that an operator decides, problems that the shop cannot solve by itself, and what
learners asked or handed in.

The sparse index `by_attention` lists flagged items by kind. A resolved item leaves it.
"""

from __future__ import annotations

from typing import cast

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.shop.partition import Page, decode_cursor, encode_cursor, query_page
from chalicelib.storage.dynamodb import UserItem, WholeNumber, readable

DECISION, PROBLEM, QUESTION, HAND_IN = "decision", "problem", "question", "hand-in"
UNDELIVERED = "undelivered"
"""decision: an operator approves or refuses. problem: only a person can mend it. question: somebody answers. hand-in:
somebody marks. undelivered: a message that did not reach its person, or of which that is not known.
"""


class AttentionItem(UserItem):
    """An item that can be flagged for a person: `attention` is the kind, `attention_at` (epoch seconds) since when."""

    attention = UnicodeAttribute(null=True)
    attention_at = WholeNumber(null=True)


LEAVE_ATTENTION: list[Action] = [AttentionItem.attention.remove(), AttentionItem.attention_at.remove()]


def list_attention(kind: str, limit: int, cursor: str | None = None) -> Page[AttentionItem]:
    """List flagged items, longest waiting first. One Query of an index that lags by a moment.

    Up to `limit` rows and a megabyte of them. An unreadable item hides no other. Raises InvalidPage.
    """
    start = _decode(kind, cursor) if cursor else None
    asked = UserItem.attention_index.query(kind, limit=limit + 1, last_evaluated_key=start)
    rows, more = query_page(asked, limit)
    next_cursor = None
    if more:
        keys = (rows[-1]["attention_at"]["N"], rows[-1]["owner"]["S"], rows[-1]["sort"]["S"])
        next_cursor = encode_cursor(_SEPARATOR.join(keys))
    return Page(cast(list[AttentionItem], readable(map(UserItem.from_raw_data, rows))), next_cursor)


def newest(kind: str) -> AttentionItem | None:
    """The item of a kind that was flagged last, None where nothing is. One Query of an index that lags by a moment."""
    asked = UserItem.attention_index.query(kind, limit=1, scan_index_forward=False)
    return cast(AttentionItem | None, next(iter(readable(asked)), None))


def count_attention(kind: str) -> int:
    """How many items are flagged. One Query of an index that lags by a moment; one more for each megabyte."""
    return UserItem.attention_index.count(kind)


_SEPARATOR = " "


def _decode(kind: str, cursor: str) -> dict[str, dict[str, str]]:
    keys = decode_cursor(cursor, r"[0-9]{1,12} [!-~]{1,200} [!-~]{1,300}")
    at, owner, sort = keys.split(_SEPARATOR)
    return {"attention": {"S": kind}, "attention_at": {"N": at}, "owner": {"S": owner}, "sort": {"S": sort}}
