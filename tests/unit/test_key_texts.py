"""Keys as editors and shells leave them: what is harmless around one is taken off, what is wrong is named."""

from __future__ import annotations

import pytest

from chalicelib.errors import InvalidSetting
from chalicelib.gateways import open_gateways
from chalicelib.settings import SETTINGS, Settings, load
from tests.keys import ALIPAY, APP, MERCHANT, WECHAT
from tests.unit.test_settings import API_V3_KEY, SECRET, bare, pkcs1, with_captcha
from tests.unit.test_wechat_signing import platform_certificate

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:some-AbCdEf"
MARK = "\ufeff"
FITTING = {
    "JWT_KEY": f"{SECRET} 2\n{SECRET} 1",
    "CONTACT_KEY": f"{SECRET} 2\n{SECRET} 1",
    "EDGE_KEY": f"{SECRET} 2\n{SECRET} 1",
    "REDIS_URL": "rediss://shop:a-password@redis.example:6379/0",
    "GEETEST_KEY": "fedcba9876543210",
    "ALIPAY_APP_PRIVATE_KEY": APP.private_pem,
    "ALIPAY_PUBLIC_KEY": ALIPAY.public_pem,
    "WECHAT_MCH_PRIVATE_KEY": MERCHANT.private_pem,
    "WECHAT_PUBLIC_KEY": WECHAT.public_pem,
    "WECHAT_PLATFORM_CERTIFICATE": platform_certificate(),
    "WECHAT_API_V3_KEY": API_V3_KEY,
    "WECHAT_APP_SECRET": "0123456789abcdef0123456789abcdef",
    "POLYV_SECRET_KEY": "7UagtQOq2A",
    "SMS_ACCESS_KEY_SECRET": "0123456789abcdefghijABCDEFGHIJ",
    "MAIL_URL": "smtps://post:a-password@smtp.example.com",
}
"""Each secret of the shop, with a text that fits."""

AROUND = {
    "a line's end": lambda text: f"{text}\n",
    "lines of Windows": lambda text: text.replace("\n", "\r\n") + "\r\n",
    "a mark before it": lambda text: MARK + text,
    "a mark, and lines of Windows": lambda text: MARK + text.replace("\n", "\r\n") + "\r\n",
    "blanks": lambda text: f" \t{text}  ",
}
BLANK = {"nothing": "", "blanks": " \n", "a mark": MARK, "a mark and a line's end": f"{MARK}\r\n"}
LEAK = "hidden+word"
WRONG = {
    "JWT_KEY": [LEAK, f"{SECRET}\n{LEAK}", LEAK[0] * 64, "\n".join(f"{SECRET} {n}" for n in range(4))],
    "CONTACT_KEY": [LEAK, f"{SECRET}\n{LEAK}"],
    "EDGE_KEY": [LEAK, f"{SECRET}\n{LEAK}"],
    "REDIS_URL": [LEAK, f"rediss://shop:{LEAK}", f"rediss://shop:a/{LEAK}@redis.example:6379/0"],
    "GEETEST_KEY": [f"fedcba9876543210\n{LEAK}", LEAK * 20],
    "ALIPAY_APP_PRIVATE_KEY": [
        LEAK,
        LEAK * 40,
        APP.public_pem,
        APP.private_pem.replace("\n", f"\n{LEAK}\n", 1),
        APP.private_pem[: len(APP.private_pem) // 2],
        bare(APP.private_pem)[4:],
        f"-----BEGIN CERTIFICATE-----\n{LEAK}\n-----END CERTIFICATE-----",
    ],
    "ALIPAY_PUBLIC_KEY": [
        LEAK,
        ALIPAY.private_pem,
        APP.public_pem,
        ALIPAY.public_pem[:200],
        bare(ALIPAY.public_pem)[4:],
    ],
    "WECHAT_MCH_PRIVATE_KEY": [LEAK, MERCHANT.public_pem, bare(MERCHANT.private_pem)[4:]],
    "WECHAT_PUBLIC_KEY": [LEAK, WECHAT.private_pem, MERCHANT.public_pem, platform_certificate()[4:]],
    "WECHAT_PLATFORM_CERTIFICATE": [
        LEAK,
        WECHAT.public_pem,
        MERCHANT.private_pem,
        platform_certificate()[4:],
    ],
    "WECHAT_API_V3_KEY": [LEAK, API_V3_KEY[:31], f"{API_V3_KEY}{LEAK}"],
    "WECHAT_APP_SECRET": [f"{LEAK} {LEAK}", LEAK * 20],
    "POLYV_SECRET_KEY": [LEAK, f"7UagtQOq2A\n{LEAK}"],
    "SMS_ACCESS_KEY_SECRET": [f"{LEAK} {LEAK}", LEAK * 20],
    "MAIL_URL": [LEAK, f"smtps://post:{LEAK}@", f"https://post:{LEAK}@smtp.example.com"],
}


def read(name: str, text: str) -> Settings:
    """The settings with this text in the secret `name`, after what each function does before its first request."""
    given = with_captcha(**FITTING | {name: None, f"{name}_ARN": ARN})
    found = load(given, lambda arn: text)
    for provider in open_gateways(found).payments.values():
        provider.check()
    return found


def values(found: Settings) -> list[object]:
    assert found.alipay
    assert found.geetest
    assert found.wechat
    assert found.polyv
    assert found.sms
    assert found.mail
    keys = [
        found.alipay.app_private_key,
        found.alipay.public_key,
        found.geetest.key,
        *vars(found.wechat).values(),
        found.polyv.secret_key,
        found.sms.access_key_secret,
        found.mail.url,
    ]
    return [found.jwt_keys, found.edge_keys, found.redis_url, *keys]


def test_every_secret_of_the_shop_is_looked_at() -> None:
    secret = {name for name, setting in SETTINGS.items() if setting.is_secret and setting.read}
    assert secret == FITTING.keys() == WRONG.keys()


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", FITTING)
def test_what_nobody_sees_around_a_key_does_not_belong_to_it(name: str, around: str) -> None:
    assert values(read(name, AROUND[around](FITTING[name]))) == values(read(name, FITTING[name]))


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("name", FITTING)
def test_a_secret_that_is_named_must_hold_something(name: str, blank: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(name, BLANK[blank])
    assert (caught.value.facts["name"], caught.value.facts["expected"]) == (
        name,
        "a value: its secret is blank",
    )


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_text_that_is_no_such_key_is_named_and_never_shown(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(name, text)
    assert caught.value.facts["name"] == name
    told = f"{caught.value} {caught.value!r} {caught.value.facts}"
    assert LEAK not in told
    assert not any(line in told for line in text.splitlines() if len(line) > 20 and "-----" not in line)


@pytest.mark.parametrize("form", [bare, pkcs1])
def test_a_private_key_may_have_any_form_that_alipays_tools_write(form: object) -> None:
    assert callable(form)
    read("ALIPAY_APP_PRIVATE_KEY", form(APP.private_pem))
