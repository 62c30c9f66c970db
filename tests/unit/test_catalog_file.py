"""Catalogue files: every fault is found with its place, what is written is read again, changes read as words."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.beijing_time import day_end, day_start
from chalicelib.manage.catalog_file import forms
from chalicelib.manage.catalog_file.difference import difference, summary
from chalicelib.manage.catalog_file.items import Maker, catalogue_of
from chalicelib.manage.catalog_file.plan import Plan, Stored, plan, refusals
from chalicelib.manage.catalog_file.reading import FaultyFile, read_catalogue, read_file, read_json
from chalicelib.manage.catalog_file.rows import Catalogue, Course, Detail, Offer, Policy
from chalicelib.manage.catalog_file.writing import catalogue_text, write_file
from chalicelib.shop import catalog, coupon
from chalicelib.storage.dynamodb import MAX_ID, CatalogItem

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
Json = dict[str, Any]

SECTION: Json = {
    "id": 51,
    "order": 1,
    "name": "第一节",
    "section_type": "视频",
    "player": "POLYV",
    "section_link": "v1",
    "video_time": "01:00",
    "free_trial": True,
    "pub_date": "2026-01-02 03:04:05.000006",
    "assignment": {"task": "写一个程序。\n贴在这里。", "until": "2026-12-31"},
}
COURSE: Json = {
    "course_type": "course",
    "id": 1,
    "name": "Python 入门",
    "category_id": 7,
    "level": "初级",
    "status": "online",
    "order": 1,
    "period": 30,
    "pub_date": "2026-01-01",
    "featured": True,
    "course_img": "images/a.svg",
    "brief": "简介",
    "policies": [
        {"id": 11, "valid_period": 30, "price": "69.00"},
        {"id": 12, "valid_period": 36000, "price": "299.05"},
    ],
    "detail": {
        "id": 101,
        "hours": 36,
        "course_slogan": "三十天",
        "why_study": "因为",
        "what_to_study_brief": "变量",
        "career_improvement": "好",
        "prerequisite": "无",
        "teachers": [3],
        "recommended": [2],
    },
    "chapters": [
        {
            "id": 41,
            "chapter": 1,
            "name": "开始",
            "summary": "",
            "pub_date": "2026-01-02",
            "sections": [SECTION],
        }
    ],
    "faqs": [{"id": 61, "question": "难吗？", "answer": "不难。"}],
}
BARE_COURSE: Json = {
    **{name: COURSE[name] for name in ("course_type", "level", "order", "period", "course_img", "brief")},
    "id": 2,
    "name": "Vue 实战",
    "status": "offline",
    "policies": [],
    "chapters": [],
    "faqs": [],
}
ASSIGNMENT = ("courses", 0, "chapters", 0, "sections", 0, "assignment")
OFFER: Json = {
    "id": 81,
    "name": "立减二十",
    "brief": "全场",
    "coupon_type": "立减券",
    "value": "20.00",
    "bound_to": "course#1",
    "quantity": 50,
    "claim_from": "2026-07-01",
    "claim_until": "2026-07-31",
    "valid_days": 30,
}
SHOP: Json = {
    "categories": [{"id": 7, "name": "编程"}],
    "teachers": [
        {"id": 3, "name": "林", "role": "讲师", "title": "资深", "image": "images/l.svg", "brief": "十五年"}
    ],
    "courses": [COURSE, BARE_COURSE],
    "coupons": [OFFER],
}


def changed(*path: Any, to: Any = None, without: bool = False, of: Json | None = None) -> Json:
    """The shop with one value changed, or taken out."""
    shop: Any = json.loads(json.dumps(of or SHOP))
    place = shop
    for step in path[:-1]:
        place = place[step]
    if without:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return shop


def read(value: object, today: date | None = None) -> Catalogue:
    return read_catalogue(read_json(json.dumps(value).encode(), "shop.json"), today=today)


def faults(value: object) -> list[str]:
    """The faults of a shop, without the file's name and line."""
    with pytest.raises(FaultyFile) as refused:
        read(value)
    return [fault.split(": ", 1)[1] for fault in refused.value.faults]


