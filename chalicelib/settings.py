"""The settings of a running shop: environment variables (or files they name) -> one frozen `Settings`.

The only reader of `os.environ`. Nothing is read at import; `settings()` reads on first use, `load` reads and
checks a given environment.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.errors import InvalidSetting


@dataclass(frozen=True)
class Settings:
    """One shop's settings; names and meanings as in docs/settings.md. Keys do not show in `repr`."""

    stage: str
    api_url: str
    shop_url: str
    allowed_origins: str
    jwt_key: str = field(repr=False)
    password_iterations: int
    captcha: str
    captcha_offline_actions: frozenset[str]
    geetest_version: int
    geetest_id: str
    geetest_key: str = field(repr=False)
    geetest_api_url: str
    alipay_app_id: str
    alipay_seller_id: str
    alipay_app_private_key: str = field(repr=False)
    alipay_public_key: str = field(repr=False)
    alipay_gateway_url: str
    redis_url: str = field(repr=False)
    table_prefix: str
    store_patience: float
    order_minutes: int
    refund_days: int

    @property
    def refund_window(self) -> timedelta:
        """How long after its payment a refund of an order may be applied for."""
        return timedelta(days=self.refund_days)


@dataclass(frozen=True)
class AwsSettings:
    """Where DynamoDB is and who asks, by the variables of AWS's own clients. None: botocore's files and chain know."""

    region: str | None
    endpoint_url: str | None
    ca_bundle: str | None
    """A file of certificate authorities to trust instead of the usual ones."""
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)


