"""A flood of requests to a function, driven by a process of its own: its threads take none of the measuring one's time.

with Flood(4, unpacked, environment, events) as flood:
    flood.begin()
    ...
    told = flood.end()
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.benchmarks.places import SUCCESS, Places, answer_of
from tests.packaged_functions import Unpacked


class Flooded(NamedTuple):
    """What a flood came to: requests, those that were answered in an unexpected way, seconds."""

    requests: int
    wrong: int
    seconds: float


class Flood:
    """The function `_HANDLER` of an environment, in so many processes, asked for these events over and over.

    One on `one_processor` leaves the others to whoever wants them: on AWS each function has its own.
    """

    def __init__(
        self,
        places: int,
        unpacked: Unpacked,
        environment: Mapping[str, str],
        events: list[Any],
        *,
        one_processor: bool = False,
    ) -> None:
        # Not forked: this process has threads, and the child starts processes that die with theirs.
        context = multiprocessing.get_context("spawn")
        self._line, self._other = context.Pipe()
        self._child = context.Process(
            target=serve,
            args=(self._other, places, unpacked, environment, events, one_processor),
            daemon=True,
        )

    def __enter__(self) -> Self:
        """Return when the functions are warm. Raises EOFError when the child ends."""
        self._child.start()
        self._other.close()
        self._line.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._child.join(30)

    def begin(self) -> None:
        """Let it come."""
        self._line.send(None)

    def end(self) -> Flooded:
        """Let it end."""
        self._line.send(None)
        told: Flooded = self._line.recv()
        return told


def serve(
    line: Connection,
    number: int,
    unpacked: Unpacked,
    environment: Mapping[str, str],
    events: list[Any],
    one_processor: bool,
) -> None:
    """The child: each word on the line begins or ends a flood, until the line is closed."""
    if one_processor:  # which the functions inherit
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with Places(number, lambda: unpacked.process(environment["_HANDLER"], environment)) as places:
        ask(places, events * number)
        line.send(None)
        try:
            while True:
                line.recv()
                line.send(flooded(places, number, events, line))
        except EOFError:
            return


def flooded(places: Places, number: int, events: list[Any], line: Connection) -> Flooded:
    """Ask until the other side has a word."""
    over, began = threading.Event(), time.monotonic()

    def ask_on() -> tuple[int, int]:
        asked = wrong = 0
        for event in itertools.cycle(events):
            if over.is_set():
                break
            asked, wrong = asked + 1, wrong + ask(places, [event])
        return asked, wrong

    with ThreadPoolExecutor(number) as pool:
        asking = [pool.submit(ask_on) for _ in range(number)]
        try:
            line.recv()
        finally:
            over.set()
        counts = [one.result() for one in asking]
    return Flooded(
        sum(asked for asked, _ in counts), sum(wrong for _, wrong in counts), time.monotonic() - began
    )


def ask(places: Places, events: list[Any]) -> int:
    """Ask for each in turn -> how many answers were no success."""
    return sum(answer_of(places.invoke(event)[0]) not in SUCCESS for event in events)