def stored_as(value: object, mark: Callable[[CatalogItem], None] = lambda item: None) -> Stored:
    """The shop as it lies in the table after it was applied."""
    items = Maker(read(value), NOW).all()
    for item in items:
        mark(item)
    return Stored({(item.course_key, item.sort): item for item in items})


def planned(old: Json, new: Json) -> Plan:
    return plan(stored_as(old), read(new), NOW)


def words(old: Json, new: Json) -> list[str]:
    return [str(change) for change in difference(read(old).in_order(), read(new).in_order())]


# Reading and writing


def test_a_file_is_read_into_fen_moments_and_ids() -> None:
    shop = read(SHOP)
    course, offer = shop.courses[0], shop.coupons[0]
    assert [policy.price for policy in course.policies] == [6900, 29905]
    assert course.chapters[0].sections[0].pub_date == datetime(2026, 1, 1, 19, 4, 5, 6, tzinfo=UTC)
    assert (offer.claim_from, offer.claim_until) == (day_start(date(2026, 7, 1)), day_end(date(2026, 7, 31)))
    assert course.detail is not None and course.detail.teachers == (3,)
    assert (shop.courses[1].detail, shop.courses[1].category_id, offer.off_percent) == (None, None, None)


def test_what_is_written_is_what_was_read_whatever_the_order() -> None:
    text = catalogue_text(read(SHOP))
    assert json.loads(text) == SHOP
    upside_down = changed("courses", to=[BARE_COURSE, COURSE])
    upside_down = changed("courses", 1, "policies", to=COURSE["policies"][::-1], of=upside_down)
    assert catalogue_text(read(upside_down)) == text


def test_the_file_is_readable() -> None:
    lines = catalogue_text(read(SHOP)).splitlines()
    assert '        {"id": 11, "valid_period": 30, "price": "69.00"},' in lines
    assert '      "name": "Python 入门",' in lines
    assert '        "teachers": [3],' in lines


def test_null_is_the_same_as_left_out() -> None:
    assert read(changed("courses", 0, "detail", "course_slogan", to=None)) == read(
        changed("courses", 0, "detail", "course_slogan", without=True)
    )


def test_what_lies_in_the_table_is_the_file_again() -> None:
    stored = stored_as(SHOP)
    assert catalogue_text(stored.catalogue) == catalogue_text(read(SHOP))
    assert plan(stored, read(SHOP), NOW + timedelta(days=9)) == Plan()


def test_a_file_is_written_whole_and_never_over_another_unless_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    write_file(read(SHOP), file, overwrite=False)
    assert read_file(file)[0] == read(SHOP)
    with pytest.raises(FileExistsError):
        write_file(read(changed("coupons", to=[])), file, overwrite=False)
    assert read_file(file)[0] == read(SHOP)
    write_file(read(changed("coupons", to=[])), file, overwrite=True)
    assert read_file(file)[0].coupons == ()
    assert [path.name for path in tmp_path.iterdir()] == ["shop.json"]


def test_dates_are_counted_from_today_only_where_that_is_asked_for() -> None:
    relative = changed("coupons", 0, "claim_until", to="today+30")
    assert read(relative, today=date(2026, 7, 1)).coupons[0].claim_until == day_end(date(2026, 7, 31))
    assert faults(relative) == [
        'coupons[0].claim_until: "today+30" is no date from 1970-01-01 on, such as "2026-07-01"'
        ' or "2026-07-01 08:00:00"'
    ]


moments = st.timedeltas(timedelta(), day_start(date.max) - day_start(date(1970, 1, 1))).map(
    lambda since: day_start(date(1970, 1, 1)) + since
)


@settings(deadline=None, max_examples=60)
@given(moments, st.sampled_from([forms.BEGIN, forms.END]))
@example(day_start(date(1970, 1, 1)), forms.END)
@example(day_start(date(1970, 1, 2)), forms.END)
@example(day_start(date(9999, 12, 30)), forms.END)
@example(day_start(date(9999, 12, 31)), forms.END)
@example(day_start(date(9999, 12, 31)), forms.BEGIN)
def test_every_moment_is_read_as_it_was_written(moment: datetime, form: forms.Form) -> None:
    assert form.read(form.write(moment), None) == moment


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**10))
def test_every_amount_is_read_as_it_was_written(fen: int) -> None:
    assert forms.YUAN.read(forms.YUAN.write(fen), None) == fen


