"""What is different on LocalStack from AWS: all of it stands here, each with its reason.

Packages, templates and stacks are those of `infra/`; a stage is deployed as `infra/deploy.py` does it.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra import values
from infra.aws import Aws
from infra.stacks import NotDeployed
from localstack.gateway_responses import gateway_responses

Template = dict[str, Any]

STAGE = "dev"
"""A stage for trying out: its settings allow addresses without https, which LocalStack's are."""

SAM = Path(__file__).with_name("sam.py")
REGION = "us-east-1"

ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
"""The functions run as processes of this computer, so their libraries are for its processor."""

STACKS = ("network", "secrets", "stores", "app")
"""The stacks of `infra/` that are brought about. Not `edge`: the free edition knows no custom domains, CloudFront, WAF,
and `edge.py` and the front's site take their place. Not `account` and `watch`: what they set up has no effect here.
"""

PARAMETERS: Mapping[str, Mapping[str, str]] = {
    # The free edition has no ElastiCache, and processes need no network: Redis is the computer's own.
    "network": {"Redis": "none"},
    "secrets": {"WechatPay": "on", "Sms": "on", "Mail": "on", "Polyv": "on"},
    "stores": {},
    "app": {
        "Canary": "false",
        "SnapStart": "off",  # accepted, and without any effect
    },
}
"""The parameters whose values are not those of any other stage."""


def values_of_edge(api_url: str, shop_url: str, edge_key_arn: str) -> dict[str, str]:
    """What the stack `edge` would tell the others, by the last part of the SSM parameters' names."""
    return {
        "api-domain-name": "none",
        "api-url": api_url,
        "shop-url": shop_url,
        "web-acl-arn": "none",
        "edge-key-arn": edge_key_arn,
    }


def adapt_edge(template: Template, api_url: str, shop_url: str) -> Template:
    """The template of the host names: LocalStack does not serve them, so the addresses are those of this computer."""
    adapted = copy.deepcopy(template)
    resources = adapted["Resources"]
    for name, value in (
        ("ApiUrlParameter", api_url),
        ("ShopUrlParameter", shop_url),
    ):
        resources[name]["Properties"]["Value"] = value
    return adapted


# SAM's transform is applied before a template goes up (`sam.py`): LocalStack looks for what a reference means before
# SAM has made it, as the alias that a permission is for.


def adapt(template: Template, captcha: str) -> Template:
    """The template of the application for LocalStack. `captcha` is "on" or "off"."""
    adapted = copy.deepcopy(template)
    for resource in adapted["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            # The free edition has no CodeDeploy, which SAM wants even for a deployment preference that is off.
            properties.pop("DeploymentPreference", None)
            # Off in this stage as nobody has an account at Geetest for it; here is a simulator that needs none.
            properties["Environment"]["Variables"]["CAPTCHA"] = captcha
    return adapted


def api_id(api_url: str) -> str:
    """The id that the API is given, by its address, so that the edge knows it before it is there."""
    return f"shop{urlsplit(api_url).port}"


def name_api(template: Template, api_url: str) -> Template:
    """The application's template after SAM's transform, with an API of a known id."""
    adapted = copy.deepcopy(template)
    for resource in adapted["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            resource["Properties"]["Tags"] = [{"Key": "_custom_id_", "Value": api_id(api_url)}]
    return adapted


def transform(python: Path, template: Template, parameters: Mapping[str, str], stage: str) -> Template:
    """A template after the SAM transform, by LocalStack's Python. Raises NotDeployed."""
    looked_up = values.read_by(template, stage)
    plain = {key: value for key, value in parameters.items() if key not in looked_up}
    done = subprocess.run(
        [python, SAM],
        input=json.dumps({"template": template, "parameters": plain}),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": REGION},
    )
    if done.returncode != 0:
        raise NotDeployed(f"SAM does not take the template:\n{done.stderr}")
    transformed: Template = json.loads(done.stdout)
    return transformed


def adapt_transformed(template: Template) -> Template:
    """The application's template after SAM's transform.

    An alias names its function by the name, not by reference: LocalStack takes a reference to a function that changes
    for another function, and makes the alias once more beside the one that is there.
    """
    adapted = copy.deepcopy(template)
    resources = adapted["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Alias":
            function = resources[resource["Properties"]["FunctionName"]["Ref"]]
            resource["Properties"]["FunctionName"] = function["Properties"]["FunctionName"]
    return adapted


def move_aliases(functions: Any, template: Template, resource: Callable[[str], str]) -> None:
    """Let each alias name its template's version: LocalStack's CloudFormation makes aliases, but does not update them.

    `functions` is a client of Lambda, `resource` gives the ARN of a version by its logical name.
    """
    for alias in template["Resources"].values():
        if alias["Type"] == "AWS::Lambda::Alias":
            version = resource(alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0])
            arn, _, number = version.rpartition(":")
            functions.update_alias(FunctionName=arn, Name=alias["Properties"]["Name"], FunctionVersion=number)


def gateway_response_type(error_type: str, status: int) -> str:
    """The `ResponseType` of an answer that API Gateway has made itself, by LocalStack's header x-amzn-ErrorType.

    LocalStack takes texts and headers of such answers neither from an API's definition, as AWS does, nor from
    PutGatewayResponse; so `edge.py` puts in those of `infra/gateway-responses.json`.
    """
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", error_type.removesuffix("Exception")).upper()
    if name in gateway_responses("*"):
        return name
    return "DEFAULT_5XX" if status >= 500 else "DEFAULT_4XX"


class LocalCloud(Aws):
    """All of this for `infra/deploy.py`. `python` is LocalStack's."""

    seconds = 0.5

    def __init__(self, python: Path, api_url: str, shop_url: str, captcha: str = "off") -> None:
        self._python, self._api_url, self._shop_url, self._captcha = python, api_url, shop_url, captcha

    def adapted(self, stack: str, text: str) -> str:
        """A template with what does not depend on its parameters."""
        template = json.loads(text)
        if stack == "edge":
            template = adapt_edge(template, self._api_url, self._shop_url)
        if stack == "app":
            template = adapt(template, self._captcha)
        return json.dumps(template)

    def transformed(self, stack: str, text: str, parameters: Mapping[str, str]) -> str:
        """The application's template without what SAM makes of it."""
        if stack != "app":
            return text
        template = transform(self._python, json.loads(text), parameters, parameters["Stage"])
        return json.dumps(name_api(adapt_transformed(template), self._api_url))

    def set_stack_policy(self, cloudformation: Any, stack: str, policy: str) -> None:
        """LocalStack does not know this call."""
        print(f"{stack}: LocalStack knows no stack policies, so none is set", flush=True)
