"""The stages' files: each gives every template what it wants, and a wrong one says what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.stacks import NotDeployed
from infra.stage import COMPUTED, STACKS, STAGES, Stage, read_stage

INFRA = STAGES.parent
OUTPUTS = {"FrontCertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/0"}
"""What earlier stacks put out, and later ones take."""


def template_of(stack: str) -> dict[str, Any]:
    """The parameters of the application's template are those of what is merged into it."""
    name = "functions" if stack == "app" else stack
    template: dict[str, Any] = json.loads((INFRA / f"{name}.json").read_text(encoding="utf-8"))
    return template


@pytest.mark.parametrize("name", [path.stem for path in STAGES.glob("*.json")])
def test_a_stage_gives_every_template_what_it_wants(name: str) -> None:
    stage = read_stage(name)
    for stack in stage.stacks:
        template = template_of(stack)
        given = stage.parameters(stack, template, OUTPUTS)
        wanted = {
            key for key, declared in template.get("Parameters", {}).items() if "Default" not in declared
        }
        assert wanted <= given.keys() | COMPUTED
        for key, value in given.items():
            allowed = [str(one) for one in template["Parameters"][key].get("AllowedValues", [value])]
            assert value in allowed, (stack, key)


def test_every_stack_has_its_template_and_every_template_its_stack() -> None:
    templates = {
        path.stem for path in INFRA.glob("*.json") if "Resources" in path.read_text(encoding="utf-8")
    }
    assert templates - {"functions", "gateway-responses"} | {"app"} == set(STACKS)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "dev.json").write_text(
        (STAGES / "example.json").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return tmp_path


def changed(directory: Path, **fields: Any) -> None:
    content = json.loads((directory / "dev.json").read_text(encoding="utf-8"))
    (directory / "dev.json").write_text(json.dumps(content | fields), encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"account": "1234"}, "12 digits"),
        ({"production": "yes"}, "'production' must be there, a bool"),
        ({"architecture": "riscv"}, "arm64 or x86_64"),
        ({"colour": "blue"}, "'colour' is unknown"),
        ({"stacks": {"netwrk": {}}}, "there is no stack 'netwrk'"),
        ({"stacks": {"app": {"ApiMemory": 512}}}, "must be a text"),
        ({"stacks": {"edge": {}}}, "'ApiDomainName'"),
        ({"stacks": {"edge": {"ApiDomainName": "api.school.example"}}}, "a stack 'stores'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(directory: Path, fields: dict[str, Any], told: str) -> None:
    changed(directory, **fields)
    with pytest.raises(NotDeployed, match=told):
        read_stage("dev", directory)


def test_the_front_has_the_captcha_of_the_functions(directory: Path) -> None:
    off = read_stage("dev", directory)
    assert off.front_settings == {"CAPTCHA": "off", "GEETEST_VERSION": "3"}
    app = {**off.stacks["app"], "GeetestVersion": "4"}
    on = Stage(**{**vars(off), "name": "production", "stacks": {**off.stacks, "app": app}})
    assert on.front_settings == {"CAPTCHA": "on", "GEETEST_VERSION": "4"}


@pytest.mark.parametrize("name", ["dev-", "a--b", "2", "Dev", "a-name-of-seventeen"])
def test_a_name_that_some_service_would_not_take_is_refused(directory: Path, name: str) -> None:
    (directory / "dev.json").rename(directory / f"{name}.json")
    with pytest.raises(NotDeployed, match="name must be"):
        read_stage(name, directory)


def test_an_unknown_stage_names_the_known_ones(directory: Path) -> None:
    with pytest.raises(NotDeployed, match="There are: dev"):
        read_stage("prod", directory)


def test_a_parameter_that_a_template_does_not_take_is_refused(directory: Path) -> None:
    stage: Stage = read_stage("dev", directory)
    with pytest.raises(NotDeployed, match="'stores' takes no Colour"):
        Stage(**{**vars(stage), "stacks": {**stage.stacks, "stores": {"Colour": "blue"}}}).parameters(
            "stores", template_of("stores"), {}
        )
    with pytest.raises(NotDeployed, match="lacks"):
        Stage(**{**vars(stage), "stacks": {**stage.stacks, "app": {}}}).parameters(
            "app", template_of("app"), {}
        )


def test_the_application_moves_to_restored_tables_while_the_old_ones_stay() -> None:
    stage = read_stage("example")
    moved = Stage(
        **{
            **vars(stage),
            "stacks": {**stage.stacks, "app": {**stage.stacks["app"], "TablePrefix": "restored-"}},
        }
    )
    assert moved.parameters("app", template_of("app"), {})["TablePrefix"] == "restored-"
    assert moved.parameters("stores", template_of("stores"), {}) == stage.parameters(
        "stores", template_of("stores"), {}
    )


def test_what_an_account_has_once_is_the_same_for_all_its_stages(directory: Path) -> None:
    one, other = read_stage("example"), read_stage("dev", directory)
    assert one.stack_name("account") == other.stack_name("account")
    assert one.tags_of("account") == other.tags_of("account")
    assert one.tags_of("app")["stage"] == "example"
    assert one.tags_of("app") != other.tags_of("app")


@pytest.mark.parametrize(
    ("region", "value"),
    [("ap-southeast-1", "on"), ("ap-east-2", "off"), ("cn-northwest-1", "off"), ("xx-new-1", "off")],
)
def test_functions_start_from_snapshots_where_the_region_has_them(region: str, value: str) -> None:
    there = replace(read_stage("example"), region=region)
    assert there.parameters("app", template_of("app"), {})["SnapStart"] == value


def test_only_the_usual_stage_pays_for_snapshots() -> None:
    small = read_stage("example-small").parameters("app", template_of("app"), {})
    assert small.get("SnapStart", template_of("app")["Parameters"]["SnapStart"]["Default"]) == "off"
