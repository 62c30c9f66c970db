"""Values of the old system's rows: read as documented, or refused with a reason; and its orders' amounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.manage.legacy.orders import split_amounts
from chalicelib.manage.legacy.values import BadValue, Row, blaming
from chalicelib.storage.dynamodb import MAX_ID


def row(value: object) -> Row:
    return Row("api_thing", {"id": 7, "it": value})


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        (0.285, 29),
        (79.992, 7999),
        (79.995, 8000),
        (1.005, 101),
        (300.0, 30000),
        (100, 10000),
        (0.0, 0),
        (1e-9, 0),
    ],
)
def test_money_is_rounded_half_up_to_the_fen_as_the_float_prints(yuan: float, fen: int) -> None:
    assert row(yuan).fen("it") == fen


@pytest.mark.parametrize("value", [-0.001, -1, float("inf"), float("nan"), 1e9, 10**18, "5", None, b"5"])
def test_what_is_no_amount_of_money_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match=r"^it "):
        row(value).fen("it")


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers())
def test_any_number_is_an_exact_amount_or_refused(value: float) -> None:
    try:
        fen = row(value).fen("it")
    except BadValue:
        return
    assert abs(Decimal(repr(value)) * 100 - fen) <= Decimal("0.5")


@pytest.mark.parametrize("value", [1, 999, MAX_ID])
def test_ids_of_up_to_fifteen_digits_are_kept(value: int) -> None:
    assert row(value).reference("it") == value


@pytest.mark.parametrize("value", [0, -1, MAX_ID + 1, "1", 1.0, None, b"\x01"])
def test_other_ids_are_refused(value: object) -> None:
    with pytest.raises(BadValue):
        row(value).reference("it")


@pytest.mark.parametrize("value", [2, -1, "0", None, 0.0])
def test_a_code_outside_its_table_means_nothing(value: object) -> None:
    assert row(1).choice("it", {0: "no", 1: "yes"}) == "yes"
    with pytest.raises(BadValue, match="means nothing"):
        row(value).choice("it", {0: "no", 1: "yes"})


@pytest.mark.parametrize("value", ["12345678901", "\udcff", None, 5, b"text"])
def test_a_text_that_is_too_long_or_not_utf8_or_none_is_refused(value: object) -> None:
    assert row("1234567890").text("it", 10) == "1234567890"
    with pytest.raises(BadValue):
        row(value).text("it", 10)


@pytest.mark.parametrize("value", ["", " ", "　", "a\x00b", "a\nb"])
def test_a_name_is_not_blank_and_holds_no_control_characters(value: str) -> None:
    assert row("Python　进阶").name("it", 64) == "Python　进阶"
    with pytest.raises(BadValue):
        row(value).name("it", 64)


def test_an_empty_text_is_read_as_none_where_none_is_allowed() -> None:
    assert row("").optional_text("it") is None
    assert row(None).optional_text("it") is None
    assert row("x").optional_text("it") == "x"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-08-31 04:03:45.902179", datetime(2019, 8, 31, 4, 3, 45, 902179, tzinfo=UTC)),
        ("2019-08-31 08:31:19", datetime(2019, 8, 31, 8, 31, 19, tzinfo=UTC)),
        ("2019-08-31T16:31:19+08:00", datetime(2019, 8, 31, 8, 31, 19, tzinfo=UTC)),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, moment: datetime) -> None:
    assert row(text).moment("it") == moment


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2019-08-31",
            "2019-02-30 00:00:00",
            "0000-00-00 00:00:00",
            "9999-12-31 23:59:59",
            "1900-01-01 00:00:00",
        ),
        *(
            "0001-01-01 00:00:00+14:00",
            "２０１９-08-31 00:00:00",
            "2019-08-31 24:61:00",
            "soon",
            "",
            None,
            1567224225,
        ),
    ],
)
def test_broken_times_are_refused(value: object) -> None:
    with pytest.raises(BadValue):
        row(value).moment("it")


def test_a_time_in_the_future_is_refused_where_none_can_be() -> None:
    text, moment = "2019-08-31 08:31:19", datetime(2019, 8, 31, 8, 31, 19, tzinfo=UTC)
    assert row(text).moment("it", latest=moment) == moment
    with pytest.raises(BadValue, match="future"):
        row(text).moment("it", latest=moment.replace(second=18))


def test_a_day_runs_from_midnight_to_midnight_in_beijing() -> None:
    assert row("2019-06-10").day_begin("it") == datetime(2019, 6, 9, 16, tzinfo=UTC)
    assert row("2019-06-10").day_end("it") == datetime(2019, 6, 10, 16, tzinfo=UTC)


def test_the_last_day_of_the_calendar_can_be_an_end() -> None:
    assert row("9999-12-31").day("it") == date.max
    assert row("9999-12-31").day_end("it").year == 9999


@pytest.mark.parametrize(
    "value", ["2019-02-30", "2019-6-10", "20190610", "0001-01-01", "２０１９-06-10", None, 43626]
)
def test_broken_days_are_refused(value: object) -> None:
    with pytest.raises(BadValue):
        row(value).day("it")


@given(st.none() | st.integers() | st.floats() | st.text() | st.binary())
def test_no_value_is_more_than_refused(value: object) -> None:
    it = row(value)
    readings = (
        *(it.reference, it.flag, it.text, it.optional_text, it.exact_yuan, it.fen),
        *(it.day, it.day_begin, it.day_end, it.moment, it.optional_moment),
    )
    for read in readings:
        reason = refusal(read)
        assert "\n" not in reason
        assert len(reason) < 120


def refusal(read: Callable[[str], object]) -> str:
    """Why a reading refuses the column, or nothing."""
    try:
        read("it")
    except BadValue as reason:
        return str(reason)
    return ""


def test_a_reason_names_the_part_that_it_is_about() -> None:
    with pytest.raises(BadValue, match=r"^api_thing 7: it 9 means nothing$"), blaming(row(9)):
        row(9).choice("it", {})


# What lines cost and what was paid for all


def test_what_the_lines_exceed_the_amount_by_is_a_discount_on_the_whole_order() -> None:
    assert split_amounts([Decimal(170), Decimal(300)], 44000) == ([17000, 30000], [1085, 1915])


def test_lines_that_were_rounded_together_only_are_rounded_up_where_most_was_lost() -> None:
    prices = [Decimal("79.992"), Decimal("79.994"), Decimal("10")]
    assert split_amounts(prices, 16999) == ([7999, 8000, 1000], [0, 0, 0])


def test_more_than_the_lines_cost_is_refused() -> None:
    with pytest.raises(BadValue, match="more than its lines cost"):
        split_amounts([Decimal(170)], 17001)


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=40),
    st.integers(0, 10**9),
    st.booleans(),
)
def test_prices_less_shares_are_what_was_paid_and_never_below_zero(
    tenths_of_fen: list[int], discount: int, discounted: bool
) -> None:
    prices = [Decimal(price) / 1000 for price in tenths_of_fen]
    whole = int((sum(prices, Decimal()) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    amount = max(0, whole - discount) if discounted else whole

    fen, shares = split_amounts(prices, amount)

    assert sum(fen) - sum(shares) == amount
    assert all(0 <= share <= price for price, share in zip(fen, shares, strict=True))
    assert all(abs(price - exact * 100) < 1 for price, exact in zip(fen, prices, strict=True))
