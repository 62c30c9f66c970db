"""The sheet of costs: what is read of the templates, the sums, and that the document has today's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.bars import Bar, picture
from infra.costs import (
    EXAMPLES,
    INFRA,
    PICTURE,
    README,
    NoPrice,
    School,
    bars,
    costs,
    main,
    read,
    sheet,
    times,
    with_sheet,
)
from infra.counted import Call, Counted, counted
from infra.inventory import Function, Inventory, inventory
from infra.stage import Stage, read_stage

PRICES = json.loads((INFRA / "prices.json").read_text(encoding="utf-8"))
USAGE = json.loads((INFRA / "usage.json").read_text(encoding="utf-8"))
STALE = (
    "Templates, counts, measurements, usage or prices have changed since the sheet was written. That is no fault:"
    " write it anew by `.venv/bin/python -m infra.costs --write`, and read what has become of the sums."
)


def a_stage(**changed: Mapping[str, str]) -> Stage:
    """The usual stage with other parameters for some stacks."""
    usual = read_stage(EXAMPLES["usual"])
    stacks = {stack: {**given, **changed.get(stack, {})} for stack, given in usual.stacks.items()}
    return replace(usual, stacks=stacks)


# What stands


def test_the_usual_stage_has_what_its_file_asks_for() -> None:
    things = inventory(a_stage()).things
    assert (things["AWS::EC2::NatGateway"], things["AWS::EC2::EIP"], things["cache.t4g.micro"]) == (1, 1, 2)
    assert things["AWS::WAFv2::WebACL"] == 1 and things["web ACL rule"] > 0
    assert things["AWS::CloudWatch::Dashboard"] == 1


def test_a_second_way_out_another_node_and_no_web_acl_are_seen() -> None:
    network = {"NatGateways": "2", "RedisNodes": "1", "RedisNodeType": "cache.r7g.large"}
    things = inventory(a_stage(network=network, edge={"WebAcl": "off"})).things
    assert (things["AWS::EC2::NatGateway"], things["AWS::EC2::EIP"], things["cache.r7g.large"]) == (2, 2, 1)
    assert not things["cache.t4g.micro"] and not things["AWS::WAFv2::WebACL"] and not things["web ACL rule"]
    assert not things["AWS::WAFv2::WebACLAssociation"], "what the application's stack is told by another"


def test_without_redis_there_is_no_network() -> None:
    here, there = inventory(a_stage()), inventory(a_stage(network={"Redis": "dynamodb"}))
    assert not any(kind.startswith(("AWS::EC2::", "AWS::ElastiCache::", "cache.")) for kind in there.things)
    assert there.things["AWS::SecretsManager::Secret"] == here.things["AWS::SecretsManager::Secret"] - 1
    assert (here.redis, there.redis) == ("node", "dynamodb")


def test_alarms_are_counted_by_the_metrics_that_they_read() -> None:
    node, none = (inventory(a_stage(watch={"Redis": redis})).things for redis in ("node", "none"))
    serverless = inventory(a_stage(watch={"Redis": "serverless"})).things
    assert node["alarm metric"] - none["alarm metric"] == 1
    assert serverless["alarm metric"] - none["alarm metric"] == 1
    assert none["alarm metric"] > 14, "some read several"


def test_sizes_and_starts_of_functions_come_from_stage_and_template() -> None:
    found = inventory(a_stage(app={"ApiMemory": "512", "SnapStart": "on", "LogDays": "180"}))
    assert found.functions["APIHandler"] == Function(memory=512, secrets=7, snap_start=True)
    assert found.functions["AlipayNotify"].secrets == 1
    with_wechat = inventory(a_stage(secrets={"WechatPay": "on"}))
    assert with_wechat.functions["APIHandler"].secrets == 11
    assert (
        with_wechat.things["AWS::SecretsManager::Secret"] == found.things["AWS::SecretsManager::Secret"] + 5
    )
    assert not found.functions["WorkOffOrders"].snap_start
    assert found.log_days == 180
    declared = json.loads((INFRA / "functions.json").read_text(encoding="utf-8"))["Parameters"]
    assert inventory(a_stage()).functions["WorkOffOrders"].memory == declared["TimerMemory"]["Default"]


# Sums


def school(redis: str = "node", acls: int = 1, memory: int = 1769, **assumed: Any) -> School:
    """One of simple numbers: a processor's function, 10 ms of work, two round trips of 5 ms, units by tens."""
    stage = Inventory(
        stacks=frozenset({"front"}),
        things=Counter({"AWS::EC2::NatGateway": 1, "AWS::WAFv2::WebACL": acls}),
        functions={
            name: Function(memory, 2, False)
            for name in (
                "APIHandler",
                "AlipayNotify",
                "WorkOffOrders",
                "SendMessages",
                "SweepCouponClaims",
                "HoldBills",
            )
        },
        log_days=60,
        redis=redis,
    )
    calls = {
        "GET /a": Call(processor=10, trips=2, reads=10, writes=20),
        "POST /trade/alipay": Call(10, 2, 1, 14),
        "work_off_orders": Call(10, 4, 0, 0),
        "send_messages": Call(10, 2, 0, 0),
        "sweep_coupon_claims": Call(10, 2, 3, 0),
        "hold_bills": Call(10, 2, 3, 4),
    }
    starts = dict.fromkeys(
        (
            "api_handler",
            "alipay_notify",
            "work_off_orders",
            "send_messages",
            "sweep_coupon_claims",
            "hold_bills",
        ),
        500.0,
    )
    usage: dict[str, Any] = {
        "visit": [{"step": "", "asks": {"GET /a": 3}}],
        "order": [{"step": "", "asks": {"GET /a": 1}}],
        "order_besides": [{"step": "", "asks": {"POST /trade/alipay": 1}}],
        "assumptions": {
            name: {"is": value}
            for name, value in {
                "round_trip_ms": 5,
                "provider_ms": 200,
                "asks_provider": {},
                "hashes": {},
                "processor": 1,
                "starts": {"visit": {}, "order": {"APIHandler": 1}},
                "empty_query_units": 0.5,
                "index_writes": {"order": 4},
                "table_gb": 1,
                "log_bytes": 1000,
                "traced": 1,
                "files": {"visit": 50, "order": 0},
                "sent_mb": {"visit": 2, "order": 0},
            }.items()
        },
    }
    for name, value in assumed.items():
        usage["assumptions"][name] = {"is": value}
    return School(stage, Counted(calls, {"GET /a": Call(10, 3, 11, 22)}, starts, 100.0), usage)


