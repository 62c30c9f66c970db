"""The versions of the stage's functions: which of them serve, and which have served well."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.stacks import NotDeployed
from infra.stage import Stage

Client = Callable[..., Any]
Say = Callable[[str], None]

KEY = "served.json"
_REMEMBERED = 20


def resources(stage: Stage, client: Client, kind: str) -> list[str]:
    """The physical ids of all resources of a kind in the stack of the application. What it has let go of is listed for
    some time.
    """
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stage.stack_name("app"))
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == kind
        and resource.get("PhysicalResourceId")
        and not resource["ResourceStatus"].startswith("DELETE")
    ]


def serving(stage: Stage, client: Client) -> dict[str, dict[str, Any]]:
    """Each function by its name -> its alias."""
    functions = client("lambda")
    return {
        name: functions.get_alias(FunctionName=name, Name="live")
        for name in sorted(resources(stage, client, "AWS::Lambda::Function"))
    }


def of_the_stack(stage: Stage, client: Client) -> dict[str, str]:
    """Each function by its name -> the version that the stack of the application has made last."""
    arns = [arn.split(":") for arn in resources(stage, client, "AWS::Lambda::Version")]
    return {words[-2]: words[-1] for words in arns}


def serve(name: str, alias: Mapping[str, Any], version: str, client: Client, say: Say) -> None:
    """Let a function's alias name a version, all of it: a canary that is under way ends."""
    client("lambda").update_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    say(f"  {name}: version {alias['FunctionVersion']}{beside(alias)} -> {version}")


def beside(alias: Mapping[str, Any]) -> str:
    """What serves a part beside an alias' version, in words."""
    canary = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return "".join(f", {share:.0%} of version {number}" for number, share in canary.items())


def follow_the_stack(stage: Stage, client: Client, say: Say) -> None:
    """Let the functions serve what the stack has: after a roll-back they do not, and CloudFormation sees no change
    in a stack that is deployed again as it was.
    """
    wanted = of_the_stack(stage, client)
    for name, alias in serving(stage, client).items():
        if name in wanted and alias["FunctionVersion"] != wanted[name]:
            serve(name, alias, wanted[name], client, say)


def remember(stage: Stage, client: Client) -> None:
    """Note that what serves now has passed its smoke test."""
    now = {name: alias["FunctionVersion"] for name, alias in serving(stage, client).items()}
    noted = [*(one for one in _noted(stage, client) if one != now), now]
    body = json.dumps(noted[-_REMEMBERED:]).encode()
    client("s3").put_object(Bucket=stage.code_bucket, Key=KEY, Body=body)


def rollback(stage: Stage, client: Client, say: Say) -> None:
    """Let every function serve the version of before: the last that passed a smoke test. One that was made and never
    served, as of a deployment that failed, is none. Raises NotDeployed where there is nothing to go back to.
    """
    now, moved = serving(stage, client), 0
    for name, alias in now.items():
        current = int(alias["FunctionVersion"])
        if beside(alias):
            # A canary: the alias' own version is the one of before.
            serve(name, alias, str(current), client, say)
            moved += 1
            continue
        before = [int(one[name]) for one in _noted(stage, client) if int(one.get(name, current)) < current]
        if not before:
            say(f"  {name}: before version {current} none has served")
            continue
        serve(name, alias, str(max(before)), client, say)
        moved += 1
    if not moved:
        raise NotDeployed("No function has a version of before.")
    say("The stacks are as they were: the next deployment goes on from them, and serves what it deploys.")


def _noted(stage: Stage, client: Client) -> list[dict[str, str]]:
    try:
        body = client("s3").get_object(Bucket=stage.code_bucket, Key=KEY)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
            return []
        raise
    noted: list[dict[str, str]] = json.loads(body)
    return noted
