"""What the simulator knows: trades and refunds; money and time as Alipay writes them.

Amounts are integer fen. Times are aware UTC datetimes inside and Beijing time wherever Alipay writes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))

WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
TRADE_SUCCESS = "TRADE_SUCCESS"
TRADE_CLOSED = "TRADE_CLOSED"

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")

SUB_MESSAGES = {
    "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "请求信息不一致",
    "ACQ.INVALID_PARAMETER": "参数无效",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额与交易金额不一致",
    "ACQ.SYSTEM_ERROR": "系统错误",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
    "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_NOT_EXIST": "交易不存在",
    "ACQ.TRADE_STATUS_ERROR": "交易状态不合法",
    "NO_BILL_DATA": "商户在请求的账单时间内没有发生当前账单类型的业务",
    "QR_CODE_EXPIRED": "二维码已过期",
    "UNKNOWN_ERROR": "未知错误",
    "isp.bill_not_exist": "账单不存在",
    "isv.invalid_arguments": "入参不合法",
}


class Refused(Exception):
    """A business refusal, with Alipay's sub code and its Chinese explanation.

    ``QR_CODE_EXPIRED`` is the only code of our own: it is what a buyer sees who comes too late, not an answer
    of the gateway.
    """

    def __init__(self, sub_code: str, detail: str = "") -> None:
        self.sub_code = sub_code
        self.sub_msg = SUB_MESSAGES[sub_code] + (f"：{detail}" if detail else "")
        super().__init__(f"{sub_code} {self.sub_msg}")


@dataclass(frozen=True)
class PaymentRequest:
    """A valid alipay.trade.page.pay. ``relative_expiry``: the time-out counts from the first request."""

    out_trade_no: str
    amount: int
    subject: str
    body: str
    passback_params: str
    notify_url: str
    return_url: str
    request_from_url: str
    expires_at: datetime
    relative_expiry: bool


@dataclass(frozen=True)
class Trade:
    """A payment that was asked for.

    It is a trade of Alipay's, with ``trade_no`` and ``status``, only once the buyer has scanned the code or
    logged in; until then both are None.
    """

    out_trade_no: str
    token: str
    amount: int
    subject: str
    body: str
    passback_params: str
    notify_url: str
    return_url: str
    request_from_url: str
    asked_at: datetime
    expires_at: datetime
    trade_no: str | None = None
    status: str | None = None
    created_at: datetime | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    refunded: int = 0

    def is_payable(self, now: datetime) -> bool:
        """Whether the buyer can still pay."""
        return self.status in (None, WAIT_BUYER_PAY) and now < self.expires_at

    @property
    def refundable(self) -> int:
        """What may still be given back, in fen."""
        return self.amount - self.refunded if self.status == TRADE_SUCCESS else 0


@dataclass(frozen=True)
class Refund:
    """Money given back once under a request number; ``total`` is the running total of the trade after it."""

    out_trade_no: str
    out_request_no: str
    amount: int
    total: int
    reason: str
    refunded_at: datetime


def service_fee(amount: int) -> int:
    """What Alipay keeps of an amount: 0.6%, rounded half up to the fen."""
    return (amount * 6 + 500) // 1000


@dataclass(frozen=True)
class Movement:
    """Money that came by a payment, or went by a refund."""

    trade: Trade
    refund: Refund | None = None

    @property
    def at(self) -> datetime:
        """When it moved."""
        moment = self.refund.refunded_at if self.refund else self.trade.paid_at
        assert moment
        return moment

    @property
    def amount(self) -> int:
        """What the merchant received, in fen; what it gave back is negative."""
        return -self.refund.amount if self.refund else self.trade.amount

    @property
    def fee(self) -> int:
        """What Alipay kept is negative, what a refund brought back of it is not. A full refund brings back all."""
        if not self.refund:
            return -service_fee(self.trade.amount)
        left_before = self.trade.amount - self.refund.total + self.refund.amount
        return service_fee(left_before) - service_fee(left_before - self.refund.amount)


def yuan(fen: int) -> str:
    """Fen as yuan text with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int:
    """Yuan text, at most two decimals, from 0.01 to 100000000, as fen. Raises ValueError."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError("not an amount in yuan with two decimals")
    whole, _, part = text.partition(".")
    amount = int(whole) * 100 + int(part.ljust(2, "0"))
    if not 1 <= amount <= 100_000_000_00:
        raise ValueError("amounts go from 0.01 to 100000000")
    return amount


def beijing(moment: datetime) -> str:
    """A moment as Alipay writes it."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def from_beijing(text: str) -> datetime:
    """The moment of a ``yyyy-MM-dd HH:mm:ss`` text in Beijing time. Raises ValueError."""
    if not _TIME.fullmatch(text):
        raise ValueError("not a time of the form yyyy-MM-dd HH:mm:ss")
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
