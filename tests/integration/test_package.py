"""The template that `infra/package.py` makes of the project for every stage."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib import settings
from chalicelib.deadline import PROVIDER_SECONDS
from chalicelib.flows.hold_bills import DAY_SECONDS, HOLD_SECONDS
from chalicelib.gateways.bills import BILL_SECONDS, MAX_BILL_BYTES
from chalicelib.settings import SETTINGS
from chalicelib.web.functions import TIMER_SECONDS
from infra.libraries import MACHINES, build_layer
from infra.package import ARCHITECTURE, PRODUCTS, PYTHON, RUNTIME, NotPackaged
from infra.package import package as make_package
from infra.values import secret_of
from infra.zips import compile_in, write_zip
from localstack.venvs import VenvNotMade
from tests.packaged_functions import handler_of
from tests.packages import (
    FUNCTIONS,
    OURS,
    ROOT,
    Package,
    normal,
    package_of,
    packaged,
    packaging,
    pins,
    python_here,
    runtime_here,
    unpacked,
)

# The first run installs the packaging environment and two layers.
pytestmark = pytest.mark.timeout(600)

STAGES = ("dev", "production")
LAYER_BUDGET = 12_000_000
"""Bytes of the zip."""
TIMERS = ("WorkOffOrders", "SendMessages", "SweepCouponClaims")
API_GATEWAY_SECONDS = 29
LAMBDA_SECONDS = 900
INTEGRATION = "x-amazon-apigateway-integration"


@pytest.fixture(scope="module", params=STAGES)
def package(request: pytest.FixtureRequest) -> Package:
    """A stage, packaged for the processor that is the default."""
    return package_of(request.param)


def integration_uri(function: str) -> dict[str, str]:
    path = "lambda:path/2015-03-31/functions"
    return {
        "Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}/${{{function}Aliaslive}}/invocations"
    }


def config() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return loaded


def test_the_functions_of_the_application_and_no_others_are_packaged(package: Package) -> None:
    handlers = {
        name: resource["Properties"]["Handler"]
        for name, resource in package.template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert handlers == {name: handler_of(function) for name, function in FUNCTIONS.items()}
    assert set(config()["lambda_functions"]) == set(FUNCTIONS.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_the_time_of_the_configuration_and_memory_by_parameter(
    package: Package, function: str
) -> None:
    properties = package.properties(function)
    assert properties["Timeout"] == config()["lambda_functions"][FUNCTIONS[function]]["lambda_timeout"]
    assert package.template["Parameters"][properties["MemorySize"]["Ref"]]["Type"] == "Number"


@pytest.mark.parametrize(
    ("function", "parameter"),
    {
        **dict.fromkeys(["AlipayNotify", "WechatNotify"], "NotificationConcurrency"),
        **dict.fromkeys([*TIMERS, "HoldBills"], "TimerConcurrency"),
    }.items(),
)
def test_a_function_that_nobody_may_starve_has_places_of_its_own_unless_the_account_has_none(
    package: Package, function: str, parameter: str
) -> None:
    condition, places, none = package.properties(function)["ReservedConcurrentExecutions"]["Fn::If"]
    assert (places, none) == ({"Ref": parameter}, {"Ref": "AWS::NoValue"})
    is_none = package.template["Conditions"][condition]
    assert is_none == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, 0]}]}
    assert "ReservedConcurrentExecutions" not in package.properties("APIHandler")


def test_the_api_function_ends_before_api_gateway_gives_up(package: Package) -> None:
    assert package.properties("APIHandler")["Timeout"] <= API_GATEWAY_SECONDS
    assert package.properties("AlipayNotify")["Timeout"] <= API_GATEWAY_SECONDS
    assert package.properties("WechatNotify")["Timeout"] <= 5, "then WeChat Pay gives up"


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_fires_every_minute_and_a_lost_run_is_not_repeated(package: Package, timer: str) -> None:
    properties = package.properties(timer)
    (event,) = properties["Events"].values()
    assert event == {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}
    assert properties["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_bills_are_held_every_two_hours_of_beijings_day_and_its_evening(package: Package) -> None:
    properties = package.properties("HoldBills")
    (event,) = properties["Events"].values()
    assert event == {"Type": "Schedule", "Properties": {"Schedule": "cron(10 2,4,6,8,10,12 * * ? *)"}}
    assert properties["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_the_bills_of_a_day_end_before_the_time_of_their_function_is_up(package: Package) -> None:
    properties = package.properties("HoldBills")
    assert properties["Timeout"] >= HOLD_SECONDS + DAY_SECONDS + BILL_SECONDS
    assert properties["Timeout"] <= LAMBDA_SECONDS
    kept = properties["EphemeralStorage"]["Size"] * 1024 * 1024
    assert kept >= 3 * MAX_BILL_BYTES, "two bills of a day, and one of another, lie there at once"


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_stops_working_well_before_its_time_is_up(package: Package, timer: str) -> None:
    properties = package.properties(timer)
    assert properties["Timeout"] > TIMER_SECONDS + PROVIDER_SECONDS
    # Runs of 100 seconds begin every 60, so two at once are needed, and two are enough.
    at_once = -(-int(TIMER_SECONDS) // 60)
    assert package.template["Parameters"]["TimerConcurrency"]["AllowedValues"] == [0, at_once]


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
def test_a_function_has_a_name_and_a_log_that_are_known_beforehand_and_writes_no_other_log(
    package: Package, function: str
) -> None:
    name, properties = FUNCTIONS[function], package.properties(function)
    assert properties["FunctionName"] == {"Fn::Sub": f"course-shop-${{Stage}}-{name}"}
    group = package.properties(properties["LoggingConfig"]["LogGroup"]["Ref"])
    log_name = f"/course-shop/${{Stage}}/{name}"
    assert group == {"LogGroupName": {"Fn::Sub": log_name}, "RetentionInDays": {"Ref": "LogDays"}}
    policy = json.loads((ROOT / ".chalice" / f"policy-{name}.json").read_text(encoding="utf-8"))
    (log,) = [statement for statement in policy["Statement"] if statement.get("Sid") == "OwnLog"]
    assert log["Resource"]["Fn::Sub"].endswith(f":log-group:{log_name}:*")


def test_logs_are_kept_for_half_a_year_at_least(package: Package) -> None:
    days = package.template["Parameters"]["LogDays"]
    assert min(days["AllowedValues"]) >= 180
    groups = [r for r in package.template["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert len(groups) == len(FUNCTIONS) + 1
    assert {json.dumps(group["Properties"]["RetentionInDays"]) for group in groups} == {'{"Ref": "LogDays"}'}


def test_the_access_log_tells_nothing_about_people(package: Package) -> None:
    logged = package.properties("RestAPI")["AccessLogSetting"]["Format"]
    assert json.loads(logged)["status"] == "$context.status"
    for personal in ("identity", "sourceIp", "userAgent", "authorizer", "$context.path"):
        assert personal not in logged.replace("$context.resourcePath", "")


def test_requests_are_traced_but_in_china_where_lambda_has_no_traces(package: Package) -> None:
    outside = {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]}]}
    assert package.template["Conditions"]["HasTraces"] == outside
    assert package.properties("RestAPI")["TracingEnabled"] == {"Fn::If": ["HasTraces", True, False]}
    for function in FUNCTIONS:
        assert package.properties(function)["Tracing"] == {"Fn::If": ["HasTraces", "Active", "PassThrough"]}


def environment_of(package: Package, function: str) -> dict[str, Any]:
    common = package.template["Globals"]["Function"]["Environment"]["Variables"]
    own = package.properties(function)["Environment"]["Variables"]
    assert not own.keys() & common.keys()
    return {**common, **own}


def named_in(value: Any) -> Iterator[str]:
    """The parameters that a value is made of."""
    match value:
        case {"Ref": name}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)\}", text)
        case {"Fn::Sub": [text, more]}:
            yield from set(re.findall(r"\$\{(\w+)\}", text)) - more.keys()
            for one in more.values():
                yield from named_in(one)
        case {"Fn::Select": [_, {"Fn::Split": [_, one]}]}:
            yield from named_in(one)


def test_the_settings_of_a_stage_reach_every_function(package: Package) -> None:
    for function in FUNCTIONS:
        environment = environment_of(package, function)
        assert environment["STAGE"] == package.stage
        assert environment["CAPTCHA"] == ("on" if package.stage == "production" else "off")
        assert environment["ALLOWED_ORIGINS"] == package.template["Parameters"]["AllowedOrigins"]["Default"]
        made = [value for value in environment.values() if isinstance(value, dict)]
        names = {name for value in made for name in named_in(value)}
        assert names <= package.template["Parameters"].keys()


ENVIRONMENT_BYTES = 4096
"""Lambda's limit for the names and values of a function's variables."""
PREFIX, SUFFIX = len("arn:aws-cn:secretsmanager:cn-northwest-1:123456789012:secret:"), 20
"""How long what stands before a secret's name in its ARN may be, and what CloudFormation and Secrets Manager append."""
LONGEST_VERSION, LONGEST_ADDRESS, LONGEST = 3 + 36, 100, 64
"""How long the version of a secret may be, as AWS's tools make them, an address, and any other value."""


