"""The old system's database becomes a shop: the rows taken, the rows refused, and what a second import leaves alone."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import CouponClaimed, OutcomeUnknown, StoreUnavailable
from chalicelib.flows import sign_in
from chalicelib.flows.claim_coupon import claim_coupon
from chalicelib.flows.grant import grant_beli
from chalicelib.manage.legacy.file import UnreadableFile
from chalicelib.manage.legacy.report import ALREADY_THERE, NOT_TAKEN, TAKEN, Progress, Report
from chalicelib.manage.legacy_import import import_legacy
from chalicelib.settings import settings
from chalicelib.shop import catalog, coupon, enrollment, ledger, order, payment, user, work
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.password import password_matches
from chalicelib.shop.payment_type import ALIPAY
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.faults import Fault, die_after
from tests.faults.routing import Proxies, routed_through
from tests.legacy_file import PASSWORD, TABLES, LegacyFile, django_time, larger_file, real_shape
from tests.other_shop import OtherShop

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture
def real(tmp_path: Path) -> LegacyFile:
    return real_shape(tmp_path / "legacy.sqlite3")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[LegacyFile]:
    legacy = LegacyFile(tmp_path / "legacy.sqlite3")
    yield legacy
    legacy.close()


def run(legacy: LegacyFile, now: datetime = NOW) -> Report:
    legacy.run("SELECT 1")
    return import_legacy(legacy.path, now, Progress(io.StringIO()))


def assert_adds_up(report: Report) -> None:
    for table, read in report.read.items():
        outcomes = [report.count(outcome, table) for outcome in (TAKEN, ALREADY_THERE, NOT_TAKEN)]
        assert read == sum(outcomes), table
        assert len(report.reasons[table]) == outcomes[2], table


def key(legacy: LegacyFile, course: int) -> CourseKey:
    return CourseKey(COURSE, legacy.id(course))


def stored_items(shop: OtherShop, tag: str = "") -> dict[tuple[str, str], Any]:
    """Everything in the tables (that a file with this tag brought), as DynamoDB has it."""
    return {
        (item.get("course_key", item.get("owner"))["S"], item["sort"]["S"]): item
        for item in shop.items()
        if tag in json.dumps(item, default=sorted)
    }


# A real file


def test_a_real_file_is_taken_whole(real: LegacyFile) -> None:
    report = run(real)

    assert_adds_up(report)
    assert (report.count(TAKEN), report.count(ALREADY_THERE), report.count(NOT_TAKEN)) == (52, 0, 0)
    page = catalog.find_page(real.id(501))
    assert page.course.name == real.named("Python从入门到放弃")
    assert (page.course.level, page.course.status, page.course.period) == (
        catalog.INTERMEDIATE,
        catalog.ONLINE,
        7,
    )
    assert page.course.category_id == real.id(1)
    assert page.course.course_img == "http://144.202.116.113/static/backend/3875778.jpeg"
    assert [(p.valid_period, p.price) for p in page.policies] == [(7, 30000), (30, 50000), (360, 80000)]
    assert [(p.policy_id, p.price) for p in page.course.policies] == [
        (real.id(1), 30000),
        (real.id(2), 50000),
        (real.id(3), 80000),
    ]
    assert page.detail is not None
    assert [teacher.name for teacher in page.detail.teachers] == ["test-讲师1"]
    assert [other.course_id for other in page.detail.recommended] == [real.id(8), real.id(6), real.id(7)]
    assert page.detail.recommended[0].course_name == real.named("Django框架")


def test_coupon_records_come_in_as_they_stand_with_beijing_days(real: LegacyFile) -> None:
    run(real)

    records = {record.record_id: record for record in coupon.list_records(real.id(1))}
    assert sorted(records) == [real.id(n) for n in range(1, 7)]
    assert all(record.status == coupon.UNUSED for record in records.values())
    assert [records[real.id(n)].coupon_id for n in (3, 4)] == [real.id(3), real.id(3)]
    instant, percent, full, general = (records[real.id(n)] for n in (1, 2, 3, 6))
    assert (instant.value, instant.bound_to) == (20000, str(key(real, 1)))
    assert instant.valid_from == datetime(2019, 6, 9, 16, tzinfo=UTC)
    assert instant.valid_until == datetime(2019, 12, 18, 16, tzinfo=UTC)
    assert instant.got_at == datetime(2019, 8, 31, 4, 19, 5, 797166, tzinfo=UTC)
    assert percent.price_after(24334) == 19467
    assert (full.minimum, full.value) == (10000, 5000)
    assert general.bound_to is None


def test_a_coupon_claimed_in_the_old_system_cannot_be_claimed_again_here(real: LegacyFile) -> None:
    run(real)
    run(real)

    for number in (1, 3):
        offer = coupon.find_offer(real.id(number))
        assert offer is not None
        while_it_is_open = offer.open_at + timedelta(hours=1)
        with pytest.raises(CouponClaimed):
            claim_coupon(real.id(1), offer, "198.51.100.7", while_it_is_open)
    assert len(coupon.list_records(real.id(1))) == 6


def test_an_imported_learner_signs_in_with_the_old_password_and_sees_orders_and_courses(
    real: LegacyFile, gateway_server: GatewayServer
) -> None:
    run(real)
    learner = Client(gateway_server.base_url)

    answer = learner.post("/login", {"username": real.named("TEST"), "password": PASSWORD})
    assert answer["code"] == 1000, answer
    assert answer["data"]["userinfo"]["head_img"] == "http://144.202.116.113/static/backend/logo@2x.png"
    learner.token = answer["data"]["token"]

    orders = learner.get("/myorder/")["data"]
    assert [shown["order_number"] for shown in orders] == [
        real.named(f"120198{n}") for n in (6, 5, 4, 3, 2, 1)
    ]
    assert [shown["status"] for shown in orders] == ["超时取消"] * 2 + ["交易成功"] + ["超时取消"] * 3
    assert [shown["actual_amount"] for shown in orders] == [440.0, 130.0, 800.0, 240.0, 140.0, 240.0]
    assert orders[2]["date"] == "2019-08-31 16:31:04"
    shown = learner.order(orders[0]["order_number"])
    assert [line["price"] for line in shown["orderdetail_list"]] == [170.0, 300.0]
    assert sum(Decimal(str(line["payable"])) for line in shown["orderdetail_list"]) == 440

    mine = learner.get("/mycourses")["data"]
    assert [course["course_id"] for course in mine] == [real.id(1)]
    assert mine[0]["begin_date"] == "2019-08-31 16:31:19"
    assert mine[0]["end_date"] == "2020-08-25 16:31:19"
    assert mine[0]["ended"] is True


def test_an_old_hash_is_renewed_when_more_rounds_are_asked_for_today(real: LegacyFile) -> None:
    run(real)
    stricter = settings().changed(password_iterations=150_001)

    sign_in.sign_in(real.named("test"), PASSWORD, "10.0.0.1", stricter, NOW)

    renewed = user.find_user(real.id(1)).password
    assert renewed.startswith("pbkdf2_sha256$150001$")
    assert password_matches(PASSWORD, renewed)


def test_a_paid_order_brings_its_payment_its_enrollment_and_a_word_of_the_import(real: LegacyFile) -> None:
    run(real)

    paid = order.find_by_number(real.named("1201984"))
    assert (paid.status, paid.payment_type, paid.amount) == (order.PAID, ALIPAY, 80000)
    assert paid.trade_no == "2019083122001432811000012930"
    assert paid.lines[0].policy_id == real.id(3)
    (received,) = payment.list_payments(paid)
    assert (received.amount, received.trade_no, received.use) == (80000, paid.trade_no, payment.APPLIED)
    assert [event.what for event in order.list_events(paid)] == ["imported"]
    owned = enrollment.find_enrollment(real.id(1), key(real, 1))
    assert owned is not None
    assert owned.begins_at == datetime(2019, 8, 31, 8, 31, 19, tzinfo=UTC)


# A larger file, with broken rows of every sort


def test_a_larger_file_is_taken_but_for_its_broken_rows_each_with_its_reason(tmp_path: Path) -> None:
    legacy, expected = larger_file(tmp_path / "large.sqlite3", NOW)
    report = run(legacy)

    assert_adds_up(report)
    assert report.read == expected.read
    assert sum(expected.read.values()) > 500
    for table in TABLES:
        refused = expected.refusals(table)
        assert set(report.reasons[table]) == set(refused), table
        for row_id, part in refused.items():
            assert part in report.reasons[table][row_id], (table, row_id)
    assert report.count(TAKEN) == sum(expected.read.values()) - sum(map(len, expected.refused.values()))


def test_every_imported_balance_is_the_sum_of_its_ledger(tmp_path: Path) -> None:
    legacy, expected = larger_file(tmp_path / "large.sqlite3", NOW, courses=2, orders=0, records=0)
    run(legacy)

    for user_id, beli in expected.beli.items():
        entries = ledger.list_entries(user_id)
        assert user.find_user(user_id).beli == beli
        assert [(entry.beli, entry.cause) for entry in entries] == (
            [(beli, "opening balance")] if beli else []
        )


def test_the_lines_of_every_imported_order_add_up_to_what_was_paid_to_the_fen(tmp_path: Path) -> None:
    legacy, expected = larger_file(tmp_path / "large.sqlite3", NOW, records=0)
    run(legacy)

    discounted = 0
    for number, amount in expected.amounts.items():
        imported = order.find_by_number(number)
        assert imported.amount == amount
        assert sum(line.payable for line in imported.lines) == amount
        assert sum(line.general_share for line in imported.lines) == imported.general_discount
        assert all(0 <= line.payable <= line.price <= line.original_price for line in imported.lines)
        discounted += imported.general_discount > 0
    assert discounted > 10


def test_importing_twice_prints_equal_totals_and_changes_nothing(
    tmp_path: Path, own_tables: OtherShop
) -> None:
    legacy, expected = larger_file(tmp_path / "large.sqlite3", NOW)
    first = run(legacy)
    before = stored_items(own_tables)

    second = run(legacy, NOW + timedelta(days=3))

    assert stored_items(own_tables) == before
    assert_adds_up(second)
    assert second.count(TAKEN) == 0
    for table in TABLES:
        assert second.in_the_shop(table) == first.in_the_shop(table), table
        assert set(second.reasons[table]) == set(expected.refusals(table)), table
    totals = [str(report).split("rows read =")[0].split("\n")[-2] for report in (first, second)]
    assert [line.split()[0] for line in totals] == ["all", "all"]
    assert [line.split()[1::4] for line in totals] == [
        [str(sum(expected.read.values())), totals[0].split()[-1]]
    ] * 2


def test_the_report_shows_the_totals_of_each_table_and_the_reasons_below(empty: LegacyFile) -> None:
    empty.add("api_coursecategory")
    for _ in range(2):
        empty.add("api_course", status=9)

    lines = str(run(empty)).splitlines()

    assert lines[0].split("  ")[-1].strip() == "in the shop"
    table = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("api_", "all"))}
    assert table["api_coursecategory"] == ["1", "1", "0", "0", "1"]
    assert table["api_course"] == ["2", "0", "0", "2", "0"]
    assert table["all"] == ["3", "1", "0", "2", "1"]
    assert f"  api_course {empty.id(1)}, {empty.id(2)}: status 9 means nothing" in lines


def test_a_name_that_nobody_new_can_have_is_refused_with_the_reason(empty: LegacyFile) -> None:
    invisible = empty.add("api_userinfo", username=empty.named("demo-admin\ufe0f"))
    imitating = empty.add("api_userinfo", username=empty.named("dеmo-admin"))
    taken = empty.add("api_userinfo", username=empty.named("王小明"))
    lines = str(run(empty)).splitlines()
    for row_id, reason in (
        (invisible, "it holds a character that cannot be seen, U+FE0F"),
        (imitating, "it mixes letters of scripts that can be mistaken for each other: Cyrillic and Latin"),
    ):
        assert f"  api_userinfo {empty.id(row_id)}: username is no user name: {reason}" in lines
    assert user.find_user(empty.id(taken)).username == empty.named("王小明")


@pytest.mark.parametrize(
    "encoded",
    ["!", "md5$salt$hash", "pbkdf2_sha256$150000$salt$", "pbkdf2_sha256$150000$salt$AAAA",
     "pbkdf2_sha256$40000000$BIqmflDPGkC0$SA6YQlrEIN+XhwI0oih4teAlfA8jBNdjyyBpc1OjwVI="],
)  # fmt: skip
def test_a_hash_that_cannot_be_checked_is_not_taken_and_its_owner_is_named(
    empty: LegacyFile, encoded: str
) -> None:
    learner = empty.add("api_userinfo", password=encoded)
    lines = str(run(empty)).splitlines()
    (said,) = (line for line in lines if line.startswith(f"  api_userinfo {empty.id(learner)}: "))
    assert said.endswith("set it anew")
    assert user.find_user(empty.id(learner)).password == "!"


# What an import leaves alone


def test_what_was_changed_since_stays_as_it_is(real: LegacyFile, own_tables: OtherShop) -> None:
    run(real)
    learner = user.find_user(real.id(1))
    grant_beli(learner, 70, "a present", NOW)
    learner = user.find_user(real.id(1))
    learner.update([user.User.password.set("pbkdf2_sha256$1$new$hash")])
    python = catalog.find_page(real.id(501))
    policies = [catalog.policy_item(key(real, 1), real.id(1), 7, 12300, real.id(501))]
    changed = catalog.course_item(
        key(real, 1),
        policies,
        **{
            name: getattr(python.course, name)
            for name in (
                "course_img",
                "brief",
                "level",
                "status",
                "order",
                "period",
                "category_id",
                "detail_id",
            )
        },
        name="ein anderer Name",
    )
    builders.put_course(changed, policies, python.detail)
    record = coupon.list_records(real.id(1))[0]
    record.update([coupon.CouponRecord.status.set(coupon.USED)])
    late = order.order_item(
        order.new_number(NOW),
        real.id(1),
        NOW,
        status=order.CANCELLED,
        payment_type=ALIPAY,
        amount=1,
        lines=[],
        title="x",
        expires_at=NOW,
    )
    late.save()
    before = stored_items(own_tables)

    report = run(real)

    assert stored_items(own_tables) == before
    assert (report.count(TAKEN), report.count(ALREADY_THERE), report.count(NOT_TAKEN)) == (0, 52, 0)
    assert [p.price for p in catalog.find_page(real.id(501)).policies] == [12300]
    assert order.list_orders(real.id(1), 10, None).orders[0].number == late.number


def test_rows_that_are_new_in_a_later_file_are_added_to_what_is_there(real: LegacyFile) -> None:
    run(real)
    real.add("api_pricepolicy", object_id=1, valid_period=90, price=600.0)
    real.add("api_pricepolicy", object_id=1, valid_period=1, price=9.9)
    real.add("api_coursechapter", course_id=1, chapter=1)
    real.add("api_userinfo")
    real.add_order(1, [(2, 200.0, 200.0)], status=0, date="2019-09-01 00:00:00")
    late_link = real.add("api_coursedetail_teachers", coursedetail_id=501, teacher_id=real.add("api_teacher"))

    report = run(real)

    assert_adds_up(report)
    assert (report.count(TAKEN), report.count(ALREADY_THERE)) == (7, 52)
    assert report.reasons["api_coursedetail_teachers"] == {
        real.id(late_link): "its course came in without it: add it in the shop"
    }
    page = catalog.find_page(real.id(501))
    assert [p.price for p in page.policies] == [990, 30000, 50000, 60000, 80000]
    assert [p.price for p in page.course.policies] == [990, 30000, 50000, 60000, 80000]
    assert len(page.chapters) == 1
    assert enrollment.find_enrollment(real.id(1), key(real, 2)) is not None
    again = run(real)
    assert (again.count(TAKEN), again.count(ALREADY_THERE)) == (0, 59)


def test_what_somebody_else_wrote_is_never_overwritten_but_reported(
    real: LegacyFile, own_tables: OtherShop
) -> None:
    foreign_course = builders.a_course(course_id=real.id(2), prices=[100])
    catalog.category_item(real.id(1), "foreign", "demo").save()
    coupon.offer_item(
        real.id(5),
        name="foreign",
        coupon_type=coupon.IMMEDIATE,
        quantity=1,
        open_at=NOW,
        close_at=NOW,
        valid_days=1,
        created_at=NOW,
    ).save()
    before = stored_items(own_tables)

    report = run(real)

    assert_adds_up(report)
    after = stored_items(own_tables)
    assert {place: after[place] for place in before} == before
    taken = "its id is taken by something else in the shop"
    assert report.reasons["api_coursecategory"] == {real.id(1): taken}
    assert report.reasons["api_coupon"][real.id(5)] == taken
    assert report.reasons["api_course"][real.id(2)] == taken
    assert report.reasons["api_pricepolicy"][real.id(4)] == f"api_course {real.id(2)} was not taken"
    assert report.reasons["api_couponrecord"][real.id(6)] == f"api_coupon {real.id(5)} was not taken"
    # Nobody gets access to a course that only has the old one's id.
    assert set(report.reasons["api_order"]) == {real.id(n) for n in range(1, 7)}
    assert catalog.find_courses([foreign_course.key])[foreign_course.key].name == foreign_course.name


def test_a_user_name_or_id_or_order_number_of_somebody_else_is_left_to_them(empty: LegacyFile) -> None:
    builders.a_user(username=empty.named("Taken"))
    other = builders.a_user()
    course = empty.add("api_course")
    named = empty.add("api_userinfo", username=empty.named("taken"), beli=5)
    placed = empty.add("api_userinfo")
    user.user_item(empty.id(placed), username="x", password="", name="x", head_img="", created_at=NOW).save()
    good = empty.add("api_userinfo", beli=7)
    ours = empty.add_order(good, [(course, 1.0, 1.0)])
    foreign = order.order_item(
        empty.named(f"120198{ours}"),
        other.user_id,
        NOW,
        status=order.PAID,
        payment_type=ALIPAY,
        amount=1,
        lines=[],
        title="x",
        expires_at=NOW,
    )
    foreign.save()
    order.pointer_item(foreign).save()
    theirs = empty.add_order(named, [(course, 1.0, 1.0)])

    report = run(empty)

    assert report.reasons["api_userinfo"] == {
        empty.id(named): "its user name is taken by somebody else in the shop",
        empty.id(placed): "its id is taken by something else in the shop",
    }
    assert report.reasons["api_order"] == {
        empty.id(ours): "its id is taken by something else in the shop",
        empty.id(theirs): f"api_userinfo {empty.id(named)} was not taken",
    }
    assert ledger.list_entries(empty.id(named)) == []
    assert user.find_user(empty.id(good)).beli == 7
    assert order.find_by_number(foreign.number).user_id == other.user_id


def test_a_page_id_of_another_course_is_left_to_it(empty: LegacyFile) -> None:
    course = empty.add("api_course")
    detail = empty.add("api_coursedetail", course_id=course)
    foreign = builders.a_course(detail_id=empty.id(detail))
    # The builder makes a page of its own; this one stands at the id that the file has.
    catalog.detail_item(
        foreign.key,
        empty.id(detail),
        hours=1,
        why_study="",
        what_to_study_brief="",
        career_improvement="",
        prerequisite="",
        teachers=[],
        recommended=[],
    ).save()

    for _ in range(2):
        report = run(empty)
        assert set(report.reasons["api_coursedetail"]) == {empty.id(detail)}
        assert report.in_the_shop("api_course") == 1
    assert catalog.find_page(empty.id(detail)).course.course_id == foreign.course_id


# Orders


def test_an_order_placed_just_now_comes_in_open_and_is_looked_at_at_once(empty: LegacyFile) -> None:
    buyer, course = empty.add("api_userinfo"), empty.add("api_course")
    placed = NOW - timedelta(minutes=10)
    young = empty.add_order(buyer, [(course, 9.0, 9.0)], date=django_time(placed))
    older = empty.add_order(buyer, [(course, 9.0, 9.0)], date=django_time(NOW - timedelta(hours=5)))
    old = empty.add_order(buyer, [(course, 9.0, 9.0)], date=django_time(NOW - timedelta(days=2)))

    report = run(empty)

    assert report.count(NOT_TAKEN) == 0
    found = order.find_by_number(empty.named(f"120198{young}"))
    assert found.can_be_sent_to_pay(NOW)
    assert found.expires_at == placed + timedelta(minutes=30)
    assert found.due_at <= NOW.timestamp()
    assert {event.what for event in order.list_events(found)} == {order.PLACED, "imported"}
    found = order.find_by_number(empty.named(f"120198{older}"))
    assert found.is_open()
    assert any(due.sort == found.sort for n in work.ORDERS for due in work.list_due(n, NOW, 500))
    found = order.find_by_number(empty.named(f"120198{old}"))
    assert (found.status, found.work_shard) == (order.EXPIRED, None)
    assert [event.what for event in order.list_events(found)] == ["imported", order.EXPIRED]
    assert "Taken, but to be known:" in str(report)
    assert run(empty).count(ALREADY_THERE) == report.count(TAKEN)


def test_orders_of_every_status_become_what_they_were(empty: LegacyFile) -> None:
    buyer, course = empty.add("api_userinfo"), empty.add("api_course")
    states = (order.PAID, order.EXPIRED, order.REFUNDING, order.REFUNDED, order.CANCELLED, order.EXPIRED)
    for status in range(6):
        empty.add_order(
            buyer,
            [(course, 9.0, 9.0)],
            status=status,
            payment_number="20190831" if status in (0, 2, 3) else None,
            pay_time="2019-08-31 09:00:00" if status in (0, 2, 3) else None,
            cancel_time="2019-09-02 09:00:00" if status in (3, 4) else None,
        )

    run(empty)

    found = [order.find_by_number(empty.named(f"120198{n}")) for n in range(1, 7)]
    assert tuple(each.status for each in found) == states
    assert all(each.work_shard is None for each in found)
    assert [len(payment.list_payments(each)) for each in found] == [1, 0, 1, 1, 0, 0]
    assert found[3].refunded_at == found[4].closed_at == datetime(2019, 9, 2, 9, tzinfo=UTC)
    owned = enrollment.find_enrollment(empty.id(buyer), key(empty, course))
    assert owned is not None
    # Thirty days twice, and the two of the order whose money went back.
    assert owned.ends_at is not None
    assert timedelta(days=60) <= owned.ends_at - owned.begins_at < timedelta(days=63)


def test_a_used_record_names_its_order(empty: LegacyFile) -> None:
    buyer, course = empty.add("api_userinfo"), empty.add("api_course")
    placed = empty.add_order(buyer, [(course, 9.0, 9.0)], status=0)
    offer = empty.add("api_coupon", coupon_valid_days=3)
    empty.add(
        "api_couponrecord",
        account_id=buyer,
        coupon_id=offer,
        status=1,
        order_id=placed,
        get_time="2019-08-31 00:00:00",
        used_time="2019-08-31 09:00:00",
    )
    empty.add("api_couponrecord", account_id=buyer, coupon_id=offer, status=2)

    run(empty)

    used, expired = sorted(coupon.list_records(empty.id(buyer)), key=lambda record: record.record_id)
    assert (used.status, used.order_number) == (coupon.USED, empty.named(f"120198{placed}"))
    assert used.used_at == datetime(2019, 8, 31, 9, tzinfo=UTC)
    assert used.valid_until == datetime(2019, 9, 3, tzinfo=UTC)
    assert (expired.status, expired.order_number) == (coupon.EXPIRED, None)


def test_pieces_that_were_given_out_are_no_longer_to_be_claimed(empty: LegacyFile) -> None:
    holders = [empty.add("api_userinfo") for _ in range(3)]
    offer = empty.add("api_coupon", quantity=4)
    scarce = empty.add("api_coupon", quantity=1)
    for holder in holders:
        empty.add("api_couponrecord", account_id=holder, coupon_id=offer)
        empty.add("api_couponrecord", account_id=holder, coupon_id=scarce)

    run(empty)

    found = [coupon.find_offer(empty.id(n)) for n in (offer, scarce)]
    assert [(each.quantity, each.remaining) for each in found if each] == [(4, 1), (1, 0)]


# Files


def test_content_types_are_looked_up_by_their_names(tmp_path: Path) -> None:
    legacy = LegacyFile(tmp_path / "other.sqlite3", {3: "course", 9: "coupon"})
    course = legacy.add("api_course")
    legacy.add("api_pricepolicy", object_id=course, content_type_id=3)
    wrong = legacy.add("api_pricepolicy", object_id=course, content_type_id=9)

    report = run(legacy)

    assert report.reasons["api_pricepolicy"] == {
        legacy.id(wrong): "it belongs to api.coupon, not to a course"
    }
    legacy.close()


def test_the_file_is_never_written_to_nor_anything_beside_it(real: LegacyFile) -> None:
    real.close()
    real.path.chmod(0o444)
    before = real.path.read_bytes()

    import_legacy(real.path, NOW, Progress(io.StringIO()))

    assert real.path.read_bytes() == before
    assert [path.name for path in real.path.parent.iterdir()] == [real.path.name]


def test_what_is_still_in_the_write_ahead_log_is_read_too(tmp_path: Path) -> None:
    legacy = LegacyFile(tmp_path / "live.sqlite3")
    legacy.run("PRAGMA journal_mode = WAL")
    legacy.add("api_coursecategory")
    legacy.run("SELECT 1")
    beside = sorted(path.name for path in tmp_path.iterdir())
    assert "live.sqlite3-wal" in beside

    assert run(legacy).count(TAKEN, "api_coursecategory") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == beside
    legacy.close()


def test_a_file_that_is_no_database_of_the_old_system_is_named_as_such(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite3"
    text.write_text("not a database")
    other = tmp_path / "other.sqlite3"
    sqlite3.connect(other).executescript("CREATE TABLE t (id integer)")
    lacking = LegacyFile(tmp_path / "lacking.sqlite3")
    lacking.run("DROP TABLE api_order")
    older = LegacyFile(tmp_path / "older.sqlite3")
    older.run("ALTER TABLE api_userinfo DROP COLUMN beli")
    typeless = LegacyFile(tmp_path / "typeless.sqlite3", {1: "coupon"})
    damaged = tmp_path / "damaged.sqlite3"
    whole = larger_file(tmp_path / "whole.sqlite3", NOW)[0].close().read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])

    for path, said in (
        (text, "text.sqlite3 is no SQLite database"),
        (other, "it has no table django_content_type"),
        (lacking.close(), "it has no table api_order"),
        (older.close(), "api_userinfo has no column beli"),
        (typeless.close(), "no content type api.course"),
        (damaged, "damaged"),
    ):
        with pytest.raises(UnreadableFile, match=said):
            import_legacy(path, NOW, Progress(io.StringIO()))


# Cut off


def test_an_import_that_was_cut_off_ends_like_a_whole_one_when_it_is_given_again(
    tmp_path: Path, own_tables: OtherShop, proxies: Proxies
) -> None:
    sizes = {"courses": 6, "users": 12, "records": 10, "orders": 24}
    whole, _ = larger_file(tmp_path / "whole.sqlite3", NOW, **sizes)
    run(whole)
    in_whole = comparable(stored_items(own_tables, whole.tag), whole)

    for write in (1, 5, 10):
        cut, expected = larger_file(tmp_path / f"cut-{write}.sqlite3", NOW, **sizes)
        with routed_through(proxies):
            with proxies.dynamodb.faults(Fault.on("TransactWriteItems", action=die_after(), nth=write)):
                with pytest.raises((OutcomeUnknown, StoreUnavailable)):
                    run(cut)
        some = stored_items(own_tables, cut.tag)
        assert 0 < len(some) < len(in_whole), write
        report = run(cut)

        assert_adds_up(report)
        assert report.count(ALREADY_THERE) > 0, write
        assert {table: set(reasons) for table, reasons in report.reasons.items() if reasons} == {
            table: set(reasons) for table, reasons in expected.refused.items()
        }
        assert comparable(stored_items(own_tables, cut.tag), cut) == in_whole, write


def comparable(items: dict[tuple[str, str], Any], legacy: LegacyFile) -> list[str]:
    """Items without what differs between two files of the same rows: their tags, and what is random."""
    texts = []
    for item in items.values():
        if item["kind"]["S"] == "ORDER_EVENT":
            item = item | {"sort": item["sort"]["S"].rpartition("#")[0]}
        item = {name: value for name, value in item.items() if name != "work_shard"}
        texts.append(json.dumps(item, sort_keys=True, default=sorted).replace(legacy.tag, "TAG"))
    return sorted(texts)


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_a_line_now_and_then_elsewhere(empty: LegacyFile) -> None:
    for _ in range(30):
        empty.add("api_coursecategory")
    empty.run("SELECT 1")
    seconds = iter(range(1000))
    terminal, log = Terminal(), io.StringIO()

    import_legacy(empty.path, NOW, Progress(terminal, clock=lambda: next(seconds)))
    import_legacy(empty.path, NOW, Progress(log, clock=lambda: next(seconds)))

    assert "\rapi_coursecategory  30 / 30 rows" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    assert log.getvalue().splitlines() == [f"api_coursecategory  {n} / 30 rows" for n in range(5, 31, 5)]
