"""Which version a roll-back takes, and how a deployment takes the roll-back back."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import versions
from infra.stacks import NotDeployed
from infra.stage import Stage, read_stage

FUNCTION = "course-shop-example-api_handler"


class Account:
    """One function with its alias, its stack with the version that was made last, and the stage's bucket."""

    def __init__(self, serves: str, of_the_stack: str, canary: dict[str, float] | None = None) -> None:
        self.serves, self.of_the_stack, self.canary = serves, of_the_stack, canary or {}
        self.kept: bytes | None = None

    def get_paginator(self, _: str) -> Account:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        version = f"arn:aws:lambda:region:0:function:{FUNCTION}:{self.of_the_stack}"
        let_go = f"arn:aws:lambda:region:0:function:{FUNCTION}:1"
        found = [
            ("AWS::Lambda::Function", FUNCTION, "UPDATE_COMPLETE"),
            ("AWS::Lambda::Version", version, "CREATE_COMPLETE"),
            ("AWS::Lambda::Version", let_go, "DELETE_SKIPPED"),
        ]
        summaries = [
            {"ResourceType": kind, "PhysicalResourceId": one, "ResourceStatus": status}
            for kind, one, status in found
        ]
        return [{"StackResourceSummaries": summaries}]

    def get_alias(self, **_: Any) -> dict[str, Any]:
        return {
            "FunctionVersion": self.serves,
            "RoutingConfig": {"AdditionalVersionWeights": self.canary},
        }

    def update_alias(self, FunctionVersion: str, RoutingConfig: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.serves, self.canary = FunctionVersion, RoutingConfig["AdditionalVersionWeights"]

    def put_object(self, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.kept = Body

    def get_object(self, **_: Any) -> dict[str, Any]:
        if self.kept is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.kept)}


@pytest.fixture
def stage() -> Stage:
    return read_stage("example")


def served(account: Account, stage: Stage, *numbers: str) -> None:
    now = account.serves
    for number in numbers:
        account.serves = number
        versions.remember(stage, lambda _: account)
    account.serves = now


def rolled_back(account: Account, stage: Stage) -> str:
    versions.rollback(stage, lambda _: account, lambda _: None)
    return account.serves


def test_a_roll_back_skips_what_was_made_and_never_served_well(stage: Stage) -> None:
    account = Account("5", "5")
    served(account, stage, "1", "3")
    assert rolled_back(account, stage) == "3"
    assert rolled_back(account, stage) == "1"
    with pytest.raises(NotDeployed, match="version of before"):
        rolled_back(account, stage)


def test_a_roll_back_ends_a_canary_and_goes_no_further(stage: Stage) -> None:
    account = Account("3", "4", {"4": 0.1})
    served(account, stage, "1", "3")
    assert rolled_back(account, stage) == "3"
    assert account.canary == {}


def test_a_deployment_without_changes_takes_a_roll_back_back(stage: Stage) -> None:
    account, told = Account("3", "4"), list[str]()
    versions.follow_the_stack(stage, lambda _: account, told.append)
    assert account.serves == "4"
    versions.follow_the_stack(stage, lambda _: account, told.append)
    assert told == [f"  {FUNCTION}: version 3 -> 4"]


def test_what_served_well_is_noted_once_and_not_for_ever(stage: Stage) -> None:
    account = Account("1", "1")
    served(account, stage, "1", "1", *(str(number) for number in range(2, 40)))
    assert account.kept
    numbers = [one[FUNCTION] for one in json.loads(account.kept)]
    assert numbers == [str(number) for number in range(20, 40)]
