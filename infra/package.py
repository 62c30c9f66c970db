"""Package the shop for CloudFormation: the functions' code, their libraries, and the template around them.

    python infra/package.py STAGE DIRECTORY

Runs `chalice package` on the project, with `functions.json` and `gateway-responses.json` merged into what it
generates. The Python that runs this is the runtime the functions will get. README.md in this directory says
what the template needs to be deployed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent
PROJECT = INFRA.parent


def template_to_merge(stage: str) -> dict[str, Any]:
    """What the shop adds to the template that Chalice generates. Raises KeyError for an unknown stage."""
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    origins = config["stages"][stage]["environment_variables"]["ALLOWED_ORIGINS"]
    template = _read("functions.json")
    responses = _read("gateway-responses.json")
    # The preflights are generated with the stage's origins in them, so nothing else may be given later.
    template["Parameters"]["AllowedOrigins"] = responses["Parameters"]["AllowedOrigins"] | {
        "Default": origins,
        "AllowedValues": [origins],
    }
    # In the API's definition, not as resources beside it: only the definition makes a new deployment of the
    # API when it changes, and is complete in it.
    template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][
        "x-amazon-apigateway-gateway-responses"
    ] = {
        response["Properties"]["ResponseType"]: {
            "statusCode": response["Properties"]["StatusCode"],
            "responseParameters": response["Properties"]["ResponseParameters"],
            "responseTemplates": response["Properties"]["ResponseTemplates"],
        }
        for response in responses["Resources"].values()
    }
    return template


def package(stage: str, directory: Path) -> Path:
    """Write the packages and the template of a stage into a directory -> the template's path.

    Raises subprocess.CalledProcessError when Chalice fails; what it says is on standard error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        merge = Path(scratch) / "merge.json"
        merge.write_text(json.dumps(template_to_merge(stage), ensure_ascii=False), encoding="utf-8")
        chalice = [
            sys.executable,
            "-c",
            "from chalice.cli import main; main()",
            "--project-dir",
            str(PROJECT),
        ]
        options = ["--stage", stage, "--merge-template", str(merge), str(directory.resolve())]
        # The region names the service principals only; any does, and none would stop Chalice.
        environment = {"AWS_DEFAULT_REGION": "us-east-1"} | os.environ
        subprocess.run([*chalice, "package", *options], env=environment, check=True)
    return directory / "sam.json"


def _read(name: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((INFRA / name).read_text(encoding="utf-8"))
    return template


def main() -> int:
    parser = argparse.ArgumentParser(description="Package the shop for CloudFormation.")
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    parser.add_argument("stage", choices=sorted(config["stages"]))
    parser.add_argument("directory", type=Path)
    given = parser.parse_args()
    try:
        print(package(given.stage, given.directory))
    except subprocess.CalledProcessError as failure:
        return failure.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
