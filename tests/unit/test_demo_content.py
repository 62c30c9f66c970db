"""The demo shop's content: every reference exists, every rule of the shop is kept, every picture is ours."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib import money
from chalicelib.manage.demo import read_content
from chalicelib.shop import catalog, coupon
from chalicelib.shop.course_key import COURSE, COURSE_TYPES, DEGREE_COURSE, CourseKey
from chalicelib.shop.order import subject
from chalicelib.shop.price_policy import VALID_PERIODS
from chalicelib.shop.user import is_valid_name
from chalicelib.storage.dynamodb import MAX_TRANSACTION_ITEMS
from chalicelib.web.requests import read_json

SPA = Path(__file__).parents[2] / "spa"
PICTURES = sorted((SPA / "images").rglob("*.svg"))
MAX_PICTURE_BYTES = 12 * 1024
SVG = "{http://www.w3.org/2000/svg}"

SHOP: Any = read_content()
COURSES: list[Any] = SHOP["courses"]
COUPONS: list[Any] = SHOP["coupons"]
USERS: list[Any] = SHOP["users"]


def course_key(course: Any) -> CourseKey:
    return CourseKey(course["course_type"], course["id"])


def parts(name: str) -> list[Any]:
    return [part for course in COURSES for part in course[name]]


def sections() -> list[Any]:
    return [section for chapter in parts("chapters") for section in chapter["sections"]]


def ids_by_kind() -> dict[str, list[int]]:
    rows = {
        "categories": SHOP["categories"],
        "teachers": SHOP["teachers"],
        "courses": [course for course in COURSES if course["course_type"] == COURSE],
        "degree courses": [course for course in COURSES if course["course_type"] == DEGREE_COURSE],
        "policies": parts("policies"),
        "chapters": parts("chapters"),
        "sections": sections(),
        "questions": parts("faqs"),
        "coupons": COUPONS,
        "users": USERS,
        "coupon records": [record for user in USERS for record in user["coupons"]],
    }
    return {kind: [row["id"] for row in of_kind] for kind, of_kind in rows.items()} | {
        "details": [course["detail_id"] for course in COURSES]
    }


@pytest.mark.parametrize(("kind", "ids"), ids_by_kind().items())
def test_ids_begin_at_900001_and_are_unique_in_their_kind(kind: str, ids: list[int]) -> None:
    assert ids
    assert min(ids) >= 900001
    assert len(set(ids)) == len(ids)


def test_a_page_is_not_known_by_its_courses_id() -> None:
    assert not {course["id"] for course in COURSES} & {course["detail_id"] for course in COURSES}


def test_everything_a_course_refers_to_exists() -> None:
    categories = {category["id"] for category in SHOP["categories"]}
    teachers = {teacher["id"] for teacher in SHOP["teachers"]}
    courses = {course["id"] for course in COURSES if course["course_type"] == COURSE}
    for course in COURSES:
        assert course["course_type"] in COURSE_TYPES
        if course["course_type"] == COURSE:
            assert course["category_id"] in categories
        assert course["teachers"]
        assert set(course["teachers"]) <= teachers
        assert set(course["recommended"]) <= courses
        assert course["course_type"] != COURSE or course["id"] not in course["recommended"]
    used = {course["category_id"] for course in COURSES if course["status"] != catalog.OFFLINE}
    assert categories <= used
    assert teachers == set(itertools.chain.from_iterable(course["teachers"] for course in COURSES))


def test_courses_have_the_words_and_numbers_a_page_shows() -> None:
    texts = ("name", "brief", "why_study", "what_to_study_brief", "career_improvement", "prerequisite")
    for course in COURSES:
        assert all(course[text].strip() for text in texts), course["name"]
        assert course["level"] in ("初级", "中级", "高级")
        assert course["status"] in (catalog.ONLINE, catalog.ANNOUNCED, catalog.OFFLINE)
        assert course["hours"] > 0
        assert course["period"] in VALID_PERIODS
        assert len(course["name"]) <= 128
        assert len(course["course_slogan"] or "") <= 125
        assert course["faqs"]
        assert all(faq["question"].endswith("？") and faq["answer"] for faq in course["faqs"])
    names = [course["name"] for course in COURSES]
    assert len(set(names)) == len(names)


def test_sections_are_of_the_three_sorts_and_some_can_be_tried() -> None:
    assert {section["section_type"] for section in sections()} == {"视频", "文档", "练习"}
    for section in sections():
        if section["section_type"] == "视频":
            assert re.fullmatch(r"demo-video-[0-9]+", section["section_link"])
            assert re.fullmatch(r"[0-9]{2}:[0-5][0-9]", section["video_time"])
        else:
            assert re.fullmatch(r"https://[a-z0-9.-]+/\S*", section["section_link"])
            assert section["video_time"] == ""
    for course in COURSES:
        shown = [section for chapter in course["chapters"] for section in chapter["sections"]]
        assert any(section["free_trial"] for section in shown)
        assert not all(section["free_trial"] for section in shown)


def test_policies_use_the_thirteen_periods_and_longer_ones_cost_more() -> None:
    for course in COURSES:
        policies = course["policies"]
        assert {policy["valid_period"] for policy in policies} <= set(VALID_PERIODS)
        assert all(isinstance(policy["price"], str) for policy in policies)
        by_period = sorted(policies, key=lambda policy: policy["valid_period"])
        prices = [money.from_yuan(policy["price"]) for policy in by_period]
        assert prices == sorted(set(prices)), course["name"]


def test_the_shop_has_a_course_of_every_state() -> None:
    announced = [course for course in COURSES if course["status"] == catalog.ANNOUNCED]
    assert announced
    assert not any(course["policies"] for course in announced)
    assert any(course["status"] == catalog.OFFLINE for course in COURSES)
    assert any(course["course_type"] == DEGREE_COURSE for course in COURSES)
    cheapest = {
        course["name"]: sorted(money.from_yuan(policy["price"]) for policy in course["policies"])
        for course in COURSES
        if course["status"] == catalog.ONLINE
    }
    assert all(cheapest.values())
    assert any(prices[0] == 0 and prices[-1] > 0 for prices in cheapest.values())


@pytest.mark.parametrize("course", COURSES, ids=lambda course: str(course_key(course)))
def test_a_course_is_paid_under_its_own_name_by_alipays_rules(course: Any) -> None:
    assert subject([course["name"]]) == course["name"]
    assert not set(course["name"]) & set("/=&{}")


@pytest.mark.parametrize("course", COURSES, ids=lambda course: str(course_key(course)))
def test_a_course_fits_into_one_transaction(course: Any) -> None:
    in_chapters = sum(1 + len(chapter["sections"]) for chapter in course["chapters"])
    assert 2 + len(course["policies"]) + in_chapters + len(course["faqs"]) <= MAX_TRANSACTION_ITEMS


@pytest.mark.parametrize("offer", COUPONS, ids=lambda offer: str(offer["id"]))
def test_a_coupon_has_the_rule_fields_of_its_type(offer: Any) -> None:
    value, minimum = money.from_yuan(offer.get("value", "0")), money.from_yuan(offer.get("minimum", "0"))
    if offer["coupon_type"] == coupon.PERCENT:
        assert 1 <= offer["off_percent"] <= 99
        assert value == 0
    else:
        assert "off_percent" not in offer
        assert value > 0
    assert (minimum > 0) == (offer["coupon_type"] == coupon.FULL)
    assert minimum == 0 or minimum >= value
    assert ("valid_days" in offer) != ("valid_between_days" in offer)
    for first, last in (offer["claim_days"], offer.get("valid_between_days", [0, 0])):
        assert first <= last
    if "bound_to" in offer:
        assert offer["bound_to"] in {str(course_key(course)) for course in COURSES if course["policies"]}


def test_there_are_coupons_of_every_type_general_and_bound() -> None:
    assert {offer["coupon_type"] for offer in COUPONS} == set(coupon.COUPON_TYPES)
    for bound in (False, True):
        kinds = {offer["coupon_type"] for offer in COUPONS if ("bound_to" in offer) == bound}
        assert kinds == set(coupon.COUPON_TYPES)


def test_demo_users_have_different_balances_and_coupons_that_exist() -> None:
    offers = {offer["id"] for offer in COUPONS}
    for user in USERS:
        assert user["username"].startswith("demo")
        assert is_valid_name(user["username"])
        assert user["beli"] >= 0
        assert {record["coupon_id"] for record in user["coupons"]} <= offers
    assert len({user["beli"] for user in USERS}) == len(USERS)
    assert {len(user["coupons"]) > 0 for user in USERS} == {True, False}


def test_the_file_holds_no_number_with_a_fraction() -> None:
    from chalicelib.manage.demo import CONTENT

    def fractions(value: Any) -> list[Any]:
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            return [found for part in inner for found in fractions(part)]
        return [value] if not isinstance(value, str | int | None) else []

    assert fractions(read_json(CONTENT.read_bytes())) == []


def test_every_picture_of_the_shop_is_a_file_of_the_shop_front() -> None:
    named = [course["course_img"] for course in COURSES]
    named += [teacher["image"] for teacher in SHOP["teachers"]]
    assert len(set(named)) == len(named)
    used = {SPA / picture for picture in named} | {SPA / "images/course.svg", SPA / "images/head.svg"}
    assert used <= set(PICTURES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_small_well_formed_and_refers_to_nothing_outside(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_PICTURE_BYTES
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert re.fullmatch(r"0 0 [0-9]+ [0-9]+", root.get("viewBox", ""))
    ids = {element.get("id") for element in root.iter()} - {None}
    for element in root.iter():
        # Fonts differ from one computer to the next, and pictures in <img> may run and load nothing.
        assert element.tag.removeprefix(SVG) not in ("text", "image", "script", "style", "foreignObject")
        for name, value in element.attrib.items():
            assert "//" not in value
            for reference in re.findall(r"url\(#([^)]*)\)", value):
                assert reference in ids
            if name.rpartition("}")[2] == "href":
                assert value.removeprefix("#") in ids
