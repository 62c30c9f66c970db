"""One DynamoDB Local and one Redis for a whole test run, in memory, on free ports. Every pytest worker has
tables and a Redis database of its own, a free port for the API and one for the simulator of each payment provider.

Settings come from here alone, whatever the developer's shell has set. Tests under tests/unit start no store.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from chalicelib.settings import SETTINGS
from localstack.alipay import AlipaySimulator, generate_keys
from localstack.api_gateway import ApiGateway, GatewayServer
from localstack.polyv import PolyvSimulator
from localstack.post import PostSimulator
from localstack.processes import LOOPBACK
from localstack.stores import DynamoDBLocal, RedisServer
from localstack.wechat import WechatSimulator
from tests.faults.routing import FaultyApp, Proxies, routed_through, started_proxies
from tests.log_watch import LogWatch, findings, lines_in, secret_settings
from tests.ports import reserve_port

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

HERE = Path(__file__).parent
RUN = "SHOP_TEST_RUN"  # what the run's first process hands to its workers, as JSON in the environment
WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # "gw0", "gw1", ...; None in the first process
ALIPAY_APP_ID = "2021000000000001"
ALIPAY_SELLER_ID = "2088000000000001"
POLYV_USER_ID = "e2e84a7383"
WECHAT_APP_ID, WECHAT_MCH_ID = "wx0000000000000001", "1900000001"
WECHAT_MCH_SERIAL, WECHAT_PUBLIC_KEY_ID = (
    "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
    "PUB_KEY_ID_0119000000010001",
)

SMS_ACCESS_KEY_ID, SMS_SIGN_NAME = "LTAI5tTest", "云课堂"
MAIL_USER = "post"


@dataclass(frozen=True)
class Stores:
    """Where this worker's stores are: its tables begin with `table_prefix`."""

    dynamodb_url: str
    redis_url: str
    table_prefix: str


def new_run() -> dict[str, str]:
    app, alipay, mch, wechat = (generate_keys() for _ in range(4))
    return {
        "id": secrets.token_hex(3),
        "app_private_key": app.private_pem,
        "app_public_key": app.public_pem,
        "alipay_private_key": alipay.private_pem,
        "alipay_public_key": alipay.public_pem,
        "mch_private_key": mch.private_pem,
        "mch_public_key": mch.public_pem,
        "wechat_private_key": wechat.private_pem,
        "wechat_public_key": wechat.public_pem,
        "wechat_api_v3_key": secrets.token_hex(16),
        "wechat_app_secret": secrets.token_hex(16),
        "polyv_secret_key": secrets.token_hex(10),
        "sms_secret": secrets.token_hex(15),
        "mail_password": secrets.token_hex(16),
    }


if WORKER is None:
    os.environ[RUN] = json.dumps(new_run())
run = json.loads(os.environ[RUN])
api_reservation, api_port = reserve_port()
alipay_reservation, alipay_port = reserve_port()
wechat_reservation, wechat_port = reserve_port()
polyv_reservation, polyv_port = reserve_port()
post_reservation, post_port = reserve_port()
smtp_reservation, smtp_port = reserve_port()


