"""Whether an account takes a stage: what AWS allows it at the most, and what of that is taken.

Asked are those limits that a new account runs into. The other things that the templates make (rules, roles, tables,
alarms, names, nodes of Redis) are far from theirs: tens, where hundreds or thousands are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.inventory import reserved_places, standing
from infra.stage import Stage

UNRESERVED_MINIMUM = 10
"""The concurrency that a new account must keep unreserved; others keep 100 (AWS, Lambda's quotas)."""

_RESERVING = {"NotificationConcurrency": 1, "TimerConcurrency": 3}
"""The parameters of the stack `app` that reserve concurrency, and for how many functions each; 0 reserves none."""


@dataclass(frozen=True)
class _Limit:
    """A limit of a region that the stack `network` counts against: what it is called, EC2's question for what is there
    and the list in its answer, the service and code of its quota at Service Quotas, and what a stage without
    Redis needs.
    """

    things: str
    question: str
    listed: str
    service: str
    code: str
    without: str


_LIMITS = {
    "AWS::EC2::VPC": _Limit("VPCs", "describe_vpcs", "Vpcs", "vpc", "L-F678F1CE", "which needs none"),
    "AWS::EC2::EIP": _Limit(
        "Elastic IP addresses",
        "describe_addresses",
        "Addresses",
        "ec2",
        "L-0263D0A3",
        'which needs none; "NatGateways": "1" needs one',
    ),
}


def exceeded(stage: Stage, client: Callable[..., Any], say: Callable[[str], None]) -> Iterator[str]:
    """What does not fit into the account any more. `client` gives boto3's client of a service; `say` is told which
    quota cannot be asked. Raises ClientError and BotoCoreError where what is there cannot, NotDeployed for a stage that
    could not be deployed as it is written.
    """
    if "app" in stage.stacks:
        yield from _concurrency(stage, client("lambda"))
    if "network" in stage.stacks:
        wanted = standing(stage, "network")
        for kind, limit in _LIMITS.items():
            yield from _things(stage, wanted[kind], limit, client, say)


def _concurrency(stage: Stage, functions: Any) -> Iterator[str]:
    limits = functions.get_account_settings()["AccountLimit"]
    wanted = reserved_places(stage)
    total = limits["ConcurrentExecutions"]
    free = 100 if total > 100 else UNRESERVED_MINIMUM
    if wanted and total - wanted < free:
        yield (
            f"The account may run {total} functions at once, of which {free} must stay unreserved, and "
            f"{stage.name} would reserve {wanted}. Ask for a higher quota of Lambda's concurrent executions "
            "(it is free), "
            f"or set {' and '.join(_RESERVING)} to 0 in {stage.file} until you have it."
        )


def _things(
    stage: Stage, wanted: int, limit: _Limit, client: Callable[..., Any], say: Callable[[str], None]
) -> Iterator[str]:
    there = getattr(client("ec2"), limit.question)()[limit.listed] if wanted else []
    tags = stage.tags_of("network").items()
    own = [one for one in there if tags <= {(tag["Key"], tag["Value"]) for tag in one.get("Tags", [])}]
    missing = wanted - len(own)
    if missing <= 0:
        return
    try:
        allowed = _allowed(limit, client("service-quotas"))
    except (ClientError, BotoCoreError) as error:
        say(
            f"{stage.name}: needs {missing} more {limit.things} in {stage.region}, which has {len(there)}. "
            f"Whether they fit is not known, as Service Quotas cannot be asked: {error}"
        )
        return
    if len(there) + missing > allowed:
        yield (
            f"{stage.region} has {len(there)} {limit.things}, {allowed} are allowed, and {stage.name} needs "
            f"{missing} more. Ask for more at Service Quotas ({limit.service}, {limit.code}; it is free), remove "
            f'what nobody needs, or set "Redis": "dynamodb" for network and watch in {stage.file}, {limit.without}.'
        )


def _allowed(limit: _Limit, quotas: Any) -> int:
    asked = {"ServiceCode": limit.service, "QuotaCode": limit.code}
    try:
        quota = quotas.get_service_quota(**asked)
    except ClientError as error:
        # An account that never asked for another value may have none of its own.
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        quota = quotas.get_aws_default_service_quota(**asked)
    return int(quota["Quota"]["Value"])