def longest(name: str, value: Any, parameters: dict[str, Any]) -> int:
    """How many bytes the value of a variable may take."""
    if isinstance(value, str):
        return len(value)
    if name.endswith("_ARN"):
        of_secret = len(secret_of(value)) + SUFFIX + LONGEST_VERSION
        return of_secret + (PREFIX if isinstance(value["Fn::Sub"], str) else 0)
    if name == "SECRETS_PREFIX":
        return PREFIX
    if choices := parameters.get(value.get("Ref", ""), {}).get("AllowedValues"):
        return max(map(len, choices))
    return LONGEST_ADDRESS if name.endswith("_URL") else LONGEST


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_is_told_fits_into_its_environment(package: Package, function: str) -> None:
    parameters = package.template["Parameters"]
    size = sum(
        len(name) + longest(name, value, parameters)
        for name, value in environment_of(package, function).items()
    )
    assert size < ENVIRONMENT_BYTES * 7 / 8


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_gets_the_settings_that_it_reads_and_the_secrets_of_no_other(
    package: Package, function: str
) -> None:
    reads = settings.FUNCTIONS[FUNCTIONS[function]]
    environment = environment_of(package, function)
    secrets = {name for name in SETTINGS if SETTINGS[name].is_secret and f"{name}_ARN" in environment}
    assert secrets == {name for name in reads if SETTINGS[name].is_secret}
    assert not [name for name in SETTINGS if SETTINGS[name].is_secret and name in environment]
    for name in reads:
        if SETTINGS[name].default is None and not SETTINGS[name].is_secret:
            assert name in environment, "what has no default must be given"
    of_the_stage = {"STAGE", "CAPTCHA", "ALLOWED_ORIGINS", "SECRETS_PREFIX"}
    assert {name.removesuffix("_ARN") for name in environment} <= reads | of_the_stage


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_read_the_secrets_that_it_is_given_and_no_others(
    package: Package, function: str
) -> None:
    policy = json.loads(
        (ROOT / ".chalice" / f"policy-{FUNCTIONS[function]}.json").read_text(encoding="utf-8")
    )
    statements = [statement for statement in policy["Statement"] if statement.get("Sid") == "Secrets"]
    readable = [resource["Ref"] for statement in statements for resource in statement["Resource"]]
    given = {
        name: value for name, value in environment_of(package, function).items() if name.endswith("_ARN")
    }
    # Each is told of one version: whoever goes back to the versions of before gets the keys of before.
    assert sorted(f"{secret_of(value)}Arn" for value in given.values()) == sorted(readable)
    for value in given.values():
        secret, text = secret_of(value), value["Fn::Sub"]
        split = {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": f"{secret}Arn"}]}]}
        assert text in (
            f"${{{secret}Arn}}:::${{{secret}Version}}",
            [f"${{Name}}:::${{{secret}Version}}", {"Name": split}],
        )
    assert all(statement["Action"] == "secretsmanager:GetSecretValue" for statement in statements)


def test_no_key_stands_in_the_template(package: Package) -> None:
    names = {
        "JWT_KEY",
        "CONTACT_KEY",
        "ALIPAY_APP_PRIVATE_KEY",
        "ALIPAY_PUBLIC_KEY",
        "GEETEST_KEY",
        "MAIL_URL",
    }
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


@pytest.mark.parametrize("path", ["/trade/wechat", "/trade/wechat/refund"])
def test_wechats_posts_lead_to_its_own_function(package: Package, path: str) -> None:
    post = package.api["paths"][path]["post"][INTEGRATION]
    assert post["uri"] == integration_uri("WechatNotify")
    assert (post["type"], post["httpMethod"]) == ("aws_proxy", "POST")
    assert post["contentHandling"] == "CONVERT_TO_TEXT"


@pytest.mark.parametrize(
    ("permission", "function", "path"),
    [
        ("AlipayNotifyInvokePermission", "AlipayNotify", "alipay"),
        ("WechatNotifyInvokePermission", "WechatNotify", "wechat"),
        ("WechatNotifyInvokePermissionForRefunds", "WechatNotify", "wechat/refund"),
    ],
)
def test_api_gateway_may_call_a_notification_function_for_its_path_only(
    package: Package, permission: str, function: str, path: str
) -> None:
    allowed = package.properties(permission)
    assert allowed["FunctionName"] == {"Ref": f"{function}Aliaslive"}
    assert allowed["Principal"] == "apigateway.amazonaws.com"
    assert allowed["SourceArn"]["Fn::Sub"].endswith(f":${{RestAPI}}/*/POST/trade/{path}")


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


def test_the_functions_code_holds_what_they_run_and_nothing_else(package: Package) -> None:
    packaged = {name for name in package.files("deployment.zip") if name.endswith(".py")}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chalicelib").rglob("*.py")}
    expected = {name for name in ours if not name.startswith("chalicelib/manage/")} | {"app.py"}
    assert expected < ours | {"app.py"}
    assert {name for name in packaged if not name.startswith("chalice/")} == expected


def test_the_vpc_is_joined_by_the_function_that_needs_redis_and_only_if_there_is_one(
    package: Package,
) -> None:
    network = package.properties("APIHandler")["VpcConfig"]["Fn::If"]
    assert (network[0], network[2]) == ("InVpc", {"Ref": "AWS::NoValue"})
    assert [name for name in FUNCTIONS if "VpcConfig" in package.properties(name)] == ["APIHandler"]
    policy = json.loads((ROOT / ".chalice" / "policy-api_handler.json").read_text(encoding="utf-8"))
    conditional = [
        statement["Fn::If"]
        for statement in policy["Statement"]
        if "Fn::If" in statement and statement["Fn::If"][0] == "InVpc"
    ]
    assert [parts[2] for parts in conditional] == [{"Ref": "AWS::NoValue"}] * 2
    allowed, denied = (parts[1] for parts in conditional)
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert "ec2:CreateNetworkInterface" in allowed["Action"]
    # Lambda needs them, the function's own code does not.
    assert denied["Action"] == allowed["Action"]
    (itself,) = denied["Condition"]["ArnEquals"].values()
    name = package.properties("APIHandler")["FunctionName"]["Fn::Sub"]
    assert itself["Fn::Sub"].endswith(f":function:{name}")


def copy_of_the_project(project: Path) -> None:
    """A copy to break, with the environment and layers of the real one."""
    for name in (".chalice", "chalicelib", "infra"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "localstack").mkdir()
    for name in ("app.py", "requirements.txt", "localstack/processes.py", "localstack/venvs.py"):
        shutil.copy(ROOT / name, project / name)


BROKEN_PROJECTS = {
    "an application that cannot be imported": ("app.py", "raise RuntimeError('broken')\n", "broken"),
    "a module that cannot be compiled": ("chalicelib/flows/unread.py", "def\n", "SyntaxError"),
    "a policy that is no JSON": (".chalice/policy-api_handler.json", "{", "Expecting property name"),
    "a library without its hash": ("infra/libraries.lock", "six==1.17.0\n", "--require-hashes"),
}


@pytest.mark.parametrize("broken", BROKEN_PROJECTS)
def test_what_cannot_be_packaged_fails_and_leaves_no_package_of_an_earlier_time(
    broken: str, tmp_path: Path
) -> None:
    packaged("dev", ARCHITECTURE)  # so that the environment is there
    copy_of_the_project(tmp_path)
    name, text, reason = BROKEN_PROJECTS[broken]
    (tmp_path / name).write_text(text)
    (tmp_path / "build").symlink_to(ROOT / "build")
    out = tmp_path / "out"
    out.mkdir()
    for product in PRODUCTS:
        (out / product).write_text("of last week")
    (out / "notes.txt").write_text("somebody's own")

    done = packaging(tmp_path, "dev", "out")

    assert done.returncode == 1
    assert "Nothing was packaged." in done.stderr
    assert reason in done.stderr
    assert "sam.json" not in done.stdout
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_a_library_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "shop_test-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("shop_test.py", "")
        archive.writestr(
            "shop_test-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: shop-test\nVersion: 1.0\n"
        )
        archive.writestr("shop_test-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("shop_test-1.0.dist-info/RECORD", "")
    genuine = hashlib.sha256(wheel.read_bytes()).hexdigest()
    python, lock = packaging_python(), tmp_path / "a.lock"

    lock.write_text(f"shop-test @ file://{wheel} --hash=sha256:{genuine}\n")
    with zipfile.ZipFile(build_layer(ARCHITECTURE, python, python_here(), lock, tmp_path)) as layer:
        assert [name for name in layer.namelist() if name.endswith("/shop_test.py")]

    lock.write_text(f"shop-test @ file://{wheel} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(VenvNotMade, match="DO NOT MATCH THE HASHES"):
        build_layer(ARCHITECTURE, python, python_here(), lock, tmp_path)


def packaging_python() -> Path:
    packaged("dev", ARCHITECTURE)
    (venv,) = (ROOT / "build" / "venvs").glob(f"packaging-{python_here()}-*")
    return venv / "bin" / "python"


def test_the_packages_are_those_of_the_runtime_that_is_stated(package: Package) -> None:
    runtimes = {package.properties(function)["Runtime"] for function in FUNCTIONS}
    assert runtimes == {runtime_here()}
    if python_here() != PYTHON:
        pytest.skip(f"Python {PYTHON} is missing here: the packages were made and looked at for {OURS}")
    assert runtimes == {RUNTIME}


def test_a_python_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotPackaged, match=re.escape("Python 3.99 with its venv module is missing")):
        make_package("dev", tmp_path, version="3.99")


@pytest.mark.parametrize("architecture", sorted(MACHINES))
def test_libraries_are_for_the_processor_that_the_functions_ask_for(
    architecture: str, tmp_path: Path
) -> None:
    directory = packaged("dev", architecture)
    template = json.loads((directory / "sam.json").read_text(encoding="utf-8"))
    for function in FUNCTIONS:
        assert template["Resources"][function]["Properties"]["Architectures"] == [architecture]
    layer = unpacked(directory / "layer-deployment.zip", tmp_path)
    machines = {file.read_bytes()[18:20] for file in layer.rglob("*.so")}
    assert machines == {{"arm64": b"\xb7\x00", "x86_64": b"\x3e\x00"}[architecture]}  # e_machine of ELF


@pytest.mark.parametrize("architecture", sorted(MACHINES))
def test_the_layer_stays_within_its_budget(architecture: str) -> None:
    assert (packaged("dev", architecture) / "layer-deployment.zip").stat().st_size <= LAYER_BUDGET


def test_the_layer_holds_what_the_lock_names_and_no_more(package: Package) -> None:
    names = package.files("layer-deployment.zip")
    inside = f"python/lib/python{python_here()}/site-packages/"
    assert all(name.startswith(inside) for name in names)
    notes = [name.removeprefix(inside) for name in names if name.endswith(".dist-info/METADATA")]
    parts = [note.removesuffix(".dist-info/METADATA").partition("-") for note in notes]
    assert {normal(name): version for name, _, version in parts} == pins("infra/libraries.lock")
    assert not [name for name in names if re.search("cryptography|OpenSSL|SelfTest|/bin/", name)]


def test_botocore_brings_no_descriptions_of_services(package: Package) -> None:
    data = [name for name in package.files("layer-deployment.zip") if "/botocore/data/" in name]
    assert "partitions.json" in {name.rpartition("/")[2] for name in data}
    assert not [name for name in data if name.partition("/botocore/data/")[2].count("/")]


@pytest.mark.parametrize("name", ["deployment.zip", "layer-deployment.zip"])
def test_every_module_is_compiled_and_taken_without_a_look_at_its_source(package: Package, name: str) -> None:
    with zipfile.ZipFile(package.directory / name) as archive:
        modules = {entry for entry in archive.namelist() if entry.endswith(".py")}
        tag = f".cpython-{python_here().replace('.', '')}.pyc"
        compiled = {entry for entry in archive.namelist() if entry.endswith(".pyc")}
        assert compiled == {re.sub(r"([^/]+)\.py$", rf"__pycache__/\1{tag}", entry) for entry in modules}
        for entry in compiled:
            assert archive.read(entry)[4:8] == b"\x01\0\0\0", entry  # PEP 552: by hash, unchecked


def test_traces_name_the_places_of_lambda(package: Package) -> None:
    packages = f"python/lib/python{python_here()}/site-packages/"
    for name, folder, module, place in (
        ("deployment.zip", "", "app", "/var/task/"),
        ("layer-deployment.zip", packages, "six", "/opt/"),
    ):
        compiled = f"{folder}__pycache__/{module}.cpython-{python_here().replace('.', '')}.pyc"
        with zipfile.ZipFile(package.directory / name) as archive:
            assert f"{place}{folder}{module}.py".encode() in archive.read(compiled)


def test_two_builds_of_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    once = packaged("dev", ARCHITECTURE)
    done = packaging(ROOT, "dev", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    for product in PRODUCTS:
        assert (tmp_path / "again" / product).read_bytes() == (once / product).read_bytes(), product


def test_a_layer_compiled_again_is_the_same_bytes(tmp_path: Path) -> None:
    """The layer above comes from `build/`; what pip installs is fixed by the hashes."""
    layer = packaged("dev", ARCHITECTURE) / "layer-deployment.zip"
    folder = unpacked(layer, tmp_path / "layer")
    for compiled in folder.rglob("*.pyc"):
        compiled.unlink()
    compile_in(folder, packaging_python(), "/opt")
    write_zip(folder, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == layer.read_bytes()


def test_an_unknown_stage_is_refused() -> None:
    done = packaging(ROOT, "nowhere", "build")
    assert done.returncode == 2
    assert re.search(r"invalid choice: 'nowhere'", done.stderr)
