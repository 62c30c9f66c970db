"""The demo shop: added once, never over anything else, and a shop one can buy in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import money
from chalicelib.beijing_time import BEIJING
from chalicelib.manage.catalog_file.rows import Course, Detail
from chalicelib.manage.catalog_file.writing import as_json
from chalicelib.manage.demo import read_catalogue, read_content, seed_demo
from chalicelib.shop import catalog, coupon, ledger
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.user import ROLE_NAMES, find_by_name
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests.client import Client
from tests.conftest import Stores
from tests.faults.routing import FaultyApp
from tests.other_shop import OtherShop

SHOP: Any = read_content()
CATALOGUE = read_catalogue(datetime.now(BEIJING).date())
PYTHON, FREE, DEGREE = 900001, 900003, 900001


def in_the_shop(course_type: str, course_id: int) -> Course:
    """A course as the content has it."""
    return next(course for course in CATALOGUE.courses if course.key == CourseKey(course_type, course_id))


def page_of(course: Course) -> Detail:
    assert course.detail is not None
    return course.detail


@pytest.fixture(scope="module")
def seeded_at(gateway_server: GatewayServer) -> datetime:
    """The moment at which the demo was added to this worker's stores."""
    import app

    now = datetime.now(UTC)
    seed_demo(now)
    app.app.forget_fresh()
    return now


@pytest.fixture
def visitor(gateway_server: GatewayServer, seeded_at: datetime) -> Client:
    return Client(gateway_server.base_url)


@pytest.fixture
def sign_in(gateway_server: GatewayServer, seeded_at: datetime) -> Callable[[str], Client]:
    def sign_in(username: str) -> Client:
        learner = Client(gateway_server.base_url)
        answer = learner.post("/login", {"username": username, "password": SHOP["password"]})
        assert answer["code"] == 1000, answer
        learner.token = answer["data"]["token"]
        return learner

    return sign_in


@pytest.fixture
def other_shop(stores: Stores, gateway_server: GatewayServer) -> Iterator[OtherShop]:
    shop = OtherShop(stores)
    with shop.in_use():
        yield shop


def seed(shop: OtherShop, *arguments: str) -> str:
    return shop.does("seed-demo", *arguments)


def test_seeding_adds_everything_once_and_a_second_time_nothing(other_shop: OtherShop) -> None:
    everything = (
        f"{len(CATALOGUE.teachers)} teachers, {len(CATALOGUE.courses)} courses, {len(CATALOGUE.coupons)} coupons,"
        f" {len(SHOP['users'])} users, {len(CATALOGUE.categories)} categories"
    )
    first = seed(other_shop)
    assert f"added: {everything}." in first
    assert "already there" not in first
    for user in SHOP["users"]:
        assert user["username"] in first
    assert SHOP["password"] in first

    items = other_shop.items()
    assert {item["source"]["S"] for item in items} == {"demo"}
    again = seed(other_shop)
    assert f"already there: {everything}." in again
    assert "added:" not in again
    assert other_shop.items() == items
    assert other_shop.does("audit").count("seed-demo") == 1


def test_seeding_takes_few_transactions(other_shop: OtherShop, faulty_app: FaultyApp) -> None:
    """Each costs a new shop's first start, and DynamoDB Local has just begun to live."""
    with faulty_app.dynamodb.recording() as calls:
        seed(other_shop)
    sent = [call.operation for call in calls]
    assert sent.count("TransactWriteItems") <= 8
    assert len(sent) <= 50
    items = sum(len(call.request["TransactItems"]) for call in calls if "TransactItems" in call.request)
    assert items == len(other_shop.items()) + 1  # each once, and the entry of the log


def test_a_stage_that_serves_people_is_not_seeded(other_shop: OtherShop) -> None:
    for stage in ("prod", "Production-2", "live", "staging"):
        refused = other_shop.manage("seed-demo", STAGE=stage)
        assert refused.returncode == 1
        assert "STAGE" in refused.stderr
        assert "password" in refused.stderr
    assert other_shop.items() == []


