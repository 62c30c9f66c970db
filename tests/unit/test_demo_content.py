"""The demo shop's content: every reference exists, every rule of the shop is kept, every picture is ours."""

from __future__ import annotations

import itertools
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib.beijing_time import BEIJING
from chalicelib.gateways.alipay import subject
from chalicelib.manage.catalog_file.rows import Course, Detail, Offer, Section
from chalicelib.manage.catalog_file.writing import json_text
from chalicelib.manage.demo import CONTENT, read_catalogue, read_content
from chalicelib.shop import catalog, coupon
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE
from chalicelib.shop.price_policy import VALID_PERIODS
from chalicelib.shop.user import ADMIN, ROLE_NAMES
from chalicelib.shop.user_name import is_valid_name
from chalicelib.storage.dynamodb import MAX_TRANSACTION_ITEMS

SPA = Path(__file__).parents[2] / "spa" / "public"
PICTURES = sorted((SPA / "images").rglob("*.svg"))
MAX_PICTURE_BYTES = 12 * 1024
SVG = "{http://www.w3.org/2000/svg}"

TODAY = date(2026, 7, 1)
CATALOGUE = read_catalogue(TODAY)  # held to the rules of catalogue files, which are tested by themselves
COURSES = CATALOGUE.courses
COUPONS = CATALOGUE.coupons
USERS: Any = read_content()["users"]


def page(course: Course) -> Detail:
    assert course.detail is not None, course.name
    return course.detail


def parts(name: str) -> list[Any]:
    return [part for course in COURSES for part in getattr(course, name)]


def sections() -> list[Section]:
    return [section for chapter in parts("chapters") for section in chapter.sections]


def ids_by_kind() -> dict[str, list[int]]:
    rows: dict[str, Any] = {
        "categories": CATALOGUE.categories,
        "teachers": CATALOGUE.teachers,
        "courses": [course for course in COURSES if course.course_type == COURSE],
        "degree courses": [course for course in COURSES if course.course_type == DEGREE_COURSE],
        "details": [page(course) for course in COURSES],
        "policies": parts("policies"),
        "chapters": parts("chapters"),
        "sections": sections(),
        "questions": parts("faqs"),
        "coupons": COUPONS,
    }
    of_users = {
        "users": [user["id"] for user in USERS],
        "coupon records": [record["id"] for user in USERS for record in user["coupons"]],
    }
    return {kind: [row.id for row in of_kind] for kind, of_kind in rows.items()} | of_users


@pytest.mark.parametrize(("kind", "ids"), ids_by_kind().items())
def test_ids_begin_at_900001_and_are_unique_in_their_kind(kind: str, ids: list[int]) -> None:
    assert ids
    assert min(ids) >= 900001
    assert len(set(ids)) == len(ids)


def test_a_page_is_not_known_by_its_courses_id() -> None:
    assert not {course.id for course in COURSES} & {page(course).id for course in COURSES}


def test_there_are_some_twenty_courses_in_six_categories_by_several_teachers() -> None:
    assert len(COURSES) >= 20
    assert len(CATALOGUE.categories) == 6
    assert len(CATALOGUE.teachers) >= 8
    for category in CATALOGUE.categories:
        of_one = [course for course in COURSES if course.category_id == category.id]
        assert len([course for course in of_one if course.status == catalog.ONLINE]) >= 2, category.name


def test_no_text_is_used_twice() -> None:
    """Teachers' words, the texts of pages, names and questions are each written for their place."""
    texts = [teacher.brief for teacher in CATALOGUE.teachers] + [course.brief for course in COURSES]
    for detail in map(page, COURSES):
        texts += [
            detail.why_study,
            detail.what_to_study_brief,
            detail.career_improvement,
            detail.prerequisite,
        ]
        texts += [detail.course_slogan] if detail.course_slogan else []
    texts += [part.name for part in parts("chapters")] + [section.name for section in sections()]
    texts += [text for faq in parts("faqs") for text in (faq.question, faq.answer)]
    assert {text for text in texts if texts.count(text) > 1} == set()


def test_everything_of_the_catalogue_is_used() -> None:
    for course in COURSES:
        assert page(course).teachers
        assert course.course_type != COURSE or course.id not in page(course).recommended
        assert course.course_type != COURSE or course.category_id is not None
    on_show = {course.category_id for course in COURSES if course.status != catalog.OFFLINE}
    assert {category.id for category in CATALOGUE.categories} <= on_show
    taught = itertools.chain.from_iterable(page(course).teachers for course in COURSES)
    assert {teacher.id for teacher in CATALOGUE.teachers} == set(taught)


def test_courses_have_the_words_and_numbers_a_page_shows() -> None:
    for course in COURSES:
        detail = page(course)
        texts = (detail.why_study, detail.what_to_study_brief, detail.career_improvement, detail.prerequisite)
        assert all(text.strip() for text in (course.brief, *texts)), course.name
        assert detail.hours > 0
        assert course.period in VALID_PERIODS
        assert course.faqs
        assert all(faq.question.endswith("？") and faq.answer for faq in course.faqs)
    names = [course.name for course in COURSES]
    assert len(set(names)) == len(names)


def test_courses_came_out_on_different_days_and_announced_ones_come_later() -> None:
    assert len({course.pub_date for course in COURSES if course.status == catalog.ONLINE}) > 1
    for course in COURSES:
        assert course.pub_date is not None
        assert (course.pub_date > TODAY.isoformat()) == (course.status == catalog.ANNOUNCED)


