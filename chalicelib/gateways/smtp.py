"""Mail by SMTP, over TLS: `smtps://` from the first byte, `smtp://` by STARTTLS, without which it sends to this
computer only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.in_time import in_time
from chalicelib.gateways.mail import address_of, compose
from chalicelib.gateways.post import Refused, SendState, Sent, Unclear
from chalicelib.gateways.sms import utc_now
from chalicelib.settings import MailSettings
from chalicelib.tls import tls_context

if TYPE_CHECKING:
    import smtplib

_CALL_SECONDS = 8.0
"""The most that one mail may take, with its connection."""
_PORTS = {"smtp": 587, "smtps": 465}
_THIS_COMPUTER = ("127.0.0.1", "localhost", "::1")
_NAME = "[127.0.0.1]"
"""What the shop calls itself; a function has no name in the DNS."""
_POLICY = re.compile(rb"5\.7\.[0-9]{1,3}\b")
"""A refusal that concerns who sends, not who receives (RFC 3463)."""


class SmtpMail:
    """Sends by one mail server, each mail over a connection of its own. `clock` tells aware times."""

    def __init__(self, account: MailSettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._account = account
        self._clock = clock

    def send(
        self,
        to: str,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        unsubscribe_url: str | None,
        deadline: Deadline,
    ) -> SendState:
        """As `MailSender.send`."""
        sender = self._account.sender
        content = compose(sender, to, subject, text, html, message_id, unsubscribe_url, self._clock())
        letter = Letter(address_of(sender), to, content, message_id)
        try:
            return in_time("mail", deadline, _CALL_SECONDS, lambda seconds: self.deliver(letter, seconds))
        except GatewayUnavailable as trouble:
            reason = str(trouble.facts["reason"])
            return Refused(reason, is_final=False) if letter.call_back() else Unclear(reason)

    def deliver(self, letter: Letter, seconds: float) -> SendState:
        """Hand one mail over, over a connection whose every wait takes `seconds` at most."""
        import smtplib

        try:
            server = self._connected(seconds)
        except (OSError, smtplib.SMTPException) as error:
            return Refused(_trouble(error), is_final=False)
        try:
            return self._log_in(server) or letter.hand_over(server)
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, letter.is_gone, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            trouble = _trouble(error)
            return Unclear(trouble) if letter.is_gone else Refused(trouble, is_final=False)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.putcmd("quit")
            server.close()

    def _connected(self, seconds: float) -> smtplib.SMTP:
        import smtplib

        place = urlsplit(self._account.url)
        host, port = place.hostname or "", place.port or _PORTS[place.scheme]
        if place.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, _NAME, timeout=seconds, context=tls_context(None))
        return smtplib.SMTP(host, port, _NAME, timeout=seconds)

    def _log_in(self, server: smtplib.SMTP) -> Refused | None:
        """Make the connection ours: TLS, then user and password. A refusal where it cannot be."""
        import smtplib

        place = urlsplit(self._account.url)
        server.ehlo_or_helo_if_needed()
        if place.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=tls_context(None))
            server.ehlo_or_helo_if_needed()
        elif place.scheme == "smtp" and place.hostname not in _THIS_COMPUTER:
            return Refused("no STARTTLS", is_final=False, needs_person=True)
        if place.username:
            try:
                server.login(unquote(place.username), unquote(place.password or ""))
            except smtplib.SMTPAuthenticationError as error:
                return Refused(str(error.smtp_code), is_final=False, needs_person=error.smtp_code >= 500)
            except smtplib.SMTPNotSupportedError:
                return Refused("no AUTH", is_final=False, needs_person=True)
        return None


class Letter:
    """A mail on its way. Once it is gone, nobody can call it back; once it was called back, it does not go."""

    def __init__(self, sender: str, to: str, content: bytes, message_id: str) -> None:
        self._sender, self._to, self._content, self._message_id = sender, to, content, message_id
        self._lock = threading.Lock()
        self._is_called_back = False
        self.is_gone = False

    def call_back(self) -> bool:
        """Keep it from going, as nobody waits for it any more -> whether it was in time."""
        with self._lock:
            self._is_called_back = True
            return not self.is_gone

    def hand_over(self, server: smtplib.SMTP) -> SendState:
        """Envelope and content. Raises what smtplib raises."""
        code, said = server.mail(self._sender)
        if code != 250:
            return Refused(_word(code, said), is_final=False, needs_person=code >= 500)
        code, said = server.rcpt(self._to)
        if code not in (250, 251):
            return _refused(code, False, said)
        code, said = server.docmd("DATA")
        if code != 354:
            return _refused(code, False, said)
        with self._lock:
            if self._is_called_back:
                return Refused("deadline", is_final=False)
            self.is_gone = True
        server.send(re.sub(rb"(?m)^\.", b"..", self._content) + b".\r\n")
        code, said = server.getreply()
        return Sent(self._message_id) if code == 250 else _refused(code, True, said)


def _refused(code: int, is_gone: bool, said: bytes | str) -> Refused | Unclear:
    """What an answer other than yes says: 4xx may pass, 5xx does not; anything else is no answer of SMTP."""
    if not 400 <= code <= 599:
        return Unclear(str(code)) if is_gone else Refused(str(code), is_final=False)
    concerns_us = bool(_POLICY.search(said if isinstance(said, bytes) else said.encode()))
    is_final = code >= 500 and not concerns_us
    return Refused(_word(code, said), is_final, needs_person=code >= 500 and concerns_us)


def _trouble(error: Exception) -> str:
    """The name of what kept an answer away. A socket's time is the deadline's, and either may end first: smtplib says
    "disconnected" of that one.
    """
    is_late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return "deadline" if is_late else type(error).__name__


def _word(code: int, said: bytes | str) -> str:
    """The code, with the enhanced one if there is one; never the text, which may name the receiver."""
    enhanced = re.match(
        rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b", said if isinstance(said, bytes) else said.encode()
    )
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)
