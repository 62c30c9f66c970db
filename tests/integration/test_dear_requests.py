"""No anonymous request costs more than ten times an ordinary one to the same route, however it is built.

Cost is counted: password hashes, calls to the stores, memory; and processor time, as a ratio to that of an ordinary
request measured beside it. API Gateway hands 6 MB of body and 10 kB of address and headers on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from types import FrameType
from typing import Any

import pytest

import app as application
from tests import builders
from tests.addresses import new_address
from tests.builders import PASSWORD
from tests.conftest import WECHAT_PUBLIC_KEY_ID, Stores
from tests.costs import finish_reads
from tests.faults.routing import FaultyApp
from tests.other_shop import OtherShop

MOST = 10
MOST_MEMORY = 4_000_000
"""Bytes that answering may take beside the event itself."""
RUNS = 3
NOTIFICATIONS = {
    "POST /trade/alipay": application.alipay_notify,
    "POST /trade/wechat": application.wechat_notify,
}
ROUTES = [
    *sorted(f"{method} {path}" for path, methods in application.app.routes.items() for method in methods),
    *NOTIFICATIONS,
]

Event = dict[str, Any]
SIGNED = "version=1.0&charset=utf-8&sign_type=RSA2&sign=" + "A" * 342 + "%3D%3D"
"""How a notification of Alipay begins whose signature is looked at."""


def wechat_signed() -> dict[str, str]:
    """The headers of a notification of WeChat Pay whose signature is looked at."""
    return {
        "Content-Type": "application/json",
        "Wechatpay-Serial": WECHAT_PUBLIC_KEY_ID,
        "Wechatpay-Timestamp": str(int(time.time())),
        "Wechatpay-Nonce": "0" * 32,
        "Wechatpay-Signature": "A" * 342 + "==",
    }


def event_of(
    route: str,
    *,
    body: str | None = None,
    encoded: bool = False,
    headers: Mapping[str, str] = {},
    query: Mapping[str, str] = {},
    part: str = "1",
) -> Event:
    """A request as API Gateway hands it on; `part` stands for whatever the path names."""
    method, resource = route.split()
    parameters = dict.fromkeys(re.findall(r"{(\w+)}", resource), part)
    given = {"User-Agent": "Mozilla/5.0", "Accept": "*/*", **headers}
    return {
        "resource": resource,
        "path": re.sub(r"{\w+}", part, resource),
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "requestId": "1",
            "identity": {"sourceIp": new_address()},
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def text_of(**fields: object) -> str:
    return json.dumps(fields)


def ordinary(route: str, username: str) -> Event:
    """What a visitor's browser sends, or somebody who has lost their token."""
    if route == "POST /trade/wechat":
        return event_of(route, headers=wechat_signed(), body=text_of(id="1", resource={"nonce": "1"}))
    if route == "POST /trade/alipay":
        fields = "&".join(f"field{number}=value{number}" for number in range(30))
        return event_of(route, body=f"{SIGNED}&{fields}")
    if route == "GET /trade/alipay":
        query = {"out_trade_no": "2026", "sign": "A" * 344, "sign_type": "RSA2"}
        return event_of(route, query=query | {f"field{number}": "value" for number in range(10)})
    body = text_of(username=username, password="wrong password")
    return event_of(route, body=None if route.startswith("GET") else body)


NESTED = "[" + "[[]]," * 1_199_900 + "1]"
TOKEN_PART = base64.urlsafe_b64encode(b'{"alg":"HS256","a":' + b"[" * 900 + b"]" * 900 + b"}").decode()


