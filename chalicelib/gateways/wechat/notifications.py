"""What WeChat Pay tells by itself: payments, and what becomes of refunds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.errors import NotificationRefused
from chalicelib.gateways.payments import MAX_NOTIFICATION_BYTES, Notification, Told
from chalicelib.gateways.wechat import signing
from chalicelib.gateways.wechat.account import Keys
from chalicelib.gateways.wechat.client import NAME, fen, moment
from chalicelib.gateways.wechat.numbers import checked
from chalicelib.money import Fen
from chalicelib.settings import WechatSettings

TELLS_TOTALS = False
"""A notification tells of one refund, by its own amount."""
_REFUND = "REFUND."
_LONGEST = 64


def parse(
    account: WechatSettings, keys: Keys, headers: Mapping[str, str], body: bytes, now: datetime
) -> Notification:
    """Read and check a notification's raw body, in this order: size, serial, time, signature, form, encryption,
    merchant, app, currency. No call. Raises NotificationRefused.

    A notification of a refund names no app and no currency; that it is of one of our trades, its amount and its
    request are for the caller to check.
    """
    if len(body) > MAX_NOTIFICATION_BYTES:
        raise NotificationRefused(check="size")
    try:
        signing.verify(keys, headers, body, now)
        event = _object(body)
        resource = event["resource"]
        if event.get("resource_type") != "encrypt-resource" or resource["algorithm"] != "AEAD_AES_256_GCM":
            raise NotificationRefused(check="algorithm")
        plain = signing.decrypt(
            keys.secret, resource["nonce"], resource.get("associated_data") or "", resource["ciphertext"]
        )
        told_of = _object(plain)
        if told_of.get("mchid") != account.merchant_id:
            raise NotificationRefused(check="mchid")
        notify_id, event_type = _text(event["id"]), _text(event["event_type"])
        if event_type.startswith(_REFUND):
            return _of_refund(notify_id, told_of)
        if told_of.get("appid") != account.app_id:
            raise NotificationRefused(check="appid")
        return _of_payment(notify_id, told_of)
    except signing.NotVerified as error:
        raise NotificationRefused(check=error.check) from error
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotificationRefused(check="fields") from error


def told(word: str, amount: Fen, refunded: Fen) -> Told:
    """The event of a `trade_state`, or of `REFUND.` and a `refund_status`."""
    match word:
        case "SUCCESS" | "REFUND":
            return Told.RECEIVED
        case "NOTPAY" | "USERPAYING" | "REFUND.PROCESSING":
            return Told.WAITING
        case "CLOSED" | "REVOKED":
            return Told.CLOSED
        case "REFUND.SUCCESS":
            return Told.REFUNDED_WHOLE if refunded == amount else Told.REFUNDED_IN_PART
        case "REFUND.ABNORMAL":
            return Told.REFUND_STUCK
        case "REFUND.CLOSED":
            return Told.REFUND_CLOSED
        case _:
            return Told.UNHEARD


def _of_payment(notify_id: str, trade: Mapping[str, Any]) -> Notification:
    amount = fen(trade["amount"]["total"])
    if trade["amount"]["currency"] != "CNY":
        raise NotificationRefused(check="currency")
    word = _text(trade["trade_state"])
    return Notification(
        provider=NAME,
        notify_id=notify_id,
        number=checked(trade["out_trade_no"]),
        trade_no=checked(trade["transaction_id"]),
        word=word,
        told=told(word, amount, 0),
        amount=amount,
        paid_at=moment(trade.get("success_time")),
        refunded=0,
        request_no=None,
        is_total=TELLS_TOTALS,
    )


def _of_refund(notify_id: str, refund: Mapping[str, Any]) -> Notification:
    amount, refunded = fen(refund["amount"]["total"]), fen(refund["amount"]["refund"])
    word = _REFUND + _text(refund["refund_status"])
    return Notification(
        provider=NAME,
        notify_id=notify_id,
        number=checked(refund["out_trade_no"]),
        trade_no=checked(refund["transaction_id"]),
        word=word,
        told=told(word, amount, refunded),
        amount=amount,
        paid_at=None,  # its time is the refund's
        refunded=refunded,
        request_no=_text(refund["out_refund_no"]),
        is_total=TELLS_TOTALS,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST:
        raise ValueError("text")
    return value


def _object(text: bytes) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