# Faults


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("courses", 0, "policies", 0, "price"), 69, '69 is no amount of yuan as text, such as "69.00"'),
        (("courses", 0, "policies", 0, "price"), "6.999", '"6.999" is no amount of yuan, such as "69.00"'),
        (("courses", 0, "policies", 0, "price"), "-1", '"-1" is no amount of yuan, such as "69.00"'),
        (("courses", 0, "policies", 0, "price"), "NaN", '"NaN" is no amount of yuan, such as "69.00"'),
        (("courses", 0, "policies", 0, "valid_period"), 31, "31 is none of 1, 3, 7, 14, 30, 60"),
        (("courses", 0, "policies", 0, "valid_period"), 30.0, "30.0 is none of 1, 3, 7, 14, 30, 60"),
        (("courses", 0, "policies", 0, "valid_period"), True, "true is none of 1, 3, 7, 14, 30, 60"),
        (("courses", 0, "detail", "teachers"), [3.0], "3.0 is no whole number"),
        (("coupons", 0, "quantity"), 5e1, "50.0 is no whole number"),
        (("courses", 0, "id"), True, "true is no whole number"),
        (("courses", 0, "id"), 10**15, "1000000000000000 is outside 1 to 999999999999999"),
        (("courses", 0, "id"), "1", '"1" is no whole number'),
        (("courses", 0, "order"), 1.5, "1.5 is no whole number"),
        (("courses", 0, "name"), "  ", "is blank"),
        (("courses", 0, "name"), "a\nb", "holds control characters"),
        (("courses", 0, "name"), "x" * 129, "is longer than 128 characters"),
        (("courses", 0, "brief"), None, "null is no text"),
        (("courses", 0, "brief"), "\ud800", "holds half of a character"),
        (("courses", 0, "level"), "入门", '"入门" is none of 初级, 中级, 高级'),
        (("courses", 0, "status"), "上线", '"上线" is none of online, announced, offline'),
        (("courses", 0, "course_type"), "book", '"book" is none of course, degree_course'),
        (("courses", 0, "pub_date"), "2026-02-30", '"2026-02-30" is no date'),
        (("courses", 0, "pub_date"), "26-02-03", '"26-02-03" is no date'),
        (("courses", 0, "detail", "teachers"), [3, 3], "[3, 3] has an id twice"),
        (("courses", 0, "detail", "teachers"), ["3"], '"3" is no whole number'),
        (("courses", 0, "detail"), 101, "101 is no object {...}"),
        (("courses", 0, "policies"), {}, "{} is no list [...]"),
        (("courses", 0), None, "null is no object {...}"),
        (
            ("courses", 0, "chapters", 0, "sections", 0, "free_trial"),
            "yes",
            '"yes" is neither true nor false',
        ),
        (("courses", 0, "chapters", 0, "sections", 0, "player"), "VLC", '"VLC" is none of CC, POLYV, ALI'),
        ((*ASSIGNMENT, "task"), "", "is blank, or holds what is not shown"),
        (
            (*ASSIGNMENT, "task"),
            "写一个程序。 \n贴在这里。",
            "is blank, or holds what is not shown or blanks",
        ),
        ((*ASSIGNMENT, "task"), "x" * 5001, "is longer than 5000 characters"),
        ((*ASSIGNMENT, "until"), "2026-13-01", '"2026-13-01" is no date'),
        (ASSIGNMENT, "写一个程序", '"写一个程序" is no object {...}'),
        (("coupons", 0, "claim_from"), "2026-07-01T08:00:00", '"2026-07-01T08:00:00" is no date'),
        (("coupons", 0, "bound_to"), "course1", '"course1" is no course such as "course#1"'),
        (("coupons", 0, "quantity"), -1, "-1 is outside 0 to 1000000000"),
    ],
)
def test_a_value_of_another_form_is_named_with_its_place(path: Any, value: Any, fault: str) -> None:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
    assert any(found.startswith(f"{place}: {fault}") for found in faults(changed(*path, to=value)))


