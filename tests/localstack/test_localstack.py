"""The packaged shop on LocalStack: what `make run`, where nothing is packaged and nothing deployed, cannot show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from infra.manage import settings_of
from infra.stage import Stage, read_stage
from localstack.cloud import overlay
from localstack.cloud.deploying import CREDENTIALS
from tests.client import Client
from tests.e2e import journey
from tests.e2e.local_run import ROOT, SECONDS, until
from tests.e2e.shop import (
    PAID,
    PASSWORD,
    Shop,
    claimed_and_ordered,
    control,
    owned,
    registered,
    status,
)
from tests.localstack.cloud_run import API_FUNCTION, CloudRun, changed_package

pytestmark = pytest.mark.timeout(900)

LATER = """

@app.middleware("http")
def tell_version(event, get_response):
    response = get_response(event)
    response.headers["X-Version"] = "later"
    return response
"""
BROKEN = "\n\nraise RuntimeError('this version cannot begin')\n"


@pytest.fixture(scope="session")
def buyer(shop: Shop) -> Client:
    """A learner who has bought a course."""
    learner, choice, order = journey.leads_from_registering_to_an_order(shop)
    journey.leads_from_paying_to_owning(shop, learner, choice, order)
    return learner


def test_without_its_python_it_says_what_to_do_before_anything_starts(tmp_path: Path) -> None:
    run = CloudRun(tmp_path / "data", {"PYTHON313": "/bin/false"})
    assert run.start().ended() == 1
    assert "PYTHON313=/bin/false is no Python 3.13" in run.output
    assert "Starting" not in run.output
    run.end()


def version_told(shop: Shop) -> str | None:
    return requests.get(f"{shop.api}/courses", timeout=SECONDS).headers.get("X-Version")


def test_a_stranger_registers_orders_pays_and_owns_the_course(run: CloudRun, buyer: Client) -> None:
    assert owned(buyer)
    # It came through API Gateway into the function that is for nothing else.
    told = [json.loads(line) for line in run.messages("alipay_notify") if line.startswith("{")]
    assert "success" in [line["outcome"] for line in told if line["message"] == "done"]


def test_the_purchase_by_hand_works_as_it_stands(run: CloudRun) -> None:
    assert '"status": "交易成功"' in run.purchase_by_hand()


def test_an_operator_acts_with_the_settings_of_the_stages_functions(run: CloudRun) -> None:
    example = read_stage("example")
    stage = Stage(**{**vars(example), "name": overlay.STAGE, "region": overlay.REGION})
    address = run.run_env()["AWS_ENDPOINT_URL_DYNAMODB"]
    keys = {name.upper(): value for name, value in CREDENTIALS.items()}
    found = settings_of(stage, run.cloud().client("lambda")) | keys | {"AWS_ENDPOINT_URL": address}
    done = subprocess.run(
        [sys.executable, "-m", "chalicelib.manage", "check-settings"],
        cwd=ROOT,
        env=found,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "all settings are there, and the keys can be loaded\n", done.stderr


@pytest.mark.parametrize("promise", journey.PROMISES)
def test_api_gateway_keeps(shop: Shop, promise: journey.Promise) -> None:
    promise(shop)


@pytest.mark.parametrize("timer", ["work_off_orders", "send_messages", "sweep_coupon_claims"])
def test_a_schedule_fires_by_itself(run: CloudRun, timer: str) -> None:
    def has_fired() -> bool:
        return any(f'"request_id": "{timer}"' in line and '"done"' in line for line in run.messages(timer))

    until(has_fired, f"{timer} was not fired")


def test_whole_lines_are_logged_and_no_secret(run: CloudRun, buyer: Client) -> None:
    lines = [line for line in run.messages("api_handler") if line.startswith("{")]
    assert lines
    assert all(json.loads(line)["time"] for line in lines)
    assert not [line for line in lines if PASSWORD in line or str(buyer.token) in line]


def test_a_changed_function_serves_and_a_roll_back_takes_it_back(
    run: CloudRun, shop: Shop, tmp_path: Path
) -> None:
    cloud, functions = run.cloud(), run.cloud().client("lambda")
    before = functions.get_alias(FunctionName=API_FUNCTION, Name="live")["FunctionVersion"]
    assert version_told(shop) is None
    later = changed_package(run.wanted().package, tmp_path / "later", LATER)
    cloud.deploy_app(run.wanted(package=later))
    assert version_told(shop) == "later"
    after = functions.get_alias(FunctionName=API_FUNCTION, Name="live")["FunctionVersion"]
    assert int(after) > int(before)

    functions.update_alias(FunctionName=API_FUNCTION, Name="live", FunctionVersion=before)
    assert version_told(shop) is None
    cloud.deploy_app(run.wanted())
    assert version_told(shop) is None


def test_a_version_that_cannot_begin_is_answered_for_in_the_shops_words_and_taken_back(
    run: CloudRun, shop: Shop, tmp_path: Path
) -> None:
    cloud, functions = run.cloud(), run.cloud().client("lambda")
    before = functions.get_alias(FunctionName=API_FUNCTION, Name="live")["FunctionVersion"]
    broken = changed_package(run.wanted().package, tmp_path / "broken", BROKEN)
    cloud.deploy_app(run.wanted(package=broken))
    answer = requests.get(f"{shop.api}/courses", headers={"Origin": journey.ORIGIN}, timeout=SECONDS)
    assert (answer.status_code, answer.json()["code"]) == (503, 503)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"

    functions.update_alias(FunctionName=API_FUNCTION, Name="live", FunctionVersion=before)
    journey.both_forms_of_a_path_are_answered(shop)
    cloud.deploy_app(run.wanted())
    journey.both_forms_of_a_path_are_answered(shop)


def test_nothing_listens_for_other_computers(run: CloudRun, buyer: Client) -> None:
    addresses = run.listening_addresses()
    assert len(addresses) > len(run.children())  # the processes of LocalStack and of the functions, too
    assert {address.rpartition(":")[0] for address in addresses} == {"127.0.0.1"}


FUNCTIONS = (
    "api_handler",
    "alipay_notify",
    "wechat_notify",
    "work_off_orders",
    "send_messages",
    "sweep_coupon_claims",
    "hold_bills",
)
RESTORED = "restored-"


def restored(run: CloudRun, table: str) -> None:
    """A copy beside a table, as AWS restores one: with its keys, indexes and items, and none of its other settings.

    LocalStack cannot restore.
    """
    dynamodb, source = run.cloud().client("dynamodb"), f"{run.wanted().table_prefix}{table}"
    found = dynamodb.describe_table(TableName=source)["Table"]
    indexes = [
        {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
        for index in found["GlobalSecondaryIndexes"]
    ]
    dynamodb.create_table(
        TableName=f"{RESTORED}{table}",
        AttributeDefinitions=found["AttributeDefinitions"],
        KeySchema=found["KeySchema"],
        GlobalSecondaryIndexes=indexes,
        BillingMode="PAY_PER_REQUEST",
    )
    for page in dynamodb.get_paginator("scan").paginate(TableName=source):
        for item in page["Items"]:
            dynamodb.put_item(TableName=f"{RESTORED}{table}", Item=item)


def test_restored_tables_are_taken_into_use_and_what_was_paid_since_is_given_once(
    run: CloudRun, shop: Shop, buyer: Client
) -> None:
    """The steps of infra/README.md, but for the restoring itself and the import of the tables into a stack."""
    cloud, functions = run.cloud(), run.cloud().client("lambda")
    courses = owned(buyer)
    waiting, chosen, opened = journey.leads_from_registering_to_an_order(shop)
    requests.get(opened.pay_url, timeout=SECONDS)
    later, name = registered(shop)
    for table in ("users", "catalog"):
        restored(run, table)

    # What happens afterwards is in the old tables only.
    journey.leads_from_paying_to_owning(shop, waiting, chosen, opened)
    choice, order = claimed_and_ordered(shop, later)
    journey.leads_from_paying_to_owning(shop, later, choice, order)

    for function in FUNCTIONS:
        functions.put_function_concurrency(
            FunctionName=f"course-shop-dev-{function}", ReservedConcurrentExecutions=0
        )
    assert requests.get(f"{shop.api}/courses", timeout=SECONDS).status_code == 503
    (notice,) = shop.trade(order.number)["notices"]
    control(f"{shop.alipay}/control/notices/{notice['notify_id']}/resend", {})
    until(lambda: len(shop.trade(order.number)["notices"][0]["deliveries"]) == 2, "the notice was not sent")
    assert not shop.trade(order.number)["notices"][0]["deliveries"][1]["accepted"]

    cloud.client("dynamodb").update_time_to_live(
        TableName=f"{RESTORED}users", TimeToLiveSpecification={"AttributeName": "forget_at", "Enabled": True}
    )
    cloud.deploy_app(run.wanted(table_prefix=RESTORED))
    for function in FUNCTIONS:
        functions.delete_function_concurrency(FunctionName=f"course-shop-dev-{function}")
    assert owned(buyer) == courses

    # An order of before that was paid since is found: Alipay is asked.
    until(lambda: status(waiting, opened) == PAID, "the payment was not found")
    assert owned(waiting) == [chosen.course_id]

    # An order of since is known to the old tables, and an operator gives what it bought.
    assert owned(later) == []
    assert "there is no order" in run.manage("show-order", order.number, table_prefix=RESTORED)
    assert order.number not in run.manage("journal", table_prefix=RESTORED)
    assert order.number in run.manage("journal")
    known = run.manage("show-order", order.number)
    assert f"user      {name} (" in known
    assert f"course#{choice.course_id} " in known
    assert run.manage("list-enrollments", name, table_prefix=RESTORED) == ""
    gift = ("grant-enrollment", name, str(choice.course_id), "30", "--reason", f"order {order.number}")
    assert f"{name} may study course#{choice.course_id}" in run.manage(*gift, table_prefix=RESTORED)
    assert owned(later) == [choice.course_id]
    assert f"order {order.number}" in run.manage("audit", table_prefix=RESTORED)

    # Its notice, which comes again, waits for a person.
    control(f"{shop.alipay}/control/notices/deliver", {"early": True})
    stray = (
        f"order {order.number}: a genuine notification of alipay does not fit, there is no such order here"
    )
    assert stray in run.manage("problems", table_prefix=RESTORED)
    trade = shop.trade(order.number)["trade_no"]
    given = ("resolve-stray", order.number, trade, "--reason", "given by hand")
    assert "is resolved" in run.manage(*given, table_prefix=RESTORED)
    assert order.number not in run.manage("problems", table_prefix=RESTORED)
    assert owned(later) == [choice.course_id]

    learner, choice, order = journey.leads_from_registering_to_an_order(shop)
    journey.leads_from_paying_to_owning(shop, learner, choice, order)
    cloud.deploy_app(run.wanted())
    assert owned(buyer) == courses
    unknown = requests.get(
        f"{shop.api}/mycourses", headers={"Authorization": str(learner.token)}, timeout=SECONDS
    )
    assert unknown.status_code == 401  # registered after the restore: unknown to the tables of before
