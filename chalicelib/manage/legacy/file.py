"""Read the SQLite file: a copy of it, so that nothing is ever written to it or beside it, and plain tables only."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.manage.legacy.values import Row

CATEGORIES, TEACHERS, COURSES = "api_coursecategory", "api_teacher", "api_course"
POLICIES, DETAILS = "api_pricepolicy", "api_coursedetail"
DETAIL_TEACHERS, DETAIL_COURSES = "api_coursedetail_teachers", "api_coursedetail_recommend_courses"
CHAPTERS, SECTIONS, QUESTIONS = "api_coursechapter", "api_coursesection", "api_oftenaskedquestion"
COUPONS, USERS, RECORDS = "api_coupon", "api_userinfo", "api_couponrecord"
ORDERS, ORDER_LINES = "api_order", "api_orderdetail"

COLUMNS: Mapping[str, str] = {
    CATEGORIES: "id name",
    TEACHERS: "id name role title signature image brief",
    COURSES: "id name course_img course_type brief level period order status course_category_id",
    POLICIES: "id object_id valid_period price content_type_id",
    DETAILS: "id hours course_slogan video_brief_link why_study what_to_study_brief career_improvement"
    " prerequisite course_id",
    DETAIL_TEACHERS: "id coursedetail_id teacher_id",
    DETAIL_COURSES: "id coursedetail_id course_id",
    CHAPTERS: "id chapter name summary pub_date course_id",
    SECTIONS: "id name order section_type section_link video_time pub_date free_trail player chapter_id",
    QUESTIONS: "id object_id question answer content_type_id",
    COUPONS: "id name brief coupon_type money_equivalent_value off_percent minimum_consume object_id quantity"
    " open_date close_date valid_begin_date valid_end_date coupon_valid_days status date content_type_id",
    USERS: "id username email mobile gender password is_active name head_img role date_joined beli",
    RECORDS: "id status get_time used_time date account_id coupon_id order_id",
    ORDERS: "id payment_type payment_number order_number actual_amount status date pay_time cancel_time"
    " account_id",
    ORDER_LINES: "id object_id original_price price valid_period_display valid_period content_type_id order_id",
}
"""The tables to take over, in this order, with the columns to read."""

_CONTENT_TYPES, _CONTENT_TYPE_COLUMNS = "django_content_type", "id app_label model"
_COURSE = "api.course"

_SECONDS = 600.0
_MOST_BYTES = 1_000_000_000
"""The most bytes of the file, and of its values."""
_VALUE_BYTES = 64
"""The memory of a number, and of a reference to any value."""
_STEPS_BETWEEN_LOOKS = 10_000
"""SQLite's steps between two readings of the clock."""


class UnreadableFile(Exception):
    """The file is no database of the old system, or is damaged; the text says how."""


@dataclass(frozen=True)
class LegacyData:
    """All rows by table, each table's by id, and the models of the ids of content types (`api.course`)."""

    rows: Mapping[str, list[Row]]
    content_types: Mapping[int, str]

    def is_course(self, row: Row) -> bool:
        """Whether the row's generic reference is to a course."""
        return self.model(row) == _COURSE

    def model(self, row: Row) -> str:
        """The model that the row's generic reference names, or a word on an unknown content type."""
        type_id = row.values["content_type_id"]
        known = self.content_types.get(type_id) if isinstance(type_id, int) else None
        return known or f"unknown content type {type_id}"