def test_a_request_takes_its_processor_time_by_the_share_and_waits() -> None:
    assert school().seconds("GET /a") == pytest.approx(0.010 + 2 * 0.005)
    assert school(memory=3538).seconds("GET /a") == pytest.approx(0.020), "a second processor is no help"
    assert school().with_memory(442).seconds("GET /a") == pytest.approx(10 / (442 / 1769) / 1000 + 0.010)
    asking = school(asks_provider={"GET /a": 1}, hashes={"GET /a": 2})
    assert asking.seconds("GET /a") == pytest.approx(0.010 + 2 * 0.1 + 0.010 + 0.2)
    assert school(processor=0.5).seconds("GET /a") == pytest.approx(0.020 + 0.010)
    assert school().start_seconds("APIHandler") == pytest.approx(0.5)


def test_what_a_request_uses() -> None:
    assert school().request("GET /a") == pytest.approx(
        {
            "Lambda request": 1,
            "Lambda GB-second": 0.020 * 1769 / 1024,
            "read unit": 10,
            "write unit": 20,
            "log GB": 1e-6,
            "log GB-month": 2e-6,
            "trace": 1,
            "API Gateway request": 1,
            "web ACL request": 1,
            "CloudFront request": 1,
            "CloudFront function": 1,
        }
    )
    notice = school(acls=0).request("POST /trade/alipay")
    assert (notice["CloudFront request"], notice["web ACL request"]) == (0, 0)


def test_without_redis_other_units_count() -> None:
    assert school("dynamodb").request("GET /a")["write unit"] == 22
    assert school("none").request("GET /a")["write unit"] == 20, "then Redis is elsewhere"


def test_what_a_visit_and_an_order_use() -> None:
    visit, order = school().journey("visit"), school().journey("order")
    assert (visit["API Gateway request"], visit["CloudFront request"]) == (3, 53)
    assert (visit["read unit"], visit["write unit"]) == (30, 60)
    assert visit["CloudFront GB"] == pytest.approx(0.002)
    assert (order["API Gateway request"], order["CloudFront request"]) == (2, 1)
    assert order["write unit"] == 20 + 14 + 4
    assert order["secret read"] == 2
    assert order["Lambda GB-second"] == pytest.approx((0.020 + 0.020 + 0.5) * 1769 / 1024)


def test_a_month_without_anybody_is_what_stands_and_the_timers() -> None:
    idle = school().idle()
    assert idle["AWS::EC2::NatGateway"] == 1 and idle["table GB"] == 1
    assert idle["Lambda request"] == 3 * 43_200 + 180
    assert idle["read unit"] == 43_200 * (4 * 0.5 + 2 * 0.5 + 3) + 180 * 3, (
        "a Query that finds nothing is half a unit"
    )
    assert idle["write unit"] == 180 * 4
    assert idle["Lambda GB-second"] == pytest.approx(
        (43_200 * (0.030 + 0.020 + 0.020) + 180 * 0.020) * 1769 / 1024
    )
    assert "API Gateway request" not in idle
    month = school().month(10, 1)
    assert month["API Gateway request"] == 10 * 3 + 2


