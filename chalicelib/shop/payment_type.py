"""How orders are paid: by a payment provider, or without money."""

from __future__ import annotations

from enum import StrEnum

ALIPAY, WECHAT, UNIONPAY = "alipay", "wechat", "unionpay"
"""Payment providers; `unionpay` occurs in orders of the old system only."""
BELI, COUPON, FREE = "beli", "coupon", "free"
"""Nothing is due in money: beli were spent; else coupons were; else it costs nothing."""

PAYMENT_NAMES = {
    ALIPAY: "支付宝",
    WECHAT: "微信",
    UNIONPAY: "银联",
    BELI: "贝里",
    COUPON: "优惠码",
    FREE: "免费",
}
"""Payment type -> the document's text."""

PROVIDERS = frozenset({ALIPAY, WECHAT})
"""The payment providers by which a shop can take and return money, if it has an account there; each has a file or a
folder of this name in `gateways/`.
"""
DEFAULT_PROVIDER = ALIPAY
"""The provider by which new orders are paid."""
OWN_PAGES = frozenset({WECHAT})
"""Those by which an order is paid on a page of the shop's own, by one of several ways: each begins a trade."""
FIRST_PROVIDER = ALIPAY
"""The provider of stored items that name none: they are of the time when there was no other."""


class Way(StrEnum):
    """A way to pay by WeChat Pay, which wants a trade of its own for each."""

    NATIVE = "native"
    """A QR code, to be scanned with a phone."""
    H5 = "h5"
    """From a phone's browser into the app."""
    JSAPI = "jsapi"
    """Within WeChat's own browser."""
