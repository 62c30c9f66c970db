"""Operators keep the catalogue in a file: they export, change and apply it, and learners are sold its content."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import ChangedMeanwhile, CouponSoldOut
from chalicelib.flows.claim_coupon import claim_coupon
from chalicelib.manage.catalog_file.apply import write
from chalicelib.manage.catalog_file.plan import Step, Write
from chalicelib.manage.catalog_file.writing import catalogue_text
from chalicelib.manage.demo import read_catalogue
from chalicelib.shop import audit, catalog, coupon
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.course_key import CourseKey
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.addresses import new_address
from tests.client import Client
from tests.conftest import Stores
from tests.faults import Fault, die_after, reset_after
from tests.faults.routing import Proxies, routed_through
from tests.legacy_file import LegacyFile, real_shape
from tests.other_shop import OtherShop

TODAY = datetime.now(BEIJING).date()
DEMO = json.loads(catalogue_text(read_catalogue(TODAY)))
"""A whole catalogue as a file has it."""
KEPT = {900001, 900002, 900003, 900004, 900008}


def few(content: Any) -> Any:
    """Of a catalogue what these courses need: to write one costs as much as it has courses."""
    small = json.loads(json.dumps(content))
    bound = {"", *(f"course#{course_id}" for course_id in KEPT)}
    small["courses"] = [
        row for row in small["courses"] if row["course_type"] == "course" and row["id"] in KEPT
    ]
    small["coupons"] = [row for row in small["coupons"] if row.get("bound_to", "") in bound]
    for row in small["courses"]:
        row["detail"]["recommended"] = [one for one in row["detail"]["recommended"] if one in KEPT]
    return small


FEW = few(DEMO)

Edit = Callable[[Any], None]


class Shop(OtherShop):
    """A shop whose operator keeps its catalogue in a file."""

    def __init__(self, stores: Stores, file: Path, base_url: str) -> None:
        super().__init__(stores)
        self.file = file
        self.base_url = base_url

    def save(self, content: Any) -> None:
        self.file.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")

    def export(self) -> Any:
        self.does("catalog", "export", str(self.file), "--overwrite")
        return json.loads(self.file.read_text(encoding="utf-8"))

    def check(self) -> str:
        return self.does("catalog", "check", str(self.file))

    def apply(self, content: Any) -> str:
        self.save(content)
        return self.does("catalog", "apply", str(self.file), "--yes", "--by", "lin")

    def edit(self, edit: Edit) -> str:
        """Export, edit, apply -> what was said."""
        content = self.export()
        edit(content)
        return self.apply(content)

    def is_refused(self, edit: Edit) -> str:
        """Export and edit; check and apply refuse that alike and write nothing -> the reasons."""
        content = self.export()
        edit(content)
        self.save(content)
        before = self.items()
        said = self.refuses("catalog", "check", str(self.file))
        assert self.refuses("catalog", "apply", str(self.file), "--yes") == said
        assert self.items() == before
        return said

    def log(self) -> list[str]:
        """The acts that the operators' log has of the catalogue, without their times."""
        return [line[21:] for line in self.does("audit").splitlines() if "catalog apply" in line]

    def a_learner(self) -> Client:
        return Client(self.base_url, builders.a_user())


@pytest.fixture
def shop(
    stores: Stores, gateway_server: GatewayServer, tmp_path: Path, no_attempts_yet: None
) -> Iterator[Shop]:
    shop = Shop(stores, tmp_path / "shop.json", gateway_server.base_url)
    with shop.in_use():
        yield shop


@pytest.fixture
def demo(shop: Shop) -> Shop:
    """A shop whose small catalogue was applied from a file."""
    shop.apply(FEW)
    return shop


def course(content: Any, course_id: int, course_type: str = "course") -> Any:
    return next(
        row for row in content["courses"] if (row["course_type"], row["id"]) == (course_type, course_id)
    )


def policy(content: Any, course_id: int, days: int) -> Any:
    return next(row for row in course(content, course_id)["policies"] if row["valid_period"] == days)


def place(learner: Client, course_id: int, policy_id: int, due: object) -> Any:
    line = {"course_id": course_id, "default_price_policy_id": policy_id}
    return learner.post("/payment/", {"is_beli": False, "course_list": [line], "pay_money": due})


PYTHON = 900001


# An operator's day


