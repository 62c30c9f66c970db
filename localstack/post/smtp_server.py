"""A mail server for one user on this computer: SMTP (RFC 5321) with AUTH PLAIN and LOGIN, without TLS.

It wants what the large ones want: a From, a To, a Date and a Message-ID, and lines of at most 998 bytes with CR LF.
"""

from __future__ import annotations

import hmac
import re
import socketserver
from base64 import b64decode
from typing import TYPE_CHECKING

from localstack.processes import LOOPBACK

if TYPE_CHECKING:
    from localstack.post.simulator import PostSimulator

LARGEST_MAIL = 1024 * 1024
_LONGEST_LINE = 4096
_ADDRESS = re.compile(r"[^<>\s@]+@[^<>\s@]+\.[^<>\s@]+", re.ASCII)
_WANTED = ("From", "To", "Date", "Message-ID")


class _Gone(Exception):
    """The connection ends here, without a word."""


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1; ``port`` 0 takes a free one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, simulator: PostSimulator, port: int) -> None:
        self.simulator = simulator
        super().__init__((LOOPBACK, port), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self._is_known = False
        self._greeted = False
        self._sender: str | None = None
        self._receivers: list[str] = []

    def handle(self) -> None:
        try:
            self._say("220 post.simulator ESMTP")
            while self._answered(self._line()):
                pass
        except (_Gone, ConnectionError, TimeoutError):
            pass

    def _answered(self, line: str) -> bool:
        """Answer a command; False for the last one."""
        word, _, rest = line.partition(" ")
        match word.upper():
            case "EHLO":
                self._greeted = True
                self._say(
                    "250-post.simulator", "250-AUTH PLAIN LOGIN", f"250-SIZE {LARGEST_MAIL}", "250 8BITMIME"
                )
            case "HELO":
                self._greeted = True
                self._say("250 post.simulator")
            case "AUTH":
                self._authenticate(rest)
            case "MAIL":
                self._begin(rest)
            case "RCPT":
                self._address(rest)
            case "DATA":
                self._take()
            case "RSET":
                self._sender, self._receivers = None, []
                self._say("250 2.0.0 OK")
            case "NOOP":
                self._say("250 2.0.0 OK")
            case "QUIT":
                self._say("221 2.0.0 Bye")
                return False
            case "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "CONNECT" | "TRACE":
                # A page in somebody's browser: what follows could be commands.
                self._say("421 4.7.0 This is not HTTP")
                return False
            case _:
                self._say("502 5.5.1 Command not implemented")
        return True

    def _authenticate(self, rest: str) -> None:
        simulator = self.server.simulator
        kind, _, first = rest.partition(" ")
        if not self._greeted or self._is_known:
            return self._say("503 5.5.1 Bad sequence of commands")
        if kind.upper() == "PLAIN":
            parts = _decoded(first or self._asked("334 ")).split("\0")
            user, password = parts[1:] if len(parts) == 3 else ("", "")
        elif kind.upper() == "LOGIN":
            user = _decoded(first or self._asked("334 VXNlcm5hbWU6"))
            password = _decoded(self._asked("334 UGFzc3dvcmQ6"))
        else:
            return self._say("504 5.5.4 Unrecognized authentication type")
        wanted = f"{simulator.user}\0{simulator.password}"
        right = hmac.compare_digest(f"{user}\0{password}".encode(), wanted.encode())
        if not right:
            return self._say("535 5.7.8 Authentication credentials invalid")
        self._is_known = True
        return self._say("235 2.7.0 Authentication successful")

    def _begin(self, rest: str) -> None:
        given = re.fullmatch(r"FROM:<([^<>]*)>(?: .*)?", rest, re.IGNORECASE)
        if not self._is_known:
            self._say("530 5.7.0 Authentication required")
        elif given is None or not _ADDRESS.fullmatch(given[1]):
            self._say("501 5.1.7 Bad sender address syntax")
        else:
            self._sender, self._receivers = given[1], []
            self._say("250 2.1.0 OK")

    def _address(self, rest: str) -> None:
        given = re.fullmatch(r"TO:<([^<>]*)>(?: .*)?", rest, re.IGNORECASE)
        if self._sender is None:
            return self._say("503 5.5.1 MAIL first")
        if given is None or not _ADDRESS.fullmatch(given[1]):
            return self._say("501 5.1.3 Bad recipient address syntax")
        day = self.server.simulator.strike(given[1], "mail_no_such_user", "mail_busy", "mail_policy")
        if day:
            return self._say(_REFUSALS[day].format(given[1]))
        self._receivers.append(given[1])
        return self._say("250 2.1.5 OK")

    def _take(self) -> None:
        simulator = self.server.simulator
        if not self._receivers or self._sender is None:
            return self._say("503 5.5.1 RCPT first")
        to = self._receivers[0]
        day = simulator.strike(to, "mail_lost", "mail_silent")
        if day == "mail_silent":
            simulator.hold(day)
        if day:
            raise _Gone
        self._say("354 End data with <CR><LF>.<CR><LF>")
        content, trouble = self._content()
        day = simulator.strike(to, "mail_content_refused")
        if trouble or day:
            return self._say(trouble or "554 5.6.0 Message content rejected")
        for receiver in self._receivers:
            simulator.letters.add_mail(self._sender, receiver, content)
        self._sender, self._receivers = None, []
        day = simulator.strike(to, "mail_answer_lost", "mail_slow")
        if day == "mail_slow":
            simulator.hold(day)
        if day == "mail_answer_lost":
            raise _Gone
        return self._say("250 2.0.0 OK: queued")

    def _content(self) -> tuple[bytes, str]:
        """What was sent, and the answer to what is wrong with it; "" for nothing."""
        lines: list[bytes] = []
        trouble, size = "", 0
        while (line := self.rfile.readline(LARGEST_MAIL + 1)) != b".\r\n":
            if not line:
                raise _Gone
            size += len(line)
            if size > LARGEST_MAIL:
                raise _Gone
            if not line.endswith(b"\r\n") or b"\n" in line[:-2] or b"\r" in line[:-2]:
                trouble = "550 5.6.11 Bare line feeds are not accepted"
            if len(line) > 1000:
                trouble = "500 5.5.2 Line too long"
            lines.append(line[1:] if line.startswith(b".") else line)
        content = b"".join(lines)
        header = content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        for name in _WANTED:
            if len(re.findall(rf"(?im)^{name}:", header)) != 1:
                trouble = trouble or f"550 5.7.1 Exactly one {name} is wanted"
        return content, trouble

    def _asked(self, question: str) -> str:
        self._say(question)
        return self._line()

    def _line(self) -> str:
        line = self.rfile.readline(_LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise _Gone
        return line[:-2].decode("utf-8", "replace")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


_REFUSALS = {
    "mail_no_such_user": "550 5.1.1 <{}>: no such user here",
    "mail_busy": "451 4.3.0 <{}>: temporarily deferred, try again later",
    "mail_policy": "550 5.7.1 <{}>: relaying denied",
}


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""