def test_what_others_wrote_under_the_demos_keys_stays_and_is_reported(other_shop: OtherShop) -> None:
    theirs = {
        "course_key": {"S": "course#900002"},
        "sort": {"S": "COURSE"},
        "kind": {"S": "COURSE"},
        "name": {"S": "别人的课程"},
    }
    policy = {
        "course_key": {"S": "course#900004"},
        "sort": {"S": f"PRICE_POLICY#{in_the_shop('course', 900004).policies[0].id}"},
        "kind": {"S": "PRICE_POLICY"},
        "price": {"N": "1"},
    }
    for item in (theirs, policy):
        other_shop.put(item)
    assert other_shop.manage("create-user", "Demo", typed="horses-2026-staple\n").returncode == 0

    printed = seed(other_shop)
    assert "not the demo's: course#900002, course#900004, user demo." in printed
    assert f"{len(CATALOGUE.courses) - 2} courses" in printed
    assert other_shop.partition("course#900002") == [theirs]
    assert other_shop.partition("course#900004") == [policy]
    assert "demo2" in printed.partition("Demo users")[2]
    assert "demo " not in printed.partition("Demo users")[2]
    assert seed(other_shop).count("course#900002") == 1


def test_if_empty_completes_a_seeding_that_was_cut_off_and_adds_nothing_to_a_shop(
    other_shop: OtherShop,
) -> None:
    seed(other_shop)
    items = other_shop.items()
    untouched = seed(other_shop, "--if-empty")
    assert "added" not in untouched
    assert all(user["username"] in untouched for user in SHOP["users"])
    assert other_shop.items() == items

    gone = [item for item in items if item["sort"]["S"].startswith("CATEGORY#")]
    for item in [*gone, *other_shop.partition("course#900006")]:
        other_shop.remove(item)
    assert f"added: 1 courses, {len(gone)} categories." in seed(other_shop, "--if-empty")
    assert len(other_shop.items()) == len(items)


def test_a_shop_with_a_catalogue_of_its_own_is_left_alone_if_asked_so(other_shop: OtherShop) -> None:
    category = {
        "course_key": {"S": "CATEGORIES"},
        "sort": {"S": "CATEGORY#1"},
        "kind": {"S": "CATEGORY"},
        "category_id": {"N": "1"},
        "name": {"S": "Python"},
    }
    other_shop.put(category)
    assert "nothing was added" in seed(other_shop, "--if-empty")
    assert other_shop.items() == [category]


def test_every_category_lists_its_courses_in_order(visitor: Client) -> None:
    listed = visitor.get("/course/category/")["data"]
    for category in CATALOGUE.categories:
        assert {"id": category.id, "name": category.name} in listed
        rows = visitor.get(f"/courses/?category_id={category.id}")["data"]
        on_show = [
            course
            for course in CATALOGUE.courses
            if course.category_id == category.id and course.status != catalog.OFFLINE
        ]
        assert [row["id"] for row in rows] == [course.id for course in on_show]
        assert [row["name"] for row in rows] == [course.name for course in on_show]
        for row, course in zip(rows, on_show, strict=True):
            assert row["course_img"] == f"http://shop.test/{course.course_img}"
            assert row["coursedetail_id"] == str(page_of(course).id)


def test_the_list_shows_a_free_course_with_its_price_and_an_announced_one_without(visitor: Client) -> None:
    rows = {
        row["id"]: row
        for category in CATALOGUE.categories
        for row in visitor.get(f"/courses/?category_id={category.id}")["data"]
    }
    assert (rows[FREE]["is_free"], rows[FREE]["price"], rows[FREE]["origin_price"]) == (
        True,
        "免费",
        "原价￥68.0",
    )
    assert (rows[PYTHON]["is_free"], rows[PYTHON]["price"], rows[PYTHON]["origin_price"]) == (
        False,
        "￥69.0",
        None,
    )
    announced = next(course for course in CATALOGUE.courses if course.status == catalog.ANNOUNCED)
    shown = rows[announced.id]
    assert (shown["is_free"], shown["price"], shown["origin_price"]) == (False, "敬请期待", None)


