"""Deploy a stage of the shop, look at it, roll it back, take it away.

    PYTHON infra/deploy.py STAGE [deploy | rollback | status | destroy]

deploy    checks, packages, uploads, shows what will change, changes it, and asks the shop whether it works;
          repeating it is safe, also after it was cut off
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
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import front, preflight, removal, stage_secrets, underway, values, versions
from infra.aws import Aws
from infra.beginning import refuse_unfit_settings
from infra.changes import Change
from infra.package import NotPackaged, package
from infra.pins import pinned
from infra.smoke import smoke_problems
from infra.stacks import Deployer, NotDeployed, Stack
from infra.stage import STACKS, STAGES, Stage, read_stage

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build"

PROTECTED = ("network", "secrets", "stores", "edge", "app")
"""Stacks that nobody deletes by a slip of the console."""

POLICY = """{"Statement": [
  {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
  {"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"], "Resource": "*",
   "Condition": {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"]}}}
]}"""
"""The stack policy of stores and secrets: no update replaces or deletes one. A template cannot say so."""
OPEN_POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}'
GUARDED = ("stores", "secrets")


def say(line: str) -> None:
    print(line, flush=True)


class Clients:
    """Makes botocore's clients, in the stage's region unless another is named."""

    def __init__(self, stage: Stage) -> None:
        self._session, self._region = botocore.session.get_session(), stage.region

    def __call__(self, service: str, region: str | None = None) -> Any:
        config = Config(retries={"mode": "standard", "max_attempts": 8})
        return self._session.create_client(service, region_name=region or self._region, config=config)


def deploy(stage: Stage, client: Clients, given: argparse.Namespace, cloud: Aws) -> None:
    """The whole way. Raises NotDeployed or NotPackaged; what was done before stays, and is not done again."""
    say(f"{stage.name}: looking whether it can be deployed")
    found = list(preflight.problems(stage, client, "" if given.dirty else preflight.git_status(), say))
    if found:
        raise NotDeployed("\n".join(found))
    make_code_bucket(stage, client("s3"))
    with underway.alone(stage, client, given.take_over):
        directory = given.package or BUILD / stage.name
        if "app" in stage.stacks and not given.package:
            say(f"{stage.name}: packaging")
            package(stage.name, directory, stage.architecture)
        outputs: dict[str, str] = {}
        for name in (one for one in STACKS if one in stage.stacks):
            outputs |= deploy_stack(stage, name, client, given, outputs, cloud, directory)
        if "app" in stage.stacks:
            versions.follow_the_stack(stage, client, say)
        if bucket := outputs.get("FrontBucket"):
            deploy_front(stage, bucket, outputs["FrontDistribution"], client)
        if "app" in stage.stacks:
            prove(stage, client)
    say(f"{stage.name}: deployed")


def prove(stage: Stage, client: Clients) -> None:
    """Ask the shop whether it works, and note the versions with which it does. Raises NotDeployed."""
    api_url = values.read("api-url", stage.name, client("ssm"))
    say(f"{stage.name}: asking {api_url} whether it works")
    failures = list(smoke_problems(stage, api_url, client))
    if failures:
        raise NotDeployed(
            "Deployed, but it does not work:\n"
            + "\n".join(f"  {failure}" for failure in failures)
            + f"\nTo serve the versions of before: infra/deploy.py {stage.name} rollback"
        )
    versions.remember(stage, client)


def deploy_stack(
    stage: Stage,
    name: str,
    client: Clients,
    given: argparse.Namespace,
    outputs: Mapping[str, str],
    cloud: Aws,
    packaged: Path,
) -> dict[str, str]:
    """One stack from its template -> its outputs. It gets what the stage's file says, what earlier stacks have put
    out under the name of a parameter, and the names of the SSM parameters that it reads.
    """
    cloudformation = client("cloudformation", stage.region_of(name))
    deployer = Deployer(
        cloudformation,
        client("s3"),
        stage.code_bucket,
        say,
        partial(confirm, given.yes),
        given.allow_loss,
        cloud.seconds,
    )
    if name == "app":
        text = cloud.adapted(name, deployer.upload_package(packaged))
    else:
        text = cloud.text(name)
    template = json.loads(text)
    parameters = stage.parameters(name, template, outputs)
    if name == "app":
        refuse_unfilled_secrets(stage, client)
        parameters |= pinned(template, stage.name, client)
        refuse_unfit_settings(template, parameters, stage.name, client)
        parameters["Release"] = release(text, parameters, stage_secrets.versions(stage, client))
    text = cloud.transformed(name, text, parameters)
    stack = Stack(stage.stack_name(name), text, parameters, stage.tags_of(name))
    if name in GUARDED and any(one in template["Resources"] for one in given.allow_loss):
        with unguarded(stack.name, cloud, cloudformation):
            found = deployer.deploy(stack)
    else:
        found = deployer.deploy(stack)
    protect(stage, name, cloud, cloudformation)
    return found


def release(template: str, parameters: Mapping[str, str], secrets: Mapping[str, Any]) -> str:
    """A digest of all that makes a release: the code, the parameters, the versions of the stage's secrets.

    Another one makes new versions of the functions, which read their secrets when they start.
    """
    content = json.dumps([template, dict(parameters), dict(secrets)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def refuse_unfilled_secrets(stage: Stage, client: Clients) -> None:
    """Raises NotDeployed while a key that only the operator knows is missing."""
    if unfilled := stage_secrets.unfilled(stage, client):
        put = f"  aws secretsmanager put-secret-value --region {stage.region} --secret-string file://FILE --secret-id "
        raise NotDeployed(
            "These secrets hold nothing yet. Put each key into a file, run these, and deploy again:\n"
            + "\n".join(put + name for name in unfilled)
        )


@contextmanager
def unguarded(stack: str, cloud: Aws, cloudformation: Any) -> Iterator[None]:
    """Without the policy that denies what the operator has allowed."""
    cloud.set_stack_policy(cloudformation, stack, OPEN_POLICY)
    try:
        yield
    finally:
        cloud.set_stack_policy(cloudformation, stack, POLICY)


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
    """Whether these changes are wanted: asked at the terminal, unless --yes was given. What is precious and would be
    lost was refused before, unless it was named.
    """
    return yes or asked(f"Change {stack} so? [y/N] ").lower() == "y"


def asked(question: str) -> str:
    """What the operator answers; nothing where nobody is there."""
    if not sys.stdin.isatty():
        say(f"{question}\nNobody is there to answer: --yes answers for you.")
        return ""
    try:
        return input(question).strip()
    except EOFError:
        return ""


def protect(stage: Stage, name: str, cloud: Aws, cloudformation: Any) -> None:
    """What a template cannot say of its own stack."""
    if name in PROTECTED and stage.production:
        cloudformation.update_termination_protection(
            StackName=stage.stack_name(name), EnableTerminationProtection=True
        )
    if name in GUARDED:
        cloud.set_stack_policy(cloudformation, stage.stack_name(name), POLICY)


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
        wanted = versions.of_the_stack(stage, client)
        for function, alias in versions.serving(stage, client).items():
            rolled_back = alias["FunctionVersion"] != wanted.get(function, alias["FunctionVersion"])
            of_the_stack = f", rolled back from {wanted[function]}" if rolled_back else ""
            say(f"{function}: version {alias['FunctionVersion']}{versions.beside(alias)}{of_the_stack}")
    pages = (
        client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"course-shop-{stage.name}-")
    )
    ringing = [alarm for page in pages for alarm in page["MetricAlarms"] if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        say(f"ALARM {alarm['AlarmName']}: {alarm['StateReason']}")
    if not ringing:
        say("No alarm rings.")


def _looking(stage: Stage, name: str, client: Clients) -> Deployer:
    return Deployer(client("cloudformation", stage.region_of(name)), client("s3"), stage.code_bucket, say)


def destroy(stage: Stage, client: Clients, given: argparse.Namespace) -> None:
    """Take a stage away, data and all. Raises NotDeployed for a production stage, and unless its name was typed."""
    removal.refuse_production(stage)
    if not given.yes and asked(f"Everything of {stage.name} will be gone. Type its name: ") != stage.name:
        raise NotDeployed("Not typed: nothing was taken away.")
    make_code_bucket(stage, client("s3"))
    with underway.alone(stage, client, given.take_over):
        removal.destroy(stage, client, say)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage")
    parser.add_argument(
        "act", nargs="?", choices=("deploy", "rollback", "status", "destroy"), default="deploy"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dirty", action="store_true", help="deploy a tree that is not committed")
    parser.add_argument(
        "--allow-loss",
        action="append",
        default=[],
        metavar="NAME",
        help="a table, secret, bucket, network or API that may be replaced or removed; also by --yes none is else",
    )
    parser.add_argument(
        "--stages", type=Path, default=STAGES, help="where the stages' files are, if not in infra/"
    )
    parser.add_argument(
        "--package", type=Path, help="deploy what infra.package has written there, and package nothing"
    )
    parser.add_argument(
        "--take-over", action="store_true", help="go on where a run was lost that can let go no more"
    )
    # In any order: `dev --dirty destroy` means what it says.
    return parser.parse_intermixed_args(given)


def act(given: argparse.Namespace, cloud: Aws) -> None:
    """What was asked for. Raises NotDeployed, NotPackaged and what boto3 raises."""
    stage = read_stage(given.stage, given.stages)
    client = Clients(stage)
    if given.act == "deploy":
        return deploy(stage, client, given, cloud)
    for problem in preflight.of_the_account(stage, client):
        raise NotDeployed(problem)
    acts: dict[str, Callable[[], None]] = {
        "rollback": lambda: versions.rollback(stage, client, say),
        "status": lambda: status(stage, client),
        "destroy": lambda: destroy(stage, client, given),
    }
    return acts[given.act]()


def main(words: Sequence[str] | None = None, cloud: Aws | None = None) -> int:
    given = arguments(words)
    # As Ctrl-C: what is held is let go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        act(given, cloud or Aws())
    except (NotDeployed, NotPackaged) as failure:
        print(failure, file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as failure:
        print(f"AWS: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Cut off. CloudFormation ends by itself what it has begun; the same command goes on from there.",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
