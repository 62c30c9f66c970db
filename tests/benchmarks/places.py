"""Packaged functions in several processes, as Lambda has them: each runs one invocation at a time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from localstack.api_gateway import ApiGateway
from tests.packaged_functions import MeasuredProcess, invoke

STARTING = 4
"""So many start side by side."""


class FunctionFailed(Exception):
    """A function has raised an exception, or its process has ended; the text is Lambda's word of it."""


@dataclass(frozen=True)
class Sample:
    """One invocation: for which request ("GET /courses"), what was answered (see `answer_of`), and milliseconds:
    `waited` until a process was free, `ran` until it had answered.
    """

    request: str
    answer: str
    waited: float
    ran: float


class Places:
    """So many processes of one function: a context manager. A request that finds none free waits."""

    def __init__(self, number: int, new_process: Callable[[], MeasuredProcess]) -> None:
        self.processes = [new_process() for _ in range(number)]
        self._free: SimpleQueue[MeasuredProcess] = SimpleQueue()

    def __enter__(self) -> Self:
        """Start all of them. Raises NotBegun."""
        with ThreadPoolExecutor(STARTING) as pool:
            list(pool.map(MeasuredProcess.start, self.processes))
        for process in self.processes:
            self._free.put(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.stop()

    def invoke(self, event: object) -> tuple[Any, float, float]:
        """Run the function -> its result, None where it failed; milliseconds waited and run."""
        came = time.perf_counter()
        process = self._free.get()
        began = time.perf_counter()
        try:
            outcome = invoke(process, event)
            ended = time.perf_counter()
        finally:
            self._free.put(process)
        result = None if outcome.is_error else json.loads(outcome.payload)
        return result, (began - came) * 1000, (ended - began) * 1000

    def cpu_seconds(self) -> float:
        """Processor time of all of them so far."""
        return sum(process.cpu_seconds() for process in self.processes)

    def queued_seconds(self) -> float:
        """How long they were ready and other programs had the processors."""
        return sum(process.queued_seconds() for process in self.processes)


class PackagedApi(ApiGateway):
    """The API in front of packaged functions. `samples` grows by one for each invocation."""

    def __init__(self, application: Any, places: Mapping[str, Places]) -> None:
        super().__init__(application)
        self.places = places
        self.samples: list[Sample] = []

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """As of `ApiGateway`. Raises FunctionFailed, which becomes a 5xx."""
        result, waited, ran = self.places[function].invoke(event)
        request = f"{event['httpMethod']} {event['resource']}"
        self.samples.append(Sample(request, answer_of(result), waited, ran))
        if result is None:
            raise FunctionFailed(request)
        return result

    def taken(self) -> list[Sample]:
        """The samples since the last time."""
        samples, self.samples = self.samples, []
        return samples


def answer_of(result: Any) -> str:
    """What a function's result says, in a word: its code, else its status; `success`, `fail` or `crashed`."""
    if result is None:
        return "crashed"
    if result["statusCode"] != 200:
        return str(result["statusCode"])
    try:
        body = json.loads(result["body"])
    except ValueError:
        return str(result["body"])
    return str(body.get("code", body.get("error_no", 200)))


SUCCESS = {"0", "200", "1000", "success"}
"""The words for it."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that is at least as large as this share of them. ValueError without any."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