@pytest.mark.parametrize("course", CATALOGUE.courses, ids=lambda course: str(page_of(course).id))
def test_every_course_page_opens_with_all_its_parts(visitor: Client, course: Course) -> None:
    detail = page_of(course)
    page = visitor.get(f"/coursedetail/{detail.id}/")
    assert page["course"] == course.id
    assert (page["name"], page["brief"], page["level"]) == (
        course.name,
        course.brief,
        catalog.LEVEL_NAMES[course.level],
    )
    texts = (
        "why_study",
        "what_to_study_brief",
        "career_improvement",
        "prerequisite",
        "course_slogan",
        "hours",
    )
    assert [page[text] for text in texts] == [getattr(detail, text) for text in texts]
    assert page["is_online"] == (course.status != catalog.OFFLINE)
    assert [(price["id"], Decimal(str(price["price"]))) for price in page["prices"]] == [
        (policy.id, money.to_yuan(policy.price)) for policy in course.policies
    ]
    assert page["teachers"] == list(detail.teachers)
    assert all(
        teacher["teacher_image"].startswith("http://shop.test/images/") for teacher in page["teachers_info"]
    )
    recommended = [in_the_shop("course", other) for other in detail.recommended]
    assert page["recommend_coursesinfo"] == [
        {
            "course_id": str(other.id),
            "course_name": other.name,
            "coursedetail_id": str(page_of(other).id),
        }
        for other in recommended
    ]
    shown = [other.id for other in recommended if other.status != catalog.OFFLINE]
    assert [row["id"] for row in page["recommended"]] == shown
    assert page["sections"] == sum(len(chapter.sections) for chapter in course.chapters)


def is_protected(section: dict[str, Any]) -> bool:
    """Whether a section as it is shown is a video whose id nobody is told."""
    return (section["section_type"], section["player"]) == ("视频", "POLYV")


@pytest.mark.parametrize(
    "course",
    [course for course in CATALOGUE.courses if course.status != catalog.OFFLINE],
    ids=lambda course: str(course.key),
)
def test_a_visitor_sees_chapters_and_questions_and_links_of_trial_sections_only(
    visitor: Client, course: Course
) -> None:
    query = f"?course_type={course.course_type}"
    chapters = visitor.get(f"/course/{course.id}/chapters{query}")["data"]["chapters"]
    assert [chapter["name"] for chapter in chapters] == [chapter.name for chapter in course.chapters]
    for shown, chapter in zip(chapters, course.chapters, strict=True):
        assert [section["name"] for section in shown["sections"]] == [
            section.name for section in chapter.sections
        ]
        for section in shown["sections"]:
            assert ("section_link" in section) == (section["free_trail"] and not is_protected(section))
    questions = visitor.get(f"/course/{course.id}/questions{query}")["data"]
    assert questions == [as_json(faq) for faq in course.faqs]


def test_demo_users_begin_with_their_balance_in_the_ledger_and_coupons_in_hand(seeded_at: datetime) -> None:
    seed_demo(datetime.now(UTC) + timedelta(days=3))  # changes nothing
    for row in SHOP["users"]:
        user = find_by_name(row["username"])
        entries = ledger.list_entries(user.user_id)
        opening = [entry.beli for entry in entries if entry.cause == "opening balance"]
        assert opening == ([row["beli"]] if row["beli"] else [])
        assert sum(entry.beli for entry in entries) == user.beli
        assert ROLE_NAMES[user.role] == row.get("role", "学员")
        records = coupon.list_records(user.user_id)
        given = [record for record in records if record.source == "demo"]
        assert {(record.record_id, record.coupon_id) for record in given} == {
            (record["id"], record["coupon_id"]) for record in row["coupons"]
        }


def test_coupons_are_good_from_the_day_of_seeding(seeded_at: datetime) -> None:
    catalogue = read_catalogue(seeded_at.astimezone(BEIJING).date())
    records = {record.coupon_id: record for record in coupon.list_records(find_by_name("demo").user_id)}
    for offer in catalogue.coupons:
        stored = coupon.find_offer(offer.id)
        assert stored is not None
        assert (stored.open_at, stored.close_at) == (offer.claim_from, offer.claim_until)
        record = records.get(offer.id)
        if record is None:
            continue
        if offer.valid_days is not None:
            assert record.valid_until - record.valid_from == timedelta(days=offer.valid_days)
        else:
            assert record.valid_until == offer.valid_until
        assert record.is_usable(seeded_at) == (offer.valid_until is None or seeded_at < offer.valid_until)


