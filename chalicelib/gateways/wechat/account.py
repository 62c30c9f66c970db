"""The merchant's account at WeChat Pay, and its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from Cryptodome.PublicKey.RSA import RsaKey

from chalicelib.errors import InvalidSetting
from chalicelib.gateways import rsa

_KEY_BYTES = 32


@dataclass(frozen=True)
class WechatAccount:
    """What WeChat Pay and the merchant know each other by.

    Keys are the base64 of their DER. `merchant_serial` is the serial number of the merchant's API certificate.
    `platform_certificate` may be empty: it is accepted beside the public key, for a merchant that changes over.
    """

    app_id: str
    merchant_id: str
    merchant_serial: str
    merchant_private_key: str = field(repr=False)
    public_key_id: str
    public_key: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    gateway_url: str
    platform_certificate: str = field(default="", repr=False)


class Keys:
    """The keys of an account. Each is read at its first use, and raises InvalidSetting if it is wrong."""

    def __init__(self, account: WechatAccount) -> None:
        self._account = account

    @cached_property
    def signing(self) -> RsaKey:
        """The merchant's private key."""
        name = "WECHAT_MCH_PRIVATE_KEY"
        key = _read(self._account.merchant_private_key, name, "an RSA private key")
        if not key.has_private():
            raise InvalidSetting(name=name, expected="a private key, this is a public one")
        return key

    @cached_property
    def by_serial(self) -> Mapping[str, RsaKey]:
        """The keys with which WeChat Pay may sign, by what it calls them in `Wechatpay-Serial`."""
        account = self._account
        if not account.public_key_id.startswith("PUB_KEY_ID_"):
            raise InvalidSetting(name="WECHAT_PUBLIC_KEY_ID", expected="an id that begins with PUB_KEY_ID_")
        public = _read(account.public_key, "WECHAT_PUBLIC_KEY", "an RSA public key")
        if public.has_private():
            raise InvalidSetting(name="WECHAT_PUBLIC_KEY", expected="a public key, this is a private one")
        keys = {account.public_key_id: public}
        if account.platform_certificate:
            name, expected = "WECHAT_PLATFORM_CERTIFICATE", "an X.509 certificate with an RSA key"
            try:
                serial = rsa.certificate_serial(account.platform_certificate)
            except ValueError as error:
                raise InvalidSetting(name=name, expected=expected) from error
            keys[serial] = _read(account.platform_certificate, name, expected)
        return keys

    @cached_property
    def secret(self) -> bytes:
        """The APIv3 key, by which notifications are encrypted."""
        key = self._account.api_v3_key.encode()
        if len(key) != _KEY_BYTES:
            raise InvalidSetting(name="WECHAT_API_V3_KEY", expected=f"{_KEY_BYTES} characters")
        return key

    def check(self) -> None:
        """Load all keys. Raises InvalidSetting."""
        own = self.signing.n
        if any(key.n == own for key in self.by_serial.values()):
            raise InvalidSetting(
                name="WECHAT_PUBLIC_KEY", expected="WeChat Pay's public key, not the merchant's own"
            )
        assert self.secret


def _read(text: str, name: str, expected: str) -> RsaKey:
    try:
        return rsa.read_key(text)
    except ValueError as error:
        raise InvalidSetting(name=name, expected=expected) from error
