"""The secrets of a stage, each asked for by itself: a list of them may be minutes old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infra.stage import Stage

_STACKS = ("network", "secrets", "edge")
"""The stacks that make some."""
_SECRET = "AWS::SecretsManager::Secret"


def unfilled(stage: Stage, client: Callable[..., Any]) -> list[str]:
    """The names of those that hold nothing yet, though the stage needs them. `client` gives boto3's client of a
    service.
    """
    return sorted(
        secret["Name"]
        for logical_name, secret in _described(stage, client)
        if not secret.get("VersionIdsToStages") and not _is_idle(stage, logical_name)
    )


def versions(stage: Stage, client: Callable[..., Any]) -> dict[str, dict[str, list[str]]]:
    """The name of each -> its versions, and which of them is the current one."""
    return {secret["Name"]: secret.get("VersionIdsToStages", {}) for _, secret in _described(stage, client)}


def _described(stage: Stage, client: Callable[..., Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    pages = client("cloudformation").get_paginator("list_stack_resources")
    for stack in (one for one in _STACKS if one in stage.stacks):
        for page in pages.paginate(StackName=stage.stack_name(stack)):
            for resource in page["StackResourceSummaries"]:
                # One that the stack has let go of is listed for some time.
                if resource["ResourceType"] == _SECRET and not resource["ResourceStatus"].startswith(
                    "DELETE"
                ):
                    secret = client("secretsmanager").describe_secret(SecretId=resource["PhysicalResourceId"])
                    yield resource["LogicalResourceId"], secret


def _is_idle(stage: Stage, logical_name: str) -> bool:
    """Whether a secret is for a captcha that is off."""
    return logical_name == "GeetestKey" and not stage.stacks.get("app", {}).get("GeetestId")
