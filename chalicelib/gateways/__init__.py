"""Third parties, one class each. A flow gets them as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from chalicelib.gateways.payments import NotSetUp, PaymentProvider
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.gateways.geetest import Geetest
    from chalicelib.gateways.polyv import Polyv
    from chalicelib.gateways.post import MailSender
    from chalicelib.gateways.sms import Sms
    from chalicelib.gateways.wechat import Wechat, WechatLogin


class Gateways(Struct, frozen=True):
    """All third parties of the shop: payment providers by name; `geetest` is None where the captcha is off.

    `wechat` is that payment provider once more, whose trades its buyers begin in ways of its own; None without an
    account. `wechat_login` tells who pays within WeChat; None without a secret for that. `polyv` keeps the videos; None
    without an account. `sms` and `mail` are None where the shop sends none.
    """

    payments: Mapping[str, PaymentProvider]
    geetest: Geetest | None
    wechat: Wechat | None = None
    wechat_login: WechatLogin | None = None
    polyv: Polyv | None = None
    sms: Sms | None = None
    mail: MailSender | None = None

    def of(self, provider: str) -> PaymentProvider:
        """The payment provider of this name; `NotSetUp` for one without an account."""
        return self.payments.get(provider) or NotSetUp(provider)

    def has(self, provider: str) -> bool:
        """Whether the payment provider of this name is set up."""
        return provider in self.payments

    def offered(self) -> list[str]:
        """The names of the payment providers that are set up, the one first that is taken where none is named."""
        return list(self.payments)


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
    wechat, login = _open_wechat(settings)
    if wechat:
        payments[wechat.name] = wechat
    captcha = None
    if geetest := settings.geetest:
        from chalicelib.gateways.geetest import Geetest

        captcha = Geetest(geetest.version, geetest.captcha_id, geetest.key, geetest.api_url)
    return Gateways(payments, captcha, wechat, login, _open_polyv(settings), *_open_post(settings))


def _open_polyv(settings: Settings) -> Polyv | None:
    account = settings.polyv
    if account is None:
        return None
    from chalicelib.gateways.polyv import Polyv, player_of

    player = account.player_url or player_of(account.api_url)
    return Polyv(account.user_id, account.secret_key, account.api_url, player)


def _open_post(settings: Settings) -> tuple[Sms | None, MailSender | None]:
    sms: Sms | None = None
    mail: MailSender | None = None
    if settings.sms:
        from chalicelib.gateways.sms import Sms

        sms = Sms(settings.sms)
    if settings.mail:
        from chalicelib.gateways.mail import open_mail

        mail = open_mail(settings.mail)
    return sms, mail


def _open_wechat(settings: Settings) -> tuple[Wechat | None, WechatLogin | None]:
    account = settings.wechat
    if account is None:
        return None, None
    from chalicelib.gateways.wechat import Wechat, WechatLogin

    wechat = Wechat(
        account,
        trade_url=lambda: f"{settings.api_url}/trade/{Wechat.name}",
        refund_url=lambda: f"{settings.api_url}/trade/{Wechat.name}/refund",
        page_url=lambda number: settings.pay_address(Wechat.name, number),
    )
    if not account.has("app_secret") or not account.app_secret:
        return wechat, None
    return wechat, WechatLogin(account.app_id, account.app_secret, account.open_url, account.login_url)
