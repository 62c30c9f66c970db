"""The application's template as AWS makes resources of it, and as linters see it, for the stage production.

The tools have an environment of their own, which the first of these tests makes where `make` has not.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app as application
from infra.values import read_by, written_by
from tests.packages import FUNCTIONS, ROOT, Package, package_of
from tests.template_tools import Finding, findings, translated

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def package() -> Package:
    return package_of("production")


PUBLIC = ("APIHandler", "AlipayNotify", "WechatNotify")
"""The functions that somebody waits for."""


def deployed_as_they_stand() -> list[Path]:
    """The templates that nothing is merged into."""
    merged = {"functions.json", "gateway-responses.json"}
    return [
        path
        for path in sorted((ROOT / "infra").glob("*.json"))
        if path.name not in merged and "AWSTemplateFormatVersion" in path.read_text(encoding="utf-8")
    ]


def test_the_template_is_valid_cloudformation(package: Package) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    regions = ["us-east-1", "cn-north-1"]
    command = [str(linter), "--regions", *regions, "--template", str(package.directory / "sam.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


TEMPLATE_BYTES = 1_000_000
"""CloudFormation's limit for a template in a bucket."""


def test_the_template_is_far_from_being_too_large(package: Package) -> None:
    assert (package.directory / "sam.json").stat().st_size < TEMPLATE_BYTES / 2


RESOURCES = 500
"""CloudFormation's limit for the resources of a stack."""
POLICY_CHARACTERS = 10_240
"""IAM's limit for all policies that stand in one role, without blanks."""


def test_there_are_far_fewer_resources_than_a_stack_may_have(resources: dict[str, Any]) -> None:
    assert len(resources) < RESOURCES / 2


def test_a_roles_policy_is_far_from_being_too_long(resources: dict[str, Any]) -> None:
    roles = of_kind(resources, "AWS::IAM::Role")
    sizes = {
        name: len(json.dumps(role["Policies"]).replace(" ", ""))
        for name, role in roles.items()
        if "Policies" in role
    }
    assert len(sizes) == len(FUNCTIONS)
    assert max(sizes.values()) < POLICY_CHARACTERS / 1.5, sizes


def test_a_value_that_the_template_reads_is_written_by_a_stack_of_the_stage(package: Package) -> None:
    stacks = [json.loads(path.read_text(encoding="utf-8")) for path in deployed_as_they_stand()]
    written = {value for stack in stacks for value in written_by(stack, package.stage)}
    of_others = {value for stack in stacks for value in read_by(stack, package.stage).values()}
    read = set(read_by(package.template, package.stage).values())
    assert read <= written
    assert read | of_others == written, "what is written is read, too"


def resources_of(package: Package, **parameters: str) -> dict[str, Any]:
    """What AWS's own translator makes of the template."""
    return translated(package.template, {"Release": "0123456789", "Canary": "true"} | parameters)


@pytest.fixture(scope="module")
def resources(package: Package) -> dict[str, Any]:
    return resources_of(package)


def of_kind(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: found["Properties"] for name, found in resources.items() if found["Type"] == kind}


def test_the_api_has_one_stage_and_one_host(resources: dict[str, Any]) -> None:
    assert [stage["StageName"] for stage in of_kind(resources, "AWS::ApiGateway::Stage").values()] == ["api"]
    (mapping,) = of_kind(resources, "AWS::ApiGateway::BasePathMapping").values()
    assert mapping["Stage"] == {"Ref": "RestAPIapiStage"}
    assert "BasePath" not in mapping, "no stage in the path"
    endpoint = resources["RestAPI"]["Properties"]["Body"]["x-amazon-apigateway-endpoint-configuration"]
    assert endpoint == {"disableExecuteApiEndpoint": {"Fn::If": ["HasHost", True, False]}}


