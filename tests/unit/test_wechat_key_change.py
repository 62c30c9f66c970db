"""The keys of WeChat Pay are changed as infra/README.md says: what each step believes, and what it answers by an error,
which WeChat Pay then repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.errors import NotificationRefused
from chalicelib.gateways import open_gateways
from chalicelib.settings import load
from localstack.provider.keys import load_private_key, load_public_key
from localstack.wechat.notices import NoticeWriter
from localstack.wechat.signing import Merchant
from tests.keys import APP, MERCHANT, WECHAT
from tests.unit.test_settings import API_V3_KEY, environment
from tests.unit.test_wechat_notifications import PAYMENT
from tests.unit.test_wechat_signing import platform_certificate, platform_key

NEW = APP  # any other key
NEW_ID, NEW_API_V3_KEY = "PUB_KEY_ID_0119000000010002", "abcdefghijklmnopqrstuvwxyz012345"
CERTIFICATE_NUMBER = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
TAKEN = "taken"


@pytest.fixture(scope="module")
def wechat() -> Merchant:
    """The merchant as WeChat Pay knows him before anything is changed."""
    given = environment()
    return Merchant(
        app_id=given["WECHAT_APP_ID"],
        merchant_id=given["WECHAT_MCH_ID"],
        merchant_serial=given["WECHAT_MCH_SERIAL"],
        merchant_public_key=load_public_key(MERCHANT.public_pem),
        public_key_id=given["WECHAT_PUBLIC_KEY_ID"],
        private_key=load_private_key(WECHAT.private_pem),
        api_v3_key=API_V3_KEY.encode(),
        app_secret="",
        platform_serial=CERTIFICATE_NUMBER,
        platform_key=platform_key(),
    )


def outcome(merchant: Merchant, **settings: str) -> str:
    """What becomes of a notice that WeChat Pay sends now to a shop with these settings: taken, or the check that it
    fails.
    """
    plain = PAYMENT | {"mchid": merchant.merchant_id, "appid": merchant.app_id}
    event: dict[str, Any] = {
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "original_type": "transaction",
        "plain": plain,
        "create_time": "2026-11-28T14:00:00+08:00",
    }
    letter = NoticeWriter(merchant).letter("EV-1", event, datetime.now(UTC))
    gateway = open_gateways(load(environment(**settings))).of("wechat")
    gateway.check()
    headers = {name.lower(): text for name, text in letter.headers.items()}
    try:
        told = gateway.parse_notification(headers, letter.body)
    except NotificationRefused as refused:
        return refused.check
    assert told.number == PAYMENT["out_trade_no"]
    return TAKEN


def test_a_merchant_changes_over_from_the_platform_certificate_to_the_public_key(wechat: Merchant) -> None:
    """For a week either signs; a shop that has only one of them would lose the notices of the other."""
    by_certificate = replace(wechat, signs_with_platform_key=True)
    both = {"WECHAT_PLATFORM_CERTIFICATE": platform_certificate()}
    assert (outcome(wechat), outcome(by_certificate)) == (TAKEN, "serial")
    assert (outcome(wechat, **both), outcome(by_certificate, **both)) == (TAKEN, TAKEN)
    over = {"WECHAT_PLATFORM_CERTIFICATE": "none"}
    assert (outcome(wechat, **over), outcome(by_certificate, **over)) == (TAKEN, "serial")


CHANGES: dict[str, tuple[Callable[[Merchant], Merchant], dict[str, str], str]] = {
    "the public key and its id": (
        lambda wechat: replace(wechat, private_key=load_private_key(NEW.private_pem), public_key_id=NEW_ID),
        {"WECHAT_PUBLIC_KEY": NEW.public_pem, "WECHAT_PUBLIC_KEY_ID": NEW_ID},
        "serial",
    ),
    "the APIv3 key": (
        lambda wechat: replace(wechat, api_v3_key=NEW_API_V3_KEY.encode()),
        {"WECHAT_API_V3_KEY": NEW_API_V3_KEY},
        "resource",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_comes_before_the_deployment_is_refused_and_taken_after_it(what: str, wechat: Merchant) -> None:
    change, settings, check = CHANGES[what]
    assert outcome(wechat) == TAKEN
    changed = change(wechat)
    assert outcome(changed) == check
    assert outcome(changed, **settings) == TAKEN
    assert outcome(wechat, **settings) == check


def test_a_public_key_is_not_believed_under_the_id_of_another(wechat: Merchant) -> None:
    assert outcome(replace(wechat, private_key=load_private_key(NEW.private_pem))) == "sign"
