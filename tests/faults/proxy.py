"""What the proxies share: a port that can go away and come back, recording, and the plan of faults.

A proxy understands its protocol just far enough to see where one call ends. For each call it makes an
`Exchange`; the first `Fault` whose turn it is decides what happens with it, otherwise the call is forwarded.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

_UPSTREAM_SECONDS = 60.0
"""How long a proxy waits for the real store: longer than any client would."""


class ConnectionLost(Exception):
    """Raised by an action: the client's connection is reset (TCP RST), no answer is sent."""


@dataclass
class Call:
    """One round trip between a client and its store."""

    operation: str
    forwarded: bool = False
    """The real store received it. It then took effect there unless the store itself refused it."""
    answered: bool = False
    """An answer, real or made up, was given."""

    @property
    def setup(self) -> bool:
        """Sent by the client library for a new connection, not by the application."""
        return False

    @property
    def only_reads(self) -> bool:
        """Certain to change nothing."""
        return False


CallT = TypeVar("CallT", bound=Call)


class Exchange:
    """One call in the hands of an action.

    An action either returns the bytes to answer with, or raises `ConnectionLost`. It may forward once.
    """

    def __init__(
        self, proxy: Proxy[Any], call: Any, client: socket.socket, forward: Callable[[], bytes]
    ) -> None:
        self.proxy = proxy
        self.call = call
        self.fault: Fault | None = None
        self._client = client
        self._forward = forward

    def forward(self) -> bytes:
        """Let the real store do the call and return its complete answer."""
        self.call.forwarded = True
        return self._forward()

    def send(self, part: bytes) -> None:
        """Send a part of an answer now. Raises OSError when the client has left."""
        self._client.sendall(part)

    def wait(self, event: threading.Event, seconds: float | None = None) -> bool:
        """Wait for the event, at most so many seconds, and tell whether it came.

        Raises ConnectionLost when the fault's block ends or the proxy stops before.
        """
        assert self.fault is not None
        step = 0.02
        waited = 0.0
        while not event.wait(step if seconds is None else min(step, seconds)):
            if self.fault.over.is_set() or self.proxy.stopped.is_set():
                raise ConnectionLost
            waited += step
            if seconds is not None and waited >= seconds:
                return False
        return True

    def wait_until_the_client_leaves(self) -> None:
        """Read and forget until the client closes, or the proxy closes the connection because it stops."""
        with contextlib.suppress(OSError):
            while self._client.recv(65536):
                pass

    def take_down(self, *others: Proxy[Any]) -> None:
        """Refuse all connections, here and at the other proxies, until the fault's block ends."""
        assert self.fault is not None
        # A client that reads at several at once learns by the first, and may end the block before the last is down.
        with self.fault.taking_down:
            if self.fault.over.is_set():
                return
            for proxy in (*others, self.proxy):
                self.fault.took_down.append(proxy)
                proxy.go_down()


Action = Callable[[Exchange], bytes]


@dataclass
class Fault:
    """Which calls fail, and how. Made with `Fault.on`; use one in one `faults` block only."""

    action: Action
    operation: str | None = None
    nth: int | range | None = None
    where: Callable[[Any], bool] = lambda call: True
    must_fire: bool = True
    matched: int = 0
    """Calls so far that fit operation and where."""
    fired: int = 0
    """Calls so far that were given to the action."""
    over: threading.Event = field(default_factory=threading.Event)
    took_down: list[Proxy[Any]] = field(default_factory=list)
    taking_down: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def on(
        cls,
        operation: str | None = None,
        *,
        action: Action,
        nth: int | range | None = None,
        where: Callable[[Any], bool] = lambda call: True,
        must_fire: bool = True,
    ) -> Fault:
        """A fault for calls of this operation (None: any) for which `where` holds.

        nth counts from 1 among the calls that fit, each fault for itself: a number, a range such as
        ``range(1, 4)``, or None for all of them. A fault whose turn never came fails the test at the end of
        its block (AssertionError), unless must_fire is False.
        """
        return cls(action, operation, nth, where, must_fire)

    def takes(self, call: Call) -> bool:
        """Count the call if it fits and tell whether it is this fault's turn."""
        if self.operation is not None and not _is_operation(call, self.operation):
            return False
        if not self.where(call):
            return False
        self.matched += 1
        if self.nth is None:
            return True
        return self.matched in self.nth if isinstance(self.nth, range) else self.matched == self.nth


def _is_operation(call: Call, operation: str) -> bool:
    """A Redis pipeline fits each of its commands."""
    return operation == call.operation or operation in getattr(call, "commands", ())


