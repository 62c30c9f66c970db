"""Whether a deployed shop works: asked from outside, as learners and Alipay ask it, and of its timers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from infra.stage import Stage

PATIENCE = 180
"""Seconds for which a new address may not answer yet, and a timer may not have run."""

_FORGED = {
    "app_id": "1",
    "out_trade_no": "1",
    "trade_status": "TRADE_SUCCESS",
    "sign_type": "RSA2",
    "sign": "AAAA",
}


def smoke_problems(stage: Stage, client: Callable[..., Any]) -> Iterator[str]:
    """What does not work, in words; nothing where all does."""
    for path in ("/course/category", "/courses", "/api/captcha_check"):
        yield from _answers(f"{stage.api_url}{path}")
    answer = requests.post(f"{stage.api_url}/trade/alipay", data=_FORGED, timeout=30)
    if (answer.status_code, answer.text.strip()) != (200, "fail"):
        yield f"a forged notice of Alipay got {answer.status_code} {answer.text[:100]!r}, and 200 'fail' is right"
    for timer in ("work_off_orders", "sweep_coupon_claims"):
        if not _ran(stage, client("cloudwatch"), timer):
            yield f"the timer {timer} has not run without an error within {PATIENCE} seconds: look into its log"


def _answers(url: str) -> Iterator[str]:
    until, trouble = time.monotonic() + PATIENCE, ""
    while time.monotonic() < until:
        try:
            answer = requests.get(url, timeout=30)
            if answer.status_code == 200:
                return
            trouble = f"{answer.status_code} {answer.text[:200]!r}"
        except requests.RequestException as error:
            trouble = type(error).__name__
        time.sleep(5)
    yield f"GET {url}: {trouble}"


def _ran(stage: Stage, cloudwatch: Any, timer: str) -> bool:
    """Whether a function was invoked in the last minutes, and did not fail."""
    name, until = f"course-shop-{stage.name}-{timer}", time.monotonic() + PATIENCE
    while True:
        counts = {metric: _sum(cloudwatch, name, metric) for metric in ("Invocations", "Errors")}
        if counts["Invocations"]:
            return not counts["Errors"]
        if time.monotonic() > until:
            return False
        time.sleep(10)


def _sum(cloudwatch: Any, function: str, metric: str) -> float:
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
    return sum(point["Sum"] for point in points)
