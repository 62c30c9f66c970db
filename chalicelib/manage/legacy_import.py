"""`import-legacy`: the old system's database becomes users, courses, coupons and orders of the shop.

Nothing is overwritten: every put is conditional on absence, and each unit is one transaction. The next import completes
one that was cut off, and importing again changes nothing. A refused row refuses only the rows that depend on it; once
the old data are corrected, importing again takes the rest. Ids are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from chalicelib.errors import CoursePageNotFound, IdTaken
from chalicelib.manage.legacy import SOURCE, catalogue, file, orders, people
from chalicelib.manage.legacy.file import LegacyData, read_file
from chalicelib.manage.legacy.orders import ImportedOrder, Sold
from chalicelib.manage.legacy.report import Progress, Report
from chalicelib.manage.legacy.store import ID_TAKEN, TOO_LARGE, Unit, is_too_large, put_units, refuse
from chalicelib.manage.legacy.values import BadValue, Row, blaming
from chalicelib.settings import order_minutes
from chalicelib.shop import audit, catalog, coupon_claim, user
from chalicelib.shop.catalog import (
    MAX_LISTED,
    Chapter,
    Course,
    CourseDetail,
    RecommendedCourse,
    Teacher,
    TeacherCopy,
)
from chalicelib.shop.choice import MAX_LINES
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.coupon_claim import Claim
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.imported_course import (
    ImportedCourse,
    add_rows,
    imported_course_item,
    imported_course_key,
)
from chalicelib.shop.password import UNUSABLE_HASH
from chalicelib.shop.price_policy import PricePolicy
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import MAX_BATCH_KEYS, ItemKey, StoredItem, Transaction, find_together

Translated = TypeVar("Translated")

_NO_HASH = (
    "the hash of its password is damaged, or its form or number of rounds is not computed here: set it anew"
)


def import_legacy(
    path: Path, now: datetime, progress: Progress | None = None, by: str | None = None
) -> Report:
    """Import a file -> the report, whose `str()` is for the operator.

    An operator's import (`by`) is logged before it begins. Raises UnreadableFile, OSError. When the store fails on the
    way, the written units are whole, and the next import goes on from there.
    """
    data = read_file(path)
    if by is not None:
        audit.write(audit.entry(by, "import-legacy", f"file {path.name}", now))
    progress = progress or Progress()
    try:
        return _Import(data, Report(data, progress), now).run()
    finally:
        progress.end()


@dataclass
class _CourseParts:
    """A course of the file with the rows that come in with it."""

    row: Row
    key: CourseKey
    name: str
    image: str
    policies: dict[int, tuple[Row, PricePolicy]] = field(default_factory=dict)
    detail_row: Row | None = None
    detail: CourseDetail | None = None
    links: list[Row] = field(default_factory=list)

    def policy_ids(self) -> dict[int, int]:
        """The ids of its policies by their days."""
        return {days: policy.policy_id for days, (_, policy) in self.policies.items()}

    def rows(self) -> list[Row]:
        """All rows but the course's own."""
        detail = [self.detail_row] if self.detail_row else []
        return [*(row for row, _ in self.policies.values()), *detail, *self.links]


