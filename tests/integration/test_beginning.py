"""Whether new functions could begin is asked before a release goes up: with the very settings that they would get."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra import values
from infra.beginning import refuse_unfit_settings
from infra.pins import pinned
from infra.stacks import NotDeployed
from tests.keys import ALIPAY, APP, MERCHANT, WECHAT
from tests.packages import Package, package_of, pins

pytestmark = pytest.mark.timeout(600)  # the first run installs the packaging environment

ROOT = Path(__file__).parents[2]
STAGE = "production"
KEYS = {
    "jwt-key": "0123456789abcdefghijklmnopqrstuvwxyz",
    "contact-key": "0123456789abcdefghijklmnopqrstuvwxyz",
    "edge-key": "0123456789abcdefghijklmnopqrstuvwxyz",
    "redis-url": "rediss://shop:a-password@redis.example:6379/0",
    "geetest-key": "fedcba9876543210",
    "alipay-app-private-key": APP.private_pem,
    "alipay-public-key": ALIPAY.public_pem,
    "wechat-mch-private-key": MERCHANT.private_pem,
    "wechat-public-key": WECHAT.public_pem,
    "wechat-platform-certificate": "none",
    "wechat-api-v3-key": "0123456789abcdefghijABCDEFGHIJ01",
    "wechat-app-secret": "0123456789abcdef0123456789abcdef",
    "polyv-secret-key": "7UagtQOq2A",
    "sms-access-key-secret": "0123456789abcdefghijABCDEFGHIJ",
    "mail-url": "smtps://post:a-password@smtp.school.example",
}
VALUES = {
    "api-url": "https://api.school.example",
    "shop-url": "https://www.school.example",
    "api-domain-name": "api.school.example",
    "web-acl-arn": "none",
    "subnet-ids": "none",
    "security-group-ids": "none",
}
PARAMETERS = {
    "TablePrefix": "course-shop-production-",
    "AlipayAppId": "2021000000000000",
    "AlipaySellerId": "2088000000000000",
    "WechatAppId": "wx0000000000000001",
    "WechatMchId": "1900000001",
    "WechatMchSerial": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
    "WechatPublicKeyId": "PUB_KEY_ID_0119000000010001",
    "GeetestId": "0123456789abcdef0123456789abcdef",
    "PolyvUserId": "e2e84a7383",
    "SmsAccessKeyId": "LTAI5tExample0001",
    "SmsSignName": "云课堂",
    "MailFrom": "no-reply@school.example",
}


class Account:
    """Secrets Manager and SSM parameters of an account with one stage; `keys` are what the secrets hold by now."""

    def __init__(self, **keys: str) -> None:
        self.has_wechat = True
        self.held = {name: [text] for name, text in KEYS.items()}
        for name, text in keys.items():
            self.held[name.replace("_", "-")].append(text)

    def __call__(self, service: str) -> Account:
        return self

    def get_parameter(self, **asked: str) -> dict[str, Any]:
        name = asked["Name"].removeprefix(f"/course-shop/{STAGE}/")
        if name.startswith("wechat") and not self.has_wechat:
            return {"Parameter": {"Value": arn_of("none-arn").removesuffix("-AbCdEf")}}
        return {"Parameter": {"Value": VALUES.get(name) or arn_of(name)}}

    def describe_secret(self, **asked: str) -> dict[str, Any]:
        count = len(self.held[name_of(asked["SecretId"])])
        labels = {count: ["AWSCURRENT"], count - 1: ["AWSPREVIOUS"]}
        return (
            {"VersionIdsToStages": {str(n): labels.get(n, []) for n in range(1, count + 1)}} if count else {}
        )

    def get_secret_value(self, **asked: str) -> dict[str, Any]:
        if asked["SecretId"].endswith(":secret:none"):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        versions = self.held[name_of(asked["SecretId"])]
        if not versions:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {
            "SecretString": versions[int(asked["VersionId"]) - 1] if "VersionId" in asked else versions[-1]
        }


def arn_of(parameter: str) -> str:
    secret = parameter.removesuffix("-arn")
    return f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{secret}-AbCdEf"


def name_of(arn: str) -> str:
    found = re.fullmatch(r"arn:aws:secretsmanager:eu-central-1:123456789012:secret:(.*)-AbCdEf", arn)
    assert found, arn
    return found[1]


@pytest.fixture(scope="module")
def package() -> Package:
    return package_of(STAGE)


def problems(package: Package, account: Account, **changed: str) -> list[str]:
    parameters = PARAMETERS | values.read_by(package.template, STAGE) | changed
    parameters |= pinned(package.template, STAGE, account)
    try:
        refuse_unfit_settings(package.template, parameters, STAGE, account)
    except NotDeployed as refused:
        return [line.strip() for line in str(refused).splitlines()[1:]]
    return []


def test_each_secret_that_the_functions_read_is_pinned_to_what_is_current(package: Package) -> None:
    names = {f"{''.join(word.title() for word in name.split('-'))}Version" for name in KEYS}
    assert pinned(package.template, STAGE, Account()) == dict.fromkeys(names, "1")
    changed = pinned(package.template, STAGE, Account(jwt_key="another", geetest_key="another"))
    assert changed == dict.fromkeys(names, "1") | {"JwtKeyVersion": "2", "GeetestKeyVersion": "2"}
    empty = Account()
    empty.held["geetest-key"] = []
    assert pinned(package.template, STAGE, empty)["GeetestKeyVersion"] == ""


def test_a_release_with_which_all_functions_can_begin_is_let_through(package: Package) -> None:
    assert problems(package, Account()) == []


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("JWT_KEY", "hidden", "a secret of at least 32 bytes"),
        ("CONTACT_KEY", "hidden", "a secret of at least 32 bytes"),
        ("EDGE_KEY", "\n", "a value: its secret is blank"),
        ("REDIS_URL", "redis://hidden:6379/0", "an address that begins with rediss://"),
        ("GEETEST_KEY", "hidden", "the key that Geetest gave out"),
        ("ALIPAY_APP_PRIVATE_KEY", "hidden" * 99, "an RSA key"),
        ("ALIPAY_PUBLIC_KEY", APP.public_pem, "Alipay's public key, not the app's own"),
        ("WECHAT_MCH_PRIVATE_KEY", MERCHANT.public_pem, "an RSA key"),
        ("WECHAT_PUBLIC_KEY", MERCHANT.public_pem, "what WeChat Pay signs with, not the merchant's own"),
        ("WECHAT_PLATFORM_CERTIFICATE", WECHAT.public_pem, "an X.509 certificate"),
        ("WECHAT_APP_SECRET", "hidden", "the secret that WeChat gave out"),
    ],
)
def test_a_key_that_does_not_fit_is_named_once_and_not_shown(
    package: Package, key: str, text: str, expected: str
) -> None:
    found = problems(package, Account(**{key.lower(): text}))
    assert len(found) == 1
    assert found[0].startswith(f"{key} should be {expected}")
    assert "hidden" not in found[0]


def test_every_function_is_looked_at(package: Package) -> None:
    account = Account(jwt_key="short", alipay_public_key="none")
    assert len(problems(package, account)) == 2, "the API's first, and that of those which have no such key"
    assert problems(package, Account(), AlipayGatewayUrl="http://alipay.example")[0].startswith(
        "ALIPAY_GATEWAY_URL should be an address that begins with https://"
    )


def test_a_stage_without_wechat_pay_has_no_secrets_for_it(package: Package) -> None:
    account = Account()
    account.has_wechat = False
    versions = pinned(package.template, STAGE, account)
    assert {versions[name] for name in versions if name.startswith("Wechat")} == {""}
    nothing = dict.fromkeys(("WechatAppId", "WechatMchId", "WechatMchSerial", "WechatPublicKeyId"), "")
    assert problems(package, account, **nothing) == []
    found = problems(package, account)
    assert found[0].startswith("WECHAT_MCH_PRIVATE_KEY_ARN should be the ARN of a secret that can be read")


def test_a_stage_has_all_ids_of_wechat_pay_or_none(package: Package) -> None:
    assert [one.partition(" should be")[0] for one in problems(package, Account(), WechatMchSerial="")] == [
        "WECHAT_MCH_SERIAL"
    ]
    assert problems(package, Account(), WechatAppId="")[0].startswith("WECHAT_APP_ID should be")


def test_a_secret_that_holds_nothing_is_named(package: Package) -> None:
    account = Account()
    account.held["alipay-public-key"] = []
    (found,) = problems(package, account)
    assert found.startswith("ALIPAY_PUBLIC_KEY_ARN should be")
    assert "ResourceNotFoundException" in found


def with_its_own(distribution: str) -> set[str]:
    """A library and the libraries that it always brings."""
    needed = [Requirement(text) for text in requires(distribution) or []]
    brought = (
        with_its_own(each.name) for each in needed if not each.marker or each.marker.evaluate({"extra": ""})
    )
    return {canonicalize_name(distribution)}.union(*brought)


def test_the_deploying_program_needs_only_what_its_environment_has() -> None:
    """Its environment has what `infra/deploy.txt` lists, in the versions that the functions have."""
    listed = pins("infra/deploy.txt")
    has = set[str]().union(*map(with_its_own, listed))
    others = [
        name for name, of in packages_distributions().items() if not has & set(map(canonicalize_name, of))
    ]
    assert {"pynamodb", "redis", "jwt", "chalice", "cachetools"} <= set(others)
    program = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:]))\n"
    program += "import chalicelib.gateways.alipay, chalicelib.gateways.wechat, infra.deploy, infra.manage"
    done = subprocess.run(
        [sys.executable, "-c", program, *others], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tried = pins("requirements.txt", "localstack/requirements.txt")
    assert listed.items() <= tried.items()
