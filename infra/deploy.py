"""Deploy a stage of the shop, look at it, roll it back, take it away.

    PYTHON infra/deploy.py STAGE [deploy | rollback | status | destroy]

deploy    checks, packages, uploads, shows what will change, changes it, and asks the shop whether it works;
          repeating it is safe
rollback  gives every function its version of before, within seconds; the stacks stay as they are
status    the stacks, the versions that serve, the alarms that ring
destroy   the whole stage with its data; never a production one

It acts with the credentials of the environment (AWS_PROFILE), and refuses those of another account than the stage's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import front, preflight, stage_secrets
from infra.beginning import refuse_unfit_settings
from infra.changes import Change
from infra.package import NotPackaged, package
from infra.pins import pinned
from infra.smoke import smoke_problems
from infra.stacks import Deployer, NotDeployed, Stack
from infra.stage import STACKS, Stage, read_stage

PROJECT = Path(__file__).resolve().parents[1]
INFRA = PROJECT / "infra"
BUILD = PROJECT / "build"

PROTECTED = ("network", "secrets", "stores", "edge", "app")
"""Stacks that nobody deletes by a slip of the console."""

POLICY = """{"Statement": [
  {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
  {"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"], "Resource": "*",
   "Condition": {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"]}}}
]}"""
"""The stack policy of stores and secrets: no update replaces or deletes one. A template cannot say so."""


def say(line: str) -> None:
    print(line, flush=True)


class Clients:
    """Makes boto3's clients, in the stage's region unless another is named."""

    def __init__(self, stage: Stage) -> None:
        self._session = boto3.Session(region_name=stage.region)

    def __call__(self, service: str, region: str | None = None) -> Any:
        config = Config(retries={"mode": "standard", "max_attempts": 8})
        return self._session.client(service, region_name=region, config=config)


def deploy(stage: Stage, client: Clients, given: argparse.Namespace) -> None:
    """The whole way. Raises NotDeployed or NotPackaged; what was done before stays, and is not done again."""
    say(f"{stage.name}: looking whether it can be deployed")
    found = list(preflight.problems(stage, client, "" if given.dirty else preflight.git_status()))
    if found:
        raise NotDeployed("\n".join(found))
    say(f"{stage.name}: packaging")
    package(stage.name, BUILD / stage.name, stage.architecture)
    make_code_bucket(stage, client("s3"))
    outputs: dict[str, str] = {}
    for name in (one for one in STACKS if one in stage.stacks):
        if name == "app":
            refuse_unfilled_secrets(stage, client)
        outputs |= deploy_stack(stage, name, client, given, outputs)
    if bucket := outputs.get("FrontBucket"):
        deploy_front(stage, bucket, outputs["FrontDistribution"], client)
    say(f"{stage.name}: asking {stage.api_url} whether it works")
    failures = list(smoke_problems(stage, client))
    if failures:
        raise NotDeployed(
            "Deployed, but it does not work:\n"
            + "\n".join(f"  {failure}" for failure in failures)
            + f"\nTo serve the versions of before: infra/deploy.py {stage.name} rollback"
        )
    for key, value in sorted(outputs.items()):
        say(f"  {key}: {value}")


def deploy_stack(
    stage: Stage, name: str, client: Clients, given: argparse.Namespace, outputs: Mapping[str, str]
) -> dict[str, str]:
    """One stack from its template -> its outputs. It gets what the stage's file says, what earlier stacks have put
    out under the name of a parameter, and the names of the SSM parameters that it reads.
    """
    cloudformation = client("cloudformation", stage.region_of(name))
    deployer = Deployer(
        cloudformation, client("s3"), stage.code_bucket, say, partial(confirm, given.yes), given.allow_loss
    )
    text = deployer.upload_package(BUILD / stage.name) if name == "app" else _template(name)
    template = json.loads(text)
    parameters = stage.parameters(name, template, outputs)
    if name == "app":
        parameters |= pinned(template, stage.name, client)
        refuse_unfit_settings(template, parameters, stage.name, client)
        parameters["Release"] = release(text, parameters, stage_secrets.versions(stage, client))
    found = deployer.deploy(Stack(stage.stack_name(name), text, parameters, stage.tags))
    protect(stage, name, cloudformation)
    return found


def release(template: str, parameters: Mapping[str, str], secrets: Mapping[str, Any]) -> str:
    """A digest of all that makes a release: the code, the parameters, the versions of the stage's secrets.

    Another one makes new versions of the functions, which read their secrets when they start.
    """
    content = json.dumps([template, dict(parameters), dict(secrets)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _template(name: str) -> str:
    return (INFRA / f"{name}.json").read_text(encoding="utf-8")


def deploy_front(stage: Stage, bucket: str, distribution: str, client: Clients) -> None:
    """Build the shop front and put it into its bucket, with the school's own files over the built ones."""
    say(f"{stage.name}: building the shop front")
    for command in (["npm", "ci", "--silent"], ["npm", "run", "--silent", "build"]):
        if subprocess.run(command, cwd=PROJECT / "spa", check=False).returncode:
            raise NotDeployed(
                f"{' '.join(command)} in spa/ failed: see above. The functions are deployed, the front is not."
            )
    s3, sent = client("s3"), 0
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        shutil.copytree(PROJECT / "spa" / "dist", site)
        if stage.front.is_dir():
            shutil.copytree(stage.front, site, dirs_exist_ok=True)
        front.configure(site, stage.front_settings)
        for upload in front.uploads(site):
            s3.put_object(
                Bucket=bucket,
                Key=upload.key,
                Body=upload.file.read_bytes(),
                ContentType=upload.content_type,
                CacheControl=upload.cache_control,
            )
            sent += 1
    say(f"{stage.name}: {sent} files of the front are in {bucket}")
    client("cloudfront").create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": f"{time.time_ns()}"},
    )


def refuse_unfilled_secrets(stage: Stage, client: Clients) -> None:
    """Raises NotDeployed while a key that only the operator knows is missing."""
    if unfilled := stage_secrets.unfilled(stage, client):
        put = f"  aws secretsmanager put-secret-value --region {stage.region} --secret-string file://FILE --secret-id "
        raise NotDeployed(
            "These secrets hold nothing yet. Put the keys in, then deploy again:\n"
            + "\n".join(put + name for name in unfilled)
        )


def make_code_bucket(stage: Stage, s3: Any) -> None:
    """The bucket of packages, private and encrypted, unless it is there."""
    try:
        s3.head_bucket(Bucket=stage.code_bucket)
        return
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise NotDeployed(f"The bucket {stage.code_bucket} is not ours to use: {error}") from error
    place = (
        {}
        if stage.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": stage.region}}
    )
    s3.create_bucket(Bucket=stage.code_bucket, **place)
    blocked = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=stage.code_bucket, PublicAccessBlockConfiguration=blocked)


