"""Faults of the network and of processes, alike for every protocol: what can happen to a call on its way.

Each function returns an action for `Fault.on(..., action=...)`.
"""

from __future__ import annotations

import threading
from typing import Any

from tests.faults.proxy import Action, ConnectionLost, Exchange, Proxy


def reset_before() -> Action:
    """The connection is reset before the store sees the call: it never happened."""

    def act(exchange: Exchange) -> bytes:
        raise ConnectionLost

    return act


def reset_after() -> Action:
    """The store does the call, then the connection is reset: done, but the answer is lost."""

    def act(exchange: Exchange) -> bytes:
        exchange.forward()
        raise ConnectionLost

    return act


def cut_answer() -> Action:
    """The store does the call; half of the answer arrives, then the connection is reset."""

    def act(exchange: Exchange) -> bytes:
        whole = exchange.forward()
        exchange.send(whole[: len(whole) // 2])
        raise ConnectionLost

    return act


def silent() -> Action:
    """The call is taken and never answered, and the store does not see it: the client must give up."""

    def act(exchange: Exchange) -> bytes:
        exchange.wait_until_the_client_leaves()
        raise ConnectionLost

    return act


def drip(*, seconds_between_bytes: float) -> Action:
    """The store does the call; its answer comes byte by byte, as long as the client stays.

    Each byte restarts a client's read timeout, so only a deadline for the whole call ends it.
    """

    def act(exchange: Exchange) -> bytes:
        never = threading.Event()
        whole = exchange.forward()
        for position in range(len(whole)):
            exchange.send(whole[position : position + 1])
            exchange.wait(never, seconds_between_bytes)
        return b""

    return act


class Gate:
    """Where held calls wait: the test sees that one arrived, and lets them go on."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._opened = threading.Event()

    def wait_for_a_call(self, seconds: float = 10.0) -> None:
        """Return when one more call has arrived here. AssertionError when none does in time."""
        assert self._arrived.acquire(timeout=seconds), "no call arrived at the gate"

    def open(self) -> None:
        """Let every call go on, those waiting and those still to come."""
        self._opened.set()

    def hold(self, exchange: Exchange) -> None:
        """Keep the call here until the gate opens. ConnectionLost when the fault's block ends before."""
        self._arrived.release()
        exchange.wait(self._opened)


def hold_before(gate: Gate) -> Action:
    """A slow call: it reaches the store only when the gate opens."""

    def act(exchange: Exchange) -> bytes:
        gate.hold(exchange)
        return exchange.forward()

    return act


def hold_after(gate: Gate) -> Action:
    """A slow answer: the store does the call at once, the client learns it when the gate opens."""

    def act(exchange: Exchange) -> bytes:
        whole = exchange.forward()
        gate.hold(exchange)
        return whole

    return act


def die_before(*others: Proxy[Any]) -> Action:
    """The calling process dies just before this call: nothing gets through, here and at the others."""

    def act(exchange: Exchange) -> bytes:
        exchange.take_down(*others)
        raise ConnectionLost

    return act


def die_after(*others: Proxy[Any]) -> Action:
    """The calling process dies just after this call has taken effect: it is the last that gets through."""

    def act(exchange: Exchange) -> bytes:
        exchange.forward()
        exchange.take_down(*others)
        raise ConnectionLost

    return act
