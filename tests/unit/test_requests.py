"""Bodies, paths and queries as they are read, and the refusal of everything else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import (
    CouponUnusable,
    CourseNotFound,
    CoursePageNotFound,
    InvalidPage,
    InvalidRequest,
    OrderNotFound,
    OrderNotPayable,
    PricePolicyNotFound,
    ShopError,
    Unreadable,
    UserNotFound,
)
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.course_key import CourseKey
from chalicelib.web import reading, requests

NO_IDS: list[object] = [
    True, False, None, 1.5, 1.0, Decimal("1.5"), Decimal("30.0"), Decimal("3e1"),
    Decimal(7), -1, 10**15, Decimal("1e15"), Decimal("1e40"), Decimal("-0.1"),
    "", " ", "1 ", " 1", "1\n", "+1", "-1", "1.0", "1e3", "1_0", "0x1", "１", "١", "²", "1" * 16, "\ud800", "\x00",
    "abc", [], {}, [1], {"id": 1},
]  # fmt: skip


# JSON


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"}", b"{]", b"[1,]", b"{'a': 1}", b"{a: 1}", b'{"a" 1}', b'"open', b"1 2", b"01", b"+1",
        b".5", b"1.", b"0x10", b"tru", b"True", b"undefined", b"NaN", b"Infinity", b"-Infinity", b'{"a": NaN}',
        b"[Infinity]", b'"a\nb"', b'"\\x41"', b"{}\x00", b"// {}", b"a=1&b=2", b"<xml/>",
        b"\xef\xbb\xbf{}", b"\xff", b'{"a": "\xff"}', b'"\xed\xa0\x80"', b'"\xc0\xaf"', "{}".encode("utf-16"),
        b"1" * 5000, b"-" + b"1" * 41, b"[" + b"9" * 100_000 + b"]", b"1." + b"0" * 5000, b"1e999999", b"-1e999999",
        b"1e-999999", b"0e999999", b"1e99999999999999999999", b"1E-99999999999999999999",
        b"[" * 21 + b"]" * 21, b'{"a":' * 30 + b"1" + b"}" * 30, b"[" * 1000, b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000, '{"a": "\ufffd"}'.encode(), '{"a": "课程"}'.encode("gbk"),
        b'"' + b"a" * reading.MAX_BODY_BYTES + b'"', b" " * reading.MAX_BODY_BYTES + b"1",
        b"[" + b"[]," * 20_000 + b"1]", b"[" + b"1," * 30_000 + b"1]", b"[" + b"{}," * 1_001 + b"1]",
    ],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_what_is_no_sensible_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        reading.read_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None), (b"[]", []), (b"{}", {}), (b'""', ""), (b" \r\n\t1 ", 1), (b"60", 60), (b"-0", 0),
        (b"223.35", Decimal("223.35")), (b"1e2", Decimal("1e2")), (b"0.1", Decimal("0.1")),
        (b"1" * 40, int("1" * 40)), ('"立减券"'.encode(), "立减券"), (b'"\\ud800"', "\ud800"),
        (b'"\\ud83d\\ude00"', "😀"), (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"' + b"a" * (reading.MAX_BODY_BYTES - 2) + b'"', "a" * (reading.MAX_BODY_BYTES - 2)),
        (b"[" * 20 + b"]" * 20, json.loads("[" * 20 + "]" * 20)),
    ],
)  # fmt: skip
def test_readable_json_is_read_exactly(body: bytes, value: object) -> None:
    assert reading.read_json(body) == value


@given(st.decimals(0, 10**8, places=2))
def test_numbers_never_become_binary_floats(amount: Decimal) -> None:
    read = reading.read_json(str(amount).encode())
    assert not isinstance(read, float)
    assert read == amount


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    with suppress(Unreadable):
        reading.read_json(body)


@pytest.mark.parametrize("is_encoded", [False, True])
@pytest.mark.parametrize("body", ["{}", "学习", ""])
def test_a_body_is_read_as_text_or_base64(body: str, is_encoded: bool) -> None:
    sent = base64.b64encode(body.encode()).decode() if is_encoded else body
    assert reading.body_bytes({"body": sent, "isBase64Encoded": is_encoded}) == body.encode()


@pytest.mark.parametrize(
    ("body", "is_encoded"),
    [
        ("no base64!", True),
        ("=" * 3, True),
        ("\ud800", False),
        ("学", True),
        ("x" * 65_537, False),
        ("A" * 90_000, True),
    ],
)
def test_a_body_that_is_none_is_unreadable(body: str, is_encoded: bool) -> None:
    with pytest.raises(Unreadable):
        reading.body_bytes({"body": body, "isBase64Encoded": is_encoded})


def test_a_body_that_is_too_large_is_not_decoded() -> None:
    class Encoded(str):
        """Fails whoever looks into it."""

        def encode(self, *_: str) -> bytes:
            raise AssertionError("it was looked into")

    for is_encoded in (False, True):
        with pytest.raises(Unreadable):
            reading.body_bytes({"body": Encoded("A" * 6_000_000), "isBase64Encoded": is_encoded})


# Ids


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (1, 1),
        ("1", 1),
        ("0012", 12),
        (10**15 - 1, 10**15 - 1),
        ("9" * 15, 10**15 - 1),
    ],
)
def test_an_id_is_a_whole_number_or_its_digits(value: object, number: int) -> None:
    assert reading.read_id(value) == number


@pytest.mark.parametrize("value", NO_IDS, ids=ascii)
def test_nothing_else_is_an_id(value: object) -> None:
    assert reading.read_id(value) is None


# Sign-in


@pytest.mark.parametrize(
    "body",
    [
        None, [], "x", 1, {}, {"username": None}, {"username": 1}, {"username": True}, {"username": ["a"]},
        {"username": ""}, {"username": " a"}, {"username": "a "}, {"username": "a\nb"}, {"username": "a\x00"},
        {"username": "\ud800"}, {"username": "x" * 65}, {"username": "ﷺ" * 64}, {"username": "\u200b"},
    ],
    ids=ascii,
)  # fmt: skip
def test_what_cannot_be_a_user_name_is_nobody(body: object) -> None:
    with pytest.raises(UserNotFound):
        requests.sign_in_request(body)


@pytest.mark.parametrize(
    "password", [None, 1, True, [], {}, "\ud800", "x" * 1025], ids=lambda value: ascii(value)[:20]
)
def test_what_cannot_be_a_password_is_an_empty_one_which_nobody_has(password: object) -> None:
    body = {"username": "learner", "password": password, "geetest_challenge": 5}
    assert requests.sign_in_request(body) == requests.SignInRequest("learner", "")


# Cart and account


@pytest.mark.parametrize("value", NO_IDS, ids=ascii)
def test_a_line_without_a_course_id_names_no_course_and_without_a_policy_id_no_policy(value: object) -> None:
    with pytest.raises(CourseNotFound):
        requests.cart_add_request({"course_id": value, "price_policy_id": value})
    with pytest.raises(PricePolicyNotFound):
        requests.cart_add_request({"course_id": 1, "price_policy_id": value})
    with pytest.raises(CourseNotFound):
        requests.cart_remove_request({"course_id": value})
    with pytest.raises(CourseNotFound):
        requests.account_request([{"course_id": value, "price_policy_id": value}])


@pytest.mark.parametrize(
    "course_type", [None, "", "Course", "coupon", 1, True, [], {}, ["course"], "course#1"]
)
def test_an_unknown_course_type_names_no_course(course_type: object) -> None:
    with pytest.raises(CourseNotFound):
        requests.cart_add_request({"course_id": 1, "price_policy_id": 1, "course_type": course_type})


def test_the_course_type_is_course_unless_said_otherwise() -> None:
    line = {"course_id": "3", "price_policy_id": 4}
    assert requests.cart_add_request(line) == ChosenPolicy(CourseKey("course", 3), 4)
    degree = requests.cart_add_request(line | {"course_type": "degree_course"})
    assert degree == ChosenPolicy(CourseKey("degree_course", 3), 4)


@pytest.mark.parametrize("body", [None, 1, "x", True, [], [1], Decimal("1.5")])
def test_a_cart_body_that_is_no_object_is_invalid(body: object) -> None:
    for read in (requests.cart_add_request, requests.cart_remove_request):
        with pytest.raises(InvalidRequest):
            read(body)


@pytest.mark.parametrize("body", [None, 1, "x", True, {}, {"course_id": 1}, [], [1], [None], [[]], [{}, 1]])
def test_an_account_body_that_is_no_list_of_lines_is_refused(body: object) -> None:
    with pytest.raises((InvalidRequest, CourseNotFound)):
        requests.account_request(body)


def test_an_account_holds_at_most_forty_lines_and_repetitions_do_not_count() -> None:
    lines = [{"course_id": number, "price_policy_id": 1} for number in range(1, 41)]
    assert len(set(requests.account_request(lines + lines))) == 40
    with pytest.raises(InvalidRequest):
        requests.account_request([*lines, {"course_id": 41, "price_policy_id": 1}])


# PUT /account


def price(**fields: object) -> requests.PriceRequest:
    return requests.price_request({"is_beli": "false"} | fields)


def test_the_examples_of_the_document_are_read() -> None:
    read = price(choose_coupons={"2": 1, "global_coupon_id": 2})
    assert read == requests.PriceRequest({CourseKey("course", 2): 1}, 2, False)
    assert price(is_beli="true").use_beli


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("false", False), (True, True), (False, False)])
def test_is_beli_is_text_or_a_boolean(value: object, flag: bool) -> None:
    assert price(is_beli=value).use_beli is flag


@pytest.mark.parametrize(
    "value", [None, "", "True", "TRUE", "yes", "1", 0, 1, [], {}, ["true"], Decimal("1.0")]
)
def test_is_beli_is_nothing_else(value: object) -> None:
    with pytest.raises(InvalidRequest):
        price(is_beli=value)
    with pytest.raises(InvalidRequest):
        requests.price_request({"choose_coupons": {}})


@pytest.mark.parametrize("value", [None, 0, ""])
def test_null_zero_and_empty_text_choose_no_coupon(value: object) -> None:
    read = price(choose_coupons={"global_coupon_id": value, "1": value, "degree_course#2": value})
    assert read == requests.PriceRequest({}, None, False)
    assert price(choose_coupons=None) == price()


@pytest.mark.parametrize("value", [v for v in NO_IDS if v not in (None, "", False)] + [False], ids=ascii)
def test_what_is_no_coupon_id_is_an_unusable_coupon(value: object) -> None:
    for name in ("global_coupon_id", "1"):
        with pytest.raises(CouponUnusable):
            price(choose_coupons={name: value})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "#",
        "#1",
        "x",
        "1.0",
        "-1",
        "course#",
        "course#x",
        "coupon#1",
        "course#course#1",
        "١",
        "1 ",
        "\ud800",
    ],
)
def test_a_coupon_for_what_is_no_course_is_invalid(name: str) -> None:
    with pytest.raises(InvalidRequest):
        price(choose_coupons={name: 1})


def test_the_key_of_a_degree_course_names_its_type() -> None:
    read = price(choose_coupons={"degree_course#3": 7, "3": 8})
    assert read.coupons == {CourseKey("degree_course", 3): 7, CourseKey("course", 3): 8}


def test_one_course_spelled_twice_is_invalid() -> None:
    with pytest.raises(InvalidRequest):
        price(choose_coupons={"1": 5, "01": 6})


@pytest.mark.parametrize("body", [None, [], "x", 1, True, [{"is_beli": "true"}]])
def test_a_body_that_is_no_object_prices_nothing(body: object) -> None:
    with pytest.raises(InvalidRequest):
        requests.price_request(body)


@pytest.mark.parametrize("chosen", ["x", 1, True, [1], [["1", 2]]])
def test_chosen_coupons_that_are_no_object_are_invalid(chosen: object) -> None:
    with pytest.raises(InvalidRequest):
        price(choose_coupons=chosen)


# Payment


def payment(**fields: Any) -> requests.PaymentRequest:
    line = {"course_id": 1, "default_price_policy_id": 2, "coupon_record_id": None}
    body = {"is_beli": False, "course_list": [line], "global_coupon_id": "", "pay_money": 60}
    return requests.payment_request(body | fields)


LINE = {"course_id": 1, "default_price_policy_id": 2}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"is_beli": 1}, InvalidRequest),
        ({"course_list": None}, InvalidRequest),
        ({"course_list": [5]}, InvalidRequest),
        ({"course_list": []}, CourseNotFound),
        ({"course_list": [{}]}, CourseNotFound),
        ({"course_list": [{"course_id": 1}]}, PricePolicyNotFound),
        ({"course_list": [LINE, LINE | {"default_price_policy_id": 3}]}, PricePolicyNotFound),
        ({"course_list": [LINE | {"coupon_record_id": "x"}]}, CouponUnusable),
        ({"course_list": [LINE | {"coupon_record_id": 5}, LINE | {"coupon_record_id": 6}]}, CouponUnusable),
        ({"course_list": [LINE | {"course_id": number} for number in range(41)]}, InvalidRequest),
        ({"global_coupon_id": True}, CouponUnusable),
    ],
    ids=str,
)
def test_each_wrong_field_of_a_payment_has_its_refusal(
    fields: dict[str, Any], refusal: type[ShopError]
) -> None:
    with pytest.raises(refusal):
        payment(**fields)


@pytest.mark.parametrize("amount", [60, "60", "60.0", "60.00", Decimal("60.0"), Decimal("6e1")])
def test_an_amount_is_compared_as_an_exact_decimal(amount: object) -> None:
    assert payment(pay_money=amount).pay_money == 6000


@pytest.mark.parametrize("amount", [None, "1.001", -1, True, "１", [], Decimal("0.30000000000000004")])
def test_what_is_no_amount_is_left_to_whoever_knows_what_is_due(amount: object) -> None:
    assert payment(pay_money=amount).pay_money is None


def test_exact_repetitions_of_a_line_are_one() -> None:
    assert len(payment(course_list=[LINE, LINE | {"coupon_record_id": None}]).choice.lines) == 1


# Queries and paths


@pytest.mark.parametrize("text", [None, "0", "", "abc", "1.5", "-1", "１", "00"])
def test_a_category_that_is_zero_absent_or_no_number_means_all(text: str | None) -> None:
    assert requests.category_id({} if text is None else {"category_id": text}) is None


def test_a_category_is_read_from_its_digits() -> None:
    assert requests.category_id({"category_id": "12"}) == 12


@pytest.mark.parametrize(
    "query", [{"limit": text} for text in ("0", "501", "-1", "", "x", "1.5", "１", "9" * 30)]
)
def test_a_limit_is_a_number_from_1_to_500(query: dict[str, str]) -> None:
    with pytest.raises(InvalidPage):
        requests.page_request(query)


def test_a_page_has_500_rows_unless_fewer_are_asked_for() -> None:
    assert requests.page_request({}) == requests.PageRequest(500, None)
    assert requests.page_request({"limit": "7", "cursor": "x"}) == requests.PageRequest(7, "x")
    assert requests.page_request({"cursor": ""}) == requests.PageRequest(500, None)
    with pytest.raises(InvalidPage):
        requests.page_request({"cursor": "x" * 401})


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "１", "9" * 16, "1/2", "course#1"])
def test_a_page_with_an_id_that_is_none_does_not_exist(text: str) -> None:
    with pytest.raises(CoursePageNotFound):
        requests.detail_id(text)
    with pytest.raises(CourseNotFound):
        requests.course_key_of(text, {})


def test_an_order_is_asked_for_by_number_and_amount() -> None:
    number = "20240101000000000001"
    assert requests.pay_address_request({"order_number": number, "final_price": "100.0"}).amount == 10000
    with pytest.raises(OrderNotFound):
        requests.pay_address_request({"final_price": "1"})
    for amount in ("", "x", "1.001", "-1", "NaN", "1e999999"):
        with pytest.raises(OrderNotPayable):
            requests.pay_address_request({"order_number": number, "final_price": amount})


@pytest.mark.parametrize("text", ["", "a" * 65, "1234567-", "123456\n", "１２３４５６", "../etc/passwd"])
def test_what_can_be_no_order_number_is_no_order(text: str) -> None:
    with pytest.raises(OrderNotFound):
        requests.order_number(text)


# Whole numbers and choices, in every reader


def bought(**changes: object) -> dict[str, object]:
    line = {"course_id": 1, "default_price_policy_id": 2, "coupon_record_id": 3} | changes
    return {"is_beli": False, "course_list": [line], "global_coupon_id": 4, "pay_money": 1}


WHOLE_NUMBERS: dict[str, Callable[[object], object]] = {
    "cart course": lambda v: requests.cart_add_request({"course_id": v, "price_policy_id": 1}),
    "cart policy": lambda v: requests.cart_add_request({"course_id": 1, "price_policy_id": v}),
    "cart removal": lambda v: requests.cart_remove_request({"course_id": v}),
    "account course": lambda v: requests.account_request([{"course_id": v, "price_policy_id": 1}]),
    "account policy": lambda v: requests.account_request([{"course_id": 1, "price_policy_id": v}]),
    "account coupon": lambda v: requests.price_request({"is_beli": False, "choose_coupons": {"1": v}}),
    "account general coupon": lambda v: requests.price_request(
        {"is_beli": False, "choose_coupons": {"global_coupon_id": v}}
    ),
    "payment course": lambda v: requests.payment_request(bought(course_id=v)),
    "payment policy": lambda v: requests.payment_request(bought(default_price_policy_id=v)),
    "payment coupon": lambda v: requests.payment_request(bought(coupon_record_id=v)),
    "payment general coupon": lambda v: requests.payment_request(bought() | {"global_coupon_id": v}),
    "quote general coupon": lambda v: requests.quote_request(bought() | {"global_coupon_id": v}),
    "refund line": lambda v: requests.refund_request({"lines": [v], "reason": "why"}),
}
CHOICES: dict[str, Callable[[object], object]] = {
    "course type": lambda v: requests.cart_remove_request({"course_id": 1, "course_type": v}),
    "account beli": lambda v: requests.price_request({"is_beli": v}),
    "payment beli": lambda v: requests.payment_request(bought() | {"is_beli": v}),
}


@pytest.mark.parametrize("where", WHOLE_NUMBERS)
def test_what_only_equals_a_whole_number_is_none(where: str) -> None:
    WHOLE_NUMBERS[where](1)
    for text in ("30.0", "3e1", "1.0", "1e0", "0.0", "true", "false"):
        with pytest.raises(ShopError):
            WHOLE_NUMBERS[where](reading.read_json(text.encode()))


@pytest.mark.parametrize("where", CHOICES)
def test_what_only_equals_a_choice_is_none(where: str) -> None:
    for text in ("1", "0", "1.0", "0.0", "1e0", "[]", "{}", '["course"]', '"True"', '"COURSE"'):
        with pytest.raises(ShopError):
            CHOICES[where](reading.read_json(text.encode()))
