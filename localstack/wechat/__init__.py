"""A simulator of WeChat Pay's API v3, its cashier and WeChat's authorisation: the real protocol, throwaway keys, no
money.

``python -m localstack.wechat`` runs it on its own; tests start `WechatSimulator` in their own process. It shares no
code with the shop, so each of them checks the other.
"""

from localstack.wechat.simulator import WechatSimulator
from localstack.wechat.trades import Refund, Refused, Trade

__all__ = ["Refund", "Refused", "Trade", "WechatSimulator"]
