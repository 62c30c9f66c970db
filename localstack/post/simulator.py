"""The simulator as one object: settings in, two running servers, and a method for every need of a test."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from localstack.post.bad_days import Switch, Switches
from localstack.post.courier import Courier
from localstack.post.letters import DELIVERED, FAILED, Clock, Letters, Mail, Push, Sms
from localstack.post.server import Handler, Site
from localstack.post.sms_api import Refusal, SmsApi, beijing_text
from localstack.post.smtp_server import SmtpServer
from localstack.provider.bad_days import HeldAnswers
from localstack.simulator_site import Simulator, utc_now


class PostSimulator(Simulator):
    """Alibaba Cloud's SMS service for one account, and a mail server for one user, on 127.0.0.1.

    - ``access_key_id``, ``access_key_secret``, ``sign_name``: the account at Alibaba Cloud. ``access_keys`` has this
      key, and takes others: each id's secret.
    - ``user``, ``password``: who may send mail.
    - ``templates``: code of an SMS template -> its text, with ``${name}`` for a variable; others are shown as what they
      were given.
    - ``port`` of page and SMS, ``smtp_port`` of mail: 0 takes a free one. ``start`` raises OSError when one is taken.
    - ``clock``: a callable that returns an aware UTC datetime. Signatures go by the real time.
    - ``told_after``: how long a carrier takes to tell that an SMS arrived.
    - ``receipts_url``, ``replies_url``: where the shop takes them; "" for nowhere. ``background``: False pushes only
      when ``deliver_pushes`` is called.
    - ``hold_limit``: for how many seconds a slow or silent answer is held at most.
    """

    def __init__(
        self,
        *,
        access_key_id: str,
        access_key_secret: str,
        sign_name: str,
        user: str,
        password: str,
        templates: Mapping[str, str] | None = None,
        port: int = 0,
        smtp_port: int = 0,
        clock: Clock = utc_now,
        told_after: timedelta = timedelta(0),
        receipts_url: str = "",
        replies_url: str = "",
        background: bool = True,
        hold_limit: float = 60.0,
    ) -> None:
        if not (access_key_id and access_key_secret and sign_name and user and password):
            raise ValueError(
                "the account's key, secret and signature, or the user and password of mail, are missing"
            )
        self.access_keys = {access_key_id: access_key_secret}
        self.sign_name = sign_name
        self.user, self.password = user, password
        self.templates = dict(templates or {})
        self.told_after = told_after
        self.letters = Letters(clock)
        self.sms_api = SmsApi(self)
        self.courier = Courier(self.letters, {"receipts": receipts_url, "replies": replies_url})
        self._switches = Switches()
        self._held = HeldAnswers(hold_limit)
        self._background = background
        self._smtp_port = smtp_port
        self._smtp: SmtpServer | None = None
        super().__init__(Site(self), Handler, port)

    # --- running ---------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open both ports and start working. Raises OSError when one is taken."""
        self._smtp = SmtpServer(self, self._smtp_port)
        threading.Thread(target=self._smtp.serve_forever, args=(0.05,), daemon=True).start()
        try:
            super().start()
        except OSError:
            self._close_smtp()
            raise
        if self._background:
            self.courier.start()
        return self

    def stop(self) -> None:
        """Close both ports; who waits for an answer is let go."""
        self._held.stop()
        self.courier.stop()
        super().stop()
        self._close_smtp()

    def _close_smtp(self) -> None:
        if self._smtp:
            self._smtp.shutdown()
            self._smtp.server_close()
            self._smtp = None

    @property
    def smtp_port(self) -> int:
        """The port of the mail server."""
        assert self._smtp, "the simulator is not running"
        return int(self._smtp.server_address[1])

    # --- what leaves -----------------------------------------------------------------------------------------

    def text_of(self, template: str, parameters: Mapping[str, str]) -> str:
        """What an SMS says. Raises Refusal for a variable of its template that is missing."""
        text = self.templates.get(template)
        if text is None:
            text = f"{template} " + "，".join(f"{name}={value}" for name, value in parameters.items())
            return f"【{self.sign_name}】{text.strip()}"
        missing = set(re.findall(r"\$\{(\w+)\}", text)) - parameters.keys()
        if missing:
            raise Refusal("isv.TEMPLATE_MISSING_PARAMETERS", "模版缺少变量", 200)
        filled = re.sub(r"\$\{(\w+)\}", lambda found: parameters[found[1]], text)
        return f"【{self.sign_name}】{filled}"

    def let_leave(
        self, number: str, template: str, parameters: Mapping[str, str], text: str, out_id: str
    ) -> Sms:
        """Send an SMS, with the fate that the bad days have for it."""
        fate = self.strike(number, "receipt_failed", "receipt_never")
        outcome, code = (
            (FAILED, "MOBILE_NOT_ON_SERVICE") if fate == "receipt_failed" else (DELIVERED, "DELIVERED")
        )
        told_after = None if fate == "receipt_never" else self.told_after
        is_pushed = not self.strike(number, "push_lost")
        return self.letters.add_sms(
            number, template, parameters, text, out_id, told_after, outcome, code, is_pushed
        )

    def end_sms(self, biz_id: str, arrived: bool, code: str = "") -> Sms:
        """Let the carrier tell now what became of an SMS, and push it. Raises NotFound."""
        outcome = DELIVERED if arrived else FAILED
        return self.letters.end(
            biz_id, outcome, code or ("DELIVERED" if arrived else "MOBILE_NOT_ON_SERVICE")
        )

    def reply(self, number: str, text: str) -> Push:
        """Let somebody answer, and push it."""
        now = self.letters.now()
        return self.letters.add_reply(
            {
                "phone_number": number,
                "send_time": beijing_text(now),
                "content": text,
                "sign_name": self.sign_name,
                "dest_code": "1234",
                "sequence_id": str(int(now.timestamp() * 1_000_000)),
            }
        )

    def deliver_pushes(self, early: bool = False) -> int:
        """Push what is due (``early``: all that waits) and wait for the answers -> how many were sent."""
        return self.courier.deliver_due(early)

    # --- looking ---------------------------------------------------------------------------------------------

    def sms(self, number: str = "") -> list[Sms]:
        """The SMS that have left, to everybody or to one number, the newest last."""
        return self.letters.sms(number)

    def mails(self, to: str = "") -> list[Mail]:
        """The mails that were taken, for everybody or for one address, the newest last."""
        return self.letters.mails(to)

    def newest_code(self, to: str) -> str:
        """The newest code of six digits that was sent to a number or an address. Raises NotFound."""
        return self.letters.newest_code(to)[0]

    def forget(self) -> None:
        """Let go of all that has left."""
        self.letters.forget()

    # --- bad days --------------------------------------------------------------------------------------------

    @contextmanager
    def bad_day(self, name: str, *, to: str = "", times: int | None = None) -> Iterator[None]:
        """Inside the block something goes wrong: one of ``bad_days.BAD_DAYS``, see ``switch_on``."""
        self.switch_on(name, to=to, times=times)
        try:
            yield
        finally:
            self.switch_off(name)

    def switch_on(self, name: str, *, to: str = "", times: int | None = None) -> None:
        """Let something go wrong the next ``times`` times (None: always), for one number or address or ("") for all.
        One switch for each name: the last setting holds. Raises ValueError.
        """
        self._switches.turn_on(name, to, times)

    def switch_off(self, name: str | None = None) -> None:
        """Let one thing, or all, go right again; answers that are held leave at once."""
        self._switches.turn_off(name)
        self._held.release()

    def bad_days(self) -> dict[str, Switch]:
        """What was switched on and not off again, by name; also what has used up its times."""
        return self._switches.found()

    def struck(self, name: str) -> int:
        """How often something has gone wrong since it was switched on; 0 when it is off."""
        switch = self.bad_days().get(name)
        return switch.struck if switch else 0

    def strike(self, to: str, *names: str) -> str:
        """The first of these bad days that strikes now; "" for none."""
        return self._switches.strike(to, *names)

    def hold(self, name: str) -> None:
        """Hold an answer because of a bad day until something is switched off, or the limit has passed."""
        turn = self._held.turn
        if (
            name in self.bad_days()
        ):  # else it was switched off meanwhile, before the turn that would end the wait
            self._held.wait(turn)

    def any_waits(self, seconds: float) -> bool:
        """Whether an answer is held, now or within so many seconds."""
        return self._held.any_waits(seconds)
