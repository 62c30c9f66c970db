"""checkov and AWS's own SAM translator, which run in an environment beside `.venv/`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from localstack import venvs

REQUIREMENTS = Path(__file__).with_name("templates-requirements.txt")
_NAME = "templates"

_TRANSLATE = """
import json, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template, parameters = json.load(sys.stdin)
translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
json.dump(translator.translate(template, parameter_values=parameters), sys.stdout)
"""

# For each path within a template checkov makes the grammar of such paths anew: more than half of its time.
_CHECK = """
import sys
from ply import yacc
from checkov.main import Checkov

build, built = yacc.yacc, {}

def build_once(*, module, **options):
    kind = type(module)
    if kind not in built:
        built[kind] = build(module=module, **options)
    return built[kind]

yacc.yacc = build_once
sys.exit(Checkov().run())
"""


class Finding(NamedTuple):
    """What checkov complains of: its check, and the resource's name in the template."""

    check: str
    resource: str


def python() -> Path:
    """The Python that has the tools. Installs them where they are not: two minutes, 300 MB."""
    return venvs.make(_NAME, Path(sys.executable), [REQUIREMENTS])


def findings(directory: Path) -> dict[Finding, str]:
    """What checkov finds in the templates of a directory -> what it says of it."""
    options = "--framework cloudformation --compact --skip-download --output json"
    command = [str(python()), "-c", _CHECK, "--directory", str(directory), *options.split()]
    # It ends with status 1 when it has found something.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, report
    assert report["summary"]["passed"] > 0, report
    return {
        Finding(found["check_id"], found["resource"].rpartition(".")[2]): found["check_name"]
        for found in report["results"]["failed_checks"]
    }


def translated(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The resources that CloudFormation makes of a SAM template, whose packages need to be in a bucket."""
    in_bucket = json.loads(json.dumps(template).replace('"./', '"s3://bucket/'))
    done = subprocess.run(
        [python(), "-c", _TRANSLATE],
        input=json.dumps([in_bucket, dict(parameters)]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    resources: dict[str, Any] = json.loads(done.stdout)["Resources"]
    return resources
