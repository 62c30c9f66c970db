"""An operator at a terminal: a stage's file, credentials, and `infra/deploy.py`, run as a program of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import botocore.session

from infra.stage import STACKS
from localstack import venvs
from localstack.cloud import server
from tests.e2e.local_run import ROOT, SECONDS
from tests.ports import reserve_port

ACCOUNT = "111111111111"
"""LocalStack takes a key of twelve digits for that account's: whose is not the one of `make localstack`."""

STAGE = {
    "account": ACCOUNT,
    "production": False,
    "stacks": {
        "account": {},
        "network": {"Redis": "dynamodb"},
        "stores": {},
        "secrets": {},
        # The free edition has no web ACL. Host names it has, and does not serve: see `overlay.py`.
        "edge": {
            "ApiDomainName": "api.school.example",
            "ShopDomainName": "www.school.example",
            "WebAcl": "off",
        },
        # Nor CodeDeploy. Its quota is that of an account that is not new.
        "app": {
            "AlipayAppId": "2021000000000000",
            "AlipaySellerId": "2088000000000000",
            "Canary": "false",
        },
        # Filters of logs and the dashboard it only pretends to make.
        "watch": {"AlarmEmail": "operators@school.example", "Redis": "dynamodb"},
    },
}
"""As in stages/example-small.json, without `front` and `front-certificate`: the free edition has no CloudFront."""


class Operator:
    """Deploys the stage `dev` to a LocalStack, in a region of its own. `folder` is for the operator's files."""

    def __init__(
        self, folder: Path, localstack: str, architecture: str, region: str, stacks: Iterable[str] = STACKS
    ) -> None:
        self.folder, self.region = folder, region
        self._reservation, self.api_port = reserve_port()
        self.write_stage(architecture=architecture, stacks=stacks)
        self._python = venvs.make("deploy", venvs.find_python("3.13"), [ROOT / "infra" / "deploy.txt"])
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {
            **clean,
            "AWS_ENDPOINT_URL": localstack,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "API_URL": self.api_url,
            "SHOP_URL": "http://127.0.0.1:8081",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def api_url(self) -> str:
        """Where the API is to be: in place of `https://api.school.example`."""
        return f"http://127.0.0.1:{self.api_port}"

    def write_stage(
        self,
        architecture: str,
        stacks: Iterable[str] = STACKS,
        parameters: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Write the stage's file, with some of its stacks, and others' parameters in place of the usual ones."""
        usual: Any = STAGE["stacks"]
        chosen = {one: usual[one] | dict((parameters or {}).get(one, {})) for one in usual if one in stacks}
        content = {**STAGE, "region": self.region, "architecture": architecture, "stacks": chosen}
        (self.folder / "dev.json").write_text(json.dumps(content), encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        """The program with its words. Tests run in a tree that somebody works on: `--dirty`."""
        program = [str(self._python), "-m", "localstack.cloud.deploy", "dev"]
        return [*program, "--stages", str(self.folder), "--dirty", *words]

    def starts(self, *words: str, **popen: Any) -> subprocess.Popen[str]:
        """The program under way, with its words and errors in one stream."""
        arguments: dict[str, Any] = {"cwd": ROOT, "env": self.environment, **popen}
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **arguments,
        )

    def says(self, *words: str, status: int = 0, **popen: Any) -> str:
        """What the program has said at its end. AssertionError for another exit status."""
        process = self.starts(*words, **popen)
        said, _ = process.communicate(timeout=3 * SECONDS)
        assert process.returncode == status, said
        return said

    def runs_printed(self, said: str, files: Mapping[str, Path]) -> None:
        """Run the commands that were printed, with a file in place of FILE for each name that stands in one."""
        printed = [line.strip() for line in said.splitlines() if line.startswith("  aws ")]
        assert len(printed) == len(files), said
        for name, file in files.items():
            [line] = [line for line in printed if name in line]
            words = shlex.split(line.replace("FILE", str(file)))
            # LocalStack's environment has AWS's own command line.
            command = [str(server.install().with_name(words[0])), *words[1:]]
            subprocess.run(command, env=self.environment, capture_output=True, timeout=SECONDS, check=True)

    def client(self, service: str) -> Any:
        """LocalStack in this operator's account and region."""
        return botocore.session.Session().create_client(
            service,
            region_name=self.region,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
        )

    def has(self) -> dict[str, list[str]]:
        """What of the shop is in the account and region."""
        # LocalStack writes a function's log into /aws/lambda/, not where its template says, and leaves it.
        logs = self.client("logs").describe_log_groups(logGroupNamePrefix="/course-shop/")
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        functions = self.client("lambda")
        # LocalStack lists no layers once one has lost its last version.
        layers = functions.list_layer_versions(LayerName="course-shop-dev-managed-layer")
        buckets = self.client("s3").list_buckets()["Buckets"]
        return {
            "stacks": [one["StackName"] for one in stacks if one["StackStatus"] != "DELETE_COMPLETE"],
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "secrets": [one["Name"] for one in self.client("secretsmanager").list_secrets()["SecretList"]],
            "functions": [one["FunctionName"] for one in functions.list_functions()["Functions"]],
            "layers": [one["LayerVersionArn"] for one in layers["LayerVersions"]],
            "values": [one["Name"] for one in self.client("ssm").describe_parameters()["Parameters"]],
            "logs": [one["logGroupName"] for one in logs["logGroups"]],
            "buckets": [one["Name"] for one in buckets if one["Name"].endswith(self.region)],
        }

    def close(self) -> None:
        """Let go of the port."""
        self._reservation.close()
