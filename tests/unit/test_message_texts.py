"""What messages say: each event's template names what it needs, and no more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.shop.message_texts import (
    COUNT,
    FIXED_GROUPS,
    GROUP_NAMES,
    MOMENT,
    PAGE,
    SECURITY,
    SMS,
    TEMPLATES,
    TEXT,
    YUAN,
    Event,
    sms_parameters,
    sms_template,
    sms_text,
    stored_facts,
    words,
)

EXAMPLES: dict[Any, Any] = {
    TEXT: "Python 入门",
    YUAN: 19900,
    MOMENT: datetime(2026, 11, 28, 14, 5, tzinfo=UTC),
    COUNT: 7,
    PAGE: "/course/3",
}


def facts(event: Event) -> dict[str, Any]:
    return {name: EXAMPLES[fact] for name, fact in TEMPLATES[event].facts.items()}


@pytest.mark.parametrize("event", Event)
def test_every_event_has_words_that_use_its_facts_only(event: Event) -> None:
    template, kept = TEMPLATES[event], stored_facts(event, facts(event))
    said = words(event, kept)
    assert said.title and said.text and said.link.startswith("/")
    assert "{" not in said.text + said.link + sms_text(event, kept)
    assert template.group in GROUP_NAMES
    assert (SMS in template.channels()) == bool(sms_text(event, kept))
    assert set(re.findall(r"\$\{(\w+)\}", sms_template(event))) == set(sms_parameters(event, kept))


def test_money_and_times_are_shown_as_people_read_them() -> None:
    kept = stored_facts(Event.ORDER_EXPIRING, {**facts(Event.ORDER_PAID), "until": EXAMPLES[MOMENT]})
    assert words(Event.ORDER_EXPIRING, kept).text == (
        "您的订单（“Python 入门”，199.00 元）将于 11月28日 22:05 关闭。如需购买，请在此之前完成支付。"
    )


def test_a_long_name_fits_into_an_sms() -> None:
    kept = stored_facts(Event.ORDER_PAID, {**facts(Event.ORDER_PAID), "courses": "长" * 300})
    assert len(kept["courses"]) == 200
    assert sms_parameters(Event.ORDER_PAID, kept) == {"courses": "长" * 19 + "…", "amount": "199.00"}


@pytest.mark.parametrize(
    "wrong",
    [{}, {"at": "yesterday"}, {"at": datetime(2026, 1, 1, tzinfo=UTC), "more": "x"}, {"at": True}],
)
def test_facts_are_those_of_the_template(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        stored_facts(Event.PASSWORD_CHANGED, wrong)


def test_nobody_waits_for_a_message_about_security_nor_switches_it_off() -> None:
    urgent = {event for event in Event if TEMPLATES[event].is_urgent}
    assert urgent == {event for event in Event if TEMPLATES[event].group == SECURITY}
    assert SECURITY in FIXED_GROUPS