@pytest.mark.parametrize(
    ("shop", "fault"),
    [
        (changed("courses", 0, "category_id", to=8), "courses[0].category_id: there is no category 8"),
        (changed("courses", 0, "detail", "teachers", to=[4]), "courses[0].detail.teachers[0]: there is no teacher 4"),
        (
            changed("courses", 0, "detail", "recommended", to=[9]),
            "courses[0].detail.recommended[0]: there is no course#9",
        ),
        (changed("coupons", 0, "bound_to", to="degree_course#1"), "coupons[0].bound_to: there is no degree_course#1"),
        (changed("courses", 1, "id", to=1), "courses[1].id: there is a course course#1 already"),
        (changed("courses", 0, "policies", 1, "id", to=11), "courses[0].policies[1].id: there is a policy 11 already"),
        (
            changed("courses", 0, "policies", 1, "valid_period", to=30),
            "courses[0].policies[1].valid_period: there is a policy for a period of 30 already",
        ),
        (
            changed("courses", 1, "detail", to={**COURSE["detail"], "recommended": []}),
            "courses[1].detail.id: there is a detail 101 already",
        ),
        (
            changed("courses", 0, "chapters", 0, "sections", to=[SECTION, SECTION]),
            "courses[0].chapters[0].sections[1].id: there is a section 51 already",
        ),
        (changed("coupons", 0, "off_percent", to=80), "coupons[0].off_percent: a 立减券 has none"),
        (changed("coupons", 0, "coupon_type", to="折扣券"), "coupons[0].off_percent: is missing: how many hundredths"),
        (changed("coupons", 0, "claim_until", to="2026-06-30"), "coupons[0].claim_until: is before claim_from"),
        (changed("coupons", 0, "valid_days", without=True), "coupons[0].valid_from: is missing"),
        (changed("coupons", 0, "valid_from", to="2026-07-01"), "coupons[0].valid_days: stands beside"),
        (changed("coupons", without=True), "coupons: is missing"),
        (changed("courses", 0, "policies", without=True), "courses[0].policies: is missing"),
        (changed("courses", 0, "name", without=True), "courses[0].name: is missing"),
        (changed("courses", 0, "prize", to=1), "courses[0].prize: unknown here; known are course_type, id, name"),
        ([], "[] is no object {...}"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_named_with_its_place(shop: Any, fault: str) -> None:
    found = faults(shop)
    assert any(one.startswith(fault) for one in found), found


def test_all_faults_are_named_at_once_each_with_its_line() -> None:
    shop = changed("courses", 0, "policies", 0, "price", to="6.999")
    shop = changed("courses", 0, "category_id", to=8, of=shop)
    shop = changed("courses", 0, "faqs", 0, "answer", without=True, of=shop)
    shop = changed("coupons", 0, "quantity", to="many", of=shop)
    text = json.dumps(shop, ensure_ascii=False, indent=1)
    with pytest.raises(FaultyFile) as refused:
        read_catalogue(read_json(text.encode(), "shop.json"))
    lines = text.splitlines()
    expected = [
        ("courses[0].category_id", '"category_id": 8'),
        ("courses[0].policies[0].price", '"price": "6.999"'),
        ("courses[0].faqs[0].answer", "{"),
        ("coupons[0].quantity", '"quantity": "many"'),
    ]
    assert len(refused.value.faults) == len(expected)
    for fault, (place, on_line) in zip(refused.value.faults, expected, strict=True):
        name, line, rest = fault.split(":", 2)
        assert name == "shop.json"
        assert rest.startswith(f" {place}: ")
        assert on_line in lines[int(line) - 1]


def test_a_value_that_cannot_be_read_causes_no_further_faults() -> None:
    assert len(faults(changed("categories", 0, "name", to=5))) == 1
    assert len(faults(changed("courses", 0, "detail", "teachers", to="3"))) == 1
    assert len(faults(changed("coupons", 0, "claim_from", to="soon"))) == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "shop.json:1: column 1: no JSON: Expecting value"),
        (b'{"categories": [],\n "teachers": [,]}', "shop.json:2: column 15: no JSON: Expecting value"),
        (b'{"a": 1,\n "a": 2}', "shop.json:2: a: is there twice"),
        (b"\xff\xfe", "shop.json: not UTF-8, at byte 0"),
        (b"[" * 100_000, "shop.json: nested too deeply"),
        (b"1" * 10_000, "shop.json: holds a number with too many digits"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(content: bytes, fault: str) -> None:
    with pytest.raises(FaultyFile) as refused:
        read_catalogue(read_json(content, "shop.json"))
    assert any(found.startswith(fault) for found in refused.value.faults)


def places_of(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values of a file."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for step, part in steps for place in places_of(part, (*at, step)))]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9)
    | st.sampled_from([30.0, 1.0, 0, "", "1970-01-01", "9999-12-31", "9999-12-31 23:59:59", "1e9999999", "𝟙", [[]]]),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), parts, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


def assert_read_or_said(content: bytes) -> None:
    """A file of this content is read, and then comes back, or each of its faults is said with its place."""
    faults = []
    try:
        catalogue = read_catalogue(read_json(content, "shop.json"))
    except FaultyFile as refused:
        faults = refused.faults
    if faults:
        assert [fault for fault in faults if not re.match(r"shop\.json(:[0-9]+)?: .", fault)] == []
        return
    again = read_catalogue(read_json(catalogue_text(catalogue).encode(), "shop.json"))
    assert again == catalogue.in_order()
    stored = Stored({(item.course_key, item.sort): item for item in Maker(again, NOW).all()})
    assert refusals(stored, again, NOW) == plan(stored, again, NOW).changes == []


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(places_of(SHOP)[1:]), json_values)
@example(("courses", 0, "policies", 0, "valid_period"), 30.0)
@example(("courses", 0, "pub_date"), "9999-12-31")
def test_whatever_stands_at_a_place_is_read_or_said(path: tuple[Any, ...], value: Any) -> None:
    assert_read_or_said(json.dumps(changed(*path, to=value)).encode())


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_its_fault_is_said(data: st.DataObject) -> None:
    content = bytearray(json.dumps(SHOP, indent=1, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3)
            | st.sampled_from([b"{", b"[" * 2000, b'"', b",", b"9" * 5000, b"NaN", b"\xff", b"\xef\xbb\xbf"])
        )
    assert_read_or_said(bytes(content))


def test_a_file_that_is_nested_too_deeply_is_said_to_be() -> None:
    nested: Any = 0
    for _ in range(40):
        nested = [nested]
    with pytest.raises(FaultyFile) as refused:
        read(changed("courses", to=nested))
    assert refused.value.faults == ["shop.json: nested too deeply"]


# Differences


def test_equal_catalogues_do_not_differ() -> None:
    assert words(SHOP, SHOP) == []
    assert summary([]) == "no difference"


@pytest.mark.parametrize(
    ("shop", "said"),
    [
        (changed("courses", 0, "policies", 0, "price", to="59"), "~ course#1  policy 11 price: 69.00 -> 59.00"),
        (changed("courses", 0, "status", to="offline"), "~ course#1  status: online -> offline"),
        (changed("courses", 0, "category_id", to=None), "~ course#1  category_id: 7 -> nothing"),
        (changed("courses", 0, "name", to="Python"), '~ course#1  name: "Python 入门" -> "Python"'),
        (changed("courses", 0, "detail", "hours", to=40), "~ course#1  detail hours: 36 -> 40"),
        (changed("courses", 0, "detail", "recommended", to=[]), "~ course#1  detail recommended: [2] -> []"),
        (changed("courses", 0, "policies", 0, "id", to=13), "~ course#1  policy 13 added: 69.00 for 30 days"),
        (changed("courses", 0, "policies", 0, "id", to=13), "~ course#1  policy 11 removed: 69.00 for 30 days"),
        (
            changed("courses", 0, "chapters", 0, "sections", 0, "free_trial", to=False),
            "~ course#1  chapter 41 section 51 free_trial: true -> false",
        ),
        (changed(*ASSIGNMENT, without=True), "~ course#1  chapter 41 section 51 assignment removed"),
        (
            changed(*ASSIGNMENT, "until", to="2027-01-31"),
            "~ course#1  chapter 41 section 51 assignment until: 2026-12-31 -> 2027-01-31",
        ),
        (changed("courses", 0, "chapters", to=[]), '~ course#1  chapter 41 removed: "开始" with 1 sections'),
        (changed("courses", 0, "faqs", to=[]), '~ course#1  question 61 removed: "难吗？"'),
        (
            changed("courses", 0, "id", to=5, of=changed("coupons", to=[])),
            '+ course#5  "Python 入门": online, 69.00 for 30 days, 299.05 for 36000 days, '
            "1 chapters with 1 sections, 1 questions",
        ),
        (changed("courses", to=[COURSE]), '- course#2  "Vue 实战": offline, no policies'),
        (changed("categories", 0, "name", to="代码"), '~ category 7  name: "编程" -> "代码"'),
        (changed("coupons", 0, "claim_until", to="2026-08-31"), "~ coupon 81  claim_until: 2026-07-31 -> 2026-08-31"),
        (changed("coupons", to=[]), '- coupon 81  "立减二十"'),
    ],
)  # fmt: skip
def test_a_difference_reads_as_what_changed_from_what_to_what(shop: Json, said: str) -> None:
    if shop["courses"] == [COURSE] or shop["courses"][0]["id"] == 5:
        shop["courses"][0]["detail"]["recommended"] = []
    found = words(SHOP, shop)
    assert any(one.startswith(said) for one in found), found


def test_a_long_text_is_shown_from_where_it_differs() -> None:
    old = changed("courses", 0, "brief", to="同" * 300 + "旧的结尾")
    new = changed("courses", 0, "brief", to="同" * 300 + "新的结尾")
    assert words(old, new) == [f'~ course#1  brief: "…{"同" * 10}旧的结尾" -> "…{"同" * 10}新的结尾"']


def test_a_summary_counts_things_not_words() -> None:
    new = changed("courses", 0, "name", to="甲", of=changed("courses", 0, "brief", to="乙"))
    new["categories"].append({"id": 8, "name": "新"})
    assert summary(difference(read(SHOP), read(new))) == "1 added, 1 changed"


# Plans


def test_a_price_is_one_transaction_of_the_policy_and_its_copy() -> None:
    found = planned(SHOP, changed("courses", 0, "policies", 0, "price", to="59.00"))
    (step,) = found.steps
    assert (step.subject, step.details) == ("course#1", "~ course#1  policy 11 price: 69.00 -> 59.00")
    assert [write.new.sort for write in step.writes if write.new] == ["COURSE", "PRICE_POLICY#11"]


def test_a_teachers_new_name_reaches_the_pages_that_show_it() -> None:
    found = planned(SHOP, changed("teachers", 0, "name", to="林知远"))
    assert [str(change) for change in found.changes] == [
        '~ teacher 3  name: "林" -> "林知远"',
        "~ course#1  copies of names, teachers and prices are brought up to date",
    ]
    assert [step.subject for step in found.steps] == ["teacher 3", "course#1"]


def test_nothing_is_removed_before_what_refers_to_it_and_added_after() -> None:
    new = changed("categories", to=[{"id": 8, "name": "新"}])
    new = changed("courses", 0, "category_id", to=8, of=new)
    assert [step.subject for step in planned(SHOP, new).steps] == ["category 8", "course#1", "category 7"]


def test_a_course_of_many_sections_is_several_transactions_what_is_sold_in_the_first() -> None:
    sections = [{**SECTION, "id": 1000 + n, "order": n} for n in range(250)]
    steps = planned(
        changed("courses", to=[BARE_COURSE], of=changed("coupons", to=[])),
        changed("courses", 0, "chapters", 0, "sections", to=sections, of=changed("coupons", to=[])),
    ).steps
    assert [step.subject for step in steps] == [f"course#1 (part {n} of 3)" for n in (1, 2, 3)]
    assert all(len(step.writes) <= 99 for step in steps)
    first = [write.new.sort for write in steps[0].writes if write.new]
    assert first[:4] == ["COURSE", "DETAIL", "PRICE_POLICY#11", "PRICE_POLICY#12"]


def test_items_keep_what_no_file_says() -> None:
    def by_a_tool(item: CatalogItem) -> None:
        item.source = "legacy"

    new = changed("courses", 0, "name", to="甲", of=changed("coupons", 0, "name", to="乙"))
    steps = plan(stored_as(SHOP, by_a_tool), read(new), NOW + timedelta(days=1)).steps
    written = [write.new for step in steps for write in step.writes if write.new]
    assert len(written) == 2
    assert {item.source for item in written} == {"legacy"}
    assert [item.created_at for item in written if isinstance(item, coupon.CouponOffer)] == [NOW]


def test_contents_that_a_removed_course_left_behind_are_removed() -> None:
    stored = stored_as(SHOP)
    del stored.items["course#1", "COURSE"]
    new = changed("courses", to=[BARE_COURSE], of=changed("coupons", to=[]))
    found = plan(stored, read(new), NOW)
    assert "- course#1  remains of what was removed: CHAPTER#00001, DETAIL" in str(found.changes[-1])


# What must not be done


def refused(
    new: Json, old: Json = SHOP, mark: Callable[[CatalogItem], None] = lambda item: None
) -> list[str]:
    document = read_json(json.dumps(new).encode(), "shop.json")
    found = refusals(stored_as(old, mark), read_catalogue(document), NOW)
    return [document.at(*fault) for fault in found]


WITHOUT_COURSE_2 = changed("courses", 0, "detail", "recommended", to=[], of=changed("courses", to=[COURSE]))


@pytest.mark.parametrize("status", ["online", "announced", "offline"])
def test_a_course_that_may_have_been_sold_is_not_removed(status: str) -> None:
    (said,) = refused(WITHOUT_COURSE_2, changed("courses", 1, "status", to=status))
    assert said.startswith('shop.json:1: courses: course#2 "Vue 实战" is missing and may have been sold')
    assert 'status "offline" (下线)' in said


def test_a_course_that_was_never_on_sale_is_removed() -> None:
    def mark(item: CatalogItem) -> None:
        if isinstance(item, catalog.Course) and item.course_id == 2:
            item.never_sold = True

    assert refused(WITHOUT_COURSE_2, mark=mark) == []


def course_after(old: Json | None, new_status: str, never_sold: bool | None = None) -> catalog.Course:
    """Course 2 as a plan writes it."""

    def mark(item: CatalogItem) -> None:
        if isinstance(item, catalog.Course) and item.course_id == 2:
            item.never_sold = never_sold

    stored = stored_as(old or WITHOUT_COURSE_2, mark)
    new = changed("courses", 1, "status", to=new_status, of=changed("courses", 1, "order", to=5))
    writes = [write for step in plan(stored, read(new), NOW).steps for write in step.writes]
    (course,) = (
        write.new
        for write in writes
        if write.new and write.new.sort == "COURSE" and "#2" in write.new.course_key
    )
    assert isinstance(course, catalog.Course)
    return course


def test_whether_a_course_was_ever_on_sale_is_noted_from_its_beginning() -> None:
    assert course_after(None, "offline").never_sold
    assert course_after(None, "announced").never_sold
    assert course_after(None, "online").never_sold is None
    assert course_after(SHOP, "announced", never_sold=True).never_sold
    assert course_after(SHOP, "online", never_sold=True).never_sold is None
    assert course_after(SHOP, "announced", never_sold=None).never_sold is None


def test_a_page_keeps_its_id_and_no_other_course_gets_it() -> None:
    assert "courses[0].detail: is missing: the page of course#1 is detail 101" in refused(
        changed("courses", 0, "detail", without=True)
    )[0]  # fmt: skip
    assert "courses[0].detail.id: the page of course#1 is detail 101" in refused(
        changed("courses", 0, "detail", "id", to=102)
    )[0]  # fmt: skip
    taken = changed("courses", 0, "detail", "id", to=102)
    taken["courses"][1]["detail"] = COURSE["detail"]
    assert any("courses[1].detail.id: detail 101 is the page of course#1" in said for said in refused(taken))
    assert refused(changed("courses", 1, "detail", to={**COURSE["detail"], "id": 102})) == []


def claimed(pieces: int, in_flight: bool = False) -> Callable[[CatalogItem], None]:
    def mark(item: CatalogItem) -> None:
        if isinstance(item, coupon.CouponOffer):
            item.remaining = item.quantity - pieces
            item.in_flight = {"1#2"} if in_flight else None

    return mark


def test_a_coupons_quantity_does_not_fall_below_what_is_claimed() -> None:
    fewer = changed("coupons", 0, "quantity", to=19)
    assert refused(fewer, mark=claimed(19)) == []
    assert refused(fewer, mark=claimed(20)) == [
        "shop.json:1: coupons[0].quantity: 19 is less than the 20 that are claimed"
    ]


def test_a_coupon_of_which_a_piece_is_claimed_is_not_removed() -> None:
    without = changed("coupons", to=[])
    assert refused(without) == []
    assert "1 pieces are claimed: it cannot be removed" in refused(without, mark=claimed(1))[0]
    assert len(refused(without, mark=claimed(0, in_flight=True))) == 1


def test_texts_that_no_item_holds_are_refused() -> None:
    long = dict.fromkeys(("why_study", "what_to_study_brief", "career_improvement"), "长" * 50_000)
    (said,) = refused(changed("courses", 0, "detail", to=COURSE["detail"] | long))
    assert "courses[0]: the texts of DETAIL are" in said


def test_prices_policies_and_coupon_rules_may_change_at_any_time() -> None:
    new = changed("courses", 0, "policies", to=[{"id": 99, "valid_period": 7, "price": "0"}])
    new = changed("coupons", 0, "value", to="50", of=new)
    assert refused(new, mark=claimed(50)) == []


# Generated shops

ids = st.integers(1, MAX_ID)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20
).filter(str.strip)


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, ...]:
    periods = draw(st.sets(st.sampled_from([7, 30, 360, 36000])))
    prices = draw(st.lists(st.integers(0, 10**7), min_size=len(periods), max_size=len(periods)))
    return tuple(
        Policy(id=position + 1, valid_period=period, price=price)
        for position, (period, price) in enumerate(zip(sorted(periods), prices, strict=True))
    )


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    base = read(SHOP)
    model = base.courses[0]
    assert model.detail is not None
    courses: list[Course] = []
    for course_id in draw(st.sets(st.integers(1, 5))):
        page: Detail | None = None
        if draw(st.booleans()):
            page = dataclasses.replace(
                model.detail, id=100 + course_id, hours=draw(st.integers(0, 99)), recommended=()
            )
        courses.append(
            dataclasses.replace(
                model,
                id=course_id,
                name=draw(names),
                order=draw(st.integers(-9, 9)),
                category_id=draw(st.sampled_from([None, 7])),
                status=draw(st.sampled_from(["online", "announced", "offline"])),
                policies=draw(policies()),
                detail=page,
                chapters=draw(st.sampled_from([(), model.chapters])),
                faqs=draw(st.sampled_from([(), model.faqs])),
            )
        )
    offers: list[Offer] = [
        dataclasses.replace(base.coupons[0], id=coupon_id, bound_to=None, quantity=draw(st.integers(0, 99)))
        for coupon_id in draw(st.sets(st.integers(1, 3)))
    ]
    return dataclasses.replace(base, courses=tuple(courses), coupons=tuple(offers)).in_order()


@settings(deadline=None, max_examples=60)
@given(catalogues(), catalogues())
def test_applying_a_plan_makes_the_catalogue_what_the_file_says(old: Catalogue, new: Catalogue) -> None:
    """As far as memory goes: the writes of all steps, done to the stored items."""
    stored = {(item.course_key, item.sort): item for item in Maker(old, NOW).all()}
    found = plan(Stored(dict(stored)), new, NOW)
    for step in found.steps:
        for write in step.writes:
            item = write.new or write.old
            assert item is not None
            if write.new is None:
                del stored[item.course_key, item.sort]
            else:
                stored[item.course_key, item.sort] = write.new
    assert catalogue_of(stored.values()) == new
    assert plan(Stored(stored), new, NOW).steps == []
    assert (found.steps == []) == (found.changes == [])
