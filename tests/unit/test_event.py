"""An order's history: every event has a learner's text, and causes are read as they were stored."""

from __future__ import annotations

import re

import pytest

from chalicelib.shop import order
from chalicelib.shop.event import EVENT_TEXTS, By, Cause, CauseAttribute, What


def test_every_event_has_a_text_for_learners() -> None:
    assert set(EVENT_TEXTS) == set(What)
    for text in EVENT_TEXTS.values():
        assert text and not re.search("[A-Za-z]", text)


def test_every_state_of_an_order_is_an_event_but_that_a_refund_is_asked_for() -> None:
    assert order.STATUS_NAMES.keys() - set(What) == {order.REFUNDING}


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize("detail", ["", "lin", "2026112800, x", "two words", "换行\n"])
def test_a_cause_is_read_as_it_was_stored(by: By, detail: str) -> None:
    stored = CauseAttribute().serialize(Cause(by, detail))
    assert CauseAttribute().deserialize(stored) == Cause(by, detail)


@pytest.mark.parametrize(
    ("stored", "cause"),
    [
        ("learner", Cause(By.LEARNER)),
        ("learner, refund 2026_AB", Cause(By.LEARNER, "refund 2026_AB")),
        ("notification 77", Cause(By.NOTIFICATION, "77")),
        ("operator lin, refunded elsewhere", Cause(By.OPERATOR, "lin, refunded elsewhere")),
        ("query", Cause(By.QUERY)),
        ("clock", Cause(By.CLOCK)),
        ("provider", Cause(By.PROVIDER)),
        ("import of the old system: unpaid for too long", Cause(By.IMPORT, "of the old system: unpaid for too long")),
        ("no money to refund", Cause(By.SHOP, "no money to refund")),
        ("nothing to pay", Cause(By.SHOP, "nothing to pay")),
    ],
)  # fmt: skip
def test_a_cause_of_an_earlier_version_is_read(stored: str, cause: Cause) -> None:
    assert CauseAttribute().deserialize(stored) == cause


def test_a_sentence_is_no_cause() -> None:
    with pytest.raises(TypeError):
        CauseAttribute().serialize("operator lin")
