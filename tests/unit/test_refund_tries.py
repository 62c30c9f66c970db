"""The numbers of a refund's tries, and how long it is waited for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shop import refund
from chalicelib.shop.refund import Refund


def a_refund(**attributes: Any) -> Refund:
    return Refund("USER#1", "OF#N#REFUND#N_ABC", request_no="N_ABC", **attributes)


def test_the_first_try_has_the_request_number_and_each_other_one_of_its_own() -> None:
    assert (a_refund().number(), a_refund().numbers()) == ("N_ABC", ["N_ABC"])
    third = a_refund(try_no=3)
    assert (third.number(), third.numbers()) == ("N_ABC-3", ["N_ABC", "N_ABC-2", "N_ABC-3"])
    assert third.number_made() == "N_ABC"
    assert a_refund(try_no=3, made_as="N_ABC-2").number_made() == "N_ABC-2"


def test_pauses_grow_to_two_hours_and_while_it_is_worked_on_to_a_day() -> None:
    for is_under_way, longest in ((False, timedelta(hours=2)), (True, timedelta(days=1))):
        pauses = [a_refund(attempts=n).pause(is_under_way=is_under_way) for n in range(40)]
        assert pauses == sorted(pauses)
        assert pauses[0] == timedelta(seconds=15) and pauses[-1] == longest


@pytest.mark.parametrize("takes", [refund.PATIENCE, timedelta(days=3), timedelta(days=30)])
def test_patience_ends_when_the_pauses_have_lasted_as_long(takes: timedelta) -> None:
    waited, attempts = timedelta(), 0
    while not a_refund(attempts=attempts).is_past_patience(takes):
        assert waited < takes
        waited += a_refund(attempts=attempts).pause(is_under_way=True)
        attempts += 1
    assert waited >= takes