def confirm(yes: bool, stack: str, found: Sequence[Change]) -> bool:
    """Whether these changes are wanted: asked at the terminal, unless --yes was given and nothing is lost."""
    if yes and not any(change.is_loss for change in found):
        return True
    if not sys.stdin.isatty():
        say("Nobody is there to ask: --yes takes changes by which nothing is lost.")
        return False
    return input(f"Change {stack} so? [y/N] ").strip().lower() == "y"


def protect(stage: Stage, name: str, cloudformation: Any) -> None:
    """What a template cannot say of its own stack."""
    if name in PROTECTED and stage.production:
        cloudformation.update_termination_protection(
            StackName=stage.stack_name(name), EnableTerminationProtection=True
        )
    if name in ("stores", "secrets"):
        cloudformation.set_stack_policy(StackName=stage.stack_name(name), StackPolicyBody=POLICY)


def functions_of(stage: Stage, client: Clients) -> list[str]:
    """The names of the stage's functions."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stage.stack_name("app"))
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]


def rollback(stage: Stage, client: Clients) -> None:
    """Let the alias of every function name its version of before. Raises NotDeployed where none has one."""
    functions, moved = client("lambda"), 0
    for name in functions_of(stage, client):
        now = int(functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"])
        pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        numbers = [one["Version"] for page in pages for one in page["Versions"]]
        before = [int(number) for number in numbers if number.isdigit() and int(number) < now]
        if not before:
            say(f"  {name}: version {now} is its first")
            continue
        # Without weights: a canary that is under way ends.
        functions.update_alias(
            FunctionName=name,
            Name="live",
            FunctionVersion=str(max(before)),
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        say(f"  {name}: version {now} -> {max(before)}")
        moved += 1
    if not moved:
        raise NotDeployed("No function has a version of before.")
    say(
        f"The next deployment goes on from the stacks, which are as they were. See: infra/deploy.py {stage.name} status"
    )


def status(stage: Stage, client: Clients) -> None:
    """Print the stacks, the versions that serve, and the alarms that ring."""
    there = {}
    for name in (one for one in STACKS if one in stage.stacks):
        deployer = _looking(stage, name, client)
        there[name] = deployer.status(stage.stack_name(name))
        say(f"{stage.stack_name(name)}: {there[name] or 'not there'}")
        for key, value in sorted(deployer.outputs(stage.stack_name(name)).items()):
            say(f"  {key}: {value}")
    if there.get("app"):
        for function in functions_of(stage, client):
            alias = client("lambda").get_alias(FunctionName=function, Name="live")
            canary = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            beside = "".join(f", {share:.0%} of version {number}" for number, share in canary.items())
            say(f"{function}: version {alias['FunctionVersion']}{beside}")
    pages = (
        client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"course-shop-{stage.name}-", StateValue="ALARM")
    )
    ringing = [alarm for page in pages for alarm in page["MetricAlarms"]]
    for alarm in ringing:
        say(f"ALARM {alarm['AlarmName']}: {alarm['StateReason']}")
    if not ringing:
        say("No alarm rings.")


def _looking(stage: Stage, name: str, client: Clients) -> Deployer:
    return Deployer(client("cloudformation", stage.region_of(name)), client("s3"), stage.code_bucket, say)


def destroy(stage: Stage, client: Clients, given: argparse.Namespace) -> None:
    """Take a stage away, data and all. Raises NotDeployed for a production stage, and unless its name was typed."""
    if stage.production:
        raise NotDeployed(
            f"{stage.name} is a production stage: it is taken away by hand, stack by stack, or not at all."
        )
    if (
        not given.yes
        and input(f"Everything of {stage.name} will be gone. Type its name: ").strip() != stage.name
    ):
        raise NotDeployed("Not typed: nothing was taken away.")
    for name in (one for one in reversed(STACKS) if one in stage.stacks and one != "account"):
        stack, deployer = stage.stack_name(name), _looking(stage, name, client)
        if deployer.status(stack) is None:
            continue
        cloudformation = client("cloudformation", stage.region_of(name))
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        held = {
            kind: [one["PhysicalResourceId"] for one in resources if one["ResourceType"] == kind]
            for kind in _KEPT
        }
        for bucket in held["AWS::S3::Bucket"]:
            empty(bucket, client("s3"))
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        say(f"{stack}: deleting")
        deployer.delete(stack)
        # The templates keep these when their stack goes: only this program may take them.
        for table in held["AWS::DynamoDB::Table"]:
            client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)
            client("dynamodb").delete_table(TableName=table)
        for secret in held["AWS::SecretsManager::Secret"]:
            client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    if stage.code_bucket in {one["Name"] for one in client("s3").list_buckets()["Buckets"]}:
        empty(stage.code_bucket, client("s3"))
        client("s3").delete_bucket(Bucket=stage.code_bucket)
    say(f"Nothing is left of {stage.name}.")


_KEPT = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::S3::Bucket")


def empty(bucket: str, s3: Any) -> None:
    """Delete all objects of a bucket, with all their versions."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage")
    parser.add_argument(
        "act", nargs="?", choices=("deploy", "rollback", "status", "destroy"), default="deploy"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; changes that lose something are asked for still"
    )
    parser.add_argument("--dirty", action="store_true", help="deploy a tree that is not committed")
    parser.add_argument(
        "--allow-loss",
        action="append",
        default=[],
        metavar="NAME",
        help="a resource that may be replaced or removed",
    )
    return parser.parse_args(given)


def main() -> int:
    given = arguments()
    try:
        stage = read_stage(given.stage)
        client = Clients(stage)
        if given.act == "deploy":
            deploy(stage, client, given)
        elif given.act == "rollback":
            rollback(stage, client)
        elif given.act == "status":
            status(stage, client)
        else:
            destroy(stage, client, given)
    except (NotDeployed, NotPackaged) as failure:
        print(failure, file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as failure:
        print(f"AWS: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
