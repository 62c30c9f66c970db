"""The words of notices and returns: which fields Alipay sends when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from localstack.alipay import signing
from localstack.alipay.trades import BEIJING, TRADE_CLOSED, TRADE_SUCCESS, Refund, Trade, beijing, yuan

BUYER_ID = "2088722041956624"
BUYER_LOGON_ID = "138****6624"


@dataclass
class Merchant:
    """The merchant's application as registered at Alipay, and Alipay's own key. Both keys may be changed.

    ``notify_on`` lists the trade states that are told for trades without refunds; refunds are always told.
    """

    app_id: str
    seller_id: str
    seller_email: str
    app_public_key: RSAPublicKey
    alipay_private_key: RSAPrivateKey
    notify_on: frozenset[str] = frozenset({TRADE_SUCCESS, TRADE_CLOSED})

    def is_ours(self, text: str, signature: str) -> bool:
        """Whether the merchant's application signed this text."""
        return signing.is_signed(text, signature, self.app_public_key)

    def public_keys(self) -> dict[str, str]:
        """The app's public key, and that of Alipay, as PEM text."""
        alipay = self.alipay_private_key.public_key()
        return {
            "app_public_key": signing.public_pem(self.app_public_key),
            "alipay_public_key": signing.public_pem(alipay),
        }

    def sign(self, text: str, charset: str = "utf-8") -> str:
        """Alipay's signature of a text in this encoding."""
        return signing.sign(text, self.alipay_private_key, charset)

    def signed(self, fields: dict[str, str], charset: str = "utf-8") -> dict[str, str]:
        """A notice or return completed by ``sign_type`` and ``sign``; blank fields are signed and kept."""
        return {**fields, "sign_type": "RSA2", "sign": self.sign(signing.notice_text(fields), charset)}


def notice_fields(trade: Trade, refund: Refund | None, notify_id: str, merchant: Merchant) -> dict[str, str]:
    """The fields of one event, without ``notify_time`` and signature. ``body`` is there even when blank."""
    assert trade.trade_no and trade.status and trade.created_at
    fields = {
        "notify_type": "trade_status_sync",
        "notify_id": notify_id,
        "app_id": merchant.app_id,
        "auth_app_id": merchant.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "trade_status": trade.status,
        "total_amount": yuan(trade.amount),
        "subject": trade.subject,
        "body": trade.body,
        "buyer_id": BUYER_ID,
        "buyer_logon_id": BUYER_LOGON_ID,
        "seller_id": merchant.seller_id,
        "seller_email": merchant.seller_email,
        "gmt_create": beijing(trade.created_at),
    }
    if trade.passback_params:
        fields["passback_params"] = trade.passback_params
    if trade.paid_at:
        fields |= {
            "receipt_amount": yuan(trade.amount),
            "invoice_amount": yuan(trade.amount),
            "buyer_pay_amount": yuan(trade.amount),
            "point_amount": "0.00",
            "gmt_payment": beijing(trade.paid_at),
            "fund_bill_list": json.dumps(
                [{"amount": yuan(trade.amount), "fundChannel": "ALIPAYACCOUNT"}], separators=(",", ":")
            ),
        }
    if trade.closed_at:
        fields["gmt_close"] = beijing(trade.closed_at)
    if refund:
        fields |= {
            "refund_fee": yuan(refund.total),
            "gmt_refund": _with_fraction(refund.refunded_at),
            "out_biz_no": refund.out_request_no,
        }
    return fields


def return_fields(trade: Trade, now: datetime, merchant: Merchant) -> dict[str, str]:
    """The signed parameters with which the browser comes back after paying. There is no ``trade_status``."""
    assert trade.trade_no
    return merchant.signed(
        {
            "charset": "utf-8",
            "out_trade_no": trade.out_trade_no,
            "method": "alipay.trade.page.pay.return",
            "total_amount": yuan(trade.amount),
            "trade_no": trade.trade_no,
            "auth_app_id": merchant.app_id,
            "version": "1.0",
            "app_id": merchant.app_id,
            "seller_id": merchant.seller_id,
            "timestamp": beijing(now),
        }
    )


def _with_fraction(moment: datetime) -> str:
    return beijing(moment) + f".{moment.astimezone(BEIJING).microsecond // 1000:03d}"
