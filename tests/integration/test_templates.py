"""The templates of `infra/` that are deployed as they stand, and what they tell each other. That of the application is
made first: see `test_app_template.py`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import IN_DYNAMODB, NOTHING
from infra.front import configure, uploads
from infra.values import read_by, written_by
from localstack.front_files import A_DAY, ASK_FIRST, FOR_EVER, NEVER
from localstack.static_site import API_BELOW, POLYV_PLAYER, Site

INFRA = Path(__file__).parents[2] / "infra"
STAGE = "dev"
IN_ORDER = ("network", "stores", "secrets", "edge", "front")
"""The stacks of a stage, as they are deployed. A stack reads only what an earlier one has written."""
ALONE = ("account", "front-certificate", "watch")
"""Stacks that belong to no stage, or stand in another region, or come after the application."""
INLINE_BYTES = 51_200


def template(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((INFRA / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def properties(name: str, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = template(name)["Resources"][resource]["Properties"]
    return found


CHINA = "cn-north-1"
"""A region that lacks what CloudFront has elsewhere: that is in stacks of its own."""


def test_the_templates_are_valid_cloudformation() -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    elsewhere = ("front", "front-certificate")
    everywhere = [name for name in (*IN_ORDER, *ALONE) if name not in elsewhere]
    for names, regions in ((everywhere, ["us-east-1", CHINA]), (elsewhere, ["us-east-1"])):
        paths = [str(INFRA / f"{name}.json") for name in names]
        # W1030 asks patterns to be as wide as AWS's own; ours are narrower with intent.
        command = [str(linter), "--ignore-checks", "W1030", "--regions", *regions, "--template", *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("name", IN_ORDER)
def test_a_value_that_a_stack_reads_is_written_by_one_that_is_deployed_before(name: str) -> None:
    before = IN_ORDER[: IN_ORDER.index(name)]
    written = {value for other in before for value in written_by(template(other), STAGE)}
    assert set(read_by(template(name), STAGE).values()) <= written


def test_no_value_is_written_by_two_stacks() -> None:
    written = Counter(value for name in IN_ORDER for value in written_by(template(name), STAGE))
    assert written
    assert set(written.values()) == {1}


@pytest.mark.parametrize("name", ["network", "secrets", "edge"])
def test_every_value_is_written_below_the_stage(name: str) -> None:
    for value in written_by(template(name), STAGE):
        assert value.startswith(f"/course-shop/{STAGE}/")


def test_a_parameter_is_given_the_name_of_the_value_that_it_reads() -> None:
    reading = {
        "Parameters": {
            "Stage": {"Type": "String"},
            "RedisUrlArn": {"Type": "AWS::SSM::Parameter::Value<String>"},
            "SubnetIds": {"Type": "AWS::SSM::Parameter::Value<List<String>>"},
        }
    }
    assert read_by(reading, "dev") == {
        "RedisUrlArn": "/course-shop/dev/redis-url-arn",
        "SubnetIds": "/course-shop/dev/subnet-ids",
    }


@pytest.mark.parametrize("name", [*IN_ORDER, *ALONE])
def test_a_template_fits_into_a_call(name: str) -> None:
    assert len((INFRA / f"{name}.json").read_bytes()) <= INLINE_BYTES


def test_no_secret_has_a_value_in_a_template() -> None:
    for name in IN_ORDER:
        for resource in template(name)["Resources"].values():
            if resource["Type"] != "AWS::SecretsManager::Secret":
                continue
            text = json.dumps(resource["Properties"].get("SecretString", ""))
            # Where there is no Redis, or nothing of some sort, the shop needs to be told so in the same place.
            is_none = text == f'"{NOTHING}"' or f'"{IN_DYNAMODB}"' in text
            assert text == '""' or "{{resolve:secretsmanager:" in text or is_none


def test_without_redis_in_aws_there_is_no_network_to_pay_for() -> None:
    network = template("network")
    free = {"AWS::SSM::Parameter"}
    bare = {
        name
        for name, resource in network["Resources"].items()
        if "Condition" not in resource and resource["Type"] not in free
    }
    assert bare == set()
    assert network["Resources"]["RedisUrlElsewhere"]["Condition"] == "HasNoNetwork"
    assert network["Conditions"]["HasNoNetwork"] == {"Fn::Not": [{"Condition": "HasNetwork"}]}


def test_restored_tables_are_taken_into_a_stack_as_the_readme_says() -> None:
    stores = template("stores")
    # An import adds tables and nothing else, and only such as the stack will not delete.
    assert stores.keys() == {"AWSTemplateFormatVersion", "Description", "Parameters", "Resources"}
    assert {table["DeletionPolicy"] for table in stores["Resources"].values()} == {"Retain"}
    text = (INFRA / "README.md").read_text(encoding="utf-8")
    [told] = re.findall(r"--resources-to-import '(.+?)'", text, re.DOTALL)
    wanted = [
        {
            "ResourceType": table["Type"],
            "LogicalResourceId": name,
            "ResourceIdentifier": {
                "TableName": table["Properties"]["TableName"]["Fn::Sub"].replace(
                    "${TablePrefix}", "restored-"
                )
            },
        }
        for name, table in stores["Resources"].items()
    ]
    assert sorted(json.loads(told), key=str) == sorted(wanted, key=str)
    ttl = stores["Resources"]["UsersTable"]["Properties"]["TimeToLiveSpecification"]
    assert f"AttributeName={ttl['AttributeName']},Enabled=true" in text


# The edge


def run_at_the_edge(function: str, uri: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """A CloudFront function's request for this one, run by Node.js."""
    (newline, lines) = properties("front", function)["FunctionCode"]["Fn::Join"]
    event = {"request": {"uri": uri, "headers": headers or {}}, "viewer": {"ip": "192.0.2.7"}}
    program = f"{newline.join(lines)}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    request: dict[str, Any] = json.loads(done.stdout)
    return request


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "/index.html"),
        ("/courses/12", "/index.html"),
        ("/courses/12/", "/index.html"),
        ("/v1.2/about", "/index.html"),
        ("/assets/index-Bx1.js", "/assets/index-Bx1.js"),
        ("/assets/gone-Bx1.js", "/assets/gone-Bx1.js"),
        ("/config.json", "/config.json"),
    ],
)
def test_an_address_without_extension_is_a_page(path: str, file: str) -> None:
    assert run_at_the_edge("PageAddresses", path)["uri"] == file


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (f"{API_BELOW}/courses", "/courses"),
        (f"{API_BELOW}/", "/"),
        (API_BELOW, "/"),
        (f"{API_BELOW}/a{API_BELOW}/b", f"/a{API_BELOW}/b"),
        (f"{API_BELOW}s/x", f"{API_BELOW}s/x"),
    ],
)
def test_the_api_is_asked_without_the_path_below_which_it_lies(path: str, asked: str) -> None:
    assert run_at_the_edge("ApiAddresses", path)["uri"] == asked


