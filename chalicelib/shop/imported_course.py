"""The rows that an import brought in with a course, so that a later import leaves alone what was changed or removed
since.

Single items are known by their `source`; a course is changed by writing it anew, policies come and go, and a page's
teachers have no items of their own.
"""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeSetAttribute

from chalicelib.errors import ShopError
from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.dynamodb import CatalogItem, ItemKey, Transaction

_IMPORTED = "IMPORTED_COURSES"


class ImportedCourse(CatalogItem, discriminator="IMPORTED_COURSE"):
    """Partition `IMPORTED_COURSES`, sorted by course key. `rows` names rows of the old system, as the
    importer does.
    """

    rows = UnicodeSetAttribute()


def imported_course_item(course: CourseKey, rows: Iterable[str], source: str) -> ImportedCourse:
    """The mark of a course, ready to be written. It holds one row at least."""
    return ImportedCourse(_IMPORTED, str(course), rows=set(rows), source=source)


def imported_course_key(course: CourseKey) -> ItemKey:
    """The key of a course's mark, for a batch read."""
    return ImportedCourse, _IMPORTED, str(course)


def add_rows(transaction: Transaction, mark: ImportedCourse, rows: Iterable[str], refusal: ShopError) -> None:
    """Add further rows that came in for a course, in the transaction that writes them."""
    transaction.update(mark, [ImportedCourse.rows.add(set(rows))], ImportedCourse.sort.exists(), refusal)