def set_environment() -> None:
    """The settings of this worker. The stores are missing in a run of unit tests only."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.endswith(("_FILE", "_ARN")) or name in SETTINGS:
            del os.environ[name]
    number = int(WORKER.removeprefix("gw")) if WORKER else 0
    wechat_url = f"http://{LOOPBACK}:{wechat_port}"
    os.environ.update(
        STAGE="test",
        API_URL=f"http://{LOOPBACK}:{api_port}",
        SHOP_URL="http://shop.test",
        ALLOWED_ORIGINS="*",
        JWT_KEY="a key for tests, long enough for HS256: " + run["id"],
        CONTACT_KEY="a key for the contacts of tests, long enough: " + run["id"],
        PASSWORD_ITERATIONS="1000",
        CAPTCHA="off",
        ORDER_MINUTES="30",
        STORE_PATIENCE="0.5",  # an outage costs a test half a second, not four
        ALIPAY_APP_ID=ALIPAY_APP_ID,
        ALIPAY_SELLER_ID=ALIPAY_SELLER_ID,
        ALIPAY_APP_PRIVATE_KEY=run["app_private_key"],
        ALIPAY_PUBLIC_KEY=run["alipay_public_key"],
        ALIPAY_GATEWAY_URL=f"http://{LOOPBACK}:{alipay_port}/gateway.do",
        WECHAT_APP_ID=WECHAT_APP_ID,
        WECHAT_MCH_ID=WECHAT_MCH_ID,
        WECHAT_MCH_SERIAL=WECHAT_MCH_SERIAL,
        WECHAT_MCH_PRIVATE_KEY=run["mch_private_key"],
        WECHAT_PUBLIC_KEY_ID=WECHAT_PUBLIC_KEY_ID,
        WECHAT_PUBLIC_KEY=run["wechat_public_key"],
        WECHAT_API_V3_KEY=run["wechat_api_v3_key"],
        WECHAT_APP_SECRET=run["wechat_app_secret"],
        WECHAT_GATEWAY_URL=wechat_url,
        WECHAT_OPEN_URL=wechat_url,
        WECHAT_LOGIN_URL=wechat_url,
        POLYV_USER_ID=POLYV_USER_ID,
        POLYV_SECRET_KEY=run["polyv_secret_key"],
        POLYV_API_URL=f"http://{LOOPBACK}:{polyv_port}",
        POLYV_PLAYER_URL=f"http://{LOOPBACK}:{polyv_port}/player.js",
        SMS_ACCESS_KEY_ID=SMS_ACCESS_KEY_ID,
        SMS_ACCESS_KEY_SECRET=run["sms_secret"],
        SMS_SIGN_NAME=SMS_SIGN_NAME,
        SMS_CODE_TEMPLATES="confirm=SMS_1, sign-in=SMS_2, password=SMS_3",
        SMS_API_URL=f"http://{LOOPBACK}:{post_port}",
        MAIL_URL=f"smtp://{MAIL_USER}:{run['mail_password']}@{LOOPBACK}:{smtp_port}",
        MAIL_FROM="云课堂 <no-reply@school.example>",
        TABLE_PREFIX=f"t_{WORKER or 'main'}_{run['id']}_",
        REDIS_URL=f"redis://{LOOPBACK}:{run.get('redis_port', 1)}/{number % 16}",
        AWS_ENDPOINT_URL_DYNAMODB=run.get("dynamodb_url", f"http://{LOOPBACK}:1"),
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        NO_PROXY="*",
        no_proxy="*",
    )


set_environment()


def pytest_configure(config: pytest.Config) -> None:
    """Start the stores before the workers; they end with the run, and die with it if it is killed."""
    from tests.proof import report

    config.pluginmanager.register(report, "what was proved")
    if WORKER is None and not config.option.collectonly and not only_unit_tests(config):
        is_long = bool(getattr(config.option, "numprocesses", None))  # several workers have many tests
        dynamodb, redis = DynamoDBLocal(much_to_do=is_long), RedisServer()
        config.add_cleanup(dynamodb.stop)
        config.add_cleanup(redis.stop)
        run["dynamodb_url"] = dynamodb.start().url
        run["redis_port"] = str(redis.start().port)
        logs = tempfile.TemporaryDirectory(prefix="shop-logs-")
        config.add_cleanup(logs.cleanup)
        run["logs"] = logs.name
        os.environ[RUN] = json.dumps(run)
        set_environment()
    if "logs" in run:
        watch = LogWatch(Path(run["logs"]))
        for name in ("chalicelib", "course-shop", "botocore", "pynamodb", "python-alipay-sdk"):
            logging.getLogger(name).addHandler(watch)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The run fails when anything secret or personal stands in what the application has logged."""
    if WORKER is None and "logs" in run:
        found = sorted(set(findings(lines_in(Path(run["logs"])), secret_settings())))
        for text in found[:20]:
            print(f"\nERROR {text}")  # noqa: T201 (said to whoever started the run)
        if found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def only_unit_tests(config: pytest.Config) -> bool:
    named = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return bool(named) and all(path.is_relative_to(HERE / "unit") for path in named)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's kind is the directory it stands in."""
    for item in items:
        kind = item.nodeid.split("/")[1]
        if kind in ("integration", "e2e"):
            item.add_marker(kind)


@pytest.fixture(scope="session")
def stores() -> Stores:
    """This worker's tables, in a real DynamoDB Local, and its database of a real Redis."""
    from chalicelib.storage.tables import create_tables

    create_tables()
    return Stores(
        dynamodb_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
        redis_url=os.environ["REDIS_URL"],
        table_prefix=os.environ["TABLE_PREFIX"],
    )


