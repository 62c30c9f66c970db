"""The words of an order's history: what happened, and by what cause."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct
from pynamodb.attributes import Attribute
from pynamodb.constants import STRING


class What(StrEnum):
    """What happened to an order, as it is stored."""

    PLACED = "placed"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REOPENED = "reopened"
    REFUND_REQUESTED = "refund requested"
    REFUND_APPROVED = "refund approved"
    REFUND_REFUSED = "refund refused"
    REFUND_WITHDRAWN = "refund withdrawn"
    REFUND_TRIED_AGAIN = "refund tried again"
    LINES_REFUNDED = "lines refunded"
    REFUNDED = "refunded"
    REFUND_REPORTED = "refund reported"
    LATE_PAYMENT = "late payment"
    LATE_PAYMENT_REFUNDED = "late payment refunded"
    DUPLICATE_PAYMENT = "surplus payment"
    DUPLICATE_PAYMENT_REFUNDED = "surplus payment refunded"
    IMPORTED = "imported"
    IDENTIFIED = "trade identified"
    PROBLEM_RESOLVED = "trouble settled"
    PAYMENT_BEGUN = "payment begun"
    PROVIDER_CHANGED = "provider changed"


EVENT_TEXTS = {
    What.PLACED: "订单已提交",
    What.PAID: "支付成功，课程已开通",
    What.CANCELLED: "订单已取消，优惠券和贝里已退回",
    What.EXPIRED: "订单超时关闭，优惠券和贝里已退回",
    What.REOPENED: "订单关闭后收到付款，课程已开通",
    What.REFUND_REQUESTED: "已申请退费，课程暂停学习",
    What.REFUND_APPROVED: "退费申请已通过，正在退款",
    What.REFUND_REFUSED: "退费申请未通过，课程恢复学习",
    What.REFUND_WITHDRAWN: "已撤回退费申请，课程恢复学习",
    What.REFUND_TRIED_AGAIN: "正在重新退款",
    What.LINES_REFUNDED: "部分课程已退费",
    What.REFUNDED: "订单已退费，课程已关闭",
    What.REFUND_REPORTED: "支付平台已退款",
    What.LATE_PAYMENT: "订单关闭后收到付款，款项将原路退回",
    What.LATE_PAYMENT_REFUNDED: "订单关闭后收到的付款已退回",
    What.DUPLICATE_PAYMENT: "收到重复付款，款项将原路退回",
    What.DUPLICATE_PAYMENT_REFUNDED: "重复付款已退回",
    What.IMPORTED: "由旧系统导入",
    What.IDENTIFIED: "支付平台已确认交易号",
    What.PROBLEM_RESOLVED: "学校已人工处理该订单",
    What.PAYMENT_BEGUN: "已打开支付页面",
    What.PROVIDER_CHANGED: "支付方式已更改",
}
"""What happened -> what a learner reads of it."""


class By(StrEnum):
    """Who or what caused a change."""

    LEARNER = "learner"
    OPERATOR = "operator"
    NOTIFICATION = "notification"
    QUERY = "query"
    PROVIDER = "provider"
    BILL = "bill"
    CLOCK = "clock"
    SHOP = "shop"
    IMPORT = "import"


class Cause(Struct, frozen=True):
    """Who or what caused a change; `detail` tells which: a notification's id, an operator's name."""

    by: By
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.by} {self.detail}" if self.detail else str(self.by)

    @staticmethod
    def read(text: str) -> Cause:
        """Parse a cause. One of an earlier version that names nobody is the shop's, with its text as detail."""
        by, _, detail = text.partition(" ")
        try:
            return Cause(By(by.removesuffix(",")), detail)
        except ValueError:
            return Cause(By.SHOP, text)


class CauseAttribute(Attribute[Cause]):
    """A cause, stored as its text."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        if not isinstance(value, Cause):
            raise TypeError(f"{self.attr_name} takes a Cause")
        return str(value)

    def deserialize(self, value: str) -> Cause:
        return Cause.read(value)
