"""The template that `infra/package.py` makes of the project for every stage."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.gateways.deadline import PROVIDER_SECONDS
from infra.package import PRODUCTS, RUNTIME, NotPackaged, refuse_other_runtime

ROOT = Path(__file__).parents[2]
STAGES = ("dev", "production")
FUNCTIONS = {
    "APIHandler": "api_handler",
    "AlipayNotify": "alipay_notify",
    "WorkOffOrders": "work_off_orders",
    "SweepCouponClaims": "sweep_coupon_claims",
}
"""The name in the template -> the name in the configuration."""
TIMERS = ("WorkOffOrders", "SweepCouponClaims")
API_GATEWAY_SECONDS = 29
INTEGRATION = "x-amazon-apigateway-integration"


@dataclass(frozen=True)
class Package:
    """One packaged stage."""

    stage: str
    directory: Path
    template: dict[str, Any]

    def properties(self, resource: str) -> dict[str, Any]:
        found: dict[str, Any] = self.template["Resources"][resource]["Properties"]
        return found

    @property
    def api(self) -> dict[str, Any]:
        """The API's description (Swagger)."""
        body: dict[str, Any] = self.properties("RestAPI")["DefinitionBody"]
        return body

    def files(self, name: str) -> list[str]:
        with zipfile.ZipFile(self.directory / name) as archive:
            return archive.namelist()


def copy_of_the_project(project: Path) -> None:
    """A copy without requirements, so that no wheels are fetched, and with one vendored module in their place, so
    that there is a layer."""
    for name in (".chalice", "chalicelib", "infra"):
        skipped = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(ROOT / name, project / name, ignore=skipped)
    shutil.copy(ROOT / "app.py", project)
    (project / "requirements.txt").touch()
    (project / "vendor").mkdir()
    (project / "vendor" / "vendored.py").write_text("answer = 42\n")


