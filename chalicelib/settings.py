"""The settings of a running shop: environment variables (or files and secrets they name) -> one frozen `Settings`.

The only reader of `os.environ`. A setting is one line below: its field, its name, how it is read, what it means.
`load`, docs/settings.md, `make run` and the tests' clean-up follow from these lines. Nothing is read at import;
`settings()` reads on first use.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar, cast, dataclass_transform
from urllib.parse import quote, urlsplit

from msgspec import Struct

from chalicelib.aws import AwsSettings
from chalicelib.aws.secrets import Secrets
from chalicelib.errors import InvalidSetting, StoreUnavailable

AGroup = TypeVar("AGroup", bound="_Part")
Reader = Callable[[str], object]
"""The text of a setting -> its value. Raises `_Malformed`."""
ReadSecret = Callable[[str], str]
"""The ARN of a secret -> its text. Raises StoreUnavailable, whose `reason` says why not."""
Strictness = Callable[[Any], str | None]
"""The value of a setting -> the value it needs where people are served, or None when it is right."""


class Setting(Struct, frozen=True):
    """A row of docs/settings.md. Without a `default` it must be set, if its group is there at all. Other programs
    than this one read a setting that has no `read`. `strict` is asked in every stage but those for trying out.
    """

    name: str
    meaning: str
    read: Reader | None = None
    default: str | None = None
    is_secret: bool = False
    strict: Strictness | None = None

    def __get__(self, part: object | None, group: type) -> Setting:
        """The setting of a group; of a part, whose values come first, one that its function has not."""
        if part is None:
            return self
        raise InvalidSetting(name=self.name, expected="in FUNCTIONS: it is read here")


class _Malformed(Exception):
    """A setting's text is malformed; the argument says what it should be."""


# How a text is read


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise _Malformed(expected)
        return text

    return read


MAX_PASSWORD_ITERATIONS = 2_000_000
"""The most PBKDF2 rounds that are computed, whatever a stored hash says: more would cost a sign-in seconds of CPU.
Django's own number was 1,000,000 in 2025.
"""


def _whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not lowest <= int(text) <= highest:
            raise _Malformed(f"a whole number from {lowest} to {highest}")
        return int(text)

    return read


def _seconds(lowest: float, highest: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or not lowest <= float(text) <= highest:
            raise _Malformed(f"seconds from {lowest:g} to {highest:g}")
        return float(text)

    return read


def _some_of(*allowed: str) -> Callable[[str], frozenset[str]]:
    """Some of the allowed words, with commas between them, or `none`."""

    def read(text: str) -> frozenset[str]:
        given = [word.strip() for word in text.split(",")]
        if given == ["none"]:
            return frozenset()
        if not set(given) <= set(allowed):
            raise _Malformed(f"none, or some of {', '.join(allowed)}")
        return frozenset(given)

    return read


def _address(text: str) -> str:
    """An absolute http(s) address, without a trailing slash."""
    expected = "an absolute address such as https://api.example.com"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise _Malformed(expected) from error
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", text):
        raise _Malformed(expected)
    if parts.query or parts.fragment or parts.username is not None:
        raise _Malformed(f"{expected}, without user, query or fragment")
    return text.rstrip("/")


MAIL_ADDRESS = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
"""A pattern of the addresses to which and from which the shop sends mail."""


def _mail_url(text: str) -> str:
    expected = "smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST:PORT, or ses:"
    host = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    if not re.fullmatch(rf"ses:|smtps?://(?:[^\s:/@]+:[^\s:/@]*@)?{host}/?", text, re.ASCII):
        raise _Malformed(expected)
    try:
        _ = urlsplit(text).port  # reading the port checks it
    except ValueError as error:
        raise _Malformed(expected) from error
    return text


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", text):
        raise _Malformed("* or one origin such as https://shop.example.com")
    return text


_MOST_KEYS = 3


def _secret(text: str) -> str:
    if len(text.encode()) < 32:
        raise _Malformed("a secret of at least 32 bytes")
    if _is_monotonous(text):
        raise _Malformed("a secret of random characters")
    return text


def _keys(text: str) -> tuple[str, ...]:
    """One secret a line, up to three: while a key is changed there are two."""
    keys = tuple(_secret(line.strip()) for line in text.splitlines() if line.strip())
    if len(keys) > _MOST_KEYS:
        raise _Malformed(f"at most {_MOST_KEYS} secrets, one a line")
    return keys


def _is_monotonous(key: str) -> bool:
    return len(set(key)) < 8


def _rsa_key(text: str) -> str:
    """An RSA key, PKCS#1, PKCS#8 or X.509, as PEM or as the bare base64 within it -> that bare base64."""
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", text.replace("\\n", "\n"))
    try:
        decoded = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Malformed("an RSA key as PEM or base64") from error
    if len(decoded) < 64:
        raise _Malformed("an RSA key as PEM or base64")
    return bare


NOTHING = "none"
"""What a secret holds that is there, and holds nothing: it cannot be empty."""


def _optional(read: Callable[[str], str]) -> Callable[[str], str]:
    """The same for a text that may be missing."""
    return lambda text: "" if text in ("", NOTHING) else read(text)


def _sms_templates(*names: str) -> Callable[[str], Mapping[str, str]]:
    """`name=SMS_...` for each of the names, with commas between them -> template by name; none of an empty text."""
    expected = "SMS templates for all of it: " + ", ".join(f"{name}=SMS_..." for name in names)

    def read(text: str) -> Mapping[str, str]:
        given = dict(
            re.findall(r"([a-z-]+)=(SMS_[0-9A-Za-z]{1,32})(?:,|$)", re.sub(r"\s", "", text), re.ASCII)
        )
        if given.keys() != set(names) and text:
            raise _Malformed(expected)
        return given

    return read


def _ids(text: str) -> tuple[int, ...]:
    """User ids with commas between them."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 20 or not all(re.fullmatch(r"[0-9]{1,15}", part, re.ASCII) for part in parts):
        raise _Malformed("up to 20 user ids, with commas between them")
    return tuple(dict.fromkeys(map(int, parts)))


def _templates(text: str) -> Mapping[str, str]:
    """`order-paid=SMS_1001,new-device=SMS_1002`: what is told, and the template registered for it."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if not all(
        re.fullmatch(r"[a-z-]{1,40}=SMS_[0-9A-Za-z]{1,32}", "".join(pair), re.ASCII) for pair in pairs
    ):
        raise _Malformed("pairs such as order-paid=SMS_1001, with commas between them")
    return {name: template for name, _, template in pairs}


