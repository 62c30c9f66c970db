"""The operators' command line on a deployed stage: it has the settings that the stage's functions have."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.settings import FUNCTIONS, SETTINGS, load
from infra.manage import settings_of
from infra.stacks import NotDeployed
from infra.stage import read_stage
from tests.keys import ALIPAY, APP

TEXTS = {
    "API_URL": "https://api.example.com",
    "SHOP_URL": "https://shop.example.com",
    "JWT_KEY": "a secret that is longer than thirty-two bytes",
    "CONTACT_KEY": "a third secret that is longer than thirty-two bytes",
    "EDGE_KEY": "another secret that is longer than thirty-two",
    "GEETEST_ID": "0123456789abcdef",
    "GEETEST_KEY": "fedcba9876543210",
    "GEETEST_API_URL": "https://api.geetest.com",
    "TABLE_PREFIX": "shop-",
    "ALIPAY_APP_ID": "2021000000000001",
    "ALIPAY_SELLER_ID": "2088000000000001",
    "ALIPAY_APP_PRIVATE_KEY": APP.private_pem,
    "ALIPAY_PUBLIC_KEY": ALIPAY.public_pem,
    "ALIPAY_GATEWAY_URL": "https://openapi.alipay.com/gateway.do",
    "REDIS_URL": "dynamodb:",
}
"""A stage without an account at WeChat Pay."""


class Functions:
    """Lambda in an account, with the stage's functions: each has the settings that it reads, secrets by their ARN."""

    def __init__(self, account: str) -> None:
        self._account = account

    def get_alias(self, **asked: str) -> dict[str, str]:
        assert asked["Name"] == "live"
        return {"FunctionVersion": "7"}

    def get_function_configuration(self, **asked: str) -> dict[str, Any]:
        assert asked["Qualifier"] == "7", "what serves, not what was made last"
        name = asked["FunctionName"].removeprefix("course-shop-example-")
        given = {
            (f"{setting}_ARN" if SETTINGS[setting].is_secret else setting): TEXTS[setting]
            for setting in FUNCTIONS[name] & TEXTS.keys()
        }
        arn = f"arn:aws:lambda:ap-southeast-1:{self._account}:function:{asked['FunctionName']}:7"
        return {
            "FunctionArn": arn,
            "Environment": {"Variables": given | {"STAGE": "production", "CAPTCHA": "on"}},
        }


def test_an_operator_has_all_settings_of_the_stage() -> None:
    stage = read_stage("example")
    found = settings_of(stage, Functions(stage.account))
    # Where a function finds an ARN, the text of the secret stands here.
    read = load(found, read_secret=lambda text: text)
    assert (read.stage, read.table_prefix, read.redis_url) == ("production", "shop-", "dynamodb:")
    assert read.alipay is not None
    assert read.alipay.seller_id == TEXTS["ALIPAY_SELLER_ID"]
    assert found["AWS_REGION"] == stage.region


def test_another_accounts_stage_of_the_same_name_is_left_alone() -> None:
    with pytest.raises(NotDeployed, match="of account 111111111111"):
        settings_of(read_stage("example"), Functions("111111111111"))
