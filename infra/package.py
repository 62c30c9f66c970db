"""Package the shop for CloudFormation: the functions' code, their libraries, and the template around them.

    python3.13 infra/package.py STAGE DIRECTORY

Runs `chalice package` on the project, with `functions.json` and `gateway-responses.json` merged into what it
generates. Chalice packages for the Python that runs it, so any other than RUNTIME is refused. README.md in this
directory says what the template needs to be deployed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent
PROJECT = INFRA.parent

RUNTIME = "python3.13"
"""The Lambda runtime of every function."""

PRODUCTS = ("sam.json", "deployment.zip", "layer-deployment.zip")
"""What `chalice package` writes."""


class NotPackaged(Exception):
    """There is no package; the text says why."""


def refuse_other_runtime(python: str) -> None:
    """Raises NotPackaged unless this Python, such as "python3.13", is the runtime of the functions."""
    if python != RUNTIME:
        raise NotPackaged(
            f"The functions run on {RUNTIME}, and Chalice packages for the Python that runs it, here {python}.\n"
            f"  {RUNTIME} -m venv build/venv\n"
            "  build/venv/bin/pip install -r requirements.txt -r localstack/requirements.txt\n"
            "  build/venv/bin/python infra/package.py STAGE DIRECTORY\n"
            "To look at a package that is not to be deployed, add --for-this-python."
        )


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

    Raises NotPackaged when Chalice fails; it has said why on standard error. Then the directory holds no package,
    not even one of an earlier time.
    """
    for name in PRODUCTS:
        (directory / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        merge, built = Path(scratch) / "merge.json", Path(scratch) / "built"
        merge.write_text(json.dumps(template_to_merge(stage), ensure_ascii=False), encoding="utf-8")
        # Chalice's main returns its exit status, and says nothing to the caller by itself.
        program = "import sys; from chalice.cli import main; sys.exit(main())"
        options = ["--project-dir", str(PROJECT), "package", "--stage", stage, "--merge-template", str(merge)]
        # The region names the service principals only; any does, and none would stop Chalice.
        environment = {"AWS_DEFAULT_REGION": "us-east-1"} | os.environ
        done = subprocess.run(
            [sys.executable, "-c", program, *options, str(built)], env=environment, check=False
        )
        missing = [name for name in PRODUCTS if not (built / name).is_file()]
        if done.returncode != 0 or missing:
            lacking = f", without {' and '.join(missing)}" if missing else ""
            raise NotPackaged(
                f"chalice package ended with status {done.returncode}{lacking}: see above. Nothing was packaged."
            )
        directory.mkdir(parents=True, exist_ok=True)
        for name in PRODUCTS:
            shutil.move(built / name, directory / name)
    return directory / "sam.json"


def _read(name: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((INFRA / name).read_text(encoding="utf-8"))
    return template


def main() -> int:
    parser = argparse.ArgumentParser(description="Package the shop for CloudFormation.")
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    parser.add_argument("stage", choices=sorted(config["stages"]))
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--for-this-python", action="store_true", help=f"package for the Python that runs this, not {RUNTIME}"
    )
    given = parser.parse_args()
    try:
        if not given.for_this_python:
            refuse_other_runtime(f"python{sys.version_info.major}.{sys.version_info.minor}")
        print(package(given.stage, given.directory))
    except NotPackaged as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
