"""Polyv's signatures, against the examples that it publishes, and its callbacks, genuine and forged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from chalicelib.errors import NotificationRefused
from chalicelib.gateways.polyv import Polyv, api_sign, player_of, token_sign

VIDEO = "e2e84a738302f20a4f6eb202976f5c63_e"


def polyv(secret_key: str) -> Polyv:
    return Polyv(
        "e2e84a7383", secret_key, "https://api.polyv.net", "https://player.polyv.net/script/player.js"
    )


# dev.polyv.net: deleteKeyFrame, and the list of videos by playauth.
@pytest.mark.parametrize(
    ("query", "secret_key", "sign"),
    [
        (
            {"vid": "8f8482aaab8fe7ea12e3314a11a061fc_8", "ptime": "1476753635000"},
            "AiDQw1mAmi",
            "B2E2D7AAB9DFCC8CBFE7EDC919B5F8F6F4E104BC",
        ),
        ({"vid": "test1", "ptime": "1"}, "test2", "C2B1558D697EA3AF4ED2FC90152751860C1E2163"),
        ({"vid": "test1", "ptime": "1", "format": ""}, "test2", "C2B1558D697EA3AF4ED2FC90152751860C1E2163"),
    ],
)
def test_the_management_api_is_asked_with_the_published_signs(
    query: Mapping[str, str], secret_key: str, sign: str
) -> None:
    assert api_sign(query, secret_key) == sign


def test_a_marquee_has_the_published_sign() -> None:
    """zhixiaodao.com reproduces the vendor's page: vid, secretkey, username, code, status and t of its example."""
    members = {
        "vid": "e8888b74d19fe43983170b7cf804444d_e",
        "username": "test",
        "code": "abc",
        "status": "1",
    }
    sign = polyv("0toiC9qmQA").marquee_sign(members, "143020010115550947")
    assert sign == "a9b6fa726ccd2a75c6d0f9d3bfb81bee"


def test_a_marquee_that_says_how_it_is_shown_signs_that_too_in_the_vendors_order() -> None:
    members = {"vid": VIDEO, "username": "u", "code": "c", "status": "1", "fontSize": "20", "show": "on"}
    text = (
        f"vid={VIDEO}&secretkey=7UagtQOq2A&username=u&code=c&status=1&t=5&msg=&fontSize=20&fontColor=&speed=&filter="
        "&setting=&alpha=&filterAlpha=&filterColor=&blurX=&blurY=&interval=&lifeTime=&tweenTime=&strength=&show=on"
    )
    assert polyv("7UagtQOq2A").marquee_sign(members, "5") == hashlib.md5(text.encode()).hexdigest()


def test_a_token_is_asked_for_with_the_fields_in_order_between_two_keys_in_upper_case() -> None:
    """The vendor publishes the rule, and no value that can be computed again: its page leaves out the key."""
    form = {
        "viewerIp": "203.0.113.9",
        "userId": "e2e84a7383",
        "ts": "1552446282044",
        "videoId": VIDEO,
        "expires": "180",
        "viewerName": "张三",
        "viewerId": "12",
    }
    text = f"KEYexpires180ts1552446282044userIde2e84a7383videoId{VIDEO}viewerId12viewerIp203.0.113.9viewerName张三KEY"
    assert token_sign(form, "KEY") == hashlib.md5(text.encode()).hexdigest().upper()


def test_a_player_on_a_phone_signs_key_video_and_time() -> None:
    expected = hashlib.md5(f"7UagtQOq2A{VIDEO}1568131545000".encode()).hexdigest()
    assert polyv("7UagtQOq2A").player_sign(VIDEO, "1568131545000") == expected


