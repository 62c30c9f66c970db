"""`infra/watch.json` counts lines that the application writes, and its alarms and dashboard look at what is there."""

from __future__ import annotations

import fnmatch
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import app as application
from chalicelib.request_log import JsonLines
from chalicelib.shop import order
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from tests import builders, purchases, study
from tests.addresses import ClientAt
from tests.captcha import captcha_on
from tests.client import Client
from tests.purchases import Buyer, deliver, deliver_event, event, notice
from tests.scheduled import SCHEDULED
from tests.study import PolyvHere
from tests.wechat_notices import a_begun_trade, posted

INFRA = Path(__file__).parents[2] / "infra"
OWN = "course-shop/${Stage}"
Line = dict[str, Any]


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind in the template -> their properties."""
    template = json.loads((INFRA / "watch.json").read_text(encoding="utf-8"))
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


FILTERS = resources("AWS::Logs::MetricFilter")
ALARMS = resources("AWS::CloudWatch::Alarm")


# CloudWatch's filter patterns, as far as the template uses them


def matches(pattern: str, line: Line) -> bool:
    """Whether a filter pattern (conditions with `&&` between) matches a line."""
    inside = re.fullmatch(r"\{ (.+) \}", pattern)
    assert inside, pattern
    return all(_holds(condition, line) for condition in inside[1].split(" && "))


def _holds(condition: str, line: Line) -> bool:
    missing = re.fullmatch(r"\$\.(\w+) NOT EXISTS", condition)
    if missing:
        return missing[1] not in line
    parts = re.fullmatch(r'\$\.(\w+) (=|>=) ("[^"]*"|\d+)', condition)
    assert parts, condition
    found, wanted = line.get(parts[1]), json.loads(parts[3])
    if parts[2] == ">=":
        return isinstance(found, int) and found >= wanted
    if isinstance(wanted, str):
        return isinstance(found, str) and fnmatch.fnmatchcase(found, wanted)
    return found == wanted


def test_patterns_are_read_as_cloudwatch_reads_them() -> None:
    line = {"kind": "timer", "done": 0, "message": "Geetest is out of reach: an offline challenge"}
    assert matches('{ $.kind = "timer" && $.done >= 0 && $.refusal NOT EXISTS }', line)
    assert matches('{ $.message = "Geetest is out of reach*" }', line)
    for other in ('{ $.kind = "tim" }', "{ $.done >= 1 }", "{ $.cleared >= 0 }", "{ $.done NOT EXISTS }"):
        assert not matches(other, line), other


class Lines(logging.Handler):
    """Keeps what is logged as the lines that production writes."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@contextmanager
def logged() -> Iterator[list[Line]]:
    """The lines that the application logs inside."""
    handler = Lines()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.lines
    finally:
        logging.getLogger().removeHandler(handler)


def counted(lines: list[Line], *functions: str) -> set[str]:
    """The filters of these functions' logs that match one of the lines."""
    return {
        name
        for name, filter in FILTERS.items()
        if filter["LogGroupName"]["Fn::Sub"].rpartition("/")[2] in functions
        and any(matches(filter["FilterPattern"], line) for line in lines)
    }


