"""Whether the functions of a release could begin with the settings that they will get: asked before anything changes.

A function reads its settings when it starts. One that cannot read them answers nobody, and may be in service by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import settings
from chalicelib.errors import InvalidSetting, StoreUnavailable
from chalicelib.gateways import open_gateways
from infra import values
from infra.stacks import NotDeployed


def refuse_unfit_settings(
    template: Mapping[str, Any], parameters: Mapping[str, str], stage: str, client: Callable[..., Any]
) -> None:
    """Raises NotDeployed, which names each setting with which a function could not begin, and never shows its value.

    `template` is that of the packaged application, `parameters` are what it gets. `client` gives boto3's client of a
    service.
    """
    known = _looked_up(template, parameters, stage, client("ssm"))
    manager = client("secretsmanager")
    problems = {
        problem
        for handler, environment in _functions(template, known)
        for problem in _problems(handler, environment, lambda arn: _secret(manager, arn))
    }
    if problems:
        raise NotDeployed(
            "With these settings new functions could not begin. Those that serve are as they were:\n"
            + "\n".join(f"  {problem}" for problem in sorted(problems))
        )


def _problems(
    handler: str, environment: Mapping[str, str], read_secret: Callable[[str], str]
) -> Iterator[str]:
    """What `chalicelib.web.cold_start` would refuse, as the function would be told of it."""
    try:
        function = settings.function({"_HANDLER": handler})
        for provider in open_gateways(settings.load(environment, read_secret, function)).payments.values():
            provider.check()
    except InvalidSetting as error:
        yield f"{error.facts['name']} should be {error.facts['expected']}"


def _functions(template: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The handler and the environment of each function."""
    shared = _variables(template.get("Globals", {}).get("Function", {}))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            mine = shared | _variables(resource["Properties"])
            yield (
                resource["Properties"]["Handler"],
                {name: _text(value, known) for name, value in mine.items()},
            )


def _variables(function: Mapping[str, Any]) -> dict[str, Any]:
    return dict(function.get("Environment", {}).get("Variables", {}))


def _text(value: Any, known: Mapping[str, str]) -> str:
    """A value of the template, with its parameters put in."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return known[name]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], text)
        case {"Fn::Sub": [str(text), dict(more)]}:
            local = {name: _text(one, known) for name, one in more.items()}
            return _text({"Fn::Sub": text}, {**known, **local})
        case {"Fn::Select": [int(place), {"Fn::Split": [str(mark), one]}]}:
            return _text(one, known).split(mark)[place]
    raise TypeError(f"a variable is made in a way that is not understood here: {value}")


def _looked_up(
    template: Mapping[str, Any], parameters: Mapping[str, str], stage: str, ssm: Any
) -> dict[str, str]:
    """The parameters, with what CloudFormation will find under the names of SSM parameters, and with the defaults."""
    declared = template["Parameters"].items()
    defaults = {name: str(one["Default"]) for name, one in declared if "Default" in one}
    found = {
        parameter: ssm.get_parameter(Name=name)["Parameter"]["Value"]
        for parameter, name in values.read_by(template, stage).items()
    }
    place = {}
    for arn in (text for text in found.values() if text.startswith("arn:")):
        _, partition, _, region, account = arn.split(":")[:5]
        place = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account}
    return place | defaults | dict(parameters) | found


def _secret(manager: Any, arn: str) -> str:
    """The text of a secret, by `ARN:::VERSION`. Raises StoreUnavailable."""
    secret, _, version = arn.partition(":::")
    asked = {"SecretId": secret, "VersionId": version}
    try:
        return str(
            manager.get_secret_value(**{name: text for name, text in asked.items() if text})["SecretString"]
        )
    except ClientError as error:
        reason = error.response["Error"]["Code"]
        raise StoreUnavailable(store="secretsmanager", operation="GetSecretValue", reason=reason) from error
