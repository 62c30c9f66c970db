"""The secrets of a stage: what is missing in them, and that a new value is seen at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.stage import Stage, read_stage
from infra.stage_secrets import unfilled, versions

CURRENT = {"v1": ["AWSCURRENT"]}
STACKS = {
    "network": ["RedisUrlElsewhere"],
    "secrets": ["JwtKey", "AlipayPublicKey", "GeetestKey"],
    "edge": ["EdgeKey"],
}


class Account:
    """CloudFormation and Secrets Manager of an account with one stage. It has no list of secrets to ask for."""

    def __init__(self, **filled: dict[str, list[str]]) -> None:
        self.filled = filled

    def __call__(self, service: str) -> Account:
        return self

    def get_paginator(self, operation: str) -> Account:
        assert operation == "list_stack_resources"
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        kinds = dict.fromkeys(STACKS[asked["StackName"].rpartition("-")[2]], "AWS::SecretsManager::Secret")
        for name, kind in {**kinds, "Value": "AWS::SSM::Parameter"}.items():
            resource = {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": kind}
            yield {"StackResourceSummaries": [resource | {"ResourceStatus": "CREATE_COMPLETE"}]}
        gone = {"ResourceType": "AWS::SecretsManager::Secret", "ResourceStatus": "DELETE_SKIPPED"}
        yield {"StackResourceSummaries": [gone]}

    def describe_secret(self, **asked: str) -> dict[str, Any]:
        name = asked["SecretId"]
        held = self.filled.get(name)
        return {"Name": name} | ({"VersionIdsToStages": held} if held else {})


def stage(**app: str) -> Stage:
    example = read_stage("example")
    return Stage(**{**vars(example), "stacks": {**example.stacks, "app": {**example.stacks["app"], **app}}})


def test_what_an_operator_has_not_put_in_is_missing_wherever_it_is() -> None:
    account = Account(JwtKey=CURRENT, EdgeKey=CURRENT)
    assert unfilled(stage(), account) == ["AlipayPublicKey", "GeetestKey", "RedisUrlElsewhere"]


def test_the_key_of_a_captcha_that_is_off_is_not_missing() -> None:
    account = Account(JwtKey=CURRENT, EdgeKey=CURRENT, AlipayPublicKey=CURRENT, RedisUrlElsewhere=CURRENT)
    assert unfilled(stage(GeetestId=""), account) == []


def test_another_value_of_any_secret_is_another_version() -> None:
    names = [name for stack in STACKS.values() for name in stack]
    before = Account(**dict.fromkeys(names, CURRENT))
    for name in names:
        after = Account(**before.filled | {name: {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT"]}})
        assert versions(stage(), before) != versions(stage(), after), name
