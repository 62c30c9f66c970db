"""What the simulator knows: trades and refunds; money and time as WeChat Pay writes them.

Amounts are integer fen. Times are aware UTC datetimes inside and Beijing time wherever WeChat Pay writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))

NATIVE, H5, JSAPI = "NATIVE", "MWEB", "JSAPI"
"""Ways to pay, as ``trade_type`` says them."""
NOTPAY, SUCCESS, REFUND, CLOSED = "NOTPAY", "SUCCESS", "REFUND", "CLOSED"
PROCESSING, ABNORMAL = "PROCESSING", "ABNORMAL"

MESSAGES = {
    "PARAM_ERROR": (400, "参数错误"),
    "INVALID_REQUEST": (400, "无效请求"),
    "APPID_MCHID_NOT_MATCH": (400, "AppID和mch_id不匹配"),
    "ORDERPAID": (400, "该订单已支付"),
    "ORDER_CLOSED": (400, "该订单已关闭"),
    "NO_STATEMENT_EXIST": (400, "账单文件不存在"),
    "STATEMENT_CREATING": (400, "账单生成中"),
    "SIGN_ERROR": (401, "错误的签名，导致验签失败"),
    "OUT_TRADE_NO_USED": (403, "商户订单号重复"),
    "NOT_ENOUGH": (403, "余额不足"),
    "NO_AUTH": (403, "商户无权限"),
    "ORDER_NOT_EXIST": (404, "订单不存在"),
    "RESOURCE_NOT_EXISTS": (404, "退款单不存在"),
    "NOT_FOUND": (404, "请求的资源不存在"),
    "FREQUENCY_LIMITED": (429, "频率限制"),
    "SYSTEM_ERROR": (500, "系统异常，请稍后重试"),
}


class Refused(Exception):
    """A refusal, with WeChat Pay's status, code and Chinese explanation."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.status, message = MESSAGES[code]
        self.message = message + (f"：{detail}" if detail else "")
        super().__init__(f"{code} {self.message}")


@dataclass(frozen=True)
class OrderRequest:
    """A valid order: what was asked for under one number, by one way to pay."""

    out_trade_no: str
    trade_type: str
    amount: int
    description: str
    attach: str
    notify_url: str
    openid: str
    expires_at: datetime


@dataclass(frozen=True)
class Trade:
    """An order of WeChat Pay. ``state`` is NOTPAY, SUCCESS, REFUND or CLOSED. The code, address or number by which it
    is paid ends with ``token``. It is not closed by time: after ``expires_at`` it just cannot be paid any more.
    """

    out_trade_no: str
    token: str
    trade_type: str
    amount: int
    description: str
    attach: str
    notify_url: str
    openid: str
    asked_at: datetime
    expires_at: datetime
    state: str = NOTPAY
    transaction_id: str | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    refunded: int = 0

    def is_payable(self, now: datetime) -> bool:
        """Whether the buyer can still pay."""
        return self.state == NOTPAY and now < self.expires_at

    @property
    def refundable(self) -> int:
        """What may still be given back, in fen; what is under way counts as given."""
        return self.amount - self.refunded if self.state in (SUCCESS, REFUND) else 0


@dataclass(frozen=True)
class Refund:
    """Money given back under a request number. ``status`` is PROCESSING, SUCCESS, CLOSED or ABNORMAL."""

    out_trade_no: str
    out_refund_no: str
    refund_id: str
    amount: int
    reason: str
    notify_url: str
    created_at: datetime
    status: str = PROCESSING
    ended_at: datetime | None = None


def yuan(fen: int) -> str:
    """Fen as yuan text with two decimals."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int:
    """Yuan text with at most two decimals as fen. Raises ValueError."""
    whole, _, part = text.partition(".")
    if not (
        whole.isascii() and whole.isdigit() and len(whole) <= 8 and len(part) <= 2 and (part or "0").isdigit()
    ):
        raise ValueError("not an amount in yuan with two decimals")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def rfc3339(moment: datetime) -> str:
    """A moment as WeChat Pay writes it in JSON: ``2026-11-28T14:00:00+08:00``."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def beijing(moment: datetime) -> str:
    """A moment as WeChat Pay writes it in bills."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