_REDIS = _matching(
    r"rediss?://([^\s/@]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[0-9]{0,3})?(\?\S*)?"
    r"|unix://\S+|dynamodb:",
    "redis://HOST:PORT/DATABASE, or dynamodb:",
)
IN_DYNAMODB = "dynamodb:"
"""The address of a Redis that a shop does without."""


# What is asked where people are served


def is_for_trying_out(stage: str) -> bool:
    """Whether lax settings are allowed: in the stages `local`, `test` and those that begin with `dev` only."""
    return stage.lower() in ("local", "test") or stage.lower().startswith("dev")


def _https(address: str) -> str | None:
    return "an address that begins with https://" if address.startswith("http:") else None


def _redis_with_tls(url: str) -> str | None:
    return (
        "an address that begins with rediss:// or unix://, or dynamodb:" if url.startswith("redis:") else None
    )


def _at_least(lowest: int) -> Strictness:
    return lambda number: None if number >= lowest else f"at least {lowest}"


def _given_out(what: str) -> Strictness:
    return lambda key: what if len(key) < 16 or _is_monotonous(key) else None


def _2048_bits(smallest: int) -> Strictness:
    # In DER, every key of 2048 bits is longer than `smallest` bytes, and none of 1024 bits is.
    return lambda key: None if len(base64.b64decode(key)) > smallest else "an RSA key of at least 2048 bits"


def _tells_who_sends(mail_url: str) -> str | None:
    is_open = mail_url != "ses:" and "@" not in mail_url
    return "a mail server with user and password, or ses:" if is_open else None


# The settings


@dataclass_transform(frozen_default=True)
class _Part:
    """A group of settings, of which a function may have a part. Reading another one is an error."""

    def __init__(self, *values: object, **named: object) -> None:
        vars(self).update(dict(zip(type(self).__annotations__, values, strict=False)) | named)

    def has(self, name: str) -> bool:
        """Whether the field `name` is among the settings of this function."""
        return name in vars(self)

    def changed(self, **changes: object) -> Self:
        """The same with other values of some fields."""
        return type(self)(**vars(self) | changes)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} is read only")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        secrets = {name for name, setting in _fields(type(self)) if setting.is_secret}
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if name not in secrets)
        return f"{type(self).__name__}({', '.join(shown)})"


def _fields(group: type[_Part]) -> Iterator[tuple[str, Setting]]:
    return ((name, one) for name, one in vars(group).items() if isinstance(one, Setting))


def _setting(
    name: str,
    read: Reader,
    meaning: str,
    *,
    default: str | None = None,
    is_secret: bool = False,
    strict: Strictness | None = None,
) -> Any:
    """The field of a setting. `repr` hides a secret."""
    return Setting(name, meaning, read, default, is_secret, strict)


