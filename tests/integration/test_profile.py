"""`PUT /userinfo`: another name, another picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chalicelib.shop.user import User, find_user
from tests import builders
from tests.addresses import ClientAt
from tests.faults import Fault, die_after, reset_after
from tests.faults.routing import FaultyApp
from tests.shapes import check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

HEADS = Path(__file__).parents[2] / "spa" / "public" / "images" / "heads"


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user(beli=5))


def change(client: ClientAt, **fields: object) -> Any:
    return client.put("/userinfo", fields)


def test_name_and_picture_are_changed_and_shown_everywhere(learner: ClientAt) -> None:
    before = learner.get("/userinfo")
    answer = change(learner, name="小李", head_img="images/heads/bamboo.svg")
    shown = {"name": "小李", "head_img": "http://shop.test/images/heads/bamboo.svg"}
    assert answer == before | {"data": before["data"] | shown}
    assert learner.get("/userinfo") == answer
    assert learner.user is not None
    credentials = {"username": learner.user.username, "password": builders.PASSWORD}
    assert learner.post("/login", credentials)["data"]["userinfo"]["head_img"] == shown["head_img"]


def test_what_is_absent_stays_as_it_is(learner: ClientAt) -> None:
    change(learner, name="小李", head_img="images/heads/pine.svg")
    assert change(learner, name="李雷")["data"]["head_img"] == "http://shop.test/images/heads/pine.svg"
    assert change(learner, head_img="")["data"]["name"] == "李雷"
    told = change(learner, nickname="x")["data"]
    assert (told["name"], told["head_img"]) == ("李雷", "http://shop.test/images/head.svg")


@pytest.mark.parametrize("picture", sorted(path.name for path in HEADS.glob("*.svg")))
def test_every_picture_of_the_shop_front_can_be_chosen(learner: ClientAt, picture: str) -> None:
    assert change(learner, head_img=f"images/heads/{picture}")["code"] == 1000


def test_there_are_pictures_to_choose_from() -> None:
    assert len(list(HEADS.glob("*.svg"))) == 12


@pytest.mark.parametrize("name", ["a", "李", "Anne-Marie O'Neill", "王小明 2026", "x" * 32, "学习使我快乐🎓"])
def test_a_name_that_can_be_seen_is_taken(learner: ClientAt, name: str) -> None:
    assert change(learner, name=name)["data"]["name"] == name


NO_NAMES: list[object] = [
    None, True, 5, [], {}, "", " ", "x" * 33, " x", "x ", "a\nb", "a\x00b", "a\u200bb", "\u202ex", "\ufeff",
    "\u3164", "\ud800", "раypal",
]  # fmt: skip
NO_PICTURES: list[object] = [
    None, True, 5, [], {}, " ", "bamboo.svg", "images/heads/", "images/heads/.svg", "images/heads/A.svg",
    "images/heads/../head.svg", "images/heads/a.png", "images/heads/a.svg\n", "/images/heads/a.svg",
    "https://img.test/a.svg", "//img.test/images/heads/a.svg", "images/heads/a.svg?x", f"images/heads/{'a' * 33}.svg",
    "\ud800",
]  # fmt: skip


def test_what_is_no_name_or_picture_is_1009_and_changes_nothing(learner: ClientAt) -> None:
    before = learner.get("/userinfo")
    good = {"name": "小李", "head_img": "images/heads/pine.svg"}
    for name in NO_NAMES:
        answer = change(learner, **good | {"name": name})
        check_refusal(answer, 1009)
        assert "名称" in answer["msg"]
    for picture in NO_PICTURES:
        answer = change(learner, **good | {"head_img": picture})
        check_refusal(answer, 1009)
        assert "头像" in answer["msg"]
    for body in ([], "x", 5, True, [good]):
        check_refusal(learner.put("/userinfo", body), 1009)
    assert learner.get("/userinfo") == before


def test_somebody_who_is_not_signed_in_changes_nothing(learner: ClientAt) -> None:
    assert ClientAt().request("PUT", "/userinfo", json={"name": "x"}).status_code == 401
    learner.delete("/logout")
    assert learner.request("PUT", "/userinfo", json={"name": "x"}).status_code == 401
    assert learner.user is not None
    assert find_user(learner.user.user_id).name == learner.user.name


def test_somebody_who_is_disabled_meanwhile_changes_nothing(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    assert learner.user is not None
    user = learner.user
    disabled = Fault.on(
        "UpdateItem",
        action=lambda exchange: (user.update([User.disabled.set(True)]), exchange.forward())[1],
        nth=1,
    )
    with faulty_app.dynamodb.faults(disabled):
        assert learner.request("PUT", "/userinfo", json={"name": "x"}).status_code == 401
    assert find_user(user.user_id).name == user.name


def test_a_change_whose_answer_was_lost_is_made_good(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=reset_after(), nth=1)):
        assert change(learner, name="小李")["data"]["name"] == "小李"


def test_name_and_picture_change_together_or_not_at_all(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.dynamodb.faults(Fault.on("UpdateItem", action=die_after(), nth=1)):
        body = {"name": "小李", "head_img": "images/heads/pine.svg"}
        assert learner.request("PUT", "/userinfo", json=body).status_code == 503
    told = learner.get("/userinfo")["data"]
    assert (told["name"], told["head_img"]) == ("小李", "http://shop.test/images/heads/pine.svg")


def test_a_cart_store_that_is_down_is_no_obstacle(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    with faulty_app.redis.down():
        told = change(learner, name="小李")["data"]
    assert (told["name"], told["cart_count"]) == ("小李", None)
