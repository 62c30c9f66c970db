"""Alipay, a payment provider."""

from chalicelib.gateways.alipay.trades import Alipay, subject

__all__ = ["Alipay", "subject"]
