"""The deploying program's own rules, with nothing to deploy to."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from infra import deploy
from infra.aws import Aws
from infra.changes import Change
from infra.stacks import NotDeployed
from infra.stage import STACKS, read_stage


class CloudFormation:
    def __init__(self) -> None:
        self.policies: list[str] = []
        self.protected: list[str] = []

    def set_stack_policy(self, StackPolicyBody: str, **_: Any) -> None:  # noqa: N803
        self.policies.append(StackPolicyBody)

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        assert EnableTerminationProtection
        self.protected.append(StackName)


def denied(policy: str) -> list[Any]:
    return [one for one in json.loads(policy)["Statement"] if one["Effect"] == "Deny"]


def test_a_stack_is_unguarded_for_an_allowed_loss_only() -> None:
    cloudformation = CloudFormation()
    with suppress(KeyboardInterrupt), deploy.unguarded("stores", Aws(), cloudformation):
        assert not denied(cloudformation.policies[-1])
        raise KeyboardInterrupt
    assert len(cloudformation.policies) == 2
    assert denied(cloudformation.policies[-1])


@pytest.mark.parametrize("production", [True, False])
def test_stacks_that_hold_what_cannot_be_made_again_are_protected(production: bool) -> None:
    stage, cloudformation = replace(read_stage("example"), production=production), CloudFormation()
    for name in STACKS:
        deploy.protect(stage, name, Aws(), cloudformation)
    kept = [f"course-shop-example-{name}" for name in ("network", "stores", "secrets", "edge", "app")]
    assert cloudformation.protected == (kept if production else [])
    assert len(cloudformation.policies) == 2, "of tables and secrets"
    for policy in cloudformation.policies:
        [rule] = denied(policy)
        assert rule["Action"] == ["Update:Replace", "Update:Delete"]


def test_a_production_stage_is_not_destroyed_whatever_was_typed() -> None:
    def nobody(*_: object) -> Any:
        raise AssertionError("AWS was asked")

    given = deploy.arguments(["example", "destroy", "--yes"])
    with pytest.raises(NotDeployed, match="example is a production stage"):
        deploy.destroy(read_stage("example"), cast(deploy.Clients, nobody), given)


@pytest.mark.parametrize(
    "words", ["dev --dirty --yes destroy", "--dirty dev destroy --yes", "dev destroy --yes --dirty"]
)
def test_words_are_taken_in_any_order(words: str) -> None:
    given = deploy.arguments(words.split())
    assert (given.stage, given.act, given.yes, given.dirty) == ("dev", "destroy", True, True)


def test_nobody_there_to_ask_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    removal = Change("Remove", "Version1", "AWS::Lambda::Version", "", ())
    assert not deploy.confirm(False, "app", [removal])
    assert "--yes" in capsys.readouterr().out
    assert deploy.confirm(True, "app", [removal])