class Proxy(Generic[CallT]):
    """A server on 127.0.0.1 with one thread for each connection. Subclasses implement `serve`.

    Use it as a context manager, or call `start` and `stop`. The port stays the proxy's own while it is down.
    """

    def __init__(self) -> None:
        # Bound but never listening: keeps the port ours while the listening socket is closed.
        self._reservation = _bound_socket(0)
        self.host = "127.0.0.1"
        self.port: int = self._reservation.getsockname()[1]
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._recordings: list[list[CallT]] = []
        self._faults: list[Fault] = []
        self._mishaps: list[Exception] = []

    # Life

    def start(self) -> Self:
        """Accept connections from now on."""
        self.come_up()
        return self

    def stop(self) -> None:
        """Close everything and wait for the threads. AssertionError if one hangs or an action broke."""
        self.stopped.set()
        self.go_down()
        self._reservation.close()
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive(), f"{thread.name} hangs"
        self._raise_mishap()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def go_down(self) -> None:
        """Close all connections and refuse new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections = set(self._connections)
        if listener is not None:
            # Closing alone would leave the accepting thread inside accept, and the port open with it.
            _shut(listener)
            listener.close()
        for connection in connections:
            _shut(connection)

    def come_up(self) -> None:
        """Accept connections again."""
        with self._lock:
            if self._listener is not None or self.stopped.is_set():
                return
            self._listener = listener = _bound_socket(self.port)
            listener.listen(128)
            self._start_thread(self._accept, listener)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Connections are refused inside the block."""
        self.go_down()
        try:
            yield
        finally:
            self.come_up()

    # Observing and disturbing

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[CallT]]:
        """Collect the calls made inside the block, in the order of their arrival.

        A call is complete in the list before its client receives the answer.
        """
        calls: list[CallT] = []
        with self._lock:
            self._recordings.append(calls)
        try:
            yield calls
        finally:
            with self._lock:
                self._recordings = [other for other in self._recordings if other is not calls]

    @contextlib.contextmanager
    def faults(self, *faults: Fault) -> Iterator[None]:
        """Inside the block the first of these faults whose turn it is decides about a call.

        At its end whatever they hold back is dropped, and what they took down comes up again.
        """
        with self._lock:
            self._faults.extend(faults)
        try:
            yield
        finally:
            with self._lock:
                self._faults = [fault for fault in self._faults if not any(fault is mine for mine in faults)]
            for fault in faults:
                with fault.taking_down:
                    fault.over.set()
                for proxy in fault.took_down:
                    proxy.come_up()
        self._raise_mishap()
        for fault in faults:
            assert fault.fired or not fault.must_fire, (
                f"{fault.matched} calls fitted, but the fault's turn never came"
            )

    # For subclasses

    def serve(self, client: socket.socket) -> None:
        """Talk with one client until it closes."""
        raise NotImplementedError

    def conduct(self, exchange: Exchange) -> bytes:
        """Record the call, pick the fault, and return what to answer. Raises ConnectionLost."""
        with self._lock:
            for recording in self._recordings:
                recording.append(exchange.call)
            taking = [fault for fault in self._faults if fault.takes(exchange.call)]
            if taking:
                exchange.fault = taking[0]
                exchange.fault.fired += 1
        action = exchange.fault.action if exchange.fault else Exchange.forward
        answer = action(exchange)
        exchange.call.answered = True
        return answer

    def connect_upstream(self, host: str, port: int) -> socket.socket:
        """A connection to the real store that is closed when the proxy stops."""
        upstream = socket.create_connection((host, port), timeout=_UPSTREAM_SECONDS)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._connections.add(upstream)
        return upstream

    def forget(self, connection: socket.socket) -> None:
        """The connection is closed."""
        with self._lock:
            self._connections.discard(connection)

    # Threads

    def _start_thread(self, target: Callable[[socket.socket], None], connection: socket.socket) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        name = f"{type(self).__name__}:{self.port} {target.__name__}"
        thread = threading.Thread(target=target, args=(connection,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    _reset_on_close(client)
                    client.close()
                    return
                self._connections.add(client)
                self._start_thread(self._converse, client)

    def _converse(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.serve(client)
        except ConnectionLost:
            _reset_on_close(client)
        except OSError:
            pass  # The client or the store went away: closing this side tells the other.
        except Exception as mishap:  # An action that does not work must fail the test, not look like a fault.
            self._mishaps.append(mishap)
            _reset_on_close(client)
        finally:
            self.forget(client)
            client.close()

    def _raise_mishap(self) -> None:
        if self._mishaps:
            raise AssertionError("an action broke") from self._mishaps.pop()


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # The listening socket shares the port with the reservation, and opens again at once after closing.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _reset_on_close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
