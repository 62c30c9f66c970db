"""What must hold before anything is deployed: asked first, and told together."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import quotas, values
from infra.stacks import NotDeployed
from infra.stage import STACKS, Stage

PROJECT = Path(__file__).resolve().parents[1]
_ACCOUNTS = {
    "WechatPay": ("WechatAppId", "WechatMchId", "WechatMchSerial", "WechatPublicKeyId"),
    "Sms": ("SmsAccessKeyId", "SmsSignName"),
    "Mail": ("MailFrom",),
    "Polyv": ("PolyvUserId",),
}
"""What `secrets` is told of an account that a stage may do without -> what `app` must be told of it then."""


def problems(
    stage: Stage, client: Callable[..., Any], git_status: str, say: Callable[[str], None]
) -> Iterator[str]:
    """Why this stage cannot be deployed now; nothing when it can. `client` gives boto3's client of a service. `say` is
    told what hinders nothing, and should be known.
    """
    if git_status:
        yield (
            "The tree holds what is not committed, so nobody could say later what was deployed:\n"
            f"{git_status.rstrip()}\n  Commit it, or --dirty for a stage that is nobody's income."
        )
    if "front" in stage.stacks:
        yield from _front(stage)
    packaged = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]
    if stage.name not in packaged:
        yield (
            f"{stage.name} is no stage of .chalice/config.json, which has {', '.join(sorted(packaged))}: "
            "what the functions are packaged with stands there. Add it."
        )
        return
    wrong = [*of_the_file(stage), *of_the_account(stage, client)]
    if wrong:
        yield from wrong
        return
    if stage.lacks_snap_start:
        say(
            f"{stage.name}: {stage.region} is not known to have SnapStart for Python (infra/snap_start.py), "
            "so it is left out, and functions start anew."
        )
    try:
        yield from quotas.exceeded(stage, client, say)
        yield from _certificate(stage, client("acm"))
    except (ClientError, BotoCoreError) as error:
        yield f"What has to be known of the account cannot be asked: {error}"


def of_the_file(stage: Stage) -> Iterator[str]:
    """What the templates do not take of the stage's file, and what they would lack."""
    outputs: dict[str, str] = {}
    written: set[str] = set()
    for stack in (one for one in STACKS if one in stage.stacks):
        name = "functions" if stack == "app" else stack
        template = json.loads((PROJECT / "infra" / f"{name}.json").read_text(encoding="utf-8"))
        try:
            stage.parameters(stack, template, outputs)
        except NotDeployed as wrong:
            yield str(wrong)
        for key, value in stage.stacks[stack].items():
            if why := _not_taken(template.get("Parameters", {}).get(key, {}), value):
                meant = template["Parameters"][key].get("Description", "")
                yield f"{stage.file}: {key} of {stack!r} is {value!r}, and {why}. {meant}".rstrip()
        if missing := set(values.read_by(template, stage.name).values()) - written:
            yield f"{stage.file}: {stack!r} reads {', '.join(sorted(missing))}, which no stack before it writes."
        written |= values.written_by(template, stage.name)
        outputs |= dict.fromkeys(template.get("Outputs", {}), "")
    for account, ids in _ACCOUNTS.items():
        yield from _halves(stage, account, ids)


def _halves(stage: Stage, account: str, ids: tuple[str, ...]) -> Iterator[str]:
    """What of an account does not go without the rest."""
    app = stage.stacks.get("app", {})
    given = [name for name in ids if app.get(name)]
    if missing := sorted(set(ids) - set(given)) if given else []:
        yield f"{stage.file}: 'app' has {', '.join(given)}, and lacks {', '.join(missing)}."
    has_secrets = stage.stacks.get("secrets", {}).get(account) == "on"
    if given and not has_secrets:
        yield f"{stage.file}: 'app' has {', '.join(given)}, so 'secrets' needs {account}, on: it makes the secrets."
    if has_secrets and "app" in stage.stacks and not given:
        yield f"{stage.file}: 'secrets' has {account}, on, so 'app' needs {', '.join(ids)}."


def _not_taken(declared: Mapping[str, Any], value: str) -> str:
    """Why a parameter cannot have a value; empty when it can."""
    allowed = [str(one) for one in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(allowed)}"
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value):
        return f"must match {declared['AllowedPattern']}"
    if declared.get("Type") != "Number":
        return ""
    if not re.fullmatch(r"[0-9]+", value):
        return "must be a number"
    least, most = declared.get("MinValue", 0), declared.get("MaxValue", float("inf"))
    return "" if least <= int(value) <= most else f"must be from {least} to {most}"


def of_the_account(stage: Stage, client: Callable[..., Any]) -> Iterator[str]:
    """Why nothing may be done with these credentials."""
    try:
        account = client("sts").get_caller_identity()["Account"]
    except (ClientError, BotoCoreError) as error:
        yield f"AWS takes no credentials of yours: {error}. AWS_PROFILE names those of your account."
        return
    if account != stage.account:
        yield (
            f"These credentials are of account {account}, and {stage.name} is in {stage.account}. "
            "Choose another AWS_PROFILE."
        )


def _front(stage: Stage) -> Iterator[str]:
    if shutil.which("npm") is None:
        yield "npm is missing, which builds the shop front: install Node.js 20.19 or newer."
    if stage.production and not (stage.front / "config.json").is_file():
        yield (
            f"{stage.front}/config.json is missing: learners would see the name, telephone and ICP number of a made-up "
            "school. Copy spa/public/config.json there, and texts/ beside it, and put in your own."
        )


def _certificate(stage: Stage, acm: Any) -> Iterator[str]:
    arn = stage.stacks.get("edge", {}).get("ApiCertificateArn")
    if not arn:
        return
    try:
        status = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
    except ClientError as error:
        yield f"The certificate {arn} cannot be read: {error.response['Error']['Code']}."
        return
    if status != "ISSUED":
        yield (
            f"The certificate {arn} is {status}: put its CNAME record into the domain's DNS, "
            "and wait until it is ISSUED."
        )


def git_status(project: Path = PROJECT) -> str:
    """What of the project is not committed, as `git status --short` says; empty for nothing.

    Raises NotDeployed where git cannot say.
    """
    command = ["git", "-C", str(project), "status", "--short"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        words = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise NotDeployed(
            f"git cannot say whether {project} is committed ({words}), so nobody could say later what was "
            "deployed.\n  Deploy from a clone, or --dirty for a stage that is nobody's income."
        ) from error
