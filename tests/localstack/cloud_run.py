"""One `make localstack` under test, with what an operator could do to it: deploy, put in secrets, read logs."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from localstack.cloud import server
from localstack.cloud.deploying import Cloud, Wanted
from localstack.cloud.overlay import STAGE
from localstack.cloud.run import CloudShop
from localstack.processes import port_is_free
from tests.e2e.local_run import ROOT, SECONDS, Run, is_gone, until
from tests.e2e.shop import Shop
from tests.scheduled import SCHEDULED

API_FUNCTION = "course-shop-dev-api_handler"


class CloudRun(Run):
    """A shop on LocalStack."""

    module = "localstack.cloud"
    port_settings = (*Run.port_settings, "LOCALSTACK_PORT")

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data, settings or {})

    def shop(self) -> Shop:
        """The shop by its addresses."""
        return Shop(self.run_env())

    def cloud(self) -> Cloud:
        """LocalStack, for whoever deploys."""
        return Cloud(self.run_env()["AWS_ENDPOINT_URL_DYNAMODB"], server.install(), print)

    def wanted(self, **changes: Any) -> Wanted:
        """What is deployed, with changes."""
        settings = {
            name: value for name, value in self.run_env().items() if name != "AWS_ENDPOINT_URL_DYNAMODB"
        }
        shop = CloudShop({**settings, "DATA_DIR": str(self.data)})
        return dataclasses.replace(shop.wanted(), **changes)

    def keys(self) -> dict[str, str]:
        """What the secrets of the stage hold, by the names under which the stacks tell their ARNs, without "-arn"."""
        wanted = self.wanted()
        names = {
            "jwt-key": "JwtKey",
            "contact-key": "ContactKey",
            "redis-url": "RedisUrlElsewhere",
            "geetest-key": "GeetestKey",
            "sms-access-key-secret": "SmsAccessKeySecret",
            "mail-url": "MailUrl",
            "polyv-secret-key": "PolyvSecretKey",
            "alipay-app-private-key": "AlipayAppPrivateKey",
            "alipay-public-key": "AlipayPublicKey",
            "wechat-mch-private-key": "WechatMchPrivateKey",
            "wechat-public-key": "WechatPublicKey",
            "wechat-platform-certificate": "WechatPlatformCertificate",
            "wechat-api-v3-key": "WechatApiV3Key",
            "wechat-app-secret": "WechatAppSecret",
        }
        texts = {"WechatPlatformCertificate": "none", **wanted.secrets}
        return {"edge-key": wanted.edge_key} | {key: texts[name] for key, name in names.items()}

    def put_in(self, texts: Mapping[str, str]) -> None:
        """What an operator does with the new texts of keys, by the names of `keys`; nothing is deployed."""
        cloud = self.cloud()
        ssm, manager = cloud.client("ssm"), cloud.client("secretsmanager")
        for key, text in texts.items():
            arn = ssm.get_parameter(Name=f"/course-shop/{STAGE}/{key}-arn")["Parameter"]["Value"]
            manager.put_secret_value(SecretId=arn, SecretString=text)

    def manage(self, *words: str, table_prefix: str | None = None) -> str:
        """What the operators' command line says, on the stage's tables or on others. It may refuse."""
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.manage", *words],
            cwd=ROOT,
            env={
                **os.environ,
                **self.run_env(),
                "TABLE_PREFIX": table_prefix or self.wanted().table_prefix,
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    def run_timer(self, function: str) -> None:
        """Run a timer's function now, as its schedule does each minute."""
        answer = (
            self.cloud()
            .client("lambda")
            .invoke(
                FunctionName=f"course-shop-dev-{function}", Qualifier="live", Payload=json.dumps(SCHEDULED)
            )
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def end_functions(self) -> None:
        """Kill all functions' processes: whoever is asked next begins anew."""
        for process in self.descendants():
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"process_executor/bootstrap.py" in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)

    def messages(self, function: str) -> Iterator[str]:
        """What a function has logged."""
        logs = self.cloud().client("logs")
        pages = logs.get_paginator("filter_log_events")
        with suppress(logs.exceptions.ResourceNotFoundException):  # nothing yet
            for page in pages.paginate(logGroupName=f"/aws/lambda/course-shop-dev-{function}"):
                yield from (event["message"] for event in page["events"])

    def goes_down_and_leaves_nothing(self) -> None:
        """`make localstack-down`, from another terminal: no process, no folder and no port are left."""
        processes = self.descendants()
        assert len(processes) > len(self.children())  # LocalStack has some of its own
        down = subprocess.run(
            [sys.executable, "-m", "localstack.cloud", "--down"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert down.returncode == 0, down.stderr
        assert self.ended() == 0
        until(lambda: all(is_gone(process) for process in processes), "a process is left")
        assert not self.data.exists()
        assert all(port_is_free(int(self.environment[name])) for name in self.port_settings)

    def listening_addresses(self) -> list[str]:
        """What its processes listen on, as "127.0.0.1:80", the addresses of IPv6 in hexadecimal."""
        open_files = set()
        for process in self.descendants():
            for descriptor in Path(f"/proc/{process}/fd").glob("*"):
                with suppress(FileNotFoundError):
                    open_files.add(os.readlink(descriptor))
        found = []
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and f"socket:[{words[9]}]" in open_files:  # it listens
                    address, _, port = words[1].removeprefix("0000000000000000FFFF0000").partition(":")
                    shown = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if len(address) == 8 else address
                    found.append(f"{shown}:{int(port, 16)}")
        return found

    def descendants(self) -> list[int]:
        """The ids of all processes that it has started, and those have."""
        assert self.process
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                parents.setdefault(int(words[1]), []).append(int(entry.name))
        found, left = [], [self.process.pid]
        while left:
            children = parents.get(left.pop(), [])
            found += children
            left += children
        return found


def changed_package(package: Path, target: Path, further: str) -> Path:
    """A copy of a package whose application has further lines at its end -> its directory."""
    target.mkdir()
    for file in package.iterdir():
        os.link(file, target / file.name)
    (target / "deployment.zip").unlink()
    with (
        zipfile.ZipFile(package / "deployment.zip") as old,
        zipfile.ZipFile(target / "deployment.zip", "w") as new,
    ):
        for entry in old.infolist():
            if entry.filename.endswith(".pyc") and Path(entry.filename).name.startswith("app."):
                continue  # compiled from the other text
            content = old.read(entry)
            new.writestr(entry, content + further.encode() if entry.filename == "app.py" else content)
    return target