class _Import:
    """One run: the stages follow each other, because rows depend on rows of earlier tables."""

    def __init__(self, data: LegacyData, report: Report, now: datetime) -> None:
        self.data = data
        self.report = report
        self.now = now
        self.teachers: dict[int, Teacher] = {}
        self.courses: dict[int, _CourseParts] = {}
        self.stored: dict[ItemKey, StoredItem] = {}
        """The courses and their marks as they were before this import."""

    def run(self) -> Report:
        self._categories_and_teachers()
        self._courses()
        self._contents()
        offers = self._offers()
        self._users()
        self._records(offers)
        self._orders()
        return self.report

    # Translating

    def _translate(self, table: str, translate: Callable[[Row], Translated]) -> list[tuple[Row, Translated]]:
        """Translate a table's rows that have no outcome yet; refuse the others."""
        translated = []
        for row in self.data.rows[table]:
            if self.report.is_recorded(row):
                continue
            try:
                translated.append((row, translate(row)))
            except BadValue as reason:
                self.report.not_taken(row, str(reason))
        return translated

    def _taken(self, table: str, row_id: int) -> int:
        """The id of a row that others depend on. Raises BadValue when it is not in the shop."""
        if not self.report.is_in_the_shop(table, row_id):
            known = row_id in self.report.outcomes[table]
            raise BadValue(f"{table} {row_id} {'was not taken' if known else 'does not exist'}")
        return row_id

    def _course_of(self, row: Row) -> _CourseParts:
        """The course of a generic reference that may be taken. Raises BadValue for any other reference."""
        if not self.data.is_course(row):
            raise BadValue(f"it belongs to {self.data.model(row)}, not to a course")
        return self._course(row.reference("object_id"))

    def _course(self, course_id: int) -> _CourseParts:
        parts = self.courses.get(course_id)
        if parts is None:
            self._taken(file.COURSES, course_id)
            raise AssertionError("a course in the shop is known")
        return parts

    # Catalogue

    def _categories_and_teachers(self) -> None:
        categories = self._translate(file.CATEGORIES, catalogue.category)
        put_units([Unit(row, (item,)) for row, item in categories], self.report)
        teachers = self._translate(file.TEACHERS, catalogue.teacher)
        put_units([Unit(row, (item,)) for row, item in teachers], self.report)
        self.teachers = {row.id: item for row, item in teachers} | self._stored_teachers()

    def _stored_teachers(self) -> dict[int, Teacher]:
        """The teachers of earlier imports as the shop has them now: pages copy these."""
        known = [row.id for row in self.data.rows[file.TEACHERS] if self.report.was_there(row)]
        stored: dict[int, Teacher] = {}
        for start in range(0, len(known), MAX_BATCH_KEYS):
            found = find_together(list(map(catalog.teacher_key, known[start : start + MAX_BATCH_KEYS])))
            stored |= {item.teacher_id: item for item in found.values() if isinstance(item, Teacher)}
        return stored

    def _courses(self) -> None:
        attributes = dict(self._translate_courses())
        self._read_stored(attributes)
        for row, course in attributes.items():
            key = CourseKey(COURSE, row.id)
            mark, stored = imported_course_key(key), catalog.course_item_key(key)
            if stored in self.stored and mark not in self.stored:
                self.report.not_taken(row, ID_TAKEN)
                continue
            self.courses[row.id] = _CourseParts(row, key, course["name"], course["course_img"])
        self._details()
        self._links()
        self._policies()
        self._refuse_too_large(attributes)
        units = []
        for parts in self.courses.values():
            if imported_course_key(parts.key) in self.stored:
                units += self._rows_since(parts)
            else:
                units.append(self._new_course(parts, attributes[parts.row]))
        put_units(units, self.report)
        self.courses = {
            course_id: parts
            for course_id, parts in self.courses.items()
            if self.report.is_in_the_shop(file.COURSES, course_id)
        }

    def _translate_courses(self) -> list[tuple[Row, dict[str, Any]]]:
        def translate(row: Row) -> dict[str, Any]:
            attributes = catalogue.course(row)
            if attributes["category_id"] is not None:
                self._taken(file.CATEGORIES, attributes["category_id"])
            return attributes

        return self._translate(file.COURSES, translate)

    def _read_stored(self, rows: Mapping[Row, object]) -> None:
        keys = [CourseKey(COURSE, row.id) for row in rows]
        for start in range(0, len(keys), MAX_BATCH_KEYS // 2):
            asked = keys[start : start + MAX_BATCH_KEYS // 2]
            item_keys = [imported_course_key(key) for key in asked]
            self.stored |= find_together([*item_keys, *(catalog.course_item_key(key) for key in asked)])

    def _details(self) -> None:
        def translate(row: Row) -> CourseDetail:
            parts = self._course(row.reference("course_id"))
            if parts.detail_row is not None:
                raise BadValue(f"its course has {parts.detail_row} already")
            detail = catalogue.detail(row, parts.key)
            if imported_course_key(parts.key) not in self.stored and _is_page(row.id):
                raise BadValue(ID_TAKEN)
            parts.detail_row, parts.detail = row, detail
            return detail

        self._translate(file.DETAILS, translate)

    def _links(self) -> None:
        pages = {parts.detail_row.id: parts for parts in self.courses.values() if parts.detail_row}

        def page_of(row: Row) -> tuple[_CourseParts, CourseDetail]:
            detail_id = row.reference("coursedetail_id")
            parts = pages.get(detail_id)
            if parts is None or parts.detail is None:
                known = detail_id in self.report.outcomes[file.DETAILS]
                raise BadValue(f"{file.DETAILS} {detail_id} {'was not taken' if known else 'does not exist'}")
            return parts, parts.detail

        def teach(row: Row) -> TeacherCopy:
            row.check_id()
            parts, detail = page_of(row)
            teacher_id = self._taken(file.TEACHERS, row.reference("teacher_id"))
            if any(copy.teacher_id == teacher_id for copy in detail.teachers):
                raise BadValue("the page has this teacher already")
            if len(detail.teachers) == MAX_LISTED:
                raise BadValue(f"the page has {MAX_LISTED} teachers already")
            copy = catalogue.teacher_copy(self.teachers[teacher_id])
            detail.teachers.append(copy)
            parts.links.append(row)
            return copy

        def recommend(row: Row) -> RecommendedCourse:
            row.check_id()
            parts, detail = page_of(row)
            other = self._course(row.reference("course_id"))
            if any(copy.course_id == other.row.id for copy in detail.recommended):
                raise BadValue("the page recommends this course already")
            if len(detail.recommended) == MAX_LISTED:
                raise BadValue(f"the page recommends {MAX_LISTED} courses already")
            stored = self.stored.get(catalog.course_item_key(other.key))
            copy = catalogue.recommended(
                other.row.id, stored.name if isinstance(stored, Course) else other.name
            )
            detail.recommended.append(copy)
            parts.links.append(row)
            return copy

        self._translate(file.DETAIL_TEACHERS, teach)
        self._translate(file.DETAIL_COURSES, recommend)

    def _policies(self) -> None:
        def translate(row: Row) -> PricePolicy:
            parts = self._course_of(row)
            detail_id = parts.detail.detail_id if parts.detail else None
            policy = catalogue.policy(row, parts.key, detail_id)
            if policy.valid_period in parts.policies:
                raise BadValue(f"its course has {parts.policies[policy.valid_period][0]} for the same days")
            parts.policies[policy.valid_period] = row, policy
            return policy

        self._translate(file.POLICIES, translate)

    def _refuse_too_large(self, attributes: Mapping[Row, dict[str, Any]]) -> None:
        """Refuse the courses that are too large, before any page that recommends one of them is written."""
        while True:
            new = [each for each in self.courses.values() if imported_course_key(each.key) not in self.stored]
            units = [self._new_course(parts, attributes[parts.row]) for parts in new]
            refused = [unit for unit in units if is_too_large(unit)]
            for unit in refused:
                refuse(unit, TOO_LARGE, self.report)
                del self.courses[unit.row.id]
                self._unlink(unit.row)
            if not refused:
                return

    def _unlink(self, course: Row) -> None:
        for parts in self.courses.values():
            for link in [*parts.links]:
                if link.table == file.DETAIL_COURSES and link.values["course_id"] == course.id:
                    self.report.not_taken(link, f"{course} was not taken")
                    parts.links.remove(link)
            if parts.detail is not None:
                kept = [copy for copy in parts.detail.recommended if copy.course_id != course.id]
                parts.detail.recommended = kept

    def _new_course(self, parts: _CourseParts, attributes: dict[str, Any]) -> Unit:
        policies = [policy for _, policy in parts.policies.values()]
        course = catalog.course_item(parts.key, policies, parts.detail, **attributes)
        rows = parts.rows()
        mark = imported_course_item(parts.key, map(repr, [parts.row, *rows]), SOURCE)
        detail = (parts.detail,) if parts.detail else ()
        return Unit(parts.row, (mark, course, *policies, *detail), with_rows=tuple(rows))

    def _rows_since(self, parts: _CourseParts) -> list[Unit]:
        """A course of an earlier import, whose rows are there already; only policies may be added later."""
        self.report.already_there(parts.row)
        mark = self.stored[imported_course_key(parts.key)]
        course = self.stored.get(catalog.course_item_key(parts.key))
        assert isinstance(mark, ImportedCourse)
        new_policies = []
        for row in parts.rows():
            if repr(row) in mark.rows:
                self.report.already_there(row)
            elif not isinstance(course, Course):
                self.report.not_taken(row, "its course was removed from the shop since")
            elif row.table == file.POLICIES:
                new_policies.append(row)
            else:
                self.report.not_taken(row, "its course came in without it: add it in the shop")
        if not new_policies:
            return []
        assert isinstance(course, Course)
        return [self._later_policies(parts, new_policies, mark, course)]

    def _later_policies(
        self, parts: _CourseParts, rows: Sequence[Row], mark: ImportedCourse, course: Course
    ) -> Unit:
        policies = [policy for row, policy in parts.policies.values() if row in rows]
        for policy in policies:
            policy.detail_id = course.detail_id
        refusal = IdTaken(course=str(parts.key))

        def add(transaction: Transaction) -> None:
            catalog.add_policies(transaction, course, policies, refusal)
            add_rows(transaction, mark, map(repr, rows), refusal)

        return Unit(rows[0], tuple(policies), add, with_rows=tuple(rows[1:]))

    def _contents(self) -> None:
        def chapter(row: Row) -> Chapter:
            parts = self._course(row.reference("course_id"))
            return catalogue.chapter(row, parts.key, self._detail_id(parts))

        translated = self._translate(file.CHAPTERS, chapter)
        put_units([Unit(row, (item,)) for row, item in translated], self.report)
        chapters = {row.id: item for row, item in translated}

        def section(row: Row) -> StoredItem:
            of = chapters.get(self._taken(file.CHAPTERS, row.reference("chapter_id")))
            assert of is not None, "a chapter in the shop is known"
            return catalogue.section(row, CourseKey.parse(of.course_key), of.chapter, of.detail_id)

        def question(row: Row) -> StoredItem:
            parts = self._course_of(row)
            return catalogue.question(row, parts.key, self._detail_id(parts))

        for table, translate in ((file.SECTIONS, section), (file.QUESTIONS, question)):
            put_units([Unit(row, (item,)) for row, item in self._translate(table, translate)], self.report)

    def _detail_id(self, parts: _CourseParts) -> int | None:
        """The page of a course's contents: the stored course's, where it came in earlier."""
        if imported_course_key(parts.key) not in self.stored:
            return parts.detail.detail_id if parts.detail else None
        course = self.stored.get(catalog.course_item_key(parts.key))
        if not isinstance(course, Course):
            raise BadValue("its course was removed from the shop since")
        return course.detail_id

    # People and coupons

    def _offers(self) -> dict[int, CouponOffer]:
        given_out = Counter(
            row.values["coupon_id"] for row in self.data.rows[file.RECORDS] if people.is_claimed(row)
        )

        def translate(row: Row) -> CouponOffer:
            # Without an object it is general, whatever its content type says.
            bound_to = None if row.is_null("object_id") else self._course_of(row).key
            return people.offer(row, bound_to, given_out[row.id])

        translated = self._translate(file.COUPONS, translate)
        put_units([Unit(row, (item,)) for row, item in translated], self.report)
        return {row.id: item for row, item in translated}

    def _users(self) -> None:
        names: dict[str, Row] = {}
        units = []
        for row, person in self._translate(file.USERS, lambda row: people.person(row, self.now)):
            first = names.setdefault(folded(person.username), row)
            if first is not row:
                self.report.not_taken(row, f"its user name is that of {first}, but for case and width")
                continue
            entry = people.opening_entry(person, self.now)

            def add(
                transaction: Transaction, person: user.User = person, entry: StoredItem | None = entry
            ) -> None:
                user.register(transaction, person)
                if entry is not None:
                    transaction.put_new(entry, IdTaken(user_id=person.user_id))

            remark = None
            if person.password == UNUSABLE_HASH:
                remark = _NO_HASH
            units.append(Unit(row, (person, entry) if entry else (person,), add, remark=remark))
        put_units(units, self.report)

    def _records(self, offers: Mapping[int, CouponOffer]) -> None:
        numbers = {
            row.id: number
            for row in self.data.rows[file.ORDERS]
            if isinstance(number := row.values["order_number"], str)
        }

        def translate(row: Row) -> CouponRecord:
            self._taken(file.USERS, people.owner_of(row))
            return people.record(row, offers[self._taken(file.COUPONS, row.reference("coupon_id"))], numbers)

        def add(transaction: Transaction, record: CouponRecord, claim: Claim | None) -> None:
            transaction.put_new(record, IdTaken(record_id=record.record_id))
            if claim is not None:
                coupon_claim.take_over(transaction, claim, IdTaken(record_id=record.record_id))

        units = []
        marked: set[tuple[int, int]] = set()
        for row, record in self._translate(file.RECORDS, translate):
            # A transaction writes an item once, and one user may hold two records of one coupon.
            claim = None if (record.user_id, record.coupon_id) in marked else people.claim(record)
            marked.add((record.user_id, record.coupon_id))
            items = (record, claim) if claim else (record,)
            units.append(Unit(row, items, partial(add, record=record, claim=claim)))
        put_units(units, self.report)

    # Orders

    def _orders(self) -> None:
        life = timedelta(minutes=order_minutes())
        lines = self._by(file.ORDER_LINES, "order_id")

        def translate(row: Row) -> ImportedOrder:
            self._taken(file.USERS, row.reference("account_id"))
            own = lines.get(row.id, [])
            if not own:
                raise BadValue("it has no lines")
            if len(own) > MAX_LINES:
                raise BadValue(f"it has {len(own)} lines, and an order holds {MAX_LINES}")
            courses = []
            for line in own:
                with blaming(line):
                    courses.append(self._sold(line))
            return orders.imported_order(row, own, courses, life, self.now)

        units = []
        for row, imported in self._translate(file.ORDERS, translate):
            units.append(
                Unit(
                    row,
                    imported.items,
                    imported.write,
                    with_rows=tuple(lines[row.id]),
                    remark=imported.remark,
                )
            )
        put_units(units, self.report)
        self._translate(file.ORDER_LINES, self._left_over_line)

    def _sold(self, line: Row) -> Sold:
        line.check_id()
        parts = self._course_of(line)
        return Sold(parts.key, parts.name, parts.image, parts.policy_ids())

    def _left_over_line(self, line: Row) -> None:
        self._taken(file.ORDERS, line.reference("order_id"))
        raise AssertionError("the lines of an order in the shop have their outcome")

    def _by(self, table: str, column: str) -> dict[int, list[Row]]:
        """A table's rows by the id in a column."""
        grouped: dict[int, list[Row]] = {}
        for row in self.data.rows[table]:
            row_id = row.values[column]
            if isinstance(row_id, int):
                grouped.setdefault(row_id, []).append(row)
        return grouped


def _is_page(detail_id: int) -> bool:
    """Whether a page of the shop has this id."""
    try:
        catalog.find_page(detail_id)
    except CoursePageNotFound:
        return False
    return True
