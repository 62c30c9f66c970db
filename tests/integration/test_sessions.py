"""Changing a password, and seeing and ending one's sessions, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.shop import session
from chalicelib.shop.session import LEEWAY, MOST
from chalicelib.shop.user import find_user
from tests import builders
from tests.addresses import ClientAt
from tests.builders import PASSWORD
from tests.faults import Fault, die_after, internal_error, reset_after, transaction_conflict
from tests.faults.routing import FaultyApp
from tests.purchases import Clock, at_once
from tests.shapes import check, check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

NEW = "another good one"


def change(client: ClientAt, old: object = PASSWORD, new: object = NEW) -> Any:
    return client.put("/password/", {"old_password": old, "new_password": new})


def sign_in(client: ClientAt, username: str, password: str, **headers: str) -> Any:
    return client.post("/login", {"username": username, "password": password}, headers=headers)


def is_signed_in(client: ClientAt) -> bool:
    return client.request("GET", "/userinfo").status_code == 200


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


# Changing the password


def test_a_new_password_replaces_the_old_one(learner: ClientAt) -> None:
    assert learner.user is not None
    answer = change(learner)
    check(answer, {"code": 1000, "msg": str, "data": None})
    assert sign_in(ClientAt(), learner.user.username, PASSWORD)["code"] == 1002
    assert sign_in(ClientAt(), learner.user.username, NEW)["code"] == 1000


def test_changing_it_ends_the_other_sessions_at_once_and_this_one_stays(learner: ClientAt) -> None:
    others = [ClientAt(learner.user) for _ in range(3)]
    assert all(is_signed_in(client) for client in (learner, *others))
    assert change(learner)["code"] == 1000
    assert is_signed_in(learner)
    for other in others:
        refused = other.request("GET", "/userinfo")
        assert refused.json() == {"code": 401, "msg": "认证失败!", "data": None}
    assert [row["current"] for row in learner.get("/sessions")["data"]] == [True]
    assert change(learner, NEW, PASSWORD)["code"] == 1000, "and a second time"
    assert is_signed_in(learner)


def test_sessions_begun_after_the_change_are_good(learner: ClientAt) -> None:
    assert learner.user is not None
    change(learner)
    later = ClientAt()
    later.token = sign_in(later, learner.user.username, NEW)["data"]["token"]
    assert is_signed_in(later)
    assert is_signed_in(learner)
    assert len(learner.get("/sessions")["data"]) == 2


@pytest.mark.parametrize(
    "old", ["wrong", "", None, 5, [], "LEARN AND GROW", "\ud800", "x" * 50_000], ids=lambda v: ascii(v)[:20]
)
def test_a_wrong_old_password_changes_nothing(learner: ClientAt, old: object) -> None:
    other = ClientAt(learner.user)
    check_refusal(change(learner, old), 1002)
    assert is_signed_in(other)
    assert learner.user is not None
    assert sign_in(ClientAt(), learner.user.username, PASSWORD)["code"] == 1000


@pytest.mark.parametrize(
    ("new", "hint"),
    [
        ("short", "8到128"),
        (None, "8到128"),
        ("x1" * 65, "8到128"),
        ("20261122", "数字"),
        ("password1", "常见"),
    ],
)
def test_a_weak_new_password_changes_nothing(learner: ClientAt, new: object, hint: str) -> None:
    other = ClientAt(learner.user)
    answer = change(learner, new=new)
    check_refusal(answer, 1007)
    assert hint in answer["msg"]
    assert is_signed_in(other)


def test_the_name_in_a_new_password_is_refused(learner: ClientAt) -> None:
    assert learner.user is not None
    check_refusal(change(learner, new=f"x{learner.user.username}"), 1007)


@pytest.mark.parametrize("body", [None, 1, "x", [], {}])
def test_a_body_of_another_shape_holds_no_old_password(learner: ClientAt, body: object) -> None:
    answer = learner.request("PUT", "/password", json=body, data=None if body is not None else b"null")
    check_refusal(answer.json(), 1002)


def test_only_who_is_signed_in_changes_a_password() -> None:
    answer = ClientAt().request("PUT", "/password", json={"old_password": PASSWORD, "new_password": NEW})
    assert (answer.status_code, answer.json()["code"]) == (401, 401)


def test_ten_wrong_old_passwords_are_enough_for_a_quarter_of_an_hour(learner: ClientAt) -> None:
    for _ in range(10):
        check_refusal(change(learner, "wrong"), 1002)
    answer = change(learner)
    check_refusal(answer, 1004)
    assert is_signed_in(learner)
    assert learner.user is not None
    assert sign_in(ClientAt(), learner.user.username, PASSWORD)["code"] == 1000


def test_of_two_changes_at_once_one_wins_and_its_session_alone_is_left(learner: ClientAt) -> None:
    other = ClientAt(learner.user)
    wanted = [(learner, "the first new one"), (other, "the second new one")]
    answers = at_once(*(lambda c=client, new=new: change(c, PASSWORD, new) for client, new in wanted))
    won = [i for i, answer in enumerate(answers) if answer["code"] == 1000]
    assert len(won) == 1, answers
    (winner, password), (loser, lost) = wanted[won[0]], wanted[1 - won[0]]
    assert is_signed_in(winner)
    assert not is_signed_in(loser)
    assert learner.user is not None
    assert sign_in(ClientAt(), learner.user.username, password)["code"] == 1000
    assert sign_in(ClientAt(), learner.user.username, lost)["code"] == 1002


def test_a_session_that_was_ended_meanwhile_does_not_come_back_with_the_change(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    here, there = ClientAt(user), ClientAt(user)
    mine = next(row["id"] for row in here.get("/sessions")["data"] if row["current"])
    gate_open = Fault.on(
        "TransactWriteItems",
        action=lambda exchange: (there.delete(f"/sessions/{mine}"), exchange.forward())[1],
    )
    with faulty_app.dynamodb.faults(gate_open):
        answer = here.request("PUT", "/password", json={"old_password": PASSWORD, "new_password": NEW})
    assert answer.status_code == 401
    assert not is_signed_in(here)
    assert is_signed_in(there), "the password is the old one, so nobody else was signed out"
    assert sign_in(ClientAt(), user.username, PASSWORD)["code"] == 1000


def test_a_change_whose_answer_was_lost_is_still_one_change(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=reset_after(), nth=1)):
        assert change(learner)["code"] == 1000
    assert is_signed_in(learner)
    assert learner.user is not None
    assert find_user(learner.user.user_id).generation == 1


def test_a_conflict_with_another_transaction_is_tried_again(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.dynamodb.faults(
        Fault.on("TransactWriteItems", action=transaction_conflict(), nth=range(1, 4))
    ):
        assert change(learner)["code"] == 1000
    assert is_signed_in(learner)


def test_cut_off_the_change_has_happened_wholly_or_not_at_all(faulty_app: FaultyApp) -> None:
    for nth, changed in ((1, False), (2, True)):
        user = builders.a_user()
        here, there = ClientAt(user), ClientAt(user)
        with faulty_app.dynamodb.faults(Fault.on(action=die_after(), nth=nth)):
            body = {"old_password": PASSWORD, "new_password": NEW}
            assert here.request("PUT", "/password", json=body).status_code == 503
        assert is_signed_in(here)
        assert is_signed_in(there) is not changed
        assert sign_in(ClientAt(), user.username, NEW if changed else PASSWORD)["code"] == 1000


# Sessions


def test_a_learner_sees_his_sessions_newest_first(learner: ClientAt, clock: Clock) -> None:
    assert learner.user is not None
    clock.advance(minutes=5)
    phone = ClientAt()
    answer = sign_in(phone, learner.user.username, PASSWORD, **{"User-Agent": "Phone 7 Firefox/144.0"})
    phone.token = answer["data"]["token"]
    sessions = phone.get("/sessions/")
    check(
        sessions,
        {
            "code": 1000,
            "msg": "",
            "data": [
                {
                    "id": str,
                    "device": str,
                    "device_name": str,
                    "date": str,
                    "expire_date": str,
                    "current": bool,
                }
            ],
        },
    )
    rows = sessions["data"]
    assert [(row["device"], row["device_name"], row["current"]) for row in rows] == [
        ("Phone 7 Firefox/144.0", "Firefox", True),
        ("", "未知设备", False),
    ]
    assert rows[0]["expire_date"] == answer["data"]["expire_date"]
    assert rows[0]["date"] > rows[1]["date"]


def test_what_a_browser_calls_itself_is_kept_short(learner: ClientAt) -> None:
    assert learner.user is not None
    sign_in(ClientAt(), learner.user.username, PASSWORD, **{"User-Agent": "x" * 500})
    assert "x" * 300 in [row["device"] for row in learner.get("/sessions")["data"]]


def test_a_session_is_ended_by_its_id_at_once_and_no_other(learner: ClientAt) -> None:
    other, third = ClientAt(learner.user), ClientAt(learner.user)
    ids = {row["id"] for row in learner.get("/sessions")["data"]}
    mine = next(row["id"] for row in learner.get("/sessions")["data"] if row["current"])
    others = next(row["id"] for row in other.get("/sessions")["data"] if row["current"])
    check(learner.delete(f"/sessions/{others}/"), {"code": 1000, "msg": str, "data": None})
    assert [is_signed_in(client) for client in (learner, other, third)] == [True, False, True]
    assert {row["id"] for row in learner.get("/sessions")["data"]} == ids - {others}
    check_refusal(learner.delete(f"/sessions/{others}"), 1008)
    assert learner.delete(f"/sessions/{mine}")["code"] == 1000, "one's own too"
    assert not is_signed_in(learner)


def end_others(client: ClientAt) -> Any:
    return client.request("DELETE", "/sessions").json()


def test_all_other_sessions_are_ended_in_one_step(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    here, *others = (ClientAt(user) for _ in range(4))
    with faulty_app.dynamodb.recording() as calls:
        check(end_others(here), {"code": 1000, "msg": str, "data": None})
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"]
    assert is_signed_in(here)
    for other in others:
        assert other.request("GET", "/userinfo").json() == {"code": 401, "msg": "认证失败!", "data": None}
    assert [row["current"] for row in here.get("/sessions")["data"]] == [True]
    later = ClientAt()
    later.token = sign_in(later, user.username, PASSWORD)["data"]["token"]
    assert is_signed_in(later), "the password is the same"
    assert end_others(here)["code"] == 1000, "and a second time"
    assert not is_signed_in(later)


def test_as_many_sessions_as_one_may_have_cost_no_more(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    here = ClientAt(user)
    for _ in range(MOST - 1):
        builders.a_token(user)
    with faulty_app.dynamodb.recording() as calls:
        assert end_others(here)["code"] == 1000
    assert len(calls) == 2
    assert len(here.get("/sessions")["data"]) == 1


def test_of_two_sessions_that_end_each_other_at_once_one_is_left(learner: ClientAt) -> None:
    other = ClientAt(learner.user)
    answers = at_once(lambda: end_others(learner), lambda: end_others(other))
    assert sorted(answer["code"] for answer in answers) == [401, 1000]
    assert sorted(map(is_signed_in, (learner, other))) == [False, True]


def test_asked_twice_at_once_the_session_stays(learner: ClientAt) -> None:
    other = ClientAt(learner.user)
    answers = at_once(*[lambda: end_others(learner)] * 4)
    assert [answer["code"] for answer in answers] == [1000] * 4
    assert is_signed_in(learner)
    assert not is_signed_in(other)


def test_a_session_that_was_ended_meanwhile_ends_no_other(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    here, there = ClientAt(user), ClientAt(user)
    mine = next(row["id"] for row in here.get("/sessions")["data"] if row["current"])
    ended = Fault.on(
        "TransactWriteItems",
        action=lambda exchange: (there.delete(f"/sessions/{mine}"), exchange.forward())[1],
    )
    with faulty_app.dynamodb.faults(ended):
        assert here.request("DELETE", "/sessions").status_code == 401
    assert is_signed_in(there)


def test_ending_the_others_with_lost_answers_and_conflicts_is_done_once(faulty_app: FaultyApp) -> None:
    for action, nth in ((reset_after(), range(1, 2)), (transaction_conflict(), range(1, 4))):
        user = builders.a_user()
        here, there = ClientAt(user), ClientAt(user)
        with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=action, nth=nth)):
            assert end_others(here)["code"] == 1000
        assert (is_signed_in(here), is_signed_in(there)) == (True, False)
        assert find_user(user.user_id).generation == 1


def test_cut_off_the_others_are_all_ended_or_none(faulty_app: FaultyApp) -> None:
    for nth, is_done in ((1, False), (2, True)):
        user = builders.a_user()
        here, others = ClientAt(user), [ClientAt(user) for _ in range(3)]
        with faulty_app.dynamodb.faults(Fault.on(action=die_after(), nth=nth)):
            assert here.request("DELETE", "/sessions").status_code == 503
        assert is_signed_in(here)
        assert {is_signed_in(other) for other in others} == {not is_done}


def test_a_session_that_is_over_is_not_shown(learner: ClientAt, clock: Clock) -> None:
    assert learner.user is not None
    clock.advance(days=7, seconds=LEEWAY.total_seconds() + 1)
    later = ClientAt()
    later.token = sign_in(later, learner.user.username, PASSWORD)["data"]["token"]
    assert [row["current"] for row in later.get("/sessions")["data"]] == [True]


def test_the_oldest_session_ends_when_one_more_than_fifty_is_made(clock: Clock) -> None:
    user = builders.a_user()
    clients = []
    for _ in range(MOST):
        clock.advance(seconds=1)
        client = ClientAt()
        client.token = builders.a_token(user, clock())
        clients.append(client)
    clock.advance(seconds=1)
    for oldest, second in pairwise(clients[:3]):
        assert is_signed_in(oldest)
        newest = ClientAt()
        newest.token = sign_in(newest, user.username, PASSWORD)["data"]["token"]
        assert not is_signed_in(oldest)
        assert is_signed_in(second)
        rows = newest.get("/sessions")["data"]
        assert len(rows) == MOST == 50
        assert rows[0]["current"]
        clock.advance(seconds=1)


def test_sessions_of_an_earlier_password_make_room_first(learner: ClientAt, clock: Clock) -> None:
    assert learner.user is not None
    for _ in range(MOST - 1):
        clock.advance(seconds=1)
        builders.a_token(learner.user, clock())
    assert change(learner)["code"] == 1000
    clock.advance(seconds=1)
    later = ClientAt()
    later.token = sign_in(later, learner.user.username, NEW)["data"]["token"]
    assert is_signed_in(learner), "the oldest, but carried over"
    assert len(later.get("/sessions")["data"]) == 2
    assert len(session.list_sessions(learner.user.user_id)) == MOST


def test_those_who_sign_in_at_once_have_fifty_sessions_together(clock: Clock) -> None:
    user = builders.a_user()
    for second in range(MOST - 1):
        session.start(user, clock() - timedelta(hours=1, seconds=second))
    clients = [ClientAt() for _ in range(6)]
    answers = at_once(*(lambda c=client: sign_in(c, user.username, PASSWORD) for client in clients))
    for client, answer in zip(clients, answers, strict=True):
        client.token = answer["data"]["token"]
    assert all(map(is_signed_in, clients))
    assert len(session.list_sessions(user.user_id)) == MOST


def test_what_is_over_is_over_before_the_table_forgets_it(learner: ClientAt, clock: Clock) -> None:
    """The table's clock stands still here: nothing is ever dropped by its time."""
    assert learner.user is not None
    (stored,) = session.list_sessions(learner.user.user_id)
    clock.advance(days=9)
    assert stored.forget_at < clock().timestamp()
    assert learner.request("GET", "/userinfo").status_code == 401
    later = ClientAt()
    later.token = sign_in(later, learner.user.username, PASSWORD)["data"]["token"]
    assert len(session.list_sessions(learner.user.user_id)) == 2
    assert len(later.get("/sessions")["data"]) == 1


