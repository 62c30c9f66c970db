"""Brings the shop's stacks about on LocalStack: the packages and templates of `infra/`, with the overlay over them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session

from infra import values
from infra.beginning import refuse_unfit_settings
from infra.pins import pinned
from infra.stacks import Deployer, Stack
from localstack.cloud import overlay

INFRA = Path(__file__).parents[2] / "infra"
BUCKET = "course-shop-code"
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


@dataclass(frozen=True)
class Wanted:
    """What differs between two shops on LocalStack.

    `package` is the directory of a packaged shop, `parameters` are the application's further ones; `secrets` maps the
    logical names of secrets to their texts.
    """

    package: Path
    api_url: str
    shop_url: str
    captcha: str
    table_prefix: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    edge_key: str


class Cloud:
    """The stage on a LocalStack at `url`. `say` gets lines of progress; `seconds` lie between two looks at a stack."""

    def __init__(self, url: str, python: Path, say: Callable[[str], None], seconds: float = 0.5) -> None:
        self._url, self._python = url, python
        # What the developer has set up for AWS is of no concern here.
        nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        self._session = botocore.session.Session(
            session_vars={"profile": (None, None, None, None), **nothing}
        )
        self.deployer = Deployer(
            self.client("cloudformation"), self.client("s3"), BUCKET, say, seconds=seconds
        )

    def client(self, service: str) -> Any:
        """A client of one of LocalStack's services."""
        return self._session.create_client(
            service, region_name=overlay.REGION, endpoint_url=self._url, **CREDENTIALS
        )

    def deploy_stores(self, wanted: Wanted) -> None:
        """What the application stands on, with what `edge` and an operator would put in. Raises NotDeployed."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        for name in overlay.STACKS[:-1]:
            text = (INFRA / f"{name}.json").read_text(encoding="utf-8")
            parameters = self._parameters(name, json.loads(text), wanted)
            self.deployer.deploy(Stack(stack_name(name), text, parameters))
        ssm = self.client("ssm")
        edge_key = self._secret(f"{stack_name('edge')}-key", wanted.edge_key)
        edge = overlay.values_of_edge(wanted.api_url, wanted.shop_url, edge_key)
        for name, value in edge.items():
            ssm.put_parameter(
                Name=f"/course-shop/{overlay.STAGE}/{name}", Value=value, Type="String", Overwrite=True
            )
        self.put_secrets(wanted.secrets)

    def put_secrets(self, secrets: Mapping[str, str]) -> None:
        """Put new texts into secrets, which stacks have made under these logical names."""
        manager = self.client("secretsmanager")
        for name, text in secrets.items():
            manager.put_secret_value(SecretId=self.resource(name), SecretString=text)

    def _secret(self, name: str, text: str) -> str:
        """A secret that no stack makes -> its ARN."""
        manager = self.client("secretsmanager")
        try:
            made = manager.create_secret(Name=name, SecretString=text)
        except manager.exceptions.ResourceExistsException:  # in a LocalStack that was given
            made = manager.put_secret_value(SecretId=name, SecretString=text)
        return str(made["ARN"])

    def deploy_app(self, wanted: Wanted) -> str:
        """The application -> the id of its API. Raises NotDeployed: nothing was changed, or it was rolled back."""
        template = overlay.adapt(json.loads(self.deployer.upload_package(wanted.package)), wanted.captcha)
        parameters = self._parameters("app", template, wanted)
        parameters |= pinned(template, overlay.STAGE, self.client)
        refuse_unfit_settings(template, parameters, overlay.STAGE, self.client)
        # Another release makes new versions of all functions, which read their secrets when they begin.
        content = json.dumps([template, parameters], sort_keys=True)
        parameters["Release"] = hashlib.sha256(content.encode()).hexdigest()[:32]
        transformed = overlay.transform(self._python, template, parameters, overlay.STAGE)
        template = overlay.adapt_transformed(transformed)
        self.deployer.deploy(Stack(stack_name("app"), json.dumps(template), parameters))
        overlay.move_aliases(self.client("lambda"), template, self.resource)
        return self.resource("RestAPI")

    def resource(self, logical_name: str) -> str:
        """The id that a resource of one of the stacks was given. Raises KeyError."""
        found = {}
        for name in overlay.STACKS:
            if self.deployer.status(stack_name(name)) is not None:
                pages = self.client("cloudformation").get_paginator("list_stack_resources")
                for page in pages.paginate(StackName=stack_name(name)):
                    for one in page["StackResourceSummaries"]:
                        found[one["LogicalResourceId"]] = one["PhysicalResourceId"]
        return found[logical_name]

    def _parameters(self, stack: str, template: Any, wanted: Wanted) -> dict[str, str]:
        """The parameters of a template, with their values."""
        known = {
            "Stage": overlay.STAGE,
            "TablePrefix": wanted.table_prefix,
            **values.read_by(template, overlay.STAGE),
            **overlay.PARAMETERS[stack],
            **wanted.parameters,
        }
        return {key: value for key, value in known.items() if key in template.get("Parameters", {})}


def stack_name(stack: str) -> str:
    """The name of one of the stage's stacks, as `infra/stage.py` has it on AWS."""
    return f"course-shop-{overlay.STAGE}-{stack}"
