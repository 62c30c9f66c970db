"""Takes a whole stage away. Cut off, it goes on when it is run again: what a stack keeps goes before the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from infra.stacks import Deployer, NotDeployed
from infra.stage import STACKS, Stage

Client = Callable[..., Any]
Say = Callable[[str], None]


def refuse_production(stage: Stage) -> None:
    """Raises NotDeployed for a stage that is somebody's income."""
    if stage.production:
        raise NotDeployed(
            f"{stage.name} is a production stage: it is taken away by hand, stack by stack, or not at all."
        )


def destroy(stage: Stage, client: Client, say: Say) -> None:
    """Delete all stacks of a stage but the account's, what their templates keep, its layers, and last the bucket."""
    for name in (one for one in reversed(STACKS) if one in stage.stacks and one != "account"):
        stack = stage.stack_name(name)
        cloudformation = client("cloudformation", stage.region_of(name))
        deployer = Deployer(cloudformation, client("s3"), stage.code_bucket, say)
        deployer.wait_for_others(stack)
        if deployer.status(stack) is None:
            continue
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        for resource in resources:
            if resource.get("PhysicalResourceId") and resource["ResourceType"] in _KEPT:
                _KEPT[resource["ResourceType"]](resource["PhysicalResourceId"], client)
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        say(f"{stack}: deleting")
        deployer.delete(stack)
    forget_layer(f"course-shop-{stage.name}-managed-layer", client)
    if stage.code_bucket in {one["Name"] for one in client("s3").list_buckets()["Buckets"]}:
        empty(stage.code_bucket, client)
        client("s3").delete_bucket(Bucket=stage.code_bucket)
    say(f"Nothing is left of {stage.name}.")


def forget_layer(name: str, client: Client) -> None:
    """Delete all versions of a layer: stacks let go of those that they made, and leave them."""
    functions = client("lambda")
    for page in functions.get_paginator("list_layer_versions").paginate(LayerName=name):
        for one in page["LayerVersions"]:
            functions.delete_layer_version(LayerName=name, VersionNumber=one["Version"])


def _delete_table(name: str, client: Client) -> None:
    dynamodb = client("dynamodb")
    with _unless_it_is_gone():
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)
        dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2})


def _delete_secret(name: str, client: Client) -> None:
    with _unless_it_is_gone():
        client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


_KEPT = {
    "AWS::DynamoDB::Table": _delete_table,
    "AWS::SecretsManager::Secret": _delete_secret,
    "AWS::S3::Bucket": lambda bucket, client: empty(bucket, client),
}
"""What a stack does not take with it, or cannot as long as there is something in it."""


@contextmanager
def _unless_it_is_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def empty(bucket: str, client: Client) -> None:
    """Delete all objects of a bucket, with all their versions."""
    s3 = client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