def test_a_changed_price_is_what_learners_pay_and_older_orders_stay_as_they_are(
    demo: Shop, alipay: AlipaySimulator
) -> None:
    month = policy(FEW, PYTHON, 30)
    assert month["price"] == "69.00"
    earlier, later = demo.a_learner(), demo.a_learner()
    paid = place(earlier, PYTHON, month["id"], 69)
    assert paid["code"] == 1000, paid
    order = earlier.newest_order()
    assert order["actual_amount"] == 69

    def cheaper(content: Any) -> None:
        policy(content, PYTHON, 30)["price"] = "58.50"

    said = demo.edit(cheaper)
    assert f"~ course#{PYTHON}  policy {month['id']} price: 69.00 -> 58.50" in said

    assert place(later, PYTHON, month["id"], 69)["code"] == 1308
    sold = place(later, PYTHON, month["id"], 58.5)
    assert sold["code"] == 1000, sold
    assert later.newest_order()["actual_amount"] == 58.5
    later.post("/account/", [{"course_id": PYTHON, "price_policy_id": month["id"]}])
    assert later.get("/account/")["data"]["total_price"] == "58.5"

    assert earlier.newest_order() | {"seconds_left": 0} == order | {"seconds_left": 0}
    number = order["order_number"]
    alipay.open_cashier(paid["data"])
    alipay.pay(number)
    alipay.deliver_due_notices()
    assert earlier.order(number)["status"] == "交易成功"
    assert earlier.order(number)["actual_amount"] == 69
    assert PYTHON in {mine["course_id"] for mine in earlier.get("/mycourses")["data"]}
    assert f"lin  catalog apply  course#{PYTHON}; ~ course#{PYTHON}  policy" in demo.log()[-1]
    assert "69.00 -> 58.50" in demo.log()[-1]


def test_new_names_teachers_and_courses_reach_every_page(demo: Shop) -> None:
    def edit(content: Any) -> None:
        content["categories"][0]["name"] = "从零开始"
        content["teachers"][0]["name"] = "林老师"
        course(content, 900002)["name"] = "新的名字"
        new = json.loads(json.dumps(course(content, PYTHON)))
        new |= {"id": 5, "name": "全新的课程", "order": -1}
        new["detail"] |= {"id": 55, "recommended": [900002]}
        content["courses"].append(new)

    said = demo.edit(edit)

    assert "+ course#5" in said
    assert "copies of names, teachers and prices are brought up to date" in said
    visitor = Client(demo.base_url)
    assert visitor.get("/course/category/")["data"][0]["name"] == "从零开始"
    assert visitor.get("/courses/")["data"][0]["name"] == "全新的课程"
    page = visitor.get("/coursedetail/55/")
    assert page["teachers_info"][0]["teacher_name"] == "林老师"
    (other,) = page["recommended"]
    assert (other["id"], other["name"], other["teachers"]) == (900002, "新的名字", ["林老师"])
    assert page["recommend_coursesinfo"] == [
        {"course_id": "900002", "course_name": "新的名字", "coursedetail_id": "900102"}
    ]
    featured = [row["id"] for row in visitor.get("/home")["data"]["featured"]]
    assert 5 in featured, "it was copied from a featured course"
    assert visitor.get("/course/5/chapters")["data"]["chapters"]
    assert "no difference" in demo.check()


# The file and the table


def test_a_course_stored_before_lists_had_hours_and_teachers_is_brought_up_to_date(demo: Shop) -> None:
    found = catalog.find_courses([CourseKey("course", PYTHON)])
    (stored,) = found.values()
    stored.update(
        [catalog.Course.hours.remove(), catalog.Course.slogan.remove(), catalog.Course.taught_by.remove()]
    )
    assert "~ course#900001  copies of names, teachers and prices are brought up to date" in demo.check()
    demo.apply(demo.export())
    row = Client(demo.base_url).get("/courses/search?words=林知远")["data"][0]
    assert (row["id"], row["hours"], row["teachers"]) == (PYTHON, 36, ["林知远", "周小满"])
    assert "no difference" in demo.check()


def test_what_was_applied_is_exported_again_and_applying_it_again_changes_nothing(shop: Shop) -> None:
    shop.apply(DEMO)
    assert shop.file.read_text(encoding="utf-8") != catalogue_text(read_catalogue(TODAY))
    assert shop.export() == DEMO
    assert shop.file.read_text(encoding="utf-8") == catalogue_text(read_catalogue(TODAY))
    items, logged = shop.items(), shop.log()

    assert "no difference" in shop.check()
    assert "no difference" in shop.apply(DEMO)

    assert shop.items() == items
    assert shop.log() == logged
    assert all(line.startswith("lin  catalog apply  ") for line in logged)


