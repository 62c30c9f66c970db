"""HTTP around the simulator: Alibaba Cloud's SMS service, the page for people, and the control API.

``/?{parameters}`` with ACS3 headers is the service: SendSms and QuerySendDetails (sms_api.py). Without them:

For people: ``GET /`` all that has left, the codes, the switches; ``GET /mails/{id}`` one mail as it would be shown.

Control API for tests and browsers. JSON in and out, times ISO 8601 in UTC. 400 for unreadable input, 404 for an unknown
SMS, mail or code::

    GET  /control/state                    {"access_key_ids", "sign_name", "smtp_port", "now"}
    GET  /control/codes/{number or address}    {"code": "123456", "at"}: the newest code that was sent there
    GET  /control/sms, /control/sms?to=    {"sms": [{"biz_id", "to", "template", "parameters", "text", "out_id", "at",
                                           "state": "waiting"|"delivered"|"failed", "code", "pushes"}]}, newest first
    POST /control/sms/{biz_id}/end         {"arrived": true|false, "code"?}: the carrier tells; answers the SMS
    POST /control/replies                  {"to", "text"}: whoever has this number answers
    GET  /control/mails, /control/mails?to=    {"mails": [{"id", "from", "to", "subject", "text", "html", "message_id",
                                           "unsubscribe", "at"}]}, the newest first
    POST /control/pushes/deliver           {"early"?: true}: push what is due, or all that waits: {"sent"}
    POST /control/templates                {"SMS_1": "... ${name} ..."}: texts of templates, beside those that are known
    POST /control/access-keys              {"LTAI5t...": "its secret", or null to delete it}: keys of the account beside
                                           those that are known; answers the state. Until the simulator ends, as is
    POST /control/mail-password            {"password"}: the user's other one, alone from now on; answers the state
    POST /control/forget                   {}: nothing has left
    GET  /control/bad-days, POST .../{name}    {"on": true|false, "times"?, "to"?}; POST /control/bad-days {"on": false}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from localstack.post import pages
from localstack.post.bad_days import BAD_DAYS, Switch
from localstack.post.letters import Mail, NotFound, Push, Sms
from localstack.simulator_site import (
    Answer,
    SiteHandler,
    Unreadable,
    json_answer,
    json_object,
    parts_of,
    utc_text,
)

if TYPE_CHECKING:
    from localstack.post.simulator import PostSimulator


class Handler(SiteHandler):
    """The simulator's side of a connection."""

    server_version = "PostSimulator"
    largest_body = 256 * 1024

    def _asked(self, path: str, query: str, body: str) -> Answer:
        site = self.server.site
        assert isinstance(site, Site)
        return site.respond(self.command, path, query, body, self._lower_headers())