def aws_settings(environment: Mapping[str, str] = os.environ) -> AwsSettings:
    """The variables `AWS_...`, which Lambda sets for every function."""

    def first(*names: str) -> str | None:
        return next((environment[name] for name in names if environment.get(name)), None)

    return AwsSettings(
        region=first("AWS_REGION", "AWS_DEFAULT_REGION"),
        endpoint_url=first("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"),
        ca_bundle=first("AWS_CA_BUNDLE"),
        access_key_id=first("AWS_ACCESS_KEY_ID"),
        secret_access_key=first("AWS_SECRET_ACCESS_KEY"),
        session_token=first("AWS_SESSION_TOKEN"),
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment on first use. Raises InvalidSetting."""
    return load(os.environ)


def stage(environment: Mapping[str, str] = os.environ) -> str:
    """`STAGE` alone, for tools that have no business with keys."""
    return _Reader(environment).matching(
        "STAGE", r"[A-Za-z0-9-]{1,32}", "the name of a stage, such as dev or production", "local"
    )


def table_prefix(environment: Mapping[str, str] = os.environ) -> str:
    """`TABLE_PREFIX` alone: tables are needed by tools that have no business with keys."""
    return _Reader(environment).matching(
        "TABLE_PREFIX", r"[A-Za-z0-9_.-]{0,200}", "letters, digits, _ . -", ""
    )


def store_patience(environment: Mapping[str, str] = os.environ) -> float:
    """`STORE_PATIENCE` alone, in seconds: tools that must run without secrets use the stores, too."""
    return _Reader(environment).seconds("STORE_PATIENCE", 0.1, 20.0, 4.0)


def password_iterations(environment: Mapping[str, str] = os.environ) -> int:
    """`PASSWORD_ITERATIONS` alone, for tools that have no business with keys."""
    return _Reader(environment).number("PASSWORD_ITERATIONS", 1, 100_000_000, 600_000)


def order_minutes(environment: Mapping[str, str] = os.environ) -> int:
    """`ORDER_MINUTES` alone, for tools that have no business with keys. Alipay wants a whole minute left at least."""
    return _Reader(environment).number("ORDER_MINUTES", 2, 15 * 24 * 60, 30)


def allowed_origins(environment: Mapping[str, str] = os.environ) -> str:
    """`ALLOWED_ORIGINS` alone: it is also needed while the API description is packaged, far from any key."""
    origin = _Reader(environment).text("ALLOWED_ORIGINS", "*")
    if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin):
        raise InvalidSetting(
            name="ALLOWED_ORIGINS", expected="* or one origin such as https://shop.example.com"
        )
    return origin


def load(environment: Mapping[str, str]) -> Settings:
    """Read and check all settings. Raises InvalidSetting, which names the first that is missing or malformed."""
    read = _Reader(environment)
    stage_name = stage(environment)
    captcha = read.matching("CAPTCHA", r"on|off", "on or off", "on")
    if captcha == "off" and stage_name.lower().startswith("prod"):
        raise InvalidSetting(name="CAPTCHA", expected="on: a production stage does not run without it")
    geetest = _Reader(environment if captcha == "on" else _NO_CAPTCHA)
    return Settings(
        stage=stage_name,
        api_url=read.url("API_URL"),
        shop_url=read.url("SHOP_URL"),
        allowed_origins=allowed_origins(environment),
        jwt_key=read.secret("JWT_KEY", at_least=32),
        password_iterations=password_iterations(environment),
        captcha=captcha,
        captcha_offline_actions=read.words("CAPTCHA_OFFLINE", ("login", "register", "claim"), "login"),
        geetest_version=geetest.number("GEETEST_VERSION", 3, 4, 3),
        geetest_id=geetest.matching("GEETEST_ID", r"[0-9A-Za-z]{1,64}", "the captcha's id at Geetest"),
        geetest_key=geetest.matching("GEETEST_KEY", r"[!-~]{1,128}", "the captcha's key at Geetest"),
        geetest_api_url=geetest.url("GEETEST_API_URL"),
        alipay_app_id=read.matching("ALIPAY_APP_ID", r"[0-9A-Za-z]{1,32}", "the app's id at Alipay"),
        alipay_seller_id=read.matching(
            "ALIPAY_SELLER_ID", r"[0-9A-Za-z]{1,32}", "the merchant's id at Alipay (2088...)"
        ),
        alipay_app_private_key=read.key("ALIPAY_APP_PRIVATE_KEY"),
        alipay_public_key=read.key("ALIPAY_PUBLIC_KEY"),
        alipay_gateway_url=read.url("ALIPAY_GATEWAY_URL"),
        redis_url=read.matching("REDIS_URL", _REDIS_URL, "redis://HOST:PORT/DATABASE"),
        table_prefix=table_prefix(environment),
        store_patience=store_patience(environment),
        order_minutes=order_minutes(environment),
        refund_days=read.number("REFUND_DAYS", 0, 365, 7),
    )


_REDIS_URL = (
    r"rediss?://([^\s/@]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[0-9]{0,3})?(\?\S*)?"
    r"|unix://\S+"
)

_NO_CAPTCHA = {"GEETEST_ID": "off", "GEETEST_KEY": "off", "GEETEST_API_URL": "http://geetest.invalid"}
"""With `CAPTCHA=off` nothing is asked of Geetest, and nothing about it has to be set."""


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str | None = None) -> str:
        """The value of `name`, or the content of the file that `name_FILE` names."""
        value = self._environment.get(name, "")
        path = self._environment.get(f"{name}_FILE", "")
        if not value and path:
            try:
                value = Path(path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidSetting(
                    name=f"{name}_FILE", expected="the path of a readable text file"
                ) from error
        value = value.strip()
        if value:
            return value
        if default is None:
            raise InvalidSetting(name=name, expected="a value: it is not set")
        return default

    def matching(self, name: str, pattern: str, expected: str, default: str | None = None) -> str:
        value = self.text(name, default)
        if not re.fullmatch(pattern, value, re.ASCII):
            raise InvalidSetting(name=name, expected=expected)
        return value

    def number(self, name: str, lowest: int, highest: int, default: int) -> int:
        expected = f"a whole number from {lowest} to {highest}"
        value = int(self.matching(name, r"[0-9]{1,12}", expected, str(default)))
        if not lowest <= value <= highest:
            raise InvalidSetting(name=name, expected=expected)
        return value

    def seconds(self, name: str, lowest: float, highest: float, default: float) -> float:
        expected = f"seconds from {lowest:g} to {highest:g}"
        value = float(self.matching(name, r"[0-9]{1,6}(\.[0-9]{1,3})?", expected, str(default)))
        if not lowest <= value <= highest:
            raise InvalidSetting(name=name, expected=expected)
        return value

    def words(self, name: str, allowed: tuple[str, ...], default: str) -> frozenset[str]:
        """Some of the allowed words, with commas between them, or `none`."""
        given = [word.strip() for word in self.text(name, default).split(",")]
        if given == ["none"]:
            return frozenset()
        if not set(given) <= set(allowed):
            raise InvalidSetting(name=name, expected=f"none, or some of {', '.join(allowed)}")
        return frozenset(given)

    def url(self, name: str) -> str:
        """An absolute http(s) address, without a trailing slash."""
        value = self.text(name)
        expected = "an absolute address such as https://api.example.com"
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port  # reading the port checks it
        except ValueError as error:
            raise InvalidSetting(name=name, expected=expected) from error
        if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", value):
            raise InvalidSetting(name=name, expected=expected)
        if parts.query or parts.fragment or parts.username is not None:
            raise InvalidSetting(name=name, expected=f"{expected}, without user, query or fragment")
        return value.rstrip("/")

    def secret(self, name: str, at_least: int) -> str:
        value = self.text(name)
        if len(value.encode()) < at_least:
            raise InvalidSetting(name=name, expected=f"a secret of at least {at_least} bytes")
        return value

    def key(self, name: str) -> str:
        """An RSA key, PKCS#1, PKCS#8 or X.509, as PEM or as the bare base64 within it -> that bare base64."""
        value = self.text(name).replace("\\n", "\n")
        bare = re.sub(r"-----[A-Z ]+-----|\s", "", value)
        try:
            decoded = base64.b64decode(bare, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidSetting(name=name, expected="an RSA key as PEM or base64") from error
        if len(decoded) < 64:
            raise InvalidSetting(name=name, expected="an RSA key as PEM or base64")
        return bare
