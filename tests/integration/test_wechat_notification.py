"""WeChat Pay calls: every check, every form in which a notice arrives, repeated and forged ones."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

import app as application
from chalicelib.gateways import Gateways, open_gateways
from chalicelib.gateways.rsa import certificate_serial
from chalicelib.shop import refund_notice
from chalicelib.shop.order import PAID, PLACED, REFUNDED
from chalicelib.shop.stray_notification import StrayNotification
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from localstack.wechat.bad_days import NOTICE_CONTENT
from tests import purchases
from tests.faults.routing import FaultyApp
from tests.unit.test_wechat_signing import platform_certificate, platform_key
from tests.wechat_notices import a_begun_trade, asking_nobody, posted

Event = dict[str, Any]
FORGERIES = sorted(NOTICE_CONTENT - {"notice_lost", "notice_repeated", "notice_wrong_amount"})


@pytest.fixture
def paid(gateway_server: GatewayServer, wechat: WechatSimulator) -> str:
    """The number of a trade that was paid, of which nobody has told the shop."""
    number = a_begun_trade()
    wechat.pay(number)
    return number


@pytest.fixture(scope="module")
def waiting(gateway_server: GatewayServer, wechat: WechatSimulator) -> str:
    """A trade like `paid`, for the tests that must leave its order as it is."""
    number = a_begun_trade()
    wechat.pay(number)
    return number


def status(number: str) -> str:
    return str(purchases.stored(number).status)


def told(event: Event) -> tuple[int, str]:
    answer = application.wechat_notify(event, None)
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    if answer["statusCode"] == 400:
        assert answer["headers"]["Content-Type"] == "application/json"
    return answer["statusCode"], answer["body"]


@contextmanager
def selling_by(gateways: Gateways) -> Iterator[None]:
    """Inside the block the shop has these accounts."""
    process = application.app.process
    before, process.gateways = process.gateways, gateways
    try:
        yield
    finally:
        process.gateways = before


TAKEN = (204, "")
NOT_TAKEN = (400, '{"code":"FAIL","message":"FAIL"}')


@pytest.mark.parametrize("path", ["wechat", "wechat/", "wechat/refund", "wechat/refund/"])
def test_wechat_reaches_the_shop_by_both_paths_with_and_without_a_slash(
    path: str, paid: str, wechat: WechatSimulator, gateway_server: GatewayServer
) -> None:
    """The signed event says what it tells of, not the path."""
    delivery = wechat.send_event(f"{gateway_server.base_url}/trade/{path}", wechat.event(paid))
    assert (delivery.status, delivery.answer, delivery.accepted) == (204, "", True)
    assert status(paid) == PAID


def test_the_notice_that_wechat_sends_by_itself_delivers_the_order(
    paid: str, wechat: WechatSimulator
) -> None:
    for notice in wechat.notices(paid):
        wechat.resend(notice.notify_id)
    wechat.deliver_due_notices(early=True)
    assert [notice.accepted for notice in wechat.notices(paid)] == [True]
    assert status(paid) == PAID


def in_base64(event: Event) -> Event:
    return event | {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}


def with_lower_case_headers(event: Event) -> Event:
    return event | {"headers": {name.lower(): text for name, text in event["headers"].items()}}


def with_upper_case_headers(event: Event) -> Event:
    return event | {"headers": {name.upper(): text for name, text in event["headers"].items()}}


@pytest.mark.parametrize("arrived", [in_base64, with_lower_case_headers, with_upper_case_headers])
def test_a_notice_is_taken_in_whatever_form_the_gateway_brings_it(
    arrived: Callable[[Event], Event], paid: str, wechat: WechatSimulator
) -> None:
    event = posted(wechat, wechat.event(paid))
    assert told(arrived(event)) == TAKEN
    assert told(event) == TAKEN, "once more"
    assert purchases.happened(purchases.stored(paid).number).count("paid") == 1


@pytest.mark.parametrize(
    "changes",
    [
        *({"body": body} for body in (None, "", "{", "[]", "{}", "x" * 40_000, "\ud800")),
        {"headers": None},
        {"headers": {}},
        {"headers": ["Wechatpay-Serial"]},
        {"isBase64Encoded": True},
        {"body": {"a": 1}},
    ],
    ids=lambda changes: f"{next(iter(changes))} {str(next(iter(changes.values())))[:8]!r}",
)
def test_what_cannot_be_a_notice_is_refused(
    changes: Event, waiting: str, wechat: WechatSimulator, faulty_app: FaultyApp
) -> None:
    with asking_nobody(faulty_app):
        assert told(posted(wechat, wechat.event(waiting)) | changes) == NOT_TAKEN
        assert told({}) == NOT_TAKEN


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_notice_asks_nobody_and_reads_nothing(
    forgery: str, waiting: str, wechat: WechatSimulator, faulty_app: FaultyApp
) -> None:
    """No call for a key, no read of the order: it costs its signature's check."""
    with asking_nobody(faulty_app):
        assert told(posted(wechat, wechat.event(waiting), frozenset({forgery}))) == NOT_TAKEN