class AlipaySettings(_Part):
    """The merchant's application at Alipay."""

    app_id: str = _setting(
        "ALIPAY_APP_ID", _matching(r"[0-9A-Za-z]{1,32}", "the app's id at Alipay"), "the app's id at Alipay"
    )
    seller_id: str = _setting(
        "ALIPAY_SELLER_ID",
        _matching(r"[0-9A-Za-z]{1,32}", "the merchant's id at Alipay (2088...)"),
        "the merchant's id at Alipay (2088...)",
    )
    app_private_key: str = _setting(
        "ALIPAY_APP_PRIVATE_KEY",
        _rsa_key,
        "the app's RSA key: PKCS#1 or PKCS#8, with or without header lines",
        is_secret=True,
        strict=_2048_bits(900),
    )
    public_key: str = _setting(
        "ALIPAY_PUBLIC_KEY",
        _rsa_key,
        "Alipay's RSA key (not the app's own public key)",
        is_secret=True,
        strict=_2048_bits(256),
    )
    gateway_url: str = _setting(
        "ALIPAY_GATEWAY_URL", _address, "the address of Alipay's gateway", strict=_https
    )


class WechatSettings(_Part):
    """The merchant at WeChat Pay, and the official account by which he is paid.

    While keys are changed over, the platform certificate is believed beside the public key. Without a secret of the
    official account nobody pays within WeChat.
    """

    app_id: str = _setting(
        "WECHAT_APP_ID",
        _matching(r"wx[0-9A-Za-z]{1,30}", "the official account's id (wx...)"),
        "the official account's id (wx...)",
    )
    merchant_id: str = _setting(
        "WECHAT_MCH_ID",
        _matching(r"[0-9]{1,32}", "the merchant's number at WeChat Pay"),
        "the merchant's number at WeChat Pay",
    )
    merchant_serial: str = _setting(
        "WECHAT_MCH_SERIAL",
        _matching(r"[0-9A-Fa-f]{1,64}", "the serial number of the merchant's API certificate"),
        "the serial number of the merchant's API certificate",
    )
    merchant_private_key: str = _setting(
        "WECHAT_MCH_PRIVATE_KEY",
        _rsa_key,
        "the RSA key of that certificate, with or without header lines",
        is_secret=True,
        strict=_2048_bits(900),
    )
    public_key_id: str = _setting(
        "WECHAT_PUBLIC_KEY_ID",
        _matching(r"PUB_KEY_ID_[0-9A-Za-z]{1,64}", "an id that begins with PUB_KEY_ID_"),
        "the id of WeChat Pay's public key (PUB_KEY_ID_...)",
    )
    public_key: str = _setting(
        "WECHAT_PUBLIC_KEY",
        _rsa_key,
        "WeChat Pay's RSA key (not the merchant's own public key)",
        is_secret=True,
        strict=_2048_bits(256),
    )
    platform_certificate: str = _setting(
        "WECHAT_PLATFORM_CERTIFICATE",
        _optional(_rsa_key),
        "WeChat Pay's platform certificate, by which it may sign too while its key is changed over; or `none`",
        default="",
        is_secret=True,
    )
    api_v3_key: str = _setting(
        "WECHAT_API_V3_KEY",
        _matching(r"[!-~]{32}", "the APIv3 key: exactly 32 letters and digits"),
        "the APIv3 key, of 32 letters and digits, by which notifications are encrypted",
        is_secret=True,
        strict=lambda key: "a key of random characters" if _is_monotonous(key) else None,
    )
    gateway_url: str = _setting(
        "WECHAT_GATEWAY_URL",
        _address,
        "the address of WeChat Pay's API",
        default="https://api.mch.weixin.qq.com",
        strict=_https,
    )
    app_secret: str = _setting(
        "WECHAT_APP_SECRET",
        _optional(_matching(r"[!-~]{1,128}", "the secret of the official account, or none")),
        "the secret of the official account, to pay within WeChat; or `none`",
        default="",
        is_secret=True,
        strict=lambda secret: _given_out("the secret that WeChat gave out")(secret) if secret else None,
    )
    open_url: str = _setting(
        "WECHAT_OPEN_URL",
        _address,
        "where WeChat authorises who pays within WeChat",
        default="https://open.weixin.qq.com",
        strict=_https,
    )
    login_url: str = _setting(
        "WECHAT_LOGIN_URL",
        _address,
        "where WeChat tells who was authorised",
        default="https://api.weixin.qq.com",
        strict=_https,
    )


