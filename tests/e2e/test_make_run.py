"""The promises of `make run` to the person at the terminal, tried on the real thing."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import requests
from redis import Redis

from tests.conftest import Stores
from tests.e2e.local_run import ROOT, SECONDS, Run, until

pytestmark = pytest.mark.timeout(600)  # whole starts, on a machine that may be busy


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def new_run(**settings: str) -> Run:
        runs.append(Run(tmp_path / "data", settings))
        return runs[-1]

    yield new_run
    for run in runs:
        run.end()


@pytest.fixture
def tables_given(stores: Stores) -> dict[str, str]:
    """Settings with which a run keeps its tables in this test run's DynamoDB Local, where the first has seeded the demo
    shop: it starts in half the time.
    """
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": stores.dynamodb_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_PREFIX": f"{stores.table_prefix}run_",
    }


def dynamodb(environment: Mapping[str, str]) -> Any:
    return botocore.session.get_session().create_client(
        "dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL_DYNAMODB"]
    )


def test_the_shop_runs_until_ctrl_c_and_keeps_its_data(open_shop: Run) -> None:
    run = open_shop
    assert f"http://127.0.0.1:{run.api_port}" in run.output
    assert f"http://127.0.0.1:{run.spa_port}" in run.output
    assert f"http://127.0.0.1:{run.environment['ALIPAY_SIMULATOR_PORT']}" in run.output
    assert f"http://127.0.0.1:{run.environment['WECHAT_SIMULATOR_PORT']}" in run.output
    assert f"http://127.0.0.1:{run.environment['GEETEST_SIMULATOR_PORT']}" in run.output
    post = f"http://127.0.0.1:{run.environment['POST_SIMULATOR_PORT']}"
    assert post in run.output
    assert requests.get(f"{post}/control/state", timeout=SECONDS).json()["smtp_port"] == int(
        run.environment["SMTP_SIMULATOR_PORT"]
    )
    assert "demo" in run.output

    categories = run.get("/course/category")
    assert categories.status_code == 200
    assert categories.json()["data"]
    assert run.get("/no/such/path").json()["code"] == 404

    front = f"http://127.0.0.1:{run.spa_port}"
    assert re.findall(r"http://[0-9.:]+", run.output.rpartition("The shop is open")[2])[0] == front
    page = requests.get(f"{front}/payment/result", params={"order_num": "1"}, timeout=SECONDS)
    assert page.status_code == 200
    assert '<div id="app">' in page.text
    for asset in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        assert requests.get(front + asset, timeout=SECONDS).status_code == 200
    config = requests.get(f"{front}/config.json", timeout=SECONDS).json()
    assert requests.get(f"{front}{config['api']['address']}/course/category", timeout=SECONDS).json()["data"]
    assert config["captcha"]["state"] == "on"
    assert "initGeetest" in requests.get(config["captcha"]["script"], timeout=SECONDS).text
    assert config["apiPage"] == "/api/"
    settings = requests.get(f"{front}/api/settings.json", timeout=SECONDS).json()
    assert settings["api"] == f"http://127.0.0.1:{run.api_port}"
    assert "demo-admin" in [user["username"] for user in settings["demo_users"]]
    assert f"{front}/api/" in run.output
    assert "从访客到拥有一门课程" in requests.get(f"{front}/api/", timeout=SECONDS).text
    assert "<!doctype" in requests.get(f"{front}/../Makefile", timeout=SECONDS).text.lower()

    environment = run.run_env()
    assert stat.S_IMODE((run.data / "run.env").stat().st_mode) == 0o600
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in (run.data / "keys").iterdir())
    Redis.from_url(environment["REDIS_URL"]).set("kept", "one")
    client = dynamodb(environment)
    client.create_table(
        TableName="kept",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client.put_item(TableName="kept", Item={"id": {"S": "one"}})
    jwt_key = (run.data / "keys" / "jwt_key").read_text()

    children = run.children()
    assert len(children) == 9
    run.send(signal.SIGINT)
    assert run.ended() == 0
    run.left_nothing(children)
    assert not (run.data / "run.env").exists()
    assert "Traceback" not in run.output

    run.start().until_ready()
    assert "demo" in run.output.rpartition("The shop is open")[2]
    environment = run.run_env()
    assert Redis.from_url(environment["REDIS_URL"]).get("kept") == b"one"
    assert dynamodb(environment).get_item(TableName="kept", Key={"id": {"S": "one"}})["Item"]
    assert run.get("/course/category").json() == categories.json()
    assert (run.data / "keys" / "jwt_key").read_text() == jwt_key


def first_line_answered(port: int, method: str, path: str, headers: str) -> str:
    """The status line, or "" of a server that hung up without a word."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n".encode())
        with suppress(ConnectionResetError):
            return connection.recv(1000).decode("utf-8", "replace").partition("\r\n")[0]
        return ""


