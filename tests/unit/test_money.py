"""Money: exact, in whole fen, from and to what JSON and Alipay carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.money import (
    MAX_FEN,
    NotMoney,
    beli_for,
    from_legacy_yuan,
    from_yuan,
    percent,
    split,
    to_yuan,
    yuan_text,
)

unhurried = settings(deadline=None)
amounts = st.integers(min_value=0, max_value=MAX_FEN)


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        (60, 6000),
        (0, 0),
        ("0", 0),
        ("100.0", 10000),
        ("223.35", 22335),
        ("0.01", 1),
        ("100.00000", 10000),
        (Decimal("223.35"), 22335),
        (Decimal("1E+2"), 10000),
        (100_000_000, MAX_FEN),
    ],
)
def test_amounts_are_read_exactly_as_clients_print_them(yuan: str | int | Decimal, fen: int) -> None:
    assert from_yuan(yuan) == fen


@pytest.mark.parametrize(
    "value",
    [
        "0.001",
        Decimal("223.355"),
        "60.000000000000000000000000001",
        Decimal("60." + "0" * 35 + "1"),
        "1E-2000000",
        "1E-30",
    ],
)
def test_what_is_finer_than_a_fen_is_no_money_however_fine(value: str | Decimal) -> None:
    with pytest.raises(NotMoney):
        from_yuan(value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-0.01",
        Decimal("-5"),
        100_000_001,
        "100000000.01",
        Decimal("1E+30"),
        10**400,
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        Decimal("NaN"),
        Decimal("Infinity"),
        "",
        " ",
        "sixty",
        "￥60",
        "1,000",
        "1_000",
        "６０",
        "٦٠",
        "0x10",
        "1" * 31,
        "1.2.3",
        "\ud800",
        None,
        True,
        False,
        [],
        {},
        b"60",
    ],
)
def test_anything_else_is_no_money(value: Any) -> None:
    with pytest.raises(NotMoney):
        from_yuan(value)


@pytest.mark.parametrize("value", [60.0, 0.0, float("nan"), float("inf")])
def test_a_binary_float_is_never_taken_for_money(value: Any) -> None:
    with pytest.raises(NotMoney):
        from_yuan(value)


@unhurried
@given(amounts)
def test_an_amount_survives_the_way_out_and_in_again(fen: int) -> None:
    assert from_yuan(to_yuan(fen)) == fen
    assert from_yuan(str(to_yuan(fen))) == fen
    assert from_yuan(yuan_text(fen)) == fen


@unhurried
@given(amounts)
def test_an_amount_survives_a_client_that_counts_in_doubles(fen: int) -> None:
    assert from_yuan(Decimal(repr(float(to_yuan(fen))))) == fen


@unhurried
@given(amounts)
def test_alipay_is_told_two_decimals(fen: int) -> None:
    whole, _, cents = str(to_yuan(fen)).partition(".")
    assert whole.isdigit()
    assert len(cents) == 2


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0.0"), (5, "0.05"), (10, "0.1"), (10000, "100.0"), (22335, "223.35"), (123456700, "1234567.0")],
)
def test_amounts_in_text_have_one_decimal_at_least_and_no_thousands_separator(fen: int, text: str) -> None:
    assert yuan_text(fen) == text


@pytest.mark.parametrize(
    ("fen", "off_percent", "left"),
    [(30000, 80, 24000), (9990, 80, 7992), (1, 50, 1), (1, 49, 0), (3, 50, 2), (333, 99, 330), (0, 80, 0)],
)
def test_a_percentage_is_rounded_half_up_to_the_fen(fen: int, off_percent: int, left: int) -> None:
    assert percent(fen, off_percent) == left


@unhurried
@given(amounts, st.integers(min_value=1, max_value=100))
def test_a_percentage_is_what_decimal_arithmetic_says(fen: int, off_percent: int) -> None:
    exact = Decimal(fen) * off_percent / 100
    assert percent(fen, off_percent) == int(exact.quantize(Decimal(1), rounding="ROUND_HALF_UP"))


@unhurried
@given(st.data(), st.lists(amounts, min_size=1, max_size=40))
def test_a_split_adds_up_is_proportional_and_gives_no_part_more_than_its_weight(
    data: st.DataObject, weights: list[int]
) -> None:
    whole = sum(weights)
    total = data.draw(st.integers(min_value=0, max_value=whole))
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert whole == 0 or abs(part * whole - total * weight) < whole


def test_what_is_left_of_a_split_goes_to_the_largest_remainders_and_earlier_parts_win_ties() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(101, [1, 1, 1]) == [34, 34, 33]
    assert split(10, [1, 2, 4]) == [1, 3, 6]  # 1.43, 2.86, 5.71: both larger remainders get one
    assert split(1, [0, 5, 0]) == [0, 1, 0]


def test_a_split_over_nothing_gives_nothing() -> None:
    assert split(0, [0, 0]) == [0, 0]
    assert split(7, [0, 0]) == [0, 0]
    assert split(0, []) == []


@pytest.mark.parametrize(("fen", "beli"), [(0, 0), (1, 1), (5, 1), (10, 1), (11, 2), (28950, 2895)])
def test_ten_beli_are_a_yuan_and_a_part_of_one_costs_a_whole(fen: int, beli: int) -> None:
    assert beli_for(fen) == beli


@unhurried
@given(amounts)
def test_no_smaller_number_of_beli_would_do(fen: int) -> None:
    assert beli_for(fen) * 10 >= fen
    assert fen == 0 or (beli_for(fen) - 1) * 10 < fen


@pytest.mark.parametrize(
    ("yuan", "fen"), [(99.9, 9990), (19.99, 1999), (123.45, 12345), (0.1 + 0.2, 30), (1.005, 101)]
)
def test_the_old_systems_floats_are_read_as_they_were_printed(yuan: float, fen: int) -> None:
    assert from_legacy_yuan(yuan) == fen
