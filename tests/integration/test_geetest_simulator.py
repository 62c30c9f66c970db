"""The Geetest simulator speaks Geetest's protocol: checked over HTTP by a client written from the documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from localstack.geetest import GeetestSimulator, Refusal
from tests.standing_clock import Clock

pytestmark = pytest.mark.integration

GT, KEY = "9f4c5d1e2b3a48670f1e2d3c4b5a6978", "a key only for tests"
ROOT = Path(__file__).parents[2]


class Shop:
    """A shop's server, as Geetest's documents tell it to ask."""

    def __init__(self, url: str) -> None:
        self.url = url

    def register(self, **fields: str) -> str:
        query = {
            "gt": GT,
            "json_format": "1",
            "digestmod": "md5",
            "sdk": "test",
            "client_type": "web",
        } | fields
        answer = requests.get(f"{self.url}/register.php", query, timeout=5)
        assert answer.status_code == 200
        return answer.json()["challenge"]

    def start(self) -> str:
        return hashlib.md5((self.register() + KEY).encode()).hexdigest()

    def validate(self, triple: dict[str, str], **fields: str) -> str:
        form = {
            "seccode": triple["geetest_seccode"],
            "challenge": triple["geetest_challenge"],
            "captchaid": GT,
            "json_format": "1",
            "sdk": "test",
        }
        answer = requests.post(f"{self.url}/validate.php", form | fields, timeout=5)
        assert answer.status_code == 200
        return answer.json()["seccode"]

    def bypass_status(self) -> str:
        answer = requests.get(f"{self.url}/v1/bypass_status.php", {"gt": GT}, timeout=5)
        return answer.json()["status"]

    def validate_v4(self, proof: dict[str, str], **fields: str) -> dict[str, Any]:
        signed = hmac.new(KEY.encode(), proof["lot_number"].encode(), hashlib.sha256).hexdigest()
        form = {name: proof[name] for name in ("lot_number", "captcha_output", "pass_token", "gen_time")}
        form |= {"sign_token": signed, "captcha_id": GT} | fields
        query = {"captcha_id": form.pop("captcha_id")}
        answer = requests.post(f"{self.url}/validate", form, params=query, timeout=5)
        assert answer.status_code == 200
        return answer.json()


class Browser:
    """What the scripts ask, and the eyes of a person: the gap is found in the picture."""

    def __init__(self, url: str) -> None:
        self.url = url

    def show(self, challenge: str, gt: str = GT) -> dict[str, str]:
        query = {"gt": gt, "challenge": challenge}
        return requests.get(f"{self.url}/get.php", query, timeout=10).json()

    def slide(self, challenge: str, left: object) -> dict[str, str]:
        form = {"gt": GT, "challenge": challenge, "left": str(left)}
        return requests.post(f"{self.url}/ajax.php", form, timeout=5).json()

    def pass_v3(self, challenge: str) -> dict[str, str]:
        picture = self.show(challenge)
        done = self.slide(picture["challenge"], seen_gap(picture))
        return {
            "geetest_challenge": picture["challenge"],
            "geetest_validate": done["validate"],
            "geetest_seccode": f"{done['validate']}|jordan",
        }

    def load(self) -> dict[str, str]:
        return requests.get(f"{self.url}/load", {"captcha_id": GT}, timeout=10).json()

    def verify(self, lot_number: str, left: object) -> dict[str, Any]:
        form = {"captcha_id": GT, "lot_number": lot_number, "left": str(left)}
        return requests.post(f"{self.url}/verify", form, timeout=5).json()

    def pass_v4(self) -> dict[str, str]:
        picture = self.load()
        return self.verify(picture["lot_number"], seen_gap(picture))["seccode"]


def pixels(url: str) -> tuple[int, int, int, bytes]:
    """A PNG's width, height, bytes a pixel, and pixels, from a data: address; rows must be unfiltered."""
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, header = 8, b"", b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        header = content if kind == b"IHDR" else header
        data += content if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colours = struct.unpack(">IIBB", header[:10])
    assert depth == 8
    size = {2: 3, 6: 4}[colours]
    raw, stride = zlib.decompress(data), width * size + 1
    assert all(raw[row * stride] == 0 for row in range(height))
    return width, height, size, b"".join(raw[row * stride + 1 : (row + 1) * stride] for row in range(height))


