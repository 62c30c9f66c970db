"""WeChat Pay, API v3: one file for each of its parts. Its words stay in this folder."""

from chalicelib.gateways.wechat.login import WechatLogin
from chalicelib.gateways.wechat.trades import Wechat

__all__ = ["Wechat", "WechatLogin"]
