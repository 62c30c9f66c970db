"""The content of an idempotency key: equal requests buy the same, also as earlier versions wrote it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from chalicelib.errors import IdempotencyKeyUsed
from chalicelib.shop import idempotency
from chalicelib.shop.idempotency import FirstAnswer, IdempotencyKey
from chalicelib.web.requests import PaymentRequest, idempotency_key, payment_request

BODY: dict[str, Any] = {
    "is_beli": True,
    "global_coupon_id": 5,
    "pay_money": 199,
    "course_list": [{"course_id": 1, "default_price_policy_id": 3, "coupon_record_id": 7}],
}

EARLIER = (
    "PaymentRequest(choice=Choice(lines=(ChosenLine(course=CourseKey(course_type='course', course_id=1), policy_id=3, "
    "coupon_record_id=7),), general_coupon_record_id=5, use_beli=True), pay_money=19900)"
)
"""What earlier versions kept of it."""


def asked(**changes: object) -> PaymentRequest:
    return payment_request(BODY | changes)


def key_for(request: PaymentRequest) -> IdempotencyKey:
    key = idempotency_key("a-key", request)
    assert key is not None
    return key


def answered(content: str, key: IdempotencyKey) -> FirstAnswer | None:
    """What a key finds whose first answer was kept with this content."""
    where = idempotency.answer_key(1, key)
    first = FirstAnswer(where[1], where[2], content=hashlib.sha256(content.encode()).hexdigest())
    return idempotency.first_answer(1, key, {where: first})


def test_what_is_bought_is_written_as_json() -> None:
    assert json.loads(key_for(asked()).content) == {
        "lines": [["course#1", 3, 7]],
        "general_coupon": 5,
        "beli": True,
        "pay_money": 19900,
    }


def test_a_key_kept_by_this_or_an_earlier_version_gets_its_answer() -> None:
    key = key_for(asked())
    assert answered(key.content, key) is not None
    assert answered(EARLIER, key) is not None


OTHER_POLICY = [{"course_id": 1, "default_price_policy_id": 4, "coupon_record_id": 7}]


@pytest.mark.parametrize(
    "change",
    [{"is_beli": False}, {"global_coupon_id": None}, {"pay_money": 198}, {"course_list": OTHER_POLICY}],
)
def test_a_key_that_bought_something_else_is_refused(change: dict[str, Any]) -> None:
    key = key_for(asked(**change))
    for content in (key_for(asked()).content, EARLIER):
        with pytest.raises(IdempotencyKeyUsed):
            answered(content, key)