class GeetestSettings(_Part):
    """The captcha at Geetest."""

    version: int = _setting("GEETEST_VERSION", _whole_number(3, 4), "3 or 4", default="3")
    captcha_id: str = _setting(
        "GEETEST_ID", _matching(r"[0-9A-Za-z]{1,64}", "the captcha's id at Geetest"), "the captcha's id"
    )
    key: str = _setting(
        "GEETEST_KEY",
        _matching(r"[!-~]{1,128}", "the captcha's key at Geetest"),
        "the captcha's key",
        is_secret=True,
        strict=_given_out("the key that Geetest gave out"),
    )
    api_url: str = _setting("GEETEST_API_URL", _address, "Geetest's address", strict=_https)
    offline_actions: frozenset[str] = _setting(
        "CAPTCHA_OFFLINE",
        _some_of("login", "register", "claim"),
        "what a challenge may be used for that was given out while Geetest was down: some of"
        " `login,register,claim`, or `none`",
        default="login",
    )


class PolyvSettings(_Part):
    """The school's account at Polyv, which keeps its videos."""

    user_id: str = _setting(
        "POLYV_USER_ID",
        _matching(r"[0-9a-z]{10}", "the account's id at Polyv, of 10 letters and digits"),
        "the account's id at Polyv",
    )
    secret_key: str = _setting(
        "POLYV_SECRET_KEY",
        _matching(r"[0-9A-Za-z]{8,64}", "the account's secretkey at Polyv"),
        "the account's secretkey, which signs tokens, marquees and callbacks",
        is_secret=True,
        strict=lambda key: "the secretkey that Polyv gave out" if len(set(key)) < 5 else None,
    )
    api_url: str = _setting(
        "POLYV_API_URL",
        _address,
        "the address of Polyv's API; tokens are asked for at `hls.videocc.net` unless another is given",
        default="https://api.polyv.net",
        strict=_https,
    )
    player_url: str = _setting(
        "POLYV_PLAYER_URL",
        _optional(_address),
        "the address of the script that plays, where it is neither Polyv's own nor `player.js` of another"
        " `POLYV_API_URL`",
        default="",
        strict=_https,
    )


class SmsSettings(_Part):
    """The account at Alibaba Cloud that sends SMS."""

    access_key_id: str = _setting(
        "SMS_ACCESS_KEY_ID",
        _matching(r"[0-9A-Za-z.]{1,128}", "the id of an access key at Alibaba Cloud"),
        "the id of an access key at Alibaba Cloud, which may send SMS and ask for their receipts",
    )
    access_key_secret: str = _setting(
        "SMS_ACCESS_KEY_SECRET",
        _matching(r"[!-~]{1,128}", "the secret of that access key"),
        "the secret of that access key",
        is_secret=True,
        strict=_given_out("the secret that Alibaba Cloud gave out"),
    )
    sign_name: str = _setting(
        "SMS_SIGN_NAME",
        _matching(
            r"[^\s\x00-\x1f\x7f【】]{2,12}", "a registered signature of 2 to 12 characters, without 【】"
        ),
        "the registered signature that stands before each text, without 【】",
    )
    api_url: str = _setting(
        "SMS_API_URL",
        _address,
        "the address of Alibaba Cloud's SMS service",
        default="https://dysmsapi.aliyuncs.com",
        strict=_https,
    )
    message_templates: Mapping[str, str] = _setting(
        "SMS_MESSAGE_TEMPLATES",
        _templates,
        "the templates registered for messages, such as `order-paid=SMS_1001,new-device=SMS_1002`; `manage"
        " message-preview` shows their texts. What has none is not sent by SMS",
        default="",
    )


class MailSettings(_Part):
    """Who carries the shop's mail, and whom it is from."""

    sender: str = _setting(
        "MAIL_FROM",
        _matching(
            rf'(?:[^<>"\\,;:@\x00-\x1f\x7f]{{1,40}} <{MAIL_ADDRESS}>|{MAIL_ADDRESS})',
            "an address such as no-reply@school.example, or: name <address>",
        ),
        "whom mail is from: an address, or `name <address>`",
    )
    url: str = _setting(
        "MAIL_URL",
        _mail_url,
        "the mail server, `smtps://USER:PASSWORD@HOST` or `smtp://...` with STARTTLS, with `%XX` for `:`, `/` and `@`"
        " in user or password; `ses:` is Amazon SES of the function's region",
        is_secret=True,
        strict=_tells_who_sends,
    )


