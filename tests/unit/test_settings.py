"""Settings: each is checked at start, named when it is wrong, and never guessed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from Cryptodome.PublicKey import RSA
from Cryptodome.Util.asn1 import DerSequence
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chalicelib import settings as shop_settings
from chalicelib.errors import InvalidSetting, StoreUnavailable
from chalicelib.gateways import open_gateways
from chalicelib.gateways.wechat.account import Keys
from chalicelib.settings import FUNCTIONS, GROUPS, SETTINGS, Settings, load
from infra import settings_page
from tests.keys import ALIPAY, APP, MERCHANT, WECHAT

ROOT = Path(__file__).parents[2]
API_V3_KEY = "0123456789abcdefghijABCDEFGHIJ01"
SECRET = "a secret that is longer than thirty-two bytes"


def environment(**changes: str | None) -> dict[str, str]:
    """A complete environment of a stage without captcha, with changes; None takes a setting away."""
    complete: dict[str, str | None] = {
        "STAGE": "dev",
        "API_URL": "https://api.example.com",
        "SHOP_URL": "https://shop.example.com",
        "JWT_KEY": SECRET,
        "CONTACT_KEY": SECRET,
        "CAPTCHA": "off",
        "ALIPAY_APP_ID": "2021000000000001",
        "ALIPAY_SELLER_ID": "2088000000000001",
        "ALIPAY_APP_PRIVATE_KEY": APP.private_pem,
        "ALIPAY_PUBLIC_KEY": ALIPAY.public_pem,
        "ALIPAY_GATEWAY_URL": "https://openapi.alipay.com/gateway.do",
        "WECHAT_APP_ID": "wx0000000000000001",
        "WECHAT_MCH_ID": "1900000001",
        "WECHAT_MCH_SERIAL": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
        "WECHAT_MCH_PRIVATE_KEY": MERCHANT.private_pem,
        "WECHAT_PUBLIC_KEY_ID": "PUB_KEY_ID_0119000000010001",
        "WECHAT_PUBLIC_KEY": WECHAT.public_pem,
        "WECHAT_API_V3_KEY": API_V3_KEY,
        "POLYV_USER_ID": "e2e84a7383",
        "POLYV_SECRET_KEY": "7UagtQOq2A",
        "SMS_ACCESS_KEY_ID": "LTAI5tExample0001",
        "SMS_ACCESS_KEY_SECRET": "0123456789abcdefghijABCDEFGHIJ",
        "SMS_SIGN_NAME": "云课堂",
        "MAIL_URL": "smtps://post:0123456789abcdef@smtp.example.com",
        "MAIL_FROM": "云课堂 <no-reply@school.example>",
        "REDIS_URL": "redis://localhost:6379/0",
    }
    return {name: value for name, value in (complete | changes).items() if value is not None}


def with_captcha(**changes: str | None) -> dict[str, str]:
    captcha: dict[str, str | None] = {
        "CAPTCHA": "on",
        "GEETEST_ID": "0123456789abcdef",
        "GEETEST_KEY": "fedcba9876543210",
        "GEETEST_API_URL": "https://api.geetest.com",
    }
    return environment(**(captcha | changes))


def refusal(given: dict[str, str]) -> tuple[str, str]:
    """The name and the expectation with which an environment is refused."""
    with pytest.raises(InvalidSetting) as caught:
        load(given)
    return str(caught.value.facts["name"]), str(caught.value.facts["expected"])


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def pkcs1(pem: str) -> str:
    """The same key as OpenSSL's older tools write it."""
    return (
        load_pem_private_key(pem.encode(), password=None)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


def check(given: Settings) -> None:
    """What `make run` and the deploying program do with the keys at start."""
    for provider in open_gateways(given).payments.values():
        provider.check()


def test_a_complete_environment_is_read() -> None:
    found = load(
        environment(TABLE_PREFIX="shop-1_", ORDER_MINUTES="45", ALLOWED_ORIGINS="https://shop.example.com")
    )
    assert found.stage == "dev"
    assert found.api_url == "https://api.example.com"
    assert found.shop_url == "https://shop.example.com"
    assert found.allowed_origins == "https://shop.example.com"
    assert found.jwt_key == SECRET
    assert found.geetest is None
    assert found.alipay
    assert found.alipay.app_id == "2021000000000001"
    assert found.alipay.seller_id == "2088000000000001"
    assert found.alipay.gateway_url == "https://openapi.alipay.com/gateway.do"
    assert found.redis_url == "redis://localhost:6379/0"
    assert found.table_prefix == "shop-1_"
    assert found.order_minutes == 45


def test_what_has_a_default_may_be_left_out() -> None:
    found = load(environment(STAGE=None))
    assert found.stage == "local"
    assert found.allowed_origins == "*"
    assert found.password_iterations == 600_000
    assert found.order_minutes == 30
    assert found.table_prefix == ""
    assert found.store_patience == 4.0


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_setting_counts_as_not_set(value: str) -> None:
    assert load(environment(ORDER_MINUTES=value)).order_minutes == 30
    assert refusal(environment(ALIPAY_APP_ID=value))[0] == "ALIPAY_APP_ID"


def test_blanks_around_a_value_do_not_belong_to_it() -> None:
    found = load(environment(JWT_KEY=f" {SECRET}\n", API_URL=" https://api.example.com "))
    assert (found.jwt_key, found.api_url) == (SECRET, "https://api.example.com")


REQUIRED = [name for name in environment() if name not in ("STAGE", "CAPTCHA")]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    assert refusal(environment(**{name: None})) == (name, "a value: it is not set")


@pytest.mark.parametrize("name", ["GEETEST_ID", "GEETEST_KEY", "GEETEST_API_URL"])
def test_a_missing_setting_of_the_captcha_is_named_where_the_captcha_is_on(name: str) -> None:
    assert refusal(with_captcha(**{name: None})) == (name, "a value: it is not set")
    assert load(environment(**{name: None})).geetest is None


MALFORMED = [
    ("STAGE", "a stage", "the name of a stage"),
    ("CAPTCHA", "yes", "on or off"),
    ("API_URL", "api.example.com", "an absolute address"),
    ("API_URL", "ftp://api.example.com", "an absolute address"),
    ("API_URL", "https://", "an absolute address"),
    ("API_URL", "https://:8000", "an absolute address"),
    ("API_URL", "https://[broken", "an absolute address"),
    ("API_URL", "https://api.example.com:99999", "an absolute address"),
    ("API_URL", "https://api.example.com/ x", "an absolute address"),
    ("API_URL", "https://api.example.com?a=b", "without user, query or fragment"),
    ("SHOP_URL", "https://shop.example.com/#/", "without user, query or fragment"),
    ("SHOP_URL", "https://user:secret@shop.example.com", "without user, query or fragment"),
    ("ALLOWED_ORIGINS", "shop.example.com", "* or one origin"),
    ("ALLOWED_ORIGINS", "https://shop.example.com/", "* or one origin"),
    ("ALLOWED_ORIGINS", "https://a.example.com,https://b.example.com", "* or one origin"),
    ("JWT_KEY", "x" * 31, "a secret of at least 32 bytes"),
    ("PASSWORD_ITERATIONS", "0", "a whole number from 1 to"),
    ("PASSWORD_ITERATIONS", "many", "a whole number from 1 to"),
    ("PASSWORD_ITERATIONS", "1e5", "a whole number from 1 to"),
    ("PASSWORD_ITERATIONS", "100000001", "a whole number from 1 to"),
    ("ORDER_MINUTES", "0", "a whole number from 2 to 21600"),
    ("ORDER_MINUTES", "1", "a whole number from 2 to 21600"),
    ("ORDER_MINUTES", "-30", "a whole number from 2 to 21600"),
    ("ORDER_MINUTES", "30.5", "a whole number from 2 to 21600"),
    ("ORDER_MINUTES", "21601", "a whole number from 2 to 21600"),
    ("ORDER_MINUTES", "٣٠", "a whole number from 2 to 21600"),
    ("STORE_PATIENCE", "0", "seconds from 0.1 to 20"),
    ("STORE_PATIENCE", "21", "seconds from 0.1 to 20"),
    ("STORE_PATIENCE", "1e1", "seconds from 0.1 to 20"),
    ("STORE_PATIENCE", "nan", "seconds from 0.1 to 20"),
    ("ALIPAY_APP_ID", "2021 0001", "the app's id at Alipay"),
    ("ALIPAY_SELLER_ID", "2088-0001", "the merchant's id at Alipay"),
    ("ALIPAY_GATEWAY_URL", "openapi.alipay.com/gateway.do", "an absolute address"),
    ("WECHAT_APP_ID", "2021000000000001", "wx..."),
    ("WECHAT_MCH_ID", "wx0000000000000001", "the merchant's number"),
    ("WECHAT_MCH_SERIAL", "1DDE-55AD", "the serial number"),
    ("WECHAT_MCH_PRIVATE_KEY", "no key at all", "an RSA key as PEM or base64"),
    ("WECHAT_PUBLIC_KEY_ID", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C", "PUB_KEY_ID_"),
    ("WECHAT_PUBLIC_KEY", "bm8ga2V5IGF0IGFsbA==", "an RSA key as PEM or base64"),
    ("WECHAT_PLATFORM_CERTIFICATE", "no certificate at all", "an RSA key as PEM or base64"),
    ("WECHAT_API_V3_KEY", API_V3_KEY[:31], "exactly 32 letters and digits"),
    ("WECHAT_API_V3_KEY", f"{API_V3_KEY}2", "exactly 32 letters and digits"),
    ("WECHAT_API_V3_KEY", "中" * 32, "exactly 32 letters and digits"),
    ("WECHAT_GATEWAY_URL", "api.mch.weixin.qq.com", "an absolute address"),
    ("WECHAT_APP_SECRET", "a secret", "the secret of the official account"),
    ("WECHAT_OPEN_URL", "open.weixin.qq.com", "an absolute address"),
    ("WECHAT_LOGIN_URL", "api.weixin.qq.com", "an absolute address"),
    ("POLYV_USER_ID", "E2E84A7383", "the account's id at Polyv"),
    ("POLYV_SECRET_KEY", "a key", "the account's secretkey"),
    ("POLYV_API_URL", "api.polyv.net", "an absolute address"),
    ("POLYV_PLAYER_URL", "//player.polyv.net/script/player.js", "an absolute address"),
    ("ALIPAY_APP_PRIVATE_KEY", "no key at all", "an RSA key as PEM or base64"),
    ("ALIPAY_PUBLIC_KEY", "bm8ga2V5IGF0IGFsbA==", "an RSA key as PEM or base64"),
    ("SMS_ACCESS_KEY_ID", "LTAI 5t", "the id of an access key"),
    ("SMS_ACCESS_KEY_SECRET", "a secret", "the secret of that access key"),
    ("SMS_SIGN_NAME", "【云课堂】", "a registered signature"),
    ("SMS_SIGN_NAME", "云\n课堂", "a registered signature"),
    ("SMS_CODE_TEMPLATES", "confirm=SMS_1, sign-in=SMS_2", "SMS templates for all of it"),
    ("CODES_PER_DAY", "0", "a whole number from 1"),
    ("SMS_CODE_TEMPLATES", "SMS_1", "SMS templates for all of it"),
    ("SMS_API_URL", "dysmsapi.aliyuncs.com", "an absolute address"),
    ("MAIL_URL", "https://smtp.example.com", "smtps://USER:PASSWORD@HOST"),
    ("MAIL_URL", "smtps://post:a/b@smtp.example.com", "smtps://USER:PASSWORD@HOST"),
    ("MAIL_URL", "smtps://post@smtp.example.com", "smtps://USER:PASSWORD@HOST"),
    ("MAIL_URL", "smtps://smtp.example.com:99999", "smtps://USER:PASSWORD@HOST"),
    ("MAIL_URL", "ses:eu-central-1", "smtps://USER:PASSWORD@HOST"),
    ("MAIL_FROM", "云课堂", "an address such as"),
    ("MAIL_FROM", "云课堂 <no-reply@school.example>, x@example.com", "an address such as"),
    ("MAIL_FROM", "云\r\n课堂 <no-reply@school.example>", "an address such as"),
    ("REDIS_URL", "localhost:6379", "redis://HOST:PORT/DATABASE"),
    ("REDIS_URL", "redis://", "redis://HOST:PORT/DATABASE"),
    ("REDIS_URL", "redis://localhost:port/0", "redis://HOST:PORT/DATABASE"),
    ("REDIS_URL", "redis://localhost:6379/carts", "redis://HOST:PORT/DATABASE"),
    ("TABLE_PREFIX", "shop/", "letters, digits"),
    ("TABLE_PREFIX", "课程_", "letters, digits"),
]


MALFORMED_CAPTCHA = [
    ("GEETEST_ID", "an id", "the captcha's id at Geetest"),
    ("GEETEST_KEY", "a key", "the captcha's key at Geetest"),
    ("GEETEST_API_URL", "api.geetest.com", "an absolute address"),
    ("GEETEST_VERSION", "5", "a whole number from 3 to 4"),
    ("CAPTCHA_OFFLINE", "login,payment", "none, or some of login, register, claim"),
]


@pytest.mark.parametrize(("name", "value", "expected"), MALFORMED_CAPTCHA)
def test_a_malformed_setting_of_the_captcha_is_named(name: str, value: str, expected: str) -> None:
    named, expectation = refusal(with_captcha(**{name: value}))
    assert named == name
    assert expected in expectation


def test_the_captcha_is_on_unless_told_otherwise() -> None:
    found = load(with_captcha(CAPTCHA=None)).geetest
    assert found
    assert (found.version, found.offline_actions) == (3, {"login"})


def test_no_action_may_be_named_for_offline_challenges() -> None:
    for given, read in {"none": set(), "login, claim": {"login", "claim"}}.items():
        found = load(with_captcha(CAPTCHA_OFFLINE=given)).geetest
        assert found
        assert found.offline_actions == read


@pytest.mark.parametrize(("name", "value", "expected"), MALFORMED)
def test_a_malformed_setting_is_named_with_what_it_should_be(name: str, value: str, expected: str) -> None:
    named, expectation = refusal(environment(**{name: value}))
    assert named == name
    assert expected in expectation


@pytest.mark.parametrize(
    "url",
    [
        "dynamodb:",
        "rediss://default:p%40ss@cache.example.com:6379",
        "redis://[::1]:6379/15",
        "unix:///run/redis.sock",
    ],
)
def test_redis_may_be_anywhere(url: str) -> None:
    assert load(environment(REDIS_URL=url)).redis_url == url


@pytest.mark.parametrize("name", ["API_URL", "SHOP_URL"])
def test_a_base_address_has_no_slash_at_its_end(name: str) -> None:
    found = load(environment(**{name: "http://127.0.0.1:8000/api/"}))
    assert getattr(found, name.lower()) == "http://127.0.0.1:8000/api"


def test_a_secret_is_measured_in_bytes() -> None:
    key = "春天在哪里呀小朋友眼睛"
    assert load(environment(JWT_KEY=key)).jwt_key == key


def serving(stage: str, **changes: str | None) -> dict[str, str]:
    """A complete environment of a stage that serves people, with changes."""
    origin, redis = "https://shop.example.com", "rediss://cache.example.com:6379"
    return with_captcha(**{"STAGE": stage, "REDIS_URL": redis, "ALLOWED_ORIGINS": origin, **changes})


def key_of(bits: int) -> tuple[str, str]:
    """A private and a public RSA key."""
    key = rsa.generate_private_key(65537, bits)
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode(),
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode(),
    )


SHORT_PRIVATE, SHORT_PUBLIC = key_of(1024)
STRICT_STAGES = ["production", "prod", "PROD-2", "prod-cn", "live", "staging", "Testing", "locally", "x"]
TRIAL_STAGES = ["local", "test", "dev", "dev-2", "Develop", "LOCAL"]
LAX = [
    ("CAPTCHA", "off", "on"),
    ("PASSWORD_ITERATIONS", "1", "at least 300000"),
    ("PASSWORD_ITERATIONS", "299999", "at least 300000"),
    ("API_URL", "http://api.example.com", "https://"),
    ("SHOP_URL", "http://shop.example.com", "https://"),
    ("ALLOWED_ORIGINS", "http://shop.example.com", "https://"),
    ("ALIPAY_GATEWAY_URL", "http://127.0.0.1:8100/gateway.do", "https://"),
    ("GEETEST_API_URL", "http://127.0.0.1:8110", "https://"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8200", "https://"),
    ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:8200", "https://"),
    ("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:8200", "https://"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:8200", "https://"),
    ("REDIS_URL", "redis://cache.example.com:6379", "rediss://"),
    ("GEETEST_KEY", "short", "the key that Geetest gave out"),
    ("GEETEST_KEY", "k" * 32, "the key that Geetest gave out"),
    ("ALIPAY_APP_PRIVATE_KEY", SHORT_PRIVATE, "2048 bits"),
    ("ALIPAY_PUBLIC_KEY", SHORT_PUBLIC, "2048 bits"),
    ("WECHAT_MCH_PRIVATE_KEY", SHORT_PRIVATE, "2048 bits"),
    ("WECHAT_PUBLIC_KEY", SHORT_PUBLIC, "2048 bits"),
    ("WECHAT_API_V3_KEY", "v" * 32, "a key of random characters"),
    ("WECHAT_GATEWAY_URL", "http://127.0.0.1:8120", "https://"),
    ("WECHAT_APP_SECRET", "short", "the secret that WeChat gave out"),
    ("SMS_ACCESS_KEY_SECRET", "short", "the secret that Alibaba Cloud gave out"),
    ("SMS_API_URL", "http://127.0.0.1:8130", "https://"),
    ("MAIL_URL", "smtps://smtp.example.com", "a mail server with user and password"),
    ("WECHAT_OPEN_URL", "http://127.0.0.1:8120", "https://"),
    ("WECHAT_LOGIN_URL", "http://127.0.0.1:8120", "https://"),
    ("POLYV_SECRET_KEY", "abababab", "the secretkey that Polyv gave out"),
    ("POLYV_API_URL", "http://127.0.0.1:8140", "https://"),
    ("POLYV_PLAYER_URL", "http://127.0.0.1:8140/player.js", "https://"),
]


@pytest.mark.parametrize(("name", "value", "expected"), LAX)
def test_a_lax_setting_is_allowed_for_trying_out_only(name: str, value: str, expected: str) -> None:
    for stage in STRICT_STAGES:
        named, expectation = refusal(serving(stage, **{name: value}))
        assert named == name
        assert expected in expectation
    for stage in TRIAL_STAGES:
        load(serving(stage, **{name: value}))


@pytest.mark.parametrize("stage", STRICT_STAGES)
def test_a_stage_that_serves_people_starts_with_strict_settings(stage: str) -> None:
    assert load(serving(stage)).stage == stage
    assert load(serving(stage, ALLOWED_ORIGINS="*", PASSWORD_ITERATIONS="300000"))
    assert load(
        serving(stage, ALIPAY_APP_PRIVATE_KEY=MERCHANT.private_pem, ALIPAY_PUBLIC_KEY=MERCHANT.public_pem)
    )
    assert load(
        serving(stage, WECHAT_MCH_PRIVATE_KEY=MERCHANT.private_pem, WECHAT_PUBLIC_KEY=MERCHANT.public_pem)
    )


def test_every_rule_for_serving_people_has_an_example() -> None:
    assert {name for name, setting in SETTINGS.items() if setting.strict} == {name for name, _, _ in LAX}


@pytest.mark.parametrize("key", ["x" * 40, "密" * 11, "abcdefg" * 6])
@pytest.mark.parametrize("stage", ["local", "production"])
def test_a_key_of_few_letters_is_no_key(key: str, stage: str) -> None:
    assert refusal(serving(stage, JWT_KEY=key)) == ("JWT_KEY", "a secret of random characters")


def test_of_several_keys_the_first_signs() -> None:
    other = f"another {SECRET}"
    found = load(environment(JWT_KEY=f"{SECRET}\n\n {other}\r\n"))
    assert found.jwt_keys == (SECRET, other)
    assert found.jwt_key == SECRET


def test_each_of_several_keys_must_be_one_and_they_are_few() -> None:
    assert refusal(environment(JWT_KEY=f"{SECRET}\nshort")) == ("JWT_KEY", "a secret of at least 32 bytes")
    assert refusal(environment(JWT_KEY="\n".join(f"{n} {SECRET}" for n in range(4))))[0] == "JWT_KEY"


@pytest.mark.parametrize("name", ["JWT_KEY", "ALIPAY_APP_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"])
def test_a_key_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    given = environment()
    file = tmp_path / "key"
    file.write_text(given[name] + "\n", encoding="utf-8")
    assert load(environment(**{name: None, f"{name}_FILE": str(file)})) == load(given)


def test_a_value_wins_over_a_file(tmp_path: Path) -> None:
    given = environment(JWT_KEY_FILE=str(tmp_path / "missing"))
    assert load(given).jwt_key == SECRET


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing", tmp_path, binary):
        assert refusal(environment(JWT_KEY=None, JWT_KEY_FILE=str(path)))[0] == "JWT_KEY_FILE"


ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/key-AbCdEf"


def test_a_secret_may_stand_in_secrets_manager_and_is_read_once() -> None:
    word, asked = "a-secret-that-is-longer-than-32-bytes", list[str]()

    def read(arn: str) -> str:
        asked.append(arn)
        return f" {word}\n"

    given = with_captcha(JWT_KEY=None, JWT_KEY_ARN=f" {ARN} ", GEETEST_KEY=None, GEETEST_KEY_ARN=ARN)
    found = load(given, read)
    assert found.jwt_key == word
    assert found.geetest and found.geetest.key == word
    assert asked == [ARN]


def test_an_arn_may_be_short_where_what_stands_before_it_is_told() -> None:
    prefix, name = ARN.rpartition(":")[0] + ":", ARN.rpartition(":")[2]
    given = environment(JWT_KEY=None, JWT_KEY_ARN=f"{name}:::v1", SECRETS_PREFIX=prefix)
    asked: list[str] = []

    def read(arn: str) -> str:
        asked.append(arn)
        return SECRET

    assert load(given, read).jwt_key == SECRET
    assert asked == [f"{ARN}:::v1"]


def test_a_value_or_a_file_wins_over_a_secret_and_only_secrets_have_one(tmp_path: Path) -> None:
    def read(arn: str) -> str:
        raise AssertionError(arn)

    file = tmp_path / "key"
    file.write_text(SECRET, encoding="utf-8")
    assert load(environment(JWT_KEY_ARN=ARN), read).jwt_key == SECRET
    assert load(environment(JWT_KEY=None, JWT_KEY_FILE=str(file), JWT_KEY_ARN=ARN), read).jwt_key == SECRET
    assert load(environment(TABLE_PREFIX_ARN=ARN), read).table_prefix == ""


def test_a_secret_that_cannot_be_had_is_named_and_told_why() -> None:
    def read(arn: str) -> str:
        raise StoreUnavailable(store="secretsmanager", operation="GetSecretValue", reason="AccessDenied")

    with pytest.raises(InvalidSetting) as caught:
        load(environment(JWT_KEY=None, JWT_KEY_ARN=ARN), read)
    assert caught.value.facts["name"] == "JWT_KEY_ARN"
    assert str(caught.value.facts["expected"]).endswith("can be read: AccessDenied")


@pytest.mark.parametrize(
    "name", [name for name, setting in SETTINGS.items() if setting.read and setting.is_secret]
)
def test_a_malformed_secret_is_named_and_not_shown(name: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load(with_captcha(**{name: None, f"{name}_ARN": ARN}), lambda arn: "hidden word")
    assert caught.value.facts["name"] == name
    assert "hidden" not in str(caught.value)


def test_an_empty_file_is_no_key(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert refusal(environment(JWT_KEY=None, JWT_KEY_FILE=str(empty))) == (
        "JWT_KEY",
        "a value: it is not set",
    )


PRIVATE_FORMS = {
    "PKCS#8": APP.private_pem,
    "PKCS#1": pkcs1(APP.private_pem),
    "PKCS#8 without header lines": bare(APP.private_pem),
    "PKCS#1 without header lines": bare(pkcs1(APP.private_pem)),
    "with literal line breaks": APP.private_pem.replace("\n", "\\n"),
    "with Windows line breaks": APP.private_pem.replace("\n", "\r\n"),
    "with blanks": APP.private_pem.replace("\n", "\n  "),
}
PUBLIC_FORMS = {
    "PEM": ALIPAY.public_pem,
    "without header lines": bare(ALIPAY.public_pem),
    "with literal line breaks": ALIPAY.public_pem.replace("\n", "\\n"),
}


@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_the_private_key_is_read_in_every_form(form: str) -> None:
    check(load(environment(ALIPAY_APP_PRIVATE_KEY=PRIVATE_FORMS[form])))


@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_alipays_key_is_read_in_every_form(form: str) -> None:
    check(load(environment(ALIPAY_PUBLIC_KEY=PUBLIC_FORMS[form])))


GARBAGE = base64.b64encode(b"\x30" * 600).decode()
ELLIPTIC = (
    ec.generate_private_key(ec.SECP521R1())
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode()
)


def damaged(part: str) -> str:
    """The app's private key with another number in one place."""
    key = RSA.import_key(APP.private_pem)
    parts = {name: getattr(key, name) for name in ("n", "e", "d", "p", "q", "u")}
    parts[part] += 2
    dp, dq = parts["d"] % (parts["p"] - 1), parts["d"] % (parts["q"] - 1)
    numbers = [0, *(parts[name] for name in ("n", "e", "d", "p", "q")), dp, dq, parts["u"]]
    return base64.b64encode(DerSequence(numbers).encode()).decode()


WRONG_KEYS = {
    "swapped": (ALIPAY.public_pem, APP.private_pem, "ALIPAY_APP_PRIVATE_KEY"),
    "a public key for a private one": (APP.public_pem, ALIPAY.public_pem, "ALIPAY_APP_PRIVATE_KEY"),
    "a private key for a public one": (APP.private_pem, ALIPAY.private_pem, "ALIPAY_PUBLIC_KEY"),
    "the app's own public key": (APP.private_pem, APP.public_pem, "ALIPAY_PUBLIC_KEY"),
    "the same key twice": (APP.private_pem, APP.private_pem, "ALIPAY_PUBLIC_KEY"),
    "garbage for the private key": (GARBAGE, ALIPAY.public_pem, "ALIPAY_APP_PRIVATE_KEY"),
    "garbage for the public key": (APP.private_pem, GARBAGE, "ALIPAY_PUBLIC_KEY"),
    "half a private key": (bare(APP.private_pem)[:800], ALIPAY.public_pem, "ALIPAY_APP_PRIVATE_KEY"),
    "no RSA key": (ELLIPTIC, ALIPAY.public_pem, "ALIPAY_APP_PRIVATE_KEY"),
}


@pytest.mark.parametrize("mistake", WRONG_KEYS)
def test_a_wrong_key_is_named_when_the_keys_are_checked(mistake: str) -> None:
    check_names(*WRONG_KEYS[mistake])


@pytest.mark.parametrize("part", ["n", "e", "d", "p", "q"])
def test_a_private_key_with_another_number_is_named_when_the_keys_are_checked(part: str) -> None:
    check_names(damaged(part), ALIPAY.public_pem, "ALIPAY_APP_PRIVATE_KEY")


def check_names(private: str, public: str, named: str) -> None:
    given = load(environment(ALIPAY_APP_PRIVATE_KEY=private, ALIPAY_PUBLIC_KEY=public))
    with pytest.raises(InvalidSetting) as caught:
        check(given)
    assert caught.value.facts["name"] == named
    assert caught.value.facts["expected"]


def test_no_secret_shows_in_what_is_printed() -> None:
    shown = repr(load(with_captcha(REDIS_URL="redis://:hidden-word@localhost:6379/0")))
    assert with_captcha()["GEETEST_KEY"] not in shown
    assert SECRET not in shown
    assert "hidden-word" not in shown
    assert bare(APP.private_pem)[:40] not in shown
    assert bare(ALIPAY.public_pem)[60:100] not in shown


def test_a_refusal_does_not_show_the_value() -> None:
    for name in ("JWT_KEY", "ALIPAY_APP_PRIVATE_KEY", "REDIS_URL"):
        with pytest.raises(InvalidSetting) as caught:
            load(environment(**{name: "hidden word"}))
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("read", "name", "value", "expected"),
    [
        (shop_settings.stage, "STAGE", "dev", "dev"),
        (shop_settings.table_prefix, "TABLE_PREFIX", "shop_", "shop_"),
        (shop_settings.password_iterations, "PASSWORD_ITERATIONS", "1000", 1000),
        (shop_settings.order_minutes, "ORDER_MINUTES", "45", 45),
        (shop_settings.store_patience, "STORE_PATIENCE", "0.5", 0.5),
        (shop_settings.allowed_origins, "ALLOWED_ORIGINS", "https://a.test", "https://a.test"),
    ],
)
def test_some_settings_are_read_alone(read: object, name: str, value: str, expected: object) -> None:
    assert callable(read)
    assert read({name: value}) == expected


@pytest.fixture
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of this process, as it is before anything is read."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    shop_settings.settings.cache_clear()
    yield monkeypatch
    shop_settings.settings.cache_clear()


def test_the_process_reads_its_settings_once(process_settings: pytest.MonkeyPatch) -> None:
    first = shop_settings.settings()
    process_settings.setenv("STAGE", "changed")
    assert shop_settings.settings() is first


def test_settings_that_were_refused_are_read_again(process_settings: pytest.MonkeyPatch) -> None:
    process_settings.delenv("JWT_KEY")
    with pytest.raises(InvalidSetting):
        shop_settings.settings()
    process_settings.setenv("JWT_KEY", SECRET)
    assert shop_settings.settings().jwt_key == SECRET


def test_what_is_read_alone_follows_the_environment_of_the_process(
    process_settings: pytest.MonkeyPatch,
) -> None:
    for prefix in ("one_", "two_"):
        process_settings.setenv("TABLE_PREFIX", prefix)
        assert shop_settings.table_prefix() == prefix == os.environ["TABLE_PREFIX"]


# The table of settings


def test_the_page_of_settings_is_made_of_the_table() -> None:
    page = ROOT / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page.page(), settings_page.__doc__


def test_no_setting_is_named_twice() -> None:
    assert len(SETTINGS) == sum(len(group) for group in GROUPS.values())


def test_every_key_is_a_secret() -> None:
    keys = {name for name in SETTINGS if name.endswith("KEY")}
    assert keys < {name for name, setting in SETTINGS.items() if setting.is_secret}


def without(*providers: str) -> dict[str, str]:
    """A complete environment but for these groups."""
    return {name: text for name, text in environment().items() if not name.lower().startswith(providers)}


@pytest.mark.parametrize(
    "name", [name for name in REQUIRED if name.startswith(("ALIPAY_", "WECHAT_", "SMS_", "MAIL_"))]
)
def test_a_provider_is_there_as_a_whole_or_not_at_all(name: str) -> None:
    provider = name.partition("_")[0].lower()
    others = [other for other in REQUIRED if other.lower().startswith(provider) and other != name]
    assert getattr(load(environment()), provider)
    assert refusal(environment(**{name: None})) == (name, "a value: it is not set")
    assert refusal(without(provider) | {name: environment()[name]})[0] == others[0]
    assert getattr(load(without(provider)), provider) is None


def test_a_provider_is_not_there_because_there_are_secrets_for_its_keys() -> None:
    """The templates name all secrets to all stages."""

    def read(arn: str) -> str:
        raise AssertionError(arn)

    named = {
        f"{name}_ARN": ARN for name, one in SETTINGS.items() if one.is_secret and name.startswith("WECHAT")
    }
    assert load(without("wechat") | named, read).wechat is None
    assert load(without("wechat") | {"WECHAT_GATEWAY_URL": ""}, read).wechat is None


@pytest.mark.parametrize(
    "url",
    [
        "ses:",
        "smtp://post:p%40ss@smtp.example.com:587",
        "smtps://a%2Fb:c@[::1]:465/",
        "smtp://127.0.0.1:2525",
    ],
)
def test_mail_may_be_carried_by_several(url: str) -> None:
    found = load(environment(MAIL_URL=url)).mail
    assert found
    assert found.url == url


def test_what_wechat_gives_out_to_some_only_may_be_none() -> None:
    found = load(environment(WECHAT_PLATFORM_CERTIFICATE="none", WECHAT_APP_SECRET="none")).wechat
    assert found
    assert (found.platform_certificate, found.app_secret) == ("", "")
    assert found.gateway_url == "https://api.mch.weixin.qq.com"


@pytest.mark.parametrize("function", [None, "api_handler", "work_off_orders"])
def test_a_shop_has_one_provider_at_least(function: str | None) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load(without("alipay", "wechat"), function=function)
    assert caught.value.facts["name"] == "ALIPAY_APP_ID"
    assert "set ALIPAY_APP_ID or WECHAT_APP_ID" in str(caught.value.facts["expected"])


def test_each_key_of_wechat_is_read_where_it_is_needed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "WECHAT_APP_ID",
        "WECHAT_MCH_ID",
        "WECHAT_PUBLIC_KEY_ID",
        "WECHAT_PUBLIC_KEY",
        "WECHAT_PLATFORM_CERTIFICATE",
        "WECHAT_API_V3_KEY",
    }
    monkeypatch.setitem(FUNCTIONS, "taker", frozenset(names))
    for function, lacks in {"taker": "WECHAT_MCH_PRIVATE_KEY", "api_handler": "WECHAT_API_V3_KEY"}.items():
        found = load(with_captcha(), function=function)
        check(found)
        assert found.wechat
        keys = Keys(found.wechat)
        with pytest.raises(InvalidSetting, match=lacks):
            _ = (keys.signing, keys.secret)


def test_nobody_pays_within_wechat_without_the_secret_of_the_official_account() -> None:
    opened = open_gateways(load(environment()))
    assert opened.wechat is opened.of("wechat")
    assert opened.wechat_login is None
    secret = "0123456789abcdef0123456789abcdef"
    login = open_gateways(load(environment(WECHAT_APP_SECRET=secret))).wechat_login
    assert login
    assert login.address("https://shop.example.com/payment/wechat", "state").startswith(
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0000000000000001&"
    )
    assert secret not in repr(login)
    nobody = open_gateways(load(without("wechat")))
    assert (nobody.wechat, nobody.wechat_login, nobody.has("wechat")) == (None, None, False)


def test_dynamodbs_own_address_wins_over_that_of_all_of_aws() -> None:
    general = {"AWS_ENDPOINT_URL": "http://localhost:1/"}
    assert shop_settings.aws_settings({}).endpoint_url is None
    assert shop_settings.aws_settings(general).endpoint_url == "http://localhost:1"
    own = general | {"AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:2"}
    assert shop_settings.aws_settings(own).endpoint_url == "http://localhost:2"


def test_every_service_has_its_own_address_or_that_of_all_of_aws() -> None:
    given = {
        "AWS_ENDPOINT_URL": "http://localhost:1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://localhost:2",
    }
    assert shop_settings.aws_settings(given).endpoint_url == "http://localhost:1"
    assert (
        shop_settings.aws_settings(given, "AWS_ENDPOINT_URL_SECRETS_MANAGER").endpoint_url
        == "http://localhost:2"
    )


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize("value", ["localhost:8000", "http://", "http://host:port", "ftp://host"])
def test_a_malformed_address_of_dynamodb_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        shop_settings.aws_settings({name: value})
    assert caught.value.facts["name"] == name


def test_keys_of_aws_do_not_show() -> None:
    given = {"AWS_SECRET_ACCESS_KEY": "hidden one", "AWS_SESSION_TOKEN": "hidden two"}
    assert "hidden" not in repr(shop_settings.aws_settings(given))


# What each function reads


CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))


def test_every_function_of_the_application_has_its_settings() -> None:
    assert FUNCTIONS.keys() == CONFIG["lambda_functions"].keys()
    for name in FUNCTIONS:
        handler = "app.app" if name == "api_handler" else f"app.{name}"
        assert shop_settings.function({"_HANDLER": handler}) == name
    assert shop_settings.function({}) is None


def test_a_function_that_nobody_gave_settings_is_refused() -> None:
    with pytest.raises(InvalidSetting) as caught:
        shop_settings.function({"_HANDLER": "app.other"})
    assert caught.value.facts["name"] == "_HANDLER"


NEEDED = [
    (function, name)
    for function, names in FUNCTIONS.items()
    for name in sorted(names)
    if SETTINGS[name].default is None
]


@pytest.mark.parametrize(("function", "name"), NEEDED)
def test_a_function_names_what_it_lacks_of_its_own_settings_and_reads_no_others(
    function: str, name: str
) -> None:
    own = {key: text for key, text in with_captcha().items() if key in FUNCTIONS[function]}
    found = load(own, function=function)
    assert found.has("jwt_keys") is ("JWT_KEY" in own)
    with pytest.raises(InvalidSetting) as caught:
        load({key: text for key, text in own.items() if key != name}, function=function)
    assert caught.value.facts["name"] == name


def test_a_setting_that_a_function_does_not_have_is_named_when_it_is_read() -> None:
    found = load(with_captcha(), function="alipay_notify")
    assert found.alipay
    with pytest.raises(InvalidSetting, match="JWT_KEY"):
        _ = found.jwt_key
    with pytest.raises(InvalidSetting, match="ALIPAY_APP_PRIVATE_KEY"):
        _ = found.alipay.app_private_key
    assert found.geetest is None


def test_a_functions_secrets_are_read_and_no_others() -> None:
    asked: list[str] = []

    def read(arn: str) -> str:
        asked.append(arn)
        return with_captcha()[arn]

    names = ("JWT_KEY", "ALIPAY_APP_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", "GEETEST_KEY")
    given = with_captcha(**dict.fromkeys(names)) | {f"{name}_ARN": name for name in names}
    for function in FUNCTIONS:
        asked.clear()
        load(given, read, function)
        assert set(asked) == {name for name in names if name in FUNCTIONS[function]}, function


def test_codes_have_templates_for_all_purposes_or_none() -> None:
    given = "confirm=SMS_1, sign-in = SMS_2,password=SMS_3"
    templates = load(environment(SMS_CODE_TEMPLATES=given)).sms_code_templates
    assert templates == {"confirm": "SMS_1", "sign-in": "SMS_2", "password": "SMS_3"}
    assert not load(environment()).sms_code_templates
