"""Phone numbers and addresses: one way to write each, and what others see of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shop.contact import CHANNELS, MAIL, SMS, masked, normal
from chalicelib.shop.one_time_code import SENDING_LIMITS, Sendings, new_code, wait_seconds

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["138 0013 8000", "138-0013-8000", "+86 13800138000", "008613800138000"])
def test_a_number_is_written_in_one_way(text: str) -> None:
    assert normal(SMS, text) == "13800138000"


@pytest.mark.parametrize(
    "text",
    [
        "", "1380013800", "138001380000", "12800138000", "+1 3800138000", "１３８００１３８０００", "13800138000\n",
        "1380013800x", "%00",
    ],
)  # fmt: skip
def test_what_is_no_mobile_number(text: str) -> None:
    assert normal(SMS, text) is None


@pytest.mark.parametrize("text", ["Li.Lei@Example.com", " li.lei@example.com "])
def test_an_address_is_written_in_one_way(text: str) -> None:
    assert normal(MAIL, text) == "li.lei@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "li", "li@", "@example.com", "li@example", "li@@example.com", "li@-example.com", "li lei@example.com",
        "li@example.com\nBcc: x@example.com", "li\r@example.com", "li@example.com,x@example.com", "<li@example.com>",
        ".li@example.com", "li..lei@example.com", "李@example.com", "li@例.com", "l" * 65 + "@example.com",
        "li@" + "a" * 60 + ".x" * 100 + ".com", "=?utf-8?q?a?=@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert normal(MAIL, text) is None


@given(st.sampled_from(CHANNELS), st.text(max_size=300))
def test_what_is_written_in_its_way_stays_so(channel: str, text: str) -> None:
    written = normal(channel, text)
    assert written is None or normal(channel, written) == written


@pytest.mark.parametrize(
    ("channel", "to", "seen"),
    [
        (SMS, "13800138000", "138****8000"),
        (MAIL, "li.lei@example.com", "l***@example.com"),
        (MAIL, "l@example.com", "l***@example.com"),
    ],
)
def test_its_owner_knows_it_again(channel: str, to: str, seen: str) -> None:
    assert masked(channel, to) == seen


def test_a_code_is_six_digits() -> None:
    assert all(len(code) == 6 and code.isdigit() for code in (new_code() for _ in range(50)))


@given(st.lists(st.integers(1, 3 * 24 * 3600), max_size=60))
def test_no_more_are_sent_in_any_window_than_may_be(gaps: list[int]) -> None:
    """Whoever asks at any times, and however often: the windows slide."""
    now, sent = NOW, list[int]()
    for gap in gaps:
        now += timedelta(seconds=gap % 7 * 13 if gap % 3 else gap)
        kept = Sendings("CODES#x", "CODES", times=sent[-SENDING_LIMITS[-1][1] :])
        wait = wait_seconds(kept, now)
        assert wait_seconds(kept, now + timedelta(seconds=wait)) == 0
        if wait == 0:
            sent.append(int(now.timestamp()))
    for seconds, most in SENDING_LIMITS:
        for at in sent:
            assert sum(at - seconds < one <= at for one in sent) <= most
