"""What waits for a person: applications to decide, and problems that the shop cannot solve by itself.

A sparse index, `by_attention`, lists it by kind; what is settled leaves it.
"""

from __future__ import annotations

from typing import cast

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.storage.dynamodb import UserItem, WholeNumber, readable

DECISION, PROBLEM = "decision", "problem"
"""decision: somebody has to say yes or no. problem: something went wrong that nobody but a person can mend.
"""


class AttentionItem(UserItem):
    """Something that can wait for a person: `attention` is the kind, `attention_at` (epoch seconds) since
    when.
    """

    attention = UnicodeAttribute(null=True)
    attention_at = WholeNumber(null=True)


LEAVE_ATTENTION: list[Action] = [AttentionItem.attention.remove(), AttentionItem.attention_at.remove()]


def list_attention(kind: str) -> list[AttentionItem]:
    """All that waits for a person, longest first. One Query of an index, which may lag behind by a moment."""
    return cast(list[AttentionItem], readable(UserItem.attention_index.query(kind)))