def test_chapters_and_sections_are_counted_from_1() -> None:
    for course in COURSES:
        assert [chapter.chapter for chapter in course.chapters] == list(range(1, len(course.chapters) + 1))
        for chapter in course.chapters:
            assert [section.order for section in chapter.sections] == list(
                range(1, len(chapter.sections) + 1)
            )


def test_sections_are_of_the_three_sorts_and_some_can_be_tried() -> None:
    assert {section.section_type for section in sections()} == set(catalog.SECTION_TYPE_NAMES)
    for section in sections():
        assert section.section_link is not None
        if section.section_type == catalog.VIDEO:
            assert re.fullmatch(r"e2e84a7383[0-9]{22}_e", section.section_link)
            assert re.fullmatch(r"[0-9]{2}:[0-5][0-9]", section.video_time)
        else:
            assert re.fullmatch(r"https://[a-z0-9.-]+/\S*", section.section_link)
            assert section.video_time == ""
    for course in COURSES:
        shown = [section for chapter in course.chapters for section in chapter.sections]
        assert any(section.free_trial for section in shown)
        assert not all(section.free_trial for section in shown)


def test_longer_policies_cost_more() -> None:
    for course in COURSES:
        by_period = sorted(course.policies, key=lambda policy: policy.valid_period)
        prices = [policy.price for policy in by_period]
        assert prices == sorted(set(prices)), course.name


def test_the_shop_has_a_course_of_every_state() -> None:
    announced = [course for course in COURSES if course.status == catalog.ANNOUNCED]
    assert len(announced) >= 2
    assert not any(course.policies for course in announced)
    assert any(course.status == catalog.OFFLINE for course in COURSES)
    assert any(course.course_type == DEGREE_COURSE for course in COURSES)
    prices = [
        sorted(policy.price for policy in course.policies)
        for course in COURSES
        if course.status == catalog.ONLINE
    ]
    assert all(prices)
    assert any(of_one[0] == 0 and of_one[-1] > 0 for of_one in prices)
    assert any(of_one[-1] == 0 for of_one in prices)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: str(course.key))
def test_a_course_is_paid_under_its_own_name_by_alipays_rules(course: Course) -> None:
    assert subject(course.name) == course.name
    assert not set(course.name) & set("/=&{}")


@pytest.mark.parametrize("course", COURSES, ids=lambda course: str(course.key))
def test_a_course_fits_into_one_transaction_with_the_logs_entry(course: Course) -> None:
    in_chapters = sum(1 + len(chapter.sections) for chapter in course.chapters)
    assert 3 + len(course.policies) + in_chapters + len(course.faqs) <= MAX_TRANSACTION_ITEMS


@pytest.mark.parametrize("offer", COUPONS, ids=lambda offer: str(offer.id))
def test_a_coupon_has_the_rule_fields_of_its_type(offer: Offer) -> None:
    if offer.coupon_type == coupon.PERCENT:
        assert offer.off_percent is not None and offer.off_percent < 100
        assert offer.value == 0
    else:
        assert offer.value > 0
    assert (offer.minimum > 0) == (offer.coupon_type == coupon.FULL)
    assert offer.minimum == 0 or offer.minimum >= offer.value
    if offer.bound_to is not None:
        assert offer.bound_to in {str(course.key) for course in COURSES if course.policies}


def test_coupons_of_every_type_general_and_bound_can_be_claimed_and_used_from_the_first_day() -> None:
    at_noon = datetime.combine(TODAY, time(12), BEIJING)
    claimable = [
        offer for offer in COUPONS if offer.claim_from <= at_noon < offer.claim_until and offer.quantity
    ]
    for offer in claimable:
        assert offer.valid_days or (offer.valid_from and offer.valid_from <= at_noon)
    for bound in (False, True):
        kinds = {offer.coupon_type for offer in claimable if (offer.bound_to is not None) == bound}
        assert kinds == set(coupon.COUPON_TYPE_NAMES)
    assert any(offer.quantity < 10 for offer in claimable)


def test_one_coupon_cannot_be_claimed_yet_and_one_no_longer() -> None:
    at_noon = datetime.combine(TODAY, time(12), BEIJING)
    assert any(offer.claim_from > at_noon for offer in COUPONS)
    assert any(offer.claim_until < at_noon for offer in COUPONS)


def test_demo_users_have_different_balances_and_coupons_that_exist() -> None:
    offers = {offer.id for offer in COUPONS}
    for user in USERS:
        assert user["username"].startswith("demo")
        assert is_valid_name(user["username"])
        assert user["beli"] >= 0
        assert {record["coupon_id"] for record in user["coupons"]} <= offers
    assert len({user["beli"] for user in USERS}) == len(USERS)
    assert {len(user["coupons"]) > 0 for user in USERS} == {True, False}


def test_one_demo_user_works_in_the_back_office() -> None:
    assert {user["username"]: user["role"] for user in USERS if "role" in user} == {
        "demo-admin": ROLE_NAMES[ADMIN]
    }


def test_every_date_is_counted_from_the_day_of_seeding() -> None:
    later = read_catalogue(TODAY + timedelta(days=40))
    assert not re.search(r'"[0-9]{4}-[0-9]{2}', CONTENT.read_text(encoding="utf-8"))
    for before, after in zip(COUPONS, later.coupons, strict=True):
        assert after.claim_from - before.claim_from == timedelta(days=40)


def test_the_file_is_written_as_catalogue_files_are() -> None:
    assert json_text(read_content()) + "\n" == CONTENT.read_text(encoding="utf-8")


def test_every_picture_of_the_shop_is_a_file_of_the_shop_front() -> None:
    named = [course.course_img for course in COURSES]
    named += [teacher.image for teacher in CATALOGUE.teachers]
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
