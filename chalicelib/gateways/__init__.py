"""Third parties, one class each. A flow gets them as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.gateways.payments import NotSetUp, PaymentProvider
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.gateways.geetest import Geetest


@dataclass(frozen=True)
class Gateways:
    """All third parties of the shop: payment providers by name; `geetest` is None where the captcha is off."""

    payments: Mapping[str, PaymentProvider]
    geetest: Geetest | None

    def of(self, provider: str) -> PaymentProvider:
        """The payment provider of this name; `NotSetUp` for one without an account."""
        return self.payments.get(provider) or NotSetUp(provider)

    def has(self, provider: str) -> bool:
        """Whether the payment provider of this name is set up."""
        return provider in self.payments


def open_gateways(settings: Settings) -> Gateways:
    """The third parties of the settings. Loads nothing before its first use."""
    payments: dict[str, PaymentProvider] = {}
    if alipay := settings.alipay:
        from chalicelib.gateways.alipay import Alipay

        payments[Alipay.name] = Alipay(
            alipay,
            trade_url=lambda: f"{settings.api_url}/trade/{Alipay.name}/",
            leave_url=settings.result_address,
        )
    captcha = None
    if geetest := settings.geetest:
        from chalicelib.gateways.geetest import Geetest

        captcha = Geetest(geetest.version, geetest.captcha_id, geetest.key, geetest.api_url)
    return Gateways(payments, captcha)
