"""`make localstack`: the packaged shop on LocalStack, deployed as on AWS, until Ctrl-C.

The parts around it are those of `make run`. In place of DynamoDB Local and the local API Gateway there is LocalStack
with the stacks of `infra/`, changed by `overlay.py`, and `edge.py` at the API's address. All data are gone at the end.
"""

from __future__ import annotations

import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import ClientError

from infra.stacks import NotDeployed
from localstack import venvs
from localstack.cloud import overlay, server
from localstack.cloud.deploying import Cloud, Wanted
from localstack.processes import LOOPBACK
from localstack.run import SEEDING, CannotRun, LocalShop, say, step
from localstack.venvs import PythonMissing, VenvNotMade, find_python

SECRETS = {
    "JwtKey": "JWT_KEY",
    "ContactKey": "CONTACT_KEY",
    "AlipayAppPrivateKey": "ALIPAY_APP_PRIVATE_KEY",
    "AlipayPublicKey": "ALIPAY_PUBLIC_KEY",
    "WechatMchPrivateKey": "WECHAT_MCH_PRIVATE_KEY",
    "WechatPublicKey": "WECHAT_PUBLIC_KEY",
    "WechatPlatformCertificate": "WECHAT_PLATFORM_CERTIFICATE",
    "WechatApiV3Key": "WECHAT_API_V3_KEY",
    "WechatAppSecret": "WECHAT_APP_SECRET",
    "SmsAccessKeySecret": "SMS_ACCESS_KEY_SECRET",
    "MailUrl": "MAIL_URL",
    "PolyvSecretKey": "POLYV_SECRET_KEY",
    "GeetestKey": "GEETEST_KEY",
    "RedisUrlElsewhere": "REDIS_URL",
}
"""The secrets of the stacks by their logical names -> the settings whose values they hold."""

PARAMETERS = {
    "AlipayAppId": "ALIPAY_APP_ID",
    "AlipaySellerId": "ALIPAY_SELLER_ID",
    "AlipayGatewayUrl": "ALIPAY_GATEWAY_URL",
    "WechatAppId": "WECHAT_APP_ID",
    "WechatMchId": "WECHAT_MCH_ID",
    "WechatMchSerial": "WECHAT_MCH_SERIAL",
    "WechatPublicKeyId": "WECHAT_PUBLIC_KEY_ID",
    "WechatGatewayUrl": "WECHAT_GATEWAY_URL",
    "WechatOpenUrl": "WECHAT_OPEN_URL",
    "WechatLoginUrl": "WECHAT_LOGIN_URL",
    "SmsAccessKeyId": "SMS_ACCESS_KEY_ID",
    "SmsSignName": "SMS_SIGN_NAME",
    "SmsCodeTemplates": "SMS_CODE_TEMPLATES",
    "SmsApiUrl": "SMS_API_URL",
    "MailFrom": "MAIL_FROM",
    "PolyvUserId": "POLYV_USER_ID",
    "PolyvApiUrl": "POLYV_API_URL",
    "GeetestId": "GEETEST_ID",
    "GeetestVersion": "GEETEST_VERSION",
    "GeetestApiUrl": "GEETEST_API_URL",
}
"""The parameters of the application -> the settings that they become."""

LOCALSTACK_PORT = "LOCALSTACK_PORT"
MARK = "only-on-localstack"
"""A file in the folder of such a shop: it may be removed with all that is in it."""