class Settings(_Part):
    """One shop's settings. A group is None where the shop does without."""

    stage: str = _setting(
        "STAGE",
        _matching(r"[A-Za-z0-9-]{1,32}", "the name of a stage, such as dev or production"),
        "name of the stage; only `local`, `test` and names that begin with `dev` allow http addresses, `redis://`,"
        " `CAPTCHA=off`, few PBKDF2 rounds and weak keys",
        default="local",
    )
    api_url: str = _setting(
        "API_URL",
        _address,
        "public base address of the API: notify and return addresses are made of it",
        strict=_https,
    )
    shop_url: str = _setting("SHOP_URL", _address, "public base address of the shop front", strict=_https)
    allowed_origins: str = _setting(
        "ALLOWED_ORIGINS", _origin, "`*`, or the one origin for CORS", default="*", strict=_https
    )
    jwt_keys: tuple[str, ...] = _setting(
        "JWT_KEY",
        _keys,
        "key of tokens and offline challenges, 32 bytes at least; of several, one a line, the first signs and each"
        " verifies",
        is_secret=True,
    )
    contact_keys: tuple[str, ...] = _setting(
        "CONTACT_KEY",
        _keys,
        "key of the hashes under which phone numbers, addresses and one-time codes are found, 32 bytes at least; of"
        " several, one a line, the first makes hashes and each finds contacts",
        is_secret=True,
    )
    sms_code_templates: Mapping[str, str] = _setting(
        "SMS_CODE_TEMPLATES",
        _sms_templates("confirm", "sign-in", "password"),
        "the registered SMS templates of one-time codes, `confirm=SMS_1, sign-in=SMS_2, password=SMS_3`; without them"
        " codes are sent by mail only",
        default="",
    )
    codes_per_day: int = _setting(
        "CODES_PER_DAY",
        _whole_number(1, 1_000_000),
        "one-time codes that leave the shop in a day, whoever asks: SMS cost money",
        default="2000",
    )
    edge_keys: tuple[str, ...] = _setting(
        "EDGE_KEY",
        _keys,
        "what a CDN before the API proves itself with, in `X-Shop-Edge`; only then the address in its `X-Shop-Viewer`"
        " is the client's. Of several, one a line, each does",
        default="",
        is_secret=True,
    )
    password_iterations: int = _setting(
        "PASSWORD_ITERATIONS",
        _whole_number(1, MAX_PASSWORD_ITERATIONS),
        "PBKDF2 rounds of new password hashes, at least 300000 where people are served",
        default="600000",
        strict=_at_least(300_000),
    )
    redis_url: str = _setting(
        "REDIS_URL",
        _REDIS,
        "Redis, which keeps carts, accounts and limits; `dynamodb:` keeps them in the table of users",
        is_secret=True,
        strict=_redis_with_tls,
    )
    table_prefix: str = _setting(
        "TABLE_PREFIX",
        _matching(r"[A-Za-z0-9_.-]{0,200}", "letters, digits, _ . -"),
        "what the names of the tables and of Redis's keys begin with",
        default="",
    )
    store_patience: float = _setting(
        "STORE_PATIENCE",
        _seconds(0.1, 20.0),
        "seconds for which a write that DynamoDB refuses for load, or does not answer, is repeated; 0.1 to 20",
        default="4",
    )
    order_minutes: int = _setting(
        "ORDER_MINUTES",
        _whole_number(2, 15 * 24 * 60),  # Alipay wants a whole minute left at least
        "minutes that an unpaid order lives",
        default="30",
    )
    max_open_orders: int = _setting(
        "MAX_OPEN_ORDERS",
        _whole_number(1, 100),
        "unpaid orders that a learner may have",
        default="50",
    )
    refund_days: int = _setting(
        "REFUND_DAYS",
        _whole_number(0, 365),
        "days after the payment in which a learner may apply for a refund",
        default="7",
    )
    operators: tuple[int, ...] = _setting(
        "OPERATORS",
        _ids,
        "ids of the users who are told what needs a person, and each morning how the day before went; with commas",
        default="",
    )
    sms_per_day: int = _setting(
        "SMS_PER_DAY",
        _whole_number(0, 1_000_000),
        "the most SMS that messages may cost on a day in Beijing, one-time codes aside",
        default="1000",
    )
    geetest: GeetestSettings | None = None
    alipay: AlipaySettings | None = None
    wechat: WechatSettings | None = None
    polyv: PolyvSettings | None = None
    sms: SmsSettings | None = None
    mail: MailSettings | None = None

    @property
    def jwt_key(self) -> str:
        """The key that signs."""
        return self.jwt_keys[0]

    @property
    def refund_window(self) -> timedelta:
        """How long after its payment a refund of an order may be applied for."""
        return timedelta(days=self.refund_days)

    def pay_address(self, provider: str, order_number: str) -> str:
        """The address of the shop's own page on which an order is paid by a provider."""
        return f"{self.shop_url}/payment/{provider}?order_num={quote(order_number, safe='')}"

    def result_address(self, order_number: str | None) -> str:
        """The address of the shop's result page, for an order or for none."""
        page = f"{self.shop_url}/payment/result"
        return f"{page}?order_num={quote(order_number, safe='')}" if order_number else page