def packaging(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run infra/package.py of a copy, in an environment that has none of the shop's settings."""
    command = [sys.executable, "-B", "infra/package.py", *arguments]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=STAGES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A stage, packaged from a copy of the project for whatever Python runs the tests."""
    project = tmp_path_factory.mktemp("project")
    copy_of_the_project(project)
    directory = project / "build"
    done = packaging(project, request.param, str(directory), "--for-this-python")
    assert done.returncode == 0, done.stdout + done.stderr
    template = json.loads((directory / "sam.json").read_text(encoding="utf-8"))
    return Package(request.param, directory, template)


def integration_uri(function: str) -> dict[str, str]:
    path = "lambda:path/2015-03-31/functions"
    return {
        "Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}/${{{function}.Arn}}/invocations"
    }


def config() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return loaded


def test_the_template_is_valid_cloudformation(package: Package) -> None:
    template = package.directory / "sam.json"
    assert errors_of(template) == ""


def test_the_stores_are_valid_cloudformation() -> None:
    assert errors_of(ROOT / "infra" / "stores.json") == ""


def errors_of(template: Path) -> str:
    """What cfn-lint finds, warnings aside."""
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [str(linter), "--ignore-checks", "W", "--template", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_functions_of_the_application_and_no_others_are_packaged(package: Package) -> None:
    handlers = {
        name: resource["Properties"]["Handler"]
        for name, resource in package.template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert handlers == {
        name: "app.app" if function == "api_handler" else f"app.{function}"
        for name, function in FUNCTIONS.items()
    }
    assert set(config()["lambda_functions"]) == set(FUNCTIONS.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_the_memory_time_and_concurrency_of_the_configuration(
    package: Package, function: str
) -> None:
    expected = config()["lambda_functions"][FUNCTIONS[function]]
    properties = package.properties(function)
    assert properties["MemorySize"] == expected["lambda_memory_size"]
    assert properties["Timeout"] == expected["lambda_timeout"]
    assert properties.get("ReservedConcurrentExecutions") == expected.get("reserved_concurrency")


def test_the_api_function_ends_before_api_gateway_gives_up(package: Package) -> None:
    assert package.properties("APIHandler")["Timeout"] <= API_GATEWAY_SECONDS
    assert package.properties("AlipayNotify")["Timeout"] <= API_GATEWAY_SECONDS


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_fires_every_minute_and_a_lost_run_is_not_repeated(package: Package, timer: str) -> None:
    properties = package.properties(timer)
    (event,) = properties["Events"].values()
    assert event == {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}
    assert properties["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_stops_working_well_before_its_time_is_up(package: Package, timer: str) -> None:
    properties = package.properties(timer)
    assert properties["Timeout"] > application.TIMER_SECONDS + PROVIDER_SECONDS
    # Runs of 100 seconds begin every 60, so two at once are needed, and two are enough.
    assert properties["ReservedConcurrentExecutions"] == -(-int(application.TIMER_SECONDS) // 60)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_runs_under_its_own_policy(package: Package, function: str) -> None:
    (logical_name, attribute) = package.properties(function)["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    role = package.properties(logical_name)
    policy_file = ROOT / ".chalice" / f"policy-{FUNCTIONS[function]}.json"
    expected = json.loads(policy_file.read_text(encoding="utf-8"))
    assert [policy["PolicyDocument"] for policy in role["Policies"]] == [expected]
    assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_write_its_own_log_only(package: Package, function: str) -> None:
    policy = json.loads(
        (ROOT / ".chalice" / f"policy-{FUNCTIONS[function]}.json").read_text(encoding="utf-8")
    )
    (log,) = [statement for statement in policy["Statement"] if statement.get("Sid") == "OwnLog"]
    assert log["Resource"]["Fn::Sub"].endswith(f"/aws/lambda/${{AWS::StackName}}-{function}-*")
    groups = [
        resource["Properties"]["LogGroupName"]
        for resource in package.template["Resources"].values()
        if resource["Type"] == "AWS::Logs::LogGroup"
    ]
    assert {"Fn::Sub": f"/aws/lambda/${{{function}}}"} in groups


def test_the_settings_of_a_stage_reach_every_function(package: Package) -> None:
    common = package.template["Globals"]["Function"]["Environment"]["Variables"]
    parameters = package.template["Parameters"]
    for function in FUNCTIONS:
        own = package.properties(function)["Environment"]["Variables"]
        assert own["STAGE"] == package.stage
        assert own["CAPTCHA"] == ("on" if package.stage == "production" else "off")
        assert own["ALLOWED_ORIGINS"] == parameters["AllowedOrigins"]["Default"]
        assert not own.keys() & common.keys()
    assert common["TABLE_PREFIX"] == {"Ref": "TablePrefix"}
    assert all(value["Ref"] in parameters for value in common.values())


def test_no_key_stands_in_the_template(package: Package) -> None:
    names = {"JWT_KEY", "ALIPAY_APP_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", "GEETEST_KEY"}
    text = (package.directory / "sam.json").read_text(encoding="utf-8")
    assert not [name for name in names if f'"{name}"' in text]
    assert "PRIVATE KEY" not in text


def test_every_route_leads_to_the_api_function(package: Package) -> None:
    for path, methods in application.app.routes.items():
        for method in methods:
            integration = package.api["paths"][path][method.lower()][INTEGRATION]
            assert integration["type"] == "aws_proxy", (method, path)
            assert integration["uri"] == integration_uri("APIHandler"), (method, path)


def test_no_path_ends_in_a_slash(package: Package) -> None:
    assert not [path for path in package.api["paths"] if path.endswith("/")]


def test_alipays_post_leads_to_its_own_function_beside_the_browsers_get(package: Package) -> None:
    methods = package.api["paths"]["/trade/alipay"]
    assert methods["get"][INTEGRATION]["uri"] == integration_uri("APIHandler")
    post = methods["post"][INTEGRATION]
    assert post["uri"] == integration_uri("AlipayNotify")
    assert (post["type"], post["httpMethod"]) == ("aws_proxy", "POST")
    assert post["contentHandling"] == "CONVERT_TO_TEXT"


def test_api_gateway_may_call_the_notification_function_for_that_path_only(package: Package) -> None:
    permission = package.properties("AlipayNotifyInvokePermission")
    assert permission["FunctionName"] == {"Ref": "AlipayNotify"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${RestAPI}/*/POST/trade/alipay")


def test_every_path_answers_preflights(package: Package) -> None:
    for path, methods in application.app.routes.items():
        responses = package.api["paths"][path]["options"][INTEGRATION]["responses"]
        headers = {
            name.removeprefix("method.response.header."): value.strip("'")
            for name, value in responses["default"]["responseParameters"].items()
        }
        assert headers["Access-Control-Max-Age"] == "7200", path
        assert headers["Access-Control-Allow-Origin"] == "*", path
        allowed = set(headers["Access-Control-Allow-Headers"].split(","))
        assert {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"} <= allowed, path
        assert set(headers["Access-Control-Allow-Methods"].split(",")) == {*methods, "OPTIONS"}, path


def test_what_api_gateway_answers_by_itself_has_the_envelope_and_the_cors_header(package: Package) -> None:
    responses = package.api["x-amazon-apigateway-gateway-responses"]
    assert {"MISSING_AUTHENTICATION_TOKEN", "UNSUPPORTED_MEDIA_TYPE", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(
        responses
    )
    for name, response in responses.items():
        body = json.loads(response["responseTemplates"]["application/json"])
        assert set(body) == {"code", "msg", "data"}, name
        assert body["code"] == int(response["statusCode"]), name
        origin = response["responseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"]
        assert origin == {"Fn::Sub": "'${AllowedOrigins}'"}, name


def test_the_origin_of_gateway_answers_cannot_differ_from_that_of_preflights(package: Package) -> None:
    parameter = package.template["Parameters"]["AllowedOrigins"]
    assert parameter["AllowedValues"] == [parameter["Default"]]


def test_long_answers_are_compressed(package: Package) -> None:
    assert package.properties("RestAPI")["MinimumCompressionSize"] == config()["minimum_compression_size"]


def test_the_stage_is_named_in_the_template(package: Package) -> None:
    assert package.properties("RestAPI")["StageName"] == "api"
    assert f":stage={package.stage}:" in package.properties("APIHandler")["Tags"]["aws-chalice"]


def test_libraries_lie_in_one_layer_that_all_functions_share(package: Package) -> None:
    assert package.properties("ManagedLayer")["ContentUri"] == "./layer-deployment.zip"
    for function in FUNCTIONS:
        assert package.properties(function)["Layers"] == [{"Ref": "ManagedLayer"}]
        assert package.properties(function)["CodeUri"] == "./deployment.zip"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert package.files("layer-deployment.zip") == [f"python/lib/{version}/site-packages/vendored.py"]


def test_the_functions_code_holds_the_application_and_nothing_local(package: Package) -> None:
    packaged = {name for name in package.files("deployment.zip") if name.endswith(".py")}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chalicelib").rglob("*.py")} | {"app.py"}
    assert ours <= packaged
    assert not [name for name in packaged - ours if not name.startswith("chalice/")]


def test_the_vpc_is_joined_by_the_function_that_needs_redis_and_only_if_there_is_one(
    package: Package,
) -> None:
    network = package.properties("APIHandler")["VpcConfig"]["Fn::If"]
    assert (network[0], network[2]) == ("InVpc", {"Ref": "AWS::NoValue"})
    assert [name for name in FUNCTIONS if "VpcConfig" in package.properties(name)] == ["APIHandler"]
    policy = json.loads((ROOT / ".chalice" / "policy-api_handler.json").read_text(encoding="utf-8"))
    conditional = [statement["Fn::If"] for statement in policy["Statement"] if "Fn::If" in statement]
    assert [(parts[0], parts[2]) for parts in conditional] == [("InVpc", {"Ref": "AWS::NoValue"})]
    assert "ec2:CreateNetworkInterface" in conditional[0][1]["Action"]


BROKEN_PROJECTS = {
    "an application that cannot be imported": ("app.py", "raise RuntimeError('broken')\n"),
    "a package that nobody has": ("requirements.txt", "no-such-package @ file:///nowhere/no-such-package\n"),
    "a policy that is no JSON": (".chalice/policy-api_handler.json", "{"),
}


@pytest.mark.parametrize("broken", BROKEN_PROJECTS)
def test_what_cannot_be_packaged_fails_and_leaves_no_package_of_an_earlier_time(
    broken: str, tmp_path: Path
) -> None:
    copy_of_the_project(tmp_path)
    name, text = BROKEN_PROJECTS[broken]
    (tmp_path / name).write_text(text)
    build = tmp_path / "build"
    build.mkdir()
    for product in PRODUCTS:
        (build / product).write_text("of last week")
    (build / "notes.txt").write_text("somebody's own")

    done = packaging(tmp_path, "dev", "build", "--for-this-python")

    assert done.returncode == 1
    assert "Nothing was packaged." in done.stderr
    assert "sam.json" not in done.stdout
    assert [path.name for path in build.iterdir()] == ["notes.txt"]


def test_the_functions_get_the_runtime_that_is_stated(package: Package) -> None:
    refuse_other_runtime(RUNTIME)
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"  # see the fixture
    assert {package.properties(function)["Runtime"] for function in FUNCTIONS} == {python}


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.14", "python3.1"])
def test_another_python_than_the_runtime_is_refused(python: str) -> None:
    with pytest.raises(NotPackaged, match=re.escape(f"The functions run on {RUNTIME}")):
        refuse_other_runtime(python)


def test_the_program_asks_the_python_that_runs_it(tmp_path: Path) -> None:
    copy_of_the_project(tmp_path)
    program = (tmp_path / "infra" / "package.py").read_text()
    (tmp_path / "infra" / "package.py").write_text(program.replace(f'"{RUNTIME}"', '"python2.7"'))
    done = packaging(tmp_path, "dev", "build")
    assert done.returncode == 1
    assert "The functions run on python2.7" in done.stderr
    assert not (tmp_path / "build").exists()


def test_an_unknown_stage_is_refused() -> None:
    command = [sys.executable, "infra/package.py", "nowhere", "build"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(r"invalid choice: 'nowhere'", done.stderr)