def alipay_simulator() -> AlipaySimulator:
    """The one that the settings name."""
    return AlipaySimulator(
        app_id=ALIPAY_APP_ID,
        seller_id=ALIPAY_SELLER_ID,
        app_public_key=run["app_public_key"],
        alipay_private_key=run["alipay_private_key"],
        port=alipay_port,
        background=False,
    )


@pytest.fixture(scope="session")
def alipay() -> Iterator[AlipaySimulator]:
    """The Alipay simulator that this worker's settings point at. It sends notices when a test tells it to."""
    with alipay_simulator() as simulator:
        yield simulator


def wechat_simulator() -> WechatSimulator:
    """The one that the settings name."""
    return WechatSimulator(
        app_id=WECHAT_APP_ID,
        merchant_id=WECHAT_MCH_ID,
        merchant_serial=WECHAT_MCH_SERIAL,
        merchant_public_key=run["mch_public_key"],
        public_key_id=WECHAT_PUBLIC_KEY_ID,
        private_key=run["wechat_private_key"],
        api_v3_key=run["wechat_api_v3_key"],
        app_secret=run["wechat_app_secret"],
        port=wechat_port,
        background=False,
    )


@pytest.fixture(scope="session")
def wechat() -> Iterator[WechatSimulator]:
    """The WeChat Pay simulator that this worker's settings point at. It sends notices when a test tells it to."""
    with wechat_simulator() as simulator:
        yield simulator


def post_simulator() -> PostSimulator:
    """The one that the settings name."""
    return PostSimulator(
        access_key_id=SMS_ACCESS_KEY_ID,
        access_key_secret=run["sms_secret"],
        sign_name=SMS_SIGN_NAME,
        user=MAIL_USER,
        password=run["mail_password"],
        port=post_port,
        smtp_port=smtp_port,
        background=False,
    )


@pytest.fixture(scope="session")
def post() -> Iterator[PostSimulator]:
    """The simulator of SMS and mail that this worker's settings point at. Each test sends to numbers and addresses of
    its own. It pushes receipts when a test tells it to, and where `post.courier.urls` says.
    """
    with post_simulator() as simulator:
        yield simulator


def polyv_simulator() -> PolyvSimulator:
    """The one that the settings name."""
    return PolyvSimulator(
        user_id=POLYV_USER_ID,
        secret_key=run["polyv_secret_key"],
        shop_url=f"http://{LOOPBACK}:{api_port}",
        port=polyv_port,
    )


@pytest.fixture(scope="session")
def polyv() -> Iterator[PolyvSimulator]:
    """The Polyv simulator that this worker's settings point at. It calls the shop back when a test tells it to."""
    with polyv_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def gateway_server(stores: Stores) -> Iterator[GatewayServer]:
    """The application behind the local API Gateway, at `gateway_server.base_url`, which is also API_URL. No answer of
    it waits to be as late as another.
    """
    import app

    app.app.process.pause = lambda seconds: None
    with GatewayServer(ApiGateway(app), api_port, [os.environ["SHOP_URL"]]) as server:
        yield server


@pytest.fixture(scope="session")
def proxies(stores: Stores) -> Iterator[Proxies]:
    with started_proxies() as proxies:
        yield proxies


@pytest.fixture
def faulty_app(gateway_server: GatewayServer, proxies: Proxies) -> Iterator[FaultyApp]:
    """The application of `gateway_server`, for the time of a test behind the proxies of tests/faults.

        with faulty_app.redis.down():
            assert client.get("/shoppingcar/")["code"] == 1233
        with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=reset_after(), nth=1)): ...
        with faulty_app.dynamodb.recording() as calls: ...
        with faulty_app.alipay.faults(Fault.on("POST", action=silent())): ...

    Builders and flows called by the test itself go through the proxies too, as it is the same process:
    make what a test needs before its faults begin. `faulty_app.alipay` stands before the simulator of the
    fixture `alipay`, which a test that needs answers from there asks for itself. Catalogue answers kept by
    the application are forgotten at the beginning and at the end.
    """
    with routed_through(proxies):
        yield FaultyApp(
            gateway_server.base_url,
            proxies.dynamodb,
            proxies.redis,
            proxies.alipay,
            proxies.wechat,
            proxies.polyv,
        )