def test_a_demo_shop_is_exported_like_any_other(shop: Shop) -> None:
    shop.does("seed-demo")
    assert shop.export() == DEMO
    assert "no difference" in shop.check()
    shop.edit(lambda content: content["categories"][0].update(name="改名"))
    assert {item["source"]["S"] for item in shop.items()} == {"demo"}


def import_into(shop: Shop, legacy: LegacyFile) -> str:
    """Import an old system's database -> the report. How far it is may be said on standard error."""
    done = shop.manage("import-legacy", str(legacy.path))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_imported_shop_is_exported_without_faults(shop: Shop, tmp_path: Path) -> None:
    legacy = real_shape(tmp_path / "legacy.sqlite3")
    legacy.close()
    import_into(shop, legacy)
    exported = shop.export()
    assert exported["courses"] and exported["coupons"] and exported["teachers"]
    assert "no difference" in shop.check()

    taught = exported["courses"][0]
    shop.edit(lambda content: content["courses"][0].update(brief="新的简介"))
    assert shop.export()["courses"][0] == taught | {"brief": "新的简介"}
    assert "no difference" in shop.check()


@pytest.fixture
def extreme(tmp_path: Path) -> LegacyFile:
    """An old system at the edges of what an import takes, and beyond them."""
    legacy = LegacyFile(tmp_path / "legacy.sqlite3")
    add = legacy.add
    recommending, other, too_large = (add("api_course") for _ in range(3))
    pages = {each: add("api_coursedetail", course_id=each) for each in (recommending, other)}
    add("api_coursedetail", course_id=too_large, why_study="字" * 50_000, what_to_study_brief="字" * 50_000,
        career_improvement="字" * 50_000)  # fmt: skip
    for each in (other, too_large):
        add("api_coursedetail_recommend_courses", coursedetail_id=pages[recommending], course_id=each)
    for _ in range(catalog.MAX_LISTED + 1):
        add("api_coursedetail_teachers", coursedetail_id=pages[other], teacher_id=add("api_teacher"))
    add("api_coursechapter", course_id=other, chapter=1, pub_date="9999-12-31")
    add("api_coursesection", chapter_id=1, section_link="x", pub_date="9999-12-30 15:59:59.999999")
    add("api_coupon", close_date="9999-12-31", valid_begin_date="1970-01-01", valid_end_date="9999-12-31")
    add("api_coupon", name="\u202e券\u2028\ufeff", money_equivalent_value=99_999_999.994, object_id=other)
    legacy.close()
    return legacy


def test_whatever_an_import_takes_can_be_applied_again(shop: Shop, extreme: LegacyFile) -> None:
    said = import_into(shop, extreme)
    assert f"the page has {catalog.MAX_LISTED} teachers already" in said
    assert "it is larger than what DynamoDB stores in one item" in said
    assert f"api_course {extreme.id(3)} was not taken" in said

    exported = shop.export()
    assert "no difference" in shop.check()
    assert [row["valid_until"] for row in exported["coupons"]] == ["9999-12-31", "2019-12-18"]
    details = {row["id"]: row["detail"] for row in exported["courses"]}
    assert details[extreme.id(1)]["recommended"] == [extreme.id(2)]
    assert len(details[extreme.id(2)]["teachers"]) == catalog.MAX_LISTED
    assert "no difference" in shop.apply(exported)
    shop.edit(lambda content: content["coupons"][0].update(brief="新的简介"))


def test_what_a_later_import_brings_copies_what_the_shop_has_by_then(shop: Shop, tmp_path: Path) -> None:
    legacy = LegacyFile(tmp_path / "legacy.sqlite3")
    teacher, first = legacy.add("api_teacher"), legacy.add("api_course")
    legacy.run("SELECT 1")
    import_into(shop, legacy)

    def rename(content: Any) -> None:
        content["teachers"][0]["name"] = "新名"
        content["courses"][0]["name"] = "新课程名"

    shop.edit(rename)

    page = legacy.add("api_coursedetail", course_id=legacy.add("api_course"))
    legacy.add("api_coursedetail_teachers", coursedetail_id=page, teacher_id=teacher)
    legacy.add("api_coursedetail_recommend_courses", coursedetail_id=page, course_id=first)
    legacy.close()
    import_into(shop, legacy)
    shop.export()
    assert "no difference" in shop.check()


