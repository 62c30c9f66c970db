"""A user's partition, the lists read from it, and the cursors of pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from msgspec import Struct
from pynamodb.expressions.condition import Condition
from pynamodb.pagination import ResultIterator

from chalicelib.errors import InvalidPage
from chalicelib.storage.dynamodb import UserItem

AnItem = TypeVar("AnItem", bound=UserItem)

PAGE_ROWS = 500
"""The most rows of one answer of a list."""

_MOST_QUERIES = 8

_PREFIX = "USER#"

_AFTER_PREFIX = r"[0-9]{8}T[0-9]{12}Z#[0-9A-Za-z_#-]{1,160}"
"""The rest of a listed item's sort key after the prefix: a `sortable` time and more."""


def partition(user_id: int) -> str:
    """The partition of all items of a user."""
    return f"{_PREFIX}{user_id}"


def user_of(owner: str) -> int:
    """The user whose partition this is. Raises ValueError for another partition."""
    return int(owner.removeprefix(_PREFIX))


def list_partition(user_id: int, prefix: str) -> list[UserItem]:
    """All of a user's items whose sort key begins with `prefix`, strongly consistent. One Query."""
    return list(UserItem.query(partition(user_id), UserItem.sort.startswith(prefix), consistent_read=True))


class Page(Struct, Generic[AnItem], frozen=True):
    """Some items, in the order of their list, and the cursor of what follows, if anything does."""

    items: list[AnItem]
    next_cursor: str | None


def query_page(asked: ResultIterator[AnItem], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The first `limit` rows of a query of one row more -> the rows, and whether anything follows.

    One Query, so at most a megabyte of stored items: an answer can hold no more.
    """
    answer = next(asked.page_iter)
    rows = answer["Items"]
    return rows[:limit], len(rows) > limit or "LastEvaluatedKey" in answer


def list_page(
    model: type[AnItem],
    user_id: int,
    prefix: str,
    limit: int,
    cursor: str | None,
    only: Condition | None = None,
    rows_of_query: int = 2 * PAGE_ROWS,
) -> Page[AnItem]:
    """A user's items whose sort keys are `prefix`, a `sortable` time and more, newest first. One Query.

    Strongly consistent; up to `limit` rows and a megabyte of them. With `only` those that meet a condition: more
    Queries, of `rows_of_query` each, go on until the page is full or the list ends, eight at the most. After that a
    page may be short, even empty, and still have a cursor. Raises InvalidPage for a cursor that is none.
    """
    # One row more than asked for tells whether anything follows.
    asked = _newest_first(model, user_id, prefix, cursor, limit + 1, only)
    answers, rows = asked.page_iter, list[dict[str, Any]]()
    for answer in islice(answers, 1 if only is None else _MOST_QUERIES):
        rows += answer["Items"]
        if len(rows) > limit:
            break
        answers.page_size = rows_of_query  # few rows meet the condition
    last = rows[limit - 1] if len(rows) > limit else answers.last_evaluated_key
    next_cursor = encode_cursor(last["sort"]["S"]) if last else None
    return Page([model.from_raw_data(row) for row in rows[:limit]], next_cursor)


def list_page_and_rest(
    model: type[AnItem], user_id: int, prefix: str, limit: int, cursor: str | None
) -> tuple[Page[AnItem], Iterator[dict[str, Any]]]:
    """As `list_page`, and all older items as they are stored, newest first, read when they are taken: one Query for
    each megabyte of both.
    """
    answers, rows = _newest_first(model, user_id, prefix, cursor).page_iter, list[dict[str, Any]]()
    for answer in answers:
        rows += answer["Items"]
        if len(rows) > limit:
            break
    page, rest = rows[:limit], rows[limit:]
    next_cursor = encode_cursor(page[-1]["sort"]["S"]) if rest else None
    older = (row for answer in answers for row in answer["Items"])
    return Page([model.from_raw_data(row) for row in page], next_cursor), chain(rest, older)


def _newest_first(
    model: type[AnItem],
    user_id: int,
    prefix: str,
    cursor: str | None,
    limit: int | None = None,
    only: Condition | None = None,
) -> ResultIterator[AnItem]:
    start = decode_cursor(cursor, re.escape(prefix) + _AFTER_PREFIX) if cursor else None
    return model.query(
        partition(user_id),
        model.sort.startswith(prefix),
        only,
        consistent_read=True,
        scan_index_forward=False,
        limit=limit,
        last_evaluated_key={"owner": {"S": partition(user_id)}, "sort": {"S": start}} if start else None,
    )


def sortable(at: datetime) -> str:
    """A time as text that sorts as time does, for sort keys: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def encode_cursor(sort: str) -> str:
    """The cursor of the page that follows the item with this sort key."""
    return base64.urlsafe_b64encode(sort.encode()).decode()


def decode_cursor(cursor: str, pattern: str) -> str:
    """The sort key in a cursor. Raises InvalidPage unless it matches a regular expression."""
    try:
        sort = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise InvalidPage(field="cursor") from error
    if not re.fullmatch(pattern, sort):
        raise InvalidPage(field="cursor")
    return sort
