"""The operators' command line on a deployed stage, with the settings that its functions have.

    .venv/bin/python -m infra.manage STAGE WORDS...

It acts with the credentials of the environment (AWS_PROFILE), which must be of the stage's account and may read its
secrets and tables.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import FUNCTIONS
from infra.stacks import NotDeployed
from infra.stage import Stage, read_stage


def settings_of(stage: Stage, functions: Any) -> dict[str, str]:
    """The variables of all functions that serve, and where they are. `functions` is a client of Lambda.

    Raises NotDeployed where the credentials are of another account.
    """
    found = {"AWS_REGION": stage.region, "AWS_DEFAULT_REGION": stage.region}
    for name in FUNCTIONS:
        named = {"FunctionName": f"course-shop-{stage.name}-{name}"}
        version = functions.get_alias(**named, Name="live")["FunctionVersion"]
        function = functions.get_function_configuration(**named, Qualifier=version)
        account = function["FunctionArn"].split(":")[4]
        if account != stage.account:
            raise NotDeployed(
                f"These credentials are of account {account}, and {stage.name} is in {stage.account}. "
                "Choose another AWS_PROFILE."
            )
        found |= function["Environment"]["Variables"]
    return found


def main(arguments: list[str]) -> int:
    """Become `python -m chalicelib.manage` with the stage's settings."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        stage = read_stage(arguments[0])
        functions = botocore.session.get_session().create_client("lambda", region_name=stage.region)
        found = settings_of(stage, functions)
    except (NotDeployed, ClientError, BotoCoreError) as failure:
        print(failure, file=sys.stderr)
        return 1
    sys.stdout.flush()
    command = [sys.executable, "-m", "chalicelib.manage", *arguments[1:]]
    os.execve(sys.executable, command, {**os.environ, **found})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