def all_lines_answered(port: int) -> list[str]:
    """What a server says to a page's request before it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.cn>\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(1000):
                answer += part
        return answer.decode().splitlines()


def test_no_server_answers_a_page_from_elsewhere(open_shop: Run) -> None:
    """Every port that any part of the shop listens on, whatever it is: a new part is looked at as well."""
    servers = open_shop.servers()
    assert len(servers) >= len(open_shop.children()) == 9
    for port, command in servers.items():
        if f"--smtp-port {port}" in command:
            assert [line[:3] for line in all_lines_answered(port)] == ["220", "421"]
            continue
        is_http = "redis" not in command  # which hangs up on whatever speaks HTTP
        for method, path in (("GET", "/"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/control/state")):
            for headers, status in (
                (f"Host: evil.example:{port}\r\n", "421"),
                ("Host: evil.example\r\n", "421"),
                (f"Host: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n", "403"),
                (f"Host: localhost:{port}\r\nOrigin: null\r\n", "403"),
            ):
                answer = first_line_answered(port, method, path, headers)
                assert answer.split()[1:2] == [status] * is_http, (command, method, path, headers, answer)
        if is_http:
            own = f"Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{open_shop.spa_port}\r\n"
            assert first_line_answered(port, "GET", "/", own).split()[1] in ("200", "400", "404"), command


def test_losing_the_terminal_ends_everything(
    new_run: Callable[..., Run], tables_given: dict[str, str]
) -> None:
    terminal, shell_side = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(shell_side, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup

    run = new_run(**tables_given).start(preexec_fn=take_terminal, pass_fds=[shell_side]).until_ready()
    os.close(shell_side)
    children = run.children()
    os.close(terminal)
    assert run.ended() == 0
    run.left_nothing(children)


def test_killing_the_runner_leaves_nothing_running_and_the_next_start_works(open_shop: Run) -> None:
    run, children = open_shop, open_shop.children()
    run.send(signal.SIGKILL)
    run.ended()
    run.left_nothing(children)
    assert (run.data / "run.env").exists()  # nobody was there to remove it ...

    manage = subprocess.run(
        [sys.executable, "-m", "localstack.manage", "--help"],
        cwd=ROOT,
        env=run.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert manage.returncode == 1  # ... and nobody is taken in by it
    assert "make run" in manage.stderr

    run.start().until_ready()
    assert run.get("/course/category").json()["data"]


def test_ending_it_while_it_starts_leaves_nothing_running(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    until(
        lambda: any("LoopbackRunner" in command for command in run.children().values()), "no DynamoDB Local"
    )
    children = run.children()
    run.send(signal.SIGINT)
    assert run.ended() == 0
    run.left_nothing(children)


def test_a_part_that_dies_is_named_and_ends_the_rest(
    new_run: Callable[..., Run], tables_given: dict[str, str]
) -> None:
    run = new_run(**tables_given).start().until_ready()
    children = run.children()
    redis = next(pid for pid, command in children.items() if "redis-server" in command)
    os.kill(redis, signal.SIGKILL)
    assert run.ended() == 1
    assert "Redis was ended by SIGKILL" in run.output
    run.left_nothing(children)


def test_a_second_run_on_the_same_data_is_refused_and_manage_acts_on_the_first(open_shop: Run) -> None:
    second = Run(open_shop.data, {}).start()
    assert second.ended() == 1
    assert "already running" in second.output
    assert str(open_shop.data) in second.output
    assert open_shop.get("/course/category").status_code == 200

    manage = subprocess.run(
        [sys.executable, "-m", "localstack.manage", "create-tables"],
        cwd=ROOT,
        env={
            name: value
            for name, value in open_shop.environment.items()
            if name in ("PATH", "HOME", "DATA_DIR")
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert manage.returncode == 0, manage.stderr


@pytest.mark.parametrize(
    "setting",
    Run.port_settings,
)
def test_a_taken_port_is_named_with_its_setting(new_run: Callable[..., Run], setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = new_run(**{setting: str(port)}).start()
        assert run.ended() == 1
    assert f"Port {port} is taken" in run.output
    assert f"{setting}=" in run.output
    assert "Traceback" not in run.output
    assert "Closing the shop" not in run.output


def test_the_purchase_by_hand_works_as_it_stands(open_shop: Run) -> None:
    printed = open_shop.purchase_by_hand()
    orders, courses = printed.rpartition('"status": "交易成功"')[::2]
    assert '"status": "TRADE_SUCCESS"' in orders
    assert '"name": "Python 编程：从零到能用"' in courses
    assert len(printed.splitlines()) < 300  # one can read it


def test_of_two_shops_started_at_the_same_moment_the_second_says_so(
    new_run: Callable[..., Run], tables_given: dict[str, str], tmp_path: Path
) -> None:
    first = new_run(**tables_given)
    same_ports = {name: value for name, value in first.environment.items() if name.endswith("_PORT")}
    second = Run(tmp_path / "other", same_ports)
    try:
        first.start()
        until(lambda: (first.data / "keys").exists(), "the first has not begun")  # and does not listen yet
        second.start()
        assert second.ended() == 1
        assert re.search(r"Port \d+ is taken by another `make run` that is just starting", second.output)
        assert "DATA_DIR=" in second.output
        assert "Starting" not in second.output
        assert "Closing the shop" not in second.output
        assert "Traceback" not in second.output
        first.until_ready()
        assert first.get("/course/category").status_code == 200
    finally:
        second.end()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("API_PORT", "http"),
        ("SPA_PORT", "70000"),
        ("DATA_DIR", "/proc/nowhere"),
        ("JWT_KEY_FILE", "/no/such/file"),
    ],
)
def test_a_malformed_setting_is_named_before_anything_starts(
    new_run: Callable[..., Run], setting: str, value: str
) -> None:
    run = new_run(**{setting: value}).start()
    assert run.ended() == 1
    assert setting.split("_")[0] in run.output.upper()
    assert value in run.output
    assert "Starting" not in run.output
    assert "Traceback" not in run.output


def test_a_malformed_setting_of_the_application_is_named(new_run: Callable[..., Run]) -> None:
    run = new_run(JWT_KEY="short").start()
    assert run.ended() == 1
    assert "JWT_KEY" in run.output
    assert "at least 32 bytes" in run.output
    assert "Traceback" not in run.output


def test_what_is_given_from_outside_is_used_and_not_started(
    new_run: Callable[..., Run], stores: Stores, tables_given: dict[str, str]
) -> None:
    run = new_run(
        **tables_given,
        REDIS_URL=stores.redis_url,
        ALIPAY_GATEWAY_URL=os.environ["ALIPAY_GATEWAY_URL"],
        ALIPAY_APP_ID="2021000000009999",
        ALIPAY_SELLER_ID="2088000000009999",
        ALIPAY_APP_PRIVATE_KEY=os.environ["ALIPAY_APP_PRIVATE_KEY"],
        ALIPAY_PUBLIC_KEY=os.environ["ALIPAY_PUBLIC_KEY"],
        **{
            name: text
            for name, text in os.environ.items()
            if name.startswith(("WECHAT_", "POLYV_", "SMS_", "MAIL_"))
        },
        API_URL="https://api.shop.example",
        SHOP_URL="https://shop.example",
        GEETEST_API_URL="https://api.geetest.example",
        GEETEST_ID="0123456789abcdef0123456789abcdef",
        GEETEST_KEY="a-key",
        ALLOWED_ORIGINS="https://shop.example",
    )
    run.start().until_ready()
    assert len(run.children()) == 2  # API and shop front
    assert run.get("/course/category").headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert run.get("/nothing").headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "https://api.shop.example" in run.output
    tables = dynamodb(run.run_env()).list_tables()["TableNames"]
    assert any(name.startswith(tables_given["TABLE_PREFIX"]) for name in tables)
    assert run.run_env()["ALIPAY_APP_ID"] == "2021000000009999"
    assert run.run_env()["GEETEST_API_URL"] == "https://api.geetest.example"
    run.send(signal.SIGTERM)
    assert run.ended() == 0


@pytest.mark.parametrize(
    ("provider", "address"),
    [("ALIPAY", "https://openapi.alipay.com/gateway.do"), ("WECHAT", "https://api.mch.weixin.qq.com")],
)
def test_a_real_gateway_needs_real_keys(new_run: Callable[..., Run], provider: str, address: str) -> None:
    run = new_run(**{f"{provider}_GATEWAY_URL": address}).start()
    assert run.ended() == 1
    assert f"{provider}_APP_ID" in run.output
    assert "Traceback" not in run.output


def test_a_real_geetest_needs_a_real_id_and_key(new_run: Callable[..., Run]) -> None:
    run = new_run(GEETEST_API_URL="https://api.geetest.com").start()
    assert run.ended() == 1
    assert "GEETEST_ID" in run.output
    assert "Traceback" not in run.output


def test_with_the_captcha_off_there_is_no_geetest_and_everybody_passes(
    new_run: Callable[..., Run], tables_given: dict[str, str]
) -> None:
    run = new_run(CAPTCHA="off", **tables_given).start().until_ready()
    assert not any("localstack.geetest" in command for command in run.children().values())
    assert "To sign in from a terminal" not in run.output
    assert not [name for name in run.run_env() if name.startswith("GEETEST_API")]
    config = requests.get(f"http://127.0.0.1:{run.spa_port}/config.json", timeout=SECONDS).json()
    assert config["captcha"] == {"state": "off", "version": "3", "script": ""}
    learner = {"username": "no-slider", "password": "learn-every-day-8"}
    assert (
        requests.post(f"http://127.0.0.1:{run.api_port}/register", json=learner, timeout=SECONDS).json()[
            "code"
        ]
        == 1000
    )


def test_geetest_4_is_a_setting(new_run: Callable[..., Run], tables_given: dict[str, str]) -> None:
    run = new_run(GEETEST_VERSION="4", **tables_given).start().until_ready()
    config = requests.get(f"http://127.0.0.1:{run.spa_port}/config.json", timeout=SECONDS).json()
    assert config["captcha"]["version"] == "4"
    assert "initGeetest4" in requests.get(config["captcha"]["script"], timeout=SECONDS).text
    answer = run.signed_in_as_printed()
    assert answer["code"] == 1000
    assert answer["data"]["userinfo"]["username"] == "demo"