def test_an_order_that_is_placed_and_paid_is_counted_and_rings_nothing(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    buyer = Buyer(gateway_server.base_url)
    with logged() as lines:
        number = buyer.place()
    assert counted(lines, "api_handler") == {"OrdersPlaced"}
    purchases.pay(alipay, number)
    with logged() as lines:
        assert deliver(notice(alipay, number)) == "success"
    assert counted(lines, "alipay_notify") == {"NoticesTaken"}


def test_an_order_that_is_refused_is_not_counted(gateway_server: GatewayServer) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    with logged() as lines:
        assert learner.pay([builders.a_course(prices=[100])], 9.99)["code"] != 1000
    assert counted(lines, "api_handler") == set()


def test_a_forged_notice_is_refused_and_a_genuine_one_that_fits_nothing_is_not_taken(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    number = Buyer(gateway_server.base_url).place()
    purchases.pay(alipay, number)
    fields = notice(alipay, number)
    with logged() as lines:
        assert deliver(fields | {"sign": "AAAA"}) == "fail"
        assert deliver_event(event(urlencode({"out_trade_no": "1"}))) == "fail"
    assert counted(lines, "alipay_notify") == {"NoticesRefused"}
    with logged() as lines:
        assert deliver(notice(alipay, number, out_trade_no="1")) == "fail"
    assert counted(lines, "alipay_notify") == {"NoticesRefused", "NoticesNotTaken"}


def test_notices_of_wechat_pay_are_counted_like_alipays(
    gateway_server: GatewayServer, wechat: WechatSimulator
) -> None:
    number = a_begun_trade()
    wechat.pay(number)
    told = wechat.event(number)
    with logged() as lines:
        application.wechat_notify(posted(wechat, told, frozenset({"notice_signtest"})), None)
    assert counted(lines, "wechat_notify") == {"WechatNoticesRefused"}
    with logged() as lines:
        application.wechat_notify(posted(wechat, told, frozenset({"notice_wrong_amount"})), None)
    assert counted(lines, "wechat_notify") == {"WechatNoticesRefused", "WechatNoticesNotTaken"}
    with logged() as lines:
        application.wechat_notify(posted(wechat, told), None)
    assert counted(lines, "wechat_notify") == {"WechatNoticesTaken"}


def test_the_timers_runs_are_counted_with_what_waits(
    gateway_server: GatewayServer, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    number = Buyer(gateway_server.base_url).place()
    placed = purchases.stored(number)
    placed.update([order.Order.due_at.set(int(builders.now().timestamp()) - 900)])
    with logged() as lines:
        application.work_off_orders(SCHEDULED, None)
    filters = counted(lines, "work_off_orders")
    assert {"RunsOfOrders", "LongestWait", "Problems", "Decisions"} <= filters
    (line,) = [line for line in lines if line["message"] == "done"]
    assert line["waited_seconds"] >= 900
    for name in ("LongestWait", "Problems", "Decisions"):
        (told,) = FILTERS[name]["MetricTransformations"]
        assert isinstance(line[told["MetricValue"].removeprefix("$.")], int)
    with logged() as lines:
        application.sweep_coupon_claims(SCHEDULED, None)
    assert counted(lines, "sweep_coupon_claims") == {"RunsOfClaims"}
    with logged() as lines:
        application.hold_bills(SCHEDULED, None)
    assert counted(lines, "hold_bills") == {"RunsOfBills"}


def test_what_waits_for_a_person_is_counted_until_it_is_resolved(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    def problems() -> int:
        with logged() as lines:
            application.work_off_orders(SCHEDULED, None)
        return int(next(line["problems"] for line in lines if line["message"] == "done"))

    flagged = purchases.stored(Buyer(gateway_server.base_url).place())
    before = problems()
    with logged() as lines:
        order.flag_problem(flagged, "made up", builders.now())
    assert counted(lines, "work_off_orders") == {"ErrorsOfOrders"}
    assert problems() == before + 1
    order.clear_problem(order.find_by_number(flagged.number))
    assert problems() == before


def test_a_captcha_without_geetest_is_counted_among_those_that_are_started(
    gateway_server: GatewayServer, no_attempts_yet: None
) -> None:
    visitor = Client(gateway_server.base_url)
    with captcha_on() as shop:
        with logged() as lines:
            shop.challenge(visitor)
        assert counted(lines, "api_handler") == {"CaptchasStarted"}
        shop.switch("down")
        with logged() as lines:
            shop.challenge(visitor)
    assert counted(lines, "api_handler") == {"CaptchasStarted", "CaptchasOffline", "ErrorsOfApi"}


def test_a_video_that_polyv_does_not_let_begin_is_counted_among_those_that_are_asked_for(
    gateway_server: GatewayServer,
) -> None:
    course, account, learner = study.a_video_course(["10:00", "05:00"]), PolyvHere(), builders.a_user()
    study.enroll(learner, course)
    path = f"/course/{course.course_id}/sections/{study.sections_of(course)[1].section_id}/play"
    with study.playing_by(account, application.app.process):
        for down, expected in (([], {"VideosAsked"}), ([True], {"VideosAsked", "VideosUnavailable"})):
            account.is_down.extend(down)
            with logged() as lines:
                ClientAt(learner).post(path, {})
            assert counted(lines, "api_handler") == expected


def test_a_run_that_fails_is_none(gateway_server: GatewayServer) -> None:
    failed = {"kind": "timer", "message": "done", "level": "INFO", "duration_ms": 3}
    assert counted([failed], "work_off_orders", "sweep_coupon_claims", "hold_bills") == set()


def test_every_function_of_the_application_is_counted_and_no_other() -> None:
    groups = {filter["LogGroupName"]["Fn::Sub"] for filter in FILTERS.values()}
    functions = json.loads((INFRA.parent / ".chalice" / "config.json").read_text())["lambda_functions"]
    assert groups == {f"/course-shop/${{Stage}}/{name}" for name in functions}
    patterns = {
        (filter["LogGroupName"]["Fn::Sub"].rpartition("/")[2], filter["FilterPattern"])
        for filter in FILTERS.values()
    }
    # What the timers' other runs and the notifications show above holds for the sweep, too.
    for name in functions:
        assert (name, '{ $.level = "ERROR" }') in patterns


# Alarms and dashboard


def test_a_notice_that_takes_nearly_as_long_as_wechat_waits_rings_before_it_fails() -> None:
    functions = json.loads((INFRA.parent / ".chalice" / "config.json").read_text())["lambda_functions"]
    assert (
        3500 < ALARMS["NoticesSlowAlarm"]["Threshold"] < 1000 * functions["wechat_notify"]["lambda_timeout"]
    )


def own_metrics() -> set[str]:
    made = set()
    for filter in FILTERS.values():
        (told,) = filter["MetricTransformations"]
        assert told["MetricNamespace"] == {"Fn::Sub": OWN}
        made.add(told["MetricName"])
    return made


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm looks at: namespace, name and dimensions, each as in the template."""
    if "Metrics" not in alarm:
        return [alarm]
    return [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]


def text(value: Any) -> str:
    return str(value["Fn::Sub"]) if isinstance(value, dict) else str(value)


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    joined = "".join(map(text, dashboard["DashboardBody"]["Fn::Join"][1]))
    found: list[dict[str, Any]] = json.loads(joined)["widgets"]
    return found


def test_alarms_and_dashboard_look_at_what_is_counted_and_at_all_of_it() -> None:
    of_alarms = {
        metric["MetricName"]
        for alarm in ALARMS.values()
        for metric in metrics_of(alarm)
        if text(metric["Namespace"]) == OWN
    }
    shown = {
        metric[1]
        for widget in widgets()
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == OWN
    }
    assert of_alarms | shown == own_metrics()


KNOWN_METRICS = {
    "AWS/ApiGateway": {"5XXError", "4XXError", "Latency", "Count"},
    "AWS/Lambda": {"Errors", "Throttles", "Duration"},
    "AWS/DynamoDB": {
        "ReadThrottleEvents",
        "WriteThrottleEvents",
        "ThrottledRequests",
        "TransactionConflict",
    },
    "AWS/ElastiCache": {"DatabaseMemoryUsagePercentage", "BytesUsedForCache"},
}
"""Of AWS's own metrics, those that are used here: see the services' pages on CloudWatch."""


def test_alarms_look_at_functions_tables_and_api_by_their_names() -> None:
    application_template = json.loads((INFRA / "functions.json").read_text(encoding="utf-8"))
    tables = json.loads((INFRA / "stores.json").read_text(encoding="utf-8"))["Resources"].values()
    network = json.loads((INFRA / "network.json").read_text(encoding="utf-8"))["Resources"]
    functions = json.loads((INFRA.parent / ".chalice" / "config.json").read_text())["lambda_functions"]
    known = {
        "ApiName": {text(application_template["Resources"]["RestAPI"]["Properties"]["Name"])},
        "FunctionName": {f"course-shop-${{Stage}}-{name}" for name in functions},
        "TableName": {text(table["Properties"]["TableName"]) for table in tables},
        "Operation": {"Query"},
        # Nodes are numbered by ElastiCache.
        "CacheClusterId": {f"{text(network['RedisNode']['Properties']['ReplicationGroupId'])}-001"},
        "clusterId": {text(network["RedisServerless"]["Properties"]["ServerlessCacheName"])},
    }
    seen = set()
    for alarm in ALARMS.values():
        for metric in metrics_of(alarm):
            if text(metric["Namespace"]) == OWN:
                continue
            assert metric["MetricName"] in KNOWN_METRICS[metric["Namespace"]]
            for dimension in metric["Dimensions"]:
                assert text(dimension["Value"]) in known[dimension["Name"]]
                seen.add(text(dimension["Value"]))
    assert seen == set().union(*known.values())


def test_a_throttled_index_rings_too() -> None:
    """A table's own counts of throttled reads and writes leave its indexes out; every read of one is a Query."""
    queries = {
        text(one["Value"])
        for metric in metrics_of(ALARMS["TableThrottlesAlarm"])
        if {"Name": "Operation", "Value": "Query"} in metric["Dimensions"]
        for one in metric["Dimensions"]
        if one["Name"] == "TableName"
    }
    tables = json.loads((INFRA / "stores.json").read_text(encoding="utf-8"))["Resources"].values()
    with_indexes = [
        table["Properties"] for table in tables if "GlobalSecondaryIndexes" in table["Properties"]
    ]
    assert queries == {text(table["TableName"]) for table in with_indexes}


def test_a_sum_of_counts_holds_where_some_are_missing() -> None:
    """CloudWatch gives no sum where one of its parts has no count, as most have not."""
    for name, alarm in ALARMS.items():
        for one in alarm.get("Metrics", []):
            if "Expression" in one and "+" in text(one["Expression"]):
                parts = [other["Id"] for other in alarm["Metrics"] if "MetricStat" in other]
                assert one["Expression"] == "+".join(f"FILL({part},0)" for part in parts), name


def test_every_alarm_tells_the_topic_and_says_what_it_means() -> None:
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Topic"}], name
        assert len(alarm["AlarmDescription"]) > 30, name
        assert text(alarm["AlarmName"]).startswith("course-shop-${Stage}-"), name


def test_a_timer_that_says_nothing_rings() -> None:
    for name in ("OrdersTimerStandsAlarm", "MessagesTimerStandsAlarm", "ClaimsTimerStandsAlarm"):
        alarm = ALARMS[name]
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["Period"] * alarm["EvaluationPeriods"] == 300
    silent = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
    bills = ALARMS["BillsTimerStandsAlarm"]
    assert bills["Period"] * bills["EvaluationPeriods"] == 24 * 3600
    assert silent == {
        "OrdersTimerStandsAlarm",
        "MessagesTimerStandsAlarm",
        "ClaimsTimerStandsAlarm",
        "BillsTimerStandsAlarm",
    }


def test_the_dashboard_shows_the_alarms_and_what_aws_measures() -> None:
    (shown,) = [widget for widget in widgets() if widget["type"] == "alarm"]
    always = {f"${{{name}.Arn}}" for name in ALARMS if not name.startswith("Redis")}
    assert set(shown["properties"]["alarms"]) == always
    for widget in widgets():
        for metric in widget["properties"].get("metrics", []):
            assert metric[0] == OWN or metric[1] in KNOWN_METRICS[metric[0]]