def test_a_page_that_refers_to_what_is_gone_can_be_exported_and_mended(demo: Shop) -> None:
    content = demo.export()
    taught = next(row["detail"]["teachers"][0] for row in content["courses"] if row.get("detail"))
    (teacher,) = (item for item in demo.partition("TEACHERS") if item["teacher_id"] == {"N": str(taught)})
    demo.remove(teacher)

    demo.export()
    assert "copies of names, teachers and prices are brought up to date" in demo.check()
    demo.edit(lambda content: None)
    assert "no difference" in demo.check()


def test_parts_that_are_gone_from_the_file_are_removed(demo: Shop) -> None:
    def edit(content: Any) -> None:
        python = course(content, PYTHON)
        del python["policies"][1:]
        del python["chapters"][1:]
        del python["chapters"][0]["sections"][0]
        python["faqs"] = []

    demo.edit(edit)

    kinds = [item["kind"]["S"] for item in demo.partition(f"course#{PYTHON}")]
    assert sorted(set(kinds)) == ["CHAPTER", "COURSE", "DETAIL", "PRICE_POLICY", "SECTION"]
    assert (kinds.count("PRICE_POLICY"), kinds.count("CHAPTER")) == (1, 1)
    assert len(course(demo.export(), PYTHON)["chapters"][0]["sections"]) == kinds.count("SECTION")


def test_a_file_that_is_there_is_not_overwritten_unasked(demo: Shop) -> None:
    before = demo.file.read_text(encoding="utf-8")
    said = demo.refuses("catalog", "export", str(demo.file))
    assert said == f"error: {demo.file} is there already: name another file, or add --overwrite\n"
    assert demo.file.read_text(encoding="utf-8") == before
    nowhere = demo.file.parent / "nowhere" / "shop.json"
    assert "cannot be written: No such file or directory" in demo.refuses("catalog", "export", str(nowhere))


def test_a_file_that_cannot_be_read_is_named(shop: Shop, tmp_path: Path) -> None:
    for command in ("check", "apply"):
        assert "cannot be read: No such file" in shop.refuses("catalog", command, str(shop.file))
        assert "cannot be read: Is a directory" in shop.refuses("catalog", command, str(tmp_path))
    shop.file.write_text('{"categories": [],\n "teachers": oops}')
    said = shop.refuses("catalog", "check", str(shop.file))
    assert said == (
        f"{shop.file}:2: column 14: no JSON: Expecting value\n"
        f"error: {shop.file}: 1 fault, nothing was written\n"
    )


def test_catalog_alone_tells_what_it_can_do(shop: Shop) -> None:
    said = shop.does("catalog")
    assert all(command in said for command in ("export", "check", "apply"))


# What is refused


def test_a_course_that_may_have_been_sold_is_taken_offline_not_removed(demo: Shop) -> None:
    def remove(content: Any) -> None:
        content["courses"].remove(course(content, 900008))
        for row in content["courses"]:
            row["detail"]["recommended"] = []

    said = demo.is_refused(remove)
    assert f'course#900008 "{course(FEW, 900008)["name"]}" is missing and may have been sold' in said
    assert 'Put it back with the status "offline" (下线)' in said
    assert said.endswith("1 fault, nothing was written\n")

    demo.edit(lambda content: course(content, 900008).update(status="offline"))
    assert "may have been sold" in demo.is_refused(remove)


def test_a_course_that_was_never_on_sale_nor_given_out_is_removed(demo: Shop) -> None:
    def add(content: Any) -> None:
        for course_id in (6, 7):
            new = json.loads(json.dumps(course(content, PYTHON)))
            new |= {"id": course_id, "status": "announced", "policies": []}
            new["detail"]["id"] = 60 + course_id
            content["courses"].append(new)

    demo.edit(add)
    demo.does("create-user", "learner", typed="learn and grow\n")
    demo.does("grant-enrollment", "learner", "7", "30", "--reason", "a test reader")

    said = demo.edit(lambda content: content["courses"].remove(course(content, 6)))

    assert "- course#6" in said
    assert demo.partition("course#6") == []
    assert "may have been sold" in demo.is_refused(
        lambda content: content["courses"].remove(course(content, 7))
    )


def test_a_page_keeps_its_id(demo: Shop) -> None:
    detail = course(FEW, PYTHON)["detail"]["id"]
    said = demo.is_refused(lambda content: course(content, PYTHON)["detail"].update(id=5))
    assert f"the page of course#{PYTHON} is detail {detail}, and links lead to it: it stays" in said


