"""Whether a deployed shop works: asked from outside, as learners and payment providers ask it, and of its timers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import requests

from infra.stage import Stage

PATIENCE = 180
"""Seconds for which, in sum, a new address may not answer yet, and the timers may not have run."""

_FORGED = {
    "app_id": "1",
    "out_trade_no": "1",
    "trade_status": "TRADE_SUCCESS",
    "sign_type": "RSA2",
    "sign": "AAAA",
}
_FORGED_HEADERS = {
    "Wechatpay-Serial": "PUB_KEY_ID_0",
    "Wechatpay-Signature": "AAAA",
    "Wechatpay-Timestamp": "1",
    "Wechatpay-Nonce": "1",
}


def smoke_problems(
    stage: Stage, api_url: str, client: Callable[..., Any], patience: float = PATIENCE
) -> Iterator[str]:
    """What does not work, in words; nothing where all does. `client` gives boto3's client of a service."""
    until = time.monotonic() + patience
    for path in ("/course/category", "/courses", "/api/captcha_check"):
        yield from _answers(f"{api_url}{path}", until)
    got = _posted(f"{api_url}/trade/alipay", data=_FORGED)
    if got != "200 fail":
        yield f"a forged notice of Alipay got {got!r}, and '200 fail' is right"
    has_wechat = bool(stage.stacks["app"].get("WechatAppId"))
    right = '400 {"code":"FAIL","message":"FAIL"}' if has_wechat else "404 "
    for path in ("wechat", "wechat/refund"):
        got = _posted(f"{api_url}/trade/{path}", json={}, headers=_FORGED_HEADERS)
        if got != right:
            yield f"a forged notice of WeChat Pay, to /trade/{path}, got {got!r}, and {right!r} is right"
    for timer in ("work_off_orders", "send_messages", "sweep_coupon_claims"):
        if not _ran(stage, client("cloudwatch"), timer, until):
            yield f"the timer {timer} has not run without an error within {patience} seconds: look into its log"


def _posted(url: str, **what: Any) -> str:
    """Status and body of the answer to a POST, or what went wrong."""
    try:
        answer = requests.post(url, timeout=30, **what)
    except requests.RequestException as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.text.strip()[:200]}"


def _answers(url: str, until: float) -> Iterator[str]:
    while True:
        try:
            answer = requests.get(url, timeout=30)
            if answer.status_code == 200:
                return
            trouble = f"{answer.status_code} {answer.text[:200]!r}"
        except requests.RequestException as error:
            trouble = type(error).__name__
        if time.monotonic() > until:
            yield f"GET {url}: {trouble}"
            return
        time.sleep(5)


def _ran(stage: Stage, cloudwatch: Any, timer: str, until: float) -> bool:
    """Whether the newest minute in which a function was invoked has no failure. An older one is of an older version,
    or of a minute in which the new one was not there yet.
    """
    name = f"course-shop-{stage.name}-{timer}"
    while True:
        invocations, errors = (_by_minute(cloudwatch, name, metric) for metric in ("Invocations", "Errors"))
        newest = max((minute for minute, count in invocations.items() if count), default=None)
        if newest is not None and not errors.get(newest):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(5)


def _by_minute(cloudwatch: Any, function: str, metric: str) -> dict[datetime, float]:
    now = time.time()
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - 300,
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return {point["Timestamp"]: point["Sum"] for point in points}
