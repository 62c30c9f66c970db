"""The deploying program's own rules, with nothing to deploy to."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from infra import deploy
from infra.aws import Aws
from infra.changes import Change


class CloudFormation:
    def __init__(self) -> None:
        self.policies: list[str] = []

    def set_stack_policy(self, StackPolicyBody: str, **_: Any) -> None:  # noqa: N803
        self.policies.append(StackPolicyBody)


def denied(policy: str) -> list[Any]:
    return [one for one in json.loads(policy)["Statement"] if one["Effect"] == "Deny"]


def test_a_stack_is_unguarded_for_an_allowed_loss_only() -> None:
    cloudformation = CloudFormation()
    with suppress(KeyboardInterrupt), deploy.unguarded("stores", Aws(), cloudformation):
        assert not denied(cloudformation.policies[-1])
        raise KeyboardInterrupt
    assert len(cloudformation.policies) == 2
    assert denied(cloudformation.policies[-1])


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