_CAPTCHA = Setting(
    "CAPTCHA",
    "`on` or `off`; `on` needs the group's other settings",
    _matching(r"on|off", "on or off"),
    default="on",
    strict=lambda captcha: None if captcha == "on" else "on",
)
_AWS_ENDPOINTS = tuple(
    Setting(name, meaning, lambda text: _address(text) if text else "", default="", strict=_https)
    for name, meaning in {
        "AWS_ENDPOINT_URL_DYNAMODB": "DynamoDB's address, where it is not that of AWS",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": "the same for Secrets Manager",
        "AWS_ENDPOINT_URL_SESV2": "the same for Amazon SES",
        "AWS_ENDPOINT_URL": "the same for all of AWS",
    }.items()
)


def _rows(group: type[_Part]) -> Iterator[Setting]:
    return (setting for _, setting in _fields(group))


GROUPS: dict[str, tuple[Setting, ...]] = {
    "The shop": tuple(_rows(Settings)),
    "The captcha": (_CAPTCHA, *_rows(GeetestSettings)),
    "Alipay": tuple(_rows(AlipaySettings)),
    "WeChat Pay": tuple(_rows(WechatSettings)),
    "Videos": tuple(_rows(PolyvSettings)),
    "SMS": tuple(_rows(SmsSettings)),
    "Mail": tuple(_rows(MailSettings)),
    "AWS, by the names of its own tools": (
        *_AWS_ENDPOINTS,
        Setting(
            "SECRETS_PREFIX",
            "what stands before a `NAME_ARN` that does not begin with `arn:`: a function with many would have no room"
            " for each ARN whole",
            default="",
        ),
        Setting("AWS_REGION", "the region", default=""),
        Setting("AWS_DEFAULT_REGION", "the region, where `AWS_REGION` is not set", default=""),
        Setting("AWS_ACCESS_KEY_ID", "who asks", default=""),
        Setting("AWS_SECRET_ACCESS_KEY", "who asks", default="", is_secret=True),
        Setting("AWS_SESSION_TOKEN", "who asks", default="", is_secret=True),
        Setting("AWS_CA_BUNDLE", "a file of other certificate authorities", default=""),
    ),
    "`make run` only": (
        Setting("API_PORT", "port of the API", default="8000"),
        Setting("SPA_PORT", "port of the shop front", default="8080"),
        Setting("ALIPAY_SIMULATOR_PORT", "port of the Alipay simulator", default="8100"),
        Setting("WECHAT_SIMULATOR_PORT", "port of the WeChat Pay simulator", default="8120"),
        Setting("GEETEST_SIMULATOR_PORT", "port of the Geetest simulator", default="8110"),
        Setting("POLYV_SIMULATOR_PORT", "port of the Polyv simulator", default="8140"),
        Setting("POST_SIMULATOR_PORT", "port of the SMS and mail simulator's page and API", default="8130"),
        Setting("SMTP_SIMULATOR_PORT", "port of its mail server", default="8131"),
        Setting("DATA_DIR", "where the local stores keep their data", default=".data"),
    ),
}
"""Every setting, as docs/settings.md shows them."""

SETTINGS: dict[str, Setting] = {setting.name: setting for group in GROUPS.values() for setting in group}


_EVERYTHING = frozenset(SETTINGS)
_PROVIDERS: dict[str, type[_Part]] = {"alipay": AlipaySettings, "wechat": WechatSettings}
"""The field of a payment provider's group -> the group. A shop has one of them at least."""
_FURTHER: dict[str, type[_Part]] = {"polyv": PolyvSettings, "sms": SmsSettings, "mail": MailSettings}
"""The same of others that a shop may do without."""


# Who reads which

_STORES = frozenset({"STAGE", "TABLE_PREFIX", "STORE_PATIENCE"})
"""What every call to DynamoDB needs."""
_WECHAT_CALLS = frozenset(
    {
        "WECHAT_APP_ID",
        "WECHAT_MCH_ID",
        "WECHAT_MCH_SERIAL",
        "WECHAT_MCH_PRIVATE_KEY",
        "WECHAT_PUBLIC_KEY_ID",
        "WECHAT_PUBLIC_KEY",
        "WECHAT_PLATFORM_CERTIFICATE",
        "WECHAT_GATEWAY_URL",
    }
)
"""What every call to WeChat Pay needs, and its answer."""

