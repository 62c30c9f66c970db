"""Package the shop for CloudFormation: the functions' code, their libraries, and the template around them.

    python -m infra.package STAGE DIRECTORY

Any Python runs it: Chalice packages for the Python that it runs on, so it runs in an environment of its own with the
runtime's (`build/venvs/`). Chalice writes the template, with `functions.json` and `gateway-responses.json` merged into
it, and the code of the functions. Their libraries are put together by `libraries.py`, and both are compiled. README.md
in this directory says what the template needs to be deployed.
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

from infra.libraries import MACHINES, build_layer
from infra.template import finish
from infra.zips import compile_in, write_zip
from localstack import venvs

INFRA = Path(__file__).resolve().parent
PROJECT = INFRA.parent

PYTHON = "3.13"
"""The Python of every function."""
RUNTIME = f"python{PYTHON}"
"""Its name at Lambda."""
ARCHITECTURE = "arm64"
"""The processor of every function; "x86_64" is the other one."""

PRODUCTS = ("sam.json", "deployment.zip", "layer-deployment.zip")
"""What is written: the template, the functions' code, their libraries."""


class NotPackaged(Exception):
    """There is no package; the text says why."""


def template_to_merge(stage: str) -> dict[str, Any]:
    """What the shop adds to the template that Chalice generates. Raises KeyError for an unknown stage."""
    config = _config()
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


def package(stage: str, directory: Path, architecture: str = ARCHITECTURE, version: str = PYTHON) -> Path:
    """Write the packages and the template of a stage into a directory -> the template's path.

    Two runs on the same files write the same bytes. Raises NotPackaged when there is no Python of the runtime, when a
    package has none of its hashes, when Chalice fails, or a module cannot be compiled. Then the directory holds no
    package, not even one of an earlier time.
    """
    for name in PRODUCTS:
        (directory / name).unlink(missing_ok=True)
    try:
        python = packaging_python(version)
        layer = build_layer(architecture, python, version)
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch) / "built"
            _run_chalice(python, stage, _project_for_chalice(Path(scratch), architecture), built)
            _finish_template(built / "sam.json", stage)
            _finish_code(python, built / "deployment.zip", Path(scratch) / "code")
            shutil.copyfile(layer, built / "layer-deployment.zip")
            directory.mkdir(parents=True, exist_ok=True)
            for name in PRODUCTS:
                shutil.move(built / name, directory / name)
    except (venvs.PythonMissing, venvs.VenvNotMade) as missing:
        raise NotPackaged(f"{missing}\nNothing was packaged.") from missing
    except subprocess.CalledProcessError as failed:
        raise NotPackaged(f"{failed.stdout}{failed.stderr}\n{failed}\nNothing was packaged.") from failed
    return directory / "sam.json"


def packaging_python(version: str) -> Path:
    """The Python of the environment that packages for a runtime, made where it is missing. Raises PythonMissing,
    VenvNotMade.
    """
    return venvs.make(f"packaging-{version}", venvs.find_python(version), [INFRA / "packaging.lock"])


def _project_for_chalice(scratch: Path, architecture: str) -> Path:
    """A copy of the project that holds what the functions run: no operators' command line, and no requirements, as
    Chalice would fetch them without a look at their hashes. Its layer is made of one module, and then replaced.
    """
    project = scratch / "project"
    local = shutil.ignore_patterns("__pycache__", "manage", "deployments", "deployed")
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(PROJECT / name, project / name, ignore=local)
    shutil.copy(PROJECT / "app.py", project)
    config = _config() | {"lambda_architecture": architecture}
    (project / ".chalice" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (project / "requirements.txt").touch()
    (project / "vendor").mkdir()
    (project / "vendor" / "placeholder.py").write_text("# Chalice makes no layer of nothing.\n")
    return project


def _run_chalice(python: Path, stage: str, project: Path, built: Path) -> None:
    merge = project / "merge.json"
    merge.write_text(json.dumps(template_to_merge(stage), ensure_ascii=False), encoding="utf-8")
    # Chalice's main returns its exit status, and says nothing to the caller by itself.
    program = "import sys; from chalice.cli import main; sys.exit(main())"
    options = ["--project-dir", str(project), "package", "--stage", stage, "--merge-template", str(merge)]
    # The region names the service principals only; any does, and none would stop Chalice.
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"} | os.environ
    done = subprocess.run([python, "-c", program, *options, built], env=environment, check=False)
    missing = [name for name in PRODUCTS if not (built / name).is_file()]
    if done.returncode != 0 or missing:
        lacking = f", without {' and '.join(missing)}" if missing else ""
        raise NotPackaged(
            f"chalice package ended with status {done.returncode}{lacking}: see above. Nothing was packaged."
        )


def _finish_template(path: Path, stage: str) -> None:
    template = finish(json.loads(path.read_text(encoding="utf-8")), stage)
    path.write_text(json.dumps(template, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _finish_code(python: Path, deployment: Path, folder: Path) -> None:
    shutil.unpack_archive(deployment, folder)
    compile_in(folder, python, "/var/task")
    write_zip(folder, deployment)


def _config() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return loaded


def _read(name: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((INFRA / name).read_text(encoding="utf-8"))
    return template


def main() -> int:
    parser = argparse.ArgumentParser(prog="infra.package", description="Package the shop for CloudFormation.")
    parser.add_argument("stage", choices=sorted(_config()["stages"]))
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--python", default=PYTHON, help=f"for a look at another Python's package than {PYTHON}'s"
    )
    parser.add_argument(
        "--architecture",
        choices=MACHINES,
        default=ARCHITECTURE,
        help=f"the processor; {ARCHITECTURE} if not given",
    )
    given = parser.parse_args()
    try:
        print(package(given.stage, given.directory, given.architecture, given.python))
    except NotPackaged as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