def test_a_coupons_quantity_covers_its_claims(demo: Shop, alipay: AlipaySimulator) -> None:
    now = datetime.now(UTC)
    claimable = next(
        row for row in FEW["coupons"] if "bound_to" not in row and row["claim_until"] > now.isoformat()
    )

    def offer(content: Any) -> Any:
        return next(row for row in content["coupons"] if row["id"] == claimable["id"])

    for _ in range(3):
        assert demo.a_learner().post(f"/coupons/{claimable['id']}/claim")["code"] == 1000
    said = demo.is_refused(lambda content: offer(content).update(quantity=2))
    assert "2 is less than the 3 that are claimed" in said
    said = demo.is_refused(lambda content: content["coupons"].remove(offer(content)))
    assert f"coupon {claimable['id']}" in said and "3 pieces are claimed" in said

    demo.edit(lambda content: offer(content).update(quantity=4, name="最后四张", value="1.00"))

    four, five = demo.a_learner(), demo.a_learner()
    claimed = four.post(f"/coupons/{claimable['id']}/claim")
    assert (claimed["code"], claimed["data"]["name"]) == (1000, "最后四张")
    assert five.post(f"/coupons/{claimable['id']}/claim")["code"] != 1000
    mine = four.get("/coupons")["data"]
    assert "最后四张" in json.dumps(mine, ensure_ascii=False)
    assert offer(demo.export())["quantity"] == 4


# Asking, racing, breaking


class Typing(io.StringIO):
    """Somebody who does something before typing a word."""

    def __init__(self, word: str, first: Callable[[], object] = lambda: None) -> None:
        super().__init__(word)
        self._first = first

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # of text, not of bytes
        self._first()
        return super().readline()


@pytest.fixture
def renamed(demo: Shop) -> Shop:
    """The file has another name for a category than the shop."""
    content = demo.export()
    content["categories"][0]["name"] = "改名"
    demo.save(content)
    return demo


@pytest.mark.parametrize("word", ["", "n\n"])
def test_nothing_is_written_without_a_yes(renamed: Shop, word: str) -> None:
    before = renamed.items()
    done = renamed.manage("catalog", "apply", str(renamed.file), typed=Typing(word))
    assert '~ category 900001  name: "编程入门" -> "改名"' in done.stdout
    assert done.stdout.endswith("Apply this? [y/N] ")
    assert done.returncode == 1
    assert done.stderr == "error: not confirmed: nothing was written (--yes confirms beforehand)\n"
    assert renamed.items() == before


