"""Limits of attempts to sign in, to register, to claim; by name and by address."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import Any, cast

import pytest
from redis.exceptions import RedisError

from chalicelib.errors import CartStoreRefused, CartStoreUnavailable, TooManyAttempts, UserNotFound
from chalicelib.shop.rate_limit import WINDOW_SECONDS, Limit, only_failures_count, take_attempt
from chalicelib.shop.user import User
from chalicelib.storage.redis_client import redis_client
from tests import builders
from tests.addresses import ClientAt, new_address
from tests.builders import PASSWORD
from tests.captcha import captcha_on
from tests.faults import Fault, hold_before, redis_error, reset_after, silent
from tests.faults.actions import Gate
from tests.faults.routing import FaultyApp
from tests.purchases import at_once
from tests.shapes import check_refusal

pytestmark = pytest.mark.usefixtures("stores")


def sign_in(client: ClientAt, username: str, password: str = "wrong", **headers: str) -> Any:
    return client.post("/login", {"username": username, "password": password}, headers=headers)


def use_up(kind: str, subject: str, most: int, but: int = 0) -> None:
    """Somebody has tried so often already."""
    for _ in range(most - but):
        take_attempt([Limit(kind, subject, most)])


def check_has_to_wait(answer: Any) -> int:
    """The seconds that a learner is told to wait."""
    check_refusal(answer, 1004)
    seconds = re.findall("[0-9]+", answer["msg"])
    assert len(seconds) == 1
    assert 0 < int(seconds[0]) <= WINDOW_SECONDS
    return int(seconds[0])


# Login, by name and address


def test_the_seconds_to_wait_stand_in_a_header_too() -> None:
    client, user = ClientAt(), builders.a_user()
    body = {"username": user.username, "password": "wrong"}
    assert "Retry-After" not in client.request("POST", "/login", json=body).headers
    use_up("login-address", client.address, 300, but=1)
    answer = client.request("POST", "/login", json=body)
    assert int(answer.headers["Retry-After"]) == check_has_to_wait(answer.json())


def test_after_ten_wrong_passwords_the_right_one_has_to_wait_too() -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(10):
        check_refusal(sign_in(client, user.username), 1002)
    seconds = check_has_to_wait(sign_in(client, user.username))
    assert seconds > WINDOW_SECONDS - 60
    check_has_to_wait(sign_in(client, user.username, PASSWORD))


def test_another_name_and_another_address_are_not_concerned() -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(10):
        sign_in(client, user.username)
    assert sign_in(ClientAt(), user.username, PASSWORD)["code"] == 1000
    assert sign_in(client, builders.a_user().username, PASSWORD)["code"] == 1000
    check_has_to_wait(sign_in(client, user.username, PASSWORD))


def test_a_name_nobody_has_is_counted_as_well_and_in_every_spelling() -> None:
    client, name = ClientAt(), builders.new_name("Nobody")
    for spelled in [name, name.upper()] * 5:
        check_refusal(sign_in(client, spelled), 1003)
    check_has_to_wait(sign_in(client, name.lower()))


def test_what_cannot_be_a_name_is_1003_and_not_counted() -> None:
    client = ClientAt()
    for _ in range(12):
        check_refusal(sign_in(client, " "), 1003)


def test_a_disabled_user_counts_as_a_failure() -> None:
    client, user = ClientAt(), builders.a_user()
    user.update([User.disabled.set(True)])
    for _ in range(10):
        check_refusal(sign_in(client, user.username, PASSWORD), 1002)
    check_has_to_wait(sign_in(client, user.username, PASSWORD))


def test_a_success_counts_for_nothing_and_forgives_nothing() -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(9):
        check_refusal(sign_in(client, user.username), 1002)
    for _ in range(12):
        assert sign_in(client, user.username, PASSWORD)["code"] == 1000
    check_refusal(sign_in(client, user.username), 1002)
    check_has_to_wait(sign_in(client, user.username, PASSWORD))


def test_of_many_guesses_at_once_ten_are_answered() -> None:
    client, user = ClientAt(), builders.a_user()
    answers = at_once(*[lambda: sign_in(client, user.username)] * 30)
    codes = sorted(answer["code"] for answer in answers)
    assert codes == [1002] * 10 + [1004] * 20


def test_the_limit_ends_with_its_window() -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(11):
        sign_in(client, user.username)
    redis = redis_client()
    name_limit = Limit("login", f"{user.username}\n{client.address}", 10)
    address_limit = Limit("login-address", client.address, 300)
    for limit in (name_limit, address_limit):
        assert WINDOW_SECONDS - 60 < int(str(redis.ttl(limit.key))) <= WINDOW_SECONDS
    redis.expire(name_limit.key, 100)
    assert check_has_to_wait(sign_in(client, user.username)) <= 100
    redis.expire(name_limit.key, 0)  # the window is over
    assert sign_in(client, user.username, PASSWORD)["code"] == 1000


def test_what_is_refused_by_the_limit_makes_the_wait_no_longer() -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(15):
        sign_in(client, user.username)
    assert redis_client().get(Limit("login", f"{user.username}\n{client.address}", 10).key) == "10"
    assert redis_client().get(Limit("login-address", client.address, 300).key) == "10"


# Login, by address


def test_three_hundred_failures_are_enough_for_an_address() -> None:
    client = ClientAt()
    use_up("login-address", client.address, 300, but=2)
    check_refusal(sign_in(client, builders.new_name()), 1003)
    user = builders.a_user()
    assert sign_in(client, user.username, PASSWORD)["code"] == 1000, "a success is not counted"
    check_refusal(sign_in(client, user.username), 1002)
    check_has_to_wait(sign_in(client, builders.new_name()))
    check_has_to_wait(sign_in(client, user.username, PASSWORD))
    assert sign_in(ClientAt(), user.username, PASSWORD)["code"] == 1000


def test_guesses_at_once_at_many_names_stay_within_the_addresss_limit() -> None:
    client, names = ClientAt(), [builders.new_name() for _ in range(20)]
    use_up("login-address", client.address, 300, but=5)
    answers = at_once(*(lambda name=name: sign_in(client, name) for name in names))
    assert sorted(answer["code"] for answer in answers) == [1003] * 5 + [1004] * 15


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Via"],
)
def test_no_header_of_the_client_changes_its_address(header: str) -> None:
    client, user = ClientAt(), builders.a_user()
    for number in range(10):
        value = f"for=198.51.100.{number}" if header == "Forwarded" else f"198.51.100.{number}"
        check_refusal(sign_in(client, user.username, **{header: value}), 1002)
    check_has_to_wait(sign_in(client, user.username, PASSWORD, **{header: "203.0.113.9"}))


def test_nobody_is_locked_out_by_somebody_who_names_his_address_in_a_header() -> None:
    victim, user = new_address(), builders.a_user()
    attacker = ClientAt()
    for _ in range(10):
        sign_in(attacker, user.username, **{"X-Forwarded-For": victim})
    assert sign_in(ClientAt(address=victim), user.username, PASSWORD)["code"] == 1000


def test_it_is_decided_before_anything_is_looked_up_or_hashed(faulty_app: FaultyApp) -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(10):
        sign_in(client, user.username)
    with faulty_app.dynamodb.recording() as calls, faulty_app.redis.recording() as trips:
        check_has_to_wait(sign_in(client, user.username, PASSWORD))
    # Without the user's hash there is nothing that a password could be hashed for.
    assert not calls
    assert len([trip for trip in trips if not trip.setup]) == 1


def test_an_unsolved_captcha_is_no_attempt() -> None:
    client, user = ClientAt(), builders.a_user()
    with captcha_on():
        for _ in range(12):
            check_refusal(sign_in(client, user.username), 1001)
    assert redis_client().get(Limit("login-address", client.address, 300).key) is None
    for _ in range(10):
        check_refusal(sign_in(client, user.username), 1002)


def test_trouble_of_the_database_is_no_attempt(faulty_app: FaultyApp) -> None:
    client, user = ClientAt(), builders.a_user()
    body = {"username": user.username, "password": PASSWORD}
    with faulty_app.dynamodb.down():
        assert client.request("POST", "/login", json=body).status_code == 503
    assert redis_client().get(Limit("login-address", client.address, 300).key) == "0"


# What costs a hash


def test_sixty_logins_of_a_name_and_nine_hundred_of_an_address_are_enough() -> None:
    client, user = ClientAt(), builders.a_user()
    use_up("login-hash", f"{user.username}\n{client.address}", 60, but=1)
    assert sign_in(client, user.username, PASSWORD)["code"] == 1000
    check_has_to_wait(sign_in(client, user.username, PASSWORD))
    assert sign_in(ClientAt(), user.username, PASSWORD)["code"] == 1000
    use_up("login-hash-address", client.address, 900, but=1)
    check_has_to_wait(sign_in(client, builders.a_user().username, PASSWORD))


def test_every_attempt_to_change_a_password_counts() -> None:
    learner = ClientAt(builders.a_user())
    passwords = [PASSWORD, "another good one"]
    for number in range(10):
        old, new = passwords[number % 2], passwords[1 - number % 2]
        assert change(learner, old, new)["code"] == 1000
    check_has_to_wait(change(learner, PASSWORD, "a third good one"))


def change(learner: ClientAt, old: str, new: str) -> Any:
    return learner.put("/password", {"old_password": old, "new_password": new})


def test_a_weak_new_password_is_refused_before_anything_is_counted_or_hashed(
    faulty_app: FaultyApp,
) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.redis.recording() as trips, faulty_app.dynamodb.recording() as calls:
        for _ in range(12):
            check_refusal(change(learner, "wrong", "short"), 1007)
    assert not trips
    assert len(calls) == 12, "who asks"


def test_without_redis_nobody_changes_a_password(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    body = {"old_password": PASSWORD, "new_password": "another good one"}
    with faulty_app.redis.down():
        assert learner.request("PUT", "/password", json=body).status_code == 503
    assert change(learner, PASSWORD, "another good one")["code"] == 1000


# Windows of their own, and limits that fail closed


def test_tests_that_use_up_attempts_begin_anew(request: pytest.FixtureRequest) -> None:
    once = [Limit("once", "somebody", 1)]
    take_attempt(once)
    with pytest.raises(TooManyAttempts):
        take_attempt(once)
    request.getfixturevalue("no_attempts_yet")
    take_attempt(once)


def test_a_limit_has_the_window_it_says() -> None:
    minute, day = Limit("a", builders.new_name(), 1, 60), Limit("b", builders.new_name(), 5, 86_400)
    take_attempt([minute, day])
    for limit in (minute, day):
        assert limit.seconds - 10 < int(str(redis_client().ttl(limit.key))) <= limit.seconds
    with pytest.raises(TooManyAttempts) as caught:
        take_attempt([day, minute])
    assert 0 < cast(int, caught.value.facts["seconds"]) <= 60


def test_a_limit_that_stands_alone_refuses_while_redis_is_down(faulty_app: FaultyApp) -> None:
    alone = Limit("test", builders.new_name(), 5, otherwise="refuse")
    accompanied = Limit("test", builders.new_name(), 5)
    with faulty_app.redis.down():
        take_attempt([accompanied])
        for limits in ([alone], [accompanied, alone]):
            with pytest.raises(CartStoreUnavailable):
                take_attempt(limits)


# Redis in trouble


def test_without_redis_everybody_may_sign_in_and_it_is_logged(
    faulty_app: FaultyApp, caplog: pytest.LogCaptureFixture
) -> None:
    client, user = ClientAt(), builders.a_user()
    for _ in range(10):
        sign_in(client, user.username)
    with faulty_app.redis.down(), caplog.at_level(logging.ERROR):
        assert sign_in(client, user.username, PASSWORD)["code"] == 1000
        check_refusal(sign_in(client, user.username), 1002)
    assert "Redis is out of reach" in caplog.text
    assert user.username not in caplog.text
    while not answers():
        pass
    check_has_to_wait(sign_in(client, user.username, PASSWORD))


def answers() -> bool:
    """Whether Redis answers in time: on a busy machine its time-outs can run out."""
    with suppress(RedisError):
        return bool(redis_client().ping())
    return False


@pytest.mark.parametrize(
    "trouble", [silent(), redis_error("LOADING Redis is loading the dataset in memory"), reset_after()]
)
def test_a_redis_that_hangs_loads_or_breaks_off_stops_nobody(faulty_app: FaultyApp, trouble: Any) -> None:
    client, user = ClientAt(), builders.a_user()
    with faulty_app.redis.faults(Fault.on("EVAL", action=trouble)):
        assert sign_in(client, user.username, PASSWORD)["code"] == 1000
        register = {"username": builders.new_name(), "password": PASSWORD}
        assert client.post("/register", register)["code"] == 1000


@pytest.mark.parametrize(
    "answer",
    [
        "CROSSSLOT Keys in request don't hash to the same slot",
        "MOVED 3999 127.0.0.1:6381",
        "NOPERM this user has no permissions to run the 'eval' command",
        "ERR unknown command 'eval'",
    ],
)
def test_a_redis_that_will_never_count_lets_nobody_through(
    faulty_app: FaultyApp, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    client, user = ClientAt(), builders.a_user()
    body = {"username": user.username, "password": PASSWORD}
    with (
        faulty_app.redis.faults(Fault.on("EVAL", action=redis_error(answer))),
        caplog.at_level(logging.ERROR),
    ):
        assert client.request("POST", "/login", json=body).status_code == 503
        with pytest.raises(CartStoreRefused):
            take_attempt([Limit("test", builders.new_name(), 5)])
    assert "Redis refuses a command" in caplog.text
    assert "out of reach" not in caplog.text


# Attempts under way


def test_an_attempt_counts_while_it_is_under_way(faulty_app: FaultyApp) -> None:
    gate, client, subject = Gate(), ClientAt(), builders.a_user()
    use_up("login", f"{subject.username}\n{client.address}", 10, but=1)
    with faulty_app.dynamodb.faults(Fault.on("GetItem", action=hold_before(gate), nth=1)):

        def slow() -> Any:
            return sign_in(client, subject.username, PASSWORD)

        def other() -> Any:
            gate.wait_for_a_call()
            answer = sign_in(client, subject.username, PASSWORD)
            gate.open()
            return answer

        slow_answer, other_answer = at_once(slow, other)
    assert slow_answer["code"] == 1000
    check_has_to_wait(other_answer)
    assert sign_in(client, subject.username, PASSWORD)["code"] == 1000, "it was given back"


def test_only_the_named_failures_count() -> None:
    limit = Limit("test", builders.new_name(), 2)
    for _ in range(3):
        with only_failures_count([limit], UserNotFound):
            pass
        with pytest.raises(TooManyAttempts), only_failures_count([limit], UserNotFound):
            raise TooManyAttempts(seconds=1)
    assert redis_client().get(limit.key) == "0"
    for _ in range(2):
        with pytest.raises(UserNotFound), only_failures_count([limit], UserNotFound):
            raise UserNotFound()
    with pytest.raises(TooManyAttempts), only_failures_count([limit], UserNotFound):
        pytest.fail("it was let in")


def test_when_one_limit_is_used_up_the_others_are_not_charged() -> None:
    full, free = Limit("test", builders.new_name(), 1), Limit("test", builders.new_name(), 5)
    take_attempt([full])
    with pytest.raises(TooManyAttempts):
        take_attempt([free, full])
    assert redis_client().get(free.key) is None


def test_the_key_of_a_limit_tells_nothing_of_whom_it_is_about() -> None:
    limit = Limit("login", "zhangsan\n203.0.113.9", 10)
    assert "zhangsan" not in limit.key
    assert "203" not in limit.key.rpartition(":")[0]


# Registering and claiming


def test_a_name_is_registered_at_most_ten_times_in_a_quarter_of_an_hour() -> None:
    taken = builders.a_user().username
    body = {"username": taken, "password": PASSWORD}
    for _ in range(10):
        check_refusal(ClientAt().post("/register", body), 1006)
    check_has_to_wait(ClientAt().post("/register", body | {"username": taken.upper()}))
    assert ClientAt().post("/register", body | {"username": builders.new_name()})["code"] == 1000


def test_an_address_registers_at_most_three_hundred_names() -> None:
    client = ClientAt()
    use_up("register-address", client.address, 300, but=1)
    answers = [
        client.post("/register", {"username": builders.new_name(), "password": PASSWORD}) for _ in range(2)
    ]
    assert answers[0]["code"] == 1000
    check_has_to_wait(answers[1])


def test_a_refused_registration_is_decided_before_hashing(faulty_app: FaultyApp) -> None:
    client = ClientAt()
    use_up("register-address", client.address, 300)
    with faulty_app.dynamodb.recording() as calls:
        check_has_to_wait(client.post("/register", {"username": builders.new_name(), "password": PASSWORD}))
    assert not calls


def test_a_learner_tries_to_claim_thirty_times_at_most_and_an_address_nine_hundred() -> None:
    learner = ClientAt(builders.a_user())
    for _ in range(30):
        check_refusal(learner.post(f"/coupons/{builders.new_id()}/claim"), 1701)
    check_has_to_wait(learner.post(f"/coupons/{builders.new_id()}/claim"))
    neighbour = ClientAt(builders.a_user())
    use_up("claim-address", neighbour.address, 900)
    check_has_to_wait(neighbour.post(f"/coupons/{builders.new_id()}/claim"))
    check_refusal(ClientAt(neighbour.user).post(f"/coupons/{builders.new_id()}/claim"), 1701)