def test_no_viewer_can_say_who_it_is() -> None:
    made_up = {"x-shop-viewer": {"value": "203.0.113.9"}, "accept": {"value": "*/*"}}
    headers = run_at_the_edge("ApiAddresses", f"{API_BELOW}/login", made_up)["headers"]
    assert headers == {"x-shop-viewer": {"value": "192.0.2.7"}, "accept": {"value": "*/*"}}


def test_the_path_below_which_the_api_lies_leads_to_the_api_and_is_kept_as_it_says() -> None:
    site = properties("front", "FrontSite")["DistributionConfig"]
    (behaviour,) = site["CacheBehaviors"]
    assert behaviour["PathPattern"] == f"{API_BELOW}/*"
    assert behaviour["CachePolicyId"] == {"Ref": "KeptAsTheApiSays"}
    kept = properties("front", "KeptAsTheApiSays")["CachePolicyConfig"]
    assert (kept["MinTTL"], kept["DefaultTTL"]) == (0, 0)
    key = kept["ParametersInCacheKeyAndForwardedToOrigin"]
    # What an answer differs by: the caller, the page's origin, the query (see `_for_caches` and `ShopCors`).
    assert set(key["HeadersConfig"]["Headers"]) == {"Authorization", "Origin"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    refusals = {answer["ErrorCode"]: answer["ErrorCachingMinTTL"] for answer in site["CustomErrorResponses"]}
    # The statuses that CloudFront keeps for ten seconds unless told otherwise.
    assert refusals == dict.fromkeys((400, 403, 404, 405, 414, 500, 501, 502, 503, 504), 0)


def test_the_pages_headers_are_those_of_the_local_site() -> None:
    given = properties("front", "PageHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    joined = given["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Join"]
    rules = [rule if isinstance(rule, str) else rule["Fn::Sub"] for rule in joined[1]]
    policy = joined[0].join(rules).replace("${ApiDomainName}", "api.school.example")
    site = Site(
        Path(),
        api_url="https://api.school.example",
        api_port=1,
        api_address="https://api.school.example",
        captcha_script="https://static.geetest.com/static/js/gt.0.5.0.js",
        video_player=POLYV_PLAYER,
    )
    assert by_rule(policy) == by_rule(site.content_security_policy())
    assert given["ReferrerPolicy"]["ReferrerPolicy"] == "strict-origin-when-cross-origin"
    assert "ContentTypeOptions" in given


def by_rule(policy: str) -> dict[str, set[str]]:
    return {name: set(values) for name, *values in map(str.split, policy.split(";"))}


def test_the_web_acl_refuses_large_bodies_and_too_many_requests_of_an_address() -> None:
    rules = properties("edge", "ApiAcl")["Rules"]
    assert all(rule["Action"] == {"Block": {}} for rule in rules)
    (size,) = [one for rule in rules if (one := rule["Statement"].get("SizeConstraintStatement"))]
    assert (size["ComparisonOperator"], size["Size"]) == ("GT", 16 * 1024)
    assert size["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}, (
        "what is too large to be read whole"
    )
    limits = {rule["Name"]: one for rule in rules if (one := rule["Statement"].get("RateBasedStatement"))}
    assert {name: one["Limit"]["Ref"] for name, one in limits.items()} == {
        "too-many-notices": "NoticesOfAnAddress",
        "too-many-of-a-viewer": "RequestsOfAnAddress",
        "too-many-of-an-address": "RequestsOfAnAddress",
    }
    assert all(one["AggregateKeyType"] in ("IP", "FORWARDED_IP") for one in limits.values())


def test_the_web_acl_takes_a_viewers_word_from_cloudfront_only() -> None:
    rules = {rule["Name"]: rule["Statement"] for rule in properties("edge", "ApiAcl")["Rules"]}
    from_cloudfront = rules["too-many-of-a-viewer"]["RateBasedStatement"]["ScopeDownStatement"]
    proof = from_cloudfront["ByteMatchStatement"]
    origins = properties("front", "FrontSite")["DistributionConfig"]["Origins"]
    (sent,) = next(origin for origin in origins if origin["Id"] == "api")["OriginCustomHeaders"]
    assert (proof["FieldToMatch"], proof["PositionalConstraint"]) == (
        {"SingleHeader": {"Name": sent["HeaderName"]}},
        "EXACTLY",
    )
    assert proof["SearchString"] == {"Fn::Sub": "{{resolve:secretsmanager:${EdgeKey}}}"}
    assert sent["HeaderValue"] == {"Fn::Sub": "{{resolve:secretsmanager:${EdgeKeyArn}}}"}
    assert properties("edge", "EdgeKeyArnParameter")["Value"] == {"Ref": "EdgeKey"}
    others = rules["too-many-of-an-address"]["RateBasedStatement"]["ScopeDownStatement"]
    assert from_cloudfront in others["NotStatement"]["Statement"]["OrStatement"]["Statements"]


def test_the_fronts_files_are_kept_as_long_as_the_local_site_says(tmp_path: Path) -> None:
    for name in (
        "index.html",
        "config.json",
        "favicon.svg",
        ".hidden",
        "assets/index-Bx1.js",
        "assets/index-Bx1.js.br",
        "assets/index-Bx1.js.gz",
        "images/logo.png",
        "texts/about.md",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = [(upload.key, upload.cache_control) for upload in uploads(tmp_path)]
    assert sorted(found) == [
        ("assets/index-Bx1.js", FOR_EVER),
        ("config.json", NEVER),
        ("favicon.svg", ASK_FIRST),
        ("images/logo.png", A_DAY),
        ("index.html", ASK_FIRST),
        ("texts/about.md", NEVER),
    ]
    # A page never names a file that is not there yet.
    assert found[-1][0] == "index.html"


@pytest.mark.parametrize(
    ("settings", "captcha"),
    [
        ({"CAPTCHA": "off", "GEETEST_VERSION": "3"}, {"state": "off", "version": "3", "script": ""}),
        (
            {"CAPTCHA": "on", "GEETEST_VERSION": "4"},
            {"state": "on", "version": "4", "script": "https://static.geetest.com/v4/gt4.js"},
        ),
    ],
)
def test_the_fronts_settings_are_those_of_the_functions_whatever_the_schools_file_says(
    settings: dict[str, str], captcha: dict[str, str], tmp_path: Path
) -> None:
    own = json.loads((INFRA.parent / "spa" / "public" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(own), encoding="utf-8")
    configure(tmp_path, settings)
    deployed = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert deployed.keys() == own.keys()
    assert deployed == own | {"api": {"address": API_BELOW}, "captcha": captcha, "apiPage": None}
