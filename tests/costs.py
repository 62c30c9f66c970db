"""What a request costs the stores and third parties, as the proxies before them see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.storage import background
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


def finish_reads() -> None:
    """Wait for reads that the application has begun and that its answer did not wait for."""
    background._threads().shutdown()
    background._threads.cache_clear()


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
        finish_reads()
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
