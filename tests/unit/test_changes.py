"""A change set in words, and what is refused of it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.changes import PRECIOUS, changes, refused


def described(
    action: str, name: str, kind: str, replacement: str = "", properties: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One of the `Changes` of `DescribeChangeSet`, as botocore hands it over."""
    details = [
        {
            "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Never"},
            "Evaluation": "Static",
        }
        for name in properties
    ]
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Details": details}
    return {
        "Type": "Resource",
        "ResourceChange": change | ({"Replacement": replacement} if replacement else {}),
    }


def test_changes_are_told_in_words_losses_first() -> None:
    found = changes(
        [
            described("Add", "NewAlarm", "AWS::CloudWatch::Alarm"),
            described("Modify", "APIHandler", "AWS::Lambda::Function", "False", ("MemorySize", "Code")),
            described("Modify", "UsersTable", "AWS::DynamoDB::Table", "True", ("KeySchema",)),
            {"Type": "Hook"},
        ]
    )
    assert [str(change) for change in found] == [
        "change UsersTable (DynamoDB::Table), by a NEW one: KeySchema",
        "add NewAlarm (CloudWatch::Alarm)",
        "change APIHandler (Lambda::Function): Code, MemorySize",
    ]


@pytest.mark.parametrize("kind", PRECIOUS)
@pytest.mark.parametrize(
    ("action", "replacement"), [("Remove", ""), ("Modify", "True"), ("Modify", "Conditional")]
)
def test_a_precious_resource_is_lost_only_by_name(kind: str, action: str, replacement: str) -> None:
    found = changes([described(action, "Precious", kind, replacement)])
    assert "--allow-loss Precious" in refused(found, [])[0]
    assert refused(found, ["Another"])
    assert not refused(found, ["Precious"])


def test_a_log_and_the_fronts_address_are_precious() -> None:
    found = changes(
        [
            described("Remove", "WorkOffOrdersLogGroup", "AWS::Logs::LogGroup"),
            described("Modify", "FrontSite", "AWS::CloudFront::Distribution", "True"),
        ]
    )
    assert [text.split()[0] for text in refused(found, [])] == ["FrontSite", "WorkOffOrdersLogGroup"]


def test_what_is_not_precious_or_not_lost_is_not_refused() -> None:
    harmless = [
        described("Remove", "OldAlarm", "AWS::CloudWatch::Alarm"),
        described("Modify", "UsersTable", "AWS::DynamoDB::Table", "False", ("Tags",)),
        described("Add", "RestAPI", "AWS::ApiGateway::RestApi"),
    ]
    assert not refused(changes(harmless), [])


def test_what_its_template_keeps_is_let_go_of() -> None:
    """As a version of a function at each release; a table is refused all the same."""
    kept = described("Remove", "APIHandlerVersion1", "AWS::Lambda::Version")
    kept["ResourceChange"]["PolicyAction"] = "Retain"
    assert str(changes([kept])[0]) == "let go of APIHandlerVersion1 (Lambda::Version), which stays"