def test_a_start_from_a_snapshot_costs_the_snapshot() -> None:
    one = school()
    functions = {**one.stage.functions, "APIHandler": Function(1024, 2, True)}
    one = replace(one, stage=replace(one.stage, functions=functions))
    assert one.idle()["SnapStart GB"] == 1
    assert one.start("APIHandler") == {"SnapStart GB restored": 1}


def test_a_sum_is_quantity_by_price_and_what_is_free_is_taken_off() -> None:
    prices = {
        "prices": {
            "a": {"group": "A", "is": 3, "per": 1_000_000, "free": 1_000_000},
            "b": {"group": "A", "is": 2},
            "c": {"group": "B", "is": 5, "free": 9},
        },
        "without_price": ["d"],
    }
    used = {"a": 3_000_000.0, "b": 4.0, "c": 1.0, "d": 7.0}
    assert costs(used, prices) == {"A": 3 * 3 + 2 * 4, "B": 5}
    assert costs(used, prices, free=True) == {"A": 3 * 2 + 2 * 4, "B": 0}
    assert costs(times(used, 2), prices) == {"A": 34, "B": 10}


def test_what_has_no_price_and_is_not_said_to_have_none_stops_the_sheet() -> None:
    with pytest.raises(NoPrice, match="AWS::EC2::TransitGateway"):
        costs({"AWS::EC2::TransitGateway": 1}, PRICES)


def test_the_command_prints_other_stages_with_other_prices_and_says_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dear = json.loads(json.dumps(PRICES))
    dear["currency"], dear["prices"]["AWS::SecretsManager::Secret"]["is"] = "CNY", 100
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(dear), encoding="utf-8")
    assert main(["--prices", str(mine), EXAMPLES["small"]]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("In CNY") and "| Secrets | 700.00 |" in printed
    del dear["prices"]["AWS::SecretsManager::Secret"]
    mine.write_text(json.dumps(dear), encoding="utf-8")
    assert main(["--prices", str(mine)]) == 1
    assert "AWS::SecretsManager::Secret" in capsys.readouterr().err
    assert main(["nowhere"]) == 1
    assert "no stage 'nowhere'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--write", EXAMPLES["small"]])


# What goes into it


def test_every_price_is_used_somewhere_and_everything_that_stands_has_one() -> None:
    variants = [
        a_stage(app={"SnapStart": "on"}, edge={"HostedZoneId": "Z0"}),
        a_stage(network={"Redis": "serverless"}, watch={"Redis": "serverless"}),
        read_stage(EXAMPLES["small"]),
    ]
    known = counted()
    used: set[str] = set()
    for stage in variants:
        one = School(inventory(stage), known, USAGE)
        month = one.month(1, 1)
        costs(month, PRICES)
        used |= month.keys()
    assert used == PRICES["prices"].keys() | set(PRICES["without_price"])


def test_every_assumption_has_its_reason() -> None:
    for name, assumption in USAGE["assumptions"].items():
        assert assumption.keys() == {"is", "because"} and len(assumption["because"]) > 20, name


def test_the_dearest_of_several_rows_counts() -> None:
    rows = counted().calls
    assert Call(1, 5, 2, 0).dearest(Call(3, 4, 2, 1)) == Call(3, 5, 2, 1)
    assert rows["GET /course/{id}/chapters"].reads == 2.5, "signed in, not as a visitor"
    assert rows["GET /home"].reads > 0 and rows["POST /login"].processor > 0
    assert counted().without_redis["POST /login"].writes > rows["POST /login"].writes


def test_the_sheet_in_the_document_is_todays() -> None:
    schools, document = read(EXAMPLES), README.read_text(encoding="utf-8")
    assert with_sheet(document, sheet(schools, PRICES)) == document, STALE
    assert PICTURE.read_text(encoding="utf-8") == bars(schools, PRICES), STALE


def test_a_document_without_marks_is_not_taken_for_one_with_todays_sheet() -> None:
    marked = "a\n<!-- costs -->\n\nold\n\n<!-- end of the costs -->\nb\n"
    assert with_sheet(marked, "new") == marked.replace("old", "new")
    with pytest.raises(ValueError):
        with_sheet("a\n<!-- costs -->\nb\n", "new")


def test_a_picture_has_a_bar_for_each_part_to_one_scale() -> None:
    drawn = picture([Bar("one", {"a": 10, "b": 20, "c": 0}), Bar("two", {"a": 5, "b": 0, "c": 0})], "USD")
    assert 'width="176.7"' in drawn and 'width="353.3"' in drawn and 'width="88.3"' in drawn
    assert ">30 USD<" in drawn and ">5 USD<" in drawn
    assert "<title>c" not in drawn, "nobody pays for it"
