"""What the stacks of a stage tell each other: SSM parameters `/course-shop/<stage>/<name>`.

One stack writes a value, others read it. A template reads `/course-shop/<stage>/redis-url-arn` by a parameter
`RedisUrlArn` of an SSM type: the parameter's value is that name, and CloudFormation looks up what is written there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Template = Mapping[str, Any]

_READS = "AWS::SSM::Parameter::Value<"
WRITES = "AWS::SSM::Parameter"


def read_by(template: Template, stage: str) -> dict[str, str]:
    """The parameters of a template that CloudFormation looks up -> the names to give them."""
    return {
        parameter: f"/course-shop/{stage}/{_with_hyphens(parameter)}"
        for parameter, declared in template.get("Parameters", {}).items()
        if declared["Type"].startswith(_READS)
    }


def written_by(template: Template, stage: str) -> set[str]:
    """The names of the SSM parameters that a template's stack writes."""
    return {
        resource["Properties"]["Name"]["Fn::Sub"].replace("${Stage}", stage)
        for resource in template["Resources"].values()
        if resource.get("Type") == WRITES  # what is merged into another template has none
    }


def read(name: str, stage: str, ssm: Any) -> str:
    """What is written under a name, by whichever stack of the stage. `ssm` is boto3's client."""
    return str(ssm.get_parameter(Name=f"/course-shop/{stage}/{name}")["Parameter"]["Value"])


def _with_hyphens(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def secret_of(variable: Mapping[str, Any]) -> str:
    """The logical name of the secret, such as `JwtKey`, whose version a variable names: by its ARN, or shorter, by what
    stands behind `SECRETS_PREFIX`.
    """
    text = variable["Fn::Sub"]
    named = re.fullmatch(r"\$\{\w+\}:::\$\{(\w+)Version\}", text if isinstance(text, str) else text[0])
    assert named, variable
    return named[1]
