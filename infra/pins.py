"""Which version of each secret a release is made with: its functions read that one, whatever is put in later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra import values

_ARN, _VERSION = "Arn", "Version"
NONE = ":secret:none"
"""How the ARN ends that stands for a secret which the stage does without."""


def pinned(template: Mapping[str, Any], stage: str, client: Callable[..., Any]) -> dict[str, str]:
    """The parameters of a template that say which version of a secret its functions read -> what is current now.

    `JwtKeyVersion` belongs to the secret whose ARN the template looks up by `JwtKeyArn`; the version of a secret that
    holds nothing, or is not there, is "". `client` gives boto3's client of a service.
    """
    found = {}
    for parameter, name in values.read_by(template, stage).items():
        version = parameter.removesuffix(_ARN) + _VERSION
        if parameter.endswith(_ARN) and version in template["Parameters"]:
            arn = client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
            found[version] = "" if arn.endswith(NONE) else _current(client("secretsmanager"), arn)
    return found


def _current(manager: Any, arn: str) -> str:
    versions = manager.describe_secret(SecretId=arn).get("VersionIdsToStages") or {}
    return next((version for version, stages in versions.items() if "AWSCURRENT" in stages), "")