def test_a_login_is_good_though_the_sessions_cannot_be_counted(faulty_app: FaultyApp) -> None:
    user, client = builders.a_user(), ClientAt()
    for _ in range(MOST):
        builders.a_token(user)
    with faulty_app.dynamodb.faults(Fault.on("Query", action=internal_error())):
        client.token = sign_in(client, user.username, PASSWORD)["data"]["token"]
    assert is_signed_in(client)
    assert len(session.list_sessions(user.user_id)) == MOST + 1
    assert sign_in(ClientAt(), user.username, PASSWORD)["code"] == 1000
    assert len(session.list_sessions(user.user_id)) == MOST


def test_another_users_session_can_be_neither_seen_nor_ended(learner: ClientAt) -> None:
    stranger = ClientAt(builders.a_user())
    theirs = learner.get("/sessions")["data"][0]["id"]
    assert theirs not in [row["id"] for row in stranger.get("/sessions")["data"]]
    check_refusal(stranger.delete(f"/sessions/{theirs}"), 1008)
    assert is_signed_in(learner)


@pytest.mark.parametrize(
    "session_id",
    ["x", "0" * 31, "0" * 33, "A" * 32, "%00" * 32, "..%2f", "SESSION%23", "0" * 5000, "０" * 32],
)
def test_what_is_no_session_id_is_no_session(learner: ClientAt, session_id: str) -> None:
    check_refusal(learner.delete(f"/sessions/{session_id}"), 1008)
    assert is_signed_in(learner)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sessions"), ("DELETE", "/sessions"), ("DELETE", f"/sessions/{'0' * 32}")],
)
def test_sessions_are_for_who_is_signed_in(method: str, path: str) -> None:
    assert ClientAt().request(method, path).status_code == 401


def test_a_database_in_trouble_is_503_and_ends_nothing(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    here, there = ClientAt(user), ClientAt(user)
    theirs = there.get("/sessions")["data"]
    session_id = next(row["id"] for row in theirs if row["current"])
    with faulty_app.dynamodb.faults(Fault.on("DeleteItem", action=internal_error())):
        assert here.request("DELETE", f"/sessions/{session_id}").status_code == 503
    assert is_signed_in(there)


def test_the_other_sessions_of_a_week_ago_do_not_come_back(learner: ClientAt, clock: Clock) -> None:
    other = ClientAt(learner.user)
    change(learner)
    clock.advance(days=6)
    assert is_signed_in(learner)
    assert not is_signed_in(other)
    clock.advance(days=1, seconds=11)
    assert learner.request("GET", "/userinfo").json()["msg"] == "JWT已过期!", (
        "a change makes no session longer"
    )