def bodies(username: str) -> dict[str, str]:
    """Bodies that are dear to read: far too large ones, and the dearest of those that are not."""
    full = 64 * 1024 - 200
    return {
        "six megabytes of lists": NESTED,
        "six megabytes of text": '"' + "a" * 5_900_000 + '"',
        "lists in lists": "[" * full,
        "many lists": "[" + "[]," * (full // 3) + "1]",
        "as many values as are read": "[" + "[]," * 990 + "1]",
        "many numbers": "[" + "1," * (full // 2) + "1]",
        "long numbers": "[" + ("9" * 40 + ",") * (full // 41) + "1]",
        "exponents": "[" + "1e39," * (full // 5) + "1]",
        "one long number": "9" * full,
        "escapes": '"' + "\\u4e2d" * (full // 6) + '"',
        "many names": "{" + ",".join(f'"{n}":1' for n in range(full // 9)) + "}",
        "long name": text_of(username="ﷺ" * (full // 6), password="x"),
        "long password": text_of(username=username, password="x" * full),
        "no text": "\x00" * full,
        "a form of names": f"{SIGNED}&" + "a&" * 15_000,
        "a form of fields": f"{SIGNED}&" + "&".join(f"{n}=%41" for n in range(3_300)),
        "a form of escapes": f"{SIGNED}&a=" + "%E4%BD%A0" * 3_400,
    }


HEADS: dict[str, dict[str, Any]] = {
    "huge token": {"headers": {"Authorization": "a" * 100_000}},
    "token of many words": {"headers": {"Authorization": "a " * 5_000}},
    "token of dots": {"headers": {"Authorization": "." * 9_000}},
    "nested token": {"headers": {"Authorization": f"{TOKEN_PART}.{TOKEN_PART}.{'A' * 43}"}},
    "huge agent": {"headers": {"User-Agent": "\x7f" * 100_000}},
    "long agent": {"headers": {"User-Agent": "\x7f" * 9_000}},
    "huge key": {"headers": {"Idempotency-Key": "k" * 100_000}},
    "many headers": {"headers": {f"X-{number}": "1" for number in range(1_000)}},
    "huge words": {"query": {"words": "a " * 50_000}},
    "many words": {"query": {"words": "a b c d e f g " * 20, "limit": "500", "sort": "price"}},
    "long cursor": {"query": {"cursor": "A" * 400}},
    "huge cursor": {"query": {"cursor": "A" * 9_000, "limit": "500"}},
    "huge numbers": {"query": dict.fromkeys(("limit", "category_id", "cursor", "final_price"), "9" * 2_000)},
    "many fields": {"query": {f"f{number}": "1" for number in range(1_000)}},
    "signed fields": {"query": {f"f{number}": "" for number in range(700)} | {"sign": "A" * 344}},
    "huge part": {"part": "9" * 100_000},
    "long part": {"part": "9" * 4_000},
    "escaped part": {"part": "%E4%BD" * 1_000},
}


def dear(route: str, username: str) -> dict[str, Event]:
    """Requests to the route that are built to be as dear as possible."""
    signed = wechat_signed() if route == "POST /trade/wechat" else {}
    built = {
        name: event_of(route, **head | {"headers": signed | head.get("headers", {})})
        for name, head in HEADS.items()
    }
    if not route.startswith("GET"):
        for name, body in bodies(username).items():
            built[name] = event_of(route, headers=signed, body=body)
            if len(body) < 100_000 or name == "six megabytes of lists":
                coded = base64.b64encode(body.encode()).decode()
                built[f"{name}, encoded"] = event_of(route, headers=signed, body=coded, encoded=True)
    return built


def answer(route: str, event: Event) -> Any:
    application.app.forget_fresh()
    if notify := NOTIFICATIONS.get(route):
        return notify(event, None)
    return application.app(event, None)


def seconds_of(route: str, event: Event) -> float:
    """Processor time of this thread, which does all of it."""
    started = time.thread_time()
    answer(route, event)
    return time.thread_time() - started


@contextmanager
def counted_hashes() -> Iterator[Callable[[], int]]:
    """How many passwords are hashed inside, as the interpreter's own profiler sees it."""
    hashed = 0

    def see(frame: FrameType, what: str, called: object) -> None:
        nonlocal hashed
        hashed += what == "c_call" and called is hashlib.pbkdf2_hmac

    sys.setprofile(see)
    try:
        yield lambda: hashed
    finally:
        sys.setprofile(None)


def hashes_of(route: str, event: Event) -> int:
    with counted_hashes() as hashes:
        answer(route, event)
    return hashes()


def memory_of(route: str, event: Event) -> int:
    """The most bytes that answering had in use at a time."""
    tracemalloc.start()
    try:
        answer(route, event)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls_and_hashes_of(shop: FaultyApp, route: str, event: Event) -> tuple[int, int]:
    finish_reads()
    with shop.dynamodb.recording() as calls, shop.redis.recording() as trips:
        hashes = hashes_of(route, event)
        finish_reads()
    return len(calls) + len([trip for trip in trips if not trip.setup]), hashes


def ratio_of(route: str, event: Event, usual: Event) -> float:
    """How many times the processor time of a usual request it takes; measured again while that is too much."""
    costs: list[tuple[float, float]] = []
    for _ in range(RUNS):
        costs.append((seconds_of(route, usual), seconds_of(route, event)))
        ratio = min(cost for _, cost in costs) / median(cost for cost, _ in costs)
        if ratio <= MOST:
            break
    return ratio


@pytest.fixture(scope="module")
def username(stores: Stores) -> Iterator[str]:
    """In a shop of its own: what other tests have put on show would be read again and again."""
    with OtherShop(stores).in_use():
        yield builders.a_user().username


def test_a_hash_is_counted(username: str) -> None:
    body = text_of(username=username, password=PASSWORD)
    assert hashes_of("POST /login", event_of("POST /login", body=body)) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_no_anonymous_request_costs_more_than_ten_ordinary_ones(
    route: str, username: str, faulty_app: FaultyApp
) -> None:
    usual = ordinary(route, username)
    answer(route, usual)  # whatever is loaded on first use is loaded
    calls, hashes = (max(1, number) for number in calls_and_hashes_of(faulty_app, route, usual))
    memory = memory_of(route, usual) + MOST_MEMORY
    for name, event in dear(route, username).items():
        called, hashed = calls_and_hashes_of(faulty_app, route, event)
        assert (called <= calls, hashed <= hashes) == (True, True), (name, called, hashed)
        assert memory_of(route, event) < memory, name
        ratio = ratio_of(route, event, usual)
        assert ratio <= MOST, f"{name} costs {ratio:.1f} times an ordinary request"
