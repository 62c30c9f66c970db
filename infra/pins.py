"""Which version of each secret a release is made with: its functions read that one, whatever is put in later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra import values

_ARN, _VERSION = "Arn", "Version"


def pinned(template: Mapping[str, Any], stage: str, client: Callable[..., Any]) -> dict[str, str]:
    """The parameters of a template that say which version of a secret its functions read -> what is current now.

    `JwtKeyVersion` belongs to the secret whose ARN the template looks up by `JwtKeyArn`; the version of a secret that
    holds nothing is "". `client` gives boto3's client of a service.
    """
    found = {}
    for parameter, name in values.read_by(template, stage).items():
        version = parameter.removesuffix(_ARN) + _VERSION
        if parameter.endswith(_ARN) and version in template["Parameters"]:
            arn = client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
            secret = client("secretsmanager").describe_secret(SecretId=arn)
            found[version] = _current(secret.get("VersionIdsToStages") or {})
    return found


def _current(versions: Mapping[str, list[str]]) -> str:
    return next((version for version, stages in versions.items() if "AWSCURRENT" in stages), "")