class Site:
    """The table of addresses."""

    def __init__(self, simulator: PostSimulator) -> None:
        self._simulator = simulator

    def respond(
        self, method: str, path: str, query: str, body: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Answer one request. Whatever a client sends, it gets an answer below 500, but for bad days."""
        if path == "/" and headers and any(name.startswith("x-acs-") for name in headers):
            return self._simulator.sms_api.answer(method, query, body, headers)
        parts = parts_of(path)
        for_machines = parts[0] == "control"
        try:
            answer = (
                self._control(method, parts[1:], dict(parse_qsl(query, max_num_fields=20)), body)
                if for_machines
                else self._pages(method, parts, body)
            )
        except NotFound:
            answer = None
        except ValueError as trouble:  # Unreadable is one
            answer = (
                json_answer({"error": str(trouble)}, 400) if for_machines else Answer(400, pages.missing())
            )
        if answer:
            return answer
        return json_answer({"error": "not found"}, 404) if for_machines else Answer(404, pages.missing())

    # --- for people ------------------------------------------------------------------------------------------

    def _pages(self, method: str, parts: list[str], body: str) -> Answer | None:
        simulator = self._simulator
        form = dict(parse_qsl(body, max_num_fields=20))
        match (method, *parts):
            case ("GET", ""):
                return Answer(200, pages.overview(simulator))
            case ("GET", "mails", number):
                return Answer(200, pages.mail(self._mail(number)))
            case ("POST", "sms", biz_id, "end"):
                simulator.end_sms(biz_id, form.get("arrived") == "1")
            case ("POST", "replies"):
                simulator.reply(form.get("to", ""), form.get("text", ""))
            case ("POST", "forget"):
                simulator.forget()
            case ("POST", "bad-days"):
                simulator.switch_off()
            case ("POST", "bad-days", name):
                self._switch(name, form.get("on") == "1", form.get("times"), form.get("to", ""))
                return Answer(303, location="/#bad-days")
            case _:
                return None
        return Answer(303, location="/")

    def _mail(self, number: str) -> Mail:
        for mail in self._simulator.mails():
            if mail.id == number:
                return mail
        raise NotFound(number)

    def _switch(self, name: str, on: bool, times: object, to: str) -> None:
        if name not in BAD_DAYS:
            raise NotFound(name)
        if isinstance(times, str):
            times = int(times[:9]) if times.isascii() and times[:9].isdigit() else None
        if not isinstance(times, int | None) or isinstance(times, bool) or len(to) > 254:
            raise Unreadable("times is a whole number, to a number or an address")
        if on:
            self._simulator.switch_on(name, to=to, times=times)
        else:
            self._simulator.switch_off(name)

    # --- for tests -------------------------------------------------------------------------------------------

    def _control(self, method: str, parts: list[str], query: dict[str, str], body: str) -> Answer | None:
        simulator = self._simulator
        match (method, *parts):
            case ("GET", "state"):
                return self._state()
            case ("GET", "codes", to):
                code, at = simulator.letters.newest_code(to)
                return json_answer({"code": code, "at": utc_text(at)})
            case ("GET", "sms"):
                listed = reversed(simulator.sms(query.get("to", "")))
                return json_answer({"sms": [self._sms_json(sms) for sms in listed]})
            case ("POST", "sms", biz_id, "end"):
                given = json_object(body)
                if not isinstance(given.get("arrived"), bool):
                    raise Unreadable('"arrived" has to be true or false')
                return json_answer(
                    self._sms_json(
                        simulator.end_sms(biz_id, given["arrived"], _text(given, "code", optional=True))
                    )
                )
            case ("POST", "replies"):
                given = json_object(body)
                return json_answer(_push_json(simulator.reply(_text(given, "to"), _text(given, "text"))))
            case ("GET", "mails"):
                return json_answer(
                    {"mails": [_mail_json(mail) for mail in reversed(simulator.mails(query.get("to", "")))]}
                )
            case ("POST", "pushes", "deliver"):
                return json_answer({"sent": simulator.deliver_pushes(json_object(body).get("early") is True)})
            case ("POST", "templates"):
                given = json_object(body)
                simulator.templates |= {name: _text(given, name) for name in given}
                return json_answer({"templates": simulator.templates})
            case ("POST", "access-keys"):
                given = json_object(body)
                kept = {key: _text(given, key) for key, secret in given.items() if secret is not None}
                known = simulator.access_keys | kept
                simulator.access_keys = {key: known[key] for key in known if given.get(key, "") is not None}
                return self._state()
            case ("POST", "mail-password"):
                simulator.password = _text(json_object(body), "password")
                return self._state()
            case ("POST", "forget"):
                simulator.forget()
                return json_answer({})
            case ("GET", "bad-days"):
                return self._bad_days()
            case ("POST", "bad-days"):
                if json_object(body).get("on") is not False:
                    raise Unreadable('"on" has to be false: they are switched on one by one')
                simulator.switch_off()
                return self._bad_days()
            case ("POST", "bad-days", name):
                given = json_object(body)
                if not isinstance(given.get("on"), bool):
                    raise Unreadable('"on" has to be true or false')
                self._switch(name, given["on"], given.get("times"), _text(given, "to", optional=True))
                return self._bad_days()
        return None

    def _state(self) -> Answer:
        simulator = self._simulator
        return json_answer(
            {
                "access_key_ids": list(simulator.access_keys),
                "sign_name": simulator.sign_name,
                "smtp_port": simulator.smtp_port,
                "now": utc_text(simulator.letters.now()),
            }
        )

    def _bad_days(self) -> Answer:
        switches = self._simulator.bad_days()
        listed = [
            {
                "name": day.name,
                "channel": day.channel,
                "explanation": day.explanation,
                "on": switch.is_on,
                "to": switch.to,
                "times_left": switch.times_left,
                "struck": switch.struck,
            }
            for day in BAD_DAYS.values()
            for switch in [switches.get(day.name) or Switch(day.name, times_left=0)]
        ]
        return json_answer({"bad_days": listed})

    def _sms_json(self, sms: Sms) -> dict[str, Any]:
        return {
            "biz_id": sms.biz_id,
            "to": sms.number,
            "template": sms.template,
            "parameters": sms.parameters,
            "text": sms.text,
            "out_id": sms.out_id,
            "at": utc_text(sms.sent_at),
            "state": sms.state(self._simulator.letters.now()),
            "code": sms.code,
            "pushes": sms.push.answers if sms.push else [],
        }


def _text(given: Mapping[str, Any], name: str, optional: bool = False) -> str:
    text = given.get(name, "" if optional else None)
    if not isinstance(text, str) or len(text) > 1000:
        raise Unreadable(f'"{quote(name)}" has to be a short text')
    return text


def _push_json(push: Push) -> dict[str, Any]:
    return {"row": push.row, "is_taken": push.is_taken, "answers": push.answers}


def _mail_json(mail: Mail) -> dict[str, Any]:
    message = mail.message
    return {
        "id": mail.id,
        "from": str(message["From"]),
        "to": mail.to,
        "subject": str(message["Subject"]),
        "text": mail.part("plain"),
        "html": mail.part("html"),
        "message_id": str(message["Message-ID"]),
        "unsubscribe": str(message["List-Unsubscribe"] or ""),
        "at": utc_text(mail.sent_at),
    }
