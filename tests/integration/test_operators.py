"""Operators' acts on users and their courses, and the log of who did it, when and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.errors import ChangedMeanwhile, IdTaken
from chalicelib.flows import change_user, grant
from chalicelib.flows.take_back import supersede
from chalicelib.shop import audit, catalog, enrollment, order, user
from chalicelib.shop.audit import AuditEntry
from chalicelib.shop.course_key import DEGREE_COURSE, CourseKey
from chalicelib.shop.event import By, Cause
from chalicelib.shop.user import User, find_by_name, find_user
from chalicelib.storage.dynamodb import Transaction, find
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Fault, reset_after
from tests.faults.routing import Proxies, routed_through
from tests.legacy_file import real_shape
from tests.terminal import Operator

pytestmark = pytest.mark.usefixtures("stores")

BECAUSE = ("--reason", "a complaint", "--by", "lin")


def log_of(subject: User) -> list[AuditEntry]:
    """What the log has about a user this month."""
    month = audit.month_of(builders.now())
    return [entry for entry in audit.list_entries(month) if change_user.named(subject) in entry.subject]


def acts(subject: User) -> list[tuple[str, str, str, str]]:
    return [(entry.who, entry.act, entry.details, entry.reason) for entry in log_of(subject)]


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def person(learner: Client) -> User:
    assert learner.user is not None
    return learner.user


def slices(of: User) -> list[enrollment.EnrollmentSlice]:
    return enrollment.list_slices(of.user_id)


# Letting in and keeping out


def test_a_disabled_users_tokens_stop_at_once_and_nobody_signs_in(
    operator: Operator, learner: Client, no_attempts_yet: None
) -> None:
    assert learner.get("/userinfo")["code"] == 1000

    said = operator.does("disable-user", person(learner).username, *BECAUSE)

    assert said.startswith(f"{person(learner).username} is disabled")
    assert learner.get("/userinfo") == {"code": 401, "msg": "用户不存在!", "data": None}
    login = {"username": person(learner).username, "password": builders.PASSWORD}
    assert learner.post("/login", login)["code"] == 1002
    assert acts(person(learner)) == [("lin", "disable-user", "", "a complaint")]


def test_an_enabled_user_signs_in_anew_and_his_old_tokens_stay_stopped(
    operator: Operator, learner: Client, no_attempts_yet: None
) -> None:
    username = person(learner).username
    operator.does("disable-user", username)

    assert "may sign in again" in operator.does("enable-user", username, "--by", "chen")

    assert learner.get("/userinfo")["code"] == 401
    answer = learner.post("/login", {"username": username, "password": builders.PASSWORD})
    assert answer["code"] == 1000
    learner.token = answer["data"]["token"]
    assert learner.get("/userinfo")["code"] == 1000
    assert [(who, act) for who, act, _, _ in acts(person(learner))][1:] == [("chen", "enable-user")]


def test_what_is_so_already_is_said_and_not_logged_again(operator: Operator) -> None:
    someone = builders.a_user()
    assert "is not disabled: nothing was changed" in operator.does("enable-user", someone.username)
    operator.does("disable-user", someone.username)
    assert "is disabled already: nothing was changed" in operator.does("disable-user", someone.username)
    operator.does("set-role", someone.username, "讲师")
    assert "already: nothing was changed" in operator.does("set-role", someone.username, "讲师")
    assert [entry.act for entry in log_of(someone)] == ["disable-user", "set-role"]


@pytest.mark.parametrize("role", ["助教", "讲师", "管理员"])
def test_a_role_is_changed_and_the_log_has_the_old_and_the_new_one(operator: Operator, role: str) -> None:
    someone = builders.a_user()
    assert (
        operator.does("set-role", someone.username, role, *BECAUSE) == f"{someone.username} is {role} now\n"
    )
    assert user.ROLE_NAMES[find_user(someone.user_id).role] == role
    assert acts(someone) == [("lin", "set-role", f"学员 -> {role}", "a complaint")]


def test_a_role_that_does_not_exist_is_answered_with_those_that_do(operator: Operator) -> None:
    said = operator.is_misunderstood("set-role", builders.a_user().username, "校长")
    assert all(role in said for role in user.ROLE_NAMES.values())


def test_a_user_who_was_changed_meanwhile_is_left_alone(operator: Operator) -> None:
    as_read = builders.a_user()
    change_user.set_role(as_read, user.ASSISTANT, "chen", "", builders.now())
    with pytest.raises(ChangedMeanwhile):
        change_user.set_role(as_read, user.ADMIN, "lin", "", builders.now())
    assert find_user(as_read.user_id).role == user.ASSISTANT
    assert [entry.who for entry in log_of(as_read)] == ["chen"]


# Days of study


def test_an_operator_gives_days_of_study_and_takes_them_back(operator: Operator, learner: Client) -> None:
    course = builders.a_course()
    said = operator.does("grant-enrollment", person(learner).username, str(course.key), "30", *BECAUSE)

    (mine,) = learner.get("/mycourses")["data"]
    (given,) = slices(person(learner))
    assert (mine["course_id"], mine["ended"]) == (course.course_id, False)
    assert mine["end_date"] == beijing_text(given.granted_at + timedelta(days=30))
    assert mine["end_date"] in said
    assert given.order_number.startswith("grant-")
    assert not order.is_number(given.order_number)
    assert f"withdraw-enrollment {person(learner).username} {given.order_number}" in said

    said = operator.does("withdraw-enrollment", person(learner).username, given.order_number, *BECAUSE)

    assert f"{course.key} {course.name}, 1个月" in said
    assert "order" not in said
    assert all(row["ended"] for row in learner.get("/mycourses")["data"])
    details = f"{given.order_number}: 1个月 of {course.key} {course.name}"
    assert acts(person(learner)) == [
        ("lin", "grant-enrollment", details, "a complaint"),
        (
            "lin",
            "withdraw-enrollment",
            f"{given.order_number}: {course.key} {course.name}",
            "a complaint",
        ),
    ]


def test_days_follow_those_that_run_and_for_ever_is_for_ever(operator: Operator) -> None:
    someone, course = builders.a_user(), builders.a_course(course_type=DEGREE_COURSE)
    for days in ("30", "7"):
        operator.does("grant-enrollment", someone.username, str(course.key), days, *BECAUSE)
    mine = enrollment.find_enrollment(someone.user_id, course.key)
    assert mine is not None and mine.ends_at is not None
    assert mine.ends_at - mine.begins_at == timedelta(days=37)

    assert "until 永久" in operator.does(
        "grant-enrollment", someone.username, str(course.key), "永久", *BECAUSE
    )
    mine = enrollment.find_enrollment(someone.user_id, course.key)
    assert mine is not None and mine.ends_at is None


def test_a_course_is_named_by_its_key_or_its_id_alone(operator: Operator) -> None:
    someone, course = builders.a_user(), builders.a_course()
    operator.does("grant-enrollment", someone.username, str(course.course_id), "1", *BECAUSE)
    assert [part.course for part in slices(someone)] == [course.key]
    unknown = CourseKey("course", builders.new_id())
    reason = operator.is_refused("grant-enrollment", someone.username, str(unknown), "1", *BECAUSE)
    assert reason == f"there is no course {unknown}"
    for wrong in ("book#1", "course#", "#1", "course#1#2", "0", "-1", "1.5", "①"):
        assert "degree_course#3" in operator.is_misunderstood(
            "grant-enrollment", someone.username, wrong, "1", *BECAUSE
        )


@pytest.mark.parametrize("days", ["0", "-1", "36001", "1.5", "month", "٣"])
def test_what_is_no_number_of_days_is_refused(operator: Operator, days: str) -> None:
    someone, course = builders.a_user(), builders.a_course()
    assert "days" in operator.is_misunderstood(
        "grant-enrollment", someone.username, str(course.key), days, *BECAUSE
    )
    assert slices(someone) == []


@pytest.mark.parametrize("command", ["grant-enrollment", "withdraw-enrollment"])
def test_days_are_given_and_taken_with_a_reason_only(operator: Operator, command: str) -> None:
    arguments = ("x", "1", "1") if command == "grant-enrollment" else ("x", "1")
    assert "--reason" in operator.is_misunderstood(command, *arguments)
    assert "--reason" in operator.is_misunderstood(command, *arguments, "--reason", "  ")


def test_an_operator_takes_back_what_was_bought_and_the_order_stays_as_it_is(
    operator: Operator, learner: Client, alipay: AlipaySimulator
) -> None:
    courses = [builders.a_course(prices=[10000]), builders.a_course(prices=[20000])]
    number = purchases.place(learner, courses, 300)
    purchases.pay(alipay, number)
    purchases.deliver(purchases.notice(alipay, number))
    before = learner.order(number)

    only = ("--course", str(courses[0].key))
    said = operator.does("withdraw-enrollment", person(learner).username, number, *only, *BECAUSE)
    assert f"order {number} itself is unchanged: nothing was refunded" in said
    assert not purchases.owns(person(learner), courses[0])
    assert purchases.owns(person(learner), courses[1])
    operator.does("withdraw-enrollment", person(learner).username, number, *BECAUSE)
    assert not purchases.owns(person(learner), courses[1])
    after = learner.order(number)
    for line in before["orderdetail_list"]:
        assert line["access_end_date"] is not None
        line["access_end_date"] = None
    assert after == before

    reason = operator.is_refused("withdraw-enrollment", person(learner).username, number, *BECAUSE)
    assert "list-enrollments shows what there is" in reason
    assert [entry.act for entry in log_of(person(learner))] == ["withdraw-enrollment"] * 2


def test_an_order_whose_days_an_operator_took_back_is_refunded_like_any_other(
    operator: Operator, learner: Client, alipay: AlipaySimulator
) -> None:
    number = purchases.place(learner, [builders.a_course(prices=[10000])], 100)
    purchases.pay(alipay, number)
    purchases.deliver(purchases.notice(alipay, number))
    operator.does("withdraw-enrollment", person(learner).username, number, *BECAUSE)
    (taken,) = slices(person(learner))

    paid = purchases.stored(number)
    supersede(paid, str(paid.trade_no), Cause(By.QUERY), builders.now())

    assert purchases.status(number) == order.REFUNDED
    assert purchases.stored(number).refunded_amount == 10000
    assert slices(person(learner))[0].withdrawn_at == taken.withdrawn_at


def test_nobody_takes_back_what_another_user_has(operator: Operator) -> None:
    owner, course = builders.a_user(), builders.a_course()
    operator.does("grant-enrollment", owner.username, str(course.key), "30", *BECAUSE)
    (given,) = slices(owner)
    other = builders.a_user()
    assert "has no days of study" in operator.is_refused(
        "withdraw-enrollment", other.username, given.order_number, *BECAUSE
    )
    assert purchases.owns(owner, course)


def test_list_enrollments_shows_every_slice_and_what_they_amount_to(operator: Operator) -> None:
    someone = builders.a_user()
    assert operator.does("list-enrollments", someone.username) == ""
    kept, gone = builders.a_course(), builders.a_course()
    now = builders.now()
    for course, days in ((kept, 30), (kept, 7), (gone, 1)):
        grant.grant_enrollment(someone, course.key, days, "test", "test", now)
    (number,) = (part.order_number for part in slices(someone) if part.course == gone.key)
    grant.withdraw_enrollment(someone, number, None, "test", "test", now)

    said = operator.does("list-enrollments", someone.username)

    ends = beijing_text(now + timedelta(days=37))
    assert f"{kept.key}  {kept.name}  until {ends}\n" in said
    assert f"{gone.key}  {gone.name}  taken back\n" in said
    assert f"1天, taken back {beijing_text(now)}\n" in said
    for part in slices(someone):
        assert f"  {part.order_number}  {beijing_text(now)}  " in said


def test_a_course_that_was_given_out_may_be_owned_and_is_known_to_be(operator: Operator) -> None:
    course = builders.a_course(status=catalog.OFFLINE, never_sold=True)
    operator.does("grant-enrollment", builders.a_user().username, str(course.key), "30", *BECAUSE)
    assert catalog.find_courses([course.key])[course.key].never_sold is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("disable-user", "nobody"),
        ("enable-user", "nobody"),
        ("set-role", "nobody", "学员"),
        ("grant-enrollment", "nobody", "1", "1", "--reason", "x"),
        ("withdraw-enrollment", "nobody", "1", "--reason", "x"),
        ("list-enrollments", "nobody"),
    ],
)
def test_a_user_who_does_not_exist_is_named(operator: Operator, arguments: tuple[str, ...]) -> None:
    assert operator.is_refused(*arguments) == "there is no user named 'nobody'"


# The log


def test_every_act_on_a_user_is_logged_with_who_when_and_why(operator: Operator) -> None:
    username = builders.new_name()
    before = builders.now()
    operator.does("create-user", username, "--by", "林", typing="open sesame\n")
    operator.does("set-password", username, "--by", "林", typing="another sesame\n")
    operator.does("grant-beli", username, "50", "--reason", "a competition", "--by", "林")
    record = builders.a_coupon(builders.a_user())
    offer = an_offer(record.coupon_id)
    operator.does("grant-coupon", username, str(offer), "--by", "林")
    someone = find_by_name(username)

    logged = log_of(someone)

    assert [entry.act for entry in logged] == ["create-user", "set-password", "grant-beli", "grant-coupon"]
    assert {entry.who for entry in logged} == {"林"}
    assert [(entry.details, entry.reason) for entry in logged[2:3]] == [("+50", "a competition")]
    assert all(before <= entry.at <= builders.now() for entry in logged)
    assert "sesame" not in repr([entry.attribute_values for entry in logged])


def an_offer(coupon_id: int) -> int:
    from chalicelib.shop import coupon

    now = builders.now()
    coupon.offer_item(
        coupon_id,
        name="立减",
        coupon_type=coupon.IMMEDIATE,
        value=100,
        quantity=1,
        open_at=now,
        close_at=now,
        valid_days=1,
        created_at=now,
    ).save()
    return coupon_id


def test_an_import_is_logged_by_its_file(operator: Operator, tmp_path: Any) -> None:
    name = f"{builders.new_name('legacy')}.sqlite3"
    real_shape(tmp_path / name).close()
    operator.does("import-legacy", str(tmp_path / name), "--by", "lin")
    entries = audit.list_entries(audit.month_of(builders.now()))
    assert [(e.who, e.act) for e in entries if e.subject == f"file {name}"] == [("lin", "import-legacy")]


def test_what_is_refused_is_not_logged(operator: Operator) -> None:
    someone = builders.a_user()
    operator.is_refused("grant-beli", someone.username, "-1", "--reason", "x")
    operator.is_refused("grant-coupon", someone.username, str(builders.new_id()))
    operator.is_refused("set-password", someone.username, typing="\n")
    assert log_of(someone) == []


def test_an_act_whose_answer_was_lost_is_done_and_logged_once(proxies: Proxies) -> None:
    someone = builders.a_user()
    with routed_through(proxies):
        lost = Fault.on("TransactWriteItems", action=reset_after(), nth=1)
        with proxies.dynamodb.faults(lost):
            change_user.set_role(someone, user.TEACHER, "lin", "", builders.now())
    assert find_user(someone.user_id).role == user.TEACHER
    assert [entry.act for entry in log_of(someone)] == ["set-role"]


def test_audit_shows_a_month_oldest_first(operator: Operator) -> None:
    month_begin = datetime(2031, 2, 28, 16, tzinfo=UTC)  # 2031-03-01 00:00 in Beijing
    name = builders.new_name()
    for at, act in ((month_begin + timedelta(days=3), "second"), (month_begin, "first")):
        audit.write(audit.entry("lin", act, name, at, details="a -> b", reason="why not"))
    audit.write(audit.entry("lin", "earlier", name, month_begin - timedelta(microseconds=1)))

    shown = [line for line in operator.does("audit", "--month", "2031-03").splitlines() if name in line]

    assert shown == [
        f"2031-03-01 00:00:00  lin  first  {name}; a -> b; because: why not",
        f"2031-03-04 00:00:00  lin  second  {name}; a -> b; because: why not",
    ]
    assert "earlier" in operator.does("audit", "--month", "2031-02")
    assert operator.does("audit", "--month", "2019-01") == "nothing is recorded in 2019-01\n"
    assert "2026-07" in operator.is_misunderstood("audit", "--month", "July")


def test_without_a_month_audit_shows_this_one(operator: Operator) -> None:
    someone = builders.a_user()
    operator.does("disable-user", someone.username, "--by", "lin")
    assert f"lin  disable-user  user {someone.username} ({someone.user_id})" in operator.does("audit")


def test_without_a_name_the_log_shows_the_computers_user(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "xiaowang")
    someone = builders.a_user()
    operator.does("disable-user", someone.username)
    assert [entry.who for entry in log_of(someone)] == ["xiaowang"]
    for wrong in ("", "  ", "x" * 65, "a\nb"):
        assert "not a name" in operator.is_misunderstood("enable-user", someone.username, "--by", wrong)


def test_an_entry_is_never_written_over() -> None:
    entry = audit.entry("lin", "test", builders.new_name(), builders.now())
    audit.write(entry)
    changed = audit.entry("chen", "test", "other", builders.now())
    changed.owner, changed.sort = entry.owner, entry.sort
    with pytest.raises(IdTaken):
        audit.commit(Transaction(), changed)
    stored = find(AuditEntry, entry.owner, entry.sort)
    assert stored is not None and stored.who == "lin"
