"""A stage: one whole shop of its own, and what makes it differ from the others (`stages/<stage>.json`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import snap_start, values
from infra.stacks import NotDeployed

STAGES = Path(__file__).resolve().parent / "stages"

PACKAGED = STAGES.parents[1] / ".chalice" / "config.json"
FUNCTIONS = STAGES.parent / "functions.json"

STACKS = ("account", "network", "stores", "secrets", "edge", "front-certificate", "front", "app", "watch")
"""Every stack in the order in which each finds what it needs. A stage leaves out what it does without."""

COMPUTED = {"Release"}
"""Parameters that the deploying program makes up."""

FRONT_CERTIFICATE_REGION = "us-east-1"
"""Where CloudFront wants its certificates, wherever the shop is."""

_FIELDS = {"account": str, "region": str, "production": bool, "architecture": str, "stacks": dict}
_NAME_CHARACTERS = 16


@dataclass(frozen=True)
class Stage:
    """What `stages/<name>.json` says.

    `account` and `region` are where it may be deployed, and nowhere else; `architecture` is the functions'
    processor; `stacks` maps each stack of the stage to the parameters whose defaults do not fit. `directory` is where
    the file lies.
    """

    name: str
    account: str
    region: str
    production: bool
    architecture: str
    stacks: Mapping[str, Mapping[str, str]]
    directory: Path = STAGES

    def stack_name(self, stack: str) -> str:
        """The name of one of its stacks in CloudFormation. What an account has once belongs to no stage."""
        return "course-shop-account" if stack == "account" else f"course-shop-{self.name}-{stack}"

    def region_of(self, stack: str) -> str:
        """The region in which one of its stacks stands."""
        return FRONT_CERTIFICATE_REGION if stack == "front-certificate" else self.region

    @property
    def code_bucket(self) -> str:
        """The bucket of packages and templates."""
        return f"course-shop-{self.name}-code-{self.account}-{self.region}"

    def parameters(
        self, stack: str, template: Mapping[str, Any], outputs: Mapping[str, str]
    ) -> dict[str, str]:
        """What a stack's template gets: what the stage's file says of it, before that the outputs of earlier stacks
        and the names that `edge` was given, where the template has a parameter of that name, and the names of the
        SSM parameters that it reads. What the region is not known to have is off, whatever the file says. Raises
        NotDeployed for a parameter that the template does not take, and for one that nobody gives.
        """
        declared = template.get("Parameters", {})
        known = {
            "Stage": self.name,
            "TablePrefix": self.table_prefix,
            **self.stacks.get("edge", {}),
            **outputs,
            **values.read_by(template, self.name),
        }
        given = self.stacks[stack]
        if unknown := given.keys() - declared.keys():
            raise NotDeployed(f"{self.file}: {stack!r} takes no {', '.join(sorted(unknown))}.")
        found = {key: value for key, value in known.items() if key in declared} | dict(given)
        open_ones = {key for key in declared if "Default" not in declared[key]} - found.keys() - COMPUTED
        if open_ones:
            raise NotDeployed(f"{self.file}: {stack!r} lacks {', '.join(sorted(open_ones))}.")
        if self.lacks_snap_start and "SnapStart" in found:
            found["SnapStart"] = "off"
        return found

    @property
    def lacks_snap_start(self) -> bool:
        """Whether its file wants functions that start from snapshots, in a region that is not known to have these."""
        wanted = self.stacks.get("app", {}).get("SnapStart") == "on"
        return wanted and self.region not in snap_start.REGIONS

    @property
    def table_prefix(self) -> str:
        """What the names of its tables begin with; another one after a restore."""
        return self.stacks["stores"].get("TablePrefix", f"course-shop-{self.name}-")

    @property
    def file(self) -> Path:
        """Where all this is written."""
        return self.directory / f"{self.name}.json"

    @property
    def front(self) -> Path:
        """The school's own files of the front: `config.json`, `texts/`, pictures. None need be there."""
        return self.directory / f"{self.name}-front"

    @property
    def front_settings(self) -> dict[str, str]:
        """Those settings of the functions that the front has to agree with."""
        packaged = json.loads(PACKAGED.read_text(encoding="utf-8"))["stages"][self.name]
        declared = json.loads(FUNCTIONS.read_text(encoding="utf-8"))["Parameters"]["GeetestVersion"]
        return {
            "CAPTCHA": packaged["environment_variables"]["CAPTCHA"],
            "GEETEST_VERSION": self.stacks["app"].get("GeetestVersion", declared["Default"]),
        }

    def tags_of(self, stack: str) -> dict[str, str]:
        """What the resources of a stack are marked with, so that bills can be told apart. What an account has once is
        not marked anew by each of its stages.
        """
        return {"app": "course-shop"} | ({} if stack == "account" else {"stage": self.name})


def read_stage(name: str, directory: Path = STAGES) -> Stage:
    """The stage of this name. Raises NotDeployed where there is none, or its file is wrong; the text says how."""
    path = directory / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in directory.glob("*.json"))) or "none"
        raise NotDeployed(f"There is no stage {name!r}: {path} is missing. There are: {known}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotDeployed(f"{path} is no JSON: {error}") from error
    problems = list(_problems(name, content))
    if problems:
        raise NotDeployed(f"{path}:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Stage(name=name, directory=directory, **content)


def _problems(name: str, content: Any) -> list[str]:
    if not isinstance(content, dict):
        return ["must be an object"]
    found = [f"{field!r} is unknown" for field in content.keys() - _FIELDS.keys()]
    for field, kind in _FIELDS.items():
        if not isinstance(content.get(field), kind):
            found.append(f"{field!r} must be there, a {kind.__name__}")
    if found:
        return found
    # ElastiCache's own rule for names: no hyphen at the end, nor two in a row.
    if len(name) > _NAME_CHARACTERS or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        found.append(
            f"the stage's name must be at most {_NAME_CHARACTERS} of a-z, 0-9 and single hyphens between"
        )
    if not re.fullmatch(r"\d{12}", content["account"]):
        found.append("'account' must be the 12 digits of an AWS account")
    if content["architecture"] not in ("arm64", "x86_64"):
        found.append("'architecture' must be arm64 or x86_64")
    for stack, parameters in content["stacks"].items():
        if stack not in STACKS:
            found.append(f"there is no stack {stack!r}; there are {', '.join(STACKS)}")
        elif not all(isinstance(value, str) for value in parameters.values()):
            found.append(f"every parameter of {stack!r} must be a text")
    if "stores" not in content["stacks"]:
        found.append("there must be a stack 'stores': nothing works without its tables")
    if "ApiDomainName" not in content["stacks"].get("edge", {}):
        found.append("the stack 'edge' must have its 'ApiDomainName'")
    return found
