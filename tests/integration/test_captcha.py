"""The captcha of login, registration and claims: Geetest v3 and v4, its offline mode, attempts, trouble."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.gateways.geetest import Geetest
from chalicelib.settings import settings
from chalicelib.shop import captcha
from chalicelib.shop.captcha import Challenge
from chalicelib.shop.rate_limit import Limit, take_attempt
from chalicelib.storage.dynamodb import find
from chalicelib.storage.redis_client import redis_client
from localstack.api_gateway import GatewayServer
from localstack.geetest import Refusal
from tests import builders
from tests.addresses import ClientAt
from tests.builders import PASSWORD
from tests.captcha import GEETEST_ID, CaptchaShop, captcha_on
from tests.faults import Fault, drip, reset_after, reset_before, silent
from tests.faults.routing import FaultyApp
from tests.purchases import Clock, at_once
from tests.shapes import check, check_refusal

KEYS = ("geetest_challenge", "geetest_validate", "geetest_seccode")
V4_KEYS = ("lot_number", "captcha_output", "pass_token", "gen_time")


@pytest.fixture
def shop(gateway_server: GatewayServer) -> Iterator[CaptchaShop]:
    with captcha_on() as shop:
        yield shop


@pytest.fixture
def v4(gateway_server: GatewayServer) -> Iterator[CaptchaShop]:
    with captcha_on(GEETEST_VERSION="4") as shop:
        yield shop


@pytest.fixture
def visitor() -> ClientAt:
    return ClientAt()


def start(client: ClientAt) -> dict[str, Any]:
    answer = client.get("/api/captcha_check/")
    data = {"success": int, "gt": str, "challenge": str, "captcha": "on", "geetest_version": str}
    check(answer, {"error_no": 0, "data": data})
    return dict(answer["data"])


def offline_answer(challenge: str, **changed: object) -> dict[str, object]:
    """What the widget hands over after its own puzzle."""
    return dict(zip(KEYS, (challenge, "x" * 32, f"{'x' * 32}|jordan"), strict=True)) | changed


def login(client: ClientAt, username: str, solved: Any, password: str = PASSWORD, **further: object) -> Any:
    return client.post("/login", {"username": username, "password": password, **solved, **further})


def register(client: ClientAt, solved: Any, **further: object) -> Any:
    return client.post(
        "/register", {"username": builders.new_name(), "password": PASSWORD, **solved, **further}
    )


def stored(challenge: str) -> Challenge | None:
    return find(Challenge, f"CAPTCHA#{challenge[:32]}", "CAPTCHA")


# Online


def test_a_page_starts_a_captcha_and_a_solved_one_signs_in(shop: CaptchaShop, visitor: ClientAt) -> None:
    started = start(visitor)
    assert (started["success"], started["gt"], started["geetest_version"]) == (1, GEETEST_ID, "3")
    assert len(started["challenge"]) == 32
    solved = shop.geetest.solve(started["challenge"])
    assert len(solved["geetest_challenge"]) == 34, "it comes back two characters longer"
    assert login(visitor, builders.a_user().username, solved)["code"] == 1000


@pytest.mark.parametrize("mode", ["up", "down"])
def test_a_challenge_is_stored_when_an_answer_is_accepted_and_not_before(
    shop: CaptchaShop, visitor: ClientAt, mode: str, faulty_app: FaultyApp
) -> None:
    shop.switch(mode)
    with faulty_app.dynamodb.recording() as calls:
        challenge = start(visitor)["challenge"]
    assert not calls
    solved = shop.geetest.solve(challenge) if mode == "up" else offline_answer(challenge)
    check_refusal(login(visitor, builders.a_user().username, solved, "wrong"), 1002)
    known = stored(challenge)
    assert known is not None
    assert known.attempts == 1
    assert (known.passed is not None) == (mode == "up")
    assert known.forget_at > known.created_at.timestamp() + captcha.LIFE.total_seconds()


def test_an_answer_that_is_not_accepted_stores_nothing(shop: CaptchaShop, visitor: ClientAt) -> None:
    challenge = start(visitor)["challenge"]
    check_refusal(login(visitor, builders.a_user().username, offline_answer(challenge)), 1001)
    assert stored(challenge) is None


def test_each_page_gets_a_challenge_of_its_own(shop: CaptchaShop, visitor: ClientAt) -> None:
    assert len({start(visitor)["challenge"] for _ in range(5)}) == 5


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "value", ["", None, 5, [], {}, True, "\ud800", "x" * 5000], ids=lambda v: ascii(v)[:12]
)
def test_an_absent_or_empty_key_is_1001_and_geetest_is_not_asked(
    shop: CaptchaShop, visitor: ClientAt, key: str, value: object
) -> None:
    solved = shop.solved(visitor)
    without = {name: text for name, text in solved.items() if name != key}
    user = builders.a_user()
    with shop.proxy.recording() as calls:
        check_refusal(login(visitor, user.username, without), 1001)
        check_refusal(login(visitor, user.username, without | {key: value}), 1001)
    assert not calls
    assert login(visitor, user.username, solved)["code"] == 1000


@pytest.mark.parametrize("path", ["/login", "/register"])
@pytest.mark.parametrize("body", [None, 1, "x", [], {}])
def test_without_any_of_it_the_captcha_comes_first(
    shop: CaptchaShop, visitor: ClientAt, path: str, body: object
) -> None:
    answer = visitor.request("POST", path, json=body, data=None if body is not None else b"null")
    check_refusal(answer.json(), 1001)


def test_the_captcha_comes_before_the_user_before_the_password(shop: CaptchaShop, visitor: ClientAt) -> None:
    wrong = offline_answer("0" * 32)
    check_refusal(login(visitor, builders.new_name(), wrong, "wrong"), 1001)
    check_refusal(login(visitor, builders.new_name(), shop.solved(visitor), "wrong"), 1003)
    check_refusal(login(visitor, builders.a_user().username, shop.solved(visitor), "wrong"), 1002)
    check_refusal(register(visitor, wrong, username="", password=""), 1001)


def test_a_made_up_answer_to_a_genuine_challenge_is_refused(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, challenge = builders.a_user(), start(visitor)["challenge"]
    check_refusal(login(visitor, user.username, offline_answer(challenge)), 1001)
    with pytest.raises(AssertionError):
        check_refusal(login(visitor, user.username, shop.geetest.solve(challenge)), 1001)


def test_a_solved_captcha_serves_five_attempts(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    with shop.proxy.recording() as calls:
        for _ in range(5):
            check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
        check_refusal(login(visitor, user.username, solved), 1001)
    assert shop.asked(calls) == ["/validate.php"], "Geetest confirms each answer once"


def test_the_fifth_attempt_still_signs_in(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    for _ in range(4):
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    assert login(visitor, user.username, solved)["code"] == 1000


def test_after_a_success_the_challenge_is_gone(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    assert login(visitor, user.username, solved)["code"] == 1000
    check_refusal(login(visitor, user.username, solved), 1001)
    check_refusal(register(visitor, solved), 1001)


def test_after_ten_minutes_a_challenge_is_too_old(shop: CaptchaShop, visitor: ClientAt, clock: Clock) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    issued = stored(solved["geetest_challenge"])
    assert issued is not None
    clock.stand_at(issued.created_at + captcha.LIFE - timedelta(microseconds=1))
    check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    clock.stand_at(issued.created_at + captcha.LIFE)
    check_refusal(login(visitor, user.username, solved), 1001)


def test_wrong_slides_count_for_the_address_and_leave_the_challenge_to_a_right_one(
    shop: CaptchaShop, visitor: ClientAt
) -> None:
    user, challenge = builders.a_user(), start(visitor)["challenge"]
    for _ in range(6):
        check_refusal(login(visitor, user.username, offline_answer(challenge)), 1001)
    assert redis_client().get(Limit("captcha-answer", visitor.address, 600).key) == "6"
    assert login(visitor, user.username, shop.geetest.solve(challenge))["code"] == 1000


def test_an_address_has_six_hundred_starts_and_answers(shop: CaptchaShop, visitor: ClientAt) -> None:
    for kind in ("captcha-start", "captcha-answer"):
        for _ in range(600):
            take_attempt([Limit(kind, visitor.address, 600)])
    with shop.proxy.recording() as calls:
        check_refusal(visitor.get("/api/captcha_check/"), 1004)
        check_refusal(login(visitor, builders.a_user().username, offline_answer("a1" * 16)), 1004)
    assert not calls
    assert start(ClientAt())["success"] == 1


def test_a_second_slide_on_one_challenge_is_confirmed_anew(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, challenge = builders.a_user(), start(visitor)["challenge"]
    first, second = shop.geetest.solve(challenge), shop.geetest.solve(challenge)
    check_refusal(login(visitor, user.username, first, "wrong"), 1002)
    with shop.proxy.recording() as calls:
        assert login(visitor, user.username, second)["code"] == 1000
    assert shop.asked(calls) == ["/validate.php"]


def test_many_guesses_at_once_with_one_captcha_are_five_at_most(shop: CaptchaShop, visitor: ClientAt) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    answers = at_once(*[lambda: login(visitor, user.username, solved, "wrong")] * 12)
    assert sorted(answer["code"] for answer in answers) == [1001] * 8 + [1002] * 4


# Challenges we did not issue


def test_a_challenge_of_another_origin_is_confirmed_online(shop: CaptchaShop, visitor: ClientAt) -> None:
    user = builders.a_user()
    given = shop.geetest.challenges.register(GEETEST_ID)
    solved = shop.geetest.solve(shop.geetest.challenges.hashed(given))
    for _ in range(2):
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    assert login(visitor, user.username, solved)["code"] == 1000
    check_refusal(login(visitor, user.username, solved), 1001)


@pytest.mark.parametrize("mode", ["up", "down", "bypass"])
def test_an_unknown_challenge_is_never_accepted_offline(
    shop: CaptchaShop, visitor: ClientAt, mode: str
) -> None:
    user = builders.a_user()
    shop.switch(mode)
    check_refusal(login(visitor, user.username, offline_answer("a1" * 16)), 1001)


@pytest.mark.parametrize(
    "claim", [{"success": 0}, {"offline": True}, {"geetest_offline": 1}, {"mode": "offline"}]
)
def test_the_mode_is_never_taken_from_the_client(
    shop: CaptchaShop, visitor: ClientAt, claim: dict[str, Any]
) -> None:
    user, challenge = builders.a_user(), start(visitor)["challenge"]
    shop.switch("down")
    check_refusal(login(visitor, user.username, offline_answer(challenge), **claim), 1001)


@pytest.mark.parametrize("challenge", ["x", "a#b" * 12, "密" * 32, "a" * 65, "a b" * 11, "..", "\x00" * 32])
def test_what_is_no_challenge_reaches_nobody(shop: CaptchaShop, visitor: ClientAt, challenge: str) -> None:
    with shop.proxy.recording() as calls:
        check_refusal(login(visitor, builders.a_user().username, offline_answer(challenge)), 1001)
    assert not calls


# Offline


@pytest.mark.parametrize("mode", ["down", "bypass", "silent"])
def test_with_geetest_away_the_page_gets_an_offline_challenge_which_signs_in(
    shop: CaptchaShop, visitor: ClientAt, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.switch(mode)
    with caplog.at_level(logging.WARNING):
        started = start(visitor)
    assert started["success"] == 0
    assert started["gt"] == GEETEST_ID
    assert len(started["challenge"]) == 32
    assert "Geetest is out of reach" in caplog.text
    user = builders.a_user()
    with caplog.at_level(logging.WARNING):
        solved = offline_answer(started["challenge"])
        assert login(visitor, user.username, solved)["code"] == 1000
    assert "an offline captcha was let through" in caplog.text
    check_refusal(login(visitor, user.username, solved), 1001)


def test_an_offline_challenge_lets_nobody_register_or_claim(shop: CaptchaShop) -> None:
    shop.switch("down")
    learner = ClientAt(builders.a_user())
    check_refusal(register(learner, offline_answer(start(learner)["challenge"])), 1001)
    solved = offline_answer(start(learner)["challenge"])
    check_refusal(learner.post(f"/coupons/{builders.new_id()}/claim", solved), 1001)


@pytest.mark.parametrize(
    ("allowed", "login_code", "register_code", "claim_code"),
    [("none", 1001, 1001, 1001), ("login, register,claim", 1000, 1000, 1701), ("register", 1001, 1000, 1001)],
)
def test_which_actions_take_an_offline_challenge_is_a_setting(
    gateway_server: GatewayServer, allowed: str, login_code: int, register_code: int, claim_code: int
) -> None:
    learner = ClientAt(builders.a_user())
    assert learner.user is not None
    with captcha_on(CAPTCHA_OFFLINE=allowed) as shop:
        shop.switch("down")

        def offline() -> dict[str, object]:
            return offline_answer(start(learner)["challenge"])

        assert login(learner, learner.user.username, offline())["code"] == login_code
        assert register(learner, offline())["code"] == register_code
        claimed = learner.post(f"/coupons/{builders.new_id()}/claim", offline())
        assert claimed["code"] == claim_code


def test_an_offline_challenge_serves_five_attempts_as_well(shop: CaptchaShop, visitor: ClientAt) -> None:
    shop.switch("down")
    user, solved = builders.a_user(), offline_answer(start(visitor)["challenge"])
    for _ in range(5):
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    check_refusal(login(visitor, user.username, solved), 1001)


def test_a_challenge_keeps_the_mode_it_was_issued_in(shop: CaptchaShop, visitor: ClientAt) -> None:
    user = builders.a_user()
    online = start(visitor)["challenge"]
    shop.switch("down")
    offline = start(visitor)["challenge"]
    check_refusal(login(visitor, user.username, offline_answer(online)), 1001)
    shop.switch("up")
    with pytest.raises(Refusal):
        shop.geetest.solve(offline)


@pytest.mark.parametrize("mode", ["down", "bypass", "silent"])
def test_an_offline_challenge_is_worth_nothing_once_geetest_is_back(
    shop: CaptchaShop, visitor: ClientAt, mode: str
) -> None:
    user = builders.a_user()
    shop.switch(mode)
    collected = [offline_answer(start(visitor)["challenge"]) for _ in range(2)]
    shop.switch("up")
    for solved in collected:
        check_refusal(login(visitor, user.username, solved), 1001)
    shop.switch(mode)
    assert login(visitor, user.username, collected[0])["code"] == 1000


def test_an_offline_challenge_is_too_old_after_ten_minutes(
    shop: CaptchaShop, visitor: ClientAt, clock: Clock
) -> None:
    user = builders.a_user()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock.stand_at(noon)
    shop.switch("down")
    solved, unused = (offline_answer(start(visitor)["challenge"]) for _ in range(2))
    clock.stand_at(noon + captcha.LIFE - timedelta(seconds=1))
    check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    fresh = offline_answer(start(visitor)["challenge"])
    clock.stand_at(noon + captcha.LIFE)
    for old in (solved, unused):
        check_refusal(login(visitor, user.username, old), 1001)
    assert login(visitor, user.username, fresh)["code"] == 1000


def test_a_forged_offline_challenge_is_refused(shop: CaptchaShop, visitor: ClientAt) -> None:
    user = builders.a_user()
    shop.switch("down")
    genuine = start(visitor)["challenge"]
    for position in range(32):
        other = "1" if genuine[position] == "0" else "0"
        forged = genuine[:position] + other + genuine[position + 1 :]
        check_refusal(login(visitor, user.username, offline_answer(forged)), 1001)
    with captcha_on(JWT_KEY="another key of this shop, as long as it must be"):
        other_shops = offline_answer(start(visitor)["challenge"])
    shop.switch("down")
    check_refusal(login(visitor, user.username, other_shops), 1001)
    assert login(visitor, user.username, offline_answer(genuine))["code"] == 1000


def test_with_redis_and_geetest_down_nobody_guesses(faulty_app: FaultyApp) -> None:
    visitor, user = ClientAt(), builders.a_user()
    with captcha_on() as shop:
        shop.switch("down")
        with faulty_app.redis.down():
            body = {"username": user.username, "password": PASSWORD}
            offline = offline_answer(start(visitor)["challenge"])
            assert visitor.request("POST", "/login", json=body | offline).status_code == 503
        assert login(visitor, user.username, offline)["code"] == 1000
        assert redis_client().get(Limit("captcha-offline", visitor.address, 300).key) == "1"


def test_with_redis_down_a_solved_captcha_still_signs_in(faulty_app: FaultyApp) -> None:
    visitor, user = ClientAt(), builders.a_user()
    with captcha_on() as shop, faulty_app.redis.down():
        assert login(visitor, user.username, shop.solved(visitor))["code"] == 1000


def test_an_address_signs_in_offline_three_hundred_times_at_most(
    shop: CaptchaShop, visitor: ClientAt
) -> None:
    shop.switch("down")
    for _ in range(300):
        take_attempt([Limit("captcha-offline", visitor.address, 300)])
    check_refusal(
        login(visitor, builders.a_user().username, offline_answer(start(visitor)["challenge"])), 1004
    )


def test_geetest_is_asked_how_it_is_once_in_a_while(shop: CaptchaShop, visitor: ClientAt) -> None:
    with shop.proxy.recording() as calls:
        for _ in range(3):
            start(visitor)
    assert shop.asked(calls) == ["/v1/bypass_status.php"] + ["/register.php"] * 3
    shop.switch("bypass")
    with shop.proxy.recording() as calls:
        for _ in range(3):
            start(visitor)
    assert shop.asked(calls) == ["/v1/bypass_status.php"]


@pytest.mark.parametrize("trouble", [reset_before(), silent(), drip(seconds_between_bytes=0.2)])
def test_a_registration_that_fails_or_drags_on_is_offline(
    shop: CaptchaShop, visitor: ClientAt, trouble: Any
) -> None:
    with shop.proxy.faults(Fault.on(where=lambda call: "register" in call.path, action=trouble)):
        assert start(visitor)["success"] == 0


@pytest.mark.parametrize("trouble", [reset_before(), reset_after(), silent()])
def test_an_answer_that_cannot_be_confirmed_is_refused(
    shop: CaptchaShop, visitor: ClientAt, trouble: Any
) -> None:
    user, solved = builders.a_user(), shop.solved(visitor)
    with shop.proxy.faults(Fault.on("POST", action=trouble)):
        check_refusal(login(visitor, user.username, solved), 1001)
    assert login(visitor, user.username, shop.solved(visitor))["code"] == 1000


def test_geetest_tells_its_state_at_a_host_of_its_own() -> None:
    real = Geetest(3, "id", "key", "https://api.geetest.com")
    assert real._status_url == "https://bypass.geetest.com"
    assert Geetest(3, "id", "key", "http://127.0.0.1:8110")._status_url == "http://127.0.0.1:8110"


def test_an_account_at_geetest_that_does_not_exist_is_offline(gateway_server: GatewayServer) -> None:
    with captcha_on(GEETEST_ID="f" * 32):
        started = start(ClientAt())
    assert (started["success"], started["gt"]) == (0, "f" * 32)


# Registering and claiming


def test_a_solved_captcha_registers_one_name(shop: CaptchaShop, visitor: ClientAt) -> None:
    solved = shop.solved(visitor)
    check_refusal(register(visitor, solved, username=builders.a_user().username), 1006)
    check_refusal(register(visitor, solved, password="short"), 1007)
    assert register(visitor, solved)["code"] == 1000
    check_refusal(register(visitor, solved), 1001)


def test_many_registrations_at_once_with_one_captcha_are_one(shop: CaptchaShop, visitor: ClientAt) -> None:
    solved = shop.solved(visitor)
    check_refusal(register(visitor, solved, password="short"), 1007)
    answers = at_once(*[lambda: register(visitor, solved)] * 4)
    assert sorted(answer["code"] for answer in answers) == [1000, 1001, 1001, 1001]
    check_refusal(register(visitor, solved), 1001)


def test_a_wrong_slide_to_register_leaves_the_challenge_to_a_right_one(
    shop: CaptchaShop, visitor: ClientAt
) -> None:
    challenge = start(visitor)["challenge"]
    check_refusal(register(visitor, offline_answer(challenge)), 1001)
    assert register(visitor, shop.geetest.solve(challenge))["code"] == 1000


def test_a_claim_needs_a_captcha_too(shop: CaptchaShop) -> None:
    learner = ClientAt(builders.a_user())
    path = f"/coupons/{builders.new_id()}/claim"
    check_refusal(learner.post(path), 1001)
    check_refusal(learner.post(path, {}), 1001)
    check_refusal(learner.post(path, shop.solved(learner)), 1701)
    assert ClientAt().request("POST", path, json=shop.solved(learner)).status_code == 401


def test_other_endpoints_ask_for_no_captcha(shop: CaptchaShop) -> None:
    learner = ClientAt(builders.a_user())
    change = {"old_password": PASSWORD, "new_password": "another good one"}
    assert learner.put("/password", change)["code"] == 1000
    assert learner.get("/sessions")["code"] == 1000


# Version 4


def test_version_4_starts_without_a_challenge(v4: CaptchaShop, visitor: ClientAt) -> None:
    with v4.proxy.recording() as calls:
        for _ in range(3):
            assert start(visitor) == {
                "success": 1,
                "gt": GEETEST_ID,
                "challenge": "",
                "captcha": "on",
                "geetest_version": "4",
            }
    assert v4.asked(calls) == ["/validate"], "whether Geetest answers at all, once in a while"


def test_version_4_signs_in_after_a_wrong_password_and_is_then_gone(
    v4: CaptchaShop, visitor: ClientAt
) -> None:
    user, solved = builders.a_user(), v4.geetest.solve_v4()
    with v4.proxy.recording() as calls:
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
        assert login(visitor, user.username, solved)["code"] == 1000
    assert v4.asked(calls) == ["/validate"]
    check_refusal(login(visitor, user.username, solved), 1001)


def test_version_4_serves_five_attempts(v4: CaptchaShop, visitor: ClientAt) -> None:
    user, solved = builders.a_user(), v4.geetest.solve_v4()
    for _ in range(5):
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    check_refusal(login(visitor, user.username, solved), 1001)


@pytest.mark.parametrize("key", V4_KEYS)
def test_version_4_needs_each_of_its_keys_as_it_was(v4: CaptchaShop, visitor: ClientAt, key: str) -> None:
    user, solved = builders.a_user(), v4.geetest.solve_v4()
    for value in ("", None, 5, "0" * 32):
        check_refusal(login(visitor, user.username, solved | {key: value}), 1001)
    without = {name: text for name, text in solved.items() if name != key}
    check_refusal(login(visitor, user.username, without), 1001)


def test_version_4_takes_no_answer_of_version_3(v4: CaptchaShop, visitor: ClientAt) -> None:
    given = v4.geetest.challenges.register(GEETEST_ID)
    solved = v4.geetest.solve(v4.geetest.challenges.hashed(given))
    check_refusal(login(visitor, builders.a_user().username, solved), 1001)


def offline_answer_v4(challenge: str) -> dict[str, object]:
    """What a page of version 4 sends with an offline challenge."""
    return dict(zip(V4_KEYS, (challenge, "x" * 32, "x" * 32, "0"), strict=True))


@pytest.mark.parametrize("mode", ["down", "silent"])
def test_version_4_confirms_nothing_while_geetest_is_down(
    v4: CaptchaShop, visitor: ClientAt, mode: str
) -> None:
    user, solved = builders.a_user(), v4.geetest.solve_v4()
    v4.switch(mode)
    check_refusal(login(visitor, user.username, solved), 1001)
    check_refusal(login(visitor, user.username, offline_answer_v4("a1" * 16)), 1001)
    v4.switch("up")
    assert login(visitor, user.username, solved)["code"] == 1000


@pytest.mark.parametrize("mode", ["down", "silent"])
def test_version_4_signs_in_offline_as_version_3_does(v4: CaptchaShop, visitor: ClientAt, mode: str) -> None:
    user = builders.a_user()
    v4.switch(mode)
    started = start(visitor)
    assert (started["success"], len(started["challenge"])) == (0, 32)
    solved = offline_answer_v4(started["challenge"])
    check_refusal(register(visitor, solved), 1001)
    check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
    v4.switch("up")
    check_refusal(login(visitor, user.username, solved), 1001)
    v4.switch(mode)
    assert login(visitor, user.username, solved)["code"] == 1000
    check_refusal(login(visitor, user.username, solved), 1001)


# Off


def test_with_the_captcha_off_a_page_still_gets_an_answer(gateway_server: GatewayServer) -> None:
    visitor = ClientAt()
    started = visitor.get("/api/captcha_check")["data"]
    assert (started["success"], started["captcha"], started["geetest_version"]) == (0, "off", "3")
    assert len(started["challenge"]) == 32
    assert stored(started["challenge"]) is None
    assert login(visitor, builders.a_user().username, offline_answer(started["challenge"]))["code"] == 1000
    assert login(visitor, builders.a_user().username, {})["code"] == 1000


# The database


def test_a_database_that_is_down_is_503_and_lets_nobody_in(faulty_app: FaultyApp) -> None:
    visitor, user = ClientAt(), builders.a_user()
    with captcha_on() as shop:
        solved = shop.solved(visitor)
        body = {"username": user.username, "password": PASSWORD, **solved}
        with faulty_app.dynamodb.down():
            assert visitor.request("POST", "/login", json=body).status_code == 503
        assert login(visitor, user.username, solved)["code"] == 1000


def test_a_success_is_one_even_if_the_challenge_cannot_be_used_up(faulty_app: FaultyApp) -> None:
    visitor, user = ClientAt(), builders.a_user()
    with captcha_on() as shop:
        solved = shop.solved(visitor)
        check_refusal(login(visitor, user.username, solved, "wrong"), 1002)
        # The attempt is counted by one update; whatever comes after it fails.
        with faulty_app.dynamodb.faults(
            *(
                Fault.on("UpdateItem", action=reset_before(), nth=number, must_fire=False)
                for number in range(2, 12)
            )
        ):
            assert login(visitor, user.username, solved)["code"] == 1000


@pytest.mark.parametrize("version", ["3", "4"])
def test_answers_are_refused_while_geetest_has_another_key_and_taken_once_the_shop_has_it_too(
    gateway_server: GatewayServer, visitor: ClientAt, version: str
) -> None:
    user = builders.a_user()
    with captcha_on(GEETEST_VERSION=version) as shop:

        def solved() -> dict[str, str]:
            return shop.geetest.solve_v4() if version == "4" else shop.solved(visitor)

        challenge = shop.challenge(visitor)
        begun = solved() if version == "4" else offline_answer(challenge)
        shop.geetest.challenges.change_key("another-key")
        assert login(visitor, user.username, begun)["code"] == 1001
        if version == "3":
            with pytest.raises(Refusal):  # a page that begins now gets no picture
                solved()
        os.environ["GEETEST_KEY"] = "another-key"
        settings.cache_clear()
        shop.switch("up")
        assert login(visitor, user.username, solved())["code"] == 1000
