"""The operators' command line: what each command does, says, and refuses with words that can be acted on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.errors import AlreadyGiven
from chalicelib.flows import confirm_payment
from chalicelib.flows.checkout import place_order
from chalicelib.flows.grant import grant_beli
from chalicelib.gateways import open_gateways
from chalicelib.gateways.payments import Paid
from chalicelib.settings import settings
from chalicelib.shop import coupon, enrollment, ledger, order
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.event import By, Cause
from chalicelib.shop.order import Order, find_by_number
from chalicelib.shop.password import password_matches
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.trade import a_trade
from chalicelib.shop.user import User, find_by_name, find_user
from localstack.processes import free_port
from tests import builders, purchases
from tests.conftest import Stores
from tests.legacy_file import real_shape
from tests.terminal import Operator
from tests.two_providers import an_open_order

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("stores")


def placed_order(user: User) -> Order:
    course = builders.a_course(prices=[30000])
    lines = (ChosenLine(course.key, builders.policy_id_of(course)),)
    gateways = open_gateways(settings())
    due = 30000 - find_user(user.user_id).beli * 10
    placed = place_order(
        builders.a_caller(user), Choice(lines, None, True), due, None, gateways, settings(), builders.now()
    )
    return find_by_number(placed.order.number)


# Set-up


def test_check_settings_says_that_all_is_there(operator: Operator) -> None:
    assert operator.run("check-settings") == 0
    assert operator.out == "all settings are there, and the keys can be loaded\n"


def test_sms_addresses_are_those_that_the_gateway_knows(operator: Operator) -> None:
    gateway = open_gateways(settings()).sms
    assert gateway
    assert operator.run("sms-addresses") == 0
    keys = re.findall(r"/sms/(?:receipts|replies)\?key=([0-9a-f]{32})$", operator.out, re.MULTILINE)
    assert len(keys) == 2
    assert all(gateway.is_callback_key(key) for key in keys)


def test_create_tables_can_be_repeated(operator: Operator, stores: Stores) -> None:
    for _ in range(2):
        assert operator.run("create-tables") == 0
        assert operator.out == f"tables: {stores.table_prefix}catalog, {stores.table_prefix}users\n"


def test_a_command_that_does_not_exist_is_answered_with_those_that_do(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        operator.run("delete-everything")
    assert ended.value.code == 2
    assert "create-tables" in capsys.readouterr().err


# Importing


def test_import_legacy_prints_its_report(operator: Operator, tmp_path: Path) -> None:
    legacy = real_shape(tmp_path / "legacy.sqlite3")
    legacy.close()

    assert operator.run("import-legacy", str(legacy.path)) == 0

    assert (
        " ".join(operator.out.splitlines()[0].split())
        == "rows read taken already there not taken in the shop"
    )
    (total,) = (line for line in operator.out.splitlines() if line.startswith("all"))
    assert total.split() == ["all", "52", "52", "0", "0", "52"]
    assert operator.run("import-legacy", str(legacy.path)) == 0
    (again,) = (line for line in operator.out.splitlines() if line.startswith("all"))
    assert again.split() == ["all", "52", "0", "52", "0", "52"]


def test_import_legacy_names_a_file_that_cannot_be_read(operator: Operator, tmp_path: Path) -> None:
    missing = tmp_path / "missing.sqlite3"
    assert (
        operator.is_refused("import-legacy", str(missing))
        == f"{missing} cannot be read: No such file or directory"
    )
    assert "Is a directory" in operator.is_refused("import-legacy", str(tmp_path))
    text = tmp_path / "shop.sqlite3"
    text.write_text("hello")
    assert operator.is_refused("import-legacy", str(text)) == "shop.sqlite3 is no SQLite database"


# People


def test_create_user_takes_the_password_from_standard_input(operator: Operator) -> None:
    username = builders.new_name("王小明")

    assert operator.run("create-user", username, "--name", "小明", typing="open sesame\r\n") == 0

    created = find_by_name(username)
    assert operator.out == f"created user {username} with id {created.user_id}\n"
    assert created.name == "小明"
    assert password_matches("open sesame", created.password)
    assert "open sesame" not in operator.out + operator.err


def test_a_user_name_is_given_once_whatever_its_case_and_width(operator: Operator) -> None:
    username = builders.new_name("li")
    operator.run("create-user", username, typing="open sesame\n")

    for same in (username, username.upper(), username.replace("li", "ｌｉ")):
        reason = operator.is_refused("create-user", same, typing="another one\n")
        assert reason == f"the user name {same!r} is somebody's already; case and width make no difference"
    assert password_matches("open sesame", find_by_name(username).password)


@pytest.mark.parametrize("username", ["", " ", "a b ", "x" * 65, "a\x00b", "a\ud800b"])
def test_what_is_no_user_name_is_refused(operator: Operator, username: str) -> None:
    assert "1 to 64 visible characters" in operator.is_refused("create-user", username, typing="secret\n")
    for command in ("set-password", "list-orders"):
        assert "no user named" in operator.is_refused(command, username, typing="secret\n")


@pytest.mark.parametrize("typing", ["", "\n", "\r\n"])
def test_an_empty_password_is_refused(operator: Operator, typing: str) -> None:
    user = builders.a_user()
    assert operator.is_refused("set-password", user.username, typing=typing) == "the password is empty"
    assert operator.is_refused("create-user", builders.new_name(), typing=typing) == "the password is empty"
    assert password_matches(builders.PASSWORD, find_user(user.user_id).password)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("secret", "it has to have 8 to 128 characters"),
        ("20261122", "it consists of digits only"),
        ("qwerty123", "it is one of the commonest"),
    ],
)
def test_a_password_that_register_would_refuse_is_refused_here_too(
    operator: Operator, password: str, rule: str
) -> None:
    user = builders.a_user()
    for command, username in (("set-password", user.username), ("create-user", builders.new_name())):
        reason = operator.is_refused(command, username, typing=f"{password}\n")
        assert reason == f"the password is too weak: {rule}"
    assert password_matches(builders.PASSWORD, find_user(user.user_id).password)


def test_a_name_that_nobody_new_can_have_is_refused_with_the_reason(operator: Operator) -> None:
    for username, fault in (
        ("demo-admin\ufe0f", "it holds a character that cannot be seen, U+FE0F"),
        ("dеmo-admin", "it mixes letters of scripts that can be mistaken for each other: Cyrillic and Latin"),
    ):
        reason = operator.is_refused("create-user", username, typing="open sesame\n")
        assert reason.endswith(f"is no user name: {fault}")


def test_the_name_shown_is_short_and_can_be_shown(operator: Operator) -> None:
    for name in ("长" * 33, "\u202e"):
        said = operator.is_misunderstood("create-user", builders.new_name(), "--name", name)
        assert "not a text of 1 to 32 visible characters" in said


def test_set_password_replaces_the_old_one(operator: Operator) -> None:
    user = builders.a_user()

    assert operator.run("set-password", user.username.upper(), typing="brand new words") == 0

    assert operator.out == f"the password of {user.username} is set\n"
    stored = find_user(user.user_id).password
    assert password_matches("brand new words", stored)
    assert not password_matches(builders.PASSWORD, stored)


@pytest.mark.parametrize(
    "arguments",
    [
        ("set-password", "nobody"),
        ("grant-beli", "nobody", "5", "--reason", "x"),
        ("grant-coupon", "nobody", "1"),
        ("list-orders", "nobody"),
    ],
)
def test_a_user_who_does_not_exist_is_named(operator: Operator, arguments: tuple[str, ...]) -> None:
    assert operator.is_refused(*arguments, typing="secret\n") == "there is no user named 'nobody'"


# Beli and coupons


def test_grant_beli_goes_both_ways_and_the_ledger_keeps_the_sum(operator: Operator) -> None:
    user = builders.a_user()

    assert operator.run("grant-beli", user.username, "50", "--reason", "a competition") == 0
    assert operator.out == f"{user.username} got +50 beli and now has 50\n"
    assert operator.run("grant-beli", user.username, "-20", "--reason", "a mistake") == 0
    assert operator.out == f"{user.username} got -20 beli and now has 30\n"

    entries = ledger.list_entries(user.user_id)
    assert [(entry.beli, entry.cause) for entry in entries] == [
        (50, "operator: a competition"),
        (-20, "operator: a mistake"),
    ]
    assert find_user(user.user_id).beli == sum(entry.beli for entry in entries) == 30


@pytest.mark.parametrize("once", ["spring prize", "春季"])
def test_a_gift_under_a_word_is_given_once_however_often_it_is_repeated(
    operator: Operator, once: str
) -> None:
    user, course = builders.a_user(), builders.a_course()
    offer = builders.an_offer()
    gifts = (
        ("grant-beli", user.username, "50", "--reason", "a prize"),
        ("grant-coupon", user.username, str(offer.coupon_id)),
        ("grant-enrollment", user.username, str(course.key), "30", "--reason", "a prize"),
    )

    def given() -> tuple[int, int, int]:
        records, slices = coupon.list_records(user.user_id), enrollment.list_slices(user.user_id)
        return find_user(user.user_id).beli, len(records), len(slices)

    for number, gift in enumerate(gifts):
        operator.does(*gift, "--once", f"{once} {number}")
        before = given()
        said = operator.does(*gift, "--once", f"{once} {number}")
        assert said.startswith(f"{user.username} was given this under '{once} {number}' before, at ")
        assert said.endswith("nothing was given now\n")
        assert given() == before
    assert given() == (50, 1, 1)
    # Whatever it is: a word stands for one gift. Another user's, and another word's, is another one.
    assert "+50 beli" in operator.does(*gifts[1], "--once", f"{once} 0")
    assert given() == (50, 1, 1)
    operator.does(*gifts[1], "--once", "another")
    operator.does(*gifts[1])
    assert given() == (50, 3, 1)
    other = builders.a_user()
    operator.does("grant-beli", other.username, "5", "--reason", "x", "--once", f"{once} 0")
    assert find_user(other.user_id).beli == 5


def test_of_one_gift_given_by_six_at_once_one_is_given() -> None:
    user = builders.a_user()

    def give() -> bool:
        try:
            grant_beli(user, 50, "a prize", builders.now(), once="spring")
        except AlreadyGiven:
            return False
        return True

    assert sorted(purchases.at_once(*[give] * 6)) == [False] * 5 + [True]
    assert find_user(user.user_id).beli == 50
    assert [entry.beli for entry in ledger.list_entries(user.user_id)] == [50]


def test_a_refused_gift_leaves_its_word_free(operator: Operator) -> None:
    user = builders.a_user(beli=10)
    less = ("grant-beli", user.username, "--once", "correction", "--reason", "too much")
    assert "too low" in operator.is_refused(*less, "--", "-11")
    operator.does(*less, "--", "-10")
    assert find_user(user.user_id).beli == 0


@pytest.mark.parametrize("word", ["", " ", "x" * 61])
def test_a_word_of_a_gift_is_a_short_text(operator: Operator, word: str) -> None:
    user = builders.a_user()
    said = operator.is_misunderstood("grant-beli", user.username, "5", "--reason", "x", "--once", word)
    assert "1 to 60 visible characters" in said


def test_a_balance_never_falls_below_zero(operator: Operator) -> None:
    user = builders.a_user(beli=10)

    reason = operator.is_refused("grant-beli", user.username, "-11", "--reason", "too much")

    assert reason == f"the balance of {user.username} is too low: a balance never falls below zero"
    assert find_user(user.user_id).beli == 10
    assert len(ledger.list_entries(user.user_id)) == 1
    assert operator.run("grant-beli", user.username, "-10", "--reason", "all of it") == 0
    assert find_user(user.user_id).beli == 0


@pytest.mark.parametrize("beli", ["0", "1.5", "many", "1" + "0" * 40])
def test_what_is_no_number_of_beli_is_refused(
    operator: Operator, beli: str, capsys: pytest.CaptureFixture[str]
) -> None:
    user = builders.a_user()
    with pytest.raises(SystemExit) as ended:
        operator.run("grant-beli", user.username, beli, "--reason", "x")
    assert ended.value.code == 2
    assert "beli" in capsys.readouterr().err
    assert ledger.list_entries(user.user_id) == []


def test_grant_coupon_gives_a_record_of_its_own_each_time(operator: Operator) -> None:
    user, now = builders.a_user(), builders.now()
    offer = coupon.offer_item(
        builders.new_id(),
        name="立减三十",
        coupon_type=coupon.IMMEDIATE,
        value=3000,
        quantity=1,
        open_at=now - timedelta(days=9),
        close_at=now - timedelta(days=8),
        valid_days=30,
        created_at=now,
    )
    offer.save()

    for _ in range(2):
        assert operator.run("grant-coupon", user.username, str(offer.coupon_id)) == 0
        assert operator.out.startswith(f"{user.username} has coupon record ")
        assert "立减三十" in operator.out

    records = coupon.list_records(user.user_id)
    assert [record.coupon_id for record in records] == [offer.coupon_id] * 2
    assert all(record.is_usable(builders.now()) for record in records)
    assert {str(record.record_id) in operator.out for record in records} == {True, False}


def test_a_coupon_that_does_not_exist_is_named(operator: Operator) -> None:
    user = builders.a_user()
    unknown = builders.new_id()
    reason = operator.is_refused("grant-coupon", user.username, str(unknown))
    assert reason == f"there is no coupon with the id {unknown}"


# Orders


def test_list_orders_shows_the_newest_first(operator: Operator) -> None:
    user = builders.a_user()
    assert operator.run("list-orders", user.username) == 0
    assert operator.out == ""
    placed = [placed_order(user) for _ in range(2)]

    assert operator.run("list-orders", user.username) == 0

    lines = operator.out.splitlines()
    assert [line.split()[0] for line in lines] == [found.number for found in reversed(placed)]
    assert all("待支付" in line and "300.0" in line for line in lines)
    assert placed[1].lines[0].course_name in lines[0]


def test_show_order_shows_amounts_lines_and_history(operator: Operator) -> None:
    user = builders.a_user(beli=105)
    placed = placed_order(user)

    assert operator.run("show-order", placed.number) == 0

    shown = operator.out
    assert f"order     {placed.number}\n" in shown
    assert f"user      {user.username} ({user.user_id})\n" in shown
    assert "status    待支付, 支付宝\n" in shown
    assert "amount    289.5 after coupon 0.0 and 105 beli\n" in shown
    assert f"{placed.lines[0].course}" in shown
    assert "300.0 -> 300.0, due 289.5 and 105 beli" in shown
    assert "  trade " not in shown
    assert "placed, by learner" in shown
    assert order.find_by_number(placed.number).status == order.PLACED


def test_show_order_shows_the_trades_that_an_order_lists(operator: Operator) -> None:
    listed = [a_trade(ALIPAY, "N1", is_closed=True), a_trade(WECHAT, "N1N", Way.NATIVE)]
    placed = an_open_order(WECHAT, trades=listed)
    news = Paid(WECHAT, "N1N", "4200", placed.amount, None)
    confirm_payment.confirm(placed, news, Cause(By.QUERY), builders.now())
    shown = operator.does("show-order", placed.number)
    assert "  trade   N1 of alipay, closed\n  trade   N1N of wechat by native\n" in shown
    assert "  payment 1.0 by wechat trade 4200 (N1N): applied\n" in shown


@pytest.mark.parametrize("number", ["20260101", "", "no/number", "9" * 3000, "号"])
def test_an_order_that_does_not_exist_is_named(operator: Operator, number: str) -> None:
    assert operator.is_refused("show-order", number) == f"there is no order with the number {number!r}"


# As a program


def manage(*arguments: str, typing: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chalicelib.manage", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        input=typing,
        text=True,
        capture_output=True,
        timeout=60,
    )


def test_the_program_acts_on_the_stores_that_the_environment_names() -> None:
    username = builders.new_name("程序")

    created = manage("create-user", username, typing="open sesame\n")

    assert (created.returncode, created.stderr) == (0, "")
    assert created.stdout == f"created user {username} with id {find_by_name(username).user_id}\n"
    refused = manage("create-user", username, typing="open sesame\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is somebody's already" in refused.stderr


def test_stored_texts_do_not_act_on_the_terminal(operator: Operator) -> None:
    user = builders.a_user()
    course = builders.a_course(name="课程\u202e\u2028\x1b[2J", prices=[0])
    operator.does("grant-enrollment", user.username, str(course.key), "30", "--reason", "a\x1b[2Jb")
    said = operator.does("list-enrollments", user.username)
    assert r"课程\u202e\u2028\x1b[2J" in said
    assert "because: a[2Jb\n" in operator.does("audit")


def test_a_terminal_that_is_not_utf8_gets_escapes() -> None:
    user = builders.a_user(username=builders.new_name("程序"))
    said = manage("list-enrollments", user.username, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (said.returncode, said.stdout) == (0, "")
    for command in (("set-role", user.username, "讲师"), ("create-user", "--help"), ("set-role", "--help")):
        done = manage(*command, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
    assert r"\u7a0b\u5e8f" in manage("set-role", user.username, "讲师", PYTHONIOENCODING="ascii").stdout


def test_tables_that_do_not_exist_and_stores_that_do_not_answer_are_told_apart() -> None:
    without_tables = manage("list-orders", "somebody", TABLE_PREFIX="nothing_here_")
    assert without_tables.returncode == 1
    assert without_tables.stderr.startswith("error: the tables do not exist: run create-tables")
    nowhere = f"http://127.0.0.1:{free_port()}"
    for command in (("list-orders", "somebody"), ("create-tables",)):
        silent = manage(*command, AWS_ENDPOINT_URL_DYNAMODB=nowhere)
        assert silent.returncode == 1
        assert silent.stderr.startswith("error: the store does not do what it was asked")
        assert "Traceback" not in silent.stderr


def test_a_malformed_setting_is_named_with_what_it_should_be() -> None:
    refused = manage("check-settings", ORDER_MINUTES="soon")
    assert refused.returncode == 1
    assert refused.stderr == "error: setting ORDER_MINUTES: expected a whole number from 2 to 21600\n"
