"""What a stage consists of, read from its templates: which resources stand, how often, of which size.

Of CloudFormation's language this evaluates what the templates' conditions, and the sizes asked for here, are made of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import pins, values
from infra.stage import STACKS, Stage

INFRA = Path(__file__).resolve().parent
Template = Mapping[str, Any]

_FILES = {"app": "functions"}
"""The template of a stack, where its name is another one."""
_OUTPUTS = {"FrontCertificateArn": ""}
"""What stacks are told that only AWS knows, and that changes no price."""


@dataclass(frozen=True)
class Function:
    """A function of the application: its memory in MB, how many secrets it reads at its start, whether that start is
    from a snapshot.
    """

    memory: int
    secrets: int
    snap_start: bool


@dataclass(frozen=True)
class Inventory:
    """`things` has how often each type of resource stands, and what is counted apart: nodes of Redis by their type, the
    rules of web ACLs, the metrics that alarms read and log filters make. `functions` is by their name in the template.
    `redis` is network.json's parameter.
    """

    stacks: frozenset[str]
    things: Counter[str]
    functions: Mapping[str, Function]
    log_days: int
    redis: str


def inventory(stage: Stage) -> Inventory:
    """What a stage consists of. Raises NotDeployed for a stage that could not be deployed as it is written, KeyError
    for one without network or application.
    """
    things: Counter[str] = Counter()
    metrics: set[str] = set()
    told: dict[str, Any] = {}
    templates: dict[str, _Evaluated] = {}
    for stack in (stack for stack in STACKS if stack in stage.stacks):
        content = json.loads((INFRA / f"{_FILES.get(stack, stack)}.json").read_text(encoding="utf-8"))
        template = templates[stack] = _Evaluated(content, stage.parameters(stack, content, _OUTPUTS), told)
        for resource in template.standing():
            kind, properties = resource.get("Type", ""), resource.get("Properties", {})
            if kind == values.WRITES:
                told[properties["Name"]["Fn::Sub"].replace("${Stage}", stage.name)] = template.value(
                    properties["Value"]
                )
            elif kind == "AWS::Logs::MetricFilter":
                metrics |= {made["MetricName"] for made in properties["MetricTransformations"]}
            else:
                things += _counted(kind, {name: template.value(value) for name, value in properties.items()})
    app, network = templates["app"], templates["network"]
    things["custom metric"] = len(metrics)
    functions = {
        name: _function(app, resource["Properties"])
        for name, resource in app.template["Resources"].items()
        if "MemorySize" in resource.get("Properties", {})
    }
    return Inventory(
        frozenset(stage.stacks),
        things,
        functions,
        int(app.parameters["LogDays"]),
        network.parameters["Redis"],
    )


def standing(stage: Stage, stack: str) -> Counter[str]:
    """How often each type of resource stands in a stack that reads nothing of the others. Raises NotDeployed for a
    stage that could not be deployed as it is written.
    """
    return Counter(resource["Type"] for resource in _alone(stage, stack).standing())


def reserved_places(stage: Stage) -> int:
    """How many runs at once the functions of the application reserve. Raises as `standing`."""
    app = _alone(stage, "app")
    asked = (
        one.get("Properties", {}).get("ReservedConcurrentExecutions")
        for one in app.template["Resources"].values()
    )
    return sum(int(places) for one in asked if (places := app.value(one)) is not None)


def _alone(stage: Stage, stack: str) -> _Evaluated:
    content = json.loads((INFRA / f"{_FILES.get(stack, stack)}.json").read_text(encoding="utf-8"))
    return _Evaluated(content, stage.parameters(stack, content, _OUTPUTS), {})


def _counted(kind: str, properties: Mapping[str, Any]) -> Counter[str]:
    """What a resource is counted as. What is merged into the generated template has no type, and costs by its use."""
    if kind == "AWS::ElastiCache::ReplicationGroup":
        return Counter({properties["CacheNodeType"]: int(properties["NumCacheClusters"])})
    if kind == "AWS::WAFv2::WebACL":
        return Counter({kind: 1, "web ACL rule": len(properties["Rules"])})
    if kind == "AWS::CloudWatch::Alarm":
        return Counter(
            {"alarm metric": sum("MetricStat" in one for one in properties.get("Metrics", [])) or 1}
        )
    return Counter([kind] if kind else [])


def _function(app: _Evaluated, properties: Mapping[str, Any]) -> Function:
    variables = properties.get("Environment", {}).get("Variables", {})
    return Function(
        memory=int(app.value(properties["MemorySize"])),
        secrets=sum(name.endswith("_ARN") and _is_there(app, value) for name, value in variables.items()),
        snap_start=app.value(properties.get("SnapStart")) is not None,
    )


def _is_there(app: _Evaluated, arn: Mapping[str, Any]) -> bool:
    """Whether a stage has the secret of a variable `${JwtKeyArn}:::...`, or of its short form."""
    parameter = values.secret_of(arn) + "Arn"
    return pins.NONE not in str(app.parameters[parameter])


class _Evaluated:
    """A template with the parameters of a stage. `told` is what earlier stacks have written for later ones."""

    def __init__(self, template: Template, given: Mapping[str, str], told: Mapping[str, Any]) -> None:
        self.template = template
        declared = template.get("Parameters", {})
        self.parameters: dict[str, Any] = {
            name: given.get(name, one.get("Default")) for name, one in declared.items()
        }
        for name in values.read_by(template, ""):
            self.parameters[name] = told.get(given[name])
        self.parameters["AWS::NoValue"] = None

    def standing(self) -> Iterator[Mapping[str, Any]]:
        """The resources whose condition holds."""
        for resource in self.template["Resources"].values():
            if "Condition" not in resource or self._holds(resource["Condition"]):
                yield resource

    def value(self, written: Any) -> Any:
        """A value that is written in the template. What only AWS knows stays as it is written."""
        match written:
            case {"Ref": name}:
                return self.parameters.get(name, name)
            case {"Condition": name}:
                return self._holds(name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self._holds(condition) else otherwise)
            case {"Fn::Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
            case {"Fn::Not": [condition]}:
                return not self.value(condition)
            case {"Fn::And": conditions}:
                return all(self.value(condition) for condition in conditions)
            case {"Fn::Or": conditions}:
                return any(self.value(condition) for condition in conditions)
            case {"Fn::Select": [index, listed]}:
                found = self.value(listed)
                return found.split(",")[index] if isinstance(found, str) else found
        return written

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self.template["Conditions"][condition]))
