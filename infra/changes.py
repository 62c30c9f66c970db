"""A change set in words, and what of it is never done without being told so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

PRECIOUS = {
    "AWS::DynamoDB::Table": "the shop's data",
    "AWS::ApiGateway::RestApi": "the API's address, which learners' browsers and Alipay know",
    "AWS::ApiGateway::DomainName": "the API's address, which learners' browsers and Alipay know",
    "AWS::SecretsManager::Secret": "a key of the shop",
    "AWS::S3::Bucket": "files that are nowhere else",
    "AWS::EC2::VPC": "the network that everything lies in",
    "AWS::CloudFront::Distribution": "what the front's host name is an alias of",
    "AWS::Logs::LogGroup": "a log, which has to be kept for half a year",
}
"""Kinds of resources that are never replaced or removed unless the operator names them, and what is lost with one."""

_VERBS = {
    "Add": "add",
    "Modify": "change",
    "Remove": "REMOVE",
    "Import": "import",
    "Dynamic": "perhaps change",
}


@dataclass(frozen=True)
class Change:
    """What CloudFormation is about to do with one resource. `replaced` is "True", "False", "Conditional" or "";
    `stays` says that it outlives its stack's interest in it.
    """

    action: str
    name: str
    kind: str
    replaced: str
    properties: tuple[str, ...]
    stays: bool = False

    @property
    def is_loss(self) -> bool:
        """Whether the resource of today is gone afterwards, or may be."""
        return self.action == "Remove" or self.replaced in ("True", "Conditional")

    def __str__(self) -> str:
        if self.action == "Remove" and self.stays:
            return f"let go of {self.name} ({self.kind.removeprefix('AWS::')}), which stays"
        verb = _VERBS.get(self.action, self.action.lower())
        how = {"True": ", by a NEW one", "Conditional": ", perhaps by a NEW one"}.get(self.replaced, "")
        what = f": {', '.join(self.properties)}" if self.properties else ""
        return f"{verb} {self.name} ({self.kind.removeprefix('AWS::')}){how}{what}"


def changes(described: Iterable[dict[str, Any]]) -> list[Change]:
    """The `Changes` of `DescribeChangeSet`, losses first."""
    found = [_change(one["ResourceChange"]) for one in described if "ResourceChange" in one]
    return sorted(found, key=lambda change: (not change.is_loss, change.action, change.name))


def _change(described: dict[str, Any]) -> Change:
    properties = {
        detail["Target"]["Name"]
        for detail in described.get("Details", [])
        if detail.get("Target", {}).get("Attribute") == "Properties" and detail["Target"].get("Name")
    }
    return Change(
        action=described["Action"],
        name=described["LogicalResourceId"],
        kind=described["ResourceType"],
        replaced=described.get("Replacement", ""),
        properties=tuple(sorted(properties)),
        stays=described.get("PolicyAction") == "Retain",
    )


def refused(found: Iterable[Change], allowed: Sequence[str]) -> list[str]:
    """Why this may not be done: a text for each loss of something precious that is not in `allowed` by its name."""
    return [
        f"{change.name} would be {'removed' if change.action == 'Remove' else 'replaced'}, and with it "
        f"{PRECIOUS[change.kind]}. If that is meant: --allow-loss {change.name}"
        for change in found
        if change.is_loss and change.kind in PRECIOUS and change.name not in allowed
    ]
