"""A proxy for Redis that counts round trips: whatever a client sends before it waits for answers is one.

It reads RESP, so a pipeline is one round trip however its bytes are cut up on the way. One limit: a pipeline
of many kilobytes, sent in several writes, may count as more if the client pauses between two of them.
Subscriptions are not supported.
"""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass, field

from tests.faults.proxy import Action, Call, ConnectionLost, Exchange, Proxy

_SETUP = {"HELLO", "AUTH", "CLIENT", "SELECT"}


@dataclass
class RedisCall(Call):
    """One round trip. `operation` is its first command; a pipeline is found by any of its commands."""

    requests: list[list[bytes]] = field(default_factory=list)
    """The commands with their arguments, in their order."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands' names in capitals."""
        return tuple(request[0].decode("latin-1").upper() for request in self.requests)

    @property
    def setup(self) -> bool:
        """Sent by the client library for a new connection, not by the application."""
        return _SETUP.issuperset(self.commands)


class RedisProxy(Proxy[RedisCall]):
    """Between Redis clients and the server at host and port.

    A fault without an operation meets the round trips that set up a new connection as well.
    """

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        super().__init__()
        self._upstream = (upstream_host, upstream_port)

    def url(self, database: int = 0) -> str:
        """For ``redis.from_url``."""
        return f"redis://{self.host}:{self.port}/{database}"

    def serve(self, client: socket.socket) -> None:
        """Carry round trips to and fro until the client closes."""
        server = self.connect_upstream(*self._upstream)
        try:
            while burst := _read_burst(client):
                call = RedisCall(operation="", requests=_commands(burst))
                call.operation = call.commands[0]
                conversation = _RoundTrip(call, client, server, burst)
                client.sendall(self.conduct(Exchange(self, call, client, conversation.carry_out)))
        finally:
            self.forget(server)
            server.close()


@dataclass
class _RoundTrip:
    """What is sent in one go, its way to the server, and the replies."""

    call: RedisCall
    client: socket.socket
    server: socket.socket
    burst: bytes

    def carry_out(self) -> bytes:
        """Send the commands on and return as many replies; takes in what the client sends meanwhile."""
        self.server.sendall(self.burst)
        replies = b""
        while True:
            replies += _read_values(self.server, replies, len(self.call.requests))
            if not _is_readable(self.client):
                return replies
            if not (more := _read_burst(self.client)):
                raise ConnectionLost
            self.call.requests += _commands(more)
            self.server.sendall(more)


def redis_error(message: str) -> Action:
    """Redis refuses each command of the round trip; the message begins with a code such as ``LOADING``."""

    def act(exchange: Exchange) -> bytes:
        return f"-{message}\r\n".encode() * len(exchange.call.requests)

    return act


def _is_readable(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable)


def _read_burst(client: socket.socket) -> bytes:
    """Complete commands: all that has been sent until now. Empty when the client has closed."""
    burst = b""
    complete = 0
    while not burst or complete < len(burst) or _is_readable(client):
        if not (part := client.recv(65536)):
            return b""
        burst += part
        while (end := _end_of_value(burst, complete)) is not None:
            complete = end
    return burst


def _read_values(server: socket.socket, already: bytes, wanted: int) -> bytes:
    """What is still missing until `already` and this make up the wanted number of replies."""
    received = already
    complete = count = 0
    while True:
        while count < wanted and (end := _end_of_value(received, complete)) is not None:
            complete = end
            count += 1
        if count == wanted:
            return received[len(already) :]
        if not (part := server.recv(65536)):
            raise ConnectionLost
        received += part


def _commands(burst: bytes) -> list[list[bytes]]:
    """The commands in complete requests: arrays of bulk strings, as every client library sends them."""
    commands = []
    position = 0
    while position < len(burst):
        header, position = _line(burst, position)
        words = []
        for _ in range(int(header[1:])):
            size, start = _line(burst, position)
            position = start + int(size[1:]) + 2
            words.append(burst[start : position - 2])
        commands.append(words)
    return commands


def _line(data: bytes, start: int) -> tuple[bytes, int]:
    """The line that begins at start, and where the next one does."""
    end = data.index(b"\r\n", start)
    return data[start:end], end + 2


def _end_of_value(data: bytes, start: int) -> int | None:
    """Where the RESP 2 or RESP 3 value that begins at start ends; None while it is incomplete."""
    if data.find(b"\r\n", start) < 0:
        return None
    header, end = _line(data, start)
    kind = header[:1]
    if kind in b"$=!":  # strings with their length
        end += int(header[1:]) + 2 if header[1:] != b"-1" else 0
        return end if end <= len(data) else None
    if kind in b"*~>":
        members = int(header[1:])
    elif kind == b"%":
        members = 2 * int(header[1:])
    else:
        members = 0
    for _ in range(members):
        after = _end_of_value(data, end)
        if after is None:
            return None
        end = after
    return end