FUNCTIONS: dict[str, frozenset[str]] = {
    "api_handler": frozenset(
        setting.name
        for group in ("The shop", "The captcha", "Alipay", "WeChat Pay", "Videos", "SMS", "Mail")
        for setting in GROUPS[group]
    )
    - {"ALIPAY_SELLER_ID", "WECHAT_API_V3_KEY", "SMS_MESSAGE_TEMPLATES", "SMS_PER_DAY", "OPERATORS"},
    "alipay_notify": _STORES | {"ALIPAY_APP_ID", "ALIPAY_SELLER_ID", "ALIPAY_PUBLIC_KEY"},
    "wechat_notify": _STORES
    | {
        "WECHAT_APP_ID",
        "WECHAT_MCH_ID",
        "WECHAT_PUBLIC_KEY_ID",
        "WECHAT_PUBLIC_KEY",
        "WECHAT_PLATFORM_CERTIFICATE",
        "WECHAT_API_V3_KEY",
    },
    "work_off_orders": _STORES
    | {"ALIPAY_APP_ID", "ALIPAY_APP_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", "ALIPAY_GATEWAY_URL"}
    | _WECHAT_CALLS,
    "send_messages": _STORES
    | {"API_URL", "SHOP_URL", "CONTACT_KEY", "SMS_PER_DAY", "OPERATORS"}
    | {setting.name for group in ("SMS", "Mail") for setting in GROUPS[group]},
    "sweep_coupon_claims": _STORES,
    "hold_bills": _STORES
    | _WECHAT_CALLS
    | {
        "ALIPAY_APP_ID",
        "ALIPAY_SELLER_ID",
        "ALIPAY_APP_PRIVATE_KEY",
        "ALIPAY_PUBLIC_KEY",
        "ALIPAY_GATEWAY_URL",
    },
}
"""Each Lambda function -> the settings it reads, beside those of AWS. It gets these, and no others' secrets."""


def function(environment: Mapping[str, str] = os.environ) -> str | None:
    """The Lambda function that this process is; None outside of Lambda. Raises InvalidSetting for one that FUNCTIONS
    does not name.
    """
    handler = environment.get("_HANDLER", "")
    if not handler:
        return None
    name = handler.rpartition(".")[2]
    name = "api_handler" if name == "app" else name
    if name not in FUNCTIONS:
        raise InvalidSetting(name="_HANDLER", expected="a handler of one of " + ", ".join(FUNCTIONS))
    return name


