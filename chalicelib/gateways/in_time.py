"""Calls that end when their time is over, whatever they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar, cast

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable

_Result = TypeVar("_Result")


def in_time(gateway: str, deadline: Deadline, at_most: float, call: Callable[[float], _Result]) -> _Result:
    """The result of a call, which is told its seconds, within the rest of a deadline and `at_most` seconds. Raises
    GatewayUnavailable past them, and what the call raises.

    A socket's time-out begins anew with every byte, so a third party that drips could hold a request for minutes: the
    call runs in a thread that may be left behind.
    """
    seconds = min(deadline.remaining(), at_most)
    if seconds <= 0:
        raise GatewayUnavailable(gateway=gateway, reason="deadline")
    outcome: list[tuple[_Result | None, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((call(seconds), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise GatewayUnavailable(gateway=gateway, reason="deadline")
    result, error = outcome[0]
    if error is not None:
        raise error
    return cast(_Result, result)