def test_whoever_calls_a_function_calls_its_alias(resources: dict[str, Any]) -> None:
    aliases = of_kind(resources, "AWS::Lambda::Alias")
    assert {alias["FunctionName"]["Ref"] for alias in aliases.values()} == set(FUNCTIONS)
    called = [
        *(
            permission["FunctionName"]
            for permission in of_kind(resources, "AWS::Lambda::Permission").values()
        ),
        *(
            target["Arn"]
            for rule in of_kind(resources, "AWS::Events::Rule").values()
            for target in rule["Targets"]
        ),
    ]
    assert {call["Ref"] for call in called} == set(aliases)
    integrated = re.findall(r"functions/\$\{([^}]+)\}/invocations", json.dumps(resources["RestAPI"]))
    assert set(integrated) == {"APIHandlerAliaslive", "AlipayNotifyAliaslive", "WechatNotifyAliaslive"}


def test_another_release_makes_new_versions_of_all_functions(
    package: Package, resources: dict[str, Any]
) -> None:
    kind = "AWS::Lambda::Version"
    before, after = of_kind(resources, kind), of_kind(resources_of(package, Release="fedcba9876"), kind)
    assert len(before) == len(after) == len(FUNCTIONS)
    assert not before.keys() & after.keys()


def test_a_new_version_serves_a_tenth_first_and_goes_back_when_an_alarm_rings(
    package: Package, resources: dict[str, Any]
) -> None:
    groups = of_kind(resources, "AWS::CodeDeploy::DeploymentGroup")
    assert len(groups) == 3
    for group in groups.values():
        alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert {resources[alarm]["Type"] for alarm in alarms} == {"AWS::CloudWatch::Alarm"}
        assert group["AlarmConfiguration"]["Enabled"] is group["AutoRollbackConfiguration"]["Enabled"] is True
    for function in PUBLIC:
        assert "CodeDeployLambdaAliasUpdate" in resources[f"{function}Aliaslive"]["UpdatePolicy"]
    at_once = resources_of(package, Canary="false")
    assert not of_kind(at_once, "AWS::CodeDeploy::DeploymentGroup")
    assert set(of_kind(at_once, "AWS::Lambda::Alias")) == set(of_kind(resources, "AWS::Lambda::Alias"))


def test_api_and_notifications_start_from_a_snapshot_where_that_is_wanted(resources: dict[str, Any]) -> None:
    functions = of_kind(resources, "AWS::Lambda::Function")
    with_snapshot = {
        name: function["SnapStart"] for name, function in functions.items() if "SnapStart" in function
    }
    expected = {"Fn::If": ["HasSnapStart", {"ApplyOn": "PublishedVersions"}, {"Ref": "AWS::NoValue"}]}
    assert with_snapshot == dict.fromkeys(PUBLIC, expected)


def test_checkov_finds_what_is_known_and_reasoned_and_nothing_else(package: Package, tmp_path: Path) -> None:
    exceptions = json.loads((ROOT / "infra" / "checkov-exceptions.json").read_text(encoding="utf-8"))
    for path in deployed_as_they_stand():
        shutil.copy(path, tmp_path)
    shutil.copy(package.directory / "sam.json", tmp_path)
    known = {Finding(check, name) for check, one in exceptions.items() for name in one["resources"]}
    found = findings(tmp_path)
    assert {finding: found[finding] for finding in found.keys() - known} == {}
    assert known - found.keys() == set(), "an exception that is none any more"
    assert all(len(one["because"]) > 20 for one in exceptions.values())


def test_the_calls_that_cost_have_lower_limits(package: Package) -> None:
    settings_of_methods = package.properties("RestAPI")["MethodSettings"]
    limits = {
        (one["HttpMethod"], one["ResourcePath"].removeprefix("/").replace("~1", "/")): one
        for one in settings_of_methods
    }
    assert limits.pop(("*", "*"))["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    assert set(limits) == {
        ("POST", "/login"),
        ("POST", "/register"),
        ("POST", "/coupons/{coupon_id}/claim"),
        ("GET", "/api/captcha_check"),
    }
    for (method, path), limit in limits.items():
        assert method in application.app.routes[path]
        assert limit["ThrottlingRateLimit"] == limit["ThrottlingBurstLimit"] == {"Ref": "SignInsPerSecond"}
    parameters = package.template["Parameters"]
    assert parameters["SignInsPerSecond"]["Default"] < parameters["RequestsPerSecond"]["Default"]


def errors_of(template: Path) -> str:
    """What cfn-lint finds."""
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [str(linter), "--template", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