def is_start_awaited(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a request waits for the start of this process. None does where Lambda stores the process for later
    (SnapStart) or keeps it ready (provisioned concurrency).
    """
    return environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"


# Reading them

_NOT_SET = "a value: it is not set"
_BYTE_ORDER_MARK = "\ufeff"
"""What some editors put before a text; `strip` does not take it for a blank."""


def _trimmed(text: str) -> str:
    """A text without what nobody sees around it."""
    return text.strip().strip(_BYTE_ORDER_MARK).strip()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment on first use: in Lambda, of its function. Raises
    InvalidSetting.
    """
    return load(os.environ, function=function())


def load(
    environment: Mapping[str, str], read_secret: ReadSecret | None = None, function: str | None = None
) -> Settings:
    """Read and check the settings of a function, or all of them. Raises InvalidSetting, which names the first that is
    missing, malformed, too lax for the stage, or not to be had.

    Without `read_secret`, secrets are read as the environment's AWS settings say.
    """
    if read_secret is None:
        with Secrets(aws_settings(environment, "AWS_ENDPOINT_URL_SECRETS_MANAGER")) as secrets:
            return load(environment, secrets.read, function)
    given = _Given(environment, cache(read_secret), FUNCTIONS[function] if function else _EVERYTHING)
    for endpoint in _AWS_ENDPOINTS:
        given.value(endpoint)
    found = _read(Settings, given)
    groups: dict[str, _Part] = {}
    if _CAPTCHA.name in given.names and given.value(_CAPTCHA) == "on":
        groups["geetest"] = _read(GeetestSettings, given)
    for name, group in (_PROVIDERS | _FURTHER).items():
        # A shop may do without. Whatever is given of a group, the others of it are required; that there are secrets
        # for its keys gives nothing of it yet.
        if any(given.has(setting) for setting in _rows(group) if setting.name in given.names):
            groups[name] = _read(group, given)
    ids = [next(_rows(group)).name for group in _PROVIDERS.values()]
    if given.names.issuperset(ids) and not groups.keys() & _PROVIDERS.keys():
        expected = f"a value: the shop has no payment provider, set {' or '.join(ids)}"
        raise InvalidSetting(name=ids[0], expected=expected)
    return found.changed(**groups)


def _read(group: type[AGroup], given: _Given) -> AGroup:
    """The settings of a group that the function has."""
    names = given.names
    return group(**{name: given.value(setting) for name, setting in _fields(group) if setting.name in names})


class _Given(Struct, frozen=True):
    """Where the texts of settings are: the environment, the files it names, the secrets it names."""

    environment: Mapping[str, str]
    read_secret: ReadSecret | None = None
    names: frozenset[str] = frozenset()
    """The settings that are read for whoever asks."""

    def has(self, setting: Setting) -> bool:
        """Whether a value or a file is given for a setting."""
        places = (setting.name, f"{setting.name}_FILE")
        return any(_trimmed(self.environment.get(place, "")) for place in places)

    def value(self, setting: Setting) -> object:
        """The value, checked. Raises InvalidSetting."""
        text = self.text(setting)
        if not text:
            if setting.default is None:
                raise InvalidSetting(name=setting.name, expected=_NOT_SET)
            text = setting.default
        assert setting.read, setting.name
        try:
            value = setting.read(text)
        except _Malformed as error:
            raise InvalidSetting(name=setting.name, expected=str(error)) from error
        expected = setting.strict(value) if setting.strict else None
        if expected and not is_for_trying_out(stage(self.environment)):
            raise InvalidSetting(
                name=setting.name, expected=f"{expected}, as people are served in this stage"
            )
        return value

    def text(self, setting: Setting) -> str:
        """The text of `NAME`, else of the file of `NAME_FILE`, else of the secret of `NAME_ARN`; empty when none of
        them is set.
        """
        name = setting.name
        if text := _trimmed(self.environment.get(name, "")):
            return text
        if path := self.environment.get(f"{name}_FILE", ""):
            try:
                return _trimmed(Path(path).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                expected = "the path of a readable text file"
                raise InvalidSetting(name=f"{name}_FILE", expected=expected) from error
        arn = self.environment.get(f"{name}_ARN", "").strip() if setting.is_secret else ""
        if arn and not arn.startswith("arn:"):
            arn = self.environment.get("SECRETS_PREFIX", "") + arn
        if not arn or self.read_secret is None:
            return ""
        try:
            text = _trimmed(self.read_secret(arn))
        except StoreUnavailable as error:
            expected = f"the ARN of a secret that can be read: {error.facts['reason']}"
            raise InvalidSetting(name=f"{name}_ARN", expected=expected) from error
        if not text:
            raise InvalidSetting(name=name, expected="a value: its secret is blank")
        return text


def aws_settings(
    environment: Mapping[str, str] = os.environ, address: str = "AWS_ENDPOINT_URL_DYNAMODB"
) -> AwsSettings:
    """The variables `AWS_...`, which Lambda sets for every function, for the service at `address`. Raises
    InvalidSetting for a malformed address.
    """

    def first(*names: str) -> str | None:
        return next((environment[name] for name in names if environment.get(name)), None)

    addresses = (SETTINGS[name] for name in (address, "AWS_ENDPOINT_URL"))
    endpoint = next((setting for setting in addresses if environment.get(setting.name)), None)
    return AwsSettings(
        region=first("AWS_REGION", "AWS_DEFAULT_REGION"),
        endpoint_url=cast(str, _Given(environment).value(endpoint)) if endpoint else None,
        ca_bundle=first("AWS_CA_BUNDLE"),
        access_key_id=first("AWS_ACCESS_KEY_ID"),
        secret_access_key=first("AWS_SECRET_ACCESS_KEY"),
        session_token=first("AWS_SESSION_TOKEN"),
    )


# Single settings, for tools that must run without secrets


def stage(environment: Mapping[str, str] = os.environ) -> str:
    """`STAGE` alone. Raises InvalidSetting."""
    return cast(str, _Given(environment).value(SETTINGS["STAGE"]))


def table_prefix(environment: Mapping[str, str] = os.environ) -> str:
    """`TABLE_PREFIX` alone. Raises InvalidSetting."""
    return cast(str, _Given(environment).value(SETTINGS["TABLE_PREFIX"]))


def store_patience(environment: Mapping[str, str] = os.environ) -> float:
    """`STORE_PATIENCE` alone. Raises InvalidSetting."""
    return cast(float, _Given(environment).value(SETTINGS["STORE_PATIENCE"]))


def password_iterations(environment: Mapping[str, str] = os.environ) -> int:
    """`PASSWORD_ITERATIONS` alone. Raises InvalidSetting."""
    return cast(int, _Given(environment).value(SETTINGS["PASSWORD_ITERATIONS"]))


def order_minutes(environment: Mapping[str, str] = os.environ) -> int:
    """`ORDER_MINUTES` alone. Raises InvalidSetting."""
    return cast(int, _Given(environment).value(SETTINGS["ORDER_MINUTES"]))


def allowed_origins(environment: Mapping[str, str] = os.environ) -> str:
    """`ALLOWED_ORIGINS` alone: packaging the API's description needs it too. Raises InvalidSetting."""
    return cast(str, _Given(environment).value(SETTINGS["ALLOWED_ORIGINS"]))
