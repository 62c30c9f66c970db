"""The marquee's code: whom it names, and that nobody else can make or keep one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.shop import marquee, user
from chalicelib.shop.marquee import VISITOR, Viewer

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY, OTHER = "a key that is longer than thirty-two bytes", "another key that is longer than that, too"
VIDEO = "e2e84a738302f20a4f6eb202976f5c63_e"
VIEWER = Viewer("12", "王***明 12")


def test_a_code_names_its_viewer_while_it_is_good_and_for_its_video_only() -> None:
    for viewer in (VIEWER, VISITOR):
        code = marquee.code_for(viewer, VIDEO, NOW, KEY)
        assert marquee.viewer_in(code, VIDEO, NOW, [OTHER, KEY]) == viewer
        assert marquee.viewer_in(code, VIDEO, NOW + marquee.LIFE - timedelta(seconds=1), [KEY]) == viewer
        assert marquee.viewer_in(code, VIDEO, NOW + marquee.LIFE, [KEY]) is None
        assert marquee.viewer_in(code, VIDEO.replace("e2", "e3"), NOW, [KEY]) is None
        assert marquee.viewer_in(code, VIDEO, NOW, [OTHER]) is None


def test_a_code_survives_an_address_as_it_is() -> None:
    codes = [marquee.code_for(Viewer(str(n), f"学员 {n}"), VIDEO, NOW, KEY) for n in range(200)]
    assert all(code.replace("-", "").replace("_", "").isalnum() and code.isascii() for code in codes)
    assert len(set(codes)) == 200


def test_no_code_that_was_changed_or_made_up_is_good() -> None:
    code = marquee.code_for(VIEWER, VIDEO, NOW, KEY)
    raw = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        forged = base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
        assert marquee.viewer_in(forged, VIDEO, NOW, [KEY]) is None


@pytest.mark.parametrize("code", ["", "a", "a" * 5, "昵称", "a b", "a=b", "_" * 401, "\ud800"])
def test_what_is_no_code_names_nobody(code: str) -> None:
    assert marquee.viewer_in(code, VIDEO, NOW, [KEY]) is None


@pytest.mark.parametrize(
    ("username", "mark"),
    [("王小明", "王***明 12"), ("李", "李*** 12"), ("王明", "王*** 12"), ("13800000001", "1***1 12")],
)
def test_a_mark_shows_the_ends_of_a_name_and_the_accounts_number(username: str, mark: str) -> None:
    assert marquee.viewer_of(user.user_item(12, username=username)) == Viewer("12", mark)


def test_the_longest_names_code_is_not_too_long() -> None:
    viewer = marquee.viewer_of(user.user_item(2**53, username="𠮷" * 64))
    code = marquee.code_for(viewer, VIDEO, NOW, KEY)
    assert marquee.viewer_in(code, VIDEO, NOW, [KEY]) == viewer
