"""Reading the SQLite file. It is copied first, so that nothing is ever written to it or beside it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
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
"""The tables that are taken over, in the order in which they are, with the columns that are read."""

_CONTENT_TYPES, _CONTENT_TYPE_COLUMNS = "django_content_type", "id app_label model"
_COURSE = "api.course"


class UnreadableFile(Exception):
    """The file is no database of the old system, or is damaged; the text says in what way."""


@dataclass(frozen=True)
class LegacyData:
    """All rows by table, each table's by id, and what models the ids of content types mean (`api.course`)."""

    rows: Mapping[str, list[Row]]
    content_types: Mapping[int, str]

    def is_course(self, row: Row) -> bool:
        """Whether the row's generic reference is to a course."""
        return self.model(row) == _COURSE

    def model(self, row: Row) -> str:
        """What the row's generic reference is to: a model's name, or a word on a content type nobody knows."""
        type_id = row.values["content_type_id"]
        known = self.content_types.get(type_id) if isinstance(type_id, int) else None
        return known or f"unknown content type {type_id}"


def read_file(path: Path) -> LegacyData:
    """Read everything that is taken over. Raises UnreadableFile, OSError."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "legacy.sqlite3"
        shutil.copyfile(path, copy)
        for ending in ("-wal", "-journal"):
            beside = path.with_name(path.name + ending)
            if beside.is_file():
                shutil.copyfile(beside, copy.with_name(copy.name + ending))
        return _read(copy, path.name)


def _read(copy: Path, name: str) -> LegacyData:
    with copy.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise UnreadableFile(f"{name} is no SQLite database")
    database = sqlite3.connect(copy)
    # Surrogates mark what is not UTF-8: such a row is refused, the others are read.
    database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise UnreadableFile(f"{name} is damaged: {problem}")
        types = _rows(database, _CONTENT_TYPES, _CONTENT_TYPE_COLUMNS, name)
        content_types = {row.id: f"{row.values['app_label']}.{row.values['model']}" for row in types}
        if _COURSE not in content_types.values():
            raise UnreadableFile(f"{name} is not of the old system: it has no content type {_COURSE}")
        return LegacyData(
            {table: _rows(database, table, columns, name) for table, columns in COLUMNS.items()},
            content_types,
        )
    except sqlite3.DatabaseError as error:
        raise UnreadableFile(f"{name} is damaged or no database: {error}") from error
    finally:
        database.close()


def _rows(database: sqlite3.Connection, table: str, columns: str, name: str) -> list[Row]:
    present = {column for _, column, *_ in database.execute(f'PRAGMA table_info("{table}")')}
    if not present:
        raise UnreadableFile(f"{name} is not of the old system: it has no table {table}")
    wanted = columns.split()
    missing = [column for column in wanted if column not in present]
    if missing:
        raise UnreadableFile(f"{name} is not of the old system: {table} has no column {missing[0]}")
    listed = ", ".join(f'"{column}"' for column in wanted)
    found = database.execute(f'SELECT {listed} FROM "{table}" ORDER BY "id"')
    rows = [Row(table, dict(zip(wanted, values, strict=True))) for values in found]
    ids = {row.values["id"] for row in rows}
    if len(ids) < len(rows) or not all(isinstance(row_id, int) for row_id in ids):
        raise UnreadableFile(f"{name} is not of the old system: the ids of {table} are no keys")
    return rows