def seen_gap(picture: dict[str, str]) -> int:
    """Where the picture shows a darkened copy of the piece, with a bright rim left and right."""
    width, height, _, scene = pixels(picture["background"])
    piece_width, piece_height, _, piece = pixels(picture["piece"])
    assert height == piece_height
    top = next(y for y in range(height) if piece[(y * piece_width + 48) * 4 + 3] == 255)
    spots = [(x, top + y) for y in (26, 34, 80, 88) for x in (11, 12, 15, *range(20, 80, 8), 81, 84, 85)]

    def difference(left: int) -> float:
        total = 0.0
        for x, y in spots:
            ours, theirs = (y * piece_width + x) * 4, (y * width + left + x) * 3
            rim = not 13 < x < 83
            for channel in range(3):
                expected = 194 if rim else piece[ours + channel] * 0.42
                total += abs(expected - scene[theirs + channel])
        return total

    return min(range(width - piece_width), key=difference)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[GeetestSimulator]:
    with GeetestSimulator(geetest_id=GT, geetest_key=KEY, clock=clock) as simulator:
        yield simulator


@pytest.fixture
def shop(simulator: GeetestSimulator) -> Shop:
    return Shop(simulator.url)


@pytest.fixture
def browser(simulator: GeetestSimulator) -> Browser:
    return Browser(simulator.url)


# --- v3 ----------------------------------------------------------------------------------------------------


def test_registering_gives_a_new_challenge_of_32_characters_each_time(shop: Shop) -> None:
    given = {shop.register() for _ in range(5)}
    assert len(given) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", challenge) for challenge in given)


@pytest.mark.parametrize("wrong", [{"gt": "0" * 32}, {"gt": ""}, {"digestmod": "rot13"}])
def test_an_unknown_account_or_digest_registers_the_challenge_0(shop: Shop, wrong: dict[str, str]) -> None:
    assert shop.register(**wrong) == "0"


def test_without_json_format_registering_answers_the_bare_challenge(simulator: GeetestSimulator) -> None:
    answer = requests.get(f"{simulator.url}/register.php", {"gt": GT}, timeout=5)
    assert re.fullmatch("[0-9a-f]{32}", answer.text)


@pytest.mark.parametrize(
    ("digestmod", "hashed"),
    [
        ("md5", lambda given: hashlib.md5((given + KEY).encode()).hexdigest()),
        ("sha256", lambda given: hashlib.sha256((given + KEY).encode()).hexdigest()),
        ("hmac-sha256", lambda given: hmac.new(KEY.encode(), given.encode(), hashlib.sha256).hexdigest()),
    ],
)
def test_a_slide_into_the_seen_gap_is_accepted_once(
    shop: Shop, browser: Browser, digestmod: str, hashed: Any
) -> None:
    challenge = hashed(shop.register(digestmod=digestmod))
    triple = browser.pass_v3(challenge)
    assert triple["geetest_challenge"][:-2] == challenge
    assert shop.validate(triple) == hashlib.md5(triple["geetest_seccode"].encode()).hexdigest()
    assert shop.validate(triple) == "false"


def test_without_json_format_validating_answers_text(simulator: GeetestSimulator) -> None:
    answer = requests.post(f"{simulator.url}/validate.php", {"seccode": "x"}, timeout=5)
    assert answer.text == "false"


def test_the_challenge_as_it_was_given_cannot_be_slid_before_it_is_hashed(
    shop: Shop, browser: Browser
) -> None:
    answer = browser.show(shop.register())
    assert (answer["status"], answer["error"]) == ("error", "illegal challenge")


def test_a_slide_beside_the_gap_fails_and_spends_the_picture(shop: Shop, browser: Browser) -> None:
    picture = browser.show(shop.start())
    gap = seen_gap(picture)
    assert browser.slide(picture["challenge"], gap + 20) == {"status": "fail"}
    assert browser.slide(picture["challenge"], gap)["error"] == "old picture"


def test_a_slide_a_little_beside_the_gap_is_right(shop: Shop, browser: Browser) -> None:
    picture = browser.show(shop.start())
    assert browser.slide(picture["challenge"], seen_gap(picture) + 5.25)["status"] == "success"


@pytest.mark.parametrize("left", ["", "nan", "inf", "-inf", "left", "1e400"])
def test_a_slide_to_nowhere_fails(shop: Shop, browser: Browser, left: str) -> None:
    assert browser.slide(browser.show(shop.start())["challenge"], left) == {"status": "fail"}