def test_a_demo_user_sees_what_can_be_claimed_now_and_claims_one(
    sign_in: Callable[[str], Client], seeded_at: datetime
) -> None:
    learner = sign_in("demo3")
    catalogue = read_catalogue(seeded_at.astimezone(BEIJING).date())
    open_now = {offer.id for offer in catalogue.coupons if offer.claim_from <= seeded_at < offer.claim_until}
    early = next(offer for offer in catalogue.coupons if offer.claim_from > seeded_at)
    shown = {row["id"]: row for row in learner.get("/coupons/available")["data"]}
    assert {offer.id for offer in catalogue.coupons} & set(shown) == open_now
    few = min(
        (offer for offer in catalogue.coupons if offer.id in open_now), key=lambda offer: offer.quantity
    )
    assert (shown[few.id]["remaining"], shown[few.id]["claimed"]) == (few.quantity, False)

    claimed = learner.post(f"/coupons/{few.id}/claim")
    assert (claimed["code"], claimed["data"]["name"]) == (1000, few.name)
    again = {row["id"]: row for row in learner.get("/coupons/available")["data"]}
    assert (again[few.id]["remaining"], again[few.id]["claimed"]) == (few.quantity - 1, True)
    assert learner.post(f"/coupons/{early.id}/claim")["msg"] == "不在优惠券的领取时间内"


def test_the_demo_admin_works_in_the_back_office_and_learners_do_not(
    sign_in: Callable[[str], Client],
) -> None:
    assert sign_in("demo-admin").get("/admin/refunds")["code"] == 1000
    assert sign_in("demo4").get("/admin/refunds")["code"] == 1801


def test_a_demo_user_is_offered_his_good_coupons_at_settlement(sign_in: Callable[[str], Client]) -> None:
    learner = sign_in("demo")
    policy = in_the_shop("course", PYTHON).policies[2]
    opened = learner.post("/account/", [{"course_id": PYTHON, "price_policy_id": policy.id}])
    assert opened["code"] == 1000
    account = learner.get("/account/")["data"]
    bound = account["account_course_list"][0]["coupon_list"]
    assert [record["name"] for record in bound] == ["Python 课程立减 50 元"]
    assert {record["coupon_type"] for record in account["global_coupons"]} == {"立减券", "满减券", "折扣券"}
    assert len(account["global_coupons"]) == 3


def test_a_demo_user_takes_the_free_course_and_owns_it_at_once(sign_in: Callable[[str], Client]) -> None:
    learner = sign_in("demo3")
    policy = next(policy for policy in in_the_shop("course", FREE).policies if policy.price == 0)
    paid = learner.post(
        "/payment/",
        {
            "is_beli": False,
            "course_list": [{"course_id": FREE, "default_price_policy_id": policy.id}],
            "pay_money": 0,
        },
    )
    order = learner.newest_order()
    assert paid == {
        "code": 1000,
        "msg": "",
        "data": f"http://shop.test/payment/result?order_num={order['order_number']}",
        "order_number": order["order_number"],
        "expire_date": order["expire_date"],
    }
    assert order["status"] == "交易成功"
    assert FREE in {course["course_id"] for course in learner.get("/mycourses")["data"]}
    contents = learner.get(f"/course/{FREE}/chapters")["data"]
    assert contents["enrolled"]
    for chapter in contents["chapters"]:
        assert all(("section_link" in section) != is_protected(section) for section in chapter["sections"])


def test_a_demo_user_buys_the_degree_course_with_coupon_beli_and_alipay(
    sign_in: Callable[[str], Client], alipay: AlipaySimulator
) -> None:
    learner = sign_in("demo2")
    row = next(user for user in SHOP["users"] if user["username"] == "demo2")
    offer = next(offer for offer in CATALOGUE.coupons if offer.bound_to == f"degree_course#{DEGREE}")
    record = next(record for record in row["coupons"] if record["coupon_id"] == offer.id)
    policy = in_the_shop("degree_course", DEGREE).policies[0]
    due = policy.price - offer.value - row["beli"] * money.FEN_PER_BELI
    paid = learner.post(
        "/payment/",
        {
            "is_beli": True,
            "course_list": [
                {
                    "course_id": DEGREE,
                    "course_type": "degree_course",
                    "default_price_policy_id": policy.id,
                    "coupon_record_id": record["id"],
                }
            ],
            "pay_money": str(money.to_yuan(due)),
        },
    )
    assert paid["code"] == 1000, paid
    number = learner.newest_order()["order_number"]
    alipay.open_cashier(paid["data"])
    alipay.pay(number)
    alipay.deliver_due_notices()

    assert learner.order(number)["status"] == "交易成功"
    mine = learner.get("/mycourses")["data"]
    assert [(course["course_type"], course["course_id"]) for course in mine] == [("degree_course", DEGREE)]
    assert learner.get("/userinfo")["data"]["beli"] == 0
