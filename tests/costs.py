"""What a request costs the stores and third parties, as the proxies before them see it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.storage.background import THREADS, in_background
from tests.endpoints import succeeded
from tests.faults import units
from tests.faults.routing import FaultyApp, Proxies


@dataclass(frozen=True)
class Cost:
    """Calls of each, and DynamoDB's capacity units."""

    dynamodb: int
    redis: int
    alipay: int
    wechat: int
    polyv: int
    read_units: float
    write_units: float

    @property
    def calls(self) -> int:
        return self.dynamodb + self.redis + self.alipay + self.wechat + self.polyv


def wait_for_reads() -> None:
    """Return when the application's reads have ended: an answer does not wait for one whose result it does not need."""
    all_are_free = threading.Barrier(THREADS + 1, timeout=60)
    for _ in range(THREADS):
        in_background(all_are_free.wait)
    all_are_free.wait()


def cost_of(proxies: Proxies | FaultyApp, call: Callable[[], Any]) -> Cost:
    """What a request costs that goes through these proxies. AssertionError when it is refused."""
    with (
        proxies.dynamodb.recording() as calls,
        proxies.redis.recording() as trips,
        proxies.alipay.recording() as asked,
        proxies.wechat.recording() as asked_wechat,
        proxies.polyv.recording() as asked_polyv,
    ):
        answer = call()
        wait_for_reads()
    assert succeeded(answer), answer
    consumed = units(calls)
    return Cost(
        dynamodb=len(calls),
        redis=len([trip for trip in trips if not trip.setup]),
        alipay=len(asked),
        wechat=len(asked_wechat),
        polyv=len(asked_polyv),
        read_units=consumed.read,
        write_units=consumed.write,
    )
