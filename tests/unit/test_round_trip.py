"""Everything an import puts into the catalogue, an export writes and an apply takes again without a difference.

The rows of the old system are drawn from all that SQLite can hold; those that the import refuses are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.manage.catalog_file.items import catalogue_of
from chalicelib.manage.catalog_file.plan import Stored, plan, refusals
from chalicelib.manage.catalog_file.reading import read_catalogue, read_json
from chalicelib.manage.catalog_file.writing import catalogue_text
from chalicelib.manage.legacy import catalogue, file, people
from chalicelib.manage.legacy.values import BadValue, Row
from chalicelib.shop import catalog
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.storage.dynamodb import CatalogItem

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
KEY = CourseKey(COURSE, 7)
PAGE = 77

Item = TypeVar("Item", bound=CatalogItem)


def rows(table: str, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[Row]:
    """Rows of a table; a column of which nothing is said is drawn from whatever there is."""
    names = file.COLUMNS[table].split()
    return st.fixed_dictionaries({name: columns.get(name, anything) for name in names}).map(
        lambda values: Row(table, values)
    )


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Seldom something that an import refuses: a row of ten columns has to be taken now and then."""
    return st.integers(0, 15).flatmap(lambda number: bad if number == 15 else good)


good_texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=32),
    st.text('a字\u2028\u202e\ufeff\ufffd\\"{ ', min_size=1, max_size=12),
)
bad_texts = st.one_of(
    st.text("a字\u2028\x00\x85\ud800\n\r\t ", max_size=12), st.integers(0, 300).map("字".__mul__)
)
texts = mostly(good_texts, bad_texts)
days = st.one_of(
    st.dates(date(1970, 1, 1)),
    st.dates(),
    st.sampled_from([date.min, date.max, date(1970, 1, 1), date(9999, 12, 30)]),
).map(date.isoformat)
first_days = mostly(st.just("2019-06-17"), days)
moments = st.one_of(
    st.datetimes(datetime(1971, 1, 1)).map(lambda moment: moment.isoformat(" ")),  # noqa: DTZ001
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.sampled_from(["1969-12-31 16:00:00", "9999-12-30 16:00:00", "9999-12-31 23:59:59.999999"]),
)
small = mostly(st.integers(0, 1), st.integers(-1, 3))
amounts = mostly(st.floats(0, 1e8), st.one_of(st.integers(-1, 10**9), st.floats()))
anything: st.SearchStrategy[Any] = st.one_of(
    st.none(), texts, st.binary(max_size=3), days, moments, amounts, st.integers(-(2**63), 2**63 - 1)
)
ids = mostly(st.integers(1, 10**15 - 1) | st.integers(1, 3), st.integers(-1, 2**63 - 1))
numbers = mostly(st.integers(0, 99_999), st.integers(-(2**63), 2**63 - 1))
nullable_texts = st.none() | texts

courses = rows(
    file.COURSES, id=st.just(KEY.course_id), name=texts, course_img=texts, course_type=small, brief=texts,
    level=small, period=numbers, order=numbers, status=small, course_category_id=st.none(),
)  # fmt: skip
pages = rows(
    file.DETAILS, id=st.just(PAGE), hours=numbers, course_slogan=nullable_texts, video_brief_link=nullable_texts,
    why_study=texts, what_to_study_brief=texts, career_improvement=texts, prerequisite=texts,
)  # fmt: skip
policies = rows(file.POLICIES, id=ids, valid_period=st.sampled_from([1, 30, 36000, 31]), price=amounts)
chapters = rows(file.CHAPTERS, id=ids, chapter=numbers, name=texts, summary=nullable_texts, pub_date=days)
sections = rows(
    file.SECTIONS, id=ids, name=texts, order=numbers, section_type=small, section_link=nullable_texts,
    video_time=nullable_texts, pub_date=moments, free_trail=st.integers(0, 1), player=small,
)  # fmt: skip
questions = rows(file.QUESTIONS, id=ids, question=texts, answer=texts)
teachers = rows(
    file.TEACHERS,
    id=ids,
    name=texts,
    role=small,
    title=texts,
    signature=nullable_texts,
    image=texts,
    brief=texts,
)
categories = rows(file.CATEGORIES, id=ids, name=texts)
coupons = rows(
    file.COUPONS, id=ids, name=texts, brief=nullable_texts, coupon_type=small, money_equivalent_value=amounts,
    off_percent=mostly(st.integers(1, 100), numbers), minimum_consume=amounts, quantity=numbers,
    open_date=first_days, close_date=days,
    valid_begin_date=first_days, valid_end_date=days, coupon_valid_days=st.none() | numbers, status=small, date=moments,
)  # fmt: skip


