"""What must hold before a stage is deployed, told together and before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.preflight import git_status, problems
from infra.stacks import NotDeployed
from infra.stage import Stage, read_stage


class Account:
    """An AWS account that answers the preflight's questions."""

    def __init__(self, number: str, at_once: int) -> None:
        self._number, self._at_once = number, at_once

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._number}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": self._at_once}}


def stage(name: str = "production", **app: str) -> Stage:
    """A stage whose front somebody else serves."""
    example = read_stage("example")
    stacks = {**example.stacks, "app": {**example.stacks["app"], **app}}
    del stacks["front"], stacks["front-certificate"]
    return Stage(**{**vars(example), "name": name, "stacks": stacks})


def told(
    of: Stage,
    number: str = "000000000000",
    at_once: int = 1000,
    git_status: str = "",
    said: list[str] | None = None,
) -> list[str]:
    client: Callable[[str], Account] = lambda service: Account(number, at_once)  # noqa: E731
    return list(problems(of, client, git_status, ([] if said is None else said).append))


def test_nothing_stands_in_the_way() -> None:
    assert told(stage()) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"git_status": " M app.py\n"}, "not committed"),
        ({"number": "111111111111"}, "of account 111111111111"),
        ({"at_once": 10}, "may run 10 functions at once"),
        ({"at_once": 110}, "may run 110 functions at once"),
    ],
)
def test_what_stands_in_the_way_is_told(asked: dict[str, Any], said: str) -> None:
    [problem] = told(stage(), **asked)
    assert said in problem


@pytest.mark.parametrize(
    ("stacks", "said"),
    [
        ({"network": {"Redis": "redis"}}, "'redis', and must be one of node"),
        ({"app": {"AlipayAppId": "2021-1", "AlipaySellerId": "2088"}}, "'2021-1', and must match"),
        ({"app": {"AlipayAppId": "2021"}}, "'app' lacks AlipaySellerId"),
        ({"stores": {"Prefix": "x-"}}, "'stores' takes no Prefix"),
        ({"edge": {"ApiDomainName": "api.school.example", "ShopDomainName": ""}}, "must match"),
        ({"watch": {"SlowMilliseconds": "30000"}}, "must be from 100 to 29000"),
        ({"watch": {"SlowMilliseconds": "quick"}}, "must be a number"),
    ],
)
def test_what_the_stages_file_has_wrong_is_told_before_anything_is_made(
    stacks: dict[str, Any], said: str
) -> None:
    of = stage()
    wrong = Stage(**{**vars(of), "stacks": {**of.stacks, **stacks}})
    problems_told = told(wrong)
    assert [problem for problem in problems_told if said in problem], problems_told


def test_a_stack_that_others_read_from_is_missed_before_anything_is_made() -> None:
    of = stage()
    without = Stage(
        **{**vars(of), "stacks": {key: one for key, one in of.stacks.items() if key != "secrets"}}
    )
    [problem] = told(without)
    assert "'app' reads " in problem
    assert "/course-shop/production/jwt-key-arn" in problem


def test_without_credentials_all_else_is_told_too() -> None:
    class Nobody:
        def get_caller_identity(self) -> dict[str, str]:
            raise NoCredentialsError

    told_first, told_last = problems(stage(), lambda _: Nobody(), " M app.py\n", print)
    assert "not committed" in told_first
    assert "Unable to locate credentials. AWS_PROFILE names" in told_last


def test_a_question_that_aws_refuses_is_told() -> None:
    class Refusing(Account):
        def get_account_settings(self) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccountSettings")

    [problem] = problems(stage(), lambda _: Refusing("000000000000", 1000), "", print)
    assert "cannot be asked" in problem
    assert "GetAccountSettings" in problem


def test_outside_of_a_clone_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotDeployed, match="Deploy from a clone"):
        git_status(tmp_path)


def test_a_new_account_can_do_without_reserved_places() -> None:
    assert told(stage(NotificationConcurrency="0", TimerConcurrency="0"), at_once=10) == []


@pytest.mark.parametrize("region", ["ap-east-2", "ap-southeast-6", "cn-north-1", "xx-new-1"])
def test_a_region_without_snapshots_hinders_nothing(region: str) -> None:
    of, said = replace(stage(), region=region), list[str]()
    assert told(of, said=said) == []
    [note] = said
    assert f"{region} is not known to have SnapStart" in note


def test_nothing_is_said_of_snapshots_where_they_are_or_nobody_wants_them() -> None:
    said: list[str] = []
    assert (
        told(stage(), said=said) == told(replace(stage(SnapStart="off"), region="ap-east-2"), said=said) == []
    )
    assert not said


def test_a_stage_that_nothing_is_packaged_for_is_refused_before_aws_is_asked() -> None:
    [problem] = told(stage("elsewhere"), number="111111111111")
    assert ".chalice/config.json" in problem


def test_a_front_that_would_show_a_made_up_school_is_refused_where_people_come() -> None:
    mine = stage()
    with_front = Stage(**{**vars(mine), "stacks": {**mine.stacks, "front-certificate": {}, "front": {}}})
    [problem] = told(with_front)
    assert "production-front/config.json is missing" in problem
    assert told(Stage(**{**vars(with_front), "production": False})) == []
