"""Items stored with display texts, before there were codes, are read, shown and changed like all others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.flows import change_user
from chalicelib.flows.claim_coupon import claim_coupon
from chalicelib.shop import catalog, coupon
from chalicelib.shop.user import ADMIN, MALE, STUDENT, User, find_user
from chalicelib.storage.dynamodb import CatalogItem, CodedText, StoredItem, UserItem, connection
from tests import builders
from tests.addresses import ClientAt
from tests.conftest import Stores
from tests.other_shop import OtherShop

pytestmark = pytest.mark.usefixtures("gateway_server")


def store_as_before(item: StoredItem) -> None:
    """Store an item as it was stored before there were codes: with the texts that people read."""
    written = item.serialize()
    for name, attribute in type(item).get_attributes().items():
        if isinstance(attribute, CodedText):
            written[name] = {"S": attribute.names[written[name]["S"]]}
    table = type(item).Meta.table_name
    connection().dispatch("PutItem", {"TableName": table, "Item": written})


def stored(item: StoredItem) -> dict[str, Any]:
    """An item as it lies in its table."""
    assert isinstance(item, CatalogItem | UserItem)
    partition = ("course_key", item.course_key) if isinstance(item, CatalogItem) else ("owner", item.owner)
    key = {partition[0]: {"S": partition[1]}, "sort": {"S": item.sort}}
    found = connection().dispatch("GetItem", {"TableName": type(item).Meta.table_name, "Key": key})
    return {name: next(iter(value.values())) for name, value in found["Item"].items()}


def test_a_code_is_what_is_stored() -> None:
    user = builders.a_user()
    assert (stored(user)["role"], stored(user)["gender"]) == ("student", "undisclosed")
    with pytest.raises(ValueError, match="role takes student, assistant, teacher, admin"):
        user.update([User.role.set("学员")])


def test_a_user_of_before_is_read_and_changed_by_codes() -> None:
    user = builders.a_user()
    user.gender = MALE
    store_as_before(user)
    assert (stored(user)["role"], stored(user)["gender"]) == ("学员", "男")

    found = find_user(user.user_id)
    assert (found.role, found.gender) == (STUDENT, MALE)
    assert change_user.set_role(found, ADMIN, "lin", "", builders.now())
    assert stored(user)["role"] == "admin"


def test_a_coupon_of_before_is_claimed_shown_and_priced() -> None:
    user = builders.a_user()
    learner = ClientAt(user)
    course = builders.a_course(prices=[10000])
    offer = builders.an_offer(course=course.key, coupon_type=coupon.PERCENT, value=0, off_percent=80)
    store_as_before(offer)
    record = claim_coupon(user.user_id, coupon.find_offer(offer.coupon_id), "203.0.113.7", builders.now())
    store_as_before(record)
    assert stored(record)["coupon_type"] == "折扣券"

    (held,) = learner.get("/coupons")["data"]["usable"]
    assert held["coupon_type"] == "折扣券"
    assert coupon.list_records(user.user_id)[0].price_after(10000) == 8000


def test_a_course_of_before_is_shown_and_found_by_its_level() -> None:
    visitor = ClientAt()
    course = builders.a_course(level=catalog.ADVANCED, category_id=(category := builders.new_id()))
    store_as_before(course)
    rows = visitor.get("/courses/search", params={"level": "高级", "category_id": category})["data"]
    assert [(row["id"], row["level"]) for row in rows] == [(course.course_id, "高级")]
    for unknown in ("advanced", "大师"):
        found = visitor.get("/courses/search", params={"level": unknown, "category_id": category})
        assert found["data"] == []


@pytest.fixture
def shop(stores: Stores) -> Iterator[OtherShop]:
    shop = OtherShop(stores)
    with shop.in_use():
        yield shop


def test_a_catalogue_of_before_is_exported_and_changed(shop: OtherShop, tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    shop.does("seed-demo")
    shop.does("catalog", "export", str(file))
    as_codes = file.read_text(encoding="utf-8")
    for kind in (catalog.Teacher, catalog.Course, catalog.Section, coupon.CouponOffer):
        for item in catalog.scan_items([kind]):
            store_as_before(item)
    teacher = catalog.scan_items([catalog.Teacher])[0]
    assert stored(teacher)["role"] in ("讲师", "助教")

    shop.does("catalog", "export", str(file), "--overwrite")
    assert file.read_text(encoding="utf-8") == as_codes
    assert "no difference" in shop.does("catalog", "apply", str(file), "--yes")

    content = json.loads(as_codes)
    for rows in ("teachers", "courses", "coupons"):
        for row in content[rows]:
            row["brief"] = "新的简介"
    for course in content["courses"]:
        for chapter in course["chapters"]:
            for section in chapter["sections"]:
                section["name"] += "（新）"
    file.write_text(json.dumps(content), encoding="utf-8")
    shop.does("catalog", "apply", str(file), "--yes")
    assert stored(teacher)["role"] in catalog.TEACHER_ROLE_NAMES
    assert "no difference" in shop.does("catalog", "check", str(file))
