"""The words of notices, and how WeChat Pay posts one: signed JSON with an encrypted resource."""

from __future__ import annotations

import functools
import json
from datetime import datetime, timedelta
from typing import Any

from localstack.provider.book import Due
from localstack.provider.courier import Letter
from localstack.provider.keys import generate_keys, load_private_key
from localstack.wechat.bad_days import NOTICE_CONTENT, OTHER_APP_ID, OTHER_MERCHANT_ID
from localstack.wechat.signing import Merchant
from localstack.wechat.trades import CLOSED, REFUND, SUCCESS, Refund, Trade, rfc3339

_STATES = {"NOTPAY": "订单未支付", CLOSED: "订单已关闭", SUCCESS: "支付成功", REFUND: "转入退款"}
_STALE = timedelta(minutes=6)


def trade_members(trade: Trade, merchant: Merchant) -> dict[str, Any]:
    """A trade as queries answer it and notices tell it."""
    members: dict[str, Any] = {
        "mchid": merchant.merchant_id,
        "appid": merchant.app_id,
        "out_trade_no": trade.out_trade_no,
        "trade_state": trade.state,
        "trade_state_desc": _STATES[trade.state],
        "attach": trade.attach,
    }
    if trade.paid_at:
        members |= {
            "transaction_id": trade.transaction_id,
            "trade_type": trade.trade_type,
            "bank_type": "OTHERS",
            "success_time": rfc3339(trade.paid_at),
            "payer": {"openid": trade.openid},
            "amount": {
                "total": trade.amount,
                "payer_total": trade.amount,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return members


def payment_event(trade: Trade, merchant: Merchant) -> dict[str, Any]:
    """What is told of a payment: the kind of the event, and its resource before encryption."""
    return {
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "original_type": "transaction",
        "plain": trade_members(trade, merchant),
    }


def refund_event(trade: Trade, refund: Refund, merchant: Merchant) -> dict[str, Any]:
    """What is told of the end of a refund. It names neither app nor currency."""
    plain = {
        "mchid": merchant.merchant_id,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "refund_status": refund.status,
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": trade.amount,
            "refund": refund.amount,
            "payer_total": trade.amount,
            "payer_refund": refund.amount,
        },
    }
    if refund.status == SUCCESS and refund.ended_at:
        plain["success_time"] = rfc3339(refund.ended_at)
    summary = {SUCCESS: "退款成功", CLOSED: "退款关闭"}.get(refund.status, "退款异常")
    return {
        "event_type": f"REFUND.{refund.status}",
        "summary": summary,
        "original_type": "refund",
        "plain": plain,
    }


class NoticeWriter:
    """Writes the notices of a merchant: encrypted once more and signed anew at each delivery."""

    spoiled_by = NOTICE_CONTENT

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant

    def write(self, due: Due, now: datetime, struck: frozenset[str]) -> Letter:
        """A notice signed now, with all that struck it."""
        return self.letter(due.notify_id, due.fields, now, struck)

    def letter(
        self, notify_id: str, event: dict[str, Any], now: datetime, struck: frozenset[str] = frozenset()
    ) -> Letter:
        """An event (as of `payment_event`, with its ``create_time``) as it is posted."""
        merchant = self._merchant
        plain = _spoiled(event["plain"], struck)
        kind = event["original_type"]
        sealer = merchant
        if "notice_wrong_key" in struck:
            sealer = _with_other_secret(merchant)
        body = json.dumps(
            {
                "id": notify_id,
                "create_time": event["create_time"],
                "resource_type": "encrypt-resource",
                "event_type": event["event_type"],
                "summary": event["summary"],
                "resource": sealer.sealed(json.dumps(plain, ensure_ascii=False), kind),
            },
            ensure_ascii=False,
        )
        signed_at = now - _STALE if "notice_stale" in struck else now
        stranger = load_private_key(foreign_key()) if "notice_wrong_signature" in struck else None
        headers = merchant.signed(body, signed_at, stranger)
        if "notice_signtest" in struck:
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"][19:]
        if "notice_wrong_serial" in struck:
            headers["Wechatpay-Serial"] = "0123456789ABCDEF0123456789ABCDEF01234567"
        headers |= {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0", "Accept": "*/*"}
        return Letter(body.encode(), headers)

    def is_taken(self, status: int, answer: bytes) -> bool:
        """Whether the merchant has taken the notice: the status counts, whatever the body says."""
        return status in (200, 204)


@functools.cache
def foreign_key() -> str:
    """A private key that is not WeChat Pay's."""
    return generate_keys().private_pem


def _with_other_secret(merchant: Merchant) -> Merchant:
    other = Merchant(**vars(merchant))
    other.api_v3_key = b"another merchant's APIv3 key 32b"
    return other


def _spoiled(plain: dict[str, Any], struck: frozenset[str]) -> dict[str, Any]:
    if not struck:
        return plain
    told = dict(plain)
    amount = dict(told["amount"])
    if "notice_wrong_amount" in struck:
        amount["total"] += 1
    if "notice_wrong_currency" in struck:
        amount["currency"] = "USD"
    told["amount"] = amount
    if "notice_wrong_app" in struck and "appid" in told:
        told["appid"] = OTHER_APP_ID
    if "notice_wrong_merchant" in struck:
        told["mchid"] = OTHER_MERCHANT_ID
    return told