# github.com/polyv/polyv-java-sdk, docs/vod/callBack.md
PUBLISHED = [
    ("7UagtQOq2A", {"type": "upload", "vid": VIDEO, "sign": "b245e3e65aa45b60dc02337b5cd914a7"}, (VIDEO,)),
    (
        "kXmHMLeX6M",
        {"type": "async_upload", "fileUrl": "http://a.mp4", "sign": "c2f168b96d882c1a03f1021c29208916"},
        (),
    ),
    (
        "7UagtQOq2A",
        {
            "type": "encode",
            "format": "flv",
            "vid": VIDEO,
            "df": "1",
            "sign": "3c3eab358901ad19bc59b5df7704ed48",
        },
        (VIDEO,),
    ),
    ("7UagtQOq2A", {"type": "pass", "vid": VIDEO, "sign": "8ebb91d444ce53fafa3256670fb65d84"}, (VIDEO,)),
]


@pytest.mark.parametrize(("secret_key", "query", "videos"), PUBLISHED)
def test_the_published_callbacks_are_taken(
    secret_key: str, query: dict[str, str], videos: tuple[str, ...]
) -> None:
    assert polyv(secret_key).told_videos(query) == videos


def signed(*parts: str) -> dict[str, str]:
    return {"sign": hashlib.md5("".join([*parts, "7UagtQOq2A"]).encode()).hexdigest()}


def test_an_event_is_signed_in_the_address_and_told_in_the_body() -> None:
    other = VIDEO.replace("e2e8", "e2e9")
    done = {"eventType": "TranscodeComplete", "status": "success", "vid": VIDEO, "videoInfos": [{"df": 1}]}
    gone = {"eventType": "DeleteMediaComplete", "vids": f"{VIDEO},{other},{VIDEO}", "sign": "not this one"}
    school = polyv("7UagtQOq2A")
    assert school.told_videos(signed("TranscodeComplete", VIDEO), done) == (VIDEO,)
    assert school.told_videos(signed("DeleteMediaComplete"), gone) == (VIDEO, other)


REFUSED: list[tuple[dict[str, str], object, str]] = [
    ({}, None, "kind"),
    ({"type": "upload"}, None, "sign"),
    ({"type": "upload", "vid": VIDEO, "sign": "0" * 32}, None, "sign"),
    ({"type": "upload", "vid": VIDEO, "sign": "签名"}, None, "sign"),
    ({"type": "upload", "vid": "\ud800", "sign": "0" * 32}, None, "sign"),
    ({"type": "nonsense", "vid": VIDEO} | signed("nonsense", VIDEO), None, "kind"),
    ({"type": "pass", "vid": VIDEO} | signed("manage", "nopass", VIDEO), None, "sign"),
    ({"type": "upload", "vid": "../x"} | signed("upload", "../x"), None, "vid"),
    ({"type": "upload", "vid": f"{VIDEO}\n"} | signed("upload", f"{VIDEO}\n"), None, "vid"),
    ({"type": "upload", "vid": VIDEO.upper()} | signed("upload", VIDEO.upper()), None, "vid"),
    (signed("TranscodeComplete", VIDEO), [], "event"),
    (signed("TranscodeComplete", VIDEO), "TranscodeComplete", "event"),
    (signed("TranscodeComplete", VIDEO), {"eventType": 5}, "kind"),
    (signed("TranscodeComplete", VIDEO), {"eventType": "TranscodeComplete", "vid": [VIDEO]}, "sign"),
    (
        signed("DeleteMediaComplete"),
        {"eventType": "DeleteMediaComplete", "vids": ",".join([VIDEO] * 21)},
        "vid",
    ),
]


@pytest.mark.parametrize(("query", "event", "check"), REFUSED)
def test_what_does_not_verify_is_refused(query: dict[str, str], event: object, check: str) -> None:
    with pytest.raises(NotificationRefused) as caught:
        polyv("7UagtQOq2A").told_videos(query, event)
    assert caught.value.check == check


def test_the_player_is_polyvs_own_or_that_of_whoever_stands_in_for_polyv() -> None:
    assert player_of("https://api.polyv.net") == "https://player.polyv.net/script/player.js"
    assert player_of("http://127.0.0.1:8140") == "http://127.0.0.1:8140/player.js"
