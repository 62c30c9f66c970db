"""The control API that the simulators of payment providers have in common: notices and bad days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from localstack.provider.bad_days import BadDay, Switch
from localstack.provider.book import Delivery, NoSuchTrade, Notice
from localstack.provider.simulator import PaymentSimulator
from localstack.simulator_site import Answer, Unreadable, json_answer, json_object, utc_text


def notices_and_bad_days(
    simulator: PaymentSimulator, bad_days: Mapping[str, BadDay], method: str, parts: list[str], body: str
) -> Answer | None:
    """Answer a request below ``/control/``, None for one that is not about these. Raises NoSuchTrade, Unreadable."""
    match (method, *parts):
        case ("POST", "notifications"):
            on = json_object(body).get("on")
            if not isinstance(on, bool):
                raise Unreadable('"on" has to be true or false')
            simulator.switch_notifications(on)
            return json_answer({"notifications_on": on})
        case ("GET", "bad-days"):
            return _listed(simulator, bad_days)
        case ("POST", "bad-days"):
            if json_object(body).get("on") is not False:
                raise Unreadable('"on" has to be false: they are switched on one by one')
            simulator.switch_off()
            return _listed(simulator, bad_days)
        case ("POST", "bad-days", name):
            switch(simulator, bad_days, name, json_object(body))
            return json_answer(_bad_day_json(bad_days[name], simulator.bad_days().get(name)))
        case ("POST", "notices", "deliver"):
            return json_answer(
                {"sent": simulator.deliver_due_notices(json_object(body).get("early") is True)}
            )
        case ("POST", "notices", notify_id, "resend"):
            return json_answer(notice_json(simulator.resend(notify_id)))
    return None


def buttons(
    simulator: PaymentSimulator, bad_days: Mapping[str, BadDay], method: str, parts: list[str], body: str
) -> Answer | None:
    """Answer a button of the pages for people, None for one that is not about notices or bad days. Raises NoSuchTrade,
    Unreadable.
    """
    match (method, *parts):
        case ("POST", "notices", notify_id, "resend"):
            notice = simulator.resend(notify_id)
            return Answer(303, location=f"/trades/{quote(notice.out_trade_no)}")
        case ("POST", "notifications"):
            simulator.switch_notifications(form_of(body).get("on") == "1")
            return Answer(303, location="/")
        case ("POST", "bad-days"):
            simulator.switch_off()
            return Answer(303, location="/")
        case ("POST", "bad-days", name):
            switch(simulator, bad_days, name, form_of(body))
            return Answer(303, location="/#bad-days")
    return None


def switch(
    simulator: PaymentSimulator, bad_days: Mapping[str, BadDay], name: str, values: dict[str, Any]
) -> None:
    """``on``, ``times``, ``method`` and ``out_trade_no`` of a form or of the control API."""
    if name not in bad_days:
        raise NoSuchTrade(name)
    if values.get("on") in (False, "0"):
        simulator.switch_off(name)
        return
    if values.get("on") not in (True, "1"):
        raise Unreadable('"on" has to be true or false')
    times, method = values.get("times"), values.get("method", "")
    number = values.get("out_trade_no", "")
    if not is_clean(method, 64) or not is_clean(number, 64):
        raise Unreadable("method and out_trade_no are short texts")
    if isinstance(times, str) and times.isascii() and times[:9].isdigit():
        times = int(times[:9])
    if not isinstance(times, (int, type(None))) or isinstance(times, bool):
        raise Unreadable("times is a whole number")
    try:
        simulator.switch_on(name, times=times, method=method, out_trade_no=number)
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _listed(simulator: PaymentSimulator, bad_days: Mapping[str, BadDay]) -> Answer:
    switches = simulator.bad_days()
    return json_answer(
        {"bad_days": [_bad_day_json(day, switches.get(day.name)) for day in bad_days.values()]}
    )


def notice_json(notice: Notice) -> dict[str, Any]:
    """A notice with its deliveries."""
    return {
        "notify_id": notice.notify_id,
        "url": notice.url,
        "fields": notice.fields,
        "created_at": utc_text(notice.created_at),
        "attempts": notice.attempts,
        "next_at": utc_text(notice.next_at),
        "accepted": notice.accepted,
        "deliveries": [delivery_json(delivery) for delivery in notice.deliveries],
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """One attempt to deliver a notice."""
    return {
        "sent_at": utc_text(delivery.sent_at),
        "status": delivery.status,
        "answer": delivery.answer,
        "accepted": delivery.accepted,
    }


def _bad_day_json(day: BadDay, switch: Switch | None) -> dict[str, Any]:
    switch = switch or Switch(day.name, times_left=0)
    return {
        "name": day.name,
        "explanation": day.explanation,
        "methods": day.methods,
        "on": switch.is_on,
        "method": switch.method,
        "out_trade_no": switch.out_trade_no,
        "times_left": switch.times_left,
        "struck": switch.struck,
    }


def form_of(body: str) -> dict[str, Any]:
    """The fields of a form. Raises Unreadable."""
    try:
        return dict(parse_qsl(body, max_num_fields=20))
    except ValueError:
        raise Unreadable("the form cannot be read") from None


def is_clean(text: Any, longest: int) -> bool:
    """Whether this is a text that can be written as UTF-8 and is not too long."""
    if not isinstance(text, str) or len(text) > longest:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in text)
