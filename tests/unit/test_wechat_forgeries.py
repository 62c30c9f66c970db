"""Forged notifications of WeChat Pay: whatever is changed of a genuine one, it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import NotificationRefused
from tests.unit.test_wechat_notifications import PAYMENT, REFUND, a_body, a_gateway
from tests.unit.test_wechat_signing import signed

GENUINE = a_body(PAYMENT)
HEADERS = signed(GENUINE)


def is_refused(headers: dict[str, str], body: bytes) -> bool:
    try:
        a_gateway().parse_notification(headers, body)
    except NotificationRefused:
        return True
    return False


def test_the_genuine_one_is_taken() -> None:
    assert not is_refused(HEADERS, GENUINE)


@settings(deadline=None, max_examples=300)
@given(position=st.integers(0, len(GENUINE) - 1), other=st.integers(1, 255))
def test_no_byte_of_the_body_can_be_changed(position: int, other: int) -> None:
    changed = bytearray(GENUINE)
    changed[position] ^= other
    assert is_refused(HEADERS, bytes(changed))


@settings(deadline=None, max_examples=100)
@given(at=st.integers(0, len(GENUINE)), more=st.binary(min_size=1, max_size=5))
def test_nothing_can_be_put_into_the_body(at: int, more: bytes) -> None:
    assert is_refused(HEADERS, GENUINE[:at] + more + GENUINE[at:])


@settings(deadline=None, max_examples=100)
@given(begin=st.integers(0, len(GENUINE) - 1), length=st.integers(1, 20))
def test_nothing_can_be_taken_out_of_the_body(begin: int, length: int) -> None:
    assert is_refused(HEADERS, GENUINE[:begin] + GENUINE[begin + length :])


@settings(deadline=None, max_examples=100)
@given(name=st.sampled_from(sorted(HEADERS)), text=st.text(max_size=400))
def test_no_header_can_be_changed(name: str, text: str) -> None:
    if text != HEADERS[name]:
        assert is_refused(HEADERS | {name: text}, GENUINE)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_no_header_can_be_left_out(name: str) -> None:
    assert is_refused({other: text for other, text in HEADERS.items() if other != name}, GENUINE)


def test_the_begin_of_a_body_cannot_be_told_as_a_part_of_the_nonce() -> None:
    """What is signed is lines, so that a line feed could stand in either."""
    body = b"x\n" + GENUINE
    headers = signed(body)
    recut = headers | {"wechatpay-nonce": headers["wechatpay-nonce"] + "\nx"}
    with pytest.raises(NotificationRefused) as refused:
        a_gateway().parse_notification(recut, GENUINE)
    assert refused.value.check == "nonce"


def test_a_genuine_payment_cannot_be_told_as_a_refund_nor_the_other_way() -> None:
    """What is signed is the whole event: its type, too, and each kind lacks what the other must have."""
    for told_of, event_type in ((PAYMENT, "REFUND.SUCCESS"), (REFUND, "TRANSACTION.SUCCESS")):
        body = a_body(told_of, event_type)
        assert is_refused(signed(body), body)