def test_an_order_of_which_only_forged_notices_came_is_unpaid(waiting: str, wechat: WechatSimulator) -> None:
    for forgery in FORGERIES:
        assert told(posted(wechat, wechat.event(waiting), frozenset({forgery}))) == NOT_TAKEN
    assert status(waiting) == PLACED


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("trade_status", {"trade_state": "WHATEVER"}),
        ("amount", {"amount": {"total": 1, "payer_total": 1, "currency": "CNY"}}),
        ("order", {"out_trade_no": "20261128120000000NOBODYSAN"}),
    ],
)
def test_a_genuine_notice_that_fits_no_order_is_kept_for_a_person(
    check: str, changes: Event, waiting: str, wechat: WechatSimulator
) -> None:
    event = wechat.event(waiting)
    event["plain"] |= changes
    assert told(posted(wechat, event)) == NOT_TAKEN
    assert status(waiting) == PLACED
    named = changes.get("out_trade_no", waiting)
    kept = list(StrayNotification.query(f"STRAY#{named}"))
    assert [stray.check for stray in kept if stray.check == check] == [check]
    assert all(stray.attention for stray in kept)


def test_a_trade_that_the_order_never_began_is_kept_for_a_person(
    waiting: str, wechat: WechatSimulator
) -> None:
    event = wechat.event(waiting)
    event["plain"]["out_trade_no"] = purchases.stored(waiting).number
    assert told(posted(wechat, event)) == NOT_TAKEN
    assert status(waiting) == PLACED


def test_a_shop_without_an_account_at_wechat_takes_none(waiting: str, wechat: WechatSimulator) -> None:
    with selling_by(Gateways(payments={}, geetest=None)):
        assert told(posted(wechat, wechat.event(waiting))) == (404, "")


def test_the_log_tells_of_a_notice_without_its_secrets(
    paid: str, wechat: WechatSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    event = posted(wechat, wechat.event(paid))
    assert told(event) == TAKEN
    for secret in (event["headers"]["Wechatpay-Signature"], event["body"][:60], "openid"):
        assert secret not in caplog.text


@pytest.fixture
def refunded(paid: str, wechat: WechatSimulator) -> tuple[str, Event, Event]:
    """A trade that the merchant's console has refunded whole, and the notices of its payment and of its refund."""
    payment = wechat.event(paid)
    back = wechat.end_refund(wechat.refund(paid).out_refund_no, "SUCCESS")
    return paid, payment, wechat.event(paid, back)


@pytest.mark.parametrize("path", ["wechat", "wechat/refund"])
def test_notices_are_taken_in_any_order_and_by_either_path(
    path: str, refunded: tuple[str, Event, Event], wechat: WechatSimulator, gateway_server: GatewayServer
) -> None:
    """The refund is told first, the payment late, and both again."""
    number, payment, back = refunded
    for event in (back, payment, back, payment):
        assert wechat.send_event(f"{gateway_server.base_url}/trade/{path}", event).status == 204
        assert status(number) == REFUNDED
    order = purchases.stored(number)
    assert [each.refunded for each in refund_notice.list_all(order)] == [order.amount]
    assert purchases.happened(order.number).count("paid") == 1


def test_a_platform_certificate_is_believed_beside_the_public_key_while_a_merchant_changes_over(
    paid: str, wechat: WechatSimulator
) -> None:
    event = wechat.event(paid)
    certificate = platform_certificate()
    by_certificate = replace(
        wechat.merchant,
        platform_serial=certificate_serial(certificate),
        platform_key=platform_key(),
        signs_with_platform_key=True,
    )
    assert told(posted(wechat, event, merchant=by_certificate)) == NOT_TAKEN, (
        "the shop knows of no certificate"
    )
    settings = application.app.process.settings
    assert settings.wechat
    account = settings.wechat.changed(platform_certificate=certificate)
    with selling_by(open_gateways(settings.changed(wechat=account))):
        assert told(posted(wechat, event, merchant=by_certificate)) == TAKEN
        assert told(posted(wechat, event)) == TAKEN, "by the public key, too"
    assert status(paid) == PAID