def test_a_new_picture_makes_the_one_before_worthless(shop: Shop, browser: Browser) -> None:
    challenge = shop.start()
    before, after = browser.show(challenge), browser.show(challenge)
    assert browser.slide(before["challenge"], seen_gap(before))["error"] == "old picture"
    assert browser.slide(after["challenge"], seen_gap(after))["status"] == "success"


def test_a_challenge_can_be_slid_again_and_each_proof_works_once(shop: Shop, browser: Browser) -> None:
    challenge = shop.start()
    triples = [browser.pass_v3(challenge) for _ in range(3)]
    assert len({triple["geetest_challenge"] for triple in triples}) == 3
    assert [shop.validate(triple) != "false" for triple in triples * 2] == [True] * 3 + [False] * 3


def test_a_proof_belongs_to_its_challenge(shop: Shop, simulator: GeetestSimulator) -> None:
    one, other = (simulator.solve(shop.start()) for _ in range(2))
    assert shop.validate(one, challenge=other["geetest_challenge"]) == "false"
    assert shop.validate(one, challenge=one["geetest_challenge"][:32]) == "false"
    assert shop.validate(one, captchaid="0" * 32) == "false"
    assert shop.validate(one, seccode=one["geetest_validate"]) == "false"
    assert shop.validate(one) != "false"


def test_only_one_of_many_at_once_has_a_proof_accepted(shop: Shop, simulator: GeetestSimulator) -> None:
    triple = simulator.solve(shop.start())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(shop.validate, [triple] * 16))
    assert sum(answer != "false" for answer in answers) == 1


def test_a_challenge_lives_ten_minutes(
    shop: Shop, browser: Browser, simulator: GeetestSimulator, clock: Clock
) -> None:
    challenge = shop.start()
    first, second = simulator.solve(challenge), simulator.solve(challenge)
    clock.forward(minutes=9, seconds=59)
    assert shop.validate(first) != "false"
    clock.forward(seconds=1)
    assert shop.validate(second) == "false"
    assert browser.show(challenge)["error"] == "old challenge"
    with pytest.raises(Refusal, match="old challenge"):
        simulator.solve(challenge)


def test_whoever_guesses_too_often_is_shown_no_more_pictures(
    shop: Shop, browser: Browser, simulator: GeetestSimulator
) -> None:
    challenge = shop.start()
    for _ in range(11):
        assert browser.slide(browser.show(challenge)["challenge"], -100) == {"status": "fail"}
    answer = browser.show(challenge)
    assert (answer["error"], answer["user_error"]) == ("forbidden", "尝试次数过多，请刷新页面")


def test_the_gap_is_told_by_no_number(shop: Shop, browser: Browser) -> None:
    v3, v4 = browser.show(shop.start()), browser.load()
    assert set(v3) == {"status", "challenge", "background", "piece"}
    assert set(v4) == {"status", "lot_number", "background", "piece"}


# --- v4 ----------------------------------------------------------------------------------------------------


def test_in_v4_a_slide_into_the_seen_gap_is_accepted_once(shop: Shop, browser: Browser) -> None:
    proof = browser.pass_v4()
    assert set(proof) == {"captcha_id", "lot_number", "pass_token", "gen_time", "captcha_output"}
    answer = shop.validate_v4(proof)
    assert (answer["status"], answer["result"], answer["reason"]) == ("success", "success", "")
    assert answer["captcha_args"]["lot_number"] == proof["lot_number"]
    again = shop.validate_v4(proof)
    assert (again["status"], again["result"], again["reason"]) == ("success", "fail", "pass_token expire")


def test_in_v4_a_slide_beside_the_gap_fails_and_spends_the_lot(browser: Browser) -> None:
    picture = browser.load()
    gap = seen_gap(picture)
    assert browser.verify(picture["lot_number"], gap - 20) == {"status": "fail"}
    assert browser.verify(picture["lot_number"], gap)["status"] == "error"