def taken(
    drawn: list[Row], translate: Callable[[Row], Item], known_by: Callable[[Item], object]
) -> list[Item]:
    """What an import makes of rows: those that it refuses, and what is there already, left out."""
    found: dict[object, Item] = {}
    for row in drawn:
        try:
            item = translate(row)
        except BadValue:
            continue
        found.setdefault(known_by(item), item)
    return list(found.values())


def a_course(row: Row, page: Row, drawn: list[list[Row]]) -> list[CatalogItem]:
    """The items of a course with what belongs to it; none where the import refuses the course."""
    try:
        attributes = catalogue.course(row)
    except BadValue:
        return []
    details = taken([page], lambda row: catalogue.detail(row, KEY), lambda item: item.sort)
    detail_id = PAGE if details else None
    offered = taken(drawn[0], lambda row: catalogue.policy(row, KEY, detail_id), lambda item: item.policy_id)
    by_days = {policy.valid_period: policy for policy in offered}
    found: list[CatalogItem] = [
        catalog.course_item(KEY, by_days.values(), next(iter(details), None), **attributes), *by_days.values(), *details
    ]  # fmt: skip
    parts = taken(drawn[1], lambda row: catalogue.chapter(row, KEY, detail_id), lambda item: item.chapter)
    parts = list({chapter.chapter_id: chapter for chapter in parts}.values())
    of_chapter: list[catalog.Section] = []
    if parts:
        number = parts[0].chapter
        of_chapter = taken(
            drawn[2], lambda row: catalogue.section(row, KEY, number, detail_id), lambda item: item.section_id
        )
    asked = taken(drawn[3], lambda row: catalogue.question(row, KEY, detail_id), lambda item: item.faq_id)
    return [*found, *parts, *of_chapter, *asked]


def assert_comes_back(items: list[CatalogItem]) -> None:
    """Through the store and a file, nothing is refused and nothing differs."""
    read = []
    for item in items:
        copy = type(item)()
        copy.deserialize(item.serialize())
        read.append(copy)
    stored = Stored({(item.course_key, item.sort): item for item in read})
    text = catalogue_text(stored.catalogue)
    again = read_catalogue(read_json(text.encode(), "shop.json"))
    assert again == stored.catalogue == catalogue_of(read)
    assert refusals(stored, again, NOW) == []
    assert plan(stored, again, NOW).changes == []
    assert catalogue_text(again) == text


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    courses, pages,
    st.tuples(*(st.lists(drawn, max_size=2) for drawn in (policies, chapters, sections, questions))),
)  # fmt: skip
def test_a_course_comes_back_as_it_was_imported(row: Row, page: Row, drawn: tuple[list[Row], ...]) -> None:
    assert_comes_back(a_course(row, page, list(drawn)))


def a_coupon(**columns: Any) -> Row:
    values = {
        "id": 1, "name": "券", "brief": None, "coupon_type": 0, "money_equivalent_value": 30.0, "off_percent": None,
        "minimum_consume": 0, "object_id": None, "quantity": 10, "open_date": "2019-06-17",
        "close_date": "9999-12-31", "valid_begin_date": "2019-06-10", "valid_end_date": "9999-12-31",
        "coupon_valid_days": None, "status": 0, "date": "2019-08-31 04:15:44", "content_type_id": 1,
    }  # fmt: skip
    return Row(file.COUPONS, values | columns)


@settings(deadline=None, max_examples=300)
@given(coupons)
@example(a_coupon())
@example(a_coupon(valid_end_date="9999-12-30"))
@example(a_coupon(open_date="1970-01-01", close_date="1970-01-01"))
def test_a_coupon_comes_back_as_it_was_imported(row: Row) -> None:
    assert_comes_back(taken([row], lambda row: people.offer(row, None, 0), lambda item: item.sort))


def test_a_coupon_that_is_good_for_ever_is_taken() -> None:
    assert people.offer(a_coupon(), None, 0).valid_until == datetime(9999, 12, 30, 16, tzinfo=UTC)


@settings(deadline=None, max_examples=100)
@given(st.lists(teachers, max_size=3), st.lists(categories, max_size=3))
def test_teachers_and_categories_come_back_as_they_were_imported(drawn: list[Row], named: list[Row]) -> None:
    items: list[CatalogItem] = [*taken(drawn, catalogue.teacher, lambda item: item.sort)]
    assert_comes_back([*items, *taken(named, catalogue.category, lambda item: item.sort)])
