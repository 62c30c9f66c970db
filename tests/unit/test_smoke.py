"""What is asked of a shop that was just deployed, and what is said of one that does not work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.smoke import smoke_problems
from infra.stage import read_stage
from localstack.processes import LOOPBACK
from tests.faults import Fault, HttpProxy, answer

NEWEST = datetime(2026, 11, 28, 6, 30, tzinfo=UTC)
BEFORE = NEWEST - timedelta(minutes=1)
REFUSED = b'{"code":"FAIL","message":"FAIL"}'


def is_of_wechat(call: Any) -> bool:
    return bool(call.path.startswith("/trade/wechat"))


PAGES = Fault.on("GET", action=answer(200, b"{}"))
WECHAT = Fault.on("POST", action=answer(404, b""), where=is_of_wechat)
"""The example has no account at WeChat Pay."""
ALIPAY = Fault.on("POST", action=answer(200, b"fail"))
WELL = [PAGES, WECHAT, ALIPAY]


@pytest.fixture(scope="module")
def api() -> Iterator[HttpProxy]:
    """An API that answers what a test says."""
    with HttpProxy(f"http://{LOOPBACK}:1") as proxy:
        yield proxy


class CloudWatch:
    """One that has counted these runs and errors of each timer, by minutes."""

    def __init__(self, runs: dict[datetime, int], errors: dict[datetime, int]) -> None:
        self._counts = {"Invocations": runs, "Errors": errors}

    def get_metric_statistics(self, MetricName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        counts = self._counts[MetricName].items()
        return {"Datapoints": [{"Timestamp": minute, "Sum": float(count)} for minute, count in counts]}


def told(
    api: HttpProxy,
    faults: list[Fault],
    runs: dict[datetime, int] | None = None,
    errors: dict[datetime, int] | None = None,
    account: str = "",
) -> list[str]:
    cloudwatch = CloudWatch({NEWEST: 1} if runs is None else runs, errors or {})
    stage = read_stage("example")
    stage = replace(stage, stacks={**stage.stacks, "app": {**stage.stacks["app"], "WechatAppId": account}})
    with api.faults(*faults):
        return list(smoke_problems(stage, api.url, lambda _: cloudwatch, patience=0))


def test_a_shop_that_works_is_let_be(api: HttpProxy) -> None:
    assert told(api, WELL) == []
    assert told(api, WELL, {BEFORE: 1, NEWEST: 1}, {BEFORE: 1}) == [], (
        "the minute before was of another version"
    )


def test_pages_that_do_not_answer_are_named_with_what_they_said(api: HttpProxy) -> None:
    found = told(api, [Fault.on("GET", action=answer(500, b"broken")), WECHAT, ALIPAY])
    assert [line.split(": ")[0].removeprefix(f"GET {api.url}") for line in found] == [
        "/course/category",
        "/courses",
        "/api/captcha_check",
    ]
    assert all("500" in line and "broken" in line for line in found)


@pytest.mark.parametrize(("status", "body"), [(200, b"success"), (403, b"fail"), (502, b"")])
def test_a_forged_notice_must_be_refused_as_alipay_is_told(api: HttpProxy, status: int, body: bytes) -> None:
    [problem] = told(api, [PAGES, WECHAT, Fault.on("POST", action=answer(status, body))])
    assert "forged notice" in problem
    assert str(status) in problem


@pytest.mark.parametrize("account", ["", "wx0000000000000001"])
@pytest.mark.parametrize(
    ("status", "body"), [(204, b""), (200, REFUSED), (404, b""), (400, REFUSED), (502, b"")]
)
def test_a_forged_notice_must_be_refused_as_wechat_pay_is_told(
    api: HttpProxy, account: str, status: int, body: bytes
) -> None:
    """Both addresses are asked. A shop without an account has none."""
    wechat = Fault.on("POST", action=answer(status, body), where=is_of_wechat)
    problems = told(api, [PAGES, wechat, ALIPAY], account=account)
    right = (status, body) == ((400, REFUSED) if account else (404, b""))
    assert len(problems) == (0 if right else 2)
    assert all(f"{status} " in problem for problem in problems)


@pytest.mark.parametrize(
    ("runs", "errors"),
    [({}, {}), ({NEWEST: 0}, {}), ({NEWEST: 1}, {NEWEST: 1}), ({BEFORE: 1, NEWEST: 1}, {NEWEST: 1})],
)
def test_timers_that_do_not_run_or_fail_are_named(
    api: HttpProxy, runs: dict[datetime, int], errors: dict[datetime, int]
) -> None:
    first, second, third = told(api, WELL, runs, errors)
    assert "work_off_orders has not run" in first
    assert "send_messages has not run" in second
    assert "sweep_coupon_claims has not run" in third