@pytest.mark.parametrize("name", ["sign_token", "pass_token", "captcha_output"])
def test_in_v4_a_changed_field_fails_and_leaves_the_right_one_usable(
    shop: Shop, simulator: GeetestSimulator, name: str
) -> None:
    proof = simulator.solve_v4()
    assert shop.validate_v4(proof, **{name: "f" * 64})["result"] == "fail"
    assert shop.validate_v4(proof)["result"] == "success"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"captcha_id": ""}, "-50101"),
        ({"captcha_id": "short"}, "-50102"),
        ({"captcha_id": "0" * 32}, "-50103"),
        ({"lot_number": ""}, "-50302"),
        ({"lot_number": "short"}, "-50303"),
        ({"lot_number": "0" * 32}, "-50301"),
        ({"gen_time": "now"}, "-50005"),
        ({"gen_time": ""}, "-50005"),
    ],
)
def test_in_v4_a_malformed_request_is_an_error_with_its_code(
    shop: Shop, simulator: GeetestSimulator, changed: dict[str, str], code: str
) -> None:
    answer = shop.validate_v4(simulator.solve_v4(), **changed)
    assert (answer["status"], answer["code"]) == ("error", code)
    assert "result" not in answer


def test_in_v4_a_lot_number_lives_ten_minutes(shop: Shop, simulator: GeetestSimulator, clock: Clock) -> None:
    proof = simulator.solve_v4()
    clock.forward(minutes=10)
    assert shop.validate_v4(proof)["code"] == "-50301"


def test_a_proof_of_one_generation_is_nothing_to_the_other(shop: Shop, simulator: GeetestSimulator) -> None:
    v3, v4 = simulator.solve(shop.start()), simulator.solve_v4()
    as_v3 = {"geetest_challenge": v4["lot_number"], "geetest_seccode": f"{v4['pass_token']}|jordan"}
    assert shop.validate(as_v3) == "false"
    name = v3["geetest_challenge"][:32]
    assert shop.validate_v4(v4 | {"lot_number": name})["code"] == "-50301"


# --- Geetest down ------------------------------------------------------------------------------------------

ADDRESSES = ["register.php", "v1/bypass_status.php", "get.php", "load", "validate"]


