"""What the shop changes in the template that Chalice generates, where merging can only add.

Chalice's template lets API Gateway and the schedules call the newest code of a function. Here they call its alias
`live`, behind which a new version first serves a part. Functions and their logs get names that policies, alarms and
people know beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]

_FUNCTION = "AWS::Serverless::Function"
_SPARE_OUTPUTS = ("RestAPIId", "APIHandlerName", "APIHandlerArn", "EndpointURL")
"""Chalice's outputs: names that are known, and an address that is shut where the API has a host name."""


def finish(template: Template, stage: str) -> Template:
    """Change the merged template of a stage, in place -> the same template."""
    template["Parameters"]["Stage"] = {"Type": "String", "Default": stage, "AllowedValues": [stage]}
    resources = template["Resources"]
    functions = [name for name, resource in resources.items() if resource["Type"] == _FUNCTION]
    for function in functions:
        _name_function(resources, function)
    for body in _strings(resources["RestAPI"]["Properties"]["DefinitionBody"]):
        body["Fn::Sub"] = re.sub(
            r"\$\{(\w+)\.Arn\}/invocations", r"${\1Aliaslive}/invocations", body["Fn::Sub"]
        )
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Permission":
            name = resource["Properties"]["FunctionName"]["Ref"]
            resource["Properties"]["FunctionName"] = {"Ref": f"{name}Aliaslive"}
    for output in _SPARE_OUTPUTS:
        del template["Outputs"][output]
    return template


def _name_function(resources: dict[str, Any], function: str) -> None:
    properties = resources[function]["Properties"]
    handler = properties["Handler"].rpartition(".")[2]
    name = "api_handler" if handler == "app" else handler
    group = _log_group(resources, function)
    properties["FunctionName"] = {"Fn::Sub": f"course-shop-${{Stage}}-{name}"}
    # A version never changes, and SAM sees no changed parameter by itself: with this, the release makes a new one.
    properties["AutoPublishCodeSha256"] = {"Ref": "Release"}
    properties["LoggingConfig"] = {"LogGroup": {"Ref": group}}
    resources[group]["Properties"] = {
        "LogGroupName": {"Fn::Sub": f"/course-shop/${{Stage}}/{name}"},
        "RetentionInDays": {"Ref": "LogDays"},
    }


def _log_group(resources: dict[str, Any], function: str) -> str:
    """The log group that Chalice gives a function. It writes the name of the API's in two ways."""
    (found,) = (
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Logs::LogGroup" and name.lower() == f"{function}LogGroup".lower()
    )
    return found


def _strings(value: Any) -> Iterator[dict[str, Any]]:
    """All `Fn::Sub` of a plain text in a value."""
    if isinstance(value, dict):
        if isinstance(value.get("Fn::Sub"), str):
            yield value
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