class CloudShop(LocalShop):
    """The shop of `make run` with its tables and its application on LocalStack."""

    word = "make localstack"
    usual_data = ".data-localstack"
    fate_of_data = "all of it is gone then"
    ports: Mapping[str, int] = {"API_PORT": 8001, "SPA_PORT": 8081, LOCALSTACK_PORT: 4566}

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        if self._text("AWS_ENDPOINT_URL_DYNAMODB"):
            raise CannotRun(
                "AWS_ENDPOINT_URL_DYNAMODB is set, but the tables are LocalStack's here: leave it."
            )
        if self.data.is_dir() and any(self.data.iterdir()) and not (self.data / MARK).exists():
            raise CannotRun(
                f"{self.data} holds something else: at the end it would be gone. Give another DATA_DIR."
            )
        self._localstack_port = self._ports[LOCALSTACK_PORT]
        if given := self._text("LOCALSTACK_URL"):
            found = re.fullmatch(r"http://(127\.0\.0\.1|localhost):([0-9]{1,5})/?", given)
            if found is None:
                raise CannotRun(f"LOCALSTACK_URL should be one like http://{LOOPBACK}:4566, not {given!r}.")
            self._localstack_port = int(found[2])
            del self._ports[LOCALSTACK_PORT]  # it is taken, as it should be
        self._environment["STAGE"] = overlay.STAGE
        self._default("EDGE_KEY", secrets.token_urlsafe(32))
        self._default("TABLE_PREFIX", f"course-shop-{overlay.STAGE}-")

    def start(self) -> None:
        """Start all of it. Raises CannotRun, ChildFailed, ProgramMissing, FrontNotBuilt."""
        (self.data / MARK).touch()
        with _told():
            find_python(server.PYTHON)  # before anything that takes long
            super().start()

    def start_stores(self) -> None:
        """Install and start LocalStack, unless one is given, and start Redis."""
        if not server.is_installed():
            say("  LocalStack is installed now: 500 MB of Python packages, once.")
            with step("Installing LocalStack into build/venvs/"):
                server.install()
        python = server.install()
        if not self._text("LOCALSTACK_URL"):
            localstack = server.LocalStack(
                python, self._localstack_port, self.data / "localstack", self._logs / "localstack.log"
            )
            with step("Starting LocalStack"):
                self._children.append(localstack.start(self._environment))
        self._choose_own_dynamodb(self._localstack_url)
        self._open_cloud(self._localstack_url, python)
        self._start_redis(data=None)

    def _open_cloud(self, url: str, python: Path) -> None:
        self._log = (self._logs / "deployment.log").open("a", encoding="utf-8")
        self._cloud = Cloud(url, python, self._note)

    def redeploy(self, url: str) -> None:
        """Package the shop as its sources are now, and deploy it to the LocalStack at `url`, where such a shop runs.
        Raises CannotRun.
        """
        with _told():
            with step("Packaging the shop"):
                self._package()
            self._open_cloud(url, server.install())
            with step("Deploying the application"):
                self._cloud.deploy_app(self.wanted())

    def fill_stores(self) -> str:
        """Package the shop, bring about the stacks that the application stands on, and seed the demo shop if their
        tables are empty -> what the seeding said.
        """
        with step("Checking settings"):
            self._manage("check-settings")
        with step("Packaging the shop"):
            self._package()
        with step("Deploying network, secrets and stores"):
            self._cloud.deploy_stores(self.wanted())
        with step("Seeding the demo shop, if the stores are empty"):
            return self._manage(SEEDING)

    def start_api(self) -> None:
        """Deploy the application, and begin to put the edge before it."""
        with step("Deploying the application"):
            api = self._cloud.deploy_app(self.wanted())
        edge = ["localstack.cloud.edge", "--port", str(self.api_port), "--api", f"{api}/api"]
        edge += ["--localstack-port", str(self._localstack_port)]
        for name in ("API_URL", "SHOP_URL"):
            edge += ["--own-url", self._text(name)]
        self._start_program("API's address", "edge.log", edge, self.api_port)

    def further_rows(self) -> list[tuple[str, str]]:
        """Where LocalStack is, and how its stacks are looked at."""
        url = self._localstack_url
        return [("LocalStack", f"{url}  (aws --endpoint-url {url} cloudformation list-stacks)")]

    @property
    def _localstack_url(self) -> str:
        return f"http://{LOOPBACK}:{self._localstack_port}"

    def close(self) -> str:
        """Remove the folder with all that was in it."""
        remove(self.data)
        return "Closed. Nothing is left of it."

    def _package(self) -> None:
        command = [
            sys.executable,
            "-m",
            "infra.package",
            overlay.STAGE,
            str((self.data / "package").resolve()),
        ]
        venvs.run("packaging", [*command, "--architecture", overlay.ARCHITECTURE])

    def wanted(self) -> Wanted:
        """What is deployed, by the settings."""
        given = {name: self._text(setting) for name, setting in PARAMETERS.items()}
        keys = {name: self._text(setting) for name, setting in SECRETS.items()}
        return Wanted(
            package=self.data / "package",
            api_url=self._text("API_URL"),
            shop_url=self._text("SHOP_URL"),
            captcha=self._text("CAPTCHA"),
            table_prefix=self._text("TABLE_PREFIX"),
            parameters={name: value for name, value in given.items() if value},
            edge_key=self._text("EDGE_KEY"),
            secrets={name: value for name, value in keys.items() if value},
        )

    def _note(self, line: str) -> None:
        print(line, file=self._log, flush=True)


@contextmanager
def _told() -> Iterator[None]:
    """Raises CannotRun for what the developer can be told of."""
    try:
        yield
    except (PythonMissing, VenvNotMade, NotDeployed) as error:
        raise CannotRun(str(error)) from error
    except ClientError as error:
        raise CannotRun(f"LocalStack refuses what it is asked: {error}") from error


def remove(data: Path) -> None:
    """Remove the folder of such a shop. Of two that do, neither minds."""
    shutil.rmtree(data, ignore_errors=True)