def test_geetest_well_says_so_to_its_customers_only(shop: Shop, simulator: GeetestSimulator) -> None:
    assert shop.bypass_status() == "success"
    answer = requests.get(f"{simulator.url}/v1/bypass_status.php", {"gt": "0" * 32}, timeout=5)
    assert answer.json() == {"status": "fail"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_geetest_down_answers_503_everywhere_until_it_is_up(
    simulator: GeetestSimulator, address: str
) -> None:
    simulator.switch("down")
    assert requests.get(f"{simulator.url}/{address}", timeout=5).status_code == 503
    simulator.switch("up")
    assert requests.get(f"{simulator.url}/{address}", timeout=5).status_code == 200


def test_geetest_in_bypass_works_but_says_fail(shop: Shop, simulator: GeetestSimulator) -> None:
    simulator.switch("bypass")
    assert shop.bypass_status() == "fail"
    assert shop.validate(simulator.solve(shop.start())) != "false"


def test_geetest_silent_takes_the_request_and_answers_nothing(simulator: GeetestSimulator) -> None:
    simulator.switch("silent")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{simulator.url}/register.php", {"gt": GT}, timeout=(5, 0.3))


def test_who_waits_for_a_silent_geetest_is_cut_off_when_it_is_switched(simulator: GeetestSimulator) -> None:
    simulator.switch("silent")
    cut = threading.Event()

    def wait() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{simulator.url}/register.php", {"gt": GT}, timeout=(5, 30))
        cut.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not cut.wait(0.2)
    simulator.switch("up")
    assert cut.wait(5)


def test_the_scripts_the_page_and_the_control_api_answer_in_every_mode(simulator: GeetestSimulator) -> None:
    for mode in ("up", "down", "silent", "bypass"):
        simulator.switch(mode)
        for path in ("static/gt.js", "static/gt4.js", "", "control/state"):
            assert requests.get(f"{simulator.url}/{path}", timeout=5).status_code == 200


def test_there_is_no_other_mode(simulator: GeetestSimulator) -> None:
    with pytest.raises(ValueError, match="up, down, silent, bypass"):
        simulator.switch("tired")
    assert simulator.mode == "up"


# --- browsers ----------------------------------------------------------------------------------------------

FRONT = {"Origin": "http://127.0.0.1:8080"}


@pytest.mark.parametrize("path", ["static/gt.js", "static/gt4.js", "get.php", "load"])
def test_any_page_of_this_computer_may_read_what_the_scripts_ask(
    simulator: GeetestSimulator, path: str
) -> None:
    for mode in ("up", "down"):
        simulator.switch(mode)
        answer = requests.get(f"{simulator.url}/{path}", headers=FRONT, timeout=5)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_preflight_is_answered(simulator: GeetestSimulator) -> None:
    answer = requests.options(f"{simulator.url}/ajax.php", headers=FRONT, timeout=5)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


@pytest.mark.parametrize("path", ["", "control/state", "register.php"])
def test_pages_of_other_origins_may_not_read_the_rest(simulator: GeetestSimulator, path: str) -> None:
    answer = requests.get(f"{simulator.url}/{path}", headers=FRONT, timeout=5)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.status_code == (403 if path.startswith("control") else 200)


@pytest.mark.parametrize(("path", "name"), [("gt.js", "initGeetest"), ("gt4.js", "initGeetest4")])
def test_the_script_defines_its_one_function(simulator: GeetestSimulator, path: str, name: str) -> None:
    answer = requests.get(f"{simulator.url}/static/{path}", timeout=5)
    assert answer.headers["Content-Type"] == "text/javascript;charset=utf-8"
    assert re.findall(r"window\.(\w+) =", answer.text) == [name]


@pytest.mark.parametrize("path", ["ajax.php", "verify", "validate.php"])
def test_what_changes_something_is_posted(simulator: GeetestSimulator, path: str) -> None:
    assert requests.get(f"{simulator.url}/{path}", timeout=5).status_code == 405


# --- the control API and the page --------------------------------------------------------------------------


def control(simulator: GeetestSimulator, path: str, value: Any = None) -> requests.Response:
    if value is None:
        return requests.get(f"{simulator.url}/control/{path}", timeout=5)
    return requests.post(f"{simulator.url}/control/{path}", json=value, timeout=5)


def test_the_control_api_solves_for_tests(shop: Shop, browser: Browser, simulator: GeetestSimulator) -> None:
    triple = control(simulator, "solve", {"challenge": shop.start()}).json()
    assert shop.validate(triple) != "false"
    lot_number = browser.load()["lot_number"]
    proof = control(simulator, "solve", {"challenge": lot_number}).json()
    assert proof["lot_number"] == lot_number
    assert shop.validate_v4(proof)["result"] == "success"
    assert shop.validate_v4(control(simulator, "solve_v4", {}).json())["result"] == "success"


def test_the_control_api_solves_with_geetest_down(shop: Shop, simulator: GeetestSimulator) -> None:
    challenge = shop.start()
    simulator.switch("down")
    assert control(simulator, "solve", {"challenge": challenge}).status_code == 200


@pytest.mark.parametrize(
    ("challenge", "status"), [("f" * 32, 404), ("", 400), (7, 400), ({}, 400), ("\ud800", 400), (None, 400)]
)
def test_the_control_api_solves_nothing_unknown(
    simulator: GeetestSimulator, challenge: object, status: int
) -> None:
    assert control(simulator, "solve", {"challenge": challenge}).status_code == status


def test_the_control_api_solves_nothing_too_old(
    shop: Shop, simulator: GeetestSimulator, clock: Clock
) -> None:
    challenge = shop.start()
    clock.forward(minutes=10)
    answer = control(simulator, "solve", {"challenge": challenge})
    assert (answer.status_code, answer.json()) == (409, {"reason": "old challenge"})


def test_the_control_api_switches(simulator: GeetestSimulator) -> None:
    assert control(simulator, "mode", {"mode": "down"}).json()["mode"] == "down"
    assert simulator.mode == "down"
    assert control(simulator, "mode", {"mode": "tired"}).status_code == 400
    assert control(simulator, "state").json() == {
        "geetest_id": GT,
        "mode": "down",
        "modes": ["up", "down", "silent", "bypass"],
        "now": "2026-11-22T04:00:00.000+00:00",
    }


def test_the_control_api_tells_a_challenges_fate(
    shop: Shop, browser: Browser, simulator: GeetestSimulator
) -> None:
    challenge = hashlib.md5((shop.register(user_id="u1", ip_address="192.0.2.7") + KEY).encode()).hexdigest()
    picture = browser.show(challenge)
    waiting = control(simulator, f"challenges/{challenge}").json()
    assert abs(waiting["gap"] - seen_gap(picture)) <= 1
    browser.slide(picture["challenge"], -50)
    triple = browser.pass_v3(challenge)
    shop.validate(triple)
    shop.validate(triple)
    told = control(simulator, f"challenges/{challenge}").json()
    assert (told["version"], told["name"], told["misses"], told["gap"]) == (3, challenge, 1, None)
    assert told["told"]["user_id"] == "u1"
    happened = [event["what"] for event in told["events"]]
    assert happened == ["issued", "shown", "missed", "shown", "passed", "accepted", "refused"]
    assert told["events"][-1]["reason"] == "used seccode"
    assert control(simulator, "challenges").json() == {"challenges": [told]}
    assert control(simulator, "challenges/none").status_code == 404


def test_the_latest_challenges_are_kept_and_the_newest_comes_first(
    shop: Shop, simulator: GeetestSimulator
) -> None:
    first = shop.start()
    for _ in range(500):
        last = simulator.solve_v4()["lot_number"]
    assert control(simulator, f"challenges/{first}").status_code == 404
    assert simulator.latest()[0].name == last
    assert len(simulator.latest()) == 50


def test_the_page_shows_the_switch_and_what_visitors_say_of_themselves_is_only_text(
    shop: Shop, simulator: GeetestSimulator
) -> None:
    shop.register(user_id="<script>alert(1)</script>")
    answer = requests.post(f"{simulator.url}/mode", {"mode": "bypass"}, timeout=5)
    assert (simulator.mode, answer.url) == ("bypass", f"{simulator.url}/")
    assert re.search(r'value="bypass"><button aria-pressed="true">', answer.text)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


def test_the_page_starts_online_or_offline_as_geetest_is(
    simulator: GeetestSimulator, browser: Browser
) -> None:
    def start() -> dict[str, Any]:
        return requests.post(f"{simulator.url}/try/start", json={}, timeout=5).json()

    online = start()
    assert (online["success"], online["gt"]) == (1, GT)
    triple = browser.pass_v3(online["challenge"])
    checks = [requests.post(f"{simulator.url}/try/v3", json=triple, timeout=5).json() for _ in range(2)]
    assert checks == [{"accepted": True}, {"accepted": False, "reason": "used seccode"}]
    proof = browser.pass_v4()
    checks = [requests.post(f"{simulator.url}/try/v4", json=proof, timeout=5).json() for _ in range(2)]
    assert [check["accepted"] for check in checks] == [True, False]
    simulator.switch("down")
    assert start()["success"] == 0
    assert requests.post(f"{simulator.url}/try/v4", json=proof, timeout=5).json() == {"accepted": None}


def test_another_key_makes_what_is_hashed_or_signed_by_the_one_before_worthless(
    simulator: GeetestSimulator, shop: Shop, browser: Browser
) -> None:
    solved = browser.pass_v4()
    answer = requests.post(f"{simulator.url}/control/key", json={"geetest_key": "another"}, timeout=5)
    assert answer.status_code == 200
    assert shop.validate_v4(solved)["result"] == "fail"
    assert browser.show(shop.start())["status"] == "error"
    by_the_other = hashlib.md5((shop.register() + "another").encode()).hexdigest()
    assert browser.show(by_the_other)["status"] == "success"


@pytest.mark.parametrize("path", ["nothing", "static/slider.js", "static/../server.py", "control/nothing"])
def test_what_is_not_there_is_404(simulator: GeetestSimulator, path: str) -> None:
    assert requests.get(f"{simulator.url}/{path}", timeout=5).status_code == 404


@pytest.mark.parametrize("body", ["{", "[]", "7", "", "[" * 20_000, "\udcff"])
def test_unreadable_input_is_refused(simulator: GeetestSimulator, body: str) -> None:
    for path in ("control/solve", "control/mode", "control/key"):
        sent = body.encode("utf-8", "surrogateescape")
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{simulator.url}/{path}", sent, headers=headers, timeout=5)
        assert answer.status_code == 400


def test_it_runs_on_its_own_and_ends_when_told(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "localstack.geetest", "--port", "0", "--id", GT, "--mode", "bypass"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "GEETEST_KEY": KEY},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout
        said = program.stdout.readline()
        shop = Shop(re.findall(r"http://\S+", said)[0])
        assert shop.bypass_status() == "fail"
        assert len(shop.register()) == 32
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.wait()
        program.stdout and program.stdout.close()
