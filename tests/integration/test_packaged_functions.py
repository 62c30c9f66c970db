"""The finished packages under AWS's own runtime client: a request of each function, what it logs, loads and writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from chalicelib.settings import FUNCTIONS
from chalicelib.shop import bill, journal, order
from chalicelib.shop.bill import BillDay
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.cloud.executor.process_executor.function_process import FunctionProcess, NotBegun
from localstack.wechat import WechatSimulator
from tests import builders, purchases
from tests.packaged_functions import Unpacked, api_event, environment_of, handler_of, invoke, unpack
from tests.purchases import Buyer, Clock
from tests.scheduled import SCHEDULED
from tests.wechat_notices import a_begun_trade, posted

pytestmark = pytest.mark.timeout(600)  # the first run packages, and installs the runtime client

WATCHING = Path(__file__).parents[1] / "watching.py"
NewFunction = Callable[..., FunctionProcess]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    unpacked = unpack(tmp_path_factory.mktemp("functions"))
    shutil.copy(WATCHING, unpacked.client)
    return unpacked


@pytest.fixture
def new_function(unpacked: Unpacked) -> Iterator[NewFunction]:
    """Makes a function that is watched, with changes of its settings; `handler` is another one than its own."""
    made = []

    def new_function(name: str, handler: str = "watching.handler", **changes: str | None) -> FunctionProcess:
        made.append(unpacked.process(handler, environment_of(name, **changes)))
        return made[-1]

    yield new_function
    for process in made:
        process.stop()


def answer_of(process: FunctionProcess, event: object) -> Any:
    outcome = invoke(process, event)
    assert not outcome.is_error, process.log()
    return json.loads(outcome.payload)


def lines_of(process: FunctionProcess) -> list[dict[str, Any]]:
    """What a function has logged, each line a whole JSON object; and it has changed no file."""
    log = process.log()
    assert log.endswith("\n")
    lines = log.splitlines()
    assert not [line for line in lines if line.startswith("changed: ")]
    return [json.loads(line) for line in lines if not line.startswith("loaded: ")]


def loaded_late(process: FunctionProcess) -> list[str]:
    """The modules that a function has loaded since its start: its invocations waited for them."""
    return [
        line.removeprefix("loaded: ") for line in process.log().splitlines() if line.startswith("loaded: ")
    ]


def test_the_api_answers_with_the_courses(new_function: NewFunction, gateway_server: GatewayServer) -> None:
    builders.a_course()
    api = new_function("api_handler")
    api.start()
    answers = [answer_of(api, api_event("GET", "/courses")) for _ in range(2)]
    for answer in answers:
        body = json.loads(answer["body"])
        assert (answer["statusCode"], body["code"]) == (200, 0)
        assert body["data"]
    first, second = [line for line in lines_of(api) if line["message"] == "done"]
    assert (first["path"], first["status"]) == (second["path"], second["status"]) == ("/courses", 200)
    assert loaded_late(api) == []


def test_a_genuine_notification_is_taken_and_a_forged_one_is_not(
    new_function: NewFunction, gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    buyer = Buyer(gateway_server.base_url)
    number = buyer.place()
    purchases.pay(alipay, number)
    genuine = purchases.notice(alipay, number)
    notify = new_function("alipay_notify")
    notify.start()

    forged = answer_of(notify, purchases.event(urlencode(genuine | {"total_amount": "0.01"})))
    assert (forged["statusCode"], forged["body"]) == (200, "fail")
    buyer.assert_order_waits(number)

    for _ in ("once", "again"):
        taken = answer_of(notify, purchases.event(urlencode(genuine)))
        assert (taken["statusCode"], taken["body"]) == (200, "success")
    buyer.assert_owns_the_course()
    assert [line["kind"] for line in lines_of(notify) if line["message"] == "done"] == ["notification"] * 3
    assert loaded_late(notify) == []


def test_a_genuine_notification_of_wechat_is_taken_and_a_forged_one_is_not(
    new_function: NewFunction, gateway_server: GatewayServer, wechat: WechatSimulator
) -> None:
    number = a_begun_trade()
    wechat.pay(number)
    notify = new_function("wechat_notify")
    notify.start()
    told = wechat.event(number)
    forged = answer_of(notify, posted(wechat, told, frozenset({"notice_wrong_signature"})))
    assert (forged["statusCode"], forged["body"]) == (400, '{"code":"FAIL","message":"FAIL"}')
    for _ in ("once", "again"):
        assert answer_of(notify, posted(wechat, told))["statusCode"] == 204
    assert purchases.stored(number).status == order.PAID
    assert [line["kind"] for line in lines_of(notify) if line["message"] == "done"] == ["notification"] * 3
    assert loaded_late(notify) == []


def test_the_timer_asks_alipay_about_what_is_due(
    new_function: NewFunction, gateway_server: GatewayServer, alipay: AlipaySimulator, clock: Clock
) -> None:
    clock.stand_at(datetime.now(UTC) - timedelta(minutes=20))
    buyer = Buyer(gateway_server.base_url)
    number = buyer.place()
    purchases.pay(alipay, number)
    timer = new_function("work_off_orders")
    timer.start()
    answer_of(timer, SCHEDULED)
    (line,) = (line for line in lines_of(timer) if line["message"] == "done")
    assert line["kind"] == "timer"
    assert line["done"] >= 1
    assert purchases.status(number) == order.PAID


def test_the_sweep_runs(new_function: NewFunction, gateway_server: GatewayServer) -> None:
    sweep = new_function("sweep_coupon_claims")
    sweep.start()
    answer_of(sweep, SCHEDULED)
    (line,) = (line for line in lines_of(sweep) if line["message"] == "done")
    assert line["kind"] == "timer"
    assert "cleared" in line
    assert loaded_late(sweep) == []


def test_the_bills_of_the_last_days_are_fetched(
    new_function: NewFunction, gateway_server: GatewayServer, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    bills = new_function("hold_bills")
    bills.start()
    answer_of(bills, SCHEDULED)
    (line,) = (line for line in lines_of(bills) if line["message"] == "done")
    assert line["kind"] == "timer"
    assert line["days"] >= 2
    assert {held.provider for held in recent_days()} == {"alipay", "wechat"}


def recent_days() -> list[BillDay]:
    """The days of the last week that were held against their bills."""
    today = journal.day_of(datetime.now(UTC))
    return [
        held
        for provider in ("alipay", "wechat")
        for held in bill.list_days(provider, today - timedelta(days=7), today)
        if held.state != bill.UNREADABLE
    ]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_missing_setting_ends_the_start(function: str, new_function: NewFunction) -> None:
    process = new_function(function, handler_of(function), TABLE_PREFIX="no prefix")
    with pytest.raises(NotBegun) as refused:
        process.start()
    assert json.loads(refused.value.payload)["errorType"] == "InvalidSetting"
    first = json.loads(process.log().splitlines()[0])
    assert (first["level"], first["message"].split()[:3]) == ("CRITICAL", ["the", "setting", "TABLE_PREFIX"])


def test_the_watch_sees_files_and_modules(
    unpacked: Unpacked, new_function: NewFunction, tmp_path: Path
) -> None:
    code = tmp_path / "written.py"
    code.write_text(
        "import os\n"
        "def write(event, context):\n"
        "    import colorsys\n"
        "    with open(os.environ['PLACE'], 'w') as file:\n"
        "        file.write('x')\n"
    )
    shutil.copy(code, unpacked.client)
    place = tmp_path / "somewhere"
    process = new_function("sweep_coupon_claims", _HANDLER="written.write", PLACE=str(place))
    process.start()
    answer_of(process, {})
    assert set(process.log().splitlines()) >= {f"changed: {place}", "loaded: colorsys"}


class Credentials(BaseHTTPRequestHandler):
    """Where a function that was started from a snapshot gets its credentials."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        body = json.dumps(
            {
                "AccessKeyId": "AKID",
                "SecretAccessKey": "key",
                "Token": "token",
                "Expiration": (datetime.now(UTC) + timedelta(hours=6)).isoformat(timespec="seconds"),
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_function_that_woke_from_a_snapshot_gets_its_credentials(
    new_function: NewFunction, gateway_server: GatewayServer
) -> None:
    """Lambda then gives no credentials in variables. botocore finds them without its descriptions of services."""
    with HTTPServer(("127.0.0.1", 0), Credentials) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        api = new_function(
            "api_handler",
            handler_of("api_handler"),
            AWS_ACCESS_KEY_ID=None,
            AWS_SECRET_ACCESS_KEY=None,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{server.server_port}/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN="a word",
        )
        api.start()
        answer = answer_of(api, api_event("GET", "/courses"))
        server.shutdown()
    assert answer["statusCode"] == 200
    assert Credentials.asked == ["a word"]