def read_file(path: Path, seconds: float = _SECONDS, most_bytes: int = _MOST_BYTES) -> LegacyData:
    """Read everything to take over. Raises UnreadableFile, OSError.

    Nobody vouches for the file: only plain tables are read, and no more bytes and seconds are spent on it than an old
    system needs.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "legacy.sqlite3"
        for ending in ("", "-wal", "-journal"):
            beside = path.with_name(path.name + ending)
            if ending == "" or beside.is_file():
                _copy(beside, copy.with_name(copy.name + ending), most_bytes)
        return _read(copy, path.name, seconds, most_bytes)


def _copy(source: Path, to: Path, most_bytes: int) -> None:
    if not source.is_file():
        if source.exists() and not source.is_dir():
            raise UnreadableFile(f"{source.name} is no regular file")
        source.open("rb").close()  # says why
    if source.stat().st_size > most_bytes:
        raise UnreadableFile(f"{source.name} is larger than {most_bytes // 1_000_000} MB")
    shutil.copyfile(source, to)


def _read(copy: Path, name: str, seconds: float, most_bytes: int) -> LegacyData:
    with copy.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise UnreadableFile(f"{name} is no SQLite database")
    database = sqlite3.connect(copy)
    # Surrogates mark what is not UTF-8: such a row is refused, the others are read.
    database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most_bytes)
    until = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA query_only = ON")
        _refuse_other_than_tables(database, name)
        problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise UnreadableFile(f"{name} is damaged: {_shown(problem)}")
        reader = _Reader(database, name, most_bytes)
        types = reader.rows(_CONTENT_TYPES, _CONTENT_TYPE_COLUMNS)
        content_types = {row.id: f"{row.values['app_label']}.{row.values['model']}" for row in types}
        if _COURSE not in content_types.values():
            raise UnreadableFile(f"{name} is not of the old system: it has no content type {_COURSE}")
        rows = {table: reader.rows(table, columns) for table, columns in COLUMNS.items()}
        return LegacyData(rows, content_types)
    except sqlite3.Error as error:
        if time.monotonic() > until:
            raise UnreadableFile(f"{name} takes longer than {seconds:g} seconds to read") from error
        raise UnreadableFile(f"{name} is damaged or no database: {_shown(error)}") from error
    except UnicodeDecodeError as error:  # SQLite's own message, which quotes the file
        raise UnreadableFile(f"{name} is damaged or no database: its schema is not UTF-8") from error
    except MemoryError as error:
        raise UnreadableFile(f"{name} needs more memory than there is") from error
    finally:
        database.close()


def _refuse_other_than_tables(database: sqlite3.Connection, name: str) -> None:
    """Refuse a file with views, triggers or virtual tables: reading one runs what somebody wrote into it."""
    for kind, what, root in database.execute("SELECT type, name, rootpage FROM sqlite_master"):
        if kind in ("view", "trigger"):
            raise UnreadableFile(f"{name} is not of the old system: it has a {kind} {_shown(what)}")
        if kind == "table" and not root:
            raise UnreadableFile(f"{name} is not of the old system: it has a virtual table {_shown(what)}")


class _Reader:
    """Reads tables of one file, and together no more than so many bytes of texts."""

    def __init__(self, database: sqlite3.Connection, name: str, most_bytes: int) -> None:
        self._database = database
        self._name = name
        self._most_bytes = most_bytes
        self._left = most_bytes

    def rows(self, table: str, columns: str) -> list[Row]:
        """All rows of a table, by id."""
        wanted = columns.split()
        self._check_columns(table, wanted)
        listed = ", ".join(f'"{column}"' for column in wanted)
        rows = []
        for values in self._database.execute(f'SELECT {listed} FROM "{table}" ORDER BY "id"'):
            self._left -= sum(
                _VALUE_BYTES + (len(value) if isinstance(value, str | bytes) else 0) for value in values
            )
            if self._left < 0:
                raise UnreadableFile(f"{self._name} holds more than {self._most_bytes // 1_000_000} MB")
            rows.append(Row(table, dict(zip(wanted, values, strict=True))))
        ids = {row.values["id"] for row in rows}
        if len(ids) < len(rows) or not all(isinstance(row_id, int) for row_id in ids):
            raise UnreadableFile(f"{self._name} is not of the old system: the ids of {table} are no keys")
        return rows

    def _check_columns(self, table: str, wanted: list[str]) -> None:
        # Columns that are computed when they are read are not among these.
        present = {column for _, column, *_ in self._database.execute(f'PRAGMA table_info("{table}")')}
        if not present:
            raise UnreadableFile(f"{self._name} is not of the old system: it has no table {table}")
        missing = [column for column in wanted if column not in present]
        if missing:
            raise UnreadableFile(f"{self._name} is not of the old system: {table} has no column {missing[0]}")


def _shown(value: object) -> str:
    return ascii(value)[1:-1][:80] if isinstance(value, str) else ascii(str(value))[1:-1][:200]
