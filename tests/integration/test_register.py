"""Registering over HTTP: names, passwords, who is signed in by the answer, races and cut-offs."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.settings import settings
from chalicelib.shop import ledger
from chalicelib.shop.user import STUDENT, find_by_name, user_item
from chalicelib.shop.user import register as add_user
from chalicelib.storage.dynamodb import Transaction
from tests import builders
from tests.addresses import ClientAt
from tests.faults import Fault, die_after, internal_error, reset_after
from tests.faults.routing import FaultyApp
from tests.purchases import at_once
from tests.shapes import check, check_refusal

pytestmark = pytest.mark.usefixtures("stores")

PASSWORD = "learn and grow"


@pytest.fixture
def visitor() -> ClientAt:
    return ClientAt()


def register(client: ClientAt, username: object, password: object = PASSWORD) -> Any:
    return client.post("/register/", {"username": username, "password": password})


def sign_in(client: ClientAt, username: str, password: str = PASSWORD) -> int:
    return int(client.post("/login", {"username": username, "password": password})["code"])


def test_who_registers_is_signed_in_and_has_nothing_yet(visitor: ClientAt) -> None:
    name = builders.new_name()
    answer = visitor.post("/register", {"username": name, "password": PASSWORD})
    check(
        answer,
        {
            "code": 1000,
            "msg": str,
            "data": {
                "token": str,
                "expire_date": str,
                "userinfo": {"username": name, "head_img": "http://shop.test/images/head.svg"},
            },
        },
    )
    visitor.token = answer["data"]["token"]
    mine = visitor.get("/userinfo")["data"]
    assert (mine["username"], mine["name"], mine["beli"]) == (name, name, 0)
    user = find_by_name(name)
    assert (user.role, user.disabled, ledger.list_entries(user.user_id)) == (STUDENT, False, [])
    assert user.password.startswith(f"pbkdf2_sha256${settings().password_iterations}$")
    assert len(visitor.get("/sessions")["data"]) == 1
    assert sign_in(visitor, name) == 1000


def test_nothing_that_a_client_adds_becomes_part_of_the_user(visitor: ClientAt) -> None:
    name = builders.new_name()
    further = {"role": "管理员", "beli": 1000, "user_id": 1, "disabled": True, "name": "Admin"}
    assert visitor.post("/register", {"username": name, "password": PASSWORD} | further)["code"] == 1000
    user = find_by_name(name)
    assert (user.role, user.beli, user.name, user.disabled) == (STUDENT, 0, name, False)


def test_a_name_that_is_taken_is_said_to_be_in_whatever_spelling(visitor: ClientAt) -> None:
    name = builders.new_name("Learner")
    wide = "".join(chr(ord(character) + 0xFEE0) for character in name)
    assert visitor.post("/register", {"username": name, "password": PASSWORD})["code"] == 1000
    for spelled in (name, name.upper(), name.lower(), wide):
        answer = register(visitor, spelled, "another good one")
        check_refusal(answer, 1006)
        assert "已被注册" in answer["msg"]
    assert sign_in(visitor, wide.upper()) == 1000, "and its owner comes in by each of them"
    assert sign_in(visitor, name, "another good one") == 1002


@pytest.mark.parametrize("suffix", ["", " b", "张三", "@example.com", "😀"])
def test_a_name_may_be_any_printable_text(visitor: ClientAt, suffix: str) -> None:
    name = builders.new_name("n") + suffix
    assert visitor.post("/register", {"username": name, "password": PASSWORD})["code"] == 1000
    assert sign_in(visitor, name) == 1000


def test_a_name_may_have_64_characters_and_not_65(visitor: ClientAt) -> None:
    name = builders.new_name().ljust(64, "x")
    check_refusal(register(visitor, name + "x"), 1005)
    assert visitor.post("/register", {"username": name, "password": PASSWORD})["code"] == 1000


@pytest.mark.parametrize(
    "username",
    [
        None, "", " ", "\u3000", " a", "a ", "a\u3000", "a\tb", "a\nb", "a\x00b", "\u200b", "a\u202eb", "\ud800",
        "ﷺ" * 64, "x" * 10_000, 5, True, [], {}, ["a"], "\u3164", "demo-admin\ufe0f", "a\u034fb", "a\ufffd", "\u2800",
        "\u0301", "pаypal", "demο-admin",
    ],
    ids=lambda value: ascii(value)[:20],
)  # fmt: skip
def test_what_cannot_be_a_name_is_refused(visitor: ClientAt, username: object) -> None:
    check_refusal(register(visitor, username), 1005)


@pytest.mark.parametrize("suffix", ["\ufe0f", "а", "\u3164"])
def test_a_name_that_is_older_than_the_rules_for_new_ones_signs_in(visitor: ClientAt, suffix: str) -> None:
    user = builders.a_user()
    name = user.username + suffix
    transaction = Transaction()
    older = user_item(
        builders.new_id(),
        username=name,
        password=user.password,
        name=name,
        head_img="",
        created_at=user.created_at,
    )
    add_user(transaction, older)
    transaction.commit(witness=lambda: False)
    check_refusal(register(visitor, name), 1005)
    assert sign_in(visitor, name, builders.PASSWORD) == 1000


@pytest.mark.parametrize("body", [None, 1, "x", [], {}, {"password": PASSWORD}])
def test_a_body_without_a_name_is_refused(visitor: ClientAt, body: object) -> None:
    check_refusal(visitor.post("/register", body) if body is not None else register(visitor, None), 1005)


@pytest.mark.parametrize(
    ("password", "hint"),
    [
        ("short", "8到128"),
        ("x1" * 65, "8到128"),
        (None, "8到128"),
        ("\ud800" * 9, "8到128"),
        ("20261122", "数字"),
        ("qwerty123", "常见"),
        ("aaaaaaaaa", "常见"),
    ],
)
def test_a_weak_password_is_refused_with_the_rule_it_breaks(
    visitor: ClientAt, password: object, hint: str
) -> None:
    name = builders.new_name()
    answer = visitor.post("/register", {"username": name, "password": password})
    check_refusal(answer, 1007)
    assert hint in answer["msg"]
    assert sign_in(visitor, name) == 1003, "nobody was registered"


def test_the_name_in_the_password_is_refused(visitor: ClientAt) -> None:
    name = builders.new_name()
    answer = visitor.post("/register", {"username": name, "password": f"my {name.upper()} 7"})
    check_refusal(answer, 1007)
    assert "用户名" in answer["msg"]


def test_the_name_is_looked_at_before_the_password(visitor: ClientAt) -> None:
    check_refusal(register(visitor, "", "short"), 1005)


def test_of_many_who_want_one_name_at_once_exactly_one_gets_it(visitor: ClientAt) -> None:
    name = builders.new_name("wanted")
    spellings = [name, name.upper(), name.lower(), name.title(), name, name, name, name]
    passwords = [f"password of {i} friends" for i in range(len(spellings))]
    answers = at_once(
        *(
            lambda spelled=spelled, password=password: ClientAt().post(
                "/register", {"username": spelled, "password": password}
            )
            for spelled, password in zip(spellings, passwords, strict=True)
        )
    )
    codes = sorted(answer["code"] for answer in answers)
    assert codes == [1000] + [1006] * (len(spellings) - 1)
    winner = next(i for i, answer in enumerate(answers) if answer["code"] == 1000)
    for position, password in enumerate(passwords):
        assert sign_in(ClientAt(), name, password) == (1000 if position == winner else 1002)
    visitor.token = answers[winner]["data"]["token"]
    assert visitor.get("/userinfo")["data"]["username"] == spellings[winner]


# Cut-offs


def test_a_lost_answer_of_the_database_registers_once_and_says_so(faulty_app: FaultyApp) -> None:
    name, visitor = builders.new_name(), ClientAt()
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=reset_after(), nth=1)):
        answer = visitor.post("/register", {"username": name, "password": PASSWORD})
    assert answer["code"] == 1000
    assert sign_in(visitor, name) == 1000


def test_cut_off_anywhere_a_name_is_free_or_its_owner_can_sign_in(faulty_app: FaultyApp) -> None:
    outcomes = []
    for nth in range(1, 10):
        name, visitor = builders.new_name(), ClientAt()
        cut = Fault.on(action=die_after(), nth=nth, must_fire=False)
        with faulty_app.dynamodb.faults(cut):
            answer = visitor.request("POST", "/register", json={"username": name, "password": PASSWORD})
        if not cut.fired:
            assert answer.json()["code"] == 1000
            break
        code = sign_in(visitor, name)
        if code == 1003:
            assert register(visitor, name)["code"] == 1000
        else:
            check_refusal(register(visitor, name), 1006)
        outcomes.append(code)
    else:
        pytest.fail("registering never came to its end")
    assert outcomes == [1000, 1000], "the transaction, then the session: two writes in all"


def test_while_the_database_is_down_nobody_is_registered(faulty_app: FaultyApp) -> None:
    name, visitor = builders.new_name(), ClientAt()
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=internal_error())):
        answer = visitor.request("POST", "/register", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 503
    check_refusal(answer.json(), 503)
    assert sign_in(visitor, name) == 1003
    assert register(visitor, name)["code"] == 1000


def test_a_refused_name_or_password_costs_no_call_of_the_database(faulty_app: FaultyApp) -> None:
    visitor = ClientAt()
    with faulty_app.dynamodb.recording() as calls:
        register(visitor, " ")
        register(visitor, builders.new_name(), "short")
    assert not calls