def test_what_is_confirmed_is_written(renamed: Shop) -> None:
    done = renamed.manage("catalog", "apply", str(renamed.file), typed=Typing("y\n"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/1] category 900001\n" in done.stdout
    assert renamed.export()["categories"][0]["name"] == "改名"


def test_what_somebody_else_changes_while_it_is_asked_is_not_lost(renamed: Shop) -> None:
    def meanwhile() -> None:
        catalog.category_item(900002, "他人的改动").save()

    done = renamed.manage("catalog", "apply", str(renamed.file), typed=Typing("y\n", meanwhile))

    assert done.returncode == 1
    assert done.stderr.startswith("error: the stored catalogue was changed by somebody else at this moment")
    names = [category["name"] for category in renamed.export()["categories"]]
    assert names[:2] == ["编程入门", "他人的改动"]


def test_an_apply_that_was_cut_off_is_completed_by_the_next(demo: Shop, proxies: Proxies) -> None:
    def edit(content: Any) -> None:
        for row in content["courses"]:
            row["brief"] += "。新"
        content["teachers"][0]["name"] = "林老师"

    content = demo.export()
    edit(content)
    demo.save(content)
    with routed_through(proxies):
        with proxies.dynamodb.faults(Fault.on("TransactWriteItems", action=die_after(), nth=4)):
            cut = demo.manage("catalog", "apply", str(demo.file), "--yes")
    assert cut.returncode == 1
    assert "look whether it was done, then try again" in cut.stderr
    steps = len(FEW["courses"]) + 1
    assert f"[3/{steps}] " in cut.stdout
    assert f"[4/{steps}] " not in cut.stdout
    assert 0 < sum(row["brief"].endswith("。新") for row in demo.export()["courses"]) < len(FEW["courses"])

    said = demo.apply(content)

    assert f"[1/{steps - 4}] " in said
    assert demo.export() == content
    assert "no difference" in demo.check()


def a_step_on(course: catalog.Course, price: int) -> Step:
    """A new price for a course that was read before somebody else changes it."""
    page = catalog.find_course_contents(course.key)
    assert page is not None
    (old,) = page.policies
    new = catalog.policy_item(course.key, old.policy_id, old.valid_period, price, old.detail_id)
    changed = catalog.course_item(course.key, [new], **without_keys(page.course))
    return Step(str(course.key), "a new price", (Write(page.course, changed), Write(old, new)))


def without_keys(course: catalog.Course) -> dict[str, Any]:
    kept = ("name", "course_img", "brief", "level", "status", "order", "period", "category_id", "detail_id")
    return {name: getattr(course, name) for name in kept}


def test_of_two_changes_at_once_the_later_is_refused_whole(stores: Stores) -> None:
    sold = builders.a_course(prices=[10000])
    first, second = a_step_on(sold, 8000), a_step_on(sold, 5000)
    write(first, "lin", builders.now())
    with pytest.raises(ChangedMeanwhile):
        write(second, "chen", builders.now())
    (kept,) = builders.policies_of(sold)
    assert kept.price == 8000
    assert [copy.price for copy in catalog.find_courses([sold.key])[sold.key].policies] == [8000]
    logged = audit.list_entries(audit.month_of(builders.now()))
    assert [entry.who for entry in logged if entry.subject == str(sold.key)] == ["lin"]


def an_offer(quantity: int) -> CouponOffer:
    now = builders.now()
    offer = coupon.offer_item(
        builders.new_id(),
        name=builders.new_name("优惠券"),
        coupon_type=coupon.IMMEDIATE,
        value=100,
        quantity=quantity,
        open_at=now - timedelta(days=1),
        close_at=now + timedelta(days=1),
        valid_days=7,
        created_at=now,
    )
    offer.save()
    return stored_offer(offer)


def stored_offer(offer: CouponOffer) -> CouponOffer:
    found = coupon.find_offer(offer.coupon_id)
    assert found is not None
    return found


def a_change(offer: CouponOffer, **to: Any) -> Step:
    wanted = coupon.offer_item(
        offer.coupon_id,
        **{name: to.get(name, getattr(offer, name)) for name in (*coupon.RULES, "created_at")},
    )
    return Step(f"coupon {offer.coupon_id}", "a change", (Write(offer, wanted),))


@pytest.mark.usefixtures("gateway_server", "no_attempts_yet")
def test_claims_made_while_the_quantity_changes_are_all_counted() -> None:
    offer = an_offer(20)
    people = [builders.a_user() for _ in range(24)]
    address = new_address()

    def claim(user_id: int) -> bool:
        try:
            claim_coupon(user_id, stored_offer(offer), address, builders.now())
        except CouponSoldOut:
            return False
        return True

    def change() -> bool:
        write(a_change(stored_offer(offer), quantity=22, value=500), "lin", builders.now())
        return True

    calls = [lambda person=person: claim(person.user_id) for person in people]
    taken = sum(purchases.at_once(*calls, change)) - 1
    while taken < 22 and not stored_offer(offer).remaining <= 0:
        late = builders.a_user()
        taken += claim(late.user_id)

    after = stored_offer(offer)
    assert taken == 22
    assert (after.quantity, after.remaining, after.value) == (22, 0, 500)
    assert not after.in_flight


@pytest.mark.usefixtures("gateway_server", "no_attempts_yet")
def test_pieces_claimed_after_the_check_are_not_taken_away() -> None:
    offer = an_offer(5)
    fewer = a_change(offer, quantity=1)
    for _ in range(2):
        claim_coupon(builders.a_user().user_id, stored_offer(offer), new_address(), builders.now())
    with pytest.raises(ChangedMeanwhile):
        write(fewer, "lin", builders.now())
    with pytest.raises(ChangedMeanwhile):
        write(Step("coupon", "removed", (Write(offer, None),)), "lin", builders.now())
    after = stored_offer(offer)
    assert (after.quantity, after.remaining) == (5, 3)
    write(a_change(offer, quantity=2, status=coupon.OFFLINE), "lin", builders.now())
    after = stored_offer(offer)
    assert (after.quantity, after.remaining, after.status) == (2, 0, coupon.OFFLINE)


def test_a_change_whose_answer_was_lost_counts_once(proxies: Proxies) -> None:
    offer = an_offer(5)
    with routed_through(proxies):
        with proxies.dynamodb.faults(Fault.on("TransactWriteItems", action=reset_after(), nth=1)):
            write(a_change(offer, quantity=8), "lin", builders.now())
    after = stored_offer(offer)
    assert (after.quantity, after.remaining) == (8, 8)
